//! The arithmetic of eight manifolds at once, lane by lane, as [`crate::solver::kernel`] has it for spheres: elementwise operations of IEEE 754 in a fixed order, so a lane gives the bits
//! that it would give alone. What is rare (rolling resistance, bounces) is computed lane by lane, out of the way.
//!
//! Friction, twist and rolling come before the normal impulses, so that what keeps bodies apart has the last word (Box2D).

mod apart;

use super::attitude::Attitude;
use super::block::{ManifoldBlock, Octet3, ZERO3};
use crate::constants::{ACROSS_OVERLAP, ACROSS_PUSH, LEAST_RECOVERY, RECOVERY_OF_EQUALS, TURN_TOLERANCE};
use crate::narrow_phase::solid::MAX_POINTS;
use crate::simd::{F32x8, LANES, Mask, Octet, Vec3x8};
use crate::solver::StepConstants;
use crate::storage::Motion;

/// Symmetric matrices.
#[derive(Clone, Copy)]
pub(crate) struct Symmetric<F> {
    xx: F,
    yy: F,
    zz: F,
    yz: F,
    xz: F,
    xy: F,
}

impl<F: F32x8> Symmetric<F> {
    #[inline(always)]
    fn times(&self, v: Vec3x8<F>) -> Vec3x8<F> {
        Vec3x8::new(
            self.xx * v.x + self.xy * v.y + self.xz * v.z,
            self.xy * v.x + self.yy * v.y + self.yz * v.z,
            self.xz * v.x + self.yz * v.y + self.zz * v.z,
        )
    }

    #[inline(always)]
    fn scaled(&self, by: F) -> Self {
        Self {
            xx: self.xx * by,
            yy: self.yy * by,
            zz: self.zz * by,
            yz: self.yz * by,
            xz: self.xz * by,
            xy: self.xy * by,
        }
    }

    /// v · m v.
    #[inline(always)]
    fn along(&self, v: Vec3x8<F>) -> F {
        self.times(v).dot(v)
    }
}

/// Eight bodies as the solver changes them.
#[derive(Clone, Copy)]
pub(crate) struct Bodies8<F> {
    linear: Vec3x8<F>,
    inverse_mass: F,
    angular: Vec3x8<F>,
    /// Fourth places of the angular rows, to be written back.
    spare: F,
    /// World axes, 1/(kg m²).
    inverse_inertia: Symmetric<F>,
}

/// How far eight bodies have moved and turned since the start of the tick.
#[derive(Clone, Copy)]
pub(crate) struct Shifts8<F> {
    displacement: Vec3x8<F>,
    rotation: Vec3x8<F>,
}

/// What eight manifolds did to their bodies: an impulse on the second and its opposite on the first, and a change of angular momentum of each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    pub(crate) linear: Octet3,
    pub(crate) turn_low: Octet3,
    pub(crate) turn_high: Octet3,
}

impl Change {
    /// Adds the impulses along the normals to sums.
    pub(crate) fn add_normal_to(&self, felt: &mut Octet, block: &ManifoldBlock) {
        for lane in 0..LANES {
            let along = |axis: usize| self.linear[axis][lane] * block.normal[axis][lane];
            felt[lane] += (along(0) + along(1) + along(2)).max(0.0);
        }
    }

    fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.linear, &other.linear),
            (&mut self.turn_low, &other.turn_low),
            (&mut self.turn_high, &other.turn_high),
        ];
        for (sum, part) in pairs {
            for axis in 0..3 {
                for lane in 0..LANES {
                    sum[axis][lane] += part[axis][lane];
                }
            }
        }
    }
}

/// The bodies of eight lanes; lanes without a body find one that does not move.
#[inline(always)]
fn bodies<'a>(motion: &'a [Motion], base: usize, indices: &[u32; LANES]) -> [&'a Motion; LANES] {
    indices.map(|index| {
        motion
            .get((index as usize).wrapping_sub(base))
            .unwrap_or(&Motion::FIXED)
    })
}

