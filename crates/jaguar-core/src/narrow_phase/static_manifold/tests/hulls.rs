//! Hulls on planes, boxes, height fields and meshes: as the boxes that some of them are, and what holds of all.

use super::*;
use crate::scenes::stones;
use crate::shape::{ConvexHull, TurnedHull};
use std::sync::LazyLock;

/// Stones of 8 to 20 vertices, a prism with many sides, a slab.
static HULLS: LazyLock<Vec<ConvexHull>> = LazyLock::new(|| {
    let mut hulls = stones(8, 0.7, 1);
    let ring = |radius: f32, y: f32| {
        (0..13_u8).map(move |k| {
            let angle = std::f64::consts::TAU * f64::from(k) / 13.0;
            Vec3::new(radius * libm::cos(angle) as f32, y, radius * libm::sin(angle) as f32)
        })
    };
    let prism: Vec<Vec3> = ring(0.4, -0.5).chain(ring(0.3, 0.5)).collect();
    hulls.push(ConvexHull::new(&prism).expect("a prism"));
    let slab: Vec<Vec3> = ring(0.8, -0.05).chain(ring(0.8, 0.05)).collect();
    hulls.push(ConvexHull::new(&slab).expect("a slab"));
    hulls
});

fn hull_of_box(half: Vec3) -> ConvexHull {
    let outline = super::super::Outline::new(Solid::Cuboid { half_extents: half });
    let corners = (0..8).map(|corner| outline.vertex(corner).as_vec3());
    ConvexHull::new(&corners.collect::<Vec<_>>()).expect("a box")
}

fn any_hull() -> impl Strategy<Value = &'static ConvexHull> {
    (0..HULLS.len()).prop_map(|number| &HULLS[number])
}

/// From a point to a hull's surface, m, negative inside.
fn distance_to_hull(hull: &ConvexHull, turn: Quat, point: DVec3) -> f64 {
    let distance = TurnedHull::new(hull, turn).distance(point);
    if distance > 0.0 {
        return distance;
    }
    let local = turn.as_dquat().inverse() * point;
    let heights = hull.faces().map(|(normal, mut around)| {
        let corner = hull.vertices()[around.next().expect("a face has corners")];
        normal.as_dvec3().dot(local - corner.as_dvec3())
    });
    heights.fold(f64::NEG_INFINITY, f64::max)
}

fn ground_of(field: &HeightField, is_mesh: bool) -> StaticShape {
    if is_mesh {
        StaticShape::Mesh(mesh_of(field, true))
    } else {
        StaticShape::HeightField(field.clone())
    }
}

/// A hull on the ground, for each kind of it.
#[test]
fn the_hull_of_a_box_rests_on_four_corners() {
    let half = Vec3::new(0.5, 0.25, 1.0);
    let hull = hull_of_box(half);
    let table = StaticShape::Cuboid {
        centre: DVec3::NEG_Y,
        half_extents: Vec3::new(6.0, 1.0, 6.0),
        orientation: Quat::IDENTITY,
        friction: 0.5,
        restitution: 0.0,
    };
    let grounds = surfaces(|_, _| 0.0).into_iter().chain([floor(), table]);
    for shape in grounds {
        let turn = Quat::from_rotation_y(0.7);
        let found = touch_one(&shape, DVec3::new(0.1, 0.249, 0.2), turn, Solid::Hull(&hull));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].manifold.normal.distance(Vec3::NEG_Y) < 1e-6);
        let corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)];
        let corners = corners.map(|(x, z)| turn * (half * Vec3::new(x, -1.0, z)));
        assert!(farthest(points(&found[0]), &corners) < 1e-3, "{found:?}");
        let is_deep = |point: &ManifoldPoint| (point.separation + 0.001).abs() < 1e-5;
        assert!(points(&found[0]).iter().all(is_deep), "{found:?}");
    }
}

