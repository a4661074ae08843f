//! The ownership map: which pod owns which tile.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::curve::{CurveKey, key_of};
use crate::pod::PodId;

/// Most pods in a map. Ten times what a cluster is built for; bounds what a peer can make us allocate.
pub const MAX_PODS: usize = 1_000;

/// Gives every tile exactly one owner.
///
/// Usually each pod owns one contiguous range of the curve, possibly an empty one (a pod that has just joined, or has drained). A *scattered* map gives each tile to a pod by hash instead:
/// the worst case for everything that crosses a pod border, for tests and `verify --shuffle`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Layout", into = "Layout")]
pub struct OwnershipMap {
    // Invariant: `check` accepts it.
    layout: Layout,
}

/// Start and owner of each range, in the order of the curve.
type Ranges = Vec<(CurveKey, PodId)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "OwnershipMap")]
enum Layout {
    /// Range i starts at its key and ends where range i + 1 starts, the last one at [`CurveKey::END`].
    Ranges(Ranges),
    Scattered {
        seed: u64,
        pods: Vec<PodId>,
    },
}

/// Why an ownership map cannot be, or cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnershipError {
    /// A map without pods, from a peer or a caller.
    #[error("the ownership map names no pod; it needs 1 to {MAX_PODS}")]
    NoPods,
    /// A map with too many pods, from a peer or a caller.
    #[error("the ownership map names {count} pods; it can hold 1 to {MAX_PODS}")]
    TooManyPods {
        /// How many it names.
        count: usize,
    },
    /// A pod that is there already, in a map from a peer or in a join.
    #[error("{pod} occurs twice in the ownership map; each pod has exactly one range")]
    DuplicatePod {
        /// The pod in question.
        pod: PodId,
    },
    /// Ranges that leave the beginning of the curve without an owner, from a peer or a caller.
    #[error(
        "the first range of the ownership map, of {pod}, starts at key {start}; it must start at {}",
        CurveKey::START
    )]
    FirstStart {
        /// Owner of the first range.
        pod: PodId,
        /// Where it starts.
        start: CurveKey,
    },
    /// Ranges out of order or past the end of the curve, from a peer or a caller.
    #[error(
        "the range of {pod} starts at key {start}; the allowed range is {previous} (the start before it) to {}",
        CurveKey::END
    )]
    StartOutOfOrder {
        /// Owner of the range.
        pod: PodId,
        /// Where it starts.
        start: CurveKey,
        /// Where the range before it starts.
        previous: CurveKey,
    },
    /// The caller names a pod that is not in the map.
    #[error("{pod} is not in the ownership map")]
    UnknownPod {
        /// The pod in question.
        pod: PodId,
    },
    /// The caller removes a pod that still owns tiles: drain it first.
    #[error("{pod} still owns the keys {} to {} and cannot be removed; drain it first", .range.start, .range.end)]
    NotEmpty {
        /// The pod in question.
        pod: PodId,
        /// What it owns.
        range: Range<CurveKey>,
    },
    /// The caller adds or removes a pod of a scattered map: make a new one instead.
    #[error("a scattered ownership map has no ranges to add or remove; make a new map with the pods it should have")]
    Scattered,
}

impl OwnershipMap {
    /// One pod owns everything.
    pub fn single(pod: PodId) -> Self {
        Self {
            layout: Layout::Ranges(vec![(CurveKey::START, pod)]),
        }
    }

    /// A map of ranges: each starts at its key and ends where the next one starts. Of two equal starts the former range is empty.
    pub fn from_ranges(ranges: Vec<(CurveKey, PodId)>) -> Result<Self, OwnershipError> {
        Layout::Ranges(ranges).try_into()
    }

    /// A map that gives each tile to a pod by a hash of its key and the seed.
    pub fn scattered(pods: Vec<PodId>, seed: u64) -> Result<Self, OwnershipError> {
        Layout::Scattered { seed, pods }.try_into()
    }

    /// The owner of the tile with this key. O(log pods).
    pub fn owner(&self, key: CurveKey) -> PodId {
        match &self.layout {
            Layout::Ranges(ranges) => ranges[ranges.partition_point(|&(start, _)| start <= key) - 1].1,
            Layout::Scattered { seed, pods } => pods[(mix(key.0 ^ mix(*seed)) % pods.len() as u64) as usize],
        }
    }

    /// The owner of a tile with indices within ±[`MAX_TILE`](crate::curve::MAX_TILE).
    pub fn owner_of_tile(&self, tile: [i32; 3]) -> PodId {
        self.owner(key_of(tile))
    }

