//! `jaguarctl verify`: the same scenario on several clusters, every hash compared with that of one world.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use console::style;
use indicatif::HumanCount;
use serde_json::{Value, json};

use crate::live_view::counted;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::reference::Reference;
use crate::report::hex;
use crate::scenario;
use crate::stdout;
use crate::table::Table;
use crate::verification::{self, Plan, Verdict};

/// Options of `verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// Scenario file
    scenario: PathBuf,
    /// Numbers of pods, one run for each
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,2,5")]
    pods: Vec<NonZero<usize>>,
    /// Ticks to compare
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    ticks: u64,
    /// Disturb each run from this seed: joins, drains (of the coordinator too), successions and rebalances
    #[arg(long, value_name = "SEED")]
    churn: Option<u64>,
    /// Give every tile to a random pod in every tick, from this seed
    #[arg(long, value_name = "SEED", num_args = 0..=1, default_missing_value = "1")]
    shuffle: Option<u64>,
    /// Numbers of physics threads, one run for each
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1")]
    threads: Vec<NonZero<usize>>,
    /// TLS between the pods and to them, with certificates made for each run
    #[arg(long)]
    tls: bool,
    /// Print one JSON object on stdout at the end, and nothing else there
    #[arg(long)]
    json: bool,
}

/// Most pods of one run; each is a process.
const MAX_PODS: usize = 100;

/// A run of a plan.
struct Run {
    plan: Plan,
    verdict: Verdict,
}

impl Run {
    fn is_good(&self) -> bool {
        let imbalance = self.verdict.recording.worst_imbalance();
        self.verdict.difference.is_none()
            && self.verdict.census == crate::proof::Census::default()
            && imbalance.missing + imbalance.surplus == 0
    }
}

/// Computes the reference, runs every combination, and prints the table.
pub(crate) async fn run(args: &VerifyArgs) -> anyhow::Result<Outcome> {
    if let Some(pods) = args.pods.iter().find(|pods| pods.get() > MAX_PODS) {
        bail!("--pods {pods}: a run may have 1 to {MAX_PODS} pods");
    }
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let path = scenario::locate(Some(&args.scenario), scratch.path())?;
    let definition = scenario::load(&path, None)?.definition;
    let plans = plans(args, &path);
    let ticks = args.ticks;
    let progress = Arc::new(Progress::new("one world", ticks * (plans.len() as u64 + 1)));

    let started = Instant::now();
    let shown = Arc::clone(&progress);
    let reference = tokio::task::spawn_blocking(move || Reference::compute(definition, ticks, &shown)).await??;
    progress.note(&format!(
        "one world: {}, at most {} bodies, {:.1} s, final hash {}",
        counted(ticks, "tick"),
        HumanCount(reference.peak_entities() as u64),
        started.elapsed().as_secs_f64(),
        hex(reference.hash(ticks).unwrap_or_default())
    ));

    let mut runs = Vec::new();
    for plan in plans {
        progress.begin(&title(&plan));
        let before = progress.position();
        let verdict = verification::run(&plan, &reference, &progress)
            .await
            .with_context(|| format!("the run with {} could not be completed", title(&plan)))?;
        progress.set_position(before + ticks);
        let run = Run { plan, verdict };
        progress.note(&line(&run));
        runs.push(run);
    }
    drop(progress);
    let good = runs.iter().all(Run::is_good);
    if args.json {
        stdout::line(&as_json(args, &reference, &runs, good).to_string())?;
    } else {
        stdout::line(&format!("\n{}\n{}", table(&runs), conclusion(&reference, &runs, good)))?;
    }
    Ok(if good { Outcome::Same } else { Outcome::Different })
}

fn plans(args: &VerifyArgs, scenario: &std::path::Path) -> Vec<Plan> {
    let combinations = args
        .pods
        .iter()
        .flat_map(|&pods| args.threads.iter().map(move |&threads| (pods, threads)));
    combinations
        .map(|(pods, threads)| Plan {
            scenario: scenario.to_owned(),
            pods,
            threads,
            churn: args.churn,
            shuffle: args.shuffle,
            tls: args.tls,
        })
        .collect()
}

fn title(plan: &Plan) -> String {
    let churn = plan.churn.map_or_else(String::new, |seed| format!(", churn {seed}"));
    let shuffle = plan
        .shuffle
        .map_or_else(String::new, |seed| format!(", shuffle {seed}"));
    format!(
        "{}, {}{churn}{shuffle}",
        counted(plan.pods.get() as u64, "pod"),
        counted(plan.threads.get() as u64, "thread")
    )
}

