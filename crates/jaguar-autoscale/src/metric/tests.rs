//! Wishes of one metric against Kubernetes' own tables (1.34, `pkg/controller/podautoscaler/replica_calculator_test.go`) and its documentation ('Algorithm details').

use super::Sample::{Ignored, Measured, Missing, NotReady};
use super::*;

fn wish(current: u32, target: Target, reading: Reading) -> Result<u32, MetricError> {
    let metric = Metric {
        name: "metric".to_owned(),
        target,
        reading,
    };
    let replicas = Replicas {
        current,
        ready: current,
    };
    metric.wish(replicas, Tolerance::default()).map(|wish| wish.replicas)
}

fn resource(request: f64, usage: &[Sample]) -> Reading {
    Reading::Resource(usage.iter().map(|&usage| PodResource { request, usage }).collect())
}

/// Name in Kubernetes' tests, current replicas, target in per cent, request of every pod, use, expected.
type ResourceRow<'a> = (&'a str, u32, u32, f64, &'a [Sample], u32);

#[test]
fn utilisation_is_that_of_kubernetes_table() -> Result<(), MetricError> {
    let rows: [ResourceRow<'_>; 20] = [
        ("ScaleUp", 3, 30, 1.0, &[Measured(0.3), Measured(0.5), Measured(0.7)], 5),
        (
            "ScaleUpUnreadyLessScale",
            3,
            30,
            1.0,
            &[NotReady, Measured(0.5), Measured(0.7)],
            4,
        ),
        (
            "ScaleUpUnreadyNoScale",
            3,
            30,
            1.0,
            &[Measured(0.4), NotReady, NotReady],
            3,
        ),
        (
            "ScaleUpIgnoresFailedPods",
            2,
            30,
            1.0,
            &[Measured(0.5), Measured(0.7), Ignored, Ignored],
            4,
        ),
        (
            "ScaleDown",
            5,
            50,
            1.0,
            &[
                Measured(0.1),
                Measured(0.3),
                Measured(0.5),
                Measured(0.25),
                Measured(0.25),
            ],
            3,
        ),
        (
            "ScaleDownExcludeUnreadyPods",
            5,
            50,
            1.0,
            &[Measured(0.1), Measured(0.3), Measured(0.5), NotReady, NotReady],
            2,
        ),
        (
            "ScaleDownExcludeUnscheduledPods",
            5,
            50,
            1.0,
            &[Measured(0.1), NotReady, NotReady, NotReady, NotReady],
            1,
        ),
        (
            "ScaleDownIgnoresFailedPods",
            5,
            50,
            1.0,
            &[
                Measured(0.1),
                Measured(0.3),
                Measured(0.5),
                Measured(0.25),
                Measured(0.25),
                Ignored,
            ],
            3,
        ),
        (
            "Tolerance",
            3,
            100,
            1.0,
            &[Measured(1.01), Measured(1.03), Measured(1.02)],
            3,
        ),
        (
            "MissingMetrics",
            4,
            100,
            1.0,
            &[Measured(0.4), Measured(0.095), Missing, Missing],
            3,
        ),
        ("MissingMetricsNoChangeEq", 2, 100, 1.0, &[Measured(1.0), Missing], 2),
        ("MissingMetricsNoChangeGt", 2, 100, 1.0, &[Measured(1.9), Missing], 2),
        ("MissingMetricsNoChangeLt", 2, 100, 1.0, &[Measured(0.6), Missing], 2),
        (
            "MissingMetricsUnreadyChange",
            3,
            50,
            1.0,
            &[NotReady, Measured(0.45), Missing],
            3,
        ),
        (
            "MissingMetricsUnreadyScaleUp",
            3,
            50,
            1.0,
            &[NotReady, Measured(2.0), Missing],
            4,
        ),
        (
            "MissingMetricsUnreadyScaleDown",
            4,
            50,
            1.0,
            &[NotReady, Measured(0.1), Measured(0.1), Missing],
            3,
        ),
        (
            "DuringRollingUpdateWithMaxSurge",
            2,
            50,
            1.0,
            &[Measured(0.1), Measured(0.1), Missing],
            2,
        ),
        // The documentation: 200m of 100m doubles, 50m halves.
        (
            "documentation, double",
            4,
            100,
            0.1,
            &[Measured(0.2), Measured(0.2), Measured(0.2), Measured(0.2)],
            8,
        ),
        (
            "documentation, half",
            4,
            100,
            0.1,
            &[Measured(0.05), Measured(0.05), Measured(0.05), Measured(0.05)],
            2,
        ),
        // 110.9 % is 110 % in whole per cent, which the tolerance of 0.1 still covers.
        ("whole per cent", 1, 100, 1.0, &[Measured(1.109)], 1),
    ];
    for (name, current, percent, request, usage, expected) in rows {
        assert_eq!(
            wish(current, Target::Utilization(percent), resource(request, usage))?,
            expected,
            "{name}"
        );
    }
    // MissingMetricsScaleDownTargetOver100: a missing pod counts as the target when that is above 100 %.
    let pods = [
        (1.0, NotReady),
        (1.0, Measured(0.1)),
        (2.0, Measured(0.1)),
        (2.0, Missing),
    ];
    let pods = pods.map(|(request, usage)| PodResource { request, usage });
    assert_eq!(wish(4, Target::Utilization(300), Reading::Resource(pods.to_vec()))?, 2);
    Ok(())
}

