//! The arithmetic of eight contacts at once, lane by lane; see [`crate::simd`].

use super::StepConstants;
use crate::constants::{ACROSS_RELAXATION, LEAST_IMPULSE};
use crate::contact::Coefficients;
use crate::ends::PlaceInPortion;
use crate::simd::{F32x8, LANES, Mask, Octet, Quad, Vec3x8};
use crate::storage::Motion;

/// The velocities of eight bodies.
#[derive(Clone, Copy)]
pub(super) struct Velocities<F> {
    linear: Vec3x8<F>,
    inverse_mass: F,
    angular: Vec3x8<F>,
    /// Radius times inverse inertia.
    turning: F,
}

/// The displacements and radii of eight bodies.
#[derive(Clone, Copy)]
pub(super) struct Shifts<F> {
    displacement: Vec3x8<F>,
    radius: F,
}

/// Impulses on the second bodies of eight contacts; the first ones get the opposite. The part along the normal passes through both centres, the other turns both alike.
#[derive(Clone, Copy)]
pub(super) struct Impulse<F> {
    /// kg m/s.
    linear: Vec3x8<F>,
    /// Normal × friction impulse, kg m/s; times a body's radius it is the change of that body's angular momentum, up to the sign.
    turning: Vec3x8<F>,
}

/// An [`Impulse`] in memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    pub(super) linear: [Octet; 3],
    pub(super) turning: [Octet; 3],
}

/// The bodies of eight lanes; lanes without a body find one that does not move.
#[inline(always)]
fn bodies<'a, P: PlaceInPortion>(motion: &'a [Motion], places: &[P; LANES]) -> [&'a Motion; LANES] {
    places.map(|place| motion.get(place.index()).unwrap_or(&Motion::FIXED))
}

impl<F: F32x8> Velocities<F> {
    /// Reads eight bodies.
    #[inline(always)]
    pub(super) fn gather<P: PlaceInPortion>(motion: &[Motion], places: &[P; LANES]) -> Self {
        let bodies = bodies(motion, places);
        let [x, y, z, inverse_mass] = F::columns(bodies.map(|body| body.twist.linear));
        let linear = Vec3x8::new(x, y, z);
        let [x, y, z, turning] = F::columns(bodies.map(|body| body.twist.angular));
        let angular = Vec3x8::new(x, y, z);
        Self {
            linear,
            inverse_mass,
            angular,
            turning,
        }
    }

    /// Writes them back, but for lanes without a body.
    #[inline(always)]
    pub(super) fn scatter<P: PlaceInPortion>(&self, motion: &mut [Motion], places: &[P; LANES]) {
        let (v, w) = (self.linear, self.angular);
        let twists = F::twists([v.x, v.y, v.z, self.inverse_mass, w.x, w.y, w.z, self.turning]);
        for lane in 0..LANES {
            if let Some(body) = motion.get_mut(places[lane].index()) {
                twists[lane].store_twist(&mut body.twist);
            }
        }
    }

    /// Takes impulses as the first bodies of the contacts.
    #[inline(always)]
    pub(super) fn take_as_low(&mut self, impulse: &Impulse<F>) {
        self.linear = self.linear - impulse.linear * self.inverse_mass;
        self.angular = self.angular - impulse.turning * self.turning;
    }

    /// Takes impulses as the second bodies. The lever arms are opposite, and so are the impulses: both bodies turn the same way.
    #[inline(always)]
    pub(super) fn take_as_high(&mut self, impulse: &Impulse<F>) {
        self.linear = self.linear + impulse.linear * self.inverse_mass;
        self.angular = self.angular - impulse.turning * self.turning;
    }
}

impl<F: F32x8> Shifts<F> {
    /// Reads eight bodies.
    #[inline(always)]
    pub(super) fn gather<P: PlaceInPortion>(motion: &[Motion], places: &[P; LANES]) -> Self {
        let bodies = bodies(motion, places);
        let [x, y, z, radius] = F::columns(bodies.map(|body| body.displacement));
        Self {
            displacement: Vec3x8::new(x, y, z),
            radius,
        }
    }
}

impl<F: F32x8> Impulse<F> {
    #[inline(always)]
    fn new(contact_normal: Vec3x8<F>, normal: F, friction: Vec3x8<F>) -> Self {
        Self {
            linear: contact_normal * normal + friction,
            turning: contact_normal.cross(friction),
        }
    }

    /// All that the contacts have accumulated.
    #[inline(always)]
    pub(super) fn accumulated(geometry: &Quad, impulses: &Quad) -> Self {
        let (normal, friction) = (Vec3x8::load(&geometry.xyz), Vec3x8::load(&impulses.xyz));
        Self::new(normal, F::load(&impulses.w), friction)
    }

    #[inline(always)]
    pub(super) fn store(self, to: &mut Change) {
        self.linear.store(&mut to.linear);
        self.turning.store(&mut to.turning);
    }
}

