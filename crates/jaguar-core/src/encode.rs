//! Bodies, cached contacts and joints as bytes, little-endian, each field once: what is hashed is what a snapshot holds.

use crate::body::{BodyDesc, BodyId, BodyKind, BodyRecord, Domain, Filter};
use crate::datum::Datum;
use crate::error::FieldError;
use crate::event::SensorOverlap;
use crate::halo::{CachedContact, CachedManifold};
use crate::joint::{Joint, JointId, JointKind, Motor, Spring};
use crate::material::{CombineRule, Material};
use crate::shape::Shape;
use crate::tile::TileIndex;

/// Bytes of an encoded body.
pub(crate) const BODY_BYTES: usize = PLAIN_BODY_BYTES + DATUM_BYTES;

/// Of these, what every body has.
const PLAIN_BODY_BYTES: usize = 88 + KIND_BYTES;

/// Bytes of a datum; zeros for none.
const DATUM_BYTES: usize = 28;

/// Bytes of an encoded kind.
pub(crate) const KIND_BYTES: usize = 64;

/// Bytes of an encoded manifold.
pub(crate) const MANIFOLD_BYTES: usize = 72;

/// Bytes of an encoded contact.
pub(crate) const CONTACT_BYTES: usize = 32;

/// Bytes of an encoded sensor overlap.
pub(crate) const OVERLAP_BYTES: usize = 16;

/// Bytes of an encoded joint.
pub(crate) const JOINT_BYTES: usize = 148;

/// One walk over a value's fields, writing or reading.
trait Fields {
    /// Fails on reading what no value is written as.
    fn visit(&mut self, sink: &mut impl Sink) -> Result<(), FieldError>;
}

/// What is done with each field.
trait Sink {
    fn long(&mut self, value: &mut u64);
    fn int(&mut self, value: &mut i32);
    fn word(&mut self, value: &mut u32);
    fn float(&mut self, value: &mut f32);
}

/// Stands for none: no orientation has no length.
const NO_DATUM: Datum = Datum {
    offset: [0.0; 3],
    orientation: [0.0; 4],
};

impl Fields for BodyRecord {
    fn visit(&mut self, sink: &mut impl Sink) -> Result<(), FieldError> {
        let Self {
            id: BodyId(id),
            tile: TileIndex { x, y, z },
            offset,
            orientation,
            velocity,
            angular_velocity,
            thrust,
            rest,
            kind,
            datum,
        } = self;
        sink.long(id);
        [x, y, z].into_iter().for_each(|value| sink.int(value));
        offset.iter_mut().for_each(|value| sink.float(value));
        orientation.iter_mut().for_each(|value| sink.float(value));
        velocity.iter_mut().for_each(|value| sink.float(value));
        angular_velocity.iter_mut().for_each(|value| sink.float(value));
        thrust.iter_mut().for_each(|value| sink.float(value));
        let mut ticks = u32::from(*rest);
        sink.word(&mut ticks);
        *rest = u16::try_from(ticks).map_err(|_| FieldError::new("rest", ticks, "0 to 65535"))?;
        kind.visit(sink)?;
        let mut given = datum.unwrap_or(NO_DATUM);
        given.offset.iter_mut().for_each(|value| sink.float(value));
        given.orientation.iter_mut().for_each(|value| sink.float(value));
        *datum = (given != NO_DATUM).then_some(given);
        Ok(())
    }
}

