//! Bodies as columns, sorted by tile and id, so that a tile is a contiguous range; its bodies fit into the second cache in any order.
//!
//! Columns are split by use: [`Motion`] is what the solver touches in every pass, [`Place`] what the collision stages read, the rest is read once a tick or less.
//! The order decides the solver's sequence inside a tile, hence bits: it is a function of positions and ids alone, never of when bodies were last sorted.

use std::hash::BuildHasher;

use glam::{Vec3, Vec4};
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::body::{BodyId, BodyRecord};
use crate::cache::CachedRanges;
use crate::collide::findings::FindingPlace;
use crate::cycles::Cycles;
use crate::datum::Datum;
use crate::halo::Ghost;
use crate::kinds::{Kind, Kinds};
use crate::order::Reorder;
use crate::parallel::*;
use crate::recycled::{make_room, resize};
use crate::shape::ConvexHull;
use crate::simd::Twist;
use crate::tile::TileIndex;
use crate::tile_table::TileTable;

/// What the solver reads and writes: one cache line of four vectors, each with a number in its fourth lane, so that four bodies are transposed into lanes at once.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Motion {
    /// Velocity, m/s, and inverse mass, 1/kg; angular velocity, rad/s, and radius times inverse inertia, 1/(kg m).
    pub(crate) twist: Twist,
    /// Displacement since the start of the tick, m; radius, m.
    pub(crate) displacement: Vec4,
    /// Rotation vector since the start of the tick, rad; radius plus speculative margin, m, which is valid from the collision stages on.
    pub(crate) rotation: Vec4,
}

impl Motion {
    /// What stands in for a body that is not there: it does not move and nothing moves it.
    pub(crate) const FIXED: Self = Self {
        twist: Twist::ZERO,
        displacement: Vec4::ZERO,
        rotation: Vec4::ZERO,
    };

    /// Velocity, m/s.
    pub fn velocity(&self) -> Vec3 {
        self.twist.linear.truncate()
    }

    pub(crate) fn set_velocity(&mut self, velocity: Vec3) {
        self.twist.linear = velocity.extend(self.twist.linear.w);
    }

    /// Angular velocity, rad/s.
    pub fn angular_velocity(&self) -> Vec3 {
        self.twist.angular.truncate()
    }

    pub(crate) fn set_angular_velocity(&mut self, velocity: Vec3) {
        self.twist.angular = velocity.extend(self.twist.angular.w);
    }

    /// 1/kg.
    pub(crate) fn inverse_mass(&self) -> f32 {
        self.twist.linear.w
    }

    /// Radius times inverse inertia, 1/(kg m): what a tangential impulse on the surface changes the angular velocity by.
    pub(crate) fn turning(&self) -> f32 {
        self.twist.angular.w
    }

    /// m.
    pub(crate) fn radius(&self) -> f32 {
        self.displacement.w
    }

    /// Radius plus speculative margin, m.
    pub(crate) fn reach(&self) -> f32 {
        self.rotation.w
    }

    pub(crate) fn set_reach(&mut self, reach: f32) {
        self.rotation.w = reach;
    }
}

const _: () = assert!(size_of::<Motion>() == 64);

/// Where the centre of a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// The tile that it is in.
    pub tile: TileIndex,
    /// From the tile's centre, m.
    pub offset: Vec3,
}

/// The columns. Held bodies come first; during a tick ghosts follow.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) motion: Vec<Motion>,
    pub(crate) place: Vec<Place>,
    /// Quaternion x y z w.
    pub(crate) orientation: Vec<[f32; 4]>,
    /// Number of the body's kind.
    pub(crate) kind: Vec<u32>,
    /// Force on itself in the body's frame, N; empty while nobody has any.
    pub(crate) thrust: Vec<Vec3>,
    /// Ticks at rest.
    pub(crate) rest: Vec<u16>,
    pub(crate) id: Vec<BodyId>,
    /// Ranges of last tick's contacts that are listed under the body.
    pub(crate) cached: Vec<CachedRanges>,
    /// The same for manifolds; empty in a world of plain spheres.
    pub(crate) cached_manifolds: Vec<CachedRanges>,
    /// Where the body was last looked where it touches; empty likewise.
    pub(crate) datum: Vec<Option<Datum>>,
    /// What was found for it there in the last tick; empty likewise.
    pub(crate) findings: Vec<FindingPlace>,
    /// Stable handle of a held body; ghosts have none.
    slot: Vec<u32>,
}

