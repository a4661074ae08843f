//! Small worlds with many tile borders for the protocol's tests.

use glam::{DVec3, Vec3};
use jaguar_core::{
    Body, BodyDesc, BodyId, JointDesc, JointFrame, JointKind, Material, Motor, Shape, Spring, StaticShape, WorldParams,
};
use jaguar_migration::definition::{Despawner, Region, Spawner, WorldDefinition};
use jaguar_migration::id::Tick;
use jaguar_migration::random::Random;
use jaguar_migration::source::{BodySource, Distribution};

/// Spheres that rain into an open container of 4 m tiles and partly vanish from it, with initial bodies, a spawner and a despawner.
pub fn rain(seed: u64, bodies: u64) -> WorldDefinition {
    let mut random = Random::stream(seed, 2);
    let initial = (0..bodies)
        .map(|number| (BodyId(number * 3 + 1), sphere(&mut random)))
        .collect();
    let region = |low: DVec3, high: DVec3| Region::Box { min: low, max: high };
    WorldDefinition {
        params: WorldParams {
            tile_size: 4.0,
            ..WorldParams::default()
        },
        statics: vec![
            plane(DVec3::ZERO, Vec3::Y),
            plane(DVec3::new(-9.0, 0.0, 0.0), Vec3::X),
            plane(DVec3::new(9.0, 0.0, 0.0), Vec3::NEG_X),
            plane(DVec3::new(0.0, 0.0, -9.0), Vec3::Z),
            plane(DVec3::new(0.0, 0.0, 9.0), Vec3::NEG_Z),
        ],
        bodies: initial,
        spawners: vec![Spawner {
            region: region(DVec3::new(-8.0, 6.0, -8.0), DVec3::new(8.0, 10.0, 8.0)),
            above_terrain: false,
            source: BodySource {
                velocity_min: Vec3::splat(-4.0),
                velocity_max: Vec3::splat(4.0),
                material: Material {
                    restitution: 0.3,
                    ..Material::default()
                },
                ..BodySource::spheres(Distribution::Uniform { min: 0.2, max: 0.7 })
            },
            rate: 0.7,
            from: Tick(5),
            to: Tick(1_000),
            limit: 300,
            seed,
        }],
        despawners: vec![Despawner {
            region: region(DVec3::new(-9.0, -1.0, -9.0), DVec3::new(0.0, 20.0, 0.0)),
            fraction: 0.2,
            every: 17,
            from: Tick(11),
            to: Tick(1_000),
            seed,
        }],
        ..WorldDefinition::default()
    }
}

/// A sphere somewhere in the container of [`rain`].
pub fn sphere(random: &mut Random) -> BodyDesc {
    let mut between = |low: f64, high: f64| random.next_between(low, high);
    let position = DVec3::new(between(-8.0, 8.0), between(1.0, 9.0), between(-8.0, 8.0));
    let velocity = Vec3::new(
        between(-5.0, 5.0) as f32,
        between(-5.0, 5.0) as f32,
        between(-5.0, 5.0) as f32,
    );
    let radius = between(0.2, 0.8) as f32;
    BodyDesc {
        position,
        velocity,
        shape: Shape::Sphere { radius },
        mass: 4_000.0 * radius * radius * radius,
        ..BodyDesc::default()
    }
}

/// A joint of a body, of any kind: half of the time to the nearest of `bodies`, else to the world near it or to `other`, which need not be a body.
pub fn joint(random: &mut Random, first: &Body, bodies: &[Body], other: BodyId) -> JointDesc {
    let distance = |body: &&Body| body.position.distance_squared(first.position);
    let others = bodies.iter().filter(|body| body.id != first.id);
    let nearest = others.min_by(|a, b| distance(a).total_cmp(&distance(b)));
    // Half way between the two.
    let at = |body: &Body, towards: DVec3| {
        let half = (towards - body.position).as_vec3() * 0.5;
        (body.id, JointFrame::at(body.orientation.inverse() * half))
    };
    let length = nearest.map_or(1.0, |body| distance(&body).sqrt() as f32);
    let (kind, is_distance) = match random.next_below(6) {
        0 => (JointKind::Fixed, false),
        1 => (JointKind::Ball, false),
        2 | 3 => {
            let motor = Motor {
                speed: 3.0,
                max_torque: 500.0,
            };
            let limits = (random.next_below(2) == 0).then_some([-0.5, 1.0]);
            let motor = (random.next_below(2) == 0).then_some(motor);
            (JointKind::Hinge { limits, motor }, false)
        }
        _ => {
            let spring = Spring {
                frequency: 2.0,
                damping_ratio: 0.2,
            };
            let spring = (random.next_below(2) == 0).then_some(spring);
            (JointKind::Distance { length, spring }, true)
        }
    };
    let centre = |id| (id, JointFrame::at(Vec3::ZERO));
    let joint = match (random.next_below(8), nearest) {
        (0..4, Some(second)) if is_distance => JointDesc::new(centre(first.id), centre(second.id), kind),
        (0..4, Some(second)) => JointDesc::new(at(first, second.position), at(second, first.position), kind),
        (4..6, _) => JointDesc::new(centre(first.id), centre(other), kind),
        _ => JointDesc::to_world(first.id, first.position + DVec3::Y, kind),
    };
    if random.next_below(2) == 0 {
        joint.colliding()
    } else {
        joint
    }
}

fn plane(point: DVec3, normal: Vec3) -> StaticShape {
    StaticShape::Plane {
        point,
        normal,
        friction: 0.5,
        restitution: 0.2,
    }
}
