//! The checker of the world's settings: what the log makes of the proposals, and whether every pod went by it after every entry.
//!
//! It stands outside the protocol: it knows the settings at the start, the proposals, and the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use jaguar_migration::id::{LogIndex, PodId, RequestId};
use jaguar_migration::record::{Entry, Record};
use jaguar_migration::tuning::{TuningChange, WorldTuning};

/// The proposals by their requests, and the entry that each was answered with.
type Proposals = BTreeMap<RequestId, (TuningChange, Option<LogIndex>)>;

/// What is wrong with the settings of a world.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// A record that nobody asked for.
    #[error("{index} changes the settings, and no pod has proposed that")]
    NotAsked {
        /// Its entry.
        index: LogIndex,
    },
    /// A record that is not the proposal on top of what was in force: something old has come back, or something was lost.
    #[error("{index} says {found:?}, and the proposal makes {expected:?} of what was in force")]
    Record {
        /// Its entry.
        index: LogIndex,
        /// What it says.
        found: WorldTuning,
        /// What it should say.
        expected: WorldTuning,
    },
    /// A record that changes nothing.
    #[error("{index} repeats what is in force")]
    Repeated {
        /// Its entry.
        index: LogIndex,
    },
    /// A pod goes by something else than the log says.
    #[error("after {index} {pod} goes by {found:?}, the log says {expected:?}")]
    Pod {
        /// The pod.
        pod: PodId,
        /// The entry.
        index: LogIndex,
        /// What the pod goes by.
        found: WorldTuning,
        /// What the log says.
        expected: WorldTuning,
    },
    /// A proposal was answered with an entry at which it was not in force.
    #[error("a proposal was answered with {index}, where it was not in force")]
    Answer {
        /// The entry.
        index: LogIndex,
    },
}

/// The settings of a world over its log.
pub(crate) struct Settings {
    /// After each record, with its entry; and before the first one.
    history: Vec<(LogIndex, WorldTuning)>,
}

impl Settings {
    /// Follows a log from these settings on.
    pub(crate) fn follow<'a>(
        first: WorldTuning,
        entries: impl Iterator<Item = &'a Arc<Entry>>,
        asked: &Proposals,
    ) -> Result<Self, SettingsError> {
        let (mut current, mut history) = (first, vec![(LogIndex(0), first)]);
        for entry in entries {
            let index = entry.index;
            for record in &entry.records {
                let Record::Tune { origin, tuning: found } = record else {
                    continue;
                };
                let Some((change, _)) = asked.get(&origin.request) else {
                    return Err(SettingsError::NotAsked { index });
                };
                let (found, expected) = (*found, change.applied_to(current));
                if found != expected {
                    return Err(SettingsError::Record { index, found, expected });
                }
                if found == current {
                    return Err(SettingsError::Repeated { index });
                }
                current = found;
                history.push((index, current));
            }
        }
        Ok(Self { history })
    }

    /// How many records changed them.
    pub(crate) fn changes(&self) -> usize {
        self.history.len() - 1
    }

    /// Compares with what pods went by after entries, and with the answers.
    pub(crate) fn check(
        &self,
        asked: &Proposals,
        seen: &[(PodId, LogIndex, WorldTuning)],
    ) -> Result<(), SettingsError> {
        for &(pod, index, found) in seen {
            let expected = self.after(index);
            if found != expected {
                return Err(SettingsError::Pod {
                    pod,
                    index,
                    found,
                    expected,
                });
            }
        }
        for (change, answered) in asked.values() {
            if let Some(index) = *answered
                && !self.during(index).any(|tuning| change.applied_to(tuning) == tuning)
            {
                return Err(SettingsError::Answer { index });
            }
        }
        Ok(())
    }

    fn after(&self, index: LogIndex) -> WorldTuning {
        let known = self.history.partition_point(|(at, _)| *at <= index);
        self.history[known - 1].1
    }

    /// Before an entry, and after each of its records.
    fn during(&self, index: LogIndex) -> impl Iterator<Item = WorldTuning> + '_ {
        let before = self.history.partition_point(|(at, _)| *at < index) - 1;
        let until = self.history[before..].iter().take_while(move |(at, _)| *at <= index);
        until.map(|(_, tuning)| *tuning)
    }
}
