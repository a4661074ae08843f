//! Everything that can happen to a pod.

use crate::command::Command;
use crate::id::{LogIndex, RequestId};
use crate::saved::StoredPart;
use crate::tuning::WorldTuning;

/// How fast the coordinator seals ticks.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Rate {
    /// So many ticks a second, if the pods keep up.
    Hz(f64),
    /// As fast as the slowest pod can.
    Max,
}

/// What a pod is told when it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// Settings of the world, if this pod founds it. A pod that joins goes by those that the world has.
    pub world: WorldTuning,
    /// Change the owner of every tile at random in every entry, from this seed; for `verify`.
    pub shuffle: Option<u64>,
    /// Share of the ticks that are traced, from 0 to 1.
    pub traced_share: f64,
    /// Time between two packets to a silent peer.
    pub heartbeat: std::time::Duration,
    /// Silence after which a peer counts as lost.
    pub peer_timeout: std::time::Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            world: WorldTuning::default(),
            shuffle: None,
            traced_share: 0.0,
            heartbeat: std::time::Duration::from_secs(1),
            peer_timeout: std::time::Duration::from_secs(5),
        }
    }
}

/// The last snapshot of a world, which the pod that coordinates last takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The driver's number for it, as of a command; [`crate::action::Action::Reply`] answers.
    pub request: RequestId,
    /// The snapshot's name.
    pub name: String,
}

/// An input of the pod's state machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// Bytes from a peer, as its [`crate::action::Action::Send`] gave them. May be lost, late, double or out of order.
    Packet(Vec<u8>),
    /// A new process asks to become a member.
    Join {
        /// The driver's number for the question, unique among joins and commands of this pod.
        request: RequestId,
        /// Its name for people.
        name: String,
        /// What peers dial.
        address: String,
    },
    /// A client's command.
    Command {
        /// The driver's number for it, ascending.
        request: RequestId,
        /// The command, with its bodies checked.
        command: Command,
    },
    /// Give everything away and leave (SIGTERM).
    Drain {
        /// The snapshot to take first if nobody stays to give anything to.
        farewell: Option<Farewell>,
    },
    /// What came of [`crate::action::Action::StorePart`].
    PartStored {
        /// The entry after which the snapshot is taken.
        index: LogIndex,
        /// The part, or why it could not be stored.
        part: Result<StoredPart, String>,
    },
    /// Stop the world for good, for this reason: the driver has learned that it must not go on (another world has taken its place).
    Halt(String),
    /// The time of [`crate::pod::Pod::next_timeout`] has come.
    Timer,
}
