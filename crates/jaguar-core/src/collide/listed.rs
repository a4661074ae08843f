//! Through the list of candidates, eight pairs at a time: where most ticks find their pairs.
//!
//! The test is that of [`crate::narrow_phase::prepare::outlook`], lane by lane, for two bodies of one tile. What it reads of a tile's bodies is brought together first, in storage order, in which partners are near each other.

use std::ops::Range;

use glam::Vec4;

use super::found::Finder;
use crate::candidates::Partners;
use crate::constants::CONTACT_SLOP;
use crate::contact::NO_BODY;
use crate::simd::{F32x8, Kernel, LANES, Mask, Vec3x8, lanes_of};
use crate::solver::kernel::splat;
use crate::storage::Columns;
use crate::tile_table::Chunk;

/// Listed pairs for each body, at least, to bring bodies together for them.
const DENSE: f32 = 0.13;

/// What the test reads of a tile's bodies.
#[derive(Debug, Default)]
pub(super) struct Spheres {
    /// From the centre of the tile, m; radius, m.
    places: Vec<Vec4>,
    /// Velocity, m/s; reach, m.
    flights: Vec<Vec4>,
}

impl Spheres {
    fn fill(&mut self, columns: &Columns, bodies: Range<usize>) {
        let (motion, place) = (&columns.motion[bodies.clone()], &columns.place[bodies]);
        let places = motion.iter().zip(place);
        self.places.clear();
        self.places
            .extend(places.map(|(motion, place)| place.offset.extend(motion.radius())));
        self.flights.clear();
        self.flights
            .extend(motion.iter().map(|motion| motion.velocity().extend(motion.reach())));
    }
}

/// What a body and each of eight others are, a bit for each.
struct Verdict {
    /// Candidates in this tick.
    near: u32,
    /// What touches if both keep their velocities.
    touch: u32,
}

/// Goes through the list for the bodies of a chunk.
pub(super) struct GoThrough<'a, 'b> {
    pub(super) finder: &'a mut Finder<'b>,
    pub(super) chunk: &'a Chunk,
}

impl Kernel for GoThrough<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        let Self { finder, chunk } = self;
        let view = finder.view;
        let (bodies, candidates) = (view.bodies, view.candidates);
        if candidates.len() == 0 {
            return;
        }
        let is_dense = candidates.len() as f32 >= DENSE * bodies.held() as f32;
        let slots = bodies.slots();
        let mut lookup = candidates.lookup(slots[chunk.bodies.start]);
        let mut spheres = std::mem::take(&mut finder.scratch.spheres);
        for t in chunk.tiles.clone() {
            let own = view.table.tiles[t].bodies.clone();
            if is_dense {
                spheres.fill(bodies.columns(), own.clone());
            }
            let is_dormant = view.sleep.is_dormant(t);
            let mut walk = Walk {
                finder: &mut *finder,
                spheres: &spheres,
                index_of_slot: bodies.index_of_slot(),
                first: own.start as u32,
                count: own.len() as u32,
            };
            for body in own {
                let partners = lookup.partners(slots[body]);
                if is_dense && !is_dormant {
                    walk.see_near::<F>(body as u32, &partners);
                    partners
                        .others()
                        .for_each(|slot| walk.see(body as u32, slot, is_dormant));
                } else {
                    partners.all().for_each(|slot| walk.see(body as u32, slot, is_dormant));
                }
            }
        }
        finder.scratch.spheres = spheres;
    }
}

/// On the way through the pairs that a tile's bodies are listed with.
struct Walk<'a, 'b> {
    finder: &'a mut Finder<'b>,
    /// Those of the tile.
    spheres: &'a Spheres,
    index_of_slot: &'a [u32],
    /// The tile's first body, and how many it has.
    first: u32,
    count: u32,
}

impl Walk<'_, '_> {
    /// Decides about a body and the partner in a slot. In a dormant tile nothing happens.
    #[inline(always)]
    fn see(&mut self, body: u32, slot: u32, is_dormant: bool) {
        let other = self.index_of_slot[slot as usize];
        if !(is_dormant && other.wrapping_sub(self.first) < self.count) {
            self.finder.consider_listed(body, other);
        }
    }

    /// Decides about a body and its near partners, eight at a time those of the same tile. Few bodies have more, and how many they have is not asked: a branch that cannot be foretold takes as long as all eight.
    #[inline(always)]
    fn see_near<F: F32x8>(&mut self, body: u32, partners: &Partners<'_>) {
        let own = body - self.first;
        let mut seen = 0;
        while seen < partners.near_count() {
            let slots = partners.eight_near(seen);
            let mut others = [own; LANES];
            let mut inside = 0;
            for lane in 0..LANES {
                let index = self.index_of_slot.get(slots[lane] as usize).copied();
                let other = index.unwrap_or(NO_BODY).wrapping_sub(self.first);
                let is_inside = other < self.count;
                others[lane] = if is_inside { other } else { own };
                inside |= u32::from(is_inside) << lane;
            }
            let filled = (1 << LANES.min(partners.near_count() - seen)) - 1;
            let verdict = test::<F>(self.spheres, own, &others, self.finder.view.step.tick_seconds);
            self.take(own, &others, &verdict, filled & inside);
            for lane in lanes_of(filled & !inside) {
                self.finder
                    .consider_listed(body, self.index_of_slot[slots[lane] as usize]);
            }
            seen += LANES;
        }
    }

