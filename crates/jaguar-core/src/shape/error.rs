//! What can be wrong with static geometry, and the checks that find it.

use std::fmt::Display;
use std::ops::RangeInclusive;

use glam::{DVec3, Quat, Vec3};

use super::{HeightField, StaticShape, TriangleMesh};
use crate::tile;

/// Most static shapes in a world; the shape's index takes 23 bits of a contact key.
pub(crate) const MAX_SHAPES: usize = 1 << 23;

/// Most posts of a height field; six features a post must fit the 40 bits that a contact key has for them.
pub(crate) const MAX_POSTS: u64 = 1 << 37;
const _: () = assert!(MAX_POSTS * 6 < 1 << 40);

/// Most triangles of a mesh, and three times as many vertices: their numbers and those of the corners fit a u32, and eight features a triangle fit a contact key.
pub(crate) const MAX_TRIANGLES: usize = 1 << 28;
const _: () = assert!(3 * MAX_TRIANGLES < u32::MAX as usize && (MAX_TRIANGLES as u64) * 8 < 1 << 40);

/// Smallest distance between posts, m: with it, positions in cells stay far below 2^53 anywhere in the world.
const MIN_SPACING: f32 = 1e-3;

/// A unit vector or quaternion may differ from length 1 by this much; it is normalised on entry.
const UNIT_TOLERANCE: f64 = 1e-3;

/// Static geometry that a world refuses. The definition of the world is wrong: correct the named field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A field of one shape has a value outside its range.
    #[error("static shape {shape} ({kind}): {field} is {value}, allowed: {allowed}")]
    OutOfRange {
        /// Index of the shape in the world's definition.
        shape: usize,
        /// Kind of the shape.
        kind: &'static str,
        /// The field, as it is called in the definition.
        field: String,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// More shapes than a contact key can tell apart.
    #[error("the world has {count} static shapes, allowed: at most {MAX_SHAPES}; merge small ones into a height field")]
    TooManyShapes {
        /// How many there are.
        count: usize,
    },
}

/// Checks the fields of one shape and normalises its unit vectors.
pub(crate) fn checked(index: usize, mut shape: StaticShape, tile_size: f32) -> Result<StaticShape, ShapeError> {
    let check = Check {
        shape: index,
        kind: shape.kind(),
        tile_size,
    };
    match &mut shape {
        StaticShape::Plane {
            point,
            normal,
            friction,
            restitution,
        } => {
            check.inside_world("point", *point)?;
            check.surface(*friction, *restitution)?;
            *normal = check.unit_vector("normal", *normal)?;
        }
        StaticShape::Cuboid {
            centre,
            half_extents,
            orientation,
            friction,
            restitution,
        } => {
            check.inside_world("centre", *centre)?;
            check.surface(*friction, *restitution)?;
            check.that(
                half_extents.is_finite() && half_extents.min_element() > 0.0,
                "half_extents",
                *half_extents,
                "three positive lengths in m",
            )?;
            *orientation = check.unit_quaternion("orientation", *orientation)?;
        }
        StaticShape::HeightField(field) => check.height_field(field)?,
        StaticShape::Mesh(mesh) => check.mesh(mesh)?,
    }
    Ok(shape)
}

/// The shape under test, for the messages.
struct Check {
    shape: usize,
    kind: &'static str,
    tile_size: f32,
}

impl Check {
    fn that(
        &self,
        holds: bool,
        field: impl Display,
        value: impl Display,
        allowed: impl Display,
    ) -> Result<(), ShapeError> {
        if holds {
            return Ok(());
        }
        Err(ShapeError::OutOfRange {
            shape: self.shape,
            kind: self.kind,
            field: field.to_string(),
            value: value.to_string(),
            allowed: allowed.to_string(),
        })
    }

    fn in_range(&self, field: &str, value: f32, range: RangeInclusive<f32>) -> Result<(), ShapeError> {
        let allowed = format_args!("{} to {}", range.start(), range.end()).to_string();
        self.that(range.contains(&value), field, value, allowed)
    }

    fn surface(&self, friction: f32, restitution: f32) -> Result<(), ShapeError> {
        self.in_range("friction", friction, 0.0..=10.0)?;
        self.in_range("restitution", restitution, 0.0..=1.0)
    }

    fn inside_world(&self, field: impl Display, position: DVec3) -> Result<(), ShapeError> {
        let limit = f64::from(tile::MAX_TILE) * f64::from(self.tile_size);
        let inside = tile::split(position, self.tile_size).is_some();
        self.that(
            inside,
            field,
            position,
            format_args!("each coordinate within ±{limit} m"),
        )
    }

    fn unit_vector(&self, field: &str, vector: Vec3) -> Result<Vec3, ShapeError> {
        let length = vector.as_dvec3().length();
        self.that(
            (length - 1.0).abs() <= UNIT_TOLERANCE,
            field,
            vector,
            "a vector of length 1 within 0.001",
        )?;
        Ok((vector.as_dvec3() / length).as_vec3())
    }

