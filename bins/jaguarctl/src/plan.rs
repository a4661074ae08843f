//! `jaguarctl plan`: what the deployed autoscaler would make of a load over time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use console::{Term, style};
use jaguar_autoscale::{DeadBand, Forecast, Look, Manifest, PerSignal, PodRequest, SYNC_PERIOD, Signal, Trace};
use jaguar_config::{Loaded, Sources, load};
use serde::Serialize;

use crate::load_trace;
use crate::plot::{Curve, clock};
use crate::scaling::{POD_REQUEST, bands};
use crate::shipped;
use crate::stdout;
use crate::table::Table;

/// Columns of a plot that goes into a file.
const COLUMNS: usize = 100;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Options of `plan`.
#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    /// Load of the whole world over time; header time_s,entities,cpu_cores,memory_bytes. Between rows it goes along a straight line
    #[arg(long, value_name = "FILE.csv")]
    trace: PathBuf,
    /// The HorizontalPodAutoscaler [default: k8s/base/hpa.yaml, as it was when this was built]
    #[arg(long, value_name = "FILE.yaml")]
    hpa: Option<PathBuf>,
    /// Where the thresholds come from: a directory of keys, a file of keys or a ConfigMap's manifest [default: k8s/base/configmap.yaml, as it was when this was built]
    #[arg(long, value_name = "DIR|FILE")]
    config: Option<PathBuf>,
    /// Another value for a key, such as entity_scale_up_threshold=5000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Pods at the beginning [default: as few as the autoscaler allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pods: Option<u32>,
    /// Time from the decision to the moment at which a new pod carries its share, seconds
    #[arg(long, value_name = "S", default_value_t = 15.0, value_parser = seconds)]
    pod_start: f64,
    /// What each pod requests, in cores
    #[arg(long, value_name = "CORES", default_value_t = POD_REQUEST.cpu_cores, value_parser = positive)]
    cpu_request: f64,
    /// What each pod requests, in GiB
    #[arg(long, value_name = "GIB", default_value_t = POD_REQUEST.memory_bytes / GIB, value_parser = positive)]
    memory_request: f64,
    /// What a pod costs in an hour, in any currency
    #[arg(long, value_name = "X", value_parser = positive)]
    price_per_pod_hour: Option<f64>,
    /// Print one JSON object, and nothing else
    #[arg(long)]
    json: bool,
    /// Also write every look of the autoscaler, one row each
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (1e-6..=1e6).contains(number));
    number.ok_or_else(|| "give a number from 0.000001 to 1000000".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=3_600.0).contains(number));
    number.ok_or_else(|| "give seconds, 0 to 3600".to_owned())
}

/// Plans and prints.
pub(crate) fn run(args: &PlanArgs) -> anyhow::Result<()> {
    let trace = load_trace::read(&args.trace)?;
    let manifest = args.manifest()?;
    let loaded = args.configuration()?;
    for warning in &loaded.warnings {
        eprintln!("{} {warning}", style("warning:").for_stderr().yellow().bold());
    }
    let bands = bands(&loaded.config.autoscale)?;
    let forecast = Forecast {
        gauges: manifest.gauges()?,
        spec: manifest.spec,
        bands,
        request: PodRequest {
            cpu_cores: args.cpu_request,
            memory_bytes: args.memory_request * GIB,
        },
        pod_start: Duration::from_secs_f64(args.pod_start),
    };
    let first = args.pods.unwrap_or(forecast.spec.min_replicas().max(1));
    let mut plan = Plan::new(&trace, &bands, args.price_per_pod_hour);
    let mut rows = args.csv.as_deref().map(LookRows::create).transpose()?;
    for look in forecast.looks(&trace, first) {
        if let Some(rows) = &mut rows {
            rows.append(&look)?;
        }
        plan.add(&look);
    }
    if let Some(rows) = rows {
        rows.finish()?;
    }
    if args.json {
        return stdout::line(&serde_json::to_string(&plan)?);
    }
    let columns = if console::user_attended() {
        usize::from(Term::stdout().size().1)
    } else {
        COLUMNS
    };
    stdout::line(plan.text(&bands, columns).trim_end())
}

