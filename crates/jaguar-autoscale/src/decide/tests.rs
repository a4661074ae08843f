//! Rate limits, bounds and stabilisation against Kubernetes' own tables (1.34, `pkg/controller/podautoscaler/horizontal_test.go`) and its documentation.

use super::*;
use crate::spec::{ScalingRules, SelectPolicy, SpecError};

const NOW: Duration = Duration::from_secs(10_000);

/// A history of (seconds ago, replicas gained).
fn history_of(events: &[(u64, i64)]) -> History {
    let mut history = History::default();
    for &(ago, change) in events {
        history.scale(change, NOW - Duration::from_secs(ago));
    }
    history
}

/// `TestScalingWithRules`: generateScalingRules puts the Pods policy first and selects Max.
fn max_of(policies: &[Policy]) -> Result<ScalingRules, SpecError> {
    ScalingRules::new(0, SelectPolicy::Max, policies.to_vec())
}

struct Case<'a> {
    /// Minimum and maximum replicas.
    bounds: (u32, u32),
    current: i64,
    desired: i64,
    up: &'a [Policy],
    down: &'a [Policy],
    events: &'a [(u64, i64)],
    expected: (i64, Limit),
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            bounds: (1, 1_000),
            current: 100,
            desired: 500,
            up: &[],
            down: &[],
            events: &[],
            expected: (0, Limit::None),
        }
    }
}

