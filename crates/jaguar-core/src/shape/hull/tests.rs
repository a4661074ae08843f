//! Hulls against closed forms, and what holds of every hull.

use glam::{DVec3, Mat3, Quat, Vec3};
use proptest::prelude::*;

use super::*;
use crate::scenes::Random;
use crate::shape::Shape;
use crate::shape::strategy::between_f32;

fn corners_of_box(half: Vec3) -> Vec<Vec3> {
    let side = |number: u32, axis: u32| if number >> axis & 1 == 0 { -1.0 } else { 1.0 };
    (0..8)
        .map(|number| half * Vec3::new(side(number, 0), side(number, 1), side(number, 2)))
        .collect()
}

fn counts(hull: &ConvexHull) -> [usize; 3] {
    [hull.vertices().len(), hull.edges().count(), hull.faces().count()]
}

/// What holds of every hull of these points.
fn check(points: &[Vec3], hull: &ConvexHull) -> Result<(), TestCaseError> {
    let [vertices, edges, faces] = counts(hull);
    prop_assert_eq!(vertices + faces, edges + 2);
    let extent = hull.bounding_radius();
    for (face, (normal, around)) in hull.faces.iter().zip(hull.faces()) {
        prop_assert!((normal.length() - 1.0).abs() < 1e-6);
        // Of what is left out the farthest is 10^-5 of the extent away, which is at most twice the radius, and once more where triangles are joined.
        for &point in points {
            let height = (point.as_dvec3() - hull.centroid()).dot(normal.as_dvec3()) - f64::from(face.offset);
            prop_assert!(height < 1e-4 * f64::from(extent), "{} above a face", height);
        }
        for number in around {
            let height = hull.vertices()[number].dot(normal) - face.offset;
            prop_assert!(
                height <= 1e-6 * extent && height > -1e-4 * extent,
                "{} above its face",
                height
            );
        }
    }
    for edge in &hull.edges {
        let [left, right] = edge.faces.map(|face| hull.polyhedron().face(face).normal);
        prop_assert!(left.cross(right).dot(edge.direction) > 0.0, "an edge is convex");
    }
    let farthest = hull
        .vertices()
        .iter()
        .fold(0.0_f32, |most, vertex| most.max(vertex.length()));
    prop_assert!(farthest <= hull.bounding_radius());
    // The centroid of the vertices' hull is the origin.
    let again = ConvexHull::new(hull.vertices()).expect("it is one");
    prop_assert!(again.centroid().length() < 1e-6 * f64::from(extent));
    prop_assert!(hull.volume() > 0.0 && hull.surface() > 0.0);
    Ok(())
}

