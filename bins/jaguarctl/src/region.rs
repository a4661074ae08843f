//! The part of space that `query` and `watch` ask for, and how bodies are printed.

use clap::Args;
use jaguar_proto::v1::{Body, Box, Point, Region, Sphere, region};
use serde_json::{Value, json};

use crate::shape;
use crate::table::Table;

/// A box or a ball; the whole world when neither is given.
#[derive(Args, Debug)]
#[group(id = "region")]
pub(crate) struct RegionArgs {
    /// Lowest corner of a box, m
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, requires = "max", conflicts_with = "centre", allow_hyphen_values = true)]
    min: Option<[f64; 3]>,
    /// Highest corner of the box, m
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, requires = "min", allow_hyphen_values = true)]
    max: Option<[f64; 3]>,
    /// Centre of a ball, m
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, requires = "radius", allow_hyphen_values = true)]
    centre: Option<[f64; 3]>,
    /// Radius of the ball, m
    #[arg(long, value_name = "M", requires = "centre")]
    radius: Option<f64>,
}

impl RegionArgs {
    /// The region as the service takes it.
    pub(crate) fn region(&self) -> Region {
        let shape = match (self.min, self.max, self.centre, self.radius) {
            (Some(min), Some(max), _, _) => boxed(point(min), point(max)),
            (_, _, Some(centre), Some(radius_m)) => region::Shape::Sphere(Sphere {
                centre: Some(point(centre)),
                radius_m,
            }),
            _ => boxed(point([f64::NEG_INFINITY; 3]), point([f64::INFINITY; 3])),
        };
        Region { shape: Some(shape) }
    }
}

/// The whole world.
pub(crate) fn everywhere() -> Region {
    let shape = boxed(point([f64::NEG_INFINITY; 3]), point([f64::INFINITY; 3]));
    Region { shape: Some(shape) }
}

fn boxed(min: Point, max: Point) -> region::Shape {
    region::Shape::Box(Box {
        min: Some(min),
        max: Some(max),
    })
}

/// A position as the service takes it.
pub(crate) fn point([x, y, z]: [f64; 3]) -> Point {
    Point { x, y, z }
}

/// Three numbers with commas between them.
pub(crate) fn triple(text: &str) -> Result<[f64; 3], String> {
    numbers(text).ok_or_else(|| format!("{text:?} is not three numbers, as in 1.5,20,-3"))
}

/// Two numbers with a comma between them.
pub(crate) fn pair(text: &str) -> Result<[f64; 2], String> {
    numbers(text).ok_or_else(|| format!("{text:?} is not two numbers, as in -0.5,20"))
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|part| part.trim().parse::<f64>()).collect();
    numbers.ok()?.try_into().ok()
}

/// Bodies as a table.
pub(crate) fn body_table<'a>(bodies: impl IntoIterator<Item = &'a Body>) -> Table {
    let mut table = Table::new(&["id", "x", "y", "z", "vx", "vy", "vz", "radius", "mass", "shape"]);
    for body in bodies {
        let at = body.position.unwrap_or_default();
        let velocity = body.velocity.unwrap_or_default();
        let mut cells = vec![body.id.to_string()];
        cells.extend([at.x, at.y, at.z].map(|value| format!("{value:.3}")));
        cells.extend([velocity.x, velocity.y, velocity.z].map(|value| format!("{value:.3}")));
        cells.extend([body.radius_m, body.mass_kg].map(|value| format!("{value}")));
        cells.push(shape::in_words(body.shape.as_ref()));
        table.row(cells);
    }
    table
}

/// A body as JSON.
pub(crate) fn body_json(body: &Body) -> Value {
    let at = body.position.unwrap_or_default();
    let velocity = body.velocity.unwrap_or_default();
    let spin = body.angular_velocity.unwrap_or_default();
    json!({
        "id": body.id,
        "position": [at.x, at.y, at.z],
        "velocity": [velocity.x, velocity.y, velocity.z],
        "angular_velocity": [spin.x, spin.y, spin.z],
        "radius_m": body.radius_m,
        "mass_kg": body.mass_kg,
        "shape": shape::in_words(body.shape.as_ref()),
        "orientation": body.orientation.map(|turn| [turn.x, turn.y, turn.z, turn.w]),
        "domain": body.domain().as_str_name().trim_start_matches("DOMAIN_").to_lowercase(),
        "sensor": body.sensor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_read_and_other_counts_refused() {
        assert_eq!(triple("1.5, -20,3e2"), Ok([1.5, -20.0, 300.0]));
        let error = triple("1,2").unwrap_err();
        assert_eq!(error, "\"1,2\" is not three numbers, as in 1.5,20,-3");
        assert!(triple("1,2,x").is_err());
    }
}
