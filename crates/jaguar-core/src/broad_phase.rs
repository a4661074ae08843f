//! Candidate pairs: bodies whose centres are closer than the sum of their reaches.
//!
//! That sentence defines the pairs; the grids below only find them fast. Every tile has a grid of its own, built by counting sort, with a cell about as wide as the
//! tile's bodies reach. A pair is found by the body that reaches further (at equal reach, by the higher id), which looks twice its reach around: so a large body
//! among small ones is found without the small ones searching far.

use glam::Vec3;

use crate::body::BodyId;
use crate::storage::{Columns, Motion, Place};
use crate::tile_table::{Chunk, NO_TILE, TileTable, neighbour};

/// Cells along an edge at most; 64³ starts of 4 bytes are a MiB, which only a tile of 65,536 bodies may use.
const MAX_CELLS: u32 = 64;

/// Grid cells per body at most. More only cost time to clear.
const CELLS_PER_BODY: u32 = 4;

/// What a search reads of a body.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    offset: Vec3,
    reach: f32,
    body: u32,
}

/// One tile's grid.
#[derive(Clone, Copy, Debug)]
struct Grid {
    /// Cells along an edge.
    cells: u32,
    /// 1/m.
    inverse_edge: f32,
    /// Where the tile's cell starts begin; there is one more than cells.
    starts: usize,
}

/// The grids of a chunk of tiles.
#[derive(Debug, Default)]
pub(crate) struct Grids {
    grids: Vec<Grid>,
    /// Positions in `entries`, cell by cell, tile by tile.
    starts: Vec<u32>,
    entries: Vec<Entry>,
}

/// What the shape of a grid depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GridParams {
    /// m.
    pub(crate) tile_size: f32,
    /// Upper bound of the cell's edge, m; 0 for none.
    pub(crate) cell_size: f32,
    /// What every body's reach is extended by, m, but to half a tile at most; 0 but for lists that live several ticks.
    pub(crate) skin: f32,
}

impl GridParams {
    /// How far a body is looked for, m.
    pub(crate) fn reach(&self, motion: &Motion) -> f32 {
        let reach = motion.reach();
        if self.skin > 0.0 {
            (reach + self.skin).min((0.5 * self.tile_size).max(reach))
        } else {
            reach
        }
    }
}

/// Which pairs are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// All.
    Everything,
    /// Those of a held body and a ghost.
    Ghosts,
}

impl Grids {
    /// Sorts the bodies of a chunk's tiles into grids.
    pub(crate) fn rebuild(&mut self, chunk: &Chunk, table: &TileTable, columns: &Columns, params: GridParams) {
        self.grids.clear();
        self.starts.clear();
        self.entries.clear();
        self.entries.resize(chunk.bodies.len(), Entry::default());
        let mut filled = 0;
        for tile in &table.tiles[chunk.tiles.clone()] {
            let bodies = tile.bodies.clone();
            let place = &columns.place[bodies.clone()];
            let motion = &columns.motion[bodies.clone()];
            let grid = Grid::shaped_for(motion, self.starts.len(), params);
            let half = 0.5 * params.tile_size;
            let cell_of = |place: &Place| {
                let [x, y, z] = [0, 1, 2].map(|axis| grid.cell(place.offset[axis], half));
                ((z * grid.cells + y) * grid.cells + x) as usize
            };
            let count = (grid.cells * grid.cells * grid.cells) as usize;
            self.starts.resize(grid.starts + count + 1, 0);
            let starts = &mut self.starts[grid.starts..];
            for place in place {
                starts[cell_of(place)] += 1;
            }
            let mut sum = filled;
            for start in starts.iter_mut() {
                sum += *start;
                *start = sum;
            }
            // Filling from the back moves each start from the end of its cell to the beginning.
            for (i, (place, motion)) in place.iter().zip(motion).enumerate().rev() {
                let start = &mut starts[cell_of(place)];
                *start -= 1;
                self.entries[*start as usize] = Entry {
                    offset: place.offset,
                    reach: params.reach(motion),
                    body: (bodies.start + i) as u32,
                };
            }
            filled += bodies.len() as u32;
            self.grids.push(grid);
        }
    }
}

impl Grid {
    fn shaped_for(motion: &[Motion], starts: usize, params: GridParams) -> Self {
        // The mean reach only shapes the grid; no result depends on it.
        let sum: f32 = motion.iter().map(|m| params.reach(m)).sum();
        let mut edge = (2.0 * sum / motion.len() as f32).max(params.tile_size / MAX_CELLS as f32);
        if params.cell_size > 0.0 {
            edge = edge.min(params.cell_size.max(params.tile_size / MAX_CELLS as f32));
        }
        let most = CELLS_PER_BODY as usize * motion.len();
        let mut cells = ((params.tile_size / edge) as u32).clamp(1, MAX_CELLS);
        while cells > 1 && (cells * cells * cells) as usize > most {
            cells -= 1;
        }
        Self {
            cells,
            inverse_edge: cells as f32 / params.tile_size,
            starts,
        }
    }

