//! Contacts, and the impulses of last tick's contacts, which warm start this tick's.
//!
//! Contacts lie in blocks of eight, lane by lane: of each block a [`Quad`] with the geometry and one with the impulses, and [`Ends`] and [`Coefficients`] beside them. They are in the order in which they are solved; no two
//! lanes of a block share a body, so a block is solved at once and gives the same bits as one contact after the other.
//!
//! The cache has one small entry for each contact, listed under one held body, its *home*; it names the other partner by id, and the lane where the tick left the impulses. A body's ranges move with it through the sort. So
//! a lookup is a walk over a few neighbouring entries, and no table of pairs exists. Nor is there a second copy of the impulses: when those of a tick are known from the last tick's, the memory of the last tick's takes
//! the geometry.

use std::fmt::Debug;
use std::ops::Range;

use glam::Vec3;
use rustc_hash::FxHashSet;

use crate::body::BodyId;
use crate::halo::CachedContact;
use crate::recycled::{make_room, resize, trim};
use crate::simd::{LANES, Octet, Quad};

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

/// The number of a body in a portion.
pub(crate) trait PlaceInPortion: Copy {
    fn index(self) -> usize;
}

impl PlaceInPortion for u16 {
    #[inline(always)]
    fn index(self) -> usize {
        usize::from(self)
    }
}

impl PlaceInPortion for u32 {
    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

/// The bodies of eight contacts inside tiles, as [`Ends`], by their places in the portion. The largest number stands for no body: a portion has less.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<P> {
    pub(crate) low: [P; LANES],
    pub(crate) high: [P; LANES],
}

impl<P: PlaceInPortion> Places<P> {
    /// The places in a lane with a contact.
    #[inline(always)]
    fn get(&self, lane: usize, none: P) -> Option<[usize; 2]> {
        let low = self.low[lane].index();
        (low != none.index()).then(|| [low, self.high[lane].index()])
    }
}

#[inline(always)]
fn set_in<P>(
    blocks: &mut [Places<P>],
    base: u32,
    contacts: impl Iterator<Item = (u32, [u32; 2])>,
    place: impl Fn(u32) -> P,
) {
    for (lane, [low, high]) in contacts {
        let (block, lane) = (lane as usize / LANES, lane as usize % LANES);
        let places = &mut blocks[block];
        (places.low[lane], places.high[lane]) = (place(low - base), place(high - base));
    }
}

fn each_of<P: PlaceInPortion>(blocks: &[Places<P>], first: usize, none: P, mut visit: impl FnMut(usize, [usize; 2])) {
    for (places, block) in blocks.iter().zip(first..) {
        for lane in 0..LANES {
            if let Some(pair) = places.get(lane, none) {
                visit(block * LANES + lane, pair);
            }
        }
    }
}

/// The bodies of a portion's contacts, block by block.
///
/// They are read in every pass of the solver, and there are as many as contacts; so their places take two bytes each, unless the portion has too many bodies.
#[derive(Debug, Default)]
pub(crate) struct EndsList {
    /// Index of the portion's first body.
    base: u32,
    near: Vec<Places<u16>>,
    /// Of a portion with too many bodies, in place of `near`.
    far: Vec<Places<u32>>,
}

impl EndsList {
    /// Makes these the ends of so many blocks of a portion, without contacts yet.
    pub(crate) fn reset(&mut self, blocks: usize, bodies: Range<usize>) {
        self.base = bodies.start as u32;
        self.near.clear();
        self.far.clear();
        if bodies.len() <= usize::from(u16::MAX) {
            let (low, high) = ([u16::MAX; LANES], [u16::MAX; LANES]);
            resize(&mut self.near, blocks, Places { low, high });
        } else {
            let (low, high) = ([NO_BODY; LANES], [NO_BODY; LANES]);
            resize(&mut self.far, blocks, Places { low, high });
        }
    }

    /// Puts the bodies of contacts into their lanes, counted through all blocks.
    pub(crate) fn set(&mut self, contacts: impl Iterator<Item = (u32, [u32; 2])>) {
        if self.far.is_empty() {
            set_in(&mut self.near, self.base, contacts, |place| place as u16);
        } else {
            set_in(&mut self.far, self.base, contacts, |place| place);
        }
    }

