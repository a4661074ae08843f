//! Manifolds of pairs of convex solids.

mod cuboid;

use glam::{Mat3, Vec3};

use super::solid::{Manifold, Solid};

/// The manifold of two solids, each with its rotation, `between` their centres (m), with the points whose gap is less than `margin` (m).
pub(crate) fn collide(
    first: (Solid<'_>, &Mat3),
    second: (Solid<'_>, &Mat3),
    between: Vec3,
    margin: f32,
) -> Option<Manifold> {
    match (first.0, second.0) {
        (Solid::Cuboid { half_extents: a }, Solid::Cuboid { half_extents: b }) => {
            cuboid::cuboids((a, first.1), (b, second.1), between, margin)
        }
        _ => None,
    }
}
