//! Storage order: by tile, then by id. It decides the solver's sequence inside a tile, hence bits.
//!
//! Tiles that are near each other are near in memory (their Morton order), and a tile's bodies fit a core's second cache, so that where they are in it is of no consequence: with bodies in the order of
//! cells of one metre a pile took as long, and a gas a tenth longer, since each tick an eighth of its bodies changed places.
//!
//! Only bodies that left their tile are out of order. They are taken out, sorted by themselves and merged in.

use std::ops::Range;

use crate::body::BodyId;
use crate::collide::split_front;
use crate::cycles::Cycles;
use crate::parallel::*;
use crate::recycled::{give_back, make_room, recycled, resize};
use crate::storage::Place;
use crate::tile::TileIndex;
use crate::tile_table::{Chunk, TileTable};

/// Position in the storage order: the tile's Morton code, then the id.
pub(crate) type Rank = (u64, BodyId);

/// Where bodies are, and what decides their order.
#[derive(Clone, Copy)]
struct Ranked<'a> {
    place: &'a [Place],
    ids: &'a [BodyId],
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
            (tile.1, self.ids[body as usize])
        }
    }
}

/// A body that is not where the order wants it.
type Displaced = (Rank, u32);

/// The positions of the bits that are set in words.
fn bits_of(words: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    let firsts = (0..).step_by(64);
    words.zip(firsts).flat_map(|(word, first)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(first + bit)
        })
    })
}

/// Words that have a bit for each of the bodies of a chunk.
fn words_for(chunk: &Chunk) -> usize {
    chunk.bodies.len().div_ceil(64)
}

/// Takes bodies of a chunk out so that the others are in order.
struct Parting<'a> {
    chunk: &'a Chunk,
    /// A bit for each body that is taken out.
    taken: &'a mut [u64],
    /// Room for a stack of bodies.
    stack: &'a mut [u32],
}

impl Parting<'_> {
    /// Takes out the bodies of a tile that have left it: the others are in order.
    #[inline(always)]
    fn part_tile(&mut self, bodies: Range<usize>, tile: TileIndex, place: &[Place]) {
        for body in bodies {
            if place[body].tile != tile {
                self.take(body);
            }
        }
    }

    /// Takes some bodies out of any order. Of two neighbours in the wrong order both are taken out. See Cook and Kim, "Best sorting algorithm for nearly sorted lists", *Commun. ACM* 23 (1980) 620.
    fn part(&mut self, ranked: Ranked<'_>) {
        let mut rank = ranked.ranks();
        let (mut kept, mut last) = (0, None);
        for body in self.chunk.bodies.clone() {
            let own = rank(body as u32);
            if last.is_some_and(|last| own < last) {
                kept -= 1;
                self.take(self.stack[kept] as usize);
                self.take(body);
                last = self.stack[..kept].last().map(|&body| rank(body));
            } else {
                self.stack[kept] = body as u32;
                kept += 1;
                last = Some(own);
            }
        }
    }

    #[inline(always)]
    fn take(&mut self, body: usize) {
        let k = body - self.chunk.bodies.start;
        self.taken[k / 64] |= 1 << (k % 64);
    }
}

/// The bodies of a chunk that were not taken out.
#[derive(Clone, Default)]
struct Kept<'a> {
    bodies: Range<usize>,
    taken: &'a [u64],
}

impl<'a> Kept<'a> {
    fn of(chunks: &'a [Chunk], mut taken: &'a [u64]) -> impl Iterator<Item = Self> + 'a {
        chunks.iter().map(move |chunk| {
            let (own, others) = taken.split_at(words_for(chunk));
            taken = others;
            Self {
                bodies: chunk.bodies.clone(),
                taken: own,
            }
        })
    }

    fn len(&self) -> usize {
        self.bodies.len() - self.taken.iter().map(|word| word.count_ones() as usize).sum::<usize>()
    }

    fn others(&self) -> impl Iterator<Item = u32> + use<'a> {
        let first = self.bodies.start;
        bits_of(self.taken.iter().copied()).map(move |k| (first + k) as u32)
    }

    fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        let Range { start, end } = self.bodies;
        let bodies = bits_of(self.taken.iter().map(|word| !word)).map(move |k| (start + k) as u32);
        bodies.take_while(move |&body| (body as usize) < end)
    }
}

/// What comes into the order from a chunk's first body on, up to the next chunk's.
struct Merge<'a> {
    kept: Kept<'a>,
    displaced: &'a [Displaced],
    order: &'a mut [u32],
}

