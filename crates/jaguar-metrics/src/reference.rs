//! The reference of all metrics as Markdown: docs/metrics.md is this text.

use crate::names::{ALL, Kind};

const INTRODUCTION: &str = "\
# Metrics

*Generated from `crates/jaguar-metrics/src/names.rs` by `UPDATE_EXPECT=1 cargo test -p jaguar-metrics`; a test compares.*

Every pod serves them at `/metrics` on `metrics_port`, in Prometheus' text format. A histogram `x` is exported as `x_bucket`, `x_sum` and `x_count`.
Metrics marked with * are exported only where their value is known: a request that no key states, a quota without a cgroup.

| name | kind | unit | labels | |
|---|---|---|---|---|
";

/// The text of docs/metrics.md.
#[must_use]
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|(label, values)| match values {
                [] => (*label).to_owned(),
                values => format!("{label}: {}", values.join(", ")),
            })
            .collect();
        let labels = labels.join("; ");
        text.push_str(&format!(
            "| `{}`{} | {kind} | {} | {labels} | {} |\n",
            metric.name,
            if metric.where_known { " *" } else { "" },
            metric.unit,
            metric.help
        ));
    }
    text
}
