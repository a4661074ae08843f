//! Wavefront OBJ: a text of vertices (`v`) and of faces that name them (`f`), as every modelling program writes it.
//!
//! Only the shape is of interest: texture coordinates, normals, materials, groups, lines and curves are passed over. A face of more than three corners becomes a fan of triangles.
//! Read by hand: the format is two kinds of lines, and a crate that told line and column of what is wrong was not to be found (`tobj` tells neither).

use std::path::Path;

use glam::DVec3;

use crate::document::read_text;
use crate::error::ScenarioError;
use crate::limits::{MAX_MESH_BYTES, MAX_MESH_TRIANGLES};
use crate::mesh::Surface;
use crate::text::{Source, Word};

/// Lines that say nothing of the surface's shape.
const PASSED_OVER: [&str; 28] = [
    "vt", "vn", "vp", "g", "o", "s", "mg", "usemtl", "mtllib", "usemap", "maplib", "l", "p", "cstype", "deg", "bmat",
    "step", "curv", "curv2", "surf", "parm", "trim", "hole", "scrv", "sp", "end", "lod", "bevel",
];

/// Reads a surface from a file.
pub(crate) fn read(path: &Path) -> Result<Surface, ScenarioError> {
    let text = read_text(path, "mesh file", MAX_MESH_BYTES)?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Surface, ScenarioError> {
    let source = Source { path, text };
    let mut surface = Surface::default();
    for line in text.lines() {
        // A comment may stand behind anything.
        let line = line.split('#').next().unwrap_or_default();
        let mut words = source.words_of(line);
        let Some(key) = words.next() else { continue };
        match key.text {
            "v" => surface.vertices.push(vertex(&source, &key, words)?),
            "f" => face(&source, &key, words, &mut surface)?,
            other if PASSED_OVER.contains(&other) => {}
            _ => {
                let message = format!(
                    "a line begins with {:?}, allowed: v, f, # and other keys of OBJ files",
                    key.shortened()
                );
                return Err(source.invalid(&key, message));
            }
        }
    }
    if surface.triangles.is_empty() {
        return Err(source.invalid_at(text.len(), "the file has no face (f)"));
    }
    Ok(surface)
}

/// Three coordinates; a weight or a colour may follow.
fn vertex<'a>(
    source: &Source<'_>,
    key: &Word<'_>,
    mut words: impl Iterator<Item = Word<'a>>,
) -> Result<DVec3, ScenarioError> {
    let mut coordinates = [0.0; 3];
    for (coordinate, name) in coordinates.iter_mut().zip(["x", "y", "z"]) {
        let Some(word) = words.next() else {
            return Err(source.invalid(key, format!("the vertex has no {name}")));
        };
        *coordinate = word.finite(source)?;
    }
    Ok(DVec3::from_array(coordinates))
}

fn face<'a>(
    source: &Source<'_>,
    key: &Word<'_>,
    words: impl Iterator<Item = Word<'a>>,
    surface: &mut Surface,
) -> Result<(), ScenarioError> {
    let count = surface.vertices.len();
    let mut corners = words.map(|word| corner(source, &word, count));
    let (Some(first), Some(second)) = (corners.next().transpose()?, corners.next().transpose()?) else {
        return Err(source.invalid(key, "the face has less than three corners"));
    };
    let (mut before, mut triangles) = (second, 0);
    for corner in corners {
        let corner = corner?;
        surface.triangles.push([first, before, corner]);
        before = corner;
        triangles += 1;
    }
    if triangles == 0 {
        return Err(source.invalid(key, "the face has less than three corners"));
    }
    if surface.triangles.len() > MAX_MESH_TRIANGLES {
        let message = format!("there are more than {MAX_MESH_TRIANGLES} triangles; use a coarser mesh or several");
        return Err(source.invalid(key, message));
    }
    Ok(())
}

/// The vertex of `7`, `7/2`, `7//3` or `7/2/3`; from 1, or from the last one backwards.
fn corner(source: &Source<'_>, word: &Word<'_>, count: usize) -> Result<u32, ScenarioError> {
    let number = word
        .text
        .split('/')
        .next()
        .and_then(|number| number.parse::<i64>().ok());
    let index = match number {
        Some(number) if number > 0 => number - 1,
        Some(number) if number < 0 => count as i64 + number,
        _ => -1,
    };
    if (0..count as i64).contains(&index) {
        return Ok(index as u32);
    }
    let message = format!(
        "a corner is {:?}, allowed: 1 to {count} or -{count} to -1, the vertices so far",
        word.shortened()
    );
    Err(source.invalid(word, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<Surface, String> {
        parse(Path::new("a.obj"), text).map_err(|error| error.to_string())
    }

    const SQUARE: &str = "# a square\no it\nv 0 0 0\nv 1 0 0 1.0\nv 1 0 -1e0 0.5 0.5 0.5\nv 0 0 -1\nvn 0 1 0\ns off\nf 1//1 2//1 3//1 4//1\n";

    #[test]
    fn polygons_become_fans_and_corners_may_count_backwards() {
        let surface = check(SQUARE).unwrap();
        assert_eq!(surface.vertices[2], DVec3::new(1.0, 0.0, -1.0));
        assert_eq!(surface.triangles, [[0, 1, 2], [0, 2, 3]]);
        let backwards = check("v 0 0 0\r\nv 1 0 0\r\nv 0 1 0\r\nf -3/1 -2/2 -1/3 # the last three\r\n").unwrap();
        assert_eq!(backwards.triangles, [[0, 1, 2]]);
    }

    #[test]
    fn errors_say_where_and_what() {
        let cases = [
            (
                SQUARE.replace("v 0 0 -1\n", "v 0 zero -1\n"),
                "a.obj:6:5: \"zero\" is not a number",
            ),
            (
                SQUARE.replace("v 0 0 -1\n", "v 0 0\n"),
                "a.obj:6:1: the vertex has no z",
            ),
            (
                SQUARE.replace("v 0 0 -1\n", "v 0 0 inf\n"),
                "a.obj:6:7: a coordinate is \"inf\", allowed: finite numbers",
            ),
            (
                SQUARE.replace("4//1", "5//1"),
                "a.obj:9:18: a corner is \"5//1\", allowed: 1 to 4 or -4 to -1, the vertices so far",
            ),
            (
                SQUARE.replace("f 1//1", "f 0//1"),
                "a.obj:9:3: a corner is \"0//1\", allowed: 1 to 4 or -4 to -1, the vertices so far",
            ),
            (
                SQUARE.replace("1//1 2//1 3//1 4//1", "1 2"),
                "a.obj:9:1: the face has less than three corners",
            ),
            (
                SQUARE.replace("s off", "<html>"),
                "a.obj:8:1: a line begins with \"<html>\", allowed: v, f, # and other keys of OBJ files",
            ),
            ("v 0 0 0\n".to_owned(), "a.obj:2:1: the file has no face (f)"),
        ];
        for (text, expected) in cases {
            assert_eq!(check(&text).unwrap_err(), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[vf0-9/# .\n-]{0,200}") {
            let _ = check(&text);
        }
    }
}
