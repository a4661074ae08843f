//! One run of `verify`: a cluster of real processes computes the scenario, disturbed or not, and every hash is compared with the reference as it comes.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use jaguar_core::{BodyId, BodyRecord};
use jaguar_migration::id::LogIndex;
use jaguar_proto::v1::GetBodiesAtRequest;

use crate::churn::{self, Disturbance, Scheduled};
use crate::connection::{log_client, say};
use crate::convert;
use crate::difference::first_difference;
use crate::follow::LogFollower;
use crate::local_cluster::{Beginning, ClusterOptions, Deaths, LocalCluster, Pace};
use crate::progress::Progress;
use crate::proof::{Census, HashDifference};
use crate::recording::{LogItem, Recording};
use crate::reference::Reference;
use crate::steering::Steering;

/// Ticks of which the daemons keep exact states, so that a difference can be looked at: at a thousand ticks a second, what passes in 64 ms between a hash and our pause.
const HISTORY_TICKS: u32 = 64;

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The scenario.
    pub(crate) scenario: PathBuf,
    /// Pods at the start.
    pub(crate) pods: NonZero<usize>,
    /// Physics threads of each.
    pub(crate) threads: NonZero<usize>,
    /// Seed of the disturbances.
    pub(crate) churn: Option<u64>,
    /// Seed of a random ownership map in every entry.
    pub(crate) shuffle: Option<u64>,
    /// Whether pods and clients speak TLS.
    pub(crate) tls: bool,
}

/// What a run has shown.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// The log.
    pub(crate) recording: Recording,
    /// Wall time, without the starts.
    pub(crate) wall: Duration,
    /// The first tick whose hash differs, and what differs there.
    pub(crate) difference: Option<(HashDifference, String)>,
    /// The bodies at the end against those of the reference; empty after a difference.
    pub(crate) census: Census,
}

/// Runs a plan to the reference's last tick.
pub(crate) async fn run(plan: &Plan, reference: &Reference, progress: &Progress) -> anyhow::Result<Verdict> {
    let options = ClusterOptions {
        beginning: Beginning::Scenario(plan.scenario.clone()),
        bodies: None,
        rate: Pace::Max,
        threads: plan.threads,
        shuffle: plan.shuffle,
        history_ticks: HISTORY_TICKS,
        tls: plan.tls,
    };
    let (mut cluster, deaths) = LocalCluster::found(options).await?;
    match observed(plan, reference, &mut cluster, deaths, progress).await {
        Ok(verdict) => {
            cluster.stop().await;
            Ok(verdict)
        }
        Err(error) => {
            let logs = cluster.log_directory().to_owned();
            cluster.stop_and_keep_logs().await;
            Err(error.context(format!("the daemons' logs are in {}", logs.display())))
        }
    }
}

async fn observed(
    plan: &Plan,
    reference: &Reference,
    cluster: &mut LocalCluster,
    mut deaths: Deaths,
    progress: &Progress,
) -> anyhow::Result<Verdict> {
    cluster.add(plan.pods.get() - 1).await?;
    let steering = Steering::new(cluster);
    let mut follower = LogFollower::start(cluster);
    let mut recording = Recording::default();
    let started = Instant::now();
    let schedule = plan
        .churn
        .map(|seed| churn::schedule(seed, plan.pods.get(), reference.ticks()));
    let compared = {
        let comparison = compare(&mut follower, &mut recording, reference, progress);
        let steered = steer(cluster, &steering, schedule.unwrap_or_default(), reference.ticks());
        tokio::select! {
            compared = both(comparison, steered) => compared?,
            Some(death) = deaths.recv() => return Err(death.into()),
        }
    };
    let wall = started.elapsed();
    let Some(hashes) = compared else {
        let bodies = steering.all_bodies().await?;
        let found: Vec<BodyId> = bodies.iter().map(|body| BodyId(body.id)).collect();
        return Ok(Verdict {
            census: Census::compare(reference.final_ids(), &found),
            recording,
            wall,
            difference: None,
        });
    };
    // The sooner the world stands, the more likely is it that the history still has the tick.
    steering.pause().await?;
    let text = match bodies_at(cluster, hashes.index).await {
        Ok(bodies) => {
            first_difference(reference.world_at(hashes.tick)?.world().records().collect(), bodies).to_string()
        }
        Err(error) => format!("the bodies at that tick could not be read: {error:#}"),
    };
    Ok(Verdict {
        recording,
        wall,
        difference: Some((hashes, text)),
        census: Census::default(),
    })
}

