//! Snapshots of the running world: this pod's parts go to the store, and whoever asks for a snapshot writes its manifest.
//!
//! The cut is the protocol's: one entry of the log says that all pods store their part of the world as it is after it. What is here carries bytes, on the async side; the simulation
//! thread copies its part and goes on.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jaguar_metrics::{Metrics, SnapshotResult};
use jaguar_migration::command::{Command, Reply};
use jaguar_migration::id::LogIndex;
use jaguar_snapshot::name::unix_ms;
use jaguar_snapshot::store::Listing;
use jaguar_snapshot::{Manifest, Name, SnapshotError, Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;
use tonic::Status;
use tracing::{error, info, warn};

use crate::convert;
use crate::limits::SNAPSHOT_LOOK;
use crate::simulation::{Farewell, PartToStore, Simulation, Stage, Unanswered};

/// Takes and reads snapshots. Cheap to clone.
#[derive(Clone)]
pub struct Snapshots {
    simulation: Simulation,
    store: Option<Store>,
    metrics: Arc<Metrics>,
    /// How much is under way: parts, manifests, promises to take one.
    under_way: watch::Sender<usize>,
    /// The entry of the last part that was stored here, and when.
    last_part: watch::Sender<Option<(LogIndex, Instant)>>,
}

/// When automatic snapshots are taken, and how many are kept. May change while the pod runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Time between two; none when there are to be none.
    pub interval: Option<Duration>,
    /// How many are kept.
    pub retention: usize,
}