/// How far the accumulated impulses go towards what a contact alone would want.
#[derive(Clone, Copy)]
pub(super) enum Share<F> {
    Whole,
    /// But what bounces does so wholly: where there is a 1; where there is a 0 it has to wait.
    Half {
        bounces: F,
    },
}

/// Which of eight contacts close within so many substeps, if velocities stay, so hard that they bounce: lane by lane.
#[inline(always)]
pub(super) fn strikes<F: F32x8>(
    geometry: &Quad,
    coefficients: &Coefficients,
    low: (&Velocities<F>, &Shifts<F>),
    high: (&Velocities<F>, &Shifts<F>),
    substeps: f32,
    step: &StepConstants,
) -> u8 {
    let normal = Vec3x8::load(&geometry.xyz);
    let normal_velocity = (high.0.linear - low.0.linear).dot(normal);
    let shift = high.1.displacement - low.1.displacement;
    let separation = F::load(&geometry.w) + shift.dot(normal);
    let elastic = F::load(&coefficients.restitution).gt(F::splat(0.0))
        & normal_velocity.lt(F::splat(-step.restitution_threshold));
    let closes = separation + normal_velocity * F::splat(substeps * step.substep_seconds);
    (elastic & closes.le(F::splat(0.0))).bits() as u8
}

/// Solves eight contacts whose bodies these are, pushing overlaps apart (`PUSH`) or only correcting velocities, and returns the change of impulse. The normal impulses of
/// bounces, which are no part of the accumulated ones, are added to `felt`.
///
/// For spheres the normal and the friction impulse do not influence each other, since the normal force does not turn and friction has no part along the normal; so
/// both are solved exactly at once.
#[inline(always)]
pub(super) fn solve<F: F32x8, const PUSH: bool>(
    (geometry, impulses): (&Quad, &mut Quad),
    coefficients: &Coefficients,
    low: (&Velocities<F>, &Shifts<F>),
    high: (&Velocities<F>, &Shifts<F>),
    share: Share<F>,
    felt: Option<&mut Octet>,
    step: &StepConstants,
) -> Impulse<F> {
    let (zero, one) = (F::splat(0.0), F::splat(1.0));
    let normal = Vec3x8::load(&geometry.xyz);
    let spin = low.0.angular * low.1.radius + high.0.angular * high.1.radius;
    // Velocity of the second body's surface against the first's.
    let velocity = (high.0.linear - low.0.linear) - spin.cross(normal);
    let normal_velocity = velocity.dot(normal);
    let shift = high.1.displacement - low.1.displacement;
    let separation = F::load(&geometry.w) + shift.dot(normal);

    let restitution = F::load(&coefficients.restitution);
    let approaches = normal_velocity.lt(F::splat(-step.restitution_threshold));
    let elastic = restitution.gt(zero) & approaches;

    let open = separation.gt(zero);
    // Not yet touching: allow the approach that closes the gap in this substep.
    let closing = separation * F::splat(step.substep_rate);
    let normal_mass = F::load(&coefficients.normal_mass);
    let tangent_mass = F::load(&coefficients.tangent_mass);
    let cone = F::load(&coefficients.friction);
    let normal_impulse = F::load(&impulses.w);
    let friction_impulse = Vec3x8::load(&impulses.xyz);
    let change = if PUSH {
        let soft = match share {
            Share::Whole => step.softness,
            Share::Half { .. } => step.across_softness,
        };
        let push = separation * F::splat(soft.bias_rate);
        let limit = F::splat(-step.push_velocity);
        let bias = F::select(open, closing, F::select(push.lt(limit), limit, push));
        let mass_scale = F::select(open, one, F::splat(soft.mass_scale));
        let impulse_scale = F::select(open, zero, F::splat(soft.impulse_scale));
        -(normal_mass * mass_scale * (normal_velocity + bias)) - impulse_scale * normal_impulse
    } else {
        -(normal_mass * (normal_velocity + F::select(open, closing, zero)))
    };
    let wanted = (normal_impulse + change).not_negative();
    let slip = velocity - normal * normal_velocity;
    let friction = within_cone(friction_impulse - slip * tangent_mass, cone * wanted);

    let mut normal_change = wanted - normal_impulse;
    let mut friction_change = friction - friction_impulse;
    if let Share::Half { .. } = share {
        // Both ends of the change lie in the friction cone, which is convex; so does its middle.
        let half = F::splat(ACROSS_RELAXATION);
        let vanishes = wanted.le(zero) & normal_impulse.lt(F::splat(LEAST_IMPULSE));
        normal_change = F::select(vanishes, normal_change, normal_change * half);
        friction_change = Vec3x8::select(vanishes, friction_change, friction_change * half);
    }

    // A bounce takes the place of the soft response: the whole impulse in the substep in which the gap closes, outside the accumulated ones, so that the relax pass
    // does not take it back. (Bouncing after all substeps, as Box2D does, lets a body enter first and gives a gas an energy of its own.) Until then the
    // relax pass leaves the contact alone: to stop the approach at the surface would be to stop it before it could bounce.
    let mut bounce = None;
    if elastic.any() {
        let mut due = elastic;
        if PUSH {
            due = due & (separation + normal_velocity * F::splat(step.substep_seconds)).le(zero);
        }
        let mut thrown_now = due;
        if let Share::Half { bounces } = share {
            thrown_now = due & bounces.gt(zero);
            // Between tiles a bounce may have to wait for the next substep. What loses something anyway is not left alone until then: a heap would be restless.
            due = thrown_now | (due & one.le(restitution));
        }
        let none = Vec3x8::new(zero, zero, zero);
        normal_change = F::select(due, zero, normal_change);
        friction_change = Vec3x8::select(due, none, friction_change);
        if PUSH {
            // What is turned round is the velocity before this substep's gravity, which both of two bodies got and only one of a body and a wall: then the way up is the way down
            // reversed in time. (Turned round with it, a ball on a floor gains its speed's worth of g h at every bounce.)
            let fixed = |bodies: &Velocities<F>| F::select(bodies.inverse_mass.gt(zero), zero, one);
            let fall = F::splat(step.substep_seconds) * splat(step.gravity).dot(normal);
            let gained = fall * (fixed(low.0) - fixed(high.0));
            let thrown = -(normal_velocity + restitution * (normal_velocity - gained)) * normal_mass;
            let turned = within_cone(none - slip * tangent_mass, cone * thrown);
            bounce = Some((
                F::select(thrown_now, thrown, zero),
                Vec3x8::select(thrown_now, turned, none),
            ));
        }
    }
    (normal_impulse + normal_change).store(&mut impulses.w);
    (friction_impulse + friction_change).store(&mut impulses.xyz);
    if let Some((normal, friction)) = bounce {
        if let Some(felt) = felt {
            (F::load(felt) + normal).store(felt);
        }
        normal_change += normal;
        friction_change = friction_change + friction;
    }
    Impulse::new(normal, normal_change, friction_change)
}