/// What was derived from the bodies and may no longer be true of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stale {
    /// That the held bodies are in storage order.
    pub(crate) order: bool,
    /// The ranges of bodies that the tiles of the last tick had: some have come or gone.
    pub(crate) members: bool,
    /// The table of tiles.
    pub(crate) tiles: bool,
    /// The reaches of the held bodies.
    pub(crate) reaches: bool,
}

/// All bodies that a world holds, and during a tick the ghosts of its neighbours.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    columns: Columns,
    kinds: Kinds,
    /// Set where the bodies change, taken back where what follows from them is made anew.
    pub(crate) stale: Stale,
    reorder: Reorder,
    held: usize,
    /// Slots by the ids of their bodies. Never iterated.
    slot_of_id: HashTable<u32>,
    index_of_slot: Vec<u32>,
    free_slots: Vec<u32>,
    /// Changes whenever a body comes or goes.
    generation: u64,
    /// How many held bodies have a thrust.
    thrusting: usize,
}

/// Bodies that are worth a second thread when they change their places.
const WORTH_TWO_THREADS: usize = 2048;

const NO_SLOT: u32 = u32::MAX;

fn hash_of(id: BodyId) -> u64 {
    FxBuildHasher.hash_one(id)
}

/// The motion, at rest within its tick, of a body of this velocity and mass.
pub(crate) fn motion_of(velocity: [f32; 3], angular_velocity: [f32; 3], radius: f32, mass: f32) -> Motion {
    // A solid sphere: I = 2/5 m r².
    let inverse_inertia = 2.5 / (mass * radius * radius);
    Motion {
        twist: Twist {
            linear: Vec3::from_array(velocity).extend(1.0 / mass),
            angular: Vec3::from_array(angular_velocity).extend(radius * inverse_inertia),
        },
        displacement: Vec3::ZERO.extend(radius),
        rotation: Vec4::ZERO,
    }
}

/// The motion of a body at rest within its tick.
fn motion_at_rest(record: &BodyRecord, kind: &Kind) -> Motion {
    motion_of(record.velocity, record.angular_velocity, kind.radius, kind.given.mass)
}

/// The parts of a body that its ghost has; the rest is neutral.
pub(crate) fn record_of_ghost(ghost: &Ghost) -> BodyRecord {
    BodyRecord {
        id: ghost.id,
        tile: ghost.tile,
        offset: ghost.offset,
        orientation: ghost.orientation,
        velocity: ghost.velocity,
        angular_velocity: ghost.angular_velocity,
        thrust: [0.0; 3],
        rest: ghost.rest,
        kind: ghost.kind,
        datum: None,
    }
}

impl Bodies {
    /// None yet, of a world with these hulls.
    pub(crate) fn new(hulls: Vec<ConvexHull>) -> Self {
        Self {
            kinds: Kinds::new(hulls),
            ..Self::default()
        }
    }

