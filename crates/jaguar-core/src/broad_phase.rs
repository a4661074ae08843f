//! Candidate pairs: bodies whose centres are closer than the sum of their reaches.
//!
//! That sentence defines the pairs; the grids below only find them fast. Every tile has a grid of its own, built by counting sort; what a search reads of its entries lies in
//! columns, so that eight are looked at at once. A row of cells along x is a run of entries, so cells are narrow along x and as wide along y and z as fills a few vectors with what a search looks at in a row: a
//! search costs about as much for each row as for each vector.
//!
//! Every pair is found by one of its bodies. Of two *common* bodies, whose reaches are below a bound, it is the one that comes first (tile by tile, in a tile by its position in
//! the grid), so each looks at half of what is around it. If either reaches further than the bound, it is the one that reaches further (at equal reach, the one of the higher id), which looks twice
//! its reach around: so a large body among small ones is found without the small ones searching far.

use glam::Vec3;

use crate::body::BodyId;
use crate::candidates::Skin;
use crate::collide::split_front;
use crate::parallel::*;
use crate::recycled::{make_room, recycled, resize};
use crate::simd::{F32x8, Kernel, LANES, Mask, Octet, QUAD_NUMBERS, Quad, Vec3x8};
use crate::sleep::Sleep;
use crate::storage::{Columns, Motion, Place};
use crate::tile::farthest_reach;
use crate::tile_table::{Chunk, NO_TILE, Tile, TileTable, neighbour};

/// Cells along an edge at most; 64³ starts of 4 bytes are a MiB, which only a tile of 65,536 bodies may use.
const MAX_CELLS: u32 = 64;

/// Grid cells per body at most. More only cost time to clear.
const CELLS_PER_BODY: u32 = 4;

/// A cell's edge along x in mean reaches.
const CELL_IN_REACHES: f32 = 1.0;

/// The edges along y and z, at least, in mean reaches.
const ROW_IN_REACHES: f32 = 2.0;

/// Entries that a search looks at in a row of cells, if bodies are spread evenly.
const ROW_ENTRIES: f32 = 10.0;

/// Bodies of a tile whose reaches shape its grid, about.
const SAMPLES: usize = 64;

/// Bodies are common up to this many mean reaches.
const COMMON_IN_REACHES: f32 = 1.5;

/// Columns of floats in [`Grids`].
const FLOATS: usize = 4;

/// One tile's grid.
#[derive(Clone, Copy, Debug, Default)]
struct Grid {
    /// Cells along each axis.
    cells: [u32; 3],
    /// 1/m.
    inverse_edge: [f32; 3],
    /// Where the tile's cell starts begin; there is one more than cells.
    starts: usize,
}

/// The grids of a chunk of tiles: what a search reads of the bodies, tile by tile, cell by cell. Columns of floats are longer by a vector than there are bodies, so that eight can
/// be loaded at any of them.
#[derive(Debug, Default)]
pub(crate) struct Grids<'a> {
    grids: &'a mut [Grid],
    x: &'a mut [f32],
    y: &'a mut [f32],
    z: &'a mut [f32],
    reach: &'a mut [f32],
    body: &'a mut [u32],
    /// Where the cells begin in the columns.
    starts: &'a mut [u32],
    /// Cells of all the grids, and one more for each; 0 if they are not filled in this tick.
    cells: usize,
}

/// Memory of the grids from tick to tick, but for what they are filled with: that is much, needed for a while only, and lent by others.
#[derive(Debug, Default)]
pub(crate) struct GridRoom {
    /// One for each tile.
    grids: Vec<Grid>,
    chunks: Vec<Grids<'static>>,
}

/// What the grids and the search have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GridParams {
    /// m.
    pub(crate) tile_size: f32,
    /// Upper bound of the cell's edge, m; 0 for none.
    pub(crate) cell_size: f32,
    /// What the bodies' reaches are extended by; nothing but for lists that live several ticks.
    pub(crate) skin: Skin,
    /// Up to which reach, with the skin, a body is common, m.
    pub(crate) common: f32,
    /// The farthest that a common body reaches, m; known when all grids are filled.
    pub(crate) widest: f32,
}

