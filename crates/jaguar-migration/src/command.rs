//! What clients ask for and what they are answered.

use glam::Vec3;
use jaguar_core::{BodyDesc, BodyId, JointDesc, JointId};
use serde::{Deserialize, Serialize};

use crate::id::{LogIndex, Tick};
use crate::saved::{Cut, StoredPart};
use crate::tuning::TuningChange;

/// A client's wish. Any pod takes it in; the coordinator sequences it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Spawn bodies; their ids are consecutive. The descriptions were checked with `World::check`.
    Spawn(Vec<BodyDesc>),
    /// Remove a body.
    Despawn(BodyId),
    /// Change a body's momentum by an impulse at its centre, kg m/s.
    ApplyImpulse {
        /// The body.
        id: BodyId,
        /// The impulse, kg m/s.
        impulse: Vec3,
    },
    /// Set a body's velocities.
    SetVelocity {
        /// The body.
        id: BodyId,
        /// Velocity, m/s.
        velocity: Vec3,
        /// Angular velocity, rad/s.
        angular_velocity: Vec3,
    },
    /// Set the force that a body exerts on itself. It was checked with `jaguar_core::body::check_thrust`.
    SetThrust {
        /// The body.
        id: BodyId,
        /// In its own frame, N.
        thrust: Vec3,
    },
    /// Join two bodies, or a body and the world. The description was checked with `World::check_joint`.
    Join(JointDesc),
    /// Remove a joint.
    Unjoin(JointId),
    /// Stop advancing.
    Pause,
    /// Advance at the configured rate until paused.
    Resume,
    /// Advance this many ticks, then pause. Answered when they are done.
    Step(u32),
    /// Advance to this tick, then pause. Answered when it is reached.
    RunTo(Tick),
    /// Move every split to where the loads say, at once and whatever the tolerance; churn for `verify`.
    Rebalance,
    /// Give the coordinator's role to another pod.
    Succeed,
    /// Change settings of the world. Nothing is sealed when they are so already.
    Tune(TuningChange),
    /// Take a snapshot of this name. Answered when every pod has stored its part; whoever asked then writes the manifest.
    Snapshot(String),
}

/// The answer to a [`Command`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The bodies exist: `count` ids from `first` on.
    Spawned {
        /// The first body's id.
        first: BodyId,
        /// How many there are.
        count: u64,
        /// The tick before which they were placed.
        tick: Tick,
    },
    /// The bodies are joined.
    Joined {
        /// The joint's id.
        id: JointId,
        /// The tick before which they were joined.
        tick: Tick,
    },
    /// It took effect.
    Done {
        /// The entry that carried it; zero for commands that need none.
        index: LogIndex,
        /// The tick before which it took effect.
        tick: Tick,
    },
    /// There was no such body when it took effect.
    NotFound {
        /// The id asked for.
        id: BodyId,
    },
    /// There was no such joint when it took effect: it was removed, has broken, or lost a body.
    NoJoint {
        /// The id asked for.
        id: JointId,
    },
    /// The world has as many joints as it may.
    JointLimitReached {
        /// Joints that there may be: [`crate::limits::JOINTS_PER_ENTITY`] for each of `entity_hard_limit`.
        limit: u64,
    },
    /// The world is full.
    LimitReached {
        /// `entity_hard_limit`.
        limit: u64,
        /// Bodies there are.
        count: u64,
        /// Bodies asked for.
        asked: u64,
    },
    /// Every part of a snapshot is stored.
    Snapshot {
        /// The world at the snapshot.
        cut: Cut,
        /// The parts, ascending by pod.
        parts: Vec<StoredPart>,
    },
    /// The world has stopped for good.
    Halted {
        /// Why.
        reason: String,
    },
    /// The command makes no sense now.
    Refused {
        /// Why.
        reason: String,
    },
}
