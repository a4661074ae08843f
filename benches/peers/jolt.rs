//! Jolt in the comparison, through the crate `oxijolt`: all as it comes but for damping, which the scenes do not have, and sleeping.

use anyhow::ensure;
use glam::{DQuat, DVec3, Quat as GlamQuat};
use jaguar_benches::engine::{Engine, State};
use jaguar_core::scenes::Scene;
use jaguar_core::shape::{ConvexHull, HullId, Shape as BodyShape};
use jaguar_core::{BodyDesc, StaticShape};
use oxijolt::{BodyId, BodySettings, HeightFieldSettings, PhysicsWorld, Quat, RVec3, Shape, Vec3, WorldSettings};

use crate::block::Block;
use crate::scene_file::ensure_common;

/// Room for pairs of bounding boxes, per body.
const PAIRS_PER_BODY: usize = 24;
/// Room for contact manifolds, per body.
const CONTACTS_PER_BODY: usize = 6;
/// Scratch memory of a step, bytes per contact manifold: Jolt takes room for all of them at once, and more for the islands.
const SCRATCH_PER_CONTACT: usize = 1536;

/// A Jolt world.
pub(crate) struct Jolt {
    world: PhysicsWorld,
    bodies: Vec<BodyId>,
    tick_seconds: f32,
    steps: u32,
}

impl Jolt {
    /// The scene, on so many threads of Jolt's own, with so many collision steps a tick.
    pub(crate) fn new(scene: &Scene, threads: usize, steps: u32) -> anyhow::Result<Self> {
        ensure_common(scene)?;
        let count = scene.bodies.len();
        let contacts = (CONTACTS_PER_BODY * count + 1024).min(WorldSettings::MAX_CONTACT_CONSTRAINTS as usize);
        let scratch = (contacts * SCRATCH_PER_CONTACT + (64 << 20)).min(u32::MAX as usize);
        let settings = WorldSettings::default()
            .gravity(vector(scene.params.gravity.as_dvec3()))
            .max_bodies((count + scene.statics.len()).try_into()?)
            .max_body_pairs((PAIRS_PER_BODY * count + 65_536).try_into()?)
            .max_contact_constraints(contacts.try_into()?)
            .temp_allocator_size(scratch.try_into()?);
        let settings = match threads {
            1 => settings.single_threaded(),
            // The thread that steps works too.
            _ => settings.worker_threads((threads - 1).try_into()?),
        };
        let mut world = PhysicsWorld::new(settings)?;
        for shape in &scene.statics {
            let (collider, settings) = static_body(shape, scene)?;
            world.create_body(&collider, &settings)?;
        }
        let mut shapes = Shapes {
            hulls: scene.hulls.iter().map(hull).collect::<Result<_, _>>()?,
            last: None,
        };
        let mut bodies = Vec::with_capacity(count);
        for body in &scene.bodies {
            let settings = BodySettings::new_dynamic()
                .position(place(body.position))
                .rotation(rotation(body.orientation))
                .linear_velocity(vector(body.velocity.as_dvec3()))
                .angular_velocity(vector(body.angular_velocity.as_dvec3()))
                .mass(body.mass)
                .friction(body.material.friction)
                .restitution(body.material.restitution)
                .linear_damping(body.material.linear_damping)
                .angular_damping(body.material.angular_damping)
                .allow_sleeping(false);
            bodies.push(world.create_body(shapes.of(body)?, &settings)?);
        }
        world.optimize_broad_phase();
        Ok(Self {
            world,
            bodies,
            tick_seconds: 1.0 / scene.params.tick_rate as f32,
            steps,
        })
    }
}

