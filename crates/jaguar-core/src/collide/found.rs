//! What one chunk of tiles finds in a tick: the pairs and the touches of static geometry that become contacts.

use std::ops::Range;
use std::sync::Mutex;

use glam::Vec3;

use super::findings::{Findings, pair_of, statics_of};
use super::listed::{GoThrough, Spheres};
use super::pair_order::PairOrder;
use super::{Pair, margin, turning_margin};
use crate::body::BodyId;
use crate::broad_phase::{FindPairs, GridParams, Grids, Search};
use crate::candidates::{Candidates, Listing, Plan};
use crate::datum::Drift;
use crate::ends::{EndsList, KeptBlocks};
use crate::joint::list::Apart;
use crate::lanes::LaneOrder;
use crate::manifold::attitude::Attitude;
use crate::manifold::prepare::PairManifold;
use crate::narrow_phase::convex_pair::{PairTouch, StaticTouches, overlap, touch_of_pair, touch_statics};
use crate::narrow_phase::prepare::{Outlook, outlook, static_matters};
use crate::narrow_phase::static_geometry::{StaticContact, StaticGeometry};
use crate::narrow_phase::static_manifold::StaticManifold;
use crate::narrow_phase::surroundings::Surroundings;
use crate::parallel::*;
use crate::recycled::trim;
use crate::sleep::Sleep;
use crate::solver::StepConstants;
use crate::storage::{Bodies, Columns, Motion};
use crate::tile::difference;
use crate::tile_table::{Chunk, TileTable};

/// What all chunks look at.
pub(super) struct View<'a> {
    pub(super) bodies: &'a Bodies,
    pub(super) table: &'a TileTable,
    pub(super) grids: &'a [Grids<'a>],
    pub(super) grid: GridParams,
    pub(super) candidates: &'a Candidates,
    pub(super) sleep: &'a Sleep,
    pub(super) statics: &'a StaticGeometry,
    /// Whether any body bounces.
    pub(super) bounces: bool,
    pub(super) step: &'a StepConstants,
    /// Empty in a world of plain spheres.
    pub(super) attitudes: &'a [Attitude],
    /// Of the held bodies; empty likewise.
    pub(super) drifts: &'a [Drift],
    /// What was found in the last tick.
    pub(super) findings: &'a [Findings],
    /// See [`super::Collision::keeps_lanes`].
    pub(super) keeps_lanes: bool,
    /// Which bodies do not touch because they are joined.
    pub(super) apart: &'a Apart,
}

impl View<'_> {
    fn find_pairs(&self, chunk: &Chunk, search: Search, found: impl FnMut(u32, u32, Vec3)) {
        self.step.simd.run(FindPairs {
            chunk,
            table: self.table,
            grids: self.grids,
            ids: &self.bodies.columns().id,
            params: self.grid,
            search,
            sleep: self.sleep,
            found,
        });
    }
}

/// Pairs of which one is no ball that are looked at before their contacts are taken.
const PAIRS_AT_ONCE: usize = 512;

/// Pairs of them that one thread looks at in a row, at least.
const MIN_PAIRS: usize = 32;

/// A candidate pair of which one is no ball.
#[derive(Clone, Copy, Debug)]
struct ConvexPair {
    /// That of the lower id first.
    bodies: Pair,
    /// From the first to the second, m.
    between: Vec3,
    /// The one that found the other.
    finder: u32,
}

impl ConvexPair {
    /// The one that was found.
    fn partner(&self) -> u32 {
        let [low, high] = self.bodies;
        if low == self.finder { high } else { low }
    }
}

/// Bodies for each that touches something, at least, to treat these apart from the others.
const FEW_BUSY: usize = 2;

