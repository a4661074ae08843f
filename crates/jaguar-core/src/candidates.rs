//! Lists of pairs that may become candidates in the next ticks, so that most ticks search no grid: Verlet's neighbour list (1967), as in molecular dynamics.
//!
//! A list holds the pairs whose reaches, each extended by a *skin*, overlap; bodies that are much faster than most have thicker ones. It serves as long as no body has used up its skin: by moving against the mean motion of all (a swarm
//! that flies together uses up none), or by reaching further because it is faster. Whether a pair is a candidate is decided anew in every tick by the definition in
//! [`crate::broad_phase`]; a list only spares the search. So nothing here is state: when lists are made, and how thick the skin is, may depend on the past.

use std::ops::Range;

use glam::Vec3;

use crate::constants::RELIST_TICKS;
use crate::parallel::*;
use crate::recycled::{make_room, resize, trim};
use crate::simd::LANES;
use crate::sleep::Sleep;
use crate::storage::{Bodies, Motion, Place};
use crate::tile::{TileIndex, farthest_reach};
use crate::tile_table::TileTable;

/// The thinnest and the thickest skin, in mean reaches. Thinner ones are used up by the jitter of a resting pile; with thicker ones most listed pairs are never candidates.
const SKIN_RANGE: (f32, f32) = (0.04, 0.4);

/// Ticks that a list must live to be worth the longer search that makes it.
const WORTHWHILE_TICKS: u32 = 3;

/// Ticks after which a thinner skin would have done.
const LONG_TICKS: u32 = 40;

/// Bodies whose velocities are looked at to tell which are fast.
const SAMPLES: usize = 256;

/// In mean speeds, from where on a body is fast. In a gas none is.
const FAST_SPEEDS: f32 = 6.0;

/// How long fast bodies look ahead.
const AHEAD_TICKS: f32 = 16.0;

/// Bodies for each pair of a list that is as good as empty.
const SPARSE: usize = 16;

/// Ticks without lists after even the thickest skin was used up too soon.
const PAUSE_TICKS: u32 = 60;

/// Ticks without lists after bodies came or went while a list was young: they often do so every tick for a while.
const UNSETTLED_TICKS: u32 = 8;

/// By how much the reaches of bodies are extended when a list is made.
///
/// All alike but for the fast ones: where others rest, one that rolls or falls would use up within few ticks what is enough for them. So those look ahead. (In a settled pile of 10,000 lists live 19 ticks
/// instead of 13, with a skin half as thick and a quarter less pairs.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Skin {
    /// Of most bodies, m; 0 for no skins at all.
    pub(crate) least: f32,
    /// About the mean velocity, m/s.
    common: Vec3,
    /// Up to which speed against it a body is none of the fast ones, m/s.
    slow: f32,
    /// How long fast ones go on, s.
    ahead: f32,
}

impl Skin {
    /// No skins.
    pub(crate) const NONE: Self = Self {
        least: 0.0,
        common: Vec3::ZERO,
        slow: f32::INFINITY,
        ahead: 0.0,
    };

    fn new(least: f32, motion: &[Motion], tick_seconds: f32) -> Self {
        // Any vector and any speed serve.
        let sample = || motion.iter().step_by(motion.len() / SAMPLES + 1);
        let count = sample().count().max(1) as f32;
        let common = sample().map(Motion::velocity).sum::<Vec3>() / count;
        let speed = |motion: &Motion| (motion.velocity() - common).length();
        Self {
            least,
            common,
            slow: FAST_SPEEDS * sample().map(speed).sum::<f32>() / count,
            ahead: AHEAD_TICKS * tick_seconds,
        }
    }

    /// How far a body is looked for, m: its reach, extended, but not beyond [`farthest_reach`].
    #[inline(always)]
    pub(crate) fn reach(&self, motion: &Motion, tile_size: f32) -> f32 {
        let reach = motion.reach();
        if self.least == 0.0 {
            return reach;
        }
        let square = (motion.velocity() - self.common).length_squared();
        let ahead = if square > self.slow * self.slow {
            square.sqrt() * self.ahead
        } else {
            0.0
        };
        (reach + self.least + ahead).min(farthest_reach(tile_size).max(reach))
    }
}

