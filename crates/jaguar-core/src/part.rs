//! The part of a world that one pod holds, as plain values and as bytes. The parts of a world list every body once and every contact once, where it counts, so that together they are the world.
//!
//! Layout, little-endian: number of bodies, of contacts, of manifolds, of sensor overlaps, of joints (u64 each), then those. Version and checksum belong to the envelope around it.

use crate::body::BodyRecord;
use crate::contact::Impulses;
use crate::encode::{
    BODY_BYTES, CONTACT_BYTES, JOINT_BYTES, MANIFOLD_BYTES, OVERLAP_BYTES, body_bytes, body_of, contact_bytes,
    contact_of, joint_bytes, joint_of, manifold_bytes, manifold_of, overlap_bytes, overlap_of,
};
use crate::error::{HaloError, SnapshotError};
use crate::event::SensorOverlap;
use crate::exchange::{check_entry, check_manifold, check_overlap, sort_entries};
use crate::halo::{CachedContact, CachedManifold};
use crate::hash::{WorldHash, body_hash, contact_hash, joint_hash, manifold_hash, overlap_hash};
use crate::joint::Joint;
use crate::manifold::KeptManifold;
use crate::parallel::*;
use crate::world::World;

/// Bytes before the first body.
const HEADER_BYTES: usize = 40;

/// Bodies and the contacts that count with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorldPart {
    /// Each body once; in no particular order.
    pub bodies: Vec<BodyRecord>,
    /// Each contact once, in the part of the body of its lower id; in no particular order.
    pub contacts: Vec<CachedContact>,
    /// Each manifold likewise.
    pub manifolds: Vec<CachedManifold>,
    /// What is in each sensor, in the sensor's part.
    pub overlaps: Vec<SensorOverlap>,
    /// Each joint once, in the part of the body of its lower id.
    pub joints: Vec<Joint>,
}

impl WorldPart {
    /// Takes in another part of the same world.
    pub fn append(&mut self, other: Self) {
        let Self {
            bodies,
            contacts,
            manifolds,
            overlaps,
            joints,
        } = other;
        self.bodies.extend(bodies);
        self.contacts.extend(contacts);
        self.manifolds.extend(manifolds);
        self.overlaps.extend(overlaps);
        self.joints.extend(joints);
    }

    /// The part of these bytes. Its values are those that were written; [`World::fill`] checks them.
    ///
    /// # Errors
    /// When the bytes end early or go on after the part, or a code in them has no meaning.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let cut_off = |what| SnapshotError::Length {
            what,
            at: HEADER_BYTES.min(bytes.len()),
            length: bytes.len(),
        };
        let Some((header, values)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(cut_off("number of bodies"));
        };
        let count = |at: usize| u64::from_le_bytes(std::array::from_fn(|k| header[at + k]));
        let length = |at: usize, size: usize| usize::try_from(count(at)).ok()?.checked_mul(size);
        let (bodies, rest) = length(0, BODY_BYTES)
            .and_then(|length| values.split_at_checked(length))
            .ok_or_else(|| cut_off("bodies"))?;
        let (contacts, rest) = length(8, CONTACT_BYTES)
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| cut_off("contacts"))?;
        let (manifolds, rest) = length(16, MANIFOLD_BYTES)
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| cut_off("manifolds"))?;
        let (overlaps, joints) = length(24, OVERLAP_BYTES)
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| cut_off("sensor overlaps"))?;
        if length(32, JOINT_BYTES) != Some(joints.len()) {
            return Err(cut_off("joints"));
        }
        Ok(Self {
            bodies: bodies.as_chunks().0.iter().map(body_of).collect::<Result<_, _>>()?,
            contacts: contacts.as_chunks().0.iter().map(contact_of).collect(),
            manifolds: manifolds.as_chunks().0.iter().map(manifold_of).collect(),
            overlaps: overlaps.as_chunks().0.iter().map(overlap_of).collect(),
            joints: joints.as_chunks().0.iter().map(joint_of).collect::<Result<_, _>>()?,
        })
    }

    /// The part as bytes, as [`World::part_bytes`] writes them.
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            bodies,
            contacts,
            manifolds,
            overlaps,
            joints,
        } = self;
        let counts = [
            bodies.len(),
            contacts.len(),
            manifolds.len(),
            overlaps.len(),
            joints.len(),
        ];
        let sizes = [BODY_BYTES, CONTACT_BYTES, MANIFOLD_BYTES, OVERLAP_BYTES, JOINT_BYTES];
        let length: usize = counts.iter().zip(sizes).map(|(count, size)| count * size).sum();
        let mut out = Vec::with_capacity(HEADER_BYTES + length);
        out.extend(counts.iter().flat_map(|&count| (count as u64).to_le_bytes()));
        out.extend(bodies.iter().flat_map(|record| body_bytes(*record)));
        out.extend(contacts.iter().flat_map(|entry| contact_bytes(*entry)));
        out.extend(manifolds.iter().flat_map(|entry| manifold_bytes(*entry)));
        out.extend(overlaps.iter().flat_map(|pair| overlap_bytes(*pair)));
        out.extend(joints.iter().flat_map(|joint| joint_bytes(*joint)));
        out
    }

    /// What the part adds to the world hash.
    pub fn hash(&self) -> WorldHash {
        let bodies: WorldHash = self.bodies.par_iter().with_min_len(512).map(body_hash).sum();
        let contacts: WorldHash = self.contacts.par_iter().with_min_len(512).map(contact_hash).sum();
        let manifolds: WorldHash = self.manifolds.iter().map(manifold_hash).sum();
        let overlaps: WorldHash = self.overlaps.iter().map(overlap_hash).sum();
        let joints: WorldHash = self.joints.iter().map(joint_hash).sum();
        bodies + contacts + manifolds + overlaps + joints
    }
}

