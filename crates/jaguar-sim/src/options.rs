//! What a run is like, drawn from its seed: each run stresses other things than the next.

use std::time::Duration;

use jaguar_migration::random::Random;

/// The swarm's choices for one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The seed, of which every random part has a stream of its own.
    pub seed: u64,
    /// Ticks to simulate.
    pub ticks: u64,
    /// Bodies at the start.
    pub bodies: u64,
    /// Pods that join at the start, beside the founder.
    pub joins: u64,
    /// Joins, drains, successions and rebalances while it runs.
    pub churn: u64,
    /// Clients' commands while it runs.
    pub commands: u64,
    /// Changes of the world's settings while it runs.
    pub tunings: u64,
    /// Snapshots while it runs.
    pub snapshots: u64,
    /// Whether all tiles change their owners in every entry.
    pub shuffle: bool,
    /// Bodies per split and step of a rebalance.
    pub batch: u32,
    /// Ticks a second, or as fast as possible.
    pub rate_hz: Option<f64>,
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// Share of packets that arrive twice, 0 to 1.
    pub duplication: f64,
    /// Longest delay of a packet.
    pub delay: Duration,
}

impl Options {
    /// The options that belong to a seed.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random::stream(seed, 0);
        let mut sometimes = |share: f64, value: f64| if random.next_unit() < share { value } else { 0.0 };
        let (loss, duplication) = (sometimes(0.6, 0.15), sometimes(0.5, 0.2));
        let shuffle = sometimes(0.25, 1.0) > 0.0;
        let paced = sometimes(0.5, 1.0) > 0.0;
        Self {
            seed,
            ticks: 40 + random.next_below(80),
            bodies: 20 + random.next_below(120),
            joins: random.next_below(5),
            churn: random.next_below(8),
            commands: random.next_below(30),
            snapshots: Random::stream(seed, 5).next_below(4),
            shuffle,
            batch: 1 + random.next_below(60) as u32,
            rate_hz: paced.then_some(60.0),
            loss,
            duplication,
            delay: Duration::from_micros(50 + random.next_below(30_000)),
            tunings: random.next_below(6),
        }
    }
}
