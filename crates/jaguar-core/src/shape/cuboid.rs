//! A solid box.

use glam::{DMat3, DVec3, Quat, Vec3};

use super::{RayHit, SurfacePoint, sweep};

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

    /// Where a ray with unit direction enters the box, at most `max_distance` m away.
    pub(crate) fn cast_ray(&self, origin: DVec3, direction: DVec3, max_distance: f64) -> Option<RayHit> {
        let start = self.to_local(origin - self.centre);
        let along = self.to_local(direction);
        if start.abs().cmple(self.half_extents).all() {
            return Some(RayHit::inside(direction));
        }
        let entry = enter_slabs(start, along, self.half_extents, max_distance)?;
        Some(RayHit {
            distance: entry.distance,
            normal: self.rotation.col(entry.axis) * entry.side,
        })
    }

    /// Where a ball that moves along a unit direction first touches the box, at most `max_distance` m away: a ray against the box grown by the ball, with round edges and corners.
    pub(crate) fn cast_ball(&self, origin: DVec3, direction: DVec3, radius: f64, max_distance: f64) -> Option<RayHit> {
        if radius == 0.0 {
            return self.cast_ray(origin, direction, max_distance);
        }
        let start = self.to_local(origin - self.centre);
        let along = self.to_local(direction);
        let half = self.half_extents;
        let gap = |point: DVec3| point - point.clamp(-half, half);
        if gap(start).length_squared() <= radius * radius {
            return Some(RayHit::inside(direction));
        }
        // The grown box with sharp edges holds the round one, and has its faces.
        if !start.abs().cmple(half + radius).all() {
            let entry = enter_slabs(start, along, half + radius, max_distance)?;
            let point = start + along * entry.distance;
            if point.abs().cmpgt(half).bitmask().count_ones() <= 1 {
                return Some(RayHit {
                    distance: entry.distance,
                    normal: self.rotation.col(entry.axis) * entry.side,
                });
            }
        }
        let distance = enter_round(start, along, half, radius).filter(|&distance| distance <= max_distance)?;
        let outward = gap(start + along * distance).try_normalize();
        Some(RayHit {
            distance,
            normal: outward.map_or(-direction, |outward| self.rotation * outward),
        })
    }

    /// How far a point (m) is from the box, m; 0 inside.
    pub(crate) fn distance(&self, position: DVec3) -> f64 {
        let local = self.to_local(position - self.centre);
        (local - local.clamp(-self.half_extents, self.half_extents)).length()
    }

    /// Whether the box and an axis-aligned one meet, by the separating axes of two boxes: the faces' and those across an edge of each.
    ///
    /// Nearly parallel edges make a short axis of hardly any direction. It proves as much as any other: what it separates is apart.
    pub(crate) fn meets_box(&self, low: DVec3, high: DVec3) -> bool {
        let (middle, reach) = (0.5 * low + 0.5 * high - self.centre, 0.5 * high - 0.5 * low);
        let axes = [self.rotation.x_axis, self.rotation.y_axis, self.rotation.z_axis];
        let separates = |axis: DVec3| {
            let own = (0..3)
                .map(|k| (axes[k].dot(axis) * self.half_extents[k]).abs())
                .sum::<f64>();
            middle.dot(axis).abs() > own + axis.abs().dot(reach)
        };
        let across = |own: DVec3| {
            let crosses = DVec3::AXES.map(|fixed| own.cross(fixed));
            crosses.into_iter().any(separates)
        };
        !(DVec3::AXES.into_iter().any(separates) || axes.into_iter().any(separates) || axes.into_iter().any(across))
    }

    fn to_local(&self, vector: DVec3) -> DVec3 {
        DVec3::new(
            self.rotation.x_axis.dot(vector),
            self.rotation.y_axis.dot(vector),
            self.rotation.z_axis.dot(vector),
        )
    }
}

/// Where a ray enters an axis-aligned box.
struct Entry {
    distance: f64,
    axis: usize,
    /// 1 on the face of larger coordinates, otherwise -1.
    side: f64,
}

/// Where a ray enters the axis-aligned box of these half edges about the origin (the slab method). It does not start inside.
fn enter_slabs(start: DVec3, along: DVec3, half_extents: DVec3, max_distance: f64) -> Option<Entry> {
    let (mut enter, mut leave) = (0.0, max_distance);
    let mut face = None;
    for axis in 0..3 {
        let half = half_extents[axis];
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
        if near > enter || (near == enter && face.is_none()) {
            enter = near;
            face = Some((axis, side));
        }
        if far < leave {
            leave = far;
        }
    }
    let (axis, side) = face?;
    (enter <= leave).then_some(Entry {
        distance: enter,
        axis,
        side,
    })
}