impl<F: F32x8> Bodies8<F> {
    /// Reads eight bodies; the index of the first in `motion` and `attitudes` is `base`.
    #[inline(always)]
    pub(crate) fn gather(motion: &[Motion], attitudes: &[Attitude], base: usize, indices: &[u32; LANES]) -> Self {
        let bodies = bodies(motion, base, indices);
        let attitudes = indices.map(|index| {
            attitudes
                .get((index as usize).wrapping_sub(base))
                .unwrap_or(&Attitude::FIXED)
        });
        let [lx, ly, lz, inverse_mass] = F::columns(bodies.map(|body| body.twist.linear));
        let [ax, ay, az, spare] = F::columns(bodies.map(|body| body.twist.angular));
        let [xx, yy, zz, _] = F::columns(attitudes.map(|attitude| attitude.diagonal));
        let [yz, xz, xy, _] = F::columns(attitudes.map(|attitude| attitude.products));
        Self {
            linear: Vec3x8::new(lx, ly, lz),
            inverse_mass,
            angular: Vec3x8::new(ax, ay, az),
            spare,
            inverse_inertia: Symmetric { xx, yy, zz, yz, xz, xy },
        }
    }

    /// Makes of each body one of so many equal parts: as much lighter, and as much easier to turn.
    #[inline(always)]
    pub(crate) fn split(&mut self, parts: &Octet) {
        let parts = F::load(parts);
        self.inverse_mass = self.inverse_mass * parts;
        self.inverse_inertia = self.inverse_inertia.scaled(parts);
    }

    /// Writes the velocities back, but for lanes without a body.
    #[inline(always)]
    pub(crate) fn scatter(&self, motion: &mut [Motion], base: usize, indices: &[u32; LANES]) {
        let (v, w) = (self.linear, self.angular);
        let twists = F::twists([v.x, v.y, v.z, self.inverse_mass, w.x, w.y, w.z, self.spare]);
        for (lane, &index) in indices.iter().enumerate() {
            if let Some(body) = motion.get_mut((index as usize).wrapping_sub(base)) {
                twists[lane].store_twist(&mut body.twist);
            }
        }
    }

    /// Takes a change of momentum.
    #[inline(always)]
    fn push(&mut self, momentum: Vec3x8<F>) {
        self.linear = self.linear + momentum * self.inverse_mass;
    }

    /// Takes a change of angular momentum.
    #[inline(always)]
    fn turn(&mut self, momentum: Vec3x8<F>) {
        self.angular = self.angular + self.inverse_inertia.times(momentum);
    }

    /// Velocity of a point at this arm.
    #[inline(always)]
    fn velocity_at(&self, arm: Vec3x8<F>) -> Vec3x8<F> {
        self.linear + self.angular.cross(arm)
    }
}

impl<F: F32x8> Shifts8<F> {
    /// Reads eight bodies; the index of the first in `motion` is `base`.
    #[inline(always)]
    pub(crate) fn gather(motion: &[Motion], base: usize, indices: &[u32; LANES]) -> Self {
        let bodies = bodies(motion, base, indices);
        let [dx, dy, dz, _] = F::columns(bodies.map(|body| body.displacement));
        let [rx, ry, rz, _] = F::columns(bodies.map(|body| body.rotation));
        Self {
            displacement: Vec3x8::new(dx, dy, dz),
            rotation: Vec3x8::new(rx, ry, rz),
        }
    }
}

/// What the normal impulses turn, from the arms of the points that [`ManifoldBlock::set`] left.
#[inline(always)]
pub(crate) fn turns<F: F32x8>(block: &mut ManifoldBlock) {
    let normal = Vec3x8::<F>::load(&block.normal);
    for point in &mut block.points[..block.count as usize] {
        for arm in [&mut point.turn_low, &mut point.turn_high] {
            Vec3x8::load(arm).cross(normal).store(arm);
        }
    }
}

