//! `jaguarctl up`: a world on a local cluster that scales itself, and the proof that it was the same as on one pod.

use std::cell::{Cell, RefCell};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use console::style;
use jaguar_autoscale::{Decision, Reason, SYNC_PERIOD, TimeFactor};
use jaguar_core::BodyId;
use jaguar_proto::v1::WorldState;
use jaguar_scenario::Scenario;
use tokio::time::{MissedTickBehavior, interval};

use crate::daemon::Ready;
use crate::follow::LogFollower;
use crate::live_view::{LiveView, bodies, counted};
use crate::local_cluster::{Beginning, ClusterOptions, Deaths, LocalCluster, Pace, threads_for};
use crate::meter::Meter;
use crate::outcome::Outcome;
use crate::proof;
use crate::recording::{LogItem, Recording};
use crate::report::{Circumstances, Report, TakenDecision};
use crate::scaling::{Autoscaler, Signal, Step};
use crate::scenario;
use crate::stdout;
use crate::steering::Steering;

/// With it the five minutes before a scale-down pass in 15 s and the minute between two removals in 3 s: the whole way of the default scenario from five pods to one fits into its last half minute.
const DEFAULT_TIME_FACTOR: f64 = 20.0;

/// Pods at the most, unless the user says otherwise.
const DEFAULT_MAX_PODS: u32 = 5;

/// Looks in a row without a readable metric after which the run is given up.
const FAILED_LOOKS: u32 = 40;

/// Options of `up`.
#[derive(Args, Debug)]
pub(crate) struct UpArgs {
    /// Scenario file; without it scenarios/burst.toml, a rockfall on real terrain
    scenario: Option<PathBuf>,
    /// Keep so many pods, without an autoscaler
    #[arg(long, value_name = "N", conflicts_with_all = ["min_pods", "max_pods", "policy_time_factor", "scale_on"], value_parser = clap::value_parser!(u32).range(1..=100))]
    pods: Option<u32>,
    /// Fewest pods of the autoscaler
    #[arg(long, value_name = "A", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    min_pods: u32,
    /// Most pods of the autoscaler [default: 5, or the fewest if that is more]
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=100))]
    max_pods: Option<u32>,
    /// Stop after so many ticks [default: the scenario's own]
    #[arg(long, value_name = "N")]
    ticks: Option<u64>,
    /// Ticks a second, or max [default: the scenario's own rate]
    #[arg(long, value_name = "HZ|max", value_parser = pace)]
    rate: Option<Pace>,
    /// How many times as fast as real time the scaling policy's minutes pass
    #[arg(long, value_name = "F", default_value_t = DEFAULT_TIME_FACTOR)]
    policy_time_factor: f64,
    /// What the autoscaler looks at
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "SIGNALS",
        default_value = "entities"
    )]
    scale_on: Vec<Signal>,
    /// Bodies besides those of the scenario; header id,x,y,z,vx,vy,vz,radius,mass
    #[arg(long, value_name = "FILE.csv")]
    bodies: Option<PathBuf>,
    /// Physics threads of each pod [default: the cores divided by the most pods]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// TLS between the pods and to them, with certificates made for this run
    #[arg(long)]
    tls: bool,
    /// Do not replay the log on one world at the end
    #[arg(long)]
    no_replay: bool,
    /// Print one JSON object on stdout at the end, and nothing else there
    #[arg(long)]
    json: bool,
}

/// A tick rate or `max`.
fn pace(text: &str) -> Result<Pace, String> {
    if text == "max" {
        return Ok(Pace::Max);
    }
    match text.parse() {
        Ok(hz @ 1..=1000) => Ok(Pace::Hz(hz)),
        _ => Err("give whole ticks a second, 1 to 1000, or max".to_owned()),
    }
}

/// How the pods of a run come and go.
#[derive(Clone, Debug)]
enum Scaling {
    Fixed(u32),
    Automatic {
        autoscaler: Box<Autoscaler>,
        factor: TimeFactor,
        min_pods: u32,
    },
}

impl Scaling {
    fn from_args(args: &UpArgs) -> anyhow::Result<Self> {
        if let Some(pods) = args.pods {
            return Ok(Self::Fixed(pods));
        }
        let sources = jaguar_config::Sources::from_process(None, Vec::new());
        let keys = jaguar_config::load(&sources)?.config.autoscale;
        Ok(Self::Automatic {
            autoscaler: Box::new(Autoscaler::new(
                args.min_pods,
                args.most_pods(),
                args.scale_on.clone(),
                &keys,
            )?),
            factor: TimeFactor::new(args.policy_time_factor)?,
            min_pods: args.min_pods,
        })
    }

