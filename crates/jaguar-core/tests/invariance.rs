//! The guarantee of this crate: the world hash of every tick is the same however the world is split, whatever the number of threads, the grid, or the interruptions.

#[path = "split/pile.rs"]
mod pile;
mod split;

use glam::{DVec3, Vec3};
use jaguar_core::environment::{Environment, Fluid, GravitySource, Medium};
use jaguar_core::hash::WorldHash;
use jaguar_core::scenes::{self, Random, Scene, ball};
use jaguar_core::simd::Level;
use jaguar_core::{
    BodyDesc, BodyId, BodyRecord, Domain, EventKinds, HullId, Material, Shape, TileIndex, World, WorldParams,
};
use pile::mixed_pile;
use split::{Split, assert_same, scattered};

/// The same pile in a shallow sea and a storm, near a planet, with bodies of all domains, many of which thrust.
fn stormy_pile(tile_size: f32) -> Scene {
    let mut scene = mixed_pile(tile_size);
    scene.environment = Environment {
        medium: Medium {
            density: 1.2,
            wind: Vec3::new(15.0, -1.0, 5.0),
            scale_height: Some(100.0),
        },
        fluids: vec![Fluid {
            min: DVec3::new(-100.0, -1.0, -100.0),
            max: DVec3::new(100.0, 3.0, 100.0),
            density: 1500.0,
            linear_drag: 0.5,
            drag_coefficient: 0.5,
            current: Vec3::new(1.0, 0.0, -1.0),
        }],
        sources: vec![GravitySource {
            centre: DVec3::new(3.0, 20.0, 1.0),
            mu: 2000.0,
            radius: 5.0,
        }],
        ..Environment::default()
    };
    let mut random = Random(6);
    for body in &mut scene.bodies {
        body.domain = Domain::ALL[(random.bits() % 5) as usize];
        body.drag_area = 10.0 * random.unit() as f32;
        body.sensor = random.bits().is_multiple_of(9);
        if random.bits().is_multiple_of(2) {
            body.thrust = random.vector(3000.0).as_vec3();
        }
    }
    scene
}

/// Simulates a scene on one world and split, with bodies that come, go and are pushed meanwhile.
fn check_split(scene: &Scene, pods: u32, ticks: u64, owner: fn(TileIndex, u64, u32) -> u32) {
    let mut one = scene.world().unwrap();
    let mut split = Split::new(scene, pods, owner);
    one.set_events(EventKinds::ALL);
    split.pods.iter_mut().for_each(|pod| pod.set_events(EventKinds::ALL));
    assert_same(&one, &split, 0);
    let mut random = Random(11);
    for tick in 1..=ticks {
        if tick % 7 == 0 {
            let body = ball(
                random.vector(3.0) + DVec3::Y * 9.0,
                random.vector(5.0).as_vec3(),
                Material::default(),
            );
            one.spawn(&body).unwrap();
            split.spawn(&body);
        }
        if tick % 5 == 0 {
            let id = BodyId(random.bits() % one.next_id().0);
            let held = one.despawn(id);
            let despawned = split
                .pods
                .iter_mut()
                .filter_map(|pod| pod.despawn(id).then_some(()))
                .count();
            assert_eq!(usize::from(held), despawned);
        }
        if tick % 3 == 0 {
            let id = BodyId(random.bits() % one.next_id().0);
            let impulse = random.vector(2000.0).as_vec3();
            one.apply_impulse(id, impulse);
            for pod in &mut split.pods {
                pod.apply_impulse(id, impulse);
            }
        }
        if tick % 4 == 0 {
            let id = BodyId(random.bits() % one.next_id().0);
            let thrust = random.vector(2000.0).as_vec3();
            let is_held = one.set_thrust(id, thrust);
            let set = split
                .pods
                .iter_mut()
                .filter_map(|pod| pod.set_thrust(id, thrust).then_some(()));
            assert_eq!(set.count(), usize::from(is_held));
        }
        if tick % 11 == 0 {
            split.hand_over();
            assert_same(&one, &split, tick);
        }
        one.step();
        split.step();
        assert_eq!(one.len(), split.len());
        assert_same(&one, &split, tick);
        assert_eq!(one.events(), split.events(), "events of tick {tick}");
    }
}

#[test]
fn a_pile_whose_tiles_change_hands_every_tick_has_the_hashes_of_one_world() {
    for pods in [2, 3, 5] {
        check_split(&mixed_pile(4.0), pods, 150, scattered);
    }
}