/// What one chunk finds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The contacts inside tiles, block by block.
    pub(crate) inside: EndsList,
    /// Those of their blocks that are as in the last tick, if that has a meaning: see [`super::Collision::keeps_lanes`].
    pub(super) kept: KeptBlocks,
    /// Number of the first block in the last tick.
    pub(super) first_block: usize,
    /// How many they are.
    pub(super) inside_count: usize,
    /// Pairs inside tiles that become contacts if a third body strikes one of them.
    pub(super) waiting: Vec<Pair>,
    /// The other pairs inside tiles, while some wait to join them.
    pub(super) touching: Vec<Pair>,
    pub(super) across: Vec<Pair>,
    /// Those of `across` that touch whatever others do, if any body bounces: else none waits for another to be struck.
    pub(super) touching_across: Vec<Pair>,
    /// Overlaps of a sensor and a body, in this order.
    pub(super) overlaps: Vec<Pair>,
    /// In storage order of the body, then by feature.
    pub(super) statics: Vec<(u32, StaticContact)>,
    pub(crate) static_lanes: LaneOrder,
    /// In storage order.
    pub(crate) manifolds: Vec<PairManifold>,
    pub(crate) manifold_lanes: LaneOrder,
    pub(crate) across_manifolds: Vec<PairManifold>,
    /// In storage order of the body, then by key.
    pub(crate) static_manifolds: Vec<(u32, StaticManifold)>,
    pub(crate) static_manifold_lanes: LaneOrder,
    pub(super) findings: Findings,
    /// The bodies that touch anything, ascending, if few do.
    pub(crate) busy: Vec<u32>,
}

/// What there is to find in one chunk.
pub(super) struct FindTask<'a> {
    pub(super) found: &'a mut Found,
    pub(super) chunk: &'a Chunk,
    pub(super) is_owned: bool,
    /// In a tick that makes a list of candidates, the chunk's part of it.
    pub(super) listing: Option<&'a mut Listing>,
}

/// The memory of the list of tasks, between ticks.
#[derive(Default)]
pub(super) struct FindTasks(pub(super) Vec<FindTask<'static>>);

impl std::fmt::Debug for FindTasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for {} tasks", self.0.capacity())
    }
}

/// What the search of one chunk needs besides, and the next one may write over: one for each thread is enough.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) unordered: Vec<Pair>,
    /// Whether each body is struck.
    pub(super) struck: Vec<bool>,
    pub(super) spheres: Spheres,
    /// Pairs that go to the list of candidates.
    listed: Vec<Pair>,
    pair_order: PairOrder,
    /// Pairs inside tiles in storage order.
    ordered: Vec<Pair>,
    lanes: LaneOrder,
    /// Contacts inside tiles, block by block.
    inside: EndsList,
    /// Colours of each body.
    taken: Vec<u64>,
    /// Candidates of which one is no ball.
    convex_pairs: Vec<ConvexPair>,
    /// What some of them are.
    touches_of_pairs: Vec<PairTouch>,
    /// Pairs with the places of their manifolds.
    manifold_places: Vec<(Pair, u32)>,
    manifolds: Vec<PairManifold>,
    static_touches: StaticTouches,
    touches: Vec<StaticContact>,
    surroundings: Surroundings,
}

impl Scratch {
    /// Brings manifolds into storage order. They are larger than what decides it by far.
    fn sort_manifolds(&mut self, manifolds: &mut [PairManifold]) {
        self.manifold_places.clear();
        let places = manifolds.iter().zip(0..).map(|(found, place)| (found.pair, place));
        self.manifold_places.extend(places);
        self.manifold_places.sort_unstable();
        self.manifolds.clear();
        let places = self.manifold_places.iter();
        self.manifolds
            .extend(places.map(|&(_, place)| manifolds[place as usize]));
        manifolds.copy_from_slice(&self.manifolds);
    }
}

/// The scratch memory that no thread has in use. Which of it a chunk gets is of no consequence.
#[derive(Debug, Default)]
pub(super) struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    /// Does what needs scratch memory.
    pub(super) fn lend(&self, work: impl FnOnce(&mut Scratch)) {
        let unused = || self.0.lock().expect("nothing panics while the list is locked");
        let mut scratch = unused().pop().unwrap_or_default();
        work(&mut scratch);
        unused().push(scratch);
    }
}