/// The same vector in all lanes.
#[inline(always)]
pub(crate) fn splat<F: F32x8>(vector: glam::Vec3) -> Vec3x8<F> {
    Vec3x8::new(F::splat(vector.x), F::splat(vector.y), F::splat(vector.z))
}

/// Vectors shortened to a length: Coulomb's cone is a circle here, not a pyramid.
#[inline(always)]
fn within_cone<F: F32x8>(friction: Vec3x8<F>, limit: F) -> Vec3x8<F> {
    let square = friction.dot(friction);
    let outside = square.gt(limit * limit);
    if !outside.any() {
        return friction;
    }
    let scale = F::select(outside, limit / square.sqrt(), F::splat(1.0));
    friction * scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WorldParams;
    use crate::simd::{Kernel, Level};

    /// A substep of eight contacts whose bodies have parted.
    struct Parted<'a> {
        impulses: &'a mut Quad,
        step: &'a StepConstants,
    }

    impl Kernel for Parted<'_> {
        type Output = ();

        #[inline(always)]
        fn run<F: F32x8>(self) {
            let mut geometry = Quad::ZERO;
            (0..LANES).for_each(|lane| geometry.set(lane, [0.6, 0.8, 0.0], 0.01));
            let coefficients = Coefficients {
                normal_mass: Octet([1.0; LANES]),
                tangent_mass: Octet([1.0; LANES]),
                friction: Octet([0.5; LANES]),
                restitution: Octet::ZERO,
            };
            let none = [u32::MAX; LANES];
            let (velocities, shifts) = (Velocities::<F>::gather(&[], &none), Shifts::gather(&[], &none));
            solve::<F, true>(
                (&geometry, self.impulses),
                &coefficients,
                (&velocities, &shifts),
                (&velocities, &shifts),
                Share::Half { bounces: F::splat(0.0) },
                None,
                self.step,
            );
        }
    }

    /// What is halved becomes nothing in the end, and does so before it is a number that processors take long over. Otherwise it would for ever be the smallest number, of which a half is rounded to the whole.
    #[test]
    fn half_of_an_impulse_that_is_to_vanish_does_not_stay() {
        let params = WorldParams {
            gravity: glam::Vec3::ZERO,
            ..WorldParams::default()
        };
        let step = StepConstants::new(&params);
        for level in Level::supported() {
            let mut impulses = Quad::ZERO;
            (0..LANES).for_each(|lane| impulses.set(lane, [0.3, -0.4, 0.05], 0.2 * lane as f32));
            let mut substeps = 0;
            while impulses.w != Octet::ZERO {
                level.run(Parted {
                    impulses: &mut impulses,
                    step: &step,
                });
                substeps += 1;
                assert!(
                    impulses.w.0.iter().all(|impulse| !impulse.is_subnormal()),
                    "{impulses:?}"
                );
                assert!(substeps < 100, "{}: {impulses:?}", level.name());
            }
            assert_eq!(impulses.xyz, [Octet::ZERO; 3], "{}", level.name());
        }
    }
}
