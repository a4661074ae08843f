//! Physics against closed forms.

mod common;
#[path = "common/near.rs"]
mod near;
#[path = "split/pile.rs"]
mod pile;

use common::{read, run, world_with};
use glam::{DVec3, Vec3};
use jaguar_core::scenes::{self, MASS, RADIUS, ball, wall};
use jaguar_core::{BodyDesc, Material, StaticShape, World, WorldConfig, WorldParams};
use near::assert_near;

const GRAVITY: f64 = 9.81;

fn weightless() -> WorldParams {
    WorldParams {
        gravity: Vec3::ZERO,
        ..WorldParams::default()
    }
}

fn elastic() -> Material {
    Material {
        friction: 0.0,
        restitution: 1.0,
        ..Material::default()
    }
}

fn world_of(params: WorldParams, statics: Vec<StaticShape>, bodies: &[BodyDesc]) -> World {
    let config = WorldConfig {
        statics,
        ..WorldConfig::new(params)
    };
    world_with(config, bodies)
}

/// Semi-implicit Euler with step h falls g t (t + h) / 2 in the time t: exact up to rounding, and first order in h against g t² / 2.
#[test]
fn a_thrown_body_follows_the_parabola_across_many_tiles() {
    let velocity = Vec3::new(30.0, 20.0, -7.0);
    let mut world = world_of(
        WorldParams::default(),
        Vec::new(),
        &[ball(DVec3::new(1.0, 2.0, 3.0), velocity, Material::default())],
    );
    run(&mut world, 240);
    let (t, h) = (4.0, 1.0 / 240.0);
    let expected = DVec3::new(1.0, 2.0, 3.0) + velocity.as_dvec3() * t - DVec3::Y * (0.5 * GRAVITY * t * (t + h));
    let body = read(&world, 0);
    assert_near(body.position.distance(expected), 0.0, 1e-3);
    assert_near(f64::from(body.velocity.y), 20.0 - GRAVITY * t, 1e-3);
}

/// Implicit Euler of v' = -c v multiplies by 1 / (1 + c h) a substep.
#[test]
fn damping_slows_a_body_exponentially() {
    let material = Material {
        linear_damping: 0.5,
        angular_damping: 2.0,
        ..Material::default()
    };
    let body = BodyDesc {
        angular_velocity: Vec3::X,
        ..ball(DVec3::ZERO, Vec3::X * 10.0, material)
    };
    let mut world = world_of(weightless(), Vec::new(), &[body]);
    run(&mut world, 60);
    let decay = |c: f64| (1.0 + c / 240.0).powi(-240);
    assert_near(f64::from(read(&world, 0).velocity.x), 10.0 * decay(0.5), 1e-3);
    assert_near(f64::from(read(&world, 0).angular_velocity.x), decay(2.0), 1e-4);
    // And that is the exponential, to first order in h.
    assert_near(decay(0.5), (-0.5_f64).exp(), 1e-3);
}

/// A full turn about a skew axis brings the orientation back.
#[test]
fn a_free_body_turns_by_its_angular_velocity() {
    let spin = Vec3::new(1.0, 2.0, 2.0) / 3.0 * std::f32::consts::TAU;
    let body = BodyDesc {
        angular_velocity: spin,
        ..ball(DVec3::ZERO, Vec3::ZERO, Material::default())
    };
    let mut world = world_of(weightless(), Vec::new(), &[body]);
    run(&mut world, 15);
    let quarter = glam::Quat::from_axis_angle(Vec3::new(1.0, 2.0, 2.0) / 3.0, std::f32::consts::FRAC_PI_2);
    assert!(read(&world, 0).orientation.angle_between(quarter) < 1e-4);
    run(&mut world, 45);
    assert!(read(&world, 0).orientation.dot(glam::Quat::IDENTITY).abs() > 1.0 - 1e-5);
}

