//! What is asked of an outline eight faces or vertices at a time, against one after the other.

use glam::{DVec3, Vec3};

use crate::narrow_phase::solid::Solid;
use crate::narrow_phase::static_manifold::outline::Outline;
use crate::scenes::{Random, stones};

/// The first of the largest of some numbers.
fn first_largest(numbers: impl Iterator<Item = f64>) -> (usize, f64) {
    let mut largest = (0, f64::NEG_INFINITY);
    for (k, number) in numbers.enumerate() {
        if number > largest.1 {
            largest = (k, number);
        }
    }
    largest
}

#[test]
fn faces_and_vertices_are_found_as_one_by_one() {
    let mut random = Random(5);
    let hulls = stones(20, 0.5, 7);
    let boxes = [Vec3::new(0.5, 0.25, 1.0), Vec3::splat(0.5)].map(|half_extents| (Solid::Cuboid { half_extents }, 6));
    let hulls = hulls
        .iter()
        .map(|hull| (Solid::Hull(hull), hull.polyhedron().faces.len() as u32));
    let (mut near, mut far) = (0, 0);
    for (solid, faces) in hulls.chain(boxes) {
        let outline = Outline::new(solid);
        for _ in 0..100 {
            let mut direction = random.vector(1.0).normalize();
            if random.bits().is_multiple_of(8) {
                direction = DVec3::Y;
            }
            let heights = (0..outline.vertices()).map(|number| outline.vertex(number).dot(direction));
            assert_eq!(outline.support(direction).0 as usize, first_largest(heights).0);
            let slopes = (0..faces).map(|number| -outline.face(number).normal.dot(direction));
            assert_eq!(outline.face_against(direction) as usize, first_largest(slopes).0);

            let place = direction * 1.2;
            let corners = [0; 3].map(|_| place + random.vector(0.8));
            let height = |corner: DVec3, number: u32| {
                let face = outline.face(number);
                corner.dot(face.normal) - face.offset
            };
            let lowest = |number: u32| first_largest(corners.iter().map(|&corner| -height(corner, number)));
            let highest = first_largest((0..faces).map(|number| -lowest(number).1));
            let number = highest.0 as u32;
            let expected = (number, lowest(number).0, highest.1);
            let margin = 0.1;
            assert_eq!(
                outline.face_below(&corners, margin),
                (highest.1 < margin).then_some(expected)
            );
            near += u32::from(highest.1 < margin);
            far += u32::from(highest.1 >= margin);
        }
    }
    assert!(near > 200 && far > 200, "both happen: {near} near, {far} far");
}