impl GridParams {
    /// For bodies that reach so far on average, m.
    pub(crate) fn new(tile_size: f32, cell_size: f32, skin: Skin, mean_reach: f32) -> Self {
        Self {
            tile_size,
            cell_size,
            skin,
            common: COMMON_IN_REACHES * (mean_reach + skin.least),
            widest: COMMON_IN_REACHES * (mean_reach + skin.least),
        }
    }

    /// How far a body is looked for, m.
    pub(crate) fn reach(&self, motion: &Motion) -> f32 {
        self.skin.reach(motion, self.tile_size)
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

impl GridRoom {
    /// Sorts the bodies into grids, but for chunks in which this search does not look. Returns the grids, one for each chunk, and what the search is to know of them.
    pub(crate) fn fill<'a>(
        &'a mut self,
        lent: &'a mut Vec<Quad>,
        (table, columns): (&TileTable, &Columns),
        search: Search,
        params: GridParams,
    ) -> (Vec<Grids<'a>>, GridParams) {
        resize(&mut self.grids, table.tiles.len(), Grid::default());
        let mut rest = &mut self.grids[..];
        let mut chunks: Vec<Grids<'a>> = recycled(std::mem::take(&mut self.chunks));
        make_room(&mut chunks, table.chunks.len());
        chunks.extend(table.chunks.iter().map(|chunk| Grids {
            grids: split_front(&mut rest, chunk.tiles.len()),
            ..Grids::default()
        }));
        if search == Search::Ghosts && table.owned_tiles == table.tiles.len() {
            return (chunks, params);
        }
        // Shapes say how much memory the grids take, so they come first.
        let tasks = chunks.par_iter_mut().zip(&table.chunks).with_max_len(1);
        tasks.for_each(|(grids, chunk)| {
            if search == Search::Everything || table.is_near_ghosts(chunk) {
                grids.shape(chunk, table, columns, params);
            }
        });
        let quads = chunks.iter().zip(&table.chunks);
        let quads = quads.map(|(grids, chunk)| grids.quads(chunk.bodies.len()).iter().sum::<usize>());
        let needed = quads.sum();
        if lent.len() < needed {
            resize(lent, needed, Quad::default());
        }
        let mut lent = &mut lent[..];
        for (grids, chunk) in chunks.iter_mut().zip(&table.chunks) {
            grids.take(&mut lent, chunk.bodies.len());
        }
        let tasks = chunks.par_iter_mut().zip(&table.chunks).with_max_len(1);
        let widest = tasks.map(|(grids, chunk)| {
            if grids.starts.is_empty() {
                0.0
            } else {
                grids.fill(chunk, table, columns, params)
            }
        });
        let widest = widest.reduce_with(f32::max).unwrap_or(0.0);
        (chunks, GridParams { widest, ..params })
    }

    /// Keeps the memory of a tick's grids.
    pub(crate) fn keep(&mut self, grids: Vec<Grids<'static>>) {
        self.chunks = grids;
    }
}

impl<'a> Grids<'a> {
    /// Decides on the cells of a chunk's tiles.
    fn shape(&mut self, chunk: &Chunk, table: &TileTable, columns: &Columns, params: GridParams) {
        for (grid, tile) in self.grids.iter_mut().zip(&table.tiles[chunk.tiles.clone()]) {
            *grid = Grid::shaped_for(&columns.motion[tile.bodies.clone()], self.cells, params);
            self.cells += grid.count() + 1;
        }
    }

    /// How much memory the columns of floats and those of integers take.
    fn quads(&self, bodies: usize) -> [usize; 2] {
        if self.cells == 0 {
            return [0; 2];
        }
        [FLOATS * (bodies + LANES), bodies + self.cells].map(|numbers| numbers.div_ceil(QUAD_NUMBERS))
    }