fn line(run: &Run) -> String {
    let changes = run.verdict.recording.membership_changes();
    let verdict = verdict_text(run);
    let verdict = if run.is_good() {
        style(verdict).green()
    } else {
        style(verdict).red()
    };
    format!(
        "{}: {} ({}, {}, {:.1} s)",
        title(&run.plan),
        verdict.for_stderr(),
        counted(changes.joins, "join"),
        counted(changes.leaves, "leave"),
        run.verdict.wall.as_secs_f64()
    )
}

fn verdict_text(run: &Run) -> String {
    let census = &run.verdict.census;
    let imbalance = run.verdict.recording.worst_imbalance();
    match &run.verdict.difference {
        Some((hashes, _)) => format!("differs from tick {}", hashes.tick),
        None if run.is_good() => "equal".to_owned(),
        None => format!(
            "{} lost, {} duplicated",
            census.lost.len().max(imbalance.missing as usize),
            (census.duplicated.len() + census.unexpected.len()).max(imbalance.surplus as usize)
        ),
    }
}

fn table(runs: &[Run]) -> Table {
    let mut table = Table::new(&[
        "run",
        "ticks",
        "joins",
        "leaves",
        "roles",
        "maps",
        "handed over",
        "bodies",
        "wall",
        "result",
    ]);
    for run in runs {
        let recording = &run.verdict.recording;
        let changes = recording.membership_changes();
        let last = recording.last();
        table.row(vec![
            title(&run.plan),
            last.map_or(0, |last| last.tick.0).to_string(),
            changes.joins.to_string(),
            changes.leaves.to_string(),
            changes.successions.to_string(),
            changes.maps.to_string(),
            HumanCount(last.map_or(0, |last| last.handed_over)).to_string(),
            HumanCount(peak_entities(run)).to_string(),
            seconds(run.verdict.wall),
            verdict_text(run),
        ]);
    }
    table
}

fn peak_entities(run: &Run) -> u64 {
    let summaries = run.verdict.recording.summaries().iter();
    summaries.map(|summary| summary.entities).max().unwrap_or(0)
}

fn seconds(wall: Duration) -> String {
    format!("{:.1} s", wall.as_secs_f64())
}

fn conclusion(reference: &Reference, runs: &[Run], good: bool) -> String {
    if good {
        return format!(
            "{}: the hash of every one of {} ticks is the same on one world and in {}; nothing was lost",
            style("SAME BITS").green().bold(),
            HumanCount(reference.ticks()),
            counted(runs.len() as u64, "cluster run")
        );
    }
    let mut text = style("DIFFERENT").red().bold().to_string();
    for run in runs.iter().filter(|run| !run.is_good()) {
        text += &format!("\n{}: {}", title(&run.plan), verdict_text(run));
        if let Some((hashes, bodies)) = &run.verdict.difference {
            text += &format!(
                "\n  hash after tick {}: one world {}, cluster {}\n  {bodies}",
                hashes.tick,
                hex(hashes.reference),
                hex(hashes.cluster)
            );
        }
        let census = &run.verdict.census;
        for (ids, what) in [
            (&census.lost, "lost"),
            (&census.duplicated, "duplicated"),
            (&census.unexpected, "unexpected"),
        ] {
            if let Some(first) = ids.first() {
                text += &format!(
                    "\n  {} {what}, the first is body {}",
                    HumanCount(ids.len() as u64),
                    first.0
                );
            }
        }
    }
    text
}

fn as_json(args: &VerifyArgs, reference: &Reference, runs: &[Run], good: bool) -> Value {
    let runs: Vec<Value> = runs
        .iter()
        .map(|run| {
            let changes = run.verdict.recording.membership_changes();
            let last = run.verdict.recording.last();
            let difference = run.verdict.difference.as_ref().map(|(hashes, bodies)| {
                json!({
                    "tick": hashes.tick,
                    "one_world": hex(hashes.reference),
                    "cluster": hex(hashes.cluster),
                    "bodies": bodies,
                })
            });
            json!({
                "pods": run.plan.pods,
                "threads": run.plan.threads,
                "churn": run.plan.churn,
                "shuffle": run.plan.shuffle,
                "ticks": last.map(|last| last.tick.0),
                "joins": changes.joins,
                "leaves": changes.leaves,
                "successions": changes.successions,
                "maps": changes.maps,
                "handed_over": last.map(|last| last.handed_over),
                "peak_entities": peak_entities(run),
                "wall_seconds": run.verdict.wall.as_secs_f64(),
                "lost": run.verdict.census.lost.len(),
                "duplicated": run.verdict.census.duplicated.len(),
                "equal": run.is_good(),
                "first_difference": difference,
            })
        })
        .collect();
    json!({
        "scenario": args.scenario,
        "ticks": reference.ticks(),
        "final_hash": reference.hash(reference.ticks()).map(hex),
        "equal": good,
        "runs": runs,
    })
}
