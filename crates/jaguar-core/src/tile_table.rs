//! The occupied tiles of a tick: their ranges of bodies, their neighbours, and chunks of tiles as portions of parallel work.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::parallel::*;
use crate::storage::Columns;
use crate::tile::TileIndex;

/// No such tile.
pub(crate) const NO_TILE: u32 = u32::MAX;

/// Bodies in a portion of parallel work, at least: below that rayon's cost shows.
const CHUNK_BODIES: usize = 256;

/// One occupied tile.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    pub(crate) index: TileIndex,
    /// Its bodies, which are all held or all ghosts.
    pub(crate) bodies: Range<usize>,
    /// Positions in the table of the tiles around, or [`NO_TILE`]; see [`neighbour`].
    pub(crate) neighbours: [u32; 27],
    /// The chunk that it is in.
    pub(crate) chunk: u32,
}

/// Where in [`Tile::neighbours`] the tile at this step (each -1, 0 or 1) is.
pub(crate) const fn neighbour(step: [i32; 3]) -> usize {
    ((step[2] + 1) * 9 + (step[1] + 1) * 3 + step[0] + 1) as usize
}

/// Consecutive tiles that are worked on together. What is computed never depends on how tiles are grouped.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) tiles: Range<usize>,
    pub(crate) bodies: Range<usize>,
}

/// All occupied tiles, in storage order: those of held bodies, then those of ghosts.
#[derive(Debug, Default)]
pub(crate) struct TileTable {
    pub(crate) tiles: Vec<Tile>,
    /// How many of the tiles hold held bodies.
    pub(crate) owned_tiles: usize,
    /// Chunks of owned tiles, then chunks of ghost tiles.
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) owned_chunks: usize,
    /// Never iterated.
    lookup: FxHashMap<TileIndex, u32>,
}

impl TileTable {
    /// Describes the sorted bodies; the first `held` are held here. Fails with a tile that both held bodies and ghosts are in.
    pub(crate) fn rebuild(&mut self, columns: &Columns, held: usize) -> Result<(), TileIndex> {
        let place = &columns.place;
        let mut same = true;
        let mut count = 0;
        let mut begin = 0;
        let old_owned = self.owned_tiles;
        self.owned_tiles = 0;
        while begin < place.len() {
            let index = place[begin].tile;
            let limit = if begin < held { held } else { place.len() };
            let end = begin + place[begin..limit].iter().take_while(|p| p.tile == index).count();
            if let Some(tile) = self.tiles.get_mut(count) {
                same &= tile.index == index;
                tile.index = index;
                tile.bodies = begin..end;
            } else {
                same = false;
                self.tiles.push(Tile {
                    index,
                    bodies: begin..end,
                    neighbours: [NO_TILE; 27],
                    chunk: 0,
                });
            }
            count += 1;
            begin = end;
            if begin == held {
                self.owned_tiles = count;
            }
        }
        if !same || count != self.tiles.len() || old_owned != self.owned_tiles {
            self.tiles.truncate(count);
            self.connect()?;
        }
        self.group(held);
        Ok(())
    }

    /// Whether a tile holds held bodies.
    pub(crate) fn is_owned(&self, tile: u32) -> bool {
        (tile as usize) < self.owned_tiles
    }

    /// Whether a pair of a held body and a ghost may have a body in the chunk.
    pub(crate) fn is_near_ghosts(&self, chunk: &Chunk) -> bool {
        let is_ghost = |tile: u32| tile != NO_TILE && !self.is_owned(tile);
        self.owned_tiles < self.tiles.len()
            && chunk
                .tiles
                .clone()
                .any(|t| is_ghost(t as u32) || self.tiles[t].neighbours.iter().any(|&n| is_ghost(n)))
    }

    /// Finds every tile's neighbours.
    fn connect(&mut self) -> Result<(), TileIndex> {
        self.lookup.clear();
        for (t, tile) in self.tiles.iter().enumerate() {
            if self.lookup.insert(tile.index, t as u32).is_some() {
                // Leave nothing behind that the next rebuild could take for valid.
                let shared = tile.index;
                self.tiles.clear();
                return Err(shared);
            }
        }
        let lookup = &self.lookup;
        self.tiles.par_iter_mut().with_min_len(64).for_each(|tile| {
            for z in -1..=1 {
                for y in -1..=1 {
                    for x in -1..=1 {
                        let found = lookup.get(&tile.index.stepped([x, y, z]));
                        tile.neighbours[neighbour([x, y, z])] = found.copied().unwrap_or(NO_TILE);
                    }
                }
            }
        });
        Ok(())
    }

    fn group(&mut self, held: usize) {
        self.chunks.clear();
        let mut first = 0;
        for t in 0..self.tiles.len() {
            let begin = self.tiles[first].bodies.start;
            let end = self.tiles[t].bodies.end;
            self.tiles[t].chunk = self.chunks.len() as u32;
            let last = t + 1 == self.owned_tiles || t + 1 == self.tiles.len();
            if last || end - begin >= CHUNK_BODIES {
                self.chunks.push(Chunk {
                    tiles: first..t + 1,
                    bodies: begin..end,
                });
                first = t + 1;
            }
            if end == held {
                self.owned_chunks = self.chunks.len();
            }
        }
        if held == 0 {
            self.owned_chunks = 0;
        }
    }
}