/// How pairs are found in a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Plan {
    /// By searching.
    Search,
    /// By searching with skins, making a list.
    Build { skin: Skin },
    /// From the list, but for pairs with ghosts, which are searched.
    Listed,
}

impl Plan {
    pub(crate) fn skin(self) -> Skin {
        match self {
            Self::Build { skin } => skin,
            Self::Search | Self::Listed => Skin::NONE,
        }
    }
}

/// A body when the list was made.
#[derive(Clone, Copy, Debug, Default)]
struct Origin {
    mark: Mark,
    /// Its reach with the skin, m.
    limit: f32,
}

/// Where a body was, in 2⁻¹⁹ tiles and modulo four tiles along each axis: from which a body that moved less than two tiles since is told how far. A third of the memory of a place.
#[derive(Clone, Copy, Debug, Default)]
struct Mark([u32; 2]);

/// Of a tile's edge, for each axis of a [`Mark`].
const MARK_BITS: u32 = 19;

/// What an axis has in all.
const AXIS_BITS: u32 = MARK_BITS + 2;

impl Mark {
    fn of(place: &Place, tile_size: f32) -> Self {
        let axis = |tile: i32, offset: f32| {
            let within = (offset / tile_size * (1 << MARK_BITS) as f32).floor() as i32;
            u64::from((tile << MARK_BITS).wrapping_add(within) as u32 & ((1 << AXIS_BITS) - 1))
        };
        let (TileIndex { x, y, z }, offset) = (place.tile, place.offset);
        let bits = axis(x, offset.x) | axis(y, offset.y) << AXIS_BITS | axis(z, offset.z) << (2 * AXIS_BITS);
        Self([bits as u32, (bits >> 32) as u32])
    }

    /// The way from one to another, m; each component is wrong by less than a step.
    fn way_to(self, other: Self, tile_size: f32) -> Vec3 {
        let axis = |mark: Self, axis: u32| {
            let bits = u64::from(mark.0[1]) << 32 | u64::from(mark.0[0]);
            (bits >> (axis * AXIS_BITS)) as u32
        };
        let unused = 32 - AXIS_BITS;
        let way = [0, 1, 2].map(|k| {
            let steps = axis(other, k).wrapping_sub(axis(self, k));
            ((steps << unused) as i32 >> unused) as f32
        });
        Vec3::from_array(way) * (tile_size / (1 << MARK_BITS) as f32)
    }
}

/// The candidates that the bodies of a chunk found when the list was made.
///
/// Slots were in storage order then, in which most partners are near each other: two bytes tell how far a partner's slot is from the finder's.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The slot of the chunk's first body.
    first: u32,
    /// How many slots there are from there on.
    slots: u32,
    groups: Vec<Group>,
    /// Steps from the slots of finders to those of their partners, in the order of the finders' slots.
    near: Vec<i16>,
    /// Slots of the finder and its partner in pairs that have no place among the others, ascending.
    others: Vec<[u32; 2]>,
}

/// Slots in a [`Group`].
const GROUP: usize = 8;

/// How many partners some consecutive slots have: the first of them is known by a start, the others by what comes before.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// Where the near partners of the first slot begin.
    start: u32,
    /// How many near partners each has, [`MOST_NEAR`] at most; marked by [`HAS_OTHERS`].
    counts: [u8; GROUP],
}

/// What a body has of near partners in [`Listing::near`], at most.
const MOST_NEAR: u8 = 127;

/// Marks a body that has partners in [`Listing::others`] as well.
const HAS_OTHERS: u8 = 128;

