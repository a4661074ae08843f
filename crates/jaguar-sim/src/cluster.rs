//! A world of simulated pods, its clients and its churn, and the checks of everything that it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use glam::Vec3;
use jaguar_core::{Body, BodyId, JointId};
use jaguar_migration::action::{Action, Summary};
use jaguar_migration::command::{Command, Reply};
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::error::PodError;
use jaguar_migration::id::{LogIndex, PodId, RequestId, Tick, WorldId};
use jaguar_migration::input::{Input, Rate, Tuning};
use jaguar_migration::pod::{Pod, PodConfig, PodStatus};
use jaguar_migration::random::Random;
use jaguar_migration::record::Entry;
use jaguar_migration::replay::Replay;
use jaguar_migration::saved::SavedWorld;
use jaguar_migration::time::Time;
use jaguar_migration::tuning::{TuningChange, WorldTuning};

use crate::network::{Agenda, Network};
use crate::options::Options;
use crate::scenes;
use crate::settings::{Settings, SettingsError};
use crate::snapshots::{self, Snapshots};

/// Simulated time after which a run that has not ended is stuck. Retransmissions wait 1.6 s at the most, so this is dozens of them.
const PATIENCE: Duration = Duration::from_secs(120);

/// Entries after which a run that has not ended runs in a circle. A run has some 100 ticks, and each of a few drains a few dozen steps.
const MOST_ENTRIES: usize = 5_000;

/// The longest time that a stage takes.
const STAGE: Duration = Duration::from_micros(200);

/// What a run found wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The world hash differs from that of the log's replay.
    #[error("{index} ({tick}): the cluster's world hash is {cluster:032x}, the replay's is {replay:032x}")]
    Hash {
        /// The first entry that differs.
        index: LogIndex,
        /// The tick after it.
        tick: Tick,
        /// What the pods computed.
        cluster: u128,
        /// What one world computes.
        replay: u128,
    },
    /// A pod stopped the world.
    #[error("{pod} stopped the world: {reason}")]
    Halted {
        /// The pod.
        pod: PodId,
        /// Its reason.
        reason: String,
    },
    /// The world did not get to its end.
    #[error("nothing more happens; the pods are at {0}")]
    Stuck(String),
    /// A body is missing, or held twice.
    #[error("at the end the pods hold {held} bodies ({distinct} different), one world holds {expected}")]
    Bodies {
        /// Bodies held.
        held: usize,
        /// Different ids among them.
        distinct: usize,
        /// Ids of the replay.
        expected: usize,
    },
    /// The settings of the world are not what was asked for, or not the same everywhere.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Two pods disagree on an entry.
    #[error("two pods know different contents of {0}")]
    Fork(LogIndex),
    /// A snapshot is not the world at its entry, or the world does not go on from it.
    #[error("snapshot {name}: {problem}")]
    Snapshot {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A command was answered twice, not at all, or wrongly.
    #[error("request {request:?}: {problem}")]
    Answer {
        /// The request.
        request: RequestId,
        /// What is wrong.
        problem: String,
    },
    /// Anything that the driver could not do.
    #[error("{0}")]
    Other(String),
}

/// What a good run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Entries in the log.
    pub entries: u64,
    /// Pods that were members at some time.
    pub members: usize,
    /// Pods that left.
    pub left: usize,
    /// Bodies handed over.
    pub handed_over: u64,
    /// Commands answered.
    pub answered: usize,
    /// Changes of the world's settings.
    pub tunings: usize,
    /// Snapshots taken.
    pub snapshots: usize,
    /// Joints made.
    pub joined: usize,
    /// Joints at the end.
    pub joints: usize,
    /// The hash at the end.
    pub hash: u128,
}

enum Event {
    Packet { to: PodId, bytes: Vec<u8> },
    Wake(PodId),
    Churn,
    Command,
    Tune,
    Propose { pod: PodId, change: TuningChange },
    Join { request: RequestId, ask: PodId },
    Snapshot,
    PartStored { pod: PodId, index: LogIndex },
    Heal,
}

