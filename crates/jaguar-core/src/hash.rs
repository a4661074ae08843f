//! The world hash: a sum modulo 2^128 of one strong hash for each body, cached contact and joint. A sum does not depend on the order, nor on how the world is split over pods.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use xxhash_rust::xxh3::xxh3_128;

use crate::body::BodyRecord;
use crate::encode::{body_bytes, contact_bytes, joint_bytes, manifold_bytes, overlap_bytes, telling_bytes};
use crate::event::SensorOverlap;
use crate::halo::{CachedContact, CachedManifold};
use crate::joint::Joint;
use crate::parallel::*;
use crate::world::World;

/// The hash of a world or of a part of one; the parts' hashes add up to the whole's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WorldHash(pub u128);

impl Add for WorldHash {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Sum for WorldHash {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for WorldHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One body's part of the world hash.
pub fn body_hash(record: &BodyRecord) -> WorldHash {
    WorldHash(xxh3_128(telling_bytes(record, &body_bytes(*record))))
}

/// One cached contact's part of the world hash.
pub fn contact_hash(entry: &CachedContact) -> WorldHash {
    WorldHash(xxh3_128(&contact_bytes(*entry)))
}

/// One cached manifold's part of the world hash.
pub fn manifold_hash(entry: &CachedManifold) -> WorldHash {
    WorldHash(xxh3_128(&manifold_bytes(*entry)))
}

/// One sensor overlap's part of the world hash.
pub fn overlap_hash(pair: &SensorOverlap) -> WorldHash {
    WorldHash(xxh3_128(&overlap_bytes(*pair)))
}

/// One joint's part of the world hash.
pub fn joint_hash(joint: &Joint) -> WorldHash {
    WorldHash(xxh3_128(&joint_bytes(*joint)))
}

impl World {
    /// The hash of everything that decides the future of the bodies held here. A contact or joint counts where the body of its lower id is held.
    pub fn hash(&self) -> WorldHash {
        self.assert_at_rest();
        let columns = self.bodies.columns();
        let listed: WorldHash = (0..self.len())
            .into_par_iter()
            .with_min_len(512)
            .map(|i| {
                let home = columns.id[i];
                let contacts = self.cache().of_home(home, &columns.cached[i]);
                let counted = contacts.filter(|entry| entry.low == home || self.is_held(entry.low));
                body_hash(&self.bodies.record(i)) + counted.map(|entry| contact_hash(&entry)).sum()
            })
            .sum();
        let extra = self.extra.iter().filter(|entry| self.is_held(entry.low));
        let manifolds = self.counted_manifolds().map(|entry| manifold_hash(&entry)).sum();
        let overlaps = self.overlaps.iter().map(overlap_hash).sum();
        let joints = self.counted_joints().map(joint_hash).sum();
        listed + extra.map(contact_hash).sum() + manifolds + overlaps + joints
    }
}
