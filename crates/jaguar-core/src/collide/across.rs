//! The contacts between tiles: their pairs, their preparation, and which bodies they act on.

use super::Pair;
use super::found::{Found, by_id};
use super::prepare::{Makings, Target, Warm, fill_coefficients};
use crate::body::BodyId;
use crate::contact::{Impulses, get_impulses, set_contact, set_impulses};
use crate::ends::Ends;
use crate::parallel::*;
use crate::recycled::{make_room, resize, trim};
use crate::simd::{LANES, Quad};
use crate::sleep::Sleep;
use crate::solver::across::Side;
use crate::solver::bounces::Bounces;
use crate::solver::kernel::Change;
use crate::storage::Columns;

/// Blocks that one thread prepares in a row.
const MIN_BLOCKS: usize = 128;

/// Sides that one thread puts in order in a row.
const SIDES_AT_ONCE: usize = 1024;

/// What is known of the contacts between tiles besides their blocks.
#[derive(Debug, Default)]
pub(crate) struct Across {
    /// By the first body, which is held and the contact's home.
    pub(super) pairs: Vec<Pair>,
    /// What the last tick kept of the contacts that have a sleeping body, by their number, ascending: if both sleep, it stays to the bit.
    pub(super) kept: Vec<(usize, Impulses)>,
    /// The held bodies' parts in contacts, by body, then by the partner's id.
    pub(crate) sides: Vec<Side>,
    /// Those of them that are of the second bodies, before they join the others.
    seconds: Vec<Side>,
    /// What orders them.
    order: SideOrder,
    /// One for each block.
    pub(crate) changes: Vec<Change>,
    /// Which of them bounce.
    pub(crate) bounces: Bounces,
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
        let Self {
            sides, seconds, order, ..
        } = self;
        sides.clear();
        seconds.clear();
        make_room(sides, 2 * self.pairs.len());
        make_room(seconds, self.pairs.len());
        for (b, ends) in ends.iter().enumerate() {
            for (lane, [low, high]) in ends.lanes() {
                let lane = b * LANES + lane;
                let of_both = [Side::of_low(low, lane), Side::of_high(high, lane)];
                let [first, second] = if low < high { [0, 1] } else { [1, 0] };
                sides.extend(Some(of_both[first]).filter(is_awake));
                seconds.extend(Some(of_both[second]).filter(is_awake));
            }
        }
        // Contacts are in the order of their first bodies, so those sides are in order.
        order.sort(seconds, held);
        merge(sides, seconds);
        order_partners(sides, &|side: Side| columns.id[side.partner(ends) as usize]);
    }

    /// Gives back memory that an unusual tick took.
    pub(super) fn trim(&mut self) {
        trim(&mut self.order.ordered);
        trim(&mut self.pairs);
        trim(&mut self.sides);
        trim(&mut self.seconds);
    }
}

/// Orders sides by body, those of a body as they came: a radix sort, since counters for all bodies would take more memory than the sides.
#[derive(Debug, Default)]
struct SideOrder {
    ordered: Vec<Side>,
}

/// Bits of a body's index that one pass looks at.
const DIGIT_BITS: u32 = 11;

impl SideOrder {
    /// Orders sides of bodies below a number.
    fn sort(&mut self, sides: &mut Vec<Side>, bodies: usize) {
        let Some(&any) = sides.first() else { return };
        self.ordered.clear();
        resize(&mut self.ordered, sides.len(), any);
        let mut shift = 0;
        while bodies >> shift > 0 {
            let digit = |side: &Side| (side.body >> shift) as usize % (1 << DIGIT_BITS);
            let mut places = [0_u32; 1 << DIGIT_BITS];
            for side in sides.iter() {
                places[digit(side)] += 1;
            }
            let mut sum = 0;
            for place in &mut places {
                sum += std::mem::replace(place, sum);
            }
            for side in sides.iter() {
                let place = &mut places[digit(side)];
                self.ordered[*place as usize] = *side;
                *place += 1;
            }
            std::mem::swap(sides, &mut self.ordered);
            shift += DIGIT_BITS;
        }
    }
}

