//! A network that loses, doubles, delays and reorders packets, and the agenda of everything that is yet to happen.

use std::collections::BTreeMap;
use std::time::Duration;

use jaguar_migration::random::Random;
use jaguar_migration::time::Time;

use crate::options::Options;

/// Events in the order of their times; equal times in the order in which they were planned.
#[derive(Debug)]
pub struct Agenda<E> {
    events: BTreeMap<(Duration, u64), E>,
    planned: u64,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self {
            events: BTreeMap::new(),
            planned: 0,
        }
    }
}

impl<E> Agenda<E> {
    /// Plans an event.
    pub fn plan(&mut self, at: Time, event: E) {
        self.events.insert((at.0, self.planned), event);
        self.planned += 1;
    }

    /// The next event and its time.
    pub fn take_next(&mut self) -> Option<(Time, E)> {
        self.events.pop_first().map(|((at, _), event)| (Time(at), event))
    }
}

/// The fates of packets.
#[derive(Debug)]
pub struct Network {
    random: Random,
    loss: f64,
    duplication: f64,
    delay: Duration,
}

impl Network {
    /// The network of a run.
    pub fn new(options: &Options) -> Self {
        let random = Random::stream(options.seed, 1);
        Self {
            random,
            loss: options.loss,
            duplication: options.duplication,
            delay: options.delay,
        }
    }

    /// From now on everything arrives once, and soon.
    pub fn heal(&mut self) {
        self.loss = 0.0;
        self.duplication = 0.0;
        self.delay = Duration::from_millis(1);
    }

    /// When the copies of a packet that is sent now arrive.
    pub fn deliver(&mut self, now: Time) -> Vec<Time> {
        let copies = match self.random.next_unit() {
            draw if draw < self.loss => 0,
            draw if draw < self.loss + self.duplication => 2,
            _ => 1,
        };
        let mut arrival = || now + self.delay.mul_f64(self.random.next_unit()) + Duration::from_micros(20);
        (0..copies).map(|_| arrival()).collect()
    }
}