    /// Number of held bodies.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    pub(crate) fn columns_mut(&mut self) -> &mut Columns {
        &mut self.columns
    }

    /// The columns to change, and the kinds.
    pub(crate) fn columns_and_kinds(&mut self) -> (&mut Columns, &Kinds) {
        (&mut self.columns, &self.kinds)
    }

    /// Changes whenever a body comes or goes.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether any held body has a thrust.
    pub(crate) fn any_thrust(&self) -> bool {
        self.thrusting > 0
    }

    pub(crate) fn set_thrust(&mut self, index: usize, thrust: Vec3) {
        let before = self.columns.thrust(index);
        self.thrusting -= usize::from(before != Vec3::ZERO);
        self.thrusting += usize::from(thrust != Vec3::ZERO);
        self.keep_thrust();
        if let Some(own) = self.columns.thrust.get_mut(index) {
            *own = thrust;
        }
    }

    /// Makes room for thrusts, or gives it back.
    fn keep_thrust(&mut self) {
        let Columns { thrust, id, .. } = &mut self.columns;
        if self.thrusting == 0 {
            *thrust = Vec::new();
        } else if thrust.is_empty() {
            resize(thrust, id.len(), Vec3::ZERO);
        }
    }

    /// The slots of the held bodies: handles that stay while a body is held.
    pub(crate) fn slots(&self) -> &[u32] {
        &self.columns.slot[..self.held]
    }

    /// The index of the body in each slot; of no meaning for free slots.
    pub(crate) fn index_of_slot(&self) -> &[u32] {
        &self.index_of_slot
    }

    /// Index of a held body.
    pub(crate) fn index_of(&self, id: BodyId) -> Option<usize> {
        let index = |slot: u32| self.index_of_slot[slot as usize] as usize;
        let is_its = |&slot: &u32| self.columns.id[index(slot)] == id;
        self.slot_of_id.find(hash_of(id), is_its).map(|&slot| index(slot))
    }

    pub(crate) fn record(&self, index: usize) -> BodyRecord {
        let columns = &self.columns;
        let motion = &columns.motion[index];
        BodyRecord {
            id: columns.id[index],
            tile: columns.place[index].tile,
            offset: columns.place[index].offset.to_array(),
            orientation: columns.orientation[index],
            velocity: motion.velocity().to_array(),
            angular_velocity: motion.angular_velocity().to_array(),
            thrust: columns.thrust(index).to_array(),
            rest: columns.rest[index],
            kind: self.kind(index).given,
            datum: columns.datum.get(index).copied().flatten(),
        }
    }

    /// A body as its neighbours need it.
    pub(crate) fn ghost(&self, index: usize) -> Ghost {
        let record = self.record(index);
        Ghost {
            id: record.id,
            tile: record.tile,
            offset: record.offset,
            velocity: record.velocity,
            angular_velocity: record.angular_velocity,
            orientation: record.orientation,
            rest: record.rest,
            kind: record.kind,
        }
    }

    /// The held bodies with the ranges of their cached contacts.
    pub(crate) fn homes(&self) -> impl Iterator<Item = (BodyId, &CachedRanges)> {
        self.columns.id[..self.held].iter().copied().zip(&self.columns.cached)
    }

    /// The held bodies with the ranges of their cached manifolds.
    pub(crate) fn manifold_homes(&self) -> impl Iterator<Item = (BodyId, &CachedRanges)> {
        self.columns.id[..self.held]
            .iter()
            .copied()
            .zip(&self.columns.cached_manifolds)
    }

    /// Makes room for the ranges of cached manifolds and for datums, or gives it back.
    pub(crate) fn keep_manifolds(&mut self, wanted: bool) {
        let len = if wanted { self.columns.id.len() } else { 0 };
        let Columns {
            cached_manifolds,
            datum,
            findings,
            ..
        } = &mut self.columns;
        cached_manifolds.resize(len, CachedRanges::default());
        datum.resize(len, None);
        findings.resize(len, FindingPlace::default());
    }

    /// All kinds.
    pub(crate) fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// A body's kind.
    pub(crate) fn kind(&self, index: usize) -> &Kind {
        self.kinds.get(self.columns.kind[index])
    }

    /// Adds a body after all others; the next sort moves it to its place. The record is valid and its id is new.
    pub(crate) fn push(&mut self, record: &BodyRecord) {
        assert_eq!(self.held, self.columns.id.len(), "bodies are added between ticks");
        assert!(
            self.index_of(record.id).is_none(),
            "body {} is held already",
            record.id.0
        );
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            let slot = self.index_of_slot.len();
            make_room(&mut self.index_of_slot, slot + 1);
            self.index_of_slot.push(0);
            slot as u32
        });
        self.index_of_slot[slot as usize] = self.held as u32;
        self.generation += 1;
        self.stale = Stale {
            order: true,
            members: true,
            tiles: true,
            reaches: true,
        };
        self.push_record(record, slot);
        if record.datum.is_some() {
            self.keep_manifolds(true);
            self.columns.datum[self.held] = record.datum;
        }
        let (ids, index_of_slot) = (&self.columns.id, &self.index_of_slot);
        let hash_again = |&slot: &u32| hash_of(ids[index_of_slot[slot as usize] as usize]);
        self.slot_of_id.insert_unique(hash_of(record.id), slot, hash_again);
        self.held += 1;
        if record.thrust != [0.0; 3] {
            self.thrusting += 1;
            self.keep_thrust();
            self.columns.thrust[self.held - 1] = Vec3::from_array(record.thrust);
        }
    }

    /// Makes room for so many more held bodies, and no more: what grows by itself may take twice as much.
    pub(crate) fn reserve(&mut self, bodies: usize) {
        self.columns.reserve(bodies);
        self.index_of_slot.reserve_exact(bodies);
        let (ids, index_of_slot) = (&self.columns.id, &self.index_of_slot);
        let hash_again = |&slot: &u32| hash_of(ids[index_of_slot[slot as usize] as usize]);
        self.slot_of_id.reserve(bodies, hash_again);
    }

    /// Removes the bodies at these indices, which ascend; the others keep their order.
    pub(crate) fn remove(&mut self, indices: &[u32]) {
        let Some(&first) = indices.first() else {
            return;
        };
        assert_eq!(self.held, self.columns.id.len(), "bodies are removed between ticks");
        self.generation += 1;
        (self.stale.members, self.stale.tiles) = (true, true);
        for &index in indices {
            let (id, slot) = (self.columns.id[index as usize], self.columns.slot[index as usize]);
            let entry = self.slot_of_id.find_entry(hash_of(id), |&own| own == slot);
            entry.expect("a held body has a slot").remove();
            self.free_slots.push(slot);
            self.kinds.release(self.columns.kind[index as usize]);
            self.thrusting -= usize::from(self.columns.thrust(index as usize) != Vec3::ZERO);
        }
        self.columns.remove(indices);
        self.keep_thrust();
        self.held -= indices.len();
        for (index, &slot) in self.columns.slot.iter().enumerate().skip(first as usize) {
            self.index_of_slot[slot as usize] = index as u32;
        }
    }

    /// Gives the bodies new slots, in storage order, so that what goes by slots is in order as well.
    pub(crate) fn renumber(&mut self) {
        if self.free_slots.is_empty() && self.columns.slot.iter().zip(0..).all(|(&slot, index)| slot == index) {
            return;
        }
        self.free_slots.clear();
        self.index_of_slot.clear();
        self.index_of_slot.extend(0..self.held as u32);
        self.columns.slot[..self.held].copy_from_slice(&self.index_of_slot);
        self.slot_of_id.clear();
        let ids = &self.columns.id;
        for (&id, &slot) in ids.iter().zip(&self.index_of_slot) {
            self.slot_of_id
                .insert_unique(hash_of(id), slot, |&slot| hash_of(ids[slot as usize]));
        }
    }

    /// Adds a ghost after the held bodies and the ghosts before it.
    pub(crate) fn push_ghost(&mut self, ghost: &Ghost) {
        let record = record_of_ghost(ghost);
        self.stale.tiles = true;
        self.push_record(&record, NO_SLOT);
    }

    fn push_record(&mut self, record: &BodyRecord, slot: u32) {
        let kind = self.kinds.acquire(&record.kind);
        let motion = motion_at_rest(record, self.kinds.get(kind));
        self.columns.push(record, motion, kind, slot);
    }

    /// Forgets all ghosts.
    pub(crate) fn drop_ghosts(&mut self) {
        self.stale.tiles |= self.columns.id.len() > self.held;
        for &kind in &self.columns.kind[self.held..] {
            self.kinds.release(kind);
        }
        self.columns.truncate(self.held);
    }

    /// Brings the held bodies into storage order, in no time when none has left its place. `tiles` are those of the last tick.
    pub(crate) fn sort(&mut self, tiles: &TileTable) {
        assert_eq!(
            self.held,
            self.columns.id.len(),
            "bodies are sorted before ghosts arrive"
        );
        if !std::mem::take(&mut self.stale.order) {
            return;
        }
        let tiles = (!self.stale.members).then_some(tiles);
        let Columns { place, id, .. } = &self.columns;
        // Where bodies are is about to change, so that there is room for their order until it is known.
        let order = &mut self.index_of_slot[..self.held];
        let cycles = self.reorder.find((place, id), tiles, order);
        self.columns.permute(cycles);
        for (index, &slot) in self.columns.slot.iter().enumerate() {
            self.index_of_slot[slot as usize] = index as u32;
        }
    }
}

