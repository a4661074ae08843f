//! Height fields against brute force over all triangles and against closed forms.

use glam::DVec3;
use proptest::prelude::*;

use super::HeightField;
use crate::shape::brute_force::{nearest_on_triangle, ray_on_triangle};
use crate::shape::strategy::{between, between_f32, same_cases};
use crate::shape::{RayHit, SurfacePoint, sweep};

fn field(columns: u32, rows: u32, spacing: (f32, f32), height: impl Fn(f64, f64) -> f64) -> HeightField {
    let posts = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
    HeightField {
        origin: DVec3::ZERO,
        columns,
        rows,
        spacing_x: spacing.0,
        spacing_z: spacing.1,
        heights: posts
            .map(|(column, row)| {
                height(
                    f64::from(column) * f64::from(spacing.0),
                    f64::from(row) * f64::from(spacing.1),
                ) as f32
            })
            .collect(),
        friction: 0.5,
        restitution: 0.0,
    }
}

fn contacts(field: &HeightField, centre: DVec3, reach: f64) -> Vec<SurfacePoint> {
    let mut points = Vec::new();
    field.surface_near(centre, reach, &mut |point| points.push(point));
    points
}

fn cast(field: &HeightField, origin: DVec3, direction: DVec3, max_distance: f64) -> Option<RayHit> {
    field.cast_ray(origin, direction, max_distance, field.origin.y + field.highest())
}

/// All triangles as corners in world coordinates, built straight from the documented layout.
fn all_triangles(field: &HeightField) -> Vec<[DVec3; 3]> {
    let post = |column: u32, row: u32| {
        field.origin
            + DVec3::new(
                f64::from(column) * f64::from(field.spacing_x),
                f64::from(field.heights[(row * field.columns + column) as usize]),
                f64::from(row) * f64::from(field.spacing_z),
            )
    };
    let cells = (0..field.rows - 1).flat_map(|row| (0..field.columns - 1).map(move |column| (column, row)));
    cells
        .flat_map(|(column, row)| {
            let (first, last) = (post(column, row), post(column + 1, row + 1));
            [
                [first, post(column + 1, row), last],
                [first, post(column, row + 1), last],
            ]
        })
        .collect()
}

fn nearest_post(field: &HeightField, p: DVec3) -> DVec3 {
    let posts = all_triangles(field).into_iter().flatten();
    posts.min_by(|a, b| a.distance(p).total_cmp(&b.distance(p))).unwrap()
}

fn nearest_by_brute_force(field: &HeightField, p: DVec3) -> DVec3 {
    let points = all_triangles(field)
        .into_iter()
        .map(|triangle| nearest_on_triangle(triangle, p));
    points.min_by(|a, b| a.distance(p).total_cmp(&b.distance(p))).unwrap()
}

prop_compose! {
    fn rough_field()(
        columns in 2_u32..7,
        rows in 2_u32..7,
        spacing_x in between_f32(0.3, 8.0),
        spacing_z in between_f32(0.3, 8.0),
        steepness in between_f32(0.0, 4.0),
        origin in prop::array::uniform3(between(-1e6, 1e6)),
        noise in prop::collection::vec(between_f32(-1.0, 1.0), 36),
    ) -> HeightField {
        HeightField {
            origin: DVec3::from_array(origin),
            columns,
            rows,
            spacing_x,
            spacing_z,
            heights: noise[..(columns * rows) as usize].iter().map(|height| height * steepness).collect(),
            friction: 0.5,
            restitution: 0.0,
        }
    }
}

/// A point over or beside the field, from fractions of its extent.
fn place(field: &HeightField, [x, y, z]: [f64; 3]) -> DVec3 {
    field.origin + field.size() * DVec3::new(x, 0.0, z) + DVec3::Y * y
}