/// The search of one chunk.
pub(super) struct Finder<'a> {
    found: &'a mut Found,
    pub(super) scratch: &'a mut Scratch,
    pub(super) view: &'a View<'a>,
}

/// A pair with the body of the lower id first.
pub(super) fn by_id([a, b]: Pair, ids: &[BodyId]) -> Pair {
    if ids[a as usize] < ids[b as usize] {
        [a, b]
    } else {
        [b, a]
    }
}

/// A bound on how far the bodies of a tile look for static geometry, m: with one root for all of them.
fn farthest_static_reach(bodies: Range<usize>, view: &View<'_>) -> f32 {
    let mut farthest = Motion::default();
    let (mut linear, mut angular, mut radius) = (0.0_f32, 0.0_f32, 0.0_f32);
    for motion in &view.bodies.columns().motion[bodies] {
        linear = linear.max(motion.velocity().length_squared());
        angular = angular.max(motion.angular_velocity().length_squared());
        radius = radius.max(motion.radius());
    }
    farthest.set_velocity(Vec3::new(linear.sqrt(), 0.0, 0.0));
    farthest.set_angular_velocity(Vec3::new(angular.sqrt(), 0.0, 0.0));
    farthest.displacement.w = radius;
    // Room for rounding.
    1.0001 * (radius + (margin(&farthest, view.step) + turning_margin(&farthest, view.step)).min(view.step.tile_size))
}

/// How far from its centre a body looks for static geometry, m.
fn static_reach(body: usize, view: &View<'_>) -> f32 {
    let (motion, step) = (&view.bodies.columns().motion[body], view.step);
    let turns = !view.attitudes.is_empty() && !view.bodies.kind(body).is_ball;
    let turning = if turns { turning_margin(motion, step) } else { 0.0 };
    motion.radius() + (margin(motion, step) + turning).min(step.tile_size)
}