    fn pods_at_first(&self) -> u32 {
        match self {
            Self::Fixed(pods) => *pods,
            Self::Automatic { min_pods, .. } => *min_pods,
        }
    }
}

impl UpArgs {
    fn most_pods(&self) -> u32 {
        self.pods
            .or(self.max_pods)
            .unwrap_or(DEFAULT_MAX_PODS.max(self.min_pods))
    }
}

/// Runs the world to its last tick, reports, and replays.
pub(crate) async fn run(args: &UpArgs) -> anyhow::Result<Outcome> {
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let path = scenario::locate(args.scenario.as_deref(), scratch.path())?;
    let scenario = scenario::load(&path, args.bodies.as_deref())?;
    let scaling = Scaling::from_args(args)?;
    let options = ClusterOptions {
        beginning: Beginning::Scenario(path),
        bodies: args.bodies.clone(),
        rate: args.rate.unwrap_or(Pace::Hz(scenario.definition.params.tick_rate)),
        threads: args.threads.unwrap_or_else(|| threads_for(args.most_pods() as usize)),
        shuffle: None,
        history_ticks: 0,
        tls: args.tls,
    };
    let ticks = args.ticks.unwrap_or(scenario.ticks);
    let view = LiveView::new(ticks);
    view.note(&format!("{}: {}", scenario.name, counted(ticks, "tick")));
    let (mut cluster, deaths) = LocalCluster::found(options).await?;
    let mut recording = Recording::default();
    let ended = conduct(&mut cluster, deaths, scaling, &scenario, ticks, &view, &mut recording).await;
    view.close();
    let circumstances = match ended {
        Ok(circumstances) => circumstances,
        Err(error) => {
            let logs = cluster.log_directory().to_owned();
            cluster.stop_and_keep_logs().await;
            return Err(error.context(format!(
                "the run has failed; the daemons' logs are in {}",
                logs.display()
            )));
        }
    };
    cluster.stop().await;
    let mut report = Report::new(&recording, &circumstances);
    say(args, &format!("\n{report}"))?;
    if !args.no_replay {
        let found: Vec<BodyId> = circumstances.found_ids.iter().copied().map(BodyId).collect();
        let proof = tokio::task::spawn_blocking(move || proof::replay(scenario.definition, &recording)).await??;
        report.prove(&proof, &found);
    }
    conclude(args, &report)?;
    Ok(if report.is_good() {
        Outcome::Same
    } else {
        Outcome::Different
    })
}

/// The account goes to stdout, or to stderr when stdout is for JSON.
fn say(args: &UpArgs, text: &str) -> anyhow::Result<()> {
    if args.json {
        eprintln!("{text}");
        return Ok(());
    }
    stdout::line(text)
}

fn conclude(args: &UpArgs, report: &Report) -> anyhow::Result<()> {
    if let Some(replay) = &report.replay {
        let good = report.is_good();
        let verdict = if good {
            style("SAME BITS").green().bold()
        } else {
            style("DIFFERENT").red().bold()
        };
        let verdict = if args.json { verdict.for_stderr() } else { verdict };
        say(args, &format!("{verdict}: {replay}"))?;
    }
    if report.lost + report.duplicated > 0 {
        say(
            args,
            &format!("{} lost, {} duplicated", bodies(report.lost), report.duplicated),
        )?;
    }
    if args.pods.is_none() && report.final_pods > args.min_pods as usize {
        say(
            args,
            &format!(
                "the run ended with {}: by the policy its last {} were too many for fewer",
                counted(report.final_pods as u64, "pod"),
                bodies(report.spawned - report.despawned)
            ),
        )?;
    }
    if args.json {
        stdout::line(&serde_json::to_string(report)?)?;
    }
    Ok(())
}