/// Waits for both, or for the comparison alone when it finds a difference.
async fn both(
    comparison: impl Future<Output = anyhow::Result<Option<HashDifference>>>,
    steered: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<Option<HashDifference>> {
    tokio::pin!(comparison, steered);
    tokio::select! {
        compared = &mut comparison => {
            let compared = compared?;
            if compared.is_none() {
                // A pod that is leaving at the last tick must be let go, not killed: it is still a member.
                steered.await?;
            }
            Ok(compared)
        }
        done = &mut steered => {
            done?;
            comparison.await
        }
    }
}

/// Follows the log up to the last tick or the first difference.
async fn compare(
    follower: &mut LogFollower,
    recording: &mut Recording,
    reference: &Reference,
    progress: &Progress,
) -> anyhow::Result<Option<HashDifference>> {
    let started = Instant::now();
    loop {
        let summary = match follower.next().await? {
            LogItem::Entry(entry) => {
                recording.accept_entry(entry)?;
                continue;
            }
            LogItem::Summary(summary) => summary,
        };
        let (tick, index, hash, advanced) = (summary.tick.0, summary.index, summary.hash, summary.advanced);
        if !recording.accept_summary(summary, started.elapsed())? || !advanced {
            continue;
        }
        progress.advance();
        let expected = reference
            .hash(tick)
            .with_context(|| format!("the world went on to tick {tick}"))?;
        if hash != expected {
            return Ok(Some(difference(tick, index, expected, hash)));
        }
        if tick == reference.ticks() {
            return Ok(None);
        }
    }
}

fn difference(tick: u64, index: LogIndex, reference: u128, cluster: u128) -> HashDifference {
    HashDifference {
        tick,
        index: index.0,
        reference,
        cluster,
    }
}

/// Runs the world to its last tick. Each disturbance begins at its tick and goes on while the world does; the next one waits for it.
async fn steer(
    cluster: &mut LocalCluster,
    steering: &Steering,
    schedule: Vec<Scheduled>,
    ticks: u64,
) -> anyhow::Result<()> {
    let first = schedule.first().map_or(ticks, |scheduled| scheduled.tick);
    steering.run_to(first).await?;
    for (position, scheduled) in schedule.iter().enumerate() {
        let next = schedule.get(position + 1).map_or(ticks, |next| next.tick);
        let disturbed = disturb(cluster, steering, scheduled.disturbance);
        tokio::try_join!(disturbed, steering.run_to(next))
            .with_context(|| format!("{} at tick {}", scheduled.disturbance.name(), scheduled.tick))?;
    }
    Ok(())
}

async fn disturb(cluster: &mut LocalCluster, steering: &Steering, disturbance: Disturbance) -> anyhow::Result<()> {
    match disturbance {
        Disturbance::Join => cluster.add(1).await.map(drop),
        Disturbance::Drain { draw } => {
            let coordinator = steering.status().await?.coordinator;
            let mut others: Vec<u32> = cluster.members().iter().map(|member| member.pod).collect();
            others.retain(|&pod| pod != coordinator);
            others.sort_unstable();
            let pod = others.get((draw % others.len().max(1) as u64) as usize);
            cluster
                .drain(&[*pod.context("every pod but the coordinator has gone")?])
                .await
        }
        Disturbance::DrainCoordinator => {
            let coordinator = steering.status().await?.coordinator;
            cluster.drain(&[coordinator]).await
        }
        Disturbance::Succeed => steering.succeed().await,
        Disturbance::Rebalance => steering.rebalance().await,
    }
}

async fn bodies_at(cluster: &LocalCluster, index: u64) -> anyhow::Result<Vec<BodyRecord>> {
    let pod = *cluster.members().first().context("no pod is left")?;
    let request = GetBodiesAtRequest { index };
    let mut stream = log_client(pod.grpc, cluster.credentials())
        .await?
        .get_bodies_at(request)
        .await
        .map_err(say)?
        .into_inner();
    let mut bodies = Vec::new();
    while let Some(message) = stream.message().await.map_err(say)? {
        for state in &message.bodies {
            bodies.push(convert::body_record(state)?);
        }
    }
    Ok(bodies)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use super::*;

    /// A pod that was let go to leave at the last tick has left before the world is read.
    #[tokio::test]
    async fn steering_is_not_cut_off_by_a_comparison_that_ends_well() {
        let has_left = Cell::new(false);
        let steered = async {
            tokio::task::yield_now().await;
            has_left.set(true);
            Ok(())
        };
        let compared = both(ready(Ok(None)), steered).await.expect("nothing failed");
        assert!(compared.is_none() && has_left.get());
    }

    #[tokio::test]
    async fn a_comparison_that_fails_waits_for_nothing() {
        let compared = both(ready(Err(anyhow::anyhow!("no log"))), pending()).await;
        assert!(compared.is_err());
    }
}
