//! What the project's own policy does over time, looked at every 15 s as the controller does.

use std::time::Duration;

use jaguar_autoscale::{
    Behavior, DeadBand, History, Limit, Metric, Observation, PodResource, Reading, Reason, SYNC_PERIOD, Sample, Spec,
    SpecError, Target, TimeFactor, Tolerance, decide,
};

/// A cluster in which every decision is carried out at once.
struct Cluster {
    spec: Spec,
    history: History,
    replicas: u32,
    now: Duration,
}

impl Cluster {
    fn new(replicas: u32) -> Result<Self, SpecError> {
        Ok(Self {
            spec: Spec::new(1, 100, Behavior::seed())?,
            history: History::default(),
            replicas,
            now: Duration::from_secs(1_000),
        })
    }

    /// One look at entities altogether, and CPU and memory of each pod in per cent.
    fn look(&mut self, entities: f64, cpu: f64, memory: f64) -> String {
        let pods = self.replicas as usize;
        let metric = |name: &str, band: DeadBand, average: f64| Metric {
            name: name.to_owned(),
            target: Target::AverageValue(band.upper()),
            reading: Reading::Pods(band.apply(&vec![Sample::Measured(average); pods], self.spec.tolerance())),
        };
        let observation = Observation {
            current_replicas: self.replicas,
            ready_replicas: self.replicas,
            metrics: vec![
                metric("entities", DeadBand::SEED_ENTITIES, entities / pods as f64),
                metric("cpu", DeadBand::SEED_CPU, cpu),
                metric("memory", DeadBand::SEED_MEMORY, memory),
            ],
        };
        let (decision, history) = decide(&self.spec, self.history.clone(), &observation, self.now);
        self.history = history;
        self.replicas = decision.replicas;
        self.now += SYNC_PERIOD;
        decision.to_string()
    }

    /// The replica counts after each of so many looks at the same number of entities, with CPU and memory low.
    fn looks(&mut self, count: usize, entities: f64) -> Vec<u32> {
        (0..count)
            .map(|_| {
                self.look(entities, 10.0, 10.0);
                self.replicas
            })
            .collect()
    }
}

#[test]
fn up_it_doubles_in_15_s_and_grows_by_10_a_minute_after_30_s() -> Result<(), SpecError> {
    let mut cluster = Cluster::new(1)?;
    // The first look records 1, which holds while it is younger than 30 s. Then 1, 2, 4, 8 until the 10 of the first minute are used up; one minute after each step that much is free again.
    let counts = cluster.looks(16, 700_000.0);
    assert_eq!(counts, [1, 1, 2, 4, 8, 11, 12, 14, 18, 21, 22, 24, 28, 31, 32, 34]);
    Ok(())
}

#[test]
fn down_it_waits_5_minutes_and_then_goes_from_5_pods_to_1_one_a_minute() -> Result<(), SpecError> {
    let mut cluster = Cluster::new(5)?;
    let counts = cluster.looks(37, 1_000.0);
    let mut expected = vec![5; 20];
    for replicas in [4, 3, 2] {
        expected.extend([replicas; 4]);
    }
    expected.extend([1; 5]);
    assert_eq!(counts, expected);
    Ok(())
}

#[test]
fn down_from_100_it_goes_10_per_cent_a_minute_but_no_more_than_5_in_2_minutes() -> Result<(), SpecError> {
    let mut cluster = Cluster::new(100)?;
    let counts = cluster.looks(45, 1_000.0);
    let changes: Vec<_> = (1..counts.len())
        .filter(|&i| counts[i] != counts[i - 1])
        .map(|i| (i, counts[i]))
        .collect();
    assert_eq!(changes, [(20, 95), (28, 90), (36, 85), (44, 80)]);
    Ok(())
}

#[test]
fn inside_the_band_nothing_moves_and_below_it_only_if_all_three_are() -> Result<(), SpecError> {
    // Entities per pod, CPU and memory in per cent; replicas after 10 minutes at 10 pods.
    for (entities, cpu, memory, stays) in [
        (6_999.0, 10.0, 10.0, true),
        (7_000.0, 70.0, 75.0, true),
        (2_000.0, 10.0, 10.0, true),
        (1_999.0, 30.0, 10.0, true),
        (1_999.0, 10.0, 40.0, true),
        (1_999.0, 29.0, 39.0, false),
        (7_001.0, 10.0, 10.0, false),
        (1_000.0, 71.0, 10.0, false),
        (1_000.0, 10.0, 76.0, false),
    ] {
        let mut cluster = Cluster::new(10)?;
        for _ in 0..40 {
            let per_pod = entities * f64::from(cluster.replicas);
            cluster.look(per_pod, cpu, memory);
        }
        assert_eq!(
            cluster.replicas == 10,
            stays,
            "{entities} entities, CPU {cpu} %, memory {memory} %: {}",
            cluster.replicas
        );
    }
    Ok(())
}