    /// Takes memory for the columns.
    fn take(&mut self, lent: &mut &'a mut [Quad], bodies: usize) {
        if self.cells == 0 {
            return;
        }
        let [floats, integers] = self.quads(bodies);
        let mut floats = Quad::as_floats(split_front(lent, floats));
        let columns: [_; FLOATS] = [&mut self.x, &mut self.y, &mut self.z, &mut self.reach];
        for column in columns {
            *column = split_front(&mut floats, bodies + LANES);
            // No result depends on what the last vector loads beyond the bodies, but denormal numbers would take their time.
            column[bodies..].fill(0.0);
        }
        let mut integers = Quad::as_integers(split_front(lent, integers));
        self.body = split_front(&mut integers, bodies);
        self.starts = split_front(&mut integers, self.cells);
    }

    /// Sorts the bodies of a chunk's tiles into grids. Returns how far a common body reaches at most, m.
    fn fill(&mut self, chunk: &Chunk, table: &TileTable, columns: &Columns, params: GridParams) -> f32 {
        let mut filled = 0;
        let mut widest = 0.0_f32;
        self.starts.fill(0);
        for (grid, tile) in self.grids.iter().zip(&table.tiles[chunk.tiles.clone()]) {
            let bodies = tile.bodies.clone();
            let place = &columns.place[bodies.clone()];
            let motion = &columns.motion[bodies.clone()];
            let half = 0.5 * params.tile_size;
            let cell_of = |place: &Place| {
                let [x, y, z] = [0, 1, 2].map(|axis| grid.cell(axis, place.offset[axis], half));
                ((z * grid.cells[1] + y) * grid.cells[0] + x) as usize
            };
            let starts = &mut self.starts[grid.starts..][..grid.count() + 1];
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
                let k = *start as usize;
                let reach = params.reach(motion);
                widest = if reach <= params.common {
                    widest.max(reach)
                } else {
                    widest
                };
                (self.x[k], self.y[k], self.z[k]) = (place.offset.x, place.offset.y, place.offset.z);
                self.reach[k] = reach;
                self.body[k] = (bodies.start + i) as u32;
            }
            filled += bodies.len() as u32;
        }
        widest
    }

    /// Where the body of an entry is, from the centre of its tile, m.
    fn offset(&self, k: usize) -> Vec3 {
        Vec3::new(self.x[k], self.y[k], self.z[k])
    }
}

impl Grid {
    fn shaped_for(motion: &[Motion], starts: usize, params: GridParams) -> Self {
        // The mean reach only shapes the grid; no result depends on it.
        let step = motion.len() / SAMPLES + 1;
        let sample = || motion.iter().step_by(step);
        let reach = sample().map(|m| params.reach(m)).sum::<f32>() / sample().count() as f32;
        let size = params.tile_size;
        let length = CELL_IN_REACHES * reach;
        // What a search looks at in a row is as long as two bodies reach to either side, and a cell.
        let per_square = motion.len() as f32 / (size * size * size) * (4.0 * reach + length);
        let width = (ROW_ENTRIES / per_square).sqrt().max(ROW_IN_REACHES * reach);
        let cells = |edge: f32| {
            let edge = if params.cell_size > 0.0 {
                edge.min(params.cell_size)
            } else {
                edge
            };
            ((size / edge) as u32).clamp(1, MAX_CELLS)
        };
        let (mut along, mut across) = (cells(length), cells(width));
        let most = CELLS_PER_BODY as usize * motion.len();
        while (along * across * across) as usize > most && along * across > 1 {
            (along, across) = (along.div_ceil(2), if along == 1 { across - 1 } else { across });
        }
        let cells = [along, across, across];
        Self {
            cells,
            inverse_edge: cells.map(|cells| cells as f32 / size),
            starts,
        }
    }

    /// Cells in all.
    fn count(&self) -> usize {
        self.cells.iter().product::<u32>() as usize
    }

    /// The cell along an axis; beyond the tile it is the outermost one.
    #[inline(always)]
    fn cell(&self, axis: usize, offset: f32, half_tile: f32) -> u32 {
        (((offset + half_tile) * self.inverse_edge[axis]) as u32).min(self.cells[axis] - 1)
    }