struct Simulation {
    options: Options,
    definition: WorldDefinition,
    now: Time,
    agenda: Agenda<Event>,
    network: Network,
    random: Random,
    pods: BTreeMap<PodId, Pod>,
    left: BTreeSet<PodId>,
    members: BTreeSet<PodId>,
    entries: BTreeMap<LogIndex, Arc<Entry>>,
    summaries: BTreeMap<LogIndex, Summary>,
    /// The settings that each pod went by after an entry that it had executed.
    tunings: Vec<(PodId, LogIndex, WorldTuning)>,
    next_request: u64,
    asked: BTreeMap<RequestId, (PodId, Command)>,
    answered: BTreeMap<RequestId, Reply>,
    snapshots: Snapshots,
    /// When each pod wished to be woken at the earliest; it is a little later.
    wakes: BTreeMap<PodId, Time>,
    /// Scripted events that have not happened yet, and joins under way.
    outstanding: u64,
}

/// Simulates a run and checks it against the replay of its log.
///
/// # Errors
/// With the first thing that is wrong.
pub fn run(options: &Options) -> Result<Outcome, Failure> {
    let definition = scenes::rain(options.seed, options.bodies);
    let founder = Pod::found(
        config("pod-1", options),
        WorldId(options.seed),
        definition.clone(),
        false,
        Time::ZERO,
    );
    let start = Replay::new(definition.clone());
    let (outcome, snapshots) = live(options, definition, founder, start)?;
    // In a quarter of the runs, the world goes on from its last snapshot on other pods, disturbed in other ways.
    if let Some(saved) = snapshots.last().filter(|_| options.seed.is_multiple_of(4)) {
        let options = Options {
            ticks: saved.cut.tick.0 + 40,
            snapshots: 1,
            ..Options::draw(options.seed ^ u64::MAX)
        };
        let definition = saved.definition.clone();
        let founder = Pod::restore(
            config("pod-1", &options),
            WorldId(!options.seed),
            saved.clone(),
            false,
            Time::ZERO,
        );
        live(&options, definition, founder, Replay::resume(saved.clone()))?;
    }
    Ok(outcome)
}

/// Simulates a world from its first pod on, and checks it against the replay of its log from the same start.
fn live(
    options: &Options,
    definition: WorldDefinition,
    founder: Result<Pod, PodError>,
    start: Result<Replay, PodError>,
) -> Result<(Outcome, Vec<SavedWorld>), Failure> {
    let other = |error: PodError| Failure::Other(error.to_string());
    let (founder, start) = (founder.map_err(other)?, start.map_err(other)?);
    let mut simulation = Simulation {
        options: options.clone(),
        definition,
        now: Time::ZERO,
        agenda: Agenda::default(),
        network: Network::new(options),
        random: Random::stream(options.seed, 3),
        pods: BTreeMap::from([(founder.id(), founder)]),
        left: BTreeSet::new(),
        members: BTreeSet::from([PodId(1)]),
        entries: BTreeMap::new(),
        summaries: BTreeMap::new(),
        tunings: Vec::new(),
        next_request: 0,
        asked: BTreeMap::new(),
        answered: BTreeMap::new(),
        snapshots: Snapshots::default(),
        wakes: BTreeMap::new(),
        outstanding: 0,
    };
    simulation.script();
    simulation.play()?;
    simulation.check(start)
}

fn config(name: &str, options: &Options) -> PodConfig {
    let world = WorldTuning {
        rate: options.rate_hz.map_or(Rate::Max, Rate::Hz),
        batch: options.batch,
        ..WorldTuning::default()
    };
    let tuning = Tuning {
        world,
        shuffle: options.shuffle.then_some(options.seed),
        // The faults of the network last longer than a peer's patience with a dead one would.
        peer_timeout: Duration::from_secs(100),
        ..Tuning::default()
    };
    PodConfig {
        name: name.to_owned(),
        address: name.to_owned(),
        tuning,
    }
}

