//! Boxes against closed forms.

use glam::{DVec3, Vec3};
use jaguar_core::scenes::wall;
use jaguar_core::{Body, BodyDesc, BodyId, Material, StaticShape, World, WorldConfig, WorldParams};

fn floor(material: Material) -> Vec<StaticShape> {
    vec![wall(DVec3::ZERO, DVec3::Y, material)]
}

fn world_of(params: WorldParams, statics: Vec<StaticShape>, bodies: &[BodyDesc]) -> World {
    let mut world = World::new(WorldConfig {
        statics,
        ..WorldConfig::new(params)
    })
    .unwrap();
    for body in bodies {
        world.spawn(body).unwrap();
    }
    world
}

fn run(world: &mut World, ticks: u32) {
    for _ in 0..ticks {
        world.step();
    }
}

fn read(world: &World, id: u64) -> Body {
    world.body(BodyId(id)).unwrap()
}

/// Through a border of 16 m tiles (at 8 m), and with 4 m tiles through two, and along one.
#[test]
fn a_stack_of_ten_boxes_stands_for_a_minute() {
    for shift in [0.0, 0.75] {
        for tile_size in [16.0, 4.0] {
            let params = WorldParams {
                tile_size,
                ..WorldParams::default()
            };
            let boxes: Vec<_> = (0..10)
                .map(|k| BodyDesc::cuboid(Vec3::splat(0.5)).at(DVec3::new(shift, 0.5 + f64::from(k), 0.3)))
                .collect();
            let mut world = world_of(params, floor(Material::default()), &boxes);
            run(&mut world, 3600);
            let top = read(&world, 9);
            assert!(
                (top.position - DVec3::new(shift, 9.5, 0.3)).length() < 0.05,
                "{:?}",
                top.position
            );
            assert!(top.velocity.length() < 0.05);
        }
    }
}

#[test]
fn a_box_slides_to_rest_as_friction_says() {
    let speed = 4.0;
    let mut world = world_of(
        WorldParams::default(),
        floor(Material::default()),
        &[BodyDesc::cuboid(Vec3::new(0.5, 0.2, 0.5))
            .at(DVec3::Y * 0.2)
            .moving(Vec3::X * speed)],
    );
    run(&mut world, 120);
    let body = read(&world, 0);
    // v² / (2 µ g), within a tick's travel.
    let expected = f64::from(speed * speed) / (2.0 * 0.5 * 9.81);
    assert!(
        (body.position.x - expected).abs() < 0.04,
        "{} against {expected}",
        body.position.x
    );
    assert!(body.velocity.length() < 1e-3);
}

#[test]
fn a_box_bounces_flat() {
    let material = Material {
        restitution: 0.8,
        ..Material::default()
    };
    let mut world = world_of(
        WorldParams::default(),
        floor(Material::default()),
        &[BodyDesc::cuboid(Vec3::splat(0.5)).at(DVec3::Y * 2.5).material(material)],
    );
    let mut highest = 0.0_f64;
    let mut lowest = false;
    for _ in 0..90 {
        world.step();
        let body = read(&world, 0);
        lowest |= body.velocity.y > 0.0;
        if lowest {
            highest = highest.max(body.position.y - 0.5);
        }
    }
    assert!((highest - 2.0 * 0.64).abs() < 0.1, "{highest}");
    assert!(read(&world, 0).angular_velocity.length() < 0.05);
}

#[test]
fn a_free_body_keeps_its_angular_momentum_and_energy() {
    let half = Vec3::new(0.5, 0.3, 0.1);
    let params = WorldParams {
        gravity: Vec3::ZERO,
        ..WorldParams::default()
    };
    let start = Vec3::new(0.1, 8.0, 0.2);
    let mut world = world_of(params, Vec::new(), &[BodyDesc::cuboid(half).spinning(start)]);
    let state = |world: &World| {
        let body = read(world, 0);
        let s = half * half;
        let inertia = Vec3::new(s.y + s.z, s.x + s.z, s.x + s.y) * (body.mass / 3.0);
        let local = body.orientation.inverse() * body.angular_velocity;
        (body.orientation * (inertia * local), 0.5 * local.dot(inertia * local))
    };
    let (momentum, energy) = state(&world);
    run(&mut world, 600);
    let (momentum_after, energy_after) = state(&world);
    assert!((momentum_after - momentum).length() < 1e-3 * momentum.length());
    assert!((energy_after / energy - 1.0).abs() < 0.02, "{energy} {energy_after}");
}
