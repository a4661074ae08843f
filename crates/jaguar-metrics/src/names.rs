//! The table of metrics. Names are fixed once they are released: dashboards and alerts stand on them.

/// What kind of series a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows, while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of observations up to each of these bounds.
    Histogram(&'static [f64]),
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The name in the exposition.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// The unit.
    pub unit: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its labels and their values; a label without values can have any.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// Whether it is exposed only where its value is known: it is read from the system or the configuration, which may not say.
    pub where_known: bool,
}

/// Upper bounds in ms for what happens once a tick. 16.7 and 33.4 are just above the budget at 60 and at 30 Hz, so that their buckets count the ticks that
/// were in time.
const TICK_TIME_MS: &[f64] = &[
    0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.7, 25.0, 33.4, 50.0, 100.0, 250.0, 500.0, 1000.0, 5000.0,
];
/// Upper bounds in ms for waiting on peers: a round trip on one host is 0.06 ms.
const WAIT_TIME_MS: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.7, 33.4, 100.0, 500.0, 1000.0, 5000.0,
];

/// Upper bounds in ms for a whole snapshot: a local directory takes some ms, a large world on S3 minutes.
const SNAPSHOT_TIME_MS: &[f64] = &[
    10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0, 30_000.0, 60_000.0, 300_000.0,
];

const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        unit,
        help,
        labels: &[],
        where_known: false,
    }
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        unit,
        help,
        labels: &[],
        where_known: false,
    }
}

const fn labelled(metric: Metric, labels: &'static [(&'static str, &'static [&'static str])]) -> Metric {
    Metric { labels, ..metric }
}

const fn where_known(metric: Metric) -> Metric {
    Metric {
        where_known: true,
        ..metric
    }
}

const fn histogram(name: &'static str, bounds: &'static [f64], help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram(bounds),
        unit: "ms",
        help,
        labels: &[],
        where_known: false,
    }
}

/// Entities that this pod holds.
pub const ENTITY_COUNT: Metric = gauge(
    "jaguar_entity_count",
    "entities",
    "Entities that this pod holds. The sum over pods is the world's.",
);
/// Ticks a second.
pub const TICK_RATE: Metric = gauge(
    "jaguar_simulation_tick_rate",
    "Hz",
    "Ticks that this pod executed in each of the last seconds.",
);
/// Wall time of a tick.
pub const FRAME_TIME: Metric = histogram(
    "jaguar_simulation_frame_time_ms",
    TICK_TIME_MS,
    "Wall time of a tick, from its log entry to its result, waiting on peers included.",
);
/// Time of the physics in a tick.
pub const PHYSICS_TIME: Metric = histogram(
    "jaguar_physics_computation_time_ms",
    TICK_TIME_MS,
    "Time of a tick that this pod spent computing, without waiting on peers.",
);
/// Share of the tick budget used.
pub const LOAD: Metric = gauge(
    "jaguar_simulation_load",
    "ratio",
    "Share of the tick budget that this pod's own work takes, smoothed over some seconds. 1 is exactly real time; more is too slow.",
);
/// Hand-overs that were acknowledged.
pub const MIGRATION_SUCCESS: Metric = counter(
    "jaguar_entity_migration_success_total",
    "entities",
    "Entities that this pod handed over to another and that were acknowledged.",
);
/// Hand-overs that were not.
pub const MIGRATION_FAILURES: Metric = counter(
    "jaguar_entity_migration_failures_total",
    "entities",
    "Entities that this pod could not give away: handed over and not acknowledged when the world halted, or still held by a pod that leaves when that happened or migration_timeout_seconds had passed.",
);
/// Age of what clients see.
pub const STATE_SYNC_LAG: Metric = gauge(
    "jaguar_state_sync_lag_ms",
    "ms",
    "Age of the newest state that was sent to a client that watches, or of the one that it waits for, if that is older; 0 when nobody watches.",
);

