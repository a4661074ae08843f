//! From what the chunks found to contacts in blocks and the portions of the solver's work.

use std::ops::Range;

use glam::Vec4;

use super::found::Found;
use super::{Collision, Pair};
use crate::cache::{CacheSet, ContactCache, Lane};
use crate::contact::{
    Coefficient, Coefficients, Contact, ContactSet, Impulses, NO_BODY, get_impulses, set_contact, set_impulses,
};
use crate::ends::{EndsView, PlaceInPortion, Places};
use crate::halo::CachedContact;
use crate::kinds::Kinds;
use crate::narrow_phase::prepare::{
    NORMAL_OF_COINCIDENT_CENTRES, loses, pair_coefficient, pair_contact, static_coefficient, static_contact,
    static_restitution,
};
use crate::narrow_phase::static_geometry::StaticContact;
use crate::parallel::*;
use crate::recycled::{recycled, resize};
use crate::simd::{F32x8, Kernel, LANES, Quad, Vec3x8};
use crate::solver::StepConstants;
use crate::solver::kernel::splat;
use crate::storage::{Bodies, Columns, Motion, Place};

/// What the solver works on as one task: ranges of bodies, contacts and sides that no other portion touches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Portion {
    pub(crate) bodies: Range<usize>,
    /// Blocks of contacts inside tiles.
    pub(crate) inside: Range<usize>,
    /// Blocks of contacts with static geometry.
    pub(crate) statics: Range<usize>,
    /// Coefficients of the contacts inside tiles: as many as blocks, or one.
    pub(crate) inside_coefficients: Range<usize>,
    /// Coefficients of the contacts with static geometry: as many as blocks, or one.
    pub(crate) static_coefficients: Range<usize>,
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
    /// Whether most of the bodies touch nothing, and nothing acts on them but uniform gravity: the end of the tick moves all but the busy ones, which [`Found::busy`] lists. The step knows.
    pub(crate) flies: bool,
}

/// Blocks that one thread prepares in a row: a tile may have many.
const BLOCKS_AT_ONCE: usize = 64;

/// What contacts are made of.
#[derive(Clone, Copy)]
pub(super) struct Makings<'a> {
    pub(super) columns: &'a Columns,
    pub(super) kinds: &'a Kinds,
    pub(super) step: &'a StepConstants,
}

impl Makings<'_> {
    /// The contact of a pair with the impulses of the last tick.
    pub(super) fn pair(&self, pair: Pair, kept: Impulses) -> Contact {
        pair_contact(self.columns, pair, kept, self.step)
    }

    pub(super) fn pair_coefficient(&self, pair: Pair) -> Coefficient {
        pair_coefficient(self.columns, self.kinds, pair, self.step)
    }
}

/// The impulses of the last tick, which this tick's contacts start with.
#[derive(Clone, Copy)]
pub(super) struct Warm<'a> {
    pub(super) columns: &'a Columns,
    pub(super) before: ContactCache<'a>,
}

impl Warm<'_> {
    /// Those of a pair's contact.
    pub(super) fn pair(&self, [low, high]: Pair) -> Impulses {
        let partner = |index: u32| (self.columns.id[index as usize], &self.columns.cached[index as usize]);
        // Most often the order of bodies is that of the last tick, and the first one the home.
        let kept = self.before.pair(partner(low.min(high)), partner(low.max(high)));
        kept.unwrap_or_default()
    }

    /// Those of the contact of a body with a feature of static geometry.
    fn fixed(&self, body: u32, key: u64) -> Impulses {
        let (id, ranges) = (self.columns.id[body as usize], &self.columns.cached[body as usize]);
        self.before.fixed((id, ranges), key).unwrap_or_default()
    }
}

/// The impulses of a portion's contacts, block by block.
struct WarmTask<'a> {
    found: &'a Found,
    inside: &'a mut [Quad],
    statics: &'a mut [Quad],
    /// Index of the first body.
    base: u32,
}

