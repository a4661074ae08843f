//! Hulls as bodies: against boxes of the same size, in heaps, and what is refused.

mod common;

use common::{read, run, world_with};
use glam::{DVec3, Quat, Vec3};
use jaguar_core::environment::{Environment, Fluid};
use jaguar_core::scenes::{Random, stones, wall};
use jaguar_core::shape::{ConvexHull, HeightField};
use jaguar_core::{BodyDesc, HullId, Material, Shape, StaticShape, World, WorldConfig, WorldParams};

fn hull_of_box(half: Vec3) -> ConvexHull {
    let corner = |number: u8| {
        let side = |axis: usize| {
            let half = half[axis];
            if number >> axis & 1 == 0 { -half } else { half }
        };
        Vec3::new(side(0), side(1), side(2))
    };
    ConvexHull::new(&(0..8).map(corner).collect::<Vec<_>>()).unwrap()
}

fn world_of(hulls: Vec<ConvexHull>, statics: Vec<StaticShape>, bodies: &[BodyDesc]) -> World {
    let config = WorldConfig {
        hulls,
        statics,
        ..WorldConfig::default()
    };
    world_with(config, bodies)
}

fn floor() -> StaticShape {
    wall(DVec3::ZERO, DVec3::Y, Material::default())
}

/// Falls flat, slides, and rests, alone and in a stack: like the box, to within 1 cm. A box that lands flat moves aside by half of that, in a direction that rounding chooses.
#[test]
fn the_hull_of_a_box_moves_as_the_box() {
    let half = Vec3::new(0.5, 0.3, 0.4);
    let hull = hull_of_box(half);
    let as_box = BodyDesc::cuboid(half);
    let as_hull = BodyDesc::hull(HullId(0), &hull);
    assert!((as_hull.mass / as_box.mass - 1.0).abs() < 1e-6);
    let scene = |body: &BodyDesc| {
        let at = |x: f64, y: f64| body.clone().at(DVec3::new(x, y, 0.0));
        [
            at(0.0, 2.0),
            at(10.0, 0.3).moving(Vec3::X * 3.0),
            at(20.0, 0.3),
            at(20.0, 0.9),
            at(20.1, 1.5).moving(Vec3::Z),
        ]
    };
    let run = |body: &BodyDesc| {
        let mut world = world_of(vec![hull.clone()], vec![floor()], &scene(body));
        run(&mut world, 240);
        world
    };
    let (boxes, hulls) = (run(&as_box), run(&as_hull));
    for id in 0..5 {
        let (expected, found) = (read(&boxes, id), read(&hulls, id));
        let off = found.position.distance(expected.position);
        assert!(off < 1e-2, "body {id} is {off} m off: {found:?} {expected:?}");
        assert!(found.velocity.length() < 1e-2, "{found:?}");
        assert!(found.orientation.angle_between(expected.orientation) < 5e-3);
    }
}

/// Stones on rolling ground between walls, with balls, capsules and boxes among them: after ten seconds they lie, and nothing is deep in anything.
fn check_heap(ground: StaticShape) {
    let hulls = stones(6, 0.5, 3);
    let mut random = Random(11);
    let bodies: Vec<BodyDesc> = (0..120_u32)
        .map(|k| {
            let body = match k % 6 {
                0 => BodyDesc::sphere(0.35),
                1 => BodyDesc::capsule(0.3, 0.25),
                2 => BodyDesc::cuboid(Vec3::new(0.3, 0.4, 0.35)),
                _ => {
                    let number = (random.bits() % 6) as u32;
                    BodyDesc::hull(HullId(number), &hulls[number as usize])
                }
            };
            let place = DVec3::new(f64::from(k % 4), f64::from(k / 16), f64::from(k / 4 % 4));
            body.at((place - DVec3::new(1.5, -1.5, 1.5)) * 1.2 + random.vector(0.05))
                .oriented(random.orientation())
                .material(Material {
                    // So that what is round lies still.
                    rolling_resistance: 0.1,
                    ..Material::default()
                })
        })
        .collect();
    let mut statics = vec![ground];
    for normal in [DVec3::X, DVec3::Z, -DVec3::X, -DVec3::Z] {
        statics.push(wall(normal * -2.6, normal, Material::default()));
    }
    let mut world = world_of(hulls, statics, &bodies);
    let mut deepest = 0.0_f32;
    for tick in 0..600 {
        world.step();
        if tick > 300 {
            let least = world.contacts().map(|contact| contact.separation).fold(0.0, f32::min);
            deepest = deepest.min(least);
        }
    }
    assert!(deepest > -0.03, "{deepest} m deep");
    for body in world.bodies() {
        assert!(
            body.position.y > 0.0 && body.position.abs().max_element() < 8.0,
            "{body:?}"
        );
        assert!(body.velocity.length() < 0.1, "{body:?}");
    }
    let energy: f32 = world.bodies().map(|body| body.velocity.length_squared()).sum();
    assert!(energy / 120.0 < 1e-4, "{energy}");
}

#[test]
fn a_heap_of_stones_lies_still_on_a_floor() {
    check_heap(floor());
}

#[test]
fn a_heap_of_stones_lies_still_on_hills() {
    let posts = 12_u32;
    let height = |post: u32| {
        let (x, z) = (f64::from(post % posts), f64::from(post / posts));
        (0.2 + 0.1 * (libm::sin(x) + libm::cos(1.3 * z))) as f32
    };
    check_heap(StaticShape::HeightField(HeightField {
        origin: DVec3::new(-3.3, 0.0, -3.3),
        columns: posts,
        rows: posts,
        spacing_x: 0.6,
        spacing_z: 0.6,
        heights: (0..posts * posts).map(height).collect(),
        friction: 0.5,
        restitution: 0.0,
    }));
}

