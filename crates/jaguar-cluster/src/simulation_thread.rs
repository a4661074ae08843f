//! The bridge between the async side and the world: one thread owns the pod, and events, actions and answers cross through channels.
//!
//! The thread never waits for the async side. It takes an event or the timer, lets the pod go as far as it can, carries out the pod's actions, and answers the
//! reads whose entry has been reached. Everything it measures of itself (load, tick rate, times) is in `meter.rs`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use jaguar_core::{World, WorldConfig};
use jaguar_metrics::{Health, Metrics, Phase};
use jaguar_migration::action::Action;
use jaguar_migration::command::Reply;
use jaguar_migration::id::{LogIndex, RequestId, Tick};
use jaguar_migration::input::{self, Input};
use jaguar_migration::pod::Pod;
use jaguar_migration::time::Time;
use jaguar_migration::trace::TARGET;
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, error, info, warn};

use crate::convert::PodAnswer;
use crate::history::History;
use crate::limits::{EVENTS_PER_ROUND, LOG_ITEMS_PER_FETCH, READS_WAITING};
use crate::meter::{Executed, Meter};
use crate::peer::PeerStreams;
use crate::query::{self, LocalCut, Question};
use crate::simulation::{Event, Farewell, JoinAnswer, LogItems, Mailbox, PartToStore, Progress, ReadError, Stage};
use crate::tuning::{Difference, differences};

/// Longest time without a sign of life, for the liveness probe: even a paused world's thread wakes up so often.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);

/// How the simulation thread works.
#[derive(Clone)]
pub struct Options {
    /// Threads that simulate, at least 1; this thread is one of them.
    pub threads: usize,
    /// Entries whose bodies are kept for `GetBodiesAt`.
    pub history_entries: usize,
    /// Where the thread's measurements go.
    pub metrics: Arc<Metrics>,
    /// Where parts of snapshots go. At most one is on its way: the protocol takes one snapshot at a time.
    pub parts: mpsc::UnboundedSender<PartToStore>,
    /// Where the thread shows that it lives, and what it does.
    pub health: Health,
}

/// Why the simulation thread did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gave no thread; raise its limits.
    #[error("cannot start the simulation thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The definition does not make a world; whoever made the pod has checked another one.
    #[error("the world's definition is not valid: {0}")]
    World(#[from] jaguar_core::error::WorldError),
}

/// Starts the thread. It ends when the pod has left or every [`crate::simulation::Simulation`] is gone.
///
/// # Errors
/// When the system gives no thread.
pub fn start(
    mailbox: Mailbox,
    pod: Pod,
    clock: Clock,
    peers: PeerStreams,
    options: Options,
) -> Result<JoinHandle<()>, StartError> {
    let definition = Arc::new(pod.definition().clone());
    let empty = World::new(WorldConfig {
        hulls: definition.hulls.clone(),
        ..WorldConfig::new(definition.params.clone())
    })?;
    mailbox.announce(&pod, definition, empty);
    let thread = std::thread::Builder::new()
        .name("simulation".to_owned())
        .spawn(move || {
            // The thread is a member of its own pool, so that a tick on one thread never changes threads.
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(options.threads.max(1))
                .thread_name(|number| format!("simulation-{number}"))
                .use_current_thread()
                .build();
            if let Err(reason) = &pool {
                warn!(threads = options.threads, %reason, "no pool of simulation threads; the default one serves");
            }
            Driver::new(mailbox, pod, clock, peers, options).run();
        })?;
    Ok(thread)
}

/// The pod's clock: time since a start that all its inputs share.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time now.
    pub fn now(self) -> Time {
        Time(self.0.elapsed())
    }
}

/// A read that waits for its entry.
struct WaitingRead {
    at: LogIndex,
    /// Whether an earlier one would do, if that one never comes.
    soon: bool,
    question: Question,
    answer: oneshot::Sender<Result<LocalCut, ReadError>>,
}