impl WarmTask<'_> {
    fn run(&mut self, warm: Warm<'_>) {
        let (found, base) = (self.found, self.base);
        let before = warm
            .before
            .set
            .inside
            .memory
            .get(found.first_block..)
            .unwrap_or_default();
        let pieces = self.inside.par_chunks_mut(BLOCKS_AT_ONCE).enumerate();
        pieces.for_each(|(c, piece)| {
            for (block, impulses) in (c * BLOCKS_AT_ONCE..).zip(piece) {
                let contacts = block..block + 1;
                let pair = |places: [usize; 2]| places.map(|place| place as u32 + base);
                if found.kept.has(block) {
                    *impulses = before[block];
                    if cfg!(debug_assertions) {
                        found.inside.each_in(contacts, |lane, places| {
                            let (own, found) = (get_impulses(impulses, lane % LANES), warm.pair(pair(places)));
                            let bits = |of: Impulses| (of.normal.to_bits(), of.friction.map(f32::to_bits));
                            assert_eq!(bits(own), bits(found), "block {block} goes on as it is");
                        });
                    }
                    continue;
                }
                *impulses = Quad::ZERO;
                found.inside.each_in(contacts, |lane, places| {
                    set_impulses(impulses, lane % LANES, warm.pair(pair(places)));
                });
            }
        });
        self.statics.fill(Quad::ZERO);
        for ((body, touch), &lane) in self.found.statics.iter().zip(&self.found.static_lanes.lanes) {
            let (block, lane) = Lane::new(lane as usize).place();
            set_impulses(&mut self.statics[block], lane, warm.fixed(*body, touch.key));
        }
    }
}

/// Contacts of bodies of one tile, eight at a time: the arithmetic of [`pair_contact`].
struct PairContacts<'a, 'b> {
    /// Those of the portion.
    motion: &'a [Motion],
    place: &'a [Place],
    ends: EndsView<'a>,
    /// Number of the first block.
    first: usize,
    geometry: &'b mut [Quad],
    /// Those of the last tick, whose friction is turned into the new tangent planes.
    impulses: &'b mut [Quad],
}

impl Kernel for PairContacts<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        match self.ends {
            EndsView::Near(places) => self.prepare::<F, _>(places),
            EndsView::Far(places) => self.prepare::<F, _>(places),
        }
    }
}

impl PairContacts<'_, '_> {
    #[inline(always)]
    fn prepare<F: F32x8, P: PlaceInPortion>(self, places: &[Places<P>]) {
        let sphere = |place: P| match (self.motion.get(place.index()), self.place.get(place.index())) {
            (Some(motion), Some(place)) => place.offset.extend(motion.radius()),
            _ => Vec4::ZERO,
        };
        let (zero, one) = (F::splat(0.0), F::splat(1.0));
        let blocks = self.geometry.iter_mut().zip(self.impulses);
        for ((geometry, impulses), ends) in blocks.zip(&places[self.first..]) {
            let (mut low, mut high) = ([Vec4::ZERO; LANES], [Vec4::ZERO; LANES]);
            for lane in 0..LANES {
                (low[lane], high[lane]) = (sphere(ends.low[lane]), sphere(ends.high[lane]));
            }
            let [x, y, z, radius] = F::columns(low);
            let from = Vec3x8::new(x, y, z);
            let [x, y, z, other_radius] = F::columns(high);
            // As between tiles, there are no negative zeros.
            let vector = Vec3x8::new(x, y, z) - from + Vec3x8::splat(zero);
            let (distance, radii) = (vector.dot(vector).sqrt(), radius + other_radius);
            let (is_apart, is_filled) = (distance.gt(zero), radii.gt(zero));
            let along = Vec3x8::new(vector.x / distance, vector.y / distance, vector.z / distance);
            let any = splat(NORMAL_OF_COINCIDENT_CENTRES) * F::select(is_filled, one, zero);
            let normal = Vec3x8::select(is_apart, along, any);
            let friction = Vec3x8::load(&impulses.xyz);
            (friction - normal * friction.dot(normal)).store(&mut impulses.xyz);
            normal.store(&mut geometry.xyz);
            (distance - radii).store(&mut geometry.w);
        }
    }
}

/// A portion's contacts to be prepared.
struct Task<'a> {
    found: &'a Found,
    inside: Target<'a>,
    statics: Target<'a>,
    static_ends: &'a mut [Places<u32>],
    bodies: Range<usize>,
}

