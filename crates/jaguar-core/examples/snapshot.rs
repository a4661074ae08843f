//! A world is saved as bytes and restored; both go on with the same bits: `cargo run -p jaguar-core --example snapshot`.

use jaguar_core::{World, scenes};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut world = scenes::boxes(200, 1).world()?;
    for _ in 0..60 {
        world.step();
    }
    let bytes = world.snapshot();
    println!("{} bodies in {} bytes, hash {}", world.len(), bytes.len(), world.hash());

    let mut restored = World::restore(&bytes)?;
    for tick in 1..=60 {
        world.step();
        restored.step();
        if world.hash() != restored.hash() {
            return Err(format!("the worlds differ after {tick} ticks").into());
        }
    }
    println!("60 ticks later both have the hash {}", restored.hash());

    // Bytes that were changed are refused, not simulated.
    let mut damaged = bytes;
    damaged[100] ^= 1;
    match World::restore(&damaged) {
        Ok(_) => Err("damage went unnoticed".into()),
        Err(refusal) => {
            println!("a changed bit: {refusal}");
            Ok(())
        }
    }
}
