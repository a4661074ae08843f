//! Sleep: a tile whose bodies have all come to rest, and are not touched by what has not, is *dormant*, and its bodies do nothing.
//!
//! Whether a tile is dormant is decided anew in every tick, from the state at its start: every body of the tile has been at rest for [`WorldParams::sleep_ticks`], and no body of another tile
//! that has not is a candidate of one of them. A pod that owns the tile knows all that (ghosts bring their `rest`), so all pods of a world decide the same; and a body that comes, is pushed or
//! draws near wakes the tile in the same tick. Rest is counted body by body: waking a tile resets no counts, so what was not moved by it sleeps again as soon as the disturbance is over.
//!
//! In a dormant tile velocities are zero, nothing acts, and contacts inside the tile and with static geometry are neither looked for nor solved: their cached impulses stay, and stay part of the
//! state. Contacts with other tiles are found as ever, because the other side does not know whether this one sleeps; what it needs to know to solve them travels with the velocities
//! ([`crate::BoundaryVelocity`]). If both sides sleep, a contact is not solved and keeps its impulses.
//!
//! Two rules see to it that nothing sleeps on what is gone:
//!
//! 1. A contact that pushed and whose partner is gone or no longer a candidate *rouses* its body: the body counts from the beginning, and its tile is awake in this tick. A rousing shows only to the
//!    body's own tile, as its `rest` in the next tick to others: pods that hold others may not know yet.
//! 2. A body that changes its tile counts from the beginning, and so do those that it touched in the tile that it left. So the contacts that a dormant tile keeps are of bodies that it has.
//!
//! Joints follow the rules of contacts: a partner in another tile that has not rested wakes a tile however far it is, joints inside dormant tiles are not solved, a joint that breaks rouses. What a
//! motor drives does not rest.
//!
//! [`WorldParams::sleep_ticks`]: crate::WorldParams::sleep_ticks

use std::ops::Range;

use glam::Vec3;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::body::BodyId;
use crate::cache::{CacheSet, CachedRanges, ContactCache, Kept, Run};
use crate::config::WorldParams;
use crate::contact::{NO_BODY, STATIC_BIT};
use crate::ends::Ends;
use crate::event::Event;
use crate::force::Forces;
use crate::joint::Joint;
use crate::kinds::Kind;
use crate::manifold::block::ManifoldBlock;
use crate::parallel::*;
use crate::simd::LANES;
use crate::storage::{Bodies, Columns, Motion};
use crate::tile::difference;
use crate::tile_table::{NO_TILE, Tile, TileTable};
use crate::world::World;

/// In a body's `rest`: the ticks that it has been at rest, at most those that are asked for.
const COUNT: u16 = 0x3fff;

/// In a body's `rest`: what it touched is gone, so its count is void. Others do not see it.
const ROUSED: u16 = 0x4000;

/// In a body's `rest`: its tile was dormant in the last tick. It decides nothing but events.
const ASLEEP: u16 = 0x8000;

/// Room for rounding in a test that only spares a more precise one, relative.
const NEAR_MARGIN: f32 = 1.001;

/// When a body counts as resting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RestLimits {
    /// Ticks that it must rest before it sleeps; 0 if nothing ever does.
    pub(crate) ticks: u16,
    /// (m/s)².
    speed_squared: f32,
    /// (rad/s)².
    angular_speed_squared: f32,
}