impl Fields for BodyKind {
    fn visit(&mut self, sink: &mut impl Sink) -> Result<(), FieldError> {
        let Self {
            shape,
            mass,
            material:
                Material {
                    friction,
                    restitution,
                    rolling_resistance,
                    spinning_resistance,
                    linear_damping,
                    angular_damping,
                    friction_rule,
                    restitution_rule,
                },
            filter: Filter { groups, mask },
            sensor,
            domain,
            drag_area,
        } = self;
        let (mut code, mut numbers) = shape.to_numbers();
        sink.word(&mut code);
        numbers.iter_mut().for_each(|value| sink.float(value));
        *shape = Shape::of_numbers(code, numbers).ok_or_else(|| FieldError::new("kind of shape", code, "0 to 3"))?;
        [
            mass,
            friction,
            restitution,
            rolling_resistance,
            spinning_resistance,
            linear_damping,
            angular_damping,
            drag_area,
        ]
        .into_iter()
        .for_each(|value| sink.float(value));
        sink.word(groups);
        sink.word(mask);
        let [mut of_friction, mut of_restitution] = [*friction_rule as u32, *restitution_rule as u32];
        let rule = |code| CombineRule::of_code(code).ok_or_else(|| FieldError::new("combine rule", code, "0 to 4"));
        let mut packed = of_friction | of_restitution << 8 | u32::from(*sensor) << 16;
        sink.word(&mut packed);
        (of_friction, of_restitution) = (packed & 0xff, packed >> 8 & 0xff);
        *friction_rule = rule(of_friction)?;
        *restitution_rule = rule(of_restitution)?;
        *sensor = match packed >> 16 {
            0 => false,
            1 => true,
            flag => return Err(FieldError::new("sensor", flag, "0 or 1")),
        };
        let mut code = *domain as u32;
        sink.word(&mut code);
        *domain = Domain::of_code(code).ok_or_else(|| FieldError::new("domain", code, "0 to 4"))?;
        Ok(())
    }
}

impl Fields for CachedContact {
    fn visit(&mut self, sink: &mut impl Sink) -> Result<(), FieldError> {
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
        Ok(())
    }
}

impl Fields for CachedManifold {
    fn visit(&mut self, sink: &mut impl Sink) -> Result<(), FieldError> {
        let Self {
            low: BodyId(low),
            high,
            features,
            normal_impulses,
            friction_impulse,
            torque_impulse,
        } = self;
        sink.long(low);
        sink.long(high);
        features.iter_mut().for_each(|value| sink.word(value));
        normal_impulses.iter_mut().for_each(|value| sink.float(value));
        friction_impulse.iter_mut().for_each(|value| sink.float(value));
        torque_impulse.iter_mut().for_each(|value| sink.float(value));
        Ok(())
    }
}

impl Fields for SensorOverlap {
    fn visit(&mut self, sink: &mut impl Sink) -> Result<(), FieldError> {
        let Self {
            sensor: BodyId(sensor),
            body: BodyId(body),
        } = self;
        sink.long(sensor);
        sink.long(body);
        Ok(())
    }
}

impl Fields for Joint {
    fn visit(&mut self, sink: &mut impl Sink) -> Result<(), FieldError> {
        let Self {
            id: JointId(id),
            first: BodyId(first),
            second,
            tile: TileIndex { x, y, z },
            anchors,
            orientations,
            kind,
            collide,
            linear_impulse,
            angular_impulse,
            row_impulses,
        } = self;
        sink.long(id);
        sink.long(first);
        // No body has this id.
        let mut partner = second.map_or(u64::MAX, |id| id.0);
        sink.long(&mut partner);
        *second = (partner != u64::MAX).then_some(BodyId(partner));
        [x, y, z].into_iter().for_each(|value| sink.int(value));
        let floats = anchors.as_flattened_mut().iter_mut();
        floats
            .chain(orientations.as_flattened_mut())
            .for_each(|value| sink.float(value));
        let (mut code, mut numbers) = numbers_of(kind);
        code |= u32::from(*collide) << 8;
        sink.word(&mut code);
        numbers.iter_mut().for_each(|value| sink.float(value));
        *collide = match code >> 8 {
            0 => false,
            1 => true,
            flag => return Err(FieldError::new("collide", flag, "0 or 1")),
        };
        let kind_code = code & 0xff;
        *kind = joint_kind_of(kind_code, numbers)
            .ok_or_else(|| FieldError::new("kind of joint", kind_code, "0 to 5, 8, or 9"))?;
        let impulses = linear_impulse.iter_mut().chain(angular_impulse).chain(row_impulses);
        impulses.for_each(|value| sink.float(value));
        Ok(())
    }
}