impl Merge<'_> {
    fn run(&mut self, mut rank: impl FnMut(u32) -> Rank) {
        let Range { start, end } = self.kept.bodies;
        if self.displaced.is_empty() && self.order.len() == end - start {
            // Most chunks of a resting pile.
            self.order
                .iter_mut()
                .zip(start as u32..)
                .for_each(|(to, body)| *to = body);
            return;
        }
        let mut order = self.order.iter_mut();
        let mut put = |body| *order.next().expect("there is room for all") = body;
        let mut displaced = self.displaced.iter().peekable();
        for body in self.kept.iter() {
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
    /// Bits of the bodies that are taken out, chunk by chunk.
    taken: Vec<u64>,
    displaced: Vec<Displaced>,
    /// The most bodies that were displaced, and that were moved, in a sort since memory was given back.
    most_displaced: usize,
    most_moving: usize,
    /// Sorts since then.
    untrimmed: u32,
    partings: Vec<Parting<'static>>,
    merges: Vec<Merge<'static>>,
    cycles: Cycles,
}

impl std::fmt::Debug for Reorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for {} displaced bodies", self.displaced.capacity())
    }
}

/// Displaced bodies that are worth a second thread.
const WORTH_TWO_THREADS: usize = 2048;

/// Every so many sorts what unusual ones took is given back.
const TRIM_SORTS: u32 = 128;

impl Reorder {
    /// Finds the permutation that brings bodies into storage order. `tiles` are those that they were in when last sorted, if none has come or gone since.
    /// `order` is room for a number for each body, which has no meaning afterwards.
    pub(crate) fn find(
        &mut self,
        (place, ids): (&[Place], &[BodyId]),
        tiles: Option<&TileTable>,
        order: &mut [u32],
    ) -> &Cycles {
        let ranked = Ranked { place, ids };
        let whole = Chunk {
            tiles: 0..0,
            bodies: 0..place.len(),
        };
        let chunks = match tiles {
            Some(table) => &table.chunks[..table.owned_chunks],
            None => std::slice::from_ref(&whole),
        };
        self.part(ranked, (chunks, tiles), order);
        self.list_displaced(ranked, chunks);
        if self.displaced.is_empty() {
            self.cycles.clear();
        } else {
            self.merge(ranked, chunks, order);
            self.cycles.take(order);
        }
        self.trim(tiles.is_none());
        &self.cycles
    }

    /// Takes bodies out of chunks. The order is not known yet, so that its memory is free for this.
    fn part(&mut self, ranked: Ranked<'_>, (chunks, tiles): (&[Chunk], Option<&TileTable>), order: &mut [u32]) {
        self.taken.clear();
        resize(&mut self.taken, chunks.iter().map(words_for).sum(), 0);
        let mut partings: Vec<Parting<'_>> = recycled(std::mem::take(&mut self.partings));
        let (mut taken, mut order) = (&mut self.taken[..], order);
        partings.extend(chunks.iter().map(|chunk| Parting {
            chunk,
            taken: split_front(&mut taken, words_for(chunk)),
            stack: split_front(&mut order, chunk.bodies.len()),
        }));
        partings.par_iter_mut().for_each(|parting| match tiles {
            Some(table) => {
                for tile in &table.tiles[parting.chunk.tiles.clone()] {
                    parting.part_tile(tile.bodies.clone(), tile.index, ranked.place);
                }
            }
            None => parting.part(ranked),
        });
        self.partings = recycled(partings);
    }

    /// Lists the bodies that were taken out, by rank.
    fn list_displaced(&mut self, ranked: Ranked<'_>, chunks: &[Chunk]) {
        let count = self.taken.iter().map(|word| word.count_ones() as usize).sum();
        self.displaced.clear();
        make_room(&mut self.displaced, count);
        let mut rank = ranked.ranks();
        for kept in Kept::of(chunks, &self.taken) {
            for body in kept.others() {
                self.displaced.push((rank(body), body));
            }
        }
        if count < WORTH_TWO_THREADS {
            self.displaced.sort_unstable();
        } else {
            self.displaced.par_sort_unstable();
        }
    }

