//! Contact manifolds of two convex bodies.
//!
//! Two boxes are told apart by their separating axes ([`cuboid`]), and so are other polyhedra ([`hull`]); balls and capsules by the nearest points of their cores ([`round`], [`hull_and_round`]). Along the axis
//! of least overlap one face is clipped by the other ([`clip`]), or two edges cross in one point. Where bodies are apart and no face looks straight at the other body, the gap along an axis is less than the distance; then the
//! nearest points themselves are the contact ([`nearest`]). See Ericson, Real-Time Collision Detection, chapters 4 and 5, and Gregorius, "The Separating Axis Test between Convex
//! Polyhedra", GDC 2013.
//!
//! Known flaw, rare but for bodies that are inside each other by half their size: where the deepest corner lies beside the face that it is below, the one point of the contact lies there too. Its depth and the normal are
//! right, so that what pushes the bodies apart does so to the end.

mod clip;
mod cuboid;
mod hull;
mod hull_and_round;
mod nearest;
mod polyhedron;
mod round;
#[cfg(test)]
mod tests;

use glam::{Mat3, Vec3};

use super::solid::{Manifold, ManifoldPoint, Solid};
use crate::simd::Level;

/// How much less an axis of lower rank may separate and still be taken, as a share of the smallest half extent: a face of the first before one of the second, faces before edges.
/// Without it the manifold of a box that lies flat would change between the two faces, and lose its impulses, with every rounding. Much larger values push along normals that are off.
const PREFERENCE: f32 = 0.01;

/// Points of a manifold nearer to each other than this share of the smallest half extent are one, and as deep as each other within it: what rounding may choose then hardly matters.
const ONE_PLACE: f32 = 0.02;

/// Share of a face's overlap that is enough where bodies are inside each other: see [`room_for_face`].
const DEEP_SHARE: f32 = 0.5;

/// By how much edges may separate better than a face, or the deepest point before the face be less deep than the face says, with the face still being what touches, m. Overlaps up to `one_place` have no room.
///
/// Flat bodies that are inside each other overlap least along an axis across two edges, and along another one as soon as they turn: one point, which jumps from corner to corner and has no impulse of the last tick. Boards that
/// were jammed in a heap were pushed out by none of these and rocked for good (20 to 50 J each; with this they come out, and keep 0.02 J). Where edges overlap by half as much as the face, the bodies are turned against
/// each other by less than they are deep, and the face holds with all its points.
fn room_for_face(separation: f32, one_place: f32) -> f32 {
    let overlap = -separation - one_place;
    if overlap > 0.0 {
        (1.0 - DEEP_SHARE) * overlap
    } else {
        0.0
    }
}

/// Where two bodies touch or are nearer than `margin` (m, not negative): each a shape and its rotation, from its own axes to the world's.
///
/// `between` goes from the first centre to the second, m. The caller puts the body of the lower id first, so that both owners of a pair get the same bits. The manifold has
/// one point at least; from far apart to coincident centres all numbers are finite.
pub(crate) fn collide(
    first: (Solid<'_>, &Mat3),
    second: (Solid<'_>, &Mat3),
    between: Vec3,
    margin: f32,
    level: Level,
) -> Option<Manifold> {
    match (first.0, second.0) {
        (Solid::Cuboid { half_extents: a }, Solid::Cuboid { half_extents: b }) => {
            cuboid::cuboids((a, first.1), (b, second.1), between, margin)
        }
        (Solid::Sphere { radius: a }, Solid::Sphere { radius: b }) => round::spheres(a, b, between, margin),
        (Solid::Cuboid { half_extents }, Solid::Sphere { radius }) => {
            round::cuboid_and_sphere((half_extents, first.1), radius, between, margin)
        }
        (Solid::Capsule { half_height, radius: a }, Solid::Sphere { radius: b }) => {
            round::capsule_and_sphere((half_height, a, first.1), b, between, margin)
        }
        (
            Solid::Capsule { half_height, radius },
            Solid::Capsule {
                half_height: other_half_height,
                radius: other_radius,
            },
        ) => round::capsules(
            (half_height, radius, first.1),
            (other_half_height, other_radius, second.1),
            between,
            margin,
        ),
        (Solid::Cuboid { half_extents }, Solid::Capsule { half_height, radius }) => round::cuboid_and_capsule(
            (half_extents, first.1),
            (half_height, radius, second.1),
            between,
            margin,
        ),
        (Solid::Hull(a), Solid::Hull(b)) => hull::hulls((a, first.1), (b, second.1), between, margin, level),
        (Solid::Hull(hull), Solid::Cuboid { half_extents }) => {
            hull::hull_and_cuboid((hull, first.1), (half_extents, second.1), between, margin, level)
        }
        (Solid::Hull(hull), Solid::Sphere { radius }) => {
            hull_and_round::hull_and_sphere((hull, first.1), radius, between, margin, level)
        }
        (Solid::Hull(hull), Solid::Capsule { half_height, radius }) => {
            hull_and_round::hull_and_capsule((hull, first.1), (half_height, radius, second.1), between, margin, level)
        }
        (Solid::Sphere { .. }, Solid::Capsule { .. } | Solid::Cuboid { .. } | Solid::Hull(_))
        | (Solid::Capsule { .. }, Solid::Cuboid { .. } | Solid::Hull(_))
        | (Solid::Cuboid { .. }, Solid::Hull(_)) => {
            collide(second, first, -between, margin, level).map(|manifold| seen_from_other(manifold, between))
        }
    }
}

/// The same contact with the bodies in the other order; `between` goes from the new first centre to the new second.
fn seen_from_other(mut manifold: Manifold, between: Vec3) -> Manifold {
    manifold.normal = without_negative_zero(-manifold.normal);
    manifold.turns_with_first = 1.0 - manifold.turns_with_first;
    for point in &mut manifold.points[..usize::from(manifold.count)] {
        point.position = without_negative_zero(point.position + between);
    }
    manifold
}

/// A manifold of one point.
fn single(normal: Vec3, position: Vec3, separation: f32, feature: u32) -> Manifold {
    let mut manifold = Manifold {
        normal: without_negative_zero(normal),
        turns_with_first: 0.5,
        count: 1,
        ..Manifold::default()
    };
    manifold.points[0] = ManifoldPoint {
        position: without_negative_zero(position),
        separation,
        feature,
    };
    manifold
}

/// The same vector with every zero positive.
fn without_negative_zero(vector: Vec3) -> Vec3 {
    vector + Vec3::ZERO
}

/// 1 for what is not negative, -1 else. Unlike `signum` it treats both zeros alike.
fn sign(number: f32) -> f32 {
    if number < 0.0 { -1.0 } else { 1.0 }
}
