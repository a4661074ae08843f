//! The collision stages of a tick: reaches, grids, pairs, contacts, warm-start impulses. Stages get the columns they need; [`crate::step`] calls them in order.

use std::ops::Range;

use rayon::prelude::*;

use crate::body::Material;
use crate::broad_phase::{GridParams, Grids, Search, find_pairs};
use crate::candidates::{Candidates, Plan};
use crate::constants::CONTACT_SLOP;
use crate::contact::{Block, CacheEntry, CacheSet, CachedRanges, Contact, ContactCache, ContactSet, LANES, STATIC_BIT};
use crate::lanes::LaneOrder;
use crate::narrow_phase::prepare::{pair_contact, pair_matters, static_contact, static_matters};
use crate::narrow_phase::static_geometry::{StaticContact, StaticGeometry};
use crate::solver::StepConstants;
use crate::solver::across::Side;
use crate::solver::kernel::Impulse;
use crate::storage::{Bodies, Columns, Motion};
use crate::tile::difference;
use crate::tile_table::{Chunk, TileTable};
use glam::Vec3;

/// Two bodies by index, the smaller first; a held body comes before a ghost.
type Pair = [u32; 2];

/// Blocks that one thread prepares in a row.
const MIN_BLOCKS: usize = 128;

/// Buffers of the collision stages, kept from tick to tick so that a steady world allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Collision {
    pub(crate) table: TileTable,
    grids: Vec<Grids>,
    found: Vec<Found>,
    across_pairs: Vec<Pair>,
    pair_order: PairOrder,
    candidates: Candidates,
    side_keys: Vec<(u32, u64, Side)>,
    next_ranges: Vec<CachedRanges>,
    /// One for each chunk of owned tiles.
    pub(crate) portions: Vec<Portion>,
    /// The held bodies' parts in contacts between tiles, by body, then by the partner's id.
    pub(crate) sides: Vec<Side>,
    /// One for each contact between tiles.
    pub(crate) changes: Vec<Impulse>,
}

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
    /// Whether any of the bodies is damped.
    pub(crate) damped: bool,
}

/// What one chunk finds.
#[derive(Debug, Default)]
struct Found {
    unordered: Vec<Pair>,
    pair_order: PairOrder,
    /// Pairs of held bodies that may become candidates soon, by finder in storage order.
    candidates: Vec<Pair>,
    /// In storage order.
    inside: Vec<Pair>,
    inside_lanes: LaneOrder,
    across: Vec<Pair>,
    /// In storage order of the body, then by feature.
    statics: Vec<(u32, StaticContact)>,
    static_lanes: LaneOrder,
    touches: Vec<StaticContact>,
}

/// Where a chunk's contacts of one class go.
struct Target<'a> {
    blocks: &'a mut [Block],
    entries: &'a mut [CacheEntry],
    first_entry: usize,
}