/// The lanes of which a body has turned farther than [`TURN_TOLERANCE`] in this tick.
#[inline(always)]
pub(crate) fn turned_far<F: F32x8>(low: &Shifts8<F>, high: &Shifts8<F>) -> F::Mask {
    let tolerance = F::splat(TURN_TOLERANCE * TURN_TOLERANCE);
    let is_far = |shifts: &Shifts8<F>| shifts.rotation.dot(shifts.rotation).gt(tolerance);
    is_far(low) | is_far(high)
}

/// All lanes.
#[inline(always)]
pub(crate) fn all<F: F32x8>() -> F::Mask {
    F::splat(0.0).lt(F::splat(1.0))
}

/// Masses and mass matrices of these lanes, after [`turns`].
#[inline(always)]
pub(crate) fn masses<F: F32x8>(block: &mut ManifoldBlock, low: &Bodies8<F>, high: &Bodies8<F>, lanes: F::Mask) {
    let put = |value: F, lane: &mut Octet| F::select(lanes, value, F::load(lane)).store(lane);
    let zero = F::splat(0.0);
    let one = F::splat(1.0);
    let normal = Vec3x8::load(&block.normal);
    let tangent = Vec3x8::load(&block.tangent);
    let inverse_mass = low.inverse_mass + high.inverse_mass;
    for point in &mut block.points[..block.count as usize] {
        let (turn_low, turn_high) = (Vec3x8::load(&point.turn_low), Vec3x8::load(&point.turn_high));
        let resistance = inverse_mass + low.inverse_inertia.along(turn_low) + high.inverse_inertia.along(turn_high);
        let there = F::load(&point.normal_mass).gt(zero);
        put(F::select(there, one / resistance, zero), &mut point.normal_mass);
    }
    let other = normal.cross(tangent);
    let (arm_low, arm_high) = (Vec3x8::load(&block.arm_low), Vec3x8::load(&block.arm_high));
    let (low_t, low_o) = (arm_low.cross(tangent), arm_low.cross(other));
    let (high_t, high_o) = (arm_high.cross(tangent), arm_high.cross(other));
    let (low_it, high_it) = (low.inverse_inertia.times(low_t), high.inverse_inertia.times(high_t));
    let tt = inverse_mass + low_it.dot(low_t) + high_it.dot(high_t);
    let to = low_it.dot(low_o) + high_it.dot(high_o);
    let oo = inverse_mass + low.inverse_inertia.along(low_o) + high.inverse_inertia.along(high_o);
    let scale = F::select(inverse_mass.gt(zero), one / (tt * oo - to * to), zero);
    put(oo * scale, &mut block.friction_mass[0]);
    put(-(to * scale), &mut block.friction_mass[1]);
    put(tt * scale, &mut block.friction_mass[2]);
    let twist = low.inverse_inertia.along(normal) + high.inverse_inertia.along(normal);
    put(F::select(twist.gt(zero), one / twist, zero), &mut block.twist_mass);
}

/// Impulses of eight manifolds.
#[derive(Clone, Copy, Debug)]
struct Impulses8 {
    normal: [Octet; MAX_POINTS],
    friction: [Octet; 2],
    twist: Octet,
    rolling: Octet3,
}

impl Impulses8 {
    const ZERO: Self = Self {
        normal: [Octet::ZERO; MAX_POINTS],
        friction: [Octet::ZERO; 2],
        twist: Octet::ZERO,
        rolling: ZERO3,
    };

    #[inline(always)]
    fn of(block: &ManifoldBlock) -> Self {
        let mut impulses = Self {
            friction: block.friction_impulse,
            twist: block.twist_impulse,
            rolling: block.rolling_impulse,
            ..Self::ZERO
        };
        for (normal, point) in impulses.normal.iter_mut().zip(&block.points) {
            *normal = point.normal_impulse;
        }
        impulses
    }

    /// What has come since these were read.
    fn since(&self, before: &Self) -> Self {
        let difference = |now: &Octet, then: &Octet| Octet(std::array::from_fn(|lane| now[lane] - then[lane]));
        Self {
            normal: std::array::from_fn(|k| difference(&self.normal[k], &before.normal[k])),
            friction: std::array::from_fn(|k| difference(&self.friction[k], &before.friction[k])),
            twist: difference(&self.twist, &before.twist),
            rolling: std::array::from_fn(|axis| difference(&self.rolling[axis], &before.rolling[axis])),
        }
    }
}

