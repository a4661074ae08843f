//! Rapier in the comparison: f32, 4 solver iterations and all else as it comes, sleeping off.

use glam::{DQuat, DVec3};
use jaguar_benches::engine::{Engine, State};
use jaguar_core::scenes::Scene;
use jaguar_core::shape::{ConvexHull, HeightField, HullId, Shape};
use jaguar_core::{BodyDesc, StaticShape};
use rapier3d::parry::shape::HeightFieldCellStatus;
use rapier3d::parry::utils::Array2;
use rapier3d::prelude::{
    CoefficientCombineRule, ColliderBuilder, PhysicsWorld, RigidBodyBuilder, RigidBodyHandle, Rotation, SharedShape,
    SpringCoefficients, Vector,
};

use crate::block::Block;
use crate::scene_file::ensure_common;

/// How stiff Rapier's contacts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stiffness {
    /// As it comes: a natural frequency of 30 Hz between bodies, 60 Hz against static ones.
    Default,
    /// Jaguar's 120 Hz for all.
    Hz120,
}

/// A Rapier world.
pub(crate) struct Rapier {
    world: PhysicsWorld,
    bodies: Vec<RigidBodyHandle>,
}

impl Rapier {
    /// Solver iterations of a tick, each of which integrates positions: Rapier's default.
    pub(crate) const ITERATIONS: u32 = 4;

    /// The scene. Planes become slabs: Rapier has planes too, but pairs every body with each of them, which costs it more.
    pub(crate) fn new(scene: &Scene, stiffness: Stiffness) -> anyhow::Result<Self> {
        ensure_common(scene)?;
        let mut world = PhysicsWorld {
            gravity: vector(scene.params.gravity.as_dvec3()),
            ..PhysicsWorld::default()
        };
        world.integration_parameters.dt = 1.0 / scene.params.tick_rate as f32;
        assert_eq!(
            world.integration_parameters.num_solver_iterations,
            Self::ITERATIONS as usize
        );
        if stiffness == Stiffness::Hz120 {
            let softness = SpringCoefficients {
                natural_frequency: 120.0,
                ..world.integration_parameters.contact_softness
            };
            world.integration_parameters.contact_softness = softness;
            world.integration_parameters.static_contact_softness = softness;
        }
        for shape in &scene.statics {
            let (motion, collider) = static_collider(shape, scene);
            world.insert(motion, collider);
        }
        let hulls: Vec<SharedShape> = scene.hulls.iter().map(hull).collect();
        let mut insert = |body: &BodyDesc| {
            let motion = RigidBodyBuilder::dynamic()
                .translation(vector(body.position))
                .rotation(vector(body.orientation.as_dquat().to_scaled_axis()))
                .linvel(vector(body.velocity.as_dvec3()))
                .angvel(vector(body.angular_velocity.as_dvec3()))
                .linear_damping(body.material.linear_damping)
                .angular_damping(body.material.angular_damping)
                .can_sleep(false);
            world.insert(motion, collider(body, &hulls)).0
        };
        let bodies = scene.bodies.iter().map(&mut insert).collect();
        Ok(Self { world, bodies })
    }
}

fn static_collider(shape: &StaticShape, scene: &Scene) -> (RigidBodyBuilder, ColliderBuilder) {
    let at = |position| RigidBodyBuilder::fixed().translation(vector(position));
    match shape {
        StaticShape::Plane {
            friction, restitution, ..
        }
        | StaticShape::Cuboid {
            friction, restitution, ..
        } => {
            let block = Block::of(shape, scene).expect("it is a plane or a box");
            let half = vector(block.half_extents);
            let collider = ColliderBuilder::cuboid(half.x, half.y, half.z);
            let motion = at(block.centre).rotation(vector(block.orientation.to_scaled_axis()));
            (motion, collider.friction(*friction).restitution(*restitution))
        }
        StaticShape::HeightField(field) => {
            let extent = DVec3::new(
                f64::from(field.columns - 1) * f64::from(field.spacing_x),
                1.0,
                f64::from(field.rows - 1) * f64::from(field.spacing_z),
            );
            let collider = ColliderBuilder::new(SharedShape::new(height_field(field, extent)));
            // Rapier's lie around their centre.
            let centre = field.origin + 0.5 * extent * DVec3::new(1.0, 0.0, 1.0);
            let collider = collider.friction(field.friction).restitution(field.restitution);
            (at(centre), collider)
        }
        StaticShape::Mesh(_) => unreachable!("meshes are not compared"),
    }
}

/// Cut along the same diagonals as the scene's.
fn height_field(field: &HeightField, extent: DVec3) -> rapier3d::parry::shape::HeightField {
    let (rows, columns) = (field.rows as usize, field.columns as usize);
    let by_column = (0..columns).flat_map(|column| (0..rows).map(move |row| field.heights[row * columns + column]));
    let heights = Array2::new(rows, columns, by_column.collect());
    let mut field = rapier3d::parry::shape::HeightField::new(heights, vector(extent));
    for status in field.cells_statuses_mut().data_mut() {
        *status = HeightFieldCellStatus::ZIGZAG_SUBDIVISION;
    }
    field
}

/// Around its centre of mass, as the bodies are.
fn hull(hull: &ConvexHull) -> SharedShape {
    let points: Vec<Vector> = hull.vertices().iter().map(|vertex| vector(vertex.as_dvec3())).collect();
    SharedShape::convex_hull(&points).expect("Rapier makes a hull of what is one")
}

fn collider(body: &BodyDesc, hulls: &[SharedShape]) -> ColliderBuilder {
    let collider = match body.shape {
        Shape::Sphere { radius } => ColliderBuilder::ball(radius),
        Shape::Capsule { half_height, radius } => ColliderBuilder::capsule_y(half_height, radius),
        Shape::Cuboid { half_extents: half } => ColliderBuilder::cuboid(half.x, half.y, half.z),
        Shape::Hull(HullId(number)) => ColliderBuilder::new(hulls[number as usize].clone()),
    };
    collider
        .mass(body.mass)
        .friction(body.material.friction)
        .friction_combine_rule(CoefficientCombineRule::GeometricMean)
        .restitution(body.material.restitution)
        .restitution_combine_rule(CoefficientCombineRule::Max)
}

impl Engine for Rapier {
    fn step(&mut self) -> anyhow::Result<()> {
        self.world.step();
        Ok(())
    }

    fn states(&self) -> Vec<State> {
        let state = |&handle: &RigidBodyHandle| {
            let body = &self.world.bodies[handle];
            State {
                position: wide(body.translation()),
                orientation: turned(*body.rotation()),
                velocity: wide(body.linvel()),
                angular_velocity: wide(body.angvel()),
            }
        };
        self.bodies.iter().map(state).collect()
    }
}

fn vector(v: DVec3) -> Vector {
    Vector::new(v.x as f32, v.y as f32, v.z as f32)
}

fn wide(v: Vector) -> DVec3 {
    DVec3::new(v.x.into(), v.y.into(), v.z.into())
}

fn turned(q: Rotation) -> DQuat {
    DQuat::from_xyzw(q.x.into(), q.y.into(), q.z.into(), q.w.into()).normalize()
}
