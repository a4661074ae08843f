//! From the configuration to the settings of the protocol and of the services.

use std::time::Duration;

use jaguar_config::Config;
use jaguar_migration::input::{Rate, Tuning};

/// Settings of watches. They may change while clients watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames {
    /// Time between two frames.
    pub interval: Duration,
    /// Whether a frame holds only what has changed.
    pub deltas: bool,
    /// Whether answers are compressed for clients that accept it.
    pub compress: bool,
}

impl From<&Config> for Frames {
    fn from(config: &Config) -> Self {
        Self {
            interval: Duration::from_millis(config.state_sync_interval_ms.into()),
            deltas: config.delta_encoding_enabled,
            compress: config.state_compression_enabled,
        }
    }
}

/// The protocol's settings. `shuffle` is the seed of `jaguarctl verify --shuffle`; no key sets it.
pub fn tuning(config: &Config, shuffle: Option<u64>) -> Tuning {
    Tuning {
        rate: match config.target_tick_rate {
            0 => Rate::Max,
            hz => Rate::Hz(hz.into()),
        },
        entity_limit: config.entity_hard_limit.into(),
        rebalance: config.entity_migration_enabled,
        batch: config.entity_migration_batch_size,
        streams: config.max_concurrent_migrations,
        shuffle,
        heartbeat: Duration::from_millis(config.cluster_heartbeat_interval_ms.into()),
        peer_timeout: Duration::from_millis(config.cluster_node_timeout_ms.into()),
    }
}