    fn merge(&mut self, ranked: Ranked<'_>, chunks: &[Chunk], mut order: &mut [u32]) {
        let mut merges: Vec<Merge<'_>> = recycled(std::mem::take(&mut self.merges));
        let mut displaced = &self.displaced[..];
        let mut rank = ranked.ranks();
        let mut kept = Kept::of(chunks, &self.taken).filter(|kept| kept.len() > 0).peekable();
        loop {
            let own = kept.next().unwrap_or_default();
            let first = kept.peek().and_then(|next| next.iter().next()).map(&mut rank);
            let count = first.map_or(displaced.len(), |first| {
                displaced.partition_point(|other| other.0 < first)
            });
            let (before, others) = displaced.split_at(count);
            displaced = others;
            let len = own.len() + count;
            merges.push(Merge {
                kept: own,
                displaced: before,
                order: split_front(&mut order, len),
            });
            if kept.peek().is_none() {
                break;
            }
        }
        merges.par_iter_mut().for_each(|merge| merge.run(ranked.ranks()));
        self.merges = recycled(merges);
    }

    /// Gives back memory that unusual sorts took: now and then, and after one without tiles. In a world that was made in any order that had nearly all bodies displaced.
    fn trim(&mut self, is_without_tiles: bool) {
        let (displaced, moving) = (self.displaced.len(), self.cycles.positions().len());
        if is_without_tiles {
            give_back(&mut self.displaced);
            return;
        }
        self.most_displaced = self.most_displaced.max(displaced);
        self.most_moving = self.most_moving.max(moving);
        self.untrimmed += 1;
        if self.untrimmed == TRIM_SORTS {
            self.displaced.shrink_to(self.most_displaced);
            self.cycles.shrink_to(self.most_moving);
            (self.most_displaced, self.most_moving, self.untrimmed) = (0, 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;
    use crate::storage::Columns;
    use crate::tile;

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
        let mut order = vec![u32::MAX; ids.len()];
        let cycles = reorder.find((place, ids), tiles, &mut order);
        cycles.apply(place);
        cycles.apply(ids);
        !cycles.positions().is_empty()
    }

    fn are_in_order((place, ids): &(Vec<Place>, Vec<BodyId>)) -> bool {
        let rank = |i: usize| (place[i].tile.morton(), ids[i]);
        (1..ids.len()).all(|i| rank(i - 1) < rank(i))
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

    /// A sort in which all bodies are displaced, and then many in which few are.
    #[test]
    fn memory_of_an_unusual_sort_is_given_back() {
        let mut random = Random(7);
        let mut place = |_| {
            let (tile, offset) = tile::split(random.vector(9.0), SIZE).unwrap();
            Place { tile, offset }
        };
        let mut bodies: (Vec<_>, Vec<_>) = ((0..3000).map(&mut place).collect(), (0..3000).map(BodyId).collect());
        let mut reorder = Reorder::default();
        put_in_order(&mut reorder, &mut bodies, None);
        assert!(reorder.displaced.capacity() < 100, "a first sort keeps nothing");
        let table = table_of(&bodies.0);
        bodies.0 = (0..3000).map(&mut place).collect();
        put_in_order(&mut reorder, &mut bodies, Some(&table));
        let displaced = |reorder: &Reorder| reorder.displaced.capacity();
        assert!(displaced(&reorder) > 2000);
        for sort in 1..2 * TRIM_SORTS {
            let table = table_of(&bodies.0);
            bodies.0[2000] = place(0);
            put_in_order(&mut reorder, &mut bodies, Some(&table));
            assert!(are_in_order(&bodies), "sort {sort}");
        }
        assert!(displaced(&reorder) < 10, "{}", displaced(&reorder));
    }

    #[test]
    fn who_is_not_taken_out_is_kept() {
        let mut random = Random(3);
        for lengths in [[0, 1, 2], [63, 64, 65], [127, 128, 300]] {
            let mut begin = 0;
            let chunks = lengths.map(|length| {
                let bodies = begin..begin + length;
                begin = bodies.end;
                Chunk { tiles: 0..0, bodies }
            });
            let is_taken: Vec<bool> = (0..begin).map(|_| random.bits().is_multiple_of(3)).collect();
            let mut taken = Vec::new();
            for chunk in &chunks {
                let mut words = vec![0_u64; words_for(chunk)];
                for (k, body) in chunk.bodies.clone().enumerate() {
                    words[k / 64] |= u64::from(is_taken[body]) << (k % 64);
                }
                taken.extend(words);
            }
            for (chunk, kept) in chunks.iter().zip(Kept::of(&chunks, &taken)) {
                let is_taken = &is_taken;
                let of = |wanted: bool| chunk.bodies.clone().filter(move |&body| is_taken[body] == wanted);
                assert!(kept.iter().eq(of(false).map(|body| body as u32)));
                assert!(kept.others().eq(of(true).map(|body| body as u32)));
                assert_eq!(kept.len(), of(false).count());
            }
        }
    }
}