/// Two bodies of masses m and 3 m meet head-on at 3 m/s and -1 m/s: the centre of mass rests, so each velocity is reversed.
fn check_elastic_collision(middle: DVec3) {
    let heavy = BodyDesc {
        mass: 3.0 * MASS,
        ..ball(middle + DVec3::X * 2.0, -Vec3::X, elastic())
    };
    let light = ball(middle - DVec3::X * 2.0, Vec3::X * 3.0, elastic());
    let mut world = world_of(weightless(), Vec::new(), &[light, heavy]);
    run(&mut world, 90);
    assert_near(f64::from(read(&world, 0).velocity.x), -3.0, 1e-4);
    assert_near(f64::from(read(&world, 1).velocity.x), 1.0, 1e-4);
    for id in 0..2 {
        assert_near(f64::from(read(&world, id).velocity.y), 0.0, 1e-6);
        assert_near(f64::from(read(&world, id).angular_velocity.length()), 0.0, 1e-6);
    }
}

#[test]
fn an_elastic_collision_keeps_momentum_and_energy_inside_a_tile() {
    check_elastic_collision(DVec3::ZERO);
}

#[test]
fn an_elastic_collision_keeps_momentum_and_energy_across_a_tile_border() {
    check_elastic_collision(DVec3::new(8.3, 0.0, 0.0));
}

/// Restitution e sends a ball back at e times the speed, at the first bounce from height d: v = √(2 g d).
/// Two balls fly one behind the other, 6 cm apart; a third comes from behind and strikes one. The struck ball closes the gap within the same tick: it must bounce off the other in that tick, as in a Newton's cradle,
/// and not enter it (by 8 cm if it is seen a tick later).
fn check_struck_ball(first: DVec3) {
    let at = |x: f64| first + DVec3::X * x;
    let fly = |x: f64, speed: f32| ball(at(x), Vec3::X * speed, elastic());
    let gaps = [0.02, 0.06];
    let second = 2.0 * f64::from(RADIUS) + gaps[0];
    let third = second + 2.0 * f64::from(RADIUS) + gaps[1];
    let mut world = world_of(
        weightless(),
        Vec::new(),
        &[fly(0.0, 14.0), fly(second, 3.0), fly(third, 3.0)],
    );
    for _ in 0..4 {
        world.step();
        for [a, b] in [[0, 1], [1, 2]] {
            let distance = read(&world, a).position.distance(read(&world, b).position);
            assert!(
                distance > 0.99 * 2.0 * f64::from(RADIUS),
                "{a} and {b} are {distance} m apart"
            );
        }
    }
    for (id, speed) in [(0, 3.0), (1, 3.0), (2, 14.0)] {
        assert_near(f64::from(read(&world, id).velocity.x), speed, 1e-3);
    }
}

#[test]
fn a_struck_ball_strikes_the_next_within_the_tick_inside_a_tile() {
    check_struck_ball(DVec3::ZERO);
}

/// The border is between the first two, then between the last two.
#[test]
fn a_struck_ball_strikes_the_next_within_the_tick_across_a_tile_border() {
    check_struck_ball(DVec3::new(7.5, 1.0, 1.0));
    check_struck_ball(DVec3::new(6.5, 1.0, 1.0));
}

/// The same with a wall in place of the last ball: the struck one flies along it, 6 cm away.
#[test]
fn a_struck_ball_strikes_a_wall_within_the_tick() {
    let face = 3.0 * f64::from(RADIUS) + 0.02 + 0.06;
    let fly = |x: f64, speed: f32| ball(DVec3::X * x, Vec3::new(speed, 6.0, 0.0), elastic());
    let mut world = world_of(
        weightless(),
        vec![wall(DVec3::X * face, DVec3::NEG_X, elastic())],
        &[fly(0.0, 14.0), fly(2.0 * f64::from(RADIUS) + 0.02, 0.0)],
    );
    for _ in 0..4 {
        world.step();
        let gap = face - read(&world, 1).position.x - f64::from(RADIUS);
        assert!(gap > -0.01 * f64::from(RADIUS), "the ball is {gap} m before the wall");
    }
    let energy: f32 = (0..2).map(|id| read(&world, id).velocity.length_squared()).sum();
    assert_near(f64::from(energy), 14.0 * 14.0 + 2.0 * 6.0 * 6.0, 0.01);
}