/// Counts what is under way while it lives.
struct Work(watch::Sender<usize>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Snapshots {
    /// Starts to store the parts that the simulation thread sends. Without a store every one is refused.
    pub fn start(
        simulation: Simulation,
        store: Option<Store>,
        metrics: Arc<Metrics>,
        parts: mpsc::UnboundedReceiver<PartToStore>,
    ) -> Self {
        let snapshots = Self {
            simulation,
            store,
            metrics,
            under_way: watch::Sender::new(0),
            last_part: watch::Sender::new(None),
        };
        tokio::spawn(snapshots.clone().store_parts(parts));
        snapshots
    }

    /// Takes a snapshot and answers when it is whole. It goes on when nobody waits for the answer any more.
    ///
    /// # Errors
    /// The code that the service's documentation gives.
    pub async fn save(&self, name: Name) -> Result<Manifest, Status> {
        let (snapshots, work) = (self.clone(), self.work());
        let taken = tokio::spawn(async move {
            let _work = work;
            snapshots.take(name).await
        });
        taken
            .await
            .map_err(|_| Status::internal("the snapshot's task has died"))?
    }

    async fn take(&self, name: Name) -> Result<Manifest, Status> {
        let begin = Instant::now();
        let store = self.store()?;
        match self.simulation.stage().borrow().clone() {
            Stage::Serving => {}
            Stage::Halted(reason) => {
                return Err(Status::failed_precondition(format!("the world has halted: {reason}")));
            }
            Stage::Starting | Stage::Draining | Stage::Left => {
                return Err(Status::unavailable(
                    "this pod is joining or leaving the world; ask another pod",
                ));
            }
        }
        if store.contains(&name).await.map_err(|error| unreachable_store(&error))? {
            let url = store.url().to_owned();
            return Err(unreachable_store(&StoreError::Taken { url, name }));
        }
        let mut stage = self.simulation.stage();
        let reply = tokio::select! {
            reply = self.simulation.command(Command::Snapshot(name.to_string())) => Ok(reply?),
            halted = stage.wait_for(|stage| matches!(stage, Stage::Halted(_))) => Err(halted.map_or_else(|_| String::new(), |stage| format!("{stage:?}"))),
        };
        let taken = match reply {
            Ok(reply) => self.commit(name.clone(), reply).await,
            Err(halted) => Err(Status::failed_precondition(format!("the world has halted: {halted}"))),
        };
        self.note(&name, begin, &taken);
        taken
    }

    /// Writes the manifest of a snapshot whose parts are stored.
    async fn commit(&self, name: Name, reply: Reply) -> Result<Manifest, Status> {
        let (cut, parts) = convert::snapshot_taken(reply)?;
        let (world, definition) = (self.simulation.world_id()?, self.simulation.definition()?);
        let now = unix_ms(SystemTime::now());
        let committed = self.store()?.commit(name, now, world, definition, &cut, &parts);
        committed.await.map_err(|error| unreachable_store(&error))
    }

    fn note(&self, name: &Name, begin: Instant, taken: &Result<Manifest, Status>) {
        let time = begin.elapsed();
        match taken {
            Ok(manifest) => {
                info!(%name, tick = manifest.tick, index = manifest.index, entities = manifest.entities, bytes = manifest.bytes(), hash = format!("{:032x}", manifest.hash), ?time, "snapshot taken");
                self.metrics.snapshots(SnapshotResult::Ok).increment(1);
                self.metrics.snapshot_duration_ms.record(time.as_secs_f64() * 1e3);
                self.metrics.snapshot_bytes.set(manifest.bytes() as f64);
                self.show_newest(manifest);
            }
            Err(status) => {
                error!(%name, reason = status.message(), "no snapshot was taken");
                self.metrics.snapshots(SnapshotResult::Failed).increment(1);
            }
        }
    }

    fn show_newest(&self, manifest: &Manifest) {
        let seconds = manifest.created_unix_ms as f64 / 1e3;
        self.metrics.snapshot_last_success.set(seconds);
    }

    /// Everything in the store, and where that is.
    ///
    /// # Errors
    /// The code that the service's documentation gives.
    pub async fn list(&self) -> Result<(String, Listing), Status> {
        let store = self.store()?;
        let listing = store.list().await.map_err(|error| unreachable_store(&error))?;
        Ok((store.url().to_owned(), listing))
    }

    /// Reads a snapshot as a restore would.
    ///
    /// # Errors
    /// The code that the service's documentation gives.
    pub async fn verify(&self, name: &Name) -> Result<Manifest, Status> {
        let store = self.store()?;
        let found = async {
            let manifest = store.manifest(name).await?;
            store.read(&manifest).await?;
            Ok(manifest)
        };
        found.await.map_err(|error: SnapshotError| match error {
            SnapshotError::Missing { ref object, .. } if object == "manifest" => Status::not_found(error.to_string()),
            SnapshotError::Store(error) => unreachable_store(&error),
            damage => Status::data_loss(damage.to_string()),
        })
    }

    /// Leaves the world. If this pod coordinates it last, a snapshot is taken first.
    ///
    /// # Errors
    /// When the simulation thread has ended or is overwhelmed.
    pub fn drain(&self) -> Result<(), Unanswered> {
        if self.store.is_none() {
            return self.simulation.drain(None);
        }
        let name = Name::farewell(SystemTime::now());
        let (answer, answered) = oneshot::channel();
        self.simulation.drain(Some(Farewell {
            name: name.to_string(),
            answer,
        }))?;
        let (snapshots, work) = (self.clone(), self.work());
        tokio::spawn(async move {
            let _work = work;
            // Without an answer the world goes on, and others take its snapshots.
            if let Ok(reply) = answered.await {
                let begin = Instant::now();
                let taken = snapshots.commit(name.clone(), reply).await;
                snapshots.note(&name, begin, &taken);
            }
        });
        Ok(())
    }

    /// Waits until nothing is under way: before that, the process must not end.
    pub async fn finish(&self) {
        let mut under_way = self.under_way.subscribe();
        // The sender is this value's own.
        drop(under_way.wait_for(|count| *count == 0).await);
    }

    /// Takes automatic snapshots while this pod coordinates the world, and deletes old ones.
    pub async fn automatic(self, schedule: watch::Receiver<Schedule>) {
        let Some(store) = self.store.clone() else { return };
        match store.list().await {
            Ok(listing) => listing
                .whole
                .first()
                .into_iter()
                .for_each(|newest| self.show_newest(newest)),
            Err(error) => warn!(%error, "the snapshot store does not answer"),
        }
        let started = Instant::now();
        // Tried, so that a store that fails is not asked every second.
        let mut tried = started;
        loop {
            sleep(SNAPSHOT_LOOK).await;
            let Schedule { interval, retention } = *schedule.borrow();
            let last = *self.last_part.borrow();
            let since = last.map_or(started, |(_, at)| at).max(tried);
            if interval.is_none_or(|interval| since.elapsed() < interval) || !self.coordinates().await {
                continue;
            }
            tried = Instant::now();
            // In a paused world in which nothing happens, one snapshot is enough.
            if last.is_some_and(|(index, _)| index == self.simulation.progress().borrow().index) {
                continue;
            }
            if self.save(Name::automatic(SystemTime::now())).await.is_ok() {
                match store.prune(retention).await {
                    Ok(deleted) if deleted.is_empty() => {}
                    Ok(deleted) => info!(count = deleted.len(), ?deleted, "old snapshots deleted"),
                    Err(error) => warn!(%error, "old snapshots stay"),
                }
            }
        }
    }

    async fn coordinates(&self) -> bool {
        let status = self.simulation.status().await;
        status.is_ok_and(|answer| answer.status.me == answer.status.coordinator && !answer.status.draining)
    }

    async fn store_parts(self, mut parts: mpsc::UnboundedReceiver<PartToStore>) {
        while let Some(part) = parts.recv().await {
            let _work = self.work();
            let index = part.index;
            self.last_part.send_replace(Some((index, Instant::now())));
            let stored = self.store_part(part).await;
            if let Err(reason) = &stored {
                error!(%index, reason, "this pod's part of a snapshot is not stored");
            }
            while self.simulation.part_stored(index, stored.clone()) == Err(Unanswered::Busy) {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    async fn store_part(&self, part: PartToStore) -> Result<jaguar_migration::saved::StoredPart, String> {
        let PartToStore { name, index, bytes } = part;
        let store = self
            .store
            .as_ref()
            .ok_or("it has no store (snapshot_store), which must be the same on all pods")?;
        let name: Name = name
            .parse()
            .map_err(|error: jaguar_snapshot::name::NameError| error.to_string())?;
        let world = self.simulation.world_id().map_err(|error| error.to_string())?;
        let pod = self.simulation.pod().map_err(|error| error.to_string())?;
        let stored = store.put_part(&name, world, index, pod, bytes);
        stored.await.map_err(|error| error.to_string())
    }

    fn store(&self) -> Result<&Store, Status> {
        self.store.as_ref().ok_or_else(|| {
            Status::failed_precondition(
                "no snapshot store is configured (snapshot_store): give a directory or a bucket",
            )
        })
    }

    fn work(&self) -> Work {
        self.under_way.send_modify(|count| *count += 1);
        Work(self.under_way.clone())
    }
}

fn unreachable_store(error: &StoreError) -> Status {
    match error {
        StoreError::Taken { .. } => Status::already_exists(format!("name: {error}")),
        StoreError::TooLarge { .. } => Status::failed_precondition(error.to_string()),
        StoreError::Address { .. } | StoreError::Directory { .. } | StoreError::Request { .. } => {
            Status::unavailable(error.to_string())
        }
    }
}
