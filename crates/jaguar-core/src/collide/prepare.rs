//! From what the chunks found to contacts in blocks, their entries in the cache, and the portions of the solver's work.

use std::ops::Range;

use super::found::Found;
use super::{Collision, Pair};
use crate::contact::{
    Block, CacheEntry, CacheSet, CachedRanges, Contact, ContactCache, ContactSet, Impulses, STATIC_BIT,
};
use crate::kinds::Kinds;
use crate::narrow_phase::prepare::{pair_contact, static_contact};
use crate::narrow_phase::static_geometry::StaticContact;
use crate::parallel::*;
use crate::recycled::{make_room, recycled, resize};
use crate::simd::LANES;
use crate::solver::StepConstants;
use crate::solver::across::Side;
use crate::solver::kernel::Change;
use crate::storage::{Bodies, Columns};

/// Blocks that one thread prepares in a row.
const MIN_BLOCKS: usize = 128;

/// What the solver works on as one task: ranges of bodies, contacts and sides that no other portion touches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Portion {
    pub(crate) bodies: Range<usize>,
    /// Blocks of contacts inside tiles.
    pub(crate) inside: Range<usize>,
    /// Blocks of contacts with static geometry.
    pub(crate) statics: Range<usize>,
    /// Their entries in the cache.
    pub(crate) inside_entries: Range<usize>,
    /// Their entries in the cache.
    pub(crate) static_entries: Range<usize>,
    pub(crate) sides: Range<usize>,
    /// Whether all of the bodies sleep: there is nothing to do.
    pub(crate) sleeps: bool,
    /// Whether any of the bodies is damped.
    pub(crate) damped: bool,
    /// Whether any is a sensor.
    pub(crate) sensors: bool,
    /// Whether any of the bodies feels more than uniform gravity; the step knows.
    pub(crate) forced: bool,
    /// Whether none of the bodies touches anything: they have no need to wait for others in their substeps. The step knows.
    pub(crate) is_lone: bool,
}

/// What contacts are made of.
#[derive(Clone, Copy)]
pub(super) struct Makings<'a> {
    pub(super) columns: &'a Columns,
    pub(super) kinds: &'a Kinds,
    /// The impulses of the last tick.
    pub(super) before: ContactCache<'a>,
    pub(super) step: &'a StepConstants,
}

impl Makings<'_> {
    /// The contact of a pair with the impulses of the last tick.
    fn pair(&self, [a, b]: Pair) -> Contact {
        let columns = self.columns;
        let is_ordered = columns.id[a as usize] < columns.id[b as usize];
        let [low, high] = if is_ordered { [a, b] } else { [b, a] };
        let partner = |index: u32| (columns.id[index as usize], &columns.cached[index as usize]);
        let cached = self.before.pair(partner(low), partner(high));
        pair_contact(columns, self.kinds, [low, high], cached, self.step)
    }

    /// The impulses of the last tick of a pair's contact.
    fn kept(&self, [a, b]: Pair) -> Impulses {
        let partner = |index: u32| (self.columns.id[index as usize], &self.columns.cached[index as usize]);
        let is_ordered = self.columns.id[a as usize] < self.columns.id[b as usize];
        let [low, high] = if is_ordered { [a, b] } else { [b, a] };
        self.before.pair(partner(low), partner(high)).unwrap_or_default()
    }

    /// The contact of a body with static geometry, with the impulses of the last tick.
    fn fixed(&self, body: u32, touch: &StaticContact) -> Contact {
        let (id, ranges) = (self.columns.id[body as usize], &self.columns.cached[body as usize]);
        let cached = self.before.fixed((id, ranges), touch.key);
        static_contact(self.columns, self.kinds, body, touch, cached)
    }
}

/// A portion's contacts to be prepared.
struct Task<'a> {
    found: &'a Found,
    inside: Target<'a>,
    statics: Target<'a>,
    ranges: &'a mut [CachedRanges],
    /// Index of the first body.
    base: usize,
}

