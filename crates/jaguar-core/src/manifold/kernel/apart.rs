//! What is rare (bounces, rolling resistance), lane by lane, and compiled once.

use glam::{Mat3, Vec3};

use super::{Bodies8, Change, Impulses8, change_of, mode};
use crate::manifold::block::{ManifoldBlock, Octet3, ZERO3};
use crate::narrow_phase::solid::MAX_POINTS;
use crate::simd::{F32x8, LANES, Octet};
use crate::solver::StepConstants;

/// Passes over the points of a bouncing manifold: the corners of a box that lands flat must agree on an impulse each; after so many they do to 1 %.
const BOUNCE_PASSES: u32 = 12;

/// One body of one lane.
#[derive(Clone, Copy)]
struct Lane {
    linear: Vec3,
    inverse_mass: f32,
    angular: Vec3,
    inverse_inertia: Mat3,
}

impl Lane {
    /// What a change of angular momentum changes of the velocity that it acts along.
    fn along(&self, turn: Vec3) -> f32 {
        turn.dot(self.inverse_inertia * turn)
    }

    fn push(&mut self, impulse: Vec3, turn: Vec3) {
        self.linear += impulse * self.inverse_mass;
        self.angular += self.inverse_inertia * turn;
    }
}

/// The impulses along two directions at these arms that take away the slip along them.
fn stop(
    (low, arm_low): (&Lane, Vec3),
    (high, arm_high): (&Lane, Vec3),
    [t, o]: [Vec3; 2],
    [along_t, along_o]: [f32; 2],
) -> [f32; 2] {
    let inverse_mass = low.inverse_mass + high.inverse_mass;
    let (low_t, low_o) = (arm_low.cross(t), arm_low.cross(o));
    let (high_t, high_o) = (arm_high.cross(t), arm_high.cross(o));
    let tt = inverse_mass + low.along(low_t) + high.along(high_t);
    let oo = inverse_mass + low.along(low_o) + high.along(high_o);
    let to = (low.inverse_inertia * low_t).dot(low_o) + (high.inverse_inertia * high_t).dot(high_o);
    let determinant = tt * oo - to * to;
    [
        (to * along_o - oo * along_t) / determinant,
        (to * along_t - tt * along_o) / determinant,
    ]
}

/// What bounces in this substep is not foreseen for the next.
pub(super) fn forget_struck(foreseen: &mut Octet, bounce: &Change) {
    for lane in 0..LANES {
        if vector(&bounce.linear, lane) != Vec3::ZERO {
            foreseen[lane] = f32::INFINITY;
        }
    }
}

/// Eight bodies, lane by lane.
fn lanes<F: F32x8>(bodies: &Bodies8<F>) -> [Lane; LANES] {
    let mut numbers = [Octet::ZERO; 13];
    let inertia = &bodies.inverse_inertia;
    let sources = [
        bodies.linear.x,
        bodies.linear.y,
        bodies.linear.z,
        bodies.inverse_mass,
        bodies.angular.x,
        bodies.angular.y,
        bodies.angular.z,
        inertia.xx,
        inertia.yy,
        inertia.zz,
        inertia.yz,
        inertia.xz,
        inertia.xy,
    ];
    for (number, source) in numbers.iter_mut().zip(sources) {
        source.store(number);
    }
    std::array::from_fn(|lane| {
        let [lx, ly, lz, inverse_mass, ax, ay, az, xx, yy, zz, yz, xz, xy] = numbers.map(|number| number[lane]);
        Lane {
            linear: Vec3::new(lx, ly, lz),
            inverse_mass,
            angular: Vec3::new(ax, ay, az),
            inverse_inertia: Mat3::from_cols(Vec3::new(xx, xy, xz), Vec3::new(xy, yy, yz), Vec3::new(xz, yz, zz)),
        }
    })
}

fn vector(lanes: &Octet3, lane: usize) -> Vec3 {
    Vec3::new(lanes[0][lane], lanes[1][lane], lanes[2][lane])
}

fn put(lanes: &mut Octet3, lane: usize, vector: Vec3) {
    for axis in 0..3 {
        lanes[axis][lane] = vector[axis];
    }
}

/// A torque against the part of the angular velocity that is perpendicular to the normal, at most `rolling` times the normal impulse.
#[inline(always)]
pub(super) fn rolling<F: F32x8>(
    block: &mut ManifoldBlock,
    total: F,
    share: F,
    low: &Bodies8<F>,
    high: &Bodies8<F>,
) -> Octet3 {
    let (mut totals, mut shares) = (Octet::ZERO, Octet::ZERO);
    total.store(&mut totals);
    share.store(&mut shares);
    rolling_of(block, &totals, &shares, &lanes(low), &lanes(high))
}