fn check(cases: &[Case<'_>]) -> Result<(), SpecError> {
    for (i, case) in cases.iter().enumerate() {
        let mut behavior = Behavior::default();
        if !case.up.is_empty() {
            behavior.scale_up = max_of(case.up)?;
        }
        if !case.down.is_empty() {
            behavior.scale_down = max_of(case.down)?;
        }
        let spec = Spec::new(case.bounds.0, case.bounds.1, behavior)?;
        let result = limit(&spec, &history_of(case.events), case.current, case.desired, NOW);
        assert_eq!(result, case.expected, "case {i}");
    }
    Ok(())
}

#[test]
fn bounds_and_rates_without_events_are_those_of_kubernetes_table() -> Result<(), SpecError> {
    use Limit::{Maximum, Minimum, None, Policy as By};
    let (pods, percent) = (Policy::pods, Policy::percent);
    check(&[
        Case {
            bounds: (3, 8),
            current: 5,
            desired: 7,
            expected: (7, None),
            ..Case::default()
        },
        Case {
            bounds: (2, 8),
            current: 3,
            desired: 1,
            expected: (2, Minimum),
            ..Case::default()
        },
        Case {
            bounds: (0, 10),
            current: 1,
            desired: 0,
            expected: (0, None),
            ..Case::default()
        },
        Case {
            bounds: (1, 10),
            current: 20,
            desired: 1_000,
            expected: (10, Maximum),
            ..Case::default()
        },
        Case {
            bounds: (100, 150),
            desired: 1_000,
            expected: (150, Maximum),
            ..Case::default()
        },
        // 3 x 1.01, rounded up.
        Case {
            bounds: (1, 2_000),
            current: 3,
            up: &[percent(1, 60)],
            expected: (4, By(percent(1, 60))),
            ..Case::default()
        },
        Case {
            bounds: (3, 2_000),
            current: 1_000,
            desired: 3,
            down: &[pods(20, 60)],
            expected: (980, By(pods(20, 60))),
            ..Case::default()
        },
        // The default: the larger of 4 pods and 100 %.
        Case {
            current: 10,
            desired: 50,
            expected: (20, By(percent(100, 15))),
            ..Case::default()
        },
        Case {
            current: 1,
            desired: 50,
            expected: (5, By(pods(4, 15))),
            ..Case::default()
        },
        Case {
            current: 10,
            up: &[pods(100, 60), percent(100, 60)],
            expected: (110, By(pods(100, 60))),
            ..Case::default()
        },
        Case {
            current: 10,
            up: &[pods(2, 60), percent(100, 60)],
            expected: (20, By(percent(100, 60))),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 50,
            up: &[pods(100, 60)],
            expected: (50, None),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 50,
            up: &[pods(30, 60)],
            expected: (40, By(pods(30, 60))),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 50,
            up: &[percent(200, 60)],
            expected: (30, By(percent(200, 60))),
            ..Case::default()
        },
        Case {
            desired: 2,
            down: &[pods(20, 60), percent(1, 60)],
            expected: (80, By(pods(20, 60))),
            ..Case::default()
        },
        Case {
            desired: 2,
            down: &[pods(2, 60), percent(1, 60)],
            expected: (98, By(pods(2, 60))),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 0,
            down: &[pods(100, 60)],
            expected: (1, Minimum),
            ..Case::default()
        },
        Case {
            bounds: (5, 1_000),
            current: 10,
            desired: 2,
            down: &[percent(100, 60)],
            expected: (5, Minimum),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 2,
            down: &[pods(5, 60)],
            expected: (5, By(pods(5, 60))),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 5,
            down: &[percent(50, 60)],
            expected: (5, None),
            ..Case::default()
        },
    ])
}

#[test]
fn rates_with_events_in_the_period_are_those_of_kubernetes_table() -> Result<(), SpecError> {
    use Limit::{Maximum, Minimum, None, Policy as By};
    let (pods, percent) = (Policy::pods, Policy::percent);
    // generateEventsUniformDistribution over 120 s: three events stand 100, 60 and 20 s ago, four 105, 75, 45 and 15, one 60.
    let up = &[(100, 1), (60, 5), (20, 9)];
    let down = &[(100, -1), (60, -5), (20, -9)];
    let tens_down = &[(100, -10), (60, -10), (20, -10)];
    let four_up = &[(105, 8), (75, 12), (45, 9), (15, 11)];
    let four_down = &[(105, -8), (75, -12), (45, -9), (15, -11)];
    check(&[
        Case {
            bounds: (1, 200),
            events: up,
            up: &[pods(300, 60)],
            expected: (200, Maximum),
            ..Case::default()
        },
        Case {
            bounds: (1, 200),
            events: up,
            up: &[percent(10_000, 60)],
            expected: (200, Maximum),
            ..Case::default()
        },
        // 85 replicas were there 120 s ago, and 85 + 5 < 100: what is there stays.
        Case {
            events: up,
            up: &[pods(5, 120)],
            expected: (100, By(pods(5, 120))),
            ..Case::default()
        },
        Case {
            events: up,
            up: &[pods(150, 120)],
            expected: (235, By(pods(150, 120))),
            ..Case::default()
        },
        Case {
            events: up,
            up: &[percent(200, 120)],
            expected: (255, By(percent(200, 120))),
            ..Case::default()
        },
        // 6 - 4 + 2 = 4 replicas were there.
        Case {
            current: 6,
            desired: 24,
            events: &[(60, 4), (60, -2)],
            up: &[percent(300, 300)],
            expected: (16, By(percent(300, 300))),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 5,
            events: down,
            expected: (5, None),
            ..Case::default()
        },
        Case {
            desired: 0,
            events: down,
            down: &[pods(115, 120)],
            expected: (1, Minimum),
            ..Case::default()
        },
        Case {
            bounds: (5, 1_000),
            desired: 0,
            events: down,
            down: &[pods(130, 120)],
            expected: (5, Minimum),
            ..Case::default()
        },
        Case {
            bounds: (5, 1_000),
            desired: 2,
            events: down,
            down: &[percent(100, 120)],
            expected: (5, Minimum),
            ..Case::default()
        },
        Case {
            desired: 2,
            events: down,
            down: &[pods(5, 120)],
            expected: (100, By(pods(5, 120))),
            ..Case::default()
        },
        // (100 + 12) / 2.
        Case {
            desired: 0,
            events: &[(100, -2), (60, -4), (20, -6)],
            down: &[percent(50, 120)],
            expected: (56, By(percent(50, 120))),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 1,
            events: &[(60, 2), (60, -4)],
            down: &[percent(50, 180)],
            expected: (6, By(percent(50, 180))),
            ..Case::default()
        },
        // 90 % of 130 is more than there is.
        Case {
            desired: 0,
            events: tens_down,
            down: &[percent(10, 120)],
            expected: (100, By(percent(10, 120))),
            ..Case::default()
        },
        Case {
            current: 10,
            desired: 5,
            events: tens_down,
            down: &[percent(1_000, 120)],
            expected: (5, None),
            ..Case::default()
        },
        Case {
            desired: 200,
            events: four_up,
            up: &[pods(1_000, 60)],
            expected: (200, None),
            ..Case::default()
        },
        Case {
            desired: 200,
            events: four_up,
            up: &[pods(1_000, 120), percent(100, 60)],
            expected: (200, None),
            ..Case::default()
        },
        Case {
            desired: 200,
            events: four_up,
            up: &[pods(1_000, 30), percent(100, 60)],
            expected: (200, None),
            ..Case::default()
        },
        Case {
            desired: 5,
            events: four_down,
            down: &[pods(1_000, 60)],
            expected: (5, None),
            ..Case::default()
        },
        Case {
            desired: 5,
            events: four_down,
            down: &[pods(1_000, 30), percent(100, 60)],
            expected: (5, None),
            ..Case::default()
        },
        // Exactly as old as the period: no longer in it.
        Case {
            events: &[(60, 40)],
            up: &[pods(20, 60)],
            expected: (120, By(pods(20, 60))),
            ..Case::default()
        },
        Case {
            events: &[(59, 40)],
            up: &[pods(20, 60)],
            expected: (100, By(pods(20, 60))),
            ..Case::default()
        },
    ])
}

#[test]
fn min_takes_the_smallest_change_and_disabled_none() -> Result<(), SpecError> {
    // TestCalculateScaleUpLimitWithScalingRules and TestCalculateScaleDownLimitWithBehaviors.
    let policies = vec![Policy::pods(2, 60), Policy::percent(50, 60)];
    let behavior = |select| -> Result<Behavior, SpecError> {
        let rules = ScalingRules::new(300, select, policies.clone())?;
        Ok(Behavior {
            scale_up: rules.clone(),
            scale_down: rules,
        })
    };
    let history = History::default();
    let min = Spec::new(1, 100, behavior(SelectPolicy::Min)?)?;
    assert_eq!(limit(&min, &history, 1, 50, NOW).0, 2);
    assert_eq!(limit(&min, &history, 5, 1, NOW).0, 3);
    let disabled = Spec::new(1, 100, behavior(SelectPolicy::Disabled)?)?;
    assert_eq!(limit(&disabled, &history, 5, 50, NOW), (5, Limit::DirectionDisabled));
    assert_eq!(limit(&disabled, &history, 5, 1, NOW), (5, Limit::DirectionDisabled));
    Ok(())
}

#[test]
fn stabilisation_is_that_of_kubernetes_table() -> Result<(), SpecError> {
    // TestNormalizeDesiredReplicasWithBehavior: recommendations as (minutes ago, replicas), current, desired, windows up and down in minutes, expected.
    type Row<'a> = (&'a [(u64, i64)], i64, i64, u32, u32, i64);
    let rows: [Row<'_>; 11] = [
        (&[], 100, 5, 0, 0, 5),
        (&[(2, 4), (1, 5)], 100, 3, 0, 3, 5),
        (&[(2, 4), (1, 5)], 1, 7, 5, 0, 4),
        (&[(2, 1), (1, 2)], 100, 3, 5, 0, 3),
        (&[(2, 4), (1, 5)], 1, 3, 0, 5, 3),
        (&[(10, 10), (9, 9)], 100, 3, 0, 0, 3),
        (&[(10, 10), (9, 9)], 1, 100, 0, 0, 100),
        (&[(10, 10), (1, 4), (2, 5), (9, 9)], 100, 3, 0, 3, 5),
        (&[(100, 10), (1, 6), (2, 5), (3, 9)], 1, 100, 5, 0, 5),
        // Neither up on the way down nor down on the way up.
        (&[(100, 2), (3, 3)], 2, 1, 5, 5, 2),
        (&[(100, 2), (3, 1)], 2, 3, 5, 5, 2),
    ];
    for (i, (recommendations, current, desired, up, down, expected)) in rows.into_iter().enumerate() {
        let mut history = History::default();
        for &(minutes, replicas) in recommendations {
            history.recommend(replicas, NOW - Duration::from_secs(60 * minutes));
        }
        let rules = |minutes: u32| ScalingRules::new(60 * minutes, SelectPolicy::Max, vec![Policy::percent(100, 15)]);
        let behavior = Behavior {
            scale_up: rules(up)?,
            scale_down: rules(down)?,
        };
        assert_eq!(
            stabilize(&behavior, &history, current, desired, NOW),
            expected,
            "row {i}"
        );
    }
    Ok(())
}

