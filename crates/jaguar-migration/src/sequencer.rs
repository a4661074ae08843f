//! The coordinator's part: what goes into the log, in which order, and when.
//!
//! A sequencer seals entries, a few ahead of the slowest pod, collects every pod's report of each entry, checks that no body was lost or doubled, and answers the clients. It is a value: a
//! succession sends it, when all it has sealed is complete, to the pod that coordinates next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jaguar_core::{BodyId, World};
use jaguar_partition::balance::{BalanceLimits, plan, shuffle};
use jaguar_partition::{CurveKey, OwnershipMap};
use serde::{Deserialize, Serialize};

use crate::action::{PodReport, Summary};
use crate::command::{Command, Reply};
use crate::definition::WorldDefinition;
use crate::id::{LogIndex, PodId, Tick};
use crate::input::{Rate, Tuning};
use crate::limits::{COMMANDS_WAITING, ENTRIES_AHEAD, MEMBERS, SPAWNS_PER_ENTRY, TICKS_CAUGHT_UP, TICKS_SEALED_EARLY};
use crate::message::Report;
use crate::random::mix;
use crate::record::{Change, Entry, Member, Origin, Record};
use crate::time::Time;

/// What a sequencer wants done, in order.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Answer a client.
    Reply(Origin, Reply),
    /// Tell all members.
    Summary(Summary),
    /// The world is wrong and must stop.
    Halt(String),
}

/// The state of the coordinator's role.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sequencer {
    /// The next entry to seal.
    next: LogIndex,
    /// The world's tick when it begins.
    tick: Tick,
    next_id: u64,
    next_pod: u32,
    members: BTreeMap<PodId, Standing>,
    /// The map after the last sealed entry.
    map: OwnershipMap,
    /// The last sealed entry that changed the map.
    map_index: LogIndex,
    /// Largest radius that any sealed body had, m.
    max_radius: f32,
    paused: bool,
    /// Where to pause.
    stop_at: Option<Tick>,
    /// Who is answered when `stop_at` is reached and complete.
    awaits_stop: Vec<Origin>,
    /// Who is answered when an entry is complete.
    awaits_entry: Vec<(LogIndex, Origin)>,
    commands: VecDeque<(Origin, Command)>,
    /// Sealed but not complete, oldest first.
    #[serde(skip)]
    open: VecDeque<OpenEntry>,
    tally: Tally,
    #[serde(skip)]
    joins: Vec<JoinRequest>,
    /// A forced rebalance is due.
    rebalance_now: bool,
    succession: Succession,
    #[serde(skip)]
    next_due: Time,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Succession {
    /// Nobody wants to be relieved.
    #[default]
    None,
    /// The role goes to another pod with the next entry.
    Wanted,
    /// The last entry names the next coordinator; nothing more is sealed here.
    Sealed(PodId),
}

/// A member as the coordinator sees it.
#[derive(Debug, Serialize, Deserialize)]
struct Standing {
    member: Member,
    draining: bool,
    /// Bodies that it held after its last report.
    entities: u64,
    /// Bodies in each of its tiles, ascending by key, and the entry after which that was so.
    loads: Vec<(CurveKey, u32)>,
    loads_index: LogIndex,
    /// The entry from which on it owns nothing, while it drains.
    emptied_at: Option<LogIndex>,
}

impl Standing {
    fn new(member: Member) -> Self {
        let (loads, loads_index) = (Vec::new(), LogIndex(0));
        Self {
            member,
            draining: false,
            entities: 0,
            loads,
            loads_index,
            emptied_at: None,
        }
    }
}

#[derive(Debug)]
struct OpenEntry {
    entry: Arc<Entry>,
    /// Who has to report.
    expected: BTreeSet<PodId>,
    reports: BTreeMap<PodId, Report>,
}

/// What the whole world should hold, from the records; compared with what it does hold, from the reports.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Tally {
    entities: u64,
    ids: u64,
    spawned: u64,
    despawned: u64,
    handed_over: u64,
}

