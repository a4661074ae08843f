//! A world split over pods, to be compared with one that is not.

use std::collections::BTreeMap;

use jaguar_core::hash::WorldHash;
use jaguar_core::scenes::{Random, Scene};
use jaguar_core::{Boundary, Event, TileIndex, World};

/// Which of `pods` pods owns a tile at a tick: as scattered as can be, and different every tick.
pub(crate) fn scattered(tile: TileIndex, tick: u64, pods: u32) -> u32 {
    let [x, y, z] = tile.to_array().map(|i| i as u64);
    let seed = x
        .wrapping_mul(0x9e37)
        .wrapping_add(y)
        .wrapping_mul(0x79b9)
        .wrapping_add(z);
    (Random(seed ^ tick.wrapping_mul(0xbf58_476d_1ce4_e5b9)).bits() % u64::from(pods)) as u32
}

/// Which pod owns a tile.
type Owner<'a> = &'a dyn Fn(TileIndex) -> u32;

/// A world split over pods that talk to each other directly.
pub(crate) struct Split {
    pub(crate) pods: Vec<World>,
    owner: fn(TileIndex, u64, u32) -> u32,
    /// How often ownership has changed.
    epoch: u64,
}

impl Split {
    pub(crate) fn new(scene: &Scene, pods: u32, owner: fn(TileIndex, u64, u32) -> u32) -> Self {
        let empty = || World::new(scene.config()).unwrap();
        let mut split = Self {
            pods: (0..pods).map(|_| empty()).collect(),
            owner,
            epoch: 0,
        };
        for body in &scene.bodies {
            split.spawn(body);
        }
        split
    }

    pub(crate) fn spawn(&mut self, body: &jaguar_core::BodyDesc) {
        let tile = self.pods[0].check(body).unwrap();
        let owner = self.owner_of(tile);
        let id = self.pods[0].next_id();
        for (p, pod) in self.pods.iter_mut().enumerate() {
            if p as u32 == owner {
                pod.spawn_with_id(id, body).unwrap();
            } else {
                pod.reserve_ids(1);
                pod.note_radius(body.shape.bounding_radius());
            }
        }
    }

    fn owner_of(&self, tile: TileIndex) -> u32 {
        (self.owner)(tile, self.epoch, self.pods.len() as u32)
    }

    /// Everything changes hands while the world stands still.
    pub(crate) fn hand_over(&mut self) {
        self.pass_on(|pod, me, own| pod.hand_over_out(me, own));
    }

    pub(crate) fn step(&mut self) {
        self.pass_on(|pod, me, own| pod.exchange_out(me, own));
        let (owner, epoch, count) = (self.owner, self.epoch, self.pods.len() as u32);
        let own = |tile| owner(tile, epoch, count);
        for pod in &mut self.pods {
            pod.collide(own).unwrap();
        }
        for _ in 0..self.pods[0].params().substeps {
            let velocities: Vec<_> = self.pods.iter().map(World::velocities_out).collect();
            for (from, messages) in velocities.into_iter().enumerate() {
                for (to, message) in messages {
                    self.pods[to as usize].velocities_in(from as u32, &message).unwrap();
                }
            }
            for pod in &mut self.pods {
                pod.substep();
            }
        }
        for pod in &mut self.pods {
            pod.finish();
        }
    }

    /// Tiles change their owners, and what a pod gives away by `out` arrives.
    fn pass_on(&mut self, out: fn(&mut World, u32, Owner<'_>) -> Vec<(u32, Boundary)>) {
        self.epoch += 1;
        let (owner, epoch, count) = (self.owner, self.epoch, self.pods.len() as u32);
        let own = |tile| owner(tile, epoch, count);
        let outgoing: Vec<_> = (0..).zip(&mut self.pods).map(|(me, pod)| out(pod, me, &own)).collect();
        for (to, boundary) in outgoing.into_iter().flatten() {
            self.pods[to as usize].exchange_in(&boundary).unwrap();
        }
    }

    pub(crate) fn hash(&self) -> WorldHash {
        self.pods.iter().map(World::hash).sum()
    }

    /// The events of all pods, in the order of one world's.
    pub(crate) fn events(&self) -> Vec<Event> {
        let mut events: Vec<_> = self.pods.iter().flat_map(World::events).copied().collect();
        events.sort_unstable_by_key(Event::key);
        events
    }

    pub(crate) fn len(&self) -> usize {
        self.pods.iter().map(World::len).sum()
    }
}

/// Panics with the first differing body or contact.
pub(crate) fn assert_same(one: &World, split: &Split, tick: u64) {
    if one.hash() == split.hash() {
        return;
    }
    let bodies = |worlds: &[&World]| -> BTreeMap<_, _> {
        worlds
            .iter()
            .flat_map(|world| world.records())
            .map(|record| (record.id, record))
            .collect()
    };
    let pods: Vec<&World> = split.pods.iter().collect();
    let (expected, found) = (bodies(&[one]), bodies(&pods));
    assert_eq!(expected.len(), found.len(), "number of bodies at tick {tick}");
    for (id, record) in &expected {
        assert_eq!(Some(record), found.get(id), "body at tick {tick}");
    }
    let contacts = |worlds: &[&World]| -> BTreeMap<_, _> {
        let entries = worlds.iter().flat_map(|world| world.cached_contacts());
        entries.map(|entry| ((entry.low, entry.high), entry)).collect()
    };
    let (expected, found) = (contacts(&[one]), contacts(&pods));
    for (key, entry) in &found {
        assert_eq!(
            expected.get(key),
            Some(entry),
            "contact at tick {tick}, one world and pods"
        );
    }
    assert_eq!(expected.len(), found.len(), "number of contacts at tick {tick}");
    panic!("hashes differ at tick {tick}, but no body or contact does");
}
