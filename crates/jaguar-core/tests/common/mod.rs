//! Worlds of a test, by hand.

use jaguar_core::{Body, BodyDesc, BodyId, World, WorldConfig};

/// A world with these bodies, whose ids are 0, 1 and so on.
pub(crate) fn world_with(config: WorldConfig, bodies: &[BodyDesc]) -> World {
    let mut world = World::new(config).unwrap();
    for body in bodies {
        world.spawn(body).unwrap();
    }
    world
}

pub(crate) fn run(world: &mut World, ticks: u32) {
    for _ in 0..ticks {
        world.step();
    }
}

pub(crate) fn read(world: &World, id: u64) -> Body {
    world.body(BodyId(id)).unwrap()
}
