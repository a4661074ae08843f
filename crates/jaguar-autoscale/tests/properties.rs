//! What holds for any rules and any load.

use std::time::Duration;

use jaguar_autoscale::{
    Behavior, History, Metric, Observation, Policy, PolicyKind, Reading, Sample, ScalingRules, SelectPolicy, Spec,
    Target, decide,
};
use proptest::prelude::*;

fn any_rules(select: impl Strategy<Value = SelectPolicy>) -> impl Strategy<Value = ScalingRules> {
    let policy = prop_oneof![
        (1_u32..12, 1_u32..240).prop_map(|(value, period)| Policy::pods(value, period)),
        (1_u32..250, 1_u32..240).prop_map(|(value, period)| Policy::percent(value, period)),
    ];
    let policies = prop::collection::vec(policy, 1..4);
    (0_u32..200, select, policies)
        .prop_map(|(window, select, policies)| ScalingRules::new(window, select, policies).expect("within the ranges"))
}

fn any_select() -> impl Strategy<Value = SelectPolicy> {
    prop_oneof![
        Just(SelectPolicy::Max),
        Just(SelectPolicy::Min),
        Just(SelectPolicy::Disabled)
    ]
}

fn spec(min: u32, more: u32, scale_up: ScalingRules, scale_down: ScalingRules) -> Spec {
    Spec::new(min, min + more, Behavior { scale_up, scale_down }).expect("within the ranges")
}

/// One look with the same load on every pod.
fn observation(replicas: u32, load: f64) -> Observation {
    Observation {
        current_replicas: replicas,
        ready_replicas: replicas,
        metrics: vec![Metric {
            name: "load".to_owned(),
            target: Target::AverageValue(100.0),
            reading: Reading::Pods(vec![Sample::Measured(load); replicas as usize]),
        }],
    }
}

/// Seconds until each look, and load on all pods together.
fn any_trace() -> impl Strategy<Value = Vec<(u32, f64)>> {
    prop::collection::vec((1_u32..40, prop_oneof![0.0..500.0, 0.0..20_000.0]), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn replicas_stay_within_the_bounds_and_metrics_within_the_rules(
        (min, more) in (1_u32..5, 1_u32..80),
        up in any_rules(any_select()), down in any_rules(any_select()), start in 1_u32..90, trace in any_trace(),
    ) {
        let spec = spec(min, more, up, down);
        let (mut replicas, mut history, mut now) = (start, History::default(), Duration::ZERO);
        for (seconds, load) in trace {
            now += Duration::from_secs(seconds.into());
            let (decision, next) = decide(&spec, history, &observation(replicas, load / f64::from(replicas)), now);
            prop_assert!((spec.min_replicas()..=spec.max_replicas()).contains(&decision.replicas), "{}", decision);
            prop_assert!(!decision.to_string().is_empty());
            (replicas, history) = (decision.replicas, next);
        }
    }

    #[test]
    fn with_min_every_policy_holds_over_every_window(
        more in 10_u32..300,
        up in any_rules(Just(SelectPolicy::Min)), down in any_rules(Just(SelectPolicy::Min)), trace in any_trace(),
    ) {
        let spec = spec(1, more, up, down);
        // Replicas from each moment on.
        let mut steps = vec![(Duration::ZERO, 1_u32)];
        let (mut history, mut now) = (History::default(), Duration::ZERO);
        for (seconds, load) in trace {
            now += Duration::from_secs(seconds.into());
            let replicas = steps[steps.len() - 1].1;
            let (decision, next) = decide(&spec, history, &observation(replicas, load / f64::from(replicas)), now);
            history = next;
            let after = decision.replicas;
            if after == replicas { continue; }
            let rules = if after > replicas { &spec.behavior().scale_up } else { &spec.behavior().scale_down };
            for policy in rules.policies() {
                // What was there one period ago; the first replicas if that was before the beginning.
                let then = now.checked_sub(Duration::from_secs(policy.period_seconds.into()));
                let before = steps.iter().rev().find(|&&(at, _)| then.is_some_and(|then| at <= then));
                let before = f64::from(before.unwrap_or(&steps[0]).1);
                let change = match policy.kind {
                    PolicyKind::Pods => f64::from(policy.value),
                    // A part of a pod counts as one, and a whole number may be rounded up by one: 25 x 2.2 is more than 55 in floating point, in Kubernetes too.
                    PolicyKind::Percent => (before * f64::from(policy.value) / 100.0).floor() + 1.0,
                };
                // Each direction has its own policies: after a jump up a scale-down may stop anywhere above.
                let after = f64::from(after);
                let holds = if after > f64::from(replicas) { after <= before + change } else { after >= before - change };
                prop_assert!(holds, "{} and {}: {} then", policy, decision, before);
            }
            steps.push((now, after));
        }
    }

    #[test]
    fn more_load_never_gives_fewer_replicas(
        (min, more) in (1_u32..5, 1_u32..80),
        up in any_rules(any_select()), down in any_rules(any_select()), start in 1_u32..90,
        trace in any_trace(), (load, extra) in (0.0..400.0, 0.0..400.0),
    ) {
        let spec = spec(min, more, up, down);
        let (mut replicas, mut history, mut now) = (start, History::default(), Duration::ZERO);
        for (seconds, load) in trace {
            now += Duration::from_secs(seconds.into());
            let (decision, next) = decide(&spec, history, &observation(replicas, load / f64::from(replicas)), now);
            (replicas, history) = (decision.replicas, next);
        }
        now += Duration::from_secs(15);
        let (less, _) = decide(&spec, history.clone(), &observation(replicas, load), now);
        let (more, _) = decide(&spec, history, &observation(replicas, load + extra), now);
        prop_assert!(less.replicas <= more.replicas, "{} but {}", less, more);
    }

    #[test]
    fn a_constant_load_comes_to_rest(load in 0.0..8_000.0, start in 1_u32..80) {
        // With the project's rules: a hundred minutes are enough from anywhere to anywhere within 80.
        let spec = Spec::new(1, 100, Behavior::seed()).expect("within the ranges");
        let (mut replicas, mut history) = (start, History::default());
        for look in 0..400 {
            let (decision, next) = decide(&spec, history, &observation(replicas, load / f64::from(replicas)), Duration::from_secs(15 * look));
            (replicas, history) = (decision.replicas, next);
        }
        for look in 400..440 {
            let (decision, next) = decide(&spec, history, &observation(replicas, load / f64::from(replicas)), Duration::from_secs(15 * look));
            prop_assert_eq!(decision.replicas, replicas);
            history = next;
        }
    }
}
