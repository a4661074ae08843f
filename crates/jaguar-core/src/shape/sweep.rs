//! How far a ball moves before it touches a point, an edge or a triangle.
//!
//! A ball of radius r touches a thing when its centre comes within r of it, so these are rays against the thing grown by r: a point becomes a ball, an edge a capsule, a triangle a prism between
//! three capsules. All of it is closed form. Lengths under a root are differences across the line, not of squared distances along it, so a start far away costs no precision.

use glam::DVec3;

use super::RayHit;

/// How far along a line with unit direction a point comes within `radius` (m) of `centre`. The start is not within it; if it seems so by rounding, the way is 0.
pub(crate) fn to_point(start: DVec3, direction: DVec3, centre: DVec3, radius: f64) -> Option<f64> {
    let to_centre = centre - start;
    let along = to_centre.dot(direction);
    let aside = (to_centre - direction * along).length_squared();
    let square = radius * radius - aside;
    (along > 0.0 && square >= 0.0).then(|| not_negative(along - square.sqrt()))
}

/// The same for the edge between two points.
pub(crate) fn to_segment(start: DVec3, direction: DVec3, [a, b]: [DVec3; 2], radius: f64) -> Option<f64> {
    let mut first = lesser(
        to_point(start, direction, a, radius),
        to_point(start, direction, b, radius),
    );
    let (axis, from) = (b - a, start - a);
    let length_squared = axis.length_squared();
    let across = |vector: DVec3| vector - axis * (vector.dot(axis) / length_squared);
    let (from_across, way_across) = (across(from), across(direction));
    let speed_squared = way_across.length_squared();
    let middle = -from_across.dot(way_across) / speed_squared;
    let aside = (from_across + way_across * middle).length_squared();
    let square = radius * radius - aside;
    // Nothing of this is a number for an edge without length or a line along it, which meets the ends only.
    if middle > 0.0 && square >= 0.0 {
        // A start within the endless cylinder, but not within the edge's part of it, fails the test of the place.
        let distance = not_negative(middle - (square / speed_squared).sqrt());
        let place = (from + direction * distance).dot(axis);
        if 0.0 <= place && place <= length_squared {
            first = lesser(first, Some(distance));
        }
    }
    first
}

/// Where a ball that moves along a unit direction first touches a triangle, from either side; at once if it overlaps it.
pub(crate) fn to_triangle(start: DVec3, direction: DVec3, corners: [DVec3; 3], radius: f64) -> Option<RayHit> {
    if start.distance_squared(nearest_on_triangle(corners, start)) <= radius * radius {
        return Some(RayHit::inside(direction));
    }
    let [a, b, c] = corners;
    let edges = [[a, b], [b, c], [c, a]];
    let forward = (b - a).cross(c - a);
    let normal = forward / forward.length();
    let height = (start - a).dot(normal);
    // Out of the plane, to the side that the ball comes from.
    let outward = if height < 0.0 { -normal } else { normal };
    let approach = -direction.dot(outward);
    if approach > 0.0 {
        let distance = not_negative((height.abs() - radius) / approach);
        let touched = start + direction * distance - outward * radius;
        let is_left_of = |[from, to]: [DVec3; 2]| (to - from).cross(touched - from).dot(normal) >= 0.0;
        // The whole grown triangle lies between the planes, so nothing of it is touched before.
        if edges.into_iter().all(is_left_of) {
            return Some(RayHit {
                distance,
                normal: outward,
            });
        }
    }
    let mut first: Option<RayHit> = None;
    for edge in edges {
        if let Some(distance) = to_segment(start, direction, edge, radius)
            && first.is_none_or(|first| distance < first.distance)
        {
            let centre = start + direction * distance;
            let away = centre - nearest_on_segment(edge, centre);
            first = Some(RayHit {
                distance,
                normal: away.try_normalize().unwrap_or(-direction),
            });
        }
    }
    first
}

/// The point of the edge between two points that is nearest to `p`.
pub(crate) fn nearest_on_segment([a, b]: [DVec3; 2], p: DVec3) -> DVec3 {
    let axis = b - a;
    let (along, length_squared) = ((p - a).dot(axis), axis.length_squared());
    if along >= length_squared {
        b
    } else if along > 0.0 {
        a + axis * (along / length_squared)
    } else {
        a
    }
}

