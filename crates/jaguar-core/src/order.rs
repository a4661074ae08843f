//! Storage order: by tile, cell and id. It decides the solver's sequence inside a tile, hence bits, and puts neighbours in space side by side in memory.
//!
//! Most ticks leave most bodies where they are in it. Those that are not are taken out, sorted by themselves and merged in.

use std::ops::Range;

use crate::body::BodyId;
use crate::collide::split_front;
use crate::cycles::Cycles;
use crate::parallel::*;
use crate::recycled::recycled;
use crate::storage::Place;
use crate::tile::{self, TileIndex};
use crate::tile_table::{Chunk, Tile, TileTable};

/// Position in the storage order, up to the id that breaks ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SortKey {
    pub(crate) tile: u64,
    cell: u32,
}

impl SortKey {
    pub(crate) fn of(place: &Place, tile_size: f32) -> Self {
        Self {
            tile: place.tile.morton(),
            cell: tile::order_cell(place.offset, tile_size),
        }
    }
}

/// Position in the storage order.
pub(crate) type Rank = (SortKey, BodyId);

/// Looks whether bodies come in storage order.
pub(crate) struct OrderCheck<'a> {
    ids: &'a [BodyId],
    tile_size: f32,
    last: Option<(TileIndex, u32)>,
    /// Whether any came after one that it belongs before.
    pub(crate) is_broken: bool,
}

impl<'a> OrderCheck<'a> {
    pub(crate) fn new(ids: &'a [BodyId], tile_size: f32) -> Self {
        Self {
            ids,
            tile_size,
            last: None,
            is_broken: false,
        }
    }

    /// Looks at the next body, whose index is the last one's and one more.
    #[inline(always)]
    pub(crate) fn see(&mut self, body: usize, tile: TileIndex, offset: glam::Vec3) {
        self.see_cell(body, tile, tile::order_cell(offset, self.tile_size));
    }

    /// The same for a body whose cell is known.
    #[inline(always)]
    pub(crate) fn see_cell(&mut self, body: usize, tile: TileIndex, cell: u32) {
        if let Some((last, last_cell)) = self.last {
            self.is_broken |= if last == tile {
                last_cell > cell || (last_cell == cell && self.ids[body - 1] > self.ids[body])
            } else {
                last.morton() > tile.morton()
            };
        }
        self.last = Some((tile, cell));
    }
}

/// Where bodies are, and what decides their order.
#[derive(Clone, Copy)]
struct Ranked<'a> {
    place: &'a [Place],
    ids: &'a [BodyId],
    tile_size: f32,
}

impl<'a> Ranked<'a> {
    /// Ranks of bodies by index. Fastest if most are in the tile of the one before.
    fn ranks(self) -> impl FnMut(u32) -> Rank + 'a {
        let mut tile = (TileIndex::default(), TileIndex::default().morton());
        move |body| {
            let place = &self.place[body as usize];
            if place.tile != tile.0 {
                tile = (place.tile, place.tile.morton());
            }
            let cell = tile::order_cell(place.offset, self.tile_size);
            (SortKey { tile: tile.1, cell }, self.ids[body as usize])
        }
    }
}

/// A body that is not where the order wants it.
type Displaced = (Rank, u32);

/// The bodies of a chunk.
#[derive(Debug, Default)]
struct Parted {
    /// In order.
    kept: Vec<u32>,
    displaced: Vec<Displaced>,
}

impl Parted {
    fn clear(&mut self) {
        self.kept.clear();
        self.displaced.clear();
    }

    /// Of two neighbours in the wrong order both are taken out, so that the others are in order. See Cook and Kim, "Best sorting algorithm for nearly sorted lists",
    /// *Commun. ACM* 23 (1980) 620.
    fn part(&mut self, bodies: Range<usize>, mut rank: impl FnMut(u32) -> Rank) {
        let first = self.kept.len();
        let mut last = None;
        for body in bodies.start as u32..bodies.end as u32 {
            let own = rank(body);
            match last.filter(|&last| own < last) {
                Some(before) => {
                    let body_before = self.kept.pop().expect("it has a rank");
                    self.displaced.extend([(before, body_before), (own, body)]);
                    last = self.kept[first..].last().map(|&body| rank(body));
                }
                None => {
                    self.kept.push(body);
                    last = Some(own);
                }
            }
        }
    }

