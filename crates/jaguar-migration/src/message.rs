//! What pods say to each other, inside the packets of their links.

use jaguar_core::{Boundary, BoundaryVelocity};
use jaguar_partition::{CurveKey, OwnershipMap};
use serde::{Deserialize, Serialize};

use crate::action::Summary;
use crate::apply::JointedBody;
use crate::command::{Command, Reply};
use crate::definition::WorldDefinition;
use crate::id::{Epoch, LogIndex, PodId, RequestId, Tick, WorldId};
use crate::record::{Entry, Member, Origin};
use crate::saved::StoredPart;
use crate::sequencer::Sequencer;
use crate::tuning::WorldTuning;

/// A message between two pods.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Coordinator to all: the next entry of the log.
    Entry(Entry),
    /// Neighbour to neighbour: exchange 0 of an entry.
    Boundary { index: LogIndex, boundary: Boundary },
    /// Neighbour to neighbour: the exchange of a substep.
    Velocities {
        index: LogIndex,
        substep: u32,
        velocities: Vec<BoundaryVelocity>,
    },
    /// To the coordinator: what an entry did here.
    Report(Report),
    /// Coordinator to all: what all reports of an entry say together.
    Summary(Summary),
    /// To the coordinator: a client's command.
    Command { origin: Origin, command: Command },
    /// Coordinator to the pod that took the command in.
    Reply { request: RequestId, reply: Reply },
    /// To the coordinator: a part of a snapshot is stored, or could not be.
    PartStored {
        pod: PodId,
        index: LogIndex,
        part: Result<StoredPart, String>,
    },
    /// To the coordinator: the pod wants to leave.
    Drain(PodId),
    /// Old coordinator to new: the role, after every entry that the old one sealed is complete.
    Succession(Box<Sequencer>),
    /// Coordinator to all: every pod is draining, the world ends.
    End,
    /// To all: the world has stopped for good, for this reason.
    Halt(String),
}

/// What an entry did on one pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) index: LogIndex,
    /// Bodies held.
    pub(crate) entities: u64,
    /// Wrapping sum of [`crate::sequencer::id_mark`] over the bodies held.
    pub(crate) ids: u64,
    /// Hash of the bodies held and of the contacts counted here.
    pub(crate) hash: u128,
    /// Bodies spawned.
    pub(crate) spawned: u64,
    /// Bodies removed.
    pub(crate) despawned: u64,
    /// Wrapping sum of the marks of the bodies removed.
    pub(crate) despawned_ids: u64,
    /// Bodies handed over to others.
    pub(crate) handed_over: u32,
    /// Tiles with bodies.
    pub(crate) tiles: u32,
    /// Records (by position in the entry) whose body or joint was here.
    pub(crate) found: Vec<u32>,
    /// Bodies here that records (by position in the entry) joined.
    pub(crate) ends: Vec<(u32, JointedBody)>,
    /// Joints counted here.
    pub(crate) joints: u64,
    /// Share of the tick budget used, as the driver measured.
    pub(crate) load: f32,
    /// Bodies in each tile, ascending by key, when the entry asks for it.
    pub(crate) loads: Option<Vec<(CurveKey, u32)>>,
}

/// All that a new pod needs to execute its first entry, which is the one that lets it join.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) world: WorldId,
    pub(crate) epoch: Epoch,
    pub(crate) pod: PodId,
    /// The last entry before the pod is a member.
    pub(crate) last: LogIndex,
    /// The world's tick after that entry.
    pub(crate) tick: Tick,
    /// Members after that entry.
    pub(crate) members: Vec<Member>,
    /// The map after that entry.
    pub(crate) map: OwnershipMap,
    pub(crate) coordinator: PodId,
    /// Largest radius that any body had up to that entry, m.
    pub(crate) max_radius: f32,
    pub(crate) paused: bool,
    /// The settings after that entry.
    pub(crate) tuning: WorldTuning,
    pub(crate) definition: WorldDefinition,
}
