//! What a body is: shape, surface, filter and domain, both ways.

use glam::Vec3;
use jaguar_core::{CombineRule, Domain, Filter, HullId, Material, Shape};
use jaguar_proto::v1;
use jaguar_proto::v1::shape::Kind;

use super::body::to_vector;
use super::{InvalidField, join};

/// Converts a shape; its lengths are the world's to check.
///
/// # Errors
/// When it is of no kind.
pub(super) fn shape(given: &v1::Shape, path: &str) -> Result<Shape, InvalidField> {
    Ok(match given.kind.as_ref().ok_or_else(|| InvalidField::missing(path))? {
        Kind::SphereRadiusM(radius) => Shape::Sphere { radius: *radius },
        Kind::Capsule(capsule) => Shape::Capsule {
            half_height: capsule.half_height_m,
            radius: capsule.radius_m,
        },
        Kind::CuboidHalfExtentsM(half) => Shape::Cuboid {
            half_extents: Vec3::new(half.x, half.y, half.z),
        },
        Kind::Hull(index) => Shape::Hull(HullId(*index)),
    })
}

/// A shape for a client.
pub(super) fn to_shape(shape: &Shape) -> v1::Shape {
    let kind = match *shape {
        Shape::Sphere { radius } => Kind::SphereRadiusM(radius),
        Shape::Capsule { half_height, radius } => Kind::Capsule(v1::Capsule {
            half_height_m: half_height,
            radius_m: radius,
        }),
        Shape::Cuboid { half_extents } => Kind::CuboidHalfExtentsM(to_vector(half_extents)),
        Shape::Hull(HullId(index)) => Kind::Hull(index),
    };
    v1::Shape { kind: Some(kind) }
}

/// Converts a material; what is absent has its default, and the world checks the ranges.
///
/// # Errors
/// When a rule is none.
pub(super) fn material(given: Option<&v1::Material>, path: &str) -> Result<Material, InvalidField> {
    let usual = Material::default();
    let Some(given) = given else {
        return Ok(usual);
    };
    Ok(Material {
        friction: given.friction.unwrap_or(usual.friction),
        restitution: given.restitution.unwrap_or(usual.restitution),
        rolling_resistance: given.rolling_resistance.unwrap_or(usual.rolling_resistance),
        spinning_resistance: given.spinning_resistance.unwrap_or(usual.spinning_resistance),
        linear_damping: given.linear_damping.unwrap_or(usual.linear_damping),
        angular_damping: given.angular_damping.unwrap_or(usual.angular_damping),
        friction_rule: rule(given.friction_rule, &join(path, "friction_rule"))?.unwrap_or(usual.friction_rule),
        restitution_rule: rule(given.restitution_rule, &join(path, "restitution_rule"))?
            .unwrap_or(usual.restitution_rule),
    })
}

fn rule(given: i32, path: &str) -> Result<Option<CombineRule>, InvalidField> {
    let rule = v1::CombineRule::try_from(given)
        .map_err(|_| InvalidField::new(path, format!("{given} is no rule; they are 0 to 5")))?;
    Ok(match rule {
        v1::CombineRule::Unspecified => None,
        v1::CombineRule::GeometricMean => Some(CombineRule::GeometricMean),
        v1::CombineRule::Average => Some(CombineRule::Average),
        v1::CombineRule::Minimum => Some(CombineRule::Minimum),
        v1::CombineRule::Product => Some(CombineRule::Product),
        v1::CombineRule::Maximum => Some(CombineRule::Maximum),
    })
}

fn to_rule(rule: CombineRule) -> v1::CombineRule {
    match rule {
        CombineRule::GeometricMean => v1::CombineRule::GeometricMean,
        CombineRule::Average => v1::CombineRule::Average,
        CombineRule::Minimum => v1::CombineRule::Minimum,
        CombineRule::Product => v1::CombineRule::Product,
        CombineRule::Maximum => v1::CombineRule::Maximum,
    }
}

