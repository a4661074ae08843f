//! Meshes against brute force over all triangles, against closed forms and against height fields.

use glam::{DVec3, Vec3};
use proptest::prelude::*;

use super::{Surface, Topology, TriangleMesh};
use crate::shape::brute_force::{nearest_on_triangle, ray_on_triangle};
use crate::shape::strategy::{between, between_f32};
use crate::shape::sweep;
use crate::shape::{HeightField, SurfacePoint};

fn mesh(vertices: Vec<Vec3>, triangles: Vec<[u32; 3]>) -> TriangleMesh {
    TriangleMesh {
        origin: DVec3::ZERO,
        vertices,
        triangles,
        friction: 0.5,
        restitution: 0.0,
    }
}

/// A closed box, fronts outside.
fn closed_box(half: Vec3) -> TriangleMesh {
    TriangleMesh::cuboid(DVec3::ZERO, half, glam::Quat::IDENTITY)
}

/// The surface of a height field as a mesh, fronts up. Each triangle has corners of its own, so that welding has something to do.
fn surface_of(field: &HeightField) -> TriangleMesh {
    let post = |column: u32, row: u32| {
        Vec3::new(
            column as f32 * field.spacing_x,
            field.heights[(row * field.columns + column) as usize],
            row as f32 * field.spacing_z,
        )
    };
    let mut vertices = Vec::new();
    for (row, column) in (0..field.rows - 1).flat_map(|row| (0..field.columns - 1).map(move |column| (row, column))) {
        let [a, b, c, d] = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, z)| post(column + x, row + z));
        vertices.extend([a, d, b, a, c, d]);
    }
    let triangles = (0..vertices.len() as u32 / 3)
        .map(|t| [3 * t, 3 * t + 1, 3 * t + 2])
        .collect();
    TriangleMesh {
        origin: field.origin,
        ..mesh(vertices, triangles)
    }
}

/// All contacts as the world gets them.
fn contacts(mesh: &TriangleMesh, topology: &Topology, centre: DVec3, reach: f64) -> Vec<SurfacePoint> {
    let mut points = Vec::new();
    let only = Surface { mesh, topology }.surface_near(centre, reach, &mut |point| points.push(point));
    only.map_or(points, |point| vec![point])
}

fn contacts_of(mesh: &TriangleMesh, centre: DVec3, reach: f64) -> Vec<SurfacePoint> {
    contacts(mesh, &Topology::of(mesh), centre, reach)
}

fn all_triangles(mesh: &TriangleMesh) -> impl Iterator<Item = [DVec3; 3]> {
    let corner = |vertex: u32| mesh.origin + mesh.vertices[vertex as usize].as_dvec3();
    mesh.triangles.iter().map(move |corners| corners.map(corner))
}

fn nearest_by_brute_force(mesh: &TriangleMesh, p: DVec3) -> DVec3 {
    let points = all_triangles(mesh).map(|triangle| nearest_on_triangle(triangle, p));
    points.min_by(|a, b| a.distance(p).total_cmp(&b.distance(p))).unwrap()
}

prop_compose! {
    fn rough_field()(
        columns in 2_u32..7,
        rows in 2_u32..7,
        // Powers of two, so that the mesh's f32 vertices are the posts exactly.
        spacing in prop::sample::select(vec![0.25_f32, 0.5, 2.0, 8.0]),
        steepness in between_f32(0.0, 4.0),
        origin in prop::array::uniform3(-1_000_000_i32..1_000_000),
        noise in prop::collection::vec(between_f32(-1.0, 1.0), 36),
    ) -> HeightField {
        HeightField {
            origin: DVec3::from_array(origin.map(f64::from)),
            columns,
            rows,
            spacing_x: spacing,
            spacing_z: 0.5 * spacing,
            heights: noise[..(columns * rows) as usize].iter().map(|height| height * steepness).collect(),
            friction: 0.5,
            restitution: 0.0,
        }
    }
}

prop_compose! {
    /// Triangles without any order.
    fn soup()(
        corners in prop::collection::vec(prop::array::uniform3(between_f32(-4.0, 4.0)), 3..40),
        picks in prop::collection::vec(prop::array::uniform3(any::<prop::sample::Index>()), 1..40),
        origin in prop::array::uniform3(between(-1e6, 1e6)),
    ) -> TriangleMesh {
        let pick = |pick: prop::sample::Index| pick.index(corners.len()) as u32;
        let mut soup = TriangleMesh {
            origin: DVec3::from_array(origin),
            ..mesh(
                corners.iter().copied().map(Vec3::from_array).collect(),
                picks.into_iter().map(|picks| picks.map(pick)).collect(),
            )
        };
        soup.drop_degenerate();
        if soup.triangles.is_empty() {
            soup.vertices.truncate(0);
            soup.vertices.extend([Vec3::ZERO, Vec3::X, Vec3::Z]);
            soup.triangles.push([0, 2, 1]);
        }
        soup
    }
}

