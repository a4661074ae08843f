//! From what the chunks found to contacts in blocks and the portions of the solver's work.

use std::ops::Range;

use glam::Vec4;

use super::found::Found;
use super::{Collision, Pair};
use crate::contact::{Block, Coefficient, Coefficients, Contact, ContactCache, ContactSet, Ends, Impulses, NO_BODY};
use crate::kinds::Kinds;
use crate::narrow_phase::prepare::{
    NORMAL_OF_COINCIDENT_CENTRES, loses, pair_coefficient, pair_contact, static_coefficient, static_contact,
    static_restitution,
};
use crate::narrow_phase::static_geometry::StaticContact;
use crate::parallel::*;
use crate::recycled::{recycled, resize};
use crate::simd::{F32x8, Kernel, LANES, Octet, Vec3x8};
use crate::solver::StepConstants;
use crate::solver::kernel::splat;
use crate::storage::{Bodies, Columns};

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
    pub(super) fn pair(&self, pair: Pair) -> Contact {
        pair_contact(self.columns, pair, self.kept(pair), self.step)
    }

    pub(super) fn pair_coefficient(&self, pair: Pair) -> Coefficient {
        pair_coefficient(self.columns, self.kinds, pair, self.step)
    }

    /// The impulses of the last tick of a pair's contact.
    pub(super) fn kept(&self, [low, high]: Pair) -> Impulses {
        let partner = |index: u32| (self.columns.id[index as usize], &self.columns.cached[index as usize]);
        // Most often the order of bodies is that of the last tick, and the first one the home.
        let kept = self.before.pair(partner(low.min(high)), partner(low.max(high)));
        kept.unwrap_or_default()
    }

    /// The contact of a body with static geometry, with the impulses of the last tick.
    fn fixed(&self, body: u32, touch: &StaticContact) -> Contact {
        let (id, ranges) = (self.columns.id[body as usize], &self.columns.cached[body as usize]);
        let kept = self.before.fixed((id, ranges), touch.key);
        static_contact(touch, kept.unwrap_or_default())
    }
}

/// Contacts of bodies of one tile, eight at a time: the arithmetic of [`pair_contact`].
struct PairContacts<'a, 'b> {
    makings: &'a Makings<'a>,
    ends: &'a [Ends],
    blocks: &'b mut [Block],
}

impl Kernel for PairContacts<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        let Columns { motion, place, .. } = self.makings.columns;
        let sphere = |index: u32| match (motion.get(index as usize), place.get(index as usize)) {
            (Some(motion), Some(place)) => place.offset.extend(motion.radius()),
            _ => Vec4::ZERO,
        };
        let (zero, one) = (F::splat(0.0), F::splat(1.0));
        for (block, ends) in self.blocks.iter_mut().zip(self.ends) {
            let (mut impulses, mut friction) = (Octet::ZERO, [Octet::ZERO; 3]);
            for (lane, pair) in ends.lanes() {
                let kept = self.makings.kept(pair);
                impulses[lane] = kept.normal;
                for (octet, along) in friction.iter_mut().zip(kept.friction) {
                    octet[lane] = along;
                }
            }
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
            let friction = Vec3x8::load(&friction);
            (friction - normal * friction.dot(normal)).store(&mut block.friction_impulse);
            normal.store(&mut block.normal);
            (distance - radii).store(&mut block.separation);
            block.normal_impulse = impulses;
        }
    }
}

/// A portion's contacts to be prepared.
struct Task<'a> {
    found: &'a Found,
    inside: Target<'a>,
    statics: Target<'a>,
    static_ends: &'a mut [Ends],
}

impl Task<'_> {
    fn run(&mut self, makings: &Makings<'_>) {
        let Task {
            found,
            inside,
            statics,
            static_ends,
        } = self;
        makings.step.simd.run(PairContacts {
            makings,
            ends: &found.inside,
            blocks: inside.blocks,
        });
        let blocks = found.inside.iter().enumerate();
        let pairs = blocks.flat_map(|(b, ends)| ends.lanes().map(move |(lane, pair)| (pair, b * LANES + lane)));
        inside.fill_coefficients(pairs, |&pair| makings.pair_coefficient(pair));
        let lanes = found.static_lanes.lanes.iter().map(|&lane| lane as usize);
        let touches = found.statics.iter().zip(lanes);
        statics.blocks.fill(Block::EMPTY);
        for ((body, touch), lane) in touches.clone() {
            static_ends[lane / LANES].set(lane % LANES, [*body, NO_BODY]);
            statics.blocks[lane / LANES].set(lane % LANES, &makings.fixed(*body, touch));
        }
        statics.fill_coefficients(touches, |(body, touch)| {
            static_coefficient(makings.columns, makings.kinds, (*body, touch), makings.step)
        });
    }
}

/// Where a chunk's contacts of one class go.
struct Target<'a> {
    blocks: &'a mut [Block],
    /// As many as blocks, or one for contacts that are alike.
    coefficients: &'a mut [Coefficients],
}

