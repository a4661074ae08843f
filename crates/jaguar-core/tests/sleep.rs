//! What rests sleeps and changes no more; what touches it wakes it in the same tick; and all pods agree on both.

mod common;
#[path = "split/pile.rs"]
mod pile;
mod split;

use common::{read, run, world_with};
use glam::{DVec3, Vec3};
use jaguar_core::force::{Force, Subject, Wrench};
use jaguar_core::hash::WorldHash;
use jaguar_core::joint::Motor;
use jaguar_core::scenes::{self, Random, Scene, ball, wall};
use jaguar_core::{
    BodyDesc, BodyId, Event, EventKinds, JointDesc, JointFrame, JointId, JointKind, Material, StaticShape, TileIndex,
    World, WorldConfig, WorldParams,
};
use pile::mixed_pile;
use split::{Split, assert_same, scattered};

/// Half a second.
const SLEEP_TICKS: u32 = 30;

fn sleeping(mut scene: Scene) -> Scene {
    scene.params.sleep_ticks = SLEEP_TICKS;
    scene
}

/// The same with bodies that all come to rest: without damping a ball that spins on its foot, or a stone that rocks on two points, goes on for minutes.
fn damped(mut scene: Scene) -> Scene {
    for body in &mut scene.bodies {
        body.material.linear_damping += 0.2;
        body.material.angular_damping += 0.5;
    }
    scene
}

/// Boxes, balls and capsules over several tiles.
fn sleeping_heap() -> Scene {
    let mut scene = sleeping(damped(scenes::mixed(250, 1)));
    scene.params.tile_size = 4.0;
    scene
}

fn params(tile_size: f32) -> WorldParams {
    WorldParams {
        tile_size,
        sleep_ticks: SLEEP_TICKS,
        ..WorldParams::default()
    }
}

fn floor(friction: f32) -> StaticShape {
    let material = Material {
        friction,
        ..Material::default()
    };
    wall(DVec3::ZERO, DVec3::Y, material)
}

fn world_of(params: WorldParams, statics: Vec<StaticShape>, bodies: &[BodyDesc]) -> World {
    let config = WorldConfig {
        statics,
        ..WorldConfig::new(params)
    };
    world_with(config, bodies)
}

/// Ticks until everything sleeps.
fn fall_asleep(world: &mut World, most: u32) -> u32 {
    for tick in 1..=most {
        world.step();
        if world.stats().dormant_bodies == world.len() {
            return tick;
        }
    }
    let stats = world.stats();
    let fastest = world.bodies().map(|body| body.velocity.length()).fold(0.0, f32::max);
    panic!(
        "{} of {} sleep after {most} ticks, the fastest moves at {fastest} m/s",
        stats.dormant_bodies,
        world.len()
    );
}

fn is_asleep(world: &World, id: u64) -> bool {
    world.is_asleep(BodyId(id)).expect("it is held")
}

fn speed(world: &World, id: u64) -> f32 {
    read(world, id).velocity.length()
}

fn cube(x: f64, y: f64, z: f64) -> BodyDesc {
    BodyDesc::cuboid(Vec3::splat(0.5)).at(DVec3::new(x, y, z))
}

#[test]
fn piles_fall_asleep_and_stay_as_they_are_to_the_bit() {
    for (scene, seconds) in [
        (sleeping(damped(scenes::pile(400, 1))), 15),
        (sleeping(damped(mixed_pile(4.0))), 15),
        (sleeping(scenes::boxes(150, 1)), 15),
        (sleeping_heap(), 30),
    ] {
        let mut world = scene.world().unwrap();
        fall_asleep(&mut world, 60 * seconds);
        // One tick more, in which what does not carry is forgotten.
        world.step();
        let (hash, contacts) = (
            world.hash(),
            world.cached_contacts().count() + world.cached_manifolds().count(),
        );
        assert!(contacts > world.len(), "its contacts are still there");
        for _ in 0..100 {
            world.step();
            assert_eq!(world.hash(), hash);
        }
        assert!(world.bodies().all(|body| body.velocity == Vec3::ZERO));
    }
}

