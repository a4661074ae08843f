//! What a body is: shape, surface, filter and domain.

use jaguar_proto::v1;
use jaguar_proto::v1::shape::Kind;

use crate::body::{required, vector};
use crate::error::ClientError;

/// The shape of a body, solid, around its centre of mass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A ball.
    Sphere {
        /// m.
        radius: f32,
    },
    /// A cylinder along the body's y axis between two half balls.
    Capsule {
        /// Half the length of the cylinder, m.
        half_height: f32,
        /// m.
        radius: f32,
    },
    /// A box.
    Cuboid {
        /// Half edges along the body's axes, m.
        half_extents: [f32; 3],
    },
    /// A convex hull of the world's scenario, by its index from 0.
    Hull(u32),
}

impl From<Shape> for v1::Shape {
    fn from(shape: Shape) -> Self {
        let kind = match shape {
            Shape::Sphere { radius } => Kind::SphereRadiusM(radius),
            Shape::Capsule { half_height, radius } => Kind::Capsule(v1::Capsule {
                half_height_m: half_height,
                radius_m: radius,
            }),
            Shape::Cuboid { half_extents } => Kind::CuboidHalfExtentsM(vector(half_extents)),
            Shape::Hull(index) => Kind::Hull(index),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<v1::Shape> for Shape {
    type Error = ClientError;

    fn try_from(shape: v1::Shape) -> Result<Self, ClientError> {
        Ok(match required(shape.kind, "shape.kind")? {
            Kind::SphereRadiusM(radius) => Self::Sphere { radius },
            Kind::Capsule(capsule) => Self::Capsule {
                half_height: capsule.half_height_m,
                radius: capsule.radius_m,
            },
            Kind::CuboidHalfExtentsM(half) => Self::Cuboid {
                half_extents: [half.x, half.y, half.z],
            },
            Kind::Hull(index) => Self::Hull(index),
        })
    }
}

/// How a coefficient of a contact follows from those of its two bodies. If their rules differ, the later one in this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CombineRule {
    /// The root of the product.
    GeometricMean,
    /// Half the sum.
    Average,
    /// The smaller.
    Minimum,
    /// The product.
    Product,
    /// The larger.
    Maximum,
}

impl CombineRule {
    /// The rule of a message, or what the field has by default.
    fn or(rule: v1::CombineRule, usual: Self) -> Self {
        match rule {
            v1::CombineRule::Unspecified => usual,
            v1::CombineRule::GeometricMean => Self::GeometricMean,
            v1::CombineRule::Average => Self::Average,
            v1::CombineRule::Minimum => Self::Minimum,
            v1::CombineRule::Product => Self::Product,
            v1::CombineRule::Maximum => Self::Maximum,
        }
    }
}

impl From<CombineRule> for v1::CombineRule {
    fn from(rule: CombineRule) -> Self {
        match rule {
            CombineRule::GeometricMean => Self::GeometricMean,
            CombineRule::Average => Self::Average,
            CombineRule::Minimum => Self::Minimum,
            CombineRule::Product => Self::Product,
            CombineRule::Maximum => Self::Maximum,
        }
    }
}

/// Surface and damping of a body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Material {
    /// Coulomb friction coefficient, 0 to 10.
    pub friction: f32,
    /// Coefficient of restitution, 0 to 1.
    pub restitution: f32,
    /// Linear damping, 1/s, 0 to 100.
    pub linear_damping: f32,
    /// Angular damping, 1/s, 0 to 100.
    pub angular_damping: f32,
    /// Rolling resistance, 0 to 1: the torque that resists rolling, over the normal force and the radius of curvature.
    pub rolling_resistance: f32,
    /// Resistance to spinning about the normal, 0 to 1, likewise.
    pub spinning_resistance: f32,
    /// How friction combines.
    pub friction_rule: CombineRule,
    /// How restitution combines.
    pub restitution_rule: CombineRule,
}

impl Default for Material {
    fn default() -> Self {
        Self {
            friction: 0.5,
            restitution: 0.0,
            linear_damping: 0.0,
            angular_damping: 0.0,
            rolling_resistance: 0.0,
            spinning_resistance: 0.0,
            friction_rule: CombineRule::GeometricMean,
            restitution_rule: CombineRule::Maximum,
        }
    }
}

impl From<Material> for v1::Material {
    fn from(material: Material) -> Self {
        Self {
            friction: Some(material.friction),
            restitution: Some(material.restitution),
            linear_damping: Some(material.linear_damping),
            angular_damping: Some(material.angular_damping),
            rolling_resistance: Some(material.rolling_resistance),
            spinning_resistance: Some(material.spinning_resistance),
            friction_rule: v1::CombineRule::from(material.friction_rule).into(),
            restitution_rule: v1::CombineRule::from(material.restitution_rule).into(),
        }
    }
}

impl From<v1::Material> for Material {
    fn from(material: v1::Material) -> Self {
        let usual = Self::default();
        Self {
            friction: material.friction(),
            restitution: material.restitution(),
            linear_damping: material.linear_damping(),
            angular_damping: material.angular_damping(),
            rolling_resistance: material.rolling_resistance(),
            spinning_resistance: material.spinning_resistance(),
            friction_rule: CombineRule::or(material.friction_rule(), usual.friction_rule),
            restitution_rule: CombineRule::or(material.restitution_rule(), usual.restitution_rule),
        }
    }
}

/// Which bodies can touch each other: two do if each is in a group that the other's mask has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The groups that the body is in, one bit each.
    pub groups: u32,
    /// The groups that it touches.
    pub mask: u32,
}

impl Default for Filter {
    /// In all groups, touching all.
    fn default() -> Self {
        Self {
            groups: u32::MAX,
            mask: u32::MAX,
        }
    }
}

impl From<Filter> for v1::Filter {
    fn from(filter: Filter) -> Self {
        Self {
            groups: Some(filter.groups),
            mask: Some(filter.mask),
        }
    }
}

impl From<v1::Filter> for Filter {
    fn from(filter: v1::Filter) -> Self {
        let usual = Self::default();
        Self {
            groups: filter.groups.unwrap_or(usual.groups),
            mask: filter.mask.unwrap_or(usual.mask),
        }
    }
}

/// The class of a body, which selects the forces of the world's environment that act on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Domain {
    /// None in particular.
    #[default]
    Generic,
    /// In the air.
    Air,
    /// On land.
    Land,
    /// At sea.
    Sea,
    /// In space.
    Space,
}

impl From<Domain> for v1::Domain {
    fn from(domain: Domain) -> Self {
        match domain {
            Domain::Generic => Self::Generic,
            Domain::Air => Self::Air,
            Domain::Land => Self::Land,
            Domain::Sea => Self::Sea,
            Domain::Space => Self::Space,
        }
    }
}

impl From<v1::Domain> for Domain {
    fn from(domain: v1::Domain) -> Self {
        match domain {
            v1::Domain::Unspecified | v1::Domain::Generic => Self::Generic,
            v1::Domain::Air => Self::Air,
            v1::Domain::Land => Self::Land,
            v1::Domain::Sea => Self::Sea,
            v1::Domain::Space => Self::Space,
        }
    }
}
