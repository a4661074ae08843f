//! The store of the simulated pods' snapshots, and the checks of what is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jaguar_core::{BodyRecord, CachedContact, WorldPart};
use jaguar_migration::action::Summary;
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::id::{LogIndex, PodId};
use jaguar_migration::record::Entry;
use jaguar_migration::replay::Replay;
use jaguar_migration::saved::{Cut, SavedWorld, StoredPart};

use crate::cluster::Failure;

/// Every part that a pod was asked to store.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(BTreeMap<(LogIndex, PodId), Vec<u8>>);

impl Snapshots {
    pub(crate) fn store(&mut self, pod: PodId, index: LogIndex, bytes: Vec<u8>) {
        self.0.insert((index, pod), bytes);
    }

    /// What the pod says of its part when it is stored.
    pub(crate) fn stored(&self, pod: PodId, index: LogIndex) -> Result<StoredPart, String> {
        let bytes = self.0.get(&(index, pod)).ok_or("nothing was given to the store")?;
        let part = WorldPart::decode(bytes).map_err(|error| error.to_string())?;
        Ok(StoredPart {
            pod,
            bodies: part.bodies.len() as u64,
            contacts: part.contacts.len() as u64,
            bytes: bytes.len() as u64,
            checksum: 0,
        })
    }

    /// The world that the parts of a snapshot make together.
    pub(crate) fn restored(
        &self,
        definition: &WorldDefinition,
        cut: &Cut,
        parts: &[StoredPart],
    ) -> Result<SavedWorld, Failure> {
        let mut part = WorldPart::default();
        for StoredPart { pod, .. } in parts {
            let bytes = self.0.get(&(cut.index, *pod));
            let bytes = bytes.ok_or_else(|| wrong(cut, format!("the part of {pod} was never stored")))?;
            let more = WorldPart::decode(bytes).map_err(|error| wrong(cut, error.to_string()))?;
            part.append(more);
        }
        Ok(SavedWorld {
            definition: definition.clone(),
            cut: cut.clone(),
            part,
        })
    }
}

fn wrong(cut: &Cut, problem: String) -> Failure {
    let name = format!("at {}", cut.index);
    Failure::Snapshot { name, problem }
}

/// Compares a snapshot, value by value, with the replay of the log up to its entry.
pub(crate) fn compare(saved: &SavedWorld, replay: &Replay) -> Result<(), Failure> {
    let sorted = |bodies: &mut dyn Iterator<Item = BodyRecord>| {
        let mut bodies: Vec<BodyRecord> = bodies.collect();
        bodies.sort_unstable_by_key(|body| body.id);
        bodies
    };
    let listed = |contacts: &mut dyn Iterator<Item = CachedContact>| {
        let mut contacts: Vec<CachedContact> = contacts.collect();
        contacts.sort_unstable_by_key(|entry| (entry.low, entry.high));
        contacts
    };
    let world = replay.world();
    if sorted(&mut saved.part.bodies.iter().copied()) != sorted(&mut world.records()) {
        return Err(wrong(&saved.cut, "its bodies are not those of the replay".to_owned()));
    }
    if listed(&mut saved.part.contacts.iter().copied()) != listed(&mut world.counted_contacts()) {
        return Err(wrong(&saved.cut, "its contacts are not those of the replay".to_owned()));
    }
    Ok(())
}

/// Restores a snapshot on one world, applies the rest of the log, and compares every hash with what the cluster computed.
pub(crate) fn go_on(
    saved: &SavedWorld,
    entries: &BTreeMap<LogIndex, Arc<Entry>>,
    summaries: &BTreeMap<LogIndex, Summary>,
) -> Result<(), Failure> {
    let mut replay = Replay::resume(saved.clone()).map_err(|error| wrong(&saved.cut, error.to_string()))?;
    for (index, entry) in entries.range(saved.cut.index.next()..) {
        let hash = replay
            .apply(entry)
            .map_err(|error| wrong(&saved.cut, error.to_string()))?;
        if summaries.get(index).is_none_or(|summary| summary.hash != hash.0) {
            return Err(wrong(
                &saved.cut,
                format!("the world that goes on from it differs at {index}"),
            ));
        }
    }
    Ok(())
}