impl Simulation {
    /// Plans what happens when. A paced run takes `ticks / 60` seconds; one at full speed may take less, then the rest happens while it is held at its end.
    fn script(&mut self) {
        let length = Duration::from_secs_f64(self.options.ticks as f64 / 60.0);
        let at = |simulation: &mut Self| Time(length.mul_f64(simulation.random.next_unit()));
        let (tick, request) = (Tick(self.options.ticks), self.request());
        self.asked.insert(request, (PodId(1), Command::RunTo(tick)));
        self.input(
            PodId(1),
            Input::Command {
                request,
                command: Command::RunTo(tick),
            },
        );
        self.outstanding = self.options.joins
            + self.options.churn
            + self.options.commands
            + self.options.tunings
            + self.options.snapshots;
        for _ in 0..self.options.joins {
            let request = self.request();
            self.agenda
                .plan(Time(Duration::from_micros(10)), Event::Join { request, ask: PodId(1) });
        }
        for _ in 0..self.options.churn {
            let time = at(self);
            self.agenda.plan(time, Event::Churn);
        }
        for _ in 0..self.options.commands {
            let time = at(self);
            self.agenda.plan(time, Event::Command);
        }
        for _ in 0..self.options.tunings {
            let time = at(self);
            self.agenda.plan(time, Event::Tune);
        }
        for _ in 0..self.options.snapshots {
            let time = at(self);
            self.agenda.plan(time, Event::Snapshot);
        }
        self.agenda.plan(Time(length * 4), Event::Heal);
    }