impl Group {
    /// How many near partners the slots before this one have. All at once: the steps of a loop would wait for each other.
    #[inline(always)]
    fn sum_before(&self, k: usize) -> u32 {
        const PAIRED: u64 = 0x00ff_00ff_00ff_00ff;
        let counts = u64::from_le_bytes(self.counts) & u64::from_le_bytes([MOST_NEAR; GROUP]);
        let before = counts & ((1 << (8 * k)) - 1);
        let pairs = (before & PAIRED) + (before >> 8 & PAIRED);
        (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as u32
    }
}

/// The slots of a body's partners.
pub(crate) struct Partners<'a> {
    slot: u32,
    /// Steps from the body's slot to those of its near partners, and then those of the next bodies.
    steps: &'a [i16],
    /// How many near partners it has.
    near: usize,
    /// The second of each.
    others: &'a [[u32; 2]],
}

impl Partners<'_> {
    /// How many near partners there are.
    #[inline(always)]
    pub(crate) fn near_count(&self) -> usize {
        self.near
    }

    /// The slots of eight near partners, from the k-th on; those behind the last are of no meaning, and need not be slots.
    #[inline(always)]
    pub(crate) fn eight_near(&self, k: usize) -> [u32; LANES] {
        let rest = &self.steps[k..];
        let steps = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut steps = [0; LANES];
            steps[..rest.len()].copy_from_slice(rest);
            steps
        });
        steps.map(|step| self.slot.wrapping_add_signed(step.into()))
    }

    /// All partners, the near ones first.
    pub(crate) fn all(&self) -> impl Iterator<Item = u32> + '_ {
        let near = self.steps[..self.near].iter();
        let near = near.map(|&step| self.slot.wrapping_add_signed(step.into()));
        near.chain(self.others())
    }

    /// Those that are not near.
    pub(crate) fn others(&self) -> impl Iterator<Item = u32> + '_ {
        self.others.iter().map(|pair| pair[1])
    }
}

impl Listing {
    /// Takes the pairs that bodies of a chunk found. Their indices are their slots, and those of one first body, which is in the chunk and counts as the finder, follow each other.
    pub(crate) fn fill(&mut self, bodies: Range<usize>, pairs: &[[u32; 2]]) {
        (self.first, self.slots) = (bodies.start as u32, bodies.len() as u32);
        self.groups.clear();
        resize(&mut self.groups, bodies.len().div_ceil(GROUP), Group::default());
        let step = |[finder, other]: [u32; 2]| i16::try_from(other.wrapping_sub(finder) as i32).ok();
        let of_one = || pairs.chunk_by(|a, b| a[0] == b[0]);
        for pairs in of_one() {
            let k = pairs[0][0] as usize - bodies.start;
            let near = pairs.iter().filter(|&&pair| step(pair).is_some()).count();
            let near = near.min(MOST_NEAR.into());
            let mark = if near < pairs.len() { HAS_OTHERS } else { 0 };
            self.groups[k / GROUP].counts[k % GROUP] = near as u8 | mark;
        }
        let mut sum = 0;
        for group in &mut self.groups {
            group.start = sum;
            sum += group.sum_before(GROUP - 1) + u32::from(group.counts[GROUP - 1] & MOST_NEAR);
        }
        self.near.clear();
        resize(&mut self.near, sum as usize, 0);
        self.others.clear();
        for pairs in of_one() {
            let near = self.near_of(pairs[0][0]);
            let mut near = self.near[near].iter_mut();
            for &pair in pairs {
                let put = step(pair).and_then(|step| near.next().map(|to| *to = step));
                if put.is_none() {
                    self.others.push(pair);
                }
            }
        }
        self.others.sort_unstable();
        debug_assert_eq!(self.len(), pairs.len(), "the pairs of a finder follow each other");
        trim(&mut self.groups);
        trim(&mut self.near);
        trim(&mut self.others);
    }

    /// How many pairs are listed.
    fn len(&self) -> usize {
        self.near.len() + self.others.len()
    }

    /// The first slot after the listing's.
    fn end(&self) -> u32 {
        self.first + self.slots
    }

    #[inline(always)]
    fn has(&self, slot: u32) -> bool {
        slot.wrapping_sub(self.first) < self.slots
    }