    /// The cell along an axis; beyond the tile it is the outermost one.
    fn cell(&self, offset: f32, half_tile: f32) -> u32 {
        (((offset + half_tile) * self.inverse_edge) as u32).min(self.cells - 1)
    }
}

/// A body that looks for the partners that reach less far.
struct Searcher<'a> {
    body: usize,
    offset: Vec3,
    reach: f32,
    /// How far it looks from its centre along each axis, m.
    extent: f32,
    half_tile: f32,
    ids: &'a [BodyId],
}

/// Finds the candidate pairs of which a body in the chunk is the one that reaches further, and passes them on as (finder, other, vector from finder to other).
/// Pairs of which neither body is held are not looked for.
pub(crate) fn find_pairs(
    chunk: &Chunk,
    table: &TileTable,
    grids: &[Grids],
    columns: &Columns,
    params: GridParams,
    search: Search,
    mut found: impl FnMut(u32, u32, Vec3),
) {
    let size = params.tile_size;
    let half_tile = 0.5 * size;
    for t in chunk.tiles.clone() {
        let tile = &table.tiles[t];
        let is_owned = table.is_owned(t as u32);
        let around = tile.neighbours.map(|n| {
            let wanted = match search {
                Search::Everything => is_owned || table.is_owned(n),
                Search::Ghosts => is_owned != table.is_owned(n),
            };
            if n != NO_TILE && wanted { n } else { NO_TILE }
        });
        if around == [NO_TILE; 27] {
            continue;
        }
        let mut others = around.iter().enumerate().filter(|&(k, _)| k != neighbour([0, 0, 0]));
        let is_alone = tile.bodies.len() == 1 && others.all(|(_, &n)| n == NO_TILE);
        if is_alone {
            continue;
        }
        for body in tile.bodies.clone() {
            let reach = params.reach(&columns.motion[body]);
            let searcher = Searcher {
                body,
                offset: columns.place[body].offset,
                reach,
                // Room for rounding: the box may be too large, never too small.
                extent: 2.002 * reach + 1.0e-6 * size,
                half_tile,
                ids: &columns.id,
            };
            // Steps along each axis to the tiles that the box overlaps.
            let reaches = |axis: usize| {
                let low = -i32::from(searcher.offset[axis] - searcher.extent < -half_tile);
                let high = i32::from(searcher.offset[axis] + searcher.extent >= half_tile);
                low..=high
            };
            for z in reaches(2) {
                for y in reaches(1) {
                    for x in reaches(0) {
                        let other = around[neighbour([x, y, z])];
                        if other == NO_TILE {
                            continue;
                        }
                        let shift = Vec3::new(x as f32, y as f32, z as f32) * size;
                        let other = &table.tiles[other as usize];
                        let grids = &grids[other.chunk as usize];
                        let first = table.chunks[other.chunk as usize].tiles.start;
                        let index = table.tiles[t].neighbours[neighbour([x, y, z])] as usize - first;
                        searcher.search(grids, &grids.grids[index], shift, &mut found);
                    }
                }
            }
        }
    }
}

