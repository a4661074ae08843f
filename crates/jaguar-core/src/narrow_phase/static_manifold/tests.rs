//! Bodies on planes, height fields and meshes, against closed forms and brute force.

mod hulls;
mod outline;

use glam::{DVec3, Mat3, Quat, Vec3};
use proptest::prelude::*;

use super::{StaticManifold, Workings};
use crate::narrow_phase::solid::{ManifoldPoint, Solid};
use crate::narrow_phase::static_geometry::{FEATURE_BITS, MAX_CONTACTS, StaticGeometry};
use crate::shape::brute_force::nearest_on_triangle;
use crate::shape::strategy::{between, between_f32};
use crate::shape::{HeightField, StaticShape, TriangleMesh};
use crate::tile;

const TILE: f32 = 16.0;

const MARGIN: f32 = 0.02;

fn floor() -> StaticShape {
    StaticShape::Plane {
        point: DVec3::ZERO,
        normal: Vec3::Y,
        friction: 0.5,
        restitution: 0.25,
    }
}

/// A field of 0.5 m cells, its origin at (-10, 0, -10).
fn field(height: impl Fn(f32, f32) -> f32) -> HeightField {
    let posts = 41_u32;
    let at = |index: u32| index as f32 * 0.5 - 10.0;
    HeightField {
        origin: DVec3::new(-10.0, 0.0, -10.0),
        columns: posts,
        rows: posts,
        spacing_x: 0.5,
        spacing_z: 0.5,
        heights: (0..posts * posts)
            .map(|post| height(at(post % posts), at(post / posts)))
            .collect(),
        friction: 0.5,
        restitution: 0.0,
    }
}

/// The surface of a field, fronts up; its triangles share vertices, or have their own and are in no order.
fn mesh_of(field: &HeightField, is_shared: bool) -> TriangleMesh {
    let columns = field.columns;
    let post = |index: u32| {
        let (column, row) = (index % columns, index / columns);
        let height = field.heights[index as usize];
        Vec3::new(column as f32 * field.spacing_x, height, row as f32 * field.spacing_z)
    };
    let cells = (0..columns * field.rows).filter(|v| v % columns < columns - 1 && v / columns < field.rows - 1);
    let mut triangles: Vec<[u32; 3]> = cells
        .flat_map(|v| [[v, v + columns + 1, v + 1], [v, v + columns, v + columns + 1]])
        .collect();
    let mut vertices: Vec<Vec3> = (0..columns * field.rows).map(post).collect();
    if !is_shared {
        let count = triangles.len();
        triangles = (0..count).map(|k| triangles[k * 7 % count]).collect();
        vertices = triangles.iter().flatten().map(|&vertex| post(vertex)).collect();
        triangles = (0..triangles.len() as u32)
            .map(|t| [3 * t, 3 * t + 1, 3 * t + 2])
            .collect();
    }
    TriangleMesh {
        origin: field.origin,
        vertices,
        triangles,
        friction: 0.5,
        restitution: 0.0,
    }
}

/// The same surface in the three ways to give it.
fn surfaces(height: impl Fn(f32, f32) -> f32) -> [StaticShape; 3] {
    let field = field(height);
    [
        StaticShape::Mesh(mesh_of(&field, true)),
        StaticShape::Mesh(mesh_of(&field, false)),
        StaticShape::HeightField(field),
    ]
}

fn cuboid(x: f32, y: f32, z: f32) -> Solid<'static> {
    Solid::Cuboid {
        half_extents: Vec3::new(x, y, z),
    }
}

const CAPSULE: Solid<'static> = Solid::Capsule {
    half_height: 0.6,
    radius: 0.25,
};

fn touch(geometry: &StaticGeometry, position: DVec3, turn: Quat, solid: Solid<'_>, margin: f32) -> Vec<StaticManifold> {
    let place = tile::split(position, TILE).unwrap();
    let mut out = Vec::new();
    geometry.manifolds(
        place,
        &Mat3::from_quat(turn),
        solid,
        margin,
        &mut Workings::default(),
        &mut out,
    );
    out
}

fn touch_one(shape: &StaticShape, position: DVec3, turn: Quat, solid: Solid<'_>) -> Vec<StaticManifold> {
    let geometry = StaticGeometry::new(vec![shape.clone()], TILE).unwrap();
    touch(&geometry, position, turn, solid, MARGIN)
}