    /// The same for the bodies that some tiles had. Who has left its tile is taken out, so that the others are in the order of the tiles.
    fn part_tiles(&mut self, tiles: &[Tile], ranked: Ranked<'_>) {
        let mut rank = ranked.ranks();
        for tile in tiles {
            let first = self.kept.len();
            let mut last = None;
            for body in tile.bodies.clone() {
                let own = rank(body as u32);
                let stays = ranked.place[body].tile == tile.index;
                match last.filter(|&last| stays && own < last) {
                    Some(before) => {
                        let body_before = self.kept.pop().expect("it has a rank");
                        self.displaced.extend([(before, body_before), (own, body as u32)]);
                        last = self.kept[first..].last().map(|&body| rank(body));
                    }
                    None if stays => {
                        self.kept.push(body as u32);
                        last = Some(own);
                    }
                    None => self.displaced.push((own, body as u32)),
                }
            }
        }
    }
}

/// What comes into the order from a chunk's first body on, up to the next chunk's.
struct Merge<'a> {
    kept: &'a [u32],
    displaced: &'a [Displaced],
    order: &'a mut [u32],
}

impl Merge<'_> {
    fn run(&mut self, mut rank: impl FnMut(u32) -> Rank) {
        let mut order = self.order.iter_mut();
        let mut put = |body| *order.next().expect("there is room for all") = body;
        let mut displaced = self.displaced.iter().peekable();
        for &body in self.kept {
            if displaced.peek().is_some() {
                let own = rank(body);
                while let Some(&(_, other)) = displaced.next_if(|other| other.0 < own) {
                    put(other);
                }
            }
            put(body);
        }
        displaced.for_each(|&(_, body)| put(body));
    }
}

/// Finds how bodies are to be permuted, with buffers kept from tick to tick.
#[derive(Default)]
pub(crate) struct Reorder {
    /// One for each chunk.
    parted: Vec<Parted>,
    displaced: Vec<Displaced>,
    order: Vec<u32>,
    merges: Vec<Merge<'static>>,
    cycles: Cycles,
}

impl std::fmt::Debug for Reorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for the order of {} bodies", self.order.capacity())
    }
}

/// Displaced bodies that are worth a second thread.
const WORTH_TWO_THREADS: usize = 2048;

impl Reorder {
    /// Finds the permutation that brings bodies into storage order. `tiles` are those that they were in when last sorted, if none has come or gone since.
    pub(crate) fn find(
        &mut self,
        place: &[Place],
        ids: &[BodyId],
        tiles: Option<&TileTable>,
        tile_size: f32,
    ) -> &Cycles {
        let ranked = Ranked { place, ids, tile_size };
        let whole = Chunk {
            tiles: 0..0,
            bodies: 0..place.len(),
        };
        let chunks = match tiles {
            Some(table) => &table.chunks[..table.owned_chunks],
            None => std::slice::from_ref(&whole),
        };
        if self.parted.len() < chunks.len() {
            self.parted.resize_with(chunks.len(), Parted::default);
        }
        let parted = &mut self.parted[..chunks.len()];
        parted.par_iter_mut().zip(chunks).for_each(|(parted, chunk)| {
            parted.clear();
            match tiles {
                Some(table) => parted.part_tiles(&table.tiles[chunk.tiles.clone()], ranked),
                None => parted.part(chunk.bodies.clone(), ranked.ranks()),
            }
        });
        self.displaced.clear();
        self.displaced
            .extend(parted.iter().flat_map(|parted| &parted.displaced));
        if self.displaced.is_empty() {
            self.cycles.clear();
            return &self.cycles;
        }
        if self.displaced.len() < WORTH_TWO_THREADS {
            self.displaced.sort_unstable();
        } else {
            self.displaced.par_sort_unstable();
        }
        self.merge(ranked, chunks.len());
        self.cycles.take(&mut self.order);
        if tiles.is_none() {
            // A world that was made in any order had all of its bodies here.
            self.displaced = Vec::new();
            self.parted[0].displaced = Vec::new();
        }
        &self.cycles
    }