    /// All pods, those that own nothing too: in the order of the curve, or of the list that a scattered map was made from.
    pub fn pods(&self) -> impl Iterator<Item = PodId> + '_ {
        let scattered: &[PodId] = match &self.layout {
            Layout::Ranges(_) => &[],
            Layout::Scattered { pods, .. } => pods,
        };
        self.ranges()
            .iter()
            .map(|&(_, pod)| pod)
            .chain(scattered.iter().copied())
    }

    /// Whether the pod is in the map, even if it owns nothing.
    pub fn contains(&self, pod: PodId) -> bool {
        self.pods().any(|other| other == pod)
    }

    /// Whether the map is scattered, so that it has no ranges.
    pub fn is_scattered(&self) -> bool {
        matches!(self.layout, Layout::Scattered { .. })
    }

    /// Start and owner of each range in the order of the curve; empty for a scattered map.
    pub fn ranges(&self) -> &[(CurveKey, PodId)] {
        match &self.layout {
            Layout::Ranges(ranges) => ranges,
            Layout::Scattered { .. } => &[],
        }
    }

    /// Each pod with the keys that it owns, in the order of the curve; nothing for a scattered map.
    pub fn spans(&self) -> impl Iterator<Item = (PodId, Range<CurveKey>)> + '_ {
        let ranges = self.ranges();
        ranges
            .iter()
            .enumerate()
            .map(|(i, &(start, pod))| (pod, start..end_of(ranges, i)))
    }

    /// The keys that a pod owns; `None` when the map is scattered or does not have the pod.
    pub fn range_of(&self, pod: PodId) -> Option<Range<CurveKey>> {
        self.spans().find(|&(owner, _)| owner == pod).map(|(_, range)| range)
    }

    /// Whether a pod owns no tile: it is not in the map, or its range is empty.
    pub fn is_empty_territory(&self, pod: PodId) -> bool {
        match &self.layout {
            Layout::Ranges(_) => self.range_of(pod).is_none_or(|range| range.is_empty()),
            Layout::Scattered { pods, .. } => !pods.contains(&pod),
        }
    }

    /// Adds a pod with an empty range behind that of an existing one; [`plan`](crate::balance::plan) then fills it.
    pub fn insert_after(&mut self, existing: PodId, new: PodId) -> Result<(), OwnershipError> {
        if self.contains(new) {
            return Err(OwnershipError::DuplicatePod { pod: new });
        }
        let (ranges, i) = self.range_index(existing)?;
        if ranges.len() == MAX_PODS {
            return Err(OwnershipError::TooManyPods { count: MAX_PODS + 1 });
        }
        ranges.insert(i + 1, (end_of(ranges, i), new));
        Ok(())
    }

    /// Removes a pod that owns no tile.
    pub fn remove(&mut self, pod: PodId) -> Result<(), OwnershipError> {
        let (ranges, i) = self.range_index(pod)?;
        let range = ranges[i].0..end_of(ranges, i);
        if !range.is_empty() {
            return Err(OwnershipError::NotEmpty { pod, range });
        }
        ranges.remove(i);
        Ok(())
    }

    fn range_index(&mut self, pod: PodId) -> Result<(&mut Ranges, usize), OwnershipError> {
        let Layout::Ranges(ranges) = &mut self.layout else {
            return Err(OwnershipError::Scattered);
        };
        match ranges.iter().position(|&(_, owner)| owner == pod) {
            Some(i) => Ok((ranges, i)),
            None => Err(OwnershipError::UnknownPod { pod }),
        }
    }
}

impl TryFrom<Layout> for OwnershipMap {
    type Error = OwnershipError;

    fn try_from(layout: Layout) -> Result<Self, OwnershipError> {
        check(&layout)?;
        Ok(Self { layout })
    }
}

impl From<OwnershipMap> for Layout {
    fn from(map: OwnershipMap) -> Self {
        map.layout
    }
}

fn check(layout: &Layout) -> Result<(), OwnershipError> {
    let mut pods: Vec<PodId> = match layout {
        Layout::Ranges(ranges) => ranges.iter().map(|&(_, pod)| pod).collect(),
        Layout::Scattered { pods, .. } => pods.clone(),
    };
    if pods.is_empty() {
        return Err(OwnershipError::NoPods);
    }
    if pods.len() > MAX_PODS {
        return Err(OwnershipError::TooManyPods { count: pods.len() });
    }
    pods.sort_unstable();
    if let Some(pair) = pods.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(OwnershipError::DuplicatePod { pod: pair[0] });
    }
    let Layout::Ranges(ranges) = layout else { return Ok(()) };
    let (start, pod) = ranges[0];
    if start != CurveKey::START {
        return Err(OwnershipError::FirstStart { pod, start });
    }
    let mut previous = start;
    for &(start, pod) in ranges {
        if start < previous || start > CurveKey::END {
            return Err(OwnershipError::StartOutOfOrder { pod, start, previous });
        }
        previous = start;
    }
    Ok(())
}

