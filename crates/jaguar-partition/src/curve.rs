//! The Hilbert curve through all tiles.
//!
//! Contiguous ranges of a Hilbert curve are compact pieces of space with little surface, so an ownership map of contiguous ranges gives few ghosts and few neighbours,
//! and is only as long as there are pods.
//!
//! The curve is that of C. Hamilton, *Compact Hilbert Indices*, Dalhousie University CS-2006-07, algorithm 2: on each level the octant's bits are mirrored by the entry
//! corner `e`, rotated by the direction `d`, and read as a Gray code; the digit gives the next `(e, d)`. The 24 states `(e, d)` are tabulated at compile time, three
//! levels a step, so a key costs seven look-ups. (J. Skilling, *Programming the Hilbert curve*, AIP 2004, needs no table but 21 dependent rounds.)

use std::fmt;

use serde::{Deserialize, Serialize};

/// Levels of the curve: bits of each coordinate.
pub(crate) const LEVELS: u32 = 21;

/// Added to a tile index to make it a coordinate of the curve's cube, `0..2^21`.
///
/// 699,050 is binary `010101010101010101010`, one third of the cube's edge. Seen in any of the nested cells that contain it, the origin then lies at one third or two thirds
/// of the edge and never near a face. With the origin at the middle (the obvious choice) the eight largest octants would meet there, and a small world around the origin
/// would be eight pieces far apart on the curve.
const ORIGIN: i32 = 699_050;

/// Largest absolute tile index on each axis.
pub const MAX_TILE: i32 = (1 << 19) - 1;

const _: () = assert!(ORIGIN - MAX_TILE >= 0 && ORIGIN + MAX_TILE < 1 << LEVELS);

/// A tile's place on the curve, `0..2^63`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CurveKey(pub u64);

impl CurveKey {
    /// The first key of the curve.
    pub const START: Self = Self(0);
    /// One past the last key: where the last range ends, and where an empty last range starts. No tile has it.
    pub const END: Self = Self(1 << (3 * LEVELS));
}

impl fmt::Display for CurveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 21 octal digits: each names an octant, so a common prefix is a common cell.
        write!(f, "{:021o}", self.0)
    }
}

/// The key of a tile whose indices lie within ±[`MAX_TILE`].
///
/// Indices beyond that are a bug of the caller: debug builds stop, release builds give the key of some other tile.
pub fn key_of(tile: [i32; 3]) -> CurveKey {
    debug_assert!(
        tile.iter().all(|&i| (-MAX_TILE..=MAX_TILE).contains(&i)),
        "tile {tile:?} lies outside ±{MAX_TILE}"
    );
    let [x, y, z] = tile.map(|i| spread(i.wrapping_add(ORIGIN) as u32));
    let octants = x | y << 1 | z << 2;
    let mut key = 0;
    let mut state = 0;
    for step in (0..STEPS).rev() {
        let entry = ENCODE[state | (octants >> (STEP_BITS * step)) as usize & DIGITS];
        key = key << STEP_BITS | (entry as usize & DIGITS) as u64;
        state = entry as usize & STATE;
    }
    CurveKey(key)
}

/// The tile of a key below [`CurveKey::END`]; the inverse of [`key_of`].
///
/// Keys outside the world (the curve's cube is larger than it) give indices beyond ±[`MAX_TILE`].
pub fn tile_of(key: CurveKey) -> [i32; 3] {
    cube_of(key).map(|i| i as i32 - ORIGIN)
}

/// The coordinates `0..2^21` in the curve's cube of a key.
pub(crate) fn cube_of(key: CurveKey) -> [u32; 3] {
    debug_assert!(key < CurveKey::END, "key {key} lies past the end of the curve");
    let mut octants = 0;
    let mut state = 0;
    for step in (0..STEPS).rev() {
        let entry = DECODE[state | (key.0 >> (STEP_BITS * step)) as usize & DIGITS];
        octants = octants << STEP_BITS | (entry as usize & DIGITS) as u64;
        state = entry as usize & STATE;
    }
    [gather(octants), gather(octants >> 1), gather(octants >> 2)]
}

