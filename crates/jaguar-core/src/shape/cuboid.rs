//! A solid box.

use glam::{DMat3, DVec3, Quat, Vec3};

use super::{RayHit, SurfacePoint};

/// A box, ready for queries.
#[derive(Clone, Debug)]
pub(crate) struct Cuboid {
    centre: DVec3,
    half_extents: DVec3,
    /// From the box's frame to the world's; the columns are the box's axes.
    rotation: DMat3,
}

impl Cuboid {
    /// The box at a centre (m) with half edges (m) along its own axes and a unit orientation.
    pub(crate) fn new(centre: DVec3, half_extents: Vec3, orientation: Quat) -> Self {
        Self {
            centre,
            half_extents: half_extents.as_dvec3(),
            rotation: DMat3::from_quat(orientation.as_dquat().normalize()),
        }
    }

    /// Half edges of the axis-aligned box around it, m.
    pub(crate) fn extent(&self) -> DVec3 {
        self.rotation.x_axis.abs() * self.half_extents.x
            + self.rotation.y_axis.abs() * self.half_extents.y
            + self.rotation.z_axis.abs() * self.half_extents.z
    }

    /// The surface point nearest to `position` (m), if nearer than `reach` (m); from inside, the nearest face.
    ///
    /// A sphere touches a box in one point, so faces, edges and corners share one feature and its impulses persist from one to the other.
    pub(crate) fn surface_near(&self, position: DVec3, reach: f64) -> Option<SurfacePoint> {
        let local = self.to_local(position - self.centre);
        let nearest = local.clamp(-self.half_extents, self.half_extents);
        let gap = local - nearest;
        let distance_squared = gap.length_squared();
        if distance_squared > 0.0 {
            if distance_squared >= reach * reach {
                return None;
            }
            let distance = distance_squared.sqrt();
            return Some(SurfacePoint {
                feature: 0,
                normal: self.rotation * (gap / distance),
                distance,
            });
        }
        let depths = self.half_extents - local.abs();
        let mut axis = 0;
        for other in 1..3 {
            if depths[other] < depths[axis] {
                axis = other;
            }
        }
        let outward = if local[axis] < 0.0 { -1.0 } else { 1.0 };
        Some(SurfacePoint {
            feature: 0,
            normal: self.rotation.col(axis) * outward,
            distance: -depths[axis],
        })
    }

    /// Where a ray with unit direction enters the box, at most `max_distance` m away (the slab method).
    pub(crate) fn cast_ray(&self, origin: DVec3, direction: DVec3, max_distance: f64) -> Option<RayHit> {
        let start = self.to_local(origin - self.centre);
        let along = self.to_local(direction);
        if start.abs().cmple(self.half_extents).all() {
            return Some(RayHit {
                distance: 0.0,
                normal: -direction,
            });
        }
        let (mut enter, mut leave) = (0.0, max_distance);
        let mut normal = None;
        for axis in 0..3 {
            let half = self.half_extents[axis];
            if along[axis] == 0.0 {
                if start[axis].abs() > half {
                    return None;
                }
                continue;
            }
            // The face that the ray meets first on this axis is on the side that the ray comes from.
            let side = if along[axis] > 0.0 { -1.0 } else { 1.0 };
            let near = (side * half - start[axis]) / along[axis];
            let far = (-side * half - start[axis]) / along[axis];
            // A box behind the origin leaves before 0, one beyond the range enters after `max_distance`.
            if near > enter || (near == enter && normal.is_none()) {
                enter = near;
                normal = Some(self.rotation.col(axis) * side);
            }
            if far < leave {
                leave = far;
            }
        }
        let normal = normal?;
        (enter <= leave).then_some(RayHit {
            distance: enter,
            normal,
        })
    }

