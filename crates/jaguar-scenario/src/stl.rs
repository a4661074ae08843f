//! STL, as CAD programs write it: triangles by their corners, binary or as text.
//!
//! Which side is outside is told by the order of the corners; normals are not read, since many files have wrong ones or none. Corners at the same place become one vertex.
//! Read by hand: what is wrong is told with its place, and no count in the file decides how much is allocated (`stl_io` does neither).

use std::collections::HashMap;
use std::path::Path;

use glam::DVec3;

use crate::document::{read_bytes, text_of};
use crate::error::ScenarioError;
use crate::limits::{MAX_MESH_BYTES, MAX_MESH_TRIANGLES};
use crate::mesh::Surface;
use crate::text::{Source, Word};

/// A binary file's comment and count.
const HEADER_BYTES: usize = 84;

/// A binary triangle: normal and three corners, each three f32, and two bytes of attributes.
const TRIANGLE_BYTES: usize = 50;

/// Reads a surface from a file of either kind.
pub(crate) fn read(path: &Path) -> Result<Surface, ScenarioError> {
    parse(path, read_bytes(path, "mesh file", MAX_MESH_BYTES)?)
}

fn parse(path: &Path, bytes: Vec<u8>) -> Result<Surface, ScenarioError> {
    let refused = |message: String| ScenarioError::Binary {
        file: path.to_owned(),
        message,
    };
    // Binary files may begin with "solid" too, so their size is asked first.
    let count = bytes.get(HEADER_BYTES - 4..).and_then(|rest| rest.first_chunk());
    let count = count.map(|&count| u64::from(u32::from_le_bytes(count)));
    let size = count.map(|count| HEADER_BYTES as u64 + count * TRIANGLE_BYTES as u64);
    if size == Some(bytes.len() as u64) {
        return binary(&bytes).map_err(refused);
    }
    if bytes.trim_ascii_start().starts_with(b"solid") {
        let text = text_of(path, "mesh file", bytes)?;
        return ascii(&Source { path, text: &text });
    }
    let whole = size.map_or_else(
        || format!("a binary one has at least {HEADER_BYTES}"),
        |size| format!("{size} would be the size of a binary one with the count of triangles in it"),
    );
    let length = bytes.len();
    Err(refused(format!(
        "is no STL file: it does not begin with \"solid\", and it has {length} bytes, while {whole}"
    )))
}

/// Corners as they come, those at one place under one number.
#[derive(Default)]
struct Corners {
    surface: Surface,
    numbers: HashMap<[u64; 3], u32>,
    open: Vec<u32>,
}

impl Corners {
    /// Adds a corner; every third closes a triangle.
    fn push(&mut self, corner: DVec3) {
        // Adding zero makes -0 and 0 the same bits.
        let bits = (corner + DVec3::ZERO).to_array().map(f64::to_bits);
        let next = self.surface.vertices.len() as u32;
        let number = *self.numbers.entry(bits).or_insert(next);
        if number == next {
            self.surface.vertices.push(corner);
        }
        self.open.push(number);
        if let [a, b, c] = self.open[..] {
            self.surface.triangles.push([a, b, c]);
            self.open.clear();
        }
    }
}

fn binary(bytes: &[u8]) -> Result<Surface, String> {
    let triangles = bytes[HEADER_BYTES..].as_chunks::<TRIANGLE_BYTES>().0;
    if triangles.is_empty() || triangles.len() > MAX_MESH_TRIANGLES {
        let count = triangles.len();
        return Err(format!("has {count} triangles, allowed: 1 to {MAX_MESH_TRIANGLES}"));
    }
    let mut corners = Corners::default();
    for (number, triangle) in triangles.iter().enumerate() {
        for corner in 0..3 {
            let start = 12 + 12 * corner;
            let coordinate = |axis: usize| {
                let [a, b, c, d] = [0, 1, 2, 3].map(|byte| triangle[start + 4 * axis + byte]);
                f64::from(f32::from_le_bytes([a, b, c, d]))
            };
            let at = DVec3::new(coordinate(0), coordinate(1), coordinate(2));
            if !at.is_finite() {
                let byte = HEADER_BYTES + number * TRIANGLE_BYTES + start;
                return Err(format!(
                    "triangle {} of {}, corner {}, is {at} (byte {byte}), allowed: finite numbers",
                    number + 1,
                    triangles.len(),
                    corner + 1
                ));
            }
            corners.push(at);
        }
    }
    Ok(corners.surface)
}

fn ascii(source: &Source<'_>) -> Result<Surface, ScenarioError> {
    let words = source.text.lines().flat_map(|line| {
        let mut words = source.words_of(line).peekable();
        // What follows these is a name of any words.
        let has_name = words
            .peek()
            .is_some_and(|word| matches!(word.text, "solid" | "endsolid"));
        words.take(if has_name { 1 } else { usize::MAX })
    });
    let mut reader = Reader { source: *source, words };
    let mut corners = Corners::default();
    reader.keyword(&["solid"])?;
    loop {
        let key = reader.keyword(&["facet", "endsolid"])?;
        if key.text == "endsolid" {
            match reader.words.next() {
                None => break,
                Some(word) if word.text == "solid" => continue,
                Some(word) => {
                    let message = format!("{:?} stands where solid or the end should", word.shortened());
                    return Err(source.invalid(&word, message));
                }
            }
        }
        reader.keyword(&["normal"])?;
        for _ in 0..3 {
            reader.word("the facet's normal")?;
        }
        reader.keyword(&["outer"])?;
        reader.keyword(&["loop"])?;
        for _ in 0..3 {
            reader.keyword(&["vertex"])?;
            let mut corner = DVec3::ZERO;
            for axis in 0..3 {
                corner[axis] = reader.word("a coordinate")?.finite(source)?;
            }
            corners.push(corner);
        }
        reader.keyword(&["endloop"])?;
        reader.keyword(&["endfacet"])?;
        if corners.surface.triangles.len() > MAX_MESH_TRIANGLES {
            let message = format!("there are more than {MAX_MESH_TRIANGLES} triangles; use a coarser mesh or several");
            return Err(source.invalid(&key, message));
        }
    }
    if corners.surface.triangles.is_empty() {
        return Err(source.invalid_at(source.text.len(), "the file has no facet"));
    }
    Ok(corners.surface)
}

