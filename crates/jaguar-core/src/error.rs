//! What can be wrong with input: parameters, bodies, neighbours' messages, snapshots.

use std::fmt;

use thiserror::Error;

use crate::body::BodyId;
use crate::environment::EnvironmentError;
use crate::shape::{HullError, ShapeError};
use crate::tile::TileIndex;

/// A world cannot be made of these parameters, shapes or surroundings.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum WorldError {
    /// A parameter is out of its range; the caller must choose a value inside.
    #[error("world parameter {0}")]
    Parameter(#[from] FieldError),
    /// A static shape is malformed; the caller must repair it.
    #[error("static geometry: {0}")]
    Shape(#[from] ShapeError),
    /// A hull is too large or too small for the tiles; the caller must scale it or choose another tile size.
    #[error("hull {hull}: {reason}")]
    Hull {
        /// Index of the hull in the world's definition.
        hull: usize,
        /// What is wrong with it.
        reason: FieldError,
    },
    /// The environment is out of its ranges; the caller must choose values inside.
    #[error("environment: {0}")]
    Environment(#[from] EnvironmentError),
}

/// A field with a value outside its range.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{field} is {value}, allowed is {allowed}")]
pub struct FieldError {
    /// Name of the field, as in the struct.
    pub field: &'static str,
    /// The value found.
    pub value: String,
    /// The allowed range, with its unit.
    pub allowed: String,
}

impl FieldError {
    /// Fails unless `low <= value <= high`; NaN fails.
    pub(crate) fn check<T: PartialOrd + fmt::Display>(
        field: &'static str,
        value: T,
        low: T,
        high: T,
        unit: &str,
    ) -> Result<(), Self> {
        if low <= value && value <= high {
            return Ok(());
        }
        let space = if unit.is_empty() { "" } else { " " };
        Err(Self::new(field, value, format!("{low} to {high}{space}{unit}")))
    }

    pub(crate) fn new(field: &'static str, value: impl fmt::Display, allowed: impl Into<String>) -> Self {
        Self {
            field,
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }
}

/// A body cannot be spawned.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SpawnError {
    /// A field of the description is out of its range; the caller must choose a value inside.
    #[error("body field {0}")]
    Field(#[from] FieldError),
    /// The id is held already; ids are never reused.
    #[error("body {} exists already; take a new id, ids are never reused", .0.0)]
    Duplicate(BodyId),
    /// The id is 2^63 or more.
    #[error("body id {} is not below 2^63; take ids from the world's counter", .0.0)]
    Id(BodyId),
}

/// A neighbour's message does not fit this world: the peers run different worlds, ticks, maps or builds. The world is unchanged or must be given up.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum HaloError {
    /// A body was handed over that is held here already.
    #[error("body {} was handed over but is held here already", .0.0)]
    Duplicate(BodyId),
    /// A ghost of a body that is held here.
    #[error("a ghost arrived of body {}, which is held here", .0.0)]
    GhostIsHeld(BodyId),
    /// A number in a record is outside what a world can hold.
    #[error("body {} arrived with {reason}", .id.0)]
    Record {
        /// The body.
        id: BodyId,
        /// Which field, its value, and its range.
        reason: FieldError,
    },
    /// A tile holds both own bodies and ghosts: the pods disagree about who owns it.
    #[error("tile {tile:?} holds both bodies of this pod and ghosts; the ownership maps differ")]
    SharedTile {
        /// The tile.
        tile: TileIndex,
    },
    /// The number of boundary velocities differs from the number of ghosts of that pod in contact.
    #[error("pod {peer} sent {got} boundary velocities, expected {expected}; the ghosts of the two pods differ")]
    VelocityCount {
        /// The sender.
        peer: u32,
        /// Velocities received.
        got: usize,
        /// Velocities expected.
        expected: usize,
    },
    /// Ghosts arrived outside a tick: only an entry that advances carries them.
    #[error("{count} ghosts arrived with a hand-over that does not advance the world")]
    UnexpectedGhosts {
        /// How many.
        count: usize,
    },
}

/// Bytes are not a snapshot that this build can restore.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SnapshotError {
    /// The bytes do not begin with the snapshot's magic number.
    #[error("not a snapshot: it does not begin with the magic bytes")]
    Magic,
    /// Written by another version of the format.
    #[error("snapshot format version {found}, this build reads version {expected}")]
    Version {
        /// Version found.
        found: u32,
        /// Version that this build reads.
        expected: u32,
    },
    /// The file ends early or goes on after its end.
    #[error("snapshot is cut off or has trailing bytes: {what} at byte {at} of {length}")]
    Length {
        /// What was being read.
        what: &'static str,
        /// Where, in bytes from the beginning.
        at: usize,
        /// Bytes in the whole.
        length: usize,
    },
    /// The checksum differs: the bytes were damaged.
    #[error("snapshot is damaged: checksum {found:016x}, computed {computed:016x}")]
    Checksum {
        /// Checksum stored.
        found: u64,
        /// Checksum of the bytes.
        computed: u64,
    },
    /// Parameters or static shapes are not valid.
    #[error("snapshot holds an invalid world: {0}")]
    World(#[from] WorldError),
    /// A body is not valid or there twice.
    #[error("snapshot holds an invalid body: {0}")]
    Body(#[from] HaloError),
    /// The points of a hull make none.
    #[error("snapshot holds an invalid hull: {0}")]
    Hull(#[from] HullError),
    /// Another value is outside its range.
    #[error("snapshot holds an invalid value: {0}")]
    Value(#[from] FieldError),
}
