//! Everything a pod can ask of its driver.

use serde::{Deserialize, Serialize};

use crate::command::Reply;
use crate::id::{LogIndex, PodId, RequestId, Tick};
use crate::record::Member;
use crate::tuning::WorldTuning;

/// An output of the pod's state machine, to be carried out in order.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Action {
    /// Give these bytes to a peer. Losing them is repaired; the order does not matter.
    Send {
        /// The peer, made known by [`Action::Connect`].
        to: PodId,
        /// A packet.
        bytes: Vec<u8>,
    },
    /// A pod became known.
    Connect(Member),
    /// A pod has left; packets to it are no longer of use.
    Disconnect(PodId),
    /// Answer to [`crate::input::Input::Join`]: bytes for [`crate::pod::Pod::join`].
    Welcome {
        /// The question.
        request: RequestId,
        /// The welcome.
        bytes: Vec<u8>,
    },
    /// Answer to [`crate::input::Input::Join`]: ask this pod.
    Redirect {
        /// The question.
        request: RequestId,
        /// The coordinator's address.
        address: String,
    },
    /// Answer to [`crate::input::Input::Join`]: no.
    RefuseJoin {
        /// The question.
        request: RequestId,
        /// Why.
        reason: String,
    },
    /// Answer to [`crate::input::Input::Command`].
    Reply {
        /// The command.
        request: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// Store this pod's part of a snapshot: [`jaguar_core::World::part_bytes`] of the world as it is now, before the next input. Answer with [`crate::input::Input::PartStored`].
    StorePart {
        /// The entry after which the snapshot is taken.
        index: LogIndex,
        /// The snapshot's name.
        name: String,
    },
    /// An entry was executed here; the world may be read now, before the next input.
    Executed {
        /// The entry.
        index: LogIndex,
        /// The world's tick after it.
        tick: Tick,
        /// Whether it advanced the world.
        advanced: bool,
        /// Bodies that this pod handed over in it. They have arrived when the entry's [`Summary`] is there.
        handed_over: u32,
        /// Members that left with it.
        left: u32,
    },
    /// The settings of the world have changed, before this tick.
    Tuned {
        /// The tick.
        tick: Tick,
        /// What they were.
        old: WorldTuning,
        /// What they are.
        new: WorldTuning,
    },
    /// The whole world has executed an entry.
    Summary(Summary),
    /// This pod owns nothing, has left, and everything it sent has arrived: exit 0.
    Left,
    /// The world has stopped for good: a peer was lost or something cannot be. Keep answering reads.
    Halt {
        /// What was lost, where, and what to do.
        reason: String,
    },
}

/// What all pods together said of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The entry.
    pub index: LogIndex,
    /// The world's tick after it.
    pub tick: Tick,
    /// Whether it advanced the world.
    pub advanced: bool,
    /// The world hash after it.
    pub hash: u128,
    /// Bodies in the world.
    pub entities: u64,
    /// Bodies spawned since the world began.
    pub spawned: u64,
    /// Bodies removed by commands and despawners since the world began.
    pub despawned: u64,
    /// Bodies handed over since the world began.
    pub handed_over: u64,
    /// Joints in the world.
    pub joints: u64,
    /// Part by part, ascending by pod.
    pub pods: Vec<PodReport>,
}

/// One pod's part of a [`Summary`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodReport {
    /// The pod.
    pub pod: PodId,
    /// Bodies it holds.
    pub entities: u64,
    /// Tiles with bodies it holds.
    pub tiles: u32,
    /// Bodies it handed over in this entry.
    pub handed_over: u32,
    /// Share of the tick budget it uses, 1 = exactly real time, smoothed; as its driver measured.
    pub load: f32,
}