/// A process that waits to become a member.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) request: crate::id::RequestId,
    pub(crate) name: String,
    pub(crate) address: String,
}

/// A new member and what it must be told.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) request: crate::id::RequestId,
    pub(crate) pod: PodId,
    pub(crate) last: LogIndex,
    pub(crate) tick: Tick,
    pub(crate) members: Vec<Member>,
    pub(crate) map: OwnershipMap,
    pub(crate) max_radius: f32,
    pub(crate) paused: bool,
}

/// What sealing needs to know beyond the sequencer's own state.
pub(crate) struct Circumstances<'a> {
    pub(crate) now: Time,
    pub(crate) me: PodId,
    pub(crate) tuning: &'a Tuning,
    pub(crate) definition: &'a WorldDefinition,
    pub(crate) world: &'a World,
}

/// The mark of an id in the sums that show a lost or doubled body: a bijection, so that different sets hardly ever have equal sums.
pub(crate) fn id_mark(id: BodyId) -> u64 {
    mix(id.0 ^ 0x6a09_e667_f3bc_c908)
}

impl Sequencer {
    /// The sequencer of a new world with one member.
    pub(crate) fn found(member: Member, definition: &WorldDefinition, paused: bool, now: Time) -> Self {
        let pod = member.pod;
        let radii = definition.bodies.iter().map(|(_, body)| body.radius);
        Self {
            next: LogIndex(1),
            tick: Tick(0),
            next_id: definition.first_free_id(),
            next_pod: pod.0 + 1,
            members: BTreeMap::from([(pod, Standing::new(member))]),
            map: OwnershipMap::single(pod),
            map_index: LogIndex(0),
            max_radius: radii.fold(0.0, f32::max),
            paused,
            stop_at: None,
            awaits_stop: Vec::new(),
            awaits_entry: Vec::new(),
            commands: VecDeque::new(),
            open: VecDeque::new(),
            tally: Tally::default(),
            joins: Vec::new(),
            rebalance_now: false,
            succession: Succession::None,
            next_due: now,
        }
    }

