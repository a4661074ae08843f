//! Bodies: how they are described, identified, transferred and read.

use glam::{DVec3, Quat, Vec3};

use crate::tile::TileIndex;

/// Identifies a body for its whole life, on every pod. Below 2^63; never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BodyId(pub u64);

/// Surface and damping of a body.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Material {
    /// Coulomb friction coefficient, 0 to 10. A contact uses the geometric mean of both.
    pub friction: f32,
    /// Coefficient of restitution, 0 to 1. A contact uses the larger of both.
    pub restitution: f32,
    /// Linear damping, 1/s, 0 to 100.
    pub linear_damping: f32,
    /// Angular damping, 1/s, 0 to 100.
    pub angular_damping: f32,
}

impl Default for Material {
    fn default() -> Self {
        Self {
            friction: 0.5,
            restitution: 0.0,
            linear_damping: 0.0,
            angular_damping: 0.0,
        }
    }
}

/// What a body is spawned from: a solid sphere.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BodyDesc {
    /// Centre of mass, m.
    pub position: DVec3,
    /// Orientation, a unit quaternion.
    pub orientation: Quat,
    /// Velocity of the centre of mass, m/s.
    pub velocity: Vec3,
    /// Angular velocity, rad/s.
    pub angular_velocity: Vec3,
    /// Radius, m; the diameter must be smaller than a tile.
    pub radius: f32,
    /// Mass, kg, positive.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
}

impl Default for BodyDesc {
    /// A ball of 1 m diameter and the density of water at rest in the origin.
    fn default() -> Self {
        Self {
            position: DVec3::ZERO,
            orientation: Quat::IDENTITY,
            velocity: Vec3::ZERO,
            angular_velocity: Vec3::ZERO,
            radius: 0.5,
            mass: 523.6,
            material: Material::default(),
        }
    }
}

/// The whole state of a body as plain numbers: what is handed over, hashed and kept in snapshots.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BodyRecord {
    /// Identity.
    pub id: BodyId,
    /// Tile that the centre is in.
    pub tile: TileIndex,
    /// Centre, m from the tile's centre.
    pub offset: [f32; 3],
    /// Orientation quaternion, x y z w.
    pub orientation: [f32; 4],
    /// Velocity, m/s.
    pub velocity: [f32; 3],
    /// Angular velocity, rad/s.
    pub angular_velocity: [f32; 3],
    /// Radius, m.
    pub radius: f32,
    /// Mass, kg.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
}

/// A body as the public API reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Identity.
    pub id: BodyId,
    /// Centre of mass, m.
    pub position: DVec3,
    /// Orientation.
    pub orientation: Quat,
    /// Velocity, m/s.
    pub velocity: Vec3,
    /// Angular velocity, rad/s.
    pub angular_velocity: Vec3,
    /// Radius, m.
    pub radius: f32,
    /// Mass, kg.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
}
