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
            let wall = now.since(began.unwrap_or(now));
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
