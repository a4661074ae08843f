//! The recorded log of a run: every entry and every summary from the first on, whichever pods they came from.

use std::time::Duration;

use jaguar_migration::action::Summary;
use jaguar_migration::id::LogIndex;
use jaguar_migration::record::{Entry, Record};

/// Why what a pod sent cannot be part of the log. Each of these is a fault of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordingError {
    /// Something was left out.
    #[error("the log has a gap: {found} came where {expected} was due")]
    Gap {
        /// What should have come.
        expected: LogIndex,
        /// What came.
        found: LogIndex,
    },
    /// Two pods say different things of one entry.
    #[error("two pods disagree about {what} of {index}")]
    Contradiction {
        /// The entry's content, or what was said of it.
        what: &'static str,
        /// The entry.
        index: LogIndex,
    },
}

/// Something that a pod sent of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LogItem {
    /// An entry.
    Entry(Entry),
    /// What all pods said of an entry.
    Summary(Summary),
}

/// A log without gaps, from its first entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    // Invariant: the element at position i has index i + 1, in all three.
    entries: Vec<Entry>,
    summaries: Vec<Summary>,
    arrivals: Vec<Duration>,
}

impl Recording {
    /// Takes in the next entry, or one that is here already, as they come again after a change of pod.
    pub(crate) fn accept_entry(&mut self, entry: Entry) -> Result<(), RecordingError> {
        accept(&mut self.entries, entry, |entry| entry.index, "the content").map(drop)
    }

    /// Takes in the next summary, with the time since the run began, or one that is here already. True if it is new.
    pub(crate) fn accept_summary(&mut self, summary: Summary, arrival: Duration) -> Result<bool, RecordingError> {
        let is_new = accept(&mut self.summaries, summary, |summary| summary.index, "the outcome")?;
        if is_new {
            self.arrivals.push(arrival);
        }
        Ok(is_new)
    }

    /// The entries, from 1.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The summaries, from 1.
    pub(crate) fn summaries(&self) -> &[Summary] {
        &self.summaries
    }

    /// The newest summary.
    pub(crate) fn last(&self) -> Option<&Summary> {
        self.summaries.last()
    }

    /// Wall time between consecutive ticks, ms, where the world was advancing.
    pub(crate) fn tick_intervals_ms(&self) -> Vec<f64> {
        self.summaries
            .windows(2)
            .zip(self.arrivals.windows(2))
            .filter(|(pair, _)| pair[0].advanced && pair[1].advanced)
            .map(|(_, times)| (times[1] - times[0]).as_secs_f64() * 1e3)
            .collect()
    }

    /// Bodies that were ever missing or too many by the world's own account: the largest |spawned - despawned - entities| of all entries.
    pub(crate) fn worst_imbalance(&self) -> Imbalance {
        let mut worst = Imbalance::default();
        for summary in &self.summaries {
            let due = summary.spawned.saturating_sub(summary.despawned);
            worst.missing = worst.missing.max(due.saturating_sub(summary.entities));
            worst.surplus = worst.surplus.max(summary.entities.saturating_sub(due));
        }
        worst
    }

    /// Joins and leaves in the log; the founder's own is not one.
    pub(crate) fn membership_changes(&self) -> MembershipChanges {
        let mut changes = MembershipChanges::default();
        for record in self.entries.iter().flat_map(|entry| &entry.records) {
            match record {
                Record::Join(_) => changes.joins += 1,
                Record::Leave(_) => changes.leaves += 1,
                Record::Coordinator(_) => changes.successions += 1,
                Record::Map(_) => changes.maps += 1,
                Record::Physics { .. } | Record::Tune { .. } | Record::Snapshot { .. } => {}
            }
        }
        changes
    }
}

/// Bodies missing and too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imbalance {
    /// Spawned, not despawned, and not there.
    pub(crate) missing: u64,
    /// There, and not accounted for.
    pub(crate) surplus: u64,
}

/// What happened to the cluster in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MembershipChanges {
    /// Pods that joined.
    pub(crate) joins: u64,
    /// Pods that left.
    pub(crate) leaves: u64,
    /// Times that the coordinator's role moved.
    pub(crate) successions: u64,
    /// Times that tiles changed their owners.
    pub(crate) maps: u64,
}

fn accept<T: PartialEq>(
    known: &mut Vec<T>,
    item: T,
    index_of: impl Fn(&T) -> LogIndex,
    what: &'static str,
) -> Result<bool, RecordingError> {
    let index = index_of(&item);
    let expected = LogIndex(known.len() as u64 + 1);
    if index == expected {
        known.push(item);
        return Ok(true);
    }
    let position = index
        .0
        .checked_sub(1)
        .and_then(|position| usize::try_from(position).ok());
    match position.and_then(|position| known.get(position)) {
        Some(same) if *same == item => Ok(false),
        Some(_) => Err(RecordingError::Contradiction { what, index }),
        None => Err(RecordingError::Gap { expected, found: index }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_migration::id::Tick;

    fn entry(index: u64) -> Entry {
        Entry {
            index: LogIndex(index),
            tick: Tick(index - 1),
            advance: true,
            records: Vec::new(),
        }
    }

    fn summary(index: u64, advanced: bool) -> Summary {
        Summary {
            index: LogIndex(index),
            tick: Tick(index),
            advanced,
            hash: 0,
            entities: 10,
            spawned: 12,
            despawned: 2,
            handed_over: 0,
            joints: 0,
            pods: Vec::new(),
        }
    }

    #[test]
    fn entries_come_again_after_a_change_of_pod_and_gaps_do_not_pass() {
        let mut recording = Recording::default();
        for index in [1, 2, 2, 1, 3] {
            assert_eq!(recording.accept_entry(entry(index)), Ok(()));
        }
        let gap = RecordingError::Gap {
            expected: LogIndex(4),
            found: LogIndex(5),
        };
        assert_eq!(recording.accept_entry(entry(5)), Err(gap));
        assert_eq!(recording.entries().len(), 3);
    }

    #[test]
    fn two_pods_that_disagree_are_noticed() {
        let mut recording = Recording::default();
        assert_eq!(recording.accept_summary(summary(1, true), Duration::ZERO), Ok(true));
        assert_eq!(recording.accept_summary(summary(1, true), Duration::ZERO), Ok(false));
        let mut other = summary(1, true);
        other.hash = 1;
        let error = recording.accept_summary(other, Duration::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "two pods disagree about the outcome of entry 1");
    }

    #[test]
    fn intervals_span_only_ticks() {
        let mut recording = Recording::default();
        for (index, advanced, ms) in [
            (1, true, 0),
            (2, true, 10),
            (3, false, 500),
            (4, true, 1000),
            (5, true, 1030),
        ] {
            let arrival = Duration::from_millis(ms);
            recording.accept_summary(summary(index, advanced), arrival).unwrap();
        }
        assert_eq!(recording.tick_intervals_ms(), [10.0, 30.0]);
    }

    #[test]
    fn a_body_that_is_missing_at_one_tick_only_is_noticed() {
        let mut recording = Recording::default();
        for (index, entities) in [(1, 10), (2, 7), (3, 11), (4, 10)] {
            let mut summary = summary(index, true);
            summary.entities = entities;
            recording.accept_summary(summary, Duration::ZERO).unwrap();
        }
        assert_eq!(recording.worst_imbalance(), Imbalance { missing: 3, surplus: 1 });
    }
}