/// A stack across the corner of eight tiles is still standing when it wakes.
#[test]
fn a_stack_of_boxes_sleeps_and_stands() {
    for foot in [DVec3::ZERO, DVec3::new(8.0, 4.0, 8.0)] {
        let place = |k: u32| foot + DVec3::Y * (0.5 + f64::from(k));
        let boxes: Vec<_> = (0..8)
            .map(|k| BodyDesc::cuboid(Vec3::splat(0.5)).at(place(k)))
            .collect();
        let mut world = world_of(params(16.0), vec![wall(foot, DVec3::Y, Material::default())], &boxes);
        fall_asleep(&mut world, 600);
        run(&mut world, 60);
        world.apply_impulse(BodyId(7), Vec3::ZERO);
        world.step();
        assert!(!is_asleep(&world, 7));
        run(&mut world, 120);
        assert!(is_asleep(&world, 7), "nothing moved it");
        let way = (world.body(BodyId(7)).unwrap().position - place(7)).length();
        assert!(way < 0.03, "foot at {foot}: moved by {way} m");
    }
}

#[test]
fn nothing_sleeps_unless_it_may() {
    let mut scene = scenes::pile(100, 1);
    let mut world = scene.world().unwrap();
    run(&mut world, 600);
    assert_eq!(world.stats().dormant_bodies, 0);
    assert!(world.records().all(|record| record.rest == 0));

    scene.params.sleep_ticks = SLEEP_TICKS;
    let mut world = scene.world().unwrap();
    world.add_force(Box::new(Nothing));
    run(&mut world, 600);
    assert_eq!(world.stats().dormant_bodies, 0, "a force may begin to act at any time");
}

/// A force that does not act, yet.
#[derive(Debug)]
struct Nothing;

impl Force for Nothing {
    fn act(&self, _: &Subject<'_>) -> Wrench {
        Wrench::ZERO
    }
}

/// On ice, so that nothing but the other ball changes the momentum; in one tile, and in two.
#[test]
fn a_ball_that_is_hit_in_its_sleep_takes_its_share_of_the_momentum() {
    for border in [0.0, 8.0] {
        for restitution in [0.0, 1.0] {
            let material = Material {
                friction: 0.0,
                restitution,
                ..Material::default()
            };
            let after = |sleep_ticks: u32| {
                let resting = ball(DVec3::new(border + 0.6, 0.5, 0.0), Vec3::ZERO, material);
                let params = WorldParams {
                    sleep_ticks,
                    ..params(16.0)
                };
                let mut world = world_of(params, vec![floor(0.0)], &[resting]);
                run(&mut world, 60);
                assert_eq!(is_asleep(&world, 0), sleep_ticks > 0);
                let place = DVec3::new(border - 2.0, 0.5, 0.0);
                world.spawn(&ball(place, Vec3::X * 3.0, material)).unwrap();
                run(&mut world, 60);
                [0, 1].map(|id| world.body(BodyId(id)).unwrap().velocity.x)
            };
            let (asleep, awake) = (after(SLEEP_TICKS), after(0));
            assert!((asleep[0] + asleep[1] - 3.0).abs() < 0.03, "{asleep:?} m/s");
            for (asleep, awake) in asleep.into_iter().zip(awake) {
                assert!(
                    (asleep - awake).abs() < 0.02,
                    "{asleep} m/s, and {awake} m/s if it had not slept"
                );
            }
        }
    }
}

#[test]
fn a_ball_thrown_at_a_sleeping_heap_wakes_it_before_they_touch() {
    for mut scene in [damped(mixed_pile(4.0)), scenes::boxes(100, 1)] {
        scene.params.tile_size = 4.0;
        let mut world = sleeping(scene).world().unwrap();
        fall_asleep(&mut world, 1800);
        let top = world.bodies().map(|body| body.position.y).fold(0.0, f64::max);
        let thrown = world
            .spawn(&ball(
                DVec3::new(0.3, top + 3.0, 0.2),
                Vec3::Y * -20.0,
                Material::default(),
            ))
            .unwrap();
        let mut most_awake = 0;
        for _ in 0..60 {
            world.step();
            let touched = world.contacts().filter(|contact| contact.normal_impulse > 0.0);
            let partners = touched.filter_map(|contact| match contact.high {
                jaguar_core::world::ContactPartner::Body(high) if contact.low == thrown => Some(high),
                jaguar_core::world::ContactPartner::Body(high) if high == thrown => Some(contact.low),
                _ => None,
            });
            for partner in partners.collect::<Vec<_>>() {
                assert_eq!(
                    world.is_asleep(partner),
                    Some(false),
                    "{partner:?} pushes, so it is awake"
                );
            }
            most_awake = most_awake.max(world.len() - world.stats().dormant_bodies);
        }
        assert!(most_awake > 20, "{most_awake} woke");
        fall_asleep(&mut world, 1800);
    }
}

