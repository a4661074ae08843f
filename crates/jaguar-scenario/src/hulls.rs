//! The hulls of a scenario, by their names.

use glam::DVec3;
use jaguar_core::HullId;
use jaguar_core::shape::ConvexHull;

use crate::document::Document;
use crate::error::ScenarioError;
use crate::statics::narrow;
use crate::{format, mesh};

/// Hulls in the order of the file.
pub(crate) fn read(document: &Document) -> Result<Vec<ConvexHull>, ScenarioError> {
    let tables = &document.format.hull;
    let mut hulls = Vec::with_capacity(tables.len());
    for (index, table) in tables.iter().enumerate() {
        let at = format!("hull.{index}");
        if let Some(first) = tables[..index].iter().position(|other| other.name == table.name) {
            let message = format!(
                "is {:?}, as that of hull[{first}], allowed: names that occur once",
                table.name
            );
            return Err(document.invalid(&format!("{at}.name"), message));
        }
        document.check(
            table.scale.is_finite() && table.scale > 0.0,
            &format!("{at}.scale"),
            table.scale,
            "a positive number",
        )?;
        let (key, points) = points(document, table, &at)?;
        let points: Vec<_> = points.map(|point| narrow((point * table.scale).to_array())).collect();
        let hull = ConvexHull::new(&points);
        hulls.push(hull.map_err(|error| document.invalid(&format!("{at}.{key}"), error.to_string()))?);
    }
    Ok(hulls)
}

/// The points of a table, in its own unit, and the key that they come from.
fn points<'a>(
    document: &Document,
    table: &'a format::Hull,
    at: &str,
) -> Result<(&'static str, Box<dyn Iterator<Item = DVec3> + 'a>), ScenarioError> {
    match (&table.points, &table.file) {
        (Some(points), None) => Ok(("points", Box::new(points.iter().copied().map(DVec3::from_array)))),
        (None, Some(file)) => {
            let Some(surface) = mesh::read(&document.file(file))? else {
                let message = format!("is {file:?}, allowed: names that end in .obj or .stl");
                return Err(document.invalid(&format!("{at}.file"), message));
            };
            Ok(("file", Box::new(surface.vertices.into_iter())))
        }
        _ => Err(document.invalid(at, "needs either points or file")),
    }
}

/// The hull of a name.
pub(crate) fn find(document: &Document, name: &str, at: &str) -> Result<HullId, ScenarioError> {
    let tables = &document.format.hull;
    let index = tables.iter().position(|table| table.name == name);
    index.map(|index| HullId(index as u32)).ok_or_else(|| {
        let names: Vec<_> = tables.iter().map(|table| format!("{:?}", table.name)).collect();
        let allowed = if names.is_empty() {
            "none, for the scenario has no [[hull]]".to_owned()
        } else {
            names.join(", ")
        };
        document.invalid(at, format!("is {name:?}, allowed: {allowed}"))
    })
}