fn static_body(shape: &StaticShape, scene: &Scene) -> anyhow::Result<(Shape, BodySettings)> {
    let settings = BodySettings::new_static();
    Ok(match shape {
        StaticShape::Plane {
            friction, restitution, ..
        }
        | StaticShape::Cuboid {
            friction, restitution, ..
        } => {
            let block = Block::of(shape, scene).expect("it is a plane or a box");
            let settings = settings
                .position(place(block.centre))
                .rotation(rotation(block.orientation.as_quat()));
            (
                Shape::new_box(vector(block.half_extents))?,
                settings.friction(*friction).restitution(*restitution),
            )
        }
        StaticShape::HeightField(field) => {
            ensure!(
                field.columns == field.rows,
                "its height fields are square, this one has {} x {} posts",
                field.columns,
                field.rows
            );
            let scale = Vec3::new(field.spacing_x, 1.0, field.spacing_z);
            let collider = Shape::new_height_field(
                field.columns,
                &field.heights,
                &HeightFieldSettings::default().scale(scale),
            )?;
            let settings = settings.position(place(field.origin));
            (
                collider,
                settings.friction(field.friction).restitution(field.restitution),
            )
        }
        StaticShape::Mesh(_) => unreachable!("meshes are not compared"),
    })
}

/// Around its centre of mass, as the bodies are.
fn hull(hull: &ConvexHull) -> anyhow::Result<Shape> {
    let points: Vec<Vec3> = hull.vertices().iter().map(|vertex| vector(vertex.as_dvec3())).collect();
    Ok(Shape::new_convex_hull(&points)?)
}

/// Jolt's shapes of the scene's hulls, and that of the last other body, which the next one shares if it is the same.
struct Shapes {
    hulls: Vec<Shape>,
    last: Option<(BodyShape, Shape)>,
}

impl Shapes {
    fn of(&mut self, body: &BodyDesc) -> anyhow::Result<&Shape> {
        let shape = match body.shape {
            BodyShape::Hull(HullId(number)) => return Ok(&self.hulls[number as usize]),
            of => match self.last.take() {
                Some((last, shape)) if last == of => shape,
                _ => plain(of)?,
            },
        };
        Ok(&self.last.insert((body.shape, shape)).1)
    }
}

fn plain(shape: BodyShape) -> anyhow::Result<Shape> {
    Ok(match shape {
        BodyShape::Sphere { radius } => Shape::new_sphere(radius)?,
        BodyShape::Capsule { half_height, radius } => Shape::new_capsule(half_height, radius)?,
        BodyShape::Cuboid { half_extents } => Shape::new_box(vector(half_extents.as_dvec3()))?,
        BodyShape::Hull(_) => unreachable!("the scene's hulls are made once"),
    })
}

impl Engine for Jolt {
    fn step(&mut self) -> anyhow::Result<()> {
        let report = self.world.step_with_collision_steps(self.tick_seconds, self.steps)?;
        ensure!(
            report.is_complete(),
            "Jolt dropped contacts for want of room: {report:?}"
        );
        Ok(())
    }

    fn states(&self) -> Vec<State> {
        let state = |&id: &BodyId| {
            let body = self.world.body(id).expect("the comparison removes no body");
            let (position, rotation) = (body.position(), body.rotation());
            let rotation = DQuat::from_xyzw(
                rotation.x.into(),
                rotation.y.into(),
                rotation.z.into(),
                rotation.w.into(),
            );
            State {
                position: DVec3::new(position.x.into(), position.y.into(), position.z.into()),
                orientation: rotation.normalize(),
                velocity: wide(body.linear_velocity()),
                angular_velocity: wide(body.angular_velocity()),
            }
        };
        self.bodies.iter().map(state).collect()
    }
}

fn vector(v: DVec3) -> Vec3 {
    Vec3::new(v.x as f32, v.y as f32, v.z as f32)
}

fn place(v: DVec3) -> RVec3 {
    RVec3::new(v.x as f32, v.y as f32, v.z as f32)
}

fn rotation(q: GlamQuat) -> Quat {
    Quat::from_xyzw(q.x, q.y, q.z, q.w)
}

fn wide(v: Vec3) -> DVec3 {
    DVec3::new(v.x.into(), v.y.into(), v.z.into())
}
