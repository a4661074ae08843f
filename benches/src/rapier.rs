//! Rapier in the comparison: f32, 4 solver iterations and contact softness as it comes, sleeping off.

use glam::DVec3;
use jaguar_core::StaticShape;
use jaguar_core::scenes::{RADIUS, Scene};
use rapier3d::prelude::{ColliderBuilder, PhysicsWorld, RigidBodyBuilder, Vector};

use crate::engine::{Ball, Engine};

/// Thickness of the slabs that stand for planes, m: no ball gets through one in a tick.
const SLAB_THICKNESS: f64 = 10.0;
/// Density of the balls, kg/m³.
const DENSITY: f32 = 1000.0;

/// A Rapier world.
pub struct Rapier(PhysicsWorld);

impl Rapier {
    /// The scene: balls only, and planes along the axes.
    ///
    /// A plane becomes a slab as large as the scene. Rapier has planes too, but every body would be paired with each of them, which costs it more.
    pub fn new(scene: &Scene) -> Self {
        let mut world = PhysicsWorld {
            gravity: vector(scene.params.gravity.as_dvec3()),
            ..PhysicsWorld::default()
        };
        world.integration_parameters.dt = 1.0 / scene.params.tick_rate as f32;
        let farthest = scene
            .bodies
            .iter()
            .map(|body| body.position.abs().max_element())
            .fold(0.0, f64::max);
        for shape in &scene.statics {
            let StaticShape::Plane {
                point,
                normal,
                friction,
                restitution,
            } = shape
            else {
                panic!("the courses have planes only, not {shape:?}");
            };
            let normal = normal.as_dvec3();
            let along = normal.abs();
            let half = (farthest + SLAB_THICKNESS) * (DVec3::ONE - along) + 0.5 * SLAB_THICKNESS * along;
            let half = vector(half);
            world.insert(
                RigidBodyBuilder::fixed().translation(vector(*point - 0.5 * SLAB_THICKNESS * normal)),
                ColliderBuilder::cuboid(half.x, half.y, half.z)
                    .friction(*friction)
                    .restitution(*restitution),
            );
        }
        for body in &scene.bodies {
            world.insert(
                RigidBodyBuilder::dynamic()
                    .translation(vector(body.position))
                    .linvel(vector(body.velocity.as_dvec3()))
                    .can_sleep(false),
                ColliderBuilder::ball(RADIUS)
                    .density(DENSITY)
                    .friction(body.material.friction)
                    .restitution(body.material.restitution),
            );
        }
        Self(world)
    }
}

impl Engine for Rapier {
    fn step(&mut self) {
        self.0.step();
    }

    fn balls(&self) -> Vec<Ball> {
        let moving = self.0.bodies.iter().filter(|(_, body)| body.is_dynamic());
        moving
            .map(|(_, body)| Ball {
                position: wide(body.translation()),
                velocity: wide(body.linvel()),
                angular_velocity: wide(body.angvel()),
            })
            .collect()
    }
}

fn vector(v: DVec3) -> Vector {
    Vector::new(v.x as f32, v.y as f32, v.z as f32)
}

fn wide(v: Vector) -> DVec3 {
    DVec3::new(v.x.into(), v.y.into(), v.z.into())
}
