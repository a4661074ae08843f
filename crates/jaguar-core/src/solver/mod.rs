//! The contact solver: soft constraints with substeps, warm starting and a relax pass, after Erin Catto's "Solver2D" (2024) and Box2D 3.
//!
//! Inside a tile contacts are solved one after the other (Gauss-Seidel, [`inside`]); contacts between tiles all at once (Jacobi, [`across`]), so that the owners
//! of the two bodies compute the same impulse without asking each other. Both use the one kernel of this file.

pub(crate) mod across;
pub(crate) mod inside;
pub(crate) mod integrate;

use glam::Vec3;

use crate::config::WorldParams;
use crate::contact::Contact;
use crate::storage::Motion;

/// Static geometry as a partner: it does not move and nothing moves it.
pub(crate) const FIXED: Motion = Motion {
    velocity: Vec3::ZERO,
    angular_velocity: Vec3::ZERO,
    displacement: Vec3::ZERO,
    rotation: Vec3::ZERO,
    inverse_mass: 0.0,
    inverse_inertia: 0.0,
    radius: 0.0,
    reach: 0.0,
};

/// What is the same for all bodies and contacts.
#[derive(Clone, Debug)]
pub(crate) struct StepConstants {
    /// m.
    pub(crate) tile_size: f32,
    /// Length of a tick, s.
    pub(crate) tick_seconds: f32,
    /// Length of a substep, s.
    pub(crate) substep_seconds: f32,
    pub(crate) gravity: Vec3,
    /// m/s.
    pub(crate) max_speed: f32,
    /// Upper bound of the speculative margin of pairs, m.
    pub(crate) speculative_cap: f32,
    /// m/s.
    pub(crate) push_velocity: f32,
    /// m/s.
    pub(crate) restitution_threshold: f32,
    softness: Softness,
}

impl StepConstants {
    pub(crate) fn new(params: &WorldParams) -> Self {
        let tick_seconds = params.tick_seconds();
        let substep_seconds = tick_seconds / params.substeps as f32;
        Self {
            tile_size: params.tile_size,
            tick_seconds,
            substep_seconds,
            gravity: params.gravity,
            max_speed: params.max_speed(),
            speculative_cap: params.speculative_cap(),
            push_velocity: params.push_velocity,
            restitution_threshold: params.restitution_threshold,
            softness: Softness::new(params.contact_frequency, params.contact_damping_ratio, substep_seconds),
        }
    }
}

/// A contact as a damped spring, integrated implicitly: it is stable for any stiffness.
#[derive(Clone, Copy, Debug)]
struct Softness {
    /// Share of an overlap that is pushed apart, 1/s.
    bias_rate: f32,
    mass_scale: f32,
    impulse_scale: f32,
}

impl Softness {
    /// See `b2MakeSoft` of Box2D and "Soft Constraints", Catto, GDC 2011: with ω = 2πf, the implicit Euler step of a spring-damper of stiffness m ω² and damping
    /// 2 m ζ ω is an impulse -m_s (v + b s) - i_s λ.
    fn new(frequency: f32, damping_ratio: f32, h: f32) -> Self {
        let omega = 2.0 * std::f32::consts::PI * frequency;
        let a1 = 2.0 * damping_ratio + h * omega;
        let a2 = h * omega * a1;
        let a3 = 1.0 / (1.0 + a2);
        Self {
            bias_rate: omega / a1,
            mass_scale: a2 * a3,
            impulse_scale: a3,
        }
    }

    /// No spring: only velocities are corrected.
    const RIGID: Self = Self {
        bias_rate: 0.0,
        mass_scale: 1.0,
        impulse_scale: 0.0,
    };
}

/// An impulse on the second body of a contact; the first gets the opposite. The part along the normal passes through both centres, the other turns both alike.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Impulse {
    /// kg m/s.
    pub(crate) linear: Vec3,
    /// Normal × friction impulse, kg m/s; times a body's radius it is the change of that body's angular momentum, up to the sign.
    pub(crate) turning: Vec3,
}

impl Impulse {
    #[inline(always)]
    fn new(contact: &Contact, normal: f32, friction: Vec3) -> Self {
        Self {
            linear: contact.normal * normal + friction,
            turning: contact.normal.cross(friction),
        }
    }

    /// All that the contact has accumulated.
    #[inline(always)]
    fn accumulated(contact: &Contact) -> Self {
        Self::new(contact, contact.normal_impulse, contact.friction_impulse)
    }