fn place(field: &HeightField, [x, y, z]: [f64; 3]) -> DVec3 {
    field.origin + field.size() * DVec3::new(x, 0.0, z) + DVec3::Y * y
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// The two find their features in different ways and must see the same surface.
    #[test]
    fn a_mesh_touches_as_the_height_field_of_its_triangles(
        field in rough_field(),
        at in [between(0.0, 1.0), between(1e-3, 6.0), between(0.0, 1.0)],
        reach in between(0.1, 6.0),
    ) {
        let foot = place(&field, at);
        let centre = DVec3 { y: field.height_at(foot.x, foot.z).unwrap() + at[1], ..foot };
        let mut expected = Vec::new();
        field.surface_near(centre, reach, &mut |point| expected.push(point));
        let mesh = surface_of(&field);
        let found = contacts_of(&mesh, centre, reach);
        // Regions overlap by a slack, so that near a seam one may report a point twice; each must find what the other has.
        let has = |points: &[SurfacePoint], point: &SurfacePoint| points.iter().any(|other| {
            (other.distance - point.distance).abs() < 1e-6 && other.normal.distance(point.normal) < 1e-5
        });
        prop_assert!(expected.iter().all(|point| has(&found, point)), "{expected:?}\n{found:?}");
        prop_assert!(found.iter().all(|point| has(&expected, point)), "{expected:?}\n{found:?}");
    }

    #[test]
    fn the_nearest_point_is_found_and_every_contact_lies_on_the_surface(
        mesh in soup(),
        at in prop::array::uniform3(between(-6.0, 6.0)),
        reach in between(0.1, 6.0),
    ) {
        let centre = mesh.origin + DVec3::from_array(at);
        let nearest = nearest_by_brute_force(&mesh, centre).distance(centre);
        for point in contacts_of(&mesh, centre, reach) {
            prop_assert!((point.normal.length() - 1.0).abs() < 1e-9);
            prop_assert!(point.distance.abs() < reach && point.distance.abs() > nearest - 1e-6);
            let foot = centre - point.normal * point.distance;
            prop_assert!(foot.distance(nearest_by_brute_force(&mesh, foot)) < 1e-5);
        }
    }

    #[test]
    fn a_closed_box_is_a_solid(
        half in prop::array::uniform3(between_f32(0.5, 3.0)),
        at in prop::array::uniform3(between(-1.5, 1.5)),
    ) {
        let half = Vec3::from_array(half);
        let centre = DVec3::from_array(at) * half.as_dvec3();
        let solid = crate::shape::Cuboid::new(DVec3::ZERO, half, glam::Quat::IDENTITY);
        let expected = solid.surface_near(centre, 10.0).unwrap();
        let found = contacts_of(&closed_box(half), centre, 10.0);
        let nearest = found.iter().min_by(|a, b| a.distance.total_cmp(&b.distance)).unwrap();
        prop_assert!((nearest.distance - expected.distance).abs() < 1e-9);
        // In the middle between two faces either will do.
        let unfolded = (half.as_dvec3() - centre.abs()).to_array();
        let is_tie = (0..3).any(|a| (0..a).any(|b| (unfolded[a] - unfolded[b]).abs() < 1e-6));
        prop_assert!(is_tie || nearest.normal.distance(expected.normal) < 1e-6, "{found:?} {expected:?}");
        prop_assert!(expected.distance >= 0.0 || found.len() == 1);
    }

    #[test]
    fn a_ray_meets_what_brute_force_meets(
        mesh in soup(),
        from in prop::array::uniform3(between(-9.0, 9.0)),
        to in prop::array::uniform3(between(-4.0, 4.0)),
        limit in between(0.0, 20.0),
    ) {
        let (origin, target) = (mesh.origin + DVec3::from_array(from), mesh.origin + DVec3::from_array(to));
        prop_assume!(origin.distance(target) > 1e-3);
        let direction = (target - origin).normalize();
        let expected = all_triangles(&mesh)
            .filter_map(|triangle| ray_on_triangle(triangle, origin, direction))
            .min_by(f64::total_cmp)
            .filter(|&distance| distance <= limit);
        let topology = Topology::of(&mesh);
        let hit = Surface { mesh: &mesh, topology: &topology }.cast_ray(origin, direction, limit);
        match (hit, expected) {
            (Some(hit), Some(distance)) => {
                prop_assert!((hit.distance - distance).abs() < 1e-5);
                prop_assert!(hit.normal.dot(direction) <= 1e-9 && (hit.normal.length() - 1.0).abs() < 1e-9);
            }
            (None, None) => {}
            // Brute force counts the last 1e-9 outside a triangle.
            (hit, expected) => {
                let distance = hit.map(|hit| hit.distance).or(expected).unwrap();
                let point = origin + direction * distance;
                let inside = |[a, b, c]: [DVec3; 3]| {
                    let normal = (b - a).cross(c - a).normalize();
                    [(a, b), (b, c), (c, a)].iter().all(|&(from, to)| (to - from).cross(point - from).dot(normal) > 1e-6)
                        && (point - a).dot(normal).abs() < 1e-6
                };
                prop_assert!((distance - limit).abs() < 1e-6 || !all_triangles(&mesh).any(inside));
            }
        }
    }

    #[test]
    fn a_ball_stops_at_the_first_triangle(
        mesh in soup(),
        from in prop::array::uniform3(between(-6.0, 6.0)),
        to in prop::array::uniform3(between(-3.0, 3.0)),
        radius in between(0.01, 2.0),
        limit in between(0.0, 20.0),
    ) {
        let (origin, target) = (mesh.origin + DVec3::from_array(from), mesh.origin + DVec3::from_array(to));
        prop_assume!(origin.distance(target) > 1e-3);
        let direction = (target - origin).normalize();
        let topology = Topology::of(&mesh);
        let hit = Surface { mesh: &mesh, topology: &topology }.cast_ball(origin, direction, radius, limit);
        let start = origin - mesh.origin;
        let expected = all_triangles(&mesh)
            .filter_map(|triangle| sweep::to_triangle(start, direction, triangle.map(|corner| corner - mesh.origin), radius))
            .map(|hit| hit.distance)
            .min_by(f64::total_cmp);
        prop_assume!(expected.is_none_or(|expected| (expected - limit).abs() > 1e-6));
        let expected = expected.filter(|&expected| expected <= limit);
        prop_assert_eq!(hit.is_some(), expected.is_some());
        if let (Some(hit), Some(expected)) = (hit, expected) {
            prop_assert!((hit.distance - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn no_ray_slips_through_a_closed_surface(
        half in prop::array::uniform3(between_f32(0.5, 3.0)),
        inside in prop::array::uniform3(between(-0.99, 0.99)),
        // Rays at corners, at middles of edges and of faces' diagonals, and anywhere.
        towards in prop::array::uniform3(prop::sample::select(vec![-1.0, 0.0, 0.25, 1.0])),
    ) {
        let half = Vec3::from_array(half);
        let mesh = closed_box(half);
        let topology = Topology::of(&mesh);
        let origin = DVec3::from_array(inside) * half.as_dvec3();
        let way = DVec3::from_array(towards) * half.as_dvec3() - origin;
        prop_assume!(way.length() > 1e-3);
        let hit = Surface { mesh: &mesh, topology: &topology }.cast_ray(origin, way.normalize(), 100.0);
        prop_assert!(hit.is_some());
    }

    #[test]
    fn no_number_panics(mesh in soup(), numbers in prop::array::uniform8(any::<f64>())) {
        let [x, y, z, dx, dy, dz, reach, far] = numbers;
        let topology = Topology::of(&mesh);
        contacts(&mesh, &topology, DVec3::new(x, y, z), reach);
        let surface = Surface { mesh: &mesh, topology: &topology };
        surface.cast_ray(DVec3::new(x, y, z), DVec3::new(dx, dy, dz), far);
        surface.cast_ball(DVec3::new(x, y, z), DVec3::new(dx, dy, dz), reach, far);
        surface.cast_ray(mesh.origin, DVec3::new(dx, dy, dz).normalize_or_zero(), 1e9);
    }
}

/// Along a path over a plane, level or tilted, a mesh must give what the plane gives, whatever seams lie below.
#[test]
fn a_sphere_on_a_flat_mesh_feels_a_plane() {
    for (slope_x, slope_z) in [(0.0_f32, 0.0), (0.5, -0.25), (1.0, 1.0)] {
        let heights = (0..21 * 21).map(|post| slope_x * 0.5 * (post % 21) as f32 + slope_z * 0.25 * (post / 21) as f32);
        let field = HeightField {
            origin: DVec3::ZERO,
            columns: 21,
            rows: 21,
            spacing_x: 0.5,
            spacing_z: 0.25,
            heights: heights.collect(),
            friction: 0.5,
            restitution: 0.0,
        };
        let mesh = surface_of(&field);
        let topology = Topology::of(&mesh);
        let (slope_x, slope_z) = (f64::from(slope_x), f64::from(slope_z));
        let normal = DVec3::new(-slope_x, 1.0, -slope_z).normalize();
        for radius in [0.05, 0.4, 1.5] {
            for step in 0..500 {
                let along = f64::from(step) * 0.008;
                let foot = match step % 3 {
                    0 => DVec3::new(3.0 + along, 0.0, 2.5),
                    1 => DVec3::new(3.0 + 0.5 * along, 0.0, 1.5 + 0.25 * along),
                    _ => DVec3::new(3.0 + along, 0.0, 1.7 + 0.3 * along),
                };
                let foot = DVec3 {
                    y: slope_x * foot.x + slope_z * foot.z,
                    ..foot
                };
                // Above the surface, and as deep as a centre may come.
                for height in [0.98, 0.0, -0.5] {
                    let found = contacts(&mesh, &topology, foot + normal * (radius * height), radius * 1.2);
                    assert!(!found.is_empty());
                    for point in found {
                        assert!((point.distance - radius * height).abs() < 1e-6, "{point:?}");
                        assert!(point.normal.distance(normal) < 1e-6, "{point:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_thin_plate_keeps_a_sphere_on_the_side_where_its_centre_is() {
    let plate = closed_box(Vec3::new(2.0, 0.01, 2.0));
    let found = contacts_of(&plate, DVec3::new(0.3, 0.4, 0.1), 0.6);
    assert!(found.iter().all(|point| point.normal == DVec3::Y), "{found:?}");
    assert!((found[0].distance - 0.39).abs() < 1e-6);
    let found = contacts_of(&plate, DVec3::new(0.3, -0.4, 0.1), 0.6);
    assert!(found.iter().all(|point| point.normal == DVec3::NEG_Y), "{found:?}");
}

#[test]
fn the_border_of_an_open_surface_is_touched_from_the_front_and_the_side_only() {
    let square = mesh(
        vec![Vec3::ZERO, Vec3::Z, Vec3::X, Vec3::new(1.0, 0.0, 1.0)],
        vec![[0, 1, 2], [1, 3, 2]],
    );
    let found = contacts_of(&square, DVec3::new(-0.3, 0.4, 0.5), 1.0);
    assert_eq!(found.len(), 1);
    assert!((found[0].distance - 0.5).abs() < 1e-12);
    assert!(found[0].normal.distance(DVec3::new(-0.6, 0.8, 0.0)) < 1e-12);
    assert!(contacts_of(&square, DVec3::new(-0.3, -0.1, 0.5), 1.0).is_empty());
    let below = contacts_of(&square, DVec3::new(0.25, -0.1, 0.5), 1.0);
    assert_eq!((below.len(), below[0].normal), (1, DVec3::Y));
    assert!((below[0].distance + 0.1).abs() < 1e-12);
    assert!(contacts_of(&square, DVec3::new(0.25, -0.1, 0.5), 0.05).is_empty());
}

#[test]
fn a_large_mesh_is_built_and_asked_in_little_time_whatever_the_order_of_its_triangles() {
    let side = 100_u32;
    let vertices = (0..side * side).map(|v| Vec3::new((v % side) as f32, 0.0, (v / side) as f32));
    let cells = (0..(side - 1) * (side - 1)).map(|cell| cell / (side - 1) * side + cell % (side - 1));
    let triangles: Vec<_> = cells
        .flat_map(|v| [[v, v + side, v + 1], [v + 1, v + side, v + side + 1]])
        .collect();
    let mut reversed = triangles.clone();
    reversed.reverse();
    let vertices: Vec<_> = vertices.collect();
    for triangles in [triangles, reversed] {
        let mesh = mesh(vertices.clone(), triangles);
        let found = contacts_of(&mesh, DVec3::new(40.3, 0.5, 70.6), 0.9);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].normal, found[0].distance), (DVec3::Y, 0.5));
    }
}

#[test]
fn triangles_without_area_are_dropped_and_counted() {
    let vertices = vec![Vec3::ZERO, Vec3::X, Vec3::Z, Vec3::new(2.0, 0.0, 0.0), Vec3::ZERO];
    let mut mesh = mesh(vertices, vec![[0, 1, 3], [0, 2, 1], [0, 1, 4], [0, 0, 1], [7, 8, 9]]);
    assert_eq!(mesh.drop_degenerate(), 3);
    assert_eq!(mesh.triangles, [[0, 2, 1], [7, 8, 9]]);
}
