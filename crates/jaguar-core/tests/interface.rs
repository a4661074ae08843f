//! Commands, queries, snapshots and messages: what they do, and what they refuse.

use glam::{DVec3, Vec3};
use jaguar_core::error::{HaloError, SnapshotError};
use jaguar_core::hash::body_hash;
use jaguar_core::query::RayTarget;
use jaguar_core::scenes::{self, Random, ball, wall};
use jaguar_core::{BodyDesc, BodyId, Boundary, Material, Shape, TileIndex, World, WorldConfig, WorldParams};
use proptest::prelude::*;

fn empty() -> World {
    World::new(WorldConfig::default()).unwrap()
}

fn resting(position: DVec3) -> BodyDesc {
    ball(position, Vec3::ZERO, Material::default())
}

/// The message with which a changed description is refused.
fn refusal(change: impl FnOnce(&mut BodyDesc)) -> String {
    let mut desc = BodyDesc::default();
    change(&mut desc);
    empty()
        .spawn(&desc)
        .map_or_else(|error| error.to_string(), |id| format!("spawned {id:?}"))
}

#[test]
fn a_refused_body_is_told_field_value_and_range() {
    assert_eq!(
        refusal(|desc| desc.shape = Shape::Sphere { radius: 8.0 }),
        "body field radius is 8, allowed is 0.00024414063 to 7.9999995 m"
    );
    assert_eq!(
        refusal(|desc| desc.mass = 0.0),
        "body field mass is 0, allowed is 0.000000001 to 1000000000000 kg"
    );
    assert_eq!(
        refusal(|desc| desc.position.x = 1.0e9),
        "body field position is [1000000000, 0, 0], allowed is three coordinates within ±8388600 m"
    );
    for (name, message) in [
        ("position", refusal(|desc| desc.position.y = f64::NAN)),
        ("velocity", refusal(|desc| desc.velocity.z = f32::INFINITY)),
        ("velocity", refusal(|desc| desc.velocity.z = 900.0)),
        ("angular_velocity", refusal(|desc| desc.angular_velocity.x = f32::NAN)),
        ("orientation", refusal(|desc| desc.orientation.w = 0.5)),
        ("material.friction", refusal(|desc| desc.material.friction = -0.1)),
        ("material.restitution", refusal(|desc| desc.material.restitution = 1.5)),
        (
            "material.linear_damping",
            refusal(|desc| desc.material.linear_damping = f32::NAN),
        ),
        (
            "material.angular_damping",
            refusal(|desc| desc.material.angular_damping = 101.0),
        ),
    ] {
        assert!(message.starts_with(&format!("body field {name}")), "{name}: {message}");
    }
}

#[test]
fn a_refused_parameter_is_told_value_and_range() {
    let params = WorldParams {
        substeps: 0,
        ..WorldParams::default()
    };
    let message = World::new(WorldConfig::new(params)).err().unwrap().to_string();
    assert_eq!(message, "world parameter substeps is 0, allowed is 1 to 64");
}

#[test]
fn ids_are_never_given_twice() {
    let mut world = empty();
    let first = world.spawn(&resting(DVec3::ZERO)).unwrap();
    assert!(world.spawn_with_id(first, &resting(DVec3::X)).is_err());
    assert!(world.despawn(first));
    assert!(!world.despawn(first));
    assert_eq!(world.reserve_ids(10), BodyId(1));
    assert_eq!(world.spawn(&resting(DVec3::ZERO)).unwrap(), BodyId(11));
    world.spawn_with_id(BodyId(100), &resting(DVec3::X * 3.0)).unwrap();
    assert_eq!(world.next_id(), BodyId(101));
    assert!(world.spawn_with_id(BodyId(1 << 63), &resting(DVec3::ZERO)).is_err());
}