    /// Takes up the role that another pod handed over.
    pub(crate) fn resume(&mut self, now: Time) {
        self.succession = Succession::None;
        self.next_due = now;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The coordinator that follows, once all that was sealed here is complete.
    pub(crate) fn successor(&self) -> Option<PodId> {
        match self.succession {
            Succession::Sealed(pod) if self.open.is_empty() => Some(pod),
            _ => None,
        }
    }

    /// Whether every member wants to leave, so that nobody is left to give anything to.
    pub(crate) fn all_drain(&self) -> bool {
        self.members.values().all(|standing| standing.draining)
    }

    /// The joins that a successor has to be asked for.
    pub(crate) fn take_joins(&mut self) -> Vec<JoinRequest> {
        std::mem::take(&mut self.joins)
    }

    /// A process wants to become a member.
    pub(crate) fn join(&mut self, request: JoinRequest) -> Result<(), String> {
        if self.members.len() + self.joins.len() >= MEMBERS {
            return Err(format!("the world has {MEMBERS} pods, the most it can have"));
        }
        self.joins.push(request);
        Ok(())
    }

    /// A member wants to leave.
    pub(crate) fn drain(&mut self, pod: PodId, me: PodId) {
        if let Some(standing) = self.members.get_mut(&pod) {
            standing.draining = true;
        }
        if pod == me && self.succession == Succession::None {
            self.succession = Succession::Wanted;
        }
    }

    /// A client's command.
    pub(crate) fn command(&mut self, origin: Origin, command: Command) -> Vec<Verdict> {
        let done = Reply::Done {
            index: LogIndex(self.next.0 - 1),
            tick: self.tick,
        };
        let mut verdicts = Vec::new();
        match command {
            Command::Pause => {
                verdicts = self.refuse_stops("the world was paused before it got there");
                self.paused = true;
                self.answer_when_complete(origin, &done, &mut verdicts);
            }
            Command::Resume => {
                verdicts = self.refuse_stops("the world was told to run on");
                self.paused = false;
                self.answer_when_complete(origin, &done, &mut verdicts);
            }
            Command::Step(ticks) => verdicts = self.run_to(origin, Tick(self.tick.0 + u64::from(ticks))),
            Command::RunTo(tick) => verdicts = self.run_to(origin, tick),
            Command::Succeed if self.members.len() < 2 => {
                verdicts.push(Verdict::Reply(origin, refused("there is no other pod to coordinate")));
            }
            Command::Succeed => {
                if self.succession == Succession::None {
                    self.succession = Succession::Wanted;
                }
                self.awaits_entry.push((self.next, origin));
            }
            Command::Rebalance => {
                self.rebalance_now = true;
                self.awaits_entry.push((self.next, origin));
            }
            _ if self.commands.len() >= COMMANDS_WAITING => {
                let reason = format!("{COMMANDS_WAITING} commands wait already; send fewer at a time");
                verdicts.push(Verdict::Reply(origin, Reply::Refused { reason }));
            }
            command => self.commands.push_back((origin, command)),
        }
        verdicts
    }

    fn run_to(&mut self, origin: Origin, tick: Tick) -> Vec<Verdict> {
        if tick < self.tick {
            let reason = format!("the world is at {} already, past {tick}", self.tick);
            return vec![Verdict::Reply(origin, Reply::Refused { reason })];
        }
        let mut verdicts = self.refuse_stops("the world was told to stop elsewhere");
        if tick == self.tick {
            self.paused = true;
            let done = Reply::Done {
                index: LogIndex(self.next.0 - 1),
                tick,
            };
            self.answer_when_complete(origin, &done, &mut verdicts);
        } else {
            self.paused = false;
            self.stop_at = Some(tick);
            self.awaits_stop.push(origin);
        }
        verdicts
    }

    fn refuse_stops(&mut self, reason: &str) -> Vec<Verdict> {
        self.stop_at = None;
        self.awaits_stop
            .drain(..)
            .map(|origin| Verdict::Reply(origin, refused(reason)))
            .collect()
    }

    fn answer_when_complete(&mut self, origin: Origin, done: &Reply, verdicts: &mut Vec<Verdict>) {
        if self.open.is_empty() {
            verdicts.push(Verdict::Reply(origin, done.clone()));
        } else {
            self.awaits_entry.push((LogIndex(self.next.0 - 1), origin));
        }
    }

    /// When [`Sequencer::seal`] has something to do that only time brings.
    pub(crate) fn next_timeout(&self, rate: Rate) -> Option<Time> {
        let waits_for_time = !self.paused && self.open.len() < ENTRIES_AHEAD as usize;
        match rate {
            Rate::Hz(hz) if waits_for_time => Some(self.next_due - period(hz) * TICKS_SEALED_EARLY),
            _ => None,
        }
    }

    /// Seals the next entry if its time has come. New members are named beside it; they execute it too. Commands that cannot go in are answered.
    pub(crate) fn seal(&mut self, about: &Circumstances<'_>) -> Option<(Arc<Entry>, Vec<Joined>, Vec<Verdict>)> {
        if matches!(self.succession, Succession::Sealed(_)) || self.open.len() >= ENTRIES_AHEAD as usize {
            return None;
        }
        let advance = !self.paused && self.is_due(about);
        if !advance && (!self.paused || !self.has_work(about)) {
            return None;
        }
        let (index, tick) = (self.next, self.tick);
        let mut verdicts = Vec::new();
        let mut records = Vec::new();
        let joined = self.seal_membership(about, &mut records);
        let expected = self.members.keys().copied().collect();
        self.seal_departures(about.me, &mut records);
        self.seal_map(about, &mut records);
        self.seal_changes(about, advance, &mut records, &mut verdicts);
        self.seal_succession(about.me, &mut records);
        let entry = Arc::new(Entry {
            index,
            tick,
            advance,
            records,
        });
        self.next = index.next();
        self.tick = Tick(tick.0 + u64::from(advance));
        if self.stop_at == Some(self.tick) {
            self.paused = true;
        }
        self.open.push_back(OpenEntry {
            entry: Arc::clone(&entry),
            expected,
            reports: BTreeMap::new(),
        });
        Some((entry, joined, verdicts))
    }

    /// Whether the next tick's time has come; if so, sets the time of the one after.
    fn is_due(&mut self, about: &Circumstances<'_>) -> bool {
        let Rate::Hz(hz) = about.tuning.rate else {
            return true;
        };
        let period = period(hz);
        if about.now + period * TICKS_SEALED_EARLY < self.next_due {
            return false;
        }
        let earliest = about.now - period * TICKS_CAUGHT_UP;
        self.next_due = self.next_due.max(earliest) + period;
        true
    }

    /// Whether a paused world has something to do.
    fn has_work(&self, about: &Circumstances<'_>) -> bool {
        self.next == LogIndex(1)
            || !self.commands.is_empty()
            || !self.joins.is_empty()
            || self.rebalance_now
            || self.succession == Succession::Wanted && self.heir(about.me).is_some()
            || self.open.is_empty() && self.draining().next().is_some() && !self.all_drain()
    }

    /// Whether every pod has executed the entry and said so.
    fn is_complete(&self, index: LogIndex) -> bool {
        index < self.open.front().map_or(self.next, |open| open.entry.index)
    }

    /// Whether all pods have executed the last map and said what they hold since.
    fn is_settled(&self) -> bool {
        self.is_complete(self.map_index)
            && self
                .members
                .values()
                .all(|standing| standing.loads_index >= self.map_index)
    }

    fn seal_membership(&mut self, about: &Circumstances<'_>, records: &mut Vec<Record>) -> Vec<Joined> {
        let mut joined = Vec::new();
        for JoinRequest { request, name, address } in self.joins.drain(..) {
            let pod = PodId(self.next_pod);
            self.next_pod += 1;
            joined.push(Joined {
                request,
                pod,
                last: LogIndex(self.next.0 - 1),
                tick: self.tick,
                members: self.members.values().map(|standing| standing.member.clone()).collect(),
                map: self.map.clone(),
                max_radius: self.max_radius.max(about.world.max_radius()),
                paused: self.paused,
            });
            let member = Member { pod, name, address };
            records.push(Record::Join(member.clone()));
            self.members.insert(pod, Standing::new(member));
        }
        if !joined.is_empty() && !self.map.is_scattered() {
            for Joined { pod, .. } in &joined {
                let stays = |standing: &&Standing| !standing.draining && self.map.contains(standing.member.pod);
                let heaviest = self
                    .members
                    .values()
                    .filter(stays)
                    .max_by_key(|standing| standing.entities);
                let neighbour = heaviest
                    .map(|standing| standing.member.pod)
                    .or_else(|| self.map.pods().next());
                if let Some(neighbour) = neighbour {
                    self.map
                        .insert_after(neighbour, *pod)
                        .expect("the neighbour is in the map, the new pod is not");
                }
            }
            self.map_index = self.next;
            records.push(Record::Map(self.map.clone()));
        }
        joined
    }

    /// Lets the draining pods go that own nothing, once all pods have executed the map that emptied them: then whatever they held has arrived elsewhere.
    fn seal_departures(&mut self, me: PodId, records: &mut Vec<Record>) {
        for standing in self.members.values_mut() {
            let is_empty = standing.draining && self.map.is_empty_territory(standing.member.pod);
            standing.emptied_at = is_empty.then(|| standing.emptied_at.unwrap_or(LogIndex(self.next.0 - 1)));
        }
        // The coordinator stays until another has its role.
        let has_gone = |standing: &&Standing| {
            standing.member.pod != me && standing.emptied_at.is_some_and(|index| self.is_complete(index))
        };
        let leaving: Vec<PodId> = self
            .members
            .values()
            .filter(has_gone)
            .map(|standing| standing.member.pod)
            .collect();
        for &pod in &leaving {
            self.members.remove(&pod);
            if self.map.contains(pod) {
                self.map.remove(pod).expect("the territory is empty");
                self.map_index = self.next;
            }
        }
        if self.map_index == self.next && !leaving.is_empty() {
            records.push(Record::Map(self.map.clone()));
        }
        records.extend(leaving.into_iter().map(Record::Leave));
    }

    /// Moves load: at random for `shuffle`, else step by step towards balance.
    fn seal_map(&mut self, about: &Circumstances<'_>, records: &mut Vec<Record>) {
        let draining: Vec<PodId> = self.draining().collect();
        if let Some(seed) = about.tuning.shuffle {
            self.rebalance_now = false;
            let stays = self
                .members
                .keys()
                .filter(|pod| !draining.contains(pod))
                .copied()
                .collect();
            if let Ok(map) = shuffle(stays, mix(seed ^ self.next.0)) {
                self.adopt(map, records);
            }
            return;
        }
        // What a plan needs is known: not while a map is on its way, nor for pods that have just joined.
        if self.map_index == self.next || !self.is_settled() {
            return;
        }
        let tuning = about.tuning;
        let limits = if self.rebalance_now {
            BalanceLimits {
                max_entities_per_stream: u32::MAX,
                max_streams: u32::MAX,
                tolerance: 0.0,
            }
        } else if tuning.rebalance || !draining.is_empty() {
            BalanceLimits {
                max_entities_per_stream: tuning.batch,
                max_streams: tuning.streams,
                tolerance: 0.1,
            }
        } else {
            return;
        };
        self.rebalance_now = false;
        let mut loads: Vec<(CurveKey, u32)> = self
            .members
            .values()
            .flat_map(|standing| standing.loads.iter().copied())
            .collect();
        loads.sort_unstable();
        // A tile is reported twice when its owner changed between two reports.
        loads.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            earlier.1 += if same { later.1 } else { 0 };
            same
        });
        if let Some(map) = plan(&self.map, &loads, &draining, &limits) {
            self.adopt(map, records);
        }
    }

    fn adopt(&mut self, map: OwnershipMap, records: &mut Vec<Record>) {
        records.push(Record::Map(map.clone()));
        self.map = map;
        self.map_index = self.next;
    }

    fn draining(&self) -> impl Iterator<Item = PodId> + '_ {
        self.members
            .values()
            .filter(|standing| standing.draining)
            .map(|standing| standing.member.pod)
    }

    fn seal_changes(
        &mut self,
        about: &Circumstances<'_>,
        advance: bool,
        records: &mut Vec<Record>,
        verdicts: &mut Vec<Verdict>,
    ) {
        if self.next == LogIndex(1) {
            records.push(Record::Physics {
                origin: None,
                change: Change::Begin,
            });
        }
        let sealed: u64 = self.open.iter().map(|open| spawns(&open.entry, about.definition)).sum();
        let mut room = about.tuning.entity_limit.saturating_sub(self.tally.entities + sealed);
        let mut spawned = 0;
        while spawned < SPAWNS_PER_ENTRY
            && let Some((origin, command)) = self.commands.pop_front()
        {
            let change = match command {
                Command::Spawn(bodies) if bodies.len() as u64 > room => {
                    let limit = about.tuning.entity_limit;
                    let reply = Reply::LimitReached {
                        limit,
                        count: limit - room,
                        asked: bodies.len() as u64,
                    };
                    verdicts.push(Verdict::Reply(origin, reply));
                    continue;
                }
                Command::Spawn(bodies) => {
                    spawned += bodies.len();
                    room -= bodies.len() as u64;
                    self.spawn(bodies)
                }
                Command::Despawn(id) => Change::Despawn(id),
                Command::ApplyImpulse { id, impulse } => Change::ApplyImpulse { id, impulse },
                Command::SetVelocity {
                    id,
                    velocity,
                    angular_velocity,
                } => Change::SetVelocity {
                    id,
                    velocity,
                    angular_velocity,
                },
                // `Sequencer::command` does not queue the others.
                _ => continue,
            };
            records.push(Record::Physics {
                origin: Some(origin),
                change,
            });
        }
        if advance {
            for change in about.definition.changes(about.world, self.tick, self.next_id, room) {
                let change = match change {
                    Change::Spawn { bodies, .. } => self.spawn(bodies),
                    other => other,
                };
                records.push(Record::Physics { origin: None, change });
            }
        }
    }

    fn spawn(&mut self, bodies: Vec<jaguar_core::BodyDesc>) -> Change {
        let first = BodyId(self.next_id);
        self.next_id += bodies.len() as u64;
        self.max_radius = bodies.iter().map(|body| body.radius).fold(self.max_radius, f32::max);
        Change::Spawn { first, bodies }
    }

    /// The pod that takes over: the lowest that stays.
    fn heir(&self, me: PodId) -> Option<PodId> {
        self.members
            .values()
            .find(|standing| !standing.draining && standing.member.pod != me)
            .map(|s| s.member.pod)
    }

    fn seal_succession(&mut self, me: PodId, records: &mut Vec<Record>) {
        if self.succession == Succession::Wanted
            && let Some(heir) = self.heir(me)
        {
            records.push(Record::Coordinator(heir));
            self.succession = Succession::Sealed(heir);
        }
    }

    /// Takes in a pod's report. Returns what follows from the entries that are complete now.
    pub(crate) fn report(&mut self, from: PodId, report: Report, definition: &WorldDefinition) -> Vec<Verdict> {
        if let Some(standing) = self.members.get_mut(&from) {
            standing.entities = report.entities;
            if let Some(loads) = &report.loads {
                standing.loads.clone_from(loads);
                standing.loads_index = report.index;
            }
        }
        if let Some(open) = self.open.iter_mut().find(|open| open.entry.index == report.index)
            && open.expected.contains(&from)
        {
            open.reports.insert(from, report);
        }
        let mut verdicts = Vec::new();
        while let Some(open) = self.open.pop_front_if(|open| open.reports.len() == open.expected.len()) {
            match self.complete(&open, definition) {
                Ok(summary) => {
                    verdicts.push(Verdict::Summary(summary));
                    self.answer(&open, &mut verdicts);
                }
                Err(reason) => verdicts.push(Verdict::Halt(reason)),
            }
        }
        verdicts
    }

    /// Adds the reports of an entry up and compares them with what its records ask for.
    fn complete(&mut self, open: &OpenEntry, definition: &WorldDefinition) -> Result<Summary, String> {
        let entry = &open.entry;
        let sum = |part: fn(&Report) -> u64| open.reports.values().map(part).fold(0, u64::wrapping_add);
        let tally = &mut self.tally;
        let spawned = spawns(entry, definition);
        tally.spawned += spawned;
        tally.despawned += sum(|report| report.despawned);
        tally.handed_over += sum(|report| u64::from(report.handed_over));
        tally.entities = tally.spawned.saturating_sub(tally.despawned);
        let marks = spawned_ids(entry, definition)
            .map(id_mark)
            .fold(tally.ids, u64::wrapping_add);
        tally.ids = marks.wrapping_sub(sum(|report| report.despawned_ids));
        let (entities, ids) = (sum(|report| report.entities), sum(|report| report.ids));
        if entities != tally.entities || ids != tally.ids {
            return Err(format!(
                "bodies were lost or doubled: after {} the pods hold {entities} bodies (marks {ids:016x}), the log says {} (marks {:016x})",
                entry.index, tally.entities, tally.ids
            ));
        }
        let pod_report = |(&pod, report): (&PodId, &Report)| PodReport {
            pod,
            entities: report.entities,
            tiles: report.tiles,
            handed_over: report.handed_over,
            load: report.load,
        };
        Ok(Summary {
            index: entry.index,
            tick: Tick(entry.tick.0 + u64::from(entry.advance)),
            advanced: entry.advance,
            hash: open
                .reports
                .values()
                .map(|report| report.hash)
                .fold(0, u128::wrapping_add),
            entities,
            spawned: tally.spawned,
            despawned: tally.despawned,
            handed_over: tally.handed_over,
            pods: open.reports.iter().map(pod_report).collect(),
        })
    }

    /// Answers the clients whose commands an entry carried or awaited.
    fn answer(&mut self, open: &OpenEntry, verdicts: &mut Vec<Verdict>) {
        let entry = &open.entry;
        let done = Reply::Done {
            index: entry.index,
            tick: entry.tick,
        };
        let found: BTreeSet<u32> = open
            .reports
            .values()
            .flat_map(|report| report.found.iter().copied())
            .collect();
        for (position, record) in (0_u32..).zip(&entry.records) {
            let Record::Physics {
                origin: Some(origin),
                change,
            } = record
            else {
                continue;
            };
            let reply = match change {
                Change::Spawn { first, bodies } => Reply::Spawned {
                    first: *first,
                    count: bodies.len() as u64,
                    tick: entry.tick,
                },
                Change::Despawn(id) | Change::ApplyImpulse { id, .. } | Change::SetVelocity { id, .. }
                    if !found.contains(&position) =>
                {
                    Reply::NotFound { id: *id }
                }
                _ => done.clone(),
            };
            verdicts.push(Verdict::Reply(*origin, reply));
        }
        self.awaits_entry.retain(|&(index, origin)| {
            let waits = index > entry.index;
            if !waits {
                verdicts.push(Verdict::Reply(origin, done.clone()));
            }
            waits
        });
        let reached = Tick(entry.tick.0 + u64::from(entry.advance));
        if self.stop_at == Some(reached) {
            self.stop_at = None;
            let reply = Reply::Done {
                index: entry.index,
                tick: reached,
            };
            verdicts.extend(
                self.awaits_stop
                    .drain(..)
                    .map(|origin| Verdict::Reply(origin, reply.clone())),
            );
        }
    }
}

