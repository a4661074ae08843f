//! Static geometry of a scenario: planes, boxes, terrain and its walls, meshes.

use glam::{DQuat, DVec3, Vec3};
use jaguar_core::StaticShape;
use jaguar_core::environment::EnvironmentError;
use jaguar_core::error::{FieldError, WorldError};
use jaguar_core::shape::{HeightField, ShapeError, TriangleMesh};

use crate::asc::Grid;
use crate::document::Document;
use crate::error::ScenarioError;
use crate::mesh::Placement;
use crate::{asc, format, height_map, mesh};

/// Static shapes, and the table of the file that each comes from.
#[derive(Default)]
pub(crate) struct Statics {
    pub(crate) shapes: Vec<StaticShape>,
    tables: Vec<String>,
}

impl Statics {
    pub(crate) fn read(document: &Document) -> Result<Self, ScenarioError> {
        let mut statics = Self::default();
        for (index, table) in document.format.plane.iter().enumerate() {
            let at = format!("plane.{index}");
            let normal = unit(document, &format!("{at}.normal"), table.normal)?;
            let shape = StaticShape::Plane {
                point: DVec3::from_array(table.point),
                normal: normal.as_vec3(),
                friction: table.friction as f32,
                restitution: table.restitution as f32,
            };
            statics.push(shape, at);
        }
        for (index, table) in document.format.cuboid.iter().enumerate() {
            let at = format!("box.{index}");
            let shape = StaticShape::Cuboid {
                centre: DVec3::from_array(table.centre),
                half_extents: narrow(table.half_extents),
                orientation: orientation(document, &at, table.rotation.as_ref())?.as_quat(),
                friction: table.friction as f32,
                restitution: table.restitution as f32,
            };
            statics.push(shape, at);
        }
        for (index, table) in document.format.height_field.iter().enumerate() {
            let at = format!("height_field.{index}");
            let field = height_field(document, table, &at)?;
            let walls = if table.walls {
                walls(&field).to_vec()
            } else {
                Vec::new()
            };
            statics.push(StaticShape::HeightField(field), at.clone());
            for wall in walls {
                statics.push(wall, at.clone());
            }
        }
        for (index, table) in document.format.mesh.iter().enumerate() {
            let at = format!("mesh.{index}");
            let shape = StaticShape::Mesh(mesh(document, table, &at)?);
            statics.push(shape, at);
        }
        Ok(statics)
    }

    fn push(&mut self, shape: StaticShape, table: String) {
        self.shapes.push(shape);
        self.tables.push(table);
    }

    /// The place in the file of what a world refuses.
    pub(crate) fn refused(&self, document: &Document, error: &WorldError) -> ScenarioError {
        match error {
            WorldError::Parameter(field) => document.refused(&format!("world.{}", field.field), field),
            WorldError::Shape(ShapeError::OutOfRange {
                shape,
                kind,
                field,
                value,
                allowed,
            }) => {
                let key = match (*kind, field.as_str()) {
                    (_, "orientation") => "rotation",
                    (_, "spacing_x" | "spacing_z") => "cell_size",
                    ("mesh", "origin") => "position",
                    (_, "origin") => "centre",
                    (_, other) => other,
                };
                let message = format!("{field} is {value}, allowed: {allowed}");
                document.invalid(&format!("{}.{key}", self.tables[*shape]), message)
            }
            WorldError::Hull { hull, reason } => document.refused(&format!("hull.{hull}"), reason),
            WorldError::Environment(error) => environment_refused(document, error),
            WorldError::Shape(_) => document.invalid("world", error.to_string()),
        }
    }
}

/// The place in the file of what is wrong with the environment.
fn environment_refused(document: &Document, error: &EnvironmentError) -> ScenarioError {
    let at = |place: String, field: &FieldError| {
        let key = field.field.split(' ').next().unwrap_or_default();
        document.refused(&format!("environment.{place}.{key}"), field)
    };
    match error {
        EnvironmentError::Medium(field) => at("medium".to_owned(), field),
        EnvironmentError::Fluid { fluid, reason } => at(format!("fluids.{fluid}"), reason),
        EnvironmentError::Source { source_index, reason } => at(format!("sources.{source_index}"), reason),
        EnvironmentError::Forces { domain, reason } => {
            at(format!("forces.{}", format!("{domain:?}").to_lowercase()), reason)
        }
        EnvironmentError::Overlap { second, .. } => {
            document.invalid(&format!("environment.fluids.{second}"), error.to_string())
        }
        EnvironmentError::TooMany { .. } => document.invalid("environment", error.to_string()),
    }
}

/// A vector of any length but none, made one of length 1.
pub(crate) fn unit(document: &Document, at: &str, vector: [f64; 3]) -> Result<DVec3, ScenarioError> {
    let direction = DVec3::from_array(vector).try_normalize();
    direction.ok_or_else(|| {
        let [x, y, z] = vector;
        document.invalid(
            at,
            format!("is [{x}, {y}, {z}], allowed: a direction that is finite and not zero"),
        )
    })
}