#[test]
fn a_ball_bounces_to_the_height_that_restitution_says() {
    for restitution in [0.0, 0.5, 0.9] {
        let material = Material {
            restitution,
            ..Material::default()
        };
        let floor = wall(DVec3::ZERO, DVec3::Y, material);
        let mut world = world_of(
            WorldParams::default(),
            vec![floor],
            &[ball(DVec3::Y * 2.5, Vec3::ZERO, material)],
        );
        let mut fell = false;
        let mut highest = 0.0_f64;
        for _ in 0..90 {
            world.step();
            let body = read(&world, 0);
            fell |= body.position.y < 0.6;
            if fell {
                highest = highest.max(body.position.y - f64::from(RADIUS));
            }
        }
        // A substep of 1/240 s at 6 m/s is 26 mm; the bounce is a substep early or late.
        assert_near(highest, 2.0 * f64::from(restitution * restitution), 0.06);
    }
}

/// A ball that must not turn (huge inertia is not to be had, so a pair of contacts cannot be used) slides only until it rolls; what slides to rest is a ball held from
/// turning by a second friction: here, a spinning ball set down on the floor with slip in the direction of motion decelerates at exactly μ g until slip ends.
#[test]
fn friction_decelerates_a_sliding_ball_at_mu_g() {
    let material = Material {
        friction: 0.3,
        ..Material::default()
    };
    let floor = wall(DVec3::ZERO, DVec3::Y, material);
    let body = ball(DVec3::Y * f64::from(RADIUS), Vec3::X * 5.0, material);
    let mut world = world_of(WorldParams::default(), vec![floor], &[body]);
    // Slip ends when 5 - μ g t = 5/2 μ g t, at t = 0.485 s; look before.
    run(&mut world, 24);
    assert_near(f64::from(read(&world, 0).velocity.x), 5.0 - 0.3 * GRAVITY * 0.4, 0.02);
}

/// A back-spinning ball whose spin cancels its momentum comes to rest: with ω r = -5/2 v the angular momentum about the contact is zero.
#[test]
fn a_ball_with_balanced_backspin_slides_to_rest() {
    let material = Material {
        friction: 0.3,
        ..Material::default()
    };
    let floor = wall(DVec3::ZERO, DVec3::Y, material);
    // Rolling along +x turns about -z; backspin is +z.
    let body = BodyDesc {
        angular_velocity: Vec3::Z * (2.5 * 3.0 / RADIUS),
        ..ball(DVec3::Y * f64::from(RADIUS), Vec3::X * 3.0, material)
    };
    let mut world = world_of(WorldParams::default(), vec![floor], &[body]);
    run(&mut world, 180);
    let rest = read(&world, 0);
    assert_near(f64::from(rest.velocity.length()), 0.0, 0.01);
    assert_near(f64::from(rest.angular_velocity.length()), 0.0, 0.02);
    // v² / (2 μ g)
    assert_near(rest.position.x, 9.0 / (2.0 * 0.3 * GRAVITY), 0.03);
}

/// A ball that starts sliding at v0 rolls in the end at 5/7 v0, whatever the friction, since the angular momentum about the contact is kept.
#[test]
fn a_sliding_ball_ends_rolling_at_five_sevenths_of_its_speed() {
    for friction in [0.1, 0.5, 1.0] {
        let material = Material {
            friction,
            ..Material::default()
        };
        let floor = wall(DVec3::ZERO, DVec3::Y, material);
        let body = ball(DVec3::Y * f64::from(RADIUS), Vec3::X * 7.0, material);
        let mut world = world_of(WorldParams::default(), vec![floor], &[body]);
        run(&mut world, 240);
        let rolling = read(&world, 0);
        assert_near(f64::from(rolling.velocity.x), 5.0, 0.02);
        assert_near(f64::from(rolling.angular_velocity.z * RADIUS), -5.0, 0.02);
    }
}

