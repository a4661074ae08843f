//! A world split over pods in one process, without a network: what `jaguar-migration` orders and `jaguar-cluster` sends, passed by hand.

use jaguar_core::hash::WorldHash;
use jaguar_core::scenes::{Random, Scene};
use jaguar_core::{BodyDesc, Boundary, JointDesc, JointId, TileIndex, World};

/// The pods, each with its part of the world. Every tile changes hands at random every tick.
pub(super) struct Pods {
    pods: Vec<World>,
    tick: u64,
}

impl Pods {
    pub(super) fn new(scene: &Scene, count: u32) -> Self {
        let empty = || World::new(scene.config()).expect("scenes are valid");
        let mut pods = Self {
            pods: (0..count).map(|_| empty()).collect(),
            tick: 0,
        };
        for body in &scene.bodies {
            pods.spawn(body);
        }
        pods
    }

    pub(super) fn spawn(&mut self, body: &BodyDesc) {
        let tile = self.pods[0].check(body).expect("scenes are made of valid bodies");
        let owner = owner(tile, self.tick, self.pods.len());
        let id = self.pods[0].next_id();
        for (number, pod) in self.pods.iter_mut().enumerate() {
            if number as u32 == owner {
                pod.spawn_with_id(id, body).expect("it was checked");
            } else {
                pod.reserve_ids(1);
                pod.note_radius(body.shape.bounding_radius());
            }
        }
    }

    pub(super) fn join(&mut self, joint: &JointDesc) {
        let id = JointId(self.pods[0].next_id().0);
        for pod in &mut self.pods {
            pod.join_part(id, joint).expect("joints are valid");
        }
    }

    pub(super) fn step(&mut self) {
        self.tick += 1;
        let (tick, count) = (self.tick, self.pods.len());
        let own = |tile| owner(tile, tick, count);
        let pods = self.pods.iter_mut().enumerate();
        let outgoing: Vec<Vec<(u32, Boundary)>> =
            pods.map(|(number, pod)| pod.exchange_out(number as u32, own)).collect();
        for (to, boundary) in outgoing.into_iter().flatten() {
            self.pods[to as usize].exchange_in(&boundary).expect("a pod sent it");
        }
        for pod in &mut self.pods {
            pod.collide(own).expect("all boundaries arrived");
        }
        for _ in 0..self.pods[0].params().substeps {
            let velocities: Vec<_> = self.pods.iter().map(World::velocities_out).collect();
            for (from, messages) in velocities.into_iter().enumerate() {
                for (to, message) in messages {
                    let received = self.pods[to as usize].velocities_in(from as u32, &message);
                    received.expect("a pod sent it");
                }
            }
            self.pods.iter_mut().for_each(World::substep);
        }
        self.pods.iter_mut().for_each(World::finish);
    }

    pub(super) fn hash(&self) -> WorldHash {
        self.pods.iter().map(World::hash).sum()
    }
}

fn owner(tile: TileIndex, tick: u64, count: usize) -> u32 {
    let [x, y, z] = tile.to_array().map(|i| i as u64);
    let seed = x
        .wrapping_mul(0x9e37)
        .wrapping_add(y)
        .wrapping_mul(0x79b9)
        .wrapping_add(z);
    (Random(seed ^ tick.wrapping_mul(0xbf58_476d_1ce4_e5b9)).bits() % count as u64) as u32
}
