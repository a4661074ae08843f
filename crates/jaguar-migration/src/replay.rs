//! A world driven by its log alone: no pods, no network. What it computes is what every cluster must have computed.

use jaguar_core::World;
use jaguar_core::hash::WorldHash;

pub use crate::apply::ApplyError;
use crate::apply::apply;
use crate::definition::WorldDefinition;
use crate::error::PodError;
use crate::id::{LogIndex, Tick};
use crate::record::{Change, Entry, Record};
use crate::saved::SavedWorld;

/// One world and its place in the log.
#[derive(Debug)]
pub struct Replay {
    world: World,
    definition: WorldDefinition,
    index: LogIndex,
    next_id: u64,
}

/// An entry that does not continue the log, or cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Entries were left out or came twice.
    #[error("{found} does not follow {last}: the log has a gap")]
    Gap {
        /// The last entry applied.
        last: LogIndex,
        /// The entry given.
        found: LogIndex,
    },
    /// The entry begins at another tick than the world is at.
    #[error("{index} begins at {found}, the world is at {own}: the log belongs to another world")]
    Tick {
        /// The entry.
        index: LogIndex,
        /// The entry's tick.
        found: Tick,
        /// The world's.
        own: Tick,
    },
    /// A change of the log cannot be applied.
    #[error("{index} cannot be applied: {reason}")]
    Change {
        /// The entry.
        index: LogIndex,
        /// Why.
        reason: ApplyError,
    },
}

impl Replay {
    /// The world before the first entry.
    ///
    /// # Errors
    /// When the definition does not make a world.
    pub fn new(definition: WorldDefinition) -> Result<Self, PodError> {
        let world = World::new(definition.config())?;
        let next_id = definition.first_free_id();
        Ok(Self {
            world,
            definition,
            index: LogIndex(0),
            next_id,
        })
    }

    /// The world of a snapshot, before the entry that follows it.
    ///
    /// # Errors
    /// When it is not the world that was saved.
    pub fn resume(saved: SavedWorld) -> Result<Self, PodError> {
        Ok(Self {
            world: saved.world()?,
            index: saved.cut.index,
            next_id: saved.cut.next_id,
            definition: saved.definition,
        })
    }

    /// Applies the next entry and returns the world hash after it.
    ///
    /// # Errors
    /// When the entry is not the next of this world's log.
    pub fn apply(&mut self, entry: &Entry) -> Result<WorldHash, ReplayError> {
        if entry.index != self.index.next() {
            return Err(ReplayError::Gap {
                last: self.index,
                found: entry.index,
            });
        }
        let own = Tick(self.world.tick());
        if entry.tick != own {
            return Err(ReplayError::Tick {
                index: entry.index,
                found: entry.tick,
                own,
            });
        }
        for record in &entry.records {
            if let Record::Physics { change, .. } = record {
                apply(&mut self.world, &self.definition, entry.tick, change, &|_| true).map_err(|reason| {
                    ReplayError::Change {
                        index: entry.index,
                        reason,
                    }
                })?;
                self.next_id = self.next_id.max(change.first_free_id());
            }
        }
        if entry.advance {
            self.world.step();
        }
        self.index = entry.index;
        Ok(self.world.hash())
    }

    /// Applies the entry that a coordinator without clients would seal next: the scenario's own records, and one tick.
    ///
    /// # Errors
    /// As [`Replay::apply`]; never for a definition whose bodies were checked.
    pub fn advance(&mut self) -> Result<WorldHash, ReplayError> {
        let tick = Tick(self.world.tick());
        let mut changes = self.definition.changes(&self.world, tick, self.next_id, u64::MAX);
        if self.index == LogIndex(0) {
            changes.insert(0, Change::Begin);
        }
        let records = changes
            .into_iter()
            .map(|change| Record::Physics { origin: None, change })
            .collect();
        self.apply(&Entry {
            index: self.index.next(),
            tick,
            advance: true,
            records,
        })
    }

    /// The world as it is.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The last entry applied.
    pub fn index(&self) -> LogIndex {
        self.index
    }
}
