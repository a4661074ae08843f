//! Joints against closed forms, across borders, and over pods.

#[path = "common/gap.rs"]
mod gap;
mod split;

use std::f64::consts::PI;

use gap::widest_gap;
use glam::{DVec3, Quat, Vec3};
use jaguar_core::environment::Environment;
use jaguar_core::joint::{Motor, Spring};
use jaguar_core::scenes::{Random, Scene, wall};
use jaguar_core::{
    Body, BodyDesc, BodyId, Event, EventKinds, Joint, JointDesc, JointError, JointFrame, JointId, JointKind, Material,
    World, WorldConfig, WorldParams,
};
use split::{Split, assert_same, scattered};

const HINGE: JointKind = JointKind::Hinge {
    limits: None,
    motor: None,
};

fn empty(params: WorldParams) -> World {
    World::new(WorldConfig::new(params)).unwrap()
}

fn floating() -> WorldParams {
    WorldParams {
        gravity: Vec3::ZERO,
        ..WorldParams::default()
    }
}

fn run(world: &mut World, ticks: u32) {
    for _ in 0..ticks {
        world.step();
    }
}

fn read(world: &World, id: BodyId) -> Body {
    world.body(id).unwrap()
}

/// Mean period (s) of what a function of the world does around zero, over so many periods, from upward crossings interpolated within the tick.
fn period(world: &mut World, periods: usize, value: impl Fn(&World) -> f64) -> f64 {
    let dt = f64::from(world.params().tick_seconds());
    let (mut first, mut count) = (None, 0);
    let mut before = value(world);
    for tick in 0..100_000 {
        world.step();
        let after = value(world);
        if before < 0.0 && after >= 0.0 {
            let time = (f64::from(tick) + before / (before - after)) * dt;
            match first {
                None => first = Some(time),
                Some(first) => {
                    count += 1;
                    if count == periods {
                        return (time - first) / periods as f64;
                    }
                }
            }
        }
        before = after;
    }
    panic!("it does not swing");
}

/// Period of a pendulum of small period `t` that swings out to `angle`: t over the arithmetic-geometric mean of 1 and the cosine of half the angle.
fn wide(t: f64, angle: f64) -> f64 {
    let (mut a, mut b) = (1.0, (0.5 * angle).cos());
    for _ in 0..20 {
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
    }
    t / a
}

/// A ball on a rope of 1 m from `pivot`, let go at this angle.
fn rope_pendulum(substeps: u32, pivot: DVec3, angle: f64) -> (World, BodyId) {
    let mut world = empty(WorldParams {
        substeps,
        ..WorldParams::default()
    });
    let at = pivot + DVec3::new(angle.sin(), -angle.cos(), 0.0);
    let ball = world.spawn(&BodyDesc::sphere(0.1).at(at)).unwrap();
    let rope = JointKind::Distance {
        length: 1.0,
        spring: None,
    };
    world.join(&JointDesc::to_world(ball, pivot, rope)).unwrap();
    (world, ball)
}

/// The errors at 1, 2, 4, 8 and 16 substeps, of which the last three shrink by 2.5 at least each time, in the end by four: the order is two. Below 5e-6 it is the rounding of f32, in velocities and in the positions that the
/// period is read from.
fn check_convergence(error_at: impl Fn(u32) -> f64) {
    let errors: Vec<f64> = [1, 2, 4, 8, 16].into_iter().map(error_at).collect();
    for pair in errors[2..].windows(2) {
        assert!(pair[1].abs() < (pair[0].abs() / 2.5).max(5e-6), "{errors:?}");
    }
    assert!(errors[2].abs() < 3e-4 && errors[4].abs() < 3e-5, "{errors:?}");
}

#[test]
fn the_period_of_a_rope_pendulum_converges_to_the_closed_form() {
    let angle = 1.0;
    let expected = wide(2.0 * PI / 9.81_f64.sqrt(), angle);
    check_convergence(|substeps| {
        let (mut world, ball) = rope_pendulum(substeps, DVec3::ZERO, angle);
        period(&mut world, 5, |world| read(world, ball).position.x) / expected - 1.0
    });
}