/// The words of a text file, one after the other.
struct Reader<'a, W> {
    source: Source<'a>,
    words: W,
}

impl<'a, W: Iterator<Item = Word<'a>>> Reader<'a, W> {
    fn word(&mut self, what: &str) -> Result<Word<'a>, ScenarioError> {
        let end = self.source.text.len();
        let ended = || {
            self.source
                .invalid_at(end, format!("the file ends where {what} should stand"))
        };
        self.words.next().ok_or_else(ended)
    }

    /// One of some words.
    fn keyword(&mut self, allowed: &[&str]) -> Result<Word<'a>, ScenarioError> {
        let names = allowed.join(" or ");
        let word = self.word(&names)?;
        if allowed.contains(&word.text) {
            return Ok(word);
        }
        let message = format!("{:?} stands where {names} should", word.shortened());
        Err(self.source.invalid(&word, message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8]) -> Result<Surface, String> {
        parse(Path::new("a.stl"), bytes.to_vec()).map_err(|error| error.to_string())
    }

    const TEXT: &str = "solid a wedge, of two faces\n\
        facet normal nan 0 0\n outer loop\n  vertex 0 0 0\n  vertex 1 0 0\n  vertex 0 1e0 0\n endloop\nendfacet\n\
        facet normal 0 0 1\n outer loop\n  vertex 1 -0 0\n  vertex 1 1 0.5\n  vertex 0 1 0\n endloop\nendfacet\n\
        endsolid a wedge\n";

    fn binary_file(corners: &[[f32; 3]]) -> Vec<u8> {
        // Many a program begins its binary files like this.
        let mut bytes = b"solid but binary".to_vec();
        bytes.resize(80, b' ');
        bytes.extend((corners.len() as u32 / 3).to_le_bytes());
        for triangle in corners.chunks(3) {
            bytes.extend([0; 12]);
            bytes.extend(triangle.as_flattened().iter().flat_map(|number| number.to_le_bytes()));
            bytes.extend([0; 2]);
        }
        bytes
    }

    fn wedge() -> Vec<u8> {
        let [a, b, c, d] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.5]];
        binary_file(&[a, b, c, b, d, c])
    }

    #[test]
    fn text_and_binary_say_the_same_and_corners_are_shared() {
        let surface = check(TEXT.as_bytes()).unwrap();
        assert_eq!(surface.triangles, [[0, 1, 2], [1, 3, 2]]);
        assert_eq!(surface.vertices[3], DVec3::new(1.0, 1.0, 0.5));
        assert_eq!(check(&wedge()).unwrap(), surface);
    }

    #[test]
    fn errors_say_where_and_what() {
        let cases = [
            (
                TEXT.replacen("vertex 1 0 0", "vertex 1 0 O", 1),
                "a.stl:5:14: \"O\" is not a number",
            ),
            (
                TEXT.replacen("vertex 1 0 0", "vertex 1 0 nan", 1),
                "a.stl:5:14: a coordinate is \"nan\", allowed: finite numbers",
            ),
            (
                TEXT.replacen(" endloop", "", 1),
                "a.stl:8:1: \"endfacet\" stands where endloop should",
            ),
            (
                TEXT[..70].to_owned(),
                "a.stl:4:10: the file ends where a coordinate should stand",
            ),
            (
                TEXT.replace("endsolid a wedge\n", ""),
                "a.stl:16:1: the file ends where facet or endsolid should stand",
            ),
            (
                TEXT.replace("endsolid a wedge\n", "endsolid\nfacet"),
                "a.stl:17:1: \"facet\" stands where solid or the end should",
            ),
            (
                "solid nothing\nendsolid\n".to_owned(),
                "a.stl:3:1: the file has no facet",
            ),
            (
                "<html>".to_owned(),
                "a.stl: is no STL file: it does not begin with \"solid\", and it has 6 bytes, while a binary one has at least 84",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text.as_bytes()).unwrap_err(), expected);
        }
        let mut cut = wedge();
        cut[..5].fill(b'x');
        cut.truncate(150);
        assert_eq!(
            check(&cut).unwrap_err(),
            "a.stl: is no STL file: it does not begin with \"solid\", and it has 150 bytes, while 184 would be the size of a binary one with the count of triangles in it"
        );
        let infinite = binary_file(&[[0.0; 3], [0.0; 3], [0.0, f32::INFINITY, 0.0]]);
        assert_eq!(
            check(&infinite).unwrap_err(),
            "a.stl: triangle 1 of 1, corner 3, is [0, inf, 0] (byte 120), allowed: finite numbers"
        );
        assert_eq!(
            check(&binary_file(&[])).unwrap_err(),
            "a.stl: has 0 triangles, allowed: 1 to 4194304"
        );
    }

    proptest! {
        #[test]
        fn no_damage_panics(is_text in any::<bool>(), at in 0_usize..300, with in any::<u8>(), length in 0_usize..400) {
            let mut bytes = if is_text { TEXT.as_bytes().to_vec() } else { wedge() };
            if let Some(byte) = bytes.get_mut(at) {
                *byte = with;
            }
            bytes.truncate(length);
            let _ = check(&bytes);
        }
    }
}
