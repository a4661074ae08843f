//! Joints: what holds two bodies together, or a body to a point of the world.
//!
//! A joint has a *frame* at each end: an anchor and axes, fixed to the end's body. It pulls the frames onto each other as far as its [`JointKind`] says. The bodies of a joint are in the same
//! or in neighbouring tiles; one whose bodies are pulled further apart than its [`Joint::reach`] breaks.
//!
//! Joints of bodies of one tile, and of a body and the world, are solved one after the other in the order of their ids, before the contacts of the tile (`inside`). Joints between tiles see
//! the velocities after all warm starts (`across`), so that the owners of the two bodies compute the same without asking each other. Either way a joint is solved as a whole, all
//! its directions at once (`solve`).
//!
//! A joint is held by every pod that holds one of its bodies, and counts (in hashes, snapshots and parts) where the body of the lower id is held.

pub(crate) mod across;
mod check;
mod error;
pub(crate) mod inside;
pub(crate) mod list;
mod pose;
pub(crate) mod prepare;
pub(crate) mod solve;
mod world;

pub(crate) use self::check::check_joint;
pub use self::error::JointError;

use glam::{DVec3, Quat, Vec3};

use crate::body::BodyId;
use crate::constants::{JOINT_SLACK_IN_TILES, MAX_JOINT_REACH_IN_TILES};
use crate::tile::TileIndex;

/// Identifies a joint for its whole life, on every pod. Taken from the same counter as the ids of bodies: below 2^63, never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JointId(pub u64);

/// Where on a body a joint acts, and how its axes lie there.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JointFrame {
    /// From the centre of mass in the body's axes, m.
    pub anchor: Vec3,
    /// The joint's axes in the body's, a unit quaternion. A hinge turns about its x axis.
    pub orientation: Quat,
}

impl JointFrame {
    /// At this point of the body, with the body's axes.
    pub const fn at(anchor: Vec3) -> Self {
        Self {
            anchor,
            orientation: Quat::IDENTITY,
        }
    }

    /// At this point of the body, with the x axis along a unit vector.
    pub fn along(anchor: Vec3, axis: Vec3) -> Self {
        Self {
            anchor,
            orientation: axes_along(axis),
        }
    }
}

/// The shortest turn that brings the x axis to a unit vector. As glam's `from_rotation_arc`, but for -x, where that takes the system's sine.
pub(crate) fn axes_along(x: Vec3) -> Quat {
    if x.x < -1.0 + 1e-6 {
        return Quat::from_xyzw(0.0, 0.0, 1.0, 0.0);
    }
    let turn = Vec3::X.cross(x);
    Quat::from_xyzw(turn.x, turn.y, turn.z, 1.0 + x.x).normalize()
}

/// What a body is joined to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JointEnd {
    /// Another body.
    Body {
        /// The body.
        id: BodyId,
        /// Where on it.
        frame: JointFrame,
    },
    /// A point that does not move.
    World {
        /// Where, m.
        point: DVec3,
        /// The joint's axes in the world's, a unit quaternion.
        orientation: Quat,
    },
}

/// What a hinge's drive wants and may use.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Motor {
    /// Angular velocity of the second end against the first about the hinge's axis, rad/s.
    pub speed: f32,
    /// Largest torque, N m. With a speed of 0 it is a brake.
    pub max_torque: f32,
}

/// How a distance yields. The stiffness follows from the mass that the spring feels: what is given is how the pair swings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Spring {
    /// Undamped frequency of the pair, Hz. What is above a quarter of the substep rate acts like that.
    pub frequency: f32,
    /// 0 swings for ever, 1 does not swing through.
    pub damping_ratio: f32,
}

/// What a joint holds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum JointKind {
    /// The frames lie on each other.
    Fixed,
    /// The anchors lie on each other.
    Ball,
    /// The anchors and the x axes lie on each other.
    Hinge {
        /// Least and greatest angle of the second end against the first about the axis, rad, within ±π; 0 where the frames lie on each other.
        limits: Option<[f32; 2]>,
        /// What drives it.
        motor: Option<Motor>,
    },
    /// The anchors are this far apart.
    Distance {
        /// m.
        length: f32,
        /// How it yields; rigid without.
        spring: Option<Spring>,
    },
}

/// What a joint is made from.
///
/// ```
/// use glam::{DVec3, Vec3};
/// use jaguar_core::{BodyDesc, JointDesc, JointKind, World, WorldConfig};
///
/// let mut world = World::new(WorldConfig::default())?;
/// let ball = world.spawn(&BodyDesc::sphere(0.1).at(DVec3::X))?;
/// let rope = JointKind::Distance { length: 1.0, spring: None };
/// let rope = world.join(&JointDesc::to_world(ball, DVec3::ZERO, rope))?;
/// for _ in 0..60 {
///     world.step();
/// }
/// let ball = world.body(ball).expect("it was not despawned");
/// assert!((ball.position.length() - 1.0).abs() < 1e-3);
/// assert!(world.unjoin(rope));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct JointDesc {
    /// The first end.
    pub body: BodyId,
    /// Where on it.
    pub frame: JointFrame,
    /// The second end.
    pub end: JointEnd,
    /// What the joint holds.
    pub kind: JointKind,
    /// Whether the two bodies can touch each other all the same.
    pub collide: bool,
}

