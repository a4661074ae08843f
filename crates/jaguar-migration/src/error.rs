//! What can be wrong with what a pod is given.

use crate::id::{Epoch, PodId, WorldId};

/// Bytes that are not what they claim to be. Who sent them is at fault, or the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("{what}: {have} bytes where at least {need} are needed")]
    Short {
        /// What was decoded.
        what: &'static str,
        /// Bytes there are.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// Not ours.
    #[error("{what}: starts with {found:02x?}, not with the magic bytes of Jaguar")]
    Magic {
        /// What was decoded.
        what: &'static str,
        /// The first bytes.
        found: [u8; 4],
    },
    /// Written by another version of Jaguar.
    #[error("{what}: format version {found}, this build reads {expected}; run the same version on all pods")]
    Version {
        /// What was decoded.
        what: &'static str,
        /// The version found.
        found: u16,
        /// The version this build reads.
        expected: u16,
    },
    /// Damaged on the way.
    #[error("{what}: checksum does not match, the bytes are damaged")]
    Checksum {
        /// What was decoded.
        what: &'static str,
    },
    /// Larger than allowed.
    #[error("{what}: {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// What was decoded.
        what: &'static str,
        /// Size found.
        size: usize,
        /// Size allowed.
        limit: usize,
    },
    /// Intact, but not a value of the type.
    #[error("{what}: {reason}")]
    Content {
        /// What was decoded.
        what: &'static str,
        /// The codec's complaint.
        reason: String,
    },
}

/// A pod that cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    /// The definition does not make a world.
    #[error("the world's definition is not valid: {0}")]
    World(#[from] jaguar_core::error::WorldError),
    /// A body of the definition cannot be spawned.
    #[error("body {id} of the world's definition cannot be placed: {reason}")]
    Body {
        /// The body's id.
        id: u64,
        /// Why.
        reason: jaguar_core::error::SpawnError,
    },
    /// A joint of the definition cannot be made.
    #[error("joint {id} of the world's definition cannot be made: {reason}")]
    Joint {
        /// The joint's id.
        id: u64,
        /// Why.
        reason: jaguar_core::JointError,
    },
    /// The snapshot is not the world that was saved.
    #[error("the snapshot cannot be restored: {0}")]
    Saved(#[from] crate::saved::SavedError),
    /// The welcome cannot be read.
    #[error("the coordinator's welcome cannot be read: {0}")]
    Welcome(#[from] DecodeError),
}

/// A packet that a pod does not accept. It is dropped; a link repeats what was good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Not a packet.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Of another world: its sender's has ended, or this pod's has.
    #[error("a packet of world {found} from {from}; this one is in world {own}")]
    World {
        /// The sender.
        from: PodId,
        /// The packet's world.
        found: WorldId,
        /// This pod's.
        own: WorldId,
    },
    /// Of another epoch: its sender was cut off, or this pod was.
    #[error("a packet of {found} from {from}; this one is in {own}")]
    Epoch {
        /// The sender.
        from: PodId,
        /// The packet's epoch.
        found: Epoch,
        /// This pod's.
        own: Epoch,
    },
    /// For another pod.
    #[error("a packet for {to}; this is {own}")]
    Addressee {
        /// Whom it was for.
        to: PodId,
        /// This pod.
        own: PodId,
    },
    /// From a pod that is not a member.
    #[error("a packet from {from}, which is not a member")]
    Stranger {
        /// The sender.
        from: PodId,
    },
}