    /// Where the near partners of the body in this slot are.
    #[inline(always)]
    fn near_of(&self, slot: u32) -> Range<usize> {
        let k = (slot - self.first) as usize;
        let group = &self.groups[k / GROUP];
        let start = (group.start + group.sum_before(k % GROUP)) as usize;
        start..start + usize::from(group.counts[k % GROUP] & MOST_NEAR)
    }

    /// The partners of the body in this slot.
    #[inline(always)]
    fn partners(&self, slot: u32) -> Partners<'_> {
        let k = (slot - self.first) as usize;
        let has_others = self.groups[k / GROUP].counts[k % GROUP] & HAS_OTHERS != 0;
        let others = if has_others { self.others_of(slot) } else { &[] };
        let near = self.near_of(slot);
        Partners {
            slot,
            steps: &self.near[near.start..],
            near: near.len(),
            others,
        }
    }

    fn others_of(&self, slot: u32) -> &[[u32; 2]] {
        let begin = self.others.partition_point(|pair| pair[0] < slot);
        let end = self.others.partition_point(|pair| pair[0] <= slot);
        &self.others[begin..end]
    }
}

/// The list, in slots, which outlive every sort.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    origins: Vec<Origin>,
    /// One for each chunk that there was, in the order of their slots.
    listings: Vec<Listing>,
    /// The listing of every slot that is a multiple of [`SPAN`].
    listing_of_span: Vec<u32>,
    /// Pairs in all of them.
    len: usize,
    /// [`Bodies::generation`] that the list is of; it serves no other.
    generation: Option<u64>,
    /// Ticks that the list has served.
    age: u32,
    /// Ticks yet to go without a list.
    pause: u32,
    /// In mean reaches.
    skin: f32,
    /// What was left of the skin of the body with the least when all were last looked at, m.
    left: f32,
    /// What any body has used up since at most, m.
    worn: f32,
    /// Tiles that were dormant when the list was made, ascending: their own pairs are not in it.
    unlisted: Vec<TileIndex>,
}

/// Rounding of a body's place in a tick, in tiles.
const ROUNDING: f32 = 1.0e-7;

/// Room for rounding in the distance of a pair and for the steps of two [`Mark`]s, in tiles.
const SLACK: f32 = 1.5e-5;

/// Slots for each number of a listing: about as many as a chunk has bodies, so that the listing of a slot is that one or one of the next.
const SPAN: usize = 256;

/// Finds the partners of one body after the other, fastest if most are in the listing of the one before.
pub(crate) struct Lookup<'a> {
    candidates: &'a Candidates,
    listing: &'a Listing,
}

impl<'a> Lookup<'a> {
    /// The slots of the listed partners of the body in this one.
    #[inline(always)]
    pub(crate) fn partners(&mut self, slot: u32) -> Partners<'a> {
        if !self.listing.has(slot) {
            self.listing = self.candidates.listing_of(slot);
        }
        self.listing.partners(slot)
    }
}

impl Candidates {
    /// How many pairs are listed.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Decides how this tick's pairs are found. Reaches are those of this tick.
    pub(crate) fn plan(
        &mut self,
        bodies: &Bodies,
        (table, sleep): (&TileTable, &Sleep),
        (tile_size, tick_seconds): (f32, f32),
    ) -> Plan {
        let (thinnest, thickest) = SKIN_RANGE;
        match self.generation.take() {
            Some(generation) if generation != bodies.generation() => {
                if self.age < WORTHWHILE_TICKS {
                    self.pause = UNSETTLED_TICKS;
                }
            }
            Some(_) if self.lists_wrong_tiles(table, sleep) => {}
            Some(generation) if self.serves(bodies, tile_size) => {
                self.generation = Some(generation);
                self.age += 1;
                return Plan::Listed;
            }
            Some(_) if self.age < WORTHWHILE_TICKS && self.skin >= thickest => {
                self.pause = PAUSE_TICKS;
                self.skin = 0.5 * thickest;
            }
            Some(_) if self.age < WORTHWHILE_TICKS => self.skin *= 2.0,
            // So few pairs that more of them cost less than another search.
            Some(_) if self.len() < bodies.held() / SPARSE => self.skin *= 2.0,
            Some(_) if self.age > LONG_TICKS => self.skin *= 0.7,
            Some(_) | None => {}
        }
        if self.pause > 0 {
            self.pause -= 1;
            return Plan::Search;
        }
        self.skin = self.skin.clamp(thinnest, thickest);
        self.age = 0;
        let motion = &bodies.columns().motion[..bodies.held()];
        let sum: f32 = motion.iter().map(Motion::reach).sum();
        let least = self.skin * sum / (motion.len().max(1)) as f32;
        Plan::Build {
            skin: Skin::new(least, motion, tick_seconds),
        }
    }

