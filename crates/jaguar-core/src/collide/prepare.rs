//! From what the chunks found to contacts in blocks and the portions of the solver's work.

use std::ops::Range;

use super::found::Found;
use super::{Collision, Pair};
use crate::contact::{Block, Contact, ContactCache, ContactSet, Impulses};
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
    inside: &'a mut [Block],
    statics: &'a mut [Block],
}

/// The memory of the list of tasks, between ticks.
#[derive(Default)]
pub(super) struct Tasks(Vec<Task<'static>>);

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for {} tasks", self.0.capacity())
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

    pub(super) fn prepare(&mut self, makings: Makings<'_>, contacts: &mut ContactSet) {
        let end = self.portions.last().cloned().unwrap_or_default();
        resize(&mut contacts.inside, end.inside.end, Block::EMPTY);
        resize(&mut contacts.statics, end.statics.end, Block::EMPTY);

        let mut tasks: Vec<Task<'_>> = recycled(std::mem::take(&mut self.tasks.0));
        let (mut inside, mut statics) = (&mut contacts.inside[..], &mut contacts.statics[..]);
        for (portion, found) in self.portions.iter().zip(&self.found) {
            tasks.push(Task {
                found,
                inside: split_front(&mut inside, portion.inside.len()),
                statics: split_front(&mut statics, portion.statics.len()),
            });
        }
        tasks.par_iter_mut().with_max_len(1).for_each(|task| {
            task.found.prepare_inside(task.inside, makings);
            task.found.prepare_statics(task.statics, makings);
        });
        self.tasks.0 = recycled(tasks);
        self.prepare_across(makings, contacts);
    }

    fn prepare_across(&mut self, makings: Makings<'_>, contacts: &mut ContactSet) {
        let pairs = &self.across_pairs;
        resize(&mut contacts.across, pairs.len().div_ceil(LANES), Block::EMPTY);
        let blocks = contacts.across.par_iter_mut().with_min_len(MIN_BLOCKS).enumerate();
        blocks.for_each(|(b, block)| {
            *block = Block::EMPTY;
            for (lane, k) in (b * LANES..pairs.len().min((b + 1) * LANES)).enumerate() {
                block.set(lane, &makings.pair(pairs[k]));
            }
        });
        self.kept_across.clear();
        if self.sleep.ranges.is_empty() {
            return;
        }
        let sleeps = |&(_, pair): &(usize, &Pair)| pair.iter().any(|&body| self.sleep.is_asleep(body));
        let sleeping = pairs.iter().enumerate().filter(sleeps);
        self.kept_across
            .extend(sleeping.map(|(k, &pair)| (k, makings.kept(pair))));
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
    fn prepare_inside(&self, blocks: &mut [Block], makings: Makings<'_>) {
        blocks.fill(Block::EMPTY);
        for (&pair, &lane) in self.inside.iter().zip(&self.inside_lanes.lanes) {
            set(blocks, lane, &makings.pair(pair));
        }
    }

    fn prepare_statics(&self, blocks: &mut [Block], makings: Makings<'_>) {
        blocks.fill(Block::EMPTY);
        for ((body, touch), &lane) in self.statics.iter().zip(&self.static_lanes.lanes) {
            set(blocks, lane, &makings.fixed(*body, touch));
        }
    }
}

/// Puts a contact into its lane, counted through all blocks.
fn set(blocks: &mut [Block], lane: u32, contact: &Contact) {
    let lane = lane as usize;
    blocks[lane / LANES].set(lane % LANES, contact);
}

/// Takes the first `len` items off a slice.
pub(crate) fn split_front<'a, T>(slice: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (front, back) = std::mem::take(slice).split_at_mut(len);
    *slice = back;
    front
}
