//! Where the numbers are kept and how they are written out.

use std::fmt;
use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::names::{self, Kind, Metric};
use crate::reading::Reading;

/// Keeps the metrics of one pod and writes them out in Prometheus' text format. Clones share everything.
#[derive(Clone)]
pub struct Recorder {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    readings: Readings,
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
    /// [`names::TLS_CERTIFICATE_EXPIRY`].
    pub tls_certificate_expiry: Gauge,
    /// [`names::WORLD_HALTED`].
    pub world_halted: Gauge,
    /// [`names::COORDINATOR`].
    pub coordinator: Gauge,
    /// What is read of the system.
    pub readings: Readings,
    commands: [[Counter; 2]; 8],
    config_reloads: [Counter; 5],
    snapshots: [Counter; 2],
    /// [`names::SNAPSHOT_DURATION`], ms.
    pub snapshot_duration_ms: Histogram,
    /// [`names::SNAPSHOT_LAST_SUCCESS`], s since 1970.
    pub snapshot_last_success: Gauge,
    /// [`names::SNAPSHOT_BYTES`].
    pub snapshot_bytes: Gauge,
    /// [`names::SNAPSHOT_COPY_TIME`], ms.
    pub snapshot_copy_time_ms: Gauge,
    autoscale_thresholds: [[Gauge; 2]; 3],
    drains: [Counter; 2],
    tls_reloads: [Counter; 2],
    auth_reloads: [Counter; 2],
    client_refusals: [Counter; 7],
}

/// What is read of the system and the configuration, and exposed where it is known.
#[derive(Clone, Debug)]
pub struct Readings {
    /// [`names::CPU_USAGE`].
    pub cpu_usage_seconds: Reading,
    /// [`names::CPU_PERIODS`].
    pub cpu_periods: Reading,
    /// [`names::CPU_THROTTLED_PERIODS`].
    pub cpu_throttled_periods: Reading,
    /// [`names::CPU_THROTTLED_TIME`].
    pub cpu_throttled_seconds: Reading,
    /// [`names::CPU_REQUEST`].
    pub cpu_request_cores: Reading,
    /// [`names::CPU_LIMIT`].
    pub cpu_limit_cores: Reading,
    /// [`names::MEMORY_WORKING_SET`].
    pub memory_working_set_bytes: Reading,
    /// [`names::MEMORY_REQUEST`].
    pub memory_request_bytes: Reading,
    /// [`names::MEMORY_LIMIT`].
    pub memory_limit_bytes: Reading,
    /// [`names::PROCESS_START_TIME`].
    pub process_start_time_seconds: Reading,
}

impl Readings {
    fn new() -> Self {
        Self {
            cpu_usage_seconds: Reading::new(&names::CPU_USAGE),
            cpu_periods: Reading::new(&names::CPU_PERIODS),
            cpu_throttled_periods: Reading::new(&names::CPU_THROTTLED_PERIODS),
            cpu_throttled_seconds: Reading::new(&names::CPU_THROTTLED_TIME),
            cpu_request_cores: Reading::new(&names::CPU_REQUEST),
            cpu_limit_cores: Reading::new(&names::CPU_LIMIT),
            memory_working_set_bytes: Reading::new(&names::MEMORY_WORKING_SET),
            memory_request_bytes: Reading::new(&names::MEMORY_REQUEST),
            memory_limit_bytes: Reading::new(&names::MEMORY_LIMIT),
            process_start_time_seconds: Reading::new(&names::PROCESS_START_TIME),
        }
    }

    /// In the order of the table.
    fn all(&self) -> [&Reading; 10] {
        [
            &self.cpu_usage_seconds,
            &self.cpu_periods,
            &self.cpu_throttled_periods,
            &self.cpu_throttled_seconds,
            &self.cpu_request_cores,
            &self.cpu_limit_cores,
            &self.memory_working_set_bytes,
            &self.memory_request_bytes,
            &self.memory_limit_bytes,
            &self.process_start_time_seconds,
        ]
    }
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
    /// A new thrust.
    Thrust,
    /// A new joint.
    Join,
    /// The end of a joint.
    Unjoin,
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
    /// In force on this pod.
    Applied,
    /// In force on every pod of the world.
    Agreed,
    /// Valid, but the world has halted and agrees on nothing more.
    NotAgreed,
    /// Valid, and waiting for a restart.
    AtRestart,
    /// Invalid; the old one stays.
    Rejected,
}

/// What the autoscaler looks at, in the order of the label's values in [`names::AUTOSCALE_THRESHOLD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaledMetric {
    /// Entities a pod.
    Entities,
    /// CPU, % of the request.
    Cpu,
    /// Memory, % of the request.
    Memory,
}

/// Which way the autoscaler goes beyond a threshold, in the order of the label's values in [`names::AUTOSCALE_THRESHOLD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleDirection {
    /// More pods.
    Up,
    /// Fewer pods.
    Down,
}

/// How a pod's leaving ended, in the order of the label's values in [`names::DRAINS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainResult {
    /// It gave everything away.
    Completed,
    /// It held bodies when its time was up or the world halted.
    Failed,
}