/// The kind of a joint as a code (1 with limits, 2 with a motor; 1 with a spring) and numbers.
fn numbers_of(kind: &JointKind) -> (u32, [f32; 4]) {
    match *kind {
        JointKind::Fixed => (8, [0.0; 4]),
        JointKind::Ball => (9, [0.0; 4]),
        JointKind::Hinge { limits, motor } => {
            let [least, greatest] = limits.unwrap_or_default();
            let drive = motor.unwrap_or(Motor {
                speed: 0.0,
                max_torque: 0.0,
            });
            let code = u32::from(limits.is_some()) | u32::from(motor.is_some()) << 1;
            (code, [least, greatest, drive.speed, drive.max_torque])
        }
        JointKind::Distance { length, spring } => {
            let yields = spring.unwrap_or(Spring {
                frequency: 0.0,
                damping_ratio: 0.0,
            });
            let code = 4 | u32::from(spring.is_some());
            (code, [length, yields.frequency, yields.damping_ratio, 0.0])
        }
    }
}

fn joint_kind_of(code: u32, numbers: [f32; 4]) -> Option<JointKind> {
    let [first, second, third, fourth] = numbers;
    Some(match code {
        0..=3 => JointKind::Hinge {
            limits: (code & 1 != 0).then_some([first, second]),
            motor: (code & 2 != 0).then_some(Motor {
                speed: third,
                max_torque: fourth,
            }),
        },
        4 | 5 => JointKind::Distance {
            length: first,
            spring: (code & 1 != 0).then_some(Spring {
                frequency: second,
                damping_ratio: third,
            }),
        },
        8 => JointKind::Fixed,
        9 => JointKind::Ball,
        _ => return None,
    })
}

/// The bytes of a joint.
pub(crate) fn joint_bytes(mut joint: Joint) -> [u8; JOINT_BYTES] {
    written(&mut joint)
}

/// The joint of these bytes. Its numbers may be outside their ranges.
pub(crate) fn joint_of(bytes: &[u8; JOINT_BYTES]) -> Result<Joint, FieldError> {
    let mut joint = Joint {
        id: JointId(0),
        first: BodyId(0),
        second: None,
        tile: TileIndex::default(),
        anchors: [[0.0; 3]; 2],
        orientations: [[0.0; 4]; 2],
        kind: JointKind::Ball,
        collide: false,
        linear_impulse: [0.0; 3],
        angular_impulse: [0.0; 3],
        row_impulses: [0.0; 3],
    };
    joint.visit(&mut Reader(bytes))?;
    Ok(joint)
}

/// The bytes of a body.
pub(crate) fn body_bytes(mut record: BodyRecord) -> [u8; BODY_BYTES] {
    written(&mut record)
}

/// What of a body's bytes decides its future: without a datum those that every body has.
pub(crate) fn telling_bytes<'a>(record: &BodyRecord, bytes: &'a [u8; BODY_BYTES]) -> &'a [u8] {
    match record.datum {
        Some(_) => bytes,
        None => &bytes[..PLAIN_BODY_BYTES],
    }
}

/// The bytes of a cached contact.
pub(crate) fn contact_bytes(mut entry: CachedContact) -> [u8; CONTACT_BYTES] {
    written(&mut entry)
}

/// The bytes of a cached manifold.
pub(crate) fn manifold_bytes(mut entry: CachedManifold) -> [u8; MANIFOLD_BYTES] {
    written(&mut entry)
}

/// The cached manifold of these bytes; any bytes are some manifold, valid or not.
pub(crate) fn manifold_of(bytes: &[u8; MANIFOLD_BYTES]) -> CachedManifold {
    let mut entry = CachedManifold {
        low: BodyId(0),
        high: 0,
        features: [0; 4],
        normal_impulses: [0.0; 4],
        friction_impulse: [0.0; 3],
        torque_impulse: [0.0; 3],
    };
    entry.visit(&mut Reader(bytes)).expect("any numbers are a manifold");
    entry
}