#[test]
fn a_load_that_swings_inside_the_band_changes_nothing_and_a_jump_out_of_it_settles() -> Result<(), SpecError> {
    let mut cluster = Cluster::new(10)?;
    for look in 0..400 {
        let swing = if look % 40 < 20 { 21_000.0 } else { 69_000.0 };
        cluster.look(swing, 50.0, 50.0);
        assert_eq!(cluster.replicas, 10);
    }
    // 72,000 is 7,200 a pod: at least 11, which have 6,545 each. The HPA adds its tolerance.
    let settled = *cluster.looks(100, 72_000.0).last().expect("100 looks");
    assert_eq!(settled, 12);
    Ok(())
}

#[test]
fn without_the_band_the_usual_tolerance_lets_10_per_cent_more_in_and_drifts_below() -> Result<(), SpecError> {
    // Why the band is there: the plain metric does nothing at 7,600 a pod, and scales down at 6,000, far above the lower threshold.
    let wanted = |average: f64| -> Result<u32, SpecError> {
        let spec = Spec::new(1, 100, Behavior::seed())?;
        let observation = Observation {
            current_replicas: 10,
            ready_replicas: 10,
            metrics: vec![Metric {
                name: "entities".to_owned(),
                target: Target::AverageValue(7_000.0),
                reading: Reading::Pods(vec![Sample::Measured(average); 10]),
            }],
        };
        let (decision, _) = decide(&spec, History::default(), &observation, Duration::ZERO);
        match decision.reason {
            Reason::Metrics { wanted, .. } => Ok(wanted),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((wanted(7_600.0)?, wanted(6_000.0)?), (10, 9));
    Ok(())
}

#[test]
fn the_band_reports_its_target_inside_and_more_than_the_tolerance_above() {
    let tolerance = Tolerance::default();
    for (band, average, report) in [
        (DeadBand::SEED_ENTITIES, 1_999.9, 1_999.9),
        (DeadBand::SEED_ENTITIES, 2_000.0, 7_000.0),
        (DeadBand::SEED_ENTITIES, 7_000.0, 7_000.0),
        (DeadBand::SEED_ENTITIES, 7_000.1, 7_703.5),
        (DeadBand::SEED_ENTITIES, 9_000.0, 9_000.0),
        (DeadBand::SEED_CPU, 70.5, 77.035),
        (DeadBand::SEED_MEMORY, 76.0, 82.5375),
    ] {
        let reported = band.report(average, tolerance);
        assert!((reported - report).abs() < 1e-9, "{average}: {reported}");
    }
    for (lower, upper) in [
        (2.0, 1.0),
        (-1.0, 1.0),
        (0.0, 0.0),
        (f64::NAN, 1.0),
        (0.0, f64::INFINITY),
    ] {
        assert!(DeadBand::new(lower, upper).is_err(), "{lower} to {upper}");
    }
}

#[test]
fn decisions_say_why() -> Result<(), SpecError> {
    let mut cluster = Cluster::new(2)?;
    assert_eq!(
        cluster.look(40_000.0, 10.0, 10.0),
        "2 stay: entities 20000, target 7000: 6; held at 2 by recent recommendations"
    );
    cluster.look(40_000.0, 10.0, 10.0);
    assert_eq!(
        cluster.look(40_000.0, 10.0, 10.0),
        "2 -> 4: entities 20000, target 7000: 6; limited to 4 by 100 % in 15 s"
    );
    assert_eq!(
        cluster.look(40_000.0, 10.0, 10.0),
        "4 -> 6: entities 10000, target 7000: 6"
    );
    // The 6 of the look before holds back the 8 until it is 30 s old.
    let held = "6 stay: cpu 90, target 70: 8; held at 6 by recent recommendations";
    assert_eq!(cluster.look(40_000.0, 90.0, 10.0), held);
    assert_eq!(cluster.look(40_000.0, 90.0, 10.0), "6 -> 8: cpu 90, target 70: 8");
    Ok(())
}

#[test]
fn with_a_failed_metric_it_scales_up_but_not_down() -> Result<(), SpecError> {
    // TestScaleUpOneMetricEmpty and TestNoScaleDownOneMetricEmpty: 3 replicas at 40 % of 30 %, 5 at 28 % of 50 %, and another metric that fails.
    let spec = Spec::new(2, 6, Behavior::default())?;
    let look = |replicas: u32, target, usage: &[f64]| {
        let pods = usage.iter().map(|&usage| PodResource {
            request: 1.0,
            usage: Sample::Measured(usage),
        });
        let metric = |name: &str, target, reading| Metric {
            name: name.to_owned(),
            target,
            reading,
        };
        let observation = Observation {
            current_replicas: replicas,
            ready_replicas: replicas,
            metrics: vec![
                metric(
                    "qps",
                    Target::Value(1.0),
                    Reading::Unavailable("something went wrong".to_owned()),
                ),
                metric("cpu", Target::Utilization(target), Reading::Resource(pods.collect())),
            ],
        };
        decide(&spec, History::default(), &observation, Duration::ZERO).0
    };
    assert_eq!(look(3, 30, &[0.3, 0.4, 0.5]).replicas, 4);
    let held = look(5, 50, &[0.1, 0.3, 0.5, 0.25, 0.25]);
    assert_eq!((held.replicas, &held.reason), (5, &Reason::MetricsFailed));
    assert_eq!(held.to_string(), "5 stay: qps could not be read: something went wrong");
    Ok(())
}

#[test]
fn replicas_outside_the_bounds_are_brought_back_at_once_and_zero_means_off() -> Result<(), SpecError> {
    let spec = Spec::new(2, 6, Behavior::seed())?;
    for (current, replicas, reason) in [
        (0, 0, Reason::Disabled),
        (1, 2, Reason::BelowMinimum),
        (50, 6, Reason::AboveMaximum),
        (4, 4, Reason::MetricsFailed),
    ] {
        let observation = Observation {
            current_replicas: current,
            ready_replicas: current,
            metrics: vec![],
        };
        let (decision, _) = decide(&spec, History::default(), &observation, Duration::ZERO);
        assert_eq!((decision.replicas, decision.reason), (replicas, reason));
    }
    Ok(())
}

#[test]
fn maximum_and_minimum_are_named_when_they_limit() -> Result<(), SpecError> {
    let spec = Spec::new(1, 3, Behavior::default())?;
    let observation = Observation {
        current_replicas: 2,
        ready_replicas: 2,
        metrics: vec![Metric {
            name: "entities".to_owned(),
            target: Target::AverageValue(1.0),
            reading: Reading::Total(50.0),
        }],
    };
    let (decision, _) = decide(&spec, History::default(), &observation, Duration::ZERO);
    assert!(
        matches!(
            decision.reason,
            Reason::Metrics {
                limit: Limit::Maximum,
                ..
            }
        ),
        "{decision}"
    );
    assert_eq!(decision.replicas, 3);
    Ok(())
}

#[test]
fn a_behavior_is_read_as_the_api_has_it_with_the_apis_defaults() -> Result<(), serde_json::Error> {
    let seed: Behavior = serde_json::from_str(
        r#"{
            "scaleUp": {"stabilizationWindowSeconds": 30, "selectPolicy": "Min", "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 15}, {"type": "Pods", "value": 10, "periodSeconds": 60}]},
            "scaleDown": {"stabilizationWindowSeconds": 300, "selectPolicy": "Min", "policies": [
                {"type": "Percent", "value": 10, "periodSeconds": 60}, {"type": "Pods", "value": 5, "periodSeconds": 120}]}
        }"#,
    )?;
    assert_eq!(seed, Behavior::seed());
    assert_eq!(
        serde_json::from_str::<Behavior>(r#"{"scaleUp": {}}"#)?,
        Behavior::default()
    );
    for (text, message) in [
        (r#"{"scaleDown": {"stabilizationWindowSeconds": 3601}}"#, "0 to 3600"),
        (r#"{"scaleDown": {"policies": []}}"#, "no scaling policy"),
        (
            r#"{"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 15}]}}"#,
            "0 pods in 15 s",
        ),
        (
            r#"{"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}}"#,
            "1 to 1800",
        ),
        (r#"{"scaleup": {}}"#, "unknown field"),
    ] {
        let error = serde_json::from_str::<Behavior>(text).expect_err(text).to_string();
        assert!(error.contains(message), "{error}");
    }
    Ok(())
}

#[test]
fn a_time_factor_shortens_every_window() -> Result<(), Box<dyn std::error::Error>> {
    let factor = TimeFactor::new(20.0)?;
    assert_eq!(factor.policy_time(Duration::from_secs(15)), Duration::from_secs(300));
    assert_eq!(factor.real_time(SYNC_PERIOD), Duration::from_millis(750));
    for factor in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(TimeFactor::new(factor).is_err(), "{factor}");
    }
    Ok(())
}
