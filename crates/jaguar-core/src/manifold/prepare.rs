//! From the manifolds that the chunks found to blocks, their entries in the cache, and the portions of the solver's work. The counterpart of [`crate::collide::prepare`] for points.

use std::ops::Range;

use glam::Vec3;

use super::Manifolds;
use super::across::Doing;
use super::attitude::Attitude;
use super::block::{ManifoldBlock, ManifoldContact};
use super::kept::KeptManifold;
use super::kernel::{Bodies8, all, masses, turns};
use crate::body::BodyId;
use crate::cache::{CacheEntry, CachedRanges, ContactCache, Kept, Run};
use crate::collide::found::Found;
use crate::contact::{NO_BODY, STATIC_BIT};
use crate::halo::CachedManifold;
use crate::kinds::{Kind, Kinds};
use crate::narrow_phase::solid::{MAX_POINTS, Manifold};
use crate::narrow_phase::static_manifold::StaticManifold;
use crate::parallel::*;
use crate::recycled::recycled;
use crate::simd::{F32x8, Kernel, LANES, Level};
use crate::sleep::{Before, Sleep};
use crate::solver::across::Side;
use crate::storage::{Bodies, Columns, Motion};
use crate::tile::difference;
use crate::tile_table::Chunk;

/// Blocks that one thread prepares in a row.
const BLOCKS_AT_ONCE: usize = 16;

/// A manifold of two bodies, by index, the smaller first; a held body comes before a ghost. The normal goes from the body of the lower id to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairManifold {
    pub(crate) pair: [u32; 2],
    pub(crate) manifold: Manifold,
}

/// Ranges of a portion's manifolds, as in [`crate::collide::Portion`].
#[derive(Clone, Debug, Default)]
pub(crate) struct ManifoldPortion {
    pub(crate) inside: Range<usize>,
    pub(crate) statics: Range<usize>,
    pub(crate) inside_entries: Range<usize>,
    pub(crate) static_entries: Range<usize>,
    pub(crate) sides: Range<usize>,
}

/// Memory kept from tick to tick.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    across: Vec<PairManifold>,
    side_keys: Vec<(u32, u64, Side)>,
    next_ranges: Vec<CachedRanges>,
    tasks: Tasks,
    /// What the last tick kept of the manifolds between tiles that have a sleeping body, by their number: if both sleep, it stays to the bit.
    kept_across: Vec<(usize, KeptManifold)>,
}

impl Buffers {
    /// Forgets what belongs to the manifolds of the last tick.
    pub(super) fn forget(&mut self) {
        self.kept_across.clear();
    }
}

/// What manifolds are made of.
#[derive(Clone, Copy)]
struct Makings<'a> {
    columns: &'a Columns,
    kinds: &'a Kinds,
    attitudes: &'a [Attitude],
    before: ContactCache<'a, KeptManifold>,
    tile_size: f32,
    level: Level,
}

/// A portion's manifolds to be prepared.
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
struct Tasks(Vec<Task<'static>>);

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for {} tasks", self.0.capacity())
    }
}

/// Where a chunk's manifolds of one class go.
struct Target<'a> {
    blocks: &'a mut [ManifoldBlock],
    entries: &'a mut [CacheEntry<KeptManifold>],
    first_entry: usize,
}

impl Target<'_> {
    fn set(
        &mut self,
        k: usize,
        lane: u32,
        (contact, features): &(ManifoldContact, [u32; MAX_POINTS]),
        other: u64,
        run: &mut Run,
    ) {
        let rank = self.first_entry + k;
        let lane = lane as usize;
        self.blocks[lane / LANES].set(lane % LANES, contact, rank as u32);
        self.entries[k] = entry(other, *features).begins_if(run.extend(rank));
    }
}

fn entry(other: u64, features: [u32; MAX_POINTS]) -> CacheEntry<KeptManifold> {
    let kept = KeptManifold {
        features,
        ..KeptManifold::default()
    };
    CacheEntry::new(other, kept.into_entry(&mut (), 0))
}

impl Manifolds {
    /// Describes how the bodies are turned at the start of the tick, if any is not a plain sphere or is joined. Returns whether.
    pub(crate) fn begin_tick(&mut self, bodies: &mut Bodies, any_joints: bool) -> bool {
        let mixed = any_joints || bodies.kinds().are_mixed();
        bodies.keep_manifolds(mixed);
        if !mixed {
            self.attitudes.clear();
            return false;
        }
        let (columns, kinds) = (bodies.columns(), bodies.kinds());
        columns
            .orientation
            .par_iter()
            .zip(&columns.kind)
            .with_min_len(1024)
            .map(|(&orientation, &kind)| Attitude::new(kinds.get(kind), orientation))
            .collect_into_vec(&mut self.attitudes);
        true
    }