fn points(manifold: &StaticManifold) -> &[ManifoldPoint] {
    &manifold.manifold.points[..usize::from(manifold.manifold.count)]
}

/// How far the points are from where they should be, whatever their order.
fn farthest(found: &[ManifoldPoint], expected: &[Vec3]) -> f32 {
    let nearest = |at: Vec3| {
        found
            .iter()
            .map(|point| point.position.distance(at))
            .fold(f32::INFINITY, f32::min)
    };
    expected.iter().map(|&at| nearest(at)).fold(0.0, f32::max)
}

fn along_x() -> Quat {
    Quat::from_rotation_z(std::f32::consts::FRAC_PI_2)
}

#[test]
fn a_box_rests_on_a_plane_with_four_corners_on_an_edge_with_two_and_on_a_corner_with_one() {
    let solid = cuboid(0.5, 0.25, 1.0);
    let flat = touch_one(&floor(), DVec3::new(0.0, 0.24, 0.0), Quat::IDENTITY, solid);
    assert_eq!(flat.len(), 1);
    assert_eq!(
        (flat[0].manifold.normal, flat[0].friction, flat[0].restitution),
        (Vec3::NEG_Y, 0.5, 0.25)
    );
    assert_eq!(points(&flat[0]).len(), 4);
    for point in points(&flat[0]) {
        assert!((point.separation + 0.01).abs() < 1e-6);
        assert!((point.position.abs() - Vec3::new(0.5, 0.245, 1.0)).abs().max_element() < 1e-6);
    }
    let tilted = Quat::from_rotation_z(0.5);
    let height = f64::from(0.5 * libm::sinf(0.5) + 0.25 * libm::cosf(0.5));
    assert_eq!(
        points(&touch_one(&floor(), DVec3::Y * height, tilted, solid)[0]).len(),
        2
    );
    let on_corner = Quat::from_rotation_x(0.5) * tilted;
    let low = (0..8).map(|corner| on_corner * super::Outline::new(solid).vertex(corner).as_vec3());
    let height = -low.map(|corner| corner.y).fold(f32::INFINITY, f32::min);
    let found = touch_one(&floor(), DVec3::Y * f64::from(height), on_corner, solid);
    assert_eq!(points(&found[0]).len(), 1);
    assert!(points(&found[0])[0].separation.abs() < 1e-6);
    assert!(touch_one(&floor(), DVec3::Y * 2.0, on_corner, solid).is_empty());
}

#[test]
fn a_capsule_lies_on_a_plane_with_two_points_and_stands_with_one() {
    let found = touch_one(&floor(), DVec3::new(0.0, 0.24, 0.0), along_x(), CAPSULE);
    let expected = [Vec3::new(0.6, -0.245, 0.0), Vec3::new(-0.6, -0.245, 0.0)];
    assert_eq!(points(&found[0]).len(), 2);
    assert!(farthest(points(&found[0]), &expected) < 1e-6);
    assert_eq!(
        points(&touch_one(&floor(), DVec3::Y * 0.86, Quat::IDENTITY, CAPSULE)[0]).len(),
        1
    );
}

#[test]
fn a_sphere_has_the_points_of_its_own_path() {
    let found = touch_one(
        &floor(),
        DVec3::new(3.0, 0.49, 0.0),
        along_x(),
        Solid::Sphere { radius: 0.5 },
    );
    assert_eq!(
        (found[0].manifold.normal, found[0].manifold.count, found[0].key),
        (Vec3::NEG_Y, 1, 0)
    );
    assert!((points(&found[0])[0].position - Vec3::new(0.0, -0.495, 0.0)).length() < 1e-6);
}