#[test]
fn ten_per_cent_down_is_rounded_up_to_whole_pods() -> Result<(), SpecError> {
    // The documentation of scaling policies, with 4 pods and 10 % a minute and Max: 80 replicas lose 8, 72 lose 8 (7.2 rounded up), and below 40 it is 4 at a time.
    let down = ScalingRules::new(0, SelectPolicy::Max, vec![Policy::pods(4, 60), Policy::percent(10, 60)])?;
    let spec = Spec::new(
        1,
        1_000,
        Behavior {
            scale_down: down,
            ..Behavior::default()
        },
    )?;
    for (current, expected) in [(80, 72), (72, 64), (41, 36), (39, 35), (10, 6), (5, 1), (3, 1)] {
        assert_eq!(
            limit(&spec, &History::default(), current, 1, NOW).0,
            expected,
            "from {current}"
        );
    }
    // 10 % alone: always one pod.
    let down = ScalingRules::new(0, SelectPolicy::Max, vec![Policy::percent(10, 60)])?;
    let spec = Spec::new(
        1,
        1_000,
        Behavior {
            scale_down: down,
            ..Behavior::default()
        },
    )?;
    for (current, expected) in [(100, 90), (11, 9), (10, 9), (5, 4), (2, 1)] {
        assert_eq!(
            limit(&spec, &History::default(), current, 1, NOW).0,
            expected,
            "from {current}"
        );
    }
    Ok(())
}