impl Found {
    /// Finds the contacts of the bodies of a chunk, as far as they are its to find. In a tick that makes a list of candidates, its part of it goes to `listing`.
    pub(super) fn find(
        &mut self,
        chunk: &Chunk,
        is_owned: bool,
        plan: Plan,
        listing: Option<&mut Listing>,
        (view, scratch): (&View<'_>, &ScratchPool),
    ) {
        self.clear();
        scratch.lend(|scratch| {
            let found = self;
            Finder { found, scratch, view }.find(chunk, is_owned, plan, listing);
        });
    }

    /// Gives back memory that an unusual tick took.
    pub(super) fn trim(&mut self) {
        self.inside.trim();
        trim(&mut self.waiting);
        trim(&mut self.touching);
        trim(&mut self.across);
        trim(&mut self.touching_across);
        trim(&mut self.overlaps);
        trim(&mut self.statics);
        trim(&mut self.busy);
        trim(&mut self.manifolds);
        trim(&mut self.across_manifolds);
        trim(&mut self.static_manifolds);
        self.findings.trim();
        let lanes = [
            &mut self.static_lanes,
            &mut self.manifold_lanes,
            &mut self.static_manifold_lanes,
        ];
        lanes.into_iter().for_each(|order| trim(&mut order.lanes));
    }

    /// Lists the bodies that touch anything if they are few, and says so. Some are between tiles.
    pub(crate) fn list_busy(&mut self, bodies: usize, across: impl ExactSizeIterator<Item = u32>) -> bool {
        self.busy.clear();
        let few = FEW_BUSY * (2 * self.inside_count + self.statics.len() + across.len()) <= bodies;
        if few {
            self.busy.extend(self.inside.lanes().flat_map(|(_, pair)| pair));
            self.busy.extend(self.statics.iter().map(|&(body, _)| body));
            self.busy.extend(across);
            self.busy.sort_unstable();
            self.busy.dedup();
        }
        few
    }

    /// Puts the pairs in the scratch memory in storage order, and gives them their lanes.
    pub(super) fn order_inside(&mut self, chunk: &Chunk, ids: &[BodyId], keeps_lanes: bool, scratch: &mut Scratch) {
        scratch
            .pair_order
            .sort(&scratch.unordered, chunk.bodies.clone(), &mut scratch.ordered);
        let pairs = scratch.ordered.iter().copied();
        scratch
            .lanes
            .colour_pairs(pairs, chunk.bodies.clone(), &mut scratch.taken);
        scratch.inside.reset(scratch.lanes.blocks, chunk.bodies.clone());
        self.inside_count = scratch.ordered.len();
        let lanes = scratch.ordered.iter().zip(&scratch.lanes.lanes);
        scratch.inside.set(lanes.map(|(&pair, &lane)| (lane, by_id(pair, ids))));
        self.inside.become_as(&scratch.inside, &mut self.kept);
        if !keeps_lanes {
            self.kept.clear();
        }
    }

    fn clear(&mut self) {
        self.touching.clear();
        self.waiting.clear();
        self.touching_across.clear();
        self.across.clear();
        self.overlaps.clear();
        self.statics.clear();
        self.manifolds.clear();
        self.across_manifolds.clear();
        self.static_manifolds.clear();
    }
}

impl Finder<'_> {
    fn find(&mut self, chunk: &Chunk, is_owned: bool, plan: Plan, listing: Option<&mut Listing>) {
        let view = self.view;
        self.scratch.unordered.clear();
        if let Some(listing) = listing {
            self.search_and_list(chunk, listing);
        } else if plan == Plan::Listed {
            if is_owned {
                view.step.simd.run(GoThrough { finder: self, chunk });
            }
            if view.table.is_near_ghosts(chunk) {
                self.search(chunk, Search::Ghosts);
            }
        } else {
            self.search(chunk, Search::Everything);
        }
        if !view.attitudes.is_empty() {
            self.found.findings.clear(chunk.bodies.len());
            self.touch_convex_pairs(chunk.bodies.start);
        }
        let Self { found, scratch, .. } = self;
        if found.waiting.is_empty() {
            found.order_inside(chunk, &view.bodies.columns().id, view.keeps_lanes, scratch);
        } else {
            // They are put in order when it is known which others join them.
            found.touching.extend_from_slice(&scratch.unordered);
        }
        scratch.sort_manifolds(&mut found.manifolds);
        let pairs = found.manifolds.iter().map(|found| found.pair);
        found
            .manifold_lanes
            .colour_pairs(pairs, chunk.bodies.clone(), &mut scratch.taken);
        if is_owned {
            self.find_statics(chunk);
        }
    }

    /// Looks for pairs in the grids.
    fn search(&mut self, chunk: &Chunk, search: Search) {
        let view = self.view;
        view.find_pairs(chunk, search, |a, b, vector| self.consider(a, b, vector));
    }

    /// Looks for pairs in the grids, and lists those that may become candidates in the next ticks.
    fn search_and_list(&mut self, chunk: &Chunk, listing: &mut Listing) {
        let view = self.view;
        let held = view.bodies.held() as u32;
        let mut pairs = std::mem::take(&mut self.scratch.listed);
        pairs.clear();
        view.find_pairs(chunk, Search::Everything, |a, b, vector| {
            if a < held && b < held {
                // Listed with the first of two in the chunk, so that the pairs of a tick come in storage order nearly always.
                let is_second = b < a && chunk.bodies.contains(&(b as usize));
                pairs.push(if is_second { [b, a] } else { [a, b] });
            }
            self.consider_near(a, b, vector);
        });
        let scratch = &mut *self.scratch;
        scratch
            .pair_order
            .sort(&pairs, chunk.bodies.clone(), &mut scratch.ordered);
        listing.fill(chunk.bodies.clone(), &scratch.ordered);
        self.scratch.listed = pairs;
    }

    /// Takes a listed pair if it is a candidate now and a contact.
    pub(super) fn consider_listed(&mut self, a: u32, b: u32) {
        let view = self.view;
        let columns = view.bodies.columns();
        let (from, to) = (&columns.place[a as usize], &columns.place[b as usize]);
        let vector = difference((from.tile, from.offset), (to.tile, to.offset), view.step.tile_size);
        self.consider_near(a, b, vector);
    }