/// The solid's vertical sides, each border cell's down to far below.
fn side_triangles(field: &HeightField) -> Vec<[DVec3; 3]> {
    let post = |column: u32, row: u32| {
        let place = DVec3::new(
            f64::from(column) * f64::from(field.spacing_x),
            f64::from(field.heights[(row * field.columns + column) as usize]),
            f64::from(row) * f64::from(field.spacing_z),
        );
        field.origin + place
    };
    let (columns, rows) = (field.columns - 1, field.rows - 1);
    let along_x = (0..columns).flat_map(|c| [0, rows].map(|r| [post(c, r), post(c + 1, r)]));
    let along_z = (0..rows).flat_map(|r| [0, columns].map(|c| [post(c, r), post(c, r + 1)]));
    along_x
        .chain(along_z)
        .flat_map(|[a, b]| {
            let (deep_a, deep_b) = (a - DVec3::Y * 1e3, b - DVec3::Y * 1e3);
            [[a, b, deep_a], [b, deep_b, deep_a]]
        })
        .collect()
}

proptest! {
    #![proptest_config(same_cases(1000))]

    #[test]
    fn a_ball_stops_at_the_first_triangle_or_side(
        field in rough_field(),
        from in [between(-1.0, 2.0), between(-4.0, 12.0), between(-1.0, 2.0)],
        to in [between(-0.5, 1.5), between(-6.0, 4.0), between(-0.5, 1.5)],
        radius in between(0.01, 4.0),
        limit in between(0.0, 60.0),
    ) {
        let (origin, target) = (place(&field, from), place(&field, to));
        prop_assume!(origin.distance(target) > 1e-3);
        let direction = (target - origin).normalize();
        let top = field.origin.y + field.highest();
        let hit = field.cast_ball(origin, direction, radius, limit, top);
        let triangles = all_triangles(&field).into_iter().chain(side_triangles(&field));
        let first = triangles
            .filter_map(|corners| sweep::to_triangle(origin, direction, corners, radius))
            .min_by(|a, b| a.distance.total_cmp(&b.distance));
        let is_below = field.surface_over(origin).is_some();
        let expected = if is_below { Some(RayHit::inside(direction)) } else { first };
        prop_assume!(expected.is_none_or(|expected| (expected.distance - limit).abs() > 1e-6));
        let expected = expected.filter(|expected| expected.distance <= limit);
        prop_assert_eq!(hit.is_some(), expected.is_some());
        if let (Some(hit), Some(expected)) = (hit, expected) {
            prop_assert!((hit.distance - expected.distance).abs() < 1e-6, "{:?} {:?}", hit, expected);
            prop_assert!(hit.normal.distance(expected.normal) < 1e-4, "{:?} {:?}", hit, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_nearest_contact_is_the_nearest_point_of_all_triangles(
        field in rough_field(),
        at in [between(0.0, 1.0), between(0.0, 6.0), between(0.0, 1.0)],
        reach in between(0.1, 12.0),
    ) {
        let surface = field.height_at(place(&field, at).x, place(&field, at).z).unwrap();
        let centre = DVec3 { y: surface + at[1], ..place(&field, at) };
        let nearest = nearest_by_brute_force(&field, centre);
        let found = contacts(&field, centre, reach);
        let distance = centre.distance(nearest);
        prop_assert!(found.iter().all(|point| point.distance < reach));
        if distance < reach - 1e-6 && distance > 1e-6 {
            let first = found.iter().min_by(|a, b| a.distance.total_cmp(&b.distance));
            prop_assert!(first.is_some(), "nothing found at distance {distance}");
            prop_assert!((first.unwrap().distance - distance).abs() < 1e-6);
            let foot = centre - first.unwrap().normal * first.unwrap().distance;
            // Two points may be equally near; then either will do.
            prop_assert!((foot.distance(centre) - nearest.distance(centre)).abs() < 1e-6);
        }
    }

    #[test]
    fn every_contact_lies_on_the_surface_and_nothing_around_it_is_nearer(
        field in rough_field(),
        at in [between(-0.2, 1.2), between(-2.0, 6.0), between(-0.2, 1.2)],
        reach in between(0.1, 12.0),
    ) {
        let centre = place(&field, at);
        for point in contacts(&field, centre, reach) {
            if point.distance <= 0.0 {
                continue;
            }
            prop_assert!((point.normal.length() - 1.0).abs() < 1e-9);
            let foot = centre - point.normal * point.distance;
            prop_assert!(foot.distance(nearest_by_brute_force(&field, foot)) < 1e-6);
            // A face's foot is perpendicular below the centre, which is all there is to show. An edge's foot beside a post may have other triangles in the circle: 3 mm off still, where edges leave it at an angle of 1 to 27.
            let is_face = point.feature % 6 >= 4;
            let beside_post = point.feature % 6 > 0 && nearest_post(&field, foot).distance(foot) < 4e-3;
            for step in 0..if is_face || beside_post { 0 } else { 64 } {
                let angle = f64::from(step) * 0.098_174_770_4;
                let (x, z) = (foot.x + 1e-4 * libm::cos(angle), foot.z + 1e-4 * libm::sin(angle));
                if let Some(y) = field.height_at(x, z) {
                    prop_assert!(centre.distance(DVec3::new(x, y, z)) > point.distance - 1e-7);
                }
            }
        }
    }

    #[test]
    fn a_centre_below_the_surface_is_pushed_out_along_the_normal_over_it(
        field in rough_field(),
        at in [between(0.0, 1.0), between(0.0, 50.0), between(0.0, 1.0)],
    ) {
        let surface = field.height_at(place(&field, at).x, place(&field, at).z).unwrap();
        let centre = DVec3 { y: surface - at[1], ..place(&field, at) };
        let found = contacts(&field, centre, 0.5);
        prop_assume!(field.height_at(centre.x, centre.z).unwrap() >= centre.y);
        prop_assert_eq!(found.len(), 1);
        prop_assert!(found[0].normal.y > 0.0);
        prop_assert!((found[0].distance + at[1] * found[0].normal.y).abs() < 1e-6);
    }

    #[test]
    fn a_ray_meets_what_brute_force_meets(
        field in rough_field(),
        from in [between(-0.5, 1.5), between(4.1, 9.0), between(-0.5, 1.5)],
        to in [between(0.0, 1.0), between(-3.0, 3.0), between(0.0, 1.0)],
    ) {
        let (origin, target) = (place(&field, from), place(&field, to));
        let direction = (target - origin).normalize();
        let expected = all_triangles(&field)
            .into_iter()
            .filter_map(|triangle| ray_on_triangle(triangle, origin, direction))
            .min_by(f64::total_cmp);
        match (cast(&field, origin, direction, 1e6), expected) {
            (Some(hit), Some(distance)) => {
                // A ray that comes in through a side, below the surface, stops there, before it would meet a triangle from below.
                let through_side = hit.normal.y == 0.0;
                prop_assert!((hit.distance - distance).abs() < 1e-5 || (through_side && hit.distance < distance));
                prop_assert!(hit.normal.dot(direction) <= 1e-9);
            }
            (Some(hit), None) => prop_assert!(hit.normal.y == 0.0),
            (None, expected) => prop_assert_eq!(expected, None),
        }
    }

    #[test]
    fn no_number_panics(field in rough_field(), numbers in prop::array::uniform8(any::<f64>())) {
        let [x, y, z, dx, dy, dz, reach, far] = numbers;
        field.height_at(x, z);
        // A huge reach over a small field is fine, and so is one that is not a number.
        contacts(&field, DVec3::new(x, y, z), reach);
        let direction = DVec3::new(dx, dy, dz);
        cast(&field, DVec3::new(x, y, z), direction, far);
        cast(&field, place(&field, [0.5, 9.0, 0.5]), direction.normalize_or_zero(), 1e9);
    }
}

#[test]
fn heights_between_posts_follow_the_two_triangles_of_the_cell() {
    let mut field = field(2, 2, (2.0, 4.0), |_, _| 0.0);
    field.heights = vec![0.0, 1.0, 3.0, 7.0];
    field.origin = DVec3::new(10.0, 100.0, 20.0);
    let check = |x, z, expected| assert_eq!(field.height_at(x, z), expected, "at {x}, {z}");
    check(10.0, 20.0, Some(100.0));
    check(12.0, 20.0, Some(101.0));
    check(10.0, 24.0, Some(103.0));
    check(12.0, 24.0, Some(107.0));
    check(11.0, 22.0, Some(103.5));
    check(11.5, 21.0, Some(102.25));
    check(10.5, 23.0, Some(103.25));
    check(9.999, 22.0, None);
    check(12.001, 22.0, None);
    check(f64::NAN, 22.0, None);
}

/// Along a path over a plane, level or tilted, the field must give what the plane gives, whatever seams lie below: one contact, the same distance and normal.
#[test]
fn a_sphere_on_a_flat_field_feels_a_plane() {
    for (slope_x, slope_z) in [(0.0, 0.0), (0.5, -0.25), (1.0, 1.0)] {
        let field = field(21, 21, (0.5, 0.25), |x, z| slope_x * x + slope_z * z);
        let normal = DVec3::new(-slope_x, 1.0, -slope_z).normalize();
        for radius in [0.05, 0.4, 1.5] {
            for step in 0..1000 {
                let along = f64::from(step) * 0.004;
                // Every fourth path runs exactly along posts, edges or diagonals.
                let foot = match step % 4 {
                    0 => DVec3::new(3.0 + along, 0.0, 2.5),
                    1 => DVec3::new(3.0 + 0.5 * along, 0.0, 1.5 + 0.25 * along),
                    2 => DVec3::new(5.0, 0.0, 1.6 + 0.4 * along),
                    _ => DVec3::new(3.0 + along, 0.0, 1.7 + 0.3 * along),
                };
                let foot = DVec3 {
                    y: slope_x * foot.x + slope_z * foot.z,
                    ..foot
                };
                let found = contacts(&field, foot + normal * (radius * 0.98), radius * 1.2);
                assert!(!found.is_empty());
                for point in found {
                    assert!((point.distance - radius * 0.98).abs() < 1e-6, "{point:?}");
                    assert!(point.normal.distance(normal) < 1e-6, "{point:?}");
                }
            }
        }
    }
}

#[test]
fn a_sphere_in_a_valley_touches_both_sides_and_on_a_ridge_the_ridge() {
    let slope = 0.75;
    let valley = field(9, 5, (1.0, 1.0), |x, _| slope * (x - 4.0).abs());
    let centre = DVec3::new(4.0, 1.25, 2.3);
    let found = contacts(&valley, centre, 1.1);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|point| (point.distance - 1.0).abs() < 1e-12));
    assert!((found[0].normal + found[1].normal).x.abs() < 1e-12);

    let ridge = field(9, 5, (1.0, 1.0), |x, _| -slope * (x - 4.0).abs());
    let found = contacts(&ridge, DVec3::new(4.1, 1.0, 2.3), 1.1);
    assert_eq!(found.len(), 1);
    let gap = DVec3::new(0.1, 1.0, 0.0);
    assert!((found[0].distance - gap.length()).abs() < 1e-12);
    assert!(found[0].normal.distance(gap.normalize()) < 1e-12);
}

#[test]
fn a_peak_touches_with_its_post() {
    let mut field = field(3, 3, (1.0, 1.0), |_, _| 0.0);
    field.heights[4] = 1.0;
    let found = contacts(&field, DVec3::new(1.05, 1.5, 0.98), 0.6);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].feature, 4 * 6);
}