/// All that the manifolds have accumulated.
#[inline(always)]
pub(crate) fn accumulated<F: F32x8>(block: &ManifoldBlock) -> Change {
    change_of::<F>(block, &Impulses8::of(block))
}

/// What impulses do to the bodies of the manifolds of a block.
#[inline(always)]
fn change_of<F: F32x8>(block: &ManifoldBlock, impulses: &Impulses8) -> Change {
    let normal = Vec3x8::<F>::load(&block.normal);
    let tangent = Vec3x8::<F>::load(&block.tangent);
    let other = normal.cross(tangent);
    let force = tangent * F::load(&impulses.friction[0]) + other * F::load(&impulses.friction[1]);
    let torque = normal * F::load(&impulses.twist) + Vec3x8::load(&impulses.rolling);
    let mut turn_low = torque + Vec3x8::<F>::load(&block.arm_low).cross(force);
    let mut turn_high = torque + Vec3x8::<F>::load(&block.arm_high).cross(force);
    let mut total = F::splat(0.0);
    for (point, impulse) in block.points[..block.count as usize].iter().zip(&impulses.normal) {
        let impulse = F::load(impulse);
        total += impulse;
        turn_low = turn_low + Vec3x8::load(&point.turn_low) * impulse;
        turn_high = turn_high + Vec3x8::load(&point.turn_high) * impulse;
    }
    let mut change = Change::default();
    (normal * total + force).store(&mut change.linear);
    (turn_low * F::splat(-1.0)).store(&mut change.turn_low);
    turn_high.store(&mut change.turn_high);
    change
}

/// Applies a change to both bodies.
#[inline(always)]
pub(crate) fn apply<F: F32x8>(change: &Change, low: &mut Bodies8<F>, high: &mut Bodies8<F>) {
    let linear = Vec3x8::load(&change.linear);
    low.push(linear * F::splat(-1.0));
    high.push(linear);
    low.turn(Vec3x8::load(&change.turn_low));
    high.turn(Vec3x8::load(&change.turn_high));
}

/// What is done about overlaps and bounces.
pub(crate) mod mode {
    /// Pushes overlaps apart through velocities, and bounces.
    pub(crate) const PUSH: u8 = 0;
    /// Corrects velocities only, which takes back the speed that the push gave.
    pub(crate) const RELAX: u8 = 1;
    /// As `PUSH`, as softly as contacts between tiles must be.
    pub(crate) const ACROSS: u8 = 2;
}

/// What bounces need between tiles; see [`crate::solver::bounces`].
pub(crate) struct Meeting<'a, F> {
    /// The bodies before they were split.
    pub(crate) whole: (Bodies8<F>, Bodies8<F>),
    /// The lanes of which the bodies chose each other: the others have to wait.
    pub(crate) mutual: u8,
    /// When each lane will bounce, s, to be replaced by what holds for the next substep.
    pub(crate) foreseen: &'a mut Octet,
}

