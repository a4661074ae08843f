//! Why a joint cannot be made.

use thiserror::Error;

use super::JointId;
use crate::body::BodyId;
use crate::error::FieldError;

/// A joint cannot be made.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum JointError {
    /// A field of the description is out of its range; the caller must choose a value inside.
    #[error("joint field {0}")]
    Field(#[from] FieldError),
    /// Both ends are the same body; the caller must name another.
    #[error("joint of body {} with itself; join two bodies, or a body to the world", .0.0)]
    Same(BodyId),
    /// A body is not held here; the caller must name one that is.
    #[error("joint of body {}, which is not held here", .0.0)]
    Missing(BodyId),
    /// The bodies are further apart than the joint reaches; the caller must bring them nearer.
    #[error("joint of bodies whose centres are {distance} m apart, allowed is 0 to {reach} m")]
    Far {
        /// Distance of the centres, or of the centre and the world's point, m.
        distance: f32,
        /// Beyond which the joint would break at once, m.
        reach: f32,
    },
    /// The id is held already; ids are never reused.
    #[error("joint {} exists already; take a new id, ids are never reused", .0.0)]
    Duplicate(JointId),
    /// The id is 2^63 or more.
    #[error("joint id {} is not below 2^63; take ids from the world's counter", .0.0)]
    Id(JointId),
}