    fn unit_quaternion(&self, field: &str, quaternion: Quat) -> Result<Quat, ShapeError> {
        let wide = quaternion.as_dquat();
        let length = wide.length();
        self.that(
            (length - 1.0).abs() <= UNIT_TOLERANCE,
            field,
            quaternion,
            "a quaternion of length 1 within 0.001",
        )?;
        Ok((wide * (1.0 / length)).as_quat())
    }

    fn height_field(&self, field: &HeightField) -> Result<(), ShapeError> {
        self.inside_world("origin", field.origin)?;
        self.surface(field.friction, field.restitution)?;
        self.that(field.columns >= 2, "columns", field.columns, "at least 2")?;
        self.that(field.rows >= 2, "rows", field.rows, "at least 2")?;
        for (name, spacing) in [("spacing_x", field.spacing_x), ("spacing_z", field.spacing_z)] {
            self.that(
                spacing.is_finite() && spacing >= MIN_SPACING,
                name,
                spacing,
                format_args!("at least {MIN_SPACING} m"),
            )?;
        }
        let posts = u64::from(field.columns) * u64::from(field.rows);
        self.that(
            posts <= MAX_POSTS,
            "columns * rows",
            posts,
            format_args!("at most {MAX_POSTS}"),
        )?;
        self.that(
            field.heights.len() as u64 == posts,
            "heights",
            format_args!("a list of {}", field.heights.len()),
            format_args!("columns * rows = {posts} heights"),
        )?;
        let far = field.origin + field.size();
        self.inside_world("far corner (origin + (posts - 1) * spacing)", far)?;
        // Only a bad height pays for its message.
        let limit = f64::from(tile::MAX_TILE) * f64::from(self.tile_size);
        let good = |height: f32| (field.origin.y + f64::from(height)).abs() <= limit;
        if let Some(post) = field.heights.iter().position(|&height| !good(height)) {
            self.that(
                false,
                format_args!(
                    "heights[{post}] (column {}, row {})",
                    post % field.columns as usize,
                    post / field.columns as usize
                ),
                field.heights[post],
                format_args!("origin.y + height within ±{limit} m"),
            )?;
        }
        Ok(())
    }

