//! What a neighbour needs: handed-over bodies, ghosts, boundary velocities. Plain numbers, ready for a wire.

use crate::body::{BodyId, BodyKind, BodyRecord};
use crate::event::SensorOverlap;
use crate::joint::Joint;
use crate::tile::TileIndex;

/// A contact's impulses of the last tick, which warm start the next.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CachedContact {
    /// The lower id of a pair, or the body of a contact with static geometry.
    pub low: BodyId,
    /// The higher id of a pair; for static geometry 2^63 plus the key of the shape's feature.
    pub high: u64,
    /// Accumulated normal impulse, kg m/s.
    pub normal_impulse: f32,
    /// Accumulated friction impulse on the second body, a world vector, kg m/s.
    pub friction_impulse: [f32; 3],
}

/// A manifold's impulses of the last tick, which warm start the next.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CachedManifold {
    /// The lower id of a pair, or the body of a contact with static geometry.
    pub low: BodyId,
    /// The higher id of a pair; for static geometry 2^63 plus the key of the shape's feature.
    pub high: u64,
    /// Which features of the two shapes touch in each point; [`CachedManifold::NO_FEATURE`] where there is none.
    pub features: [u32; 4],
    /// Accumulated normal impulse of each point, kg m/s.
    pub normal_impulses: [f32; 4],
    /// Accumulated friction impulse on the second body, a world vector, kg m/s.
    pub friction_impulse: [f32; 3],
    /// Accumulated impulse against spinning and rolling on the second body, a world vector, kg m²/s.
    pub torque_impulse: [f32; 3],
}

impl CachedManifold {
    /// Stands for a point that is not there.
    pub const NO_FEATURE: u32 = u32::MAX;
}

/// A neighbour's body near the border, for one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ghost {
    /// Identity.
    pub id: BodyId,
    /// Tile that the body belongs to; its owner sends the velocities.
    pub tile: TileIndex,
    /// Centre, m from the tile's centre.
    pub offset: [f32; 3],
    /// Velocity at the start of the tick, m/s.
    pub velocity: [f32; 3],
    /// Angular velocity at the start of the tick, rad/s.
    pub angular_velocity: [f32; 3],
    /// Orientation quaternion, x y z w.
    pub orientation: [f32; 4],
    /// Ticks that it has been at rest, saturating.
    pub rest: u16,
    /// What does not change.
    pub kind: BodyKind,
}

/// A boundary body's motion after the warm starts of a substep.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BoundaryVelocity {
    /// Velocity, m/s.
    pub velocity: [f32; 3],
    /// Angular velocity, rad/s.
    pub angular_velocity: [f32; 3],
    /// Displacement since the start of the tick, m.
    pub displacement: [f32; 3],
    /// Rotation vector since the start of the tick, rad.
    pub rotation: [f32; 3],
    /// The orientation, a quaternion x y z w, of a body that has turned so far in this tick that its inertia tensor is another than at the start.
    pub orientation: Option<[f32; 4]>,
    /// In how many manifolds and joints between tiles the body takes part.
    pub crowd: u32,
    /// The body of another tile that it is to bounce off in this substep.
    pub bounces_off: Option<BodyId>,
    /// Whether the body sleeps in this tick, so that it takes no change.
    pub asleep: bool,
}

/// All that goes to one neighbour in exchange 0. Each list is in ascending order of id (contacts: of low, then high).
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Boundary {
    /// Bodies that the receiver owns from now on.
    pub handed_over: Vec<BodyRecord>,
    /// Every cached contact that one of those bodies takes part in.
    pub contacts: Vec<CachedContact>,
    /// Every cached manifold likewise.
    pub manifolds: Vec<CachedManifold>,
    /// What is in those of the bodies that are sensors.
    pub overlaps: Vec<SensorOverlap>,
    /// Every joint that one of those bodies takes part in, ascending by id.
    pub joints: Vec<Joint>,
    /// Bodies near the receiver's territory.
    pub ghosts: Vec<Ghost>,
}