/// Along a path over level or tilted ground: always one manifold, with the normal of the ground, at the box's own corners, and under one key, so that it can be warm started.
#[test]
fn a_box_slides_over_flat_ground_of_many_triangles_without_a_bump() {
    for slope in [0.0_f32, 0.3, -1.0] {
        for shape in surfaces(|x, _| slope * x) {
            let geometry = StaticGeometry::new(vec![shape], TILE).unwrap();
            let up = Vec3::new(-slope, 1.0, 0.0).normalize();
            let tilt = Quat::from_rotation_arc(Vec3::Y, up);
            let half = Vec3::new(0.7, 0.2, 0.45);
            let mut keys = std::collections::BTreeSet::new();
            for step in 0..400 {
                let along = 0.01 * step as f32;
                // Every other path is along the grid with sides exactly on seams.
                let (x, z, yaw) = if step % 2 == 0 {
                    (-2.2 + along, 0.05, 0.0)
                } else {
                    (-2.0 + along, 0.3 * along, 0.3 + 0.002 * step as f32)
                };
                let turn = tilt * Quat::from_rotation_y(yaw);
                // In by a millimetre, and leaning by a fifth of one to and fro as a solver leaves it.
                let lean = Quat::from_rotation_z(if step % 3 == 0 { 2e-4 } else { -1e-4 });
                let centre = Vec3::new(x, slope * x, z) + up * (0.2 - 0.001);
                let found = touch(
                    &geometry,
                    centre.as_dvec3(),
                    lean * turn,
                    cuboid(half.x, half.y, half.z),
                    MARGIN,
                );
                assert_eq!(found.len(), 1, "step {step}: {found:?}");
                assert!(found[0].manifold.normal.distance(-up) < 1e-4, "step {step}: {found:?}");
                let corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)];
                let corners = corners.map(|(x, z)| lean * turn * (half * Vec3::new(x, -1.0, z)));
                assert!(
                    farthest(points(&found[0]), &corners) < 2e-3,
                    "step {step}: {found:?} {corners:?}"
                );
                keys.insert(found[0].key);
            }
            assert!(keys.len() <= 2, "{keys:?}");
        }
    }
}

#[test]
fn a_capsule_slides_over_flat_ground_of_many_triangles_without_a_bump() {
    for shape in surfaces(|_, _| 0.0) {
        let geometry = StaticGeometry::new(vec![shape], TILE).unwrap();
        for step in 0..400 {
            let along = 0.01 * f64::from(step);
            let turn = Quat::from_rotation_y(0.003 * step as f32) * along_x();
            let centre = DVec3::new(-2.0 + along, 0.249, 0.37 * along);
            let found = touch(&geometry, centre, turn, CAPSULE, MARGIN);
            assert_eq!(found.len(), 1, "step {step}: {found:?}");
            assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-6);
            let ends = [-0.6, 0.6].map(|end| turn * Vec3::new(0.0, end, 0.0) - Vec3::Y * 0.2495);
            assert!(
                farthest(points(&found[0]), &ends) < 1e-5,
                "step {step}: {found:?} {ends:?}"
            );
        }
    }
}

/// Level ground that rises from x = 0 on: a box that slides towards the slope must never see anything but the two grounds.
#[test]
fn a_box_meets_a_hollow_seam_with_the_normals_of_its_two_sides_alone() {
    let up = [Vec3::Y, Vec3::new(-1.0, 1.0, 0.0).normalize()];
    for shape in surfaces(|x, _| x.max(0.0)) {
        let geometry = StaticGeometry::new(vec![shape], TILE).unwrap();
        for step in 0..300 {
            let centre = DVec3::new(-1.5 + 0.004 * f64::from(step), 0.299, 0.1);
            let turn = Quat::from_rotation_y(0.2);
            let found = touch(&geometry, centre, turn, cuboid(0.5, 0.3, 0.5), MARGIN);
            assert!(!found.is_empty());
            for manifold in &found {
                let normal = -manifold.manifold.normal;
                assert!(up.iter().any(|up| up.distance(normal) < 1e-4), "step {step}: {found:?}");
            }
        }
    }
}

#[test]
fn a_capsule_in_a_valley_touches_both_sides() {
    for shape in surfaces(|x, _| 0.75 * x.abs()) {
        let along_z = Quat::from_rotation_x(std::f32::consts::FRAC_PI_2);
        // The distance from the axis to the sides is its height by the cosine, 0.8.
        let found = touch_one(&shape, DVec3::new(0.0, 0.3, 0.13), along_z, CAPSULE);
        assert_eq!(found.len(), 2, "{found:?}");
        for manifold in &found {
            assert!((manifold.manifold.normal.x.abs() - 0.6).abs() < 1e-6 && manifold.manifold.normal.y < 0.0);
            assert_eq!(manifold.manifold.count, 2);
            assert!(
                points(manifold)
                    .iter()
                    .all(|point| (point.separation + 0.01).abs() < 1e-6),
                "{found:?}"
            );
        }
        let standing = touch_one(&shape, DVec3::new(0.0, 0.9, 0.13), Quat::IDENTITY, CAPSULE);
        assert_eq!(
            standing
                .iter()
                .map(|manifold| manifold.manifold.count)
                .collect::<Vec<_>>(),
            [1, 1]
        );
    }
}

