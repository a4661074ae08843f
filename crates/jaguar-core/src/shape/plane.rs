//! The half space below a plane.

use glam::{DVec3, Vec3};

use super::{RayHit, SurfacePoint};

/// A plane, ready for queries.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    point: DVec3,
    normal: DVec3,
}

impl Plane {
    /// The plane through a point (m) with a unit normal.
    pub(crate) fn new(point: DVec3, normal: Vec3) -> Self {
        Self {
            point,
            normal: normal.as_dvec3(),
        }
    }

    /// The surface seen from `position` (m), if nearer than `reach` (m).
    pub(crate) fn surface_near(&self, position: DVec3, reach: f64) -> Option<SurfacePoint> {
        let distance = self.distance(position);
        (distance < reach).then_some(SurfacePoint {
            feature: 0,
            normal: self.normal,
            distance,
        })
    }

    /// Where a ball that moves along a unit direction first touches the half space, at most `max_distance` m away; a ray is a ball of radius 0.
    pub(crate) fn cast_ball(&self, origin: DVec3, direction: DVec3, radius: f64, max_distance: f64) -> Option<RayHit> {
        let height = self.distance(origin) - radius;
        if height <= 0.0 {
            return Some(RayHit::inside(direction));
        }
        let approach = -direction.dot(self.normal);
        if approach <= 0.0 {
            return None;
        }
        let distance = height / approach;
        (distance <= max_distance).then_some(RayHit {
            distance,
            normal: self.normal,
        })
    }

    /// How high a position (m) is above the plane, m.
    pub(crate) fn distance(&self, position: DVec3) -> f64 {
        (position - self.point).dot(self.normal)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, TAU};

    use proptest::prelude::*;

    use super::*;
    use crate::shape::strategy::between;

    proptest! {
        #[test]
        fn distance_and_rays_follow_the_closed_form(
            point in prop::array::uniform3(between(-1e6, 1e6)),
            (polar, azimuth) in (between(0.0, PI), between(0.0, TAU)),
            height in between(-5.0, 5.0),
            aside in prop::array::uniform2(between(-100.0, 100.0)),
            tilt in between(-1.4, 1.4),
        ) {
            let normal = DVec3::new(
                libm::sin(polar) * libm::cos(azimuth),
                libm::cos(polar),
                libm::sin(polar) * libm::sin(azimuth),
            );
            let (tangent, bitangent) = normal.any_orthonormal_pair();
            let point = DVec3::from_array(point);
            let position = point + tangent * aside[0] + bitangent * aside[1] + normal * height;
            let plane = Plane::new(point, normal.as_vec3());

            // The normal is rounded to f32, which turns it by up to 1e-7 over the 141 m of `aside`.
            let tolerance = 5e-5;
            let found = plane.surface_near(position, 2.0);
            prop_assert_eq!(found.is_some(), plane.distance(position) < 2.0);
            if let Some(surface) = found {
                prop_assert!((surface.distance - height).abs() < tolerance);
                prop_assert!(surface.normal.distance(normal) < 1e-6);
            }

            let direction = tangent * libm::sin(tilt) - normal * libm::cos(tilt);
            let hit = plane.cast_ball(position, direction, 0.0, 1e3).unwrap();
            let expected = if height > 0.0 { height / libm::cos(tilt) } else { 0.0 };
            prop_assert!((hit.distance - expected).abs() < 10.0 * tolerance);
            let radius = 0.25;
            let touch = plane.cast_ball(position, direction, radius, 1e3).unwrap();
            let expected = if height > radius { (height - radius) / libm::cos(tilt) } else { 0.0 };
            prop_assert!((touch.distance - expected).abs() < 10.0 * tolerance);
            if height > tolerance {
                prop_assert_eq!(plane.cast_ball(position, -direction, 0.0, 1e3), None);
                prop_assert_eq!(plane.cast_ball(position, direction, 0.0, 0.5 * hit.distance), None);
            }
        }
    }
}
