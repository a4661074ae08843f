//! The coordinator's part: what goes into the log, in which order, and when.
//!
//! A sequencer seals entries, a few ahead of the slowest pod, collects every pod's report of each entry, checks that no body was lost or doubled, and answers the clients. It is a value: a
//! succession sends it, when all it has sealed is complete, to the pod that coordinates next.

mod complete;
mod seal;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jaguar_core::{BodyId, World};
use jaguar_partition::{CurveKey, OwnershipMap};
use serde::{Deserialize, Serialize};

use crate::action::Summary;
use crate::command::{Command, Reply};
use crate::definition::WorldDefinition;
use crate::id::{LogIndex, PodId, RequestId, Tick};
use crate::limits::{COMMANDS_WAITING, MEMBERS};
use crate::message::Report;
use crate::random::mix;
use crate::record::{Entry, Member, Origin};
use crate::saved::SavedWorld;
use crate::time::Time;
use crate::tuning::{TuningChange, WorldTuning};

use self::snapshot::Snapshot;

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
    /// The settings after the last sealed entry.
    tuning: WorldTuning,
    /// Where to pause.
    stop_at: Option<Tick>,
    /// Who is answered when `stop_at` is reached and complete.
    awaits_stop: Vec<Origin>,
    /// Who is answered when an entry is complete.
    awaits_entry: Vec<(LogIndex, Origin)>,
    commands: VecDeque<(Origin, Command)>,
    /// Answers to those whose joints could not be, in a world that stands still and keeps them until a tick: the joints are removed first.
    failed_joins: BTreeMap<Origin, Reply>,
    /// Sealed but not complete, oldest first.
    #[serde(skip)]
    open: VecDeque<OpenEntry>,
    tally: Tally,
    #[serde(skip)]
    joins: Vec<JoinRequest>,
    /// A forced rebalance is due.
    rebalance_now: bool,
    succession: Succession,
    snapshot: Snapshot,
    /// Every pod leaves and the last snapshot is wanted: the world stands still.
    ending: bool,
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
    /// Joints after the last complete entry.
    joints: u64,
}

/// A process that waits to become a member.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) request: RequestId,
    pub(crate) name: String,
    pub(crate) address: String,
}

/// A new member and what it must be told.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) request: RequestId,
    pub(crate) address: String,
    pub(crate) pod: PodId,
    pub(crate) last: LogIndex,
    pub(crate) tick: Tick,
    pub(crate) members: Vec<Member>,
    pub(crate) map: OwnershipMap,
    pub(crate) max_radius: f32,
    pub(crate) paused: bool,
    pub(crate) tuning: WorldTuning,
}

/// What sealing needs to know beyond the sequencer's own state.
pub(crate) struct Circumstances<'a> {
    pub(crate) now: Time,
    pub(crate) me: PodId,
    /// Seed of the maps of `verify --shuffle`.
    pub(crate) shuffle: Option<u64>,
    pub(crate) definition: &'a WorldDefinition,
    pub(crate) world: &'a World,
}

/// The mark of an id in the sums that show a lost or doubled body: a bijection, so that different sets hardly ever have equal sums.
pub(crate) fn id_mark(id: BodyId) -> u64 {
    mix(id.0 ^ 0x6a09_e667_f3bc_c908)
}

impl Sequencer {
    /// The sequencer of a new world with one member.
    pub(crate) fn found(
        member: Member,
        definition: &WorldDefinition,
        tuning: WorldTuning,
        paused: bool,
        now: Time,
    ) -> Self {
        let pod = member.pod;
        let radii = definition.bodies.iter().map(|(_, body)| body.shape.bounding_radius());
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
            tuning,
            stop_at: None,
            awaits_stop: Vec::new(),
            awaits_entry: Vec::new(),
            commands: VecDeque::new(),
            failed_joins: BTreeMap::new(),
            open: VecDeque::new(),
            tally: Tally::default(),
            joins: Vec::new(),
            rebalance_now: false,
            succession: Succession::None,
            snapshot: Snapshot::None,
            ending: false,
            next_due: now,
        }
    }

    /// The sequencer of a world that goes on from a snapshot with one member.
    pub(crate) fn restore(
        member: Member,
        saved: &SavedWorld,
        world: &World,
        tuning: WorldTuning,
        paused: bool,
        now: Time,
    ) -> Self {
        let SavedWorld { definition, cut, .. } = saved;
        Self {
            next: cut.index.next(),
            tick: cut.tick,
            next_id: cut.next_id,
            map_index: cut.index,
            max_radius: world.max_radius(),
            tally: Tally {
                entities: cut.entities,
                ids: world.ids().map(id_mark).fold(0, u64::wrapping_add),
                spawned: cut.spawned,
                despawned: cut.despawned,
                handed_over: cut.handed_over,
                joints: world.joints().len() as u64,
            },
            ..Self::found(member, definition, tuning, paused, now)
        }
    }

    /// Takes up the role that another pod handed over.
    pub(crate) fn resume(&mut self, now: Time) {
        self.succession = Succession::None;
        self.next_due = now;
    }

    /// Whether no tick is sealed until something changes.
    fn stands(&self) -> bool {
        self.paused || self.ending
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
        // Whoever asks twice waits for the second answer.
        self.joins.retain(|earlier| earlier.address != request.address);
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
            Command::Snapshot(name) => verdicts = self.want_snapshot(origin, name),
            Command::Rebalance => {
                self.rebalance_now = true;
                self.awaits_entry.push((self.next, origin));
            }
            Command::Tune(change) if self.is_tuned(change) => {
                self.answer_when_complete(origin, &done, &mut verdicts);
            }
            _ if self.commands.len() >= COMMANDS_WAITING => {
                let reason = format!("{COMMANDS_WAITING} commands wait already; send fewer at a time");
                verdicts.push(Verdict::Reply(origin, Reply::Refused { reason }));
            }
            command => self.commands.push_back((origin, command)),
        }
        verdicts
    }

    /// Whether the settings are as a change asks for, and stay so as far as is known.
    fn is_tuned(&self, change: TuningChange) -> bool {
        let another = self
            .commands
            .iter()
            .any(|(_, command)| matches!(command, Command::Tune(_)));
        !another && change.applied_to(self.tuning) == self.tuning
    }

    fn run_to(&mut self, origin: Origin, tick: Tick) -> Vec<Verdict> {
        if tick < self.tick {
            let reason = format!("the world is at {} already, past {tick}", self.tick);
            return vec![Verdict::Reply(origin, Reply::Refused { reason })];
        }
        if self.stop_at == Some(tick) {
            self.awaits_stop.push(origin);
            return Vec::new();
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
}

fn refused(reason: &str) -> Reply {
    Reply::Refused {
        reason: reason.to_owned(),
    }
}