    /// Where a row of cells along x begins in the starts.
    #[inline(always)]
    fn row(&self, y: u32, z: u32) -> usize {
        self.starts + ((z * self.cells[1] + y) * self.cells[0]) as usize
    }
}

/// The search for the candidate pairs that bodies of a chunk find. They are passed on as (finder, other, vector from finder to other), those of a finder one after the other.
/// Pairs of which neither body is held are not looked for, nor those inside dormant tiles.
pub(crate) struct FindPairs<'a, C> {
    pub(crate) chunk: &'a Chunk,
    pub(crate) table: &'a TileTable,
    /// One for each chunk.
    pub(crate) grids: &'a [Grids<'a>],
    pub(crate) ids: &'a [BodyId],
    pub(crate) params: GridParams,
    pub(crate) search: Search,
    pub(crate) sleep: &'a Sleep,
    pub(crate) found: C,
}

impl<C: FnMut(u32, u32, Vec3)> Kernel for FindPairs<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(mut self) {
        let grids = &self.grids[self.table.tiles[self.chunk.tiles.start].chunk as usize];
        let mut first = 0;
        for (g, t) in self.chunk.tiles.clone().enumerate() {
            let entries = first..first + self.table.tiles[t].bodies.len();
            first = entries.end;
            let around = self.wanted_around(t);
            if around == [NO_TILE; 27] {
                continue;
            }
            let mut others = around.iter().enumerate().filter(|&(k, _)| k != neighbour([0, 0, 0]));
            let is_alone = entries.len() == 1 && others.all(|(_, &n)| n == NO_TILE);
            if is_alone {
                continue;
            }
            for k in entries {
                self.search_around::<F>(grids, &grids.grids[g], k, &around, t);
            }
        }
    }
}

/// A body that looks for partners.
struct Searcher {
    body: u32,
    /// Its entry.
    k: usize,
    /// From the centre of its tile, m.
    offset: Vec3,
    reach: f32,
    /// How far it looks from its centre along each axis, m.
    extent: f32,
    is_common: bool,
}

/// Cells of a grid, both ends included.
struct Cells {
    low: [u32; 3],
    high: [u32; 3],
}

