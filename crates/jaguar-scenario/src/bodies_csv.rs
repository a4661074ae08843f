//! Bodies that a user brings as a CSV file.
//!
//! The header names the columns `id,x,y,z,vx,vy,vz,radius,mass` in any order; other columns are ignored. Every row is checked against the world; if any is bad nothing is
//! loaded, and the error lists the bad rows.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::ByteRecord;
use glam::DVec3;
use jaguar_core::error::SpawnError;
use jaguar_core::{BodyDesc, BodyId, Shape, World, WorldConfig, WorldParams, tile};

use crate::error::{BadRow, Location, ScenarioError};
use crate::limits::{MAX_BAD_ROWS, MAX_BODIES, MAX_CSV_BYTES};

/// The columns that are read, in the order in which this module stores them.
const COLUMNS: [&str; 9] = ["id", "x", "y", "z", "vx", "vy", "vz", "radius", "mass"];

/// Reads bodies of the default material for a world of these parameters.
pub fn load_bodies(path: &Path, params: &WorldParams) -> Result<Vec<(BodyId, BodyDesc)>, ScenarioError> {
    let world = World::new(WorldConfig::new(params.clone()))
        .map_err(|error| start_of(path).invalid(format!("no body fits this world: {error}")))?;
    read(path, &world, &BodyDesc::default())
}

/// Reads bodies for a world; all but what the file says is the template's.
pub(crate) fn read(path: &Path, world: &World, template: &BodyDesc) -> Result<Vec<(BodyId, BodyDesc)>, ScenarioError> {
    let read_error = |source| ScenarioError::Read {
        file: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read_error)?;
    if file.metadata().map_err(read_error)?.len() > MAX_CSV_BYTES {
        return Err(ScenarioError::TooLarge {
            file: path.to_owned(),
            kind: "CSV file of bodies",
            limit: MAX_CSV_BYTES,
        });
    }
    parse(path, file, world, template)
}

fn parse(
    path: &Path,
    source: impl Read,
    world: &World,
    template: &BodyDesc,
) -> Result<Vec<(BodyId, BodyDesc)>, ScenarioError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(source);
    let header = reader.byte_headers().map_err(|error| csv_error(path, &error))?.clone();
    let columns = find_columns(path, &header)?;

    let mut bodies = Vec::new();
    let mut bad_rows = Vec::new();
    let mut line_of_id: HashMap<u64, u64> = HashMap::new();
    let mut record = ByteRecord::new();
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| csv_error(path, &error))?
    {
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row {
            path,
            line,
            record: &record,
            columns: &columns,
        };
        if bodies.len() == MAX_BODIES {
            let message = format!("there are more than {MAX_BODIES} bodies");
            return Err(Location {
                line: line as usize,
                ..start_of(path)
            }
            .invalid(message));
        }
        match row.body(world, template) {
            Ok((id, body)) => match line_of_id.insert(id.0, line) {
                None => bodies.push((id, body)),
                Some(first) => bad_rows.push(row.bad(0, format!("ids that occur once; line {first} has it too"))),
            },
            Err(bad) => bad_rows.push(bad),
        }
        if bad_rows.len() == MAX_BAD_ROWS {
            break;
        }
    }
    if bad_rows.is_empty() {
        Ok(bodies)
    } else {
        Err(ScenarioError::BadRows(bad_rows))
    }
}

/// Where each of [`COLUMNS`] stands in the file.
fn find_columns(path: &Path, header: &ByteRecord) -> Result<[usize; COLUMNS.len()], ScenarioError> {
    let mut columns = [0; COLUMNS.len()];
    let mut missing = Vec::new();
    for (place, name) in columns.iter_mut().zip(COLUMNS) {
        let mut found = header.iter().enumerate().filter(|(_, title)| *title == name.as_bytes());
        match (found.next(), found.next()) {
            (Some((index, _)), None) => *place = index,
            (Some(_), Some(_)) => return Err(start_of(path).invalid(format!("the header has two columns {name:?}"))),
            (None, _) => missing.push(name),
        }
    }
    if missing.is_empty() {
        return Ok(columns);
    }
    let message = format!(
        "the header lacks {}; it must name the columns {} in any order",
        missing.join(", "),
        COLUMNS.join(",")
    );
    Err(start_of(path).invalid(message))
}

