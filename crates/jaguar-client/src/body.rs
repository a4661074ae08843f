//! Bodies and regions.

use jaguar_proto::v1;

use crate::error::ClientError;

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
}

impl Default for Material {
    fn default() -> Self {
        Self {
            friction: 0.5,
            restitution: 0.0,
            linear_damping: 0.0,
            angular_damping: 0.0,
        }
    }
}

/// A solid sphere to spawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewBody {
    /// Centre of mass, m.
    pub position: [f64; 3],
    /// Orientation, a unit quaternion x y z w.
    pub orientation: [f32; 4],
    /// Velocity, m/s.
    pub velocity: [f32; 3],
    /// Angular velocity, rad/s.
    pub angular_velocity: [f32; 3],
    /// Radius, m, below half the world's tile size.
    pub radius: f32,
    /// Mass, kg.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
}

impl Default for NewBody {
    /// A ball of 1 m and 1 kg at rest at the origin.
    fn default() -> Self {
        Self {
            position: [0.0; 3],
            orientation: [0.0, 0.0, 0.0, 1.0],
            velocity: [0.0; 3],
            angular_velocity: [0.0; 3],
            radius: 0.5,
            mass: 1.0,
            material: Material::default(),
        }
    }
}

/// A body between two ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Identity.
    pub id: u64,
    /// Centre of mass, m.
    pub position: [f64; 3],
    /// Orientation, x y z w.
    pub orientation: [f32; 4],
    /// Velocity, m/s.
    pub velocity: [f32; 3],
    /// Angular velocity, rad/s.
    pub angular_velocity: [f32; 3],
    /// Radius, m.
    pub radius: f32,
    /// Mass, kg.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
}

/// A part of space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Region {
    /// A box, both corners included.
    Box {
        /// Lowest corner, m.
        min: [f64; 3],
        /// Highest corner, m.
        max: [f64; 3],
    },
    /// A ball.
    Sphere {
        /// Centre, m.
        centre: [f64; 3],
        /// Radius, m.
        radius: f64,
    },
}

impl Region {
    /// The whole world.
    pub const fn everywhere() -> Self {
        Self::Box {
            min: [f64::NEG_INFINITY; 3],
            max: [f64::INFINITY; 3],
        }
    }
}

pub(crate) fn vector([x, y, z]: [f32; 3]) -> v1::Vector {
    v1::Vector { x, y, z }
}

fn point([x, y, z]: [f64; 3]) -> v1::Point {
    v1::Point { x, y, z }
}

impl From<NewBody> for v1::BodyDescription {
    fn from(body: NewBody) -> Self {
        let [x, y, z, w] = body.orientation;
        let material = v1::Material {
            friction: Some(body.material.friction),
            restitution: Some(body.material.restitution),
            linear_damping: Some(body.material.linear_damping),
            angular_damping: Some(body.material.angular_damping),
        };
        Self {
            position: Some(point(body.position)),
            orientation: Some(v1::Quaternion { x, y, z, w }),
            velocity: Some(vector(body.velocity)),
            angular_velocity: Some(vector(body.angular_velocity)),
            radius_m: body.radius,
            mass_kg: body.mass,
            material: Some(material),
        }
    }
}

impl From<Region> for v1::Region {
    fn from(region: Region) -> Self {
        let shape = match region {
            Region::Box { min, max } => v1::region::Shape::Box(v1::Box {
                min: Some(point(min)),
                max: Some(point(max)),
            }),
            Region::Sphere { centre, radius } => v1::region::Shape::Sphere(v1::Sphere {
                centre: Some(point(centre)),
                radius_m: radius,
            }),
        };
        Self { shape: Some(shape) }
    }
}

pub(crate) fn required<T>(value: Option<T>, field: &'static str) -> Result<T, ClientError> {
    value.ok_or(ClientError::Incomplete { field })
}

/// What moves: position, orientation, velocity, angular velocity.
pub(crate) type Motion = ([f64; 3], [f32; 4], [f32; 3], [f32; 3]);

pub(crate) fn motion(
    position: Option<v1::Point>,
    orientation: Option<v1::Quaternion>,
    velocity: Option<v1::Vector>,
    angular_velocity: Option<v1::Vector>,
) -> Result<Motion, ClientError> {
    let position = required(position, "position")?;
    let orientation = required(orientation, "orientation")?;
    let velocity = required(velocity, "velocity")?;
    let angular = required(angular_velocity, "angular_velocity")?;
    Ok((
        [position.x, position.y, position.z],
        [orientation.x, orientation.y, orientation.z, orientation.w],
        [velocity.x, velocity.y, velocity.z],
        [angular.x, angular.y, angular.z],
    ))
}

impl TryFrom<v1::Body> for Body {
    type Error = ClientError;

    fn try_from(body: v1::Body) -> Result<Self, ClientError> {
        let (position, orientation, velocity, angular_velocity) =
            motion(body.position, body.orientation, body.velocity, body.angular_velocity)?;
        let material = required(body.material, "material")?;
        Ok(Self {
            id: body.id,
            position,
            orientation,
            velocity,
            angular_velocity,
            radius: body.radius_m,
            mass: body.mass_kg,
            material: Material {
                friction: material.friction(),
                restitution: material.restitution(),
                linear_damping: material.linear_damping(),
                angular_damping: material.angular_damping(),
            },
        })
    }
}
