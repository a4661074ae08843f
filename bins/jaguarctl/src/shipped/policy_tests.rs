//! The shipped autoscaler keeps its promises under any load: traces through the HPA and the thresholds as they are deployed, parsed and not typed again, with the replicas feeding back into the
//! load of each pod.
//!
//! The promises are checked on what comes out (replicas and loads per pod over time), by code that knows nothing of how the algorithm works. Broken manifests show that each check can fail.

use std::collections::BTreeSet;
use std::time::Duration;

use jaguar_autoscale::{Behavior, DeadBand, Forecast, Gauge, Load, Look, Manifest, PerSignal, Recorded, Signal, Trace};

use crate::scaling::{POD_REQUEST, bands};
use crate::shipped;

/// The HPA looks every 15 s.
const LOOKS_A_MINUTE: usize = 4;
const MEMORY_REQUEST: f64 = POD_REQUEST.memory_bytes;

/// What operators are promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Promise {
    /// 1 to 100 replicas.
    Bounds,
    /// At most double in 15 s.
    Double,
    /// At most 10 more in a minute.
    TenAMinute,
    /// At most 10 % fewer in a minute; the HPA rounds what remains down.
    TenPercentAMinute,
    /// At most 5 fewer in two minutes.
    FiveInTwoMinutes,
    /// More only after 30 s in which something was above its upper threshold.
    UpWhenAboveFor30s,
    /// Fewer only after 5 minutes in which everything was below its lower threshold.
    DownWhenAllBelowFor5Minutes,
    /// When the load stays, the pods end up neither overloaded nor all idle.
    Settles,
}

fn shipped_bands() -> anyhow::Result<PerSignal<DeadBand>> {
    Ok(bands(&shipped::configuration(Vec::new())?.config.autoscale)?)
}

/// A load by minutes: rows of time, entities, cores and GiB.
fn trace(rows: &[(f64, f64, f64, f64)]) -> anyhow::Result<Trace> {
    let samples = rows.iter().map(|&(minutes, entities, cpu_cores, gib)| {
        let load = Load {
            entities,
            cpu_cores,
            memory_bytes: gib / 2.0 * MEMORY_REQUEST,
        };
        (Duration::from_secs_f64(minutes * 60.0), load)
    });
    Ok(Trace::new(samples.collect())?)
}

/// A load of entities alone, by a function of minutes that is asked every 15 s.
fn entities(minutes: u32, of: impl Fn(f64) -> f64) -> anyhow::Result<Trace> {
    let rows = (0..=minutes * 4).map(|quarter| f64::from(quarter) / 4.0);
    trace(&rows.map(|minute| (minute, of(minute), 0.0, 0.0)).collect::<Vec<_>>())
}

/// Numbers from 0 to 1 that look random and are the same every time (splitmix64).
fn noise(step: u64) -> f64 {
    let mut z = step.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as f64 / u64::MAX as f64
}

/// Each trace with its name and the replicas at its beginning.
fn traces() -> anyhow::Result<Vec<(&'static str, u32, Trace)>> {
    let jump = 1.0 / 60.0;
    Ok(vec![
        (
            "ramp",
            1,
            entities(120, |minute| 1_000.0 + 10_000.0 * minute.min(60.0))?,
        ),
        (
            "step",
            1,
            trace(&[
                (0.0, 1e3, 0.1, 0.2),
                (5.0, 1e3, 0.1, 0.2),
                (5.0 + jump, 3e5, 30.0, 40.0),
                (60.0, 3e5, 30.0, 40.0),
            ])?,
        ),
        (
            "step beyond the maximum",
            1,
            trace(&[(0.0, 5e6, 300.0, 100.0), (60.0, 5e6, 300.0, 100.0)])?,
        ),
        (
            "nothing at all",
            40,
            trace(&[(0.0, 0.0, 0.0, 0.0), (90.0, 0.0, 0.0, 0.0)])?,
        ),
        (
            "spike of a minute",
            4,
            trace(&[
                (0.0, 2e4, 1.0, 2.0),
                (10.0, 2e4, 1.0, 2.0),
                (10.0 + jump, 2e5, 1.0, 2.0),
                (11.0, 2e5, 1.0, 2.0),
                (11.0 + jump, 2e4, 1.0, 2.0),
                (60.0, 2e4, 1.0, 2.0),
            ])?,
        ),
        ("decay", 60, entities(150, |minute| 400_000.0 * (-minute / 15.0).exp())?),
        (
            "decay of a large cluster",
            100,
            entities(150, |minute| 100_000.0 * (-minute / 5.0).exp())?,
        ),
        (
            "oscillation across the band",
            10,
            entities(240, |minute| 45_000.0 + 44_000.0 * (minute / 10.0).sin())?,
        ),
        (
            "slow oscillation across the band",
            10,
            entities(400, |minute| 45_000.0 + 44_000.0 * (minute / 40.0).sin())?,
        ),
        (
            "noise",
            8,
            entities(240, |minute| 90_000.0 * noise((minute * 4.0) as u64))?,
        ),
        (
            "noise at the lower threshold",
            10,
            entities(240, |minute| 18_000.0 + 4_000.0 * noise((minute * 4.0) as u64))?,
        ),
        (
            "noise at the upper threshold",
            10,
            entities(240, |minute| 68_000.0 + 4_000.0 * noise((minute * 4.0) as u64))?,
        ),
        (
            "entities go, CPU stays in its band",
            20,
            trace(&[(0.0, 1e5, 8.0, 8.0), (10.0, 100.0, 8.0, 8.0), (60.0, 100.0, 8.0, 8.0)])?,
        ),
        (
            "entities go, memory stays in its band",
            20,
            trace(&[
                (0.0, 1e5, 8.0, 20.0),
                (10.0, 100.0, 0.5, 20.0),
                (60.0, 100.0, 0.5, 20.0),
            ])?,
        ),
        (
            "CPU alone",
            2,
            trace(&[
                (0.0, 1e3, 0.8, 1.0),
                (10.0, 1e3, 9.0, 1.0),
                (30.0, 1e3, 9.0, 1.0),
                (40.0, 1e3, 0.2, 1.0),
                (90.0, 1e3, 0.2, 1.0),
            ])?,
        ),
        (
            "memory alone",
            2,
            trace(&[
                (0.0, 1e3, 0.2, 1.0),
                (10.0, 1e3, 0.2, 30.0),
                (30.0, 1e3, 0.2, 30.0),
                (40.0, 1e3, 0.2, 0.5),
                (90.0, 1e3, 0.2, 0.5),
            ])?,
        ),
    ])
}