#[test]
fn a_reach_over_hundreds_of_cells_finds_the_bottom() {
    let bowl = field(101, 101, (0.1, 0.1), |x, z| {
        0.01 * ((x - 5.0) * (x - 5.0) + (z - 5.0) * (z - 5.0))
    });
    let found = contacts(&bowl, DVec3::new(5.0, 4.0, 5.0), 4.2);
    let nearest = found.iter().map(|point| point.distance).fold(f64::INFINITY, f64::min);
    // The facets at the bottom rise by 0.001 along x and along z, so the nearest point is nearer than the bottom by 1e-6 of the distance.
    assert!((nearest - 4.0 * (1.0 - 1e-6)).abs() < 1e-6, "{nearest}");
}

#[test]
fn outside_the_grid_there_is_nothing_but_the_border_seen_from_above() {
    let field = field(3, 3, (1.0, 1.0), |_, _| 0.0);
    assert!(contacts(&field, DVec3::new(-0.5, -0.1, 1.0), 1.0).is_empty());
    assert!(contacts(&field, DVec3::new(-1.5, 0.1, 1.0), 1.0).is_empty());
    assert_eq!(contacts(&field, DVec3::new(-0.3, 0.4, 1.0), 1.0)[0].distance, 0.5);
}

#[test]
fn rays_start_inside_come_in_through_sides_and_miss() {
    let field = field(3, 3, (1.0, 1.0), |_, _| 1.0);
    let hit = |origin, direction| cast(&field, origin, direction, 10.0).map(|hit| (hit.distance, hit.normal));
    assert_eq!(hit(DVec3::new(0.7, 3.0, 1.2), DVec3::NEG_Y), Some((2.0, DVec3::Y)));
    assert_eq!(hit(DVec3::new(0.7, 0.5, 1.2), DVec3::X), Some((0.0, DVec3::NEG_X)));
    assert_eq!(hit(DVec3::new(-2.0, 0.5, 1.2), DVec3::X), Some((2.0, DVec3::NEG_X)));
    assert_eq!(hit(DVec3::new(-2.0, 1.5, 1.2), DVec3::X), None);
    assert_eq!(hit(DVec3::new(0.7, 3.0, 1.2), DVec3::Y), None);
    assert_eq!(hit(DVec3::new(0.7, 12.0, 1.2), DVec3::NEG_Y), None);
    let endless = cast(&field, DVec3::new(0.7, 3.0, 1.2), DVec3::NEG_Y, 1e7).unwrap();
    assert!((endless.distance - 2.0).abs() < 1e-8);
}