impl Columns {
    /// A body's force on itself in its frame, N.
    pub(crate) fn thrust(&self, index: usize) -> Vec3 {
        self.thrust.get(index).copied().unwrap_or(Vec3::ZERO)
    }

    fn reserve(&mut self, bodies: usize) {
        self.motion.reserve_exact(bodies);
        self.place.reserve_exact(bodies);
        self.orientation.reserve_exact(bodies);
        self.kind.reserve_exact(bodies);
        self.rest.reserve_exact(bodies);
        self.id.reserve_exact(bodies);
        self.cached.reserve_exact(bodies);
        self.slot.reserve_exact(bodies);
    }

    fn push(&mut self, record: &BodyRecord, motion: Motion, kind: u32, slot: u32) {
        if self.motion.len() == self.motion.capacity() {
            self.reserve(self.motion.len() / 8 + 8);
        }
        self.motion.push(motion);
        self.place.push(Place {
            tile: record.tile,
            offset: Vec3::from_array(record.offset),
        });
        self.orientation.push(record.orientation);
        self.kind.push(kind);
        if !self.thrust.is_empty() {
            self.thrust.push(Vec3::ZERO);
        }
        self.rest.push(record.rest);
        self.id.push(record.id);
        self.cached.push(CachedRanges::default());
        if !self.cached_manifolds.is_empty() {
            self.cached_manifolds.push(CachedRanges::default());
            self.datum.push(record.datum);
            self.findings.push(FindingPlace::default());
        }
        self.slot.push(slot);
    }

