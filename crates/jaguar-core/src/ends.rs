//! The bodies of contacts, eight by eight.

use std::ops::Range;

use crate::cache::Lane;
use crate::contact::NO_BODY;
use crate::recycled::{make_room, resize, trim};
use crate::simd::LANES;

/// The bodies of eight contacts by index, lane by lane. They are known before the contacts are, and in the order of lanes they take no more memory than pairs do. Not aligned: they are read one
/// by one, and an aligned vector cannot grow in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// Those of the lower ids, or the only bodies; [`NO_BODY`] in lanes without a contact.
    pub(crate) low: [u32; LANES],
    /// Those of the higher ids, or [`NO_BODY`].
    pub(crate) high: [u32; LANES],
}

impl Ends {
    /// Lanes without contacts.
    pub(crate) const EMPTY: Self = Self {
        low: [NO_BODY; LANES],
        high: [NO_BODY; LANES],
    };

    pub(crate) fn set(&mut self, lane: usize, [low, high]: [u32; 2]) {
        (self.low[lane], self.high[lane]) = (low, high);
    }

    /// The body of the lower id and the other one.
    pub(crate) fn get(&self, lane: usize) -> [u32; 2] {
        [self.low[lane], self.high[lane]]
    }

    /// The lanes with a contact, each with its bodies.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (usize, [u32; 2])> + Clone + '_ {
        (0..LANES)
            .filter(|&lane| self.low[lane] != NO_BODY)
            .map(|lane| (lane, self.get(lane)))
    }
}

/// The number of a body in a portion.
pub(crate) trait PlaceInPortion: Copy {
    fn index(self) -> usize;
}

impl PlaceInPortion for u16 {
    #[inline(always)]
    fn index(self) -> usize {
        usize::from(self)
    }
}

impl PlaceInPortion for u32 {
    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

/// The bodies of eight contacts inside tiles, as [`Ends`], by their places in the portion. The largest number stands for no body: a portion has less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Places<P> {
    pub(crate) low: [P; LANES],
    pub(crate) high: [P; LANES],
}

impl<P: PlaceInPortion> Places<P> {
    /// The places in a lane with a contact.
    #[inline(always)]
    fn get(&self, lane: usize, none: P) -> Option<[usize; 2]> {
        let low = self.low[lane].index();
        (low != none.index()).then(|| [low, self.high[lane].index()])
    }
}

#[inline(always)]
fn set_in<P>(
    blocks: &mut [Places<P>],
    base: u32,
    contacts: impl Iterator<Item = (u32, [u32; 2])>,
    place: impl Fn(u32) -> P,
) {
    for (lane, [low, high]) in contacts {
        let (block, lane) = (lane as usize / LANES, lane as usize % LANES);
        let places = &mut blocks[block];
        (places.low[lane], places.high[lane]) = (place(low - base), place(high - base));
    }
}

fn each_of<P: PlaceInPortion>(blocks: &[Places<P>], first: usize, none: P, mut visit: impl FnMut(usize, [usize; 2])) {
    for (places, block) in blocks.iter().zip(first..) {
        for lane in 0..LANES {
            if let Some(pair) = places.get(lane, none) {
                visit(block * LANES + lane, pair);
            }
        }
    }
}

/// The bodies of a portion's contacts, block by block.
///
/// They are read in every pass of the solver, and there are as many as contacts; so their places take two bytes each, unless the portion has too many bodies.
#[derive(Debug, Default)]
pub(crate) struct EndsList {
    /// Index of the portion's first body.
    base: u32,
    near: Vec<Places<u16>>,
    /// Of a portion with too many bodies, in place of `near`.
    far: Vec<Places<u32>>,
}

impl EndsList {
    /// Makes these the ends of so many blocks of a portion, without contacts yet.
    pub(crate) fn reset(&mut self, blocks: usize, bodies: Range<usize>) {
        self.base = bodies.start as u32;
        self.near.clear();
        self.far.clear();
        if bodies.len() <= usize::from(u16::MAX) {
            let (low, high) = ([u16::MAX; LANES], [u16::MAX; LANES]);
            resize(&mut self.near, blocks, Places { low, high });
        } else {
            let (low, high) = ([NO_BODY; LANES], [NO_BODY; LANES]);
            resize(&mut self.far, blocks, Places { low, high });
        }
    }

    /// Puts the bodies of contacts into their lanes, counted through all blocks.
    pub(crate) fn set(&mut self, contacts: impl Iterator<Item = (u32, [u32; 2])>) {
        if self.far.is_empty() {
            set_in(&mut self.near, self.base, contacts, |place| place as u16);
        } else {
            set_in(&mut self.far, self.base, contacts, |place| place);
        }
    }

