//! Contacts, and the impulses of last tick's contacts, which warm start this tick's.
//!
//! Contacts lie in [`Block`]s of eight, lane by lane, with [`Ends`] and [`Coefficients`] beside them, in the order in which they are solved; no two lanes of a block share a body, so a block is solved at once and gives
//! the same bits as one contact after the other.
//!
//! The cache has one small entry for each contact, listed under one held body, its *home*; it names the other partner by id. A body's ranges move with it through the sort. So
//! a lookup is a walk over a few neighbouring entries, and no table of pairs exists.

use std::ops::Range;

use glam::Vec3;
use rustc_hash::FxHashSet;

use crate::body::BodyId;
use crate::halo::CachedContact;
use crate::recycled::{make_room, trim};
use crate::simd::{LANES, Octet};

/// In place of a body's index: static geometry, or a lane without a contact.
pub(crate) const NO_BODY: u32 = u32::MAX;

/// In [`CachedContact::high`] and [`CacheEntry::other`]: the partner is static geometry, the rest is the key of the feature.
pub(crate) const STATIC_BIT: u64 = 1 << 63;

/// One contact point. Two spheres, or a sphere and a feature of static geometry, touch in one point, so there is no manifold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    /// Unit, from the body of the lower id to the one of the higher; from the body to the static geometry.
    pub(crate) normal: Vec3,
    /// Distance of the surfaces at the start of the tick, m; negative when they overlap.
    pub(crate) separation: f32,
    /// Accumulated on the second body (the first gets the opposite), kg m/s; perpendicular to the normal.
    pub(crate) friction_impulse: Vec3,
    /// Accumulated, kg m/s; not negative.
    pub(crate) normal_impulse: f32,
}

/// What of a contact follows from the kinds of its bodies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficient {
    /// Effective mass along the normal, kg.
    pub(crate) normal_mass: f32,
    /// Effective mass along any tangent, kg: the same for all, since the inertia of a sphere is.
    pub(crate) tangent_mass: f32,
    /// Coefficient of friction.
    pub(crate) friction: f32,
    /// Coefficient of restitution.
    pub(crate) restitution: f32,
}

/// The coefficients of eight contacts, lane by lane. Where all bodies are of one kind, as in most large worlds, one such block serves a whole list of blocks.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Coefficients {
    pub(crate) normal_mass: Octet,
    pub(crate) tangent_mass: Octet,
    pub(crate) friction: Octet,
    pub(crate) restitution: Octet,
}

impl Coefficients {
    /// Of lanes without contacts.
    pub(crate) const EMPTY: Self = Self {
        normal_mass: Octet::ZERO,
        tangent_mass: Octet::ZERO,
        friction: Octet::ZERO,
        restitution: Octet::ZERO,
    };

    pub(crate) fn set(&mut self, lane: usize, coefficient: &Coefficient) {
        self.normal_mass[lane] = coefficient.normal_mass;
        self.tangent_mass[lane] = coefficient.tangent_mass;
        self.friction[lane] = coefficient.friction;
        self.restitution[lane] = coefficient.restitution;
    }

    /// The same in all lanes. Those without a contact have no normal and no bodies, so it is of no consequence what else they have.
    pub(crate) fn alike(coefficient: &Coefficient) -> Self {
        let mut all = Self::EMPTY;
        (0..LANES).for_each(|lane| all.set(lane, coefficient));
        all
    }

    /// Those of a block in a list that has some for each block, or one for all.
    #[inline(always)]
    pub(crate) fn of(list: &[Self], block: usize) -> &Self {
        list.get(block).unwrap_or_else(|| &list[0])
    }
}

/// The bodies of eight contacts by index, lane by lane. They are known before the contacts are, and in the order of lanes they take no more memory than pairs do. Not aligned: they are read one
/// by one, and an aligned vector cannot grow in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// Those of the lower ids, or the only bodies; [`NO_BODY`] in lanes without a contact.
    pub(crate) low: [u32; LANES],
    /// Those of the higher ids, or [`NO_BODY`].
    pub(crate) high: [u32; LANES],
}

impl Ends {
    /// Lanes without contacts.
    pub(crate) const EMPTY: Self = Self {
        low: [NO_BODY; LANES],
        high: [NO_BODY; LANES],
    };

    pub(crate) fn set(&mut self, lane: usize, [low, high]: [u32; 2]) {
        (self.low[lane], self.high[lane]) = (low, high);
    }

    /// The body of the lower id and the other one.
    pub(crate) fn get(&self, lane: usize) -> [u32; 2] {
        [self.low[lane], self.high[lane]]
    }

