//! ESRI ASCII grids: the plain format in which GIS tools export terrain.
//!
//! A header of keys and numbers (`ncols`, `nrows`, `xllcorner` or `xllcenter`, `yllcorner` or `yllcenter`, `cellsize` or `dx` and `dy`, optionally `NODATA_value`), then `nrows`
//! rows of `ncols` numbers, the northernmost row first. Keys are read in any case and order, and numbers with any white space between them: exports differ in both.

use std::path::Path;

use crate::document::read_text;
use crate::error::ScenarioError;
use crate::limits::{MAX_GRID_BYTES, MAX_GRID_POSTS};
use crate::text::{Source, Word};

/// A grid of heights in the file's own unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Posts from west to east, at least 2.
    pub columns: u32,
    /// Posts from north to south, at least 2.
    pub rows: u32,
    /// Size of a cell along x and y in the file's horizontal unit, often degrees.
    pub cell_size: [f64; 2],
    /// Row by row from north to south, each from west to east.
    pub heights: Vec<f32>,
}

/// Reads a grid from a file. Posts without data get the height `nodata_height`, or are an error if there is none.
pub fn read(path: &Path, nodata_height: Option<f32>) -> Result<Grid, ScenarioError> {
    let text = read_text(path, "grid file", MAX_GRID_BYTES)?;
    parse(path, &text, nodata_height)
}

/// Reads a grid from text; `path` is for the messages.
pub fn parse(path: &Path, text: &str, nodata_height: Option<f32>) -> Result<Grid, ScenarioError> {
    let source = Source { path, text };
    let mut words = source.words().peekable();
    let header = Header::parse(&source, &mut words)?;
    let columns = header.size(&source, "ncols", &header.columns)?;
    let rows = header.size(&source, "nrows", &header.rows)?;
    let posts = columns as usize * rows as usize;
    // A height takes at least a digit and a space, so that no header makes this larger than the file.
    let mut heights = Vec::with_capacity(posts.min(text.len() / 2 + 1));
    for word in words {
        let number = word.number(&source)?;
        if heights.len() == posts {
            let message = format!(
                "there are more than ncols * nrows = {posts} heights, the first too many is {:?}",
                word.text
            );
            return Err(source.invalid(&word, message));
        }
        let is_missing = header.nodata.as_ref().is_some_and(|(nodata, _)| number == *nodata);
        let height = match nodata_height {
            Some(fill) if is_missing => fill,
            None if is_missing => {
                let (row, column) = (
                    heights.len() / columns as usize + 1,
                    heights.len() % columns as usize + 1,
                );
                let message = format!(
                    "the post in row {row}, column {column} has no data ({:?}); give the height field a `nodata_height` or choose another crop",
                    word.text
                );
                return Err(source.invalid(&word, message));
            }
            _ => number as f32,
        };
        if !height.is_finite() {
            return Err(source.invalid(
                &word,
                format!("a height is {:?}, allowed: finite numbers of 32 bits", word.text),
            ));
        }
        heights.push(height);
    }
    if heights.len() < posts {
        let message = format!(
            "the file ends after {} heights, expected ncols * nrows = {posts}",
            heights.len()
        );
        return Err(source.invalid_at(text.len(), message));
    }
    Ok(Grid {
        columns,
        rows,
        cell_size: header.cell_size(&source)?,
        heights,
    })
}

/// A key's value and where it stands.
type Field<'a> = Option<(f64, Word<'a>)>;

#[derive(Default)]
struct Header<'a> {
    columns: Field<'a>,
    rows: Field<'a>,
    west: Field<'a>,
    south: Field<'a>,
    cell: Field<'a>,
    cell_x: Field<'a>,
    cell_y: Field<'a>,
    nodata: Field<'a>,
}