    fn mesh(&self, mesh: &TriangleMesh) -> Result<(), ShapeError> {
        self.inside_world("origin", mesh.origin)?;
        self.surface(mesh.friction, mesh.restitution)?;
        let (vertices, triangles) = (mesh.vertices.len(), mesh.triangles.len());
        self.that(
            (1..=MAX_TRIANGLES).contains(&triangles),
            "triangles",
            format_args!("a list of {triangles}"),
            format_args!("1 to {MAX_TRIANGLES}"),
        )?;
        self.that(
            vertices <= 3 * MAX_TRIANGLES,
            "vertices",
            format_args!("a list of {vertices}"),
            format_args!("at most {}", 3 * MAX_TRIANGLES),
        )?;
        // Only a bad number pays for its message.
        let limit = f64::from(tile::MAX_TILE) * f64::from(self.tile_size);
        let is_good = |vertex: &Vec3| (mesh.origin + vertex.as_dvec3()).abs().cmple(DVec3::splat(limit)).all();
        if let Some(vertex) = mesh.vertices.iter().position(|vertex| !is_good(vertex)) {
            self.that(
                false,
                format_args!("vertices[{vertex}]"),
                mesh.vertices[vertex],
                format_args!("three numbers, origin + vertex within ±{limit} m"),
            )?;
        }
        let is_wrong = |&index: &u32| index as usize >= vertices;
        if let Some(triangle) = mesh.triangles.iter().position(|corners| corners.iter().any(is_wrong)) {
            let corners = mesh.triangles[triangle];
            self.that(
                false,
                format_args!("triangles[{triangle}]"),
                format_args!("{corners:?}"),
                format_args!("indices below the number of vertices, {vertices}"),
            )?;
        }
        if let Some((count, first)) = mesh.degenerate() {
            self.that(
                false,
                "triangles",
                format_args!("a list of which {count} have no area, the first of them triangles[{first}]"),
                "triangles whose corners do not lie on a line; TriangleMesh::drop_degenerate removes such",
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(shape: StaticShape) -> String {
        checked(3, shape, 16.0).map_or_else(|error| error.to_string(), |_| "fine".to_owned())
    }

    fn plane(normal: Vec3, friction: f32) -> StaticShape {
        StaticShape::Plane {
            point: DVec3::ZERO,
            normal,
            friction,
            restitution: 0.0,
        }
    }

    fn field() -> HeightField {
        HeightField {
            origin: DVec3::ZERO,
            columns: 3,
            rows: 2,
            spacing_x: 1.0,
            spacing_z: 1.0,
            heights: vec![0.0; 6],
            friction: 0.5,
            restitution: 0.0,
        }
    }

    fn field_message(change: impl FnOnce(&mut HeightField)) -> String {
        let mut changed = field();
        change(&mut changed);
        message(StaticShape::HeightField(changed))
    }

    #[test]
    fn messages_name_shape_field_value_and_range() {
        assert_eq!(
            message(plane(Vec3::Y, 11.0)),
            "static shape 3 (plane): friction is 11, allowed: 0 to 10"
        );
        assert_eq!(
            message(plane(Vec3::new(0.0, 2.0, 0.0), 0.5)),
            "static shape 3 (plane): normal is [0, 2, 0], allowed: a vector of length 1 within 0.001"
        );
        assert_eq!(
            field_message(|f| f.heights[4] = f32::NAN),
            "static shape 3 (height field): heights[4] (column 1, row 1) is NaN, allowed: origin.y + height within ±8388592 m"
        );
        assert_eq!(
            field_message(|f| f.heights.truncate(5)),
            "static shape 3 (height field): heights is a list of 5, allowed: columns * rows = 6 heights"
        );
    }

    #[test]
    fn every_field_of_a_height_field_is_checked() {
        type Change = fn(&mut HeightField);
        let changes: [(&str, Change); 8] = [
            ("origin", |f| f.origin.z = f64::INFINITY),
            ("columns", |f| f.columns = 1),
            ("rows", |f| f.rows = 0),
            ("spacing_x", |f| f.spacing_x = 0.0),
            ("spacing_z", |f| f.spacing_z = -1.0),
            ("far corner", |f| f.spacing_x = 1e7),
            ("friction", |f| f.friction = f32::NAN),
            ("restitution", |f| f.restitution = 1.5),
        ];
        for (name, change) in changes {
            let message = field_message(change);
            assert!(
                message.contains(&format!("(height field): {name}")),
                "{name}: {message}"
            );
        }
    }

    #[test]
    fn every_field_of_a_mesh_is_checked() {
        type Change = fn(&mut TriangleMesh);
        let changes: [(&str, Change); 9] = [
            ("origin is [NaN, 0, 0], allowed: ", |m| m.origin.x = f64::NAN),
            ("friction is -1, allowed: ", |m| m.friction = -1.0),
            ("restitution is 2, allowed: ", |m| m.restitution = 2.0),
            ("triangles is a list of 0, allowed: 1 to 268435456", |m| {
                m.triangles.clear();
            }),
            ("vertices[2] is [0, inf, 1], allowed: three numbers, ", |m| {
                m.vertices[2].y = f32::INFINITY;
            }),
            ("vertices[0] is [1000000000, 0, 0], allowed: three numbers, ", |m| {
                m.vertices[0].x = 1e9;
            }),
            (
                "triangles[1] is [2, 1, 4], allowed: indices below the number of vertices, 4",
                |m| m.triangles[1][2] = 4,
            ),
            (
                "triangles is a list of which 2 have no area, the first of them triangles[0], allowed: ",
                |m| m.vertices[1] = m.vertices[2],
            ),
            (
                "triangles is a list of which 1 have no area, the first of them triangles[1], allowed: ",
                |m| m.vertices[3] = Vec3::new(0.5, 0.0, 0.5),
            ),
        ];
        let square = TriangleMesh {
            origin: DVec3::ZERO,
            vertices: vec![Vec3::ZERO, Vec3::X, Vec3::Z, Vec3::new(1.0, 0.0, 1.0)],
            triangles: vec![[0, 2, 1], [2, 1, 3]],
            friction: 0.5,
            restitution: 0.0,
        };
        assert_eq!(message(StaticShape::Mesh(square.clone())), "fine");
        for (expected, change) in changes {
            let mut changed = square.clone();
            change(&mut changed);
            let message = message(StaticShape::Mesh(changed));
            let expected = format!("static shape 3 (mesh): {expected}");
            assert!(message.starts_with(&expected), "{message}");
        }
    }

    #[test]
    fn nearly_unit_vectors_are_normalised() {
        let StaticShape::Plane { normal, .. } = checked(0, plane(Vec3::new(0.0, 1.0005, 0.0), 0.5), 16.0).unwrap()
        else {
            unreachable!("a plane stays a plane")
        };
        assert_eq!(normal, Vec3::Y);
    }

    #[test]
    fn a_box_needs_positive_extents_and_a_unit_orientation() {
        let cuboid = |half_extents, orientation| StaticShape::Cuboid {
            centre: DVec3::ZERO,
            half_extents,
            orientation,
            friction: 0.5,
            restitution: 0.0,
        };
        assert_eq!(message(cuboid(Vec3::ONE, Quat::IDENTITY)), "fine");
        assert!(message(cuboid(Vec3::new(1.0, 0.0, 1.0), Quat::IDENTITY)).contains("half_extents is [1, 0, 1]"));
        assert!(message(cuboid(Vec3::ONE, Quat::from_xyzw(0.0, 0.0, 0.0, 0.5))).contains("orientation is"));
    }
}
