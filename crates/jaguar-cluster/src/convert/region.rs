//! Regions and rays.

use glam::DVec3;
use jaguar_core::query::{Ray, RayHit, RayTarget};
use jaguar_migration::definition::Region;
use jaguar_proto::v1;

use super::body::{point, required_vector, to_point, to_vector};
use super::{InvalidField, join, required};
use crate::limits::RAYS_PER_REQUEST;

/// Checks and converts a request's region.
///
/// # Errors
/// When it is missing, empty by mistake or not a number.
pub fn region(given: Option<&v1::Region>) -> Result<Region, InvalidField> {
    let region = required(given, "", "region")?;
    match required(region.shape.as_ref(), "region", "shape (box or sphere)")? {
        v1::region::Shape::Box(given) => {
            let min = corner(given.min.as_ref(), "min")?;
            let max = corner(given.max.as_ref(), "max")?;
            if min.cmpgt(max).any() {
                return Err(InvalidField::new(
                    "region.box.max",
                    format!(
                        "({}, {}, {}) is below min ({}, {}, {}) on an axis",
                        max.x, max.y, max.z, min.x, min.y, min.z
                    ),
                ));
            }
            Ok(Region::Box { min, max })
        }
        v1::region::Shape::Sphere(given) => {
            let centre = required(given.centre.as_ref(), "region.sphere", "centre")?;
            let centre = DVec3::new(centre.x, centre.y, centre.z);
            if !centre.is_finite() {
                return Err(InvalidField::new(
                    "region.sphere.centre",
                    format!("{centre} is not finite"),
                ));
            }
            let radius = given.radius_m;
            // Infinity is the whole world; NaN and below 0 are mistakes.
            if radius.is_nan() || radius < 0.0 {
                return Err(InvalidField::new(
                    "region.sphere.radius_m",
                    format!("{radius} is not a length of 0 m or more"),
                ));
            }
            Ok(Region::Sphere { centre, radius })
        }
    }
}

fn corner(given: Option<&v1::Point>, name: &str) -> Result<DVec3, InvalidField> {
    let given = required(given, "region.box", name)?;
    let corner = DVec3::new(given.x, given.y, given.z);
    if corner.is_nan() {
        return Err(InvalidField::new(
            format!("region.box.{name}"),
            format!("{corner} has a component that is not a number"),
        ));
    }
    Ok(corner)
}

/// The region of a request to a peer: what a client asked this pod, checked already.
pub fn region_request(region: &Region) -> v1::Region {
    let shape = match *region {
        Region::Box { min, max } => v1::region::Shape::Box(v1::Box {
            min: Some(to_point(min)),
            max: Some(to_point(max)),
        }),
        Region::Sphere { centre, radius } => v1::region::Shape::Sphere(v1::Sphere {
            centre: Some(to_point(centre)),
            radius_m: radius,
        }),
    };
    v1::Region { shape: Some(shape) }
}

/// Checks and converts the rays of a request.
///
/// # Errors
/// As [`ray`], and when there are too many.
pub fn rays(given: &v1::CastRaysRequest, tile_size: f32) -> Result<Vec<Ray>, InvalidField> {
    let count = given.rays.len();
    if count > RAYS_PER_REQUEST {
        let problem = format!("{count} rays, at most {RAYS_PER_REQUEST} are allowed; send several requests");
        return Err(InvalidField::new("rays", problem));
    }
    let numbered = given.rays.iter().enumerate();
    let convert = |(number, given)| ray(given, &format!("rays[{number}]"), tile_size);
    numbered.map(convert).collect()
}

/// Checks and converts a ray; `path` is where it stands in the request. Its direction stays as it is: a peer is told the same numbers and so casts the same ray.
///
/// # Errors
/// When a field is missing, not finite or zero.
pub fn ray(given: &v1::CastRayRequest, path: &str, tile_size: f32) -> Result<Ray, InvalidField> {
    let at = join(path, "origin");
    let origin = point(required(given.origin.as_ref(), path, "origin")?, &at, tile_size)?;
    let at = join(path, "direction");
    let direction = required_vector(given.direction.as_ref(), &at)?.as_dvec3();
    if direction == DVec3::ZERO {
        let problem = format!("{direction} has no direction; its length must be above 0");
        return Err(InvalidField::new(at, problem));
    }
    let max_distance = given.max_distance_m;
    if !(max_distance > 0.0 && max_distance.is_finite()) {
        return Err(InvalidField::new(
            join(path, "max_distance_m"),
            format!("{max_distance} is not a finite length above 0 m"),
        ));
    }
    Ok(Ray {
        origin,
        direction,
        max_distance,
    })
}

/// The rays of a request to a peer.
pub fn rays_request(rays: &[Ray]) -> v1::CastRaysRequest {
    let request = |ray: &Ray| v1::CastRayRequest {
        origin: Some(to_point(ray.origin)),
        direction: Some(to_vector(ray.direction.as_vec3())),
        max_distance_m: ray.max_distance,
    };
    v1::CastRaysRequest {
        rays: rays.iter().map(request).collect(),
    }
}