impl Task<'_> {
    fn run(&mut self, makings: &Makings<'_>) {
        let Task {
            found,
            inside,
            statics,
            static_ends,
            bodies,
        } = self;
        let Columns { motion, place, .. } = makings.columns;
        let (motion, place) = (&motion[bodies.clone()], &place[bodies.clone()]);
        let geometry = inside.geometry.par_chunks_mut(BLOCKS_AT_ONCE);
        let pieces = geometry.zip(inside.impulses.par_chunks_mut(BLOCKS_AT_ONCE));
        pieces.enumerate().for_each(|(c, (geometry, impulses))| {
            makings.step.simd.run(PairContacts {
                motion,
                place,
                ends: found.inside.view(),
                first: c * BLOCKS_AT_ONCE,
                geometry,
                impulses,
            });
        });
        let pairs = found.inside.lanes().map(|(lane, pair)| (pair, lane));
        fill_coefficients(inside.coefficients, found.inside.len(), pairs, |&pair| {
            makings.pair_coefficient(pair)
        });
        let lanes = found.static_lanes.lanes.iter().map(|&lane| lane as usize);
        let touches = found.statics.iter().zip(lanes);
        statics.geometry.fill(Quad::ZERO);
        for ((body, touch), lane) in touches.clone() {
            let (block, lane) = Lane::new(lane).place();
            static_ends[block].low[lane] = *body - bodies.start as u32;
            let impulses = &mut statics.impulses[block];
            let contact = static_contact(touch, get_impulses(impulses, lane));
            set_contact((&mut statics.geometry[block], impulses), lane, &contact);
        }
        fill_coefficients(
            statics.coefficients,
            statics.geometry.len(),
            touches,
            |(body, touch)| static_coefficient(makings.columns, makings.kinds, (*body, touch), makings.step),
        );
    }
}

/// Where contacts of one class go.
pub(super) struct Target<'a> {
    pub(super) geometry: &'a mut [Quad],
    /// Those of the last tick are there.
    pub(super) impulses: &'a mut [Quad],
    /// As many as blocks, or one for contacts that are alike.
    pub(super) coefficients: &'a mut [Coefficients],
}

/// Writes the coefficients of the contacts of so many blocks, each given with its lane, counted through all of them. There is room for as many as blocks, or for one.
pub(super) fn fill_coefficients<T>(
    coefficients: &mut [Coefficients],
    blocks: usize,
    mut contacts: impl Iterator<Item = (T, usize)>,
    coefficient: impl Fn(&T) -> Coefficient,
) {
    coefficients.fill(Coefficients::EMPTY);
    if coefficients.len() < blocks {
        if let Some((any, _)) = contacts.next() {
            coefficients[0] = Coefficients::alike(&coefficient(&any));
        }
        return;
    }
    for (item, lane) in contacts {
        coefficients[lane / LANES].set(lane % LANES, &coefficient(&item));
    }
}

/// The memory of the list of tasks, between ticks.
#[derive(Default)]
pub(super) struct Tasks {
    warm: Vec<WarmTask<'static>>,
    prepare: Vec<Task<'static>>,
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for {} tasks", self.prepare.capacity())
    }
}

impl Collision {
    /// Gives every portion its ranges of contacts.
    pub(super) fn lay_out(&mut self, bodies: &Bodies, mixed: bool) {
        self.portions.clear();
        let mut last = Portion::default();
        let any_damped = bodies.kinds().are_damped();
        let owned = &self.table.chunks[..self.table.owned_chunks];
        let are_alike = bodies.kinds().are_alike();
        for (chunk, found) in owned.iter().zip(&self.found) {
            let after = |range: &Range<usize>, len: usize| range.end..range.end + len;
            let sleeps = chunk.tiles.clone().all(|t| self.sleep.is_dormant(t));
            last = Portion {
                bodies: chunk.bodies.clone(),
                inside: after(&last.inside, found.inside.len()),
                statics: after(&last.statics, found.static_lanes.blocks),
                inside_coefficients: after(&last.inside_coefficients, coefficients(found.inside.len(), are_alike)),
                static_coefficients: after(
                    &last.static_coefficients,
                    coefficients(found.static_lanes.blocks, are_alike && found.are_statics_alike(bodies)),
                ),
                inside_entries: after(&last.inside_entries, found.inside_count),
                static_entries: after(&last.static_entries, found.statics.len()),
                sides: 0..0,
                sleeps,
                damped: !sleeps && any_damped && chunk.bodies.clone().any(|body| bodies.kind(body).is_damped),
                sensors: !sleeps && mixed && chunk.bodies.clone().any(|body| bodies.kind(body).given.sensor),
                forced: false,
                is_lone: false,
                flies: false,
            };
            self.portions.push(last.clone());
        }
    }