proptest! {
    #![proptest_config(same_cases(400))]

    #[test]
    fn the_hull_of_a_box_is_as_deep_as_the_box(
        ground in rough(), half in prop::array::uniform3(between_f32(0.05, 0.8)), turn in turn(),
        at in prop::array::uniform2(between(-3.0, 3.0)), height in between(0.01, 1.5), is_mesh in any::<bool>(),
    ) {
        let field = rough_field(ground);
        let half = Vec3::from_array(half);
        let hull = hull_of_box(half);
        let centre = DVec3::new(at[0], field.height_at(at[0], at[1]).unwrap() + height, at[1]);
        let shape = ground_of(&field, is_mesh);
        let expected = touch_one(&shape, centre, turn, Solid::Cuboid { half_extents: half });
        let found = touch_one(&shape, centre, turn, Solid::Hull(&hull));
        prop_assert_eq!(found.is_empty(), expected.is_empty());
        let deepest = |manifolds: &[StaticManifold]| manifolds.iter().map(StaticManifold::deepest).fold(f32::INFINITY, f32::min);
        prop_assert!(found.is_empty() || (deepest(&found) - deepest(&expected)).abs() < 1e-3, "{found:?} {expected:?}");
    }

    #[test]
    fn points_are_on_the_hull_and_on_the_surface(
        ground in rough(), hull in any_hull(), turn in turn(),
        at in prop::array::uniform2(between(-3.0, 3.0)), height in between(0.01, 1.5), is_mesh in any::<bool>(),
    ) {
        let field = rough_field(ground);
        let mesh = mesh_of(&field, true);
        let centre = DVec3::new(at[0], field.height_at(at[0], at[1]).unwrap() + height, at[1]);
        let found = touch_one(&ground_of(&field, is_mesh), centre, turn, Solid::Hull(hull));
        prop_assert!(found.len() <= MAX_CONTACTS && found.is_sorted_by(|a, b| a.key < b.key));
        for manifold in &found {
            let normal = manifold.manifold.normal.as_dvec3();
            prop_assert!((normal.length() - 1.0).abs() < 1e-6);
            let points = points(manifold);
            prop_assert!(!points.is_empty());
            for (k, point) in points.iter().enumerate() {
                prop_assert!(point.separation < MARGIN);
                prop_assert!(points[..k].iter().all(|other| other.feature != point.feature));
                let half = normal * 0.5 * f64::from(point.separation);
                let (on_body, on_surface) = (point.position.as_dvec3() - half, centre + point.position.as_dvec3() + half);
                // Merged normals differ by up to twice 1.1 degrees.
                let tolerance = 1e-5 + 0.05 * f64::from(point.separation.abs());
                let nearest = triangles(&mesh).map(|triangle| nearest_on_triangle(triangle, on_surface).distance(on_surface));
                let nearest = nearest.fold(f64::INFINITY, f64::min);
                prop_assert!(nearest < tolerance, "{nearest} from the surface: {found:?}");
                let from_body = distance_to_hull(hull, turn, on_body);
                prop_assert!(from_body.abs() < tolerance, "{from_body} from the body: {found:?}");
            }
        }
    }

    /// However it leans, level ground pushes a hull upwards and nowhere else, at a point that is the deepest.
    #[test]
    fn level_ground_pushes_a_hull_upwards_alone(
        hull in any_hull(), turn in turn(), at in prop::array::uniform2(between(-2.0, 2.0)), depth in between(0.0, 0.05), is_mesh in any::<bool>(),
    ) {
        let low = hull.vertices().iter().map(|&vertex| (turn * vertex).y).fold(f32::INFINITY, f32::min);
        // A slab on its flat side is 5 cm thick below its centre.
        let depth = depth.min(0.8 * f64::from(-low));
        let centre = DVec3::new(at[0], -f64::from(low) - depth, at[1]);
        let found = touch_one(&ground_of(&field(|_, _| 0.0), is_mesh), centre, turn, Solid::Hull(hull));
        prop_assert!(!found.is_empty());
        for manifold in &found {
            prop_assert!(manifold.manifold.normal.y < -0.9999, "{found:?}");
        }
        let deepest = found.iter().map(StaticManifold::deepest).fold(f32::INFINITY, f32::min);
        prop_assert!((f64::from(deepest) + depth).abs() < 1.1e-3, "{depth} {found:?}");
    }

    /// Nothing sinks in unseen: when a corner is below the surface, something pushes.
    #[test]
    fn a_hull_with_a_corner_below_the_surface_touches_it(
        ground in rough(), hull in any_hull(), turn in turn(),
        at in prop::array::uniform2(between(-3.0, 3.0)), height in between(-0.5, 1.0), is_mesh in any::<bool>(),
    ) {
        let field = rough_field(ground);
        let centre = DVec3::new(at[0], field.height_at(at[0], at[1]).unwrap() + height, at[1]);
        // A mesh pushes only what its surface can be seen from.
        prop_assume!(!is_mesh || height > 0.0);
        let corners = hull.vertices().iter().map(|&vertex| centre + (turn * vertex).as_dvec3());
        let depths = corners.map(|p| p.y - field.height_at(p.x, p.z).unwrap());
        let deepest = depths.fold(f64::INFINITY, f64::min);
        prop_assume!(deepest < -1e-3);
        let found = touch_one(&ground_of(&field, is_mesh), centre, turn, Solid::Hull(hull));
        prop_assert!(found.iter().any(|manifold| manifold.deepest() < 0.0), "{deepest} {found:?}");
    }
}
