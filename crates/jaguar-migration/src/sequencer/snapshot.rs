//! Snapshots: which entry one is taken after, and whose parts of it are stored.
//!
//! A pod that the snapshot needs does not leave: from the request until its part is stored, and the pod that asked until it has its answer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Sequencer, Verdict, refused};
use crate::action::Summary;
use crate::command::Reply;
use crate::id::{LogIndex, PodId};
use crate::record::{Entry, Origin, Record};
use crate::saved::{Cut, StoredPart};

/// The one snapshot that may be under way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) enum Snapshot {
    #[default]
    None,
    /// The next entry carries it.
    Wanted { origin: Origin, name: String },
    /// It is sealed; parts are being stored.
    Sealed(Sealed),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    origin: Origin,
    name: String,
    index: LogIndex,
    /// Known when the entry is complete.
    cut: Option<Cut>,
    /// Whose parts are not stored yet.
    awaited: BTreeSet<PodId>,
    /// Ascending by pod.
    parts: Vec<StoredPart>,
}

impl Snapshot {
    /// Whether the pod must stay for its sake.
    pub(super) fn needs(&self, pod: PodId) -> bool {
        match self {
            Self::None => false,
            Self::Wanted { .. } => true,
            Self::Sealed(sealed) => sealed.origin.pod == pod || sealed.awaited.contains(&pod),
        }
    }
}

impl Sequencer {
    /// Whether a snapshot is wanted or under way.
    pub(crate) fn is_taking_snapshot(&self) -> bool {
        !matches!(self.snapshot, Snapshot::None)
    }

    /// A client wants a snapshot.
    pub(super) fn want_snapshot(&mut self, origin: Origin, name: String) -> Vec<Verdict> {
        match &self.snapshot {
            Snapshot::None => {
                self.snapshot = Snapshot::Wanted { origin, name };
                Vec::new()
            }
            Snapshot::Wanted { name, .. } | Snapshot::Sealed(Sealed { name, .. }) => {
                let reason = format!("snapshot {name} is being taken; ask again when it is done");
                vec![Verdict::Reply(origin, refused(&reason))]
            }
        }
    }

    /// The last snapshot of a world whose pods all leave. From now on it stands still, unless a pod joins.
    pub(crate) fn farewell(&mut self, origin: Origin, name: String) -> Vec<Verdict> {
        self.ending = true;
        self.want_snapshot(origin, name)
    }

    /// Adds the snapshot's record, if one is wanted, as the last of an entry.
    pub(super) fn seal_snapshot(&mut self, expected: &BTreeSet<PodId>, records: &mut Vec<Record>) {
        if let Snapshot::Wanted { origin, name } = &self.snapshot {
            let (origin, name) = (*origin, name.clone());
            records.push(Record::Snapshot {
                name: name.clone(),
                next_id: self.next_id,
                paused: self.paused,
            });
            self.snapshot = Snapshot::Sealed(Sealed {
                origin,
                name,
                index: self.next,
                cut: None,
                awaited: expected.clone(),
                parts: Vec::new(),
            });
        }
    }

    /// An entry is complete: if it carried the snapshot, that says the rest of it.
    pub(super) fn note_cut(&mut self, entry: &Entry, summary: &Summary, verdicts: &mut Vec<Verdict>) {
        let Snapshot::Sealed(sealed) = &mut self.snapshot else {
            return;
        };
        let Some(Record::Snapshot { next_id, paused, .. }) = entry.records.last() else {
            return;
        };
        if sealed.index == entry.index {
            sealed.cut = Some(Cut {
                index: summary.index,
                tick: summary.tick,
                hash: summary.hash,
                entities: summary.entities,
                next_id: *next_id,
                spawned: summary.spawned,
                despawned: summary.despawned,
                handed_over: summary.handed_over,
                paused: *paused,
            });
            self.finish_snapshot(verdicts);
        }
    }

    /// A pod has stored its part, or could not.
    pub(crate) fn part_stored(
        &mut self,
        pod: PodId,
        index: LogIndex,
        part: Result<StoredPart, String>,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let Snapshot::Sealed(sealed) = &mut self.snapshot else {
            return verdicts;
        };
        if sealed.index != index || !sealed.awaited.remove(&pod) {
            return verdicts;
        }
        match part {
            Ok(part) => {
                sealed.parts.push(part);
                self.finish_snapshot(&mut verdicts);
            }
            Err(reason) => {
                let reason = format!("{pod} could not store its part: {reason}");
                verdicts.push(Verdict::Reply(sealed.origin, refused(&reason)));
                self.snapshot = Snapshot::None;
            }
        }
        verdicts
    }

    fn finish_snapshot(&mut self, verdicts: &mut Vec<Verdict>) {
        let Snapshot::Sealed(sealed) = &mut self.snapshot else {
            return;
        };
        if let Some(cut) = sealed.cut.take_if(|_| sealed.awaited.is_empty()) {
            let mut parts = std::mem::take(&mut sealed.parts);
            parts.sort_unstable_by_key(|part| part.pod);
            verdicts.push(Verdict::Reply(sealed.origin, Reply::Snapshot { cut, parts }));
            self.snapshot = Snapshot::None;
        }
    }
}
