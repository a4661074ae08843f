//! One world in two parts that exchange their boundaries by values, here in one process, elsewhere over a network; together they have the bits of the whole.
//! `cargo run -p jaguar-core --example parts`.

use jaguar_core::scenes::{self, Scene};
use jaguar_core::{TileIndex, World};

/// The part that holds a tile: east or west of x = 0.
fn owner(tile: TileIndex) -> u32 {
    u32::from(tile.x >= 0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut scene = scenes::mixed(300, 1);
    // Smaller tiles than usual, so that much happens between them.
    scene.params.tile_size = 4.0;
    let mut whole = scene.world()?;
    let mut parts = split(&scene)?;
    let mut handed_over = 0;
    for tick in 1..=120 {
        whole.step();
        handed_over += step(&mut parts)?;
        let sum = parts.iter().map(World::hash).sum();
        if whole.hash() != sum {
            return Err(format!("the parts differ from the whole after tick {tick}").into());
        }
        if tick % 30 == 0 {
            let [west, east] = &parts;
            println!(
                "tick {tick:3}: {} + {} bodies, hash {}",
                west.len(),
                east.len(),
                whole.hash()
            );
        }
    }
    println!("{handed_over} bodies changed from one part to the other");
    Ok(())
}

/// Each body goes to the part that holds its tile; the other one learns that its id is taken, and its size.
fn split(scene: &Scene) -> Result<[World; 2], Box<dyn std::error::Error>> {
    let mut parts = [World::new(scene.config())?, World::new(scene.config())?];
    for body in &scene.bodies {
        let (home, id) = (owner(parts[0].check(body)?), parts[0].next_id());
        for (number, part) in (0..).zip(&mut parts) {
            if number == home {
                part.spawn_with_id(id, body)?;
            } else {
                part.reserve_ids(1);
                part.note_radius(body.shape.bounding_radius());
            }
        }
    }
    Ok(parts)
}

/// One tick of all parts. Returns how many bodies changed hands.
fn step(parts: &mut [World; 2]) -> Result<usize, Box<dyn std::error::Error>> {
    let mut handed_over = 0;
    let outgoing: Vec<_> = (0..)
        .zip(&mut *parts)
        .map(|(me, part)| part.exchange_out(me, owner))
        .collect();
    for (to, boundary) in outgoing.iter().flatten() {
        handed_over += boundary.handed_over.len();
        parts[*to as usize].exchange_in(boundary)?;
    }
    for part in &mut *parts {
        part.collide(owner)?;
    }
    for _ in 0..parts[0].params().substeps {
        let outgoing: Vec<_> = parts.iter().map(World::velocities_out).collect();
        for (from, messages) in (0..).zip(outgoing) {
            for (to, velocities) in messages {
                parts[to as usize].velocities_in(from, &velocities)?;
            }
        }
        parts.iter_mut().for_each(World::substep);
    }
    parts.iter_mut().for_each(World::finish);
    Ok(handed_over)
}