struct Driver {
    pod: Pod,
    clock: Clock,
    events: Receiver<Event>,
    progress: watch::Sender<Progress>,
    /// The stage, for the async side.
    told: watch::Sender<Stage>,
    peers: PeerStreams,
    next_request: u64,
    commands: FxHashMap<RequestId, oneshot::Sender<Reply>>,
    joins: FxHashMap<RequestId, oneshot::Sender<JoinAnswer>>,
    reads: VecDeque<WaitingRead>,
    parts: mpsc::UnboundedSender<PartToStore>,
    history: History,
    meter: Meter,
    health: Health,
    stage: Stage,
    /// The last entry that the whole world is known to have executed.
    summary: LogIndex,
    /// Whether the async side knows this pod as the coordinator.
    coordinates: bool,
}

impl Driver {
    fn new(mailbox: Mailbox, pod: Pod, clock: Clock, peers: PeerStreams, options: Options) -> Self {
        let meter = Meter::new(options.metrics, pod.tuning().rate, pod.definition().params.tick_rate);
        Self {
            pod,
            clock,
            events: mailbox.events,
            progress: mailbox.progress,
            told: mailbox.stage,
            peers,
            next_request: 1,
            commands: FxHashMap::default(),
            joins: FxHashMap::default(),
            reads: VecDeque::new(),
            parts: options.parts,
            history: History::new(options.history_entries),
            meter,
            health: options.health,
            stage: Stage::Starting,
            summary: LogIndex(0),
            coordinates: false,
        }
    }

    fn run(mut self) {
        self.carry_out_actions();
        self.become_member();
        while self.stage != Stage::Left {
            self.health.beat(Instant::now());
            let Some(event) = self.wait() else {
                return;
            };
            match event {
                Some(event) => self.take(event),
                None => self.give(Input::Timer),
            }
            for _ in 1..EVENTS_PER_ROUND {
                let Ok(event) = self.events.try_recv() else { break };
                self.take(event);
            }
        }
    }

    /// The next event, or none when the timer is due; nothing at all when nobody can send any more.
    fn wait(&mut self) -> Option<Option<Event>> {
        let now = self.clock.now();
        let wait = self
            .pod
            .next_timeout()
            .map_or(LONGEST_SILENCE, |due| due.since(now).min(LONGEST_SILENCE));
        if wait == Duration::ZERO {
            return Some(None);
        }
        match self.events.recv_timeout(wait) {
            Ok(event) => Some(Some(event)),
            Err(RecvTimeoutError::Timeout) => {
                self.meter.idle(self.clock.now());
                Some(None)
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Packet(bytes) => self.give(Input::Packet(bytes)),
            Event::Command { command, answer } => {
                let request = self.number();
                self.commands.insert(request, answer);
                self.give(Input::Command { request, command });
            }
            Event::Join { name, address, answer } => {
                let request = self.number();
                self.joins.insert(request, answer);
                self.give(Input::Join { request, name, address });
            }
            Event::Drain { farewell } => {
                if matches!(self.stage, Stage::Starting | Stage::Serving) {
                    self.health.enter(Phase::Draining);
                    self.enter(Stage::Draining);
                }
                let farewell = farewell.map(|Farewell { name, answer }| {
                    let request = self.number();
                    self.commands.insert(request, answer);
                    input::Farewell { request, name }
                });
                self.give(Input::Drain { farewell });
            }
            Event::DrainOverdue { answer } => {
                error!(
                    held = self.pod.world().len(),
                    "this pod could not give everything away in time"
                );
                self.count_failed_migrations();
                // It is of use to nobody else.
                let _ = answer.send(());
            }
            Event::Halt(reason) => self.give(Input::Halt(reason)),
            Event::PartStored { index, part } => self.give(Input::PartStored { index, part }),
            Event::Read { at, question, answer } => self.read(at, question, answer),
            Event::History { index, answer } => drop(answer.send(self.history.at(index))),
            Event::Status { answer } => drop(answer.send(PodAnswer {
                status: self.pod.status(),
                tick_rate_hz: self.meter.tick_rate_hz(self.clock.now()),
            })),
            Event::Log {
                entries,
                summaries,
                answer,
            } => drop(answer.send(self.log_items(entries, summaries))),
        }
    }

    fn number(&mut self) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        request
    }

