//! From the configuration to the settings of the protocol and of the services.

use std::time::Duration;

use jaguar_config::Config;
use jaguar_migration::input::{Rate, Tuning};
use jaguar_migration::tuning::{TuningChange, WorldTuning};

use crate::snapshots::Schedule;

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

impl From<&Config> for Schedule {
    fn from(config: &Config) -> Self {
        let minutes = u64::from(config.snapshot_interval_minutes);
        Self {
            interval: (minutes > 0).then(|| Duration::from_secs(60 * minutes)),
            retention: config.snapshot_retention as usize,
        }
    }
}

/// The protocol's settings. `shuffle` is the seed of `jaguarctl verify --shuffle`; no key sets it.
pub fn tuning(config: &Config, shuffle: Option<u64>) -> Tuning {
    Tuning {
        world: world_tuning(config),
        shuffle,
        // Without a collector nothing subscribes to traces anyway.
        traced_share: config.otlp_sample_ratio,
        heartbeat: Duration::from_millis(config.cluster_heartbeat_interval_ms.into()),
        peer_timeout: Duration::from_millis(config.cluster_node_timeout_ms.into()),
    }
}

/// The settings of the world, as this pod's configuration has them.
pub fn world_tuning(config: &Config) -> WorldTuning {
    WorldTuning {
        rate: match config.target_tick_rate {
            0 => Rate::Max,
            hz => Rate::Hz(hz.into()),
        },
        entity_limit: config.entity_hard_limit.into(),
        rebalance: config.entity_migration_enabled,
        batch: config.entity_migration_batch_size,
        streams: config.max_concurrent_migrations,
    }
}

/// What this pod's configuration proposes to the world for these keys. Keys that are not the world's propose nothing.
pub fn proposal(config: &Config, keys: &[&str]) -> TuningChange {
    let world = world_tuning(config);
    let proposes = |key: &str| keys.contains(&key);
    TuningChange {
        rate: proposes(RATE).then_some(world.rate),
        entity_limit: proposes(ENTITY_LIMIT).then_some(world.entity_limit),
        rebalance: proposes(REBALANCE).then_some(world.rebalance),
        batch: proposes(BATCH).then_some(world.batch),
        streams: proposes(STREAMS).then_some(world.streams),
    }
}

/// A setting of the world that has changed, as its key and values would stand in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: &'static str,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
}

/// What is different between two settings of the world.
pub fn differences(old: &WorldTuning, new: &WorldTuning) -> Vec<Difference> {
    let pairs = shown(old).into_iter().zip(shown(new));
    let different = pairs.filter(|(old, new)| old != new);
    different
        .map(|((key, old), (_, new))| Difference { key, old, new })
        .collect()
}

/// The key target_tick_rate: 0 is as fast as the pods can.
pub fn rate_hz(rate: Rate) -> f64 {
    match rate {
        Rate::Hz(hz) => hz,
        Rate::Max => 0.0,
    }
}

/// The keys of the world, in the order of [`shown`].
const RATE: &str = "target_tick_rate";
const ENTITY_LIMIT: &str = "entity_hard_limit";
const REBALANCE: &str = "entity_migration_enabled";
const BATCH: &str = "entity_migration_batch_size";
const STREAMS: &str = "max_concurrent_migrations";

fn shown(tuning: &WorldTuning) -> [(&'static str, String); 5] {
    [
        (RATE, rate_hz(tuning.rate).to_string()),
        (ENTITY_LIMIT, tuning.entity_limit.to_string()),
        (REBALANCE, tuning.rebalance.to_string()),
        (BATCH, tuning.batch.to_string()),
        (STREAMS, tuning.streams.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_config::{Reload, keys};

    #[test]
    fn every_key_that_the_world_agrees_on_proposes_one_setting_and_no_other_key_does() {
        let config = Config {
            target_tick_rate: 0,
            entity_hard_limit: 7,
            entity_migration_enabled: false,
            entity_migration_batch_size: 8,
            max_concurrent_migrations: 9,
            ..Config::default()
        };
        let before = world_tuning(&Config::default());
        for key in keys() {
            let changed = differences(&before, &proposal(&config, &[key.name]).applied_to(before));
            let expected: Vec<Difference> = (key.reload == Reload::Agreed)
                .then(|| Difference {
                    key: key.name,
                    old: key.show(&Config::default()),
                    new: key.show(&config),
                })
                .into_iter()
                .collect();
            assert_eq!(changed, expected, "{}", key.name);
        }
        let all: Vec<&str> = keys().map(|key| key.name).collect();
        assert_eq!(proposal(&config, &all).applied_to(before), world_tuning(&config));
    }
}
