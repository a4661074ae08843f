//! What the comparison needs from an engine.

use glam::DVec3;

/// A physics engine with a scene in it.
pub trait Engine: Send {
    /// Simulates a tick of 1/60 s, on the thread pool that it is called in.
    fn step(&mut self);

    /// The balls as they are now, in any order.
    fn balls(&self) -> Vec<Ball>;
}

/// A ball of a scene; all have [`jaguar_core::scenes::RADIUS`] and [`jaguar_core::scenes::MASS`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// Centre, m.
    pub position: DVec3,
    /// Velocity, m/s.
    pub velocity: DVec3,
    /// Angular velocity, rad/s.
    pub angular_velocity: DVec3,
}