#[test]
fn a_box_on_a_ridge_has_two_points_and_on_a_peak_one() {
    for shape in surfaces(|x, _| -x.abs()) {
        for yaw in [0.0, 0.4] {
            let found = touch_one(
                &shape,
                DVec3::new(0.05, 0.199, 0.13),
                Quat::from_rotation_y(yaw),
                cuboid(0.5, 0.2, 0.5),
            );
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-6, "{found:?}");
            let length = if yaw == 0.0 { 1.0 } else { 0.9 };
            let found = points(&found[0]);
            assert!(
                found.iter().all(|point| (point.position.x + 0.05).abs() < 1e-5),
                "{found:?}"
            );
            let (low, high) = found
                .iter()
                .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), point| {
                    (low.min(point.position.z), high.max(point.position.z))
                });
            assert!(high - low > length - 1e-3, "{found:?}");
        }
        // The capsule lies along the ridge.
        let along_z = Quat::from_rotation_x(std::f32::consts::FRAC_PI_2);
        let found = touch_one(&shape, DVec3::new(0.0, 0.249, 0.13), along_z, CAPSULE);
        assert_eq!((found.len(), found[0].manifold.count), (1, 2), "{found:?}");
        assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-6, "{found:?}");
        // And across it.
        let found = touch_one(&shape, DVec3::new(0.1, 0.249, 0.13), along_x(), CAPSULE);
        assert_eq!((found.len(), found[0].manifold.count), (1, 1), "{found:?}");
        assert!(
            (points(&found[0])[0].position - Vec3::new(-0.1, -0.2495, 0.0)).length() < 1e-5,
            "{found:?}"
        );
    }
    for shape in surfaces(|x, z| if x.abs() + z.abs() < 0.1 { 0.5 } else { 0.0 }) {
        let found = touch_one(
            &shape,
            DVec3::new(0.1, 0.699, 0.05),
            Quat::from_rotation_y(0.4),
            cuboid(0.5, 0.2, 0.5),
        );
        assert_eq!((found.len(), found[0].manifold.count), (1, 1), "{found:?}");
        assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-6, "{found:?}");
        assert!(
            (points(&found[0])[0].position - Vec3::new(-0.1, -0.1995, -0.05)).length() < 1e-5,
            "{found:?}"
        );
        let found = touch_one(&shape, DVec3::new(0.0, 1.349, 0.0), Quat::IDENTITY, CAPSULE);
        assert_eq!((found.len(), found[0].manifold.count), (1, 1), "{found:?}");
        assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-6, "{found:?}");
    }
}

/// A roof of one degree and a half: its ridge is no edge of its own, but a capsule that stands on it must not fall between the two sides.
#[test]
fn a_capsule_stands_on_a_ridge_that_is_hardly_one() {
    for shape in surfaces(|x, _| -0.009 * x.abs()) {
        for step in -100..100 {
            let found = touch_one(
                &shape,
                DVec3::new(1e-4 * f64::from(step), 0.849, 0.3),
                Quat::IDENTITY,
                CAPSULE,
            );
            assert_eq!(found.len(), 1, "{step}");
            assert!(
                (points(&found[0])[0].separation + 0.001).abs() < 1e-4,
                "{step}: {found:?}"
            );
        }
    }
}

#[test]
fn crossed_edges_touch_in_one_point() {
    // A box on its edge, along x, on a ridge along z.
    for shape in surfaces(|x, _| -x.abs()) {
        let turn = Quat::from_rotation_x(std::f32::consts::FRAC_PI_4);
        let height = 0.2 * std::f64::consts::SQRT_2 - 0.002;
        let found = touch_one(&shape, DVec3::new(0.03, height, 0.1), turn, cuboid(0.5, 0.2, 0.2));
        assert_eq!((found.len(), found[0].manifold.count), (1, 1), "{found:?}");
        assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-5, "{found:?}");
        let point = points(&found[0])[0];
        assert!(
            (point.position - Vec3::new(-0.03, -height as f32 - 0.001, 0.0)).length() < 1e-5,
            "{found:?}"
        );
        assert!((point.separation + 0.002).abs() < 1e-5);
    }
}