#[test]
fn floating_point_does_not_matter_to_the_seed_policy() -> Result<(), SpecError> {
    // Kubernetes computes per cent in f64, so 120 % of 25 is a pod too many; 100 % up and 10 % down are exact for every count that the project allows.
    let spec = Spec::new(1, 1_000, Behavior::seed())?;
    for current in 2..=100 {
        let up = limit(&spec, &History::default(), current, 1_000, NOW).0;
        let down = limit(&spec, &History::default(), current, 1, NOW).0;
        assert_eq!(
            (up, down),
            ((2 * current).min(current + 10), (9 * current / 10).max(current - 5))
        );
    }
    let up = ScalingRules::new(0, SelectPolicy::Min, vec![Policy::percent(120, 1)])?;
    let spec = Spec::new(
        1,
        1_000,
        Behavior {
            scale_up: up,
            ..Behavior::default()
        },
    )?;
    assert_eq!(limit(&spec, &History::default(), 25, 1_000, NOW).0, 56);
    Ok(())
}

#[test]
fn the_history_stays_as_short_as_the_rules_look_back() {
    let mut history = History::default();
    let behavior = Behavior::seed();
    for look in 0..10_000_u64 {
        let now = Duration::from_secs(15 * look);
        history.recommend(5, now);
        history.scale(1, now);
        history.forget(&behavior, now);
    }
    let now = Duration::from_secs(15 * 9_999);
    // 300 s of recommendations and 120 s of events.
    assert_eq!(history.recent(u32::MAX, now).count(), 20);
    assert_eq!(history.change_within(u32::MAX, now), 8);
}