    fn to_local(&self, vector: DVec3) -> DVec3 {
        DVec3::new(
            self.rotation.x_axis.dot(vector),
            self.rotation.y_axis.dot(vector),
            self.rotation.z_axis.dot(vector),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shape::strategy::{between, between_f32};

    prop_compose! {
        fn any_box()(
            centre in prop::array::uniform3(between(-1e6, 1e6)),
            half_extents in prop::array::uniform3(between_f32(0.1, 20.0)),
            axis in prop::array::uniform3(between_f32(-1.0, 1.0)),
            angle in between_f32(0.0, std::f32::consts::TAU),
        ) -> Cuboid {
            let axis = Vec3::from_array(axis).try_normalize().unwrap_or(Vec3::Y);
            let orientation = Quat::from_axis_angle(axis, angle);
            Cuboid::new(DVec3::from_array(centre), Vec3::from_array(half_extents), orientation)
        }
    }

    /// The signed distance of a point in the box's frame, by cases: outside from the outside axes alone, inside from the nearest face.
    fn signed_distance(local: DVec3, half: DVec3) -> f64 {
        let beyond = local.abs() - half;
        let outside: f64 = beyond.to_array().iter().filter(|&&b| b > 0.0).map(|b| b * b).sum();
        if outside > 0.0 {
            outside.sqrt()
        } else {
            beyond.max_element()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn distance_is_the_closed_form_and_the_normal_its_gradient(
            cuboid in any_box(),
            at in prop::array::uniform3(between(-2.0, 2.0)),
            reach in between(0.0, 10.0),
        ) {
            let local = DVec3::from_array(at) * cuboid.half_extents;
            let position = cuboid.centre + cuboid.rotation * local;
            let expected = signed_distance(local, cuboid.half_extents);
            let found = cuboid.surface_near(position, reach);
            prop_assume!((expected - reach).abs() > 1e-6);
            prop_assert_eq!(found.is_some(), expected < reach);
            if let Some(surface) = found {
                prop_assert!((surface.distance - expected).abs() < 1e-6);
                prop_assert!((surface.normal.length() - 1.0).abs() < 1e-9);
                // One step along the normal is one step farther away.
                let step = cuboid.rotation.transpose() * surface.normal * 1e-3;
                prop_assume!(expected.abs() > 2e-3);
                let farther = signed_distance(local + step, cuboid.half_extents);
                prop_assert!((farther - expected - 1e-3).abs() < 1e-6);
            }
        }

        #[test]
        fn a_ray_ends_on_the_surface_and_passes_nothing_before(
            cuboid in any_box(),
            from in prop::array::uniform3(between(-3.0, 3.0)),
            to in prop::array::uniform3(between(-1.5, 1.5)),
        ) {
            let start = DVec3::from_array(from) * cuboid.half_extents;
            let end = DVec3::from_array(to) * cuboid.half_extents;
            prop_assume!(start.distance(end) > 1e-3);
            let direction = (end - start).normalize();
            let hit = cuboid.cast_ray(
                cuboid.centre + cuboid.rotation * start,
                cuboid.rotation * direction,
                1e3,
            );
            let inside = |distance: f64| signed_distance(start + direction * distance, cuboid.half_extents) < -1e-6;
            match hit {
                Some(hit) if hit.distance > 0.0 => {
                    let on_surface = signed_distance(start + direction * hit.distance, cuboid.half_extents);
                    prop_assert!(on_surface.abs() < 1e-6);
                    prop_assert!(hit.normal.dot(cuboid.rotation * direction) <= 1e-12);
                    prop_assert!((0..100).all(|step| !inside(hit.distance * f64::from(step) / 100.0)));
                }
                Some(_) => prop_assert!(signed_distance(start, cuboid.half_extents) <= 1e-6),
                None => prop_assert!((0..200).all(|step| !inside(f64::from(step)))),
            }
        }

        #[test]
        fn no_number_panics(cuboid in any_box(), numbers in prop::array::uniform8(any::<f64>())) {
            let [x, y, z, dx, dy, dz, reach, far] = numbers;
            cuboid.surface_near(DVec3::new(x, y, z), reach);
            cuboid.cast_ray(DVec3::new(x, y, z), DVec3::new(dx, dy, dz), far);
        }
    }

    #[test]
    fn a_ray_along_a_face_needs_no_division_by_zero() {
        let cuboid = Cuboid::new(DVec3::ZERO, Vec3::ONE, Quat::IDENTITY);
        let hit = cuboid.cast_ray(DVec3::new(-3.0, 0.5, 0.5), DVec3::X, 10.0).unwrap();
        assert_eq!((hit.distance, hit.normal), (2.0, DVec3::NEG_X));
        assert_eq!(cuboid.cast_ray(DVec3::new(-3.0, 1.5, 0.5), DVec3::X, 10.0), None);
        assert_eq!(cuboid.cast_ray(DVec3::new(3.0, 0.5, 0.5), DVec3::X, 10.0), None);
        assert_eq!(cuboid.cast_ray(DVec3::new(-3.0, 0.5, 0.5), DVec3::X, 1.9), None);
    }
}