/// A closed mesh of a box: fronts outside.
fn crate_mesh(half: Vec3) -> TriangleMesh {
    TriangleMesh::cuboid(DVec3::ZERO, half, Quat::IDENTITY)
}

#[test]
fn a_box_that_overhangs_a_solid_mesh_touches_its_top_alone() {
    let shape = StaticShape::Mesh(crate_mesh(Vec3::ONE));
    for lean in [0.0, 1e-3, -1e-3] {
        for (x, from, to) in [(0.8, 0.3, 1.0), (0.0, -0.5, 0.5), (-0.8, -1.0, -0.3)] {
            let turn = Quat::from_rotation_z(lean);
            let found = touch_one(&shape, DVec3::new(x, 1.249, 0.2), turn, cuboid(0.5, 0.25, 0.5));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 3e-3, "{found:?}");
            let expected = [(from, -0.3), (from, 0.7), (to, -0.3), (to, 0.7)]
                .map(|(px, pz): (f64, f64)| Vec3::new((px - x) as f32, -0.249, (pz - 0.2) as f32));
            assert!(farthest(points(&found[0]), &expected) < 3e-3, "{found:?}");
        }
    }
    // A thin plate keeps it as well, and its underside says nothing.
    let plate = StaticShape::Mesh(crate_mesh(Vec3::new(2.0, 0.01, 2.0)));
    let found = touch_one(
        &plate,
        DVec3::new(1.8, 0.255, 0.2),
        Quat::IDENTITY,
        cuboid(0.5, 0.25, 0.5),
    );
    assert_eq!((found.len(), found[0].manifold.normal), (1, Vec3::NEG_Y), "{found:?}");
}

#[test]
fn a_box_rests_on_a_static_box_and_is_pushed_out_of_it() {
    let shape = StaticShape::Cuboid {
        centre: DVec3::new(1e6, -3.0, 0.0),
        half_extents: Vec3::new(4.0, 1.0, 4.0),
        orientation: Quat::from_rotation_y(0.3),
        friction: 0.25,
        restitution: 0.0,
    };
    let half = Vec3::new(0.5, 0.25, 1.0);
    let solid = cuboid(half.x, half.y, half.z);
    let turn = Quat::from_rotation_y(1.0);
    let found = touch_one(&shape, DVec3::new(1e6 + 0.5, -1.751, 0.3), turn, solid);
    assert_eq!((found.len(), found[0].friction), (1, 0.25));
    assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-6, "{found:?}");
    let corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)];
    let corners = corners.map(|(x, z)| turn * (half * Vec3::new(x, -1.0, z)));
    assert!(farthest(points(&found[0]), &corners) < 1e-3, "{found:?}");
    assert!(
        points(&found[0])
            .iter()
            .all(|point| (point.separation + 0.001).abs() < 1e-5),
        "{found:?}"
    );
    let inside = touch_one(&shape, DVec3::new(1e6 + 0.5, -2.2, 0.3), turn, solid);
    assert!(inside[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-6, "{inside:?}");
    assert!(inside[0].deepest() < -0.4);
    // However deep.
    let huge = StaticShape::Cuboid {
        centre: DVec3::ZERO,
        half_extents: Vec3::new(50.0, 20.0, 50.0),
        orientation: Quat::IDENTITY,
        friction: 0.5,
        restitution: 0.0,
    };
    let inside = touch_one(&huge, DVec3::new(3.0, 5.0, 1.0), turn, solid);
    assert_eq!((inside.len(), inside[0].manifold.normal), (1, Vec3::NEG_Y));
    assert!((inside[0].deepest() + 15.25).abs() < 1e-4, "{inside:?}");
}

#[test]
fn what_is_deep_inside_is_pushed_out() {
    for shape in surfaces(|x, _| 0.25 * x) {
        let up = Vec3::new(-0.25, 1.0, 0.0).normalize();
        for (solid, deepest) in [(cuboid(0.5, 0.2, 0.5), 0.15), (CAPSULE, 0.2)] {
            let found = touch_one(&shape, DVec3::new(0.1, -0.1, 0.2), Quat::IDENTITY, solid);
            assert_eq!(found.len(), 1);
            assert!(found[0].manifold.normal.distance(-up) < 1e-6);
            assert!(points(&found[0]).iter().any(|point| point.separation < -deepest));
        }
    }
    // A field is solid however deep, a mesh as far as the body reaches.
    let deep = touch_one(
        &StaticShape::HeightField(field(|_, _| 0.0)),
        DVec3::Y * -50.0,
        Quat::IDENTITY,
        CAPSULE,
    );
    assert!((points(&deep[0])[0].separation + 50.85).abs() < 1e-5);
}

