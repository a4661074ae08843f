//! The collision stages of a tick: reaches, grids, pairs, contacts, warm-start impulses. Stages get the columns they need; [`crate::step`] calls them in order.

mod across;
pub(crate) mod findings;
pub(crate) mod found;
mod listed;
mod pair_order;
mod prepare;
mod store;
mod struck;

use self::across::Across;
use self::findings::Findings;
use self::found::{FindTask, FindTasks, Found, ScratchPool, View};
use self::prepare::{Makings, Tasks};
pub(crate) use self::prepare::{Portion, split_front};
use self::store::Stores;
use crate::broad_phase::{GridParams, GridRoom, Grids, Search};
use crate::cache::{CacheSet, CachedRanges, ContactCache, Lane};
use crate::candidates::{Candidates, Plan};
use crate::constants::CONTACT_SLOP;
use crate::contact::{ContactSet, NO_BODY, STATIC_BIT};
use crate::datum::{Drift, renew};
use crate::halo::CachedContact;
use crate::joint::list::{Apart, Joints};
use crate::manifold::Manifolds;
use crate::manifold::attitude::Attitude;
use crate::narrow_phase::static_geometry::StaticGeometry;
use crate::parallel::*;
use crate::recycled::{make_room, recycled, trim};
use crate::simd::{F32x8, QUAD_NUMBERS, Quad, Vec3x8};
use crate::sleep::{Before, Sleep};
use crate::solver::StepConstants;
use crate::storage::{Bodies, Columns, Motion};
use crate::tile::farthest_reach;
use crate::tile_table::TileTable;

/// Two bodies by index, the smaller first; a held body comes before a ghost.
type Pair = [u32; 2];

/// A contact of the tick.
pub(crate) struct Located<'a> {
    pub(crate) geometry: &'a Quad,
    pub(crate) impulses: &'a Quad,
    /// 0 inside a tile, 1 with static geometry, 2 between tiles.
    pub(crate) class: usize,
    /// The block's number in its class.
    pub(crate) number: usize,
    pub(crate) lane: usize,
    /// The body of the lower id, or the only one, by index, and the other one.
    pub(crate) pair: Pair,
    /// What the other one is if it has no index now: the id of a ghost, or [`STATIC_BIT`] and the key of a feature.
    pub(crate) other: u64,
}

/// Bodies that one thread goes through in a row.
const BODIES_AT_ONCE: usize = 2048;

/// Numbers for each body that the grids are filled with, about: five and its share of the cells.
const GRID_NUMBERS: usize = 6;

/// Every so often what unusual ticks took is given back: seldom, so that what swings does not ask again and again.
const TRIM_TICKS: u32 = 128;

/// Buffers of the collision stages, kept from tick to tick so that a steady world allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Collision {
    pub(crate) table: TileTable,
    pub(crate) sleep: Sleep,
    grids: GridRoom,
    /// What the grids are filled with while pairs are looked for, if the contacts have not enough memory to lend.
    grid_memory: Vec<Quad>,
    /// One for each chunk; what the chunks of owned tiles found decides the lanes of the portions' contacts.
    pub(crate) found: Vec<Found>,
    /// What each chunk of the last tick found of its bodies at their datums.
    findings: Vec<Findings>,
    drifts: Vec<Drift>,
    scratch: ScratchPool,
    pub(crate) across: Across,
    /// Bodies that touch one in another tile, ascending.
    struck_across: Vec<u32>,
    candidates: Candidates,
    find_tasks: FindTasks,
    tasks: Tasks,
    stores: Stores,
    /// What sleeping bodies keep inside their tiles and with static geometry.
    kept: CacheSet,
    /// Where in `kept` that is; empty if nothing sleeps.
    kept_ranges: Vec<CachedRanges>,
    /// One for each chunk of owned tiles.
    pub(crate) portions: Vec<Portion>,
    /// Whether the impulses of the last tick lie in the lanes that `found` tells, for bodies in the places that they have: none has come, gone or left its tile, and none sleeps or slept. Then blocks of
    /// the same contacts go on as they are.
    keeps_lanes: bool,
    /// Ticks since memory was given back.
    untrimmed: u32,
}

