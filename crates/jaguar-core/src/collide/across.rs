//! The contacts between tiles: their pairs, their preparation, and which bodies they act on.

use super::Pair;
use super::found::{Found, by_id};
use super::prepare::{Makings, Target, Warm, fill_coefficients};
use crate::contact::{Ends, Impulses, get_impulses, set_contact, set_impulses};
use crate::parallel::*;
use crate::recycled::{make_room, resize, trim};
use crate::simd::{LANES, Quad};
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

    /// Gives the contacts of the pairs their ends, and the impulses that they had in the last tick.
    pub(super) fn warm(&mut self, warm: Warm<'_>, sleep: &Sleep, impulses: &mut [Quad], ends: &mut Vec<Ends>) {
        let (pairs, ids) = (&self.pairs, &warm.columns.id);
        resize(ends, impulses.len(), Ends::EMPTY);
        let filled = impulses.par_iter_mut().zip(ends).with_min_len(MIN_BLOCKS).enumerate();
        filled.for_each(|(b, (impulses, ends))| {
            (*impulses, *ends) = (Quad::ZERO, Ends::EMPTY);
            for (lane, &pair) in pairs[b * LANES..].iter().take(LANES).enumerate() {
                let pair = by_id(pair, ids);
                ends.set(lane, pair);
                set_impulses(impulses, lane, warm.pair(pair));
            }
        });
        self.kept.clear();
        if sleep.ranges.is_empty() {
            return;
        }
        let sleeps = |&(_, pair): &(usize, &Pair)| pair.iter().any(|&body| sleep.is_asleep(body));
        let sleeping = pairs.iter().enumerate().filter(sleeps);
        self.kept
            .extend(sleeping.map(|(k, &pair)| (k, warm.pair(by_id(pair, ids)))));
    }

    /// Prepares the contacts, whose ends and impulses are there.
    pub(super) fn prepare(&mut self, makings: Makings<'_>, ends: &[Ends], target: Target<'_>) {
        let Target {
            geometry,
            impulses,
            coefficients,
        } = target;
        let blocks = geometry.par_iter_mut().zip(impulses).zip(ends);
        blocks
            .with_min_len(MIN_BLOCKS)
            .for_each(|((geometry, impulses), ends)| {
                *geometry = Quad::ZERO;
                for (lane, pair) in ends.lanes() {
                    let contact = makings.pair(pair, get_impulses(impulses, lane));
                    set_contact((geometry, impulses), lane, &contact);
                }
            });
        let pairs = ends.iter().enumerate().flat_map(|(b, ends)| {
            let lanes = ends.lanes();
            lanes.map(move |(lane, pair)| (pair, b * LANES + lane))
        });
        fill_coefficients(coefficients, ends.len(), pairs, |&pair| makings.pair_coefficient(pair));
    }

    /// Makes room for the changes of so many blocks, at once for as many as there is room for elsewhere.
    pub(super) fn clear_changes(&mut self, blocks: usize, most: usize) {
        self.changes.clear();
        make_room(&mut self.changes, most);
        resize(&mut self.changes, blocks, Change::default());
    }

    /// Lists the sides of held bodies that are awake in the order in which they act.
    pub(super) fn list_sides(&mut self, columns: &Columns, (held, sleep): (usize, &Sleep), ends: &[Ends]) {
        let is_awake = |side: &Side| (side.body as usize) < held && !sleep.is_asleep(side.body);
        let keys = &mut self.side_keys;
        keys.clear();
        resize(keys, 2 * LANES * ends.len(), u128::MAX);
        let blocks = keys.par_chunks_mut(2 * LANES).zip(ends);
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