/// Under a hinge and under a ball joint, which in the plane are the same.
#[test]
fn a_rod_swings_as_a_physical_pendulum() {
    let (half, angle) = (Vec3::new(0.05, 0.5, 0.1), 1.0);
    let (x, y) = (f64::from(half.x), f64::from(half.y));
    let inertia = (x * x + y * y) / 3.0 + y * y;
    let expected = wide(2.0 * PI * (inertia / (9.81 * y)).sqrt(), angle);
    for kind in [HINGE, JointKind::Ball] {
        check_convergence(|substeps| {
            let mut world = empty(WorldParams {
                substeps,
                ..WorldParams::default()
            });
            let rod = rod(&mut world, half, angle);
            let desc = world.joint_at(rod, None, (DVec3::ZERO, Vec3::Z), kind).unwrap();
            world.join(&desc).unwrap();
            period(&mut world, 5, |world| read(world, rod).position.x) / expected - 1.0
        });
    }
}

/// A rod that hangs from the origin, turned out by an angle about z.
fn rod(world: &mut World, half: Vec3, angle: f64) -> BodyId {
    let orientation = Quat::from_rotation_z(angle as f32);
    let desc = BodyDesc {
        orientation,
        ..BodyDesc::cuboid(half)
    };
    let centre = (orientation * (Vec3::NEG_Y * half.y)).as_dvec3();
    world.spawn(&desc.at(centre)).unwrap()
}

/// Angle of a body about z, rad.
fn angle_about_z(body: &Body) -> f64 {
    f64::from(2.0 * body.orientation.z.atan2(body.orientation.w))
}

#[test]
fn a_hinge_stays_within_its_limits() {
    let mut world = empty(WorldParams::default());
    let rod = rod(&mut world, Vec3::new(0.05, 0.5, 0.1), 1.0);
    let kind = JointKind::Hinge {
        limits: Some([-0.5, 1.5]),
        motor: None,
    };
    // The angle is measured from how the world's end lies.
    let desc = JointDesc {
        frame: JointFrame::along(Vec3::Y * 0.5, Vec3::Z),
        ..world.joint_at(rod, None, (DVec3::ZERO, Vec3::Z), kind).unwrap()
    };
    world.join(&desc).unwrap();
    let mut least = 0.0_f64;
    for _ in 0..600 {
        world.step();
        least = least.min(angle_about_z(&read(&world, rod)));
    }
    // The world is the second end: its angle is the opposite, so the rod may turn from -1.5 to 0.5.
    assert!(angle_about_z(&read(&world, rod)).abs() < 0.6);
    let upper = {
        world.set_velocity(rod, Vec3::ZERO, Vec3::Z * 20.0);
        let mut most = 0.0_f64;
        for _ in 0..120 {
            world.step();
            most = most.max(angle_about_z(&read(&world, rod)));
        }
        most
    };
    assert!((0.49..0.52).contains(&upper), "{upper}");
    assert!(least > -1.01, "{least}");
}

/// A motor of torque M on a wheel of moment of inertia I without gravity: the speed grows by M / I a second up to what is asked for, and the torque falls to nothing then.
#[test]
fn a_motor_reaches_its_speed_with_its_torque() {
    let mut world = empty(floating());
    let wheel = world.spawn(&BodyDesc::cuboid(Vec3::new(0.5, 0.5, 0.1))).unwrap();
    let inertia = read(&world, wheel).mass * 0.5 / 3.0;
    let motor = Motor {
        speed: -3.0,
        max_torque: inertia * 2.0,
    };
    let kind = JointKind::Hinge {
        limits: None,
        motor: Some(motor),
    };
    let desc = world.joint_at(wheel, None, (DVec3::ZERO, Vec3::Z), kind).unwrap();
    let joint = world.join(&desc).unwrap();
    run(&mut world, 60);
    // The world is the second end: it is asked to turn backwards against the wheel.
    let spin = read(&world, wheel).angular_velocity.z;
    assert!((spin - 2.0).abs() < 1e-3, "{spin}");
    run(&mut world, 60);
    let spin = read(&world, wheel).angular_velocity.z;
    assert!((spin - 3.0).abs() < 1e-5, "{spin}");
    assert!(world.joint(joint).unwrap().row_impulses[2].abs() < 1e-3);
}

