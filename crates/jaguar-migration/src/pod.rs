//! One pod of a world: composes links, log, lockstep and, on the coordinator, the sequencer. Sans-I/O.
//!
//! The contract, as in quinn-proto: give inputs with a time that never goes back ([`Pod::handle`]); after each, carry out all actions in order ([`Pod::poll_action`]); give
//! [`Input::Timer`] when [`Pod::next_timeout`] has come. A call runs one stage of one entry at the most, so that what a stage sends goes out before the next one computes, and an entry's
//! result can be read between two calls.

mod leaving;
mod status;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jaguar_core::{BodyId, World};
use jaguar_partition::OwnershipMap;

use self::leaving::Leaving;
pub use self::status::PodStatus;
use crate::action::{Action, Summary};
use crate::command::{Command, Reply};
use crate::definition::WorldDefinition;
use crate::envelope::{self, Packet};
use crate::error::{PacketError, PodError};
use crate::id::{Epoch, LogIndex, PodId, RequestId, Tick, WorldId};
use crate::input::{Farewell, Input, Tuning};
use crate::link::{Era, Link};
use crate::lockstep::{Lockstep, Progress};
use crate::log::Log;
use crate::message::{Message, Report, Welcome};
use crate::record::{Entry, Member, Origin, Record};
use crate::saved::SavedWorld;
use crate::sequencer::{Circumstances, JoinRequest, Sequencer, Verdict};
use crate::time::Time;

/// Who a pod is and how it behaves.
#[derive(Clone, Debug)]
pub struct PodConfig {
    /// Name for people.
    pub name: String,
    /// What peers dial, `host:port`.
    pub address: String,
    /// Settings that may change later.
    pub tuning: Tuning,
}

impl PodConfig {
    fn member(&self, pod: PodId) -> Member {
        Member {
            pod,
            name: self.name.clone(),
            address: self.address.clone(),
        }
    }
}

/// The state machine of one pod.
#[derive(Debug)]
pub struct Pod {
    me: PodId,
    era: Era,
    tuning: Tuning,
    definition: WorldDefinition,
    world: World,
    members: BTreeMap<PodId, Member>,
    links: BTreeMap<PodId, Link>,
    /// Links to pods that have left, kept for a while so that their last packets are acknowledged.
    lingering: BTreeMap<PodId, Time>,
    log: Log,
    lockstep: Lockstep,
    /// Coordinators by the first entry that they seal.
    coordinators: Vec<(LogIndex, PodId)>,
    /// The coordinator's role, if this pod has it.
    sequencer: Option<Sequencer>,
    /// Welcomes whose receiver has not been heard of, by its address: it asks again when the answer was lost, and must not become two members.
    welcomes: BTreeMap<String, (PodId, Vec<u8>)>,
    /// Commands and reports that came before the role did.
    early: Vec<(PodId, Message)>,
    /// Messages of this pod to itself.
    to_self: VecDeque<Message>,
    leaving: Leaving,
    /// The snapshot to take if the world ends with this pod.
    farewell: Option<Farewell>,
    /// Clients' commands that are not answered yet, but for those that wait for a tick to come.
    unanswered: BTreeSet<RequestId>,
    halted: Option<String>,
    paused: bool,
    load: f32,
    actions: VecDeque<Action>,
    /// Whether a stage may be able to run without a further input.
    more_work: bool,
    last_input: Time,
}

impl Pod {
    /// Founds a world: the first pod, which coordinates it. `identity` must never have been a world's before.
    ///
    /// # Errors
    /// When the definition does not make a world.
    pub fn found(
        config: PodConfig,
        identity: WorldId,
        definition: WorldDefinition,
        paused: bool,
        now: Time,
    ) -> Result<Self, PodError> {
        let me = PodId(1);
        let world = World::new(definition.config())?;
        for (id, body) in &definition.bodies {
            world
                .check(body)
                .map_err(|reason| PodError::Body { id: id.0, reason })?;
        }
        for (id, joint) in definition.joints_with_ids() {
            world
                .check_joint(joint)
                .map_err(|reason| PodError::Joint { id: id.0, reason })?;
        }
        let member = config.member(me);
        let tuning = config.tuning.world;
        let sequencer = Sequencer::found(member.clone(), &definition, tuning, paused, now);
        let welcome = Welcome {
            world: identity,
            epoch: Epoch(1),
            pod: me,
            last: LogIndex(0),
            tick: Tick(0),
            members: vec![member],
            map: OwnershipMap::single(me),
            coordinator: me,
            max_radius: 0.0,
            paused,
            tuning,
            definition,
        };
        Ok(Self {
            sequencer: Some(sequencer),
            ..Self::enter(config, welcome, world, now)
        })
    }