#[test]
fn commands_act_on_the_body_they_name() {
    let mut world = empty();
    let id = world
        .spawn(&BodyDesc {
            mass: 2.0,
            ..resting(DVec3::ZERO)
        })
        .unwrap();
    assert!(world.apply_impulse(id, Vec3::new(4.0, 0.0, 0.0)));
    assert_eq!(world.body(id).unwrap().velocity, Vec3::new(2.0, 0.0, 0.0));
    assert!(world.set_velocity(id, Vec3::Y, Vec3::Z));
    assert_eq!(world.body(id).unwrap().angular_velocity, Vec3::Z);
    assert!(!world.apply_impulse(BodyId(7), Vec3::X));
    assert!(!world.apply_impulse(id, Vec3::NAN));
    assert_eq!(world.body(id).unwrap().velocity, Vec3::Y);
}

#[test]
fn regions_are_despawned_whole() {
    let mut world = scenes::pile(500, 1).world().unwrap();
    for _ in 0..100 {
        world.step();
    }
    let expected: Vec<BodyId> = world
        .query_box(DVec3::splat(-100.0), DVec3::new(0.0, 100.0, 100.0))
        .iter()
        .map(|body| body.id)
        .collect();
    let removed = world.despawn_where(|body| body.position.x <= 0.0);
    assert_eq!(removed, expected);
    assert!(!removed.is_empty() && world.len() == 500 - removed.len());
    assert!(world.bodies().all(|body| body.position.x > 0.0));
    assert!(world.cached_contacts().all(|entry| world.body(entry.low).is_some()));
    for id in removed {
        assert!(world.body(id).is_none());
    }
    // What is left goes on.
    world.step();
    assert_eq!(
        world
            .tile_counts()
            .iter()
            .map(|&(_, count)| count as usize)
            .sum::<usize>(),
        world.len()
    );
}