/// The largest deviation from the damped oscillation, over so many ticks, of two balls let go 0.5 m too far apart; in m.
fn deviation(spring: Spring, params: WorldParams, from: DVec3) -> f64 {
    let mut world = empty(params);
    let a = world.spawn(&BodyDesc::sphere(0.2).at(from)).unwrap();
    let b = world.spawn(&BodyDesc::sphere(0.3).at(from + DVec3::X * 1.5)).unwrap();
    let at = JointFrame::at(Vec3::ZERO);
    let kind = JointKind::Distance {
        length: 1.0,
        spring: Some(spring),
    };
    world.join(&JointDesc::new((a, at), (b, at), kind)).unwrap();
    let (zeta, omega) = (f64::from(spring.damping_ratio), 2.0 * PI * f64::from(spring.frequency));
    let damped = omega * (1.0 - zeta * zeta).sqrt();
    let step = f64::from(world.params().tick_seconds());
    let mut worst = 0.0_f64;
    for tick in 1..=120 {
        world.step();
        let t = f64::from(tick) * step;
        // x' = 0 at the start.
        let expected =
            0.5 * (-zeta * omega * t).exp() * ((damped * t).cos() + zeta * omega / damped * (damped * t).sin());
        let stretch = (read(&world, b).position - read(&world, a).position).length() - 1.0;
        worst = worst.max((stretch - expected).abs());
    }
    worst
}

/// Inside a tile and across a border. The first half of a substep, which the velocity lags behind the place, is a deviation of order ω h.
#[test]
fn a_spring_swings_and_decays_as_its_parameters_say() {
    for (frequency, damping_ratio) in [(1.0, 0.0), (1.0, 0.2), (4.0, 0.05), (10.0, 0.0)] {
        let spring = Spring {
            frequency,
            damping_ratio,
        };
        for from in [0.0, 7.3] {
            let found = deviation(spring, floating(), DVec3::X * from);
            let lag = 0.5 * f64::from(frequency) * 2.0 * PI / 240.0;
            assert!(found < 0.6 * lag, "{spring:?} at {from}: {found} of {lag}");
        }
    }
}

/// Whether the first link of a chain hangs on the world.
#[derive(Clone, Copy)]
enum End {
    Hung,
    Loose,
}

/// A chain of `count` boxes of 0.3 m every 0.4 m from `foot`, hung on the world.
fn chain(world: &mut World, foot: DVec3, direction: DVec3, links: (JointKind, u32)) -> Vec<BodyId> {
    chain_of(world, foot, direction, links, End::Hung)
}

fn chain_of(
    world: &mut World,
    foot: DVec3,
    direction: DVec3,
    (kind, count): (JointKind, u32),
    end: End,
) -> Vec<BodyId> {
    let mut bodies: Vec<BodyId> = Vec::new();
    for k in 0..count {
        let at = |steps: f64| foot + direction * (0.4 * steps);
        let link = BodyDesc::cuboid(Vec3::splat(0.15)).at(at(f64::from(k) + 0.5));
        let link = world.spawn(&link).unwrap();
        let place = (at(f64::from(k)), Vec3::Z);
        let desc = match (bodies.last(), end) {
            (Some(&last), _) => Some(world.joint_at(last, Some(link), place, kind)),
            (None, End::Hung) => Some(world.joint_at(link, None, place, kind)),
            (None, End::Loose) => None,
        };
        if let Some(desc) = desc {
            world.join(&desc.unwrap()).unwrap();
        }
        bodies.push(link);
    }
    bodies
}

