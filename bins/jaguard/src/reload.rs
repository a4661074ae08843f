//! Follows the configuration, certificates and keys while the daemon runs: reads them once a second and puts in force what may change.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jaguar_cluster::security::SecurityFiles;
use jaguar_cluster::simulation::Simulation;
use jaguar_cluster::tuning::{Frames, tuning};
use jaguar_config::{Change, Config, Poll, Reloaded, Watch};
use jaguar_metrics::{Metrics, ReloadResult, ScaleDirection, ScaledMetric};
use tokio::sync::watch;

use crate::logging::Log;

/// Time between two looks. The kubelet takes up to a minute to bring a changed ConfigMap, so a second more is nothing.
const INTERVAL: Duration = Duration::from_secs(1);

/// Where a changed configuration goes.
pub(crate) struct Followers {
    pub(crate) simulation: Simulation,
    pub(crate) frames: watch::Sender<Frames>,
    pub(crate) security_files: SecurityFiles,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
    /// From the command line, not from a key.
    pub(crate) shuffle: Option<u64>,
}

/// Follows the configuration on a thread of its own, which may wait for files, until the process ends.
pub(crate) fn follow(mut watch: Watch, mut followers: Followers) {
    followers.show(watch.config());
    let started = thread::Builder::new().name("reload".to_owned()).spawn(move || {
        loop {
            thread::sleep(INTERVAL);
            followers.security_files.poll();
            match watch.poll() {
                Poll::Unchanged => {}
                Poll::Changed(reloaded) => followers.take(watch.config(), &reloaded),
                Poll::Rejected(error) => {
                    followers.metrics.config_reloads(ReloadResult::Rejected).increment(1);
                    tracing::error!(%error, "the changed configuration is wrong; the one before stays in force");
                }
            }
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "no thread to follow the configuration; changes take effect at restart");
    }
}

impl Followers {
    fn take(&self, config: &Config, reloaded: &Reloaded) {
        for warning in &reloaded.warnings {
            tracing::warn!("{warning}");
        }
        for Change { key, old, new } in &reloaded.at_restart {
            tracing::warn!(key, old, new, "this key takes effect at restart");
        }
        for Change { key, old, new } in &reloaded.applied {
            tracing::info!(key, old, new, "reloaded");
        }
        let result = if reloaded.at_restart.is_empty() {
            ReloadResult::Applied
        } else {
            ReloadResult::AtRestart
        };
        self.metrics.config_reloads(result).increment(1);
        if reloaded.applied.is_empty() {
            return;
        }
        self.log.set_level(config.log_level);
        self.frames.send_replace(Frames::from(config));
        self.show(config);
        if let Err(error) = self.simulation.tune(tuning(config, self.shuffle)) {
            tracing::warn!(%error, "the simulation did not take the new settings");
        }
    }

    /// Exports what alerts and the autoscaler compare with.
    fn show(&self, config: &Config) {
        self.metrics.target_tick_rate.set(f64::from(config.target_tick_rate));
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
