//! Reading an HPA: what is understood, what is refused and where, and what a forecast makes of it.

use std::time::Duration;

use jaguar_autoscale::{
    Behavior, DeadBand, Forecast, Gauge, Load, Manifest, ManifestError, MetricSource, PerSignal, PodRequest, Recorded,
    Signal, Target, Trace,
};

/// An HPA with these lines below `spec`.
fn hpa(spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n{spec}")
}

const SMALLEST: &str = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\nmaxReplicas: 3\n";

fn message(text: &str) -> String {
    Manifest::read(text).expect_err(text).to_string()
}

#[test]
fn what_is_not_said_has_the_apis_default() -> Result<(), ManifestError> {
    let manifest = Manifest::read(&hpa(SMALLEST))?;
    assert_eq!(manifest.name, "web");
    assert_eq!((manifest.spec.min_replicas(), manifest.spec.max_replicas()), (1, 3));
    assert_eq!(manifest.spec.behavior(), &Behavior::default());
    let cpu = (MetricSource::Resource("cpu".to_owned()), Target::Utilization(80));
    assert_eq!(manifest.metrics.len(), 1);
    assert_eq!((manifest.metrics[0].source.clone(), manifest.metrics[0].target), cpu);
    Ok(())
}

#[test]
fn metrics_of_both_types_are_read_with_quantities_and_become_gauges() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = "\
metrics:
- {type: Pods, pods: {metric: {name: jaguar_autoscale_entities}, target: {type: AverageValue, averageValue: 7k}}}
- {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}}
- {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
";
    let gauges = Manifest::read(&hpa(&format!("{SMALLEST}{metrics}")))?.gauges()?;
    let recorded = Recorded::find("jaguar_autoscale_entities").ok_or("it is one of ours")?;
    let expected = [
        Gauge::Recorded(recorded, 7_000.0),
        Gauge::Resource(Signal::Memory, Target::AverageValue(1_073_741_824.0)),
        Gauge::Resource(Signal::Cpu, Target::Utilization(70)),
    ];
    assert_eq!(gauges, expected);

    let other = metrics.replace("jaguar_autoscale_entities", "requests");
    let unknown = Manifest::read(&hpa(&format!("{SMALLEST}{other}")))?.gauges();
    let message = unknown.expect_err("nobody computes requests").to_string();
    assert!(message.contains("pods metric requests"), "{message}");
    Ok(())
}

#[test]
fn an_hpa_is_found_among_other_documents_and_errors_count_lines_from_the_top_of_the_file() {
    let other = "# a comment\n---\napiVersion: v1\nkind: Secret\nstringData:\n  text: |\n    a\n    --- b\n---\n# nothing here\n---\n";
    assert_eq!(
        Manifest::read(&format!("{other}{}", hpa(SMALLEST))),
        Manifest::read(&hpa(SMALLEST))
    );

    let bad = format!(
        "{other}{}",
        hpa(&SMALLEST.replace("maxReplicas: 3", "maxReplicas: three"))
    );
    let line = bad
        .lines()
        .position(|line| line.contains("three"))
        .expect("it was put there")
        + 1;
    let expected = format!("line {line}, column 16: ");
    assert!(message(&bad).starts_with(&expected), "{}", message(&bad));
}

#[test]
fn what_kubernetes_would_refuse_or_nobody_understands_here_is_refused() {
    let spec = |more: &str| hpa(&format!("{SMALLEST}{more}"));
    let metric = |text: &str| spec(&format!("metrics:\n- {text}\n"));
    for (text, part) in [
        (
            String::new(),
            "expected one document of kind HorizontalPodAutoscaler, found 0 among the kinds: none",
        ),
        ("kind: Secret\n".to_owned(), "found 0 among the kinds: Secret"),
        (format!("{}---\n{}", hpa(SMALLEST), hpa(SMALLEST)), "found 2"),
        (
            hpa(SMALLEST).replace("/v2", "/v1"),
            "apiVersion is \"autoscaling/v1\", allowed: autoscaling/v2",
        ),
        (hpa("maxReplicas: 3\n"), "scaleTargetRef"),
        (hpa(&SMALLEST.replace("3", "0")), "1 <= maxReplicas"),
        (
            spec("maxreplicas: 5\n"),
            "line 7, column 3: unknown field `maxreplicas`, expected one of",
        ),
        (spec("behavior: {scaleUp: {selectPolicy: Least}}\n"), "Least"),
        (
            spec("behavior: {scaleUp: {stabilizationWindowSeconds: 4000}}\n"),
            "0 to 3600",
        ),
        (spec("behavior: {scaleUp: {tolerance: 0.05}}\n"), "tolerance"),
        (spec(": [\n"), "line 7"),
        (metric("{type: External, external: {}}"), "external"),
        (
            metric("{type: Object}"),
            "spec.metrics[0]: type is \"Object\", allowed: Pods, Resource",
        ),
        (metric("{type: Pods}"), "exactly the part \"pods\""),
        (
            metric("{type: Pods, pods: {metric: {name: a}, target: {type: Value, averageValue: 1}}}"),
            "expected target.type AverageValue",
        ),
        (
            metric("{type: Pods, pods: {metric: {name: a}, target: {type: AverageValue, averageValue: 7x}}}"),
            "a quantity such as 7000",
        ),
        (
            metric("{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 0}}}"),
            "averageUtilization of 1 or more",
        ),
    ] {
        assert!(message(&text).contains(part), "{part}: {}", message(&text));
    }
}

#[test]
fn in_a_forecast_replicas_share_the_load_and_new_ones_take_their_time() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = "metrics: [{type: Pods, pods: {metric: {name: jaguar_autoscale_entities}, target: {type: AverageValue, averageValue: 7000}}}]\n";
    let manifest = Manifest::read(&hpa(&format!("{SMALLEST}{metrics}")))?;
    let load = Load {
        entities: 18_000.0,
        cpu_cores: 0.5,
        memory_bytes: 1e9,
    };
    let forecast = Forecast {
        spec: manifest.spec.clone(),
        gauges: manifest.gauges()?,
        bands: PerSignal {
            entities: DeadBand::SEED_ENTITIES,
            cpu: DeadBand::SEED_CPU,
            memory: DeadBand::SEED_MEMORY,
        },
        request: PodRequest {
            cpu_cores: 1.0,
            memory_bytes: 2e9,
        },
        pod_start: Duration::from_secs(20),
    };
    let trace = Trace::new(vec![(Duration::from_secs(100), load), (Duration::from_secs(160), load)])?;
    let looks: Vec<_> = forecast.looks(&trace, 1).collect();
    // By the API's defaults a scale-up needs no delay; the two new pods carry from the second look after it on, and then nothing is left to do.
    let seen: Vec<_> = looks
        .iter()
        .map(|look| {
            (
                look.at.as_secs(),
                look.decision.replicas,
                look.carrying,
                look.per_pod.entities,
            )
        })
        .collect();
    let expected = [
        (100, 3, 1, 18_000.0),
        (115, 3, 1, 18_000.0),
        (130, 3, 3, 6_000.0),
        (145, 3, 3, 6_000.0),
        (160, 3, 3, 6_000.0),
    ];
    assert_eq!(seen, expected);
    assert_eq!(looks[0].per_pod.cpu, 50.0);
    assert_eq!(looks[0].per_pod.memory, 50.0);
    assert_eq!(
        looks[0].decision.to_string(),
        "1 -> 3: entities per pod 18000, target 7000: 3"
    );
    let inside = "3 stay: 6000 entities per pod, seen as 7000, target 7000: 3";
    assert_eq!(looks[2].decision.to_string(), inside);
    Ok(())
}