#[test]
fn a_stack_of_five_rests() {
    for height in [0.0, 5.0] {
        // In the second case the border of a tile at y = 8 m runs through the stack.
        let floor = wall(DVec3::Y * height, DVec3::Y, Material::default());
        let at = |i: u32| DVec3::Y * (height + 0.5 + f64::from(i));
        let bodies: Vec<_> = (0..5).map(|i| ball(at(i), Vec3::ZERO, Material::default())).collect();
        let mut world = world_of(WorldParams::default(), vec![floor], &bodies);
        run(&mut world, 600);
        for i in 0..5 {
            let body = read(&world, u64::from(i));
            assert_near(body.position.distance(at(i)), 0.0, 0.01);
            // A fifth of the speed that gravity gives in a substep.
            assert_near(f64::from(body.velocity.length()), 0.0, 0.008);
        }
    }
}

/// Every impulse acts on both bodies with opposite signs, so the sum of momenta changes by rounding only: some 1e-7 of the momentum that is exchanged.
#[test]
fn momentum_is_conserved_across_tile_borders() {
    let mut scene = scenes::gas(1000, 6);
    scene.statics.clear();
    scene.params.tile_size = 4.0;
    for body in &mut scene.bodies {
        // Inwards, so that they collide.
        body.velocity -= body.position.as_vec3() * 0.5;
        body.material.friction = 0.5;
        body.material.restitution = 0.3;
    }
    let mut world = scene.world().unwrap();
    let momentum = |world: &World| -> DVec3 { world.bodies().map(|b| b.velocity.as_dvec3() * f64::from(b.mass)).sum() };
    let scale: f64 = world.bodies().map(|b| f64::from(b.velocity.length() * b.mass)).sum();
    let before = momentum(&world);
    let mut across = 0;
    for _ in 0..240 {
        world.step();
        across += world.stats().across;
    }
    assert!(across > 1000, "the test must collide across borders, saw {across}");
    assert_near((momentum(&world) - before).length() / scale, 0.0, 1e-6);
}

/// What lies on the face of a tile does not go to and fro: it changes its tile when it is a thousandth of a tile beyond the face, in either direction, and files keep where it belongs.
#[test]
fn a_body_lingers_in_its_tile() {
    let linger = 16.0 / 1024.0;
    let slow = ball(DVec3::new(7.99, 0.0, 0.0), Vec3::X * 0.06, Material::default());
    let mut world = world_of(weightless(), Vec::new(), &[slow]);
    let tile_of = |world: &World| world.records().next().unwrap().tile.x;
    for (from, direction) in [(0, 1.0), (1, -1.0)] {
        assert!(world.set_velocity(jaguar_core::BodyId(0), Vec3::X * (0.06 * direction), Vec3::ZERO));
        let mut lingered = 0;
        while tile_of(&world) == from {
            let beyond = f64::from(direction) * (read(&world, 0).position.x - 8.0);
            assert!(beyond < linger, "{beyond} m beyond the face");
            lingered += u32::from(beyond > 0.001);
            if lingered == 5 {
                let bytes = world.snapshot();
                world = World::restore(&bytes).expect("it may linger");
                assert_eq!(tile_of(&world), from);
            }
            world.step();
        }
        assert!(lingered > 10, "{lingered} ticks");
        let beyond = f64::from(direction) * (read(&world, 0).position.x - 8.0);
        assert_near(beyond, linger, 0.0011);
    }
}