    fn truncate(&mut self, len: usize) {
        let Self {
            motion,
            place,
            orientation,
            kind,
            thrust,
            rest,
            id,
            cached,
            cached_manifolds,
            datum,
            findings,
            slot,
        } = self;
        motion.truncate(len);
        place.truncate(len);
        orientation.truncate(len);
        kind.truncate(len);
        thrust.truncate(len);
        rest.truncate(len);
        id.truncate(len);
        cached.truncate(len);
        cached_manifolds.truncate(len);
        datum.truncate(len);
        findings.truncate(len);
        slot.truncate(len);
    }

    fn remove(&mut self, indices: &[u32]) {
        let Self {
            motion,
            place,
            orientation,
            kind,
            thrust,
            rest,
            id,
            cached,
            cached_manifolds,
            datum,
            findings,
            slot,
        } = self;
        remove_from(motion, indices);
        remove_from(place, indices);
        remove_from(orientation, indices);
        remove_from(kind, indices);
        if !thrust.is_empty() {
            remove_from(thrust, indices);
        }
        remove_from(rest, indices);
        remove_from(id, indices);
        remove_from(cached, indices);
        if !cached_manifolds.is_empty() {
            remove_from(cached_manifolds, indices);
            remove_from(datum, indices);
            remove_from(findings, indices);
        }
        remove_from(slot, indices);
    }

    /// The motion is a third of it all, so two threads take about the same time; few bodies are not worth the second.
    fn permute(&mut self, cycles: &Cycles) {
        let Self {
            motion,
            place,
            orientation,
            kind,
            thrust,
            rest,
            id,
            cached,
            cached_manifolds,
            datum,
            findings,
            slot,
        } = self;
        let mut solved = || {
            cycles.apply(motion);
            cycles.apply(id);
            cycles.apply(kind);
        };
        let mut others = || {
            cycles.apply(place);
            cycles.apply(orientation);
            if !thrust.is_empty() {
                cycles.apply(thrust);
            }
            cycles.apply(rest);
            cycles.apply(cached);
            if !cached_manifolds.is_empty() {
                cycles.apply(cached_manifolds);
                cycles.apply(datum);
                cycles.apply(findings);
            }
            cycles.apply(slot);
        };
        if cycles.positions().len() < WORTH_TWO_THREADS {
            solved();
            others();
        } else {
            join(solved, others);
        }
    }
}

fn remove_from<T: Copy>(column: &mut Vec<T>, indices: &[u32]) {
    let mut write = indices[0] as usize;
    for (k, &index) in indices.iter().enumerate() {
        let begin = index as usize + 1;
        let end = indices.get(k + 1).map_or(column.len(), |&next| next as usize);
        column.copy_within(begin..end, write);
        write += end - begin;
    }
    column.truncate(write);
}