    fn give(&mut self, input: Input) {
        let begin = self.clock.now();
        self.pod.handle(begin, input);
        self.meter
            .worked(begin, self.clock.now(), self.pod.executed(), self.pod.sealed());
        self.carry_out_actions();
    }

    fn carry_out_actions(&mut self) {
        let mut changed = self.coordinates != self.pod.coordinates();
        self.coordinates = self.pod.coordinates();
        while let Some(action) = self.pod.poll_action() {
            changed |= self.carry_out(action);
        }
        if changed {
            self.publish();
        }
    }

    /// Whether the progress has changed.
    fn carry_out(&mut self, action: Action) -> bool {
        match action {
            Action::Send { to, bytes } => {
                self.meter.sent(bytes.len());
                self.peers.send(to, bytes);
            }
            Action::Connect(member) => self.peers.connect(&member),
            Action::Disconnect(pod) => self.peers.disconnect(pod),
            Action::Welcome { request, bytes } => self.answer_join(request, JoinAnswer::Welcome(bytes)),
            Action::Redirect { request, address } => self.answer_join(request, JoinAnswer::Redirect(address)),
            Action::RefuseJoin { request, reason } => self.answer_join(request, JoinAnswer::Refused(reason)),
            Action::Reply { request, reply } => {
                if let Some(answer) = self.commands.remove(&request) {
                    // A client that has gone away wants no answer.
                    drop(answer.send(reply));
                }
            }
            Action::StorePart { index, name } => self.store_part(index, name),
            Action::Executed {
                index,
                advanced,
                handed_over,
                left,
                ..
            } => {
                let coordinates = self.pod.coordinates();
                let entry = Executed {
                    index,
                    advanced,
                    handed_over,
                    left: if coordinates { left } else { 0 },
                };
                let load = self.meter.executed(self.clock.now(), entry, self.pod.world());
                self.meter.coordinates(coordinates);
                self.pod.note_load(load);
                self.history.record(index, self.pod.world());
                self.become_member();
                self.answer_reads(index);
                return true;
            }
            Action::Tuned { tick, old, new } => {
                for Difference { key, old, new } in differences(&old, &new) {
                    info!(
                        key,
                        old,
                        new,
                        tick = tick.0,
                        "the world has agreed on a change of its settings"
                    );
                }
                self.meter.set_rate(new.rate);
            }
            Action::Summary(summary) => {
                self.meter.summarised(&summary, self.pod.id());
                self.summary = summary.index;
                return true;
            }
            Action::Left => {
                // Only a pod that coordinates to the last still holds anything: everybody else has left or is leaving with it.
                let entities = self.pod.world().len();
                if entities > 0 && self.pod.status().halted.is_none() {
                    let tick = self.pod.world().tick();
                    warn!(
                        entities,
                        tick, "the world ends with its last pod; its entities are in a snapshot or nowhere"
                    );
                } else {
                    info!("this pod owns nothing any more and has left the world");
                }
                self.health.enter(Phase::Left);
                self.enter(Stage::Left);
            }
            Action::Halt { reason } => {
                error!(%reason, "the world has halted; this pod stays up for reads");
                tracing::info_span!(target: TARGET, "halt", reason, otel.status_code = "ERROR");
                self.meter.halted();
                self.count_failed_migrations();
                self.health.halt(reason.as_str());
                self.enter(Stage::Halted(reason.into()));
                self.answer_what_can_be_answered();
            }
        }
        false
    }

    fn count_failed_migrations(&mut self) {
        let (under_way, leaves) = (self.pod.handing_over(), self.pod.is_leaving());
        self.meter.migrations_failed(under_way, leaves, self.pod.world().len());
    }