/// The memory of the list of tasks, between ticks.
#[derive(Default)]
pub(super) struct Tasks(Vec<Task<'static>>);

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for {} tasks", self.0.capacity())
    }
}

/// Where a chunk's contacts of one class go.
struct Target<'a> {
    blocks: &'a mut [Block],
    entries: &'a mut [CacheEntry],
    first_entry: usize,
}

impl Target<'_> {
    fn set(&mut self, k: usize, lane: u32, contact: &Contact, other: u64) -> usize {
        let rank = self.first_entry + k;
        let lane = lane as usize;
        self.blocks[lane / LANES].set(lane % LANES, contact);
        self.entries[k].other = other;
        rank
    }
}

impl Collision {
    /// Gives every portion its ranges of contacts.
    pub(super) fn lay_out(&mut self, bodies: &Bodies, mixed: bool) {
        self.portions.clear();
        let mut last = Portion::default();
        let owned = &self.table.chunks[..self.table.owned_chunks];
        for (chunk, found) in owned.iter().zip(&self.found) {
            let after = |range: &Range<usize>, len: usize| range.end..range.end + len;
            let sleeps = chunk.tiles.clone().all(|t| self.sleep.is_dormant(t));
            last = Portion {
                bodies: chunk.bodies.clone(),
                inside: after(&last.inside, found.inside_lanes.blocks),
                statics: after(&last.statics, found.static_lanes.blocks),
                inside_entries: after(&last.inside_entries, found.inside.len()),
                static_entries: after(&last.static_entries, found.statics.len()),
                sides: 0..0,
                sleeps,
                damped: !sleeps && chunk.bodies.clone().any(|body| bodies.kind(body).is_damped),
                sensors: !sleeps && mixed && chunk.bodies.clone().any(|body| bodies.kind(body).given.sensor),
                forced: false,
                is_lone: false,
            };
            self.portions.push(last.clone());
        }
    }

    pub(super) fn prepare(&mut self, makings: Makings<'_>, contacts: &mut ContactSet, cached: &mut CacheSet) {
        let end = self.portions.last().cloned().unwrap_or_default();
        resize(&mut contacts.inside, end.inside.end, Block::EMPTY);
        resize(&mut contacts.statics, end.statics.end, Block::EMPTY);
        resize(&mut cached.inside, end.inside_entries.end, CacheEntry::default());
        resize(&mut cached.statics, end.static_entries.end, CacheEntry::default());
        self.next_ranges.clear();
        resize(&mut self.next_ranges, makings.columns.id.len(), CachedRanges::default());

        let mut tasks: Vec<Task<'_>> = recycled(std::mem::take(&mut self.tasks.0));
        let mut inside = (&mut contacts.inside[..], &mut cached.inside[..]);
        let mut statics = (&mut contacts.statics[..], &mut cached.statics[..]);
        let mut ranges = &mut self.next_ranges[..];
        for (portion, found) in self.portions.iter().zip(&self.found) {
            tasks.push(Task {
                found,
                inside: Target {
                    blocks: split_front(&mut inside.0, portion.inside.len()),
                    entries: split_front(&mut inside.1, portion.inside_entries.len()),
                    first_entry: portion.inside_entries.start,
                },
                statics: Target {
                    blocks: split_front(&mut statics.0, portion.statics.len()),
                    entries: split_front(&mut statics.1, portion.static_entries.len()),
                    first_entry: portion.static_entries.start,
                },
                ranges: split_front(&mut ranges, portion.bodies.len()),
                base: portion.bodies.start,
            });
        }
        tasks.par_iter_mut().with_max_len(1).for_each(|task| {
            let (ranges, base) = (&mut *task.ranges, task.base);
            task.found.prepare_inside(&mut task.inside, ranges, base, makings);
            task.found.prepare_statics(&mut task.statics, ranges, base, makings);
        });
        self.tasks.0 = recycled(tasks);
        self.prepare_across(makings, contacts, cached);
    }

