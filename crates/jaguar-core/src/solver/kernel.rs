//! The arithmetic of four contacts at once, lane by lane. Every operation is an elementwise one of IEEE 754, so a lane gives the bits that it would give alone, and the
//! machine's vector instructions show in speed only.

use glam::{BVec4A, Mat4, Vec4};

use super::StepConstants;
use crate::contact::{Block, LANES};
use crate::storage::Motion;

/// What stands in for a body that is not there: it does not move and nothing moves it.
static FIXED: Motion = Motion {
    linear: Vec4::ZERO,
    angular: Vec4::ZERO,
    displacement: Vec4::ZERO,
    rotation: Vec4::ZERO,
};

/// Three components, each of four lanes.
pub(super) type Lanes3 = [Vec4; 3];

/// The velocities of four bodies.
#[derive(Clone, Copy)]
pub(super) struct Velocities {
    linear: Lanes3,
    inverse_mass: Vec4,
    angular: Lanes3,
    /// Radius times inverse inertia.
    turning: Vec4,
}

/// The displacements and radii of four bodies.
#[derive(Clone, Copy)]
pub(super) struct Shifts {
    displacement: Lanes3,
    radius: Vec4,
}

/// Impulses on the second bodies of four contacts; the first ones get the opposite. The part along the normal passes through both centres, the other turns both alike.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Impulse {
    /// kg m/s.
    pub(super) linear: Lanes3,
    /// Normal × friction impulse, kg m/s; times a body's radius it is the change of that body's angular momentum, up to the sign.
    pub(super) turning: Lanes3,
}

/// The bodies of four lanes; lanes without a body find one that does not move.
#[inline(always)]
fn bodies<'a>(motion: &'a [Motion], base: usize, indices: &[u32; LANES]) -> [&'a Motion; LANES] {
    indices.map(|index| motion.get((index as usize).wrapping_sub(base)).unwrap_or(&FIXED))
}

/// Rows of four bodies as columns of four lanes.
#[inline(always)]
fn transposed([a, b, c, d]: [Vec4; LANES]) -> (Lanes3, Vec4) {
    let lanes = Mat4::from_cols(a, b, c, d).transpose();
    ([lanes.x_axis, lanes.y_axis, lanes.z_axis], lanes.w_axis)
}

impl Velocities {
    /// Reads four bodies; the index of the first in `motion` is `base`.
    #[inline(always)]
    pub(super) fn gather(motion: &[Motion], base: usize, indices: &[u32; LANES]) -> Self {
        let bodies = bodies(motion, base, indices);
        let (linear, inverse_mass) = transposed(bodies.map(|body| body.linear));
        let (angular, turning) = transposed(bodies.map(|body| body.angular));
        Self {
            linear,
            inverse_mass,
            angular,
            turning,
        }
    }

    /// Writes them back, but for lanes without a body.
    #[inline(always)]
    pub(super) fn scatter(&self, motion: &mut [Motion], base: usize, indices: &[u32; LANES]) {
        let [x, y, z] = self.linear;
        let linear = Mat4::from_cols(x, y, z, self.inverse_mass).transpose();
        let [x, y, z] = self.angular;
        let angular = Mat4::from_cols(x, y, z, self.turning).transpose();
        for (lane, &index) in indices.iter().enumerate() {
            if let Some(body) = motion.get_mut((index as usize).wrapping_sub(base)) {
                body.linear = linear.col(lane);
                body.angular = angular.col(lane);
            }
        }
    }

    /// Takes impulses as the first bodies of the contacts.
    #[inline(always)]
    pub(super) fn take_as_low(&mut self, impulse: &Impulse) {
        for axis in 0..3 {
            self.linear[axis] -= impulse.linear[axis] * self.inverse_mass;
            self.angular[axis] -= impulse.turning[axis] * self.turning;
        }
    }

    /// Takes impulses as the second bodies. The lever arms are opposite, and so are the impulses: both bodies turn the same way.
    #[inline(always)]
    pub(super) fn take_as_high(&mut self, impulse: &Impulse) {
        for axis in 0..3 {
            self.linear[axis] += impulse.linear[axis] * self.inverse_mass;
            self.angular[axis] -= impulse.turning[axis] * self.turning;
        }
    }
}

impl Shifts {
    /// Reads four bodies; the index of the first in `motion` is `base`.
    #[inline(always)]
    pub(super) fn gather(motion: &[Motion], base: usize, indices: &[u32; LANES]) -> Self {
        let bodies = bodies(motion, base, indices);
        let (displacement, radius) = transposed(bodies.map(|body| body.displacement));
        Self { displacement, radius }
    }
}

impl Impulse {
    #[inline(always)]
    fn new(block: &Block, normal: Vec4, friction: Lanes3) -> Self {
        Self {
            linear: [0, 1, 2].map(|axis| block.normal[axis] * normal + friction[axis]),
            turning: cross(block.normal, friction),
        }
    }

    /// All that the contacts have accumulated.
    #[inline(always)]
    pub(super) fn accumulated(block: &Block) -> Self {
        Self::new(block, block.normal_impulse, block.friction_impulse)
    }
}

/// How far the accumulated impulses go towards what a contact alone would want.
#[derive(Clone, Copy)]
pub(super) enum Share {
    Whole,
    Half,
}