    /// Takes a pair at this vector from one to the other if it is a candidate and a contact.
    fn consider_near(&mut self, a: u32, b: u32, vector: Vec3) {
        let view = self.view;
        let columns = view.bodies.columns();
        let reach = columns.motion[a as usize].reach() + columns.motion[b as usize].reach();
        if vector.length_squared() < reach * reach {
            self.consider(a, b, vector);
        }
    }

    /// Takes a candidate pair at this vector from one to the other if it is a contact.
    fn consider(&mut self, a: u32, b: u32, vector: Vec3) {
        let view = self.view;
        if !view.attitudes.is_empty() && !self.is_of_balls(a, b, vector) {
            return;
        }
        let columns = view.bodies.columns();
        let outlook = outlook(columns, view.bodies.kinds(), (a, b), vector, view.step);
        if outlook == Outlook::Apart {
            return;
        }
        let pair = [a.min(b), a.max(b)];
        if columns.place[a as usize].tile != columns.place[b as usize].tile {
            self.found.across.push(pair);
            if view.bounces && outlook == Outlook::Touch {
                self.found.touching_across.push(pair);
            }
        } else if outlook == Outlook::Touch {
            self.scratch.unordered.push(pair);
        } else {
            self.found.waiting.push(pair);
        }
    }

    /// Whether a pair is one of balls that may touch. A pair of others is taken here if it is a contact.
    fn is_of_balls(&mut self, a: u32, b: u32, vector: Vec3) -> bool {
        let view = self.view;
        let (kind_a, kind_b) = (view.bodies.kind(a as usize), view.bodies.kind(b as usize));
        if !kind_a.given.filter.admits(kind_b.given.filter) {
            return false;
        }
        let id = |body: u32| (body, view.bodies.columns().id[body as usize]);
        if view.apart.has(id(a), id(b)) {
            return false;
        }
        if kind_a.given.sensor || kind_b.given.sensor {
            self.sense(a, b, vector);
            return false;
        }
        if kind_a.is_ball && kind_b.is_ball {
            return true;
        }
        let columns = view.bodies.columns();
        let is_ordered = columns.id[a as usize] < columns.id[b as usize];
        let ([low, high], between) = if is_ordered {
            ([a, b], vector)
        } else {
            ([b, a], -vector)
        };
        let pair = ConvexPair {
            bodies: [low, high],
            between,
            finder: a,
        };
        self.scratch.convex_pairs.push(pair);
        false
    }

    /// Takes the pairs of which one is no ball that are contacts. They are most of the work where there are any, so other threads take a share: a heap may lie in a single tile.
    fn touch_convex_pairs(&mut self, first: usize) {
        let view = self.view;
        let Columns {
            place, id, findings, ..
        } = view.bodies.columns();
        let Self { found, scratch, .. } = self;
        for pairs in scratch.convex_pairs.chunks(PAIRS_AT_ONCE) {
            scratch.touches_of_pairs.clear();
            scratch.touches_of_pairs.resize(pairs.len(), PairTouch::default());
            let touches = scratch.touches_of_pairs.par_iter_mut().zip(pairs);
            touches.with_min_len(MIN_PAIRS).for_each(|(touch, pair)| {
                let [low, high] = pair.bodies.map(|body| body as usize);
                let is_inside = place[low].tile == place[high].tile;
                let drifts = is_inside.then(|| [&view.drifts[low], &view.drifts[high]]);
                let noted =
                    |body: u32, partner: u32| pair_of(view.findings, &findings[body as usize], id[partner as usize]);
                // In a tick that makes a list, it may be the other one that finds.
                let (finder, partner) = (pair.finder, pair.partner());
                let known = || noted(finder, partner).or_else(|| noted(partner, finder));
                let (bodies, attitudes) = (view.bodies, view.attitudes);
                *touch = touch_of_pair(bodies, attitudes, pair.bodies, pair.between, drifts, known, view.step);
            });
            for (touch, pair) in scratch.touches_of_pairs.iter().zip(pairs) {
                if let Some(manifold) = &touch.at_datums {
                    let partner = id[pair.partner() as usize];
                    let finder = pair.finder as usize - first;
                    found.findings.note_pair(finder, partner, manifold.as_ref());
                }
                let Some(manifold) = touch.manifold else { continue };
                let [low, high] = pair.bodies;
                let manifolds = if place[low as usize].tile == place[high as usize].tile {
                    &mut found.manifolds
                } else {
                    &mut found.across_manifolds
                };
                let pair = [low.min(high), low.max(high)];
                manifolds.push(PairManifold { pair, manifold });
            }
        }
        scratch.convex_pairs.clear();
    }

