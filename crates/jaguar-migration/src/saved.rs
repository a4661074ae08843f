//! A world as a snapshot keeps it: everything that is needed to go on from after one entry as if it had never stopped.

use jaguar_core::hash::WorldHash;
use jaguar_core::{BodyId, World, WorldPart};
use serde::{Deserialize, Serialize};

use crate::definition::WorldDefinition;
use crate::id::{LogIndex, PodId, Tick};

/// What is known of the whole world after one entry, beside its bodies and contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The entry.
    pub index: LogIndex,
    /// The world's tick after it.
    pub tick: Tick,
    /// The world hash after it.
    pub hash: u128,
    /// Bodies in the world.
    pub entities: u64,
    /// The id that the next body gets.
    pub next_id: u64,
    /// Bodies spawned since the world began.
    pub spawned: u64,
    /// Bodies removed since the world began.
    pub despawned: u64,
    /// Bodies handed over since the world began.
    pub handed_over: u64,
    /// Whether the world was paused.
    pub paused: bool,
}

/// One pod's part of a snapshot, as it was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPart {
    /// The pod that held it.
    pub pod: PodId,
    /// Bodies in it.
    pub bodies: u64,
    /// Contacts in it.
    pub contacts: u64,
    /// Size of the stored object.
    pub bytes: u64,
    /// xxh3-128 of the stored object.
    pub checksum: u128,
}

/// A world after one entry.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedWorld {
    /// What the world began with, and what its scenario does.
    pub definition: WorldDefinition,
    /// Where it stands.
    pub cut: Cut,
    /// All its bodies and contacts.
    pub part: WorldPart,
}

/// A saved world that is not what it says it is. Whoever wrote or stored it is at fault; use another one.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// The definition does not make a world.
    #[error("its definition is not valid: {0}")]
    World(#[from] jaguar_core::error::WorldError),
    /// A body or contact cannot be.
    #[error("its bodies do not make a world: {0}")]
    Part(#[from] jaguar_core::error::HaloError),
    /// Bodies are missing or too many.
    #[error("it has {found} bodies where {expected} were saved")]
    Entities {
        /// Bodies saved.
        expected: u64,
        /// Bodies there are.
        found: u64,
    },
    /// An id that was given away already would be given again.
    #[error("its next body would get id {next}, but it has a body {used}")]
    Ids {
        /// The next id.
        next: u64,
        /// The highest id in use.
        used: u64,
    },
    /// Some bit of it is another one.
    #[error("its world hash is {found}, that of the world which was saved is {expected}")]
    Hash {
        /// The hash saved.
        expected: WorldHash,
        /// The hash of what there is.
        found: WorldHash,
    },
}

impl SavedWorld {
    /// The world, with the hash that it had.
    ///
    /// # Errors
    /// When it is not the world that was saved.
    pub fn world(&self) -> Result<World, SavedError> {
        let Self { definition, cut, part } = self;
        let mut world = World::new(definition.config())?;
        world.start_at(cut.tick.0, BodyId(0), 0.0);
        world.fill(part)?;
        let found = world.len() as u64;
        if found != cut.entities {
            let expected = cut.entities;
            return Err(SavedError::Entities { expected, found });
        }
        if world.next_id().0 > cut.next_id {
            let (next, used) = (cut.next_id, world.next_id().0 - 1);
            return Err(SavedError::Ids { next, used });
        }
        world.reserve_ids(cut.next_id - world.next_id().0);
        let (expected, found) = (WorldHash(cut.hash), world.hash());
        if found != expected {
            return Err(SavedError::Hash { expected, found });
        }
        Ok(world)
    }
}