fn forecast(manifest: &Manifest) -> anyhow::Result<Forecast> {
    Ok(Forecast {
        spec: manifest.spec.clone(),
        gauges: manifest.gauges()?,
        bands: shipped_bands()?,
        request: POD_REQUEST,
        pod_start: Duration::ZERO,
    })
}

/// The promises that are broken, each with the look at which it is.
fn broken(looks: &[Look], bands: &PerSignal<DeadBand>, trace: &Trace) -> Vec<(Promise, usize)> {
    // Replicas after so many looks; before the first one, those at the beginning.
    let after = |count: usize| match count.checked_sub(1) {
        Some(last) => looks[last].decision.replicas,
        None => looks[0].decision.current,
    };
    let is_above = |look: &Look| {
        Signal::ALL
            .iter()
            .any(|&signal| *look.per_pod.get(signal) > bands.get(signal).upper())
    };
    let is_below = |look: &Look| {
        Signal::ALL
            .iter()
            .all(|&signal| *look.per_pod.get(signal) < bands.get(signal).lower())
    };
    let mut broken = Vec::new();
    for (index, look) in looks.iter().enumerate() {
        let (now, before) = (look.decision.replicas, after(index));
        let minutes_ago = |minutes: usize| after((index + 1).saturating_sub(minutes * LOOKS_A_MINUTE));
        // The looks of the last so many seconds, this one included; one that is exactly as old does not count any more.
        let recent = |seconds: usize| &looks[(index + 1).saturating_sub(seconds / 15)..=index];
        let mut must = |promise, holds: bool| {
            if !holds {
                broken.push((promise, index));
            }
        };
        must(Promise::Bounds, (1..=100).contains(&now));
        if now > before {
            must(Promise::Double, now <= 2 * before);
            must(Promise::TenAMinute, now <= minutes_ago(1) + 10);
            must(
                Promise::UpWhenAboveFor30s,
                recent(30).iter().all(is_above) && recent(30).len() == 2,
            );
        }
        if now < before {
            must(Promise::TenPercentAMinute, now >= minutes_ago(1) * 9 / 10);
            must(Promise::FiveInTwoMinutes, now + 5 >= minutes_ago(2));
            must(
                Promise::DownWhenAllBelowFor5Minutes,
                recent(300).iter().all(is_below) && recent(300).len() == 20,
            );
        }
    }
    // Of a load that has not moved for 20 minutes: time for 5 minutes, and for some steps. One that still goes up or down a step at a time is on its way.
    if let Some(last) = looks.last() {
        let rests = trace.at(last.at.saturating_sub(Duration::from_secs(20 * 60))) == last.load;
        let moves = after(looks.len() - 2 * LOOKS_A_MINUTE) != after(looks.len());
        let good =
            (!is_above(last) || last.decision.replicas >= 100) && (!is_below(last) || last.decision.replicas <= 1);
        if rests && !moves && !good {
            broken.push((Promise::Settles, looks.len() - 1));
        }
    }
    broken
}

