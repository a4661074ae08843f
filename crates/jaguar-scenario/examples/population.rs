//! Runs a scenario on one world and prints how many bodies there are, how they move and whether they stay on the terrain:
//! `cargo run --release -p jaguar-scenario --example population -- scenarios/burst.toml [ticks]`.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use jaguar_migration::replay::Replay;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: population SCENARIO [TICKS]")?;
    let scenario = jaguar_scenario::load(Path::new(&path))?;
    let ticks = arguments.next().map_or(Ok(scenario.ticks), |ticks| ticks.parse())?;
    let definition = scenario.definition.clone();
    let has_terrain = definition.terrain_height(0.0, 0.0).is_some();

    println!("  tick   bodies  contacts  energy J/body  fastest m/s  off terrain  under it  ms/tick");
    let mut replay = Replay::new(scenario.definition)?;
    let mut since = Instant::now();
    for tick in 1..=ticks {
        replay.advance()?;
        if tick % 100 != 0 && tick != ticks {
            continue;
        }
        let world = replay.world();
        let spent = since.elapsed().as_secs_f64() * 1e3;
        let (mut energy, mut fastest, mut off, mut under) = (0.0, 0.0_f32, 0, 0);
        for body in world.bodies() {
            let inertia = 0.4 * body.mass * body.shape.bounding_radius() * body.shape.bounding_radius();
            energy += 0.5 * body.mass * body.velocity.length_squared();
            energy += 0.5 * inertia * body.angular_velocity.length_squared();
            fastest = fastest.max(body.velocity.length());
            if has_terrain {
                match definition.terrain_height(body.position.x, body.position.z) {
                    None => off += 1,
                    Some(height) if body.position.y < height => under += 1,
                    Some(_) => {}
                }
            }
        }
        println!(
            "{tick:6} {:8} {:9} {:14.3} {fastest:12.2} {off:12} {under:9} {:8.2}",
            world.len(),
            world.contacts().count(),
            energy / world.len().max(1) as f32,
            spent / 100.0,
        );
        since = Instant::now();
    }
    println!("hash {}", replay.world().hash());
    Ok(())
}
