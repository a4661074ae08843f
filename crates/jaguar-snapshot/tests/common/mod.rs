//! A small world amid dense contacts, and how it is put into a store as two pods would.

use std::time::{Duration, UNIX_EPOCH};

use glam::Vec3;
use jaguar_core::{BodyId, Shape, WorldPart, scenes};
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::id::{PodId, Tick, WorldId};
use jaguar_migration::replay::Replay;
use jaguar_migration::saved::{Cut, SavedWorld};
use jaguar_snapshot::{Manifest, Name, Store, StoreError};

const WORLD: WorldId = WorldId(0xfeed);

/// A pile of 60 balls and boxes after some ticks.
pub(crate) fn pile(ticks: u64) -> SavedWorld {
    let mut scene = scenes::pile(60, 7);
    for body in scene.bodies.iter_mut().step_by(2) {
        body.shape = Shape::Cuboid {
            half_extents: Vec3::splat(0.4),
        };
    }
    let definition = WorldDefinition {
        params: scene.params,
        statics: scene.statics,
        hulls: scene.hulls,
        bodies: (1..).map(BodyId).zip(scene.bodies).collect(),
        ..WorldDefinition::default()
    };
    let mut replay = Replay::new(definition.clone()).expect("the scene is a world");
    for _ in 0..ticks {
        replay.advance().expect("nothing is refused");
    }
    let world = replay.world();
    let part = WorldPart::decode(&world.part_bytes()).expect("it was just written");
    let cut = Cut {
        index: replay.index(),
        tick: Tick(ticks),
        hash: world.hash().0,
        entities: 60,
        next_id: 61,
        spawned: 60,
        despawned: 0,
        handed_over: 0,
        paused: false,
    };
    SavedWorld { definition, cut, part }
}

/// The automatic name of a moment.
pub(crate) fn automatic(second: u64) -> Name {
    Name::automatic(UNIX_EPOCH + Duration::from_secs(second))
}

/// Takes a snapshot as two pods would: the bodies of even ids on one, the others on the other.
pub(crate) async fn take(store: &Store, name: Name, second: u64, saved: &SavedWorld) -> Result<Manifest, StoreError> {
    let SavedWorld { definition, cut, part } = saved;
    let mut parts = Vec::new();
    for pod in [1, 2] {
        let here = |id: BodyId| id.0 % 2 == u64::from(pod % 2);
        let part = WorldPart {
            bodies: part.bodies.iter().copied().filter(|body| here(body.id)).collect(),
            contacts: part.contacts.iter().copied().filter(|entry| here(entry.low)).collect(),
            manifolds: part.manifolds.iter().copied().filter(|entry| here(entry.low)).collect(),
            overlaps: part.overlaps.iter().copied().filter(|pair| here(pair.sensor)).collect(),
            joints: part.joints.iter().copied().filter(|joint| here(joint.low())).collect(),
        };
        let bytes = part.encode();
        parts.push(store.put_part(&name, WORLD, cut.index, PodId(pod), bytes).await?);
    }
    store.commit(name, second * 1000, WORLD, definition, cut, &parts).await
}
