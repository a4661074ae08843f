//! What the simulation thread measures of itself: the wall and the working time of each tick, the load, the tick rate.
//!
//! A tick's wall time begins when its entry is known and the one before it is done, and ends with its execution. Its working time is the part of it in which the
//! pod's state machine ran; the rest it waited for neighbours.

use std::sync::Arc;
use std::time::Duration;

use jaguar_core::World;
use jaguar_metrics::{LoadMeter, Metrics, TickRateMeter};
use jaguar_migration::action::Summary;
use jaguar_migration::id::{LogIndex, PodId};
use jaguar_migration::input::Rate;
use jaguar_migration::time::Time;

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
        };
        meter.set_rate(rate);
        meter
    }

    pub(crate) fn set_rate(&mut self, rate: Rate) {
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
    pub(crate) fn executed(&mut self, now: Time, index: LogIndex, advanced: bool, world: &World) -> f32 {
        self.metrics.log_index.set(index.0 as f64);
        self.metrics.entity_count.set(world.len() as f64);
        let began = self.began.take();
        if advanced {
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
            self.metrics.migration_success.increment(u64::from(own.handed_over));
        }
    }

    /// Bodies that a draining pod can give to nobody any more.
    pub(crate) fn stranded(&self, bodies: usize) {
        self.metrics.migration_failures.increment(bodies as u64);
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
    use jaguar_core::WorldParams;
    use jaguar_metrics::Recorder;

    /// A pod alone executes an entry in the call that seals it: 5 ms of work are 5 ms of wall time, and none of waiting.
    #[test]
    fn a_tick_that_begins_and_ends_in_one_call_takes_the_time_of_the_call() {
        let recorder = Recorder::new();
        let mut meter = Meter::new(Arc::new(recorder.metrics()), Rate::Hz(60.0), 60);
        let world = World::new(WorldParams::default(), Vec::new()).expect("the defaults are valid");
        let at = |ms| Time(Duration::from_millis(ms));
        meter.worked(at(100), at(105), LogIndex(1), LogIndex(1));
        meter.executed(at(105), LogIndex(1), true, &world);
        let text = recorder.render();
        for line in [
            "jaguar_simulation_frame_time_ms_sum 5",
            "jaguar_physics_computation_time_ms_sum 5",
            "jaguar_exchange_wait_time_ms_sum 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