fn cloud() -> impl Strategy<Value = Vec<Vec3>> {
    let point = || prop::array::uniform3(between_f32(-1.0, 1.0)).prop_map(Vec3::from_array);
    // Any points; those of a coarse grid, of which many lie in common planes and lines; the same with noise about as large as what counts as flat.
    let coarse = || point().prop_map(|point| (point * 2.0).round() * 0.5);
    let noisy = (prop::collection::vec((coarse(), point()), 8..60), 3..8_i32).prop_map(|(points, digits)| {
        let noise = 0.1_f32.powi(digits);
        points.iter().map(|(point, more)| *point + *more * noise).collect()
    });
    prop_oneof![
        prop::collection::vec(point(), 4..40),
        prop::collection::vec(coarse(), 8..60),
        noisy
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn a_hull_is_closed_convex_and_around_its_points(points in cloud()) {
        match ConvexHull::new(&points) {
            Ok(hull) => check(&points, &hull)?,
            Err(HullError::Flat | HullError::TooFewPoints(_) | HullError::TooThin { .. }) => {}
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
    }

    #[test]
    fn neither_order_nor_points_inside_change_a_hull(points in cloud(), seed in any::<u64>()) {
        let Ok(hull) = ConvexHull::new(&points) else { return Ok(()) };
        let mut random = Random(seed);
        let mut shuffled = points.clone();
        for k in (1..shuffled.len()).rev() {
            shuffled.swap(k, (random.bits() % (k as u64 + 1)) as usize);
        }
        prop_assert_eq!(&ConvexHull::new(&shuffled).expect("the same points"), &hull);
        prop_assert_eq!(&ConvexHull::new(hull.points()).expect("its vertices"), &hull);
        // Well inside: half way from the centre.
        shuffled.extend(hull.vertices().iter().map(|&vertex| hull.centroid().as_vec3() + vertex * 0.5));
        prop_assert_eq!(&ConvexHull::new(&shuffled).expect("the same and points inside"), &hull);
    }

    /// However it is turned, and wherever its frame's origin is.
    #[test]
    fn the_hull_of_a_box_measures_what_the_box_does(
        half in prop::array::uniform3(between_f32(0.05, 2.0)),
        seed in any::<u64>(),
        place in prop::array::uniform3(between_f32(-3.0, 3.0)),
    ) {
        let (half, place) = (Vec3::from_array(half), Vec3::from_array(place));
        let rotation = Mat3::from_quat(Random(seed).orientation());
        let points: Vec<Vec3> = corners_of_box(half).into_iter().map(|corner| rotation * corner + place).collect();
        let hull = ConvexHull::new(&points).expect("a box");
        prop_assert_eq!(counts(&hull), [8, 12, 6]);
        let cuboid = Shape::Cuboid { half_extents: half };
        let is_near = |found: f32, expected: f32| (found / expected - 1.0).abs() < 1e-4;
        prop_assert!(is_near(hull.volume(), cuboid.volume().unwrap()));
        prop_assert!(is_near(hull.surface(), cuboid.surface().unwrap()));
        prop_assert!(is_near(hull.bounding_radius(), cuboid.bounding_radius()));
        prop_assert!(is_near(hull.inner_radius(), half.min_element()));
        prop_assert!(hull.centroid().distance(place.as_dvec3()) < 1e-5);
        let expected = rotation * cuboid.inertia() * rotation.transpose();
        prop_assert!(hull.inertia().abs_diff_eq(expected, 1e-4 * half.length_squared()), "{}", hull.inertia());
    }
}

#[test]
fn points_on_faces_and_edges_are_no_vertices() {
    let mut points = Vec::new();
    for x in -2..=2_i8 {
        for y in -2..=2_i8 {
            for z in -2..=2_i8 {
                points.push(Vec3::new(f32::from(x), f32::from(y), f32::from(z)) * 0.25);
            }
        }
    }
    let hull = ConvexHull::new(&points).unwrap();
    assert_eq!(hull, ConvexHull::new(&corners_of_box(Vec3::splat(0.5))).unwrap());
    assert_eq!(counts(&hull), [8, 12, 6]);
}

/// A prism over a polygon of 16: the sides and two faces of 16 corners. Its inertia about the axis is that of the polygon, m R² (2 + cos(2π/n)) / 6.
#[test]
fn a_prism_has_polygons_for_faces() {
    let around = 16_u8;
    let points = (0..around).flat_map(|k| {
        let angle = std::f64::consts::TAU * f64::from(k) / f64::from(around);
        [-0.5, 0.5].map(|y| Vec3::new(libm::cos(angle) as f32, y, libm::sin(angle) as f32))
    });
    let hull = ConvexHull::new(&points.collect::<Vec<_>>()).unwrap();
    assert_eq!(counts(&hull), [32, 48, 18]);
    let expected = (2.0 + libm::cos(std::f64::consts::TAU / 16.0) as f32) / 6.0;
    assert!((hull.inertia().y_axis.y - expected).abs() < 1e-5);
}

#[test]
fn a_tetrahedron_is_as_in_the_handbook() {
    let hull = ConvexHull::new(&[Vec3::ZERO, Vec3::X, Vec3::Y, Vec3::Z]).unwrap();
    assert_eq!(counts(&hull), [4, 6, 4]);
    assert!((hull.volume() - 1.0 / 6.0).abs() < 1e-6);
    assert!((hull.surface() - (1.5 + 0.75_f32.sqrt())).abs() < 1e-6);
    assert!(hull.centroid().distance(DVec3::splat(0.25)) < 1e-12);
    // ∫ x² over it is 1/60 and ∫ x y is 1/120; about the centroid, per volume: 3/80 and -1/80.
    let expected = Mat3::from_diagonal(Vec3::splat(0.075))
        + (Mat3::from_cols(Vec3::ONE, Vec3::ONE, Vec3::ONE) - Mat3::IDENTITY) * (1.0 / 80.0);
    assert!(hull.inertia().abs_diff_eq(expected, 1e-6), "{}", hull.inertia());
}

#[test]
fn what_is_no_body_is_refused_with_the_reason() {
    let refused = |points: &[Vec3]| ConvexHull::new(points).unwrap_err();
    let tetrahedron = [Vec3::ZERO, Vec3::X, Vec3::Y, Vec3::Z];
    assert_eq!(refused(&tetrahedron[..3]), HullError::TooFewPoints(3));
    assert_eq!(refused(&[Vec3::ONE; 9]), HullError::TooFewPoints(1));
    let square = [Vec3::ZERO, Vec3::X, Vec3::Y, Vec3::X + Vec3::Y];
    assert_eq!(refused(&square), HullError::Flat);
    assert_eq!(refused(&[0.0, 1.0, 2.0, 3.0].map(Vec3::splat)), HullError::Flat);
    let mut wrong = tetrahedron;
    wrong[2].z = f32::NAN;
    assert!(matches!(refused(&wrong), HullError::Coordinate { point: 2, .. }));
    wrong[2].z = 2e6;
    assert!(matches!(refused(&wrong), HullError::Coordinate { point: 2, .. }));
    assert!(matches!(
        refused(&corners_of_box(Vec3::new(1.0, 1.0, 5e-4))),
        HullError::TooThin { .. }
    ));
    let mut random = Random(3);
    let mut ball = |count: usize| -> Vec<Vec3> { (0..count).map(|_| random.orientation() * Vec3::X).collect() };
    assert_eq!(refused(&ball(100)), HullError::TooManyVertices);
    assert_eq!(refused(&ball(1000)), HullError::TooManyVertices);
    assert_eq!(refused(&ball(MAX_POINTS + 1)), HullError::TooManyPoints(4097));
    assert_eq!(counts(&ConvexHull::new(&ball(64)).unwrap()), [64, 186, 124]);
    let polygon = (0..33_u8).map(|k| Quat::from_rotation_y(std::f32::consts::TAU * f32::from(k) / 33.0) * Vec3::X);
    let cone: Vec<Vec3> = polygon.chain([Vec3::Y]).collect();
    assert_eq!(refused(&cone), HullError::TooManyAroundFace(33));
}
