//! The collision stages of a tick: reaches, grids, pairs, contacts, warm-start impulses. Stages get the columns they need; [`crate::step`] calls them in order.

use std::ops::Range;

use rayon::prelude::*;

use crate::body::Material;
use crate::broad_phase::{GridParams, Grids, find_pairs};
use crate::constants::CONTACT_SLOP;
use crate::contact::{CachedRanges, Contact, ContactCache, ContactSet, Span};
use crate::narrow_phase::prepare::{pair_contact, pair_matters, static_contact, static_matters};
use crate::narrow_phase::static_geometry::{StaticContact, StaticGeometry};
use crate::solver::across::Side;
use crate::solver::{Impulse, StepConstants};
use crate::storage::{Bodies, Columns, Motion};
use crate::tile_table::{Chunk, TileTable};

/// Two bodies by index, the smaller first; a held body comes before a ghost.
type Pair = [u32; 2];

/// Contacts that one thread prepares in a row.
const MIN_CONTACTS: usize = 512;

/// Buffers of the collision stages, kept from tick to tick so that a steady world allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Collision {
    pub(crate) table: TileTable,
    grids: Vec<Grids>,
    found: Vec<Found>,
    across_pairs: Vec<Pair>,
    pair_order: PairOrder,
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
#[derive(Clone, Debug)]
pub(crate) struct Portion {
    pub(crate) bodies: Range<usize>,
    pub(crate) inside: Range<usize>,
    pub(crate) statics: Range<usize>,
    pub(crate) sides: Range<usize>,
    /// Whether any of the bodies is damped.
    pub(crate) damped: bool,
}

/// What one chunk finds.
#[derive(Debug, Default)]
struct Found {
    unordered: Vec<Pair>,
    order: PairOrder,
    inside: Vec<Pair>,
    across: Vec<Pair>,
    statics: Vec<(u32, StaticContact)>,
    touches: Vec<StaticContact>,
}

impl Collision {
    /// Finds the contacts of the sorted bodies and prepares them in `contacts`; `cache` holds those of the last tick.
    pub(crate) fn run(
        &mut self,
        bodies: &mut Bodies,
        contacts: &mut ContactSet,
        cache: ContactCache<'_>,
        statics: &StaticGeometry,
        grid: GridParams,
        step: &StepConstants,
    ) {
        let held = bodies.held();
        self.build_grids(&mut bodies.columns_mut().motion, step);
        self.fill_grids(bodies.columns(), grid);
        self.find(bodies.columns(), statics, grid, step);
        self.order_across(held);
        self.lay_out(bodies.columns());
        self.prepare(bodies.columns(), contacts, cache, step);
        self.list_sides(bodies.columns(), held, contacts);
        std::mem::swap(&mut bodies.columns_mut().cached, &mut self.next_ranges);
    }

    fn build_grids(&mut self, motion: &mut [Motion], step: &StepConstants) {
        motion.par_iter_mut().with_min_len(4096).for_each(|body| {
            body.reach = body.radius + margin(body, step).min(step.speculative_cap).min(room(body, step));
        });
        if self.grids.len() < self.table.chunks.len() {
            self.grids.resize_with(self.table.chunks.len(), Grids::default);
            self.found.resize_with(self.table.chunks.len(), Found::default);
        }
    }

    fn fill_grids(&mut self, columns: &Columns, grid: GridParams) {
        let table = &self.table;
        self.grids
            .par_iter_mut()
            .zip(&table.chunks)
            .for_each(|(grids, chunk)| grids.rebuild(chunk, table, columns, grid));
    }

