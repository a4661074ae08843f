//! A world in which nobody comes or goes keeps its buffers: a tick asks for no memory.

use jaguar_core::World;
use jaguar_core::scenes::{self, Scene};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Ticks in which buffers grow to what the scene needs.
const WARM_UP: u32 = 400;
const MEASURED: u32 = 120;

/// How many blocks of memory the measured ticks ask for, on two threads.
fn blocks_of(scene: &Scene) -> u64 {
    let mut world: World = scene.world().expect("the scene is valid");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .expect("threads can be started");
    pool.install(|| {
        for _ in 0..WARM_UP {
            world.step();
        }
        let before = dhat::HeapStats::get().total_blocks;
        for _ in 0..MEASURED {
            world.step();
        }
        dhat::HeapStats::get().total_blocks - before
    })
}

/// One test, because the count is that of the whole process. What remains is buffers that grow with the contacts of the moment: far less than one block a tick.
#[test]
fn a_tick_of_a_settled_world_asks_for_no_memory() {
    let _profiler = dhat::Profiler::builder().testing().build();
    for (name, scene) in [
        ("pile", scenes::pile(400, 1)),
        ("boxes", scenes::boxes(200, 1)),
        ("free flight", scenes::free_flight(400)),
    ] {
        let blocks = blocks_of(&scene);
        assert!(
            blocks < u64::from(MEASURED) / 10,
            "{name}: {blocks} blocks in {MEASURED} ticks"
        );
    }
}
