//! Height maps: PNG images of 16-bit grey, as terrain editors and games export them. A grey level is a height.

use std::io::Cursor;
use std::path::Path;

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits};

use crate::asc::Grid;
use crate::document::read_bytes;
use crate::error::ScenarioError;
use crate::limits::{MAX_GRID_BYTES, MAX_GRID_POSTS};

/// Whether a file's name says that it is a PNG image.
pub(crate) fn is_named(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
}

/// Reads grey levels, 0 to 65535, the image's upper row as the northernmost.
pub(crate) fn read(path: &Path) -> Result<Grid, ScenarioError> {
    let bytes = read_bytes(path, "height map", MAX_GRID_BYTES)?;
    parse(&bytes).map_err(|message| ScenarioError::Binary {
        file: path.to_owned(),
        message,
    })
}

fn parse(bytes: &[u8]) -> Result<Grid, String> {
    let damaged = |error: DecodingError| format!("is no PNG image that can be read: {error}");
    // What an image of the most posts takes, decoded.
    let limits = Limits {
        bytes: 2 * MAX_GRID_POSTS,
    };
    let decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let info = reader.info();
    let (columns, rows) = (info.width, info.height);
    if (info.color_type, info.bit_depth) != (ColorType::Grayscale, BitDepth::Sixteen) {
        let colour = match info.color_type {
            ColorType::Grayscale => "grey",
            ColorType::GrayscaleAlpha => "grey with transparency",
            ColorType::Indexed => "a palette",
            ColorType::Rgb => "colour",
            ColorType::Rgba => "colour with transparency",
        };
        let bits = info.bit_depth as u8;
        return Err(format!(
            "is an image of {bits} bits of {colour}, allowed: 16 bits of grey"
        ));
    }
    let posts = u64::from(columns) * u64::from(rows);
    if columns < 2 || rows < 2 || posts > MAX_GRID_POSTS as u64 {
        return Err(format!(
            "has {columns} x {rows} pixels, allowed: at least 2 x 2, at most {MAX_GRID_POSTS} in all"
        ));
    }
    let mut pixels = vec![0; 2 * posts as usize];
    reader.next_frame(&mut pixels).map_err(damaged)?;
    let levels = pixels
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&level| f32::from(u16::from_be_bytes(level)));
    Ok(Grid {
        columns,
        rows,
        cell_size: [1.0, 1.0],
        heights: levels.collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(columns: u32, rows: u32, colour: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, columns, rows);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    fn grey(columns: u32, rows: u32, levels: &[u16]) -> Vec<u8> {
        let data: Vec<u8> = levels.iter().flat_map(|level| level.to_be_bytes()).collect();
        image(columns, rows, ColorType::Grayscale, BitDepth::Sixteen, &data)
    }

    #[test]
    fn levels_are_heights_upper_row_first() {
        let grid = parse(&grey(3, 2, &[0, 1, 256, 65535, 4, 5])).unwrap();
        assert_eq!((grid.columns, grid.rows), (3, 2));
        assert_eq!(grid.heights, [0.0, 1.0, 256.0, 65535.0, 4.0, 5.0]);
    }

    #[test]
    fn other_images_are_refused() {
        let refused = |bytes: &[u8]| parse(bytes).unwrap_err();
        assert_eq!(
            refused(&image(2, 2, ColorType::Grayscale, BitDepth::Eight, &[0; 4])),
            "is an image of 8 bits of grey, allowed: 16 bits of grey"
        );
        assert_eq!(
            refused(&image(2, 2, ColorType::Rgba, BitDepth::Eight, &[0; 16])),
            "is an image of 8 bits of colour with transparency, allowed: 16 bits of grey"
        );
        assert_eq!(
            refused(&grey(1, 3, &[0; 3])),
            "has 1 x 3 pixels, allowed: at least 2 x 2, at most 67108864 in all"
        );
        assert!(refused(b"ncols 3").starts_with("is no PNG image that can be read: "));
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0_usize..90, with in any::<u8>(), length in 0_usize..120) {
            let mut bytes = grey(3, 2, &[0, 1, 256, 65535, 4, 5]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = with;
            }
            bytes.truncate(length);
            let _ = parse(&bytes);
        }
    }
}
