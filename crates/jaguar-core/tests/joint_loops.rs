//! Joints that close a loop: each holds its bodies, and all together hold more often than once.

#[path = "common/gap.rs"]
mod gap;

use std::f64::consts::TAU;

use gap::widest_gap;
use glam::{DVec3, Quat, Vec3};
use jaguar_core::scenes::wall;
use jaguar_core::{Body, BodyDesc, BodyId, JointKind, Material, World, WorldConfig, WorldParams};

const HINGE: JointKind = JointKind::Hinge {
    limits: None,
    motor: None,
};

/// Tiles (m) and a place: within a tile, with a border through the place, and with borders nearly everywhere.
const PLACES: [(f64, DVec3); 4] = [
    (64.0, DVec3::ZERO),
    (16.0, DVec3::splat(8.0)),
    (4.0, DVec3::splat(2.0)),
    (2.0, DVec3::new(0.3, 0.2, 0.1)),
];

fn world_of_tiles(tile_size: f64) -> World {
    let params = WorldParams {
        tile_size: tile_size as f32,
        ..WorldParams::default()
    };
    World::new(WorldConfig::new(params)).unwrap()
}

fn join(world: &mut World, first: BodyId, second: Option<BodyId>, at: DVec3, kind: JointKind) {
    let desc = world.joint_at(first, second, (at, Vec3::Z), kind).unwrap();
    world.join(&desc).unwrap();
}

/// A bar of this length (m) and 0.1 m square from one point to another.
fn bar(world: &mut World, from: DVec3, to: DVec3) -> BodyId {
    let way = (to - from).as_vec3();
    let desc = BodyDesc {
        orientation: Quat::from_rotation_arc(Vec3::X, way.normalize()),
        ..BodyDesc::cuboid(Vec3::new(0.5 * way.length(), 0.05, 0.05))
    };
    world.spawn(&desc.at(0.5 * (from + to))).unwrap()
}

/// Kinetic and potential energy over mass and number, J/kg. Of bars of this length that are as wide as [`bar`]'s.
fn energy(world: &World, length: f64) -> f64 {
    let of = |body: Body| {
        let along = (body.orientation * Vec3::X).as_dvec3();
        let spin = body.angular_velocity.as_dvec3();
        let rolling = spin.dot(along).powi(2);
        let across = spin.length_squared() - rolling;
        let inertia = [0.02 / 12.0, (length * length + 0.01) / 12.0];
        0.5 * (body.velocity.as_dvec3().length_squared() + inertia[0] * rolling + inertia[1] * across)
            + 9.81 * body.position.y
    };
    let count = world.bodies().count() as f64;
    world.bodies().map(of).sum::<f64>() / count
}

/// A parallelogram of three bars of 1 m, two of which hang on the world: hinges that hold its bars in one plane over and over. The middle one swings and never turns, as a pendulum of the inertia of all; bars of mass m and length L have
/// (2/3 + 1) m L² about their pivots, and (1 + 1) m g L sin φ pulls them back. The period of wide swings by the first two terms of its series.
#[test]
fn a_parallelogram_swings_as_its_closed_form_says() {
    for (tile_size, pivot) in PLACES {
        let mut world = world_of_tiles(tile_size);
        let angle = 0.6_f64;
        let down = DVec3::new(angle.sin(), -angle.cos(), 0.0);
        let pivots = [pivot, pivot + DVec3::X];
        let cranks = pivots.map(|pivot| bar(&mut world, pivot, pivot + down));
        let middle = bar(&mut world, pivots[0] + down, pivots[1] + down);
        for (crank, pivot) in cranks.into_iter().zip(pivots) {
            join(&mut world, crank, None, pivot, HINGE);
            join(&mut world, crank, Some(middle), pivot + down, HINGE);
        }
        let (mut crossings, mut before) = (Vec::new(), 1.0);
        let (mut widest, mut most_turned) = (0.0_f64, 0.0_f32);
        for tick in 0..1200 {
            world.step();
            widest = widest.max(widest_gap(&world));
            let body = world.body(middle).unwrap();
            most_turned = most_turned.max((body.orientation * Vec3::X).y.abs());
            let after = body.position.x - pivot.x - 0.5;
            if before < 0.0 && after >= 0.0 {
                crossings.push((f64::from(tick) + before / (before - after)) / 60.0);
            }
            before = after;
        }
        let periods = (crossings.len() - 1) as f64;
        let found = (crossings[crossings.len() - 1] - crossings[0]) / periods;
        let inertia: f64 = 2.0 / 3.0 + 2.0 * 0.01 / 12.0 + 1.0;
        let series = 1.0 + angle.powi(2) / 16.0 + 11.0 * angle.powi(4) / 3072.0;
        let expected = TAU * (inertia / (2.0 * 9.81)).sqrt() * series;
        // Second order in substeps of 4 ms, 4e-4 at worst; what is left out of the series is 2e-5.
        let error = found / expected - 1.0;
        assert!(
            error.abs() < 5e-4,
            "tiles of {tile_size} m: {found} s, not {expected} s"
        );
        assert!(
            widest < 3e-3 && most_turned < 4e-3,
            "tiles of {tile_size} m: {widest} m, {most_turned} rad"
        );
    }
}