/// A tile index as a coordinate of the curve's cube.
pub(crate) const fn to_cube(index: i32) -> u32 {
    (index + ORIGIN) as u32
}

/// Levels taken by one look-up.
const LEVELS_A_STEP: u32 = 3;
const STEPS: u32 = LEVELS / LEVELS_A_STEP;
const STEP_BITS: u32 = 3 * LEVELS_A_STEP;
const _: () = assert!(STEPS * LEVELS_A_STEP == LEVELS);

/// An index into a table is `state << 9 | three octants or digits`, and so is an entry: its state part is ready to be the next index.
const DIGITS: usize = (1 << STEP_BITS) - 1;
const STATE: usize = (TABLE - 1) & !DIGITS;
/// 24 states, rounded up to a power of two so that a masked index is provably inside.
const TABLE: usize = 32 << STEP_BITS;

static ENCODE: [u16; TABLE] = tables().0;
static DECODE: [u16; TABLE] = tables().1;

/// Both tables, built level by level from [`digit_of`].
const fn tables() -> ([u16; TABLE], [u16; TABLE]) {
    let mut encode = [0_u16; TABLE];
    let mut decode = [0_u16; TABLE];
    let mut state = 0;
    while state < 24 {
        let mut octants = 0;
        while octants <= DIGITS {
            let mut digits = 0;
            let mut at = state;
            let mut level = LEVELS_A_STEP;
            while level > 0 {
                level -= 1;
                let (digit, next) = digit_of(at, octants >> (3 * level) & 7);
                digits = digits << 3 | digit;
                at = next;
            }
            encode[state << STEP_BITS | octants] = (at << STEP_BITS | digits) as u16;
            decode[state << STEP_BITS | digits] = (at << STEP_BITS | octants) as u16;
            octants += 1;
        }
        state += 1;
    }
    (encode, decode)
}

/// One level: the digit of an octant in a state, and the state inside it. A state is `d << 3 | e`: direction 0..3 and entry corner 0..8.
const fn digit_of(state: usize, octant: usize) -> (usize, usize) {
    let (direction, entry) = (state >> 3, state & 7);
    let gray = rotate_left(octant ^ entry, 3 - (direction + 1) % 3);
    let digit = gray ^ gray >> 1 ^ gray >> 2;
    // Entry corner and direction of the digit-th octant of the standard curve (Hamilton, theorems 2.10 and 2.9).
    let sub_entry = if digit == 0 { 0 } else { gray_code((digit - 1) & !1) };
    let sub_direction = match digit {
        0 => 0,
        _ if digit.is_multiple_of(2) => (digit - 1).trailing_ones() as usize % 3,
        _ => digit.trailing_ones() as usize % 3,
    };
    let next_entry = entry ^ rotate_left(sub_entry, (direction + 1) % 3);
    let next_direction = (direction + sub_direction + 1) % 3;
    (digit, next_direction << 3 | next_entry)
}

const fn gray_code(i: usize) -> usize {
    i ^ i >> 1
}

/// Rotates three bits left by 0..=3.
const fn rotate_left(bits: usize, by: usize) -> usize {
    (bits << by | bits >> (3 - by)) & 7
}

/// Moves the low 21 bits of `i` to every third bit.
const fn spread(i: u32) -> u64 {
    let mut x = i as u64 & 0x1f_ffff;
    x = (x | x << 32) & 0x001f_0000_0000_ffff;
    x = (x | x << 16) & 0x001f_0000_ff00_00ff;
    x = (x | x << 8) & 0x100f_00f0_0f00_f00f;
    x = (x | x << 4) & 0x10c3_0c30_c30c_30c3;
    (x | x << 2) & 0x1249_2492_4924_9249
}