/// Small balls that large ones fell on are pressed out from under them, and do not bounce there for ever.
#[test]
fn balls_that_bounce_a_little_do_not_stay_in_each_other() {
    for tile_size in [64.0, 4.0] {
        let mut world = pile::mixed_pile(tile_size).world().unwrap();
        run(&mut world, 900);
        let deepest = world.contacts().map(|contact| -contact.separation).fold(0.0, f32::max);
        assert!(deepest < 0.01, "{deepest} m with tiles of {tile_size} m");
    }
}

/// Penetration (largest and mean, of overlapping pairs, m) and kinetic energy a body (J) of a settled pile of 1,000.
fn settle(tile_size: f32, shift: f64) -> (f64, f64, f64) {
    let mut scene = scenes::pile(1000, 2);
    scene.params.tile_size = tile_size;
    let shift = DVec3::new(shift, shift, shift);
    for body in &mut scene.bodies {
        body.position += shift;
    }
    for shape in &mut scene.statics {
        if let StaticShape::Plane { point, .. } = shape {
            *point += shift;
        }
    }
    let mut world = scene.world().unwrap();
    run(&mut world, 600);
    let depths: Vec<f64> = world
        .contacts()
        .map(|c| f64::from(-c.separation))
        .filter(|&depth| depth > 0.0)
        .collect();
    let energy: f64 = world
        .bodies()
        .map(|b| {
            0.5 * f64::from(
                b.mass
                    * (b.velocity.length_squared() + 0.4 * b.radius * b.radius * b.angular_velocity.length_squared()),
            )
        })
        .sum();
    let deepest = depths.iter().copied().fold(0.0, f64::max);
    (
        deepest,
        depths.iter().sum::<f64>() / depths.len() as f64,
        energy / 1000.0,
    )
}

#[test]
fn a_pile_across_tile_borders_is_as_stable_as_one_inside() {
    // 32 m tiles, moved by a quarter: all inside. 16 m tiles with the borders of x, y and z through the pile: eight tiles meet in it.
    let (inside_deepest, inside_mean, inside_energy) = settle(64.0, 8.0);
    for (tile_size, shift) in [(16.0, 8.0), (16.0, 4.0), (8.0, 0.0)] {
        let (deepest, mean, energy) = settle(tile_size, shift);
        println!(
            "{tile_size} {shift}: {deepest} {mean} {energy}, inside {inside_deepest} {inside_mean} {inside_energy}"
        );
        assert!(
            deepest <= 1.5 * inside_deepest,
            "deepest {deepest} m, inside {inside_deepest} m"
        );
        assert!(mean <= 1.5 * inside_mean, "mean {mean} m, inside {inside_mean} m");
        // Less than a tenth of a joule of 524 kg bodies is rest: 2 cm/s.
        assert!(
            energy <= (1.5 * inside_energy).max(0.1),
            "{energy} J, inside {inside_energy} J"
        );
    }
}

#[test]
fn the_energy_of_a_gas_is_kept() {
    let mut world = scenes::gas(2000, 1).world().unwrap();
    let energy = |world: &World| -> f64 { world.bodies().map(|b| f64::from(b.velocity.length_squared())).sum() };
    let before = energy(&world);
    run(&mut world, 180);
    println!("{}", energy(&world) / before);
    assert_near(energy(&world) / before, 1.0, 0.01);
}

/// Balls of up to 20 m/s on each axis with borders every 4 m, of which many strike several others in one substep. A bounce keeps the energy of its two bodies to rounding, whoever bounces before or after, so the sum is kept; what pushes
/// apart what entered before it was found gives a little. (Were each thrown back by all that it strikes as if it were struck by that alone, the energy would grow by a quarter in a second.)
#[test]
fn the_energy_of_a_fast_gas_is_kept_across_tile_borders() {
    let mut scene = scenes::gas(1000, 2);
    scene.params.tile_size = 4.0;
    scene.params.restitution_threshold = 0.0;
    scene.bodies.iter_mut().for_each(|body| body.velocity *= 4.0);
    let mut world = scene.world().unwrap();
    let energy = |world: &World| -> f64 { world.bodies().map(|b| f64::from(b.velocity.length_squared())).sum() };
    let before = energy(&world);
    let mut across = 0;
    for _ in 0..120 {
        world.step();
        across += world.stats().across;
    }
    assert!(across > 10_000, "the test must collide across borders, saw {across}");
    assert_near(energy(&world) / before, 1.0, 0.002);
}

