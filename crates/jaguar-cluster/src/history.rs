//! The bodies of the last entries, so that observers can compare states and not only hashes.

use std::collections::VecDeque;
use std::sync::Arc;

use jaguar_core::{BodyRecord, World};
use jaguar_migration::id::LogIndex;

use crate::simulation::ReadError;

/// A ring of consecutive entries' bodies; keeps nothing when its size is 0.
#[derive(Debug)]
pub(crate) struct History {
    size: usize,
    kept: VecDeque<(LogIndex, Arc<[BodyRecord]>)>,
}

impl History {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            size,
            kept: VecDeque::new(),
        }
    }

    /// Keeps the world as it is after an entry.
    pub(crate) fn record(&mut self, index: LogIndex, world: &World) {
        if self.size == 0 {
            return;
        }
        if self.kept.len() == self.size {
            self.kept.pop_front();
        }
        let mut records: Vec<BodyRecord> = world.records().collect();
        records.sort_unstable_by_key(|record| record.id);
        self.kept.push_back((index, records.into()));
    }

    /// The bodies held after an entry, ascending by id.
    pub(crate) fn at(&self, asked: LogIndex) -> Result<Arc<[BodyRecord]>, ReadError> {
        let found = self.kept.binary_search_by_key(&asked, |&(index, _)| index);
        match found {
            Ok(position) => Ok(self.kept[position].1.clone()),
            Err(_) => Err(ReadError::NotKept {
                asked,
                held: self.describe(),
            }),
        }
    }

    fn describe(&self) -> String {
        match (self.kept.front(), self.kept.back()) {
            (Some((first, _)), Some((last, _))) => format!("entries {} to {}", first.0, last.0),
            _ => "none".to_owned(),
        }
    }
}
