//! Boxes against closed forms.

mod common;

use common::{read, run, world_with};
use glam::{DVec3, Quat, Vec3};
use jaguar_core::scenes::wall;
use jaguar_core::shape::ConvexHull;
use jaguar_core::{BodyDesc, HullId, Material, StaticShape, World, WorldConfig, WorldParams};

fn floor(material: Material) -> Vec<StaticShape> {
    vec![wall(DVec3::ZERO, DVec3::Y, material)]
}

fn world_of(params: WorldParams, statics: Vec<StaticShape>, bodies: &[BodyDesc]) -> World {
    let config = WorldConfig {
        statics,
        ..WorldConfig::new(params)
    };
    world_with(config, bodies)
}

/// Beside borders; with a border in the middle; with a corner of eight tiles in the middle, where the boxes lie in one tile and the other by turns; and with borders every few boxes.
#[test]
fn a_stack_of_ten_boxes_stands_for_a_minute() {
    for (tile_size, foot) in [
        (64.0, DVec3::ZERO),
        (16.0, DVec3::new(0.0, 3.0, 0.3)),
        (16.0, DVec3::new(8.0, 3.0, 8.0)),
        (8.0, DVec3::ZERO),
        (4.0, DVec3::new(0.7, 0.0, 0.3)),
    ] {
        let params = WorldParams {
            tile_size,
            ..WorldParams::default()
        };
        let place = |k: u32| foot + DVec3::Y * (0.5 + f64::from(k));
        let boxes: Vec<_> = (0..10)
            .map(|k| BodyDesc::cuboid(Vec3::splat(0.5)).at(place(k)))
            .collect();
        let ground = vec![wall(foot, DVec3::Y, Material::default())];
        let mut world = world_of(params, ground, &boxes);
        run(&mut world, 3600);
        let top = read(&world, 9);
        // Nine contacts carry it, each as deep as its stiffness lets it be: 20 mm in all with borders every few boxes, 7 mm without.
        let way = (top.position - place(9)).length();
        assert!(way < 0.03, "tiles of {tile_size} m, foot at {foot}: moved by {way} m");
        assert!(
            top.velocity.length() < 0.01,
            "tiles of {tile_size} m, foot at {foot}: {}",
            top.velocity
        );
    }
}

/// A light box on a heavy one and under another, in another tile than both, and not quite in line: both of its contacts want to move it at once, and neither knows of the other.
#[test]
fn a_light_box_between_heavy_ones_stands_across_a_border() {
    for heavy in [20.0, 60.0, 200.0] {
        for aside in [0.01, 0.05] {
            let params = WorldParams {
                tile_size: 8.0,
                ..WorldParams::default()
            };
            let block = |half: f32, x: f64, y: f64, mass: f32| {
                let place = DVec3::new(4.0 + x, y, 0.0);
                BodyDesc::cuboid(Vec3::splat(half)).at(place).mass(mass)
            };
            let boxes = [
                block(0.5, aside, 0.5, heavy),
                block(0.25, -aside, 1.25, 20.0),
                block(0.5, aside, 2.0, heavy),
            ];
            let mut world = world_of(params, floor(Material::default()), &boxes);
            run(&mut world, 600);
            for (k, from) in boxes.iter().enumerate() {
                let body = read(&world, k as u64);
                let way = (body.position - from.position).length();
                // The springs give way by 2 to 8 mm each, the more the further from the middle they bear; boxes that do so turn by as much over half a metre.
                assert!(way < 0.04, "{heavy} kg, {aside} m aside, box {k}: moved by {way} m");
                let speed = body.velocity.length();
                assert!(speed < 0.02, "{heavy} kg, {aside} m aside, box {k}: {speed} m/s");
            }
        }
    }
}