    /// Prepares all manifolds that the chunks found, with the impulses of the last tick, which are in `cached`.
    pub(crate) fn prepare(
        &mut self,
        bodies: &mut Bodies,
        (found, sleep): (&[Found], &Sleep),
        owned_chunks: &[Chunk],
        tile_size: f32,
        level: Level,
    ) {
        std::mem::swap(&mut self.cached, &mut self.spare_cached);
        let held = bodies.held();
        let owned = &found[..owned_chunks.len()];
        self.lay_out(owned);
        self.gather_across(found);
        let columns = bodies.columns();
        let makings = Makings {
            columns,
            kinds: bodies.kinds(),
            attitudes: &self.attitudes,
            before: ContactCache {
                set: &self.spare_cached,
                extra: &self.extra,
            },
            tile_size,
            level,
        };
        let end = self.portions.last().cloned().unwrap_or_default();
        self.set.inside.resize(end.inside.end, ManifoldBlock::EMPTY);
        self.set.statics.resize(end.statics.end, ManifoldBlock::EMPTY);
        self.cached
            .inside
            .entries
            .resize(end.inside_entries.end, CacheEntry::default());
        self.cached
            .statics
            .entries
            .resize(end.static_entries.end, CacheEntry::default());
        self.buffers.next_ranges.clear();
        self.buffers
            .next_ranges
            .resize(columns.id.len(), CachedRanges::default());

        let mut tasks: Vec<Task<'_>> = recycled(std::mem::take(&mut self.buffers.tasks.0));
        let ranges = &mut self.buffers.next_ranges;
        let mut inside = (&mut self.set.inside[..], &mut self.cached.inside.entries[..]);
        let mut statics = (&mut self.set.statics[..], &mut self.cached.statics.entries[..]);
        let mut rest = &mut ranges[..];
        for ((portion, found), chunk) in self.portions.iter().zip(owned).zip(owned_chunks) {
            use crate::collide::split_front;
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
                ranges: split_front(&mut rest, chunk.bodies.len()),
                base: chunk.bodies.start,
            });
        }
        tasks.par_iter_mut().with_max_len(1).for_each(|task| {
            makings.prepare_inside(task.found, &mut task.inside, task.ranges, task.base);
            makings.prepare_statics(task.found, &mut task.statics, task.ranges, task.base);
        });
        self.buffers.tasks.0 = recycled(tasks);

        let pairs = &self.buffers.across;
        self.set
            .across
            .resize(pairs.len().div_ceil(LANES), ManifoldBlock::EMPTY);
        let blocks = self.set.across.par_iter_mut().with_min_len(BLOCKS_AT_ONCE).enumerate();
        blocks.for_each(|(b, block)| {
            *block = ManifoldBlock::EMPTY;
            for (lane, k) in (b * LANES..pairs.len().min((b + 1) * LANES)).enumerate() {
                block.set(lane, &makings.pair(&pairs[k]).0, k as u32);
            }
            // Masses follow when it is known in how many manifolds each ghost is.
            level.run(Turn(block));
        });
        self.cached.across.entries.clear();
        let kept_across = &mut self.buffers.kept_across;
        kept_across.clear();
        for (k, found) in pairs.iter().enumerate() {
            let [home, other] = found.pair;
            let begins = ranges[home as usize].across.extend(k);
            let features = features_of(&found.manifold);
            let entry = entry(columns.id[other as usize].0, features);
            self.cached.across.entries.push(entry.begins_if(begins));
            if sleep.is_asleep(home) || sleep.is_asleep(other) {
                kept_across.push((k, makings.kept(found).unwrap_or_default()));
            }
        }
        let before = Before::of(makings.before, &columns.cached_manifolds);
        sleep.keep(bodies, before, &mut self.cached, ranges);
        self.list_sides(columns, (held, sleep), owned_chunks);
        self.extra.clear();
        std::mem::swap(
            &mut bodies.columns_mut().cached_manifolds,
            &mut self.buffers.next_ranges,
        );
    }

    fn lay_out(&mut self, owned: &[Found]) {
        self.portions.clear();
        let mut last = ManifoldPortion::default();
        for found in owned {
            let after = |range: &Range<usize>, len: usize| range.end..range.end + len;
            last = ManifoldPortion {
                inside: after(&last.inside, found.manifold_lanes.blocks),
                statics: after(&last.statics, found.static_manifold_lanes.blocks),
                inside_entries: after(&last.inside_entries, found.manifolds.len()),
                static_entries: after(&last.static_entries, found.static_manifolds.len()),
                sides: 0..0,
            };
            self.portions.push(last.clone());
        }
    }

    /// Gathers the manifolds between tiles, grouped by their first body, which is held and will be the home.
    fn gather_across(&mut self, found: &[Found]) {
        let across = &mut self.buffers.across;
        across.clear();
        across.extend(found.iter().flat_map(|found| found.across_manifolds.iter().copied()));
        across.sort_unstable_by_key(|found| found.pair);
    }

    /// Lists the sides of the manifolds between tiles of held bodies that are awake in the order in which they act.
    fn list_sides(&mut self, columns: &Columns, (held, sleep): (usize, &Sleep), owned_chunks: &[Chunk]) {
        let keys = &mut self.buffers.side_keys;
        keys.clear();
        for (lane, found) in self.buffers.across.iter().enumerate() {
            let [low, high] = by_id(columns, found.pair);
            if (low as usize) < held {
                keys.push((low, columns.id[high as usize].0, Side::of_low(low, lane)));
            }
            if (high as usize) < held {
                keys.push((high, columns.id[low as usize].0, Side::of_high(high, lane)));
            }
        }
        keys.sort_unstable_by_key(|&(body, id, _)| (body, id));
        self.crowds.clear();
        self.crowds.resize(columns.id.len(), 0);
        for &(body, _, _) in &*keys {
            self.crowds[body as usize] += 1;
        }
        self.sides.clear();
        let awake = keys.iter().filter(|&&(body, _, _)| !sleep.is_asleep(body));
        self.sides.extend(awake.map(|&(_, _, side)| side));
        self.doings.clear();
        self.doings.resize(self.set.across.len(), Doing::default());
        let mut begin = 0;
        for (portion, chunk) in self.portions.iter_mut().zip(owned_chunks) {
            let limit = chunk.bodies.end as u32;
            let end = begin + self.sides[begin..].partition_point(|side| side.body < limit);
            portion.sides = begin..end;
            begin = end;
        }
    }

    /// Writes the accumulated impulses to the cache.
    /// `asleep` has the lanes, block by block, of those between tiles that keep what they have.
    pub(crate) fn store_impulses(&mut self, asleep: &[u8]) {
        let lists = [
            (&self.set.inside, &mut self.cached.inside.entries),
            (&self.set.statics, &mut self.cached.statics.entries),
            (&self.set.across, &mut self.cached.across.entries),
        ];
        for (blocks, entries) in lists {
            for block in blocks {
                for lane in (0..LANES).filter(|&lane| block.has(lane)) {
                    entries[block.rank[lane] as usize].entry.kept.impulses = block.impulses(lane);
                }
            }
        }
        for &(k, kept) in &self.buffers.kept_across {
            if asleep.get(k / LANES).is_some_and(|lanes| lanes >> (k % LANES) & 1 == 1) {
                self.cached.across.entries[k].entry.kept = kept;
            }
        }
    }
}