/// Which promises an HPA breaks over all traces.
fn broken_by(text: &str) -> anyhow::Result<BTreeSet<Promise>> {
    let (manifest, bands) = (Manifest::read(text)?, shipped_bands()?);
    let forecast = forecast(&manifest)?;
    let mut promises = BTreeSet::new();
    for (_, first, trace) in traces()? {
        let looks: Vec<Look> = forecast.looks(&trace, first).collect();
        promises.extend(broken(&looks, &bands, &trace).into_iter().map(|(promise, _)| promise));
    }
    Ok(promises)
}

#[test]
fn the_shipped_autoscaler_keeps_every_promise_under_every_load() -> anyhow::Result<()> {
    let (manifest, bands) = (shipped::hpa()?, shipped_bands()?);
    // Pods that carry their share at once, and such as take three looks to get there.
    for pod_start in [Duration::ZERO, Duration::from_secs(45)] {
        let forecast = Forecast {
            pod_start,
            ..forecast(&manifest)?
        };
        for (name, first, trace) in traces()? {
            let looks: Vec<Look> = forecast.looks(&trace, first).collect();
            if let Some((promise, index)) = broken(&looks, &bands, &trace).first() {
                let (look, seconds) = (&looks[*index], looks[*index].at.as_secs());
                panic!("{name}: {promise:?} is broken after {seconds} s: {}", look.decision);
            }
        }
    }
    Ok(())
}

#[test]
fn a_broken_autoscaler_is_caught() -> anyhow::Result<()> {
    let pods_metric = |name: &str| {
        let start = format!("    - type: Pods\n      pods:\n        metric:\n          name: {name}\n");
        let begin = shipped::HPA.find(&start).expect("the shipped HPA has it");
        let length = shipped::HPA[begin + 1..]
            .find("    - type:")
            .expect("it is not the last one");
        &shipped::HPA[begin..=begin + length]
    };
    let policy = |kind: &str, value: u32, period: u32| {
        format!("type: {kind}\n          value: {value}\n          periodSeconds: {period}")
    };
    let up = "scaleUp:\n      stabilizationWindowSeconds: 30\n      selectPolicy: Min";
    let down = "scaleDown:\n      stabilizationWindowSeconds: 300\n      selectPolicy: Min";
    let replaced = |from: &str, to: &str| {
        assert!(shipped::HPA.contains(from), "the shipped HPA has no {from:?}");
        shipped::HPA.replace(from, to)
    };
    for (manifest, promise) in [
        (replaced(up, &up.replace("Min", "Max")), Promise::TenAMinute),
        (replaced(up, &up.replace("30", "0")), Promise::UpWhenAboveFor30s),
        (replaced(down, &down.replace("Min", "Max")), Promise::FiveInTwoMinutes),
        (
            replaced(down, &down.replace("300", "240")),
            Promise::DownWhenAllBelowFor5Minutes,
        ),
        (
            replaced(&policy("Percent", 100, 15), &policy("Percent", 200, 15)),
            Promise::Double,
        ),
        (
            replaced(&policy("Pods", 10, 60), &policy("Pods", 11, 60)),
            Promise::TenAMinute,
        ),
        (
            replaced(&policy("Pods", 10, 60), &policy("Pods", 10, 45)),
            Promise::TenAMinute,
        ),
        (
            replaced(&policy("Percent", 10, 60), &policy("Percent", 20, 60)),
            Promise::TenPercentAMinute,
        ),
        (
            replaced(&policy("Pods", 5, 120), &policy("Pods", 6, 120)),
            Promise::FiveInTwoMinutes,
        ),
        (replaced("maxReplicas: 100", "maxReplicas: 101"), Promise::Bounds),
        (replaced("minReplicas: 1", "minReplicas: 0"), Promise::Bounds),
        (replaced("minReplicas: 1", "minReplicas: 2"), Promise::Settles),
        // A target above what is recorded inside the band shrinks there, one below it grows.
        (
            replaced("averageValue: \"7000\"", "averageValue: \"8000\""),
            Promise::DownWhenAllBelowFor5Minutes,
        ),
        (
            replaced("averageValue: \"7000\"", "averageValue: \"6000\""),
            Promise::UpWhenAboveFor30s,
        ),
        (
            replaced("averageValue: \"70\"", "averageValue: \"60\""),
            Promise::UpWhenAboveFor30s,
        ),
        // Without the recorded metric the plain one, which has no dead band, is left; without either nobody looks.
        (
            replaced(pods_metric("jaguar_autoscale_cpu_percent"), ""),
            Promise::DownWhenAllBelowFor5Minutes,
        ),
        (
            replaced(pods_metric("jaguar_autoscale_memory_percent"), ""),
            Promise::DownWhenAllBelowFor5Minutes,
        ),
        (replaced(pods_metric("jaguar_autoscale_entities"), ""), Promise::Settles),
    ] {
        let promises = broken_by(&manifest)?;
        assert!(
            promises.contains(&promise),
            "expected {promise:?}, broken are {promises:?} by\n{manifest}"
        );
    }
    Ok(())
}