    /// Takes those of eight pairs that are contacts. `asked` has the lanes that have a pair.
    #[inline(always)]
    fn take(&mut self, own: u32, others: &[u32; LANES], verdict: &Verdict, asked: u32) {
        let view = self.finder.view;
        let near = asked & verdict.near;
        let (touch, unsure) = if !view.attitudes.is_empty() {
            (0, near)
        } else if view.bounces {
            (near & verdict.touch, near & !verdict.touch)
        } else {
            (near & verdict.touch, 0)
        };
        let unordered = &mut self.finder.scratch.unordered;
        let (len, mut count) = (unordered.len(), 0);
        unordered.extend_from_slice(&[[0; 2]; LANES]);
        let room = &mut unordered[len..];
        for (lane, &other) in others.iter().enumerate() {
            room[count] = [own.min(other) + self.first, own.max(other) + self.first];
            count += (touch >> lane & 1) as usize;
        }
        unordered.truncate(len + count);
        for lane in lanes_of(unsure) {
            self.finder.consider_listed(own + self.first, others[lane] + self.first);
        }
    }
}

/// What of [`crate::narrow_phase::prepare::outlook`] needs no materials, for a body and eight others.
#[inline(always)]
fn test<F: F32x8>(spheres: &Spheres, finder: u32, others: &[u32; LANES], tick_seconds: f32) -> Verdict {
    let rows = |column: &[Vec4]| {
        let mut rows = [Vec4::ZERO; LANES];
        for lane in 0..LANES {
            rows[lane] = column[others[lane] as usize];
        }
        rows
    };
    let (place, flight) = (spheres.places[finder as usize], spheres.flights[finder as usize]);
    let [x, y, z, other_radius] = F::columns(rows(&spheres.places));
    let vector = Vec3x8::new(x, y, z) - splat(place.truncate());
    let [x, y, z, other_reach] = F::columns(rows(&spheres.flights));
    let approach = Vec3x8::new(x, y, z) - splat(flight.truncate());

    let square = vector.dot(vector);
    let reach = F::splat(flight.w) + other_reach;
    let near = square.lt(reach * reach);
    let distance = square.sqrt();
    let separation = distance - (F::splat(place.w) + other_radius);
    let (zero, slop) = (F::splat(0.0), F::splat(CONTACT_SLOP));
    let approach = approach.dot(vector) / distance;
    let approach = F::select(approach.lt(zero), approach, zero);
    let touch = separation.lt(slop) | (separation + approach * F::splat(tick_seconds)).lt(slop);
    Verdict {
        near: near.bits(),
        touch: touch.bits(),
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec3;

    use super::*;
    use crate::config::WorldParams;
    use crate::kinds::Kinds;
    use crate::material::Material;
    use crate::narrow_phase::prepare::{Outlook, outlook};
    use crate::scenes::{Random, ball};
    use crate::simd::{Level, Twist};
    use crate::solver::StepConstants;
    use crate::storage::{Motion, Place};

    struct Test<'a>(&'a Spheres, u32, &'a [u32; LANES], f32);

    impl Kernel for Test<'_> {
        type Output = Verdict;

        #[inline(always)]
        fn run<F: F32x8>(self) -> Verdict {
            test::<F>(self.0, self.1, self.2, self.3)
        }
    }

    /// Balls that overlap, coincide, just touch, approach each other and part.
    #[test]
    fn eight_pairs_are_judged_as_one_is() {
        let mut random = Random(7);
        let step = StepConstants::new(&WorldParams::default());
        let mut kinds = Kinds::default();
        let plain = ball(glam::DVec3::ZERO, Vec3::ZERO, Material::default());
        let kind = kinds.acquire(&plain.kind());
        let mut columns = Columns::default();
        for k in 0..400 {
            let mut vector = |bound: f64| random.vector(bound).as_vec3();
            let radius = 0.2 + 0.1 * (k % 3) as f32;
            let (speed, spread) = ([0.1, 3.0, 20.0][k % 7 % 3], [0.3, 0.7][k / 8 % 2]);
            let mut offset = vector(spread);
            if k % 16 == 1 {
                offset = columns.place[k - 1].offset;
            }
            columns.place.push(Place {
                offset,
                ..Place::default()
            });
            let mut motion = Motion {
                twist: Twist {
                    linear: vector(speed).extend(1.0),
                    angular: Vec4::ZERO,
                },
                displacement: Vec3::ZERO.extend(radius),
                ..Motion::default()
            };
            motion.set_reach(super::super::reach_of(&motion, false, &step));
            columns.motion.push(motion);
            columns.kind.push(kind);
        }
        let mut spheres = Spheres::default();
        spheres.fill(&columns, 0..400);
        let mut seen = [0; 3];
        for first in 0..392 {
            let others = [1, 2, 3, 4, 5, 6, 7, 1].map(|step| first + step);
            let expected = |b: u32| {
                let vector = columns.place[b as usize].offset - columns.place[first as usize].offset;
                let reach = columns.motion[first as usize].reach() + columns.motion[b as usize].reach();
                let near = vector.length_squared() < reach * reach;
                let touch = near && outlook(&columns, &kinds, (first, b), vector, &step) == Outlook::Touch;
                (near, touch)
            };
            for level in Level::supported() {
                let verdict = level.run(Test(&spheres, first, &others, step.tick_seconds));
                for (lane, &other) in others.iter().enumerate() {
                    let near = verdict.near >> lane & 1 == 1;
                    let found = (near, near && verdict.touch >> lane & 1 == 1);
                    assert_eq!(found, expected(other), "lane {lane} of {first} at {}", level.name());
                    seen[usize::from(found.0) + usize::from(found.1)] += 1;
                }
            }
        }
        assert!(
            seen.iter().all(|&count| count > 100),
            "far, near and touching: {seen:?}"
        );
    }
}
