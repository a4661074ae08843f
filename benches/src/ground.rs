//! How deep a body has sunk into static geometry.

use glam::DVec3;
use jaguar_core::StaticShape;
use jaguar_core::shape::HeightField;

use crate::convex::Placed;

/// How deep the body's deepest corner is below any of these surfaces, m; not positive for a body that is above all.
pub fn sunk(body: &Placed<'_>, statics: &[StaticShape]) -> f64 {
    let depths = statics.iter().map(|shape| {
        let of_corner = |&corner: &DVec3| body.radius() - height_above(corner, shape);
        body.corners().iter().map(of_corner).fold(f64::NEG_INFINITY, f64::max)
    });
    depths.fold(f64::NEG_INFINITY, f64::max)
}

/// Distance of a point from the surface's nearest plane, m; negative below it.
fn height_above(point: DVec3, shape: &StaticShape) -> f64 {
    match shape {
        StaticShape::Plane {
            point: origin, normal, ..
        } => (point - origin).dot(normal.as_dvec3()),
        StaticShape::HeightField(field) => height_above_field(point, field),
        other => panic!("the courses have planes and height fields only, not {other:?}"),
    }
}

/// Along the normal of the triangle that is over or under the point.
fn height_above_field(point: DVec3, field: &HeightField) -> f64 {
    let (width, depth) = (f64::from(field.spacing_x), f64::from(field.spacing_z));
    let place = point - field.origin;
    let (column, row) = ((place.x / width).floor(), (place.z / depth).floor());
    if column < 0.0 || row < 0.0 || column >= f64::from(field.columns - 1) || row >= f64::from(field.rows - 1) {
        return f64::INFINITY;
    }
    let (along_x, along_z) = (place.x / width - column, place.z / depth - row);
    let post =
        |column: f64, row: f64| f64::from(field.heights[row as usize * field.columns as usize + column as usize]);
    let (near, far) = (post(column, row), post(column + 1.0, row + 1.0));
    // A cell is cut along the diagonal from its first post.
    let (slope_x, slope_z) = if along_x >= along_z {
        let right = post(column + 1.0, row);
        (right - near, far - right)
    } else {
        let left = post(column, row + 1.0);
        (far - left, left - near)
    };
    let above = place.y - (near + slope_x * along_x + slope_z * along_z);
    let normal = DVec3::new(-slope_x / width, 1.0, -slope_z / depth);
    above / normal.length()
}

#[cfg(test)]
mod tests {
    use glam::{DQuat, Vec3};

    use super::*;
    use crate::convex::Convex;

    #[test]
    fn a_box_sinks_into_a_plane_by_its_lowest_corner() {
        let floor = StaticShape::Plane {
            point: DVec3::ZERO,
            normal: Vec3::Y,
            friction: 0.5,
            restitution: 0.0,
        };
        let cube = Convex::cuboid(DVec3::splat(0.5));
        let depth = |y| {
            sunk(
                &cube.placed(DVec3::Y * y, DQuat::IDENTITY),
                std::slice::from_ref(&floor),
            )
        };
        assert!((depth(0.4) - 0.1).abs() < 1e-12);
        assert!((depth(0.7) + 0.2).abs() < 1e-12);
    }

    /// A ramp that rises 3 m in 4 m: a point 1 m above it is 0.8 m away. Beside the field nothing is below.
    #[test]
    fn a_height_field_is_measured_along_its_normal() {
        let ramp = HeightField {
            origin: DVec3::new(0.0, 10.0, 0.0),
            columns: 2,
            rows: 3,
            spacing_x: 4.0,
            spacing_z: 4.0,
            heights: vec![0.0, 3.0, 0.0, 3.0, 0.0, 3.0],
            friction: 0.5,
            restitution: 0.0,
        };
        for (x, z) in [(1.0, 3.0), (3.0, 1.0), (2.0, 6.0)] {
            let height = height_above_field(DVec3::new(x, 11.0 + 0.75 * x, z), &ramp);
            assert!((height - 0.8).abs() < 1e-6, "{height}");
        }
        assert_eq!(height_above_field(DVec3::new(5.0, 0.0, 1.0), &ramp), f64::INFINITY);
    }
}