impl PlanArgs {
    fn manifest(&self) -> anyhow::Result<Manifest> {
        let Some(path) = &self.hpa else {
            return shipped::hpa().context("k8s/base/hpa.yaml of this build");
        };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Manifest::read(&text).with_context(|| path.display().to_string())
    }

    fn configuration(&self) -> anyhow::Result<Loaded> {
        let Some(path) = &self.config else {
            return Ok(shipped::configuration(self.overrides.clone())?);
        };
        // Not of this process: a plan is the same in every shell.
        let sources = Sources {
            path: Some(path.clone()),
            overrides: self.overrides.clone(),
            ..Sources::default()
        };
        Ok(load(&sources)?)
    }
}

/// What the autoscaler would do, and what that costs. As JSON it is what `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    /// Length of the trace.
    duration_s: f64,
    /// Most pods, and when they were first there, in seconds since the trace begins.
    peak_pods: u32,
    peak_at_s: f64,
    /// Pods at the end.
    final_pods: u32,
    average_pods: f64,
    pod_hours: f64,
    price_per_pod_hour: Option<f64>,
    cost: Option<f64>,
    /// What it would cost to have the most pods all the time.
    pod_hours_at_peak: f64,
    /// Time during which a pod carries on average more than the upper threshold.
    above_upper_threshold_s: AboveThreshold,
    changes: Vec<Change>,
    #[serde(skip)]
    start: f64,
    #[serde(skip)]
    upper: PerSignal<f64>,
    /// Pods, and entities of each, from each look on.
    #[serde(skip)]
    pods: Vec<(f64, f64)>,
    #[serde(skip)]
    entities_per_pod: Vec<(f64, f64)>,
}

/// Seconds above the upper threshold, by signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct AboveThreshold {
    entities: f64,
    cpu: f64,
    memory: f64,
    /// At least one of them.
    any: f64,
}

/// A decision that changes the number of pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Change {
    /// Since the trace begins.
    time_s: f64,
    from: u32,
    to: u32,
    /// Before it.
    entities_per_pod: f64,
    cpu_percent: f64,
    memory_percent: f64,
    reason: String,
}

impl Plan {
    fn new(trace: &Trace, bands: &PerSignal<DeadBand>, price_per_pod_hour: Option<f64>) -> Self {
        Self {
            duration_s: (trace.end() - trace.start()).as_secs_f64(),
            peak_pods: 0,
            peak_at_s: 0.0,
            final_pods: 0,
            average_pods: 0.0,
            pod_hours: 0.0,
            price_per_pod_hour,
            cost: price_per_pod_hour.map(|_| 0.0),
            pod_hours_at_peak: 0.0,
            above_upper_threshold_s: AboveThreshold::default(),
            changes: Vec::new(),
            start: trace.start().as_secs_f64(),
            upper: PerSignal {
                entities: bands.entities.upper(),
                cpu: bands.cpu.upper(),
                memory: bands.memory.upper(),
            },
            pods: Vec::new(),
            entities_per_pod: Vec::new(),
        }
    }

    /// Takes the next look into account, and the time from it to the one after.
    fn add(&mut self, look: &Look) {
        let time_s = look.at.as_secs_f64() - self.start;
        let seconds = (self.duration_s - time_s).min(SYNC_PERIOD.as_secs_f64());
        let replicas = look.decision.replicas;
        self.final_pods = replicas;
        // Until the look the pods that were there before it are there.
        for pods in [look.decision.current, replicas] {
            if pods > self.peak_pods {
                (self.peak_pods, self.peak_at_s) = (pods, time_s);
            }
        }
        self.pod_hours += f64::from(replicas) * seconds / 3_600.0;
        self.pod_hours_at_peak = f64::from(self.peak_pods) * self.duration_s / 3_600.0;
        self.average_pods = match self.duration_s {
            0.0 => f64::from(replicas),
            duration => self.pod_hours * 3_600.0 / duration,
        };
        self.cost = self.price_per_pod_hour.map(|price| price * self.pod_hours);

        let is_above = |signal: Signal| look.per_pod.get(signal) > self.upper.get(signal);
        let of = |above: bool| if above { seconds } else { 0.0 };
        let above = &mut self.above_upper_threshold_s;
        above.entities += of(is_above(Signal::Entities));
        above.cpu += of(is_above(Signal::Cpu));
        above.memory += of(is_above(Signal::Memory));
        above.any += of(Signal::ALL.into_iter().any(is_above));

        self.pods.push((time_s, f64::from(replicas)));
        self.entities_per_pod.push((time_s, look.per_pod.entities));
        if look.decision.current != replicas {
            self.changes.push(Change {
                time_s,
                from: look.decision.current,
                to: replicas,
                entities_per_pod: look.per_pod.entities,
                cpu_percent: look.per_pod.cpu,
                memory_percent: look.per_pod.memory,
                reason: reason(look),
            });
        }
    }