#[test]
fn inside_the_band_nothing_moves() -> anyhow::Result<()> {
    // Ten pods, between 21,000 and 69,000 entities, 31 and 69 % CPU and 41 and 74 % memory, each at its own pace, for eight hours.
    let rows: Vec<_> = (0..=1_920)
        .map(|quarter| f64::from(quarter) / 4.0)
        .map(|minute| {
            let swing = |centre: f64, width: f64, period: f64| centre + width * (minute / period).sin();
            (
                minute,
                swing(45_000.0, 24_000.0, 7.0),
                swing(5.0, 1.9, 3.0),
                swing(11.5, 3.2, 11.0),
            )
        })
        .collect();
    let manifest = shipped::hpa()?;
    let forecast = forecast(&manifest)?;
    let trace = trace(&rows)?;
    assert!(forecast.looks(&trace, 10).all(|look| look.decision.replicas == 10));
    Ok(())
}

#[test]
fn the_shortest_delays_are_those_that_are_promised() -> anyhow::Result<()> {
    // 30 s after the load has come, the first pod is added; a load that is seen once adds none.
    let manifest = shipped::hpa()?;
    let forecast = forecast(&manifest)?;
    let jump = 1.0 / 60.0;
    let first_change = |trace: &Trace, first: u32| {
        let mut looks = forecast.looks(trace, first);
        looks
            .find(|look| look.decision.replicas != first)
            .map(|look| look.at.as_secs())
    };
    let up = trace(&[
        (0.0, 5e4, 0.0, 0.0),
        (9.9, 5e4, 0.0, 0.0),
        (9.9 + jump, 1e5, 0.0, 0.0),
        (30.0, 1e5, 0.0, 0.0),
    ])?;
    assert_eq!(first_change(&up, 10), Some(615), "seen at 600 s and at 615 s");
    let once = trace(&[
        (0.0, 5e4, 0.0, 0.0),
        (9.9, 5e4, 0.0, 0.0),
        (10.0, 1e5, 0.0, 0.0),
        (10.1, 5e4, 0.0, 0.0),
        (30.0, 5e4, 0.0, 0.0),
    ])?;
    assert_eq!(first_change(&once, 10), None);
    // 5 minutes after the load has gone, the first pod goes.
    let down = trace(&[
        (0.0, 5e4, 0.0, 0.0),
        (9.9, 5e4, 0.0, 0.0),
        (9.9 + jump, 1e3, 0.0, 0.0),
        (30.0, 1e3, 0.0, 0.0),
    ])?;
    assert_eq!(
        first_change(&down, 10),
        Some(600 + 285),
        "20 looks below, the first at 600 s"
    );
    Ok(())
}

#[test]
fn the_manifests_the_rules_and_the_code_have_the_same_numbers() -> anyhow::Result<()> {
    let manifest = shipped::hpa()?;
    assert_eq!(manifest.spec.behavior(), &Behavior::seed());
    let keys = shipped::configuration(Vec::new())?.config.autoscale;
    assert_eq!(
        keys.scale_up_cooldown_seconds,
        Behavior::seed().scale_up.stabilization_window_seconds()
    );
    assert_eq!(
        keys.scale_down_cooldown_seconds,
        Behavior::seed().scale_down.stabilization_window_seconds()
    );
    let bands = shipped_bands()?;
    let rules = include_str!("../../../../k8s/base/prometheus-rules.yaml");
    let mut targets = 0;
    for gauge in manifest.gauges()? {
        if let Gauge::Recorded(recorded, target) = gauge {
            assert_eq!(target, recorded.at_threshold, "{}", recorded.metric);
            assert_eq!(
                bands.get(recorded.signal).upper(),
                recorded.at_threshold,
                "{}",
                recorded.metric
            );
            let (_, rule) = rules
                .split_once(&format!("record: {}\n", recorded.metric))
                .expect("it is recorded");
            let expression = rule.split("- record:").next().unwrap_or_default();
            assert!(
                expression.contains(&format!("({} * ", recorded.at_threshold)),
                "{expression}"
            );
            targets += 1;
        }
    }
    assert_eq!(targets, Recorded::ALL.len());
    let deployment = include_str!("../../../../k8s/base/deployment.yaml");
    let (_, requests) = deployment
        .split_once("requests:\n")
        .expect("the pod requests something");
    let requests: Vec<&str> = requests.lines().take(2).map(str::trim).collect();
    assert_eq!(
        requests,
        ["cpu: \"1\"", "memory: 2Gi"],
        "POD_REQUEST is {POD_REQUEST:?}"
    );
    Ok(())
}
