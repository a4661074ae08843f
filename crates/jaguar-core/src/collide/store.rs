//! From solved contacts back to the cache: they are listed by home when the tick is over, in place of those of the last one. The impulses stay where they are.

use super::Collision;
use super::found::Found;
use crate::body::BodyId;
use crate::cache::{CacheEntry, CacheList, CacheSet, CachedRanges, Lane, RunCount};
use crate::contact::{STATIC_BIT, set_impulses};
use crate::parallel::*;
use crate::recycled::{recycled, resize};
use crate::simd::{LANES, lanes_of};
use crate::storage::{Bodies, Columns};

use super::prepare::split_front;

/// Entries of contacts between tiles that one thread lists in a row.
const MIN_ENTRIES: usize = 512;

/// A portion's contacts, and where in the cache their impulses go.
struct Store<'a> {
    found: &'a Found,
    inside: Target<'a>,
    statics: Target<'a>,
    ranges: &'a mut [CachedRanges],
    /// Index of the first body.
    base: usize,
}

/// The entries of a portion's contacts of one class.
struct Target<'a> {
    entries: &'a mut [CacheEntry],
    first_entry: usize,
    /// The portion's first block.
    first_block: usize,
}

/// The memory of the list of tasks, between ticks.
#[derive(Default)]
pub(super) struct Stores(Vec<Store<'static>>);

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for {} tasks", self.0.capacity())
    }
}

impl Target<'_> {
    /// Writes the entry at `rank`, counted through all portions, of the contact in this lane of the portion.
    fn set(&mut self, rank: usize, lane: usize, other: u64, begins: bool) {
        let lane = Lane::new(self.first_block * LANES + lane);
        self.entries[rank - self.first_entry] = CacheEntry::new(other, lane).begins_if(begins);
    }
}

impl Store<'_> {
    fn run(&mut self, ids: &[BodyId]) {
        let Self {
            found,
            inside,
            statics,
            ranges,
            base,
        } = self;
        ranges.fill(CachedRanges::default());
        // By counting, since the lanes of a home do not follow each other.
        let mut count = RunCount {
            ranges,
            first_entry: inside.first_entry,
        };
        count.begin();
        found.inside.each(|_, [a, b]| count.count(a.min(b)));
        count.place();
        let ids_here = &ids[*base..];
        found.inside.each(|lane, [a, b]| {
            inside.set(count.next(a.min(b)), lane, ids_here[a.max(b)].0, false);
        });
        count.end(inside.entries);
        for (k, (&(home, touch), &lane)) in found.statics.iter().zip(&found.static_lanes.lanes).enumerate() {
            let rank = statics.first_entry + k;
            let begins = ranges[home as usize - *base].statics.extend(rank);
            statics.set(rank, lane as usize, touch.key | STATIC_BIT, begins);
        }
    }
}

impl Collision {
    /// Lists the contacts of the tick with their impulses. The bodies are where the collision stages found them, with the ghosts.
    pub(crate) fn store_impulses(&mut self, bodies: &mut Bodies, cached: &mut CacheSet) {
        if self.contact_counts() == [0; 3] && cached.is_empty() {
            // Nothing touches and nothing did: no body has ranges.
            return;
        }
        let Columns { id, cached: ranges, .. } = bodies.columns_mut();
        let end = self.portions.last().cloned().unwrap_or_default();
        resize(
            &mut cached.inside.entries,
            end.inside_entries.end,
            CacheEntry::default(),
        );
        resize(
            &mut cached.statics.entries,
            end.static_entries.end,
            CacheEntry::default(),
        );
        let mut stores: Vec<Store<'_>> = recycled(std::mem::take(&mut self.stores.0));
        let (mut inside, mut statics) = (&mut cached.inside.entries[..], &mut cached.statics.entries[..]);
        let mut rest = &mut ranges[..];
        for (portion, found) in self.portions.iter().zip(&self.found) {
            stores.push(Store {
                found,
                inside: Target {
                    entries: split_front(&mut inside, portion.inside_entries.len()),
                    first_entry: portion.inside_entries.start,
                    first_block: portion.inside.start,
                },
                statics: Target {
                    entries: split_front(&mut statics, portion.static_entries.len()),
                    first_entry: portion.static_entries.start,
                    first_block: portion.statics.start,
                },
                ranges: split_front(&mut rest, portion.bodies.len()),
                base: portion.bodies.start,
            });
        }
        // Those of ghosts.
        rest.fill(CachedRanges::default());
        costliest_first(&mut stores, |store| store.inside.entries.len(), |store| store.run(id));
        self.stores.0 = recycled(stores);
        self.store_across(id, ranges, &mut cached.across);
        self.store_kept(ranges, cached, [end.inside.end, end.statics.end]);
    }

    /// Lists the contacts between tiles.
    fn store_across(&self, ids: &[BodyId], ranges: &mut [CachedRanges], cached: &mut CacheList) {
        let CacheList { entries, memory } = cached;
        resize(entries, self.across.pairs.len(), CacheEntry::default());
        let pairs = &self.across.pairs;
        let listed = entries.par_iter_mut().zip(pairs).enumerate();
        listed
            .with_min_len(MIN_ENTRIES)
            .for_each(|(k, (entry, &[home, other]))| {
                // They are in the order of their homes.
                let begins = k == 0 || pairs[k - 1][0] != home;
                *entry = CacheEntry::new(ids[other as usize].0, Lane::new(k)).begins_if(begins);
            });
        for (k, &[home, _]) in pairs.iter().enumerate() {
            ranges[home as usize].across.extend(k);
        }
        // What sleeping bodies keep stays to the bit. What sleeps since has nothing.
        let kept = |k: usize| self.across.kept.binary_search_by_key(&k, |&(kept, _)| kept);
        for (block, &asleep) in self.sleep.across.iter().enumerate() {
            for lane in lanes_of(asleep.into()) {
                let kept = kept(block * LANES + lane).map(|kept| self.across.kept[kept].1);
                set_impulses(&mut memory[block], lane, kept.unwrap_or_default());
            }
        }
    }

    /// Lists what sleeping bodies keep inside their tiles and with static geometry, behind the contacts of the tick, which have so many blocks.
    fn store_kept(&self, ranges: &mut [CachedRanges], cached: &mut CacheSet, blocks: [usize; 2]) {
        cached.kept_from = [cached.inside.entries.len(), cached.statics.entries.len()];
        let [inside, statics] = cached.kept_from;
        cached.inside.append(&self.kept.inside, blocks[0]);
        cached.statics.append(&self.kept.statics, blocks[1]);
        for body in self.sleep.ranges.iter().cloned().flatten() {
            ranges[body].inside = self.kept_ranges[body].inside.moved(inside);
            ranges[body].statics = self.kept_ranges[body].statics.moved(statics);
        }
    }

    /// Numbers of contacts of the tick by class: inside tiles, with static geometry (of sleeping bodies too), between tiles.
    pub(crate) fn contact_counts(&self) -> [usize; 3] {
        let end = self.portions.last().cloned().unwrap_or_default();
        [
            end.inside_entries.end + self.kept.inside.entries.len(),
            end.static_entries.end + self.kept.statics.entries.len(),
            self.across.pairs.len(),
        ]
    }
}