    /// For people, in a window of so many columns.
    fn text(&self, bands: &PerSignal<DeadBand>, columns: usize) -> String {
        let mut text = String::new();
        if !self.changes.is_empty() {
            let mut table = Table::new(&["time", "pods", "entities/pod", "CPU", "memory", "why"]);
            for change in &self.changes {
                table.row(vec![
                    clock(change.time_s),
                    format!("{} -> {}", change.from, change.to),
                    format!("{:.0}", change.entities_per_pod),
                    format!("{:.0} %", change.cpu_percent),
                    format!("{:.0} %", change.memory_percent),
                    change.reason.clone(),
                ]);
            }
            text += &format!("{table}\n");
        }
        let entities = bands.entities;
        let plots = [
            Curve {
                title: style("pods").bold().to_string(),
                steps: self.pods.clone(),
                end: self.duration_s,
                thresholds: Vec::new(),
                is_whole: true,
            },
            Curve {
                title: format!(
                    "{} (dotted: fewer pods below {}, more above {})",
                    style("entities per pod").bold(),
                    entities.lower(),
                    entities.upper()
                ),
                steps: self.entities_per_pod.clone(),
                end: self.duration_s,
                thresholds: vec![entities.lower(), entities.upper()],
                is_whole: false,
            },
        ];
        for plot in plots
            .iter()
            .map(|plot| plot.draw(columns))
            .filter(|plot| !plot.is_empty())
        {
            text += &format!("{plot}\n");
        }
        text + &self.summary()
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: String| text += &format!("  {name:<22} {value}\n");
        row("time", clock(self.duration_s));
        let at = clock(self.peak_at_s);
        row(
            "pods",
            format!(
                "peak {} at {at}, average {:.2}, {} at the end",
                self.peak_pods, self.average_pods, self.final_pods
            ),
        );
        let ups = self.changes.iter().filter(|change| change.to > change.from).count();
        row("changes", format!("{ups} up, {} down", self.changes.len() - ups));
        let share = 100.0 * self.pod_hours / self.pod_hours_at_peak;
        let of_peak = if share.is_finite() {
            format!(" ({share:.0} % of {} pods all the time)", self.peak_pods)
        } else {
            String::new()
        };
        row("pod-hours", format!("{:.2}{of_peak}", self.pod_hours));
        if let (Some(price), Some(cost)) = (self.price_per_pod_hour, self.cost) {
            row("cost", format!("{cost:.2} at {price} a pod-hour"));
        }
        let above = self.above_upper_threshold_s;
        row(
            "above a threshold",
            format!(
                "{} (entities {}, CPU {}, memory {})",
                clock(above.any),
                clock(above.entities),
                clock(above.cpu),
                clock(above.memory)
            ),
        );
        text
    }
}

/// Why, without the numbers of pods, which stand before it.
fn reason(look: &Look) -> String {
    let decision = look.decision.to_string();
    decision
        .split_once(": ")
        .map_or(decision.clone(), |(_, why)| why.to_owned())
}

/// The file of every look.
struct LookRows {
    path: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
}

impl LookRows {
    fn create(path: &std::path::Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut writer = csv::Writer::from_writer(BufWriter::new(file));
        writer.write_record([
            "time_s",
            "entities",
            "cpu_cores",
            "memory_bytes",
            "replicas",
            "carrying",
            "entities_per_pod",
            "cpu_percent",
            "memory_percent",
            "reason",
        ])?;
        Ok(Self {
            path: path.to_owned(),
            writer,
        })
    }