/// Solves eight manifolds whose bodies these are, in one of the modes; the bodies take the change. Returns what bounces did, which is no part
/// of the accumulated impulses.
#[inline(always)]
pub(crate) fn solve<F: F32x8, const MODE: u8>(
    block: &mut ManifoldBlock,
    (low, low_shift): (&mut Bodies8<F>, &Shifts8<F>),
    (high, high_shift): (&mut Bodies8<F>, &Shifts8<F>),
    meeting: Option<&Meeting<'_, F>>,
    step: &StepConstants,
) -> Option<Change> {
    let zero = F::splat(0.0);
    let one = F::splat(1.0);
    let count = block.count as usize;
    let normal = Vec3x8::<F>::load(&block.normal);
    let shift = (high_shift.displacement - low_shift.displacement).dot(normal);
    let separations = separations_of(block, shift, low_shift, high_shift);

    // Lanes that bounce in this substep, or that must be left alone so that they can in a later one; see `crate::solver::kernel::solve`.
    let mut share = one;
    let mut bounce = None;
    if block.bounces {
        let (whole_low, whole_high, lanes) = match meeting {
            Some(meeting) => (&meeting.whole.0, &meeting.whole.1, meeting.mutual),
            None => (&*low, &*high, u8::MAX),
        };
        let (kept, change) = apart::bounce::<F, MODE>(block, &separations, (whole_low, whole_high), lanes, step);
        share = F::load(&kept);
        if let Some(change) = &change {
            apply(change, low, high);
        }
        bounce = change;
    }

    let mut total = zero;
    for point in &block.points[..count] {
        total += F::load(&point.normal_impulse);
    }
    if block.rolls {
        let change = apart::rolling(block, total, share, low, high);
        low.turn(Vec3x8::load(&change) * F::splat(-1.0));
        high.turn(Vec3x8::load(&change));
    }

    let friction = F::load(&block.friction);
    let limit = (friction * F::load(&block.spread) + F::load(&block.spinning)) * total;
    let before = F::load(&block.twist_impulse);
    let wanted = before - F::load(&block.twist_mass) * (high.angular - low.angular).dot(normal);
    let wanted = F::select(wanted.lt(-limit), -limit, F::select(limit.lt(wanted), limit, wanted));
    let twist = (wanted - before) * share;
    (before + twist).store(&mut block.twist_impulse);

    let tangent = Vec3x8::<F>::load(&block.tangent);
    let other = normal.cross(tangent);
    let (arm_low, arm_high) = (Vec3x8::load(&block.arm_low), Vec3x8::load(&block.arm_high));
    let slip = high.velocity_at(arm_high) - low.velocity_at(arm_low);
    let (along_t, along_o) = (slip.dot(tangent), slip.dot(other));
    let (tt, to, oo) = (
        F::load(&block.friction_mass[0]),
        F::load(&block.friction_mass[1]),
        F::load(&block.friction_mass[2]),
    );
    let (before_t, before_o) = (F::load(&block.friction_impulse[0]), F::load(&block.friction_impulse[1]));
    let mut wanted_t = before_t - (tt * along_t + to * along_o);
    let mut wanted_o = before_o - (to * along_t + oo * along_o);
    // Coulomb's cone is a circle here, not a pyramid.
    let limit = friction * total;
    let square = wanted_t * wanted_t + wanted_o * wanted_o;
    let outside = square.gt(limit * limit);
    if outside.any() {
        let scale = F::select(outside, limit / square.sqrt(), one);
        wanted_t = wanted_t * scale;
        wanted_o = wanted_o * scale;
    }
    let (friction_t, friction_o) = ((wanted_t - before_t) * share, (wanted_o - before_o) * share);
    (before_t + friction_t).store(&mut block.friction_impulse[0]);
    (before_o + friction_o).store(&mut block.friction_impulse[1]);
    let force = tangent * friction_t + other * friction_o;
    let torque = normal * twist;
    low.push(force * F::splat(-1.0));
    high.push(force);
    low.turn((torque + arm_low.cross(force)) * F::splat(-1.0));
    high.turn(torque + arm_high.cross(force));

    let inverse_mass = low.inverse_mass + high.inverse_mass;
    let (on_ground, recovery) = recovery(low.inverse_mass, high.inverse_mass);
    let mut linear = (high.linear - low.linear).dot(normal);
    let mut pushed = zero;
    for (point, separation) in block.points[..count].iter_mut().zip(&separations) {
        let (turn_low, turn_high) = (Vec3x8::load(&point.turn_low), Vec3x8::load(&point.turn_high));
        let velocity = linear + (turn_high.dot(high.angular) - turn_low.dot(low.angular));
        let separation = F::load(separation);
        let open = separation.gt(zero);
        // Not yet touching: allow the approach that closes the gap in this substep.
        let closing = separation * F::splat(step.substep_rate);
        let mass = F::load(&point.normal_mass);
        let before = F::load(&point.normal_impulse);
        let change = if MODE != mode::RELAX {
            let (softness, most) = if MODE == mode::PUSH {
                (&step.manifold_softness, step.manifold_yield)
            } else {
                (&step.across_manifold_softness, step.across_manifold_yield)
            };
            let push = separation * F::splat(softness.bias_rate);
            let slowest = F::splat(-step.push_velocity);
            let bias = F::select(open, closing, F::select(push.lt(slowest), slowest, push));
            let mass_scale = F::select(open, one, F::splat(softness.mass_scale));
            let impulse_scale = F::select(open, zero, F::splat(softness.impulse_scale));
            let most = F::select(on_ground, F::splat(step.ground_yield), F::splat(most));
            let (yielded, most) = (impulse_scale * before, mass * most);
            let laden = yielded.gt(most);
            let yielded = F::select(laden, most, yielded);
            let mass = mass * mass_scale;
            // What overlap and load do between them, at rest nothing.
            let pushed = -(mass * bias) - yielded;
            let pushed = F::select(laden, pushed * recovery, pushed);
            pushed - mass * velocity
        } else {
            -(mass * (velocity + F::select(open, closing, zero)))
        };
        let change = ((before + change).not_negative() - before) * share;
        (before + change).store(&mut point.normal_impulse);
        pushed += change;
        linear += change * inverse_mass;
        low.turn(turn_low * -change);
        high.turn(turn_high * change);
    }
    low.push(normal * -pushed);
    high.push(normal * pushed);
    bounce
}

