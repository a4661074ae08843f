//! Tiles: cubes of edge `tile_size`, and positions as tile index plus f32 offset from the tile's centre.
//!
//! The offset keeps a precision of about one micrometre anywhere in the world; the public API speaks f64.
//!
//! A body begins in the tile that its centre is in, and changes it when its centre is farther than a 1024th of a tile beyond a face. So what lies on a face does not go to and fro, and where a body belongs is part of
//! its state, not a function of its position.

use glam::{DVec3, Vec3};

use crate::constants::LINGER_IN_TILES;

/// Largest absolute tile index on each axis. With 16 m tiles the world reaches 8,388 km from the origin, more than the radius of the Earth.
pub const MAX_TILE: i32 = (1 << 19) - 1;

/// The index of a tile: the cube of edge `tile_size` centred on `index * tile_size`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TileIndex {
    /// Along x, in tiles.
    pub x: i32,
    /// Along y, in tiles.
    pub y: i32,
    /// Along z, in tiles.
    pub z: i32,
}

impl TileIndex {
    /// The tile at the three indices.
    pub const fn new(x: i32, y: i32, z: i32) -> Self {
        Self { x, y, z }
    }

    /// The three indices as an array.
    pub const fn to_array(self) -> [i32; 3] {
        [self.x, self.y, self.z]
    }

    /// The tile at `self + step`, on each axis.
    pub(crate) const fn stepped(self, step: [i32; 3]) -> Self {
        Self::new(self.x + step[0], self.y + step[1], self.z + step[2])
    }

    /// Morton code of a tile inside the world: 20 bits an axis, interleaved. Tiles near each other have codes near each other mostly.
    pub(crate) const fn morton(self) -> u64 {
        const fn spread(index: i32) -> u64 {
            // Every bit gets two zeros after it. See "Bit Twiddling Hacks", interleaving by magic numbers, in three dimensions.
            let mut x = (index + MAX_TILE + 1) as u64 & 0xf_ffff;
            x = (x | x << 32) & 0x001f_0000_0000_ffff;
            x = (x | x << 16) & 0x001f_0000_ff00_00ff;
            x = (x | x << 8) & 0x100f_00f0_0f00_f00f;
            x = (x | x << 4) & 0x10c3_0c30_c30c_30c3;
            (x | x << 2) & 0x1249_2492_4924_9249
        }
        spread(self.x) | spread(self.y) << 1 | spread(self.z) << 2
    }

    /// Whether every index lies within ±[`MAX_TILE`].
    pub const fn is_inside_world(self) -> bool {
        const fn inside(i: i32) -> bool {
            -MAX_TILE <= i && i <= MAX_TILE
        }
        inside(self.x) && inside(self.y) && inside(self.z)
    }
}

/// Splits a world position (m) into its tile and the offset (m) from that tile's centre, each component in `[-tile_size/2, tile_size/2)`.
///
/// Returns `None` when the position is not finite or lies outside the world.
pub fn split(position: DVec3, tile_size: f32) -> Option<(TileIndex, Vec3)> {
    if !position.is_finite() {
        return None;
    }
    let size = f64::from(tile_size);
    let mut index = [0_i32; 3];
    let mut offset = [0.0_f32; 3];
    for axis in 0..3 {
        let nearest = libm::floor(position[axis] / size + 0.5);
        if nearest.abs() > f64::from(MAX_TILE) {
            return None;
        }
        index[axis] = nearest as i32;
        offset[axis] = (position[axis] - nearest * size) as f32;
        // Rounding to f32 can land on the upper face, which belongs to the next tile.
        if offset[axis] >= 0.5 * tile_size {
            index[axis] += 1;
            offset[axis] -= tile_size;
        }
    }
    let tile = TileIndex::new(index[0], index[1], index[2]);
    tile.is_inside_world().then_some((tile, Vec3::from_array(offset)))
}

/// How far beyond a face of its tile the centre of a body of this bounding radius (m) may be without leaving it, m: [`LINGER_IN_TILES`], but with the radius no more than half a tile, so that what the body
/// touches is in the tiles around its own.
pub(crate) fn linger(radius: f32, tile_size: f32) -> f32 {
    (LINGER_IN_TILES * tile_size).min((0.5 * tile_size - radius).max(0.0))
}

/// The farthest that bodies reach beyond which only their radius counts, m: two in tiles that are not next to each other may both linger between them.
pub(crate) fn farthest_reach(tile_size: f32) -> f32 {
    (0.5 - LINGER_IN_TILES) * tile_size
}

/// The world position (m) of an offset (m) from a tile's centre.
pub fn join(tile: TileIndex, offset: Vec3, tile_size: f32) -> DVec3 {
    let size = f64::from(tile_size);
    DVec3::new(
        f64::from(tile.x) * size,
        f64::from(tile.y) * size,
        f64::from(tile.z) * size,
    ) + offset.as_dvec3()
}

/// The vector (m) from the point at `from` to the point at `to`, each a tile and an offset. Swapping the points flips the sign of every component and changes
/// no bit else, so both owners of a pair see the same distance.
pub(crate) fn difference(from: (TileIndex, Vec3), to: (TileIndex, Vec3), tile_size: f32) -> Vec3 {
    let tiles = Vec3::new(
        (to.0.x - from.0.x) as f32,
        (to.0.y - from.0.y) as f32,
        (to.0.z - from.0.z) as f32,
    );
    tiles * tile_size + (to.1 - from.1)
}
