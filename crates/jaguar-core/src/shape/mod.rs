//! Shapes: those of bodies ([`Shape`]), and static geometry ([`StaticShape`]), which is part of the world's definition and known to every pod.
//!
//! The modules of static shapes answer the same questions, each for one shape: how far is a point from the surface, where does a ray meet it, and where does a moving ball touch it first. They compute in f64 relative to the
//! shape, with additions, multiplications, divisions and square roots only, so that every machine gets the same bits.

mod cuboid;
mod error;
mod facet;
mod height_field;
mod hull;
mod mesh;
mod plane;
pub(crate) mod sweep;

pub(crate) use cuboid::Cuboid;
pub(crate) use error::{MAX_SHAPES, checked};
pub(crate) use facet::{Facet, Facets, NEARLY_FLAT};
pub(crate) use hull::{
    Corner, Edge, EdgeLanes, Face, FaceLanes, Lanes, MAX_AROUND_FACE, MAX_FACES, MAX_HULLS, MAX_VERTICES, Polyhedron,
    TurnedHull,
};
pub(crate) use mesh::{Surface, Topology};
pub(crate) use plane::Plane;

pub use error::ShapeError;
pub use height_field::HeightField;
pub use hull::{ConvexHull, HullError};
pub use mesh::TriangleMesh;

use glam::{DVec3, Mat3, Quat, Vec3};

/// A convex hull of the world's definition, by its index in [`crate::WorldConfig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HullId(pub u32);

/// The shape of a body, solid, around its centre of mass.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Shape {
    /// A ball.
    Sphere {
        /// m.
        radius: f32,
    },
    /// A cylinder along the body's y axis between two half balls.
    Capsule {
        /// Half the length of the cylinder, m.
        half_height: f32,
        /// m.
        radius: f32,
    },
    /// A box.
    Cuboid {
        /// Half edges along the body's axes, m.
        half_extents: Vec3,
    },
    /// A convex polyhedron.
    Hull(HullId),
}

impl Shape {
    /// What error messages call this kind of shape.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sphere { .. } => "sphere",
            Self::Capsule { .. } => "capsule",
            Self::Cuboid { .. } => "cuboid",
            Self::Hull(_) => "hull",
        }
    }

    /// Volume, m³. A hull's is known to the hull.
    pub fn volume(&self) -> Option<f32> {
        let ball = |radius: f32| 4.0 / 3.0 * std::f32::consts::PI * radius * radius * radius;
        match *self {
            Self::Sphere { radius } => Some(ball(radius)),
            Self::Capsule { half_height, radius } => {
                Some(ball(radius) + 2.0 * std::f32::consts::PI * radius * radius * half_height)
            }
            Self::Cuboid { half_extents } => Some(8.0 * half_extents.x * half_extents.y * half_extents.z),
            Self::Hull(_) => None,
        }
    }

    /// Surface, m². A hull's is known to the hull.
    pub fn surface(&self) -> Option<f32> {
        use std::f32::consts::PI;
        match *self {
            Self::Sphere { radius } => Some(4.0 * PI * radius * radius),
            Self::Capsule { half_height, radius } => Some(4.0 * PI * radius * (radius + half_height)),
            Self::Cuboid {
                half_extents: Vec3 { x, y, z },
            } => Some(8.0 * (x * y + y * z + z * x)),
            Self::Hull(_) => None,
        }
    }

    /// The hull that it is, if it is one.
    pub const fn hull(&self) -> Option<HullId> {
        match self {
            Self::Hull(hull) => Some(*hull),
            Self::Sphere { .. } | Self::Capsule { .. } | Self::Cuboid { .. } => None,
        }
    }

    /// Radius of the ball around its centre that holds all of it, m. A hull's is known to the hull, and 0 here: worlds reckon with all hulls of their definition from the start.
    pub fn bounding_radius(&self) -> f32 {
        match *self {
            Self::Sphere { radius } => radius,
            Self::Capsule { half_height, radius } => half_height + radius,
            Self::Cuboid { half_extents } => half_extents.length(),
            Self::Hull(_) => 0.0,
        }
    }

    /// Inertia tensor of a body of 1 kg about its centre in its own axes, m². Formulas as in any handbook of mechanics; the capsule is a cylinder and two half balls. A hull's is known to
    /// the hull.
    pub(crate) fn inertia(&self) -> Mat3 {
        Mat3::from_diagonal(match *self {
            Self::Sphere { radius } => Vec3::splat(0.4 * radius * radius),
            Self::Capsule { half_height, radius } => {
                let (h, r) = (half_height, radius);
                let (cylinder, ball) = (2.0 * h, 4.0 / 3.0 * r);
                let total = cylinder + ball;
                let (cylinder, ball) = (cylinder / total, ball / total);
                let about_axis = r * r * (0.5 * cylinder + 0.4 * ball);
                let across = cylinder * (0.25 * r * r + h * h / 3.0) + ball * (0.4 * r * r + h * h + 0.75 * h * r);
                Vec3::new(across, about_axis, across)
            }
            Self::Cuboid { half_extents } => {
                let square = half_extents * half_extents;
                Vec3::new(square.y + square.z, square.x + square.z, square.x + square.y) / 3.0
            }
            Self::Hull(_) => Vec3::ONE,
        })
    }

    /// A code for the kind and three numbers, as which a shape is hashed and stored.
    pub(crate) fn to_numbers(self) -> (u32, [f32; 3]) {
        match self {
            Self::Sphere { radius } => (0, [radius, 0.0, 0.0]),
            Self::Capsule { half_height, radius } => (1, [half_height, radius, 0.0]),
            Self::Cuboid { half_extents } => (2, half_extents.to_array()),
            Self::Hull(HullId(id)) => (3, [f32::from_bits(id), 0.0, 0.0]),
        }
    }

    /// The shape of a code and numbers, if there is such a code.
    pub(crate) fn of_numbers(code: u32, [a, b, c]: [f32; 3]) -> Option<Self> {
        Some(match code {
            0 => Self::Sphere { radius: a },
            1 => Self::Capsule {
                half_height: a,
                radius: b,
            },
            2 => Self::Cuboid {
                half_extents: Vec3::new(a, b, c),
            },
            3 => Self::Hull(HullId(a.to_bits())),
            _ => return None,
        })
    }
}

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
    /// A surface of triangles.
    Mesh(TriangleMesh),
}