impl Searcher<'_> {
    /// Looks into one tile, whose centre lies `shift` from the centre of the searcher's.
    fn search(&self, grids: &Grids, grid: &Grid, shift: Vec3, found: &mut impl FnMut(u32, u32, Vec3)) {
        let local = self.offset - shift;
        let low = [0, 1, 2].map(|axis| grid.cell(local[axis] - self.extent, self.half_tile));
        let high = [0, 1, 2].map(|axis| grid.cell(local[axis] + self.extent, self.half_tile));
        for z in low[2]..=high[2] {
            for y in low[1]..=high[1] {
                let row = grid.starts + ((z * grid.cells + y) * grid.cells) as usize;
                let begin = grids.starts[row + low[0] as usize] as usize;
                let end = grids.starts[row + high[0] as usize + 1] as usize;
                for entry in &grids.entries[begin..end] {
                    let vector = shift + (entry.offset - self.offset);
                    let reach = self.reach + entry.reach;
                    if vector.length_squared() < reach * reach && self.is_finder_of(entry) {
                        found(self.body as u32, entry.body, vector);
                    }
                }
            }
        }
    }

    fn is_finder_of(&self, entry: &Entry) -> bool {
        entry.reach < self.reach || (entry.reach == self.reach && self.ids[entry.body as usize] < self.ids[self.body])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenes::Random;
    use crate::storage::Bodies;
    use crate::{BodyDesc, BodyRecord};

    const SIZE: f32 = 4.0;

    /// Bodies of many sizes in a heap over several tiles, sorted, each with its reach; the last ones are ghosts if they are beyond a plane.
    fn scattered(seed: u64, count: u64, with_ghosts: bool) -> (Bodies, usize) {
        let mut random = Random(seed);
        let mut bodies = Bodies::default();
        let mut ghosts = Vec::new();
        for id in 0..count {
            let position = random.vector(6.0);
            let (tile, offset) = crate::tile::split(position, SIZE).unwrap();
            let radius = 0.05 + 0.6 * (random.unit() * random.unit()) as f32;
            if with_ghosts && tile.x > 0 {
                ghosts.push((tile, id, offset, radius));
                continue;
            }
            bodies.push(&BodyRecord {
                id: BodyId(id),
                tile,
                offset: offset.to_array(),
                orientation: [0.0, 0.0, 0.0, 1.0],
                velocity: [0.0; 3],
                angular_velocity: [0.0; 3],
                thrust: [0.0; 3],
                rest: 0,
                kind: BodyDesc::sphere(radius).kind(),
            });
        }
        bodies.sort(SIZE);
        ghosts.sort_unstable_by_key(|ghost| (ghost.0.morton(), ghost.1));
        for (tile, id, offset, radius) in ghosts {
            bodies.push_ghost(&crate::Ghost {
                id: BodyId(id),
                tile,
                offset: offset.to_array(),
                velocity: [0.0; 3],
                angular_velocity: [0.0; 3],
                orientation: [0.0, 0.0, 0.0, 1.0],
                rest: 0,
                kind: BodyDesc::sphere(radius).kind(),
            });
        }
        for motion in &mut bodies.columns_mut().motion {
            // Some reach as far as they may: half a tile.
            let extension = if random.bits().is_multiple_of(8) {
                SIZE
            } else {
                0.2 * random.unit() as f32
            };
            motion.set_reach((motion.radius() + extension).min(0.5 * SIZE));
        }
        let held = bodies.held();
        (bodies, held)
    }

    fn found(bodies: &Bodies, held: usize, cell_size: f32, search: Search) -> BTreeSet<(u64, u64)> {
        let columns = bodies.columns();
        let mut table = TileTable::default();
        table.rebuild(columns, held).unwrap();
        let params = GridParams {
            tile_size: SIZE,
            cell_size,
            skin: 0.0,
        };
        let grids: Vec<Grids> = table
            .chunks
            .iter()
            .map(|chunk| {
                let mut grids = Grids::default();
                grids.rebuild(chunk, &table, columns, params);
                grids
            })
            .collect();
        let mut pairs = BTreeSet::new();
        for chunk in &table.chunks {
            find_pairs(chunk, &table, &grids, columns, params, search, |a, b, _| {
                let (a, b) = (columns.id[a as usize].0, columns.id[b as usize].0);
                assert!(pairs.insert((a.min(b), a.max(b))), "pair {a} {b} is found once");
            });
        }
        pairs
    }

    /// The definition, pair by pair.
    fn defined(bodies: &Bodies, is_wanted: impl Fn(usize, usize) -> bool) -> BTreeSet<(u64, u64)> {
        let columns = bodies.columns();
        let mut pairs = BTreeSet::new();
        for i in 0..columns.id.len() {
            for j in 0..i {
                let (from, to) = (&columns.place[i], &columns.place[j]);
                let vector = crate::tile::difference((from.tile, from.offset), (to.tile, to.offset), SIZE);
                let reach = columns.motion[i].reach() + columns.motion[j].reach();
                if vector.length_squared() < reach * reach && is_wanted(i, j) {
                    let (a, b) = (columns.id[i].0, columns.id[j].0);
                    pairs.insert((a.min(b), a.max(b)));
                }
            }
        }
        pairs
    }

    #[test]
    fn grids_find_the_pairs_of_the_definition() {
        for seed in 0..20 {
            for count in [2, 30, 400] {
                let (bodies, held) = scattered(seed, count, false);
                let expected = defined(&bodies, |_, _| true);
                for cell_size in [0.0, 0.1, 1.0, 10.0] {
                    assert_eq!(
                        found(&bodies, held, cell_size, Search::Everything),
                        expected,
                        "seed {seed}, {count} bodies"
                    );
                }
            }
        }
    }

    #[test]
    fn pairs_of_ghosts_alone_are_not_looked_for() {
        for seed in 0..20 {
            for count in [2, 30, 400] {
                let (bodies, held) = scattered(seed, count, true);
                let with_held = defined(&bodies, |i, j| i < held || j < held);
                assert_eq!(found(&bodies, held, 0.0, Search::Everything), with_held, "seed {seed}");
                let with_one_ghost = defined(&bodies, |i, j| (i < held) != (j < held));
                assert_eq!(found(&bodies, held, 0.0, Search::Ghosts), with_one_ghost, "seed {seed}");
            }
        }
    }
}