/// The whole life of the cluster, from its first pod to the last read.
async fn conduct(
    cluster: &mut LocalCluster,
    mut deaths: Deaths,
    scaling: Scaling,
    scenario: &Scenario,
    ticks: u64,
    view: &LiveView,
    recording: &mut Recording,
) -> anyhow::Result<Circumstances> {
    for member in cluster.members() {
        note_start(view, member);
    }
    for member in cluster.add(scaling.pods_at_first() as usize - 1).await? {
        note_start(view, member);
    }
    let steering = Steering::new(cluster);
    let mut follower = LogFollower::start(cluster);
    let mut meter = Meter::default();
    let decisions = RefCell::new(Vec::new());
    let ended = Cell::new(false);
    let running = async {
        steering.run_to(ticks).await?;
        ended.set(true);
        view.note(&format!("tick {ticks} is reached and the world paused"));
        Ok(())
    };
    let scaled = async {
        match scaling {
            Scaling::Fixed(_) => Ok(()),
            Scaling::Automatic { autoscaler, factor, .. } => {
                scale(cluster, *autoscaler, factor, &mut meter, view, &ended, &decisions).await
            }
        }
    };
    let lived = async {
        tokio::try_join!(running, scaled)?;
        let status = steering.status().await?;
        if status.state() != WorldState::Paused {
            bail!(
                "the world is not paused at its end: {} {}",
                status.state().as_str_name(),
                status.halted_reason
            );
        }
        Ok((status.index, steering.all_bodies().await?))
    };
    let (last_index, found) = tokio::select! {
        lived = lived => lived?,
        error = record(&mut follower, recording, view, u64::MAX) => {
            error?;
            bail!("the log ended before the run");
        }
        Some(death) = deaths.recv() => return Err(death.into()),
    };
    record(&mut follower, recording, view, last_index).await?;
    let wall = view.elapsed();
    meter.read(&cluster.members()).await;
    Ok(Circumstances {
        scenario: scenario.name.clone(),
        tick_rate: scenario.definition.params.tick_rate,
        wall,
        decisions: decisions.into_inner(),
        frame_time_ms: meter.frame_times(),
        final_pods: cluster.members().len(),
        found_ids: found.iter().map(|body| body.id).collect(),
    })
}

/// Records and shows the log up to an entry.
async fn record(
    follower: &mut LogFollower,
    recording: &mut Recording,
    view: &LiveView,
    last_index: u64,
) -> anyhow::Result<()> {
    while recording.last().is_none_or(|last| last.index.0 < last_index) {
        match follower.next().await? {
            LogItem::Entry(entry) => recording.accept_entry(entry)?,
            LogItem::Summary(summary) => {
                view.observe(&summary);
                recording.accept_summary(summary, view.elapsed())?;
            }
        }
    }
    Ok(())
}

/// Looks, decides and acts until the world has ended and no pod is left to remove.
async fn scale(
    cluster: &mut LocalCluster,
    mut autoscaler: Autoscaler,
    factor: TimeFactor,
    meter: &mut Meter,
    view: &LiveView,
    ended: &Cell<bool>,
    decisions: &RefCell<Vec<TakenDecision>>,
) -> anyhow::Result<()> {
    let mut looks = interval(factor.real_time(SYNC_PERIOD).max(Duration::from_millis(10)));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = 0;
    loop {
        looks.tick().await;
        let readings = meter.read(&cluster.members()).await;
        let (decision, step) = autoscaler.look(&readings, factor.policy_time(view.elapsed()));
        failed = if decision.reason == Reason::MetricsFailed {
            failed + 1
        } else {
            0
        };
        if failed == FAILED_LOOKS {
            bail!("the autoscaler could not read its metrics {FAILED_LOOKS} times in a row: {decision}");
        }
        if step != Step::Stay {
            decisions.borrow_mut().push(taken(&decision, view));
            view.note(&format!("{} {decision}", style("scaling").for_stderr().yellow().bold()));
        }
        match step {
            Step::Stay => {}
            Step::Add(count) => {
                for member in cluster.add(count).await? {
                    note_start(view, member);
                }
            }
            Step::Remove(pods) => {
                cluster.drain(&pods).await?;
                let names: Vec<String> = pods.iter().map(u32::to_string).collect();
                view.note(&format!("pod {} has handed everything over and left", names.join(", ")));
            }
        }
        if ended.get() && autoscaler.is_settled(&decision) {
            return Ok(());
        }
    }
}

fn taken(decision: &Decision, view: &LiveView) -> TakenDecision {
    TakenDecision {
        seconds: view.elapsed().as_secs_f64(),
        tick: view.tick(),
        from: decision.current,
        to: decision.replicas,
        reason: decision.to_string(),
    }
}

fn note_start(view: &LiveView, member: Ready) {
    view.note(&format!(
        "pod {} has joined: gRPC {}, http://{}/metrics",
        member.pod, member.grpc, member.http
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_whole_number_or_max() {
        assert_eq!(pace("max"), Ok(Pace::Max));
        assert_eq!(pace("30"), Ok(Pace::Hz(30)));
        for wrong in ["0", "-1", "59.9", "fast", "1001"] {
            assert!(pace(wrong).is_err(), "{wrong}");
        }
    }
}