    /// Takes a pair if one is a sensor and the other is in it. Sensors do not see each other, nor static geometry, which is where it always was.
    fn sense(&mut self, a: u32, b: u32, vector: Vec3) {
        let view = self.view;
        let is_sensor = |body: u32| view.bodies.kind(body as usize).given.sensor;
        if is_sensor(a) != is_sensor(b) && overlap(view.bodies, view.attitudes, [a, b], vector, view.step.simd) {
            self.found.overlaps.push(if is_sensor(a) { [a, b] } else { [b, a] });
        }
    }

    fn find_statics(&mut self, chunk: &Chunk) {
        let view = self.view;
        let has_statics = !view.statics.shapes().is_empty();
        let is_awake = |t: &usize| has_statics && !view.sleep.is_dormant(*t);
        for t in chunk.tiles.clone().filter(is_awake) {
            let tile = &view.table.tiles[t];
            let farthest = farthest_static_reach(tile.bodies.clone(), view);
            self.scratch.surroundings.look(view.statics, tile.index, farthest);
            if self.scratch.surroundings.are_empty() {
                continue;
            }
            let first = chunk.bodies.start;
            for body in tile.bodies.clone() {
                let reach = static_reach(body, view);
                if self
                    .scratch
                    .surroundings
                    .are_near(view.bodies.columns().place[body].offset, reach)
                {
                    self.find_statics_of(body, reach, first);
                }
            }
        }
        self.found
            .static_lanes
            .number(self.found.statics.iter().map(|&(body, _)| body));
        let bodies = self.found.static_manifolds.iter().map(|&(body, _)| body);
        self.found.static_manifold_lanes.number(bodies);
    }

    fn find_statics_of(&mut self, body: usize, reach: f32, first: usize) {
        let view = self.view;
        let (columns, step) = (view.bodies.columns(), view.step);
        if !view.attitudes.is_empty() && !view.bodies.kind(body).is_ball {
            self.find_static_manifolds(body, first);
            return;
        }
        if !view.attitudes.is_empty() && view.bodies.kind(body).given.sensor {
            return;
        }
        let motion = &columns.motion[body];
        let place = &columns.place[body];
        self.scratch.touches.clear();
        let touches = &mut self.scratch.touches;
        view.statics
            .contacts_of_sphere(place.tile, place.offset, motion.radius(), reach, touches);
        let material = &view.bodies.kind(body).given.material;
        let flight = (motion.velocity(), reach - motion.radius());
        let matters = |touch: &&StaticContact| static_matters(flight, material, touch, step);
        let touches = self.scratch.touches.iter().filter(matters);
        self.found.statics.extend(touches.map(|&touch| (body as u32, touch)));
    }

    fn find_static_manifolds(&mut self, body: usize, first: usize) {
        let view = self.view;
        let kind = view.bodies.kind(body);
        if kind.given.sensor {
            return;
        }
        let touches = &mut self.scratch.static_touches;
        touch_statics(
            view.bodies,
            (view.attitudes, &view.drifts[body]),
            body,
            view.statics,
            || statics_of(view.findings, &view.bodies.columns().findings[body]),
            view.step,
            touches,
        );
        if touches.is_at_datum {
            self.found.findings.note_statics(body - first, &touches.at_datum);
        }
        let found = touches.now.iter().map(|&touch| (body as u32, touch));
        self.found.static_manifolds.extend(found);
    }
}
