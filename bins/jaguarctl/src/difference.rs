//! The first difference between two sets of bodies, field by field with bits.

use std::fmt;

use jaguar_core::{BodyId, BodyRecord, Datum};

/// How two worlds differ at one tick, as far as bodies go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    /// Every body is equal bit by bit: what differs is the cached impulse of a contact, which the hash covers too.
    OnlyContacts,
    /// The first body, by id, that only the reference has.
    Missing(BodyId),
    /// The first body, by id, that only the cluster has.
    Extra(BodyId),
    /// The first body, by id, that the cluster has twice.
    Twice(BodyId),
    /// The first body, by id, with another value.
    Body {
        /// The body.
        id: BodyId,
        /// The fields that differ.
        fields: Vec<FieldDifference>,
    },
}

/// One field of a body with both values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldDifference {
    /// Name, with the component.
    pub(crate) field: &'static str,
    /// In the reference.
    pub(crate) reference: Value,
    /// In the cluster.
    pub(crate) cluster: Value,
}

/// A field's value; equal when the bits are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    /// A number.
    Float(f32),
    /// A tile index.
    Integer(i32),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Integer(a), Self::Integer(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(value) => write!(f, "{value:?} (0x{:08x})", value.to_bits()),
            Self::Integer(value) => write!(f, "{value}"),
        }
    }
}

/// Compares two sets of bodies, in any order.
pub(crate) fn first_difference(mut reference: Vec<BodyRecord>, mut cluster: Vec<BodyRecord>) -> Difference {
    reference.sort_by_key(|body| body.id);
    cluster.sort_by_key(|body| body.id);
    if let Some(twice) = cluster.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Difference::Twice(twice[0].id);
    }
    for (expected, found) in reference.iter().zip(&cluster) {
        if expected.id < found.id {
            return Difference::Missing(expected.id);
        }
        if found.id < expected.id {
            return Difference::Extra(found.id);
        }
        let fields = differing_fields(expected, found);
        if !fields.is_empty() {
            return Difference::Body {
                id: expected.id,
                fields,
            };
        }
    }
    let both = reference.len().min(cluster.len());
    match (reference.get(both), cluster.get(both)) {
        (Some(body), _) => Difference::Missing(body.id),
        (_, Some(body)) => Difference::Extra(body.id),
        _ => Difference::OnlyContacts,
    }
}

fn differing_fields(reference: &BodyRecord, cluster: &BodyRecord) -> Vec<FieldDifference> {
    fields(reference)
        .into_iter()
        .zip(fields(cluster))
        .filter(|((_, a), (_, b))| a != b)
        .map(|((field, reference), (_, cluster))| FieldDifference {
            field,
            reference,
            cluster,
        })
        .collect()
}

