//! Jaguar in the comparison: one world, as a single pod holds it.

use jaguar_benches::engine::{Engine, State};
use jaguar_core::World;
use jaguar_core::scenes::Scene;

/// A Jaguar world.
#[derive(Debug)]
pub(crate) struct Jaguar(World);

impl Jaguar {
    /// The scene, with its own parameters.
    pub(crate) fn new(scene: &Scene) -> anyhow::Result<Self> {
        let mut world = World::new(scene.config())?;
        world.reserve(scene.bodies.len());
        for body in &scene.bodies {
            world.spawn(body)?;
        }
        Ok(Self(world))
    }
}

impl Engine for Jaguar {
    fn step(&mut self) -> anyhow::Result<()> {
        self.0.step();
        Ok(())
    }

    fn states(&self) -> Vec<State> {
        let mut bodies: Vec<_> = self.0.bodies().collect();
        bodies.sort_by_key(|body| body.id);
        let state = |body: jaguar_core::Body| State {
            position: body.position,
            orientation: body.orientation.as_dquat(),
            velocity: body.velocity.as_dvec3(),
            angular_velocity: body.angular_velocity.as_dvec3(),
        };
        bodies.into_iter().map(state).collect()
    }

    fn hash(&self) -> Option<String> {
        Some(format!("{:032x}", self.0.hash().0))
    }
}
