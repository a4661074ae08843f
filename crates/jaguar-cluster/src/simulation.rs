//! The async side's end of the bridge to the simulation thread: what can be asked of it, and how far it has come.

use std::sync::{Arc, OnceLock};

use crossbeam::channel::{self, Receiver, Sender, TrySendError};
use jaguar_core::{BodyRecord, World};
use jaguar_migration::action::Summary;
use jaguar_migration::command::{Command, Reply};
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::id::{LogIndex, PodId, Tick, WorldId};
use jaguar_migration::pod::Pod;
use jaguar_migration::record::Entry;
use jaguar_migration::saved::StoredPart;
use tokio::sync::{oneshot, watch};

use crate::convert::PodAnswer;
use crate::limits::EVENTS_WAITING;
use crate::query::{LocalCut, Question};

/// Asks the simulation thread and watches how far it is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Simulation {
    events: Sender<Event>,
    progress: watch::Receiver<Progress>,
    stage: watch::Receiver<Stage>,
    founded: Arc<OnceLock<Founded>>,
}

/// The simulation thread's end.
#[derive(Debug)]
pub struct Mailbox {
    pub(crate) events: Receiver<Event>,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) stage: watch::Sender<Stage>,
    founded: Arc<OnceLock<Founded>>,
}

/// What is known once, when the pod is there, and never changes.
#[derive(Debug)]
struct Founded {
    pod: PodId,
    world: WorldId,
    definition: Arc<WorldDefinition>,
    /// A world of the definition's parameters without anything in it: it judges what could be spawned.
    empty: World,
}

/// How far the pod is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The last entry executed here.
    pub index: LogIndex,
    /// The world's tick after it.
    pub tick: Tick,
    /// The last entry known to be sealed.
    pub sealed: LogIndex,
    /// Whether the world is paused, as far as this pod knows.
    pub paused: bool,
    /// The last entry that the whole world is known to have executed.
    pub summary: LogIndex,
    /// Whether this pod has the coordinator's role.
    pub coordinates: bool,
    /// Bodies that this pod holds.
    pub entities: usize,
}

/// What a pod does, in the order of its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is not a member yet.
    Starting,
    /// It simulates.
    Serving,
    /// It gives everything away.
    Draining,
    /// It has left; the process ends.
    Left,
    /// The world has stopped for good, for this reason.
    Halted(Arc<str>),
}

/// Something the async side wants of the simulation thread.
#[derive(Debug)]
pub(crate) enum Event {
    Packet(Vec<u8>),
    Command {
        command: Command,
        answer: oneshot::Sender<Reply>,
    },
    Join {
        name: String,
        address: String,
        answer: oneshot::Sender<JoinAnswer>,
    },
    Drain {
        farewell: Option<Farewell>,
    },
    DrainOverdue {
        answer: oneshot::Sender<()>,
    },
    Halt(String),
    PartStored {
        index: LogIndex,
        part: Result<StoredPart, String>,
    },
    /// After this entry, or now.
    Read {
        at: Option<LogIndex>,
        question: Question,
        answer: oneshot::Sender<Result<LocalCut, ReadError>>,
    },
    History {
        index: LogIndex,
        answer: oneshot::Sender<Result<Arc<[BodyRecord]>, ReadError>>,
    },
    Status {
        answer: oneshot::Sender<PodAnswer>,
    },
    Log {
        entries: Option<LogIndex>,
        summaries: Option<LogIndex>,
        answer: oneshot::Sender<LogItems>,
    },
}

/// The last snapshot of a world.
#[derive(Debug)]
pub struct Farewell {
    /// Its name.
    pub name: String,
    /// Answered when its parts are stored; dropped when the world goes on without this pod.
    pub answer: oneshot::Sender<Reply>,
}

/// This pod's part of a snapshot, on its way to the store.
#[derive(Debug)]
pub struct PartToStore {
    /// The snapshot's name.
    pub name: String,
    /// The entry after which it is taken.
    pub index: LogIndex,
    /// The part, as [`World::part_bytes`] wrote it.
    pub bytes: Vec<u8>,
}

/// The protocol's answer to a process that wants to become a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinAnswer {
    /// Yes, with the state to start from.
    Welcome(Vec<u8>),
    /// Ask this address.
    Redirect(String),
    /// No, and why.
    Refused(String),
}