#[test]
fn commands_wake() {
    let start = || {
        let mut world = world_of(
            params(16.0),
            vec![floor(0.5)],
            &[cube(0.0, 0.5, 0.0), cube(3.0, 0.5, 0.0)],
        );
        fall_asleep(&mut world, 120);
        world
    };
    let check = |change: &dyn Fn(&mut World)| {
        let mut world = start();
        change(&mut world);
        world.step();
        assert!(!is_asleep(&world, 0) && !is_asleep(&world, 1), "the tile is awake");
        world
    };
    let mut pushed = check(&|world| assert!(world.apply_impulse(BodyId(0), Vec3::Z * 2000.0)));
    assert!(speed(&pushed, 0) > 1.0 && speed(&pushed, 1) < 0.01);
    run(&mut pushed, 300);
    assert!(is_asleep(&pushed, 0), "friction stopped it");
    let body = pushed.body(BodyId(0)).unwrap();
    let expected = 0.5 * 2.0 * 2.0 / (0.5 * 9.81);
    assert!((body.position.z - expected).abs() < 0.05, "{}", body.position.z);

    check(&|world| assert!(world.set_velocity(BodyId(1), Vec3::X, Vec3::ZERO)));
    check(&|world| {
        world.spawn(&cube(-3.0, 4.0, 0.0)).unwrap();
    });
    let mut driven = check(&|world| assert!(world.set_thrust(BodyId(0), Vec3::X * 10.0)));
    run(&mut driven, 120);
    assert!(!is_asleep(&driven, 0), "what thrusts does not sleep");
}

/// A box lies on another, and that on the floor: in one tile, and with a border between them.
#[test]
fn what_lay_on_a_despawned_body_falls() {
    for tile_size in [16.0, 2.0] {
        for is_sphere in [false, true] {
            let body = |y: f64| {
                if is_sphere {
                    ball(DVec3::Y * y, Vec3::ZERO, Material::default())
                } else {
                    cube(0.0, y, 0.0)
                }
            };
            let mut world = world_of(params(tile_size), vec![floor(0.5)], &[body(0.5), body(1.5)]);
            fall_asleep(&mut world, 300);
            run(&mut world, 10);
            assert!(world.despawn(BodyId(0)));
            run(&mut world, 20);
            let body = world.body(BodyId(1)).unwrap();
            let fallen = 1.5 - body.position.y;
            // Half g t² after a third of a second.
            assert!((fallen - 0.55).abs() < 0.07, "tiles of {tile_size} m: {fallen} m");
            fall_asleep(&mut world, 300);
            assert!((world.body(BodyId(1)).unwrap().position.y - 0.5).abs() < 0.01);
        }
    }
}

/// Boxes side by side over tiles: the push at one end reaches the other. (A blow need not: what sleeps stands like a wall in the tick in which it is struck and wakes.)
#[test]
fn tiles_wake_one_after_the_other() {
    let boxes: Vec<_> = (0..8).map(|k| cube(f64::from(k), 0.5, 0.0)).collect();
    let mut world = world_of(params(2.0), vec![floor(0.0)], &boxes);
    world.set_events(EventKinds::ALL);
    fall_asleep(&mut world, 300);
    let tiles = world.stats().tiles;
    assert_eq!(world.stats().dormant_tiles, tiles);
    assert!(tiles >= 4);
    let mass = boxes[0].mass;
    assert!(world.set_thrust(BodyId(0), Vec3::X * (8.0 * mass * 4.0)));
    let mut woken: Vec<TileIndex> = Vec::new();
    for _ in 0..60 {
        world.step();
        woken.extend(world.events().iter().filter_map(|event| match event {
            Event::Woke { tile } => Some(*tile),
            _ => None,
        }));
    }
    for x in 0..tiles as i32 {
        assert!(woken.contains(&TileIndex::new(x, 0, 0)), "{woken:?}");
    }
    let x = world.body(BodyId(7)).unwrap().position.x;
    // All of them together move at 4 m/s², once they are awake.
    assert!(x > 8.0, "{x}");
}

