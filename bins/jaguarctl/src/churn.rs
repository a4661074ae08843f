//! The churn of `verify --churn SEED`: which disturbance begins at which tick, a pure function of the seed.

/// What a disturbance does to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Disturbance {
    /// A new process joins.
    Join,
    /// A pod that does not coordinate drains; which one is `draw` modulo their number, ascending by pod.
    Drain {
        /// Selects the pod.
        draw: u64,
    },
    /// The coordinator hands its role over and drains.
    DrainCoordinator,
    /// The coordinator hands its role over and stays.
    Succeed,
    /// Every split moves to where the loads say, at once.
    Rebalance,
}

impl Disturbance {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Drain { .. } => "drain",
            Self::DrainCoordinator => "drain of the coordinator",
            Self::Succeed => "succession",
            Self::Rebalance => "rebalance",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Join => Kind::Join,
            Self::Drain { .. } => Kind::Drain,
            Self::DrainCoordinator => Kind::DrainCoordinator,
            Self::Succeed => Kind::Succeed,
            Self::Rebalance => Kind::Rebalance,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Join,
    Drain,
    DrainCoordinator,
    Succeed,
    Rebalance,
}

const KINDS: [Kind; 5] = [
    Kind::Join,
    Kind::Drain,
    Kind::DrainCoordinator,
    Kind::Succeed,
    Kind::Rebalance,
];

/// Mean ticks between two disturbances.
const SPACING_TICKS: u64 = 25;

/// Runs at least this long have every kind of disturbance at least once. Eight disturbances fit, and the five kinds need seven at the most:
/// from one pod, each of the three that need a second pod may have to wait for a join, and one of those joins is itself among the five.
#[cfg(test)]
const COMPLETE_TICKS: u64 = 8 * SPACING_TICKS;

/// A disturbance and the tick at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scheduled {
    /// Tick of the world.
    pub(crate) tick: u64,
    /// What happens.
    pub(crate) disturbance: Disturbance,
}

/// The schedule of a run of `ticks` ticks that starts with `pods` pods. The number of pods stays within 1 and `pods + 2`, ticks ascend and lie inside the run.
pub(crate) fn schedule(seed: u64, pods: usize, ticks: u64) -> Vec<Scheduled> {
    let mut random = SplitMix64(seed);
    let mut present = pods;
    let mut missing: Vec<Kind> = KINDS.to_vec();
    (0..ticks / SPACING_TICKS)
        .map(|slot| {
            let possible = |kind: &&Kind| match kind {
                Kind::Join => present < pods + 2,
                Kind::Drain | Kind::DrainCoordinator | Kind::Succeed => present > 1,
                Kind::Rebalance => true,
            };
            // Kinds that have not been there yet go first; from one pod they wait for a join.
            let mut choices: Vec<Kind> = missing.iter().filter(possible).copied().collect();
            if choices.is_empty() {
                choices = if missing.is_empty() {
                    KINDS.iter().filter(possible).copied().collect()
                } else {
                    vec![Kind::Join]
                };
            }
            let kind = choices[random.below(choices.len() as u64) as usize];
            missing.retain(|&other| other != kind);
            let disturbance = match kind {
                Kind::Join => Disturbance::Join,
                Kind::Drain => Disturbance::Drain { draw: random.next() },
                Kind::DrainCoordinator => Disturbance::DrainCoordinator,
                Kind::Succeed => Disturbance::Succeed,
                Kind::Rebalance => Disturbance::Rebalance,
            };
            present = pods_after(present, disturbance);
            Scheduled {
                tick: slot * SPACING_TICKS + random.below(SPACING_TICKS),
                disturbance,
            }
        })
        .collect()
}

fn pods_after(pods: usize, disturbance: Disturbance) -> usize {
    match disturbance.kind() {
        Kind::Join => pods + 1,
        Kind::Drain | Kind::DrainCoordinator => pods - 1,
        Kind::Succeed | Kind::Rebalance => pods,
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same on every machine and in every version.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is small: the bias of the remainder is below 2^-50.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedules() -> impl Iterator<Item = (u64, usize, Vec<Scheduled>)> {
        (0..200).flat_map(|seed| [1, 2, 5].map(|pods| (seed, pods, schedule(seed, pods, 600))))
    }

    #[test]
    fn pods_stay_between_one_and_two_more_than_at_the_start() {
        for (seed, pods, schedule) in schedules() {
            let mut present = pods;
            for scheduled in schedule {
                let needs_two = !matches!(scheduled.disturbance, Disturbance::Join | Disturbance::Rebalance);
                assert!(present > 1 || !needs_two, "seed {seed}, {pods} pods: {scheduled:?}");
                present = pods_after(present, scheduled.disturbance);
                assert!(
                    (1..=pods + 2).contains(&present),
                    "seed {seed}, {pods} pods: {scheduled:?}"
                );
            }
        }
    }

    #[test]
    fn ticks_ascend_inside_the_run() {
        for (seed, _, schedule) in schedules() {
            assert!(schedule.is_sorted_by_key(|s| s.tick), "seed {seed}");
            assert!(schedule.last().is_some_and(|s| s.tick < 600), "seed {seed}");
        }
    }

    #[test]
    fn two_hundred_ticks_have_every_kind() {
        for seed in 0..500 {
            for pods in [1, 2, 5] {
                let schedule = schedule(seed, pods, COMPLETE_TICKS);
                for kind in KINDS {
                    let present = schedule.iter().any(|s| s.disturbance.kind() == kind);
                    assert!(present, "seed {seed}, {pods} pods: no {kind:?} in {schedule:?}");
                }
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(schedule(7, 2, 600), schedule(7, 2, 600));
        assert_ne!(schedule(7, 2, 600), schedule(8, 2, 600));
    }
}