/// From the inverse masses, whether one is static geometry, and at which share of its pace what is pressed in too deep comes out; see [`RECOVERY_OF_EQUALS`].
#[inline(always)]
fn recovery<F: F32x8>(a: F, b: F) -> (F::Mask, F) {
    let (one, least) = (F::splat(1.0), F::splat(LEAST_RECOVERY));
    let a_is_heavier = a.lt(b);
    let (less, more) = (F::select(a_is_heavier, a, b), F::select(a_is_heavier, b, a));
    let on_ground = less.le(F::splat(0.0));
    let share = F::splat(RECOVERY_OF_EQUALS) * less / more;
    let share = F::select(share.gt(one), one, share);
    let share = F::select(share.lt(least), least, share);
    (on_ground, F::select(on_ground, one, share))
}

/// Solves eight manifolds between tiles: each pair as a block on its own copy of the velocities, with the part of each body that is its own (see [`crate::manifold::across`]). Returns the change, and
/// displacements that push overlaps apart.
#[inline(always)]
pub(crate) fn solve_across<F: F32x8>(
    block: &mut ManifoldBlock,
    (mut low, low_shift): (Bodies8<F>, &Shifts8<F>),
    (mut high, high_shift): (Bodies8<F>, &Shifts8<F>),
    (meeting, felt): (Option<Meeting<'_, F>>, Option<&mut Octet>),
    step: &StepConstants,
) -> (Change, Change) {
    let before = Impulses8::of(block);
    let push = push_apart(block, (&low, low_shift), (&high, high_shift), step);
    let bounce = solve::<F, { mode::ACROSS }>(
        block,
        (&mut low, low_shift),
        (&mut high, high_shift),
        meeting.as_ref(),
        step,
    );
    if let Some(Meeting { whole, foreseen, .. }) = meeting
        && block.bounces
    {
        *foreseen = foresee(block, &(whole.0, *low_shift), &(whole.1, *high_shift), 2.0, step);
        if let Some(bounce) = &bounce {
            apart::forget_struck(foreseen, bounce);
        }
    }
    let mut change = change_of::<F>(block, &Impulses8::of(block).since(&before));
    if let Some(bounce) = &bounce {
        change.add(bounce);
        if let Some(felt) = felt {
            bounce.add_normal_to(felt, block);
        }
    }
    (change, push)
}

/// When each of eight manifolds will bounce, if that is within so many substeps and velocities stay, s; infinity if not.
#[inline(always)]
pub(crate) fn foresee<F: F32x8>(
    block: &ManifoldBlock,
    (low, low_shift): &(Bodies8<F>, Shifts8<F>),
    (high, high_shift): &(Bodies8<F>, Shifts8<F>),
    substeps: f32,
    step: &StepConstants,
) -> Octet {
    let never = F::splat(f32::INFINITY);
    let normal = Vec3x8::<F>::load(&block.normal);
    let shift = (high_shift.displacement - low_shift.displacement).dot(normal);
    let separations = separations_of(block, shift, low_shift, high_shift);
    let linear = (high.linear - low.linear).dot(normal);
    let elastic = F::load(&block.restitution).gt(F::splat(0.0));
    let mut first = never;
    for (point, separation) in block.points[..block.count as usize].iter().zip(&separations) {
        let (turn_low, turn_high) = (Vec3x8::load(&point.turn_low), Vec3x8::load(&point.turn_high));
        let approach = -(linear + (turn_high.dot(high.angular) - turn_low.dot(low.angular)));
        let meets_in = F::load(separation) / approach;
        let there = F::load(&point.normal_mass).gt(F::splat(0.0));
        let strikes = elastic
            & there
            & F::splat(step.restitution_threshold).lt(approach)
            & meets_in.le(F::splat(substeps * step.substep_seconds));
        let meets_in = F::select(strikes, meets_in, never);
        first = F::select(meets_in.lt(first), meets_in, first);
    }
    let mut meets_in = Octet::ZERO;
    first.store(&mut meets_in);
    meets_in
}

/// The displacements (linear times mass, turns times inertia) that take away a share of deep overlaps, as a change. They are no velocities, so they bring in no energy.
#[inline(always)]
fn push_apart<F: F32x8>(
    block: &ManifoldBlock,
    (low, low_shift): (&Bodies8<F>, &Shifts8<F>),
    (high, high_shift): (&Bodies8<F>, &Shifts8<F>),
    step: &StepConstants,
) -> Change {
    let zero = F::splat(0.0);
    let normal = Vec3x8::<F>::load(&block.normal);
    let shift = (high_shift.displacement - low_shift.displacement).dot(normal);
    let separations = separations_of(block, shift, low_shift, high_shift);
    let inverse_mass = low.inverse_mass + high.inverse_mass;
    let (mut moved, mut turned_low, mut turned_high) = (zero, Vec3x8::splat(zero), Vec3x8::splat(zero));
    let mut pushes = Impulses8::ZERO;
    let points = block.points[..block.count as usize].iter().zip(&separations);
    for ((point, separation), push) in points.zip(&mut pushes.normal) {
        let (turn_low, turn_high) = (Vec3x8::load(&point.turn_low), Vec3x8::load(&point.turn_high));
        let overlap = -F::load(separation) - F::splat(ACROSS_OVERLAP);
        let most = F::splat(step.push_velocity * step.substep_seconds);
        let wanted = overlap * F::splat(ACROSS_PUSH);
        let wanted = F::select(wanted.gt(most), most, wanted);
        let got = moved + (turn_high.dot(turned_high) - turn_low.dot(turned_low));
        let part = (F::load(&point.normal_mass) * (wanted - got)).not_negative();
        part.store(push);
        moved += part * inverse_mass;
        turned_low = turned_low + low.inverse_inertia.times(turn_low * -part);
        turned_high = turned_high + high.inverse_inertia.times(turn_high * part);
    }
    change_of::<F>(block, &pushes)
}

/// Distances of the surfaces at the points now, m, with the bodies turned as far as their rotation vectors say to first order.
#[inline(always)]
fn separations_of<F: F32x8>(
    block: &ManifoldBlock,
    shift: F,
    low: &Shifts8<F>,
    high: &Shifts8<F>,
) -> [Octet; MAX_POINTS] {
    let mut separations = [Octet::ZERO; MAX_POINTS];
    for (separation, point) in separations.iter_mut().zip(&block.points[..block.count as usize]) {
        let turned =
            Vec3x8::load(&point.turn_high).dot(high.rotation) - Vec3x8::load(&point.turn_low).dot(low.rotation);
        (F::load(&point.separation) + shift + turned).store(separation);
    }
    separations
}
