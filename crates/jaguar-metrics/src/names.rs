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
    /// Its labels and their values.
    pub labels: &'static [(&'static str, &'static [&'static str])],
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

const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        unit,
        help,
        labels: &[],
    }
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        unit,
        help,
        labels: &[],
    }
}

const fn histogram(name: &'static str, bounds: &'static [f64], help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram(bounds),
        unit: "ms",
        help,
        labels: &[],
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
    "Entities that this pod was giving away to leave and still held when the world halted.",
);
/// Age of what clients see.
pub const STATE_SYNC_LAG: Metric = gauge(
    "jaguar_state_sync_lag_ms",
    "ms",
    "Age of the newest state that was sent to the clients that watch.",
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
pub const COMMANDS: Metric = Metric {
    name: "jaguar_commands_total",
    kind: Kind::Counter,
    unit: "commands",
    help: "Commands of clients, by kind and by what became of them.",
    labels: &[
        ("kind", &["spawn", "despawn", "impulse", "velocity", "pace"]),
        ("outcome", &["accepted", "refused"]),
    ],
};
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
    "The key target_tick_rate; 0 is as fast as the pods can.",
);
/// The configured lower bound of the pace.
pub const MIN_TICK_RATE: Metric = gauge(
    "jaguar_simulation_min_tick_rate",
    "Hz",
    "The key min_tick_rate: a tick rate below it is an alert.",
);
/// Reloads of the configuration.
pub const CONFIG_RELOADS: Metric = Metric {
    name: "jaguar_config_reloads_total",
    kind: Kind::Counter,
    unit: "reloads",
    help: "Changes of the configuration while this pod ran, by what became of them.",
    labels: &[("result", &["applied", "at_restart", "rejected"])],
};

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
];
