//! A world split over pods, to be compared with one that is not, and scenes that lie over several tiles.

use std::collections::BTreeMap;

use glam::DVec3;
use jaguar_core::hash::WorldHash;
use jaguar_core::scenes::{self, Random, Scene};
use jaguar_core::{Boundary, Event, Material, Shape, TileIndex, World};

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
        self.epoch += 1;
        let (owner, epoch, count) = (self.owner, self.epoch, self.pods.len() as u32);
        let own = |tile| owner(tile, epoch, count);
        let outgoing: Vec<_> = self
            .pods
            .iter_mut()
            .enumerate()
            .map(|(p, pod)| pod.hand_over_out(p as u32, own))
            .collect();
        self.deliver(outgoing);
    }

    pub(crate) fn step(&mut self) {
        self.epoch += 1;
        let (owner, epoch, count) = (self.owner, self.epoch, self.pods.len() as u32);
        let own = |tile| owner(tile, epoch, count);
        let outgoing: Vec<_> = self
            .pods
            .iter_mut()
            .enumerate()
            .map(|(p, pod)| pod.exchange_out(p as u32, own))
            .collect();
        self.deliver(outgoing);
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

    fn deliver(&mut self, outgoing: Vec<Vec<(u32, Boundary)>>) {
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

/// A pile over several tile borders, of balls of many sizes.
pub(crate) fn mixed_pile(tile_size: f32) -> Scene {
    let mut scene = scenes::pile(400, 3);
    scene.params.tile_size = tile_size;
    let mut random = Random(5);
    for body in &mut scene.bodies {
        let share = 0.3 + 0.7 * random.unit() as f32;
        body.shape = Shape::Sphere {
            radius: scenes::RADIUS * share,
        };
        body.mass *= share * share * share;
        body.material = Material {
            friction: random.unit() as f32,
            restitution: 0.5 * random.unit() as f32,
            linear_damping: 0.2 * random.unit() as f32,
            angular_damping: 0.2 * random.unit() as f32,
            ..Material::default()
        };
        body.position += DVec3::new(0.7, 0.0, 1.3);
    }
    scene
}
