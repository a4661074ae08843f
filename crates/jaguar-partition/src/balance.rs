//! Load balance: moving the splits of an ownership map step by step.
//!
//! The goal of a split is the place where the weight before it is the share of the pods before it that stay. A step moves some splits a bounded way towards their goals, so that a tick in which
//! bodies change hands is not late. Nothing is remembered between steps: the map is the state.

use crate::curve::CurveKey;
use crate::ownership::{OwnershipError, OwnershipMap};
use crate::pod::PodId;

/// How far one step may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BalanceLimits {
    /// Most weight (entities) that crosses one split in a step. A tile is never divided, so a tile heavier than this crosses alone. Any value is valid.
    pub max_entities_per_stream: u32,
    /// Most splits that move entities in a step. 0 stops all balancing.
    pub max_streams: u32,
    /// A pod may deviate from the mean weight by this share of it before anything moves; 0.1 is ten per cent. Negative values and NaN count as 0.
    pub tolerance: f32,
}

/// The next map on the way to equal weight on all pods but the draining ones, and none on those. `None` when there is nothing to do: all within tolerance, or no better place for any split.
///
/// `loads` are the occupied tiles in ascending order of their keys, with their weights (entities). Splits of draining pods move first, then those that are furthest from their goals.
/// A draining pod never gains a tile. When it has no load left it loses the rest of its range too, and can be removed from the map.
///
/// A scattered map has no splits, and when all pods drain there is nowhere to go: `None`.
pub fn plan(
    map: &OwnershipMap,
    loads: &[(CurveKey, u32)],
    draining: &[PodId],
    limits: &BalanceLimits,
) -> Option<OwnershipMap> {
    if map.is_scattered() || limits.max_streams == 0 || map.pods().all(|pod| draining.contains(&pod)) {
        return None;
    }
    let loads = Loads::new(loads);
    let pods = present_pods(map, &loads, draining);
    let splits = step(&pods, &loads, limits);
    let next = with_splits(map, &pods, &splits);
    (next != *map).then_some(next)
}

/// A map that gives every tile to one of the pods by hash: the adversary of tests and of `verify --shuffle`.
pub fn shuffle(pods: Vec<PodId>, seed: u64) -> Result<OwnershipMap, OwnershipError> {
    OwnershipMap::scattered(pods, seed)
}

/// The occupied tiles, and the weight before each.
struct Loads {
    keys: Vec<CurveKey>,
    /// One longer than `keys`: `before[i]` is the weight of the tiles `0..i`.
    before: Vec<u64>,
}

impl Loads {
    fn new(loads: &[(CurveKey, u32)]) -> Self {
        debug_assert!(
            loads.is_sorted_by(|a, b| a.0 < b.0),
            "loads must be in ascending order of their keys"
        );
        let mut keys = Vec::with_capacity(loads.len());
        let mut before = Vec::with_capacity(loads.len() + 1);
        let mut sum = 0;
        before.push(sum);
        for &(key, weight) in loads.iter().filter(|&&(_, weight)| weight > 0) {
            keys.push(key);
            sum += u64::from(weight);
            before.push(sum);
        }
        Self { keys, before }
    }

    fn total(&self) -> u64 {
        self.before[self.keys.len()]
    }

    /// How many occupied tiles come before a key.
    fn rank(&self, key: CurveKey) -> usize {
        self.keys.partition_point(|&other| other < key)
    }

    /// The rank whose weight before it is nearest to `goal`, the lower of two equally near.
    fn nearest(&self, goal: f64) -> usize {
        let above = self.before.partition_point(|&before| (before as f64) < goal);
        match above {
            0 => 0,
            _ if above == self.before.len() => above - 1,
            _ if goal - self.before[above - 1] as f64 <= self.before[above] as f64 - goal => above - 1,
            _ => above,
        }
    }

    /// A key with `rank` occupied tiles before it. Of the keys between two occupied tiles it is the one with the most trailing zeros, the border of the largest octree cell:
    /// the territories then have the least surface and are a union of few cells.
    fn key_at(&self, rank: usize) -> CurveKey {
        let high = self.keys.get(rank).copied().unwrap_or(CurveKey::END);
        let Some(low) = rank.checked_sub(1).map(|last| self.keys[last]) else {
            return CurveKey::START;
        };
        // The highest bit where they differ is 1 in `high`; what lies below it can be 0.
        let differing = 63 - (low.0 ^ high.0).leading_zeros();
        CurveKey(high.0 >> differing << differing)
    }
}

/// A pod that takes part in a step: all but those that drain and have no load, which are as good as gone.
struct Present {
    pod: PodId,
    draining: bool,
    /// First key of its range.
    start: CurveKey,
}

fn present_pods(map: &OwnershipMap, loads: &Loads, draining: &[PodId]) -> Vec<Present> {
    let mut present = Vec::new();
    for (pod, range) in map.spans() {
        let draining = draining.contains(&pod);
        if draining && loads.rank(range.start) == loads.rank(range.end) {
            continue;
        }
        let start = range.start;
        present.push(Present { pod, draining, start });
    }
    // Whatever lay before the first one falls to it.
    if let Some(first) = present.first_mut() {
        first.start = CurveKey::START;
    }
    present
}