impl<C: FnMut(u32, u32, Vec3)> FindPairs<'_, C> {
    /// The tiles around a tile in which pairs are wanted.
    fn wanted_around(&self, t: usize) -> [u32; 27] {
        let tile: &Tile = &self.table.tiles[t];
        let is_owned = self.table.is_owned(t as u32);
        let is_dormant = self.sleep.is_dormant(t);
        tile.neighbours.map(|n| {
            if is_dormant && n as usize == t {
                return NO_TILE;
            }
            let wanted = match self.search {
                Search::Everything => is_owned || self.table.is_owned(n),
                Search::Ghosts => is_owned != self.table.is_owned(n),
            };
            if n != NO_TILE && wanted { n } else { NO_TILE }
        })
    }

    /// Finds the partners of entry `k` of a tile.
    #[inline(always)]
    fn search_around<F: F32x8>(&mut self, grids: &Grids<'_>, grid: &Grid, k: usize, around: &[u32; 27], t: usize) {
        let size = self.params.tile_size;
        let reach = grids.reach[k];
        let is_common = reach <= self.params.common;
        let farthest = if is_common {
            reach + self.params.widest
        } else {
            2.0 * reach
        };
        let searcher = Searcher {
            body: grids.body[k],
            k,
            offset: grids.offset(k),
            reach,
            // Room for rounding: the box may be too large, never too small.
            extent: 1.001 * farthest + 1.0e-6 * size,
            is_common,
        };
        // Steps along each axis to the tiles whose bodies, which may linger beyond their faces, the box may hold.
        let inner = farthest_reach(size);
        let steps = [0, 1, 2].map(|axis| {
            let low = -i32::from(searcher.offset[axis] - searcher.extent < -inner);
            let high = i32::from(searcher.offset[axis] + searcher.extent >= inner);
            (low, high)
        });
        for z in steps[2].0..=steps[2].1 {
            for y in steps[1].0..=steps[1].1 {
                for x in steps[0].0..=steps[0].1 {
                    let n = around[neighbour([x, y, z])];
                    // Of two common bodies the one in the earlier tile looks.
                    if n == NO_TILE || (is_common && (n as usize) < t) {
                        continue;
                    }
                    let is_here = n as usize == t;
                    if is_here && is_common {
                        self.search_onwards::<F>(grids, grid, &searcher);
                        continue;
                    }
                    let shift = Vec3::new(x as f32, y as f32, z as f32) * size;
                    let chunk = self.table.tiles[n as usize].chunk as usize;
                    let others = &self.grids[chunk];
                    let other = &others.grids[n as usize - self.table.chunks[chunk].tiles.start];
                    self.search_box::<F>(others, other, shift, &searcher);
                }
            }
        }
    }

    fn cells(&self, grid: &Grid, centre: Vec3, extent: f32) -> Cells {
        let half_tile = 0.5 * self.params.tile_size;
        Cells {
            low: [0, 1, 2].map(|axis| grid.cell(axis, centre[axis] - extent, half_tile)),
            high: [0, 1, 2].map(|axis| grid.cell(axis, centre[axis] + extent, half_tile)),
        }
    }

    /// Looks at what comes behind the searcher in its own tile.
    #[inline(always)]
    fn search_onwards<F: F32x8>(&mut self, grids: &Grids<'_>, grid: &Grid, searcher: &Searcher) {
        let Cells { low, high } = self.cells(grid, searcher.offset, searcher.extent);
        let half_tile = 0.5 * self.params.tile_size;
        let own = [1, 2].map(|axis| grid.cell(axis, searcher.offset[axis], half_tile));
        let row = grid.row(own[0], own[1]);
        let end = grids.starts[row + high[0] as usize + 1] as usize;
        self.look::<F>(grids, searcher.k + 1..end, Vec3::ZERO, searcher);
        for y in own[0] + 1..=high[1] {
            self.look_at_row::<F>(grids, grid.row(y, own[1]), [low[0], high[0]], Vec3::ZERO, searcher);
        }
        for z in own[1] + 1..=high[2] {
            for y in low[1]..=high[1] {
                self.look_at_row::<F>(grids, grid.row(y, z), [low[0], high[0]], Vec3::ZERO, searcher);
            }
        }
    }

    /// Looks into all of a tile, whose centre lies `shift` from the centre of the searcher's.
    #[inline(always)]
    fn search_box<F: F32x8>(&mut self, grids: &Grids<'_>, grid: &Grid, shift: Vec3, searcher: &Searcher) {
        let Cells { low, high } = self.cells(grid, searcher.offset - shift, searcher.extent);
        for z in low[2]..=high[2] {
            for y in low[1]..=high[1] {
                self.look_at_row::<F>(grids, grid.row(y, z), [low[0], high[0]], shift, searcher);
            }
        }
    }

    #[inline(always)]
    fn look_at_row<F: F32x8>(
        &mut self,
        grids: &Grids<'_>,
        row: usize,
        [low, high]: [u32; 2],
        shift: Vec3,
        searcher: &Searcher,
    ) {
        let begin = grids.starts[row + low as usize] as usize;
        let end = grids.starts[row + high as usize + 1] as usize;
        self.look::<F>(grids, begin..end, shift, searcher);
    }

    /// Looks at entries one after the other, eight at once.
    #[inline(always)]
    fn look<F: F32x8>(&mut self, grids: &Grids<'_>, range: std::ops::Range<usize>, shift: Vec3, searcher: &Searcher) {
        let mut k = range.start;
        while k < range.end {
            let reach = F::load(&eight(grids.reach, k));
            let own = searcher.offset;
            let vector = Vec3x8::new(
                F::splat(shift.x) + (F::load(&eight(grids.x, k)) - F::splat(own.x)),
                F::splat(shift.y) + (F::load(&eight(grids.y, k)) - F::splat(own.y)),
                F::splat(shift.z) + (F::load(&eight(grids.z, k)) - F::splat(own.z)),
            );
            let both = F::splat(searcher.reach) + reach;
            let mut near = vector.dot(vector).lt(both * both);
            if searcher.is_common {
                near = near & reach.le(F::splat(self.params.common));
            }
            let within = u32::MAX >> (u32::BITS - (range.end - k).min(LANES) as u32);
            let mut hits = near.bits() & within;
            while hits != 0 {
                let other = k + hits.trailing_zeros() as usize;
                hits &= hits - 1;
                if searcher.is_common || self.is_finder(searcher, grids.reach[other], grids.body[other]) {
                    let vector = shift + (grids.offset(other) - own);
                    (self.found)(searcher.body, grids.body[other], vector);
                }
            }
            k += LANES;
        }
    }

    /// Whether a body that is not common finds another.
    fn is_finder(&self, searcher: &Searcher, reach: f32, body: u32) -> bool {
        reach < searcher.reach
            || (reach == searcher.reach && self.ids[body as usize] < self.ids[searcher.body as usize])
    }
}