    /// The lanes with a contact, each with its bodies.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (usize, [u32; 2])> + Clone + '_ {
        (0..LANES)
            .filter(|&lane| self.low[lane] != NO_BODY)
            .map(|lane| (lane, self.get(lane)))
    }
}

/// Contacts to be solved, block by block.
#[derive(Debug)]
pub(crate) struct Contacts<'a> {
    pub(crate) blocks: &'a mut [Block],
    pub(crate) ends: &'a [Ends],
    /// As many as blocks, or one.
    pub(crate) coefficients: &'a [Coefficients],
}

/// Eight contacts, lane by lane: four cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Block {
    pub(crate) normal: [Octet; 3],
    pub(crate) separation: Octet,
    pub(crate) friction_impulse: [Octet; 3],
    pub(crate) normal_impulse: Octet,
}

const _: () = assert!(size_of::<Block>() == 256);

impl Block {
    /// Lanes without contacts: they compute zero impulses on nothing.
    pub(crate) const EMPTY: Self = Self {
        normal: [Octet::ZERO; 3],
        separation: Octet::ZERO,
        friction_impulse: [Octet::ZERO; 3],
        normal_impulse: Octet::ZERO,
    };

    /// Puts a contact into a lane.
    pub(crate) fn set(&mut self, lane: usize, contact: &Contact) {
        for axis in 0..3 {
            self.normal[axis][lane] = contact.normal[axis];
            self.friction_impulse[axis][lane] = contact.friction_impulse[axis];
        }
        self.separation[lane] = contact.separation;
        self.normal_impulse[lane] = contact.normal_impulse;
    }

    /// Takes a lane's impulses from the block as it was.
    pub(crate) fn take_back(&mut self, lane: usize, before: &Self) {
        self.normal_impulse[lane] = before.normal_impulse[lane];
        for (now, then) in self.friction_impulse.iter_mut().zip(&before.friction_impulse) {
            now[lane] = then[lane];
        }
    }

    /// What a lane has accumulated, without negative zeros. Without a normal impulse there is no friction: what rounding left of it would warm start the next tick here, and not after a
    /// hand-over, which takes along what carries.
    pub(crate) fn impulses(&self, lane: usize) -> Impulses {
        let normal = self.normal_impulse[lane] + 0.0;
        let sum =
            normal + (self.friction_impulse[0][lane] + self.friction_impulse[1][lane] + self.friction_impulse[2][lane]);
        // What is no longer a number would be none for ever, and peers refuse it.
        if normal == 0.0 || !sum.is_finite() {
            return Impulses::default();
        }
        Impulses {
            normal,
            friction: [0, 1, 2].map(|axis| self.friction_impulse[axis][lane] + 0.0),
        }
    }
}

/// Contacts between bodies of different tiles. Their order is of no consequence, and lanes may share bodies.
#[derive(Debug, Default)]
pub(crate) struct AcrossContacts {
    pub(crate) blocks: Vec<Block>,
    pub(crate) ends: Vec<Ends>,
    /// As many as blocks, or one.
    pub(crate) coefficients: Vec<Coefficients>,
}

impl AcrossContacts {
    fn clear(&mut self) {
        self.blocks.clear();
        self.ends.clear();
        self.coefficients.clear();
    }

    /// To be solved.
    pub(crate) fn contacts(&mut self) -> Contacts<'_> {
        Contacts {
            blocks: &mut self.blocks,
            ends: &self.ends,
            coefficients: &self.coefficients,
        }
    }
}

/// The contacts of a tick, by class.
#[derive(Debug, Default)]
pub(crate) struct ContactSet {
    /// Between bodies of one tile. Whose they are is where they were found: in [`crate::collide::found::Found`].
    pub(crate) inside: Vec<Block>,
    /// With static geometry.
    pub(crate) statics: Vec<Block>,
    pub(crate) static_ends: Vec<Ends>,
    pub(crate) across: AcrossContacts,
    /// By portion; of each as many as blocks, or one.
    pub(crate) inside_coefficients: Vec<Coefficients>,
    /// By portion; of each as many as blocks, or one.
    pub(crate) static_coefficients: Vec<Coefficients>,
}

impl ContactSet {
    pub(crate) fn clear(&mut self) {
        self.inside.clear();
        self.statics.clear();
        self.static_ends.clear();
        self.across.clear();
        self.inside_coefficients.clear();
        self.static_coefficients.clear();
    }