#[test]
fn beside_a_cliff_only_the_cliff_counts() {
    // A step of 5 m between x = 0 and 0.5, and a box that has come into it by a centimetre.
    for shape in surfaces(|x, _| if x > 0.25 { 5.0 } else { 0.0 }) {
        let cliff = Vec3::new(-10.0, 1.0, 0.0).normalize();
        let reach = 0.3 * (cliff.x.abs() + cliff.y);
        let centre = Vec3::new(0.1, 1.0, 0.1) + cliff * (reach - 0.01);
        let found = touch_one(&shape, centre.as_dvec3(), Quat::IDENTITY, cuboid(0.3, 0.3, 0.3));
        for manifold in &found {
            assert!(
                points(manifold).iter().all(|point| point.separation > -0.02),
                "{found:?}"
            );
            assert!(manifold.manifold.normal.dot(-cliff) > 0.95, "{found:?}");
        }
        assert!(!found.is_empty());
    }
}

#[test]
fn a_body_gets_the_eight_deepest_under_keys_of_their_own() {
    let rough = field(|x, z| 0.3 * libm::sinf(37.0 * x) * libm::cosf(23.0 * z));
    let geometry = StaticGeometry::new(vec![floor(), StaticShape::HeightField(rough)], TILE).unwrap();
    let found = touch(
        &geometry,
        DVec3::new(0.1, 0.35, 0.2),
        Quat::IDENTITY,
        cuboid(3.0, 0.2, 3.0),
        0.1,
    );
    assert_eq!(found.len(), MAX_CONTACTS);
    assert!(found.is_sorted_by(|a, b| a.key < b.key));
    let all = touch(
        &geometry,
        DVec3::new(0.1, 0.35, 0.2),
        Quat::IDENTITY,
        cuboid(3.0, 0.2, 3.0),
        0.0,
    );
    assert!(all.iter().all(|manifold| manifold.key >> FEATURE_BITS <= 1));
}

/// From a point to a body's surface, m, negative inside.
fn distance_to_body(solid: Solid<'_>, turn: Quat, point: DVec3) -> f64 {
    let local = (turn.as_dquat().inverse()) * point;
    match solid {
        Solid::Capsule { half_height, radius } => {
            let half = f64::from(half_height);
            local.distance(DVec3::Y * local.y.clamp(-half, half)) - f64::from(radius)
        }
        Solid::Cuboid { half_extents } => {
            let beyond = local.abs() - half_extents.as_dvec3();
            let outside = beyond.max(DVec3::ZERO).length();
            if outside > 0.0 { outside } else { beyond.max_element() }
        }
        _ => unreachable!("not tested here"),
    }
}

fn triangles(mesh: &TriangleMesh) -> impl Iterator<Item = [DVec3; 3]> {
    let corner = |vertex: u32| mesh.origin + mesh.vertices[vertex as usize].as_dvec3();
    mesh.triangles.iter().map(move |corners| corners.map(corner))
}

prop_compose! {
    fn body()(
        numbers in prop::array::uniform3(between_f32(0.05, 0.8)),
        is_capsule in any::<bool>(),
    ) -> Solid<'static> {
        if is_capsule {
            Solid::Capsule { half_height: numbers[0], radius: numbers[1] }
        } else {
            cuboid(numbers[0], numbers[1], numbers[2])
        }
    }
}

prop_compose! {
    fn turn()(axis in prop::array::uniform3(between_f32(-1.0, 1.0)), angle in between_f32(0.0, 6.3)) -> Quat {
        Quat::from_axis_angle(Vec3::from_array(axis).try_normalize().unwrap_or(Vec3::Y), angle)
    }
}

/// How a rough field is drawn; short enough to be printed when a test fails.
fn rough() -> impl Strategy<Value = (u64, f32)> {
    (any::<u64>(), between_f32(0.0, 1.5))
}

