//! From bodies to manifolds: which solids, where, how far ahead, and which points of them matter in this tick.

use glam::{Mat3, Quat, Vec3};

use super::convex::collide;
use super::solid::{Manifold, ManifoldPoint, Solid};
use super::static_geometry::StaticGeometry;
use super::static_manifold::{StaticManifold, Workings};
use crate::collide::{margin, turning_margin};
use crate::constants::{BOUNCE_SHARE, CONTACT_SLOP};
use crate::manifold::attitude::Attitude;
use crate::simd::Level;
use crate::solver::StepConstants;
use crate::storage::{Bodies, Motion};

/// The manifold of two bodies, that of the lower id first, `between` their centres (m), if they may touch before the end of the tick.
pub(crate) fn pair_manifold(
    bodies: &Bodies,
    attitudes: &[Attitude],
    [low, high]: [u32; 2],
    between: Vec3,
    step: &StepConstants,
) -> Option<Manifold> {
    let at = |body: u32| {
        let body = body as usize;
        (
            bodies.kind(body),
            &bodies.columns().motion[body],
            rotation_of(&attitudes[body]),
        )
    };
    let ((kind_a, a, rotation_a), (kind_b, b, rotation_b)) = (at(low), at(high));
    let turning = turning_margin(a, step) + turning_margin(b, step);
    let approach = (b.velocity() - a.velocity()).length() * step.tick_seconds;
    let room = (a.reach() - a.radius()) + (b.reach() - b.radius());
    let restitution = kind_a.given.material.restitution_with(&kind_b.given.material);
    let ahead = (CONTACT_SLOP + approach + turning)
        .max(restitution * BOUNCE_SHARE * room)
        .min(room);
    let mut manifold = collide(
        (bodies.kinds().solid(kind_a), &rotation_a),
        (bodies.kinds().solid(kind_b), &rotation_b),
        between,
        ahead,
        step.simd,
    )?;
    let normal = manifold.normal;
    let matters = |point: &ManifoldPoint| {
        let velocity = velocity_at(b, point.position - between) - velocity_at(a, point.position);
        let approach = velocity.dot(normal).min(0.0);
        point.separation + approach * step.tick_seconds < CONTACT_SLOP
            || point.separation < restitution * BOUNCE_SHARE * room
    };
    manifold.retain(matters);
    (manifold.count > 0).then_some(manifold)
}

/// Whether two bodies, at this vector from one to the other (m), overlap where they are. The same when they are swapped and the vector is reversed.
pub(crate) fn overlap(bodies: &Bodies, attitudes: &[Attitude], [a, b]: [u32; 2], vector: Vec3, level: Level) -> bool {
    let columns = bodies.columns();
    let ([low, high], between) = if columns.id[a as usize] < columns.id[b as usize] {
        ([a, b], vector)
    } else {
        ([b, a], -vector)
    };
    let at = |body: u32| {
        let body = body as usize;
        (
            bodies.kinds().solid(bodies.kind(body)),
            rotation_of(&attitudes[body]),
            columns.motion[body].radius(),
        )
    };
    let ((first, rotation_a, radius_a), (second, rotation_b, radius_b)) = (at(low), at(high));
    let reach = radius_a + radius_b;
    if between.length_squared() >= reach * reach {
        return false;
    }
    if let (Solid::Sphere { .. }, Solid::Sphere { .. }) = (&first, &second) {
        return true;
    }
    collide((first, &rotation_a), (second, &rotation_b), between, 0.0, level).is_some_and(|manifold| manifold.count > 0)
}

/// Appends the manifolds of a body with static geometry, as far as they matter in this tick.
pub(crate) fn static_manifolds(
    bodies: &Bodies,
    attitudes: &[Attitude],
    body: usize,
    statics: &StaticGeometry,
    step: &StepConstants,
    workings: &mut Workings,
    out: &mut Vec<StaticManifold>,
) {
    let columns = bodies.columns();
    let (motion, place) = (&columns.motion[body], &columns.place[body]);
    let rotation = rotation_of(&attitudes[body]);
    let ahead = (margin(motion, step) + turning_margin(motion, step)).min(step.tile_size);
    let solid = bodies.kinds().solid(bodies.kind(body));
    let first = out.len();
    statics.manifolds((place.tile, place.offset), &rotation, solid, ahead, workings, out);
    for touch in &mut out[first..] {
        let normal = touch.manifold.normal;
        let fall = -step.gravity.dot(normal).max(0.0) * step.tick_seconds;
        touch.manifold.retain(|point| {
            let approach = -velocity_at(motion, point.position).dot(normal) + fall;
            point.separation + approach.min(0.0) * step.tick_seconds < CONTACT_SLOP
        });
    }
    let mut kept = first;
    for k in first..out.len() {
        if out[k].manifold.count > 0 {
            out.swap(kept, k);
            kept += 1;
        }
    }
    out.truncate(kept);
}

fn rotation_of(attitude: &Attitude) -> Mat3 {
    Mat3::from_quat(Quat::from_array(attitude.orientation))
}

/// Velocity of a body's point at this arm, m/s.
fn velocity_at(motion: &Motion, arm: Vec3) -> Vec3 {
    motion.velocity() + motion.angular_velocity().cross(arm)
}