    /// Copies this pod's part of a snapshot for the async side, which stores it while the world goes on.
    fn store_part(&mut self, index: LogIndex, name: String) {
        let begin = self.clock.now();
        let bytes = self.pod.world().part_bytes();
        self.meter.copied(self.clock.now().since(begin));
        let part = PartToStore { name, index, bytes };
        if self.parts.send(part).is_err() {
            let part = Err("this pod is about to end".to_owned());
            self.give(Input::PartStored { index, part });
        }
    }

    fn answer_join(&mut self, request: RequestId, with: JoinAnswer) {
        if let Some(answer) = self.joins.remove(&request) {
            drop(answer.send(with));
        }
    }

    /// A founder is a member from the start, a pod that joins from the entry on that lets it in.
    fn become_member(&mut self) {
        if self.stage == Stage::Starting && self.pod.is_member() {
            self.health.enter(Phase::Member);
            self.enter(Stage::Serving);
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.told.send_replace(stage.clone());
        self.stage = stage;
    }

    fn publish(&self) {
        self.progress.send_replace(Progress {
            index: self.pod.executed(),
            tick: Tick(self.pod.world().tick()),
            sealed: self.pod.sealed(),
            paused: self.pod.is_paused(),
            summary: self.summary,
            coordinates: self.coordinates,
            entities: self.pod.world().len(),
        });
    }

    fn read(&mut self, at: Option<LogIndex>, question: Question, answer: oneshot::Sender<Result<LocalCut, ReadError>>) {
        let here = self.pod.executed();
        // In the middle of an entry the world is that of no entry: bodies are on their way. Where a world has halted, that is how it stays.
        let is_whole = self.pod.is_between_entries() || matches!(self.stage, Stage::Halted(_));
        let next_whole = if is_whole { here } else { here.next() };
        let soon = at.is_none();
        let at = at.unwrap_or(next_whole);
        if at == here && is_whole {
            drop(answer.send(Ok(self.cut(&question))));
        } else if at < next_whole {
            let here = next_whole;
            drop(answer.send(Err(ReadError::Past { asked: at, here })));
        } else if self.reads.len() == READS_WAITING {
            drop(answer.send(Err(ReadError::Busy)));
        } else {
            self.reads.retain(|read| !read.answer.is_closed());
            self.reads.push_back(WaitingRead {
                at,
                soon,
                question,
                answer,
            });
        }
    }

    fn answer_reads(&mut self, index: LogIndex) {
        for _ in 0..self.reads.len() {
            let Some(read) = self.reads.pop_front() else { return };
            if read.at > index {
                self.reads.push_back(read);
            } else if read.at == index {
                drop(read.answer.send(Ok(self.cut(&read.question))));
            } else {
                let error = ReadError::Past {
                    asked: read.at,
                    here: index,
                };
                drop(read.answer.send(Err(error)));
            }
        }
    }

    /// No further entry will be executed.
    fn answer_what_can_be_answered(&mut self) {
        let (soon, exactly): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.reads).into_iter().partition(|read| read.soon);
        self.reads = exactly;
        for read in soon {
            drop(read.answer.send(Ok(self.cut(&read.question))));
        }
    }

    fn cut(&self, question: &Question) -> LocalCut {
        let status = self.pod.status();
        let world: &World = self.pod.world();
        LocalCut {
            index: status.index,
            tick: status.tick,
            members: status.members,
            found: query::ask(world, question),
        }
    }

    fn log_items(&self, entries: Option<LogIndex>, summaries: Option<LogIndex>) -> LogItems {
        let entries = entries
            .into_iter()
            .flat_map(|from| self.pod.entries(from).take(LOG_ITEMS_PER_FETCH));
        let summaries = summaries
            .into_iter()
            .flat_map(|from| self.pod.summaries(from).take(LOG_ITEMS_PER_FETCH));
        LogItems {
            entries: entries.cloned().collect(),
            summaries: summaries.cloned().collect(),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.health.simulation_ended();
        debug!("the simulation thread ends");
    }
}
