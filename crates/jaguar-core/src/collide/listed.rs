//! Through the list of candidates, eight pairs at a time: where most ticks find their pairs.
//!
//! The test is that of [`crate::narrow_phase::prepare::outlook`], lane by lane, for two bodies of one tile. What it reads of a tile's bodies is brought together first, in storage order, in which partners are near each other.

use std::ops::Range;

use glam::Vec4;

use super::found::Finder;
use crate::constants::CONTACT_SLOP;
use crate::simd::{F32x8, Kernel, LANES, Mask, Vec3x8, lanes_of};
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

/// Pairs of one tile that wait for a test, by their places in [`Spheres`].
#[derive(Default)]
struct Batch {
    finders: [u32; LANES],
    others: [u32; LANES],
    len: usize,
}

/// What the pairs of a batch are, a bit for each.
struct Verdict {
    /// Candidates in this tick.
    near: u32,
    /// Those of them that touch if they keep their velocities.
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
            let mut walk = Walk {
                finder: &mut *finder,
                spheres: is_dense.then_some(&spheres),
                index_of_slot: bodies.index_of_slot(),
                first: own.start as u32,
                count: own.len() as u32,
                is_dormant: view.sleep.is_dormant(t),
                batch: Batch::default(),
            };
            for body in own {
                let partners = lookup.partners(slots[body]);
                for &step in partners.near {
                    walk.see::<F>(body as u32, partners.slot.wrapping_add_signed(step.into()));
                }
                for pair in partners.others {
                    walk.see::<F>(body as u32, pair[1]);
                }
            }
            walk.test::<F>();
        }
        finder.scratch.spheres = spheres;
    }
}

/// On the way through the pairs that a tile's bodies are listed with.
struct Walk<'a, 'b> {
    finder: &'a mut Finder<'b>,
    /// Those of the tile; none if few are listed.
    spheres: Option<&'a Spheres>,
    index_of_slot: &'a [u32],
    /// The tile's first body, and how many it has.
    first: u32,
    count: u32,
    is_dormant: bool,
    batch: Batch,
}

impl Walk<'_, '_> {
    /// Takes a body's partner into the batch if it is in the same tile; else decides about it alone.
    #[inline(always)]
    fn see<F: F32x8>(&mut self, body: u32, slot: u32) {
        let other = self.index_of_slot[slot as usize];
        let is_own = other.wrapping_sub(self.first) < self.count;
        if is_own && self.is_dormant {
            return;
        }
        if !is_own || self.spheres.is_none() {
            self.finder.consider_listed(body, other);
            return;
        }
        let batch = &mut self.batch;
        batch.finders[batch.len] = body - self.first;
        batch.others[batch.len] = other - self.first;
        batch.len += 1;
        if batch.len == LANES {
            self.test::<F>();
        }
    }

    /// Tests the batch and empties it.
    #[inline(always)]
    fn test<F: F32x8>(&mut self) {
        if let Some(spheres) = self.spheres.filter(|_| self.batch.len > 0) {
            let verdict = test::<F>(spheres, &self.batch, self.finder.view.step.tick_seconds);
            self.finder.take(&self.batch, &verdict, self.first);
            self.batch.len = 0;
        }
    }
}

/// What of [`crate::narrow_phase::prepare::outlook`] needs no materials.
#[inline(always)]
fn test<F: F32x8>(spheres: &Spheres, batch: &Batch, tick_seconds: f32) -> Verdict {
    let rows = |column: &[Vec4], indices: &[u32; LANES]| {
        let mut rows = [Vec4::ZERO; LANES];
        for lane in 0..LANES {
            rows[lane] = column[indices[lane] as usize];
        }
        rows
    };
    let [x, y, z, radius] = F::columns(rows(&spheres.places, &batch.finders));
    let from = Vec3x8::new(x, y, z);
    let [x, y, z, other_radius] = F::columns(rows(&spheres.places, &batch.others));
    let vector = Vec3x8::new(x, y, z) - from;
    let [x, y, z, reach] = F::columns(rows(&spheres.flights, &batch.finders));
    let velocity = Vec3x8::new(x, y, z);
    let [x, y, z, other_reach] = F::columns(rows(&spheres.flights, &batch.others));
    let approach = Vec3x8::new(x, y, z) - velocity;

    let square = vector.dot(vector);
    let reach = reach + other_reach;
    let near = square.lt(reach * reach);
    let distance = square.sqrt();
    let separation = distance - (radius + other_radius);
    let (zero, slop) = (F::splat(0.0), F::splat(CONTACT_SLOP));
    let approach = approach.dot(vector) / distance;
    let approach = F::select(approach.lt(zero), approach, zero);
    let touch = separation.lt(slop) | (separation + approach * F::splat(tick_seconds)).lt(slop);
    let filled = (1_u32 << batch.len) - 1;
    let near = near.bits() & filled;
    Verdict {
        near,
        touch: near & touch.bits(),
    }
}

impl Finder<'_> {
    /// Takes the pairs of a batch that are contacts. `first` is the tile's first body.
    #[inline(always)]
    fn take(&mut self, batch: &Batch, verdict: &Verdict, first: u32) {
        let view = self.view;
        let pair = |lane: usize| (first + batch.finders[lane], first + batch.others[lane]);
        let (touch, unsure) = if !view.attitudes.is_empty() {
            (0, verdict.near)
        } else if view.bounces {
            (verdict.touch, verdict.near & !verdict.touch)
        } else {
            (verdict.touch, 0)
        };
        for lane in lanes_of(touch) {
            let (a, b) = pair(lane);
            self.scratch.unordered.push([a.min(b), a.max(b)]);
        }
        for lane in lanes_of(unsure) {
            let (a, b) = pair(lane);
            self.consider_listed(a, b);
        }
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
    use crate::simd::Level;
    use crate::solver::StepConstants;
    use crate::storage::{Motion, Place};

    struct Test<'a>(&'a Spheres, &'a Batch, f32);

    impl Kernel for Test<'_> {
        type Output = Verdict;

        #[inline(always)]
        fn run<F: F32x8>(self) -> Verdict {
            test::<F>(self.0, self.1, self.2)
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
                linear: vector(speed).extend(1.0),
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
            let mut batch = Batch::default();
            for lane in 0..LANES - first as usize % 3 {
                batch.finders[lane] = first;
                batch.others[lane] = first + 1 + lane as u32 % 7;
                batch.len += 1;
            }
            let expected = |lane: usize| {
                let (a, b) = (batch.finders[lane], batch.others[lane]);
                let vector = columns.place[b as usize].offset - columns.place[a as usize].offset;
                let reach = columns.motion[a as usize].reach() + columns.motion[b as usize].reach();
                let near = vector.length_squared() < reach * reach;
                let touch = near && outlook(&columns, &kinds, (a, b), vector, &step) == Outlook::Touch;
                (near, touch)
            };
            for level in Level::supported() {
                let verdict = level.run(Test(&spheres, &batch, step.tick_seconds));
                for lane in 0..batch.len {
                    let found = (verdict.near >> lane & 1 == 1, verdict.touch >> lane & 1 == 1);
                    assert_eq!(found, expected(lane), "lane {lane} of {first} at {}", level.name());
                    seen[usize::from(found.0) + usize::from(found.1)] += 1;
                }
                assert_eq!(verdict.near >> batch.len, 0, "nothing is said of lanes without a pair");
            }
        }
        assert!(
            seen.iter().all(|&count| count > 100),
            "far, near and touching: {seen:?}"
        );
    }
}
