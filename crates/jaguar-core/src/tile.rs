//! Tiles: cubes of edge `tile_size`, and positions as tile index plus f32 offset from the tile's centre.
//!
//! The offset keeps a precision of about one micrometre anywhere in the world; the public API speaks f64.

use glam::{DVec3, Vec3};

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

/// The world position (m) of an offset (m) from a tile's centre.
pub fn join(tile: TileIndex, offset: Vec3, tile_size: f32) -> DVec3 {
    let size = f64::from(tile_size);
    DVec3::new(
        f64::from(tile.x) * size,
        f64::from(tile.y) * size,
        f64::from(tile.z) * size,
    ) + offset.as_dvec3()
}
