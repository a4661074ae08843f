//! How bodies that are not plain spheres are turned, and how they turn freely: the inertia tensor in world axes at the start of the tick, which contacts use, and the orientation of the
//! present substep.

use glam::{DMat3, DQuat, DVec3, Mat3, Quat, Vec3, Vec4};

use crate::kinds::{Kind, Kinds};
use crate::solver::StepConstants;
use crate::storage::Motion;

/// Passes in which [`turn_freely`] finds the angular velocity half way. With one, which is not the same backwards in time, the energy of a box that turns over creeps, and its period is off by
/// 5 % at 6 rad/s and 240 substeps a second; with three by what the substep itself makes of it.
const MIDPOINT_PASSES: u32 = 3;

/// One body.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub(crate) struct Attitude {
    /// xx, yy, zz of the inverse inertia tensor in world axes at the start of the tick, 1/(kg m²).
    pub(crate) diagonal: Vec4,
    /// yz, xz, xy.
    pub(crate) products: Vec4,
    /// Of the present substep, quaternion x y z w.
    pub(crate) orientation: [f32; 4],
}

impl Attitude {
    /// Of what does not turn.
    pub(crate) const FIXED: Self = Self {
        diagonal: Vec4::ZERO,
        products: Vec4::ZERO,
        orientation: [0.0, 0.0, 0.0, 1.0],
    };

    pub(crate) fn new(kind: &Kind, orientation: [f32; 4]) -> Self {
        let inverse = kind.inverse_inertia;
        let world = if kind.is_isotropic {
            inverse
        } else {
            let rotation = Mat3::from_quat(Quat::from_array(orientation));
            rotation * inverse * rotation.transpose()
        };
        Self {
            diagonal: Vec4::new(world.x_axis.x, world.y_axis.y, world.z_axis.z, 0.0),
            products: Vec4::new(world.z_axis.y, world.z_axis.x, world.y_axis.x, 0.0),
            orientation,
        }
    }

    /// The change of angular velocity by a change of angular momentum.
    pub(crate) fn spin_of(&self, turn: Vec3) -> Vec3 {
        let (diagonal, products) = (self.diagonal, self.products);
        Vec3::new(
            diagonal.x * turn.x + products.z * turn.y + products.y * turn.z,
            products.z * turn.x + diagonal.y * turn.y + products.x * turn.z,
            products.y * turn.x + products.x * turn.y + diagonal.z * turn.z,
        )
    }
}

/// Turns bodies over one substep and changes their angular velocities so that their angular momenta stay: the gyroscopic torque. A body turns at the angular velocity that it has half
/// way, where it got by half of that same turn: a step that is the same backwards in time, so the energy swings and does not creep, and turning about an axis of its own is kept as it is.
/// Since the momentum is kept whatever the angle, the energy stays within what the momentum allows, however fast the body spins and however long the tick.
///
/// In f64, from and to states in f32: the momentum is that of the rounded orientation, so only the velocity rounds. In f32 a box that turns over and over (Dzhanibekov) loses its pace to
/// rounding alone.
pub(crate) fn turn_freely(
    motion: &mut [Motion],
    attitudes: &mut [Attitude],
    numbers: &[u32],
    kinds: &Kinds,
    step: &StepConstants,
) {
    let h = f64::from(step.substep_seconds);
    for ((body, attitude), &number) in motion.iter_mut().zip(attitudes).zip(numbers) {
        let kind = kinds.get(number);
        let velocity = body.angular_velocity();
        // `crate::solver::integrate::finish_body` turns those that are the same about all axes once a tick.
        if kind.is_isotropic || velocity == Vec3::ZERO {
            continue;
        }
        let (inertia, inverse_inertia) = (&kind.inertia, &kind.exact_inverse_inertia);
        let unit = |orientation: [f32; 4]| DQuat::from_array(orientation.map(f64::from)).normalize();
        let start = unit(attitude.orientation);
        let axes = DMat3::from_quat(start);
        // In the body's own axes the momentum turns backwards.
        let spin = axes.transpose() * velocity.as_dvec3();
        let momentum = *inertia * spin;
        let mut middle = spin;
        for _ in 0..MIDPOINT_PASSES {
            middle = *inverse_inertia * turned(momentum, middle * (-0.5 * h));
        }
        let (sine, cosine) = half_sine_and_cosine((middle * h).length_squared());
        let turn = middle * (h * sine);
        let end = start * DQuat::from_xyzw(turn.x, turn.y, turn.z, cosine);
        attitude.orientation = end.normalize().to_array().map(|c| c as f32 + 0.0);
        let end_axes = DMat3::from_quat(unit(attitude.orientation));
        let spin = *inverse_inertia * (end_axes.transpose() * (axes * momentum));
        body.set_angular_velocity((end_axes * spin).as_vec3());
    }
}

/// A vector, turned by a rotation vector.
fn turned(vector: DVec3, rotation: DVec3) -> DVec3 {
    let (sine, cosine) = half_sine_and_cosine(rotation.length_squared());
    let axis = rotation * sine;
    let across = axis.cross(vector) * 2.0;
    vector + across * cosine + axis.cross(across)
}

/// sin(a/2) / a and cos(a/2), of the square of an angle a.
fn half_sine_and_cosine(square: f64) -> (f64, f64) {
    if square < 0.01 {
        // Taylor in x = (a/2)², below 1/400: the first terms left out are below 2^-50.
        let x = 0.25 * square;
        let sine = 1.0 - x / 6.0 * (1.0 - x / 20.0 * (1.0 - x / 42.0 * (1.0 - x / 72.0)));
        let cosine = 1.0 - x / 2.0 * (1.0 - x / 12.0 * (1.0 - x / 30.0 * (1.0 - x / 56.0)));
        (0.5 * sine, cosine)
    } else {
        let angle = square.sqrt();
        (libm::sin(0.5 * angle) / angle, libm::cos(0.5 * angle))
    }
}
