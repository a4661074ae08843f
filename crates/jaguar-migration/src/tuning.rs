//! Settings of the whole world: the same on every pod, changed by a record of the log.

use serde::{Deserialize, Serialize};

use crate::input::Rate;

/// What every pod of a world goes by. None of it reaches the physics: it decides what is sealed, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorldTuning {
    /// Pace of the world.
    pub rate: Rate,
    /// Bodies the world may hold.
    pub entity_limit: u64,
    /// Whether load moves between pods on its own.
    pub rebalance: bool,
    /// Bodies that may cross one split in one step of a rebalance.
    pub batch: u32,
    /// Splits that may move in one step of a rebalance.
    pub streams: u32,
}

impl Default for WorldTuning {
    fn default() -> Self {
        Self {
            rate: Rate::Hz(60.0),
            entity_limit: 1_000_000,
            rebalance: true,
            batch: 100,
            streams: 5,
        }
    }
}

/// A wish to change some of it. What is not named stays as it is, so that pods that change different settings do not undo each other's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TuningChange {
    /// As [`WorldTuning::rate`].
    pub rate: Option<Rate>,
    /// As [`WorldTuning::entity_limit`].
    pub entity_limit: Option<u64>,
    /// As [`WorldTuning::rebalance`].
    pub rebalance: Option<bool>,
    /// As [`WorldTuning::batch`].
    pub batch: Option<u32>,
    /// As [`WorldTuning::streams`].
    pub streams: Option<u32>,
}

impl TuningChange {
    /// The settings after the change.
    #[must_use]
    pub fn applied_to(self, tuning: WorldTuning) -> WorldTuning {
        WorldTuning {
            rate: self.rate.unwrap_or(tuning.rate),
            entity_limit: self.entity_limit.unwrap_or(tuning.entity_limit),
            rebalance: self.rebalance.unwrap_or(tuning.rebalance),
            batch: self.batch.unwrap_or(tuning.batch),
            streams: self.streams.unwrap_or(tuning.streams),
        }
    }

    /// Both changes; where they name the same setting, the later one's value.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self {
            rate: later.rate.or(self.rate),
            entity_limit: later.entity_limit.or(self.entity_limit),
            rebalance: later.rebalance.or(self.rebalance),
            batch: later.batch.or(self.batch),
            streams: later.streams.or(self.streams),
        }
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_touches_what_it_names_and_a_later_one_wins() {
        let slow = TuningChange {
            rate: Some(Rate::Hz(30.0)),
            batch: Some(7),
            ..TuningChange::default()
        };
        let fast = TuningChange {
            rate: Some(Rate::Max),
            ..TuningChange::default()
        };
        let expected = WorldTuning {
            rate: Rate::Max,
            batch: 7,
            ..WorldTuning::default()
        };
        assert_eq!(slow.then(fast).applied_to(WorldTuning::default()), expected);
        assert_eq!(fast.applied_to(slow.applied_to(WorldTuning::default())), expected);
        assert!(TuningChange::default().is_empty() && !slow.is_empty());
        assert_eq!(TuningChange::default().applied_to(expected), expected);
    }
}