#[test]
fn events_tell_who_fell_asleep_and_woke_and_of_no_contact_that_lasts() {
    let mut world = world_of(
        params(16.0),
        vec![floor(0.5)],
        &[cube(0.0, 0.5, 0.0), cube(0.0, 1.5, 0.0)],
    );
    world.set_events(EventKinds::ALL);
    let tile = TileIndex::new(0, 0, 0);
    let mut events = Vec::new();
    let mut pass = |world: &mut World, ticks: u32| {
        events.clear();
        for _ in 0..ticks {
            world.step();
            events.extend_from_slice(world.events());
        }
        events.clone()
    };
    let begun = pass(&mut world, 120);
    let of_sleep = |events: &[Event]| -> Vec<Event> {
        let is_of_sleep = |event: &&Event| matches!(event, Event::Slept { .. } | Event::Woke { .. });
        events.iter().filter(is_of_sleep).copied().collect()
    };
    assert_eq!(of_sleep(&begun), [Event::Slept { tile }]);
    assert_eq!(pass(&mut world, 60), []);
    world.apply_impulse(BodyId(1), Vec3::ZERO);
    assert_eq!(pass(&mut world, 20), [Event::Woke { tile }]);
    assert_eq!(pass(&mut world, 60), [Event::Slept { tile }]);
}

#[test]
fn a_sensor_in_a_sleeping_tile_keeps_what_it_holds() {
    let trigger = BodyDesc {
        sensor: true,
        ..cube(0.0, 0.7, 0.0)
    };
    let mut world = world_of(params(16.0), vec![floor(0.5)], &[cube(0.0, 0.5, 0.0), trigger]);
    world.set_events(EventKinds::ALL);
    fall_asleep(&mut world, 120);
    let hash = world.hash();
    for _ in 0..30 {
        world.step();
        assert_eq!((world.sensor_overlaps().len(), world.events().len()), (1, 0));
        assert_eq!(world.hash(), hash);
    }
    world.despawn(BodyId(0));
    world.step();
    assert_eq!(world.sensor_overlaps().len(), 0);
}

#[test]
fn what_is_slow_for_a_moment_or_for_ever_does_not_sleep() {
    // At the top of its way.
    let mut thrown = world_of(params(16.0), Vec::new(), &[cube(0.0, 0.0, 0.0).moving(Vec3::Y * 2.0)]);
    for _ in 0..60 {
        thrown.step();
        assert!(!is_asleep(&thrown, 0));
    }
    // On a slope that is a little too steep, from rest.
    let slope = wall(DVec3::ZERO, DVec3::new(0.52, 1.0, 0.0).normalize(), Material::default());
    let normal = DVec3::new(0.52, 1.0, 0.0).normalize();
    let angle = f64::atan(0.52);
    let slider = BodyDesc::cuboid(Vec3::splat(0.5))
        .at(normal * 0.5)
        .oriented(glam::Quat::from_rotation_z(-angle as f32));
    let mut sliding = world_of(params(16.0), vec![slope], &[slider]);
    run(&mut sliding, 180);
    assert!(!is_asleep(&sliding, 0));
    // sin - 0.5 cos times g, over three seconds.
    let expected = 9.81 * (angle.sin() - 0.5 * angle.cos()) * 3.0;
    assert!(
        (f64::from(speed(&sliding, 0)) / expected - 1.0).abs() < 0.1,
        "{}",
        speed(&sliding, 0)
    );
    // Slowly through empty space.
    let weightless = WorldParams {
        gravity: Vec3::ZERO,
        ..params(16.0)
    };
    let drifting = cube(0.0, 0.0, 0.0).moving(Vec3::X * 0.01);
    let mut space = world_of(weightless, Vec::new(), &[drifting, cube(4.0, 0.0, 0.0)]);
    run(&mut space, 600);
    assert!((space.body(BodyId(0)).unwrap().position.x - 0.1).abs() < 1e-4);
    space.despawn(BodyId(0));
    run(&mut space, 2);
    assert!(is_asleep(&space, 1), "what stands still sleeps");
}

