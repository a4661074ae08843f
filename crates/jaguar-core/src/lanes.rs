//! The order in which a tile's contacts are solved, such that eight at a time share no body.
//!
//! Contacts are coloured greedily in storage order: each takes the first colour that neither of its bodies has yet. They are solved colour by colour, in storage order within a
//! colour. The colours depend on the contacts of the bodies concerned only, so it is of no consequence which tiles are coloured together, and the contacts of a colour, which
//! share no body, could be solved in any order or all at once. See "SIMD for contact solvers", Catto, 2024.

use std::ops::Range;

use crate::recycled::{make_room, resize};
use crate::simd::LANES;

/// Colours before contacts are solved singly. A body touches some twelve of its own size; only one that is much larger than its partners has more contacts than this.
const COLOURS: usize = 64;

/// Which lane each contact of a chunk goes to.
#[derive(Debug, Default)]
pub(crate) struct LaneOrder {
    /// For each contact, its lane counted through the chunk's blocks.
    pub(crate) lanes: Vec<u32>,
    /// Blocks in all.
    pub(crate) blocks: usize,
}

impl LaneOrder {
    /// Colours pairs, which are in storage order. `taken` is scratch: for each body, the set of its colours.
    pub(crate) fn colour_pairs(
        &mut self,
        pairs: impl Iterator<Item = [u32; 2]>,
        bodies: Range<usize>,
        taken: &mut Vec<u64>,
    ) {
        self.lanes.clear();
        self.blocks = 0;
        let mut pairs = pairs.peekable();
        if pairs.peek().is_none() {
            return;
        }
        taken.clear();
        resize(taken, bodies.len(), 0);
        make_room(&mut self.lanes, pairs.size_hint().0);
        for pair in pairs {
            let [a, b] = pair.map(|body| body as usize - bodies.start);
            let colour = (taken[a] | taken[b]).trailing_ones();
            let bit = 1_u64.checked_shl(colour).unwrap_or(0);
            taken[a] |= bit;
            taken[b] |= bit;
            self.lanes.push(colour);
        }
        self.place();
    }

    /// Colours contacts of single bodies by their number within the body; the contacts of a body follow each other.
    pub(crate) fn number(&mut self, bodies: impl Iterator<Item = u32>) {
        self.lanes.clear();
        let mut last = (u32::MAX, 0);
        for body in bodies {
            last = if body == last.0 { (body, last.1 + 1) } else { (body, 0) };
            self.lanes.push(last.1);
        }
        self.place();
    }

    /// Turns colours into lanes: every colour begins a block; contacts without a colour have a block each.
    fn place(&mut self) {
        self.blocks = 0;
        if self.lanes.is_empty() {
            return;
        }
        let mut counts = [0_usize; COLOURS + 1];
        for &colour in &self.lanes {
            counts[colour as usize] += 1;
        }
        let mut next = [0_u32; COLOURS + 1];
        let mut blocks = 0;
        for colour in 0..COLOURS {
            next[colour] = (blocks * LANES) as u32;
            blocks += counts[colour].div_ceil(LANES);
        }
        next[COLOURS] = (blocks * LANES) as u32;
        self.blocks = blocks + counts[COLOURS];
        for lane in &mut self.lanes {
            let colour = *lane as usize;
            *lane = next[colour];
            next[colour] += if colour < COLOURS { 1 } else { LANES as u32 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every contact has a lane of its own, and no two lanes of a block share a body.
    fn check(pairs: &[[u32; 2]], bodies: usize) {
        let mut order = LaneOrder::default();
        order.colour_pairs(pairs.iter().copied(), 0..bodies, &mut Vec::new());
        let mut blocks = vec![Vec::new(); order.blocks];
        for (pair, &lane) in pairs.iter().zip(&order.lanes) {
            blocks[lane as usize / LANES].push((lane, *pair));
        }
        for block in blocks {
            assert!(!block.is_empty());
            for (i, (lane, pair)) in block.iter().enumerate() {
                for (other_lane, other) in &block[..i] {
                    assert_ne!(lane, other_lane);
                    assert!(pair.iter().all(|body| !other.contains(body)), "{pair:?} and {other:?}");
                }
            }
        }
    }

    #[test]
    fn lanes_of_a_block_share_no_body() {
        let chain: Vec<_> = (0..100).map(|i| [i, i + 1]).collect();
        check(&chain, 101);
        let all: Vec<_> = (0..20).flat_map(|i| (i + 1..20).map(move |j| [i, j])).collect();
        check(&all, 20);
    }

    #[test]
    fn a_body_with_more_contacts_than_colours_is_solved_singly() {
        let star: Vec<_> = (1..200).map(|i| [0, i]).collect();
        check(&star, 200);
    }

    #[test]
    fn contacts_of_one_body_are_in_different_blocks() {
        let mut order = LaneOrder::default();
        order.number([3, 3, 3, 5, 6, 6].into_iter());
        assert_eq!(order.lanes, [0, 8, 16, 1, 2, 9]);
        assert_eq!(order.blocks, 3);
    }
}