    /// The listings of as many chunks, to be filled when the list is made.
    pub(crate) fn take_listings(&mut self, chunks: usize) -> Vec<Listing> {
        let mut listings = std::mem::take(&mut self.listings);
        listings.resize_with(chunks, Listing::default);
        listings
    }

    /// Makes the list of these listings; candidates inside the `unlisted` tiles are not among them.
    pub(crate) fn rebuild(
        &mut self,
        bodies: &Bodies,
        (listings, unlisted): (Vec<Listing>, impl Iterator<Item = TileIndex>),
        skin: Skin,
        tile_size: f32,
    ) {
        self.unlisted.clear();
        self.unlisted.extend(unlisted);
        self.unlisted.sort_unstable();
        let (slots, columns) = (bodies.slots(), bodies.columns());
        assert!(
            slots.iter().zip(0..).all(|(&slot, index)| slot == index),
            "bodies were renumbered for this"
        );
        self.origins.clear();
        make_room(&mut self.origins, slots.len());
        (self.left, self.worn) = (f32::INFINITY, 0.0);
        for (motion, place) in columns.motion.iter().zip(&columns.place[..bodies.held()]) {
            let reach = motion.reach();
            let limit = skin.reach(motion, tile_size);
            self.left = self.left.min(limit - reach);
            self.origins.push(Origin {
                mark: Mark::of(place, tile_size),
                limit,
            });
        }
        self.take(listings);
        self.generation = Some(bodies.generation());
    }

    fn take(&mut self, listings: Vec<Listing>) {
        self.len = listings.iter().map(Listing::len).sum();
        self.listing_of_span.clear();
        for (listing, number) in listings.iter().zip(0..) {
            let spans = (listing.end() as usize).div_ceil(SPAN);
            resize(&mut self.listing_of_span, spans, number);
        }
        self.listings = listings;
    }

    /// Whether a tile woke whose pairs are not listed, or others have fallen asleep a while ago and can be spared.
    fn lists_wrong_tiles(&self, table: &TileTable, sleep: &Sleep) -> bool {
        let dormant = sleep.dormant(table).map(|tile| tile.index);
        if self.unlisted.is_empty() {
            return self.age > RELIST_TICKS && dormant.count() > 0;
        }
        let is_listed = |tile: &TileIndex| self.unlisted.binary_search(tile).is_err();
        let all = dormant.clone().count();
        let listed = dormant.filter(is_listed).count();
        // Tiles without bodies have no pairs, but are rare enough to count as woken.
        all - listed < self.unlisted.len() || (listed > 0 && self.age > RELIST_TICKS)
    }

