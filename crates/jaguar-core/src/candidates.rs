//! Lists of pairs that may become candidates in the next ticks, so that most ticks search no grid: Verlet's neighbour list (1967), as in molecular dynamics.
//!
//! A list holds the pairs whose reaches, each extended by a *skin*, overlap. It serves as long as no body has used up its skin: by moving against the mean motion of all (a swarm
//! that flies together uses up none), or by reaching further because it is faster. Whether a pair is a candidate is decided anew in every tick by the definition in
//! [`crate::broad_phase`]; a list only spares the search. So nothing here is state: when lists are made, and how thick the skin is, may depend on the past.

use glam::Vec3;

use crate::constants::RELIST_TICKS;
use crate::parallel::*;
use crate::recycled::{make_room, trim};
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

/// Bodies for each pair of a list that is as good as empty.
const SPARSE: usize = 8;

/// Ticks without lists after even the thickest skin was used up too soon.
const PAUSE_TICKS: u32 = 60;

/// Ticks without lists after bodies came or went while a list was young: they often do so every tick for a while.
const UNSETTLED_TICKS: u32 = 8;

/// How pairs are found in a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Plan {
    /// By searching.
    Search,
    /// By searching with a skin (m), making a list.
    Build { skin: f32 },
    /// From the list, but for pairs with ghosts, which are searched.
    Listed,
}

impl Plan {
    /// m.
    pub(crate) fn skin(self) -> f32 {
        match self {
            Self::Build { skin } => skin,
            Self::Search | Self::Listed => 0.0,
        }
    }
}

/// A body when the list was made.
#[derive(Clone, Copy, Debug, Default)]
struct Origin {
    mark: Mark,
    /// Its reach with the skin, m.
    limit: f32,
    /// The listing that has its partners, and where they begin in it.
    listing: u32,
    start: u32,
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

/// The candidates that a chunk found when the list was made: bodies with their partners behind them.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Slots; those of bodies that have partners are marked.
    slots: Vec<u32>,
    /// The last body that has partners.
    last: Option<u32>,
}

/// Marks a slot in a [`Listing`] as that of a body whose partners follow.
const HAS_PARTNERS: u32 = 1 << 31;

impl Listing {
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.last = None;
    }

    /// Adds a partner of a body; all partners of a body follow each other.
    pub(crate) fn push(&mut self, body: u32, partner: u32) {
        if self.last != Some(body) {
            self.last = Some(body);
            self.slots.push(body | HAS_PARTNERS);
        }
        self.slots.push(partner);
    }

    /// Gives back what is by far too much, now that the list is made.
    pub(crate) fn trim(&mut self) {
        trim(&mut self.slots);
    }

    /// The bodies, each with where its partners begin.
    fn bodies(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        let marked = self.slots.iter().zip(1..).filter(|&(slot, _)| slot & HAS_PARTNERS != 0);
        marked.map(|(slot, begin)| ((slot ^ HAS_PARTNERS) as usize, begin))
    }
}

/// The list, in slots, which outlive every sort.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    origins: Vec<Origin>,
    /// One for each chunk that there was.
    listings: Vec<Listing>,
    /// Slots in all of them.
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

/// Number of no [`Listing`].
const NO_LISTING: u32 = u32::MAX;

impl Candidates {
    /// How many slots are listed, for the bodies and their partners.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Decides how this tick's pairs are found. Reaches are those of this tick.
    pub(crate) fn plan(&mut self, bodies: &Bodies, (table, sleep): (&TileTable, &Sleep), tile_size: f32) -> Plan {
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
        Plan::Build {
            skin: self.skin * sum / (motion.len().max(1)) as f32,
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
        skin: f32,
        tile_size: f32,
    ) {
        self.unlisted.clear();
        self.unlisted.extend(unlisted);
        self.unlisted.sort_unstable();
        let (slots, columns) = (bodies.slots(), bodies.columns());
        self.origins.clear();
        make_room(&mut self.origins, bodies.index_of_slot().len());
        self.origins.resize(bodies.index_of_slot().len(), Origin::default());
        (self.left, self.worn) = (f32::INFINITY, 0.0);
        for (i, &slot) in slots.iter().enumerate() {
            let reach = columns.motion[i].reach();
            let limit = (reach + skin).min(farthest_reach(tile_size).max(reach));
            self.left = self.left.min(limit - reach);
            self.origins[slot as usize] = Origin {
                mark: Mark::of(&columns.place[i], tile_size),
                limit,
                listing: NO_LISTING,
                start: 0,
            };
        }
        for (listing, number) in listings.iter().zip(0..) {
            for (slot, start) in listing.bodies() {
                let origin = &mut self.origins[slot];
                (origin.listing, origin.start) = (number, start);
            }
        }
        self.len = listings.iter().map(|listing| listing.slots.len()).sum();
        self.listings = listings;
        self.generation = Some(bodies.generation());
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

    /// The slots of the listed partners of the body in this one.
    #[inline(always)]
    pub(crate) fn partners(&self, slot: u32) -> impl Iterator<Item = u32> + '_ {
        let origin = &self.origins[slot as usize];
        let listing = self.listings.get(origin.listing as usize);
        let rest = listing.map_or(&[][..], |listing| &listing.slots[origin.start as usize..]);
        rest.iter().copied().take_while(|slot| slot & HAS_PARTNERS == 0)
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