/// Merges others into sides; both are in the order of their bodies.
fn merge(sides: &mut Vec<Side>, others: &[Side]) {
    let Some(&any) = others.first() else { return };
    let (mut own, mut other) = (sides.len(), others.len());
    sides.resize(own + other, any);
    // From behind, so that none is written over before it has moved.
    while other > 0 {
        if own > 0 && sides[own - 1].body > others[other - 1].body {
            own -= 1;
            sides[own + other] = sides[own];
        } else {
            other -= 1;
            sides[own + other] = others[other];
        }
    }
}

/// Puts the sides of each body in the order of the partners' ids, which are looked up where a body has several partners only: keys with ids would take twice the memory of the sides.
fn order_partners(sides: &mut [Side], id: &(impl Fn(Side) -> BodyId + Sync)) {
    let middle = sides.len() / 2;
    if sides.len() > SIDES_AT_ONCE
        && let Some(last) = sides[..middle].iter().rposition(|side| side.body != sides[middle].body)
    {
        let (one, other) = sides.split_at_mut(last + 1);
        join(|| order_partners(one, id), || order_partners(other, id));
        return;
    }
    let mut ids = [BodyId(0); FEW_SIDES];
    for own in sides.chunk_by_mut(|a, b| a.body == b.body).filter(|own| own.len() > 1) {
        let Some(ids) = ids.get_mut(..own.len()) else {
            own.sort_unstable_by_key(|side| id(*side));
            continue;
        };
        for k in 0..own.len() {
            let (mut place, side, own_id) = (k, own[k], id(own[k]));
            while place > 0 && ids[place - 1] > own_id {
                (ids[place], own[place]) = (ids[place - 1], own[place - 1]);
                place -= 1;
            }
            (ids[place], own[place]) = (own_id, side);
        }
    }
}

/// A body has no more partners of about its size.
const FEW_SIDES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;

    #[test]
    fn sides_are_ordered_by_body_and_stay_as_they_came() {
        let mut random = Random(5);
        for (count, bodies) in [(0, 5), (1, 1), (50, 3), (700, 2047), (700, 2048), (3000, 100_000)] {
            let side = |lane: usize| (random.bits() as usize % bodies, lane);
            let mut expected: Vec<_> = (0..count).map(side).collect();
            let of = |&(body, lane): &(usize, usize)| Side::of_high(body as u32, lane);
            let mut sides = expected.iter().map(of).collect();
            SideOrder::default().sort(&mut sides, bodies);
            expected.sort_unstable();
            let key = |side: &Side| (side.body as usize, side.lane());
            assert!(sides.iter().map(key).eq(expected), "{count} of {bodies} bodies");
        }
    }

    /// Bodies with many partners and with one, of ids that are in no order; some are not held.
    #[test]
    fn sides_of_a_body_act_in_the_order_of_the_partners_ids() {
        let mut random = Random(3);
        let (bodies, held) = (60, 50);
        let mut columns = Columns::default();
        columns.id = (0..bodies).map(|body| BodyId(u64::from(body * 37 % 61))).collect();
        let mut pairs: Vec<Pair> = (0..bodies).flat_map(|a| (a + 1..bodies).map(move |b| [a, b])).collect();
        pairs.retain(|pair| pair[0] < held && (pair[0] == 7 || random.bits().is_multiple_of(20)));
        let mut ends = vec![Ends::EMPTY; pairs.len().div_ceil(LANES)];
        let mut expected = Vec::new();
        for (k, &pair) in pairs.iter().enumerate() {
            let [low, high] = by_id(pair, &columns.id);
            ends[k / LANES].set(k % LANES, [low, high]);
            let id = |body: u32| columns.id[body as usize].0;
            expected.push((low, id(high), k, true));
            expected.push((high, id(low), k, false));
        }
        expected.retain(|side| side.0 < held);
        expected.sort_unstable();
        let mut across = Across::default();
        across.list_sides(&columns, (held as usize, &Sleep::default()), &ends);
        let found = across.sides.iter().map(|side| (side.body, side.lane(), side.is_low()));
        let expected = expected.into_iter().map(|(body, _, lane, is_low)| (body, lane, is_low));
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