/// A ball at rest is struck by two at once, from 30 degrees to either side of the border's normal. They bounce one after the other: momentum and energy are kept, and all part.
#[test]
fn who_is_struck_by_two_at_once_across_a_border_gains_nothing() {
    let speed = 10.0;
    let angle = std::f64::consts::FRAC_PI_6;
    let from = |side: f64| DVec3::new(angle.cos(), 0.0, side * angle.sin());
    let elastic = Material {
        friction: 0.0,
        restitution: 1.0,
        ..Material::default()
    };
    let struck = DVec3::X * 8.6;
    let mut bodies = vec![ball(struck, Vec3::ZERO, elastic)];
    for side in [-1.0, 1.0] {
        let way = from(side);
        bodies.push(ball(struck - way * 1.05, way.as_vec3() * speed, elastic));
    }
    let mut world = world_of(weightless(), Vec::new(), &bodies);
    let velocities = |world: &World| -> Vec<DVec3> { (0..3).map(|id| read(world, id).velocity.as_dvec3()).collect() };
    let energy = |world: &World| -> f64 { velocities(world).iter().map(|v| v.length_squared()).sum() };
    let momentum = |world: &World| -> DVec3 { velocities(world).iter().sum() };
    let before = (energy(&world), momentum(&world));
    run(&mut world, 10);
    assert!(
        world.stats().across > 0 || read(&world, 0).velocity.x > 5.0,
        "they met across the border"
    );
    assert_near(energy(&world) / before.0, 1.0, 1e-5);
    assert_near((momentum(&world) - before.1).length(), 0.0, 1e-4);
    for id in [1, 2] {
        let (one, other) = (read(&world, 0), read(&world, id));
        let apart = (other.position - one.position).normalize();
        let parting = (other.velocity - one.velocity).as_dvec3().dot(apart);
        assert!(parting > 0.0, "ball {id} parts at {parting} m/s");
    }
}

/// A pair whose state is no longer a number is stopped and does not spoil its neighbours.
#[test]
fn an_explosion_does_not_spread() {
    let params = WorldParams {
        gravity: Vec3::new(0.0, -1000.0, 0.0),
        ..WorldParams::default()
    };
    let floor = wall(DVec3::ZERO, DVec3::Y, Material::default());
    let mut bodies: Vec<_> = (0..50)
        .map(|i| {
            ball(
                DVec3::new(f64::from(i % 5) * 0.1, 1.0, 0.0),
                Vec3::ZERO,
                Material::default(),
            )
        })
        .collect();
    bodies[0].mass = 1.0e-9;
    bodies[1].mass = 1.0e12;
    let mut world = world_of(params, vec![floor], &bodies);
    run(&mut world, 120);
    assert_eq!(world.len(), 50);
    for body in world.bodies() {
        assert!(body.position.is_finite() && body.velocity.is_finite() && body.angular_velocity.is_finite());
    }
}

#[test]
fn a_body_stops_at_the_end_of_the_world() {
    let end = f64::from(jaguar_core::tile::MAX_TILE) * 16.0;
    let mut world = world_of(
        weightless(),
        Vec::new(),
        &[ball(
            DVec3::new(end, 0.0, 0.0),
            Vec3::new(800.0, 1.0, 0.0),
            Material::default(),
        )],
    );
    run(&mut world, 10);
    let body = read(&world, 0);
    assert!(body.position.x < end + 8.0);
    assert_eq!(body.velocity.x, 0.0);
    assert_near(body.position.y, 10.0 / 60.0, 1e-5);
}