    fn prepare_across(&mut self, makings: Makings<'_>, contacts: &mut ContactSet, cached: &mut CacheSet) {
        let pairs = &self.across_pairs;
        resize(&mut contacts.across, pairs.len().div_ceil(LANES), Block::EMPTY);
        let blocks = contacts.across.par_iter_mut().with_min_len(MIN_BLOCKS).enumerate();
        blocks.for_each(|(b, block)| {
            *block = Block::EMPTY;
            for (lane, k) in (b * LANES..pairs.len().min((b + 1) * LANES)).enumerate() {
                block.set(lane, &makings.pair(pairs[k]));
            }
        });
        cached.across.clear();
        make_room(&mut cached.across, pairs.len());
        for (k, &[home, other]) in pairs.iter().enumerate() {
            self.next_ranges[home as usize].across.extend(k);
            // If both sleep, that is what is kept, to the bit.
            let is_asleep = self.sleep.is_asleep(home) || self.sleep.is_asleep(other);
            cached.across.push(CacheEntry {
                other: makings.columns.id[other as usize].0,
                impulses: if is_asleep {
                    makings.kept([home, other])
                } else {
                    Impulses::default()
                },
            });
        }
    }

    /// Lists the sides of the contacts between tiles of held bodies that are awake in the order in which they act.
    pub(super) fn list_sides(&mut self, columns: &Columns, held: usize, contacts: &ContactSet) {
        self.side_keys.clear();
        make_room(&mut self.side_keys, 2 * self.across_pairs.len());
        for lane in 0..self.across_pairs.len() {
            let block = &contacts.across[lane / LANES];
            let (low, high) = (block.low[lane % LANES], block.high[lane % LANES]);
            if (low as usize) < held && !self.sleep.is_asleep(low) {
                let key = columns.id[high as usize].0;
                self.side_keys.push((low, key, Side::of_low(low, lane)));
            }
            if (high as usize) < held && !self.sleep.is_asleep(high) {
                let key = columns.id[low as usize].0;
                self.side_keys.push((high, key, Side::of_high(high, lane)));
            }
        }
        self.side_keys.sort_unstable_by_key(|&(body, id, _)| (body, id));
        self.sides.clear();
        make_room(&mut self.sides, self.side_keys.len());
        self.sides.extend(self.side_keys.iter().map(|&(_, _, side)| side));
        self.changes.clear();
        resize(&mut self.changes, contacts.across.len(), Change::default());
        let mut begin = 0;
        for portion in &mut self.portions {
            let limit = portion.bodies.end as u32;
            let end = begin + self.sides[begin..].partition_point(|side| side.body < limit);
            portion.sides = begin..end;
            begin = end;
        }
    }
}

impl Found {
    fn prepare_inside(&self, target: &mut Target<'_>, ranges: &mut [CachedRanges], base: usize, makings: Makings<'_>) {
        target.blocks.fill(Block::EMPTY);
        for (k, (&pair, &lane)) in self.inside.iter().zip(&self.inside_lanes.lanes).enumerate() {
            let other = makings.columns.id[pair[1] as usize].0;
            let rank = target.set(k, lane, &makings.pair(pair), other);
            ranges[pair[0] as usize - base].inside.extend(rank);
        }
    }

    fn prepare_statics(&self, target: &mut Target<'_>, ranges: &mut [CachedRanges], base: usize, makings: Makings<'_>) {
        target.blocks.fill(Block::EMPTY);
        for (k, ((body, touch), &lane)) in self.statics.iter().zip(&self.static_lanes.lanes).enumerate() {
            let rank = target.set(k, lane, &makings.fixed(*body, touch), touch.key | STATIC_BIT);
            ranges[*body as usize - base].statics.extend(rank);
        }
    }
}

/// Takes the first `len` items off a slice.
pub(crate) fn split_front<'a, T>(slice: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (front, back) = std::mem::take(slice).split_at_mut(len);
    *slice = back;
    front
}