impl World {
    /// The part held here as bytes: the work of copying it, and nothing more.
    pub fn part_bytes(&self) -> Vec<u8> {
        self.assert_at_rest();
        let mut out = Vec::with_capacity(HEADER_BYTES + self.len() * (BODY_BYTES + 4 * CONTACT_BYTES));
        out.extend_from_slice(&(self.len() as u64).to_le_bytes());
        out.extend_from_slice(&[0; 16]);
        out.extend_from_slice(&(self.overlaps.len() as u64).to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        for record in self.records() {
            out.extend_from_slice(&body_bytes(record));
        }
        let mut contacts = 0_u64;
        for entry in self.counted_contacts() {
            out.extend_from_slice(&contact_bytes(entry));
            contacts += 1;
        }
        let mut manifolds = 0_u64;
        for entry in self.counted_manifolds() {
            out.extend_from_slice(&manifold_bytes(entry));
            manifolds += 1;
        }
        for pair in &self.overlaps {
            out.extend_from_slice(&overlap_bytes(*pair));
        }
        let mut joints = 0_u64;
        for joint in self.counted_joints() {
            out.extend_from_slice(&joint_bytes(*joint));
            joints += 1;
        }
        out[8..16].copy_from_slice(&contacts.to_le_bytes());
        out[16..24].copy_from_slice(&manifolds.to_le_bytes());
        out[32..40].copy_from_slice(&joints.to_le_bytes());
        out
    }

    /// Adds the bodies, contacts and joints of a part, each checked. On failure some of the bodies are in the world: drop it.
    ///
    /// # Errors
    /// When a body is not valid in this world or is held already, or a contact or joint is not valid.
    pub fn fill(&mut self, part: &WorldPart) -> Result<(), HaloError> {
        self.assert_at_rest();
        self.bodies.reserve(part.bodies.len());
        for record in &part.bodies {
            self.check_record(record)?;
            if self.body(record.id).is_some() {
                return Err(HaloError::Duplicate(record.id));
            }
            self.bodies.push(record);
            self.note_id(record.id);
            self.note_radius(record.kind.shape.bounding_radius());
        }
        for entry in &part.contacts {
            check_entry(entry)?;
            self.extra.push(*entry);
        }
        sort_entries::<Impulses>(&mut self.extra);
        for entry in &part.manifolds {
            check_manifold(entry)?;
            self.manifolds.extra.push(*entry);
        }
        sort_entries::<KeptManifold>(&mut self.manifolds.extra);
        for pair in &part.overlaps {
            check_overlap(pair)?;
        }
        self.take_overlaps(&part.overlaps);
        self.check_joints(&part.joints)?;
        self.take_joints(&part.joints);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes;
    use proptest::prelude::*;

    fn settled() -> World {
        let mut world = scenes::pile(200, 1).world().expect("the scene is valid");
        for _ in 0..90 {
            world.step();
        }
        world
    }

    #[test]
    fn a_world_made_of_its_part_goes_on_with_the_same_bits() {
        let mut world = settled();
        let part = WorldPart::decode(&world.part_bytes()).expect("the bytes are whole");
        assert!(part.contacts.len() > 200, "a pile has more contacts than bodies");
        assert_eq!(part.hash(), world.hash());
        assert_eq!(part.encode(), world.part_bytes());
        let mut again = World::new(world.config()).expect("the same definition");
        again.start_at(world.tick(), world.next_id(), 0.0);
        again.fill(&part).expect("the part is valid");
        for _ in 0..60 {
            assert_eq!(again.hash(), world.hash(), "tick {}", world.tick());
            again.step();
            world.step();
        }
    }

    #[test]
    fn a_part_of_another_length_is_refused() {
        let bytes = settled().part_bytes();
        for length in (0..bytes.len()).step_by(61) {
            assert!(WorldPart::decode(&bytes[..length]).is_err(), "{length}");
        }
        assert!(WorldPart::decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_counts_never_panic_or_allocate_what_is_not_there(
            bodies: u64,
            contacts: u64,
            manifolds: u64,
            overlaps: u64,
            joints: u64,
            rest: Vec<u8>,
        ) {
            let counts = [bodies, contacts, manifolds, overlaps, joints].map(u64::to_le_bytes);
            let bytes = [counts.as_flattened(), &rest].concat();
            if let Ok(part) = WorldPart::decode(&bytes) {
                prop_assert_eq!((part.bodies.len() as u64, part.contacts.len() as u64), (bodies, contacts));
            }
        }
    }
}