/// The inverse of [`spread`].
const fn gather(bits: u64) -> u32 {
    let mut x = bits & 0x1249_2492_4924_9249;
    x = (x | x >> 2) & 0x10c3_0c30_c30c_30c3;
    x = (x | x >> 4) & 0x100f_00f0_0f00_f00f;
    x = (x | x >> 8) & 0x001f_0000_ff00_00ff;
    x = (x | x >> 16) & 0x001f_0000_0000_ffff;
    ((x | x >> 32) & 0x1f_ffff) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_tile() -> impl Strategy<Value = [i32; 3]> {
        let index = prop_oneof![-MAX_TILE..=MAX_TILE, -20..=20, Just(MAX_TILE), Just(-MAX_TILE)];
        [index.clone(), index.clone(), index]
    }

    fn any_key() -> impl Strategy<Value = CurveKey> {
        (0..CurveKey::END.0).prop_map(CurveKey)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_tile_comes_back_from_its_key(tile in any_tile()) {
            let key = key_of(tile);
            prop_assert!(key < CurveKey::END);
            prop_assert_eq!(tile_of(key), tile);
        }

        #[test]
        fn every_key_comes_back_from_its_place(key in any_key()) {
            // Through the cube, since a key may lie outside the world that `key_of` accepts.
            let [x, y, z] = cube_of(key);
            let tile = [x, y, z].map(|i| i as i32 - ORIGIN);
            if tile.iter().all(|i| i.abs() <= MAX_TILE) {
                prop_assert_eq!(key_of(tile), key);
            }
            prop_assert_eq!(tile_of(key), tile);
        }

        #[test]
        fn tiles_of_consecutive_keys_share_a_face(key in 0..CurveKey::END.0 - 1, digits in 0_u32..21) {
            // Also right before the ends of large cells, where a wrong state transition would show.
            for key in [key, key | ((1 << (3 * digits)) - 1)] {
                if key + 1 == CurveKey::END.0 { continue; }
                let (a, b) = (tile_of(CurveKey(key)), tile_of(CurveKey(key + 1)));
                let distance: i32 = (0..3).map(|axis| (a[axis] - b[axis]).abs()).sum();
                prop_assert_eq!(distance, 1, "{:?} and {:?}", a, b);
            }
        }

        #[test]
        fn an_aligned_range_of_keys_is_an_aligned_cube(key in any_key(), other in any::<u64>(), level in 0_u32..=21) {
            let mask = (1_u64 << (3 * level)) - 1;
            let a = cube_of(CurveKey(key.0 & !mask));
            let b = cube_of(CurveKey(key.0 & !mask | other & mask));
            for axis in 0..3 {
                prop_assert_eq!(a[axis] >> level, b[axis] >> level);
            }
        }
    }

    #[test]
    fn a_whole_cube_of_512_tiles_is_one_walk_without_a_gap() {
        // All keys of one level-3 cell: distinct tiles, all inside one cube of edge 8, each a face neighbour of the one before.
        let first = key_of([5, -7, 11]).0 & !511;
        let tiles: Vec<_> = (first..first + 512).map(|key| tile_of(CurveKey(key))).collect();
        let mut distinct = tiles.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 512);
        for axis in 0..3 {
            let low = tiles.iter().map(|tile| tile[axis]).min();
            let high = tiles.iter().map(|tile| tile[axis]).max();
            assert_eq!(high.zip(low).map(|(high, low)| high - low), Some(7));
        }
        for pair in tiles.windows(2) {
            let distance: i32 = (0..3).map(|axis| (pair[0][axis] - pair[1][axis]).abs()).sum();
            assert_eq!(distance, 1);
        }
    }

    #[test]
    fn a_world_around_the_origin_lies_in_one_cell() {
        // 80 tiles (1,280 m at 16 m a tile) each way from the origin stay inside one cell of edge 256.
        let [low, high] = [key_of([-80; 3]), key_of([80; 3])];
        assert_eq!(low.0 >> (3 * 8), high.0 >> (3 * 8));
    }
}