    fn request(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    fn play(&mut self) -> Result<(), Failure> {
        while let Some((time, event)) = self.agenda.take_next() {
            if time.0 > PATIENCE || self.entries.len() > MOST_ENTRIES {
                break;
            }
            self.now = time;
            match event {
                Event::Packet { to, bytes } => self.input(to, Input::Packet(bytes)),
                Event::Wake(pod) => {
                    self.wakes.remove(&pod);
                    self.input(pod, Input::Timer);
                }
                Event::Churn => {
                    self.outstanding -= 1;
                    self.churn();
                }
                Event::Command => {
                    self.outstanding -= 1;
                    self.command();
                }
                Event::Tune => {
                    self.outstanding -= 1;
                    self.tune();
                }
                Event::Propose { pod, change } => {
                    self.outstanding -= 1;
                    if self.pods.contains_key(&pod) {
                        self.ask(pod, Command::Tune(change));
                    }
                }
                Event::Join { request, ask } => {
                    let ask = if self.pods.contains_key(&ask) {
                        ask
                    } else {
                        self.any_pod()
                    };
                    let name = format!("pod-{}", request.0);
                    self.input(
                        ask,
                        Input::Join {
                            request,
                            name: name.clone(),
                            address: name,
                        },
                    );
                }
                Event::Snapshot => {
                    self.outstanding -= 1;
                    let (pod, name) = (self.any_pod(), format!("s{}", self.next_request));
                    self.ask(pod, Command::Snapshot(name));
                }
                Event::PartStored { pod, index } => {
                    let part = self.snapshots.stored(pod, index);
                    self.input(pod, Input::PartStored { index, part });
                }
                Event::Heal => self.network.heal(),
            }
            self.carry_out()?;
            self.check_cut()?;
            if self.is_over() {
                return Ok(());
            }
        }
        let places = self.pods.iter().map(|(pod, state)| {
            let PodStatus {
                index,
                sealed,
                coordinator,
                draining,
                waits_for,
                ..
            } = state.status();
            format!(
                "{pod}: {index} of {sealed}, coordinator {coordinator}, draining {draining}, waits for {waits_for:?}"
            )
        });
        Err(Failure::Stuck(places.collect::<Vec<_>>().join("; ")))
    }

    /// Whether the last tick is complete, everything asked is answered, and every draining pod has left.
    fn is_over(&self) -> bool {
        let reached = self
            .summaries
            .values()
            .next_back()
            .is_some_and(|last| last.tick.0 >= self.options.ticks);
        let steady = self.pods.values().all(|pod| {
            let status = pod.status();
            status.index == status.sealed && !status.draining
        });
        reached && steady && self.outstanding == 0 && self.asked.len() == self.answered.len() && {
            let last = self.entries.keys().next_back();
            last == self.summaries.keys().next_back()
        }
    }

    /// Whether the pods hold, together and exactly, what the world has, if all of them are between the same two entries.
    fn check_cut(&self) -> Result<(), Failure> {
        let mut pods = self.pods.values();
        let Some(index) = pods.next().map(Pod::executed) else {
            return Ok(());
        };
        let is_cut = self
            .pods
            .values()
            .all(|pod| pod.is_between_entries() && pod.executed() == index);
        let held: usize = self.pods.values().map(|pod| pod.world().len()).sum();
        match self.summaries.get(&index) {
            Some(summary) if is_cut && summary.entities != held as u64 => Err(Failure::Other(format!(
                "after {index} the pods hold {held} bodies between entries, and the world has {}",
                summary.entities
            ))),
            _ => Ok(()),
        }
    }

    fn any_pod(&mut self) -> PodId {
        let at = self.random.next_below(self.pods.len() as u64) as usize;
        *self.pods.keys().nth(at).expect("the world has a pod")
    }

    fn input(&mut self, pod: PodId, input: Input) {
        if let Some(pod) = self.pods.get_mut(&pod) {
            pod.handle(self.now, input);
        }
    }

    fn churn(&mut self) {
        let pod = self.any_pod();
        let staying = self.pods.values().filter(|pod| !pod.status().draining).count();
        match self.random.next_below(5) {
            0 | 1 if staying > 1 => self.input(pod, Input::Drain { farewell: None }),
            2 => self.ask(pod, Command::Succeed),
            3 => self.ask(pod, Command::Rebalance),
            _ => {
                let request = self.request();
                self.outstanding += 1;
                self.agenda.plan(self.now, Event::Join { request, ask: pod });
            }
        }
    }

    fn command(&mut self) {
        let pod = self.any_pod();
        let id = self.any_id();
        let command = match self.random.next_below(8) {
            0 => Command::Despawn(id),
            1 => Command::ApplyImpulse {
                id,
                impulse: Vec3::new(500.0, 900.0, -300.0),
            },
            2 => Command::SetVelocity {
                id,
                velocity: Vec3::new(-3.0, 6.0, 4.0),
                angular_velocity: Vec3::new(0.0, 5.0, 1.0),
            },
            3 => self.unjoin(),
            4..6 => self.join(),
            _ => Command::Spawn(
                (0..1 + self.random.next_below(5))
                    .map(|_| scenes::sphere(&mut self.random))
                    .collect(),
            ),
        };
        self.ask(pod, command);
    }

    /// An id that a body may have, had or never had.
    fn any_id(&mut self) -> BodyId {
        BodyId(self.random.next_below(3 * self.options.bodies) + 1)
    }

    /// Joins a body to the one that is nearest as far as is known now, whoever holds it, to any other or to the world; removes a joint if the joint cannot be.
    fn join(&mut self) -> Command {
        let bodies: Vec<Body> = self.pods.values().flat_map(|pod| pod.world().bodies()).collect();
        let other = self.any_id();
        let random = &mut self.random;
        let Some(first) = bodies.get(random.next_below(bodies.len().max(1) as u64) as usize) else {
            return Command::Unjoin(JointId(other.0));
        };
        let joint = scenes::joint(random, first, &bodies, other);
        let known = self.pods.values().next().expect("the world has a pod");
        match known.world().check_joint(&joint) {
            Ok(()) => Command::Join(joint),
            Err(_) => self.unjoin(),
        }
    }

    /// Removes a joint, or what never was one.
    fn unjoin(&mut self) -> Command {
        let joints: Vec<JointId> = self
            .pods
            .values()
            .flat_map(|pod| pod.world().counted_joints())
            .map(|joint| joint.id)
            .collect();
        let at = self.random.next_below(joints.len() as u64 + 1) as usize;
        let none = JointId(self.any_id().0);
        Command::Unjoin(joints.get(at).copied().unwrap_or(none))
    }

    /// One pod proposes settings; or all propose the same, as when a ConfigMap changes; or two different ones at the same time.
    fn tune(&mut self) {
        let (change, other) = (self.any_change(), self.any_change());
        let proposals: Vec<(PodId, TuningChange)> = match self.random.next_below(3) {
            0 => vec![(self.any_pod(), change)],
            1 => self.pods.keys().map(|&pod| (pod, change)).collect(),
            _ => vec![(self.any_pod(), change), (self.any_pod(), other)],
        };
        self.outstanding += proposals.len() as u64;
        for (pod, change) in proposals {
            self.agenda.plan(self.now, Event::Propose { pod, change });
        }
    }

    fn any_change(&mut self) -> TuningChange {
        let random = &mut self.random;
        // No rate at which a run would take longer than its patience.
        let rates = [Rate::Max, Rate::Hz(30.0), Rate::Hz(60.0), Rate::Hz(240.0)];
        TuningChange {
            rate: (random.next_below(2) == 0).then(|| rates[random.next_below(4) as usize]),
            entity_limit: (random.next_below(2) == 0).then(|| self.options.bodies + random.next_below(100)),
            rebalance: (random.next_below(2) == 0).then(|| random.next_below(2) == 0),
            batch: (random.next_below(2) == 0).then(|| 1 + random.next_below(60) as u32),
            streams: (random.next_below(2) == 0).then(|| 1 + random.next_below(5) as u32),
        }
    }

    fn ask(&mut self, pod: PodId, command: Command) {
        // A pod that drains refuses clients; its driver sees to that.
        if self.pods[&pod].status().draining {
            return;
        }
        let request = self.request();
        self.asked.insert(request, (pod, command.clone()));
        self.input(pod, Input::Command { request, command });
    }

    /// Carries out what the pods ask for.
    fn carry_out(&mut self) -> Result<(), Failure> {
        let ids: Vec<PodId> = self.pods.keys().copied().collect();
        for id in ids {
            while let Some(action) = self.pods.get_mut(&id).and_then(Pod::poll_action) {
                self.act(id, action)?;
            }
        }
        let wishes: Vec<(PodId, Time)> = self
            .pods
            .iter()
            .filter_map(|(&id, pod)| Some((id, pod.next_timeout()?)))
            .collect();
        for (id, wish) in wishes {
            if self.wakes.get(&id).is_none_or(|&planned| wish < planned) {
                self.wakes.insert(id, wish);
                // A stage takes its time, and timers are late.
                let late = Duration::from_micros(5) + STAGE.mul_f64(self.random.next_unit());
                self.agenda.plan(wish.max(self.now) + late, Event::Wake(id));
            }
        }
        Ok(())
    }

    fn act(&mut self, pod: PodId, action: Action) -> Result<(), Failure> {
        match action {
            Action::Send { to, bytes } => {
                for arrival in self.network.deliver(self.now) {
                    self.agenda.plan(
                        arrival,
                        Event::Packet {
                            to,
                            bytes: bytes.clone(),
                        },
                    );
                }
            }
            Action::Connect(member) => {
                self.members.insert(member.pod);
            }
            Action::Disconnect(_) => {}
            Action::Welcome { request, .. } if self.network.deliver(self.now).is_empty() => {
                // The answer is lost; the process asks again.
                let later = self.now + Duration::from_millis(300);
                self.agenda.plan(later, Event::Join { request, ask: pod });
            }
            Action::Welcome { request, bytes } => {
                let config = config(&format!("pod-{}", request.0), &self.options);
                let joined = Pod::join(config, &bytes, self.now).map_err(|error| Failure::Other(error.to_string()))?;
                let id = joined.id();
                self.outstanding -= 1;
                self.members.insert(id);
                self.pods.insert(id, joined);
            }
            Action::Redirect { request, address } => {
                let later = self.now + Duration::from_millis(20);
                let named = self.pods.values().find(|pod| {
                    pod.status()
                        .members
                        .iter()
                        .any(|m| m.pod == pod.id() && m.address == address)
                });
                let ask = named.map_or(pod, Pod::id);
                self.agenda.plan(later, Event::Join { request, ask });
            }
            Action::RefuseJoin { reason, .. } => return Err(Failure::Other(format!("a join was refused: {reason}"))),
            Action::Reply { request, reply } => self.answer(request, reply)?,
            Action::StorePart { index, .. } => {
                self.snapshots.store(pod, index, self.pods[&pod].world().part_bytes());
                // Far longer than a pod needs to leave.
                let later = self.now + Duration::from_millis(self.random.next_below(200));
                self.agenda.plan(later, Event::PartStored { pod, index });
            }
            Action::Executed { index, .. } => {
                let entry = self.pods[&pod].entries(index).next().cloned();
                if let Some(entry) = entry.filter(|entry| entry.index == index)
                    && *self.entries.entry(index).or_insert_with(|| Arc::clone(&entry)) != entry
                {
                    return Err(Failure::Fork(index));
                }
                self.tunings.push((pod, index, self.pods[&pod].tuning()));
            }
            Action::Summary(summary) => {
                if *self.summaries.entry(summary.index).or_insert_with(|| summary.clone()) != summary {
                    return Err(Failure::Fork(summary.index));
                }
            }
            Action::Left => {
                self.left.insert(pod);
                self.pods.remove(&pod);
                // Only a command that waits for a tick may stay without an answer when its pod leaves.
                let answered = &self.answered;
                self.asked.retain(|request, (at, command)| {
                    *at != pod || answered.contains_key(request) || !matches!(command, Command::RunTo(_))
                });
            }
            Action::Tuned { .. } => {}
            Action::Halt { reason } => return Err(Failure::Halted { pod, reason }),
        }
        Ok(())
    }

    fn answer(&mut self, request: RequestId, reply: Reply) -> Result<(), Failure> {
        let wrong = |problem: String| Err(Failure::Answer { request, problem });
        let Some((_, command)) = self.asked.get(&request) else {
            return wrong("was never asked".to_owned());
        };
        let fits = match (command, &reply) {
            (Command::Spawn(bodies), Reply::Spawned { count, .. }) => *count == bodies.len() as u64,
            (
                Command::Despawn(id)
                | Command::ApplyImpulse { id, .. }
                | Command::SetVelocity { id, .. }
                | Command::SetThrust { id, .. },
                Reply::NotFound { id: missing },
            ) => id == missing,
            (Command::Join(joint), Reply::NotFound { id: missing }) => joint.bodies().any(|id| id == *missing),
            (Command::Join(_), Reply::Refused { reason }) => reason.contains("m apart"),
            (Command::Join(_), Reply::Joined { .. }) => true,
            (Command::Unjoin(id), Reply::NoJoint { id: missing }) => id == missing,
            (Command::Succeed | Command::Snapshot(_), Reply::Refused { .. })
            | (Command::Snapshot(_), Reply::Snapshot { .. }) => true,
            // Only where the settings say so: the limit is drawn above what there is at the start.
            (Command::Spawn(bodies), Reply::LimitReached { limit, count, asked }) => {
                *asked == bodies.len() as u64 && count + asked > *limit
            }
            (_, Reply::Done { .. }) => !matches!(command, Command::Spawn(_) | Command::Join(_) | Command::Snapshot(_)),
            _ => false,
        };
        if !fits {
            return wrong(format!("{command:?} was answered {reply:?}"));
        }
        match self.answered.insert(request, reply) {
            Some(_) => wrong("was answered twice".to_owned()),
            None => Ok(()),
        }
    }

    fn check_settings(&self) -> Result<usize, Failure> {
        let asked = self.asked.iter().filter_map(|(request, (_, command))| match command {
            Command::Tune(change) => Some((*request, *change)),
            _ => None,
        });
        let done = |request: &RequestId| match self.answered.get(request) {
            Some(Reply::Done { index, .. }) => Some(*index),
            _ => None,
        };
        let asked: BTreeMap<RequestId, (TuningChange, Option<LogIndex>)> = asked
            .map(|(request, change)| (request, (change, done(&request))))
            .collect();
        let first = config("", &self.options).tuning.world;
        let settings = Settings::follow(first, self.entries.values(), &asked)?;
        settings.check(&asked, &self.tunings)?;
        Ok(settings.changes())
    }

    /// Compares everything that the cluster said with a replay of its log on one world.
    fn check(&self, mut replay: Replay) -> Result<(Outcome, Vec<SavedWorld>), Failure> {
        let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
        let mut saved = Vec::new();
        let mut known: BTreeSet<JointId> = replay.world().joints().iter().map(|joint| joint.id).collect();
        for (index, entry) in &self.entries {
            let hash = replay.apply(entry).map_err(|error| other(&error))?.0;
            let Some(summary) = self.summaries.get(index) else {
                return Err(Failure::Other(format!("nobody summed {index} up")));
            };
            if summary.hash != hash {
                return Err(Failure::Hash {
                    index: *index,
                    tick: summary.tick,
                    cluster: summary.hash,
                    replay: hash,
                });
            }
            let joints = replay.world().counted_joints().count() as u64;
            if summary.joints != joints {
                return Err(Failure::Other(format!(
                    "after {index} the pods count {} joints, one world has {joints}",
                    summary.joints
                )));
            }
            let taken = self.answered.values().find_map(|reply| match reply {
                Reply::Snapshot { cut, parts } if cut.index == *index => Some((cut, parts)),
                _ => None,
            });
            if let Some((cut, parts)) = taken {
                let snapshot = self.snapshots.restored(&self.definition, cut, parts)?;
                snapshots::compare(&snapshot, &replay)?;
                saved.push(snapshot);
            }
        }
        for snapshot in &saved {
            snapshots::go_on(snapshot, &self.entries, &self.summaries)?;
        }
        let held: Vec<BodyId> = self.pods.values().flat_map(|pod| pod.world().ids()).collect();
        let distinct: BTreeSet<BodyId> = held.iter().copied().collect();
        let expected: BTreeSet<BodyId> = replay.world().ids().collect();
        if held.len() != distinct.len() || distinct != expected {
            return Err(Failure::Bodies {
                held: held.len(),
                distinct: distinct.len(),
                expected: expected.len(),
            });
        }
        let joined = self.answered.values().filter_map(|reply| match reply {
            Reply::Joined { id, .. } => Some(*id),
            _ => None,
        });
        let joined: Vec<JointId> = joined.collect();
        known.extend(&joined);
        if let Some(joint) = replay.world().joints().iter().find(|joint| !known.contains(&joint.id)) {
            return Err(Failure::Other(format!(
                "joint {} is there, and its client was told that it is not",
                joint.id.0
            )));
        }
        let outcome = Outcome {
            joined: joined.len(),
            joints: replay.world().joints().len(),
            entries: self.entries.len() as u64,
            members: self.members.len(),
            left: self.left.len(),
            handed_over: self.summaries.values().next_back().map_or(0, |last| last.handed_over),
            answered: self.answered.len(),
            tunings: self.check_settings()?,
            snapshots: saved.len(),
            hash: replay.world().hash().0,
        };
        Ok((outcome, saved))
    }
}
