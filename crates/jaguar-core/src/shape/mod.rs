//! Static geometry: part of the world's definition, known to every pod.

use glam::{DVec3, Quat, Vec3};

/// A shape that never moves.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum StaticShape {
    /// The half space below a plane.
    Plane {
        /// A point on the plane, m.
        point: DVec3,
        /// Unit normal, pointing out of the solid.
        normal: Vec3,
        /// Coulomb friction coefficient, 0 to 10.
        friction: f32,
        /// Coefficient of restitution, 0 to 1.
        restitution: f32,
    },
    /// A solid box.
    Cuboid {
        /// Centre, m.
        centre: DVec3,
        /// Half edges along its own axes, m, positive.
        half_extents: Vec3,
        /// Orientation, a unit quaternion.
        orientation: Quat,
        /// Coulomb friction coefficient, 0 to 10.
        friction: f32,
        /// Coefficient of restitution, 0 to 1.
        restitution: f32,
    },
    /// A surface of heights over a regular grid of posts in the x-z plane.
    HeightField(HeightField),
}

/// Heights over a regular grid of posts; solid below. Each cell is two triangles, split along the diagonal from (column, row) to (column + 1, row + 1).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeightField {
    /// Position of the post at column 0, row 0, m; heights add to its y.
    pub origin: DVec3,
    /// Posts along x, at least 2.
    pub columns: u32,
    /// Posts along z, at least 2.
    pub rows: u32,
    /// Distance between posts along x, m.
    pub spacing_x: f32,
    /// Distance between posts along z, m.
    pub spacing_z: f32,
    /// Heights in m above the origin, row by row: `heights[row * columns + column]`.
    pub heights: Vec<f32>,
    /// Coulomb friction coefficient, 0 to 10.
    pub friction: f32,
    /// Coefficient of restitution, 0 to 1.
    pub restitution: f32,
}
