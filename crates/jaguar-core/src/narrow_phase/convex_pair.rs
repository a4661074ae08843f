//! From bodies to manifolds: which solids, where, how far ahead, and which points of them matter in this tick.

use glam::{Mat3, Quat, Vec3};

use super::convex::collide;
use super::solid::{Manifold, ManifoldPoint, Solid};
use super::static_geometry::StaticGeometry;
use super::static_manifold::{StaticManifold, Workings};
use crate::collide::{fall_of, margin, turning_margin};
use crate::constants::{BOUNCE_SHARE, CONTACT_SLOP, QUIET_APPROACH};
use crate::datum::{Drift, tolerance};
use crate::manifold::attitude::Attitude;
use crate::simd::Level;
use crate::solver::StepConstants;
use crate::storage::{Bodies, Motion};

/// How two bodies touch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PairTouch {
    /// If they may before the end of the tick.
    pub(crate) manifold: Option<Manifold>,
    /// At their datums, if that is where they were looked at.
    pub(crate) at_datums: Option<Option<Manifold>>,
}

/// How two bodies touch, that of the lower id first, `between` their centres (m). What is slow and has datums is looked at there, unless it is known already. `drifts` are those of two bodies in one tile.
pub(crate) fn touch_of_pair(
    bodies: &Bodies,
    attitudes: &[Attitude],
    [low, high]: [u32; 2],
    between: Vec3,
    drifts: Option<[&Drift; 2]>,
    known: impl FnOnce() -> Option<Option<Manifold>>,
    step: &StepConstants,
) -> PairTouch {
    let at = |body: u32| {
        let body = body as usize;
        (bodies.kind(body), &bodies.columns().motion[body])
    };
    // What is known to be apart is most often the end of it.
    let quiet = drifts.filter(|[a, b]| a.pace + b.pace <= QUIET_APPROACH);
    let known = quiet.filter(|[a, b]| !(a.is_new || b.is_new)).and_then(|_| known());
    if let Some(None) = known {
        return PairTouch {
            manifold: None,
            at_datums: known,
        };
    }
    let ((kind_a, a), (kind_b, b)) = (at(low), at(high));
    let room = (a.reach() - a.radius()) + (b.reach() - b.radius());
    let restitution = kind_a.given.material.restitution_with(&kind_b.given.material);
    let look = |[rotation_a, rotation_b]: [Mat3; 2], between: Vec3, ahead: f32| {
        let [solid_a, solid_b] = [kind_a, kind_b].map(|kind| bodies.kinds().solid(kind));
        collide(
            (solid_a, &rotation_a),
            (solid_b, &rotation_b),
            between,
            ahead,
            step.simd,
        )
    };
    let datums = &bodies.columns().datum;
    let mut at_datums = None;
    let manifold = if let Some(drifts) = quiet
        && let (Some(datum_a), Some(datum_b)) = (&datums[low as usize], &datums[high as usize])
    {
        let before = datum_b.offset() - datum_a.offset();
        let found = known.unwrap_or_else(|| {
            // Far enough for whatever may come near before one of them has another datum.
            let drift = 2.0 * (tolerance(a.radius()) + tolerance(b.radius()));
            let rotations = [datum_a.rotation(), datum_b.rotation()];
            look(rotations, before, CONTACT_SLOP + QUIET_APPROACH + drift)
        });
        at_datums = Some(found);
        found.map(|manifold| manifold.drifted(before, drifts))
    } else {
        let turning = turning_margin(a, step) + turning_margin(b, step);
        let approach = (b.velocity() - a.velocity()).length() * step.tick_seconds;
        let ahead = (CONTACT_SLOP + approach + turning)
            .max(restitution * BOUNCE_SHARE * room)
            .min(room);
        let rotations = [low, high].map(|body| rotation_of(&attitudes[body as usize]));
        look(rotations, between, ahead)
    };
    let Some(mut manifold) = manifold else {
        return PairTouch { manifold, at_datums };
    };
    let normal = manifold.normal;
    let matters = |point: &ManifoldPoint| {
        let velocity = velocity_at(b, point.position - between) - velocity_at(a, point.position);
        let approach = velocity.dot(normal).min(0.0);
        point.separation + approach * step.tick_seconds < CONTACT_SLOP
            || point.separation < restitution * BOUNCE_SHARE * room
    };
    manifold.retain(matters);
    PairTouch {
        manifold: (manifold.count > 0).then_some(manifold),
        at_datums,
    }
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

/// Where a body touches static geometry.
#[derive(Debug, Default)]
pub(crate) struct StaticTouches {
    /// As far as it matters in this tick.
    pub(crate) now: Vec<StaticManifold>,
    /// At the datum, if that is where it was looked at.
    pub(crate) at_datum: Vec<StaticManifold>,
    pub(crate) is_at_datum: bool,
    workings: Workings,
}

/// Looks where a body touches static geometry. What is slow and has a datum is looked at there, unless that is known already.
pub(crate) fn touch_statics<'a>(
    bodies: &Bodies,
    (attitudes, drift): (&[Attitude], &Drift),
    body: usize,
    statics: &StaticGeometry,
    known: impl FnOnce() -> Option<&'a [StaticManifold]>,
    step: &StepConstants,
    touches: &mut StaticTouches,
) {
    let StaticTouches {
        now,
        at_datum,
        is_at_datum,
        workings,
    } = touches;
    let columns = bodies.columns();
    let (motion, place) = (&columns.motion[body], &columns.place[body]);
    let solid = bodies.kinds().solid(bodies.kind(body));
    now.clear();
    let datum = columns.datum[body].as_ref().filter(|_| drift.pace <= QUIET_APPROACH);
    *is_at_datum = datum.is_some();
    if let Some(datum) = datum {
        at_datum.clear();
        match if drift.is_new { None } else { known() } {
            Some(known) => at_datum.extend_from_slice(known),
            None => {
                // Far enough for whatever may come near before the body has another datum.
                let ahead = CONTACT_SLOP + QUIET_APPROACH + fall_of(step) + 2.0 * tolerance(motion.radius());
                let there = (place.tile, datum.offset());
                statics.manifolds(there, &datum.rotation(), solid, ahead, workings, at_datum);
            }
        }
        now.extend(at_datum.iter().map(|touch| StaticManifold {
            manifold: touch.manifold.drifted(Vec3::ZERO, [drift, &Drift::NONE]),
            ..*touch
        }));
    } else {
        let rotation = rotation_of(&attitudes[body]);
        let ahead = (margin(motion, step) + turning_margin(motion, step)).min(step.tile_size);
        statics.manifolds((place.tile, place.offset), &rotation, solid, ahead, workings, now);
    }
    now.retain_mut(|touch| {
        let normal = touch.manifold.normal;
        let fall = -step.gravity.dot(normal).max(0.0) * step.tick_seconds;
        touch.manifold.retain(|point| {
            let approach = -velocity_at(motion, point.position).dot(normal) + fall;
            point.separation + approach.min(0.0) * step.tick_seconds < CONTACT_SLOP
        });
        touch.manifold.count > 0
    });
}

fn rotation_of(attitude: &Attitude) -> Mat3 {
    Mat3::from_quat(Quat::from_array(attitude.orientation))
}

/// Velocity of a body's point at this arm, m/s.
fn velocity_at(motion: &Motion, arm: Vec3) -> Vec3 {
    motion.velocity() + motion.angular_velocity().cross(arm)
}