impl Collision {
    /// Finds the contacts of the sorted bodies and prepares them in `contacts`, with an entry for each in `cached`; `before` has the impulses of the last tick.
    pub(crate) fn run(
        &mut self,
        bodies: &mut Bodies,
        contacts: &mut ContactSet,
        (cached, before): (&mut CacheSet, ContactCache<'_>),
        statics: &StaticGeometry,
        grid: GridParams,
        step: &StepConstants,
    ) {
        let held = bodies.held();
        self.extend_reaches(&mut bodies.columns_mut().motion, step);
        let plan = self.candidates.plan(bodies, step.tile_size);
        let grid = GridParams {
            skin: plan.skin(),
            ..grid
        };
        self.fill_grids(bodies.columns(), plan, grid);
        self.find(bodies, statics, plan, grid, step);
        if let Plan::Build { skin } = plan {
            let found = self.found[..self.table.owned_chunks].iter();
            let lists = found.map(|found| &found.candidates[..]);
            self.candidates.rebuild(bodies, lists, skin, step.tile_size);
        }
        self.order_across(held);
        self.lay_out(bodies.columns());
        self.prepare(bodies.columns(), contacts, cached, before, step);
        self.list_sides(bodies.columns(), held, contacts);
        std::mem::swap(&mut bodies.columns_mut().cached, &mut self.next_ranges);
    }

    fn extend_reaches(&mut self, motion: &mut [Motion], step: &StepConstants) {
        motion.par_iter_mut().with_min_len(4096).for_each(|body| {
            let margin = margin(body, step).min(step.speculative_cap).min(room(body, step));
            body.set_reach(body.radius() + margin);
        });
        if self.grids.len() < self.table.chunks.len() {
            self.grids.resize_with(self.table.chunks.len(), Grids::default);
            self.found.resize_with(self.table.chunks.len(), Found::default);
        }
    }

    fn fill_grids(&mut self, columns: &Columns, plan: Plan, grid: GridParams) {
        let table = &self.table;
        self.grids.par_iter_mut().zip(&table.chunks).for_each(|(grids, chunk)| {
            if plan != Plan::Listed || table.is_near_ghosts(chunk) {
                grids.rebuild(chunk, table, columns, grid);
            }
        });
    }

    fn find(&mut self, bodies: &Bodies, statics: &StaticGeometry, plan: Plan, grid: GridParams, step: &StepConstants) {
        let (table, grids, candidates) = (&self.table, &self.grids, &self.candidates);
        let columns = bodies.columns();
        self.found
            .par_iter_mut()
            .zip(&table.chunks)
            .enumerate()
            .for_each(|(c, (found, chunk))| {
                let is_owned = c < table.owned_chunks;
                found.clear();
                match plan {
                    Plan::Search => found.search(chunk, table, grids, columns, grid, Search::Everything, step),
                    Plan::Build { .. } => {
                        found.search_and_list(chunk, table, grids, bodies, grid, step);
                    }
                    Plan::Listed => {
                        if is_owned {
                            let listed = candidates.of_bodies(bodies, chunk.bodies.clone());
                            listed.for_each(|(a, b)| found.consider_listed(a, b, columns, step));
                        }
                        if table.is_near_ghosts(chunk) {
                            found.search(chunk, table, grids, columns, grid, Search::Ghosts, step);
                        }
                    }
                }
                found.order(chunk);
                if is_owned {
                    found.find_statics(chunk, columns, statics, step);
                }
            });
    }

    /// Gathers the pairs between tiles, grouped by their first body, which is held and will be the contact's home.
    fn order_across(&mut self, held: usize) {
        let chunks = self.table.chunks.len();
        let found = self.found[..chunks].iter();
        let unordered: Vec<Pair> = found.flat_map(|found| found.across.iter().copied()).collect();
        self.pair_order.sort(&unordered, 0..held, &mut self.across_pairs);
    }

    /// Gives every portion its ranges of contacts.
    fn lay_out(&mut self, columns: &Columns) {
        self.portions.clear();
        let mut last = Portion::default();
        let owned = &self.table.chunks[..self.table.owned_chunks];
        for (chunk, found) in owned.iter().zip(&self.found) {
            let is_damped = |m: &Material| m.linear_damping > 0.0 || m.angular_damping > 0.0;
            let after = |range: &Range<usize>, len: usize| range.end..range.end + len;
            last = Portion {
                bodies: chunk.bodies.clone(),
                inside: after(&last.inside, found.inside_lanes.blocks),
                statics: after(&last.statics, found.static_lanes.blocks),
                inside_entries: after(&last.inside_entries, found.inside.len()),
                static_entries: after(&last.static_entries, found.statics.len()),
                sides: 0..0,
                damped: columns.material[chunk.bodies.clone()].iter().any(is_damped),
            };
            self.portions.push(last.clone());
        }
    }

    fn prepare(
        &mut self,
        columns: &Columns,
        contacts: &mut ContactSet,
        cached: &mut CacheSet,
        before: ContactCache<'_>,
        step: &StepConstants,
    ) {
        let end = self.portions.last().cloned().unwrap_or_default();
        contacts.inside.resize(end.inside.end, Block::EMPTY);
        contacts.statics.resize(end.statics.end, Block::EMPTY);
        cached.inside.resize(end.inside_entries.end, CacheEntry::default());
        cached.statics.resize(end.static_entries.end, CacheEntry::default());
        self.next_ranges.clear();
        self.next_ranges.resize(columns.id.len(), CachedRanges::default());

        let mut tasks = Vec::with_capacity(self.portions.len());
        let mut inside = (&mut contacts.inside[..], &mut cached.inside[..]);
        let mut statics = (&mut contacts.statics[..], &mut cached.statics[..]);
        let mut ranges = &mut self.next_ranges[..];
        for (portion, found) in self.portions.iter().zip(&self.found) {
            tasks.push((
                found,
                Target {
                    blocks: split_front(&mut inside.0, portion.inside.len()),
                    entries: split_front(&mut inside.1, portion.inside_entries.len()),
                    first_entry: portion.inside_entries.start,
                },
                Target {
                    blocks: split_front(&mut statics.0, portion.statics.len()),
                    entries: split_front(&mut statics.1, portion.static_entries.len()),
                    first_entry: portion.static_entries.start,
                },
                split_front(&mut ranges, portion.bodies.len()),
                portion.bodies.start,
            ));
        }
        tasks
            .into_par_iter()
            .with_max_len(1)
            .for_each(|(found, inside, statics, ranges, base)| {
                found.prepare_inside(inside, ranges, base, columns, before, step);
                found.prepare_statics(statics, ranges, base, columns, before);
            });
        self.prepare_across(columns, contacts, cached, before, step);
    }

    fn prepare_across(
        &mut self,
        columns: &Columns,
        contacts: &mut ContactSet,
        cached: &mut CacheSet,
        before: ContactCache<'_>,
        step: &StepConstants,
    ) {
        let pairs = &self.across_pairs;
        contacts.across.resize(pairs.len().div_ceil(LANES), Block::EMPTY);
        let blocks = contacts.across.par_iter_mut().with_min_len(MIN_BLOCKS).enumerate();
        blocks.for_each(|(b, block)| {
            *block = Block::EMPTY;
            for (lane, k) in (b * LANES..pairs.len().min((b + 1) * LANES)).enumerate() {
                block.set(lane, &warm_pair(columns, pairs[k], before, step), k as u32);
            }
        });
        cached.across.clear();
        for (k, &[home, other]) in pairs.iter().enumerate() {
            self.next_ranges[home as usize].across.extend(k);
            cached.across.push(CacheEntry {
                other: columns.id[other as usize].0,
                ..CacheEntry::default()
            });
        }
    }

    /// Lists the held bodies' sides of the contacts between tiles in the order in which they act.
    fn list_sides(&mut self, columns: &Columns, held: usize, contacts: &ContactSet) {
        self.side_keys.clear();
        for (block, lane) in contacts.across.iter().flat_map(Block::lanes) {
            let (low, high) = (block.low[lane], block.high[lane]);
            // The cache lists contacts between tiles in the order of their lanes.
            let lane = block.rank[lane] as usize;
            if (low as usize) < held {
                let key = columns.id[high as usize].0;
                self.side_keys.push((low, key, Side::of_low(low, lane)));
            }
            if (high as usize) < held {
                let key = columns.id[low as usize].0;
                self.side_keys.push((high, key, Side::of_high(high, lane)));
            }
        }
        self.side_keys.sort_unstable_by_key(|&(body, id, _)| (body, id));
        self.sides.clear();
        self.sides.extend(self.side_keys.iter().map(|&(_, _, side)| side));
        self.changes.clear();
        self.changes.resize(contacts.across.len(), Impulse::default());
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
    fn clear(&mut self) {
        self.unordered.clear();
        self.across.clear();
        self.candidates.clear();
        self.statics.clear();
    }

    /// Looks for pairs in the grids.
    fn search(
        &mut self,
        chunk: &Chunk,
        table: &TileTable,
        grids: &[Grids],
        columns: &Columns,
        grid: GridParams,
        search: Search,
        step: &StepConstants,
    ) {
        find_pairs(chunk, table, grids, columns, grid, search, |finder, other, vector| {
            self.consider(finder, other, vector, columns, step);
        });
    }

    /// Looks for pairs in the grids, and lists those that may become candidates in the next ticks.
    fn search_and_list(
        &mut self,
        chunk: &Chunk,
        table: &TileTable,
        grids: &[Grids],
        bodies: &Bodies,
        grid: GridParams,
        step: &StepConstants,
    ) {
        let columns = bodies.columns();
        let held = bodies.held() as u32;
        find_pairs(
            chunk,
            table,
            grids,
            columns,
            grid,
            Search::Everything,
            |finder, other, vector| {
                if finder < held && other < held {
                    self.candidates.push([finder, other]);
                }
                self.consider_near(finder, other, vector, columns, step);
            },
        );
    }

    /// Takes a listed pair if it is a candidate now and a contact.
    fn consider_listed(&mut self, a: u32, b: u32, columns: &Columns, step: &StepConstants) {
        let (from, to) = (&columns.place[a as usize], &columns.place[b as usize]);
        let vector = difference((from.tile, from.offset), (to.tile, to.offset), step.tile_size);
        self.consider_near(a, b, vector, columns, step);
    }

    /// Takes a pair at this vector from one to the other if it is a candidate and a contact.
    fn consider_near(&mut self, a: u32, b: u32, vector: Vec3, columns: &Columns, step: &StepConstants) {
        let reach = columns.motion[a as usize].reach() + columns.motion[b as usize].reach();
        if vector.length_squared() < reach * reach {
            self.consider(a, b, vector, columns, step);
        }
    }

    /// Takes a candidate pair at this vector from one to the other if it is a contact.
    fn consider(&mut self, a: u32, b: u32, vector: Vec3, columns: &Columns, step: &StepConstants) {
        if pair_matters(columns, a, b, vector, step) {
            let pair = [a.min(b), a.max(b)];
            if columns.place[a as usize].tile == columns.place[b as usize].tile {
                self.unordered.push(pair);
            } else {
                self.across.push(pair);
            }
        }
    }

    fn order(&mut self, chunk: &Chunk) {
        self.pair_order
            .sort(&self.unordered, chunk.bodies.clone(), &mut self.inside);
        self.inside_lanes.colour_pairs(&self.inside, chunk.bodies.clone());
    }

    fn find_statics(&mut self, chunk: &Chunk, columns: &Columns, statics: &StaticGeometry, step: &StepConstants) {
        for body in chunk.bodies.clone() {
            let motion = &columns.motion[body];
            let place = &columns.place[body];
            let reach = motion.radius() + margin(motion, step).min(step.tile_size);
            self.touches.clear();
            statics.contacts_of_sphere(place.tile, place.offset, motion.radius(), reach, &mut self.touches);
            let matters = |touch: &&StaticContact| static_matters(motion.velocity(), touch, step);
            let touches = self.touches.iter().filter(matters);
            self.statics.extend(touches.map(|&touch| (body as u32, touch)));
        }
        self.static_lanes.number(self.statics.iter().map(|&(body, _)| body));
    }

    fn prepare_inside(
        &self,
        target: Target<'_>,
        ranges: &mut [CachedRanges],
        base: usize,
        columns: &Columns,
        before: ContactCache<'_>,
        step: &StepConstants,
    ) {
        target.blocks.fill(Block::EMPTY);
        for (k, (&pair, entry)) in self.inside.iter().zip(target.entries).enumerate() {
            let contact = warm_pair(columns, pair, before, step);
            let rank = target.first_entry + k;
            let lane = self.inside_lanes.lanes[k] as usize;
            target.blocks[lane / LANES].set(lane % LANES, &contact, rank as u32);
            entry.other = columns.id[pair[1] as usize].0;
            ranges[pair[0] as usize - base].inside.extend(rank);
        }
    }

    fn prepare_statics(
        &self,
        target: Target<'_>,
        ranges: &mut [CachedRanges],
        base: usize,
        columns: &Columns,
        before: ContactCache<'_>,
    ) {
        target.blocks.fill(Block::EMPTY);
        for (k, ((body, touch), entry)) in self.statics.iter().zip(target.entries).enumerate() {
            let b = *body as usize;
            let impulses = before.fixed((columns.id[b], &columns.cached[b]), touch.key);
            let contact = static_contact(columns, *body, touch, impulses);
            let rank = target.first_entry + k;
            let lane = self.static_lanes.lanes[k] as usize;
            target.blocks[lane / LANES].set(lane % LANES, &contact, rank as u32);
            entry.other = touch.key | STATIC_BIT;
            ranges[b - base].statics.extend(rank);
        }
    }
}

/// Distance that a body may cover within the tick, falling freely, plus the slop, m.
fn margin(body: &Motion, step: &StepConstants) -> f32 {
    let t = step.tick_seconds;
    body.velocity().length() * t + (0.5 * step.gravity.length() * t * t + CONTACT_SLOP)
}

/// How far a body may reach beyond its radius so that its partners are in the tiles around its own, m.
fn room(body: &Motion, step: &StepConstants) -> f32 {
    (0.5 * step.tile_size - body.radius()).max(0.0)
}

/// The contact of a pair with the impulses of the last tick.
fn warm_pair(columns: &Columns, [a, b]: Pair, before: ContactCache<'_>, step: &StepConstants) -> Contact {
    let is_ordered = columns.id[a as usize] < columns.id[b as usize];
    let [low, high] = if is_ordered { [a, b] } else { [b, a] };
    let partner = |index: u32| (columns.id[index as usize], &columns.cached[index as usize]);
    pair_contact(columns, [low, high], before.pair(partner(low), partner(high)), step)
}

/// Takes the first `len` items off a slice.
pub(crate) fn split_front<'a, T>(slice: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (front, back) = std::mem::take(slice).split_at_mut(len);
    *slice = back;
    front
}

/// Sorts pairs by the first body, then the second: a counting sort by the first, then an insertion sort among the few pairs of each.
#[derive(Debug, Default)]
struct PairOrder {
    ends: Vec<u32>,
}

impl PairOrder {
    /// Writes the pairs to `out` in order; every first body is in `bodies`.
    fn sort(&mut self, pairs: &[Pair], bodies: Range<usize>, out: &mut Vec<Pair>) {
        out.clear();
        if pairs.len() < bodies.len() / 16 {
            out.extend_from_slice(pairs);
            out.sort_unstable();
            return;
        }
        self.ends.clear();
        self.ends.resize(bodies.len() + 1, 0);
        for pair in pairs {
            self.ends[pair[0] as usize - bodies.start + 1] += 1;
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += *end;
            *end = sum;
        }
        out.resize(pairs.len(), [0, 0]);
        // Each entry starts as the beginning of its body's group and ends as the end of it.
        for pair in pairs {
            let end = &mut self.ends[pair[0] as usize - bodies.start];
            out[*end as usize] = *pair;
            *end += 1;
        }
        for i in 1..out.len() {
            let pair = out[i];
            let mut j = i;
            while j > 0 && out[j - 1] > pair {
                out[j] = out[j - 1];
                j -= 1;
            }
            out[j] = pair;
        }
    }
}