/// Solves four contacts whose bodies these are, pushing overlaps apart (`PUSH`) or only correcting velocities, and returns the change of impulse.
///
/// For spheres the normal and the friction impulse do not influence each other, since the normal force does not turn and friction has no part along the normal; so
/// both are solved exactly at once.
#[inline(always)]
pub(super) fn solve<const PUSH: bool>(
    block: &mut Block,
    low: (&Velocities, &Shifts),
    high: (&Velocities, &Shifts),
    share: Share,
    step: &StepConstants,
) -> Impulse {
    let normal = block.normal;
    let spin = [0, 1, 2].map(|axis| low.0.angular[axis] * low.1.radius + high.0.angular[axis] * high.1.radius);
    let turned = cross(spin, normal);
    // Velocity of the second body's surface against the first's.
    let velocity = [0, 1, 2].map(|axis| (high.0.linear[axis] - low.0.linear[axis]) - turned[axis]);
    let normal_velocity = dot(velocity, normal);
    let shift = [0, 1, 2].map(|axis| high.1.displacement[axis] - low.1.displacement[axis]);
    let separation = block.separation + dot(shift, normal);

    let approaches = normal_velocity.cmplt(Vec4::splat(-step.restitution_threshold));
    let elastic = block.restitution.cmpgt(Vec4::ZERO) & approaches;

    let open = separation.cmpgt(Vec4::ZERO);
    // Not yet touching: allow the approach that closes the gap in this substep.
    let closing = separation * (1.0 / step.substep_seconds);
    let (bias, mass_scale, impulse_scale) = if PUSH {
        let soft = match share {
            Share::Whole => step.softness,
            Share::Half => step.across_softness,
        };
        let push = separation * soft.bias_rate;
        let limit = Vec4::splat(-step.push_velocity);
        let push = Vec4::select(push.cmplt(limit), limit, push);
        (
            Vec4::select(open, closing, push),
            Vec4::select(open, Vec4::ONE, Vec4::splat(soft.mass_scale)),
            Vec4::select(open, Vec4::ZERO, Vec4::splat(soft.impulse_scale)),
        )
    } else {
        (Vec4::select(open, closing, Vec4::ZERO), Vec4::ONE, Vec4::ZERO)
    };
    let change = -(block.normal_mass * mass_scale * (normal_velocity + bias)) - impulse_scale * block.normal_impulse;
    let wanted = not_negative(block.normal_impulse + change);
    let slip = [0, 1, 2].map(|axis| velocity[axis] - normal[axis] * normal_velocity);
    let friction = [0, 1, 2].map(|axis| block.friction_impulse[axis] - slip[axis] * block.tangent_mass);
    let friction = within_cone(friction, block.friction * wanted);

    let mut normal_change = wanted - block.normal_impulse;
    let mut friction_change = [0, 1, 2].map(|axis| friction[axis] - block.friction_impulse[axis]);
    if let Share::Half = share {
        // Both ends of the change lie in the friction cone, which is convex; so does its middle.
        normal_change *= crate::constants::ACROSS_RELAXATION;
        friction_change = friction_change.map(|axis| axis * crate::constants::ACROSS_RELAXATION);
    }

    // A bounce takes the place of the soft response: the whole impulse in the substep in which the gap closes, outside the accumulated ones, so that the relax pass
    // does not take it back. (Bouncing after all substeps, as Box2D does, lets a body enter first and gives a gas an energy of its own.) Until then the
    // relax pass leaves the contact alone: to stop the approach at the surface would be to stop it before it could bounce.
    let mut bounce = None;
    if elastic.any() {
        let due = if PUSH {
            elastic & (separation + normal_velocity * step.substep_seconds).cmple(Vec4::ZERO)
        } else {
            elastic
        };
        normal_change = Vec4::select(due, Vec4::ZERO, normal_change);
        friction_change = friction_change.map(|axis| Vec4::select(due, Vec4::ZERO, axis));
        if PUSH {
            bounce = Some(bounce_impulse(block, due, normal_velocity, slip));
        }
    }
    block.normal_impulse += normal_change;
    block.friction_impulse = sum(block.friction_impulse, friction_change);
    if let Some((normal, friction)) = bounce {
        normal_change += normal;
        friction_change = sum(friction_change, friction);
    }
    Impulse::new(block, normal_change, friction_change)
}

/// The impulses (normal, friction) of a bounce in the lanes where it is due, zero in the others.
#[cold]
fn bounce_impulse(block: &Block, due: BVec4A, approach: Vec4, slip: Lanes3) -> (Vec4, Lanes3) {
    let normal = -(Vec4::ONE + block.restitution) * approach * block.normal_mass;
    let friction = within_cone(slip.map(|axis| -axis * block.tangent_mass), block.friction * normal);
    (
        Vec4::select(due, normal, Vec4::ZERO),
        friction.map(|axis| Vec4::select(due, axis, Vec4::ZERO)),
    )
}

#[inline(always)]
fn sum(a: Lanes3, b: Lanes3) -> Lanes3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

#[inline(always)]
fn dot(a: Lanes3, b: Lanes3) -> Vec4 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline(always)]
fn cross(a: Lanes3, b: Lanes3) -> Lanes3 {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// The larger of a number and zero; NaN becomes 0, and there is one zero only.
#[inline(always)]
fn not_negative(x: Vec4) -> Vec4 {
    Vec4::select(x.cmpgt(Vec4::ZERO), x, Vec4::ZERO)
}

/// Vectors shortened to a length: Coulomb's cone is a circle here, not a pyramid.
#[inline(always)]
fn within_cone(friction: Lanes3, limit: Vec4) -> Lanes3 {
    let square = dot(friction, friction);
    let outside = square.cmpgt(limit * limit);
    if !outside.any() {
        return friction;
    }
    let length = Vec4::from_array(square.to_array().map(f32::sqrt));
    let scale = Vec4::select(outside, limit / length, Vec4::ONE);
    friction.map(|axis| axis * scale)
}