fn refused(reason: &str) -> Reply {
    Reply::Refused {
        reason: reason.to_owned(),
    }
}

/// The period of a rate that the configuration keeps positive.
fn period(hz: f64) -> Duration {
    Duration::from_secs_f64(1.0 / hz.clamp(0.001, 1e6))
}

/// How many bodies an entry spawns.
fn spawns(entry: &Entry, definition: &WorldDefinition) -> u64 {
    let count = |record: &Record| match record {
        Record::Physics {
            change: Change::Begin, ..
        } => definition.bodies.len(),
        Record::Physics {
            change: Change::Spawn { bodies, .. },
            ..
        } => bodies.len(),
        _ => 0,
    };
    entry.records.iter().map(|record| count(record) as u64).sum()
}

/// The ids of the bodies that an entry spawns.
fn spawned_ids<'a>(entry: &'a Entry, definition: &'a WorldDefinition) -> impl Iterator<Item = BodyId> + 'a {
    entry.records.iter().flat_map(|record| {
        let (initial, range) = match record {
            Record::Physics {
                change: Change::Begin, ..
            } => (definition.bodies.as_slice(), 0..0),
            Record::Physics {
                change: Change::Spawn { first, bodies },
                ..
            } => (&[][..], first.0..first.0 + bodies.len() as u64),
            _ => (&[][..], 0..0),
        };
        initial.iter().map(|(id, _)| *id).chain(range.map(BodyId))
    })
}
