//! Jaguar in the comparison: one world, as a single pod holds it.

use jaguar_core::World;
use jaguar_core::error::WorldError;
use jaguar_core::hash::WorldHash;
use jaguar_core::scenes::Scene;

use crate::engine::{Ball, Engine};

/// A Jaguar world.
#[derive(Debug)]
pub struct Jaguar(World);

impl Jaguar {
    /// The scene, with its own parameters.
    pub fn new(scene: &Scene) -> Result<Self, WorldError> {
        scene.world().map(Self)
    }

    /// The hash of everything that decides the future.
    pub fn hash(&self) -> WorldHash {
        self.0.hash()
    }
}

impl Engine for Jaguar {
    fn step(&mut self) {
        self.0.step();
    }

    fn balls(&self) -> Vec<Ball> {
        let ball = |body: jaguar_core::Body| Ball {
            position: body.position,
            velocity: body.velocity.as_dvec3(),
            angular_velocity: body.angular_velocity.as_dvec3(),
        };
        self.0.bodies().map(ball).collect()
    }
}
