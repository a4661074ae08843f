//! Keeps the record of who coordinates true while this pod lives: carries out what a [`Keeper`] asks for.

use jaguar_migration::time::Time;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use super::LeaseRegister;
use crate::election::{Care, Keeper, Record, Written};
use crate::limits::{API_TIMEOUT, RECORD_RETRY};
use crate::simulation::{Simulation, Stage, Unanswered};
use crate::simulation_thread::Clock;

/// The task that keeps the record.
#[derive(Debug)]
pub struct Keeping {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Keeping {
    /// Begins for the pod that was elected, before it founds: that may take longer than the record counts.
    pub(crate) fn of_the_founder(
        register: LeaseRegister,
        keeper: Keeper,
        simulation: Simulation,
        clock: Clock,
    ) -> Self {
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(keep(
            Held {
                register,
                keeper,
                clock,
            },
            simulation,
            ended,
        ));
        Self { end, task }
    }

    /// Begins for a pod that was welcomed by a world. `own` is what it writes when the coordinator's role comes to it; the world is known when the pod has started.
    pub(crate) fn of_a_member(register: LeaseRegister, own: Record, simulation: Simulation, clock: Clock) -> Self {
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut stage = simulation.stage();
            if stage.wait_for(|stage| *stage != Stage::Starting).await.is_err() {
                return;
            }
            let world = simulation.world_id().ok();
            let keeper = Keeper::of_a_member(Record { world, ..own });
            keep(
                Held {
                    register,
                    keeper,
                    clock,
                },
                simulation,
                ended,
            )
            .await;
        });
        Self { end, task }
    }

    /// Ends. When this pod coordinates to the last (the world ends with it, or has halted) it releases the record, so that the next founder need not wait until it
    /// expires.
    pub async fn end(self) {
        // The task has ended before if its world was fenced.
        let _ = self.end.send(());
        if timeout(API_TIMEOUT * 2, self.task).await.is_err() {
            warn!("the Lease was not released in time; it expires by itself");
        }
    }
}

/// The register and what is known of it.
struct Held {
    register: LeaseRegister,
    keeper: Keeper,
    clock: Clock,
}

async fn keep(mut held: Held, simulation: Simulation, mut ended: oneshot::Receiver<()>) {
    let mut stages = simulation.stage();
    let mut progress = simulation.progress();
    loop {
        // The elected pod coordinates from its election on, though its world begins later.
        if *stages.borrow_and_update() != Stage::Starting {
            let coordinates = progress.borrow_and_update().coordinates;
            held.keeper.coordinates(held.clock.now(), coordinates);
        }
        match held.keeper.step(held.clock.now()) {
            Care::Read => held.read().await,
            Care::Write { over } => {
                let record = held.keeper.own().clone();
                let written = held.register.write(&record, over.as_ref()).await;
                held.note(written, over.is_none());
            }
            Care::Rest { until } => {
                let role = progress.borrow().coordinates;
                let starting = *stages.borrow() == Stage::Starting;
                tokio::select! {
                    _ = &mut ended => break,
                    () = rest(until, held.clock) => {}
                    changed = stages.wait_for(|now| starting && *now != Stage::Starting), if starting => if changed.is_err() { break },
                    changed = progress.wait_for(|now| now.coordinates != role), if !starting => if changed.is_err() { break },
                }
            }
            Care::Stop { other } => {
                stop_the_world(&simulation, &held.keeper, &other).await;
                return;
            }
        }
    }
    held.release().await;
}

impl Held {
    async fn read(&mut self) {
        match self.register.read().await {
            Some(seen) => self.keeper.seen(seen),
            None => self.keeper.unreadable(self.clock.now()),
        }
    }

    fn note(&mut self, written: Written, created: bool) {
        let failures = self.keeper.failures();
        let new = created || failures > 0;
        self.keeper.written(self.clock.now(), written);
        if self.keeper.failures() == 0 && new {
            info!(record = %self.keeper.own(), tries = failures + 1, "the Lease names this pod as the coordinator");
        }
    }

    async fn release(&mut self) {
        let Some(version) = self.keeper.releases() else { return };
        let released = Record {
            holder: String::new(),
            ..self.keeper.own().clone()
        };
        match self.register.write(&released, Some(&version)).await {
            Written::Won(_) => info!("the Lease was released: the next pod founds without waiting"),
            Written::Lost | Written::Unknown => warn!("the Lease was not released; it expires by itself"),
        }
    }
}

async fn rest(until: Option<Time>, clock: Clock) {
    match until {
        Some(until) => sleep(until.since(clock.now())).await,
        None => std::future::pending().await,
    }
}

async fn stop_the_world(simulation: &Simulation, keeper: &Keeper, other: &Record) {
    let reason = format!(
        "the Lease names {other} as the coordinator, and this pod is {}: its world could not renew the Lease for so long that another one was founded, \
         and must not go on beside it",
        keeper.own()
    );
    error!(reason, "fenced");
    // A pod that is founding has no simulation yet, and one that is overwhelmed takes it later.
    while matches!(
        simulation.halt(reason.clone()),
        Err(Unanswered::Starting | Unanswered::Busy)
    ) {
        sleep(RECORD_RETRY).await;
    }
}