#[cold]
#[inline(never)]
fn rolling_of(
    block: &mut ManifoldBlock,
    totals: &Octet,
    shares: &Octet,
    low: &[Lane; LANES],
    high: &[Lane; LANES],
) -> Octet3 {
    let mut changes = ZERO3;
    for lane in 0..LANES {
        let limit = block.rolling[lane] * totals[lane];
        let normal = vector(&block.normal, lane);
        let spin = high[lane].angular - low[lane].angular;
        let roll = spin - normal * spin.dot(normal);
        // The effective moment along the roll: 1 / (d · K d) with d = roll / |roll|.
        let resistance = roll.dot((low[lane].inverse_inertia + high[lane].inverse_inertia) * roll);
        let mass = if resistance > 0.0 {
            roll.length_squared() / resistance
        } else {
            0.0
        };
        let before = vector(&block.rolling_impulse, lane);
        let mut wanted = before - roll * mass;
        let length = wanted.length();
        if length > limit {
            wanted *= limit / length;
        }
        let change = (wanted - before) * shares[lane];
        put(&mut block.rolling_impulse, lane, before + change);
        put(&mut changes, lane, change);
    }
    changes
}

/// Which lanes go on with the soft response (1) and which do not (0): those whose points approach faster than the threshold and are elastic. Where one is due in this substep,
/// its points share the impulse that turns their approach around, outside the accumulated ones; lanes that `may` not have to wait.
#[inline(always)]
pub(super) fn bounce<F: F32x8, const MODE: u8>(
    block: &ManifoldBlock,
    separations: &[Octet; MAX_POINTS],
    (low, high): (&Bodies8<F>, &Bodies8<F>),
    may: u8,
    step: &StepConstants,
) -> (Octet, Option<Change>) {
    let (kept, impulses) = bounce_of::<MODE>(block, separations, (lanes(low), lanes(high)), may, step);
    (kept, impulses.map(|impulses| change_of::<F>(block, &impulses)))
}

#[cold]
#[inline(never)]
fn bounce_of<const MODE: u8>(
    block: &ManifoldBlock,
    separations: &[Octet; MAX_POINTS],
    (mut low, mut high): ([Lane; LANES], [Lane; LANES]),
    may: u8,
    step: &StepConstants,
) -> (Octet, Option<Impulses8>) {
    let mut kept = Octet([1.0; LANES]);
    let mut impulses = Impulses8::ZERO;
    let mut bounces = false;
    for lane in 0..LANES {
        let (low, high) = (&mut low[lane], &mut high[lane]);
        let restitution = block.restitution[lane];
        let count = block.counts[lane] as usize;
        if restitution == 0.0 {
            continue;
        }
        let normal = vector(&block.normal, lane);
        let turns: [(Vec3, Vec3); MAX_POINTS] = std::array::from_fn(|k| {
            let point = &block.points[k];
            (vector(&point.turn_low, lane), vector(&point.turn_high, lane))
        });
        let velocity = |low: &Lane, high: &Lane, k: usize| {
            (high.linear - low.linear).dot(normal) + (turns[k].1.dot(high.angular) - turns[k].0.dot(low.angular))
        };
        // What is turned round is the velocity before this substep's gravity; see `crate::solver::kernel::solve`.
        let fixed = |body: &Lane| if body.inverse_mass > 0.0 { 0.0 } else { 1.0 };
        let gained = step.substep_seconds * step.gravity.dot(normal) * (fixed(low) - fixed(high));
        let approach: [f32; MAX_POINTS] = std::array::from_fn(|k| velocity(low, high, k));
        let approaches = |k: usize| approach[k] < -step.restitution_threshold;
        if !(0..count).any(approaches) {
            continue;
        }
        let touches = |k: usize| separations[k][lane] + approach[k] * step.substep_seconds <= 0.0;
        let is_due = |k: usize| approaches(k) && touches(k);
        if MODE == mode::RELAX {
            kept[lane] = 0.0;
            continue;
        }
        if !(0..count).any(is_due) {
            continue;
        }
        kept[lane] = 0.0;
        if may >> lane & 1 == 0 {
            continue;
        }
        bounces = true;
        // Those of the block are of parts of the bodies between tiles.
        let resistance: [f32; MAX_POINTS] = std::array::from_fn(|k| {
            low.inverse_mass + high.inverse_mass + low.along(turns[k].0) + high.along(turns[k].1)
        });
        for _ in 0..BOUNCE_PASSES {
            for k in (0..count).filter(|&k| is_due(k)) {
                let missing = -restitution * (approach[k] - gained) - velocity(low, high, k);
                let before = impulses.normal[k][lane];
                let wanted = (before + missing / resistance[k]).max(0.0);
                impulses.normal[k][lane] = wanted;
                let change = wanted - before;
                low.push(normal * -change, turns[k].0 * -change);
                high.push(normal * change, turns[k].1 * change);
            }
        }
        let total: f32 = (0..count).map(|k| impulses.normal[k][lane]).sum();
        let tangent = vector(&block.tangent, lane);
        let other = normal.cross(tangent);
        let (arm_low, arm_high) = (vector(&block.arm_low, lane), vector(&block.arm_high, lane));
        let slip = (high.linear + high.angular.cross(arm_high)) - (low.linear + low.angular.cross(arm_low));
        let (along_t, along_o) = (slip.dot(tangent), slip.dot(other));
        let mut friction = stop((low, arm_low), (high, arm_high), [tangent, other], [along_t, along_o]);
        let length = (friction[0] * friction[0] + friction[1] * friction[1]).sqrt();
        let limit = block.friction[lane] * total;
        if length > limit {
            friction = friction.map(|component| component * (limit / length));
        }
        impulses.friction[0][lane] = friction[0];
        impulses.friction[1][lane] = friction[1];
    }
    (kept, bounces.then_some(impulses))
}