fn start_of(path: &Path) -> Location {
    Location {
        file: path.to_owned(),
        line: 1,
        column: 1,
    }
}

fn csv_error(path: &Path, error: &csv::Error) -> ScenarioError {
    let line = error.position().map_or(1, |position| position.line() as usize);
    Location { line, ..start_of(path) }.invalid(format!("not readable as CSV: {error}"))
}

/// One row and where its columns are.
struct Row<'a> {
    path: &'a Path,
    line: u64,
    record: &'a ByteRecord,
    columns: &'a [usize; COLUMNS.len()],
}

impl Row<'_> {
    fn body(&self, world: &World, template: &BodyDesc) -> Result<(BodyId, BodyDesc), BadRow> {
        let id = self.text(0);
        let id = id.parse().ok().filter(|&id: &u64| id < 1 << 63);
        let id = id.ok_or_else(|| self.bad(0, "whole numbers from 0 to 2^63 - 1"))?;
        let position = DVec3::new(self.number(1)?, self.number(2)?, self.number(3)?);
        let velocity = DVec3::new(self.number(4)?, self.number(5)?, self.number(6)?);
        let body = BodyDesc {
            position,
            velocity: velocity.as_vec3(),
            shape: Shape::Sphere {
                radius: self.number(7)? as f32,
            },
            mass: self.number(8)? as f32,
            ..template.clone()
        };
        match world.check(&body) {
            Ok(_) => Ok((BodyId(id), body)),
            Err(SpawnError::Field(field)) => Err(self.bad(
                self.column_of(field.field, &body, world.params().tile_size),
                field.allowed,
            )),
            Err(other) => Err(self.bad(0, other.to_string())),
        }
    }

    /// The column that is to blame when a world refuses a field of a body.
    fn column_of(&self, field: &str, body: &BodyDesc, tile_size: f32) -> usize {
        match field.split([' ', '.']).next() {
            Some("radius") => 7,
            Some("mass") => 8,
            Some("velocity") => {
                let speeds = body.velocity.abs();
                4 + (0..3).fold(
                    0,
                    |fastest, axis| if speeds[axis] > speeds[fastest] { axis } else { fastest },
                )
            }
            _ => {
                let fits = |axis: usize| tile::split(DVec3::AXES[axis] * body.position[axis], tile_size).is_some();
                1 + (0..3).find(|&axis| !fits(axis)).unwrap_or(0)
            }
        }
    }

    fn number(&self, column: usize) -> Result<f64, BadRow> {
        let number = self.text(column).parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.bad(column, "finite numbers"))
    }

    /// What stands in a column; nothing in a row that is too short.
    fn text(&self, column: usize) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.record.get(self.columns[column]).unwrap_or_default())
    }

    fn bad(&self, column: usize, allowed: impl Into<String>) -> BadRow {
        BadRow {
            file: self.path.to_owned(),
            line: self.line,
            column: COLUMNS[column].to_owned(),
            value: self.text(column).chars().take(80).collect(),
            allowed: allowed.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;
    use proptest::prelude::*;

    fn check(text: &[u8]) -> Result<Vec<(BodyId, BodyDesc)>, String> {
        let world = World::new(WorldConfig::default()).unwrap();
        parse(Path::new("b.csv"), text, &world, &BodyDesc::default()).map_err(|error| error.to_string())
    }

    const HEADER: &str = "id,x,y,z,vx,vy,vz,radius,mass\n";

    fn rows(rows: &str) -> Result<Vec<(BodyId, BodyDesc)>, String> {
        check(format!("{HEADER}{rows}").as_bytes())
    }

    #[test]
    fn rows_become_bodies() {
        let bodies = rows("7,1,2.5,-3e2,0,-1,0,0.5,100\n9, 1, 2, 3, 0, 0, 0, 0.25, 2\n").unwrap();
        assert_eq!(bodies.len(), 2);
        let (id, body) = &bodies[0];
        assert_eq!((*id, body.position), (BodyId(7), DVec3::new(1.0, 2.5, -300.0)));
        assert_eq!(
            (body.velocity, body.shape, body.mass),
            (Vec3::NEG_Y, Shape::Sphere { radius: 0.5 }, 100.0)
        );
        assert_eq!(bodies[1].1.shape, Shape::Sphere { radius: 0.25 });
    }

    #[test]
    fn columns_come_in_any_order_among_others_and_after_a_byte_order_mark() {
        let text =
            "\u{feff}mass,colour,id,radius,vx,vy,vz,z,y,x\r\n100,\"red, \"\"dark\"\"\",7,0.5,0,-1,0,-300,2.5,1\r\n";
        assert_eq!(check(text.as_bytes()), rows("7,1,2.5,-300,0,-1,0,0.5,100\n"));
        let latin1 = b"note,id,x,y,z,vx,vy,vz,radius,mass\nbl\xfchend,7,1,2.5,-300,0,-1,0,0.5,100\n";
        assert_eq!(check(latin1), rows("7,1,2.5,-300,0,-1,0,0.5,100\n"));
    }

    #[test]
    fn every_bad_row_is_reported_with_its_line_column_and_value() {
        let bad = "1,0,0,0,0,0,0,0.5,1\n\
                   2,0,oops,0,0,0,0,0.5,1\n\
                   -3,0,0,0,0,0,0,0.5,1\n\
                   4,0,0,0,0,0,0,8,1\n\
                   5,0,0,1e9,0,0,0,0.5,1\n\
                   6,0,0,0,0,nan,0,0.5,1\n\
                   7,0,0,0,0,0,0,0.5\n\
                   1,9,9,9,0,0,0,0.5,1\n\
                   8,0,0,0,0,0,1e6,0.5,1\n";
        let message = rows(bad).unwrap_err();
        let expected = [
            "b.csv:3: y is \"oops\", allowed: finite numbers",
            "b.csv:4: id is \"-3\", allowed: whole numbers from 0 to 2^63 - 1",
            "b.csv:5: radius is \"8\", allowed: ",
            "b.csv:6: z is \"1e9\", allowed: ",
            "b.csv:7: vy is \"nan\", allowed: finite numbers",
            "b.csv:8: mass is \"\", allowed: finite numbers",
            "b.csv:9: id is \"1\", allowed: ids that occur once; line 2 has it too",
            "b.csv:10: vz is \"1e6\", allowed: ",
        ];
        assert_eq!(message.lines().count(), expected.len(), "{message}");
        for (line, start) in message.lines().zip(expected) {
            assert!(line.starts_with(start), "{line} is not {start}");
        }
    }

    #[test]
    fn reporting_stops_after_some_rows() {
        let message = rows(&"x,0,0,0,0,0,0,0.5,1\n".repeat(1000)).unwrap_err();
        assert_eq!(message.lines().count(), MAX_BAD_ROWS + 1);
    }

    #[test]
    fn a_header_lacks_nothing_and_repeats_nothing() {
        assert_eq!(
            check(b"id,x,y,vx,vy,vz,radius\n").unwrap_err(),
            "b.csv:1:1: the header lacks z, mass; it must name the columns id,x,y,z,vx,vy,vz,radius,mass in any order"
        );
        assert_eq!(
            check(b"id,x,y,z,vx,vy,vz,radius,mass,x\n").unwrap_err(),
            "b.csv:1:1: the header has two columns \"x\""
        );
        assert!(check(b"").unwrap_err().contains("lacks id, x"));
    }

    #[test]
    fn no_rows_are_no_bodies() {
        assert_eq!(rows(""), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }

        #[test]
        fn no_fields_panic(fields in prop::collection::vec("[-0-9.eEinfa\"]{0,6}", 0..40)) {
            let text: String = fields.chunks(9).map(|row| row.join(",") + "\n").collect();
            let _ = rows(&text);
        }

        #[test]
        fn what_is_written_is_read(
            ids in prop::collection::hash_set(any::<u32>(), 0..20),
            numbers in prop::array::uniform6(-1000_i32..1000),
        ) {
            let [x, y, z, vx, vy, vz] = numbers.map(|number| f64::from(number) / 8.0);
            let text: String = ids.iter().map(|id| format!("{id},{x},{y},{z},{vx},{vy},{vz},0.5,10\n")).collect();
            let bodies = rows(&text).unwrap();
            prop_assert_eq!(bodies.len(), ids.len());
            for (_, body) in bodies {
                prop_assert_eq!(body.position, DVec3::new(x, y, z));
                prop_assert_eq!(body.velocity, DVec3::new(vx, vy, vz).as_vec3());
            }
        }
    }
}