/// The way along a line into the box of these half edges grown by a ball: the union of three boxes, each longer on one axis, and of a capsule about each edge.
fn enter_round(start: DVec3, along: DVec3, half: DVec3, radius: f64) -> Option<f64> {
    let mut first = None;
    for axis in 0..3 {
        let longer = half + DVec3::AXES[axis] * radius;
        let way = if start.abs().cmple(longer).all() {
            Some(0.0)
        } else {
            enter_slabs(start, along, longer, f64::INFINITY).map(|entry| entry.distance)
        };
        first = sweep::lesser(first, way);
        for signs in [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]] {
            let mut end = half;
            end[(axis + 1) % 3] *= signs[0];
            end[(axis + 2) % 3] *= signs[1];
            let mut other = end;
            other[axis] = -end[axis];
            first = sweep::lesser(first, sweep::to_segment(start, along, [end, other], radius));
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shape::strategy::{between, between_f32, same_cases};

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
        #![proptest_config(same_cases(1000))]

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
        fn a_ball_stops_where_its_surface_touches(
            cuboid in any_box(),
            from in prop::array::uniform3(between(-3.0, 3.0)),
            to in prop::array::uniform3(between(-1.5, 1.5)),
            radius in between(0.01, 10.0),
        ) {
            let half = cuboid.half_extents;
            let (start, end) = (DVec3::from_array(from) * half, DVec3::from_array(to) * half);
            prop_assume!(start.distance(end) > 1e-3);
            let along = (end - start).normalize();
            let direction = cuboid.rotation * along;
            let hit = cuboid.cast_ball(cuboid.centre + cuboid.rotation * start, direction, radius, 1e3);
            let gap = |way: f64| signed_distance(start + along * way, half) - radius;
            match hit {
                Some(hit) if hit.distance > 0.0 => {
                    prop_assert!(gap(hit.distance).abs() < 1e-6);
                    prop_assert!((0..100).all(|step| gap(hit.distance * f64::from(step) / 100.0) > -1e-6));
                    // The normal leads from the centre to the surface.
                    let touched = start + along * hit.distance - cuboid.rotation.transpose() * hit.normal * radius;
                    prop_assert!(signed_distance(touched, half).abs() < 1e-6);
                    prop_assert!(hit.normal.dot(direction) <= 1e-9);
                }
                Some(_) => prop_assert!(gap(0.0) <= 1e-6),
                None => prop_assert!((0..400).all(|step| gap(0.25 * f64::from(step)) > -1e-6)),
            }
        }

        #[test]
        fn boxes_meet_where_a_point_of_one_is_in_the_other(
            cuboid in any_box(),
            at in prop::array::uniform3(between(-2.0, 2.0)),
            reach in prop::array::uniform3(between(0.01, 10.0)),
        ) {
            let (middle, reach) = (cuboid.centre + DVec3::from_array(at) * cuboid.extent(), DVec3::from_array(reach));
            let (low, high) = (middle - reach, middle + reach);
            // Projections onto one convex set and the other in turn come to a common point, or to the two nearest ones.
            let mut point = middle;
            for _ in 0..20_000 {
                let local = cuboid.to_local(point - cuboid.centre);
                let inside = local.clamp(-cuboid.half_extents, cuboid.half_extents);
                point = (cuboid.centre + cuboid.rotation * inside).clamp(low, high);
            }
            let gap = cuboid.distance(point);
            prop_assume!(!(1e-9..1e-2).contains(&gap));
            prop_assert_eq!(cuboid.meets_box(low, high), gap < 1e-9, "gap {}", gap);
        }

        #[test]
        fn no_number_panics(cuboid in any_box(), numbers in prop::array::uniform8(any::<f64>())) {
            let [x, y, z, dx, dy, dz, reach, far] = numbers;
            cuboid.surface_near(DVec3::new(x, y, z), reach);
            cuboid.cast_ray(DVec3::new(x, y, z), DVec3::new(dx, dy, dz), far);
            cuboid.cast_ball(DVec3::new(x, y, z), DVec3::new(dx, dy, dz), reach, far);
            cuboid.meets_box(DVec3::new(x, y, z), DVec3::new(dx, dy, dz));
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

    #[test]
    fn a_ball_touches_faces_edges_and_corners() {
        let cuboid = Cuboid::new(DVec3::ZERO, Vec3::ONE, Quat::IDENTITY);
        let down = |x: f64, z: f64| cuboid.cast_ball(DVec3::new(x, 10.0, z), DVec3::NEG_Y, 0.5, 100.0);
        assert_eq!(
            down(0.9, 0.0),
            Some(RayHit {
                distance: 8.5,
                normal: DVec3::Y
            })
        );
        // The centre is 0.3 m beside the edge, so it is 0.4 m above it.
        let at_edge = down(1.3, 0.0).unwrap();
        assert!((at_edge.distance - 8.6).abs() < 1e-12);
        assert!(at_edge.normal.distance(DVec3::new(0.6, 0.8, 0.0)) < 1e-12);
        // 0.3 m beside both: 0.5² - 2 · 0.3² above the corner.
        let at_corner = down(1.3, 1.3).unwrap();
        assert!((at_corner.distance - (9.0 - 0.07_f64.sqrt())).abs() < 1e-12);
        assert!(at_corner.normal.distance(DVec3::new(0.6, 2.0 * 0.07_f64.sqrt(), 0.6)) < 1e-12);
        assert_eq!(down(1.36, 1.36), None);
        assert_eq!(down(1.51, 0.0), None);
    }
}