fn end_of(ranges: &[(CurveKey, PodId)], i: usize) -> CurveKey {
    ranges.get(i + 1).map_or(CurveKey::END, |&(start, _)| start)
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every bit of the result depends on every bit of `x`.
const fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(ranges: &[(u64, u32)]) -> Result<OwnershipMap, OwnershipError> {
        OwnershipMap::from_ranges(
            ranges
                .iter()
                .map(|&(start, pod)| (CurveKey(start), PodId(pod)))
                .collect(),
        )
    }

    #[test]
    fn a_key_belongs_to_the_last_range_that_starts_at_or_before_it() -> Result<(), OwnershipError> {
        let map = map(&[(0, 7), (10, 3), (10, 4), (20, 5), (CurveKey::END.0, 6)])?;
        for (key, pod) in [(0, 7), (9, 7), (10, 4), (19, 4), (20, 5), (CurveKey::END.0 - 1, 5)] {
            assert_eq!(map.owner(CurveKey(key)), PodId(pod), "key {key}");
        }
        assert_eq!(map.pods().collect::<Vec<_>>(), [7, 3, 4, 5, 6].map(PodId));
        for (pod, empty) in [(7, false), (3, true), (4, false), (5, false), (6, true), (99, true)] {
            assert_eq!(map.is_empty_territory(PodId(pod)), empty, "pod {pod}");
        }
        Ok(())
    }

    #[test]
    fn a_pod_joins_with_an_empty_range_and_leaves_only_with_one() -> Result<(), OwnershipError> {
        let mut map = map(&[(0, 0), (50, 1)])?;
        map.insert_after(PodId(0), PodId(2))?;
        map.insert_after(PodId(1), PodId(3))?;
        let end = CurveKey::END;
        assert_eq!(
            map.ranges(),
            [
                (CurveKey(0), PodId(0)),
                (CurveKey(50), PodId(2)),
                (CurveKey(50), PodId(1)),
                (end, PodId(3))
            ]
        );
        assert_eq!(
            map.insert_after(PodId(0), PodId(3)),
            Err(OwnershipError::DuplicatePod { pod: PodId(3) })
        );
        assert_eq!(
            map.insert_after(PodId(9), PodId(4)),
            Err(OwnershipError::UnknownPod { pod: PodId(9) })
        );
        assert_eq!(
            map.remove(PodId(1)),
            Err(OwnershipError::NotEmpty {
                pod: PodId(1),
                range: CurveKey(50)..end
            })
        );
        map.remove(PodId(2))?;
        map.remove(PodId(3))?;
        assert_eq!(map.ranges(), [(CurveKey(0), PodId(0)), (CurveKey(50), PodId(1))]);
        Ok(())
    }

    #[test]
    fn maps_that_would_leave_a_tile_without_one_owner_are_refused() {
        let end = CurveKey::END.0;
        let too_many: Vec<_> = (0..=MAX_PODS as u32).map(|pod| (0, pod)).collect();
        for (ranges, message) in [
            (&[][..], "names no pod"),
            (&[(1, 0)], "must start at"),
            (&[(0, 0), (5, 1), (4, 2)], "pod 2 starts at key"),
            (&[(0, 0), (end + 1, 1)], "pod 1 starts at key"),
            (&[(0, 0), (5, 0)], "pod 0 occurs twice"),
            (&too_many, "names 1001 pods"),
        ] {
            let error = map(ranges).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_map_from_a_peer_is_checked() -> Result<(), serde_json::Error> {
        let good: OwnershipMap = serde_json::from_str(r#"{"Ranges":[[0,1],[7,2]]}"#)?;
        assert_eq!(
            serde_json::from_str::<OwnershipMap>(&serde_json::to_string(&good)?)?,
            good
        );
        for bad in [
            r#"{"Ranges":[]}"#,
            r#"{"Ranges":[[0,1],[7,1]]}"#,
            r#"{"Ranges":[[3,1]]}"#,
            r#"{"Scattered":{"seed":1,"pods":[]}}"#,
            r#"{"Scattered":{"seed":1,"pods":[4,4]}}"#,
        ] {
            assert!(serde_json::from_str::<OwnershipMap>(bad).is_err(), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn a_scattered_map_gives_every_pod_its_share_and_every_seed_another_map() -> Result<(), OwnershipError> {
        let pods: Vec<_> = [2, 5, 9].map(PodId).to_vec();
        let first = OwnershipMap::scattered(pods.clone(), 1)?;
        let second = OwnershipMap::scattered(pods.clone(), 2)?;
        let owners = |map: &OwnershipMap| (0..3_000).map(|key| map.owner(CurveKey(key))).collect::<Vec<_>>();
        for &pod in &pods {
            let share = owners(&first).iter().filter(|&&owner| owner == pod).count();
            // Binomial with n = 3,000, p = 1/3: standard deviation 26.
            assert!((850..1_150).contains(&share), "{pod} owns {share} of 3,000 tiles");
        }
        assert_ne!(owners(&first), owners(&second));
        Ok(())
    }
}