#[test]
fn a_gas_whose_tiles_change_hands_every_tick_has_the_hashes_of_one_world() {
    let mut scene = scenes::gas(600, 2);
    scene.params.tile_size = 4.0;
    for pods in [2, 3, 5] {
        check_split(&scene, pods, 120, scattered);
    }
    // Fast ones strike several others at once, and choose.
    scene.bodies.iter_mut().for_each(|body| body.velocity *= 5.0);
    check_split(&scene, 3, 60, scattered);
}

/// Boxes and balls, some of which resist rolling, some of which are in groups that do not touch.
fn mixed_heap(tile_size: f32) -> Scene {
    let mut scene = mixed_pile(tile_size);
    let mut random = Random(17);
    for (k, body) in scene.bodies.iter_mut().enumerate() {
        if k % 3 != 0 {
            let half = Vec3::new(0.2, 0.3, 0.45) * (0.6 + 0.4 * random.unit() as f32);
            body.shape = Shape::Cuboid { half_extents: half };
            body.orientation = random.orientation();
        }
        if k % 5 == 0 {
            body.material.rolling_resistance = 0.1;
            body.material.spinning_resistance = 0.1;
        }
        if k % 7 == 0 {
            body.filter.groups = 2;
            body.filter.mask = !2;
        }
        if k % 11 == 0 {
            body.sensor = true;
        }
    }
    scene
}

#[test]
fn a_heap_of_boxes_and_balls_whose_tiles_change_hands_has_the_hashes_of_one_world() {
    for pods in [2, 3] {
        check_split(&mixed_heap(4.0), pods, 150, scattered);
    }
    check_split(&mixed_heap(4.0), 2, 150, |tile, _, _| u32::from(tile.x > 0));
}

/// One pod has the balls, the other a box in another tile. Whether balls have datums must not depend on what else there is in the world.
#[test]
fn a_pod_of_balls_alone_has_the_hashes_of_one_world() {
    let mut scene = scenes::pile(40, 1);
    let box_far_away = BodyDesc::cuboid(Vec3::splat(0.3)).at(DVec3::new(20.0, 1.0, 0.0));
    scene.bodies.push(box_far_away);
    check_split(&scene, 2, 60, |tile, _, _| u32::from(tile.x > 0));
}

/// The heap with hulls in the place of most balls: every shape meets every other.
fn heap_with_hulls(tile_size: f32) -> Scene {
    let mut scene = mixed_heap(tile_size);
    scene.hulls = scenes::stones(5, 0.3, 23);
    let mut random = Random(29);
    for (k, body) in scene.bodies.iter_mut().enumerate() {
        if k % 2 == 0 {
            let number = (random.bits() % 5) as u32;
            body.shape = Shape::Hull(HullId(number));
            body.orientation = random.orientation();
        } else if k % 5 == 1 {
            body.shape = Shape::Capsule {
                half_height: 0.2,
                radius: 0.15,
            };
        }
    }
    scene
}

#[test]
fn a_heap_with_hulls_whose_tiles_change_hands_has_the_hashes_of_one_world() {
    for pods in [2, 3] {
        check_split(&heap_with_hulls(4.0), pods, 120, scattered);
    }
    check_split(&heap_with_hulls(4.0), 2, 120, |tile, _, _| u32::from(tile.x > 0));
}

#[test]
fn a_pile_in_sea_and_storm_has_the_hashes_of_one_world() {
    for pods in [2, 5] {
        check_split(&stormy_pile(4.0), pods, 120, scattered);
    }
}

#[test]
fn a_pile_cut_in_two_halves_has_the_hashes_of_one_world() {
    check_split(&mixed_pile(4.0), 2, 150, |tile, _, _| u32::from(tile.x > 0));
}

#[test]
fn more_pods_than_tiles_change_nothing() {
    check_split(&mixed_pile(16.0), 7, 60, scattered);
}

/// The hashes of a scene's first ticks.
fn hashes(scene: &Scene, ticks: usize) -> Vec<WorldHash> {
    let mut world = scene.world().unwrap();
    let hash = |world: &mut World| {
        world.step();
        world.hash()
    };
    (0..ticks).map(|_| hash(&mut world)).collect()
}

#[test]
fn telling_events_changes_nothing() {
    for scene in [scenes::pile(1500, 1), mixed_heap(4.0)] {
        let told = |kinds| {
            let mut world = scene.world().unwrap();
            world.set_events(kinds);
            let mut hash = || {
                world.step();
                world.hash()
            };
            (0..90).map(|_| hash()).collect::<Vec<_>>()
        };
        assert_eq!(told(EventKinds::NONE), told(EventKinds::ALL));
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for scene in [
        scenes::pile(1500, 1),
        scenes::gas(1500, 1),
        mixed_pile(2.0),
        stormy_pile(2.0),
    ] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| hashes(&scene, 90))
        };
        let one = on(1);
        assert_eq!(one, on(2));
        assert_eq!(one, on(4));
    }
}