/// Where split i, between present pods i and i + 1, is and wants to be; places are ranks of `Loads`.
struct Split {
    at: usize,
    goal: usize,
    /// Weight between the present place and the exact goal.
    excess: f64,
    drains: bool,
    /// Whether the pod before it may gain, so that the split may move up.
    may_rise: bool,
    /// Whether the pod behind it may gain.
    may_fall: bool,
}

/// The start key of every present pod after one step.
fn step(pods: &[Present], loads: &Loads, limits: &BalanceLimits) -> Vec<CurveKey> {
    let staying = pods.iter().filter(|pod| !pod.draining).count();
    let mean = loads.total() as f64 / staying as f64;
    let tolerance = f64::from(limits.tolerance.max(0.0));
    let splits = splits(pods, loads, mean);

    // `ranks[i]..ranks[i + 1]` are the tiles of pod i, before the step.
    let mut ranks = vec![0];
    ranks.extend(splits.iter().map(|split| split.at));
    ranks.push(loads.keys.len());
    let weight = |i: usize| (loads.before[ranks[i + 1]] - loads.before[ranks[i]]) as f64;
    let unbalanced = (0..pods.len()).any(|i| !pods[i].draining && (weight(i) - mean).abs() > tolerance * mean);

    // A split that is off by half the tolerance or less can stay: when all are, every pod is within tolerance.
    let mut order: Vec<usize> = (0..splits.len())
        .filter(|&i| splits[i].drains || unbalanced && splits[i].excess > 0.5 * tolerance * mean)
        .collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&splits[a], &splits[b]);
        b.drains.cmp(&a.drains).then(b.excess.total_cmp(&a.excess))
    });

    let mut moved = ranks.clone();
    let mut streams = 0;
    for i in order {
        if streams == limits.max_streams {
            break;
        }
        // Between the places of its neighbours before and after the step, so that a tile moves only between the two pods beside this split.
        let low = ranks[i].max(moved[i]);
        let high = ranks[i + 2].min(moved[i + 2]);
        let to = target(&splits[i], low, high, loads, limits.max_entities_per_stream);
        if to != splits[i].at {
            moved[i + 1] = to;
            streams += 1;
        }
    }
    starts(pods, loads, &ranks, &moved)
}

fn splits(pods: &[Present], loads: &Loads, mean: f64) -> Vec<Split> {
    let mut staying_before = 0;
    pods.windows(2)
        .map(|pair| {
            staying_before += u32::from(!pair[0].draining);
            let goal = mean * f64::from(staying_before);
            let at = loads.rank(pair[1].start);
            Split {
                at,
                goal: loads.nearest(goal),
                excess: (loads.before[at] as f64 - goal).abs(),
                drains: pair[0].draining || pair[1].draining,
                may_rise: !pair[0].draining,
                may_fall: !pair[1].draining,
            }
        })
        .collect()
}

/// How far a split gets in this step, within the ranks `low..=high`.
fn target(split: &Split, low: usize, high: usize, loads: &Loads, max_weight: u32) -> usize {
    let at = split.at;
    let here = loads.before[at];
    let max_weight = u64::from(max_weight);
    if split.goal > at && split.may_rise {
        let reach = loads.before.partition_point(|&before| before <= here + max_weight) - 1;
        reach.max(at + 1).min(split.goal).min(high).max(at)
    } else if split.goal < at && split.may_fall {
        let reach = loads.before.partition_point(|&before| before + max_weight < here);
        reach.min(at - 1).max(split.goal).max(low).min(at)
    } else {
        at
    }
}

/// The start keys for the ranks after a step. A split that has not moved keeps its key.
fn starts(pods: &[Present], loads: &Loads, ranks: &[usize], moved: &[usize]) -> Vec<CurveKey> {
    let stays = |i: usize| i == 0 || moved[i] == ranks[i];
    // A split that moves up to one that stays must not pass it within the gap between two occupied tiles.
    let mut ceilings = vec![CurveKey::END; pods.len()];
    let mut ceiling = CurveKey::END;
    for i in (0..pods.len()).rev() {
        if stays(i) {
            ceiling = pods[i].start;
        }
        ceilings[i] = ceiling;
    }
    let mut floor = CurveKey::START;
    (0..pods.len())
        .map(|i| {
            floor = if stays(i) {
                pods[i].start
            } else {
                loads.key_at(moved[i]).clamp(floor, ceilings[i])
            };
            floor
        })
        .collect()
}

/// The map with new starts for the present pods, and an empty range for each of the others.
fn with_splits(map: &OwnershipMap, pods: &[Present], starts: &[CurveKey]) -> OwnershipMap {
    let mut following = CurveKey::END;
    let mut present = pods.iter().zip(starts).rev().peekable();
    let mut ranges: Vec<_> = map
        .ranges()
        .iter()
        .rev()
        .map(|&(_, pod)| {
            if let Some((_, &start)) = present.next_if(|(next, _)| next.pod == pod) {
                following = start;
            }
            (following, pod)
        })
        .collect();
    ranges.reverse();
    // Empty ranges before the first present pod start where it does.
    OwnershipMap::from_ranges(ranges)
        .unwrap_or_else(|error| unreachable!("starts are ordered and the pods are those of a valid map: {error}"))
}