/// Along the seams of a level field and over those of a box: the hull of a brick goes as far as friction says, v² / (2 µ g), and does not turn.
#[test]
fn a_hull_slides_over_seams_as_over_a_plane() {
    let half = Vec3::new(0.5, 0.2, 0.4);
    let level = HeightField {
        origin: DVec3::new(-3.0, 0.0, -3.0),
        columns: 20,
        rows: 20,
        spacing_x: 0.37,
        spacing_z: 0.37,
        heights: vec![0.0; 400],
        friction: 0.5,
        restitution: 0.0,
    };
    let table = StaticShape::Cuboid {
        centre: DVec3::NEG_Y,
        half_extents: Vec3::new(6.0, 1.0, 6.0),
        orientation: Quat::IDENTITY,
        friction: 0.5,
        restitution: 0.0,
    };
    for ground in [StaticShape::HeightField(level), table] {
        let kind = ground.kind();
        let hull = hull_of_box(half);
        let body = BodyDesc::hull(HullId(0), &hull)
            .at(DVec3::new(-1.5, 0.2, 0.13))
            .moving(Vec3::X * 4.0);
        let mut world = world_of(vec![hull], vec![ground], &[body]);
        run(&mut world, 150);
        let body = read(&world, 0);
        let way = body.position - DVec3::new(-1.5, 0.2, 0.13);
        assert!((way - DVec3::X * (16.0 / 9.81)).length() < 0.05, "{kind}: {way}");
        assert!(body.orientation.angle_between(Quat::IDENTITY) < 0.01, "{kind}");
    }
}

/// A free stone keeps its angular momentum, for which its whole inertia tensor must be right.
#[test]
fn a_free_hull_keeps_its_angular_momentum() {
    let hulls = stones(1, 0.5, 8);
    let inertia = hulls[0].inertia();
    let body = BodyDesc::hull(HullId(0), &hulls[0]).spinning(Vec3::new(3.0, 5.0, 1.0));
    let mut world = World::new(WorldConfig {
        hulls,
        ..WorldConfig::new(WorldParams {
            gravity: Vec3::ZERO,
            ..WorldParams::default()
        })
    })
    .unwrap();
    world.spawn(&body).unwrap();
    let momentum = |world: &World| {
        let body = read(world, 0);
        body.orientation * (inertia * (body.orientation.inverse() * body.angular_velocity)) * body.mass
    };
    let before = momentum(&world);
    run(&mut world, 600);
    assert!((momentum(&world) - before).length() < 1e-3 * before.length());
}

/// Half as dense as water, a stone floats with half its volume under water: whatever its shape, it bears its weight.
#[test]
fn a_stone_lighter_than_water_floats() {
    let hulls = stones(1, 0.5, 9);
    let radius = f64::from(hulls[0].bounding_radius());
    let body = BodyDesc::hull(HullId(0), &hulls[0]);
    let light = body.clone().mass(0.5 * body.mass).domain(jaguar_core::Domain::Sea);
    let water = Fluid {
        min: DVec3::splat(-20.0),
        max: DVec3::new(20.0, 0.0, 20.0),
        density: 1000.0,
        linear_drag: 2.0,
        drag_coefficient: 0.0,
        current: Vec3::ZERO,
    };
    let mut world = World::new(WorldConfig {
        hulls,
        environment: Environment {
            fluids: vec![water],
            ..Environment::default()
        },
        ..WorldConfig::default()
    })
    .unwrap();
    world.spawn(&light).unwrap();
    run(&mut world, 1200);
    let body = read(&world, 0);
    assert!(
        body.position.y.abs() < 0.5 * radius && body.velocity.length() < 1e-2,
        "{body:?}"
    );
}

#[test]
fn a_snapshot_has_the_hulls_and_goes_on_with_the_same_bits() {
    let hulls = stones(3, 0.5, 4);
    let bodies: Vec<BodyDesc> = (0..12_u32)
        .map(|k| {
            let number = (k % 3) as usize;
            BodyDesc::hull(HullId(k % 3), &hulls[number]).at(DVec3::new(
                0.1 * f64::from(k % 2),
                1.0 + f64::from(k),
                0.0,
            ))
        })
        .collect();
    let mut world = world_of(hulls, vec![floor()], &bodies);
    run(&mut world, 60);
    let mut again = World::restore(&world.snapshot()).unwrap();
    assert_eq!(again.config(), world.config());
    for _ in 0..60 {
        world.step();
        again.step();
        assert_eq!(again.hash(), world.hash());
    }
}

#[test]
fn hulls_that_are_not_there_or_too_large_are_refused() {
    let hull = hull_of_box(Vec3::splat(0.5));
    let mut world = world_of(vec![hull.clone()], vec![], &[]);
    let error = world.spawn(&BodyDesc::hull(HullId(1), &hull)).unwrap_err().to_string();
    assert!(error.contains("hull is 1") && error.contains("below 1"), "{error}");
    assert!(world.spawn(&BodyDesc::hull(HullId(0), &hull)).is_ok());
    assert_eq!(read(&world, 0).shape, Shape::Hull(HullId(0)));
    assert_eq!(read(&world, 0).radius, hull.bounding_radius());
    let large = World::new(WorldConfig {
        hulls: vec![hull, hull_of_box(Vec3::splat(5.0))],
        ..WorldConfig::default()
    });
    let error = large.unwrap_err().to_string();
    assert!(error.starts_with("hull 1: bounding radius is 8.66"), "{error}");
}