/// A material for a client, every field present.
pub(super) fn to_material(material: &Material) -> v1::Material {
    v1::Material {
        friction: Some(material.friction),
        restitution: Some(material.restitution),
        linear_damping: Some(material.linear_damping),
        angular_damping: Some(material.angular_damping),
        rolling_resistance: Some(material.rolling_resistance),
        spinning_resistance: Some(material.spinning_resistance),
        friction_rule: to_rule(material.friction_rule).into(),
        restitution_rule: to_rule(material.restitution_rule).into(),
    }
}

/// Converts a filter; what is absent admits all.
pub(super) fn filter(given: Option<&v1::Filter>) -> Filter {
    let usual = Filter::default();
    given.map_or(usual, |given| Filter {
        groups: given.groups.unwrap_or(usual.groups),
        mask: given.mask.unwrap_or(usual.mask),
    })
}

/// A filter for a client.
pub(super) fn to_filter(filter: Filter) -> v1::Filter {
    v1::Filter {
        groups: Some(filter.groups),
        mask: Some(filter.mask),
    }
}

/// Converts a domain.
///
/// # Errors
/// When it is none.
pub(super) fn domain(given: i32, path: &str) -> Result<Domain, InvalidField> {
    let domain = v1::Domain::try_from(given)
        .map_err(|_| InvalidField::new(path, format!("{given} is no domain; they are 0 to 5")))?;
    Ok(match domain {
        v1::Domain::Unspecified | v1::Domain::Generic => Domain::Generic,
        v1::Domain::Air => Domain::Air,
        v1::Domain::Land => Domain::Land,
        v1::Domain::Sea => Domain::Sea,
        v1::Domain::Space => Domain::Space,
    })
}

/// A domain for a client.
pub(super) fn to_domain(domain: Domain) -> v1::Domain {
    match domain {
        Domain::Generic => v1::Domain::Generic,
        Domain::Air => v1::Domain::Air,
        Domain::Land => v1::Domain::Land,
        Domain::Sea => v1::Domain::Sea,
        Domain::Space => v1::Domain::Space,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_come_back_as_they_went() {
        let shapes = [
            Shape::Sphere { radius: 0.5 },
            Shape::Capsule {
                half_height: 1.0,
                radius: 0.25,
            },
            Shape::Cuboid {
                half_extents: Vec3::new(1.0, 2.0, 3.0),
            },
            Shape::Hull(HullId(7)),
        ];
        for given in shapes {
            assert_eq!(shape(&to_shape(&given), "shape").ok(), Some(given));
        }
        for given in Domain::ALL {
            assert_eq!(domain(to_domain(given).into(), "domain").ok(), Some(given));
        }
        let given = Filter { groups: 5, mask: 9 };
        assert_eq!(filter(Some(&to_filter(given))), given);
        for friction_rule in [CombineRule::Product, CombineRule::Minimum, CombineRule::GeometricMean] {
            let given = Material {
                friction: 0.1,
                restitution: 0.2,
                rolling_resistance: 0.3,
                spinning_resistance: 0.4,
                linear_damping: 5.0,
                angular_damping: 6.0,
                friction_rule,
                restitution_rule: CombineRule::Average,
            };
            assert_eq!(material(Some(&to_material(&given)), "material").ok(), Some(given));
        }
    }

    #[test]
    fn what_is_absent_has_its_default() {
        assert_eq!(filter(Some(&v1::Filter::default())), Filter::default());
        let given = v1::Material::default();
        assert_eq!(material(Some(&given), "material").ok(), Some(Material::default()));
        assert_eq!(domain(0, "domain").ok(), Some(Domain::Generic));
    }

    #[test]
    fn unknown_codes_are_named() {
        assert_eq!(shape(&v1::Shape::default(), "shape").unwrap_err().field, "shape");
        assert_eq!(domain(6, "body.domain").unwrap_err().field, "body.domain");
        let given = v1::Material {
            friction_rule: 9,
            ..v1::Material::default()
        };
        let error = material(Some(&given), "material").unwrap_err();
        assert_eq!(error.field, "material.friction_rule");
    }
}
