//! How bodies that are not plain spheres are turned, and how they turn freely: the inertia tensor in world axes at the start of the tick, which contacts use, and the orientation of the
//! present substep.

use glam::{Mat3, Quat, Vec3, Vec4};

use crate::kinds::{Kind, Kinds};
use crate::solver::StepConstants;
use crate::solver::integrate::turn;
use crate::storage::Motion;

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

/// Turns bodies over one substep and changes their angular velocities so that their angular momenta stay: the gyroscopic torque. Second order by the midpoint rule; since the momentum
/// is kept, the energy of a free body stays within what the momentum allows, however fast it spins and however long the tick.
pub(crate) fn turn_freely(
    motion: &mut [Motion],
    attitudes: &mut [Attitude],
    numbers: &[u32],
    kinds: &Kinds,
    step: &StepConstants,
) {
    let h = step.substep_seconds;
    for ((body, attitude), &number) in motion.iter_mut().zip(attitudes).zip(numbers) {
        let kind = kinds.get(number);
        if kind.is_isotropic {
            // `crate::solver::integrate::finish_body` turns these once a tick.
            continue;
        }
        let velocity = body.angular_velocity();
        let rotation = Mat3::from_quat(Quat::from_array(attitude.orientation));
        let momentum = rotation * (kind.inertia * (rotation.transpose() * velocity));
        let spin_at = |orientation: [f32; 4]| -> Vec3 {
            let rotation = Mat3::from_quat(Quat::from_array(orientation));
            rotation * (kind.inverse_inertia * (rotation.transpose() * momentum))
        };
        let start = attitude.orientation;
        let mut middle = start;
        turn(&mut middle, velocity * (0.5 * h));
        turn(&mut attitude.orientation, spin_at(middle) * h);
        // The change alone is added: `spin_at` rounds, always the same way where the body turns slowly, and what it gives at the start differs from the velocity by just that. (Set to
        // `spin_at`, the momentum of a spinning box is off by 10 % after 10^5 ticks.)
        let change = spin_at(attitude.orientation) - spin_at(start);
        body.set_angular_velocity(velocity + change);
    }
}