/// Two boxes on the floor, each in a tile of its own, on a rope that is a little slack; and one by itself that hangs from the world.
fn roped() -> (World, JointId, JointId) {
    let boxes = [cube(6.5, 0.5, 0.0), cube(9.5, 0.5, 0.0), cube(30.0, 20.0, 0.0)];
    let mut world = world_of(params(16.0), vec![floor(0.5)], &boxes);
    let end = |id: u64| (BodyId(id), JointFrame::at(Vec3::ZERO));
    let rope = |length: f32| JointKind::Distance { length, spring: None };
    let between = world.join(&JointDesc::new(end(0), end(1), rope(3.0))).unwrap();
    let above = JointDesc::to_world(BodyId(2), DVec3::new(30.0, 22.0, 0.0), rope(2.0));
    let above = world.join(&above).unwrap();
    fall_asleep(&mut world, 300);
    (world, between, above)
}

#[test]
fn jointed_bodies_sleep_and_wake_each_other() {
    let (mut world, between, above) = roped();
    let hash = world.hash();
    run(&mut world, 30);
    assert_eq!(world.hash(), hash);
    // No contact reaches from one box to the other.
    world.apply_impulse(BodyId(0), Vec3::Z * 500.0);
    world.step();
    assert!(!is_asleep(&world, 0) && !is_asleep(&world, 1));
    assert!(is_asleep(&world, 2));
    fall_asleep(&mut world, 600);
    assert!(world.unjoin(between));
    world.step();
    assert!(!is_asleep(&world, 0) && !is_asleep(&world, 1));
    assert!(world.unjoin(above));
    run(&mut world, 30);
    let fallen = 20.0 - world.body(BodyId(2)).unwrap().position.y;
    assert!((fallen - 0.5 * 9.81 * 0.25).abs() < 0.1, "{fallen} m in half a second");
}

/// One turn in ten minutes.
#[test]
fn what_a_motor_drives_does_not_sleep() {
    let speed = 0.01;
    let mut world = world_of(params(16.0), Vec::new(), &[cube(0.0, 0.0, 0.0)]);
    let motor = Motor {
        speed,
        max_torque: 1.0e5,
    };
    let hinge = JointKind::Hinge {
        limits: None,
        motor: Some(motor),
    };
    let joint = world.joint_at(BodyId(0), None, (DVec3::ZERO, Vec3::Y), hinge).unwrap();
    world.join(&joint).unwrap();
    run(&mut world, 300);
    let turned = world.body(BodyId(0)).unwrap().angular_velocity.length();
    assert!((turned - speed).abs() < 1e-3, "{turned} rad/s");
}

/// Lets a scene fall asleep, wakes parts of it in every way, and lets it fall asleep again: on one world and on pods, tick by tick. Returns the hashes.
fn check_split(scene: &Scene, pods: u32, owner: fn(TileIndex, u64, u32) -> u32) -> Vec<WorldHash> {
    check_joined_split(scene, 0, pods, owner)
}