    /// Number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// Calls `visit` with the contacts of some blocks: the lane of each, counted through all blocks, and the places of its bodies in the portion.
    pub(crate) fn each_in(&self, blocks: Range<usize>, visit: impl FnMut(usize, [usize; 2])) {
        match self.view() {
            EndsView::Near(places) => each_of(&places[blocks.clone()], blocks.start, u16::MAX, visit),
            EndsView::Far(places) => each_of(&places[blocks.clone()], blocks.start, NO_BODY, visit),
        }
    }

    /// The same with the contacts of all blocks.
    pub(crate) fn each(&self, visit: impl FnMut(usize, [usize; 2])) {
        self.each_in(0..self.len(), visit);
    }

    /// The contacts: the lane of each, counted through all blocks, and its bodies by index. Slower than [`EndsList::each`].
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (usize, [u32; 2])> + Clone + '_ {
        let place = |lane: usize| {
            let (block, lane) = Lane::new(lane).place();
            match self.view() {
                EndsView::Near(places) => places[block].get(lane, u16::MAX),
                EndsView::Far(places) => places[block].get(lane, NO_BODY),
            }
        };
        let lanes = (0..self.len() * LANES).filter_map(move |lane| place(lane).map(|pair| (lane, pair)));
        lanes.map(|(lane, pair)| (lane, pair.map(|place| place as u32 + self.base)))
    }

    /// For the solver.
    pub(crate) fn view(&self) -> EndsView<'_> {
        if self.far.is_empty() {
            EndsView::Near(&self.near)
        } else {
            EndsView::Far(&self.far)
        }
    }

    /// Gives back memory that an unusual tick took.
    pub(crate) fn trim(&mut self) {
        trim(&mut self.near);
        trim(&mut self.far);
    }
}

/// The bodies of some blocks, as the solver reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EndsView<'a> {
    Near(&'a [Places<u16>]),
    Far(&'a [Places<u32>]),
}

/// Contacts to be solved, block by block.
#[derive(Debug)]
pub(crate) struct Contacts<'a> {
    /// Normals and separations.
    pub(crate) geometry: &'a [Quad],
    /// Those of friction, and the normal ones.
    pub(crate) impulses: &'a mut [Quad],
    pub(crate) ends: EndsView<'a>,
    /// As many as blocks, or one.
    pub(crate) coefficients: &'a [Coefficients],
}

/// Puts a contact into a lane. Lanes without contacts are zero: they compute zero impulses on nothing.
pub(crate) fn set_contact((geometry, impulses): (&mut Quad, &mut Quad), lane: usize, contact: &Contact) {
    geometry.set(lane, contact.normal.to_array(), contact.separation);
    impulses.set(lane, contact.friction_impulse.to_array(), contact.normal_impulse);
}

/// Puts impulses into a lane.
pub(crate) fn set_impulses(quad: &mut Quad, lane: usize, impulses: Impulses) {
    quad.set(lane, impulses.friction, impulses.normal);
}

/// The impulses that were put into a lane, to the bit.
pub(crate) fn get_impulses(quad: &Quad, lane: usize) -> Impulses {
    let (friction, normal) = quad.get(lane);
    Impulses { normal, friction }
}

/// What a lane has accumulated, without negative zeros. Without a normal impulse there is no friction: what rounding left of it would warm start the next tick here, and not after a
/// hand-over, which takes along what carries.
pub(crate) fn impulses_of(impulses: &Quad, lane: usize) -> Impulses {
    let Impulses { normal, friction } = get_impulses(impulses, lane);
    let normal = normal + 0.0;
    let sum = normal + (friction[0] + friction[1] + friction[2]);
    // What is no longer a number would be none for ever, and peers refuse it.
    if normal == 0.0 || !sum.is_finite() {
        return Impulses::default();
    }
    Impulses {
        normal,
        friction: friction.map(|along| along + 0.0),
    }
}