/// The pair with the body of the lower id first.
fn by_id(columns: &Columns, [a, b]: [u32; 2]) -> [u32; 2] {
    if columns.id[a as usize] < columns.id[b as usize] {
        [a, b]
    } else {
        [b, a]
    }
}

fn features_of(manifold: &Manifold) -> [u32; MAX_POINTS] {
    let mut features = [CachedManifold::NO_FEATURE; MAX_POINTS];
    for (feature, point) in features.iter_mut().zip(&manifold.points[..manifold.count as usize]) {
        *feature = point.feature;
    }
    features
}

impl Makings<'_> {
    fn prepare_inside(&self, found: &Found, target: &mut Target<'_>, ranges: &mut [CachedRanges], base: usize) {
        target.blocks.fill(ManifoldBlock::EMPTY);
        for (k, (manifold, &lane)) in found.manifolds.iter().zip(&found.manifold_lanes.lanes).enumerate() {
            let other = self.columns.id[manifold.pair[1] as usize].0;
            let run = &mut ranges[manifold.pair[0] as usize - base].inside;
            target.set(k, lane, &self.pair(manifold), other, run);
        }
        self.finish(target.blocks);
    }

    fn prepare_statics(&self, found: &Found, target: &mut Target<'_>, ranges: &mut [CachedRanges], base: usize) {
        target.blocks.fill(ManifoldBlock::EMPTY);
        for (k, ((body, touch), &lane)) in found
            .static_manifolds
            .iter()
            .zip(&found.static_manifold_lanes.lanes)
            .enumerate()
        {
            let run = &mut ranges[*body as usize - base].statics;
            target.set(k, lane, &self.fixed(*body, touch), touch.key | STATIC_BIT, run);
        }
        self.finish(target.blocks);
    }

    fn finish(&self, blocks: &mut [ManifoldBlock]) {
        self.level.run(Finish {
            motion: &self.columns.motion,
            attitudes: self.attitudes,
            blocks,
        });
    }

    fn kind(&self, body: u32) -> &Kind {
        self.kinds.get(self.columns.kind[body as usize])
    }

    fn partner(&self, body: u32) -> (BodyId, &CachedRanges) {
        (
            self.columns.id[body as usize],
            &self.columns.cached_manifolds[body as usize],
        )
    }

    /// The manifold of a pair with the impulses of the last tick, and the features of its points.
    fn pair(&self, found: &PairManifold) -> (ManifoldContact, [u32; MAX_POINTS]) {
        let [low, high] = by_id(self.columns, found.pair);
        let cached = self.before.pair(self.partner(low), self.partner(high));
        let (from, to) = (&self.columns.place[low as usize], &self.columns.place[high as usize]);
        let between = difference((from.tile, from.offset), (to.tile, to.offset), self.tile_size);
        let (a, b) = (self.kind(low), self.kind(high));
        let (surface_a, surface_b) = (&a.given.material, &b.given.material);
        let curvature = a.rounding.max(b.rounding);
        let contact = ManifoldContact {
            between,
            friction: surface_a.friction_with(surface_b),
            restitution: surface_a.restitution_with(surface_b),
            rolling: curvature * surface_a.rolling_resistance.max(surface_b.rolling_resistance),
            spinning: curvature * surface_a.spinning_resistance.max(surface_b.spinning_resistance),
            low,
            high,
            ..contact_of(&found.manifold, cached)
        };
        (contact, features_of(&found.manifold))
    }

    /// What was kept of a pair's manifold in the last tick.
    fn kept(&self, found: &PairManifold) -> Option<KeptManifold> {
        let [low, high] = by_id(self.columns, found.pair);
        self.before.pair(self.partner(low), self.partner(high))
    }

    /// The manifold of a body with static geometry.
    fn fixed(&self, body: u32, touch: &StaticManifold) -> (ManifoldContact, [u32; MAX_POINTS]) {
        let cached = self.before.fixed(self.partner(body), touch.key);
        let kind = self.kind(body);
        let surface = &kind.given.material;
        let contact = ManifoldContact {
            friction: surface
                .friction_rule
                .combine(surface.friction_rule, surface.friction, touch.friction),
            restitution: surface.restitution_rule.combine(
                surface.restitution_rule,
                surface.restitution,
                touch.restitution,
            ),
            rolling: kind.rounding * surface.rolling_resistance,
            spinning: kind.rounding * surface.spinning_resistance,
            low: body,
            ..contact_of(&touch.manifold, cached)
        };
        (contact, features_of(&touch.manifold))
    }
}