    /// Prepares all contacts, those between tiles while others are at those inside. Of the impulses of the last tick, those that go on take their place.
    pub(super) fn prepare(
        &mut self,
        makings: Makings<'_>,
        held: usize,
        contacts: &mut ContactSet,
        (cached, extra): (&mut CacheSet, &[CachedContact]),
    ) {
        let end = self.portions.last().cloned().unwrap_or_default();
        let found = self.found[..self.table.chunks.len()].iter();
        let between = found.map(|found| found.across.len()).sum::<usize>();
        let blocks = [end.inside.end, end.statics.end, between.div_ceil(LANES)];
        contacts.make_room(blocks, makings.columns.id.len());
        let before = ContactCache { set: cached, extra };
        let columns = makings.columns;
        self.warm(Warm { columns, before }, held, contacts);
        for (portion, found) in self.portions.iter().zip(&mut self.found) {
            found.first_block = portion.inside.start;
        }
        // What has the impulses now had the geometry, and the other way round.
        std::mem::swap(&mut contacts.inside, &mut cached.inside.memory);
        std::mem::swap(&mut contacts.statics, &mut cached.statics.memory);
        std::mem::swap(&mut contacts.across, &mut cached.across.memory);
        contacts.make_room(blocks, makings.columns.id.len());

        let ContactSet {
            inside,
            statics,
            static_ends,
            across,
            across_ends,
            inside_coefficients,
            static_coefficients,
            across_coefficients,
        } = contacts;
        static_ends.clear();
        let (low, high) = ([NO_BODY; LANES], [NO_BODY; LANES]);
        resize(static_ends, end.statics.end, Places { low, high });
        resize(inside_coefficients, end.inside_coefficients.end, Coefficients::EMPTY);
        resize(static_coefficients, end.static_coefficients.end, Coefficients::EMPTY);
        let count = coefficients(across.len(), makings.kinds.are_alike());
        resize(across_coefficients, count, Coefficients::EMPTY);
        self.across.clear_changes(across.len(), across.capacity());
        let mut tasks: Vec<Task<'_>> = recycled(std::mem::take(&mut self.tasks.prepare));
        let (mut inside, mut statics) = (&mut inside[..], &mut statics[..]);
        let mut inside_impulses = &mut cached.inside.memory[..];
        let mut static_impulses = &mut cached.statics.memory[..];
        let mut static_ends = &mut static_ends[..];
        let mut inside_coefficients = &mut inside_coefficients[..];
        let mut static_coefficients = &mut static_coefficients[..];
        for (portion, found) in self.portions.iter().zip(&self.found) {
            tasks.push(Task {
                found,
                inside: Target {
                    geometry: split_front(&mut inside, portion.inside.len()),
                    impulses: split_front(&mut inside_impulses, portion.inside.len()),
                    coefficients: split_front(&mut inside_coefficients, portion.inside_coefficients.len()),
                },
                statics: Target {
                    geometry: split_front(&mut statics, portion.statics.len()),
                    impulses: split_front(&mut static_impulses, portion.statics.len()),
                    coefficients: split_front(&mut static_coefficients, portion.static_coefficients.len()),
                },
                static_ends: split_front(&mut static_ends, portion.statics.len()),
                bodies: portion.bodies.clone(),
            });
        }
        let prepare_inside = || tasks.par_iter_mut().with_max_len(1).for_each(|task| task.run(&makings));
        let prepare_across = || {
            let target = Target {
                geometry: across,
                impulses: &mut cached.across.memory,
                coefficients: across_coefficients,
            };
            self.across.prepare(makings, across_ends, target);
        };
        join(prepare_inside, prepare_across);
        self.tasks.prepare = recycled(tasks);
        let sides = &self.across.sides;
        let mut begin = 0;
        for portion in &mut self.portions {
            let limit = portion.bodies.end as u32;
            let end = begin + sides[begin..].partition_point(|side| side.body < limit);
            portion.sides = begin..end;
            begin = end;
        }
    }
}

impl Collision {
    /// Writes the impulses that the contacts start with to where the geometry of the last tick was. Lists the sides of those between tiles, which takes one thread about as long as it takes the others to find impulses.
    fn warm(&mut self, warm: Warm<'_>, held: usize, contacts: &mut ContactSet) {
        let found = &self.found[..self.table.chunks.len()];
        let ContactSet {
            inside,
            statics,
            across,
            across_ends,
            ..
        } = contacts;
        let (mut inside, mut statics) = (&mut inside[..], &mut statics[..]);
        let mut tasks: Vec<WarmTask<'_>> = recycled(std::mem::take(&mut self.tasks.warm));
        for (portion, found) in self.portions.iter().zip(&self.found) {
            tasks.push(WarmTask {
                found,
                inside: split_front(&mut inside, portion.inside.len()),
                statics: split_front(&mut statics, portion.statics.len()),
                base: portion.bodies.start as u32,
            });
        }
        let warm_inside = || tasks.par_iter_mut().with_max_len(1).for_each(|task| task.run(warm));
        let warm_across = || {
            self.across.gather(found);
            self.across.warm(warm, &self.sleep, across, across_ends);
            self.across.list_sides(warm.columns, (held, &self.sleep), across_ends);
        };
        join(warm_inside, warm_across);
        self.tasks.warm = recycled(tasks);
    }
}