/// Pods in the map.
pub const PODS: Metric = gauge("jaguar_pods", "pods", "Pods of the world, as this pod knows them.");
/// Tiles in use.
pub const OWNED_TILES: Metric = gauge(
    "jaguar_owned_tiles",
    "tiles",
    "Tiles that this pod owns and in which there is an entity.",
);
/// Ghosts in the last tick.
pub const GHOST_COUNT: Metric = gauge(
    "jaguar_ghost_count",
    "entities",
    "Entities of other pods that this pod needed a copy of in the last tick.",
);
/// Position in the log.
pub const LOG_INDEX: Metric = gauge(
    "jaguar_log_index",
    "entries",
    "Index of the last log entry that this pod executed.",
);
/// Commands of clients.
pub const COMMANDS: Metric = labelled(
    counter(
        "jaguar_commands_total",
        "commands",
        "Commands of clients, by kind and by what became of them.",
    ),
    &[
        (
            "kind",
            &[
                "spawn", "despawn", "impulse", "velocity", "thrust", "join", "unjoin", "pace",
            ],
        ),
        ("outcome", &["accepted", "refused"]),
    ],
);
/// Waiting on peers.
pub const EXCHANGE_WAIT_TIME: Metric = histogram(
    "jaguar_exchange_wait_time_ms",
    WAIT_TIME_MS,
    "Time that this pod waited for its neighbours' messages in a tick.",
);
/// Bytes to peers.
pub const BYTES_SENT: Metric = counter(
    "jaguar_bytes_sent_total",
    "bytes",
    "Bytes that this pod sent to other pods.",
);
/// The configured pace.
pub const TARGET_TICK_RATE: Metric = gauge(
    "jaguar_simulation_target_tick_rate",
    "Hz",
    "What the world has agreed on as target_tick_rate; 0 is as fast as the pods can.",
);
/// The configured lower bound of the pace.
pub const MIN_TICK_RATE: Metric = gauge(
    "jaguar_simulation_min_tick_rate",
    "Hz",
    "The key min_tick_rate: a tick rate below it is an alert.",
);
/// Reloads of the configuration.
pub const CONFIG_RELOADS: Metric = labelled(
    counter(
        "jaguar_config_reloads_total",
        "reloads",
        "Changes of the configuration while this pod ran, by what became of them: applied to this pod, agreed by the world (or not agreed, since it has halted), left for a restart, rejected as not valid. A change of keys of several kinds counts once for each.",
    ),
    &[("result", &["applied", "agreed", "not_agreed", "at_restart", "rejected"])],
);
/// The configured thresholds of the autoscaler.
pub const AUTOSCALE_THRESHOLD: Metric = labelled(
    gauge(
        "jaguar_autoscale_threshold",
        "entities or %",
        "The keys entity_scale_up_threshold and so on: above the one of up pods are added, below the one of down removed. CPU and memory in % of the request.",
    ),
    &[
        ("metric", &["entities", "cpu", "memory"]),
        ("direction", &["up", "down"]),
    ],
);

/// Drains by result.
pub const DRAINS: Metric = labelled(
    counter(
        "jaguar_drains_total",
        "drains",
        "Pods that were told to leave: completed, counted by the pod that coordinates; failed, when migration_timeout_seconds had passed or the world halted first, counted by the pod that was leaving.",
    ),
    &[("result", &["completed", "failed"])],
);
/// Whether the world has halted.
pub const WORLD_HALTED: Metric = gauge(
    "jaguar_world_halted",
    "",
    "1 when the world has stopped for good, as far as this pod knows, else 0.",
);
/// Whether this pod coordinates.
pub const COORDINATOR: Metric = gauge("jaguar_coordinator", "", "1 on the pod that seals the log, else 0.");

/// CPU time.
pub const CPU_USAGE: Metric = where_known(counter(
    "jaguar_cpu_usage_seconds_total",
    "s",
    "CPU time of this pod: of its container's cgroup, or of the process where the cgroup has others in it.",
));
/// Periods of the CPU quota.
pub const CPU_PERIODS: Metric = where_known(counter(
    "jaguar_cpu_periods_total",
    "periods",
    "Periods of the cgroup's CPU quota (100 ms) in which this pod ran; 0 without a quota.",
));
/// Periods in which the quota was used up.
pub const CPU_THROTTLED_PERIODS: Metric = where_known(counter(
    "jaguar_cpu_throttled_periods_total",
    "periods",
    "Those in which the quota was used up, so that the pod slept until the next, and the world with it.",
));
/// Time slept for want of quota.
pub const CPU_THROTTLED_TIME: Metric = where_known(counter(
    "jaguar_cpu_throttled_seconds_total",
    "s",
    "Time that this pod slept because its CPU quota was used up, summed over CPUs.",
));
/// Requested CPUs.
pub const CPU_REQUEST: Metric = where_known(gauge(
    "jaguar_cpu_request_cores",
    "CPUs",
    "The key cpu_request_millicores: what the scheduler reserves for this pod.",
));
/// Allowed CPUs.
pub const CPU_LIMIT: Metric = where_known(gauge("jaguar_cpu_limit_cores", "CPUs", "The cgroup's CPU quota."));
/// Memory in use.
pub const MEMORY_WORKING_SET: Metric = where_known(gauge(
    "jaguar_memory_working_set_bytes",
    "bytes",
    "Memory of this pod's cgroup without inactive page cache, as the kubelet computes it; resident memory of the process where the cgroup has others in it.",
));
/// Requested memory.
pub const MEMORY_REQUEST: Metric = where_known(gauge(
    "jaguar_memory_request_bytes",
    "bytes",
    "The key memory_request_bytes: what the scheduler reserves for this pod.",
));
/// Allowed memory.
pub const MEMORY_LIMIT: Metric = where_known(gauge(
    "jaguar_memory_limit_bytes",
    "bytes",
    "The cgroup's memory limit, at which the kernel kills the pod.",
));
/// When the process began; the name that every Prometheus client library uses.
pub const PROCESS_START_TIME: Metric = where_known(gauge(
    "process_start_time_seconds",
    "s",
    "When this process began, in seconds since 1970.",
));
/// The version.
pub const BUILD_INFO: Metric = labelled(
    gauge("jaguar_build_info", "", "1; the version is in the label."),
    &[("version", &[])],
);