impl<'a> Header<'a> {
    fn parse(
        source: &Source<'a>,
        words: &mut std::iter::Peekable<impl Iterator<Item = Word<'a>>>,
    ) -> Result<Self, ScenarioError> {
        let mut header = Self::default();
        // The first number where a key could be begins the heights. "NaN" is a number.
        while let Some(key) = words.next_if(|word| word.text.parse::<f64>().is_err()) {
            let field = match key.text.to_ascii_lowercase().as_str() {
                "ncols" => &mut header.columns,
                "nrows" => &mut header.rows,
                "xllcorner" | "xllcenter" => &mut header.west,
                "yllcorner" | "yllcenter" => &mut header.south,
                "cellsize" => &mut header.cell,
                "dx" => &mut header.cell_x,
                "dy" => &mut header.cell_y,
                "nodata_value" => &mut header.nodata,
                _ => {
                    let message = format!(
                        "{:?} is neither a number nor a key of an ESRI ASCII grid (ncols, nrows, xllcorner, xllcenter, yllcorner, yllcenter, cellsize, dx, dy, NODATA_value)",
                        key.shortened()
                    );
                    return Err(source.invalid(&key, message));
                }
            };
            let Some(value) = words.next() else {
                return Err(source.invalid_at(source.text.len(), format!("the file ends after the key {}", key.text)));
            };
            if field.is_some() {
                return Err(source.invalid(&key, format!("{} is given a second time", key.text)));
            }
            *field = Some((value.number(source)?, value));
        }
        for (names, field) in [
            ("xllcorner or xllcenter", &header.west),
            ("yllcorner or yllcenter", &header.south),
        ] {
            if field.is_none() {
                return Err(source.missing(names));
            }
        }
        Ok(header)
    }

    /// Columns or rows; the other of the two bounds it too.
    fn size(&self, source: &Source<'_>, name: &str, field: &Field<'_>) -> Result<u32, ScenarioError> {
        let Some((value, word)) = field else {
            return Err(source.missing(name));
        };
        let is_whole = *value >= 2.0 && *value <= MAX_GRID_POSTS as f64 && value.fract() == 0.0;
        if !is_whole {
            let message = format!(
                "{name} is {:?}, allowed: whole numbers from 2 to {MAX_GRID_POSTS}",
                word.shortened()
            );
            return Err(source.invalid(word, message));
        }
        let posts: f64 = [&self.columns, &self.rows]
            .into_iter()
            .flatten()
            .map(|(value, _)| value)
            .product();
        if posts > MAX_GRID_POSTS as f64 {
            let message =
                format!("ncols * nrows is {posts}, allowed: at most {MAX_GRID_POSTS}; use a crop or a coarser grid");
            return Err(source.invalid(word, message));
        }
        Ok(*value as u32)
    }