/// Eight numbers of a column.
#[inline(always)]
fn eight(column: &[f32], k: usize) -> Octet {
    Octet(*column[k..].first_chunk().expect("columns are longer by a vector"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenes::Random;
    use crate::simd::Level;
    use crate::storage::Bodies;
    use crate::{BodyDesc, BodyRecord, TileIndex};

    const SIZE: f32 = 4.0;

    /// Bodies of many sizes in a heap over several tiles, sorted, each with its reach; the last ones are ghosts if they are beyond a plane.
    fn scattered(seed: u64, count: u64, with_ghosts: bool) -> (Bodies, usize) {
        let mut random = Random(seed);
        let mut bodies = Bodies::default();
        let mut ghosts = Vec::new();
        for id in 0..count {
            let position = random.vector(6.0);
            let (mut tile, mut offset) = crate::tile::split(position, SIZE).unwrap();
            let radius = 0.05 + 0.6 * (random.unit() * random.unit()) as f32;
            // Some linger as far beyond the face of their tile as they may.
            if random.bits().is_multiple_of(4) {
                let axis = (random.bits() % 3) as usize;
                let mut index = tile.to_array();
                index[axis] -= 1;
                offset[axis] = 0.5 * SIZE + crate::tile::linger(radius, SIZE).next_down();
                tile = TileIndex::new(index[0], index[1], index[2]);
            }
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
                datum: None,
            });
        }
        bodies.sort(&TileTable::default());
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
            // Some reach as far as they may.
            let extension = if random.bits().is_multiple_of(8) {
                SIZE
            } else {
                0.2 * random.unit() as f32
            };
            motion.set_reach((motion.radius() + extension).min(farthest_reach(SIZE)));
        }
        let held = bodies.held();
        (bodies, held)
    }

    fn found(bodies: &Bodies, held: usize, cell_size: f32, search: Search) -> BTreeSet<(u64, u64)> {
        let columns = bodies.columns();
        let mut table = TileTable::default();
        table.rebuild(columns, held).unwrap();
        let sum: f32 = columns.motion.iter().map(Motion::reach).sum();
        let params = GridParams::new(SIZE, cell_size, Skin::NONE, sum / columns.motion.len() as f32);
        let (mut room, mut lent) = (GridRoom::default(), Vec::new());
        let (grids, params) = room.fill(&mut lent, (&table, columns), search, params);
        let at_level = |level: Level| {
            let mut pairs = BTreeSet::new();
            for chunk in &table.chunks {
                level.run(FindPairs {
                    chunk,
                    table: &table,
                    grids: &grids,
                    ids: &columns.id,
                    params,
                    search,
                    sleep: &Sleep::default(),
                    found: |a: u32, b: u32, _| {
                        let (a, b) = (columns.id[a as usize].0, columns.id[b as usize].0);
                        assert!(pairs.insert((a.min(b), a.max(b))), "pair {a} {b} is found once");
                    },
                });
            }
            pairs
        };
        let pairs = at_level(Level::BASELINE);
        for level in Level::supported() {
            assert_eq!(at_level(level), pairs, "{level:?}");
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