    /// Founds a world that goes on from a snapshot: the first pod, which holds all of it. It is paused if it was, or if the caller says so. `identity` is a new one: pods of the
    /// world that was saved may still live. The settings are the caller's, as of any founder.
    ///
    /// # Errors
    /// When the snapshot is not the world that was saved.
    pub fn restore(
        config: PodConfig,
        identity: WorldId,
        saved: SavedWorld,
        paused: bool,
        now: Time,
    ) -> Result<Self, PodError> {
        let me = PodId(1);
        let world = saved.world()?;
        let member = config.member(me);
        let paused = paused || saved.cut.paused;
        let tuning = config.tuning.world;
        let sequencer = Sequencer::restore(member.clone(), &saved, &world, tuning, paused, now);
        let welcome = Welcome {
            world: identity,
            epoch: Epoch(1),
            pod: me,
            last: saved.cut.index,
            tick: saved.cut.tick,
            members: vec![member],
            map: OwnershipMap::single(me),
            coordinator: me,
            max_radius: world.max_radius(),
            paused,
            tuning,
            definition: saved.definition,
        };
        Ok(Self {
            sequencer: Some(sequencer),
            ..Self::enter(config, welcome, world, now)
        })
    }

    /// Joins a world with the bytes that [`Action::Welcome`] carried.
    ///
    /// # Errors
    /// When the bytes are not a welcome of this version.
    pub fn join(config: PodConfig, welcome: &[u8], now: Time) -> Result<Self, PodError> {
        let welcome: Welcome = envelope::open("welcome", welcome)?;
        let mut world = World::new(welcome.definition.config())?;
        world.start_at(
            welcome.tick.0,
            BodyId(welcome.definition.first_free_id()),
            welcome.max_radius,
        );
        Ok(Self::enter(config, welcome, world, now))
    }

    fn enter(config: PodConfig, welcome: Welcome, world: World, now: Time) -> Self {
        let me = welcome.pod;
        let mut pod = Self {
            me,
            era: Era {
                world: welcome.world,
                epoch: welcome.epoch,
            },
            tuning: Tuning {
                world: welcome.tuning,
                ..config.tuning
            },
            definition: welcome.definition,
            world,
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            lingering: BTreeMap::new(),
            log: Log::after(welcome.last, welcome.tick),
            lockstep: Lockstep::new(me, welcome.last, welcome.map),
            coordinators: vec![(LogIndex(0), welcome.coordinator)],
            sequencer: None,
            welcomes: BTreeMap::new(),
            early: Vec::new(),
            to_self: VecDeque::new(),
            leaving: Leaving::No,
            farewell: None,
            unanswered: BTreeSet::new(),
            halted: None,
            paused: welcome.paused,
            load: 0.0,
            actions: VecDeque::new(),
            more_work: true,
            last_input: now,
        };
        for member in welcome.members {
            pod.meet(member, now);
        }
        pod
    }