impl RestLimits {
    pub(crate) fn new(params: &WorldParams) -> Self {
        Self {
            // Within the count's range by `WorldParams::validate`.
            ticks: params.sleep_ticks as u16,
            speed_squared: params.sleep_speed * params.sleep_speed,
            angular_speed_squared: params.sleep_angular_speed * params.sleep_angular_speed,
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.ticks > 0
    }

    fn is_rested(&self, rest: u16) -> bool {
        rest & COUNT >= self.ticks
    }

    /// The `rest` of a body in a dormant tile.
    pub(crate) fn asleep(&self) -> u16 {
        ASLEEP | self.ticks
    }

    /// The `rest` of a body after a tick that it was awake in.
    pub(crate) fn after_tick(&self, rest: u16, is_still: bool) -> u16 {
        let counted = if rest & ROUSED == 0 { rest & COUNT } else { 0 };
        if is_still { (counted + 1).min(self.ticks) } else { 0 }
    }

    /// Whether a body was still in a tick. What nothing brings to rest drifts on for ever, however slow it is.
    pub(crate) fn is_still(&self, motion: &Motion, thrust: Vec3, settles: bool) -> bool {
        let speeds = (
            motion.velocity().length_squared(),
            motion.angular_velocity().length_squared(),
        );
        let limits = if settles {
            (self.speed_squared, self.angular_speed_squared)
        } else {
            (0.0, 0.0)
        };
        speeds.0 <= limits.0 && speeds.1 <= limits.1 && thrust == Vec3::ZERO
    }
}

/// Whether anything but contacts acts on bodies of a kind, so that being slow means being held.
pub(crate) fn settles(forces: &Forces, kind: &Kind, gravity: Vec3) -> bool {
    !kind.given.sensor
        && (kind.is_damped || forces.act_on(&kind.given) || gravity * forces.gravity_on(&kind.given) != Vec3::ZERO)
}

/// Marks a body that counts from the beginning without showing it to other tiles yet.
pub(crate) fn rouse(rest: &mut u16) {
    *rest |= ROUSED;
}

/// What sleeps in this tick. All lists are empty if nothing does.
#[derive(Debug, Default)]
pub(crate) struct Sleep {
    /// Whether each tile of the table is dormant; of ghosts' tiles nothing is known here.
    pub(crate) tiles: Vec<bool>,
    /// Whether each body is in a dormant tile; of ghosts it is known from the first substep's velocities on.
    pub(crate) bodies: Vec<bool>,
    /// The bodies of each dormant tile; ascending.
    pub(crate) ranges: Vec<Range<usize>>,
    /// The lanes of each block of contacts between tiles whose both bodies sleep, as bits. Known from the first substep on.
    pub(crate) across: Vec<u8>,
    /// The same of manifolds.
    pub(crate) across_manifolds: Vec<u8>,
    /// [`Bodies::generation`] of a world that a whole tick left as it was: the next one will too, as long as nothing is done to it.
    still: Option<u64>,
    /// Whether this tick is such a one.
    pub(crate) is_skipped: bool,
    /// Whether all bodies had slept in the tick before.
    began_asleep: bool,
    rests: Vec<TileRest>,
    /// Bodies that rule 1 rouses.
    roused: Vec<u32>,
    /// Where ghosts are; never iterated.
    ghosts: FxHashMap<BodyId, u32>,
}

/// How the bodies of a tile rest.
#[derive(Clone, Copy, Debug, Default)]
struct TileRest {
    /// Whether all have rested long enough and none is roused.
    is_quiet: bool,
    /// Whether all have rested long enough as others see them.
    seems_quiet: bool,
}

/// The cached contacts of the last tick, with the ranges of each body.
#[derive(Clone, Copy)]
pub(crate) struct Before<'a, K: Kept> {
    pub(crate) cache: ContactCache<'a, K>,
    /// Empty if there are none.
    pub(crate) ranges: &'a [CachedRanges],
}

impl<'a, K: Kept> Before<'a, K> {
    pub(crate) fn of(cache: ContactCache<'a, K>, ranges: &'a [CachedRanges]) -> Self {
        Self { cache, ranges }
    }
}

impl Sleep {
    /// Whether a tile of the table is dormant.
    pub(crate) fn is_dormant(&self, tile: usize) -> bool {
        self.tiles.get(tile).copied().unwrap_or(false)
    }

    /// Whether a body is known to sleep.
    pub(crate) fn is_asleep(&self, body: u32) -> bool {
        self.bodies.get(body as usize).copied().unwrap_or(false)
    }

    /// Notes what a ghost's owner says.
    pub(crate) fn note_ghost(&mut self, body: u32, is_asleep: bool) {
        if let Some(known) = self.bodies.get_mut(body as usize) {
            *known = is_asleep;
        }
    }

    /// The dormant tiles.
    pub(crate) fn dormant<'a>(&'a self, table: &'a TileTable) -> impl Iterator<Item = &'a Tile> + Clone {
        let tiles = table.tiles.iter().zip(&self.tiles);
        tiles.filter(|&(_, &is_dormant)| is_dormant).map(|(tile, _)| tile)
    }

    /// Number of bodies in them.
    pub(crate) fn dormant_bodies(&self) -> usize {
        self.ranges.iter().map(Range::len).sum()
    }

