//! What Prometheus sees: the names of the table, each with its kind and help, and the values that were recorded.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jaguar_metrics::names::{ALL, Kind};
use jaguar_metrics::{
    CommandKind, DrainResult, Outcome, Recorder, ReloadResult, ScaleDirection, ScaledMetric, reference,
};

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|candidate| candidate == line)
}

#[test]
fn every_metric_of_the_table_is_exposed_with_kind_and_help_from_the_start_or_from_when_it_is_known() {
    let recorder = Recorder::new();
    let metrics = recorder.metrics();
    let recorded = ALL.iter().filter(|metric| !metric.where_known).count();
    let exposed = |text: &str| text.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(exposed(&recorder.render()), recorded);

    let readings = &metrics.readings;
    for reading in [
        &readings.cpu_usage_seconds,
        &readings.cpu_periods,
        &readings.cpu_throttled_periods,
        &readings.cpu_throttled_seconds,
        &readings.cpu_request_cores,
        &readings.cpu_limit_cores,
        &readings.memory_working_set_bytes,
        &readings.memory_request_bytes,
        &readings.memory_limit_bytes,
        &readings.process_start_time_seconds,
    ] {
        reading.set(Some(0.0));
    }
    let text = recorder.render();
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert!(
            has_line(&text, &format!("# TYPE {} {kind}", metric.name)),
            "{}\n{text}",
            metric.name
        );
        assert!(
            has_line(&text, &format!("# HELP {} {}", metric.name, metric.help)),
            "{}\n{text}",
            metric.name
        );
    }
    assert_eq!(exposed(&text), ALL.len(), "and nothing else\n{text}");
}

#[test]
fn a_reading_is_exposed_with_its_fraction_while_it_is_known() {
    let recorder = Recorder::new();
    let metrics = recorder.metrics();
    metrics.readings.cpu_usage_seconds.set(Some(12.345));
    metrics.readings.memory_request_bytes.set(Some(2_147_483_648.0));
    let text = recorder.render();
    assert!(has_line(&text, "jaguar_cpu_usage_seconds_total 12.345"), "{text}");
    assert!(has_line(&text, "jaguar_memory_request_bytes 2147483648"), "{text}");
    assert!(!text.contains("jaguar_cpu_request_cores"), "{text}");
    metrics.readings.memory_request_bytes.set(None);
    assert!(!recorder.render().contains("jaguar_memory_request_bytes"));
}

#[test]
fn the_eight_metrics_that_are_promised_have_their_names_and_kinds() {
    let promised = [
        ("jaguar_entity_count", "gauge"),
        ("jaguar_simulation_tick_rate", "gauge"),
        ("jaguar_simulation_frame_time_ms", "histogram"),
        ("jaguar_physics_computation_time_ms", "histogram"),
        ("jaguar_simulation_load", "gauge"),
        ("jaguar_entity_migration_success_total", "counter"),
        ("jaguar_entity_migration_failures_total", "counter"),
        ("jaguar_state_sync_lag_ms", "gauge"),
    ];
    let recorder = Recorder::new();
    let _metrics = recorder.metrics();
    let text = recorder.render();
    for (name, kind) in promised {
        assert!(has_line(&text, &format!("# TYPE {name} {kind}")), "{name}");
    }
}

#[test]
fn what_is_recorded_is_exposed_and_two_recorders_share_nothing() {
    let (recorder, other) = (Recorder::new(), Recorder::new());
    let (metrics, _others) = (recorder.metrics(), other.metrics());
    metrics.entity_count.set(7.0);
    metrics.load.set(0.25);
    metrics.migration_success.increment(3);
    metrics.commands(CommandKind::Despawn, Outcome::Refused).increment(2);
    metrics.config_reloads(ReloadResult::AtRestart).increment(1);
    metrics
        .autoscale_threshold(ScaledMetric::Cpu, ScaleDirection::Down)
        .set(30.0);
    metrics.drains(DrainResult::Failed).increment(1);
    metrics.frame_time_ms.record(16.7);
    metrics.frame_time_ms.record(17.0);
    recorder.run_upkeep();
    metrics.frame_time_ms.record(0.0);

    let text = recorder.render();
    for line in [
        "jaguar_entity_count 7",
        "jaguar_simulation_load 0.25",
        "jaguar_entity_migration_success_total 3",
        "jaguar_entity_migration_failures_total 0",
        "jaguar_commands_total{kind=\"despawn\",outcome=\"refused\"} 2",
        "jaguar_commands_total{kind=\"pace\",outcome=\"accepted\"} 0",
        "jaguar_config_reloads_total{result=\"at_restart\"} 1",
        "jaguar_autoscale_threshold{metric=\"cpu\",direction=\"down\"} 30",
        "jaguar_autoscale_threshold{metric=\"entities\",direction=\"up\"} 0",
        "jaguar_drains_total{result=\"failed\"} 1",
        concat!("jaguar_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "jaguar_simulation_frame_time_ms_bucket{le=\"0.25\"} 1",
        "jaguar_simulation_frame_time_ms_bucket{le=\"16.7\"} 2",
        "jaguar_simulation_frame_time_ms_bucket{le=\"+Inf\"} 3",
        "jaguar_simulation_frame_time_ms_count 3",
    ] {
        assert!(has_line(&text, line), "{line}\n{text}");
    }
    assert!(has_line(&other.render(), "jaguar_entity_count 0"));
}

#[test]
fn names_are_unique_and_of_one_form_and_counters_end_in_total() {
    let mut seen = BTreeSet::new();
    for metric in ALL {
        assert!(seen.insert(metric.name), "{} stands twice", metric.name);
        let standard = "process_start_time_seconds";
        assert!(
            metric.name.starts_with("jaguar_") || metric.name == standard,
            "{}",
            metric.name
        );
        assert_eq!(
            metric.name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{}",
            metric.name
        );
        if let Kind::Histogram(bounds) = metric.kind {
            assert!(bounds.is_sorted_by(|a, b| a < b), "{}", metric.name);
        }
    }
}

#[test]
fn the_reference_in_docs_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, reference()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference(),
        "docs/metrics.md is out of date: run UPDATE_EXPECT=1 cargo test -p jaguar-metrics"
    );
}
