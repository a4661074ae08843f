//! The contacts between tiles: their pairs, their preparation, and which bodies they act on.

use super::Pair;
use super::found::{Found, by_id};
use super::prepare::{Makings, coefficients};
use crate::contact::{AcrossContacts, Block, Coefficients, Ends, Impulses};
use crate::parallel::*;
use crate::recycled::{make_room, resize, trim};
use crate::simd::LANES;
use crate::sleep::Sleep;
use crate::solver::across::Side;
use crate::solver::kernel::Change;
use crate::storage::Columns;

/// Blocks that one thread prepares in a row.
const MIN_BLOCKS: usize = 128;

/// What is known of the contacts between tiles besides their blocks.
#[derive(Debug, Default)]
pub(crate) struct Across {
    /// By the first body, which is held and the contact's home.
    pub(super) pairs: Vec<Pair>,
    /// What the last tick kept of the contacts that have a sleeping body, by their number, ascending: if both sleep, it stays to the bit.
    pub(super) kept: Vec<(usize, Impulses)>,
    /// The sides to be sorted.
    side_keys: Vec<u128>,
    /// The held bodies' parts in contacts, by body, then by the partner's id.
    pub(crate) sides: Vec<Side>,
    /// One for each block.
    pub(crate) changes: Vec<Change>,
}

impl Across {
    /// Gathers what the chunks found.
    pub(super) fn gather(&mut self, found: &[Found]) {
        self.pairs.clear();
        make_room(&mut self.pairs, found.iter().map(|found| found.across.len()).sum());
        found
            .iter()
            .for_each(|found| self.pairs.extend_from_slice(&found.across));
        self.pairs.par_sort_unstable();
    }

    /// Prepares the contacts.
    pub(super) fn prepare(&mut self, makings: Makings<'_>, sleep: &Sleep, contacts: &mut AcrossContacts) {
        let (pairs, ids) = (&self.pairs, &makings.columns.id);
        let AcrossContacts {
            blocks,
            ends,
            coefficients: list,
        } = contacts;
        resize(blocks, pairs.len().div_ceil(LANES), Block::EMPTY);
        resize(ends, blocks.len(), Ends::EMPTY);
        let filled = blocks.par_iter_mut().zip(ends).with_min_len(MIN_BLOCKS).enumerate();
        filled.for_each(|(b, (block, ends))| {
            (*block, *ends) = (Block::EMPTY, Ends::EMPTY);
            for (lane, &pair) in pairs[b * LANES..].iter().take(LANES).enumerate() {
                let pair = by_id(pair, ids);
                ends.set(lane, pair);
                block.set(lane, &makings.pair(pair));
            }
        });
        list.clear();
        let count = coefficients(blocks.len(), makings.kinds.are_alike());
        resize(list, count, Coefficients::EMPTY);
        if list.len() < blocks.len() {
            list[0] = Coefficients::alike(&makings.pair_coefficient(by_id(pairs[0], ids)));
        } else {
            for (k, &pair) in pairs.iter().enumerate() {
                list[k / LANES].set(k % LANES, &makings.pair_coefficient(by_id(pair, ids)));
            }
        }
        self.changes.clear();
        make_room(&mut self.changes, blocks.capacity());
        resize(&mut self.changes, blocks.len(), Change::default());
        self.kept.clear();
        if sleep.ranges.is_empty() {
            return;
        }
        let sleeps = |&(_, pair): &(usize, &Pair)| pair.iter().any(|&body| sleep.is_asleep(body));
        let sleeping = pairs.iter().enumerate().filter(sleeps);
        self.kept
            .extend(sleeping.map(|(k, &pair)| (k, makings.kept(by_id(pair, ids)))));
    }

    /// Lists the sides of held bodies that are awake in the order in which they act.
    pub(super) fn list_sides(&mut self, columns: &Columns, (held, sleep): (usize, &Sleep), contacts: &AcrossContacts) {
        let is_awake = |side: &Side| (side.body as usize) < held && !sleep.is_asleep(side.body);
        let keys = &mut self.side_keys;
        keys.clear();
        resize(keys, 2 * LANES * contacts.ends.len(), u128::MAX);
        let blocks = keys.par_chunks_mut(2 * LANES).zip(&contacts.ends);
        blocks
            .with_min_len(MIN_BLOCKS)
            .enumerate()
            .for_each(|(b, (keys, ends))| {
                for (lane, [low, high]) in ends.lanes() {
                    let number = b * LANES + lane;
                    let sides = [Side::of_low(low, number), Side::of_high(high, number)];
                    for ((key, side), partner) in keys[2 * lane..].iter_mut().zip(sides).zip([high, low]) {
                        if is_awake(&side) {
                            *key = side.key(columns.id[partner as usize]);
                        }
                    }
                }
            });
        keys.par_sort_unstable();
        let awake = keys.partition_point(|&key| key != u128::MAX);
        self.sides.clear();
        make_room(&mut self.sides, awake);
        self.sides.extend(keys[..awake].iter().map(|&key| Side::of_key(key)));
    }

    /// Gives back memory that an unusual tick took.
    pub(super) fn trim(&mut self) {
        trim(&mut self.pairs);
        trim(&mut self.side_keys);
        trim(&mut self.sides);
    }
}