/// The contacts of a tick, by class. Their impulses are in [`CacheSet`].
#[derive(Debug, Default)]
pub(crate) struct ContactSet {
    /// Geometry of those between bodies of one tile. Whose they are is where they were found: in [`crate::collide::found::Found`].
    pub(crate) inside: Vec<Quad>,
    /// Geometry of those with static geometry.
    pub(crate) statics: Vec<Quad>,
    /// By places in the portion. Their second bodies are none.
    pub(crate) static_ends: Vec<Places<u32>>,
    /// Geometry of those between bodies of different tiles. Their order is of no consequence, and lanes may share bodies.
    pub(crate) across: Vec<Quad>,
    pub(crate) across_ends: Vec<Ends>,
    /// By portion; of each as many as blocks, or one.
    pub(crate) inside_coefficients: Vec<Coefficients>,
    /// By portion; of each as many as blocks, or one.
    pub(crate) static_coefficients: Vec<Coefficients>,
    /// As many as blocks, or one.
    pub(crate) across_coefficients: Vec<Coefficients>,
}

impl ContactSet {
    pub(crate) fn clear(&mut self) {
        let Self {
            inside,
            statics,
            static_ends,
            across,
            across_ends,
            inside_coefficients,
            static_coefficients,
            across_coefficients,
        } = self;
        inside.clear();
        statics.clear();
        static_ends.clear();
        across.clear();
        across_ends.clear();
        inside_coefficients.clear();
        static_coefficients.clear();
        across_coefficients.clear();
    }

    /// Makes the geometry of each class one of so many blocks, with anything in them. At once there is room for those that so many bodies will have when they lie in a heap: three contacts a body, some of them between tiles.
    ///
    /// What is aligned cannot grow in place: it is allocated anew and the old memory freed, and having freed a large block the system's allocator no longer maps blocks of that size but cuts them from its
    /// heaps, where all that grows leaves holes (in a pile of 50,000: 100 bytes a body). Memory that is not written to costs nothing.
    pub(crate) fn make_room(&mut self, blocks: [usize; 3], bodies: usize) {
        let in_a_heap = 3 * bodies / LANES;
        let classes = [
            (&mut self.inside, in_a_heap),
            (&mut self.statics, in_a_heap / 8),
            (&mut self.across, in_a_heap / 4),
        ];
        for ((class, share), blocks) in classes.into_iter().zip(blocks) {
            if blocks > 0 {
                make_room(class, blocks.max(share));
            }
            class.resize(blocks, Quad::ZERO);
        }
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

    /// What an entry of the cache has: the impulses, or where they are. By default there are none.
    type Entry: Copy + Default + Debug;

    /// Where they are.
    type Memory: Default + Debug;

    /// The impulses of an entry.
    fn of_entry(entry: Self::Entry, memory: &Self::Memory) -> Self;

    /// Marks an entry as the first of its home.
    fn begin(entry: &mut Self::Entry);

    /// Whether it was marked.
    fn begins(entry: &Self::Entry) -> bool;

    /// Puts impulses into the memory as those number `number`.
    fn into_entry(self, memory: &mut Self::Memory, number: usize) -> Self::Entry;

    /// Whether the contact pushes.
    fn carries(&self) -> bool;

    fn listed(&self, low: BodyId, high: u64) -> Self::Listed;

    fn of(listed: &Self::Listed) -> Self;

    /// Lower and higher partner.
    fn partners(listed: &Self::Listed) -> (BodyId, u64);
}

/// A lane of [`Quad`]s, counted through all of them; or none. It has a bit to spare: the mark of the first of a home.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane(u32);

impl Lane {
    const MARK: u32 = 1 << 31;
    const NONE: u32 = Self::MARK - 1;

    pub(crate) fn new(lane: usize) -> Self {
        Self(lane as u32)
    }

    fn number(self) -> u32 {
        self.0 & !Self::MARK
    }

    /// The quad, and the lane in it.
    pub(crate) fn place(self) -> (usize, usize) {
        let number = self.number() as usize;
        (number / LANES, number % LANES)
    }

    /// As many lanes further back, if it is one.
    fn moved(self, by: usize) -> Self {
        if self.number() == Self::NONE {
            return self;
        }
        Self(self.0 + by as u32)
    }
}

impl Default for Lane {
    /// None.
    fn default() -> Self {
        Self(Self::NONE)
    }
}

impl Kept for Impulses {
    type Listed = CachedContact;
    type Entry = Lane;
    type Memory = Vec<Quad>;

