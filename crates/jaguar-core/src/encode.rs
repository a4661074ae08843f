//! Bodies and cached contacts as bytes, little-endian, each field once: what is hashed is what a snapshot holds.

use crate::body::{BodyId, BodyRecord, Material};
use crate::halo::CachedContact;
use crate::tile::TileIndex;

/// Bytes of an encoded body.
pub(crate) const BODY_BYTES: usize = 96;

/// Bytes of an encoded contact.
pub(crate) const CONTACT_BYTES: usize = 32;

/// One walk over a value's fields, writing or reading.
trait Fields {
    fn visit(&mut self, sink: &mut impl Sink);
}

/// What is done with each field.
trait Sink {
    fn long(&mut self, value: &mut u64);
    fn int(&mut self, value: &mut i32);
    fn float(&mut self, value: &mut f32);
}

impl Fields for BodyRecord {
    fn visit(&mut self, sink: &mut impl Sink) {
        let Self {
            id: BodyId(id),
            tile: TileIndex { x, y, z },
            offset,
            orientation,
            velocity,
            angular_velocity,
            radius,
            mass,
            material:
                Material {
                    friction,
                    restitution,
                    linear_damping,
                    angular_damping,
                },
        } = self;
        sink.long(id);
        [x, y, z].into_iter().for_each(|value| sink.int(value));
        offset.iter_mut().for_each(|value| sink.float(value));
        orientation.iter_mut().for_each(|value| sink.float(value));
        velocity.iter_mut().for_each(|value| sink.float(value));
        angular_velocity.iter_mut().for_each(|value| sink.float(value));
        [radius, mass, friction, restitution, linear_damping, angular_damping]
            .into_iter()
            .for_each(|value| sink.float(value));
    }
}

impl Fields for CachedContact {
    fn visit(&mut self, sink: &mut impl Sink) {
        let Self {
            low: BodyId(low),
            high,
            normal_impulse,
            friction_impulse,
        } = self;
        sink.long(low);
        sink.long(high);
        sink.float(normal_impulse);
        friction_impulse.iter_mut().for_each(|value| sink.float(value));
    }
}

/// The bytes of a body.
pub(crate) fn body_bytes(mut record: BodyRecord) -> [u8; BODY_BYTES] {
    written(&mut record)
}

/// The bytes of a cached contact.
pub(crate) fn contact_bytes(mut entry: CachedContact) -> [u8; CONTACT_BYTES] {
    written(&mut entry)
}

/// The body of these bytes; any bytes are some body, valid or not.
pub(crate) fn body_of(bytes: &[u8; BODY_BYTES]) -> BodyRecord {
    let mut record = BodyRecord {
        id: BodyId(0),
        tile: TileIndex::default(),
        offset: [0.0; 3],
        orientation: [0.0; 4],
        velocity: [0.0; 3],
        angular_velocity: [0.0; 3],
        radius: 0.0,
        mass: 0.0,
        material: Material::default(),
    };
    record.visit(&mut Reader(bytes));
    record
}

/// The cached contact of these bytes; any bytes are some contact, valid or not.
pub(crate) fn contact_of(bytes: &[u8; CONTACT_BYTES]) -> CachedContact {
    let mut entry = CachedContact {
        low: BodyId(0),
        high: 0,
        normal_impulse: 0.0,
        friction_impulse: [0.0; 3],
    };
    entry.visit(&mut Reader(bytes));
    entry
}

fn written<const N: usize>(value: &mut impl Fields) -> [u8; N] {
    let mut writer = Writer { bytes: [0; N], at: 0 };
    value.visit(&mut writer);
    assert_eq!(writer.at, N, "the fields fill the bytes");
    writer.bytes
}

struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    fn put<const M: usize>(&mut self, bytes: [u8; M]) {
        self.bytes[self.at..self.at + M].copy_from_slice(&bytes);
        self.at += M;
    }
}

impl<const N: usize> Sink for Writer<N> {
    fn long(&mut self, value: &mut u64) {
        self.put(value.to_le_bytes());
    }

    fn int(&mut self, value: &mut i32) {
        self.put(value.to_le_bytes());
    }

    fn float(&mut self, value: &mut f32) {
        self.put(value.to_le_bytes());
    }
}

/// Reads from the front; the caller's array is as long as the fields.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const M: usize>(&mut self) -> [u8; M] {
        let (front, rest) = self.0.split_first_chunk().expect("the fields fill the bytes");
        self.0 = rest;
        *front
    }
}

impl Sink for Reader<'_> {
    fn long(&mut self, value: &mut u64) {
        *value = u64::from_le_bytes(self.take());
    }

    fn int(&mut self, value: &mut i32) {
        *value = i32::from_le_bytes(self.take());
    }

    fn float(&mut self, value: &mut f32) {
        *value = f32::from_le_bytes(self.take());
    }
}