/// Log entries, and summaries of entries.
#[derive(Clone, Debug, Default)]
pub struct LogItems {
    /// In order, without gaps.
    pub entries: Vec<Arc<Entry>>,
    /// In order, without gaps.
    pub summaries: Vec<Arc<Summary>>,
}

/// The simulation thread does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The pod is not a member yet; ask a little later.
    #[error("this pod is not a member of a world yet; ask again, or ask another pod")]
    Starting,
    /// Too much waits already; ask a little later.
    #[error("this pod has more waiting than it can take ({EVENTS_WAITING} events); ask again, or ask another pod")]
    Busy,
    /// The pod has left or is leaving; ask another pod.
    #[error("this pod has left the world; ask another pod")]
    Gone,
}

/// A read at an entry that cannot be had here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// This pod is past the entry; the reader must choose a later one.
    #[error("this pod is at {here}, past {asked}; read at a later entry")]
    Past {
        /// The entry asked for.
        asked: LogIndex,
        /// Where the pod is.
        here: LogIndex,
    },
    /// The history holds other entries; the operator can set `history_ticks` higher.
    #[error("{asked} is not in this pod's history, which holds {held}; history_ticks sets how many entries it keeps")]
    NotKept {
        /// The entry asked for.
        asked: LogIndex,
        /// Which entries it holds.
        held: String,
    },
    /// Too many reads wait; ask a little later.
    #[error("too many reads wait at this pod; ask again")]
    Busy,
    /// The thread does not answer.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

impl Simulation {
    /// The two ends, before there is a pod: packets wait, everything else is refused until the thread starts.
    pub fn bridge() -> (Self, Mailbox) {
        let (sender, events) = channel::bounded(EVENTS_WAITING);
        let (progress, watcher) = watch::channel(Progress {
            index: LogIndex(0),
            tick: Tick(0),
            sealed: LogIndex(0),
            paused: true,
            summary: LogIndex(0),
            coordinates: false,
            entities: 0,
        });
        let (stage, stage_watcher) = watch::channel(Stage::Starting);
        let founded = Arc::new(OnceLock::new());
        let simulation = Self {
            events: sender,
            progress: watcher,
            stage: stage_watcher,
            founded: founded.clone(),
        };
        (
            simulation,
            Mailbox {
                events,
                progress,
                stage,
                founded,
            },
        )
    }

    /// This pod's number.
    ///
    /// # Errors
    /// Before it is a member.
    pub fn pod(&self) -> Result<PodId, Unanswered> {
        self.founded
            .get()
            .map(|founded| founded.pod)
            .ok_or(Unanswered::Starting)
    }

    /// The identity of the world.
    ///
    /// # Errors
    /// Before there is a pod.
    pub fn world_id(&self) -> Result<WorldId, Unanswered> {
        self.founded
            .get()
            .map(|founded| founded.world)
            .ok_or(Unanswered::Starting)
    }

    /// The definition of the world.
    ///
    /// # Errors
    /// Before this pod is a member.
    pub fn definition(&self) -> Result<&Arc<WorldDefinition>, Unanswered> {
        self.founded
            .get()
            .map(|founded| &founded.definition)
            .ok_or(Unanswered::Starting)
    }

    /// An empty world with this world's parameters and hulls, which judges what could be spawned.
    ///
    /// # Errors
    /// Before this pod is a member.
    pub fn empty_world(&self) -> Result<&World, Unanswered> {
        self.founded
            .get()
            .map(|founded| &founded.empty)
            .ok_or(Unanswered::Starting)
    }