/// Threads that wait for one world's loops take up another world's whole ticks.
#[test]
fn worlds_that_share_a_pool_do_not_disturb_each_other() {
    use rayon::prelude::*;

    let scene = scenes::pile(3000, 1);
    let alone = hashes(&scene, 40);
    for threads in [2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let beside: Vec<_> = pool.install(|| (0..5).into_par_iter().map(|_| hashes(&scene, 40)).collect());
        assert!(beside.iter().all(|hashes| *hashes == alone));
    }
}

#[test]
fn the_instructions_of_the_machine_change_nothing() {
    for scene in [
        scenes::pile(1500, 1),
        scenes::gas(1500, 1),
        mixed_pile(2.0),
        stormy_pile(2.0),
    ] {
        let with = |level: Level| {
            let mut world = scene.world().unwrap();
            world.set_simd(level);
            let mut hash = || {
                world.step();
                world.hash()
            };
            (0..90).map(|_| hash()).collect::<Vec<_>>()
        };
        let baseline = with(Level::BASELINE);
        for level in Level::supported() {
            assert_eq!(baseline, with(level), "{}", level.name());
        }
    }
}

#[test]
fn the_grid_of_the_broad_phase_changes_nothing() {
    for mut scene in [mixed_pile(4.0), scenes::gas(800, 4)] {
        let mut with_cell = |size: f32| {
            scene.params.broad_phase_cell_size = size;
            hashes(&scene, 90)
        };
        let automatic = with_cell(0.0);
        assert_eq!(automatic, with_cell(1.0));
        assert_eq!(automatic, with_cell(10.0));
        assert_eq!(automatic, with_cell(0.01));
    }
}

#[test]
fn a_restored_world_goes_on_with_the_same_hashes() {
    let mut world = mixed_pile(4.0).world().unwrap();
    for _ in 0..100 {
        world.step();
    }
    let bytes = world.snapshot();
    let mut restored = World::restore(&bytes).unwrap();
    assert_eq!(world.hash(), restored.hash());
    for tick in 0..120 {
        world.step();
        restored.step();
        assert_eq!(world.hash(), restored.hash(), "{tick} ticks after the snapshot");
    }
    assert_eq!(world.next_id(), restored.next_id());
    assert_eq!(world.tick(), restored.tick());
    assert_eq!(world.max_radius(), restored.max_radius());
}

/// A restored world remembers nothing of where bodies touched in the last tick, and finds it again.
#[test]
fn what_is_remembered_of_a_heap_at_rest_is_no_state() {
    let mut world = heap_with_hulls(4.0).world().unwrap();
    for _ in 0..150 {
        world.step();
    }
    for _ in 0..60 {
        let mut restored = World::restore(&world.snapshot()).unwrap();
        assert_eq!(restored.hash(), world.hash());
        world.step();
        restored.step();
        assert_eq!(restored.hash(), world.hash(), "tick {}", world.tick());
    }
    let drifts = |body: &BodyRecord| body.datum.is_some_and(|datum| datum.offset != body.offset);
    let drifting = world.records().filter(drifts).count();
    assert!(
        2 * drifting > world.len(),
        "{drifting} of {} have old datums",
        world.len()
    );
}

#[test]
fn the_order_in_which_bodies_arrived_changes_nothing() {
    let scene = mixed_pile(4.0);
    let expected = hashes(&scene, 60);
    let mut world = World::new(scene.config()).unwrap();
    for (i, body) in scene.bodies.iter().enumerate().rev() {
        world.spawn_with_id(BodyId(i as u64), body).unwrap();
    }
    for hash in expected {
        world.step();
        assert_eq!(world.hash(), hash);
    }
}

#[test]
fn a_world_far_from_the_origin_moves_like_one_at_the_origin() {
    // Whole tiles away, every offset is the same number, so every velocity is the same number.
    let shift = DVec3::new(16.0 * 300_000.0, 0.0, -16.0 * 70_000.0);
    let at = |shift: DVec3| {
        let mut scene = scenes::gas(200, 9);
        scene.statics.clear();
        scene.params = WorldParams {
            gravity: Vec3::ZERO,
            ..WorldParams::default()
        };
        for body in &mut scene.bodies {
            // Numbers that f64 holds exactly even after the shift.
            body.position = (body.position * 1024.0).round() / 1024.0 + shift;
        }
        let mut world = scene.world().unwrap();
        for _ in 0..60 {
            world.step();
        }
        let mut velocities: Vec<_> = world.bodies().map(|body| (body.id, body.velocity.to_array())).collect();
        velocities.sort_unstable_by_key(|&(id, _)| id);
        velocities
    };
    assert_eq!(at(DVec3::ZERO), at(shift));
}