impl Collision {
    /// Finds the contacts of the sorted bodies and prepares them in `contacts`. Of the impulses of the last tick, in `cached` and `extra`, those that go on take their place.
    pub(crate) fn run(
        &mut self,
        bodies: &mut Bodies,
        (contacts, manifolds): (&mut ContactSet, &mut Manifolds),
        (cached, extra): (&mut CacheSet, &[CachedContact]),
        (statics, joints): (&StaticGeometry, &Joints),
        cell_size: f32,
        (may_sleep, are_in_place, step): (bool, bool, &StepConstants),
    ) {
        let held = bodies.held();
        let before = ContactCache { set: cached, extra };
        let mixed = manifolds.begin_tick(bodies, !joints.is_empty());
        if mixed {
            renew(bodies, &self.table, step, &mut self.drifts);
        } else {
            self.findings.clear();
        }
        self.extend_reaches(bodies, mixed, step);
        self.sleep.clear();
        if may_sleep {
            let own = Before::of(before, &bodies.columns().cached);
            self.sleep.find_lost(bodies, own, step.tile_size);
            let own = Before::of(manifolds.cache(), &bodies.columns().cached_manifolds);
            self.sleep.find_lost(bodies, own, step.tile_size);
            self.sleep
                .decide(bodies, (&self.table, joints.ends()), &step.rest, step.tile_size);
        }
        self.keeps_lanes &= are_in_place && self.sleep.ranges.is_empty();
        let sizes = (step.tile_size, step.tick_seconds);
        let plan = self.candidates.plan(bodies, (&self.table, &self.sleep), sizes);
        if matches!(plan, Plan::Build { .. }) {
            bodies.renumber();
        }
        let grid = GridParams::new(
            step.tile_size,
            cell_size,
            plan.skin(),
            mean_reach(&bodies.columns().motion),
        );
        let (mut room, mut own) = (std::mem::take(&mut self.grids), std::mem::take(&mut self.grid_memory));
        // The geometry of the last tick is of no use any more, and there is as much of it as of the impulses.
        let lends = cached.inside.memory.len() * QUAD_NUMBERS >= GRID_NUMBERS * held;
        let memory = if lends { &mut contacts.inside } else { &mut own };
        let search = if plan == Plan::Listed {
            Search::Ghosts
        } else {
            Search::Everything
        };
        let (grids, grid) = room.fill(memory, (&self.table, bodies.columns()), search, grid);
        self.find(
            bodies,
            statics,
            (&manifolds.attitudes, &joints.apart),
            plan,
            (&grids, grid),
            step,
        );
        let grids = recycled(grids);
        room.keep(grids);
        if mixed {
            self.note_findings(bodies.columns_mut());
        }
        (self.grids, self.grid_memory) = (room, own);
        self.take_struck(&bodies.columns().id);
        self.lay_out(bodies, mixed);
        let own = Before::of(before, &bodies.columns().cached);
        let sleepers = if self.sleep.ranges.is_empty() {
            0
        } else {
            own.ranges.len()
        };
        self.kept.clear();
        self.kept_ranges.clear();
        self.kept_ranges.resize(sleepers, CachedRanges::default());
        self.sleep.keep(bodies, own, &mut self.kept, &mut self.kept_ranges);
        let makings = Makings {
            columns: bodies.columns(),
            kinds: bodies.kinds(),
            step,
        };
        self.prepare(makings, held, contacts, (cached, extra));
        self.keeps_lanes = self.sleep.ranges.is_empty();
        if mixed {
            let chunks = self.table.chunks.len();
            let owned = &self.table.chunks[..self.table.owned_chunks];
            let found = (&self.found[..chunks], &self.sleep);
            manifolds.prepare(bodies, found, owned, step.tile_size, step.simd);
        } else {
            manifolds.forget();
        }
    }

    /// Notes where the findings of each body are.
    fn note_findings(&mut self, columns: &mut Columns) {
        for (c, chunk) in self.table.chunks[..self.table.owned_chunks].iter().enumerate() {
            let own = &mut columns.findings[chunk.bodies.clone()];
            own.iter_mut()
                .zip(self.found[c].findings.places(c))
                .for_each(|(to, place)| *to = place);
        }
    }

    /// Gives back memory that unusual ticks took, now and then.
    pub(crate) fn trim(&mut self, cached: &mut CacheSet) {
        self.untrimmed += 1;
        if self.untrimmed < TRIM_TICKS {
            return;
        }
        self.untrimmed = 0;
        let (used, unused) = self.found.split_at_mut(self.table.chunks.len());
        used.iter_mut().for_each(Found::trim);
        unused.fill_with(Found::default);
        self.findings.iter_mut().for_each(Findings::trim);
        cached.trim();
        self.across.trim();
        trim(&mut self.struck_across);
        if self.grid_memory.is_empty() {
            // It was not used since the last time.
            self.grid_memory = Vec::new();
        }
        self.grid_memory.clear();
    }