    /// The sleeping bodies of a chunk, tile by tile.
    pub(crate) fn within(&self, bodies: &Range<usize>) -> &[Range<usize>] {
        let begin = self.ranges.partition_point(|range| range.end <= bodies.start);
        let len = self.ranges[begin..].partition_point(|range| range.start < bodies.end);
        &self.ranges[begin..begin + len]
    }

    /// Nothing sleeps.
    pub(crate) fn clear(&mut self) {
        self.tiles.clear();
        self.bodies.clear();
        self.ranges.clear();
        self.across.clear();
        self.across_manifolds.clear();
    }

    /// Finds the bodies whose contacts are gone; [`Sleep::decide`] rouses them.
    pub(crate) fn find_lost<K: Kept>(&mut self, bodies: &Bodies, before: Before<'_, K>, tile_size: f32) {
        let columns = bodies.columns();
        let held = bodies.held();
        let Before { cache, ranges } = before;
        if self.ghosts.is_empty() {
            let ghosts = columns.id[held..].iter().zip(held as u32..);
            self.ghosts.extend(ghosts.map(|(&id, index)| (id, index)));
        }
        let index_of = |id: BodyId| bodies.index_of(id).map(|index| index as u32);
        let mut check = |one: Option<u32>, other: u64| {
            let other = index_of(BodyId(other)).or_else(|| self.ghosts.get(&BodyId(other)).copied());
            let both = one.zip(other);
            if both.is_none_or(|(a, b)| is_lost(columns, a as usize, b as usize, tile_size)) {
                let own = [one, other].into_iter().flatten();
                self.roused.extend(own.filter(|&body| (body as usize) < held));
            }
        };
        for (home, ranges) in ranges.iter().take(held).enumerate() {
            let kept = cache.set.across.kept(ranges.across);
            for (other, _) in kept.filter(|(_, kept)| kept.carries()) {
                check(Some(home as u32), other);
            }
        }
        for entry in cache.extra {
            let (low, high) = K::partners(entry);
            if high & STATIC_BIT == 0 {
                check(index_of(low).or_else(|| self.ghosts.get(&low).copied()), high);
            }
        }
    }

    /// Decides which tiles are dormant; `joined` are the bodies of all joints. Reaches are those of this tick.
    pub(crate) fn decide(
        &mut self,
        bodies: &mut Bodies,
        (table, joined): (&TileTable, &[[u32; 2]]),
        limits: &RestLimits,
        tile_size: f32,
    ) {
        self.ghosts.clear();
        let rest = &mut bodies.columns_mut().rest;
        self.roused.drain(..).for_each(|body| rouse(&mut rest[body as usize]));
        let columns = bodies.columns();
        let rests = table.tiles.par_iter().with_min_len(16).map(|tile| {
            let rest = &columns.rest[tile.bodies.clone()];
            let seems_quiet = rest.iter().all(|&rest| limits.is_rested(rest));
            TileRest {
                is_quiet: seems_quiet && rest.iter().all(|rest| rest & ROUSED == 0),
                seems_quiet,
            }
        });
        rests.collect_into_vec(&mut self.rests);
        let both = joined.iter().filter(|ends| ends[1] != NO_BODY);
        for (body, other) in both.flat_map(|&[a, b]| [(a, b), (b, a)]) {
            let tile_of = |body: u32| table.tiles.partition_point(|tile| tile.bodies.end <= body as usize);
            if !limits.is_rested(columns.rest[other as usize]) && tile_of(body) != tile_of(other) {
                self.rests[tile_of(body)].is_quiet = false;
            }
        }
        let rests = &self.rests;
        if !rests[..table.owned_tiles].iter().any(|rest| rest.is_quiet) {
            return;
        }
        let is_dormant = |t: usize| {
            t < table.owned_tiles
                && rests[t].is_quiet
                && !Self::is_disturbed(t, table, rests, columns, limits, tile_size)
        };
        let dormant = (0..table.tiles.len()).into_par_iter().with_min_len(4);
        dormant.map(is_dormant).collect_into_vec(&mut self.tiles);
        if !self.tiles.contains(&true) {
            self.tiles.clear();
            return;
        }
        self.bodies.resize(columns.id.len(), false);
        for (tile, _) in table
            .tiles
            .iter()
            .zip(&self.tiles)
            .filter(|&(_, &is_dormant)| is_dormant)
        {
            self.bodies[tile.bodies.clone()].fill(true);
            self.ranges.push(tile.bodies.clone());
        }
    }