    /// Becomes as another. Notes which blocks have the contacts that they had, in the same lanes.
    pub(crate) fn become_as(&mut self, other: &Self, kept: &mut KeptBlocks) {
        match (self.view(), other.view()) {
            (EndsView::Near(before), EndsView::Near(now)) => kept.note(before, now),
            (EndsView::Far(before), EndsView::Far(now)) => kept.note(before, now),
            _ => kept.clear(),
        }
        self.base = other.base;
        replace(&mut self.near, &other.near);
        replace(&mut self.far, &other.far);
    }

    /// Number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// Calls `visit` with the contacts of some blocks: the lane of each, counted through all blocks, and the places of its bodies in the portion.
    pub(crate) fn each_in(&self, blocks: Range<usize>, visit: impl FnMut(usize, [usize; 2])) {
        match self.view() {
            EndsView::Near(places) => each_of(&places[blocks.clone()], blocks.start, u16::MAX, visit),
            EndsView::Far(places) => each_of(&places[blocks.clone()], blocks.start, NO_BODY, visit),
        }
    }

    /// The same with the contacts of all blocks.
    pub(crate) fn each(&self, visit: impl FnMut(usize, [usize; 2])) {
        self.each_in(0..self.len(), visit);
    }

    /// The contacts: the lane of each, counted through all blocks, and its bodies by index. Slower than [`EndsList::each`].
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (usize, [u32; 2])> + Clone + '_ {
        let place = |lane: usize| {
            let (block, lane) = Lane::new(lane).place();
            match self.view() {
                EndsView::Near(places) => places[block].get(lane, u16::MAX),
                EndsView::Far(places) => places[block].get(lane, NO_BODY),
            }
        };
        let lanes = (0..self.len() * LANES).filter_map(move |lane| place(lane).map(|pair| (lane, pair)));
        lanes.map(|(lane, pair)| (lane, pair.map(|place| place as u32 + self.base)))
    }

    /// For the solver.
    pub(crate) fn view(&self) -> EndsView<'_> {
        if self.far.is_empty() {
            EndsView::Near(&self.near)
        } else {
            EndsView::Far(&self.far)
        }
    }

    /// Gives back memory that an unusual tick took.
    pub(crate) fn trim(&mut self) {
        trim(&mut self.near);
        trim(&mut self.far);
    }
}

fn replace<T: Copy>(items: &mut Vec<T>, others: &[T]) {
    items.clear();
    make_room(items, others.len());
    items.extend_from_slice(others);
}

/// Which blocks of a portion have the contacts of the last tick, lane by lane: most where bodies rest.
#[derive(Debug, Default)]
pub(crate) struct KeptBlocks {
    /// A bit for each block; none for those at the end that are not kept.
    words: Vec<u64>,
}

impl KeptBlocks {
    /// None is kept.
    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }

    fn note<P: PartialEq>(&mut self, before: &[Places<P>], now: &[Places<P>]) {
        self.clear();
        let both = before.len().min(now.len());
        resize(&mut self.words, both.div_ceil(64), 0);
        for (block, (before, now)) in before.iter().zip(now).enumerate() {
            self.words[block / 64] |= u64::from(before == now) << (block % 64);
        }
    }

    /// Whether a block is.
    pub(crate) fn has(&self, block: usize) -> bool {
        let word = self.words.get(block / 64).copied().unwrap_or(0);
        word >> (block % 64) & 1 == 1
    }
}

/// The bodies of some blocks, as the solver reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EndsView<'a> {
    Near(&'a [Places<u16>]),
    Far(&'a [Places<u32>]),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a portion with few bodies and of one with more than are counted by 16 bits.
    #[test]
    fn ends_are_those_that_were_set() {
        for bodies in [1000..1100, 500..500 + 65_535, 500..500 + 65_536, 70_000..150_000] {
            let mut list = EndsList::default();
            list.reset(3, 0..1);
            list.reset(4, bodies.clone());
            assert_eq!((list.len(), list.lanes().count()), (4, 0));
            let (first, last) = (bodies.start as u32, bodies.end as u32 - 1);
            let pairs = [(0, [first, last]), (9, [last, first + 7]), (30, [last - 1, last])];
            list.set(pairs.iter().map(|&(lane, pair)| (lane as u32, pair)));
            assert!(list.lanes().eq(pairs), "{bodies:?}");
            let of_view = |lane: usize| match list.view() {
                EndsView::Near(places) => places[lane / LANES].high[lane % LANES].index(),
                EndsView::Far(places) => places[lane / LANES].high[lane % LANES].index(),
            };
            for (lane, [_, high]) in list.lanes() {
                assert_eq!(of_view(lane), high as usize - bodies.start);
            }
            assert!(of_view(1) >= bodies.len(), "no body has this place");
        }
    }
}