fn fastest(world: &World) -> f32 {
    world.bodies().map(|body| body.velocity.length()).fold(0.0, f32::max)
}

/// Within a tile; with a border in the middle; with borders every ten, every five, and at nearly every link. The topmost joint carries twenty boxes.
#[test]
fn a_chain_of_twenty_hangs_still() {
    for (tile_size, pivot) in [
        (64.0, DVec3::ZERO),
        (16.0, DVec3::new(8.0, 12.0, 8.0)),
        (4.0, DVec3::new(2.0, 2.0, 2.0)),
        (2.0, DVec3::Y * 0.05),
        (0.6, DVec3::Y * 0.2),
    ] {
        for kind in [HINGE, JointKind::Ball, JointKind::Fixed] {
            let mut world = empty(WorldParams {
                tile_size,
                ..WorldParams::default()
            });
            let links = chain(&mut world, pivot, DVec3::NEG_Y, (kind, 20));
            run(&mut world, 600);
            let stretch = pivot.y - 7.8 - read(&world, links[19]).position.y;
            let (gap, speed) = (widest_gap(&world), fastest(&world));
            assert!(
                stretch.abs() < 0.08 && gap < 0.01,
                "{kind:?}, tiles of {tile_size} m: {stretch} m, {gap} m"
            );
            assert!(speed < 0.05, "{kind:?}, tiles of {tile_size} m: {speed} m/s");
        }
    }
}

/// Let go level, it whips about; nothing tears.
#[test]
fn a_chain_let_go_level_holds_together() {
    for (tile_size, pivot) in [
        (64.0, DVec3::ZERO),
        (16.0, DVec3::splat(8.0)),
        (4.0, DVec3::splat(2.0)),
        (2.0, DVec3::ZERO),
    ] {
        let mut world = empty(WorldParams {
            tile_size,
            ..WorldParams::default()
        });
        chain(&mut world, pivot, DVec3::X, (HINGE, 20));
        let mut widest = 0.0_f64;
        for _ in 0..600 {
            world.step();
            widest = widest.max(widest_gap(&world));
        }
        assert_eq!(world.joints().len(), 20);
        assert!(widest < 0.1, "tiles of {tile_size} m: {widest} m");
    }
}

/// Twenty boxes on the ground, and ten standing on each other, with a border through the middle.
#[test]
fn a_hinge_chain_with_a_border_lies_and_stands() {
    for (direction, count, foot) in [
        (DVec3::X, 20, DVec3::new(4.0, 0.15, 0.1)),
        (DVec3::X, 20, DVec3::new(4.0, 0.15, 8.0)),
    ] {
        let mut world = World::new(WorldConfig {
            statics: vec![wall(DVec3::ZERO, DVec3::Y, Material::default())],
            ..WorldConfig::new(WorldParams::default())
        })
        .unwrap();
        let links = chain(&mut world, foot, direction, (HINGE, count));
        let places: Vec<_> = links.iter().map(|&id| read(&world, id).position).collect();
        run(&mut world, 600);
        let way = links
            .iter()
            .zip(&places)
            .map(|(&id, place)| (read(&world, id).position - place).length());
        let way = way.fold(0.0, f64::max);
        assert!(way < 0.01, "{way}");
        assert!(fastest(&world) < 0.01);
    }
}

/// Joins bodies of any pods.
fn join(split: &mut Split, desc: &JointDesc) -> JointId {
    let id = JointId(split.pods[0].next_id().0);
    for pod in &mut split.pods {
        pod.join_part(id, desc).unwrap();
    }
    id
}

fn despawn(split: &mut Split, id: BodyId) {
    split.pods.iter_mut().for_each(|pod| _ = pod.despawn(id));
}

/// The joints of all pods, each once.
fn joints_of(split: &Split) -> Vec<Joint> {
    let mut joints: Vec<_> = split.pods.iter().flat_map(World::counted_joints).copied().collect();
    joints.sort_by_key(|joint| joint.id);
    joints
}