/// A slab of 1.5 tonnes on a box of 20 kg, in one tile and across a border: as deep as the springs between them let it, 11 mm, and half as deep in the floor, where springs would give way by as much.
#[test]
fn what_is_very_heavy_rests_on_what_is_light() {
    for border in [0.0, 4.0] {
        let params = WorldParams {
            tile_size: 8.0,
            ..WorldParams::default()
        };
        let block = |half_height: f32, x: f64, y: f64, mass: f32| {
            let place = DVec3::new(border + x, y, 0.0);
            BodyDesc::cuboid(Vec3::new(0.5, half_height, 0.5)).at(place).mass(mass)
        };
        let blocks = [block(0.25, 0.01, 0.25, 20.0), block(0.1, -0.01, 0.6, 1500.0)];
        let mut world = world_of(params, floor(Material::default()), &blocks);
        run(&mut world, 900);
        let [box_below, slab] = [0, 1].map(|id| read(&world, id));
        let depths = [
            0.25 - box_below.position.y,
            0.35 - (slab.position.y - box_below.position.y),
        ];
        assert!(
            (depths[0] - 0.005).abs() < 0.001,
            "border at {border} m: {depths:?} m deep"
        );
        assert!(
            (depths[1] - 0.0106).abs() < 0.001,
            "border at {border} m: {depths:?} m deep"
        );
        let speed = slab.velocity.length();
        assert!(speed < 0.02, "border at {border} m: {speed} m/s");
    }
}

/// A board lies across another, in it by nearly all of its thickness, under a stack of fifteen more. One point at a time does not push it out: it rocked for good.
#[test]
fn a_board_that_is_jammed_in_another_comes_out() {
    let half_extents = Vec3::new(0.9, 0.1, 0.4);
    let corner = |k: u8| half_extents * Vec3::from_array([0, 1, 2].map(|axis| f32::from(k >> axis & 1) * 2.0 - 1.0));
    let hull = ConvexHull::new(&(0..8).map(corner).collect::<Vec<_>>()).unwrap();
    let board = BodyDesc::cuboid(half_extents);
    let planed = BodyDesc::hull(HullId(0), &hull);
    let rod = BodyDesc::capsule(0.8, 0.1).oriented(Quat::from_rotation_z(std::f32::consts::FRAC_PI_2));
    let jammed = [("board", &board), ("hull", &planed), ("rod", &rod)];
    for ((name, jammed), angle) in jammed
        .into_iter()
        .flat_map(|body| [60.0, 70.0, 80.0].map(|angle| (body, angle)))
    {
        let turned = |body: &BodyDesc, degrees: f32, place: DVec3| {
            let turn = Quat::from_rotation_y(degrees.to_radians());
            body.clone().oriented(turn * body.orientation).at(place)
        };
        let mut bodies = vec![turned(&board, 0.0, DVec3::new(8.0, 0.1, 8.0))];
        bodies.push(turned(jammed, angle, DVec3::new(8.03, 0.11, 8.05)));
        for k in 0..15_u16 {
            let aside = DVec3::new(
                0.02 * f64::from(k % 3),
                0.35 + 0.2 * f64::from(k),
                0.01 * f64::from(k % 4),
            );
            bodies.push(turned(&board, 10.0 * f32::from(k), DVec3::new(8.0, 0.0, 8.0) + aside));
        }
        let config = WorldConfig {
            statics: floor(Material::default()),
            hulls: vec![hull.clone()],
            ..WorldConfig::new(WorldParams {
                tile_size: 64.0,
                ..WorldParams::default()
            })
        };
        let mut world = world_with(config, &bodies);
        run(&mut world, 600);
        // Two boards with boards on them lie on each other by a few millimetres.
        let deepest = world.contacts().map(|contact| -contact.separation).fold(0.0, f32::max);
        assert!(deepest < 0.015, "{name} at {angle} degrees: {deepest} m deep");
        let fastest = world.bodies().map(|body| body.velocity.length()).fold(0.0, f32::max);
        assert!(fastest < 0.05, "{name} at {angle} degrees: {fastest} m/s");
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
