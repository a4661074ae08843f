//! What is kept of contacts until the next tick: the impulses of last tick's contacts, which warm start this tick's.
//!
//! The cache has one small entry for each contact, listed under one held body, its *home*; it names the other partner by id, and the lane where the tick left the impulses. A body's ranges move with it through the sort. So
//! a lookup is a walk over a few neighbouring entries, and no table of pairs exists. Nor is there a second copy of the impulses: when those of a tick are known from the last tick's, the memory of the last tick's takes
//! the geometry.

use std::fmt::Debug;

use rustc_hash::FxHashSet;

use crate::body::BodyId;
use crate::contact::{Impulses, STATIC_BIT, impulses_of, set_impulses};
use crate::halo::CachedContact;
use crate::recycled::trim;
use crate::simd::{LANES, Quad};

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