    /// Notes how far any body moved against the common motion in this tick, m.
    pub(crate) fn note_motion(&mut self, farthest: f32, tile_size: f32) {
        self.candidates.wear(farthest, tile_size);
    }

    /// The bodies of the contacts inside tiles.
    pub(crate) fn pairs_inside(&self) -> impl Iterator<Item = Pair> + '_ {
        let found = self.portions.iter().zip(&self.found).map(|(_, found)| found);
        found.flat_map(|found| found.inside.lanes().map(|(_, pair)| pair))
    }

    /// The contacts of the tick. None when bodies were removed since.
    pub(crate) fn contacts<'a>(
        &'a self,
        contacts: &'a ContactSet,
        cached: &'a CacheSet,
    ) -> impl Iterator<Item = Located<'a>> {
        let portions = self.portions.iter().zip(&self.found);
        let block = |class: usize, number: usize| {
            let (geometry, list) = match class {
                0 => (&contacts.inside, &cached.inside),
                1 => (&contacts.statics, &cached.statics),
                _ => (&contacts.across, &cached.across),
            };
            Some((geometry.get(number)?, list.memory.get(number)?))
        };
        let located = move |class: usize, (number, lane): (usize, usize), pair: Pair, other: u64| {
            let (geometry, impulses) = block(class, number)?;
            Some(Located {
                geometry,
                impulses,
                class,
                number,
                lane,
                pair,
                other,
            })
        };
        let inside = portions.clone().flat_map(move |(portion, found)| {
            found.inside.lanes().filter_map(move |(lane, pair)| {
                let (block, lane) = Lane::new(lane).place();
                located(0, (portion.inside.start + block, lane), pair, 0)
            })
        });
        let statics = portions.flat_map(move |(portion, found)| {
            let touches = found.statics.iter().zip(&found.static_lanes.lanes);
            touches.filter_map(move |(&(body, touch), &lane)| {
                let (block, lane) = Lane::new(lane as usize).place();
                let place = (portion.statics.start + block, lane);
                located(1, place, [body, NO_BODY], touch.key | STATIC_BIT)
            })
        });
        let blocks = contacts.across_ends.iter().enumerate();
        let lanes = blocks.flat_map(|(number, ends)| {
            let lanes = ends.lanes();
            lanes.map(move |(lane, pair)| ((number, lane), pair))
        });
        let across = lanes.zip(&cached.across.entries);
        let across = across.filter_map(move |((place, pair), entry)| located(2, place, pair, entry.other()));
        inside.chain(statics).chain(across)
    }

    /// What overlaps a sensor in this tick: the indices of sensor and body. In no particular order, and of ghosts' sensors too.
    pub(crate) fn overlaps(&self) -> impl Iterator<Item = Pair> + '_ {
        let found = self.found[..self.table.chunks.len()].iter();
        found.flat_map(|found| found.overlaps.iter().copied())
    }

    /// Computes the reaches of ghosts, and of held bodies if they changed since the end of the last tick, which computed them.
    fn extend_reaches(&mut self, bodies: &mut Bodies, mixed: bool, step: &StepConstants) {
        let held = bodies.held();
        let from = if std::mem::take(&mut bodies.stale.reaches) {
            0
        } else {
            held
        };
        let (Columns { motion, kind, .. }, kinds) = bodies.columns_and_kinds();
        // The reach of a body must not depend on what others there are here: other pods have other company.
        let reach = |i: usize, body: &Motion| reach_of(body, mixed && !kinds.get(kind[i]).is_ball, step);
        debug_assert!(
            (0..from).all(|i| motion[i].reach() == reach(i, &motion[i])),
            "a body changed unnoticed"
        );
        let chunks = motion[from..].par_chunks_mut(BODIES_AT_ONCE).enumerate();
        let growth = chunks.map(|(c, motion)| {
            let mut most = 0.0_f32;
            for (i, body) in motion.iter_mut().enumerate() {
                let reach = reach(from + c * BODIES_AT_ONCE + i, body);
                most = most.max(reach - body.reach());
                body.set_reach(reach);
            }
            most
        });
        let growth = growth.reduce_with(f32::max).unwrap_or(0.0);
        if from < held {
            self.candidates.wear(growth, step.tile_size);
        }
        if self.found.len() < self.table.chunks.len() {
            self.found.resize_with(self.table.chunks.len(), Found::default);
        }
    }

    fn find(
        &mut self,
        bodies: &Bodies,
        statics: &StaticGeometry,
        (attitudes, apart): (&[Attitude], &Apart),
        plan: Plan,
        (grids, grid): (&[Grids<'_>], GridParams),
        step: &StepConstants,
    ) {
        let table = &self.table;
        let mut listings = match plan {
            Plan::Build { .. } => self.candidates.take_listings(table.chunks.len()),
            Plan::Search | Plan::Listed => Vec::new(),
        };
        if !attitudes.is_empty() {
            // What was found in the last tick is asked, what is found in this one written.
            self.findings.resize_with(self.found.len(), Findings::default);
            let found = self.found.iter_mut().map(|found| &mut found.findings);
            found
                .zip(&mut self.findings)
                .for_each(|(now, before)| std::mem::swap(now, before));
        }
        let view = View {
            bodies,
            table,
            grids,
            grid,
            candidates: &self.candidates,
            sleep: &self.sleep,
            statics,
            bounces: bodies.kinds().bounce(),
            step,
            attitudes,
            drifts: &self.drifts,
            findings: &self.findings,
            keeps_lanes: self.keeps_lanes,
            apart,
        };
        let mut tasks: Vec<FindTask<'_>> = recycled(std::mem::take(&mut self.find_tasks.0));
        make_room(&mut tasks, table.chunks.len());
        let mut listings_left = listings.iter_mut();
        tasks.extend(
            self.found
                .iter_mut()
                .zip(&table.chunks)
                .enumerate()
                .map(|(c, (found, chunk))| FindTask {
                    found,
                    chunk,
                    is_owned: c < table.owned_chunks,
                    listing: listings_left.next(),
                }),
        );
        let means = (&view, &self.scratch);
        costliest_first(
            &mut tasks,
            |task| task.chunk.bodies.len(),
            |task| {
                task.found
                    .find(task.chunk, task.is_owned, plan, task.listing.as_deref_mut(), means);
            },
        );
        self.find_tasks.0 = recycled(tasks);
        if let Plan::Build { skin } = plan {
            let unlisted = self.sleep.dormant(table).map(|tile| tile.index);
            self.candidates
                .rebuild(bodies, (listings, unlisted), skin, step.tile_size);
        }
    }
}

/// How far bodies reach on average, judged by a sample, m. What it decides must change no result.
fn mean_reach(motion: &[Motion]) -> f32 {
    let sample = || motion.iter().step_by(motion.len() / 256 + 1);
    sample().map(Motion::reach).sum::<f32>() / sample().count().max(1) as f32
}

/// How far from its centre a body may touch others in a tick, m. `turns` says whether its surface moves when it turns.
pub(crate) fn reach_of(body: &Motion, turns: bool, step: &StepConstants) -> f32 {
    let turning = if turns { turning_margin(body, step) } else { 0.0 };
    let margin = smaller(margin(body, step) + turning, step.speculative_cap);
    body.radius() + smaller(margin, room(body, step))
}

/// [`reach_of`] of eight bodies whose surfaces do not move when they turn.
#[inline(always)]
pub(crate) fn reaches_of<F: F32x8>(velocity: Vec3x8<F>, radius: F, step: &StepConstants) -> F {
    let t = step.tick_seconds;
    let fall = F::splat(fall_of(step) + CONTACT_SLOP);
    let margin = velocity.dot(velocity).sqrt() * F::splat(t) + fall;
    let room = (F::splat(farthest_reach(step.tile_size)) - radius).not_negative();
    radius + smaller_of(smaller_of(margin, F::splat(step.speculative_cap)), room)
}

/// The smaller of two numbers in every lane.
#[inline(always)]
pub(crate) fn smaller_of<F: F32x8>(a: F, b: F) -> F {
    F::select(a.lt(b), a, b)
}

/// The smaller of two numbers, with fewer instructions than [`f32::min`], which minds what is none.
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// Distance that a body may cover within the tick, falling freely, plus the slop, m.
pub(crate) fn margin(body: &Motion, step: &StepConstants) -> f32 {
    body.velocity().length() * step.tick_seconds + (fall_of(step) + CONTACT_SLOP)
}

/// How far a body falls freely within a tick from rest, m.
pub(crate) fn fall_of(step: &StepConstants) -> f32 {
    0.5 * step.gravity.length() * step.tick_seconds * step.tick_seconds
}

/// Distance that a body's surface may cover within the tick by turning, m; of no account for a sphere, but a bound for all.
pub(crate) fn turning_margin(body: &Motion, step: &StepConstants) -> f32 {
    body.angular_velocity().length() * body.radius() * step.tick_seconds
}

/// How far a body may reach beyond its radius so that its partners are in the tiles around its own, m.
fn room(body: &Motion, step: &StepConstants) -> f32 {
    (farthest_reach(step.tile_size) - body.radius()).max(0.0)
}
