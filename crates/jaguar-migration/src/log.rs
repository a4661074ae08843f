//! The log as one pod holds it: the entries from some index on, without a gap.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::action::Summary;
use crate::id::{LogIndex, Tick};
use crate::limits::LOG_RETAINED_ENTRIES;
use crate::record::Entry;

/// Entries and summaries, the newest [`LOG_RETAINED_ENTRIES`] of each.
#[derive(Debug)]
pub(crate) struct Log {
    entries: VecDeque<Arc<Entry>>,
    summaries: VecDeque<Arc<Summary>>,
    /// The next entry to come.
    next: LogIndex,
    /// The world's tick after the newest entry.
    tick: Tick,
}

impl Log {
    /// A log that continues after `last`, with the world at `tick`.
    pub(crate) fn after(last: LogIndex, tick: Tick) -> Self {
        Self {
            entries: VecDeque::new(),
            summaries: VecDeque::new(),
            next: last.next(),
            tick,
        }
    }

    /// Adds the next entry; false when it is not the next.
    pub(crate) fn push(&mut self, entry: Arc<Entry>) -> bool {
        let fits = entry.index == self.next && entry.tick == self.tick;
        if fits {
            self.next = entry.index.next();
            self.tick = Tick(entry.tick.0 + u64::from(entry.advance));
            if self.entries.len() == LOG_RETAINED_ENTRIES {
                self.entries.pop_front();
            }
            self.entries.push_back(entry);
        }
        fits
    }

    pub(crate) fn push_summary(&mut self, summary: Summary) {
        if self.summaries.len() == LOG_RETAINED_ENTRIES {
            self.summaries.pop_front();
        }
        self.summaries.push_back(Arc::new(summary));
    }

    pub(crate) fn get(&self, index: LogIndex) -> Option<&Arc<Entry>> {
        let first = self.next.0 - self.entries.len() as u64;
        self.entries.get(usize::try_from(index.0.checked_sub(first)?).ok()?)
    }

    /// The newest entry's index.
    pub(crate) fn last(&self) -> LogIndex {
        LogIndex(self.next.0 - 1)
    }

    /// The world's tick after the newest entry.
    pub(crate) fn tick(&self) -> Tick {
        self.tick
    }

    pub(crate) fn entries(&self, from: LogIndex) -> impl Iterator<Item = &Arc<Entry>> {
        let skip = self.entries.partition_point(|entry| entry.index < from);
        self.entries.range(skip..)
    }

    pub(crate) fn summaries(&self, from: LogIndex) -> impl Iterator<Item = &Arc<Summary>> {
        let skip = self.summaries.partition_point(|summary| summary.index < from);
        self.summaries.range(skip..)
    }

    pub(crate) fn last_summary(&self) -> Option<&Arc<Summary>> {
        self.summaries.back()
    }
}