    /// Whether a body of another tile that has not rested long enough is a candidate of a body of this tile.
    fn is_disturbed(
        t: usize,
        table: &TileTable,
        rests: &[TileRest],
        columns: &Columns,
        limits: &RestLimits,
        tile_size: f32,
    ) -> bool {
        let tile = &table.tiles[t];
        let is_restless = |&n: &u32| n != NO_TILE && n as usize != t && !rests[n as usize].seems_quiet;
        if !tile.neighbours.iter().any(is_restless) {
            return false;
        }
        let extent = Extent::of(tile, columns);
        tile.neighbours.iter().filter(|n| is_restless(n)).any(|&n| {
            let other = &table.tiles[n as usize];
            let centre = (tile.index, Vec3::ZERO);
            other
                .bodies
                .clone()
                .filter(|&b| !limits.is_rested(columns.rest[b]))
                .any(|b| {
                    let (place, reach) = (&columns.place[b], columns.motion[b].reach());
                    let local = difference(centre, (place.tile, place.offset), tile_size);
                    extent.is_near(local, reach)
                        && tile.bodies.clone().any(|a| {
                            let from = &columns.place[a];
                            let vector = difference((from.tile, from.offset), (place.tile, place.offset), tile_size);
                            let reach = columns.motion[a].reach() + reach;
                            vector.length_squared() < reach * reach
                        })
                })
        })
    }

    /// Copies the cached contacts of sleeping bodies inside their tiles and with static geometry behind those of the tick.
    pub(crate) fn keep<K: Kept>(
        &self,
        bodies: &Bodies,
        before: Before<'_, K>,
        cached: &mut CacheSet<K>,
        ranges: &mut [CachedRanges],
    ) {
        cached.kept_from = [cached.inside.entries.len(), cached.statics.entries.len()];
        if self.ranges.is_empty() {
            return;
        }
        let columns = bodies.columns();
        let tile_of = |body: usize| columns.place[body].tile;
        let is_beside = |body: usize, other: u64| {
            let other = bodies.index_of(BodyId(other));
            other.is_some_and(|other| tile_of(other) == tile_of(body))
        };
        // Those that arrived, by the body that will be their home.
        let mut arrived: Vec<(usize, (u64, K))> = Vec::new();
        for entry in before.cache.extra {
            let (low, high) = K::partners(entry);
            let home = bodies.index_of(low).filter(|&home| self.is_asleep(home as u32));
            if let Some(home) = home.filter(|&home| high & STATIC_BIT != 0 || is_beside(home, high)) {
                arrived.push((home, (high, K::of(entry))));
            }
        }
        arrived.sort_by_key(|&(home, _)| home);
        let mut arrived = &arrived[..];
        let old = before.cache.set;
        let nothing = CachedRanges::default();
        for body in self.ranges.iter().cloned().flatten() {
            let own = before.ranges.get(body).unwrap_or(&nothing);
            // What was kept before stayed as it was. What was not may be of a body that left.
            let is_kept = |(other, kept): &(u64, K), list: usize, at: usize| {
                at >= old.kept_from[list] || (kept.carries() && (list == 1 || is_beside(body, *other)))
            };
            let now = &mut ranges[body];
            let numbered = |run: Run| run.start().unwrap_or(0)..;
            for (k, entry) in numbered(own.inside).zip(old.inside.kept(own.inside)) {
                if is_kept(&entry, 0, k) {
                    cached.inside.push(&mut now.inside, entry.0, entry.1);
                }
            }
            for (k, entry) in numbered(own.statics).zip(old.statics.kept(own.statics)) {
                if is_kept(&entry, 1, k) {
                    cached.statics.push(&mut now.statics, entry.0, entry.1);
                }
            }
            while let Some((&(_, (other, kept)), others)) = arrived.split_first().filter(|(first, _)| first.0 == body) {
                arrived = others;
                let (run, list) = if other & STATIC_BIT == 0 {
                    (&mut now.inside, &mut cached.inside)
                } else {
                    (&mut now.statics, &mut cached.statics)
                };
                list.push(run, other, kept);
            }
        }
    }

