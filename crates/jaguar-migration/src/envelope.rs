//! How values and packets become bytes: magic, version, length and checksum around bincode, so that the codec could be changed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::DecodeError;
use crate::limits::{PACKET_BYTES, VALUE_BYTES};

const VALUE_MAGIC: [u8; 4] = *b"JGRv";
const PACKET_MAGIC: [u8; 4] = *b"JGRp";

/// Version of the wire format and of the bits that the core computes. All pods of a world must agree in both, so it grows with a change of either.
pub const WIRE_VERSION: u16 = 13;

const VALUE_HEADER: usize = 4 + 2 + 8 + 8;
const PACKET_HEADER: usize = 4 + 2 + 8 + 4 + 4 + 4 + 8 + 8 + 4;
const CHECKSUM: usize = 8;

fn codec() -> impl bincode::config::Config {
    bincode::config::standard()
        .with_fixed_int_encoding()
        .with_limit::<VALUE_BYTES>()
}

/// The bare bytes of a value, without an envelope: for messages, which travel inside packets, and for snapshots, which have an envelope of their own.
pub fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, codec()).expect("the protocol's types have no unserialisable values")
}

/// A value from its bare bytes; all of them must be used.
///
/// # Errors
/// When the bytes are not a `T`; `what` names it in the message.
pub fn from_bytes<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, codec()).map_err(|error| DecodeError::Content {
        what,
        reason: error.to_string(),
    })?;
    if used != bytes.len() {
        let reason = format!("{} bytes follow the value", bytes.len() - used);
        return Err(DecodeError::Content { what, reason });
    }
    Ok(value)
}

/// A value in its envelope: magic, version, length, checksum, content.
pub fn seal<T: Serialize>(value: &T) -> Vec<u8> {
    let content = to_bytes(value);
    let mut bytes = Vec::with_capacity(VALUE_HEADER + content.len());
    bytes.extend_from_slice(&VALUE_MAGIC);
    bytes.extend_from_slice(&WIRE_VERSION.to_le_bytes());
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&xxh3_64(&content).to_le_bytes());
    bytes.extend_from_slice(&content);
    bytes
}

/// The value in an envelope.
///
/// # Errors
/// When the bytes are not an intact envelope of this version, or the content is not a `T`; `what` names it in the message.
pub fn open<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, DecodeError> {
    let mut reader = Reader { what, bytes };
    reader.expect_start(VALUE_MAGIC)?;
    let length = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
    if length > VALUE_BYTES {
        return Err(DecodeError::TooLarge {
            what,
            size: length,
            limit: VALUE_BYTES,
        });
    }
    let checksum = reader.u64()?;
    let content = reader.take(length)?;
    if xxh3_64(content) != checksum {
        return Err(DecodeError::Checksum { what });
    }
    from_bytes(what, content)
}

/// What a link sends: consecutive messages from `first` on, and the acknowledgement of all messages before `acknowledged`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) world: u64,
    pub(crate) epoch: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) acknowledged: u64,
    pub(crate) first: u64,
    pub(crate) messages: Vec<&'a [u8]>,
}

impl<'a> Packet<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let content: usize = self.messages.iter().map(|message| 4 + message.len()).sum();
        let mut bytes = Vec::with_capacity(PACKET_HEADER + content + CHECKSUM);
        bytes.extend_from_slice(&PACKET_MAGIC);
        bytes.extend_from_slice(&WIRE_VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.world.to_le_bytes());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.from.to_le_bytes());
        bytes.extend_from_slice(&self.to.to_le_bytes());
        bytes.extend_from_slice(&self.acknowledged.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&(self.messages.len() as u32).to_le_bytes());
        for message in &self.messages {
            bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
            bytes.extend_from_slice(message);
        }
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let what = "packet";
        if bytes.len() > PACKET_BYTES {
            return Err(DecodeError::TooLarge {
                what,
                size: bytes.len(),
                limit: PACKET_BYTES,
            });
        }
        let mut reader = Reader { what, bytes };
        reader.expect_start(PACKET_MAGIC)?;
        let Some(body) = bytes.len().checked_sub(CHECKSUM) else {
            return Err(DecodeError::Short {
                what,
                have: bytes.len(),
                need: PACKET_HEADER + CHECKSUM,
            });
        };
        let (content, checksum) = bytes.split_at(body);
        if xxh3_64(content).to_le_bytes() != checksum {
            return Err(DecodeError::Checksum { what });
        }
        let world = reader.u64()?;
        let epoch = reader.u32()?;
        let from = reader.u32()?;
        let to = reader.u32()?;
        let acknowledged = reader.u64()?;
        let first = reader.u64()?;
        let count = reader.u32()?;
        let mut messages = Vec::new();
        for _ in 0..count {
            let length = reader.u32()? as usize;
            messages.push(reader.take(length)?);
        }
        Ok(Self {
            world,
            epoch,
            from,
            to,
            acknowledged,
            first,
            messages,
        })
    }
}

struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return Err(DecodeError::Short {
                what: self.what,
                have: self.bytes.len(),
                need: count,
            });
        };
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn expect_start(&mut self, magic: [u8; 4]) -> Result<(), DecodeError> {
        let found = self.array()?;
        if found != magic {
            return Err(DecodeError::Magic { what: self.what, found });
        }
        let version = u16::from_le_bytes(self.array()?);
        if version != WIRE_VERSION {
            return Err(DecodeError::Version {
                what: self.what,
                found: version,
                expected: WIRE_VERSION,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sealed_value_opens_to_itself(value: Vec<(u64, String)>) {
            prop_assert_eq!(open::<Vec<(u64, String)>>("test", &seal(&value)), Ok(value));
        }

        #[test]
        fn a_flipped_bit_never_opens(value: Vec<u32>, at: prop::sample::Index, bit in 0_u8..8) {
            let mut bytes = seal(&value);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(open::<Vec<u32>>("test", &bytes).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            prop_assert!(open::<Vec<u64>>("test", &bytes).is_err());
            prop_assert!(Packet::decode(&bytes).is_err());
        }

        #[test]
        fn a_packet_decodes_to_itself(messages: Vec<Vec<u8>>, world: u64, epoch: u32, from: u32, to: u32, first: u64, acknowledged: u64) {
            let packet = Packet { world, epoch, from, to, first, acknowledged, messages: messages.iter().map(Vec::as_slice).collect() };
            let bytes = packet.encode();
            prop_assert_eq!(Packet::decode(&bytes), Ok(packet));
        }
    }
}