/// One of everything in tiles of 2 m: a chain of boxes that swings onto the ground, a rope of plain balls, wheels with limits and with a motor, springs, a welded cross, a ring, and a pair that tears itself apart.
fn medley() -> (Scene, Vec<JointDesc>) {
    let mut scene = Scene {
        params: WorldParams {
            tile_size: 2.0,
            ..WorldParams::default()
        },
        statics: vec![wall(DVec3::NEG_Y * 5.0, DVec3::Y, Material::default())],
        hulls: Vec::new(),
        environment: Environment::default(),
        bodies: Vec::new(),
    };
    let mut joints = Vec::new();
    let mut spawn = |body: BodyDesc| {
        scene.bodies.push(body);
        BodyId(scene.bodies.len() as u64 - 1)
    };
    let pair = |a, b, kind| {
        JointDesc::new(
            (a, JointFrame::at(Vec3::X * 0.2)),
            (b, JointFrame::at(Vec3::NEG_X * 0.2)),
            kind,
        )
    };
    let at = |x: f64, y: f64, z: f64| DVec3::new(x, y, z);
    let cube = || BodyDesc::cuboid(Vec3::splat(0.15));
    let ball = || BodyDesc::sphere(0.15);
    for (k, (kind, body)) in [
        (HINGE, cube()),
        (JointKind::Ball, ball()),
        (JointKind::Fixed, cube()),
        (
            JointKind::Distance {
                length: 0.05,
                spring: None,
            },
            ball(),
        ),
        (
            JointKind::Distance {
                length: 0.1,
                spring: Some(Spring {
                    frequency: 5.0,
                    damping_ratio: 0.1,
                }),
            },
            BodyDesc::capsule(0.1, 0.1),
        ),
        (
            JointKind::Hinge {
                limits: Some([-0.3, 0.4]),
                motor: Some(Motor {
                    speed: 2.0,
                    max_torque: 20.0,
                }),
            },
            cube(),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let z = 0.7 * k as f64;
        let mut last = None;
        for link in 0..8 {
            let body = spawn(body.clone().at(at(0.4 * f64::from(link), 0.3, z)));
            match last {
                Some(last) => joints.push(pair(last, body, kind)),
                None => joints.push(JointDesc::to_world(body, at(0.0, 0.3, z), JointKind::Ball)),
            }
            last = Some(body);
        }
    }
    // A ring that hangs by one link.
    let ring: Vec<_> = (0..8_i32)
        .map(|k| {
            let angle = PI / 4.0 * f64::from(k);
            let orientation = Quat::from_rotation_y(-(angle + PI / 2.0) as f32);
            let centre = at(1.0, 0.3, -1.0) + 0.2 / (PI / 8.0).tan() * at(angle.cos(), 0.0, angle.sin());
            spawn(BodyDesc { orientation, ..ball() }.at(centre))
        })
        .collect();
    joints.push(JointDesc::to_world(ring[0], at(1.5, 0.3, -1.0), JointKind::Ball));
    joints.extend((0..8).map(|k| pair(ring[k], ring[(k + 1) % 8], JointKind::Ball)));
    // Torn apart.
    let a = spawn(ball().at(at(-3.0, 0.0, 0.0)).moving(Vec3::X * 70.0));
    let b = spawn(ball().at(at(-3.4, 0.0, 0.0)).moving(Vec3::NEG_X * 70.0));
    let slack = JointKind::Distance {
        length: 0.4,
        spring: Some(Spring {
            frequency: 0.1,
            damping_ratio: 0.0,
        }),
    };
    joints.push(pair(a, b, slack).colliding());
    (scene, joints)
}

#[test]
fn joints_over_pods_are_those_of_one_world() {
    let (scene, joints) = medley();
    let (mut one, mut pods) = (scene.world().unwrap(), Split::new(&scene, 3, scattered));
    for joint in &joints {
        one.join(joint).unwrap();
        join(&mut pods, joint);
    }
    assert_same(&one, &pods, 0);
    one.set_events(EventKinds::ALL);
    pods.pods.iter_mut().for_each(|world| world.set_events(EventKinds::ALL));
    let (mut crossings, mut broken) = (0, Vec::new());
    for tick in 0..240 {
        if tick == 120 {
            one.despawn(BodyId(3));
            despawn(&mut pods, BodyId(3));
            assert_eq!(
                one.joints().len(),
                joints.len() - 3,
                "one was torn, two went with the body"
            );
        }
        one.step();
        pods.hand_over();
        pods.step();
        let difference = joints_of(&pods).into_iter().zip(one.joints()).find(|(a, b)| a != *b);
        assert_eq!(difference, None, "tick {tick}");
        assert_same(&one, &pods, tick);
        assert_eq!(pods.events(), one.events(), "tick {tick}");
        let breaks = one.events().iter().filter_map(|event| match event {
            Event::JointBreak { joint, .. } => Some((tick, *joint)),
            _ => None,
        });
        broken.extend(breaks);
        let held: usize = pods.pods.iter().map(|world| world.joints().len()).sum();
        crossings += held - one.joints().len();
    }
    assert!(crossings > 1000, "joints between pods: {crossings}");
    assert_eq!(broken.len(), 3, "one was torn, two lost a body: {broken:?}");
    assert!(
        broken[0].0 < 10 && broken[1].0 == 120 && broken[2].0 == 120,
        "{broken:?}"
    );
    assert_eq!(
        (one.len(), pods.len()),
        (scene.bodies.len() - 1, scene.bodies.len() - 1)
    );
    assert!(one.bodies().all(|body| body.velocity.length() < 80.0));
}

/// Joints come and go while the world runs and while everything changes hands: between bodies near and far, held by one pod or by two, and with some that are no more.
#[test]
fn joints_that_come_and_go_over_pods_are_those_of_one_world() {
    let (scene, joints) = medley();
    let (mut one, mut pods) = (scene.world().unwrap(), Split::new(&scene, 3, scattered));
    let bodies = scene.bodies.len();
    let kinds: Vec<JointKind> = joints.iter().map(|joint| joint.kind).collect();
    let mut random = Random(11);
    let (mut made, mut removed, mut between_pods, mut overstretched) = (0, 0, 0, 0);
    for tick in 0..300 {
        let mut below = |count: usize| (random.bits() % count as u64) as usize;
        for _ in 0..4 {
            let first = BodyId(below(bodies) as u64);
            // Mostly the next link of a row, which lies near at first and swings about later.
            let second = if below(4) == 0 {
                below(bodies) as u64
            } else {
                first.0 + 1
            };
            let kind = kinds[below(kinds.len())];
            let at = JointFrame::at(Vec3::X * 0.2);
            let mut desc = match below(6) {
                0 => JointDesc::to_world(first, DVec3::new(0.4 * (first.0 % 8) as f64, 0.3, 0.0), kind),
                _ if second != first.0 && second < bodies as u64 => {
                    JointDesc::new((first, at), (BodyId(second), JointFrame::at(-at.anchor)), kind)
                }
                _ => continue,
            };
            desc.collide = below(2) == 0;
            let is_sound = one.check_ends(&desc, |id| {
                let record = one.record(id)?;
                Some((record.tile, record.offset.into()))
            });
            overstretched += usize::from(matches!(is_sound, Err(JointError::Far { .. })));
            let id = JointId(one.next_id().0);
            one.join_part(id, &desc).unwrap();
            assert_eq!(join(&mut pods, &desc), id);
            made += 1;
            let holders = pods.pods.iter().filter(|world| world.joint(id).is_some()).count();
            between_pods += usize::from(holders == 2);
        }
        while one.joints().len() > 40 {
            let id = one.joints()[below(one.joints().len())].id;
            one.unjoin(id);
            pods.pods.iter_mut().for_each(|world| {
                world.unjoin(id);
            });
            removed += 1;
        }
        if tick % 40 == 20 {
            let id = BodyId(below(bodies) as u64);
            one.despawn(id);
            despawn(&mut pods, id);
        }
        assert_same(&one, &pods, tick);
        one.step();
        pods.hand_over();
        pods.step();
        assert_same(&one, &pods, tick + 1);
        assert_eq!(joints_of(&pods), one.joints(), "tick {tick}");
    }
    assert!(made > 800 && removed > 200, "{made} joints, {removed} removed");
    assert!(between_pods > 150, "{between_pods} joints of two pods");
    assert!(overstretched > 50, "{overstretched} joints that broke at once");
}

#[test]
fn joints_do_not_depend_on_threads_and_survive_a_snapshot() {
    let (scene, joints) = medley();
    let run_with = |threads: usize, restart: bool| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut world = scene.world().unwrap();
            joints.iter().for_each(|joint| {
                world.join(joint).unwrap();
            });
            run(&mut world, 50);
            if restart {
                let again = World::restore(&world.snapshot()).unwrap();
                assert_eq!(again.joints(), world.joints());
                assert_eq!(again.next_id(), world.next_id());
                world = again;
            }
            run(&mut world, 50);
            world.hash()
        })
    };
    let expected = run_with(1, false);
    assert_eq!(run_with(3, false), expected);
    assert_eq!(run_with(2, true), expected);
}