    /// Notes which contacts between tiles are not solved. All velocities of the first substep have come in.
    pub(crate) fn mark_across(&mut self, points: &[Ends], manifolds: &[ManifoldBlock]) {
        if self.ranges.is_empty() {
            return;
        }
        let bodies = &self.bodies;
        let sleeps = |body: u32| bodies.get(body as usize).copied().unwrap_or(false);
        let lanes = |low: &[u32; LANES], high: &[u32; LANES]| {
            let both = (0..LANES).filter(|&lane| low[lane] != NO_BODY && sleeps(low[lane]) && sleeps(high[lane]));
            both.map(|lane| 1_u8 << lane).sum::<u8>()
        };
        self.across
            .extend(points.iter().map(|ends| lanes(&ends.low, &ends.high)));
        let manifolds = manifolds.iter().map(|block| lanes(&block.low, &block.high));
        self.across_manifolds.extend(manifolds);
    }
}

/// Where the centres of a tile's bodies are, and how far the bodies reach at most.
struct Extent {
    min: Vec3,
    max: Vec3,
    reach: f32,
}

impl Extent {
    fn of(tile: &Tile, columns: &Columns) -> Self {
        let mut extent = Self {
            min: Vec3::INFINITY,
            max: Vec3::NEG_INFINITY,
            reach: 0.0,
        };
        let bodies = columns.place[tile.bodies.clone()]
            .iter()
            .zip(&columns.motion[tile.bodies.clone()]);
        for (place, motion) in bodies {
            extent.min = extent.min.min(place.offset);
            extent.max = extent.max.max(place.offset);
            extent.reach = extent.reach.max(motion.reach());
        }
        extent
    }

    /// Whether a body at an offset (m) from the tile's centre that reaches this far (m) may be a candidate.
    fn is_near(&self, offset: Vec3, reach: f32) -> bool {
        let gap = (self.min - offset).max(offset - self.max).max(Vec3::ZERO);
        let reach = (self.reach + reach) * NEAR_MARGIN;
        gap.length_squared() < reach * reach
    }
}

/// Whether two bodies that touched are in different tiles and no candidates.
fn is_lost(columns: &Columns, a: usize, b: usize, tile_size: f32) -> bool {
    let (from, to) = (&columns.place[a], &columns.place[b]);
    let reach = columns.motion[a].reach() + columns.motion[b].reach();
    let vector = difference((from.tile, from.offset), (to.tile, to.offset), tile_size);
    from.tile != to.tile && vector.length_squared() >= reach * reach
}

/// Whether all lanes of a block that have a contact are marked.
pub(crate) fn are_all(marked: u8, low: &[u32; LANES]) -> bool {
    (0..LANES).all(|lane| low[lane] == NO_BODY || marked >> lane & 1 == 1)
}

impl World {
    /// Whether a held body slept in the last tick: its tile was dormant. `None` if it is not held.
    pub fn is_asleep(&self, id: BodyId) -> Option<bool> {
        let index = self.bodies.index_of(id)?;
        Some(self.bodies.columns().rest[index] & ASLEEP != 0)
    }

    /// Makes a held body count from the beginning, so that its tile is awake in the next tick, and the tiles of what it touches.
    pub(crate) fn wake(&mut self, index: usize) {
        // What is left tells that the tile slept.
        self.bodies.columns_mut().rest[index] &= ASLEEP;
    }

    /// Rouses the held bodies that touched one of these, which are despawned.
    pub(crate) fn rouse_partners(&mut self, gone: &FxHashSet<BodyId>) {
        let points = self.cached_contacts().map(|entry| (entry.low, entry.high));
        let manifolds = self.cached_manifolds().map(|entry| (entry.low, entry.high));
        let bodies = points.chain(manifolds).filter(|&(_, high)| high & STATIC_BIT == 0);
        let partner = bodies.filter_map(
            |(low, high)| match (gone.contains(&low), gone.contains(&BodyId(high))) {
                (true, false) => Some(BodyId(high)),
                (false, true) => Some(low),
                _ => None,
            },
        );
        let joints = self.joints().iter();
        let joined = joints.filter(|joint| joint.bodies().any(|body| gone.contains(&body)));
        let partner = partner.chain(joined.flat_map(Joint::bodies));
        let roused: Vec<usize> = partner.filter_map(|id| self.bodies.index_of(id)).collect();
        let rest = &mut self.bodies.columns_mut().rest;
        roused.into_iter().for_each(|index| rouse(&mut rest[index]));
    }