fn fields(body: &BodyRecord) -> [(&'static str, Value); 29] {
    use Value::{Float, Integer};
    let [x, y, z, w] = body.orientation;
    // Without a datum no number is equal to another, but the bits are.
    let nothing = Datum {
        offset: [f32::NAN; 3],
        orientation: [f32::NAN; 4],
    };
    let datum = body.datum.unwrap_or(nothing);
    [
        ("tile.x", Integer(body.tile.x)),
        ("tile.y", Integer(body.tile.y)),
        ("tile.z", Integer(body.tile.z)),
        ("offset.x", Float(body.offset[0])),
        ("offset.y", Float(body.offset[1])),
        ("offset.z", Float(body.offset[2])),
        ("orientation.x", Float(x)),
        ("orientation.y", Float(y)),
        ("orientation.z", Float(z)),
        ("orientation.w", Float(w)),
        ("velocity.x", Float(body.velocity[0])),
        ("velocity.y", Float(body.velocity[1])),
        ("velocity.z", Float(body.velocity[2])),
        ("angular_velocity.x", Float(body.angular_velocity[0])),
        ("angular_velocity.y", Float(body.angular_velocity[1])),
        ("angular_velocity.z", Float(body.angular_velocity[2])),
        ("radius", Float(body.kind.shape.bounding_radius())),
        ("mass", Float(body.kind.mass)),
        ("friction", Float(body.kind.material.friction)),
        ("restitution", Float(body.kind.material.restitution)),
        ("linear_damping", Float(body.kind.material.linear_damping)),
        ("angular_damping", Float(body.kind.material.angular_damping)),
        ("datum.offset.x", Float(datum.offset[0])),
        ("datum.offset.y", Float(datum.offset[1])),
        ("datum.offset.z", Float(datum.offset[2])),
        ("datum.orientation.x", Float(datum.orientation[0])),
        ("datum.orientation.y", Float(datum.orientation[1])),
        ("datum.orientation.z", Float(datum.orientation[2])),
        ("datum.orientation.w", Float(datum.orientation[3])),
    ]
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyContacts => write!(
                f,
                "every body is equal, bit by bit: the cached impulse of a contact differs"
            ),
            Self::Missing(id) => write!(f, "body {} is in the reference and not in the cluster", id.0),
            Self::Extra(id) => write!(f, "body {} is in the cluster and not in the reference", id.0),
            Self::Twice(id) => write!(f, "body {} is in the cluster twice", id.0),
            Self::Body { id, fields } => {
                write!(f, "body {} differs:", id.0)?;
                for field in fields {
                    write!(
                        f,
                        "\n    {:<18} reference {}, cluster {}",
                        field.field, field.reference, field.cluster
                    )?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_core::{BodyKind, Domain, Filter, Material, Shape, TileIndex};

    fn body(id: u64) -> BodyRecord {
        BodyRecord {
            id: BodyId(id),
            tile: TileIndex::new(1, 2, 3),
            offset: [0.5, 0.25, 0.125],
            orientation: [0.0, 0.0, 0.0, 1.0],
            velocity: [1.0, 2.0, 3.0],
            angular_velocity: [0.0; 3],
            thrust: [0.0; 3],
            rest: 0,
            kind: BodyKind {
                shape: Shape::Sphere { radius: 0.5 },
                mass: 1000.0,
                material: Material::default(),
                filter: Filter::default(),
                sensor: false,
                domain: Domain::default(),
                drag_area: 0.0,
            },
            datum: None,
        }
    }

    #[test]
    fn order_does_not_matter_and_equal_bodies_leave_only_contacts() {
        let found = first_difference(vec![body(1), body(2)], vec![body(2), body(1)]);
        assert_eq!(found, Difference::OnlyContacts);
    }

    #[test]
    fn the_lowest_id_is_reported() {
        check(&[1, 2, 3], &[1, 3], Difference::Missing(BodyId(2)));
        check(&[1, 3], &[1, 2, 3], Difference::Extra(BodyId(2)));
        check(&[1, 2], &[1], Difference::Missing(BodyId(2)));
        check(&[1], &[1, 2], Difference::Extra(BodyId(2)));
        check(&[1, 2], &[1, 2, 2], Difference::Twice(BodyId(2)));
    }

    fn check(reference: &[u64], cluster: &[u64], expected: Difference) {
        let bodies = |ids: &[u64]| ids.iter().copied().map(body).collect();
        assert_eq!(first_difference(bodies(reference), bodies(cluster)), expected);
    }

    #[test]
    fn one_bit_is_a_difference_and_both_values_are_shown() {
        let mut other = body(1);
        other.velocity[1] = f32::from_bits(2.0_f32.to_bits() + 1);
        let difference = first_difference(vec![body(1)], vec![other]);
        assert_eq!(
            difference.to_string(),
            "body 1 differs:\n    velocity.y         reference 2.0 (0x40000000), cluster 2.0000002 (0x40000001)"
        );
    }

    #[test]
    fn zeros_of_both_signs_differ() {
        let mut other = body(1);
        other.angular_velocity[2] = -0.0;
        let difference = first_difference(vec![body(1)], vec![other]);
        assert!(matches!(difference, Difference::Body { fields, .. } if fields[0].field == "angular_velocity.z"));
    }
}
