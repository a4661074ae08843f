//! Bodies and vectors.

use glam::{DVec3, Quat, Vec3};
use jaguar_core::body::check_thrust;
use jaguar_core::error::{FieldError, SpawnError};
use jaguar_core::tile::{MAX_TILE, split};
use jaguar_core::{Body, BodyDesc, BodyRecord, Shape, World};
use jaguar_migration::envelope;
use jaguar_proto::v1;

use super::{InvalidField, join, kind, required};

/// How far an orientation's length may be from 1 before it is refused; clients round.
const QUATERNION_TOLERANCE: f32 = 0.01;

/// Checks and converts a body to spawn; `path` is where it stands in the request, and `world` the one whose ranges hold.
///
/// # Errors
/// The first field that is missing, not finite or out of the world's ranges.
pub fn description(given: &v1::BodyDescription, path: &str, world: &World) -> Result<BodyDesc, InvalidField> {
    let tile_size = world.params().tile_size;
    let position = required(given.position.as_ref(), path, "position")?;
    let description = BodyDesc {
        position: point(position, &join(path, "position"), tile_size)?,
        orientation: rotation_or_none(given.orientation.as_ref(), &join(path, "orientation"))?,
        velocity: vector_or_zero(given.velocity.as_ref(), &join(path, "velocity"))?,
        angular_velocity: vector_or_zero(given.angular_velocity.as_ref(), &join(path, "angular_velocity"))?,
        shape: shape(given, path, tile_size)?,
        mass: positive(given.mass_kg, &join(path, "mass_kg"), "kg")?,
        material: kind::material(given.material.as_ref(), &join(path, "material"))?,
        filter: kind::filter(given.filter.as_ref()),
        sensor: given.sensor,
        domain: kind::domain(given.domain, &join(path, "domain"))?,
        drag_area: given.drag_area_m2,
        thrust: vector_or_zero(given.thrust.as_ref(), &join(path, "thrust"))?,
    };
    match world.check(&description) {
        Ok(_) => Ok(description),
        Err(SpawnError::Field(FieldError { field, value, allowed })) => Err(InvalidField::new(
            join(path, public_name(field, given.shape.is_some(), &description.shape)),
            format!("{value} is outside {allowed}"),
        )),
        Err(error) => Err(InvalidField::new(path, error.to_string())),
    }
}

/// Checks and converts the one body of a request.
///
/// # Errors
/// As [`description`], or when it is missing.
pub fn required_body(given: Option<&v1::BodyDescription>, world: &World) -> Result<BodyDesc, InvalidField> {
    description(required(given, "", "body")?, "body", world)
}

/// The field of a `v1::BodyDescription` that the core names in its own way.
fn public_name(field: &'static str, has_shape: bool, shape: &Shape) -> &'static str {
    match field {
        "radius" if !has_shape => "radius_m",
        "radius" if matches!(shape, Shape::Sphere { .. }) => "shape.sphere_radius_m",
        "mass" => "mass_kg",
        "drag_area" => "drag_area_m2",
        "hull" => "shape.hull",
        "radius" | "half_height" | "radius + half_height" => "shape.capsule",
        _ if field.starts_with("half_extents") => "shape.cuboid_half_extents_m",
        other => other.split(' ').next().unwrap_or(other),
    }
}

/// The shape of a description: a ball of `radius_m`, or `shape`.
fn shape(given: &v1::BodyDescription, path: &str, tile_size: f32) -> Result<Shape, InvalidField> {
    let at = join(path, "radius_m");
    let Some(shape) = &given.shape else {
        return Ok(Shape::Sphere {
            radius: radius(given.radius_m, &at, tile_size)?,
        });
    };
    if given.radius_m != 0.0 {
        let problem = format!("{} is given besides shape; give one of both", given.radius_m);
        return Err(InvalidField::new(at, problem));
    }
    let at = join(path, "shape");
    match kind::shape(shape, &at)? {
        Shape::Sphere { radius: given } => Ok(Shape::Sphere {
            radius: radius(given, &join(&at, "sphere_radius_m"), tile_size)?,
        }),
        other => Ok(other),
    }
}

fn radius(value: f32, path: &str, tile_size: f32) -> Result<f32, InvalidField> {
    let radius = positive(value, path, "m")?;
    let half = tile_size / 2.0;
    if radius < half {
        return Ok(radius);
    }
    Err(InvalidField::new(
        path,
        format!(
            "{radius} is not below half of the tile size, {half} m; spawn a smaller body, or start the world with a larger tile_size"
        ),
    ))
}

fn positive(value: f32, path: &str, unit: &str) -> Result<f32, InvalidField> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(InvalidField::new(
        path,
        format!("{value} is not a finite number above 0 {unit}"),
    ))
}