#[test]
fn queries_agree_with_a_look_at_every_body() {
    let world = scenes::gas(2000, 3).world().unwrap();
    let mut random = Random(1);
    for _ in 0..50 {
        let (centre, radius) = (random.vector(10.0), 5.0 * random.unit());
        let mut expected: Vec<BodyId> = world
            .bodies()
            .filter(|body| body.position.distance(centre) <= radius)
            .map(|body| body.id)
            .collect();
        expected.sort_unstable();
        let found: Vec<BodyId> = world.query_sphere(centre, radius).iter().map(|body| body.id).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_ray_hits_the_nearest_thing() {
    let floor = wall(DVec3::ZERO, DVec3::Y, Material::default());
    let mut world = World::new(WorldConfig {
        statics: vec![floor],
        ..WorldConfig::default()
    })
    .unwrap();
    let low = world.spawn(&resting(DVec3::Y * 2.0)).unwrap();
    let high = world.spawn(&resting(DVec3::Y * 20.0)).unwrap();
    let down = |x: f64, y: f64| world.cast_ray(DVec3::new(x, y, 0.0), -DVec3::Y * 2.0, 100.0);
    let hit = down(0.0, 30.0).unwrap();
    assert_eq!((hit.target, hit.distance), (RayTarget::Body(high), 9.5));
    assert_eq!((hit.point, hit.normal), (DVec3::Y * 20.5, DVec3::Y));
    assert_eq!(down(0.0, 10.0).unwrap().target, RayTarget::Body(low));
    let floor_hit = down(3.0, 10.0).unwrap();
    assert_eq!((floor_hit.target, floor_hit.distance), (RayTarget::Static(0), 10.0));
    assert_eq!(world.cast_ray(DVec3::new(3.0, 10.0, 0.0), -DVec3::Y, 9.0), None);
    assert_eq!(world.cast_ray(DVec3::Y * 2.0, DVec3::X, 9.0).unwrap().distance, 0.0);
    assert_eq!(world.cast_ray(DVec3::Y, DVec3::ZERO, 9.0), None);
    assert_eq!(world.cast_ray(DVec3::NAN, DVec3::X, 9.0), None);
}

/// A world with bodies, contacts of all classes and statics of all kinds.
fn varied_world() -> World {
    let mut scene = scenes::pile(60, 1);
    scene.params.tile_size = 2.0;
    let mut world = scene.world().unwrap();
    for _ in 0..120 {
        world.step();
    }
    world
}

#[test]
fn a_snapshot_with_any_byte_changed_is_refused() {
    let bytes = varied_world().snapshot();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(World::restore(&damaged).is_err(), "byte {at}");
    }
    for length in 0..bytes.len() {
        assert!(World::restore(&bytes[..length]).is_err(), "cut at {length}");
    }
    assert_eq!(World::restore(b"not a snapshot").err(), Some(SnapshotError::Magic));
}

#[test]
fn a_snapshot_with_a_right_checksum_and_wrong_contents_is_refused_without_panic() {
    let bytes = varied_world().snapshot();
    let body = bytes.len() - 8;
    for at in 8..body {
        for change in [0x01, 0x80, 0xff] {
            let mut forged = bytes[..body].to_vec();
            forged[at] ^= change;
            let checksum = xxhash_rust::xxh3::xxh3_64(&forged);
            forged.extend_from_slice(&checksum.to_le_bytes());
            if let Ok(mut world) = World::restore(&forged) {
                world.step();
            }
        }
    }
}

#[test]
fn messages_that_do_not_fit_are_refused() {
    let mut world = empty();
    let id = world.spawn(&resting(DVec3::ZERO)).unwrap();
    let record = world.record(id).unwrap();
    let hand_over = |record| Boundary {
        handed_over: vec![record],
        ..Boundary::default()
    };
    assert_eq!(world.exchange_in(&hand_over(record)), Err(HaloError::Duplicate(id)));

    let other = jaguar_core::BodyRecord {
        id: BodyId(5),
        ..record
    };
    let bad = jaguar_core::BodyRecord {
        velocity: [f32::NAN, 0.0, 0.0],
        ..other
    };
    assert!(matches!(
        world.exchange_in(&hand_over(bad)),
        Err(HaloError::Record { .. })
    ));
    let datum = |length: f32| jaguar_core::BodyRecord {
        datum: Some(jaguar_core::Datum {
            offset: [0.0; 3],
            orientation: [0.0, 0.0, 0.0, length],
        }),
        ..other
    };
    let error = world.exchange_in(&hand_over(datum(2.0))).unwrap_err();
    assert!(
        error.to_string().contains("datum (length of the orientation)"),
        "{error}"
    );
    assert_ne!(body_hash(&datum(1.0)), body_hash(&other), "a datum decides the future");
    let twice = Boundary {
        handed_over: vec![other, other],
        ..Boundary::default()
    };
    assert_eq!(world.exchange_in(&twice), Err(HaloError::Duplicate(BodyId(5))));
    assert_eq!(world.len(), 1, "nothing of a refused message is taken");

    let ghost = jaguar_core::Ghost {
        id: BodyId(6),
        tile: TileIndex::default(),
        offset: [1.0; 3],
        velocity: [0.0; 3],
        angular_velocity: [0.0; 3],
        orientation: [0.0, 0.0, 0.0, 1.0],
        rest: 0,
        kind: record.kind,
    };
    let ghosts = |ghost| Boundary {
        ghosts: vec![ghost],
        ..Boundary::default()
    };
    assert_eq!(
        world.exchange_in(&ghosts(ghost)),
        Err(HaloError::UnexpectedGhosts { count: 1 })
    );
    world.exchange_out(0, |_| 0);
    let held = jaguar_core::Ghost { id, ..ghost };
    assert_eq!(world.exchange_in(&ghosts(held)), Err(HaloError::GhostIsHeld(id)));
    // A ghost in a tile that holds a body: the maps of the pods differ.
    world.exchange_in(&ghosts(ghost)).unwrap();
    assert!(matches!(world.collide(|_| 1), Err(HaloError::SharedTile { .. })));
}

/// Whatever makes a body fast, a peer can take it: by a command, and by a collision with something much heavier.
#[test]
fn no_body_is_too_fast_to_be_handed_over() {
    // With one substep a tick nothing limits a speed after the collision but the end of the tick.
    let params = WorldParams {
        substeps: 1,
        ..WorldParams::default()
    };
    let mut world = World::new(WorldConfig::new(params)).unwrap();
    let limit = world.params().max_speed();
    let shot = world.spawn(&resting(DVec3::X * 3.0)).unwrap();
    assert!(world.apply_impulse(shot, Vec3::X * 1.0e9));
    let light = BodyDesc {
        mass: 0.001,
        ..resting(DVec3::Y * 4.0)
    };
    let light = world.spawn(&light).unwrap();
    let heavy = BodyDesc {
        mass: 1.0e6,
        velocity: Vec3::Y * 0.99 * limit,
        material: Material {
            restitution: 1.0,
            ..Material::default()
        },
        ..resting(DVec3::Y * 2.9)
    };
    world.spawn(&heavy).unwrap();
    let mut fastest = 0.0_f32;
    for tick in 0..5 {
        for (_, boundary) in world.hand_over_out(0, |_| 1) {
            world
                .exchange_in(&boundary)
                .unwrap_or_else(|error| panic!("tick {tick}: {error}"));
        }
        world.step();
        fastest = fastest.max(world.body(light).unwrap().velocity.length());
    }
    assert!(fastest > 0.9 * limit, "the light one was hit: {fastest}");
}

#[test]
fn too_few_boundary_velocities_are_refused() {
    let mut world = empty();
    let id = world.spawn(&resting(DVec3::X * 7.6)).unwrap();
    let record = world.record(id).unwrap();
    world.exchange_out(0, |tile| u32::from(tile.x > 0));
    let ghost = jaguar_core::Ghost {
        id: BodyId(6),
        tile: TileIndex::new(1, 0, 0),
        offset: [-7.5, 0.0, 0.0],
        velocity: [0.0; 3],
        angular_velocity: [0.0; 3],
        orientation: [0.0, 0.0, 0.0, 1.0],
        rest: 0,
        kind: record.kind,
    };
    world
        .exchange_in(&Boundary {
            ghosts: vec![ghost],
            ..Boundary::default()
        })
        .unwrap();
    world.collide(|_| 1).unwrap();
    assert_eq!(world.velocities_out().len(), 1);
    assert_eq!(
        world.velocities_in(1, &[]),
        Err(HaloError::VelocityCount {
            peer: 1,
            got: 0,
            expected: 1
        })
    );
    assert!(world.velocities_in(2, &[]).is_ok());
}

#[test]
#[should_panic(expected = "which have not come in")]
fn a_substep_without_the_neighbours_velocities_panics() {
    let mut world = empty();
    world.spawn(&resting(DVec3::X * 7.6)).unwrap();
    world.spawn(&resting(DVec3::X * 8.4)).unwrap();
    world.exchange_out(0, |tile| u32::from(tile.x > 0));
    world.collide(|_| 1).unwrap();
    world.substep();
}

#[test]
#[should_panic(expected = "substeps come after collide")]
fn a_substep_without_collide_panics() {
    empty().substep();
}

#[test]
#[should_panic(expected = "between ticks only")]
fn a_spawn_within_a_tick_panics() {
    let mut world = empty();
    world.collide(|_| 0).unwrap();
    let _ = world.spawn(&BodyDesc::default());
}

proptest! {
    #[test]
    fn a_position_is_its_tile_and_offset(
        x in -8.0e6..8.0e6_f64, y in -100.0..100.0_f64, z in -8.0e6..8.0e6_f64, exponent in -2..12_i32,
    ) {
        let size = 2.0_f32.powi(exponent);
        let position = DVec3::new(x, y, z);
        let half = 0.5 * size;
        if let Some((tile, offset)) = jaguar_core::tile::split(position, size) {
            prop_assert!(tile.is_inside_world());
            for axis in 0..3 {
                prop_assert!(-half <= offset[axis] && offset[axis] < half);
            }
            let back = jaguar_core::tile::join(tile, offset, size);
            prop_assert!((back - position).abs().max_element() <= f64::from(size) * 1.0e-7 + 2.0e-9);
            // What was joined is split into the same parts.
            prop_assert_eq!(jaguar_core::tile::split(back, size), Some((tile, offset)));
        } else {
            prop_assert!(position.abs().max_element() >= (f64::from(jaguar_core::tile::MAX_TILE)) * f64::from(size));
        }
    }

    #[test]
    fn any_bytes_are_restored_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut with_magic = b"JAGUARSN".to_vec();
        with_magic.extend(&bytes);
        prop_assert!(World::restore(&bytes).is_err());
        prop_assert!(World::restore(&with_magic).is_err());
    }
}
