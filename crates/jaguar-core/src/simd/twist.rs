//! How a body moves at a moment, in memory as the solver writes it back: in one piece.

use glam::Vec4;

/// Linear and angular velocity (m/s, rad/s), together a twist as the theory of screws has it, each with a number of another kind in its fourth place.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(crate) struct Twist {
    pub(crate) linear: Vec4,
    pub(crate) angular: Vec4,
}

impl Twist {
    pub(crate) const ZERO: Self = Self {
        linear: Vec4::ZERO,
        angular: Vec4::ZERO,
    };
}

// Eight numbers and no padding.
const _: () = assert!(size_of::<Twist>() == 8 * size_of::<f32>());