/// The point of a triangle nearest to `p` (Ericson, Real-Time Collision Detection, 5.1.5).
pub(crate) fn nearest_on_triangle([a, b, c]: [DVec3; 3], p: DVec3) -> DVec3 {
    let (ab, ac) = (b - a, c - a);
    let (d1, d2) = (ab.dot(p - a), ac.dot(p - a));
    if d1 <= 0.0 && d2 <= 0.0 {
        return a;
    }
    let (d3, d4) = (ab.dot(p - b), ac.dot(p - b));
    if d3 >= 0.0 && d4 <= d3 {
        return b;
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return a + ab * (d1 / (d1 - d3));
    }
    let (d5, d6) = (ab.dot(p - c), ac.dot(p - c));
    if d6 >= 0.0 && d5 <= d6 {
        return c;
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return a + ac * (d2 / (d2 - d6));
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        return b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)));
    }
    let scale = 1.0 / (va + vb + vc);
    a + ab * (vb * scale) + ac * (vc * scale)
}

/// The lesser of two ways, one way of one.
pub(crate) fn lesser(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other < one { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// At least 0, with one zero.
fn not_negative(distance: f64) -> f64 {
    if distance > 0.0 { distance } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shape::strategy::{between, same_cases};

    fn any_point() -> impl Strategy<Value = DVec3> {
        prop::array::uniform3(between(-3.0, 3.0)).prop_map(DVec3::from_array)
    }

    /// Checks that a way ends where the distance is the radius, and that nothing before is nearer.
    fn check_way(
        found: Option<f64>,
        start: DVec3,
        direction: DVec3,
        radius: f64,
        distance: impl Fn(DVec3) -> f64,
    ) -> Result<(), TestCaseError> {
        let end = found.unwrap_or(12.0);
        for step in 0..200 {
            let before = start + direction * (end * f64::from(step) / 200.0);
            prop_assert!(distance(before) >= radius - 1e-9, "nearer at step {step} of {end}");
        }
        if found.is_some() {
            let at_end = distance(start + direction * end);
            prop_assert!((at_end - radius).abs() < 1e-9, "{at_end} at the end, not {radius}");
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(same_cases(1000))]

        #[test]
        fn a_ball_stops_where_it_touches(
            start in any_point(),
            to in any_point(),
            corners in prop::array::uniform3(any_point()),
            radius in between(0.01, 1.5),
        ) {
            let [a, b, c] = corners;
            prop_assume!((b - a).cross(c - a).length() > 1e-3 && start.distance(to) > 1e-3);
            let direction = (to - start).normalize();
            let of_edge = |p: DVec3| p.distance(nearest_on_segment([a, b], p));
            if of_edge(start) > radius {
                check_way(to_segment(start, direction, [a, b], radius), start, direction, radius, of_edge)?;
            }
            let of_triangle = |p: DVec3| p.distance(nearest_on_triangle(corners, p));
            let hit = to_triangle(start, direction, corners, radius);
            if of_triangle(start) > radius {
                check_way(hit.map(|hit| hit.distance), start, direction, radius, of_triangle)?;
                if let Some(hit) = hit {
                    let centre = start + direction * hit.distance;
                    let touched = centre - hit.normal * radius;
                    prop_assert!(of_triangle(touched) < 1e-7);
                    prop_assert!(hit.normal.dot(direction) <= 1e-9);
                }
            } else {
                prop_assert_eq!(hit, Some(RayHit::inside(direction)));
            }
        }
    }

    #[test]
    fn an_edge_is_touched_beside_and_at_its_ends() {
        let edge = [DVec3::NEG_Y, DVec3::Y];
        let from = |y: f64| to_segment(DVec3::new(-5.0, y, 0.0), DVec3::X, edge, 0.5);
        assert_eq!(from(0.0), Some(4.5));
        assert_eq!(from(1.0), Some(4.5));
        assert_eq!(from(1.3), Some(4.6));
        assert_eq!(from(1.6), None);
        assert_eq!(to_segment(DVec3::Y * 5.0, DVec3::NEG_Y, edge, 0.5), Some(3.5));
        assert_eq!(to_segment(DVec3::Y * 5.0, DVec3::Y, edge, 0.5), None);
        assert_eq!(to_segment(DVec3::Y * 5.0, DVec3::NEG_Y, [DVec3::Y; 2], 0.5), Some(3.5));
    }
}
