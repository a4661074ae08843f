//! Running a scene, and whether its bits are the same however it is run.

use glam::{DVec3, Vec3};
use jaguar_core::environment::Environment;
use jaguar_core::scenes::{Scene, wall};
use jaguar_core::{Body, BodyDesc, BodyId, JointDesc, Material, StaticShape, World, WorldParams};

use super::finding::Check;
use super::pods::Pods;

/// Standard gravity as the default parameters have it, m/s².
pub(super) const GRAVITY: f64 = 9.81;

/// Over how many pods a world is split to compare its bits.
const PODS: u32 = 3;

/// What is spawned before a tick.
pub(super) type Feed<'a> = &'a (dyn Fn(u64) -> Vec<BodyDesc> + Sync);

pub(super) fn nothing(_: u64) -> Vec<BodyDesc> {
    Vec::new()
}

pub(super) fn scene(params: WorldParams, statics: Vec<StaticShape>, bodies: Vec<BodyDesc>) -> Scene {
    Scene {
        params,
        statics,
        hulls: Vec::new(),
        environment: Environment::default(),
        bodies,
    }
}

pub(super) fn weightless() -> WorldParams {
    WorldParams {
        gravity: Vec3::ZERO,
        ..WorldParams::default()
    }
}

pub(super) fn elastic() -> Material {
    Material {
        friction: 0.0,
        restitution: 1.0,
        ..Material::default()
    }
}

pub(super) fn floor(material: Material) -> StaticShape {
    wall(DVec3::ZERO, DVec3::Y, material)
}

pub(super) fn world_of(scene: &Scene) -> World {
    scene.world().expect("scenes are valid")
}

pub(super) fn run(world: &mut World, ticks: u32) {
    for _ in 0..ticks {
        world.step();
    }
}

pub(super) fn body(world: &World, id: usize) -> Body {
    world.body(BodyId(id as u64)).expect("nothing is despawned here")
}

/// Whether one world on one thread, on two, and split over pods have the same hash after every tick. The figure is the last hash, or the first tick that differs.
pub(super) fn same_bits(scene: &Scene, ticks: u64, feed: Feed<'_>) -> Check {
    same_bits_joined(scene, &[], ticks, feed)
}

/// The same of a scene with joints.
pub(super) fn same_bits_joined(scene: &Scene, joints: &[JointDesc], ticks: u64, feed: Feed<'_>) -> Check {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads can be started").install(|| {
            let mut world = world_of(scene);
            for joint in joints {
                world.join(joint).expect("joints are valid");
            }
            let mut hash = |tick| {
                for body in feed(tick) {
                    world.spawn(&body).expect("scenes are made of valid bodies");
                }
                world.step();
                world.hash()
            };
            (0..ticks).map(&mut hash).collect::<Vec<_>>()
        })
    };
    let mut pods = Pods::new(scene, PODS);
    joints.iter().for_each(|joint| pods.join(joint));
    let mut split = |tick| {
        feed(tick).iter().for_each(|body| pods.spawn(body));
        pods.step();
        pods.hash()
    };
    let (one, two) = (on(1), on(2));
    let split: Vec<_> = (0..ticks).map(&mut split).collect();
    let differs = (0..one.len()).find(|&tick| one[tick] != two[tick] || one[tick] != split[tick]);
    let hash = one.last().map_or_else(String::new, ToString::to_string);
    let short = hash.get(..12).unwrap_or(&hash);
    Check {
        what: format!("world hash after each of {ticks} ticks: 1 thread, 2 threads, {PODS} pods"),
        measured: differs.map_or_else(
            || format!("same, in the end `{short}…`"),
            |tick| format!("differs at tick {}", tick + 1),
        ),
        expected: "same".to_owned(),
        tolerance: "0".to_owned(),
        because: "every bit counts; tiles change hands every tick",
        holds: differs.is_none(),
    }
}

/// Kinetic energy of a ball or box, J.
pub(super) fn kinetic_energy(body: &Body) -> f64 {
    let spin = (body.orientation.inverse() * body.angular_velocity).as_dvec3();
    let mass = f64::from(body.mass);
    0.5 * mass * body.velocity.as_dvec3().length_squared() + 0.5 * spin.dot(inertia(body) * spin)
}

/// Moments of inertia of a ball or box about its own axes, kg m².
pub(super) fn inertia(body: &Body) -> DVec3 {
    let per_mass = match body.shape {
        jaguar_core::Shape::Cuboid { half_extents } => {
            let s = (half_extents * half_extents).as_dvec3();
            DVec3::new(s.y + s.z, s.x + s.z, s.x + s.y) / 3.0
        }
        _ => DVec3::splat(0.4 * f64::from(body.radius) * f64::from(body.radius)),
    };
    per_mass * f64::from(body.mass)
}

/// Slope and offset of the straight line with the least squares of error.
pub(super) fn line_through(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(a, b), p| (a + p.0 / n, b + p.1 / n));
    let across: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let along: f64 = points.iter().map(|p| (p.0 - x) * (p.0 - x)).sum();
    (across / along, y - across / along * x)
}
