//! How a world is doing.

use jaguar_proto::v1;

/// What a world does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It advances.
    Running,
    /// It waits.
    Paused,
    /// It has stopped for good, for this reason.
    Halted(String),
}

/// The status of a world, as of the last log entry that all pods have executed.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// What it does.
    pub state: State,
    /// Its tick.
    pub tick: u64,
    /// Its hash: 32 hexadecimal digits.
    pub hash: String,
    /// Its bodies.
    pub entities: u64,
    /// Bodies spawned since it began.
    pub spawned: u64,
    /// Bodies removed since it began.
    pub despawned: u64,
    /// Bodies that changed pods since it began.
    pub handed_over: u64,
    /// Its joints.
    pub joints: u64,
    /// Ticks a second that it makes.
    pub tick_rate_hz: f64,
    /// Ticks a second that it is meant to make; none when it goes as fast as it can.
    pub target_tick_rate_hz: Option<f64>,
    /// What else its pods have agreed on.
    pub settings: Settings,
    /// The pod that sequences.
    pub coordinator: u32,
    /// Its pods.
    pub pods: Vec<PodStatus>,
}

/// What the pods of a world have agreed on, under the names of the configuration's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Most bodies in the world.
    pub entity_hard_limit: u64,
    /// Whether load moves between pods to balance it.
    pub entity_migration_enabled: bool,
    /// Most bodies that one pod hands over to another in a tick for the sake of balance.
    pub entity_migration_batch_size: u32,
    /// Most borders between pods that move in the same tick.
    pub max_concurrent_migrations: u32,
}

/// A pod of the world.
#[derive(Clone, Debug, PartialEq)]
pub struct PodStatus {
    /// Its number.
    pub pod: u32,
    /// Its name.
    pub name: String,
    /// What peers dial.
    pub address: String,
    /// Bodies it holds.
    pub entities: u64,
    /// Share of the tick budget it uses; 1 is exactly real time.
    pub load: f32,
}

impl From<v1::WorldSettings> for Settings {
    fn from(settings: v1::WorldSettings) -> Self {
        Self {
            entity_hard_limit: settings.entity_hard_limit,
            entity_migration_enabled: settings.entity_migration_enabled,
            entity_migration_batch_size: settings.entity_migration_batch_size,
            max_concurrent_migrations: settings.max_concurrent_migrations,
        }
    }
}

impl From<v1::GetStatusResponse> for Status {
    fn from(status: v1::GetStatusResponse) -> Self {
        let state = match status.state() {
            v1::WorldState::Halted => State::Halted(status.halted_reason),
            v1::WorldState::Paused => State::Paused,
            v1::WorldState::Running | v1::WorldState::Unspecified => State::Running,
        };
        let pods = status.pods.into_iter().map(|pod| PodStatus {
            pod: pod.pod,
            name: pod.name,
            address: pod.address,
            entities: pod.entities,
            load: pod.load,
        });
        Self {
            state,
            tick: status.tick,
            hash: status.hash,
            entities: status.entities,
            spawned: status.spawned,
            despawned: status.despawned,
            handed_over: status.handed_over,
            joints: status.joints,
            tick_rate_hz: status.tick_rate_hz,
            target_tick_rate_hz: status.target_tick_rate_hz,
            // Absent from a server that is older than the field.
            settings: status.settings.map(Into::into).unwrap_or_default(),
            coordinator: status.coordinator,
            pods: pods.collect(),
        }
    }
}