impl JointDesc {
    /// Between two bodies, which do not touch each other any more.
    pub fn new(first: (BodyId, JointFrame), second: (BodyId, JointFrame), kind: JointKind) -> Self {
        Self {
            body: first.0,
            frame: first.1,
            end: JointEnd::Body {
                id: second.0,
                frame: second.1,
            },
            kind,
            collide: false,
        }
    }

    /// Between the centre of a body and a point of the world (m), both with the world's and the body's axes.
    pub fn to_world(body: BodyId, point: DVec3, kind: JointKind) -> Self {
        Self {
            body,
            frame: JointFrame::at(Vec3::ZERO),
            end: JointEnd::World {
                point,
                orientation: Quat::IDENTITY,
            },
            kind,
            collide: false,
        }
    }

    /// The bodies at the ends.
    pub fn bodies(&self) -> impl Iterator<Item = BodyId> + use<> {
        let second = match self.end {
            JointEnd::Body { id, .. } => Some(id),
            JointEnd::World { .. } => None,
        };
        [Some(self.body), second].into_iter().flatten()
    }

    /// With bodies that can touch each other.
    #[must_use]
    pub fn colliding(self) -> Self {
        Self { collide: true, ..self }
    }
}

/// The whole state of a joint as plain numbers: what is handed over, hashed and kept in snapshots.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Joint {
    /// Identity.
    pub id: JointId,
    /// The body at the first end.
    pub first: BodyId,
    /// The body at the second end; the world if none.
    pub second: Option<BodyId>,
    /// The tile that the world's point is in; of no meaning between bodies.
    pub tile: TileIndex,
    /// From the centre of each end's body in its axes, m; of the world's point from the tile's centre.
    pub anchors: [[f32; 3]; 2],
    /// The joint's axes at each end, quaternions x y z w.
    pub orientations: [[f32; 4]; 2],
    /// What it holds.
    pub kind: JointKind,
    /// Whether the two bodies can touch each other.
    pub collide: bool,
    /// What holds the anchors together: impulse of a substep on the second end, a world vector, kg m/s. Not of distances.
    pub linear_impulse: [f32; 3],
    /// What holds the axes together: impulse of a substep on the second end, a world vector, kg m²/s.
    pub angular_impulse: [f32; 3],
    /// Of a hinge, what its lower limit, its upper limit and its motor exert about the axis in a substep, kg m²/s; of a distance, first, what pushes the ends apart, kg m/s.
    pub row_impulses: [f32; 3],
}

impl Joint {
    /// The lower of the two bodies' ids; where that body is held the joint counts.
    pub fn low(&self) -> BodyId {
        self.second.map_or(self.first, |second| second.min(self.first))
    }

    /// The distance of the centres (of the centre from the world's point) beyond which the joint breaks, m: a quarter of a tile more than it should ever be, for a spring what tiles can hold. Below the
    /// edge of a tile, so that the bodies are in the same or in neighbouring tiles.
    pub fn reach(&self, tile_size: f32) -> f32 {
        let most = MAX_JOINT_REACH_IN_TILES * tile_size;
        match self.kind {
            JointKind::Distance { spring: Some(_), .. } => most,
            _ => (self.span() + JOINT_SLACK_IN_TILES * tile_size).min(most),
        }
    }

    /// The largest distance of the centres (of the centre from the world's point) with the joint as it should be, m.
    pub(crate) fn span(&self) -> f32 {
        let [first, second] = self.anchors.map(|anchor| Vec3::from_array(anchor).length());
        let length = match self.kind {
            JointKind::Distance { length, .. } => length,
            _ => 0.0,
        };
        first + length + if self.second.is_some() { second } else { 0.0 }
    }

    /// The bodies at the ends.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = BodyId> + use<> {
        [Some(self.first), self.second].into_iter().flatten()
    }

    /// The two bodies, the one of the lower id first; none if one end is the world.
    pub(crate) fn pair(&self) -> Option<(BodyId, BodyId)> {
        self.second
            .map(|second| (self.first.min(second), self.first.max(second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_lie_along_any_unit_vector() {
        for axis in [
            Vec3::X,
            -Vec3::X,
            Vec3::Y,
            -Vec3::Z,
            Vec3::new(-0.999_999_9, 1e-4, 0.0),
            Vec3::new(0.48, 0.6, -0.64),
        ] {
            let axis = axis.normalize();
            assert!((axes_along(axis) * Vec3::X).distance(axis) < 1e-3, "{axis}");
        }
    }
}