fn rough_field((seed, steepness): (u64, f32)) -> HeightField {
    let mut random = crate::scenes::Random(seed);
    let mut field = field(|_, _| 0.0);
    field
        .heights
        .fill_with(|| steepness * (2.0 * random.unit() - 1.0) as f32);
    field
}

/// The same cases in every run: about one in 10^5 of these is a known flaw at a seam or a corner (docs of the module), which must not stop somebody else's change.
fn same_cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(same_cases(400))]

    /// Every point is a place of the surface and one of the body's, as far apart as it says, along a unit normal.
    #[test]
    fn points_are_on_both_surfaces(
        ground in rough(), solid in body(), turn in turn(),
        at in prop::array::uniform2(between(-3.0, 3.0)), height in between(0.01, 1.5), is_mesh in any::<bool>(),
    ) {
        let field = rough_field(ground);
        let mesh = mesh_of(&field, true);
        let y = field.height_at(at[0], at[1]).unwrap() + height;
        let centre = DVec3::new(at[0], y, at[1]);
        let shape = if is_mesh { StaticShape::Mesh(mesh.clone()) } else { StaticShape::HeightField(field) };
        let found = touch_one(&shape, centre, turn, solid);
        prop_assert!(found.len() <= MAX_CONTACTS && found.is_sorted_by(|a, b| a.key < b.key));
        for manifold in &found {
            let normal = manifold.manifold.normal.as_dvec3();
            prop_assert!((normal.length() - 1.0).abs() < 1e-6);
            let points = points(manifold);
            prop_assert!(!points.is_empty());
            for (k, point) in points.iter().enumerate() {
                prop_assert!(point.separation < MARGIN);
                prop_assert!(points[..k].iter().all(|other| other.feature != point.feature));
                let half = 0.5 * f64::from(point.separation);
                let (on_body, on_surface) = (point.position.as_dvec3() - normal * half, point.position.as_dvec3() + normal * half);
                // Merged normals differ by up to twice 1.1 degrees, which moves a point that is found along one and measured along another.
                // A capsule may lie a little askew on an edge, or reach a little beyond a triangle.
                let round = if let Solid::Capsule { radius, half_height } = solid { radius + half_height } else { 0.0 };
                let tolerance = 1e-5 + 0.05 * f64::from(point.separation.abs() + round);
                let on_surface = centre + on_surface;
                let nearest = triangles(&mesh).map(|triangle| nearest_on_triangle(triangle, on_surface).distance(on_surface));
                let nearest = nearest.fold(f64::INFINITY, f64::min);
                prop_assert!(nearest < tolerance, "{nearest} from the surface: {found:?}");
                let from_body = distance_to_body(solid, turn, on_body);
                prop_assert!(from_body < tolerance, "{from_body} from the body: {found:?}");
                // A capsule that stands askew and is cut at a seam has there a point of the ball around its axis, which is inside it.
                prop_assert!(from_body > -tolerance || matches!(solid, Solid::Capsule { .. }), "{found:?}");
            }
        }
    }

    /// A capsule in front of a surface is a swept sphere: its gap is the distance of its axis from all triangles. Edges that bend by a degree are none, which may cost a hundredth of 0.5 m.
    #[test]
    fn the_gap_of_a_capsule_is_its_distance(
        ground in rough(), turn in turn(), at in prop::array::uniform2(between(-3.0, 3.0)), height in between(0.1, 2.0), is_mesh in any::<bool>(),
    ) {
        let field = rough_field(ground);
        let mesh = mesh_of(&field, true);
        let centre = DVec3::new(at[0], field.height_at(at[0], at[1]).unwrap() + height, at[1]);
        let axis = (turn * Vec3::Y).as_dvec3() * f64::from(0.6_f32);
        // The axis in 400 pieces.
        let along = (-200..=200).map(|k| centre + axis * (f64::from(k) / 200.0));
        prop_assume!(along.clone().all(|p| field.height_at(p.x, p.z).is_some_and(|y| p.y > y + 0.01)));
        let near: Vec<_> = triangles(&mesh).filter(|corners| corners.iter().any(|corner| corner.distance(centre) < 2.5)).collect();
        let distance = along
            .flat_map(|p| near.iter().map(move |&triangle| nearest_on_triangle(triangle, p).distance(p)))
            .fold(f64::INFINITY, f64::min);
        let shape = if is_mesh { StaticShape::Mesh(mesh) } else { StaticShape::HeightField(field) };
        let geometry = StaticGeometry::new(vec![shape], TILE).unwrap();
        let found = touch(&geometry, centre, turn, CAPSULE, 0.3);
        let gap = found.iter().map(StaticManifold::deepest).fold(f32::INFINITY, f32::min);
        let expected = distance - 0.25;
        if expected < 0.3 - 1e-3 {
            prop_assert!((f64::from(gap) - expected).abs() < 6e-3, "{gap} {expected} {found:?}");
        } else if expected > 0.3 + 1e-3 {
            prop_assert!(found.is_empty());
        }
    }

    /// However a box leans, and however deep it has sunk: level ground pushes upwards and nowhere else, at a point that is the deepest within a millimetre.
    #[test]
    fn level_ground_pushes_upwards_alone(
        half in prop::array::uniform3(between_f32(0.03, 1.5)), yaw in between_f32(0.0, 6.3), lean in prop::array::uniform2(between_f32(-0.2, 0.2)),
        at in prop::array::uniform2(between(-2.0, 2.0)), depth in between(0.0, 0.9), is_mesh in any::<bool>(), bumps in prop::sample::select(vec![0.0_f32, 1e-3]),
    ) {
        let mut ground = rough_field((7, bumps));
        ground.heights[0] = 0.0;
        let shape = if is_mesh { StaticShape::Mesh(mesh_of(&ground, true)) } else { StaticShape::HeightField(ground) };
        let turn = Quat::from_rotation_y(yaw) * Quat::from_rotation_x(lean[0]) * Quat::from_rotation_z(lean[1]);
        let solid = cuboid(half[0], half[1], half[2]);
        let low = (0..8).map(|corner| (turn * super::Outline::new(solid).vertex(corner).as_vec3()).y).fold(f32::INFINITY, f32::min);
        let deepest = (-f64::from(low) * depth).min(0.1);
        let found = touch_one(&shape, DVec3::new(at[0], -f64::from(low) - deepest, at[1]), turn, solid);
        prop_assert!(!found.is_empty() || deepest < 2e-3);
        for manifold in &found {
            prop_assert!(manifold.manifold.normal.y < -0.9999, "{found:?}");
        }
        if let [only] = &found[..] && bumps == 0.0 {
            prop_assert!((f64::from(only.deepest()) + deepest).abs() < 1.1e-3, "{deepest} {found:?}");
        }
    }

    /// Nothing sinks in unseen: when a corner is below the surface, something pushes.
    #[test]
    fn a_box_with_a_corner_below_the_surface_touches_it(
        ground in rough(), half in prop::array::uniform3(between_f32(0.1, 0.8)), turn in turn(),
        at in prop::array::uniform2(between(-3.0, 3.0)), height in between(-0.5, 1.0), is_mesh in any::<bool>(),
    ) {
        let field = rough_field(ground);
        let solid = cuboid(half[0], half[1], half[2]);
        let centre = DVec3::new(at[0], field.height_at(at[0], at[1]).unwrap() + height, at[1]);
        // A mesh pushes only what its surface can be seen from.
        prop_assume!(!is_mesh || height > 0.0);
        let corners = (0..8).map(|corner| centre + turn.as_dquat() * super::Outline::new(solid).vertex(corner));
        let depths = corners.map(|p| p.y - field.height_at(p.x, p.z).unwrap());
        let deepest = depths.fold(f64::INFINITY, f64::min);
        prop_assume!(deepest < -1e-3);
        let shape = if is_mesh { StaticShape::Mesh(mesh_of(&field, true)) } else { StaticShape::HeightField(field) };
        let found = touch_one(&shape, centre, turn, solid);
        prop_assert!(found.iter().any(|manifold| manifold.deepest() < 0.0), "{deepest} {found:?}");
    }

    #[test]
    fn no_place_panics(
        ground in rough(), solid in body(), turn in prop::array::uniform4(any::<f32>()),
        at in prop::array::uniform3(between(-40.0, 40.0)), margin in between_f32(0.0, 5.0),
    ) {
        let field = rough_field(ground);
        let mesh = StaticShape::Mesh(mesh_of(&field, false));
        let geometry = StaticGeometry::new(vec![floor(), mesh, StaticShape::HeightField(field)], TILE).unwrap();
        touch(&geometry, DVec3::from_array(at), Quat::from_array(turn), solid, margin);
    }
}