/// Twelve bars of 0.5 m in a ring that hangs on the world by one joint: with ball joints it is let go level, with hinges on one side, in their plane. It whips about; nothing tears, and no energy comes of it.
#[test]
fn a_ring_let_go_level_holds_together_and_comes_to_hang() {
    const COUNT: usize = 12;
    for (tile_size, pivot) in PLACES {
        for kind in [JointKind::Ball, HINGE] {
            let mut world = world_of_tiles(tile_size);
            let radius = 0.25 / (TAU / (2.0 * COUNT as f64)).sin();
            let corner = |k: usize| {
                let (sine, cosine) = (TAU * k as f64 / COUNT as f64).sin_cos();
                let way = match kind {
                    JointKind::Ball => DVec3::new(cosine - 1.0, 0.0, sine),
                    _ => DVec3::new(cosine - 1.0, sine, 0.0),
                };
                pivot + radius * way
            };
            let bars: Vec<BodyId> = (0..COUNT).map(|k| bar(&mut world, corner(k), corner(k + 1))).collect();
            join(&mut world, bars[0], None, corner(0), kind);
            for k in 0..COUNT {
                join(&mut world, bars[k], Some(bars[(k + 1) % COUNT]), corner(k + 1), kind);
            }
            let start = energy(&world, 0.5);
            let (mut widest, mut most) = (0.0_f64, f64::NEG_INFINITY);
            for _ in 0..1800 {
                world.step();
                widest = widest.max(widest_gap(&world));
                most = most.max(energy(&world, 0.5));
            }
            let lowest = world.bodies().map(|body| body.position.y).fold(f64::INFINITY, f64::min);
            assert_eq!(world.joints().len(), COUNT + 1);
            assert!(widest < 0.05, "{kind:?}, tiles of {tile_size} m: {widest} m");
            assert!(
                most < start + 0.01,
                "{kind:?}, tiles of {tile_size} m: {start} J/kg became {most}"
            );
            // It hangs narrower than the circle that it was.
            let hangs = pivot.y - lowest;
            assert!(
                (1.8..2.8).contains(&hangs),
                "{kind:?}, tiles of {tile_size} m: {hangs} m"
            );
        }
    }
}

/// A frame of four bars welded at the corners, aslant, falls 1 m on an edge, tips over and lies as it was made.
#[test]
fn a_welded_frame_keeps_its_shape() {
    for (tile_size, place) in PLACES {
        let params = WorldParams {
            tile_size: tile_size as f32,
            ..WorldParams::default()
        };
        let mut world = World::new(WorldConfig {
            statics: vec![wall(DVec3::Y * place.y, DVec3::Y, Material::default())],
            ..WorldConfig::new(params)
        })
        .unwrap();
        let corners = [
            DVec3::ZERO,
            DVec3::X,
            DVec3::new(1.0, 1.0, 0.3),
            DVec3::new(0.0, 1.0, 0.3),
        ];
        let corner = |k: usize| place + DVec3::Y + corners[k % 4];
        let bars: Vec<BodyId> = (0..4).map(|k| bar(&mut world, corner(k), corner(k + 1))).collect();
        for k in 0..4 {
            join(
                &mut world,
                bars[k],
                Some(bars[(k + 1) % 4]),
                corner(k + 1),
                JointKind::Fixed,
            );
        }
        let mut widest = 0.0_f64;
        for _ in 0..900 {
            world.step();
            widest = widest.max(widest_gap(&world));
        }
        let at = |k: usize| world.body(bars[k]).unwrap().position;
        let speed = world.bodies().map(|body| body.velocity.length()).fold(0.0, f32::max);
        assert!(widest < 0.05, "tiles of {tile_size} m: {widest} m");
        let wide = [at(0).distance(at(2)), at(1).distance(at(3))];
        let bent = [wide[0] - 1.09_f64.sqrt(), wide[1] - 1.0];
        assert!(
            bent.iter().all(|bent| bent.abs() < 2e-3),
            "tiles of {tile_size} m: {bent:?} m"
        );
        assert!(speed < 1e-3, "tiles of {tile_size} m: {speed} m/s");
    }
}