/// How a shape is turned.
pub(crate) fn orientation(
    document: &Document,
    at: &str,
    table: Option<&format::Rotation>,
) -> Result<DQuat, ScenarioError> {
    let Some(rotation) = table else {
        return Ok(DQuat::IDENTITY);
    };
    let axis = unit(document, &format!("{at}.rotation.axis"), rotation.axis)?;
    let degrees = rotation.degrees;
    document.check(
        degrees.is_finite(),
        &format!("{at}.rotation.degrees"),
        degrees,
        "a finite angle",
    )?;
    // libm's functions give the same bits on every machine.
    let (sine, cosine) = libm::sincos(0.5 * degrees.to_radians());
    Ok(DQuat::from_xyzw(axis.x * sine, axis.y * sine, axis.z * sine, cosine))
}

/// The heights of a file, by its ending.
fn heights(document: &Document, table: &format::HeightField, at: &str) -> Result<Grid, ScenarioError> {
    let path = document.file(&table.file);
    if !height_map::is_named(&path) {
        return asc::read(&path, table.nodata_height.map(|height| height as f32));
    }
    if table.nodata_height.is_some() {
        let message = "does not go with a PNG file, in which every post has a height";
        return Err(document.invalid(&format!("{at}.nodata_height"), message));
    }
    height_map::read(&path)
}

fn mesh(document: &Document, table: &format::Mesh, at: &str) -> Result<TriangleMesh, ScenarioError> {
    document.check(
        table.scale.is_finite() && table.scale > 0.0,
        &format!("{at}.scale"),
        table.scale,
        "a positive number",
    )?;
    let placement = Placement {
        scale: table.scale,
        rotation: orientation(document, at, table.rotation.as_ref())?,
        position: DVec3::from_array(table.position.unwrap_or_default()),
    };
    let Some(surface) = mesh::read(&document.file(&table.file))? else {
        let message = format!("is {:?}, allowed: names that end in .obj or .stl", table.file);
        return Err(document.invalid(&format!("{at}.file"), message));
    };
    let mut mesh = surface.placed(&placement);
    if table.inside_out {
        mesh.triangles.iter_mut().for_each(|[_, b, c]| std::mem::swap(b, c));
    }
    mesh.friction = table.friction as f32;
    mesh.restitution = table.restitution as f32;
    // Without area after rounding to f32 too; they are no part of the surface.
    mesh.drop_degenerate();
    if mesh.triangles.is_empty() {
        return Err(document.invalid(&format!("{at}.file"), "has no triangle with an area"));
    }
    Ok(mesh)
}

fn height_field(document: &Document, table: &format::HeightField, at: &str) -> Result<HeightField, ScenarioError> {
    let scale = table.vertical_scale;
    document.check(
        scale.is_finite() && scale > 0.0,
        &format!("{at}.vertical_scale"),
        scale,
        "a positive number",
    )?;
    let mut grid = heights(document, table, at)?;
    // Heights relative to the lowest post keep their precision however high above the sea the terrain lies.
    let lowest = f64::from(grid.heights.iter().copied().fold(f32::INFINITY, f32::min));
    for height in &mut grid.heights {
        *height = ((f64::from(*height) - lowest) * scale) as f32;
    }
    let [spacing_x, spacing_z] = table.cell_size.map(|size| size as f32);
    let size_x = f64::from(grid.columns - 1) * f64::from(spacing_x);
    let size_z = f64::from(grid.rows - 1) * f64::from(spacing_z);
    let [west, north] = match (table.centre, table.north_west) {
        (Some(_), Some(_)) => {
            let message = "is given besides centre, allowed: one or the other";
            return Err(document.invalid(&format!("{at}.north_west"), message));
        }
        (None, Some(corner)) => corner,
        (centre, None) => {
            let [x, z] = centre.unwrap_or_default();
            [x - 0.5 * size_x, z - 0.5 * size_z]
        }
    };
    Ok(HeightField {
        origin: DVec3::new(west, table.lowest_at.unwrap_or(lowest * scale), north),
        columns: grid.columns,
        rows: grid.rows,
        spacing_x,
        spacing_z,
        heights: grid.heights,
        friction: table.friction as f32,
        restitution: table.restitution as f32,
    })
}

/// Four planes that face inwards at the border of a height field.
fn walls(field: &HeightField) -> [StaticShape; 4] {
    let far_x = f64::from(field.columns - 1) * f64::from(field.spacing_x);
    let far_z = f64::from(field.rows - 1) * f64::from(field.spacing_z);
    let far = field.origin + DVec3::new(far_x, 0.0, far_z);
    [
        (field.origin, Vec3::X),
        (far, Vec3::NEG_X),
        (field.origin, Vec3::Z),
        (far, Vec3::NEG_Z),
    ]
    .map(|(point, normal)| StaticShape::Plane {
        point,
        normal,
        friction: field.friction,
        restitution: field.restitution,
    })
}

/// Three numbers as the world stores them.
pub(crate) fn narrow(vector: [f64; 3]) -> Vec3 {
    DVec3::from_array(vector).as_vec3()
}