    /// How far the pod is; changes with every entry.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// What the pod does; changes a few times in its life.
    pub fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.clone()
    }

    /// A peer's packet. Dropped when too much waits: the protocol repeats it.
    pub fn packet(&self, bytes: Vec<u8>) {
        // Full and disconnected alike: the packet is lost, as on a network.
        drop(self.events.try_send(Event::Packet(bytes)));
    }

    /// Leaves the world; takes the snapshot first if this pod turns out to be the last to coordinate it.
    ///
    /// # Errors
    /// When the thread has ended or is overwhelmed.
    pub fn drain(&self, farewell: Option<Farewell>) -> Result<(), Unanswered> {
        self.send(Event::Drain { farewell })
    }

    /// Says what came of storing this pod's part of a snapshot.
    ///
    /// # Errors
    /// When the thread has ended or is overwhelmed.
    pub fn part_stored(&self, index: LogIndex, part: Result<StoredPart, String>) -> Result<(), Unanswered> {
        self.send(Event::PartStored { index, part })
    }

    /// The time to leave in is over: what is still held counts as failed to migrate, once this returns. The pod goes on leaving.
    ///
    /// # Errors
    /// When the thread has ended or is overwhelmed.
    pub async fn drain_is_overdue(&self) -> Result<(), Unanswered> {
        self.ask(|answer| Event::DrainOverdue { answer }).await
    }

    /// Stops the world for good, for this reason.
    ///
    /// # Errors
    /// When the thread has ended, is overwhelmed, or there is no pod yet.
    pub fn halt(&self, reason: String) -> Result<(), Unanswered> {
        self.send(Event::Halt(reason))
    }

    /// Carries out a command; answers when it is in the log.
    ///
    /// # Errors
    /// When there is no pod to ask.
    pub async fn command(&self, command: Command) -> Result<Reply, Unanswered> {
        self.ask(|answer| Event::Command { command, answer }).await
    }

    /// Asks for a process to become a member.
    ///
    /// # Errors
    /// When there is no pod to ask.
    pub async fn join(&self, name: String, address: String) -> Result<JoinAnswer, Unanswered> {
        self.ask(|answer| Event::Join { name, address, answer }).await
    }

    /// The pod's status.
    ///
    /// # Errors
    /// When there is no pod to ask.
    pub async fn status(&self) -> Result<PodAnswer, Unanswered> {
        self.ask(|answer| Event::Status { answer }).await
    }

    /// Reads what this pod holds right now.
    ///
    /// # Errors
    /// When there is no pod to ask.
    pub async fn read_now(&self, question: Question) -> Result<LocalCut, ReadError> {
        self.ask(|answer| Event::Read {
            at: None,
            question,
            answer,
        })
        .await?
    }

    /// Reads what this pod holds exactly after an entry; waits until it has executed it.
    ///
    /// # Errors
    /// When it is past the entry, or there is no pod to ask.
    pub async fn read_at(&self, index: LogIndex, question: Question) -> Result<LocalCut, ReadError> {
        self.ask(|answer| Event::Read {
            at: Some(index),
            question,
            answer,
        })
        .await?
    }

    /// What this pod held after an entry, ascending by id.
    ///
    /// # Errors
    /// When the history does not hold the entry, or there is no pod to ask.
    pub async fn history(&self, index: LogIndex) -> Result<Arc<[BodyRecord]>, ReadError> {
        self.ask(|answer| Event::History { index, answer }).await?
    }

    /// Some entries and some summaries of the log, each from an index on; none of the kind without one.
    ///
    /// # Errors
    /// When there is no pod to ask.
    pub async fn log(&self, entries: Option<LogIndex>, summaries: Option<LogIndex>) -> Result<LogItems, Unanswered> {
        self.ask(|answer| Event::Log {
            entries,
            summaries,
            answer,
        })
        .await
    }

    fn send(&self, event: Event) -> Result<(), Unanswered> {
        if self.founded.get().is_none() {
            return Err(Unanswered::Starting);
        }
        self.events.try_send(event).map_err(|error| match error {
            TrySendError::Full(_) => Unanswered::Busy,
            TrySendError::Disconnected(_) => Unanswered::Gone,
        })
    }

    async fn ask<T>(&self, event: impl FnOnce(oneshot::Sender<T>) -> Event) -> Result<T, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.send(event(answer))?;
        answered.await.map_err(|_| Unanswered::Gone)
    }
}

impl Mailbox {
    /// From now on the async side can ask.
    pub(crate) fn announce(&self, pod: &Pod, definition: Arc<WorldDefinition>, empty: World) {
        let founded = Founded {
            pod: pod.id(),
            world: pod.world_id(),
            definition,
            empty,
        };
        let first = self.founded.set(founded).is_ok();
        assert!(first, "one mailbox serves one pod");
    }
}