/// The bytes of a sensor overlap.
pub(crate) fn overlap_bytes(mut pair: SensorOverlap) -> [u8; OVERLAP_BYTES] {
    written(&mut pair)
}

/// The sensor overlap of these bytes; any bytes are some, valid or not.
pub(crate) fn overlap_of(bytes: &[u8; OVERLAP_BYTES]) -> SensorOverlap {
    let mut pair = SensorOverlap {
        sensor: BodyId(0),
        body: BodyId(0),
    };
    pair.visit(&mut Reader(bytes)).expect("any numbers are an overlap");
    pair
}

/// The bytes of a kind.
pub(crate) fn kind_bytes(mut kind: BodyKind) -> [u8; KIND_BYTES] {
    written(&mut kind)
}

/// The body of these bytes. Its numbers may be outside their ranges.
pub(crate) fn body_of(bytes: &[u8; BODY_BYTES]) -> Result<BodyRecord, FieldError> {
    let mut record = BodyRecord {
        id: BodyId(0),
        tile: TileIndex::default(),
        offset: [0.0; 3],
        orientation: [0.0; 4],
        velocity: [0.0; 3],
        angular_velocity: [0.0; 3],
        thrust: [0.0; 3],
        rest: 0,
        kind: BodyDesc::default().kind(),
        datum: None,
    };
    record.visit(&mut Reader(bytes))?;
    Ok(record)
}

/// The cached contact of these bytes; any bytes are some contact, valid or not.
pub(crate) fn contact_of(bytes: &[u8; CONTACT_BYTES]) -> CachedContact {
    let mut entry = CachedContact {
        low: BodyId(0),
        high: 0,
        normal_impulse: 0.0,
        friction_impulse: [0.0; 3],
    };
    entry.visit(&mut Reader(bytes)).expect("any numbers are a contact");
    entry
}

fn written<const N: usize>(value: &mut impl Fields) -> [u8; N] {
    let mut writer = Writer { bytes: [0; N], at: 0 };
    value.visit(&mut writer).expect("what is written is valid");
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

    fn word(&mut self, value: &mut u32) {
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

    fn word(&mut self, value: &mut u32) {
        *value = u32::from_le_bytes(self.take());
    }

    fn float(&mut self, value: &mut f32) {
        *value = f32::from_le_bytes(self.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of joint comes back as it was, and what no kind is written as is refused.
    #[test]
    fn joints_come_back_as_they_were() {
        let motor = Motor {
            speed: -2.0,
            max_torque: 30.0,
        };
        let spring = Spring {
            frequency: 3.0,
            damping_ratio: 0.25,
        };
        let hinge = |limits, motor| JointKind::Hinge { limits, motor };
        let distance = |spring| JointKind::Distance { length: 1.5, spring };
        let empty = joint_of(&[9; JOINT_BYTES]);
        assert!(empty.is_err(), "9 is a kind, but not a flag");
        for kind in [
            JointKind::Fixed,
            JointKind::Ball,
            hinge(None, None),
            hinge(Some([-1.0, 0.5]), None),
            hinge(None, Some(motor)),
            hinge(Some([-1.0, 0.5]), Some(motor)),
            distance(None),
            distance(Some(spring)),
        ] {
            for (second, collide) in [(None, false), (Some(BodyId(3)), true)] {
                let joint = Joint {
                    id: JointId(7),
                    first: BodyId(4),
                    second,
                    tile: TileIndex::new(-1, 2, 3),
                    anchors: [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
                    orientations: [[0.5; 4], [0.0, 0.0, 0.6, 0.8]],
                    kind,
                    collide,
                    linear_impulse: [1.0, 2.0, 3.0],
                    angular_impulse: [4.0, 5.0, 6.0],
                    row_impulses: [7.0, 8.0, 9.0],
                };
                let mut bytes = joint_bytes(joint);
                assert_eq!(joint_of(&bytes), Ok(joint));
                // The code of the kind follows ids, tile, anchors and axes.
                bytes[92] = 6;
                assert!(joint_of(&bytes).is_err());
            }
        }
    }
}