/// Reloads of certificates.
pub const TLS_RELOADS: Metric = labelled(
    counter(
        "jaguar_tls_reloads_total",
        "reloads",
        "Changes of the files tls_cert_file, tls_key_file and tls_ca_file while this pod ran, by what became of them.",
    ),
    &[("result", &["applied", "rejected"])],
);
/// Reloads of the keys of tokens.
pub const AUTH_RELOADS: Metric = labelled(
    counter(
        "jaguar_auth_reloads_total",
        "reloads",
        "Changes of the file with the keys of clients' tokens while this pod ran, by what became of them.",
    ),
    &[("result", &["applied", "rejected"])],
);
/// End of the certificate's validity.
pub const TLS_CERTIFICATE_EXPIRY: Metric = gauge(
    "jaguar_tls_certificate_expiry_timestamp_seconds",
    "s",
    "When the certificate that this pod shows ends to be valid, in seconds since 1970; 0 without TLS.",
);
/// What clients were refused before their call was looked at.
pub const CLIENT_REFUSALS: Metric = labelled(
    counter(
        "jaguar_client_refusals_total",
        "refusals",
        "Connections and calls that were refused for the sake of security, by reason: no TLS or a wrong certificate; no or a wrong token; a role that is too low; and the limits of a client.",
    ),
    &[(
        "reason",
        &[
            "handshake",
            "identity",
            "permission",
            "rate",
            "streams",
            "connections",
            "clients",
        ],
    )],
);

/// Snapshots by result.
pub const SNAPSHOTS: Metric = labelled(
    counter(
        "jaguar_snapshots_total",
        "snapshots",
        "Snapshots of the world that this pod took, for a client, by the clock or at the world's end, by what became of them.",
    ),
    &[("result", &["ok", "failed"])],
);
/// Time of a snapshot.
pub const SNAPSHOT_DURATION: Metric = histogram(
    "jaguar_snapshot_duration_ms",
    SNAPSHOT_TIME_MS,
    "Time of a whole snapshot that this pod took, from the request to the manifest in the store.",
);
/// When the newest snapshot was taken.
pub const SNAPSHOT_LAST_SUCCESS: Metric = gauge(
    "jaguar_snapshot_last_success_timestamp_seconds",
    "s",
    "When the newest whole snapshot was taken, as far as this pod knows, in seconds since 1970; the largest of all pods counts. 0: never.",
);
/// Size of the newest snapshot.
pub const SNAPSHOT_BYTES: Metric = gauge(
    "jaguar_snapshot_bytes",
    "bytes",
    "Size of the last snapshot that this pod took, all parts together.",
);
/// What a snapshot costs the tick.
pub const SNAPSHOT_COPY_TIME: Metric = gauge(
    "jaguar_snapshot_copy_time_ms",
    "ms",
    "Time for which the simulation stood still to copy this pod's part of the last snapshot.",
);

/// All metrics, in the order of the reference.
pub const ALL: &[Metric] = &[
    ENTITY_COUNT,
    TICK_RATE,
    FRAME_TIME,
    PHYSICS_TIME,
    LOAD,
    MIGRATION_SUCCESS,
    MIGRATION_FAILURES,
    STATE_SYNC_LAG,
    PODS,
    OWNED_TILES,
    GHOST_COUNT,
    LOG_INDEX,
    COMMANDS,
    EXCHANGE_WAIT_TIME,
    BYTES_SENT,
    TARGET_TICK_RATE,
    MIN_TICK_RATE,
    CONFIG_RELOADS,
    AUTOSCALE_THRESHOLD,
    DRAINS,
    WORLD_HALTED,
    COORDINATOR,
    CPU_USAGE,
    CPU_PERIODS,
    CPU_THROTTLED_PERIODS,
    CPU_THROTTLED_TIME,
    CPU_REQUEST,
    CPU_LIMIT,
    MEMORY_WORKING_SET,
    MEMORY_REQUEST,
    MEMORY_LIMIT,
    PROCESS_START_TIME,
    BUILD_INFO,
    TLS_RELOADS,
    AUTH_RELOADS,
    TLS_CERTIFICATE_EXPIRY,
    CLIENT_REFUSALS,
    SNAPSHOTS,
    SNAPSHOT_DURATION,
    SNAPSHOT_LAST_SUCCESS,
    SNAPSHOT_BYTES,
    SNAPSHOT_COPY_TIME,
];