/// Geometry and warm-start impulses; surfaces and bodies are neutral.
fn contact_of(manifold: &Manifold, cached: Option<KeptManifold>) -> ManifoldContact {
    let mut contact = ManifoldContact {
        normal: manifold.normal,
        positions: [Vec3::ZERO; MAX_POINTS],
        separations: [0.0; MAX_POINTS],
        count: manifold.count,
        between: Vec3::ZERO,
        friction: 0.0,
        restitution: 0.0,
        rolling: 0.0,
        spinning: 0.0,
        low: NO_BODY,
        high: NO_BODY,
        normal_impulses: [0.0; MAX_POINTS],
        friction_impulse: Vec3::ZERO,
        torque_impulse: Vec3::ZERO,
    };
    let count = manifold.count as usize;
    for (k, point) in manifold.points[..count].iter().enumerate() {
        contact.positions[k] = point.position;
        contact.separations[k] = point.separation;
    }
    if let Some(cached) = &cached {
        contact.normal_impulses = cached.of_features(&features_of(manifold)[..count]);
    }
    // Friction goes with the normal impulses that carry it: if no point is the same as before, there is none.
    if let Some(cached) = cached
        && contact.normal_impulses.iter().any(|&impulse| impulse > 0.0)
    {
        contact.friction_impulse = Vec3::from_array(cached.impulses.friction);
        contact.torque_impulse = Vec3::from_array(cached.impulses.torque);
    }
    contact
}

/// Fills in turns and masses.
struct Finish<'a> {
    motion: &'a [Motion],
    attitudes: &'a [Attitude],
    blocks: &'a mut [ManifoldBlock],
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        for block in self.blocks {
            let low = Bodies8::<F>::gather(self.motion, self.attitudes, 0, &block.low);
            let high = Bodies8::<F>::gather(self.motion, self.attitudes, 0, &block.high);
            turns::<F>(block);
            masses(block, &low, &high, all::<F>());
        }
    }
}

/// The turns of one block.
struct Turn<'a>(&'a mut ManifoldBlock);

impl Kernel for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        turns::<F>(self.0);
    }
}