    #[inline(always)]
    fn apply_to_low(&self, body: &mut Motion) {
        body.velocity -= self.linear * body.inverse_mass;
        self.turn(body);
    }

    #[inline(always)]
    fn apply_to_high(&self, body: &mut Motion) {
        body.velocity += self.linear * body.inverse_mass;
        self.turn(body);
    }

    /// The lever arms of the two bodies are opposite, and so are the impulses: both turn the same way.
    #[inline(always)]
    fn turn(&self, body: &mut Motion) {
        body.angular_velocity -= self.turning * (body.inverse_inertia * body.radius);
    }
}

/// Velocity of the second body's surface against the first's at the contact point, m/s.
#[inline(always)]
fn relative_velocity(contact: &Contact, low: &Motion, high: &Motion) -> Vec3 {
    let spin = low.angular_velocity * low.radius + high.angular_velocity * high.radius;
    (high.velocity - low.velocity) - spin.cross(contact.normal)
}

/// Distance of the surfaces along the normal of the tick's start, m.
#[inline(always)]
fn separation(contact: &Contact, low: &Motion, high: &Motion) -> f32 {
    contact.separation + (high.displacement - low.displacement).dot(contact.normal)
}

/// What the impulses of a contact would become (normal, friction). For spheres the two do not influence each other, since friction passes no force through the centres'
/// line and the normal force does not turn; so both are solved exactly at once.
#[inline(always)]
fn respond<const PUSH: bool>(contact: &Contact, low: &Motion, high: &Motion, step: &StepConstants) -> (f32, Vec3) {
    let velocity = relative_velocity(contact, low, high);
    let normal_velocity = velocity.dot(contact.normal);
    let separation = separation(contact, low, high);
    let (bias, soft) = if separation > 0.0 {
        // Not yet touching: allow the approach that closes the gap in this substep.
        (separation / step.substep_seconds, Softness::RIGID)
    } else if PUSH {
        let push = step.softness.bias_rate * separation;
        let limited = if push < -step.push_velocity {
            -step.push_velocity
        } else {
            push
        };
        (limited, step.softness)
    } else {
        (0.0, Softness::RIGID)
    };
    let change =
        -contact.normal_mass * soft.mass_scale * (normal_velocity + bias) - soft.impulse_scale * contact.normal_impulse;
    let normal = not_negative(contact.normal_impulse + change);

    let slip = velocity - contact.normal * normal_velocity;
    let friction = contact.friction_impulse - slip * contact.tangent_mass;
    (normal, within_cone(friction, contact.friction * normal))
}

/// The bounce of a contact whose gap closes in this substep: the whole impulse at once, outside the accumulated ones, so that the relax pass does not take it
/// back. (Bouncing after all substeps, as Box2D does, lets a body enter first and gives a gas an energy of its own.)
#[inline(always)]
fn bounce(contact: &Contact, low: &Motion, high: &Motion, step: &StepConstants) -> Option<Impulse> {
    if contact.restitution == 0.0 {
        return None;
    }
    let velocity = relative_velocity(contact, low, high);
    let approach = velocity.dot(contact.normal);
    let closes = separation(contact, low, high) + approach * step.substep_seconds <= 0.0;
    if !closes || approach >= -step.restitution_threshold {
        return None;
    }
    let normal = -(1.0 + contact.restitution) * approach * contact.normal_mass;
    let slip = velocity - contact.normal * approach;
    let friction = within_cone(-slip * contact.tangent_mass, contact.friction * normal);
    Some(Impulse::new(contact, normal, friction))
}

/// Whether a contact approaches fast enough to bounce in a later substep. The relax pass leaves it alone: to stop the approach at the surface would be to
/// stop it before it could bounce.
#[inline(always)]
fn will_bounce(contact: &Contact, low: &Motion, high: &Motion, step: &StepConstants) -> bool {
    contact.restitution > 0.0 && relative_velocity(contact, low, high).dot(contact.normal) < -step.restitution_threshold
}

/// The larger of a number and zero; NaN becomes 0, and there is one zero only.
#[inline(always)]
fn not_negative(x: f32) -> f32 {
    if x > 0.0 { x } else { 0.0 }
}

/// A vector shortened to a length: Coulomb's cone is a circle for us, not a pyramid.
#[inline(always)]
fn within_cone(friction: Vec3, limit: f32) -> Vec3 {
    let square = friction.length_squared();
    if square > limit * limit {
        friction * (limit / square.sqrt())
    } else {
        friction
    }
}
