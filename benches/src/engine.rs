//! What the comparison needs from an engine.

use glam::{DQuat, DVec3};
use jaguar_core::BodyDesc;

/// A physics engine with a scene in it.
pub trait Engine: Send {
    /// Simulates a tick of 1/60 s, on the thread pool that it is called in or on its own.
    fn step(&mut self) -> anyhow::Result<()>;

    /// The bodies as they are now, in the order of the scene.
    fn states(&self) -> Vec<State>;

    /// The hash of everything that decides the future, in hexadecimal, if the engine has one.
    fn hash(&self) -> Option<String> {
        None
    }
}

/// How a body is at one moment. What it is stands in the scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Centre of mass, m.
    pub position: DVec3,
    /// Orientation.
    pub orientation: DQuat,
    /// Velocity, m/s.
    pub velocity: DVec3,
    /// Angular velocity, rad/s.
    pub angular_velocity: DVec3,
}

impl State {
    /// How a body of a scene begins.
    pub fn of(body: &BodyDesc) -> Self {
        Self {
            position: body.position,
            orientation: body.orientation.as_dquat(),
            velocity: body.velocity.as_dvec3(),
            angular_velocity: body.angular_velocity.as_dvec3(),
        }
    }

    /// At rest, not turned.
    pub const fn at(position: DVec3) -> Self {
        Self {
            position,
            orientation: DQuat::IDENTITY,
            velocity: DVec3::ZERO,
            angular_velocity: DVec3::ZERO,
        }
    }
}