impl Found {
    /// Whether the static geometry that is touched is of one surface, from which bodies of one kind do not bounce with a loss.
    fn are_statics_alike(&self, bodies: &Bodies) -> bool {
        let surface = |(_, touch): &(u32, StaticContact)| [touch.friction, touch.restitution].map(f32::to_bits);
        let mut surfaces = self.statics.iter().map(surface);
        let loses = |(body, touch): &(u32, StaticContact)| {
            loses(static_restitution(&bodies.kind(*body as usize).given.material, touch))
        };
        if self.statics.first().is_some_and(loses) {
            return false;
        }
        surfaces
            .next()
            .is_none_or(|first| surfaces.all(|surface| surface == first))
    }
}

/// How many [`Coefficients`] so many blocks have.
pub(super) fn coefficients(blocks: usize, are_alike: bool) -> usize {
    if are_alike { blocks.min(1) } else { blocks }
}

/// Takes the first `len` items off a slice.
pub(crate) fn split_front<'a, T>(slice: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (front, back) = std::mem::take(slice).split_at_mut(len);
    *slice = back;
    front
}

#[cfg(test)]
mod tests {
    use glam::Vec3;

    use super::*;
    use crate::body::BodyId;
    use crate::cache::CachedRanges;
    use crate::config::WorldParams;
    use crate::ends::EndsList;
    use crate::scenes::Random;
    use crate::simd::Level;

    /// Pairs that overlap, are apart or coincide, with impulses of the last tick and without; the last block is not full.
    #[test]
    fn eight_contacts_are_what_one_is() {
        let mut random = Random(11);
        let (mut columns, mut set) = (Columns::default(), CacheSet::default());
        let mut ends = EndsList::default();
        ends.reset(13, 0..200);
        for k in 0..100_u32 {
            let mut vector = || random.vector(1.0).as_vec3();
            let offsets = [vector(), vector()];
            let offsets = if k % 10 == 3 { [offsets[0]; 2] } else { offsets };
            let mut ranges = CachedRanges::default();
            if k % 3 > 0 {
                let impulses = Impulses {
                    normal: 1.0 + k as f32,
                    friction: vector().to_array(),
                };
                set.inside.push(&mut ranges.inside, u64::from(2 * k + 1), impulses);
            }
            for (side, offset) in offsets.into_iter().enumerate() {
                let place = Place {
                    offset,
                    ..Place::default()
                };
                columns.place.push(place);
                columns.motion.push(Motion {
                    displacement: Vec3::ZERO.extend(0.3 + 0.1 * side as f32),
                    ..Motion::default()
                });
                columns.id.push(BodyId(u64::from(2 * k) + side as u64));
                columns
                    .cached
                    .push(if side == 0 { ranges } else { CachedRanges::default() });
            }
            ends.set(std::iter::once((k, [2 * k, 2 * k + 1])));
        }
        let (kinds, mut step) = (Kinds::default(), StepConstants::new(&WorldParams::default()));
        for level in Level::supported() {
            step.simd = level;
            let makings = Makings {
                columns: &columns,
                kinds: &kinds,
                step: &step,
            };
            let warm = Warm {
                columns: &columns,
                before: ContactCache { set: &set, extra: &[] },
            };
            let mut expected = vec![(Quad::ZERO, Quad::ZERO); ends.len()];
            let mut impulses = vec![Quad::ZERO; ends.len()];
            for (lane, pair) in ends.lanes() {
                let ((block, lane), kept) = (Lane::new(lane).place(), warm.pair(pair));
                set_impulses(&mut impulses[block], lane, kept);
                let (geometry, impulses) = &mut expected[block];
                set_contact((geometry, impulses), lane, &makings.pair(pair, kept));
            }
            let mut geometry: Vec<_> = expected.iter().rev().map(|block| block.0).collect();
            level.run(PairContacts {
                motion: &columns.motion,
                place: &columns.place,
                ends: ends.view(),
                first: 0,
                geometry: &mut geometry,
                impulses: &mut impulses,
            });
            let bits = |(geometry, impulses): (Quad, Quad)| {
                let lane = |lane: usize| (geometry.get(lane), impulses.get(lane));
                let bits = |(xyz, w): ([f32; 3], f32)| (xyz.map(f32::to_bits), w.to_bits());
                (0..LANES)
                    .map(lane)
                    .map(|(geometry, impulses)| (bits(geometry), bits(impulses)))
                    .collect::<Vec<_>>()
            };
            let found = geometry.into_iter().zip(impulses);
            for (b, (found, expected)) in found.zip(expected).enumerate() {
                assert_eq!(bits(found), bits(expected), "block {b} at {}", level.name());
            }
        }
    }
}