#[test]
fn a_ball_touches_a_slope_a_ridge_and_a_side() {
    let slope = field(3, 3, (2.0, 2.0), |x, _| 0.75 * x);
    let ball = |field: &HeightField, origin: DVec3, direction: DVec3| {
        field.cast_ball(origin, direction, 0.5, 100.0, field.highest())
    };
    // The plane is 0.5 m away across the slope: 0.5 / cos above it.
    let touch = ball(&slope, DVec3::new(2.0, 10.0, 2.0), DVec3::NEG_Y).unwrap();
    assert!((touch.distance - (10.0 - 1.5 - 0.625)).abs() < 1e-12);
    assert!(touch.normal.distance(DVec3::new(-0.6, 0.8, 0.0)) < 1e-12);

    let ridge = field(3, 3, (2.0, 2.0), |x, _| 3.0 - 2.0 * (x - 2.0).abs());
    let touch = ball(&ridge, DVec3::new(2.0, 10.0, 1.0), DVec3::NEG_Y).unwrap();
    assert!((touch.distance - 6.5).abs() < 1e-12);
    assert!(touch.normal.distance(DVec3::Y) < 1e-12);
    // 0.3 m beside the ridge's line of flight: along z, 0.4 m above the edge that runs along z, it never touches.
    assert_eq!(ball(&ridge, DVec3::new(2.3, 3.41, -5.0), DVec3::Z), None);

    let level = field(3, 3, (2.0, 2.0), |_, _| 1.0);
    let side = RayHit {
        distance: 4.5,
        normal: DVec3::NEG_X,
    };
    assert_eq!(ball(&level, DVec3::new(-5.0, 0.5, 1.0), DVec3::X), Some(side));
    let corner = ball(&level, DVec3::new(-5.0, 0.5, -0.3), DVec3::X).unwrap();
    assert!((corner.distance - 4.6).abs() < 1e-12);
    assert!(corner.normal.distance(DVec3::new(-0.8, 0.0, -0.6)) < 1e-12);
    assert_eq!(ball(&level, DVec3::new(-5.0, 1.51, 1.0), DVec3::X), None);
}
