//! How a pod ends: drained, or with a world that has halted.

use std::time::Duration;

use jaguar_cluster::simulation::{Simulation, Stage, Unanswered};
use jaguar_cluster::snapshots::Snapshots;
use jaguar_metrics::{Health, Phase};
use jaguar_migration::trace::TARGET;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::field;

use crate::error::DaemonError;
use crate::shutdown::Signals;

/// Time for which a pod whose world has halted still answers reads and probes, before it ends for something to start it again: its last state can be read, and a
/// scrape sees why.
const HALT_LINGER: Duration = Duration::from_secs(5);

/// How long a pod that failed to leave waits for one more scrape: Prometheus comes every 15 s where the shipped monitors say so. Together with
/// `migration_timeout_seconds` it must stay below the grace period of an orchestrator.
const LAST_SCRAPE: Duration = Duration::from_secs(20);

/// Wait before a simulation thread that is overwhelmed is told again to leave.
const BUSY_WAIT: Duration = Duration::from_millis(10);

/// How this pod ends.
pub(crate) struct Leaving<'a> {
    pub(crate) simulation: &'a Simulation,
    pub(crate) snapshots: &'a Snapshots,
    pub(crate) health: &'a Health,
    /// Longest time to hand over what it owns.
    pub(crate) limit: Duration,
    /// Whether something starts the process again, so that it need not stay up when its world has halted.
    pub(crate) ends_when_halted: bool,
}

impl Leaving<'_> {
    /// Waits until the pod is told to leave, by a signal (which may have come already) or by an operator's call, and then until it has left.
    pub(crate) async fn leave(self, mut signals: Signals, signal: Option<&'static str>) -> Result<(), DaemonError> {
        let next_signal = async {
            match signal {
                Some(name) => name,
                None => signals.next().await,
            }
        };
        tokio::select! {
            name = next_signal => {
                tracing::info!("{name}: giving everything away and leaving");
                // At once, whatever the simulation thread is at: new clients go elsewhere from now on.
                self.health.enter(Phase::Draining);
                while self.snapshots.drain() == Err(Unanswered::Busy) {
                    sleep(BUSY_WAIT).await;
                }
            }
            told = reach(self.simulation, |stage| matches!(stage, Stage::Draining | Stage::Left)) => drop(told?),
            halted = self.halted() => return halted,
        }
        signals.exit_at_next_interrupt();
        let pod = self.simulation.pod().map_or(0, |pod| i64::from(pod.0));
        let drain = tracing::info_span!(target: TARGET, "drain", pod, otel.status_code = field::Empty, otel.status_description = field::Empty);
        let left = self.give_everything_away().await;
        if let Err(error) = &left {
            drain.record("otel.status_code", "ERROR");
            drain.record("otel.status_description", field::display(error));
        }
        left
    }

    /// Waits until this pod has left.
    async fn give_everything_away(&self) -> Result<(), DaemonError> {
        // A world that has halted before lets its pods go. One that halts now takes with it what this pod has not given away.
        let was_halted = matches!(*self.simulation.stage().borrow(), Stage::Halted(_));
        let ended = |stage: &Stage| *stage == Stage::Left || (!was_halted && matches!(stage, Stage::Halted(_)));
        let gone = async {
            let stage = reach(self.simulation, ended).await;
            // Parts and a manifest may still be on their way to the store.
            self.snapshots.finish().await;
            stage
        };
        match timeout(self.limit, gone).await {
            Ok(Ok(Stage::Halted(reason))) => Err(DaemonError::Halted { reason }),
            Ok(left) => left.map(drop),
            Err(_) => {
                if let Err(error) = self.simulation.drain_is_overdue().await {
                    tracing::warn!(%error, "what this pod still holds is not counted");
                }
                Err(DaemonError::DrainTimeout { limit: self.limit })
            }
        }
    }

    /// Waits until the world has halted, and a little longer. Never ends where nobody would start the process again: there the pod stays up for reads.
    async fn halted(&self) -> Result<(), DaemonError> {
        let stage = reach(self.simulation, |stage| matches!(stage, Stage::Halted(_))).await?;
        let Stage::Halted(reason) = stage else {
            return Err(DaemonError::SimulationDied);
        };
        if !self.ends_when_halted {
            std::future::pending::<()>().await;
        }
        tracing::error!(%reason, "the world has halted: this process ends in {HALT_LINGER:?}, to be started again and to find or found a world");
        sleep(HALT_LINGER).await;
        Err(DaemonError::WorldHalted { reason })
    }
}

/// Waits until the pod is in such a stage, and gives it.
pub(crate) async fn reach(simulation: &Simulation, wanted: impl Fn(&Stage) -> bool) -> Result<Stage, DaemonError> {
    let mut stages = simulation.stage();
    let reached = stages.wait_for(|now| wanted(now)).await;
    reached
        .map(|stage| stage.clone())
        .map_err(|_| DaemonError::SimulationDied)
}

/// Waits until the counters of a failure have been scraped, so that an alert sees them, but for no longer than [`LAST_SCRAPE`], and not at all when nobody scrapes.
pub(crate) async fn show_the_end(scrapes: &watch::Sender<u64>) {
    let mut scrapes = scrapes.subscribe();
    if *scrapes.borrow_and_update() > 0 {
        // Nobody having come is what the limit is for.
        drop(timeout(LAST_SCRAPE, scrapes.changed()).await);
    }
}
