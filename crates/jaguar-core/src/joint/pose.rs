//! Private copies of what a joint reads and changes of its bodies, and the little algebra that joints need.

use glam::{Mat3, Quat, Vec3};

use crate::kinds::Kind;
use crate::manifold::attitude::Attitude;
use crate::solver::integrate::turn;
use crate::storage::Motion;

/// A body at one end of a joint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mover {
    /// m/s.
    pub(super) velocity: Vec3,
    /// rad/s.
    pub(super) spin: Vec3,
    /// 1/kg.
    pub(super) inverse_mass: f32,
    /// In world axes, 1/(kg m²).
    pub(super) inverse_inertia: Mat3,
    /// Since the start of the tick, m.
    pub(super) displacement: Vec3,
    /// Now, quaternion x y z w.
    pub(super) orientation: [f32; 4],
}

/// A change of velocity, or of place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Twist {
    pub(crate) linear: Vec3,
    pub(crate) angular: Vec3,
}

impl Mover {
    /// The world.
    pub(super) const FIXED: Self = Self {
        velocity: Vec3::ZERO,
        spin: Vec3::ZERO,
        inverse_mass: 0.0,
        inverse_inertia: Mat3::ZERO,
        displacement: Vec3::ZERO,
        orientation: [0.0, 0.0, 0.0, 1.0],
    };

    /// A body whose substeps are followed here.
    pub(super) fn followed(motion: &Motion, attitude: &Attitude, kind: &Kind, start: [f32; 4]) -> Self {
        if kind.is_isotropic {
            return Self::told(motion, attitude, start);
        }
        Self {
            inverse_inertia: matrix(&Attitude::new(kind, attitude.orientation)),
            orientation: attitude.orientation,
            ..Self::told(motion, attitude, start)
        }
    }

    /// A body of which only the motion since the start of the tick is known, as of a ghost: the tensor is the one that contacts use, the orientation the rotation vector's. `start` is the orientation then.
    pub(super) fn told(motion: &Motion, attitude: &Attitude, start: [f32; 4]) -> Self {
        let mut orientation = start;
        turn(&mut orientation, motion.rotation.truncate());
        Self {
            velocity: motion.velocity(),
            spin: motion.angular_velocity(),
            inverse_mass: motion.inverse_mass(),
            inverse_inertia: matrix(attitude),
            displacement: motion.displacement.truncate(),
            orientation,
        }
    }

    /// What an impulse and an angular impulse at an arm change.
    pub(super) fn twist(&self, arm: Vec3, impulse: Vec3, turn: Vec3) -> Twist {
        Twist {
            linear: impulse * self.inverse_mass,
            angular: self.inverse_inertia * (turn + arm.cross(impulse)),
        }
    }

    pub(super) fn take(&mut self, change: Twist) {
        self.velocity += change.linear;
        self.spin += change.angular;
    }

    /// What changes the velocities of `self` to those of `after`, taken to a share.
    pub(super) fn change_to(&self, after: &Self, share: f32) -> Twist {
        Twist {
            linear: (after.velocity - self.velocity) * share,
            angular: (after.spin - self.spin) * share,
        }
    }

    /// Writes the velocities back.
    pub(super) fn store(&self, motion: &mut Motion) {
        motion.set_velocity(self.velocity);
        motion.set_angular_velocity(self.spin);
    }
}

fn matrix(attitude: &Attitude) -> Mat3 {
    let (diagonal, products) = (attitude.diagonal, attitude.products);
    Mat3::from_cols(
        Vec3::new(diagonal.x, products.z, products.y),
        Vec3::new(products.z, diagonal.y, products.x),
        Vec3::new(products.y, products.x, diagonal.z),
    )
}

impl Twist {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            linear: self.linear + other.linear,
            angular: self.angular + other.angular,
        }
    }

    pub(super) fn times(self, factor: f32) -> Self {
        Self {
            linear: self.linear * factor,
            angular: self.angular * factor,
        }
    }
}

/// The product of two quaternions x y z w, in plain arithmetic.
pub(super) fn product(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    [
        a[3] * b[0] + a[0] * b[3] + a[1] * b[2] - a[2] * b[1],
        a[3] * b[1] - a[0] * b[2] + a[1] * b[3] + a[2] * b[0],
        a[3] * b[2] + a[0] * b[1] - a[1] * b[0] + a[2] * b[3],
        a[3] * b[3] - a[0] * b[0] - a[1] * b[1] - a[2] * b[2],
    ]
}

/// The rotation that leads from one orientation to another, in the axes of the first; by the shorter way.
pub(super) fn between(from: [f32; 4], to: [f32; 4]) -> [f32; 4] {
    let [x, y, z, w] = from;
    let relative = product([-x, -y, -z, w], to);
    if relative[3] < 0.0 {
        relative.map(|c| -c)
    } else {
        relative
    }
}

/// A vector turned by a quaternion x y z w.
pub(super) fn turned(orientation: [f32; 4], vector: Vec3) -> Vec3 {
    Mat3::from_quat(Quat::from_array(orientation)) * vector
}

/// The matrix that takes the cross product from the left.
pub(super) fn cross_matrix(v: Vec3) -> Mat3 {
    Mat3::from_cols(
        Vec3::new(0.0, v.z, -v.y),
        Vec3::new(-v.z, 0.0, v.x),
        Vec3::new(v.y, -v.x, 0.0),
    )
}

/// The matrix u vᵀ.
pub(super) fn outer(u: Vec3, v: Vec3) -> Mat3 {
    Mat3::from_cols(u * v.x, u * v.y, u * v.z)
}
