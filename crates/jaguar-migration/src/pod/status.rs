//! What can be read of a pod between two inputs.

use std::sync::Arc;

use jaguar_core::World;
use jaguar_partition::OwnershipMap;

use super::{Leaving, Pod};
use crate::action::Summary;
use crate::definition::WorldDefinition;
use crate::id::{Epoch, LogIndex, PodId, Tick, WorldId};
use crate::record::{Entry, Member};
use crate::sequencer::Sequencer;
use crate::tuning::WorldTuning;

/// A pod's view of the world, for people and services.
#[derive(Clone, Debug)]
pub struct PodStatus {
    /// This pod.
    pub me: PodId,
    /// The epoch.
    pub epoch: Epoch,
    /// The pod that seals the next entries.
    pub coordinator: PodId,
    /// The last entry executed here.
    pub index: LogIndex,
    /// The world's tick after it.
    pub tick: Tick,
    /// The last entry known to be sealed; every pod gets there.
    pub sealed: LogIndex,
    /// The world's tick after that.
    pub sealed_tick: Tick,
    /// The pods of the world.
    pub members: Vec<Member>,
    /// Who owns what.
    pub map: OwnershipMap,
    /// Whether the world is paused, as far as this pod knows.
    pub paused: bool,
    /// The settings of the world.
    pub tuning: WorldTuning,
    /// Whether this pod wants to leave.
    pub draining: bool,
    /// Why the world has stopped for good, if it has.
    pub halted: Option<String>,
    /// The last entry that the whole world is known to have executed.
    pub summary: Option<Arc<Summary>>,
    /// Pods whose messages this pod waits for.
    pub waits_for: Vec<PodId>,
}

impl Pod {
    /// This pod's part of the world: the bodies that it holds.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Bodies that this pod has handed over in the entry that it executes now: it holds them no more, and they may not have arrived.
    pub fn handing_over(&self) -> u32 {
        self.lockstep.handing_over()
    }

    /// Whether this pod's part of the world is as it was after the last entry executed here. While the next one is being executed, bodies have been handed over and have not arrived.
    pub fn is_between_entries(&self) -> bool {
        self.lockstep.is_idle()
    }

    /// This pod's number.
    pub fn id(&self) -> PodId {
        self.me
    }

    /// The world's identity.
    pub fn world_id(&self) -> WorldId {
        self.era.world
    }

    /// Whether this pod has the coordinator's role. Nobody has while it is on its way.
    pub fn coordinates(&self) -> bool {
        self.sequencer.is_some()
    }

    /// The last entry executed here.
    pub fn executed(&self) -> LogIndex {
        self.lockstep.executed()
    }

    /// The last entry known to be sealed.
    pub fn sealed(&self) -> LogIndex {
        self.log.last()
    }

    /// Whether this pod is a member of the world: after the entry that lets it in.
    pub fn is_member(&self) -> bool {
        self.members.contains_key(&self.me)
    }

    /// Whether this pod wants to leave.
    pub fn is_leaving(&self) -> bool {
        self.leaving != Leaving::No
    }

    /// Whether the world is paused, as far as this pod knows.
    pub fn is_paused(&self) -> bool {
        self.sequencer.as_ref().map_or(self.paused, Sequencer::is_paused)
    }

    /// The settings of the world, after the last entry executed here.
    pub fn tuning(&self) -> WorldTuning {
        self.tuning.world
    }

    /// The definition of the world.
    pub fn definition(&self) -> &WorldDefinition {
        &self.definition
    }

    /// The retained entries of the log from an index on; none before this pod joined.
    pub fn entries(&self, from: LogIndex) -> impl Iterator<Item = &Arc<Entry>> {
        self.log.entries(from)
    }

    /// The retained summaries from an entry on.
    pub fn summaries(&self, from: LogIndex) -> impl Iterator<Item = &Arc<Summary>> {
        self.log.summaries(from)
    }

    /// This pod's view of the world. Copies the member list and the map.
    pub fn status(&self) -> PodStatus {
        PodStatus {
            me: self.me,
            epoch: self.era.epoch,
            coordinator: self.coordinator(),
            index: self.lockstep.executed(),
            tick: Tick(self.world.tick()),
            sealed: self.log.last(),
            sealed_tick: self.log.tick(),
            members: self.members.values().cloned().collect(),
            map: self.lockstep.map().clone(),
            paused: self.is_paused(),
            tuning: self.tuning(),
            draining: self.is_leaving(),
            halted: self.halted.clone(),
            summary: self.log.last_summary().cloned(),
            waits_for: self.lockstep.waits_for(),
        }
    }
}