/// Checks and converts a position inside the world.
pub(super) fn point(given: &v1::Point, path: &str, tile_size: f32) -> Result<DVec3, InvalidField> {
    let position = DVec3::new(given.x, given.y, given.z);
    if split(position, tile_size).is_some() {
        return Ok(position);
    }
    let reach = f64::from(MAX_TILE) * f64::from(tile_size);
    Err(InvalidField::new(
        path,
        format!(
            "({}, {}, {}) is not inside the world; each component must be finite and within ±{reach} m",
            given.x, given.y, given.z
        ),
    ))
}

/// Checks and converts a required vector.
///
/// # Errors
/// When it is missing or a component is not finite.
pub fn required_vector(given: Option<&v1::Vector>, path: &str) -> Result<Vec3, InvalidField> {
    vector(given.ok_or_else(|| InvalidField::missing(path))?, path)
}

/// Checks and converts the required `thrust` of a request, N.
///
/// # Errors
/// When it is missing, not finite or out of its range.
pub fn required_thrust(given: Option<&v1::Vector>) -> Result<Vec3, InvalidField> {
    let thrust = required_vector(given, "thrust")?;
    match check_thrust(thrust) {
        Ok(()) => Ok(thrust),
        Err(FieldError { value, allowed, .. }) => {
            Err(InvalidField::new("thrust", format!("{value} is outside {allowed}")))
        }
    }
}

/// Checks and converts a vector that may be absent.
///
/// # Errors
/// When a component is not finite.
pub fn vector_or_zero(given: Option<&v1::Vector>, path: &str) -> Result<Vec3, InvalidField> {
    given.map_or(Ok(Vec3::ZERO), |given| vector(given, path))
}

fn vector(given: &v1::Vector, path: &str) -> Result<Vec3, InvalidField> {
    let vector = Vec3::new(given.x, given.y, given.z);
    if vector.is_finite() {
        return Ok(vector);
    }
    Err(InvalidField::new(
        path,
        format!("({}, {}, {}) is not finite", given.x, given.y, given.z),
    ))
}

/// Checks and converts a rotation that may be absent.
///
/// # Errors
/// When its length is not 1.
pub(super) fn rotation_or_none(given: Option<&v1::Quaternion>, path: &str) -> Result<Quat, InvalidField> {
    given.map_or(Ok(Quat::IDENTITY), |given| rotation(given, path))
}

fn rotation(given: &v1::Quaternion, path: &str) -> Result<Quat, InvalidField> {
    let rotation = Quat::from_xyzw(given.x, given.y, given.z, given.w);
    let length = rotation.length();
    // A comparison with NaN is false, so a length that is no number is refused too.
    if (length - 1.0).abs() <= QUATERNION_TOLERANCE {
        return Ok(rotation.normalize());
    }
    Err(InvalidField::new(
        path,
        format!(
            "({}, {}, {}, {}) has length {length}; a rotation has length 1 (within {QUATERNION_TOLERANCE})",
            given.x, given.y, given.z, given.w
        ),
    ))
}

