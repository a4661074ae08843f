//! The log's content: entries and their records.

use glam::Vec3;
use jaguar_core::{BodyDesc, BodyId, JointDesc, JointId};
use jaguar_partition::OwnershipMap;
use serde::{Deserialize, Serialize};

use crate::definition::Region;
use crate::id::{LogIndex, PodId, RequestId, Tick};
use crate::tuning::WorldTuning;

/// One element of the log: what changes before a tick, and whether the tick is then simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the log.
    pub index: LogIndex,
    /// The world's tick when the entry begins.
    pub tick: Tick,
    /// Whether the world advances by one tick after the records.
    pub advance: bool,
    /// In order of application.
    pub records: Vec<Record>,
}

/// Where a record came from, so that it is sequenced once and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The pod that took the command in.
    pub pod: PodId,
    /// The pod's number for it.
    pub request: RequestId,
}

/// A change to the world or to its membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A change to bodies.
    Physics {
        /// The client's command it came from; none for the scenario's own.
        origin: Option<Origin>,
        /// The change.
        change: Change,
    },
    /// A pod becomes a member; it owns nothing until the next map.
    Join(Member),
    /// A pod that owns nothing leaves.
    Leave(PodId),
    /// Tiles change their owners.
    Map(OwnershipMap),
    /// From the next entry on, this pod is the coordinator.
    Coordinator(PodId),
    /// The settings of the world from the next entry on.
    Tune {
        /// Who asked for the change.
        origin: Origin,
        /// All of them, with what has changed and what has not.
        tuning: WorldTuning,
    },
    /// Every pod stores its part of the world as it is after this entry. The last record of its entry.
    Snapshot {
        /// The snapshot's name.
        name: String,
        /// The id that the next body gets.
        next_id: u64,
        /// Whether the world is paused.
        paused: bool,
    },
}

/// A change to bodies and joints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Place the definition's initial bodies and join them; the first change of every log.
    Begin,
    /// Spawn with consecutive ids.
    Spawn {
        /// The id of the first body.
        first: BodyId,
        /// What to spawn.
        bodies: Vec<BodyDesc>,
    },
    /// Remove a body.
    Despawn(BodyId),
    /// Remove a share of the bodies in a region: those for which a hash of (seed, tick, id) falls below `fraction`.
    DespawnRegion {
        /// Where.
        region: Region,
        /// Which share, 0 to 1.
        fraction: f64,
        /// Seed of the choice.
        seed: u64,
    },
    /// Add an impulse at the centre.
    ApplyImpulse {
        /// The body.
        id: BodyId,
        /// kg m/s.
        impulse: Vec3,
    },
    /// Set both velocities.
    SetVelocity {
        /// The body.
        id: BodyId,
        /// m/s.
        velocity: Vec3,
        /// rad/s.
        angular_velocity: Vec3,
    },
    /// Set the force that a body exerts on itself.
    SetThrust {
        /// The body.
        id: BodyId,
        /// In its own frame, N.
        thrust: Vec3,
    },
    /// Join bodies. Every pod that holds one of them keeps the joint; the next tick forgets it if one is nowhere or out of its reach.
    Join {
        /// The joint's id, from the counter of the bodies' ids.
        id: JointId,
        /// The joint.
        joint: JointDesc,
    },
    /// Remove a joint.
    Unjoin(JointId),
}

/// A pod of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Number, never reused.
    pub pod: PodId,
    /// Name for people: the host or Kubernetes pod name.
    pub name: String,
    /// What peers dial, `host:port`.
    pub address: String,
}

#[cfg(test)]
mod tests {
    use glam::{DVec3, Quat};
    use jaguar_core::{JointEnd, JointFrame, JointKind, Motor, Spring};
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::{open, seal};

    fn any_frame() -> impl Strategy<Value = JointFrame> {
        let (anchor, axes) = (
            prop::array::uniform3(-1e3_f32..1e3),
            prop::array::uniform4(-1.0_f32..1.0),
        );
        (anchor, axes).prop_map(|(anchor, axes)| JointFrame {
            anchor: Vec3::from_array(anchor),
            orientation: Quat::from_array(axes),
        })
    }

    fn any_end() -> impl Strategy<Value = JointEnd> {
        prop_oneof![
            (any::<u64>(), any_frame()).prop_map(|(id, frame)| JointEnd::Body { id: BodyId(id), frame }),
            (prop::array::uniform3(-1e9_f64..1e9), any_frame()).prop_map(|(point, frame)| JointEnd::World {
                point: DVec3::from_array(point),
                orientation: frame.orientation,
            }),
        ]
    }

    fn any_kind() -> impl Strategy<Value = JointKind> {
        let number = || -1e9_f32..1e9;
        let motor = (number(), number()).prop_map(|(speed, max_torque)| Motor { speed, max_torque });
        let spring = (number(), number()).prop_map(|(frequency, damping_ratio)| Spring {
            frequency,
            damping_ratio,
        });
        prop_oneof![
            Just(JointKind::Fixed),
            Just(JointKind::Ball),
            (prop::option::of([number(), number()]), prop::option::of(motor))
                .prop_map(|(limits, motor)| JointKind::Hinge { limits, motor }),
            (number(), prop::option::of(spring)).prop_map(|(length, spring)| JointKind::Distance { length, spring }),
        ]
    }

    proptest! {
        #[test]
        fn joints_come_out_of_an_entry_as_they_went_in(
            (id, body, collide) in any::<(u64, u64, bool)>(),
            (frame, end, kind) in (any_frame(), any_end(), any_kind()),
            cut in any::<prop::sample::Index>(),
        ) {
            let joint = JointDesc { body: BodyId(body), frame, end, kind, collide };
            let record = |change| Record::Physics { origin: None, change };
            let entry = Entry {
                index: LogIndex(1),
                tick: Tick(2),
                advance: true,
                records: vec![
                    record(Change::Join { id: JointId(id), joint }),
                    record(Change::Unjoin(JointId(id))),
                ],
            };
            let bytes = seal(&entry);
            prop_assert_eq!(open::<Entry>("entry", &bytes), Ok(entry));
            prop_assert!(open::<Entry>("entry", &bytes[..cut.index(bytes.len())]).is_err());
        }
    }
}