impl Target<'_> {
    /// Writes the coefficients of the contacts, each given with its lane, counted through all blocks.
    fn fill_coefficients<T>(
        &mut self,
        mut contacts: impl Iterator<Item = (T, usize)>,
        coefficient: impl Fn(&T) -> Coefficient,
    ) {
        self.coefficients.fill(Coefficients::EMPTY);
        if self.coefficients.len() < self.blocks.len() {
            if let Some((any, _)) = contacts.next() {
                self.coefficients[0] = Coefficients::alike(&coefficient(&any));
            }
            return;
        }
        for (item, lane) in contacts {
            self.coefficients[lane / LANES].set(lane % LANES, &coefficient(&item));
        }
    }
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

    /// Prepares all contacts, those between tiles while others are at those inside.
    pub(super) fn prepare(&mut self, makings: Makings<'_>, held: usize, contacts: &mut ContactSet) {
        let end = self.portions.last().cloned().unwrap_or_default();
        let found = &self.found[..self.table.chunks.len()];
        let between = found.iter().map(|found| found.across.len()).sum::<usize>();
        let blocks = [end.inside.end, end.statics.end, between.div_ceil(LANES)];
        contacts.make_room(blocks, makings.columns.id.len());
        let ContactSet {
            inside,
            statics,
            static_ends,
            across,
            inside_coefficients,
            static_coefficients,
        } = contacts;
        resize(inside, end.inside.end, Block::EMPTY);
        resize(statics, end.statics.end, Block::EMPTY);
        static_ends.clear();
        resize(static_ends, end.statics.end, Ends::EMPTY);
        resize(inside_coefficients, end.inside_coefficients.end, Coefficients::EMPTY);
        resize(static_coefficients, end.static_coefficients.end, Coefficients::EMPTY);
        let (mut inside, mut statics) = (&mut inside[..], &mut statics[..]);
        let mut static_ends = &mut static_ends[..];
        let mut inside_coefficients = &mut inside_coefficients[..];
        let mut static_coefficients = &mut static_coefficients[..];
        let mut tasks: Vec<Task<'_>> = recycled(std::mem::take(&mut self.tasks.0));
        for (portion, found) in self.portions.iter().zip(&self.found) {
            tasks.push(Task {
                found,
                inside: Target {
                    blocks: split_front(&mut inside, portion.inside.len()),
                    coefficients: split_front(&mut inside_coefficients, portion.inside_coefficients.len()),
                },
                statics: Target {
                    blocks: split_front(&mut statics, portion.statics.len()),
                    coefficients: split_front(&mut static_coefficients, portion.static_coefficients.len()),
                },
                static_ends: split_front(&mut static_ends, portion.statics.len()),
            });
        }
        let prepare_inside = || tasks.par_iter_mut().with_max_len(1).for_each(|task| task.run(&makings));
        let prepare_across = || {
            self.across.gather(found);
            self.across.prepare(makings, &self.sleep, across);
            self.across.list_sides(makings.columns, (held, &self.sleep), across);
        };
        join(prepare_inside, prepare_across);
        self.tasks.0 = recycled(tasks);
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
    use crate::config::WorldParams;
    use crate::contact::{CacheEntry, CacheSet, CachedRanges};
    use crate::scenes::Random;
    use crate::simd::Level;
    use crate::storage::{Motion, Place};

    /// Pairs that overlap, are apart or coincide, with impulses of the last tick and without; the last block is not full.
    #[test]
    fn eight_contacts_are_what_one_is() {
        let mut random = Random(11);
        let (mut columns, mut set) = (Columns::default(), CacheSet::default());
        let mut ends = vec![Ends::EMPTY; 13];
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
                let other = u64::from(2 * k + 1);
                set.inside.push(CacheEntry { other, impulses });
                ranges.inside.extend(set.inside.len() - 1);
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
            ends[k as usize / LANES].set(k as usize % LANES, [2 * k, 2 * k + 1]);
        }
        let (kinds, mut step) = (Kinds::default(), StepConstants::new(&WorldParams::default()));
        for level in Level::supported() {
            step.simd = level;
            let makings = Makings {
                columns: &columns,
                kinds: &kinds,
                before: ContactCache { set: &set, extra: &[] },
                step: &step,
            };
            let mut expected = vec![Block::EMPTY; ends.len()];
            for (block, ends) in expected.iter_mut().zip(&ends) {
                ends.lanes()
                    .for_each(|(lane, pair)| block.set(lane, &makings.pair(pair)));
            }
            let mut found = expected.clone();
            found.reverse();
            level.run(PairContacts {
                makings: &makings,
                ends: &ends,
                blocks: &mut found,
            });
            let bits = |block: &Block| {
                let [x, y, z] = block.normal;
                let [u, v, w] = block.friction_impulse;
                [x, y, z, u, v, w, block.separation, block.normal_impulse].map(|octet| octet.0.map(f32::to_bits))
            };
            for (b, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(bits(found), bits(expected), "block {b} at {}", level.name());
            }
        }
    }
}
