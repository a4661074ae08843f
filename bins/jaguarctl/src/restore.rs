//! `jaguarctl snapshot restore`: a world goes on from a snapshot on a local cluster of any size, with the bits of the world that was never stopped.

use anyhow::{Context, bail};
use clap::Args;
use console::style;
use indicatif::HumanCount;
use jaguar_migration::replay::Replay;
use jaguar_migration::saved::SavedWorld;
use jaguar_snapshot::{Manifest, Name, Store};
use serde_json::json;

use crate::live_view::{bodies, counted};
use crate::local_cluster::{Beginning, ClusterOptions, Deaths, LocalCluster, Pace, threads_for};
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::report::hex;
use crate::stdout;
use crate::steering::Steering;

/// Options of `snapshot restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The snapshot's name [default: the newest]
    name: Option<Name>,
    /// The store: file:///DIRECTORY or s3://BUCKET/PREFIX
    #[arg(long, value_name = "URL")]
    store: String,
    /// Pods of the cluster
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pods: u32,
    /// Ticks to run on
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    ticks: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Where the cluster came to.
struct Reached {
    tick: u64,
    hash: String,
    entities: u64,
    handed_over: u64,
}

/// Restores, runs on, and compares with one world that goes on from the same snapshot.
pub(crate) async fn run(args: &RestoreArgs) -> anyhow::Result<Outcome> {
    let store = Store::open(&args.store)?;
    let manifest = match &args.name {
        Some(name) => store.manifest(name).await?,
        None => {
            let newest = store.list().await?.whole.into_iter().next();
            newest.with_context(|| format!("{} has no whole snapshot", store.url()))?
        }
    };
    let saved = store.read(&manifest).await?;
    let until = manifest.tick + args.ticks;
    let (mut cluster, mut deaths) = LocalCluster::found(ClusterOptions {
        beginning: Beginning::Snapshot {
            store: args.store.clone(),
            name: manifest.name.to_string(),
        },
        bodies: None,
        rate: Pace::Max,
        threads: threads_for(args.pods as usize),
        shuffle: None,
        history_ticks: 0,
        tls: false,
    })
    .await?;
    let reached = reach(&mut cluster, &mut deaths, args.pods, until).await;
    let reached = match reached {
        Ok(reached) => {
            cluster.stop().await;
            reached
        }
        Err(error) => {
            let logs = format!("the logs are in {}", cluster.log_directory().display());
            cluster.stop_and_keep_logs().await;
            return Err(error.context(logs));
        }
    };
    if reached.tick != until {
        bail!("the world stands at tick {} instead of {until}", reached.tick);
    }
    let ticks = args.ticks;
    let one_world = tokio::task::spawn_blocking(move || replay(saved, ticks)).await??;
    let outcome = if reached.hash == hex(one_world) {
        Outcome::Same
    } else {
        Outcome::Different
    };
    show(args, &manifest, &reached, one_world, outcome)?;
    Ok(outcome)
}

async fn reach(cluster: &mut LocalCluster, deaths: &mut Deaths, pods: u32, until: u64) -> anyhow::Result<Reached> {
    cluster.add(pods as usize - 1).await?;
    let steering = Steering::new(cluster);
    tokio::select! {
        done = steering.run_to(until) => done?,
        Some(death) = deaths.recv() => return Err(death.into()),
    }
    let status = steering.status().await?;
    Ok(Reached {
        tick: status.tick,
        hash: status.hash,
        entities: status.entities,
        handed_over: status.handed_over,
    })
}

/// The hash of one world without any network, so many ticks after the snapshot.
fn replay(saved: SavedWorld, ticks: u64) -> anyhow::Result<u128> {
    let progress = Progress::new("one world", ticks);
    let mut replay = Replay::resume(saved)?;
    for _ in 0..ticks {
        replay.advance()?;
        progress.advance();
    }
    Ok(replay.world().hash().0)
}

fn show(
    args: &RestoreArgs,
    manifest: &Manifest,
    reached: &Reached,
    one_world: u128,
    outcome: Outcome,
) -> anyhow::Result<()> {
    let same = outcome == Outcome::Same;
    let handed_over = reached.handed_over - manifest.handed_over;
    if args.json {
        let object = json!({
            "name": manifest.name,
            "pods": args.pods,
            "from_tick": manifest.tick,
            "tick": reached.tick,
            "entities": reached.entities,
            "handed_over": handed_over,
            "hash": reached.hash,
            "one_world_hash": hex(one_world),
            "equal": same,
        });
        return stdout::line(&object.to_string());
    }
    let verdict = if same {
        style("SAME BITS").green().bold()
    } else {
        style("DIFFERENT").red().bold()
    };
    stdout::line(&format!(
        "{} went on from tick {} to {} on {}: {}, {} handed over\n  cluster    {}\n  one world  {}\n{verdict}",
        manifest.name,
        manifest.tick,
        reached.tick,
        counted(args.pods.into(), "pod"),
        bodies(reached.entities),
        HumanCount(handed_over),
        reached.hash,
        hex(one_world)
    ))
}