/// The same with ropes between as many pairs of bodies.
fn check_joined_split(scene: &Scene, ropes: u32, pods: u32, owner: fn(TileIndex, u64, u32) -> u32) -> Vec<WorldHash> {
    let mut one = scene.world().unwrap();
    let mut split = Split::new(scene, pods, owner);
    let mut ropes: Vec<JointId> = (0..ropes)
        .map(|k| {
            let ids = [10 * k as usize, 10 * k as usize + 1];
            let [from, to] = ids.map(|id| scene.bodies[id].position);
            let kind = JointKind::Distance {
                length: (to - from).length() as f32,
                spring: None,
            };
            let [first, second] = ids.map(|id| (BodyId(id as u64), JointFrame::at(Vec3::ZERO)));
            let desc = JointDesc::new(first, second, kind);
            let id = one.join(&desc).unwrap();
            for pod in &mut split.pods {
                pod.join_part(id, &desc).unwrap();
            }
            id
        })
        .collect();
    one.set_events(EventKinds::ALL);
    split.pods.iter_mut().for_each(|pod| pod.set_events(EventKinds::ALL));
    let mut hashes = Vec::new();
    let mut step = |one: &mut World, split: &mut Split| {
        one.step();
        split.step();
        let tick = one.tick();
        let dormant: usize = split.pods.iter().map(|pod| pod.stats().dormant_bodies).sum();
        assert_eq!(one.stats().dormant_bodies, dormant, "dormant bodies in tick {tick}");
        assert_same(one, split, tick);
        assert_eq!(one.events(), split.events(), "events of tick {tick}");
        assert_eq!(one.len(), split.len());
        hashes.push(one.hash());
    };
    let mut random = Random(13);
    for round in 0..8 {
        let mut ticks = 0;
        while one.stats().dormant_bodies < one.len() && ticks < 900 {
            step(&mut one, &mut split);
            ticks += 1;
        }
        let asleep = one.stats().dormant_bodies;
        assert!(3 * asleep > one.len(), "round {round}: {asleep} of {} sleep", one.len());
        for _ in 0..3 {
            step(&mut one, &mut split);
        }
        split.hand_over();
        assert_same(&one, &split, one.tick());
        for _ in 0..3 {
            step(&mut one, &mut split);
        }
        let id = BodyId(random.bits() % one.next_id().0);
        match round % 4 {
            0 => {
                let place = DVec3::new(random.unit(), 9.0, random.unit());
                let thrown = ball(place, random.vector(8.0).as_vec3(), Material::default());
                one.spawn(&thrown).unwrap();
                split.spawn(&thrown);
            }
            1 => {
                let impulse = random.vector(4000.0).as_vec3();
                one.apply_impulse(id, impulse);
                split.pods.iter_mut().for_each(|pod| _ = pod.apply_impulse(id, impulse));
            }
            2 => {
                if let Some(rope) = ropes.pop() {
                    one.unjoin(rope);
                    split.pods.iter_mut().for_each(|pod| _ = pod.unjoin(rope));
                }
                one.despawn(id);
                split.pods.iter_mut().for_each(|pod| _ = pod.despawn(id));
                split.hand_over();
                assert_same(&one, &split, one.tick());
            }
            _ => {
                // By region: other pods do not learn of it, and the tick follows at once.
                let middle = random.vector(2.0);
                let selects = |body: &jaguar_core::Body| (body.position - middle).length() < 1.2;
                let removed = one.despawn_where(selects).len();
                let of_pods = split.pods.iter_mut().map(|pod| pod.despawn_where(selects).len());
                assert_eq!(of_pods.sum::<usize>(), removed);
            }
        }
    }
    hashes
}

#[test]
fn sleeping_piles_whose_tiles_change_hands_every_tick_have_the_hashes_of_one_world() {
    for pods in [2, 5] {
        check_split(&sleeping(mixed_pile(4.0)), pods, scattered);
    }
    check_split(&sleeping(mixed_pile(2.0)), 3, scattered);
}

#[test]
fn sleeping_heaps_whose_tiles_change_hands_every_tick_have_the_hashes_of_one_world() {
    check_split(&sleeping_heap(), 3, scattered);
    check_split(&sleeping_heap(), 2, |tile, _, _| u32::from(tile.x > 0));
}

#[test]
fn sleeping_piles_with_ropes_have_the_hashes_of_one_world() {
    check_joined_split(&sleeping(mixed_pile(4.0)), 30, 3, scattered);
}

#[test]
fn the_number_of_threads_changes_nothing_in_sleep() {
    let scene = sleeping(mixed_pile(2.0));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check_split(&scene, 2, |tile, _, _| u32::from(tile.x > 0)))
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn a_world_that_is_restored_asleep_goes_on_with_the_same_hashes() {
    for scene in [sleeping(mixed_pile(4.0)), sleeping_heap()] {
        let mut world = scene.world().unwrap();
        for _ in 0..1800 {
            world.step();
            if 2 * world.stats().dormant_bodies > world.len() {
                break;
            }
        }
        let mut restored = World::restore(&world.snapshot()).unwrap();
        assert_eq!(world.hash(), restored.hash());
        let step = |world: &mut World, restored: &mut World| {
            world.step();
            restored.step();
            assert_eq!(world.stats().dormant_bodies, restored.stats().dormant_bodies);
            assert_eq!(world.hash(), restored.hash(), "tick {}", world.tick());
        };
        for _ in 0..30 {
            step(&mut world, &mut restored);
        }
        for world in [&mut world, &mut restored] {
            world.apply_impulse(BodyId(17), Vec3::Y * 3000.0);
        }
        for _ in 0..120 {
            step(&mut world, &mut restored);
        }
    }
}