    fn of_entry(entry: Lane, memory: &Vec<Quad>) -> Self {
        if entry.number() == Lane::NONE {
            return Self::default();
        }
        let (block, lane) = entry.place();
        impulses_of(&memory[block], lane)
    }

    fn begin(entry: &mut Lane) {
        entry.0 |= Lane::MARK;
    }

    fn begins(entry: &Lane) -> bool {
        entry.0 & Lane::MARK != 0
    }

    fn into_entry(self, memory: &mut Vec<Quad>, number: usize) -> Lane {
        let entry = Lane::new(number);
        let (block, lane) = entry.place();
        if block == memory.len() {
            memory.push(Quad::ZERO);
        }
        set_impulses(&mut memory[block], lane, self);
        entry
    }

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
pub(crate) struct CacheEntry<K: Kept = Impulses> {
    /// The halves of [`CacheEntry::other`], so that no memory is lost to alignment.
    other: [u32; 2],
    pub(crate) entry: K::Entry,
}

const _: () = assert!(size_of::<CacheEntry>() == 12);

impl<K: Kept> CacheEntry<K> {
    pub(crate) fn new(other: u64, entry: K::Entry) -> Self {
        Self {
            other: [other as u32, (other >> 32) as u32],
            entry,
        }
    }

    /// Marks it as the first of its home, if it is.
    pub(crate) fn begins_if(mut self, is_first: bool) -> Self {
        if is_first {
            self.begin();
        }
        self
    }

    /// Marks it as the first of its home.
    fn begin(&mut self) {
        K::begin(&mut self.entry);
    }

    /// The partner that is not the home: a body's id, or [`STATIC_BIT`] and the key of the feature.
    pub(crate) fn other(&self) -> u64 {
        u64::from(self.other[1]) << 32 | u64::from(self.other[0])
    }
}

/// The entries of a tick's contacts of one class, those of one home one after the other.
#[derive(Debug, Default)]
pub(crate) struct CacheList<K: Kept = Impulses> {
    pub(crate) entries: Vec<CacheEntry<K>>,
    /// Where their impulses are.
    pub(crate) memory: K::Memory,
}

impl<K: Kept> CacheList<K> {
    /// The entries of a run.
    #[inline]
    fn run(&self, run: Run) -> impl Iterator<Item = &CacheEntry<K>> + '_ {
        let (first, others) = run
            .start()
            .and_then(|start| self.entries[start..].split_first())
            .map_or((None, &[][..]), |(first, others)| (Some(first), others));
        first
            .into_iter()
            .chain(others.iter().take_while(|entry| !K::begins(&entry.entry)))
    }

    /// The entries of a run, each with what it has kept.
    pub(crate) fn kept(&self, run: Run) -> impl Iterator<Item = (u64, K)> + '_ {
        let entries = self.run(run);
        entries.map(|entry| (entry.other(), K::of_entry(entry.entry, &self.memory)))
    }

    /// What was kept of the contact with a partner. A loop, since most of the time of finding contacts again is spent here.
    #[inline]
    fn find(&self, run: Run, other: u64) -> Option<K> {
        let mut entries = self.entries.get(run.start()?..)?.iter();
        let mut entry = entries.next()?;
        while entry.other() != other {
            entry = entries.next().filter(|entry| !K::begins(&entry.entry))?;
        }
        Some(K::of_entry(entry.entry, &self.memory))
    }

    /// Adds an entry of a home behind the others, all of which were added like this.
    pub(crate) fn push(&mut self, run: &mut Run, other: u64, kept: K) {
        let number = self.entries.len();
        let entry = kept.into_entry(&mut self.memory, number);
        self.entries
            .push(CacheEntry::new(other, entry).begins_if(run.extend(number)));
    }

    /// Forgets the impulses of the contacts of a home with bodies of these ids, or all.
    fn forget(&mut self, run: Run, ids: &FxHashSet<BodyId>, all: bool) {
        let Some(start) = run.start() else { return };
        let own = self.entries[start..].iter_mut().enumerate();
        let own = own.take_while(|(k, entry)| *k == 0 || !K::begins(&entry.entry));
        for (k, entry) in own {
            if all || ids.contains(&BodyId(entry.other())) {
                *entry = CacheEntry::new(entry.other(), K::Entry::default()).begins_if(k == 0);
            }
        }
    }
}

