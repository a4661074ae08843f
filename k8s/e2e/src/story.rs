//! The story: one pod founds, load rises and the HPA adds pods, a new version, a drained node, an API server that is away, load falls and the HPA removes pods.
//! After each chapter every body is counted.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::EvictParams;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::control_plane::ControlPlane;
use crate::deployment::{self, Pods};
use crate::monitoring::Monitoring;
use crate::progress::say;
use crate::world::World;

/// Bodies with which it begins and ends: well below the lower threshold.
const FEW_BODIES: u64 = 1_000;

/// Pods at the peak.
const PEAK_PODS: usize = 5;

/// Pods for the chapters in the middle when there was no rise.
const MIDDLE_PODS: usize = 3;

/// How long the API server is away.
const OUTAGE: Duration = Duration::from_secs(60);

/// The tick rate below which the shipped configuration calls the world too slow, Hz.
const MIN_TICK_RATE: f64 = 30.0;

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A part that can be told alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Chapter {
    /// Load rises, the HPA adds pods.
    Up,
    /// A rolling update to another image.
    Rollout,
    /// A node is drained.
    Drain,
    /// The API server is away.
    Outage,
    /// Load falls, the HPA removes pods.
    Down,
}

/// One line of the table.
#[derive(Debug)]
struct Line {
    chapter: String,
    seconds: f64,
    pods: (usize, usize),
    bodies: usize,
    handed_over: u64,
    longest_gap: Duration,
    lost: usize,
    duplicated: usize,
}

/// Everything that the chapters need.
pub(crate) struct Story<'a> {
    plane: &'a mut ControlPlane,
    monitoring: &'a mut Monitoring,
    pods: watch::Receiver<Pods>,
    pods_sender: watch::Sender<Pods>,
    world: World,
    next_image: String,
    peak_bodies: u64,
    lines: Vec<Line>,
}

/// What a run is told.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Chapters, in the order of the story.
    pub(crate) chapters: Vec<Chapter>,
    /// The image to roll out to.
    pub(crate) next_image: String,
    /// Bodies at the peak.
    pub(crate) peak_bodies: u64,
}

/// Tells the chapters of `plan` from the moment that the manifests have been applied, and prints the table.
///
/// # Errors
/// When something was lost, or a promise was broken; the message says which.
pub(crate) async fn tell(plan: Plan, plane: &mut ControlPlane, monitoring: &mut Monitoring) -> anyhow::Result<()> {
    let (sender, pods) = watch::channel(Pods::default());
    tokio::spawn(deployment::follow(plane.client(), sender.clone(), monitoring.targets()));
    let began = Instant::now();
    let founder = wait_for_pods(&pods, "the first pod is ready", Duration::from_secs(180), |pods| {
        pods.ready().next().map(|pod| pod.address.clone())
    })
    .await?;
    let mut story = Story {
        plane,
        monitoring,
        pods,
        pods_sender: sender,
        world: World::follow(&founder),
        next_image: plan.next_image,
        peak_bodies: plan.peak_bodies,
        lines: Vec::new(),
    };
    story.world.grow_to(FEW_BODIES).await?;
    story.write_down("found", 0, 0, began).await?;
    let result = story.chapters(&plan.chapters).await;
    story.print();
    result?;
    ensure_no_restart(&story.pods.borrow())?;
    let wrong = story.world.seen().wrong_entries;
    ensure!(
        wrong == 0,
        "in {wrong} entries the bodies were not as many as spawned less removed"
    );
    for line in &story.lines {
        ensure!(
            line.lost == 0 && line.duplicated == 0,
            "{}: {} lost, {} duplicated",
            line.chapter,
            line.lost,
            line.duplicated
        );
    }
    Ok(())
}

/// A container that ended by itself took its part of the world with it.
fn ensure_no_restart(pods: &Pods) -> anyhow::Result<()> {
    let fallen = pods.members.iter().find(|member| member.restarts > 0);
    fallen.map_or(Ok(()), |member| {
        bail!("the container of {} ended and was started again", member.name)
    })
}

async fn wait_for_pods<T>(
    pods: &watch::Receiver<Pods>,
    what: &str,
    limit: Duration,
    found: impl Fn(&Pods) -> Option<T>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = found(&pods.borrow()) {
            return Ok(found);
        }
        ensure_no_restart(&pods.borrow())?;
        ensure!(began.elapsed() < limit, "not within {} s: {what}", limit.as_secs());
        sleep(POLL_INTERVAL).await;
    }
}

