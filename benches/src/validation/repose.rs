//! The angle of repose of a heap of balls that resist rolling.

use glam::{DVec3, Vec3};
use jaguar_core::scenes::{RADIUS, Random, Scene, ball, wall};
use jaguar_core::{BodyDesc, Material, World, WorldParams};

use super::finding::{Check, Findings, Plot, Scale, Series};
use super::run::{self, same_bits, world_of};

const BALLS: u64 = 600;
/// Ticks between two balls.
const EVERY: u64 = 16;
/// How far above the heap a ball is let go, m: what hits the top hard levels it.
const DROP: f64 = 0.6;
/// Ticks in which the heap comes to rest.
const REST: u64 = 600;

/// Balls that trickle on one place become a heap; without resistance to rolling it is flat.
pub(super) fn heap() -> Findings {
    let mut series = Vec::new();
    let mut angles = Vec::new();
    for resistance in [0.0, 0.1, 0.2, 0.4] {
        let mut world = world_of(&ground(resistance));
        for tick in 0..BALLS * EVERY + REST {
            if tick % EVERY == 0 && tick / EVERY < BALLS {
                let body = dropped(tick, top(&world) + DROP, resistance);
                world.spawn(&body).expect("it is a valid body");
            }
            world.step();
        }
        angles.push((f64::from(resistance), slope(&world)));
        series.push(Series::line(
            format!("rolling resistance {resistance}"),
            profile(&world),
        ));
    }
    let rises = angles
        .windows(2)
        .map(|pair| pair[1].1 - pair[0].1)
        .fold(f64::MAX, f64::min);
    Findings {
        checks: vec![
            Check::within(
                "angle of repose, friction 0.5, rolling resistance 0.1, degrees",
                angles[1].1,
                (20.0, 35.0),
                "measured and simulated heaps of coarse spheres: Zhou, Xu, Yu, Zulli, Phys. Rev. E 64 (2001) 021301 and Powder Technology 125 (2002) 45",
            ),
            Check::within(
                "least gain of the angle from one rolling resistance to the next (0, 0.1, 0.2, 0.4), degrees",
                rises,
                (0.0, 20.0),
                "more resistance to rolling makes steeper heaps (the same papers)",
            ),
            same_bits(&ground(0.1), 400, &trickle(0.1)),
        ],
        plots: vec![Plot {
            name: "repose".to_owned(),
            title: format!("Outline of a heap of {BALLS} balls, friction 0.5"),
            x: "distance from the axis, m",
            y: "height, m",
            scale: Scale::Linear,
            series,
        }],
    }
}

fn material(resistance: f32) -> Material {
    Material {
        friction: 0.5,
        rolling_resistance: resistance,
        spinning_resistance: resistance,
        ..Material::default()
    }
}

fn ground(resistance: f32) -> Scene {
    let floor = wall(DVec3::ZERO, DVec3::Y, material(resistance));
    run::scene(WorldParams::default(), vec![floor], Vec::new())
}

/// A ball somewhere near the axis.
fn dropped(tick: u64, height: f64, resistance: f32) -> BodyDesc {
    let aside = Random(tick).vector(1.0) * DVec3::new(1.0, 0.0, 1.0);
    ball(DVec3::Y * height + aside, Vec3::ZERO, material(resistance))
}

/// One ball every few ticks, from a height that grows as a heap does.
fn trickle(resistance: f32) -> impl Fn(u64) -> Vec<BodyDesc> + Sync {
    move |tick| {
        if tick % EVERY != 0 || tick / EVERY >= BALLS {
            return Vec::new();
        }
        let share = (tick / EVERY) as f64 / BALLS as f64;
        vec![dropped(tick, 1.5 + 4.5 * share.cbrt(), resistance)]
    }
}

/// The highest surface of the heap near the axis, m. What still falls is no part of it: else every ball would be let go above the one before, and come down from hundreds of metres.
fn top(world: &World) -> f64 {
    let near = world
        .bodies()
        .filter(|body| body.position.x.hypot(body.position.z) < 2.0 && body.velocity.y > -1.0);
    near.map(|body| body.position.y).fold(0.0, f64::max) + f64::from(RADIUS)
}

/// The slope of the cone that the balls fill, degrees: in a cone of radius R and height h half of what there is lies within R / 2 of the axis, and its mean height is h / 4. Both look at all balls, so single ones say
/// little.
fn slope(world: &World) -> f64 {
    let mut away: Vec<f64> = world
        .bodies()
        .map(|body| body.position.x.hypot(body.position.z))
        .collect();
    away.sort_unstable_by(f64::total_cmp);
    let median = away[away.len() / 2];
    // The lowest balls touch the floor: half of a layer's height of theirs is not the cone's.
    let mean = world
        .bodies()
        .map(|body| body.position.y - 0.5 * f64::from(RADIUS))
        .sum::<f64>()
        / away.len() as f64;
    (4.0 * mean / (2.0 * median)).atan().to_degrees()
}

/// The height of the surface by distance from the axis, in rings of a radius: the mean of the highest balls of the sectors.
fn profile(world: &World) -> Vec<(f64, f64)> {
    const SECTORS: usize = 12;
    let width = f64::from(RADIUS);
    let mut rings: Vec<[f64; SECTORS]> = vec![[0.0; SECTORS]; 40];
    let turn = |x: f64, z: f64| (z.atan2(x) / std::f64::consts::TAU).rem_euclid(1.0);
    for body in world.bodies() {
        let at = body.position;
        let ring = (at.x.hypot(at.z) / width) as usize;
        let sector = (turn(at.x, at.z) * SECTORS as f64) as usize % SECTORS;
        if let Some(ring) = rings.get_mut(ring) {
            ring[sector] = ring[sector].max(at.y + f64::from(RADIUS));
        }
    }
    let mean = |ring: &[f64; SECTORS]| {
        let found: Vec<f64> = ring.iter().copied().filter(|&height| height > 0.0).collect();
        found.iter().sum::<f64>() / found.len().max(1) as f64
    };
    let outline = rings.iter().enumerate();
    outline
        .map(|(index, ring)| ((index as f64 + 0.5) * width, mean(ring)))
        .collect()
}
