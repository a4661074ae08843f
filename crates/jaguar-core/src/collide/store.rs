//! From solved blocks back to the cache: what is kept of the contacts of a tick is listed when it is over, in place of what was kept of the last one. So there is one list, not two.

use super::Collision;
use super::found::Found;
use crate::body::BodyId;
use crate::contact::{Block, CacheEntry, CacheSet, CachedRanges, ContactSet, Impulses, STATIC_BIT};
use crate::parallel::*;
use crate::recycled::{recycled, resize};
use crate::simd::LANES;
use crate::storage::{Bodies, Columns};

use super::prepare::split_front;

/// Entries of contacts between tiles that one thread lists in a row.
const MIN_ENTRIES: usize = 512;

/// A portion's contacts, and where in the cache their impulses go.
struct Store<'a> {
    found: &'a Found,
    inside: Source<'a>,
    statics: Source<'a>,
    ranges: &'a mut [CachedRanges],
    /// Index of the first body.
    base: usize,
}

/// A portion's contacts of one class.
struct Source<'a> {
    blocks: &'a [Block],
    entries: &'a mut [CacheEntry],
    first_entry: usize,
}

/// The memory of the list of tasks, between ticks.
#[derive(Default)]
pub(super) struct Stores(Vec<Store<'static>>);

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room for {} tasks", self.0.capacity())
    }
}

impl Source<'_> {
    /// Writes entry `k`, of the contact in this lane, and returns its place among the entries of all portions.
    fn store(&mut self, k: usize, lane: u32, other: u64) -> usize {
        let lane = lane as usize;
        let impulses = self.blocks[lane / LANES].impulses(lane % LANES);
        self.entries[k] = CacheEntry { other, impulses };
        self.first_entry + k
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
        let home = |[a, b]: [u32; 2]| (a.min(b) as usize - *base, a.max(b));
        let lanes = found.inside.iter().zip(inside.blocks).flat_map(|(ends, block)| {
            let lanes = ends.lanes();
            lanes.map(move |(lane, pair)| (block, lane, pair))
        });
        for (_, _, pair) in lanes.clone() {
            ranges[home(pair).0].inside.count();
        }
        let mut rank = inside.first_entry;
        for ranges in ranges.iter_mut() {
            rank = ranges.inside.begin_at(rank);
        }
        for (block, lane, pair) in lanes {
            let (home, other) = home(pair);
            let rank = ranges[home].inside.push();
            inside.entries[rank - inside.first_entry] = CacheEntry {
                other: ids[other as usize].0,
                impulses: block.impulses(lane),
            };
        }
        for (k, (&(home, touch), &lane)) in found.statics.iter().zip(&found.static_lanes.lanes).enumerate() {
            let rank = statics.store(k, lane, touch.key | STATIC_BIT);
            ranges[home as usize - *base].statics.extend(rank);
        }
    }
}

impl Collision {
    /// Lists the contacts of the tick with their impulses. The bodies are where the collision stages found them, with the ghosts.
    pub(crate) fn store_impulses(&mut self, bodies: &mut Bodies, contacts: &ContactSet, cached: &mut CacheSet) {
        if self.contact_counts() == [0; 3] && cached.is_empty() {
            // Nothing touches and nothing did: no body has ranges.
            return;
        }
        let Columns { id, cached: ranges, .. } = bodies.columns_mut();
        let end = self.portions.last().cloned().unwrap_or_default();
        resize(&mut cached.inside, end.inside_entries.end, CacheEntry::default());
        resize(&mut cached.statics, end.static_entries.end, CacheEntry::default());
        let mut stores: Vec<Store<'_>> = recycled(std::mem::take(&mut self.stores.0));
        let (mut inside, mut statics, mut rest) = (&mut cached.inside[..], &mut cached.statics[..], &mut ranges[..]);
        for (portion, found) in self.portions.iter().zip(&self.found) {
            stores.push(Store {
                found,
                inside: Source {
                    blocks: &contacts.inside[portion.inside.clone()],
                    entries: split_front(&mut inside, portion.inside_entries.len()),
                    first_entry: portion.inside_entries.start,
                },
                statics: Source {
                    blocks: &contacts.statics[portion.statics.clone()],
                    entries: split_front(&mut statics, portion.static_entries.len()),
                    first_entry: portion.static_entries.start,
                },
                ranges: split_front(&mut rest, portion.bodies.len()),
                base: portion.bodies.start,
            });
        }
        // Those of ghosts.
        rest.fill(CachedRanges::default());
        stores.par_iter_mut().with_max_len(1).for_each(|store| store.run(id));
        self.stores.0 = recycled(stores);
        self.store_across(id, ranges, contacts, cached);
        self.store_kept(ranges, cached);
    }

    /// Lists the contacts between tiles.
    fn store_across(&self, ids: &[BodyId], ranges: &mut [CachedRanges], contacts: &ContactSet, cached: &mut CacheSet) {
        let kept = |k: usize| self.across.kept.binary_search_by_key(&k, |&(kept, _)| kept);
        let impulses = |k: usize| {
            let (block, lane) = (k / LANES, k % LANES);
            let are_asleep = self.sleep.across.get(block).is_some_and(|lanes| lanes >> lane & 1 != 0);
            if are_asleep {
                // What is kept stays to the bit.
                kept(k).map_or_else(|_| Impulses::default(), |kept| self.across.kept[kept].1)
            } else {
                contacts.across.blocks[block].impulses(lane)
            }
        };
        resize(&mut cached.across, self.across.pairs.len(), CacheEntry::default());
        let entries = cached.across.par_iter_mut().zip(&self.across.pairs).enumerate();
        let entries = entries.with_min_len(MIN_ENTRIES);
        entries.for_each(|(k, (entry, &[_, other]))| {
            *entry = CacheEntry {
                other: ids[other as usize].0,
                impulses: impulses(k),
            };
        });
        for (k, &[home, _]) in self.across.pairs.iter().enumerate() {
            ranges[home as usize].across.extend(k);
        }
    }

    /// Lists what sleeping bodies keep inside their tiles and with static geometry, behind the contacts of the tick.
    fn store_kept(&self, ranges: &mut [CachedRanges], cached: &mut CacheSet) {
        cached.kept_from = [cached.inside.len(), cached.statics.len()];
        let [inside, statics] = cached.kept_from;
        cached.inside.extend_from_slice(&self.kept.inside);
        cached.statics.extend_from_slice(&self.kept.statics);
        for body in self.sleep.ranges.iter().cloned().flatten() {
            ranges[body].inside = self.kept_ranges[body].inside.moved(inside);
            ranges[body].statics = self.kept_ranges[body].statics.moved(statics);
        }
    }

    /// Numbers of contacts of the tick by class: inside tiles, with static geometry (of sleeping bodies too), between tiles.
    pub(crate) fn contact_counts(&self) -> [usize; 3] {
        let end = self.portions.last().cloned().unwrap_or_default();
        [
            end.inside_entries.end + self.kept.inside.len(),
            end.static_entries.end + self.kept.statics.len(),
            self.across.pairs.len(),
        ]
    }
}