/// What came of rays, for a client.
pub fn ray_answers(hits: &[Option<RayHit>]) -> Vec<v1::RayAnswer> {
    let answer = |hit: &Option<RayHit>| v1::RayAnswer {
        hit: hit.as_ref().map(ray_hit),
    };
    hits.iter().map(answer).collect()
}

fn ray_hit(hit: &RayHit) -> v1::RayHit {
    let target = match hit.target {
        RayTarget::Body(id) => v1::ray_hit::Target::BodyId(id.0),
        RayTarget::Static(index) => v1::ray_hit::Target::StaticIndex(u32::try_from(index).unwrap_or(u32::MAX)),
    };
    v1::RayHit {
        target: Some(target),
        distance_m: hit.distance,
        point: Some(to_point(hit.point)),
        normal: Some(to_vector(hit.normal.as_vec3())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner(x: f64) -> Option<v1::Point> {
        Some(v1::Point { x, y: x, z: x })
    }

    fn boxed(min: f64, max: f64) -> v1::region::Shape {
        v1::region::Shape::Box(v1::Box {
            min: corner(min),
            max: corner(max),
        })
    }

    fn ball(centre: f64, radius_m: f64) -> v1::region::Shape {
        v1::region::Shape::Sphere(v1::Sphere {
            centre: corner(centre),
            radius_m,
        })
    }

    #[test]
    fn a_region_that_is_none_is_refused_with_the_field_at_fault() {
        let cases = [
            (boxed(f64::NEG_INFINITY, f64::INFINITY), None),
            (boxed(1.0, 1.0), None),
            (boxed(2.0, 1.0), Some("region.box.max")),
            (boxed(f64::NAN, 1.0), Some("region.box.min")),
            (ball(0.0, f64::INFINITY), None),
            (ball(0.0, 0.0), None),
            (ball(0.0, -1.0), Some("region.sphere.radius_m")),
            (ball(0.0, f64::NAN), Some("region.sphere.radius_m")),
            (ball(f64::INFINITY, 1.0), Some("region.sphere.centre")),
        ];
        for (shape, expected) in cases {
            let given = v1::Region { shape: Some(shape) };
            let field = region(Some(&given)).err().map(|error| error.field);
            assert_eq!(field.as_deref(), expected, "{given:?}");
        }
        assert_eq!(region(None).expect_err("required").field, "region");
    }

    #[test]
    fn a_region_passed_on_to_a_peer_is_the_same_region() {
        for shape in [boxed(f64::NEG_INFINITY, 2.0), ball(1.0, 2.0)] {
            let given = region(Some(&v1::Region { shape: Some(shape) })).expect("a region");
            assert_eq!(region(Some(&region_request(&given))), Ok(given));
        }
    }

    #[test]
    fn a_ray_needs_a_start_a_direction_and_a_length() {
        let good = v1::CastRayRequest {
            origin: corner(0.0),
            direction: Some(v1::Vector {
                x: 0.0,
                y: -2.0,
                z: 0.0,
            }),
            max_distance_m: 10.0,
        };
        assert_eq!(ray(&good, "", 16.0).expect("a ray").direction, DVec3::NEG_Y * 2.0);
        let zero = Some(v1::Vector::default());
        let cases = [
            ("origin", v1::CastRayRequest { origin: None, ..good }),
            (
                "origin",
                v1::CastRayRequest {
                    origin: corner(f64::NAN),
                    ..good
                },
            ),
            (
                "direction",
                v1::CastRayRequest {
                    direction: zero,
                    ..good
                },
            ),
            (
                "max_distance_m",
                v1::CastRayRequest {
                    max_distance_m: f64::INFINITY,
                    ..good
                },
            ),
        ];
        for (field, bad) in cases {
            let several = v1::CastRaysRequest { rays: vec![good, bad] };
            let error = rays(&several, 16.0).expect_err("not a ray");
            assert_eq!(error.field, format!("rays[1].{field}"), "{bad:?}");
        }
        let many = v1::CastRaysRequest {
            rays: vec![good; RAYS_PER_REQUEST + 1],
        };
        assert_eq!(rays(&many, 16.0).expect_err("too many").field, "rays");
    }

    #[test]
    fn rays_passed_on_to_a_peer_are_the_same_rays() {
        let given = v1::CastRaysRequest {
            rays: vec![v1::CastRayRequest {
                origin: corner(0.1),
                direction: Some(v1::Vector {
                    x: 0.1,
                    y: -0.3,
                    z: 1e-20,
                }),
                max_distance_m: 0.1,
            }],
        };
        let known = rays(&given, 16.0).expect("a ray");
        assert_eq!(rays(&rays_request(&known), 16.0), Ok(known));
    }
}