impl CacheList {
    /// Adds the entries of another list, which were pushed there. Those here have their impulses in `blocks` blocks.
    pub(crate) fn append(&mut self, other: &Self, blocks: usize) {
        if other.entries.is_empty() {
            return;
        }
        self.memory.truncate(blocks);
        self.memory
            .extend_from_slice(&other.memory[..other.entries.len().div_ceil(LANES)]);
        let moved = other.entries.iter().map(|entry| CacheEntry {
            entry: entry.entry.moved(blocks * LANES),
            ..*entry
        });
        self.entries.extend(moved);
    }
}

/// The entries of a tick's contacts, by class.
#[derive(Debug, Default)]
pub(crate) struct CacheSet<K: Kept = Impulses> {
    pub(crate) inside: CacheList<K>,
    pub(crate) statics: CacheList<K>,
    pub(crate) across: CacheList<K>,
    /// Where in `inside` and `statics` the entries of sleeping bodies begin, which no block has.
    pub(crate) kept_from: [usize; 2],
}

impl<K: Kept> CacheSet<K> {
    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.inside.entries.is_empty() && self.statics.entries.is_empty() && self.across.entries.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.inside.entries.clear();
        self.statics.entries.clear();
        self.across.entries.clear();
        self.kept_from = [0; 2];
    }

    /// Gives back memory that an unusual tick took.
    pub(crate) fn trim(&mut self) {
        trim(&mut self.inside.entries);
        trim(&mut self.statics.entries);
        trim(&mut self.across.entries);
    }

    /// Forgets the impulses of the contacts with bodies of these ids. The homes are given with their ranges.
    pub(crate) fn forget<'a>(
        &mut self,
        homes: impl Iterator<Item = (BodyId, &'a CachedRanges)>,
        ids: &FxHashSet<BodyId>,
    ) {
        for (home, ranges) in homes {
            let gone = ids.contains(&home);
            self.inside.forget(ranges.inside, ids, gone);
            self.statics.forget(ranges.statics, ids, gone);
            self.across.forget(ranges.across, ids, gone);
        }
    }
}

/// The contact of a home with a partner, as others see it, if it carries an impulse.
fn listed<K: Kept>(home: BodyId, (other, kept): (u64, K)) -> Option<K::Listed> {
    let is_static = other & STATIC_BIT != 0;
    kept.carries().then(|| {
        let low = if is_static { home } else { home.min(BodyId(other)) };
        let high = if is_static { other } else { home.0.max(other) };
        kept.listed(low, high)
    })
}

/// The entries of one home in a list: from one on, up to the next that begins another home's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run(u32);

impl Run {
    /// Where the entries begin, if there are any.
    pub(crate) fn start(self) -> Option<usize> {
        (self.0 != u32::MAX).then_some(self.0 as usize)
    }

    /// The same entries in a list that has them further back.
    pub(crate) fn moved(self, by: usize) -> Self {
        self.start().map_or(self, |start| Self((start + by) as u32))
    }

    /// Adds entry `k`, which follows the others. Says whether it begins the run.
    pub(crate) fn extend(&mut self, k: usize) -> bool {
        let begins = self.start().is_none();
        if begins {
            self.0 = k as u32;
        }
        begins
    }
}

impl Default for Run {
    /// Without entries.
    fn default() -> Self {
        Self(u32::MAX)
    }
}

/// Gives entries to homes by counting, where those of a home do not follow each other: first all are counted, then all are placed, in the same order or another.
pub(crate) struct RunCount<'a> {
    pub(crate) ranges: &'a mut [CachedRanges],
    pub(crate) first_entry: usize,
}

