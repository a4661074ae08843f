//! What the simulation thread measures of itself: the wall and the working time of each tick, the load, the tick rate.
//!
//! A tick's wall time begins when its entry is known and the one before it is done, and ends with its execution. Its working time is the part of it in which the
//! pod's state machine ran; the rest it waited for neighbours.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jaguar_core::World;
use jaguar_metrics::{DrainResult, LoadMeter, Metrics, TickRateMeter};
use jaguar_migration::action::Summary;
use jaguar_migration::id::{LogIndex, PodId};
use jaguar_migration::input::Rate;
use jaguar_migration::time::Time;

use crate::tuning::rate_hz;

/// Measures one pod.
pub(crate) struct Meter {
    metrics: Arc<Metrics>,
    load: LoadMeter,
    tick_rate: TickRateMeter,
    /// What a tick may take to be in real time.
    budget: Duration,
    /// The budget of a world that runs as fast as it can: the time that a tick simulates.
    simulated: Duration,
    /// When the entry that is executed now began; none while there is nothing to execute.
    began: Option<Time>,
    /// When the state machine ran last.
    last_call: Time,
    /// Time worked since the last tick.
    worked: Duration,
    /// Bodies handed over, by entry, of which it is not known yet that they have arrived.
    on_their_way: VecDeque<(LogIndex, u32)>,
    /// Whether [`Self::migrations_failed`]: a deadline that passes before the world halts counts nothing twice.
    failed: bool,
}

/// What there is to count about an entry that was executed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Executed {
    pub(crate) index: LogIndex,
    pub(crate) advanced: bool,
    pub(crate) handed_over: u32,
    /// Members that left with it, if it is this pod that counts them.
    pub(crate) left: u32,
}

impl Meter {
    pub(crate) fn new(metrics: Arc<Metrics>, rate: Rate, simulated_ticks_per_second: u32) -> Self {
        let simulated = Duration::from_secs(1) / simulated_ticks_per_second.max(1);
        let mut meter = Self {
            metrics,
            load: LoadMeter::default(),
            tick_rate: TickRateMeter::default(),
            budget: simulated,
            simulated,
            began: None,
            last_call: Time::ZERO,
            worked: Duration::ZERO,
            on_their_way: VecDeque::new(),
            failed: false,
        };
        meter.set_rate(rate);
        meter
    }

    /// The world has agreed on a pace.
    pub(crate) fn set_rate(&mut self, rate: Rate) {
        self.metrics.target_tick_rate.set(rate_hz(rate));
        self.budget = match rate {
            Rate::Hz(hz) => Duration::try_from_secs_f64(1.0 / hz).unwrap_or(self.simulated),
            Rate::Max => self.simulated,
        };
    }

    /// The state machine ran from `from` to `to`; now entries up to `sealed` are known.
    pub(crate) fn worked(&mut self, from: Time, to: Time, executed: LogIndex, sealed: LogIndex) {
        self.worked += to.since(from);
        self.last_call = from;
        if self.began.is_none() && executed < sealed {
            self.began = Some(from);
        }
    }

    /// An entry was executed. Returns the load.
    pub(crate) fn executed(&mut self, now: Time, entry: Executed, world: &World) -> f32 {
        self.metrics.log_index.set(entry.index.0 as f64);
        self.metrics
            .drains(DrainResult::Completed)
            .increment(u64::from(entry.left));
        if entry.handed_over > 0 {
            self.on_their_way.push_back((entry.index, entry.handed_over));
        }
        self.metrics.entity_count.set(world.len() as f64);
        let began = self.began.take();
        if entry.advanced {
            // A pod alone seals and executes an entry in one call.
            let wall = now.since(began.unwrap_or(self.last_call));
            self.load.record(self.budget, self.worked);
            self.tick_rate.tick(now.0);
            self.metrics.frame_time_ms.record(milliseconds(wall));
            self.metrics.physics_time_ms.record(milliseconds(self.worked));
            self.metrics
                .exchange_wait_time_ms
                .record(milliseconds(wall.saturating_sub(self.worked)));
            self.metrics.load.set(self.load.load());
            self.metrics.ghost_count.set(world.stats().ghosts as f64);
        }
        self.metrics.tick_rate.set(self.tick_rate.rate_hz(now.0));
        self.worked = Duration::ZERO;
        self.load.load() as f32
    }

    /// Nothing is executed for a while: the tick rate falls.
    pub(crate) fn idle(&mut self, now: Time) {
        self.metrics.tick_rate.set(self.tick_rate.rate_hz(now.0));
    }

    /// The whole world has executed an entry, so what this pod handed over in it has arrived.
    pub(crate) fn summarised(&mut self, summary: &Summary, me: PodId) {
        self.metrics.pods.set(summary.pods.len() as f64);
        if let Some(own) = summary.pods.iter().find(|report| report.pod == me) {
            self.metrics.owned_tiles.set(f64::from(own.tiles));
        }
        while let Some(&(_, bodies)) = self.on_their_way.front().filter(|(index, _)| *index <= summary.index) {
            self.metrics.migration_success.increment(u64::from(bodies));
            self.on_their_way.pop_front();
        }
    }