    fn cell_size(&self, source: &Source<'_>) -> Result<[f64; 2], ScenarioError> {
        let positive = |name: &str, (value, word): &(f64, Word<'_>)| {
            if value.is_finite() && *value > 0.0 {
                return Ok(*value);
            }
            Err(source.invalid(
                word,
                format!("{name} is {:?}, allowed: positive numbers", word.shortened()),
            ))
        };
        match (&self.cell, &self.cell_x, &self.cell_y) {
            (Some(cell), None, None) => {
                let size = positive("cellsize", cell)?;
                Ok([size, size])
            }
            (None, Some(x), Some(y)) => Ok([positive("dx", x)?, positive("dy", y)?]),
            (Some(_), Some((_, word)), _) | (Some(_), _, Some((_, word))) => {
                Err(source.invalid(word, "cellsize and dx or dy are both given, allowed: one or the other"))
            }
            _ => Err(source.missing("cellsize, or dx and dy")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: &str =
        "ncols 3\nnrows 2\nxllcorner -84.5\nyllcorner 36\ncellsize 0.5\nNODATA_value -9999\n1 2 3\n4 5.5 -6e0\n";

    fn check(text: &str, nodata_height: Option<f32>) -> Result<Grid, String> {
        parse(Path::new("a.asc"), text, nodata_height).map_err(|error| error.to_string())
    }

    fn message(text: &str) -> String {
        check(text, None).unwrap_err()
    }

    #[test]
    fn a_grid_is_read_north_first() {
        let grid = check(SMALL, None).unwrap();
        assert_eq!((grid.columns, grid.rows, grid.cell_size), (3, 2, [0.5, 0.5]));
        assert_eq!(grid.heights, [1.0, 2.0, 3.0, 4.0, 5.5, -6.0]);
    }

    #[test]
    fn case_order_white_space_and_variants_of_the_header_do_not_matter() {
        let text = "NROWS 2 NCOLS 3\r\nDX 2 dy 4\r\n\r\nXLLCENTER 0 yllcenter 0\r\n1\t2\r\n 3 4 5.5\n-6";
        let grid = check(text, None).unwrap();
        assert_eq!((grid.columns, grid.rows, grid.cell_size), (3, 2, [2.0, 4.0]));
        assert_eq!(grid.heights, check(SMALL, None).unwrap().heights);
    }

    #[test]
    fn posts_without_data_are_filled_or_an_error() {
        let holed = SMALL.replace("5.5", "-9999");
        assert_eq!(check(&holed, Some(7.0)).unwrap().heights[4], 7.0);
        assert_eq!(
            message(&holed),
            "a.asc:8:3: the post in row 2, column 2 has no data (\"-9999\"); give the height field a `nodata_height` or choose another crop"
        );
    }

    #[test]
    fn errors_say_where_and_what() {
        let cases = [
            (SMALL.replace("5.5", "x5"), "a.asc:8:3: \"x5\" is not a number"),
            (
                SMALL.replace("5.5", "inf"),
                "a.asc:8:3: a height is \"inf\", allowed: finite numbers of 32 bits",
            ),
            (
                SMALL.replace("5.5", "1e39"),
                "a.asc:8:3: a height is \"1e39\", allowed: finite numbers of 32 bits",
            ),
            (
                SMALL.replace("5.5 ", ""),
                "a.asc:9:1: the file ends after 5 heights, expected ncols * nrows = 6",
            ),
            (
                format!("{SMALL}7"),
                "a.asc:9:1: there are more than ncols * nrows = 6 heights, the first too many is \"7\"",
            ),
            (
                SMALL.replace("ncols 3", "ncols 1"),
                "a.asc:1:7: ncols is \"1\", allowed: whole numbers from 2 to 67108864",
            ),
            (
                SMALL.replace("ncols 3", "ncols 2.5"),
                "a.asc:1:7: ncols is \"2.5\", allowed: whole numbers from 2 to 67108864",
            ),
            (
                SMALL.replace("ncols 3", "ncols 50000000"),
                "a.asc:1:7: ncols * nrows is 100000000, allowed: at most 67108864; use a crop or a coarser grid",
            ),
            (SMALL.replace("nrows 2\n", ""), "a.asc:1:1: the header has no nrows"),
            (
                SMALL.replace("cellsize 0.5\n", "dx 1\n"),
                "a.asc:1:1: the header has no cellsize, or dx and dy",
            ),
            (
                SMALL.replace("cellsize 0.5", "cellsize 0"),
                "a.asc:5:10: cellsize is \"0\", allowed: positive numbers",
            ),
            (
                SMALL.replace("nrows 2", "ncols 2"),
                "a.asc:2:1: ncols is given a second time",
            ),
            (
                SMALL.replace("xllcorner -84.5\n", ""),
                "a.asc:1:1: the header has no xllcorner or xllcenter",
            ),
            (String::new(), "a.asc:1:1: the header has no xllcorner or xllcenter"),
            ("ncols".to_owned(), "a.asc:1:6: the file ends after the key ncols"),
        ];
        for (text, expected) in cases {
            assert_eq!(message(&text), expected);
        }
        assert!(message("<html>").starts_with("a.asc:1:1: \"<html>\" is neither a number nor a key"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(columns in 2_usize..9, rows in 2_usize..9, heights in prop::collection::vec(-1000_i16..9000, 64)) {
            let heights = &heights[..columns * rows];
            let body: Vec<String> = heights.iter().map(ToString::to_string).collect();
            let text = format!("ncols {columns}\nnrows {rows}\nxllcorner 0\nyllcorner 0\ncellsize 30\n{}\n", body.join(" "));
            let grid = check(&text, None).unwrap();
            prop_assert_eq!((grid.columns as usize, grid.rows as usize), (columns, rows));
            prop_assert!(grid.heights.iter().zip(heights).all(|(read, &written)| *read == f32::from(written)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            let _ = check(&text, None);
        }

        #[test]
        fn no_damaged_file_panics(at in 0_usize..110, with in "[ -9x.e\n]{0,3}", cut in 0_usize..4) {
            let mut text = SMALL.to_owned();
            let from = at.min(text.len());
            let to = (from + cut).min(text.len());
            text.replace_range(from..to, &with);
            if let Ok(grid) = check(&text, Some(0.0)) {
                prop_assert_eq!(grid.heights.len(), (grid.columns * grid.rows) as usize);
            }
        }
    }
}