/// A body for a client.
pub fn body(body: &Body) -> v1::Body {
    v1::Body {
        id: body.id.0,
        position: Some(to_point(body.position)),
        orientation: Some(to_quaternion(body.orientation)),
        velocity: Some(to_vector(body.velocity)),
        angular_velocity: Some(to_vector(body.angular_velocity)),
        radius_m: body.radius,
        mass_kg: body.mass,
        material: Some(kind::to_material(&body.material)),
        shape: Some(kind::to_shape(&body.shape)),
        filter: Some(kind::to_filter(body.filter)),
        sensor: body.sensor,
        domain: kind::to_domain(body.domain).into(),
        drag_area_m2: body.drag_area,
        thrust: Some(to_vector(body.thrust)),
    }
}

/// The motion of a body that the client knows already.
pub fn motion_of(body: &v1::Body) -> v1::BodyMotion {
    v1::BodyMotion {
        id: body.id,
        position: body.position,
        orientation: body.orientation,
        velocity: body.velocity,
        angular_velocity: body.angular_velocity,
    }
}

/// A body's exact state for an observer.
pub fn body_state(record: &BodyRecord) -> v1::BodyState {
    let material = &record.kind.material;
    v1::BodyState {
        id: record.id.0,
        tile: record.tile.to_array().to_vec(),
        offset: record.offset.to_vec(),
        orientation: record.orientation.to_vec(),
        velocity: record.velocity.to_vec(),
        angular_velocity: record.angular_velocity.to_vec(),
        radius_m: match record.kind.shape {
            Shape::Sphere { radius } => radius,
            _ => 0.0,
        },
        mass_kg: record.kind.mass,
        material: vec![
            material.friction,
            material.restitution,
            material.linear_damping,
            material.angular_damping,
        ],
        record: envelope::to_bytes(record),
    }
}

pub(super) fn to_point(position: DVec3) -> v1::Point {
    v1::Point {
        x: position.x,
        y: position.y,
        z: position.z,
    }
}

pub(super) fn to_vector(vector: Vec3) -> v1::Vector {
    v1::Vector {
        x: vector.x,
        y: vector.y,
        z: vector.z,
    }
}

pub(super) fn to_quaternion(rotation: Quat) -> v1::Quaternion {
    v1::Quaternion {
        x: rotation.x,
        y: rotation.y,
        z: rotation.z,
        w: rotation.w,
    }
}

#[cfg(test)]
mod tests {
    use jaguar_core::{Material, WorldConfig};

    use super::*;

    fn good() -> v1::BodyDescription {
        v1::BodyDescription {
            position: Some(v1::Point { x: 1.0, y: 2.0, z: 3.0 }),
            radius_m: 0.5,
            mass_kg: 2.0,
            ..v1::BodyDescription::default()
        }
    }

    fn convert(given: &v1::BodyDescription) -> Result<BodyDesc, InvalidField> {
        let world = World::new(WorldConfig::default()).expect("the defaults make a world");
        description(given, "bodies[3]", &world)
    }

    #[test]
    fn absent_fields_have_their_documented_defaults() {
        let body = convert(&good()).expect("a valid body");
        let expected = BodyDesc {
            position: DVec3::new(1.0, 2.0, 3.0),
            shape: Shape::Sphere { radius: 0.5 },
            mass: 2.0,
            ..BodyDesc::default()
        };
        assert_eq!(body, expected);
        let part = v1::Material {
            restitution: Some(0.75),
            ..v1::Material::default()
        };
        let body = convert(&v1::BodyDescription {
            material: Some(part),
            ..good()
        })
        .expect("a valid body");
        assert_eq!(
            body.material,
            Material {
                restitution: 0.75,
                ..Material::default()
            }
        );
    }