    fn merge(&mut self, ranked: Ranked<'_>, chunks: usize) {
        self.order.resize(ranked.place.len(), 0);
        let mut merges: Vec<Merge<'_>> = recycled(std::mem::take(&mut self.merges));
        let (mut displaced, mut order) = (&self.displaced[..], &mut self.order[..]);
        let mut rank = ranked.ranks();
        let parted = self.parted[..chunks].iter();
        let mut kept = parted
            .map(|parted| &parted.kept[..])
            .filter(|kept| !kept.is_empty())
            .peekable();
        loop {
            let own = kept.next().unwrap_or_default();
            let count = kept.peek().map_or(displaced.len(), |next| {
                let first = rank(next[0]);
                displaced.partition_point(|other| other.0 < first)
            });
            let (before, others) = displaced.split_at(count);
            displaced = others;
            merges.push(Merge {
                kept: own,
                displaced: before,
                order: split_front(&mut order, own.len() + count),
            });
            if kept.peek().is_none() {
                break;
            }
        }
        merges.par_iter_mut().for_each(|merge| merge.run(ranked.ranks()));
        self.merges = recycled(merges);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;
    use crate::storage::Columns;

    const SIZE: f32 = 4.0;

    fn table_of(place: &[Place]) -> TileTable {
        let mut columns = Columns::default();
        columns.place = place.to_vec();
        let mut table = TileTable::default();
        table.rebuild(&columns, place.len()).unwrap();
        table
    }

    /// Brings bodies into order; says whether any was moved.
    fn put_in_order(reorder: &mut Reorder, bodies: &mut (Vec<Place>, Vec<BodyId>), tiles: Option<&TileTable>) -> bool {
        let (place, ids) = bodies;
        let cycles = reorder.find(place, ids, tiles, SIZE);
        cycles.apply(place);
        cycles.apply(ids);
        !cycles.positions().is_empty()
    }

    fn are_in_order((place, ids): &(Vec<Place>, Vec<BodyId>)) -> bool {
        let rank = |i: usize| (SortKey::of(&place[i], SIZE), ids[i]);
        let mut check = OrderCheck::new(ids, SIZE);
        (0..ids.len()).for_each(|i| check.see(i, place[i].tile, place[i].offset));
        let is_so = (1..ids.len()).all(|i| rank(i - 1) < rank(i));
        assert_eq!(check.is_broken, !is_so, "the check says what is so");
        is_so
    }

    /// Bodies that move by as much as `way` (m) in a tick, from one order to the next; some ticks all leave their tiles together.
    #[test]
    fn whatever_moves_is_brought_into_order() {
        for (seed, count, way) in [
            (1, 0, 1.0),
            (2, 1, 1.0),
            (3, 40, 0.1),
            (4, 3000, 0.02),
            (5, 3000, 1.0),
            (6, 500, 9.0),
        ] {
            let mut random = Random(seed);
            let mut positions: Vec<glam::DVec3> = (0..count).map(|_| random.vector(9.0)).collect();
            let split = |position: &glam::DVec3| {
                let (tile, offset) = tile::split(*position, SIZE).unwrap();
                Place { tile, offset }
            };
            let ids = (0..count as u64).map(|i| BodyId(i * 7919 % 65_537)).collect::<Vec<_>>();
            let by_id: std::collections::BTreeMap<_, _> = ids.iter().copied().zip(0..).collect();
            let mut bodies = (positions.iter().map(split).collect::<Vec<_>>(), ids);
            let mut reorder = Reorder::default();
            put_in_order(&mut reorder, &mut bodies, None);
            for tick in 0..20 {
                assert!(are_in_order(&bodies), "seed {seed}, tick {tick}");
                assert!(!put_in_order(&mut reorder, &mut bodies, None), "what is in order stays");
                let table = table_of(&bodies.0);
                for position in &mut positions {
                    *position += random.vector(way);
                    position.x += if tick % 5 == 4 { f64::from(SIZE) } else { 0.0 };
                }
                for (place, id) in bodies.0.iter_mut().zip(&bodies.1) {
                    *place = split(&positions[by_id[id]]);
                }
                put_in_order(&mut reorder, &mut bodies, (tick % 3 > 0).then_some(&table));
                for (place, id) in bodies.0.iter().zip(&bodies.1) {
                    assert_eq!(*place, split(&positions[by_id[id]]), "a body keeps its place");
                }
            }
        }
    }
}