    /// Rouses the held bodies whose joints broke at the start of the tick.
    pub(crate) fn rouse_freed(&mut self) {
        for body in self.joints.broken().iter().flat_map(Joint::bodies) {
            if let Some(index) = self.bodies.index_of(body) {
                rouse(&mut self.bodies.columns_mut().rest[index]);
            }
        }
    }

    /// Whether anything may sleep. A force that an embedder added may change at any time, and nobody would notice.
    pub(crate) fn may_sleep(&self) -> bool {
        self.constants.rest.is_on() && !self.forces.has_added()
    }

    /// Whether the coming tick changes nothing: all bodies slept in the last two, no other pod's body is near, and nothing was done since. What sleeps is then not even looked at.
    pub(crate) fn is_still(&self) -> bool {
        self.may_sleep()
            && self.ghosts.is_empty()
            && self.collision.sleep.still == Some(self.bodies.generation())
            && self.slept()
    }

    /// Whether all held bodies slept in the last tick, and none was woken or roused since.
    fn slept(&self) -> bool {
        let asleep = self.constants.rest.asleep();
        self.bodies.columns().rest[..self.len()]
            .iter()
            .all(|&rest| rest == asleep)
    }

    /// Notes at the end of a tick whether the next one can be skipped. The first tick asleep still forgets contacts that do not push, so it takes two.
    pub(crate) fn note_still(&mut self) {
        let held = self.bodies.held();
        let sleep = &mut self.collision.sleep;
        let is_still = sleep.began_asleep && self.stats.ghosts == 0 && held > 0 && sleep.dormant_bodies() == held;
        sleep.still = is_still.then(|| self.bodies.generation());
    }

    /// Stops what sleeps and says so. Contacts are found, from the velocities that the bodies had.
    pub(crate) fn begin_sleep(&mut self) {
        self.collision.sleep.began_asleep = self.may_sleep() && self.slept();
        let sleep = &self.collision.sleep;
        self.stats.dormant_tiles = sleep.ranges.len();
        self.stats.dormant_bodies = sleep.dormant_bodies();
        if self.journal.kinds.sleep && self.constants.rest.is_on() {
            let rest = &self.bodies.columns().rest;
            let owned = self.collision.table.tiles[..self.collision.table.owned_tiles].iter();
            let events = owned.enumerate().filter_map(|(t, tile)| {
                let mut rest = rest[tile.bodies.clone()].iter();
                let tile = tile.index;
                if sleep.is_dormant(t) {
                    rest.any(|rest| rest & ASLEEP == 0).then_some(Event::Slept { tile })
                } else {
                    rest.any(|rest| rest & ASLEEP != 0).then_some(Event::Woke { tile })
                }
            });
            self.journal.push_all(events);
        }
        let motion = &mut self.bodies.columns_mut().motion;
        stop(motion, 0, &sleep.ranges);
    }

    /// Makes what touched a body that changed its tile, inside the tile that it left, count from the beginning.
    pub(crate) fn reset_left(&mut self) {
        let blocks = self.manifolds.set.inside.iter();
        let lanes = blocks.flat_map(|block| block.low.iter().zip(&block.high));
        let manifolds = lanes
            .filter(|&(&low, _)| low != NO_BODY)
            .map(|(&low, &high)| [low, high]);
        let pairs = self.collision.pairs_inside().chain(manifolds);
        let rest = &mut self.bodies.columns_mut().rest;
        for pair in pairs {
            let [a, b] = pair.map(|body| rest[body as usize]);
            if (a | b) & ROUSED != 0 {
                for body in pair {
                    rest[body as usize] &= ROUSED;
                }
            }
        }
    }
}

/// The `rest` of a body that changed its tile: it counts from the beginning, and [`World::reset_left`] sees it.
pub(crate) const CHANGED_TILE: u16 = ROUSED;

/// Stops bodies; `base` is the index of the first in `motion`.
pub(crate) fn stop(motion: &mut [Motion], base: usize, ranges: &[Range<usize>]) {
    for range in ranges {
        for body in &mut motion[range.start - base..range.end - base] {
            body.set_velocity(Vec3::ZERO);
            body.set_angular_velocity(Vec3::ZERO);
        }
    }
}