/// What became of files with keys or certificates that changed, in the order of the label's values in
/// [`names::TLS_RELOADS`] and [`names::AUTH_RELOADS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileReload {
    /// In force for new connections and calls.
    Applied,
    /// Invalid; the old ones stay.
    Rejected,
}

/// Why a client was refused, in the order of the label's values in [`names::CLIENT_REFUSALS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No TLS, a certificate of another CA, or too slow.
    Handshake,
    /// No token or certificate, or one that is not valid.
    Identity,
    /// A known client without the right.
    Permission,
    /// More calls a second than a client may begin.
    Rate,
    /// More calls at a time than a client may have.
    Streams,
    /// More connections than a client may have.
    Connections,
    /// More clients than a pod keeps account of.
    Clients,
}

/// What became of a snapshot, in the order of the label's values in [`names::SNAPSHOTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotResult {
    /// It is whole in the store.
    Ok,
    /// There is none.
    Failed,
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
            readings: Readings::new(),
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
            Key::from_parts(metric.name, labels.collect::<Vec<_>>())
        };
        let labelled_counter =
            |metric: &Metric, indices: &[usize]| self.recorder.register_counter(&labelled(metric, indices), &METADATA);
        let labelled_gauge =
            |metric: &Metric, indices: &[usize]| self.recorder.register_gauge(&labelled(metric, indices), &METADATA);
        let version = vec![Label::from_static_parts("version", env!("CARGO_PKG_VERSION"))];
        let build = Key::from_parts(names::BUILD_INFO.name, version);
        self.recorder.register_gauge(&build, &METADATA).set(1.0);
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
            world_halted: gauge(&names::WORLD_HALTED),
            coordinator: gauge(&names::COORDINATOR),
            readings: self.readings.clone(),
            commands: std::array::from_fn(|kind| {
                std::array::from_fn(|outcome| labelled_counter(&names::COMMANDS, &[kind, outcome]))
            }),
            config_reloads: std::array::from_fn(|result| labelled_counter(&names::CONFIG_RELOADS, &[result])),
            autoscale_thresholds: std::array::from_fn(|metric| {
                std::array::from_fn(|direction| labelled_gauge(&names::AUTOSCALE_THRESHOLD, &[metric, direction]))
            }),
            drains: std::array::from_fn(|result| labelled_counter(&names::DRAINS, &[result])),
            tls_certificate_expiry: gauge(&names::TLS_CERTIFICATE_EXPIRY),
            tls_reloads: std::array::from_fn(|result| labelled_counter(&names::TLS_RELOADS, &[result])),
            auth_reloads: std::array::from_fn(|result| labelled_counter(&names::AUTH_RELOADS, &[result])),
            client_refusals: std::array::from_fn(|reason| labelled_counter(&names::CLIENT_REFUSALS, &[reason])),
            snapshots: std::array::from_fn(|result| labelled_counter(&names::SNAPSHOTS, &[result])),
            snapshot_duration_ms: histogram(&names::SNAPSHOT_DURATION),
            snapshot_last_success: gauge(&names::SNAPSHOT_LAST_SUCCESS),
            snapshot_bytes: gauge(&names::SNAPSHOT_BYTES),
            snapshot_copy_time_ms: gauge(&names::SNAPSHOT_COPY_TIME),
        }
    }

    /// All metrics in Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = self.handle.render();
        for reading in self.readings.all() {
            reading.write(&mut page);
        }
        page
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

    /// The counter of snapshots with this result: [`names::SNAPSHOTS`].
    pub fn snapshots(&self, result: SnapshotResult) -> &Counter {
        &self.snapshots[result as usize]
    }

    /// The counter of reloads with this result: [`names::CONFIG_RELOADS`].
    pub fn config_reloads(&self, result: ReloadResult) -> &Counter {
        &self.config_reloads[result as usize]
    }

    /// The gauge of this threshold: [`names::AUTOSCALE_THRESHOLD`].
    pub fn autoscale_threshold(&self, metric: ScaledMetric, direction: ScaleDirection) -> &Gauge {
        &self.autoscale_thresholds[metric as usize][direction as usize]
    }

    /// The counter of drains with this result: [`names::DRAINS`].
    pub fn drains(&self, result: DrainResult) -> &Counter {
        &self.drains[result as usize]
    }

    /// The counter of changed certificates with this result: [`names::TLS_RELOADS`].
    pub fn tls_reloads(&self, result: FileReload) -> &Counter {
        &self.tls_reloads[result as usize]
    }

    /// The counter of changed keys of tokens with this result: [`names::AUTH_RELOADS`].
    pub fn auth_reloads(&self, result: FileReload) -> &Counter {
        &self.auth_reloads[result as usize]
    }

    /// The counter of refusals for this reason: [`names::CLIENT_REFUSALS`].
    pub fn client_refusals(&self, reason: Refusal) -> &Counter {
        &self.client_refusals[reason as usize]
    }
}
