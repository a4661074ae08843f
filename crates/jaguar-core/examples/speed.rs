//! Times a scene: `cargo run --release -p jaguar-core --example speed -- [gas|pile|boxes|mixed|free_flight] [bodies] [threads]`.
//!
//! Prints the mean time per tick over the measured ticks, and the world hash, so that a fast wrong result shows.

use std::time::Instant;

use jaguar_core::World;
use jaguar_core::scenes::{self, Scene};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let scene = arguments.next();
    let count = arguments
        .next()
        .map_or(10_000, |text| text.parse().expect("bodies is a number"));
    let threads = arguments
        .next()
        .map_or(2, |text| text.parse().expect("threads is a number"));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads can be started");
    for name in ["gas", "pile", "boxes", "mixed", "free_flight"] {
        if scene.as_deref().is_none_or(|scene| scene == name) {
            pool.install(|| time(name, count, threads));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the core knows no clock, who times it does")]
fn time(name: &str, count: usize, threads: usize) {
    let (scene, warm_up, measured): (Scene, u32, u32) = match name {
        "gas" => (scenes::gas(count, 1), 60, 120),
        "pile" => (scenes::pile(count, 1), 300, 120),
        "boxes" => (scenes::boxes(count, 1), 300, 120),
        "mixed" => (scenes::mixed(count, 1), 300, 120),
        _ => (scenes::free_flight(count), 10, 100),
    };
    let mut world = scene.world().expect("scenes are valid");
    let energy = kinetic_energy(&world);
    for _ in 0..warm_up {
        world.step();
    }
    let mut ticks_ms: Vec<f64> = Vec::new();
    for _ in 0..measured {
        let start = Instant::now();
        world.step();
        ticks_ms.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let per_tick_ms = ticks_ms.iter().sum::<f64>() / f64::from(measured);
    ticks_ms.sort_unstable_by(f64::total_cmp);
    // What the machine can do when nothing else runs on it.
    let quiet_ms = ticks_ms[ticks_ms.len() / 10];
    let (deepest, mean) = penetration(&world);
    let stats = world.stats();
    println!(
        "{name:12} {count:7} bodies {threads} threads: {per_tick_ms:7.3} ms/tick (fastest tenth {quiet_ms:.3}), penetration max {deepest:.2} % mean {mean:.3} %, energy {:.3} J/body (at first {:.3}), contacts {}+{}+{}, hash {}",
        kinetic_energy(&world) / count as f64,
        energy / count as f64,
        stats.inside,
        stats.across,
        stats.statics,
        world.hash(),
    );
}

fn kinetic_energy(world: &World) -> f64 {
    let energy = |body: jaguar_core::Body| {
        let spin = 0.4 * body.mass * body.radius * body.radius * body.angular_velocity.length_squared();
        f64::from(0.5 * (body.mass * body.velocity.length_squared() + spin))
    };
    world.bodies().map(energy).sum()
}

/// Deepest and mean overlap of overlapping pairs, in percent of the radius.
fn penetration(world: &World) -> (f64, f64) {
    let depths: Vec<f64> = world
        .contacts()
        .filter(|contact| contact.separation < 0.0)
        .map(|contact| f64::from(-contact.separation / scenes::RADIUS) * 100.0)
        .collect();
    let deepest = depths.iter().copied().fold(0.0, f64::max);
    (deepest, depths.iter().sum::<f64>() / depths.len().max(1) as f64)
}
