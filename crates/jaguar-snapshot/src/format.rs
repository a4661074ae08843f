//! The envelope of every object of a snapshot.
//!
//! Layout, little-endian: magic (8 bytes), version (2), kind (2), pod (4; 0 but for parts), log index (8), world (8), length of the content (8), xxh3-128 of all that and the content (16),
//! content. So an object says where it belongs, and no byte of it can change unnoticed.

use std::fmt;

use jaguar_migration::id::WorldId;
use xxhash_rust::xxh3::Xxh3;

use crate::error::FormatError;

/// The first bytes of every object.
const MAGIC: [u8; 8] = *b"JAGUARSS";

/// Version of the envelope and of every content in it.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes of the header that the checksum covers.
const COVERED: usize = 40;

/// Bytes before the content.
pub const HEADER_BYTES: usize = COVERED + 16;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The manifest, as JSON.
    Manifest,
    /// The world's definition, in the protocol's coding.
    Definition,
    /// One pod's bodies and contacts, as [`jaguar_core::part`] lays them out.
    Part,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Manifest, Self::Definition, Self::Part];

    const fn number(self) -> u16 {
        match self {
            Self::Manifest => 1,
            Self::Definition => 2,
            Self::Part => 3,
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::Manifest => "a manifest",
            Self::Definition => "a definition",
            Self::Part => "a part",
        }
    }
}

/// Where an object belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// What it is.
    pub kind: Kind,
    /// The world's identity.
    pub world: WorldId,
    /// The entry after which the snapshot was taken.
    pub index: u64,
    /// The pod whose part it is; 0 for the others.
    pub pod: u32,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            world,
            index,
            pod,
        } = self;
        write!(f, "{} of world {world} at entry {index}", kind.describe())?;
        if *pod > 0 {
            write!(f, " of pod {pod}")?;
        }
        Ok(())
    }
}

/// The content in an envelope.
pub fn seal(label: Label, content: &[u8]) -> Vec<u8> {
    let mut object = Vec::with_capacity(HEADER_BYTES + content.len());
    object.extend_from_slice(&MAGIC);
    object.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    object.extend_from_slice(&label.kind.number().to_le_bytes());
    object.extend_from_slice(&label.pod.to_le_bytes());
    object.extend_from_slice(&label.index.to_le_bytes());
    object.extend_from_slice(&label.world.0.to_le_bytes());
    object.extend_from_slice(&(content.len() as u64).to_le_bytes());
    let checksum = checksum(&object, content);
    object.extend_from_slice(&checksum.to_le_bytes());
    object.extend_from_slice(content);
    object
}

/// The content of an envelope, and what its label says.
///
/// # Errors
/// When it is not a whole, undamaged envelope of this version.
pub fn open(object: &[u8]) -> Result<(Label, &[u8]), FormatError> {
    let found = object.len() as u64;
    let Some((header, content)) = object.split_first_chunk::<HEADER_BYTES>() else {
        let expected = HEADER_BYTES as u64;
        return Err(FormatError::Length { expected, found });
    };
    if header[..8] != MAGIC {
        return Err(FormatError::Magic);
    }
    let version = u16::from_le_bytes(field(header, 8));
    if version != FORMAT_VERSION {
        return Err(FormatError::Version {
            found: version,
            expected: FORMAT_VERSION,
        });
    }
    let length = u64::from_le_bytes(field(header, 32));
    if length != content.len() as u64 {
        let expected = length.saturating_add(HEADER_BYTES as u64);
        return Err(FormatError::Length { expected, found });
    }
    let (found, computed) = (
        u128::from_le_bytes(field(header, COVERED)),
        checksum(&header[..COVERED], content),
    );
    if found != computed {
        return Err(FormatError::Checksum { found, computed });
    }
    let number = u16::from_le_bytes(field(header, 10));
    let kind = Kind::ALL.into_iter().find(|kind| kind.number() == number);
    let kind = kind.ok_or_else(|| FormatError::Content(format!("kind {number} is none that this version knows")))?;
    let label = Label {
        kind,
        pod: u32::from_le_bytes(field(header, 12)),
        index: u64::from_le_bytes(field(header, 16)),
        world: WorldId(u64::from_le_bytes(field(header, 24))),
    };
    Ok((label, content))
}

/// The content of the envelope that belongs at a place.
///
/// # Errors
/// As [`open`], and when another object lies there.
pub fn open_as(expected: Label, object: &[u8]) -> Result<&[u8], FormatError> {
    let (found, content) = open(object)?;
    if found != expected {
        return Err(FormatError::Other {
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }
    Ok(content)
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|k| header[at + k])
}

fn checksum(header: &[u8], content: &[u8]) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(header);
    hash.update(content);
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label() -> Label {
        Label {
            kind: Kind::Part,
            world: WorldId(0x0123_4567_89ab_cdef),
            index: 12_345,
            pod: 3,
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_to_itself(world: u64, index: u64, pod: u32, kind in 0_usize..3, content: Vec<u8>) {
            let label = Label { kind: Kind::ALL[kind], world: WorldId(world), index, pod };
            let object = seal(label, &content);
            prop_assert_eq!(open_as(label, &object).expect("it is whole"), &content[..]);
        }

        #[test]
        fn arbitrary_bytes_never_open(object: Vec<u8>) {
            prop_assert!(open(&object).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_refused() {
        let content: Vec<u8> = (0..200_u8).collect();
        let object = seal(label(), &content);
        for length in 0..object.len() {
            assert!(open(&object[..length]).is_err(), "cut off at {length}");
        }
        assert!(open(&[&object[..], &[0]].concat()).is_err());
        for at in 0..object.len() {
            for bit in 0..8 {
                let mut flipped = object.clone();
                flipped[at] ^= 1 << bit;
                assert!(open(&flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn the_object_of_another_pod_is_refused_by_name() {
        let object = seal(label(), b"bodies");
        let error = open_as(Label { pod: 4, ..label() }, &object).expect_err("it is the part of pod 3");
        assert!(error.to_string().contains("of pod 3, not a part"), "{error}");
    }
}