    /// Takes an input. Times must not go back.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.forgive_own_sleep(now);
        match input {
            Input::Packet(bytes) => {
                if let Err(error) = self.receive(now, &bytes) {
                    tracing::debug!(%error, "packet dropped");
                }
            }
            Input::Join { request, name, address } => self.ask_to_join(request, name, address),
            Input::Command { request, command } => self.command(request, command),
            Input::Drain { farewell } => self.drain(farewell),
            Input::PartStored { index, part } => {
                let (pod, coordinator) = (self.me, self.coordinator());
                self.send_or_keep(coordinator, Message::PartStored { pod, index, part });
            }
            Input::Halt(reason) => self.halt(reason),
            Input::Timer => {}
        }
        self.work(now);
        self.flush(now);
    }

    /// The next action to carry out.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to give [`Input::Timer`] at the latest; a time that has passed means at once.
    pub fn next_timeout(&self) -> Option<Time> {
        if self.more_work {
            return Some(Time::ZERO);
        }
        let links = self.links.values().map(|link| link.next_timeout(self.tuning.heartbeat));
        let silence = self.links.iter().filter(|(pod, _)| self.members.contains_key(pod));
        let silence = silence.map(|(_, link)| link.last_heard + self.tuning.peer_timeout);
        let running = self.halted.is_none();
        let sequencer = self.sequencer.as_ref().filter(|_| running);
        let seal = sequencer.and_then(Sequencer::next_timeout);
        let leave = match self.leaving {
            Leaving::Flushing(until) => Some(until),
            _ => None,
        };
        let linger = self.lingering.values().copied();
        links
            .chain(silence.filter(|_| running))
            .chain(seal)
            .chain(leave)
            .chain(linger)
            .min()
    }

    /// Notes the driver's measurement of the share of the tick budget used; goes into the next reports.
    pub fn note_load(&mut self, load: f32) {
        self.load = load;
    }

    /// The pod that seals the entries after the newest one known here.
    fn coordinator(&self) -> PodId {
        self.coordinators.last().map_or(self.me, |&(_, pod)| pod)
    }

    /// The pod that sealed an entry, which collects its reports.
    fn coordinator_of(&self, index: LogIndex) -> PodId {
        let at = self.coordinators.iter().rposition(|&(first, _)| first <= index);
        at.map_or(self.me, |at| self.coordinators[at].1)
    }

    /// A pod that did not run (a long stage, a stopped process) cannot blame its peers for the silence.
    fn forgive_own_sleep(&mut self, now: Time) {
        // A timer comes once a heartbeat, and on a real clock always a little late: that is no sleep.
        let asleep = (self.tuning.heartbeat + self.tuning.peer_timeout) / 2;
        if now.since(self.last_input) > asleep {
            for link in self.links.values_mut() {
                link.last_heard = now;
            }
        }
        self.last_input = now;
    }

    fn meet(&mut self, member: Member, now: Time) {
        if member.pod != self.me {
            self.links
                .insert(member.pod, Link::new(self.era, self.me, member.pod, now));
            self.actions.push_back(Action::Connect(member.clone()));
        }
        self.members.insert(member.pod, member);
    }

    fn receive(&mut self, now: Time, bytes: &[u8]) -> Result<(), PacketError> {
        let packet = Packet::decode(bytes)?;
        let (from, to) = (PodId(packet.from), PodId(packet.to));
        let (world, found) = (WorldId(packet.world), Epoch(packet.epoch));
        let own = self.era;
        // First: the numbers of pods mean nothing in another world.
        if world != own.world {
            return Err(PacketError::World {
                from,
                found: world,
                own: own.world,
            });
        }
        if to != self.me {
            return Err(PacketError::Addressee { to, own: self.me });
        }
        if found != own.epoch {
            return Err(PacketError::Epoch {
                from,
                found,
                own: own.epoch,
            });
        }
        let Some(link) = self.links.get_mut(&from) else {
            return Err(PacketError::Stranger { from });
        };
        self.welcomes.retain(|_, (pod, _)| *pod != from);
        for bytes in link.receive(&packet, now) {
            match envelope::from_bytes("message", &bytes) {
                Ok(message) => self.dispatch(now, from, message),
                // The packet was intact, so the sender runs other code; to go on without the message would be wrong.
                Err(error) => self.halt(format!("{from} sent what this version cannot read: {error}")),
            }
        }
        self.more_work = true;
        Ok(())
    }

    fn send(&mut self, to: PodId, message: &Message) {
        if let Some(link) = self.links.get_mut(&to) {
            link.push(envelope::to_bytes(message));
        }
    }

    fn send_or_keep(&mut self, to: PodId, message: Message) {
        if to == self.me {
            self.to_self.push_back(message);
        } else {
            self.send(to, &message);
        }
    }

    /// Sends to all members but this pod.
    fn broadcast(&mut self, message: &Message) {
        let bytes = envelope::to_bytes(message);
        for (pod, link) in &mut self.links {
            if self.members.contains_key(pod) {
                link.push(bytes.clone());
            }
        }
    }

    fn dispatch(&mut self, now: Time, from: PodId, message: Message) {
        match message {
            Message::Entry(entry) => self.learn_entry(now, Arc::new(entry)),
            Message::Boundary { index, boundary } => self.lockstep.receive_boundary(from, index, boundary),
            Message::Velocities {
                index,
                substep,
                velocities,
            } => {
                self.lockstep.receive_velocities(from, index, substep, velocities);
            }
            Message::Summary(summary) => self.learn_summary(summary),
            Message::Reply { request, reply } => {
                self.unanswered.remove(&request);
                self.actions.push_back(Action::Reply { request, reply });
                self.ask_to_leave();
            }
            Message::Succession(sequencer) => self.take_over(now, *sequencer),
            Message::End => self.leave(now),
            Message::Halt(reason) => self.halt(reason),
            Message::Report(_) | Message::Command { .. } | Message::PartStored { .. } | Message::Drain(_) => {
                self.give_to_sequencer(from, message);
            }
        }
    }

    /// Gives a message to the coordinator's role, wherever it is.
    fn give_to_sequencer(&mut self, from: PodId, message: Message) {
        let Some(sequencer) = &mut self.sequencer else {
            let coordinator = self.coordinator();
            if coordinator == self.me {
                self.early.push((from, message));
            } else {
                self.send(coordinator, &message);
            }
            return;
        };
        let verdicts = match message {
            Message::Report(report) => sequencer.report(from, report, &self.definition, &self.world),
            Message::Command { origin, command } => sequencer.command(origin, command),
            Message::PartStored { pod, index, part } => sequencer.part_stored(pod, index, part),
            Message::Drain(pod) => {
                sequencer.drain(pod, self.me);
                Vec::new()
            }
            _ => Vec::new(),
        };
        self.carry_out(verdicts);
    }

    fn carry_out(&mut self, verdicts: Vec<Verdict>) {
        for verdict in verdicts {
            match verdict {
                Verdict::Reply(origin, reply) => {
                    self.send_or_keep(
                        origin.pod,
                        Message::Reply {
                            request: origin.request,
                            reply,
                        },
                    );
                }
                Verdict::Summary(summary) => {
                    let message = Message::Summary(summary);
                    self.broadcast(&message);
                    self.to_self.push_back(message);
                }
                Verdict::Halt(reason) => self.halt(reason),
            }
        }
    }

    fn ask_to_join(&mut self, request: RequestId, name: String, address: String) {
        if let Some(reason) = &self.halted {
            let reason = format!("the world has stopped: {reason}");
            self.actions.push_back(Action::RefuseJoin { request, reason });
            return;
        }
        if let Some((_, bytes)) = self.welcomes.get(&address) {
            let bytes = bytes.clone();
            self.actions.push_back(Action::Welcome { request, bytes });
            return;
        }
        let coordinator = self.coordinator();
        match &mut self.sequencer {
            Some(sequencer) if coordinator == self.me => {
                if let Err(reason) = sequencer.join(JoinRequest { request, name, address }) {
                    self.actions.push_back(Action::RefuseJoin { request, reason });
                }
            }
            _ => self.redirect(request),
        }
    }

    fn redirect(&mut self, request: RequestId) {
        let address = self
            .members
            .get(&self.coordinator())
            .map(|member| member.address.clone())
            .unwrap_or_default();
        self.actions.push_back(Action::Redirect { request, address });
    }

    fn command(&mut self, request: RequestId, command: Command) {
        if let Some(reason) = self.halted.clone() {
            self.actions.push_back(Action::Reply {
                request,
                reply: Reply::Halted { reason },
            });
            return;
        }
        if !matches!(command, Command::Step(_) | Command::RunTo(_)) {
            self.unanswered.insert(request);
        }
        let origin = Origin { pod: self.me, request };
        let coordinator = self.coordinator();
        self.send_or_keep(coordinator, Message::Command { origin, command });
    }

    fn halt(&mut self, reason: String) {
        if self.halted.is_none() {
            self.halted = Some(reason.clone());
            // Whoever hears this first is not the only one who must know, and should not have to find out by a silence.
            self.broadcast(&Message::Halt(reason.clone()));
            self.actions.push_back(Action::Halt { reason });
        }
    }

    /// A new entry of the log is known.
    fn learn_entry(&mut self, now: Time, entry: Arc<Entry>) {
        if !self.log.push(Arc::clone(&entry)) {
            self.halt(format!(
                "{} does not continue the log after {}",
                entry.index,
                self.log.last()
            ));
            return;
        }
        self.paused = !entry.advance;
        for record in &entry.records {
            match record {
                Record::Join(member) if !self.members.contains_key(&member.pod) => self.meet(member.clone(), now),
                Record::Coordinator(pod) => self.coordinators.push((entry.index.next(), *pod)),
                _ => {}
            }
        }
    }

    fn learn_summary(&mut self, summary: Summary) {
        self.log.push_summary(summary.clone());
        self.actions.push_back(Action::Summary(summary));
    }

    fn take_over(&mut self, now: Time, mut sequencer: Sequencer) {
        sequencer.resume(now);
        self.sequencer = Some(sequencer);
        for (from, message) in std::mem::take(&mut self.early) {
            self.give_to_sequencer(from, message);
        }
        if self.leaving == Leaving::Draining {
            self.give_to_sequencer(self.me, Message::Drain(self.me));
        }
    }

    /// Does what can be done now: one stage at the most.
    fn work(&mut self, now: Time) {
        self.more_work = false;
        self.check_peers(now);
        self.forget_departed(now);
        self.finish_leaving(now);
        if self.halted.is_some() {
            return;
        }
        loop {
            while let Some(message) = self.to_self.pop_front() {
                self.dispatch(now, self.me, message);
            }
            if !self.seal(now) && self.to_self.is_empty() {
                break;
            }
        }
        self.hand_role_over(now);
        while self.advance(now) {}
    }

    /// Seals an entry if its time has come.
    fn seal(&mut self, now: Time) -> bool {
        let Some(sequencer) = &mut self.sequencer else {
            return false;
        };
        let about = Circumstances {
            now,
            me: self.me,
            shuffle: self.tuning.shuffle,
            definition: &self.definition,
            world: &self.world,
        };
        let Some((entry, joined, verdicts)) = sequencer.seal(&about) else {
            return false;
        };
        for joined in joined {
            let welcome = Welcome {
                world: self.era.world,
                epoch: self.era.epoch,
                pod: joined.pod,
                last: joined.last,
                tick: joined.tick,
                members: joined.members,
                map: joined.map,
                coordinator: self.me,
                max_radius: joined.max_radius,
                paused: joined.paused,
                tuning: joined.tuning,
                definition: self.definition.clone(),
            };
            let (request, bytes) = (joined.request, envelope::seal(&welcome));
            self.welcomes.insert(joined.address, (joined.pod, bytes.clone()));
            self.actions.push_back(Action::Welcome { request, bytes });
        }
        self.learn_entry(now, Arc::clone(&entry));
        self.broadcast(&Message::Entry(Entry::clone(&entry)));
        self.carry_out(verdicts);
        true
    }

    /// Ends the world when nobody stays, or gives the role to the successor once everything sealed here is complete.
    fn hand_role_over(&mut self, now: Time) {
        self.end_if_all_drain(now);
        let Some(successor) = self.sequencer.as_ref().and_then(Sequencer::successor) else {
            return;
        };
        if let Some(mut sequencer) = self.sequencer.take() {
            for join in sequencer.take_joins() {
                self.redirect(join.request);
            }
            self.send(successor, &Message::Succession(Box::new(sequencer)));
        }
    }

    /// Runs a stage of the lockstep. True when the next one may run at once: nothing was sent, no entry was finished.
    fn advance(&mut self, now: Time) -> bool {
        if self.halted.is_some() || matches!(self.leaving, Leaving::Flushing(_) | Leaving::Gone) {
            return false;
        }
        let next = self.log.get(self.lockstep.executed().next());
        match self.lockstep.advance(
            &mut self.world,
            &self.definition,
            next,
            self.load,
            self.tuning.traced_share,
        ) {
            Progress::Waiting => false,
            Progress::Sent(messages) => {
                let alone = messages.is_empty();
                for (pod, message) in messages {
                    self.send(pod, &message);
                }
                self.more_work = !alone;
                alone
            }
            Progress::Executed { entry, report } => {
                self.finish_entry(now, &entry, report);
                self.more_work = true;
                false
            }
            Progress::Broken(reason) => {
                self.halt(format!("{} found a broken invariant: {reason}", self.me));
                false
            }
        }
    }

    fn finish_entry(&mut self, now: Time, entry: &Entry, report: Report) {
        let (index, tick) = (entry.index, Tick(self.world.tick()));
        let collector = self.coordinator_of(index);
        let handed_over = report.handed_over;
        self.send_or_keep(collector, Message::Report(report));
        let mut left = 0;
        for record in &entry.records {
            match record {
                Record::Leave(pod) => {
                    self.members.remove(pod);
                    left += 1;
                    if *pod == self.me {
                        self.leave(now);
                    } else {
                        self.lingering.insert(*pod, now + self.tuning.peer_timeout);
                    }
                }
                Record::Tune { tuning: new, .. } => {
                    let (tick, new) = (entry.tick, *new);
                    let old = std::mem::replace(&mut self.tuning.world, new);
                    self.actions.push_back(Action::Tuned { tick, old, new });
                }
                Record::Snapshot { name, .. } => {
                    let name = name.clone();
                    self.actions.push_back(Action::StorePart { index, name });
                }
                _ => {}
            }
        }
        self.actions.push_back(Action::Executed {
            index,
            tick,
            advanced: entry.advance,
            handed_over,
            left,
        });
    }

    /// Stops the world when a member has been silent for too long.
    fn check_peers(&mut self, now: Time) {
        if self.halted.is_some() || matches!(self.leaving, Leaving::Flushing(_) | Leaving::Gone) {
            return;
        }
        let timeout = self.tuning.peer_timeout;
        let silent = self
            .links
            .iter()
            .find(|(pod, link)| self.members.contains_key(pod) && now.since(link.last_heard) >= timeout);
        if let Some((&pod, link)) = silent {
            let silence = now.since(link.last_heard).as_millis();
            self.halt(self.describe_loss(pod, silence));
        }
    }

    fn describe_loss(&self, pod: PodId, silence_ms: u128) -> String {
        let member = self.members.get(&pod);
        let (name, address) = member.map_or(("?", "?"), |member| (&member.name, &member.address));
        let summary = self.log.last_summary();
        let held = summary.and_then(|summary| summary.pods.iter().find(|report| report.pod == pod));
        let held = held.map_or_else(
            || "an unknown number of".to_owned(),
            |report| report.entities.to_string(),
        );
        let complete = summary.map_or(Tick(0), |summary| summary.tick);
        format!(
            "{pod} ({name}, {address}) has been silent for {silence_ms} ms; it held {held} bodies at {complete}, the last tick that is complete. \
             This version keeps no checkpoints: the world stops at tick {} here and must be started anew",
            self.world.tick()
        )
    }

    fn forget_departed(&mut self, now: Time) {
        while let Some((&pod, _)) = self.lingering.iter().find(|&(_, &until)| until <= now) {
            self.lingering.remove(&pod);
            self.links.remove(&pod);
            self.actions.push_back(Action::Disconnect(pod));
        }
    }

    /// Sends what the links have to send.
    fn flush(&mut self, now: Time) {
        for (&to, link) in &mut self.links {
            let packets = [link.flush(now), link.poll(now, self.tuning.heartbeat)];
            let send = |bytes| Action::Send { to, bytes };
            self.actions.extend(packets.into_iter().flatten().map(send));
        }
    }
}