    /// Makes room for so many blocks of each class, at once for those that so many bodies will have when they lie in a heap: three contacts a body, some of them between tiles.
    ///
    /// What is aligned cannot grow in place: it is allocated anew and the old memory freed, and having freed a large block the system's allocator no longer maps blocks of that size but cuts them from its
    /// heaps, where all that grows leaves holes (in a pile of 50,000: 100 bytes a body). Memory that is not written to costs nothing.
    pub(crate) fn make_room(&mut self, [inside, statics, across]: [usize; 3], bodies: usize) {
        let in_a_heap = 3 * bodies / LANES;
        let at_first = |blocks: usize, most: usize| if blocks > 0 { blocks.max(most) } else { 0 };
        make_room(&mut self.inside, at_first(inside, in_a_heap));
        make_room(&mut self.statics, at_first(statics, in_a_heap / 8));
        make_room(&mut self.across.blocks, at_first(across, in_a_heap / 4));
    }
}

/// The accumulated impulses of a contact.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Impulses {
    /// kg m/s.
    pub(crate) normal: f32,
    /// kg m/s.
    pub(crate) friction: [f32; 3],
}

/// The impulses of a contact: of a point ([`Impulses`]), or of a manifold.
pub(crate) trait Kept: Copy + Default {
    /// The same with the two partners, as it is handed over and stored.
    type Listed: Copy;

    /// Whether the contact pushes.
    fn carries(&self) -> bool;

    fn listed(&self, low: BodyId, high: u64) -> Self::Listed;

    fn of(listed: &Self::Listed) -> Self;

    /// Lower and higher partner.
    fn partners(listed: &Self::Listed) -> (BodyId, u64);
}

impl Kept for Impulses {
    type Listed = CachedContact;

    fn carries(&self) -> bool {
        self.normal > 0.0
    }

    fn listed(&self, low: BodyId, high: u64) -> CachedContact {
        CachedContact {
            low,
            high,
            normal_impulse: self.normal,
            friction_impulse: self.friction,
        }
    }

    fn of(listed: &CachedContact) -> Self {
        Self {
            normal: listed.normal_impulse,
            friction: listed.friction_impulse,
        }
    }

    fn partners(listed: &CachedContact) -> (BodyId, u64) {
        (listed.low, listed.high)
    }
}

/// What is kept of a contact until the next tick.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CacheEntry<K = Impulses> {
    /// The partner that is not the home: a body's id, or [`STATIC_BIT`] and the key of the feature.
    pub(crate) other: u64,
    pub(crate) impulses: K,
}

impl<K: Kept> CacheEntry<K> {
    /// The entry as others see it, if the contact carries an impulse.
    fn cached(&self, home: BodyId) -> Option<K::Listed> {
        let is_static = self.other & STATIC_BIT != 0;
        self.impulses.carries().then(|| {
            let low = if is_static { home } else { home.min(BodyId(self.other)) };
            let high = if is_static { self.other } else { home.0.max(self.other) };
            self.impulses.listed(low, high)
        })
    }
}

/// The entries of a tick's contacts, by class, those of one home one after the other.
#[derive(Debug, Default)]
pub(crate) struct CacheSet<K = Impulses> {
    pub(crate) inside: Vec<CacheEntry<K>>,
    pub(crate) statics: Vec<CacheEntry<K>>,
    pub(crate) across: Vec<CacheEntry<K>>,
    /// Where in `inside` and `statics` the entries of sleeping bodies begin, which no block has.
    pub(crate) kept_from: [usize; 2],
}

impl<K: Kept> CacheSet<K> {
    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.inside.is_empty() && self.statics.is_empty() && self.across.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.inside.clear();
        self.statics.clear();
        self.across.clear();
        self.kept_from = [0; 2];
    }

    /// Gives back memory that an unusual tick took.
    pub(crate) fn trim(&mut self) {
        trim(&mut self.inside);
        trim(&mut self.statics);
        trim(&mut self.across);
    }

    /// Forgets the impulses of the contacts with bodies of these ids. The homes are given with their ranges.
    pub(crate) fn forget<'a>(
        &mut self,
        homes: impl Iterator<Item = (BodyId, &'a CachedRanges)>,
        ids: &FxHashSet<BodyId>,
    ) {
        for (home, ranges) in homes {
            let gone = ids.contains(&home);
            let lists = [
                &mut self.inside[ranges.inside.range()],
                &mut self.statics[ranges.statics.range()],
                &mut self.across[ranges.across.range()],
            ];
            for entry in lists.into_iter().flatten() {
                if gone || ids.contains(&BodyId(entry.other)) {
                    entry.impulses = K::default();
                }
            }
        }
    }
}