impl Story<'_> {
    async fn chapters(&mut self, chapters: &[Chapter]) -> anyhow::Result<()> {
        if !chapters.contains(&Chapter::Up) && chapters.iter().any(|chapter| *chapter != Chapter::Down) {
            say(format_args!("no rise: the HPA's minReplicas becomes {MIDDLE_PODS}"));
            self.set_fewest(MIDDLE_PODS).await?;
            self.settle(MIDDLE_PODS, Duration::from_secs(180)).await?;
        }
        for chapter in chapters {
            let (began, pods, handed_over) = (
                Instant::now(),
                self.pods.borrow().ready().count(),
                self.world.seen().handed_over,
            );
            say(format_args!(
                "=== {chapter:?}: {pods} pods, {} bodies",
                self.world.seen().entities
            ));
            self.world.reset_gap();
            self.pods_sender.send_modify(|pods| pods.fewest_ready = usize::MAX);
            let told = match chapter {
                Chapter::Up => self.up().await,
                Chapter::Rollout => self.rollout().await,
                Chapter::Drain => self.drain().await,
                Chapter::Outage => self.outage().await,
                Chapter::Down => self.down().await,
            };
            told.with_context(|| format!("{chapter:?}"))?;
            self.plane.check()?;
            self.monitoring.check()?;
            self.write_down(&format!("{chapter:?}").to_lowercase(), pods, handed_over, began)
                .await?;
        }
        Ok(())
    }

    async fn set_fewest(&self, pods: usize) -> anyhow::Result<()> {
        let patch = format!("{{\"spec\":{{\"minReplicas\":{pods}}}}}");
        self.plane
            .kubectl(["patch", "hpa", "jaguar-engine-hpa", "--patch", &patch])
            .await
            .map(drop)
    }

    /// Waits until so many pods are ready, no other is there, and the world has as many members.
    async fn settle(&self, count: usize, limit: Duration) -> anyhow::Result<()> {
        let world = &self.world;
        wait_for_pods(
            &self.pods,
            &format!("{count} pods are ready and members, and no other is there"),
            limit,
            |pods| {
                let settled =
                    pods.ready().count() == count && pods.members.len() == count && world.seen().pods.len() == count;
                settled.then_some(())
            },
        )
        .await
    }

    async fn up(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        // A quarter every 10 s: the load rises faster than pods can come.
        for quarter in 1..=4 {
            self.world.grow_to(self.peak_bodies * quarter / 4).await?;
            say(format_args!("{} bodies", self.world.seen().entities));
            sleep(Duration::from_secs(10)).await;
        }
        self.settle(PEAK_PODS, Duration::from_secs(420)).await?;
        say(format_args!(
            "{PEAK_PODS} pods, {:.0} s after the load began to rise",
            began.elapsed().as_secs_f64()
        ));
        // Balance takes its time; every pod gets something to do.
        let began = Instant::now();
        loop {
            let seen = self.world.seen();
            let least = seen.pods.iter().map(|(_, bodies)| *bodies).min().unwrap_or(0);
            if least * (2 * PEAK_PODS as u64) >= self.peak_bodies {
                say(format_args!(
                    "bodies by pod {:?}, {} handed over",
                    seen.pods, seen.handed_over
                ));
                return Ok(());
            }
            ensure!(
                began.elapsed() < Duration::from_secs(120),
                "after 2 minutes a pod has less than half of its share: {:?}",
                seen.pods
            );
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn rollout(&mut self) -> anyhow::Result<()> {
        let count = self.pods.borrow().ready().count();
        let image = format!("jaguard={}", self.next_image);
        self.plane
            .kubectl(["set", "image", "deployment/jaguar-engine", &image])
            .await?;
        let next = self.next_image.clone();
        wait_for_pods(
            &self.pods,
            "all pods have the new image",
            Duration::from_secs(600),
            |pods| (pods.members.iter().all(|pod| pod.image == next) && pods.ready().count() >= count).then_some(()),
        )
        .await?;
        self.settle(count, Duration::from_secs(120)).await?;
        let fewest = self.pods.borrow().fewest_ready;
        ensure!(
            fewest >= count,
            "maxUnavailable is 0, and only {fewest} of {count} pods were ready at a time"
        );
        Ok(())
    }

    async fn drain(&mut self) -> anyhow::Result<()> {
        let count = self.pods.borrow().ready().count();
        let node = self
            .pods
            .borrow()
            .ready()
            .map(|pod| pod.node.clone())
            .max()
            .context("there is no pod")?;
        say(format_args!("kubectl drain {node}"));
        let drained = self
            .plane
            .kubectl(["drain", &node, "--ignore-daemonsets", "--timeout=300s"])
            .await?;
        ensure!(drained.contains("drained"), "kubectl said: {drained}");
        ensure!(
            self.pods.borrow().members.iter().all(|pod| pod.node != node),
            "pods are left on {node}"
        );
        self.settle(count, Duration::from_secs(180)).await?;
        let fewest = self.pods.borrow().fewest_ready;
        say(format_args!(
            "{node} is empty; never fewer than {fewest} pods were ready"
        ));
        ensure!(fewest >= 1, "the PodDisruptionBudget asks for one pod");
        self.plane.kubectl(["uncordon", &node]).await.map(drop)
    }

    async fn outage(&mut self) -> anyhow::Result<()> {
        let names = |pods: &Pods| -> Vec<String> { pods.members.iter().map(|pod| pod.name.clone()).collect() };
        let (before, tick) = (names(&self.pods.borrow()), self.world.seen().tick);
        let bodies = self.world.seen().entities;
        say(format_args!("kube-apiserver is killed at tick {tick}"));
        self.plane.kill_api_server().await?;
        let began = Instant::now();
        sleep(OUTAGE / 2).await;
        // Clients go on without noticing.
        self.world.grow_to(bodies + 100).await?;
        self.world.shrink_to(bodies).await?;
        sleep(OUTAGE / 2).await;
        let (passed, seconds) = (self.world.seen().tick - tick, began.elapsed().as_secs_f64());
        say(format_args!(
            "kube-apiserver comes back after {seconds:.0} s, in which the world made {passed} ticks"
        ));
        ensure!(
            passed as f64 > seconds * MIN_TICK_RATE,
            "{passed} ticks in {seconds:.0} s are too few"
        );
        self.plane.start_api_server().await?;
        // Leases of nodes and of the coordinator are renewed, and nobody is taken for dead.
        sleep(OUTAGE).await;
        let after = names(&self.pods.borrow());
        ensure!(before == after, "pods were replaced: {before:?} became {after:?}");
        self.settle(before.len(), Duration::from_secs(60)).await
    }

    async fn down(&mut self) -> anyhow::Result<()> {
        let removed_before = self.pods.borrow().removals.len();
        self.set_fewest(1).await?;
        self.world.shrink_to(FEW_BODIES).await?;
        let began = Instant::now();
        say(format_args!(
            "{} bodies are left; the HPA waits 5 minutes, then removes one pod a minute",
            self.world.seen().entities
        ));
        self.settle(1, Duration::from_secs(1_200)).await?;
        let removals = self.pods.borrow().removals[removed_before..].to_vec();
        say(format_args!(
            "{} pods removed within {:.0} s",
            removals.len(),
            began.elapsed().as_secs_f64()
        ));
        for removal in &removals {
            let cheapest = removal.cheapest_other.context("the last pod was removed")?;
            ensure!(
                removal.cost <= cheapest,
                "{} went at a deletion cost of {}, and another had {cheapest}",
                removal.name,
                removal.cost
            );
        }
        self.evict_the_last().await
    }

    /// The PodDisruptionBudget refuses to let the only pod go.
    async fn evict_the_last(&self) -> anyhow::Result<()> {
        let name = self
            .pods
            .borrow()
            .ready()
            .next()
            .map(|pod| pod.name.clone())
            .context("there is no pod")?;
        let api: Api<Pod> = Api::namespaced(self.plane.client(), "default");
        match api.evict(&name, &EvictParams::default()).await {
            Err(kube::Error::Api(answer)) if answer.code == 429 => {
                say(format_args!("evicting the last pod: {}", answer.message));
                Ok(())
            }
            other => bail!("evicting the last pod was not refused: {other:?}"),
        }
    }

    async fn write_down(&mut self, chapter: &str, pods: usize, handed_over: u64, began: Instant) -> anyhow::Result<()> {
        let seconds = began.elapsed().as_secs_f64();
        let seen = self.world.seen();
        let count = self.world.count().await?;
        let line = Line {
            chapter: chapter.to_owned(),
            seconds,
            pods: (pods, self.pods.borrow().ready().count()),
            bodies: count.there,
            handed_over: seen.handed_over - handed_over,
            longest_gap: seen.longest_gap,
            lost: count.lost,
            duplicated: count.duplicated,
        };
        say(format_args!(
            "{chapter}: {} spawned, {} removed, {} there, {} lost, {} duplicated",
            count.spawned, count.removed, count.there, count.lost, count.duplicated
        ));
        self.lines.push(line);
        Ok(())
    }

    fn print(&self) {
        println!(
            "\n{:<8} {:>8} {:>8} {:>8} {:>12} {:>18} {:>5} {:>11}",
            "", "time/s", "pods", "bodies", "handed over", "longest tick/ms", "lost", "duplicated"
        );
        for line in &self.lines {
            let pods = format!("{} -> {}", line.pods.0, line.pods.1);
            println!(
                "{:<8} {:>8.0} {:>8} {:>8} {:>12} {:>18.0} {:>5} {:>11}",
                line.chapter,
                line.seconds,
                pods,
                line.bodies,
                line.handed_over,
                line.longest_gap.as_secs_f64() * 1e3,
                line.lost,
                line.duplicated
            );
        }
        let seen = self.world.seen();
        println!(
            "{} ticks, {} handed over, {} entries with a wrong sum; the log was followed on another pod {} times",
            seen.tick, seen.handed_over, seen.wrong_entries, seen.moves
        );
    }
}