/// What is not valid is said, and changes nothing.
#[test]
fn joints_that_cannot_be_are_refused() {
    let mut world = empty(WorldParams::default());
    let [a, b, far] = [0.0, 1.0, 40.0].map(|x| world.spawn(&BodyDesc::sphere(0.3).at(DVec3::X * x)).unwrap());
    let next = world.next_id();
    let at = JointFrame::at(Vec3::X * 0.5);
    let mut check = |desc: JointDesc, expected: &str| {
        let error = world.join(&desc).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let join = |second, kind| JointDesc::new((a, at), (second, at), kind);
    check(join(a, JointKind::Ball), "with itself");
    check(join(BodyId(77), JointKind::Ball), "77, which is not held");
    check(join(far, JointKind::Ball), "centres are 40 m apart");
    let rope = |length| JointKind::Distance { length, spring: None };
    check(join(b, rope(-1.0)), "length is -1");
    check(join(b, rope(f32::NAN)), "NaN");
    check(join(b, rope(12.0)), "allowed is 0 to 11.2 m");
    let limits = JointKind::Hinge {
        limits: Some([1.0, -1.0]),
        motor: None,
    };
    check(join(b, limits), "limits (the lower) is 1");
    let loose = JointFrame {
        orientation: Quat::from_xyzw(0.0, 0.0, 0.0, 2.0),
        ..at
    };
    check(JointDesc::new((a, loose), (b, at), JointKind::Fixed), "orientation");
    assert_eq!((world.joints().len(), world.next_id()), (0, next));
    let id = world.join(&join(b, JointKind::Ball)).unwrap();
    assert_eq!(
        world.join_part(id, &join(b, JointKind::Ball)),
        Err(JointError::Duplicate(id))
    );
    assert!(world.unjoin(id) && !world.unjoin(id));
}

/// Two overlapping balls: joined, they stay; joined as colliding, they are pushed apart.
#[test]
fn joined_bodies_touch_each_other_only_if_they_shall() {
    for collide in [false, true] {
        let mut world = empty(floating());
        let [a, b] = [0.0, 0.5].map(|x| world.spawn(&BodyDesc::sphere(0.5).at(DVec3::X * x)).unwrap());
        let rope = JointKind::Distance {
            length: 0.5,
            spring: Some(Spring {
                frequency: 0.01,
                damping_ratio: 0.0,
            }),
        };
        let at = JointFrame::at(Vec3::ZERO);
        let desc = JointDesc::new((a, at), (b, at), rope);
        let joint = world.join(&if collide { desc.colliding() } else { desc }).unwrap();
        run(&mut world, 60);
        let distance = (read(&world, b).position - read(&world, a).position).length();
        assert_eq!(distance > 0.9, collide, "{distance}");
        world.unjoin(joint);
        run(&mut world, 60);
        let distance = (read(&world, b).position - read(&world, a).position).length();
        assert!(distance > 0.9, "without the joint they touch: {distance}");
    }
}

/// A beam of four boxes out of a wall, within a tile and with a border through it: it bends by what the joints yield, and stays.
#[test]
fn a_beam_of_fixed_joints_stays() {
    for pivot in [DVec3::ZERO, DVec3::X * 7.2] {
        let mut world = empty(WorldParams::default());
        let links = chain(&mut world, pivot, DVec3::X, (JointKind::Fixed, 4));
        run(&mut world, 900);
        let end = read(&world, links[3]);
        let bend = pivot.y - end.position.y;
        assert!((0.0..0.12).contains(&bend), "from {pivot}: {bend} m");
        assert!(fastest(&world) < 0.02, "from {pivot}: {} m/s", fastest(&world));
    }
}

/// Two rods on a common hinge, which spin about it at 15 rad/s without gravity, within a tile and with a border between them. What of a circle a substep leaves out is made good before it becomes a gap.
#[test]
fn rods_that_spin_about_their_hinge_keep_their_energy() {
    const SPIN: f32 = 15.0;
    for (from, kept) in [(0.0, 0.99), (8.0, 0.96)] {
        let mut world = empty(floating());
        let rods = [-0.2_f32, 0.2].map(|x| {
            let rod = BodyDesc::cuboid(Vec3::new(0.15, 0.05, 0.05)).at(DVec3::X * (from + f64::from(x)));
            let rod = rod.moving(Vec3::Y * (SPIN * x)).spinning(Vec3::Z * SPIN);
            world.spawn(&rod).unwrap()
        });
        let desc = world.joint_at(rods[0], Some(rods[1]), (DVec3::X * from, Vec3::Z), HINGE);
        world.join(&desc.unwrap()).unwrap();
        let energy = |world: &World| {
            let of = |body: Body| {
                let spin = (0.15 * 0.15 + 0.05 * 0.05) / 3.0 * body.angular_velocity.length_squared();
                body.velocity.length_squared() + spin
            };
            rods.map(|id| of(read(world, id))).iter().sum::<f32>()
        };
        let before = energy(&world);
        run(&mut world, 60);
        let share = energy(&world) / before;
        assert!((kept..1.001).contains(&share), "from {from}: {share}");
        assert!(widest_gap(&world) < 1e-3);
    }
}

/// Sixty chains of six boxes fall on each other, within a tile and in tiles of 4 m; they come to rest as boxes without joints do.
#[test]
fn a_heap_of_chains_comes_to_rest() {
    for tile_size in [64.0, 4.0] {
        let mut world = World::new(WorldConfig {
            statics: vec![wall(DVec3::ZERO, DVec3::Y, Material::default())],
            ..WorldConfig::new(WorldParams {
                tile_size,
                ..WorldParams::default()
            })
        })
        .unwrap();
        let mut random = Random(7);
        for k in 0..60_u32 {
            let [across, deep, high] = [k % 2, k / 2 % 4, k / 8].map(f64::from);
            let place = DVec3::new(across * 2.7 - 2.5, 0.5 + high * 0.5, deep * 0.6);
            let foot = place + DVec3::new(random.unit(), 0.0, random.unit()) * 0.1;
            chain_of(&mut world, foot, DVec3::X, (HINGE, 6), End::Loose);
        }
        run(&mut world, 480);
        assert_eq!(world.joints().len(), 300);
        assert!(
            widest_gap(&world) < 0.02,
            "tiles of {tile_size} m: {} m",
            widest_gap(&world)
        );
        let speeds = world.bodies().map(|body| body.velocity.length_squared());
        let mean = (speeds.sum::<f32>() / world.len() as f32).sqrt();
        assert!(mean < 0.05, "tiles of {tile_size} m: {mean} m/s");
    }
}
