//! Bodies and regions.

use jaguar_proto::v1;

use crate::error::ClientError;
use crate::kind::{Domain, Filter, Material, Shape};

/// A solid body to spawn.
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
    /// Radius of a ball, m, below half the world's tile size; of no meaning with another shape.
    pub radius: f32,
    /// Its shape, if it is no ball of that radius.
    pub shape: Option<Shape>,
    /// Mass, kg.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
    /// What it can touch.
    pub filter: Filter,
    /// Whether it only notices what overlaps it, without force.
    pub sensor: bool,
    /// Which forces of the world's environment act on it.
    pub domain: Domain,
    /// Drag coefficient times frontal area, m².
    pub drag_area: f32,
    /// Force that it exerts on itself, in its own frame, N.
    pub thrust: [f32; 3],
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
            shape: None,
            mass: 1.0,
            material: Material::default(),
            filter: Filter::default(),
            sensor: false,
            domain: Domain::default(),
            drag_area: 0.0,
            thrust: [0.0; 3],
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
    /// Radius of the ball around its centre that holds all of it, m; a ball's own.
    pub radius: f32,
    /// Shape.
    pub shape: Shape,
    /// Mass, kg.
    pub mass: f32,
    /// Surface and damping.
    pub material: Material,
    /// What it can touch.
    pub filter: Filter,
    /// Whether it only notices what overlaps it.
    pub sensor: bool,
    /// Which forces of the world's environment act on it.
    pub domain: Domain,
    /// Drag coefficient times frontal area, m².
    pub drag_area: f32,
    /// Force that it exerts on itself, in its own frame, N.
    pub thrust: [f32; 3],
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

pub(crate) fn quaternion([x, y, z, w]: [f32; 4]) -> v1::Quaternion {
    v1::Quaternion { x, y, z, w }
}

pub(crate) fn point([x, y, z]: [f64; 3]) -> v1::Point {
    v1::Point { x, y, z }
}

impl From<NewBody> for v1::BodyDescription {
    fn from(body: NewBody) -> Self {
        Self {
            position: Some(point(body.position)),
            orientation: Some(quaternion(body.orientation)),
            velocity: Some(vector(body.velocity)),
            angular_velocity: Some(vector(body.angular_velocity)),
            radius_m: if body.shape.is_some() { 0.0 } else { body.radius },
            mass_kg: body.mass,
            material: Some(body.material.into()),
            shape: body.shape.map(Into::into),
            filter: Some(body.filter.into()),
            sensor: body.sensor,
            domain: v1::Domain::from(body.domain).into(),
            drag_area_m2: body.drag_area,
            thrust: Some(vector(body.thrust)),
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
        let thrust = required(body.thrust, "thrust")?;
        Ok(Self {
            id: body.id,
            position,
            orientation,
            velocity,
            angular_velocity,
            radius: body.radius_m,
            shape: required(body.shape, "shape")?.try_into()?,
            mass: body.mass_kg,
            material: required(body.material, "material")?.into(),
            filter: required(body.filter, "filter")?.into(),
            sensor: body.sensor,
            domain: body.domain().into(),
            drag_area: body.drag_area_m2,
            thrust: [thrust.x, thrust.y, thrust.z],
        })
    }
}