impl StaticShape {
    /// What error messages call this kind of shape.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Plane { .. } => "plane",
            Self::Cuboid { .. } => "box",
            Self::HeightField(_) => "height field",
            Self::Mesh(_) => "mesh",
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

impl RayHit {
    /// Of a ray that starts inside.
    pub(crate) fn inside(direction: DVec3) -> Self {
        Self {
            distance: 0.0,
            normal: -direction,
        }
    }
}

/// Strategies for the tests of this module.
#[cfg(test)]
pub(crate) mod strategy {
    use proptest::prelude::*;

    /// So many cases, the same in every run.
    pub(crate) fn same_cases(cases: u32) -> ProptestConfig {
        ProptestConfig {
            cases,
            failure_persistence: None,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        }
    }

    /// A number between two bounds. proptest's own float ranges trip over an assertion of theirs about once in 10^5 draws (1.12, `float_samplers.rs`).
    pub(crate) fn between(low: f64, high: f64) -> impl Strategy<Value = f64> {
        any::<u32>().prop_map(move |fraction| low + (high - low) * (f64::from(fraction) / f64::from(u32::MAX)))
    }

    /// [`between`] in f32.
    pub(crate) fn between_f32(low: f32, high: f32) -> impl Strategy<Value = f32> {
        between(f64::from(low), f64::from(high)).prop_map(|number| number as f32)
    }
}

/// What one triangle does, for tests that ask all of them.
#[cfg(test)]
pub(crate) mod brute_force {
    use glam::DVec3;

    pub(crate) use super::sweep::nearest_on_triangle;

    /// Where a line meets a triangle (Möller and Trumbore), from either side.
    pub(crate) fn ray_on_triangle([a, b, c]: [DVec3; 3], origin: DVec3, direction: DVec3) -> Option<f64> {
        let (ab, ac) = (b - a, c - a);
        let p = direction.cross(ac);
        let determinant = ab.dot(p);
        let u = (origin - a).dot(p) / determinant;
        let q = (origin - a).cross(ab);
        let v = direction.dot(q) / determinant;
        let distance = ac.dot(q) / determinant;
        (u >= -1e-9 && v >= -1e-9 && u + v <= 1.0 + 1e-9 && distance >= 0.0).then_some(distance)
    }
}
