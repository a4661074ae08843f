//! Where the numbers are kept and how they are written out.

use std::fmt;
use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::names::{self, Kind, Metric};

/// Keeps the metrics of one pod and writes them out in Prometheus' text format. Clones share everything.
#[derive(Clone)]
pub struct Recorder {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

/// What a pod records. Every field can be recorded from any thread; clones share everything.
#[derive(Clone)]
pub struct Metrics {
    /// [`names::ENTITY_COUNT`].
    pub entity_count: Gauge,
    /// [`names::TICK_RATE`], from a [`TickRateMeter`](crate::TickRateMeter).
    pub tick_rate: Gauge,
    /// [`names::FRAME_TIME`], ms.
    pub frame_time_ms: Histogram,
    /// [`names::PHYSICS_TIME`], ms.
    pub physics_time_ms: Histogram,
    /// [`names::LOAD`], from a [`LoadMeter`](crate::LoadMeter).
    pub load: Gauge,
    /// [`names::MIGRATION_SUCCESS`].
    pub migration_success: Counter,
    /// [`names::MIGRATION_FAILURES`].
    pub migration_failures: Counter,
    /// [`names::STATE_SYNC_LAG`], ms.
    pub state_sync_lag_ms: Gauge,
    /// [`names::PODS`].
    pub pods: Gauge,
    /// [`names::OWNED_TILES`].
    pub owned_tiles: Gauge,
    /// [`names::GHOST_COUNT`].
    pub ghost_count: Gauge,
    /// [`names::LOG_INDEX`].
    pub log_index: Gauge,
    /// [`names::EXCHANGE_WAIT_TIME`], ms.
    pub exchange_wait_time_ms: Histogram,
    /// [`names::BYTES_SENT`].
    pub bytes_sent: Counter,
    /// [`names::TARGET_TICK_RATE`].
    pub target_tick_rate: Gauge,
    /// [`names::MIN_TICK_RATE`].
    pub min_tick_rate: Gauge,
    commands: [[Counter; 2]; 5],
    config_reloads: [Counter; 3],
}

/// What a client's command asks for, in the order of the label's values in [`names::COMMANDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// A new entity.
    Spawn,
    /// The end of an entity.
    Despawn,
    /// A push.
    Impulse,
    /// A new velocity.
    Velocity,
    /// Pause, resume or single steps.
    Pace,
}

/// What became of a command, in the order of the label's values in [`names::COMMANDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log.
    Accepted,
    /// It was invalid, beyond a limit, or for an entity that does not exist.
    Refused,
}

/// What became of a changed configuration, in the order of the label's values in [`names::CONFIG_RELOADS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadResult {
    /// In force.
    Applied,
    /// Valid, and waiting for a restart, at least in part.
    AtRestart,
    /// Invalid; the old one stays.
    Rejected,
}

impl Recorder {
    /// A recorder in which every metric of [`names::ALL`] is described and none has a value yet.
    #[must_use]
    pub fn new() -> Self {
        let builder = names::ALL
            .iter()
            .fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
                Kind::Histogram(bounds) => builder
                    .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)
                    .expect("a histogram of the table has bounds"),
                Kind::Counter | Kind::Gauge => builder,
            });
        let recorder = builder.build_recorder();
        for metric in names::ALL {
            let (name, help) = (KeyName::from_const_str(metric.name), metric.help.into());
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
            }
        }
        let handle = recorder.handle();
        Self {
            recorder: Arc::new(recorder),
            handle,
        }
    }

    /// Registers all metrics and returns what records them.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let key = |metric: &Metric| Key::from_static_name(metric.name);
        let gauge = |metric: &Metric| self.recorder.register_gauge(&key(metric), &METADATA);
        let counter = |metric: &Metric| self.recorder.register_counter(&key(metric), &METADATA);
        let histogram = |metric: &Metric| self.recorder.register_histogram(&key(metric), &METADATA);
        let labelled = |metric: &Metric, indices: &[usize]| {
            let labels = metric.labels.iter().zip(indices);
            let labels = labels.map(|((label, values), index)| Label::from_static_parts(label, values[*index]));
            self.recorder
                .register_counter(&Key::from_parts(metric.name, labels.collect::<Vec<_>>()), &METADATA)
        };
        Metrics {
            entity_count: gauge(&names::ENTITY_COUNT),
            tick_rate: gauge(&names::TICK_RATE),
            frame_time_ms: histogram(&names::FRAME_TIME),
            physics_time_ms: histogram(&names::PHYSICS_TIME),
            load: gauge(&names::LOAD),
            migration_success: counter(&names::MIGRATION_SUCCESS),
            migration_failures: counter(&names::MIGRATION_FAILURES),
            state_sync_lag_ms: gauge(&names::STATE_SYNC_LAG),
            pods: gauge(&names::PODS),
            owned_tiles: gauge(&names::OWNED_TILES),
            ghost_count: gauge(&names::GHOST_COUNT),
            log_index: gauge(&names::LOG_INDEX),
            exchange_wait_time_ms: histogram(&names::EXCHANGE_WAIT_TIME),
            bytes_sent: counter(&names::BYTES_SENT),
            target_tick_rate: gauge(&names::TARGET_TICK_RATE),
            min_tick_rate: gauge(&names::MIN_TICK_RATE),
            commands: std::array::from_fn(|kind| {
                std::array::from_fn(|outcome| labelled(&names::COMMANDS, &[kind, outcome]))
            }),
            config_reloads: std::array::from_fn(|result| labelled(&names::CONFIG_RELOADS, &[result])),
        }
    }

    /// All metrics in Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Moves observations of histograms into their buckets. Rendering does that too; without either, they pile up, so call it every few seconds.
    pub fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }
}

static METADATA: Metadata<'static> = Metadata::new("jaguar", Level::INFO, None);

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Metrics {
    /// The counter of commands of this kind with this outcome: [`names::COMMANDS`].
    pub fn commands(&self, kind: CommandKind, outcome: Outcome) -> &Counter {
        &self.commands[kind as usize][outcome as usize]
    }

    /// The counter of reloads with this result: [`names::CONFIG_RELOADS`].
    pub fn config_reloads(&self, result: ReloadResult) -> &Counter {
        &self.config_reloads[result as usize]
    }
}