#[test]
fn average_values_are_those_of_kubernetes_table() -> Result<(), MetricError> {
    // Current replicas, target, values, expected.
    type Row<'a> = (&'a str, u32, f64, &'a [Sample], u32);
    let rows: [Row<'_>; 7] = [
        (
            "ScaleUpCM",
            3,
            15.0,
            &[Measured(20.0), Measured(10.0), Measured(30.0)],
            4,
        ),
        (
            "ScaleUpCMUnreadyHotCpuNoLessScale",
            3,
            15.0,
            &[Measured(50.0), Measured(10.0), Measured(30.0)],
            6,
        ),
        (
            "ScaleUpCMUnreadyHotCpuScaleWouldScaleDown",
            3,
            15.0,
            &[Measured(50.0), Measured(15.0), Measured(30.0)],
            7,
        ),
        ("ScaleDownCM", 5, 20.0, &[Measured(12.0); 5], 3),
        (
            "ToleranceCM",
            3,
            20.0,
            &[Measured(20.0), Measured(21.0), Measured(21.0)],
            3,
        ),
        (
            "PlainMetricMissingMetricsNoChangeEq",
            5,
            20.0,
            &[Measured(20.0), Measured(19.0), Measured(21.0), Missing, Missing],
            5,
        ),
        (
            "DuringRollingUpdateWithMaxSurgeCM",
            2,
            17.0,
            &[Measured(10.0), Measured(10.0), Missing],
            2,
        ),
    ];
    for (name, current, target, values, expected) in rows {
        let reading = Reading::Pods(values.to_vec());
        assert_eq!(
            wish(current, Target::AverageValue(target), reading)?,
            expected,
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn totals_are_divided_by_the_target_or_the_replicas() -> Result<(), MetricError> {
    // ScaleUpCMObject, ScaleDownCMObject, ToleranceCMObject; then the same per pod (…PerPodCMObject).
    for (current, target, total, expected) in [
        (3, Target::Value(15.0), 20.0, 4),
        (5, Target::Value(20.0), 12.0, 3),
        (3, Target::Value(20.0), 20.666, 3),
        (0, Target::Value(15.0), 20.0, 2),
        (3, Target::AverageValue(15.0), 60.0, 4),
        (5, Target::AverageValue(20.0), 60.0, 3),
        (4, Target::AverageValue(20.166), 80.0, 4),
        (0, Target::AverageValue(20.0), 0.0, 0),
    ] {
        assert_eq!(
            wish(current, target, Reading::Total(total))?,
            expected,
            "{target:?}, {total}"
        );
    }
    // TestExternalPerPodMetricReplicaOverflow: as many as the API can say.
    assert_eq!(
        wish(1, Target::AverageValue(0.001), Reading::Total(1e12))?,
        i32::MAX as u32
    );
    Ok(())
}

#[test]
fn what_cannot_be_compared_is_an_error_that_says_why() {
    let error = |target, reading| wish(3, target, reading).expect_err("an error").to_string();
    for (target, reading, message) in [
        (
            Target::AverageValue(1.0),
            Reading::Pods(vec![]),
            "no ready pod has a value",
        ),
        (
            Target::AverageValue(1.0),
            Reading::Pods(vec![NotReady, Missing, Ignored]),
            "no ready pod has a value",
        ),
        (
            Target::Utilization(50),
            resource(0.0, &[Measured(1.0)]),
            "the request 0 is out of range",
        ),
        (
            Target::Utilization(0),
            resource(1.0, &[Measured(1.0)]),
            "the target 0 is out of range",
        ),
        (
            Target::AverageValue(f64::NAN),
            Reading::Total(1.0),
            "the target NaN is out of range",
        ),
        (Target::Value(1.0), Reading::Total(-1.0), "the value -1 is out of range"),
        (
            Target::AverageValue(1.0),
            Reading::Pods(vec![Measured(f64::INFINITY)]),
            "the value inf is out of range",
        ),
        (
            Target::Value(1.0),
            Reading::Pods(vec![]),
            "Value does not go with a reading of kind Pods",
        ),
        (
            Target::Value(1.0),
            Reading::Unavailable("no answer".to_owned()),
            "could not be read: no answer",
        ),
    ] {
        let text = error(target, reading);
        assert!(text.contains(message), "{text}");
    }
}