/// A range of entries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }

    /// The same entries in a list that has them further back.
    pub(crate) fn moved(self, by: usize) -> Self {
        Self {
            start: self.start + by as u32,
            ..self
        }
    }

    /// Counts one entry more.
    pub(crate) fn count(&mut self) {
        self.len += 1;
    }

    /// The entries that were counted are to come here, one after the other. Returns where the next ones come.
    pub(crate) fn begin_at(&mut self, start: usize) -> usize {
        let len = std::mem::take(&mut self.len) as usize;
        if len > 0 {
            self.start = start as u32;
        }
        start + len
    }

    /// Adds an entry behind the others, and returns where.
    pub(crate) fn push(&mut self) -> usize {
        self.len += 1;
        (self.start + self.len - 1) as usize
    }

    /// Adds entry `k`, which follows the others.
    pub(crate) fn extend(&mut self, k: usize) {
        if self.len == 0 {
            self.start = k as u32;
        }
        self.len += 1;
    }
}

/// The entries whose home is a body, per list of [`CacheSet`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CachedRanges {
    pub(crate) inside: Span,
    pub(crate) statics: Span,
    pub(crate) across: Span,
}

/// Everything that warm starts the next tick.
pub(crate) struct ContactCache<'a, K: Kept = Impulses> {
    pub(crate) set: &'a CacheSet<K>,
    /// Entries without a home: of contacts that arrived with a body, or whose home left. Ascending in (low, high).
    pub(crate) extra: &'a [K::Listed],
}

impl<K: Kept> Clone for ContactCache<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kept> Copy for ContactCache<'_, K> {}

impl<'a, K: Kept> ContactCache<'a, K> {
    /// The impulses of the contact of two bodies, if they touched. Each is given by its id and ranges, which are empty for a body that is not held; the contact is found sooner if the first is the home.
    #[inline]
    pub(crate) fn pair(&self, one: (BodyId, &CachedRanges), other: (BodyId, &CachedRanges)) -> Option<K> {
        let listed = |home: &CachedRanges, other: BodyId| {
            let find =
                |list: &'a [CacheEntry<K>], span: Span| list[span.range()].iter().find(|entry| entry.other == other.0);
            find(&self.set.inside, home.inside).or_else(|| find(&self.set.across, home.across))
        };
        listed(one.1, other.0)
            .or_else(|| listed(other.1, one.0))
            .map(|entry| entry.impulses)
            .or_else(|| self.extra(one.0.min(other.0), one.0.max(other.0).0))
    }

    /// The impulses of the contact of a held body with a feature of static geometry, if they touched.
    pub(crate) fn fixed(&self, body: (BodyId, &CachedRanges), key: u64) -> Option<K> {
        let other = key | STATIC_BIT;
        let mut listed = self.set.statics[body.1.statics.range()].iter();
        listed
            .find(|entry| entry.other == other)
            .map(|entry| entry.impulses)
            .or_else(|| self.extra(body.0, other))
    }

    /// The entries listed under a home that carry an impulse.
    pub(crate) fn of_home(self, id: BodyId, ranges: &CachedRanges) -> impl Iterator<Item = K::Listed> + use<'a, K> {
        let inside = &self.set.inside[ranges.inside.range()];
        let statics = &self.set.statics[ranges.statics.range()];
        let across = &self.set.across[ranges.across.range()];
        let entries = inside.iter().chain(statics).chain(across);
        entries.filter_map(move |entry| entry.cached(id))
    }

    fn extra(&self, low: BodyId, high: u64) -> Option<K> {
        if self.extra.is_empty() {
            return None;
        }
        let found = self.extra.binary_search_by_key(&(low, high), K::partners).ok()?;
        Some(K::of(&self.extra[found]))
    }

    /// All entries of these homes and those without a home.
    pub(crate) fn entries(
        self,
        homes: impl Iterator<Item = (BodyId, &'a CachedRanges)>,
    ) -> impl Iterator<Item = K::Listed> {
        homes
            .flat_map(move |(id, ranges)| self.of_home(id, ranges))
            .chain(self.extra.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_not_kept() {
        let mut block = Block::EMPTY;
        block.normal_impulse[3] = 2.0;
        block.friction_impulse[1][3] = -1.0;
        assert_eq!(block.impulses(3).friction, [0.0, -1.0, 0.0]);
        block.friction_impulse[1][3] = f32::NAN;
        let kept = block.impulses(3);
        assert_eq!((kept.normal, kept.friction), (0.0, [0.0; 3]));
    }
}