    pub(crate) fn coordinates(&self, does: bool) {
        self.metrics.coordinator.set(f64::from(u8::from(does)));
    }

    /// The world has stopped for good.
    pub(crate) fn halted(&mut self) {
        self.metrics.world_halted.set(1.0);
    }

    /// What is on its way arrives nowhere, or not in time: so many bodies in the entry that is executed now, and those of the entries that the world has not
    /// completed. A pod that `leaves` fails with everything that it `held`.
    pub(crate) fn migrations_failed(&mut self, under_way: u32, leaves: bool, held: usize) {
        if std::mem::replace(&mut self.failed, true) {
            return;
        }
        let sent = self.on_their_way.drain(..).map(|(_, bodies)| u64::from(bodies));
        let mut lost = sent.sum::<u64>() + u64::from(under_way);
        if leaves {
            self.metrics.drains(DrainResult::Failed).increment(1);
            lost += held as u64;
        }
        self.metrics.migration_failures.increment(lost);
    }

    /// The simulation stood still while its part of a snapshot was copied.
    pub(crate) fn copied(&self, time: Duration) {
        self.metrics.snapshot_copy_time_ms.set(milliseconds(time));
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.metrics.bytes_sent.increment(bytes as u64);
    }

    pub(crate) fn tick_rate_hz(&mut self, now: Time) -> f64 {
        self.tick_rate.rate_hz(now.0)
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_core::WorldConfig;
    use jaguar_metrics::Recorder;
    use jaguar_migration::id::Tick;

    fn expect(recorder: &Recorder, lines: &[&str]) {
        let text = recorder.render();
        for line in lines {
            assert!(text.lines().any(|found| found == *line), "{line} is not in\n{text}");
        }
    }

    fn entry(index: u64, handed_over: u32) -> Executed {
        Executed {
            index: LogIndex(index),
            advanced: true,
            handed_over,
            left: 0,
        }
    }

    fn summary(index: u64) -> Summary {
        Summary {
            index: LogIndex(index),
            tick: Tick(index),
            advanced: true,
            hash: 0,
            entities: 0,
            spawned: 0,
            despawned: 0,
            handed_over: 0,
            joints: 0,
            pods: Vec::new(),
        }
    }

    /// A pod alone executes an entry in the call that seals it: 5 ms of work are 5 ms of wall time, and none of waiting.
    #[test]
    fn a_tick_that_begins_and_ends_in_one_call_takes_the_time_of_the_call() {
        let recorder = Recorder::new();
        let mut meter = Meter::new(Arc::new(recorder.metrics()), Rate::Hz(60.0), 60);
        let world = World::new(WorldConfig::default()).expect("the defaults are valid");
        let at = |ms| Time(Duration::from_millis(ms));
        meter.worked(at(100), at(105), LogIndex(1), LogIndex(1));
        meter.executed(at(105), entry(1, 0), &world);
        expect(
            &recorder,
            &[
                "jaguar_simulation_frame_time_ms_sum 5",
                "jaguar_physics_computation_time_ms_sum 5",
                "jaguar_exchange_wait_time_ms_sum 0",
            ],
        );
    }

    /// Handed over in entries 1, 2 and 4; the world has executed 1 to 3 when it halts, so what went in 4 has arrived nowhere.
    #[test]
    fn what_was_on_its_way_when_the_world_halted_is_a_failed_migration() {
        let recorder = Recorder::new();
        let mut meter = Meter::new(Arc::new(recorder.metrics()), Rate::Hz(60.0), 60);
        let world = World::new(WorldConfig::default()).expect("the defaults are valid");
        for (index, handed_over) in [(1, 10), (2, 20), (3, 0), (4, 40)] {
            meter.executed(Time::ZERO, entry(index, handed_over), &world);
        }
        meter.summarised(&summary(3), PodId(1));
        expect(
            &recorder,
            &["jaguar_entity_migration_success_total 30", "jaguar_world_halted 0"],
        );
        meter.halted();
        meter.migrations_failed(5, false, 1000);
        expect(
            &recorder,
            &[
                "jaguar_entity_migration_success_total 30",
                "jaguar_entity_migration_failures_total 45",
                "jaguar_drains_total{result=\"failed\"} 0",
                "jaguar_world_halted 1",
            ],
        );
    }

    /// The deadline passes, and then the world halts.
    #[test]
    fn a_drain_fails_once_with_everything_that_the_pod_held() {
        let recorder = Recorder::new();
        let mut meter = Meter::new(Arc::new(recorder.metrics()), Rate::Hz(60.0), 60);
        for _ in 0..2 {
            meter.migrations_failed(1, true, 7);
        }
        expect(
            &recorder,
            &[
                "jaguar_entity_migration_failures_total 8",
                "jaguar_drains_total{result=\"failed\"} 1",
            ],
        );
    }
}
