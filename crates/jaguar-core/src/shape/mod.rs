//! Static geometry: part of the world's definition, known to every pod.
//!
//! The modules below answer one question each for one shape: how far is a point from the surface, and where does a ray meet it. They compute in f64 relative to the
//! shape, with additions, multiplications, divisions and square roots only, so that every machine gets the same bits.

mod cuboid;
mod error;
mod height_field;
mod plane;

pub(crate) use cuboid::Cuboid;
pub(crate) use error::{MAX_SHAPES, checked};
pub(crate) use plane::Plane;

pub use error::ShapeError;
pub use height_field::HeightField;

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

impl StaticShape {
    /// What error messages call this kind of shape.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Plane { .. } => "plane",
            Self::Cuboid { .. } => "box",
            Self::HeightField(_) => "height field",
        }
    }
}

/// The surface point that a sphere's centre sees, from the centre's side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SurfacePoint {
    /// Which part of the shape, below 2^40.
    pub(crate) feature: u64,
    /// Unit vector from the surface to outside.
    pub(crate) normal: DVec3,
    /// Signed distance of the centre, m; negative inside the solid.
    pub(crate) distance: f64,
}

/// Where a ray meets a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RayHit {
    /// Distance from the ray's origin, m; 0 for a ray that starts inside the solid.
    pub(crate) distance: f64,
    /// Unit normal of the surface; against the ray for a ray that starts inside.
    pub(crate) normal: DVec3,
}

/// Strategies for the tests of this module.
#[cfg(test)]
pub(crate) mod strategy {
    use proptest::prelude::*;

    /// A number between two bounds. proptest's own float ranges trip over an assertion of theirs about once in 10^5 draws (1.12, `float_samplers.rs`).
    pub(crate) fn between(low: f64, high: f64) -> impl Strategy<Value = f64> {
        any::<u32>().prop_map(move |fraction| low + (high - low) * (f64::from(fraction) / f64::from(u32::MAX)))
    }

    /// [`between`] in f32.
    pub(crate) fn between_f32(low: f32, high: f32) -> impl Strategy<Value = f32> {
        between(f64::from(low), f64::from(high)).prop_map(|number| number as f32)
    }
}
