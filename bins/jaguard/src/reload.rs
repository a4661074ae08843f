//! Follows the configuration, certificates and keys while the daemon runs: reads them once a second, puts in force what is this pod's own, and proposes to the world what is the world's.

use std::sync::Arc;
use std::time::Duration;

use jaguar_cluster::security::{ClientLimits, SecurityFiles};
use jaguar_cluster::simulation::{Simulation, Stage, Unanswered};
use jaguar_cluster::snapshots::Schedule;
use jaguar_cluster::tuning::{Frames, proposal};
use jaguar_config::{Change, Config, Poll, Reloaded, Watch};
use jaguar_metrics::{Metrics, ReloadResult, ScaleDirection, ScaledMetric};
use jaguar_migration::command::{Command, Reply};
use jaguar_migration::tuning::TuningChange;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::logging::Log;

/// Time between two looks. The kubelet takes up to a minute to bring a changed ConfigMap, so a second more is nothing.
const INTERVAL: Duration = Duration::from_secs(1);

/// Longest wait for the world's answer to a proposal, before the sources are read again and it is repeated. To repeat one changes nothing.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// What is read again and again.
pub(crate) struct Files {
    pub(crate) watch: Watch,
    pub(crate) certificates: SecurityFiles,
}

/// Where a changed configuration goes.
pub(crate) struct Followers {
    pub(crate) simulation: Simulation,
    pub(crate) frames: watch::Sender<Frames>,
    pub(crate) limits: watch::Sender<ClientLimits>,
    pub(crate) schedule: watch::Sender<Schedule>,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
}

/// Follows the configuration until the process ends. A pod that joins a world proposes what its sources say; where they are silent it goes by the world's settings.
pub(crate) async fn follow(mut files: Files, followers: Followers) {
    followers.show(files.watch.config());
    let mut wish = Wish {
        change: proposal(files.watch.config(), files.watch.given()),
        reloads: 0,
    };
    let mut stages = followers.simulation.stage();
    loop {
        followers.propose(&mut wish).await;
        let is_starting = *stages.borrow() == Stage::Starting;
        tokio::select! {
            () = sleep(INTERVAL) => {}
            // A new member proposes at once: later, its wish might be older than what the others have agreed on meanwhile.
            Ok(_) = stages.wait_for(|stage| *stage != Stage::Starting), if is_starting => continue,
        }
        // Files may block.
        let polled = spawn_blocking(move || {
            files.certificates.poll();
            let poll = files.watch.poll();
            (files, poll)
        });
        let Ok((read, poll)) = polled.await else {
            tracing::error!("reading the configuration has failed; changes take effect at restart");
            return;
        };
        files = read;
        match poll {
            Poll::Unchanged => {}
            Poll::Changed(reloaded) => followers.take(files.watch.config(), &reloaded, &mut wish),
            Poll::Rejected(error) => {
                followers.count(ReloadResult::Rejected, 1);
                tracing::error!(%error, "the changed configuration is wrong; the one before stays in force");
            }
        }
    }
}

/// What this pod wants of the world and has no answer to.
#[derive(Debug, Default)]
struct Wish {
    change: TuningChange,
    /// How many reloads it comes from.
    reloads: u64,
}

impl Followers {
    /// Puts in force what is this pod's own, and adds what is the world's to the wish.
    fn take(&self, config: &Config, reloaded: &Reloaded, wish: &mut Wish) {
        for warning in &reloaded.warnings {
            tracing::warn!("{warning}");
        }
        for Change { key, old, new } in &reloaded.at_restart {
            tracing::warn!(key, old, new, "this key takes effect at restart");
        }
        for Change { key, old, new } in &reloaded.applied {
            tracing::info!(key, old, new, "reloaded");
        }
        for Change { key, old, new } in &reloaded.proposed {
            tracing::info!(key, old, new, "reloaded; proposed to the world");
        }
        if !reloaded.at_restart.is_empty() {
            self.count(ReloadResult::AtRestart, 1);
        }
        if !reloaded.proposed.is_empty() {
            let keys: Vec<&str> = reloaded.proposed.iter().map(|change| change.key).collect();
            wish.change = wish.change.then(proposal(config, &keys));
            wish.reloads += 1;
        }
        if !reloaded.applied.is_empty() {
            self.log.set_level(config.log_level);
            self.frames.send_replace(Frames::from(config));
            self.limits.send_replace(ClientLimits::from(config));
            self.schedule.send_replace(Schedule::from(config));
            self.show(config);
            self.count(ReloadResult::Applied, 1);
        }
    }

    /// Proposes the wish to the world. It is kept until it is answered, or nobody can answer it any more.
    async fn propose(&self, wish: &mut Wish) {
        if wish.change.is_empty() {
            return;
        }
        let stage = self.simulation.stage().borrow().clone();
        if stage == Stage::Starting {
            return;
        }
        if matches!(stage, Stage::Draining | Stage::Left) {
            *wish = Wish::default();
            return;
        }
        let answer = self.simulation.command(Command::Tune(wish.change));
        match timeout(ANSWER_PATIENCE, answer).await {
            Ok(Ok(Reply::Done { tick, .. })) => {
                tracing::debug!(tick = tick.0, "the world goes by what this pod has proposed");
                self.count(ReloadResult::Agreed, wish.reloads);
                *wish = Wish::default();
            }
            Ok(Ok(Reply::Halted { reason })) => {
                tracing::warn!(%reason, "the world has halted and agrees on nothing more");
                self.count(ReloadResult::NotAgreed, wish.reloads);
                *wish = Wish::default();
            }
            Ok(Err(Unanswered::Gone)) => *wish = Wish::default(),
            Ok(Ok(_) | Err(Unanswered::Starting | Unanswered::Busy)) => {}
            Err(_) => tracing::warn!(
                "the world has not agreed on the new settings within {ANSWER_PATIENCE:?}; proposing them again"
            ),
        }
    }

    fn count(&self, result: ReloadResult, reloads: u64) {
        self.metrics.config_reloads(result).increment(reloads);
    }

    /// Exports what alerts and the autoscaler compare with.
    fn show(&self, config: &Config) {
        self.metrics.min_tick_rate.set(f64::from(config.min_tick_rate));
        let thresholds = &config.autoscale;
        let up_and_down = [
            (
                ScaledMetric::Entities,
                thresholds.entity_scale_up_threshold,
                thresholds.entity_scale_down_threshold,
            ),
            (
                ScaledMetric::Cpu,
                thresholds.cpu_scale_up_threshold,
                thresholds.cpu_scale_down_threshold,
            ),
            (
                ScaledMetric::Memory,
                thresholds.memory_scale_up_threshold,
                thresholds.memory_scale_down_threshold,
            ),
        ];
        for (metric, up, down) in up_and_down {
            let set = |direction, value: u32| {
                let gauge = self.metrics.autoscale_threshold(metric, direction);
                gauge.set(f64::from(value));
            };
            set(ScaleDirection::Up, up);
            set(ScaleDirection::Down, down);
        }
    }
}