    fn append(&mut self, look: &Look) -> anyhow::Result<()> {
        let row = [
            look.at.as_secs_f64().to_string(),
            look.load.entities.to_string(),
            look.load.cpu_cores.to_string(),
            look.load.memory_bytes.to_string(),
            look.decision.replicas.to_string(),
            look.carrying.to_string(),
            look.per_pod.entities.to_string(),
            look.per_pod.cpu.to_string(),
            look.per_pod.memory.to_string(),
            reason(look),
        ];
        let written = self.writer.write_record(row);
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn finish(self) -> anyhow::Result<()> {
        let written = self.writer.into_inner().map(|mut file| file.flush());
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => bail!("cannot write {}: {error}", self.path.display()),
            Err(error) => bail!("cannot write {}: {}", self.path.display(), error.error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_autoscale::Load;

    /// A plan by the shipped manifests, with pods that start at once.
    fn plan(samples: &[(u64, f64)], first: u32) -> anyhow::Result<Plan> {
        let samples = samples.iter().map(|&(seconds, entities)| {
            let load = Load {
                entities,
                ..Load::default()
            };
            (Duration::from_secs(seconds), load)
        });
        let trace = Trace::new(samples.collect())?;
        let manifest = shipped::hpa()?;
        let bands = bands(&shipped::configuration(Vec::new())?.config.autoscale)?;
        let forecast = Forecast {
            gauges: manifest.gauges()?,
            spec: manifest.spec,
            bands,
            request: POD_REQUEST,
            pod_start: Duration::ZERO,
        };
        let mut plan = Plan::new(&trace, &bands, Some(0.5));
        forecast.looks(&trace, first).for_each(|look| plan.add(&look));
        Ok(plan)
    }

    #[test]
    fn hours_cost_and_time_above_are_those_of_the_changes() -> anyhow::Result<()> {
        // 28,000 entities on one pod: two after 30 s, four after 45 s, which have 7,000 each.
        let plan = plan(&[(1_000, 28_000.0), (1_600, 28_000.0)], 1)?;
        let changes: Vec<_> = plan
            .changes
            .iter()
            .map(|change| (change.time_s, change.from, change.to))
            .collect();
        assert_eq!(changes, [(30.0, 1, 2), (45.0, 2, 4)]);
        assert_eq!((plan.peak_pods, plan.peak_at_s, plan.final_pods), (4, 45.0, 4));
        let pod_seconds: f64 = 30.0 + 2.0 * 15.0 + 4.0 * 555.0;
        assert!(
            (plan.pod_hours - pod_seconds / 3_600.0).abs() < 1e-9,
            "{}",
            plan.pod_hours
        );
        assert_eq!(plan.cost, Some(plan.pod_hours * 0.5));
        assert_eq!(plan.above_upper_threshold_s.entities, 60.0);
        assert_eq!(plan.above_upper_threshold_s.any, 60.0);
        assert_eq!(plan.above_upper_threshold_s.cpu, 0.0);
        Ok(())
    }

    #[test]
    fn the_text_says_when_what_and_why() -> anyhow::Result<()> {
        let plan = plan(&[(0, 28_000.0), (600, 28_000.0)], 1)?;
        let bands = bands(&shipped::configuration(Vec::new())?.config.autoscale)?;
        let text = plan.text(&bands, 80);
        for part in [
            "0:00:30  1 -> 2         28000",
            "entities per pod 28000, target 7000: 4; limited to 2 by 100 % in 15 s",
            "peak 4 at 0:00:45",
            "dotted: fewer pods below 2000, more above 7000",
            "above a threshold      0:01:00 (entities 0:01:00, CPU 0:00:00, memory 0:00:00)",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        Ok(())
    }

    #[test]
    fn a_trace_of_one_moment_is_a_plan_without_hours() -> anyhow::Result<()> {
        let plan = plan(&[(0, 100.0)], 3)?;
        assert_eq!((plan.peak_pods, plan.pod_hours, plan.average_pods), (3, 0.0, 3.0));
        let bands = bands(&shipped::configuration(Vec::new())?.config.autoscale)?;
        assert!(plan.text(&bands, 80).contains("pod-hours              0.00\n"));
        Ok(())
    }
}