    #[test]
    fn a_body_comes_back_as_it_went() {
        let mut world = World::new(WorldConfig::default()).expect("the defaults make a world");
        let given = BodyDesc {
            shape: Shape::Cuboid {
                half_extents: Vec3::new(0.5, 1.0, 1.5),
            },
            sensor: true,
            domain: jaguar_core::Domain::Sea,
            drag_area: 2.0,
            thrust: Vec3::X,
            ..BodyDesc::default()
        };
        let id = world.spawn(&given).expect("a valid body");
        let v1::Body {
            position,
            mass_kg,
            material,
            shape,
            filter,
            sensor,
            domain,
            drag_area_m2,
            thrust,
            ..
        } = body(&world.body(id).expect("it is held"));
        let again = v1::BodyDescription {
            position,
            mass_kg,
            material,
            shape,
            filter,
            sensor,
            domain,
            drag_area_m2,
            thrust,
            ..v1::BodyDescription::default()
        };
        assert_eq!(convert(&again).expect("a valid body"), given);
    }

    #[test]
    fn a_bad_shape_is_named_by_its_path_in_the_request() {
        use v1::shape::Kind;
        let cuboid = |x| Kind::CuboidHalfExtentsM(v1::Vector { x, y: 1.0, z: 1.0 });
        let capsule = |half_height_m, radius_m| {
            Kind::Capsule(v1::Capsule {
                half_height_m,
                radius_m,
            })
        };
        let cases = [
            (0.0, "bodies[3].shape.sphere_radius_m", Some(Kind::SphereRadiusM(9.0))),
            (0.0, "bodies[3].shape.capsule", Some(capsule(7.0, 2.0))),
            (0.0, "bodies[3].shape.capsule", Some(capsule(-1.0, 1.0))),
            (0.0, "bodies[3].shape.cuboid_half_extents_m", Some(cuboid(f32::NAN))),
            (0.0, "bodies[3].shape.cuboid_half_extents_m", Some(cuboid(-1.0))),
            (0.0, "bodies[3].shape.hull", Some(Kind::Hull(0))),
            (0.0, "bodies[3].shape", None),
            (0.5, "bodies[3].radius_m", Some(cuboid(1.0))),
        ];
        for (radius_m, field, kind) in cases {
            let bad = v1::BodyDescription {
                radius_m,
                shape: Some(v1::Shape { kind }),
                ..good()
            };
            assert_eq!(convert(&bad).expect_err("it is out of range").field, field, "{bad:?}");
        }
    }

    #[test]
    fn a_bad_field_is_named_by_its_path_in_the_request() {
        let vector = |x| {
            Some(v1::Vector {
                x,
                ..v1::Vector::default()
            })
        };
        let friction = |value| {
            Some(v1::Material {
                friction: Some(value),
                ..v1::Material::default()
            })
        };
        let cases = [
            (
                "bodies[3].position",
                v1::BodyDescription {
                    position: None,
                    ..good()
                },
            ),
            (
                "bodies[3].position",
                v1::BodyDescription {
                    position: Some(v1::Point {
                        x: 1e9,
                        ..v1::Point::default()
                    }),
                    ..good()
                },
            ),
            (
                "bodies[3].velocity",
                v1::BodyDescription {
                    velocity: vector(f32::INFINITY),
                    ..good()
                },
            ),
            (
                "bodies[3].angular_velocity",
                v1::BodyDescription {
                    angular_velocity: vector(f32::NAN),
                    ..good()
                },
            ),
            (
                "bodies[3].orientation",
                v1::BodyDescription {
                    orientation: Some(v1::Quaternion::default()),
                    ..good()
                },
            ),
            (
                "bodies[3].radius_m",
                v1::BodyDescription {
                    radius_m: 8.0,
                    ..good()
                },
            ),
            (
                "bodies[3].radius_m",
                v1::BodyDescription {
                    radius_m: -1.0,
                    ..good()
                },
            ),
            (
                "bodies[3].mass_kg",
                v1::BodyDescription {
                    mass_kg: f32::INFINITY,
                    ..good()
                },
            ),
            (
                "bodies[3].material.friction",
                v1::BodyDescription {
                    material: friction(11.0),
                    ..good()
                },
            ),
        ];
        for (field, bad) in cases {
            assert_eq!(convert(&bad).expect_err("it is out of range").field, field, "{bad:?}");
        }
    }
}
