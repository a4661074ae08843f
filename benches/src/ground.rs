//! How deep a body has sunk into static geometry.

use glam::{DQuat, DVec3};
use jaguar_core::StaticShape;
use jaguar_core::shape::HeightField;

use crate::convex::{Convex, Placed};

/// The static geometry of a scene, prepared to be asked how deep bodies are in it.
#[derive(Debug)]
pub struct Ground<'a> {
    surfaces: &'a [StaticShape],
    /// The boxes among them.
    boxes: Vec<(Convex, DVec3, DQuat)>,
}

impl<'a> Ground<'a> {
    /// The static geometry of a scene. Meshes are not judged.
    pub fn new(statics: &'a [StaticShape]) -> Self {
        let cuboid = |shape: &StaticShape| match *shape {
            StaticShape::Cuboid {
                centre,
                half_extents,
                orientation,
                ..
            } => Some((Convex::cuboid(half_extents.as_dvec3()), centre, orientation.as_dquat())),
            _ => None,
        };
        Self {
            surfaces: statics,
            boxes: statics.iter().filter_map(cuboid).collect(),
        }
    }

    /// How deep the body is in any of it, at its deepest corner or, for boxes, by the least shift out of them, m; not positive for a body that is outside of all.
    pub fn depth_of(&self, body: &Placed<'_>) -> f64 {
        let below = self.surfaces.iter().map(|shape| {
            let of_corner = |&corner: &DVec3| body.radius() - height_above(corner, body.radius(), shape);
            body.corners().iter().map(of_corner).fold(f64::NEG_INFINITY, f64::max)
        });
        let inside = self
            .boxes
            .iter()
            .map(|(convex, centre, orientation)| body.overlap(&convex.placed(*centre, *orientation)));
        below.chain(inside).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Distance of a point from a surface without an underside, m; negative below it, infinite for shapes of another kind. What is round about the point, by this radius (m), touches the surface where it is nearest.
fn height_above(point: DVec3, radius: f64, shape: &StaticShape) -> f64 {
    match shape {
        StaticShape::Plane {
            point: origin, normal, ..
        } => (point - origin).dot(normal.as_dvec3()),
        StaticShape::HeightField(field) => {
            let height = height_above_field(point, field);
            // Above a ridge the plane of the triangle below is nearer than the triangle, in a valley farther than the next one.
            if height > 0.0 && radius > 0.0 {
                distance_from_field(point, radius, field)
            } else {
                height
            }
        }
        StaticShape::Cuboid { .. } | StaticShape::Mesh(_) => f64::INFINITY,
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

/// Distance of a point from the nearest triangle of those that are within this reach (m) or little farther, m; infinite if there is none.
fn distance_from_field(point: DVec3, reach: f64, field: &HeightField) -> f64 {
    let place = point - field.origin;
    let cells = |at: f64, spacing: f32, posts: u32| {
        let cell = |at: f64| (at / f64::from(spacing)).floor().max(0.0) as u32;
        cell(at - reach)..(cell(at + reach) + 1).min(posts - 1)
    };
    let mut nearest = f64::INFINITY;
    for row in cells(place.z, field.spacing_z, field.rows) {
        for column in cells(place.x, field.spacing_x, field.columns) {
            let post = |right: u32, back: u32| {
                let (column, row) = (column + right, row + back);
                let height = field.heights[row as usize * field.columns as usize + column as usize];
                let [x, z] = [(column, field.spacing_x), (row, field.spacing_z)]
                    .map(|(k, spacing)| f64::from(k) * f64::from(spacing));
                DVec3::new(x, height.into(), z)
            };
            for corner in [post(1, 0), post(0, 1)] {
                nearest = nearest.min(distance_from_triangle(place, [post(0, 0), corner, post(1, 1)]));
            }
        }
    }
    nearest
}

fn distance_from_triangle(point: DVec3, [a, b, c]: [DVec3; 3]) -> f64 {
    let normal = (b - a).cross(c - a).normalize();
    let height = (point - a).dot(normal);
    let foot = point - normal * height;
    let sides = [(a, b), (b, c), (c, a)];
    if sides.iter().all(|&(p, q)| (q - p).cross(foot - p).dot(normal) >= 0.0) {
        return height.abs();
    }
    let from_side = |(p, q): (DVec3, DVec3)| {
        let share = ((point - p).dot(q - p) / (q - p).length_squared()).clamp(0.0, 1.0);
        point.distance(p + (q - p) * share)
    };
    sides.map(from_side).into_iter().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use glam::{Quat, Vec3};

    use super::*;

    #[test]
    fn a_box_sinks_into_a_plane_by_its_lowest_corner() {
        let floor = StaticShape::Plane {
            point: DVec3::ZERO,
            normal: Vec3::Y,
            friction: 0.5,
            restitution: 0.0,
        };
        let cube = Convex::cuboid(DVec3::splat(0.5));
        let ground = Ground::new(std::slice::from_ref(&floor));
        let depth = |y| ground.depth_of(&cube.placed(DVec3::Y * y, DQuat::IDENTITY));
        assert!((depth(0.4) - 0.1).abs() < 1e-12);
        assert!((depth(0.7) + 0.2).abs() < 1e-12);
    }

    /// A block of 2 m, turned by a quarter about z: its own y is along -x.
    #[test]
    fn a_ball_sinks_into_a_block_by_the_least_way_out() {
        let block = StaticShape::Cuboid {
            centre: DVec3::X,
            half_extents: Vec3::new(3.0, 1.0, 3.0),
            orientation: Quat::from_rotation_z(0.5 * std::f32::consts::PI),
            friction: 0.5,
            restitution: 0.0,
        };
        let ball = Convex::sphere(0.5);
        let ground = Ground::new(std::slice::from_ref(&block));
        let depth = |x, y| ground.depth_of(&ball.placed(DVec3::new(x, y, 0.0), DQuat::IDENTITY));
        assert!((depth(-0.3, 0.0) - 0.2).abs() < 1e-6);
        assert!((depth(0.9, 3.4) - 0.1).abs() < 1e-6);
        assert!(depth(-0.6, 0.0) <= 0.0);
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

    /// A roof whose ridge is along z at x = 2 and 1 m high, and the same upside down. A ball above the ridge touches the ridge and neither plane; one in the valley touches both.
    #[test]
    fn balls_are_measured_to_what_is_nearest() {
        let roof = |ridge: f32| HeightField {
            origin: DVec3::new(0.0, 5.0, 0.0),
            columns: 3,
            rows: 3,
            spacing_x: 2.0,
            spacing_z: 2.0,
            heights: [0.0, ridge, 0.0].repeat(3),
            friction: 0.5,
            restitution: 0.0,
        };
        let height = |ridge: f32, x: f64, y: f64, radius: f64| {
            height_above(
                DVec3::new(x, 5.0 + y, 1.7),
                radius,
                &StaticShape::HeightField(roof(ridge)),
            )
        };
        assert!((height(1.0, 2.0, 1.5, 0.6) - 0.5).abs() < 1e-6);
        // 0.15 m beside the ridge and 0.36 m above it.
        assert!((height(1.0, 2.15, 1.36, 0.6) - 0.39).abs() < 1e-6);
        // Along the plane's normal, 2 in 1: the foot is on the triangle.
        let slope = 1.25_f64.sqrt();
        assert!((height(1.0, 1.0, 1.0, 0.6) - 0.5 / slope).abs() < 1e-6);
        // In the valley, a little to one side: the other side's plane is farther, and the own one as near as it is.
        assert!((height(-1.0, 2.1, -0.5, 0.6) - 0.45 / slope).abs() < 1e-6);
        // A corner is measured along the normal of the triangle below; so is what is below the surface.
        assert!((height(1.0, 2.15, 1.36, 0.0) - 0.435 / slope).abs() < 1e-6);
        assert!((height(1.0, 1.0, 0.0, 0.6) + 0.5 / slope).abs() < 1e-6);
    }
}