    /// For bodies of which the first is in this slot.
    pub(crate) fn lookup(&self, slot: u32) -> Lookup<'_> {
        Lookup {
            candidates: self,
            listing: self.listing_of(slot),
        }
    }

    /// The listing that has the partners of the body in this slot.
    fn listing_of(&self, slot: u32) -> &Listing {
        let first = self.listing_of_span[slot as usize / SPAN] as usize;
        let mut listings = self.listings[first..].iter();
        let found = listings.find(|listing| listing.has(slot));
        found.expect("every body was in a chunk")
    }

    /// Notes that no body uses up more of its skin than this (m) in a tick: by moving against the others, or by reaching further.
    pub(crate) fn wear(&mut self, skin: f32, tile_size: f32) {
        self.worn += skin + ROUNDING * tile_size;
    }

    /// Whether every body is still within its skin. Most often what has been noted says so, and no body is looked at.
    fn serves(&mut self, bodies: &Bodies, tile_size: f32) -> bool {
        let slack = SLACK * tile_size;
        if self.left - self.worn <= slack {
            (self.left, self.worn) = (self.least_left(bodies, tile_size), 0.0);
        }
        self.left - self.worn > slack
    }

    /// What is left of the skin of the body with the least, m.
    fn least_left(&self, bodies: &Bodies, tile_size: f32) -> f32 {
        let (slots, columns) = (bodies.slots(), bodies.columns());
        let moved = |i: usize| {
            let now = Mark::of(&columns.place[i], tile_size);
            self.origins[slots[i] as usize].mark.way_to(now, tile_size)
        };
        // Any vector serves as the common motion; a sample's mean is near enough to the mean.
        let step = slots.len() / 64 + 1;
        let samples = (0..slots.len()).step_by(step);
        let common = samples.clone().map(moved).sum::<Vec3>() / samples.len().max(1) as f32;
        let left = |i: usize| {
            let own = (moved(i) - common).length();
            self.origins[slots[i] as usize].limit - columns.motion[i].reach() - own
        };
        (0..slots.len())
            .into_par_iter()
            .with_min_len(2048)
            .map(left)
            .reduce_with(f32::min)
            .unwrap_or(f32::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;

    /// Chunks of which finders, in any order, have found near and far partners: most a few, some none, one more than can be counted, from one side or both.
    #[test]
    fn who_was_found_is_listed() {
        let mut random = Random(5);
        for chunks in [&[1][..], &[256, 3], &[300, 1000, 257, 256, 9], &[70_000, 256, 40_000]] {
            let all: usize = chunks.iter().sum();
            let mut expected = vec![Vec::new(); all];
            let mut candidates = Candidates::default();
            let mut listings = candidates.take_listings(chunks.len());
            let mut begin = 0;
            for (&length, listing) in chunks.iter().zip(&mut listings) {
                let bodies = begin..begin + length;
                begin = bodies.end;
                let mut finders: Vec<usize> = bodies.clone().collect();
                for k in 1..finders.len() {
                    finders.swap(k, random.bits() as usize % (k + 1));
                }
                let mut pairs = Vec::new();
                for (k, finder) in finders.into_iter().enumerate() {
                    let count = match k {
                        7 => 1000,
                        _ => random.bits() % 9,
                    };
                    for _ in 0..count {
                        let far = random.bits() as usize % all;
                        let near = (finder + random.bits() as usize % 200).saturating_sub(100).min(all - 1);
                        let other = if random.bits().is_multiple_of(8) { far } else { near };
                        pairs.push([finder as u32, other as u32]);
                        expected[finder].push(other as u32);
                    }
                }
                // What was listed before does not show.
                listing.fill(bodies.clone(), &[[bodies.start as u32; 2]; 200]);
                listing.fill(bodies, &pairs);
            }
            candidates.take(listings);
            assert_eq!(candidates.len(), expected.iter().map(Vec::len).sum::<usize>());
            let mut lookup = candidates.lookup(0);
            for k in 0..2 * all {
                // One after the other, then here and there.
                let slot = if k < all { k } else { random.bits() as usize % all };
                let found = lookup.partners(slot as u32);
                let mut partners: Vec<u32> = found.all().collect();
                let in_eights = (0..found.near_count()).step_by(LANES).flat_map(|k| {
                    let filled = LANES.min(found.near_count() - k);
                    found.eight_near(k).into_iter().take(filled)
                });
                assert!(in_eights.chain(found.others()).eq(partners.iter().copied()));
                partners.sort_unstable();
                expected[slot].sort_unstable();
                assert_eq!(partners, expected[slot], "slot {slot} of {chunks:?}");
            }
        }
    }
}