    fn find(&mut self, columns: &Columns, statics: &StaticGeometry, grid: GridParams, step: &StepConstants) {
        let (table, grids) = (&self.table, &self.grids);
        self.found
            .par_iter_mut()
            .zip(&table.chunks)
            .enumerate()
            .for_each(|(c, (found, chunk))| {
                found.find_pairs(chunk, table, grids, columns, grid, step);
                found.statics.clear();
                if c < table.owned_chunks {
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
        let (mut inside, mut statics) = (0, 0);
        let owned = &self.table.chunks[..self.table.owned_chunks];
        for (chunk, found) in owned.iter().zip(&self.found) {
            let is_damped = |m: &Material| m.linear_damping > 0.0 || m.angular_damping > 0.0;
            self.portions.push(Portion {
                bodies: chunk.bodies.clone(),
                inside: inside..inside + found.inside.len(),
                statics: statics..statics + found.statics.len(),
                sides: 0..0,
                damped: columns.material[chunk.bodies.clone()].iter().any(is_damped),
            });
            inside += found.inside.len();
            statics += found.statics.len();
        }
    }

    fn prepare(&mut self, columns: &Columns, contacts: &mut ContactSet, cache: ContactCache<'_>, step: &StepConstants) {
        let (inside, statics) = self.portions.last().map_or((0, 0), |p| (p.inside.end, p.statics.end));
        contacts.inside.resize(inside, Contact::NONE);
        contacts.statics.resize(statics, Contact::NONE);
        contacts.across.resize(self.across_pairs.len(), Contact::NONE);
        self.next_ranges.clear();
        self.next_ranges.resize(columns.id.len(), CachedRanges::default());

        let mut tasks = Vec::with_capacity(self.portions.len());
        let (mut inside, mut statics) = (&mut contacts.inside[..], &mut contacts.statics[..]);
        let mut ranges = &mut self.next_ranges[..];
        for (portion, found) in self.portions.iter().zip(&self.found) {
            tasks.push((
                portion,
                found,
                split_front(&mut inside, portion.inside.len()),
                split_front(&mut statics, portion.statics.len()),
                split_front(&mut ranges, portion.bodies.len()),
            ));
        }
        tasks
            .into_par_iter()
            .with_max_len(1)
            .for_each(|(portion, found, inside, statics, ranges)| {
                found.prepare_inside(portion, inside, ranges, columns, cache, step);
                found.prepare_statics(portion, statics, ranges, columns, cache, step);
            });
        let pairs = self.across_pairs.par_iter().with_min_len(MIN_CONTACTS);
        pairs.zip(&mut contacts.across).for_each(|(pair, contact)| {
            *contact = warm_pair(columns, *pair, cache, step);
        });
        for (k, pair) in self.across_pairs.iter().enumerate() {
            extend(&mut self.next_ranges[pair[0] as usize].across, k);
        }
    }

    /// Lists the held bodies' sides of the contacts between tiles in the order in which they act.
    fn list_sides(&mut self, columns: &Columns, held: usize, contacts: &ContactSet) {
        self.side_keys.clear();
        for (k, contact) in contacts.across.iter().enumerate() {
            let (low, high) = (contact.low, contact.high);
            if (low as usize) < held {
                let key = columns.id[high as usize].0;
                self.side_keys.push((low, key, Side::of_low(low, k as u32)));
            }
            if (high as usize) < held {
                let key = columns.id[low as usize].0;
                self.side_keys.push((high, key, Side::of_high(high, k as u32)));
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
    fn find_pairs(
        &mut self,
        chunk: &Chunk,
        table: &TileTable,
        grids: &[Grids],
        columns: &Columns,
        grid: GridParams,
        step: &StepConstants,
    ) {
        self.unordered.clear();
        self.across.clear();
        find_pairs(chunk, table, grids, columns, grid, |finder, other, vector| {
            if pair_matters(columns, finder, other, vector, step) {
                let pair = [finder.min(other), finder.max(other)];
                if columns.place[finder as usize].tile == columns.place[other as usize].tile {
                    self.unordered.push(pair);
                } else {
                    self.across.push(pair);
                }
            }
        });
        self.order.sort(&self.unordered, chunk.bodies.clone(), &mut self.inside);
    }

    fn find_statics(&mut self, chunk: &Chunk, columns: &Columns, statics: &StaticGeometry, step: &StepConstants) {
        for body in chunk.bodies.clone() {
            let motion = &columns.motion[body];
            let place = &columns.place[body];
            let reach = motion.radius + margin(motion, step).min(step.tile_size);
            self.touches.clear();
            statics.contacts_of_sphere(place.tile, place.offset, motion.radius, reach, &mut self.touches);
            let matters = |touch: &&StaticContact| static_matters(motion.velocity, touch, step);
            let touches = self.touches.iter().filter(matters);
            self.statics.extend(touches.map(|&touch| (body as u32, touch)));
        }
    }

    fn prepare_inside(
        &self,
        portion: &Portion,
        contacts: &mut [Contact],
        ranges: &mut [CachedRanges],
        columns: &Columns,
        cache: ContactCache<'_>,
        step: &StepConstants,
    ) {
        for (k, (pair, contact)) in self.inside.iter().zip(contacts).enumerate() {
            *contact = warm_pair(columns, *pair, cache, step);
            extend(
                &mut ranges[pair[0] as usize - portion.bodies.start].inside,
                portion.inside.start + k,
            );
        }
    }

    fn prepare_statics(
        &self,
        portion: &Portion,
        contacts: &mut [Contact],
        ranges: &mut [CachedRanges],
        columns: &Columns,
        cache: ContactCache<'_>,
        step: &StepConstants,
    ) {
        for (k, ((body, touch), contact)) in self.statics.iter().zip(contacts).enumerate() {
            let b = *body as usize;
            let impulses = cache.fixed((columns.id[b], &columns.cached[b]), touch.key);
            *contact = static_contact(columns, *body, touch, impulses);
            extend(&mut ranges[b - portion.bodies.start].statics, portion.statics.start + k);
        }
    }
}

/// Distance that a body may cover within the tick, falling freely, plus the slop, m.
fn margin(body: &Motion, step: &StepConstants) -> f32 {
    let t = step.tick_seconds;
    body.velocity.length() * t + (0.5 * step.gravity.length() * t * t + CONTACT_SLOP)
}

/// How far a body may reach beyond its radius so that its partners are in the tiles around its own, m.
fn room(body: &Motion, step: &StepConstants) -> f32 {
    (0.5 * step.tile_size - body.radius).max(0.0)
}

/// The contact of a pair with the impulses of the last tick.
fn warm_pair(columns: &Columns, [home, other]: Pair, cache: ContactCache<'_>, step: &StepConstants) -> Contact {
    let (id_home, id_other) = (columns.id[home as usize], columns.id[other as usize]);
    let [low, high] = if id_home < id_other {
        [home, other]
    } else {
        [other, home]
    };
    let partner = |index: u32| (columns.id[index as usize], &columns.cached[index as usize]);
    let cached = cache.pair(partner(low), partner(high));
    pair_contact(columns, [low, high], home, cached, step)
}

/// Adds contact `k` to the contacts of a home, which follow each other.
fn extend(span: &mut Span, k: usize) {
    if span.len == 0 {
        span.start = k as u32;
    }
    span.len += 1;
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