impl RunCount<'_> {
    /// Before the first is counted.
    pub(crate) fn begin(&mut self) {
        self.ranges.iter_mut().for_each(|ranges| ranges.inside = Run(0));
    }

    pub(crate) fn count(&mut self, home: usize) {
        self.ranges[home].inside.0 += 1;
    }

    /// All are counted.
    pub(crate) fn place(&mut self) {
        let mut start = self.first_entry as u32;
        for Run(run) in self.ranges.iter_mut().map(|ranges| &mut ranges.inside) {
            start += std::mem::replace(run, start);
        }
    }

    /// Where the next entry of a home comes.
    pub(crate) fn next(&mut self, home: usize) -> usize {
        let Run(next) = &mut self.ranges[home].inside;
        *next += 1;
        *next as usize - 1
    }

    /// All are placed.
    pub(crate) fn end(&mut self, entries: &mut [CacheEntry]) {
        let first_entry = self.first_entry as u32;
        let mut start = first_entry;
        for run in self.ranges.iter_mut().map(|ranges| &mut ranges.inside) {
            let end = run.0;
            *run = Run::default();
            if start < end {
                *run = Run(start);
                entries[(start - first_entry) as usize].begin();
            }
            start = end;
        }
    }
}

/// The entries whose home is a body, per list of [`CacheSet`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CachedRanges {
    pub(crate) inside: Run,
    pub(crate) statics: Run,
    pub(crate) across: Run,
}

const _: () = assert!(size_of::<CachedRanges>() == 12);

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
            let inside = self.set.inside.find(home.inside, other.0);
            inside.or_else(|| self.set.across.find(home.across, other.0))
        };
        listed(one.1, other.0)
            .or_else(|| listed(other.1, one.0))
            .or_else(|| self.extra(one.0.min(other.0), one.0.max(other.0).0))
    }

    /// The impulses of the contact of a held body with a feature of static geometry, if they touched.
    pub(crate) fn fixed(&self, body: (BodyId, &CachedRanges), key: u64) -> Option<K> {
        let other = key | STATIC_BIT;
        let listed = self.set.statics.find(body.1.statics, other);
        listed.or_else(|| self.extra(body.0, other))
    }

    /// The entries listed under a home that carry an impulse.
    pub(crate) fn of_home(self, id: BodyId, ranges: &CachedRanges) -> impl Iterator<Item = K::Listed> + use<'a, K> {
        let inside = self.set.inside.kept(ranges.inside);
        let statics = self.set.statics.kept(ranges.statics);
        let across = self.set.across.kept(ranges.across);
        inside
            .chain(statics)
            .chain(across)
            .filter_map(move |entry| listed(id, entry))
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

    /// Of a portion with few bodies and of one with more than are counted by 16 bits.
    #[test]
    fn ends_are_those_that_were_set() {
        for bodies in [1000..1100, 500..500 + 65_535, 500..500 + 65_536, 70_000..150_000] {
            let mut list = EndsList::default();
            list.reset(3, 0..1);
            list.reset(4, bodies.clone());
            assert_eq!((list.len(), list.lanes().count()), (4, 0));
            let (first, last) = (bodies.start as u32, bodies.end as u32 - 1);
            let pairs = [(0, [first, last]), (9, [last, first + 7]), (30, [last - 1, last])];
            list.set(pairs.iter().map(|&(lane, pair)| (lane as u32, pair)));
            assert!(list.lanes().eq(pairs), "{bodies:?}");
            let of_view = |lane: usize| match list.view() {
                EndsView::Near(places) => places[lane / LANES].high[lane % LANES].index(),
                EndsView::Far(places) => places[lane / LANES].high[lane % LANES].index(),
            };
            for (lane, [_, high]) in list.lanes() {
                assert_eq!(of_view(lane), high as usize - bodies.start);
            }
            assert!(of_view(1) >= bodies.len(), "no body has this place");
        }
    }

    #[test]
    fn what_is_no_number_is_not_kept() {
        let mut block = Quad::ZERO;
        set_impulses(
            &mut block,
            3,
            Impulses {
                normal: 2.0,
                friction: [0.0, -1.0, 0.0],
            },
        );
        assert_eq!(impulses_of(&block, 3).friction, [0.0, -1.0, 0.0]);
        block.xyz[1][3] = f32::NAN;
        let kept = impulses_of(&block, 3);
        assert_eq!((kept.normal, kept.friction), (0.0, [0.0; 3]));
    }
}
