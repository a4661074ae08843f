//! The proof: the recorded log, replayed on one world without any network, gives the same hash at every tick.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jaguar_core::BodyId;
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::replay::Replay;

use crate::progress::Progress;
use crate::recording::Recording;

/// What a replay has shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proof {
    /// Ticks compared.
    pub(crate) ticks: u64,
    /// The first entry whose hash differs.
    pub(crate) first_difference: Option<HashDifference>,
    /// Time that the replay took.
    pub(crate) wall: Duration,
    /// The bodies at the end.
    pub(crate) ids: Vec<BodyId>,
}

/// Two hashes of one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HashDifference {
    /// The tick.
    pub(crate) tick: u64,
    /// The entry.
    pub(crate) index: u64,
    /// On one world.
    pub(crate) reference: u128,
    /// On the cluster.
    pub(crate) cluster: u128,
}

/// Replays a recording and compares the hash after each entry, up to the first difference.
pub(crate) fn replay(definition: WorldDefinition, recording: &Recording) -> anyhow::Result<Proof> {
    let started = Instant::now();
    let mut world = Replay::new(definition)?;
    let ticks = recording.last().map_or(0, |summary| summary.tick.0);
    let progress = Progress::new("replay on one world", ticks);
    let mut first_difference = None;
    let mut compared = 0;
    for (entry, summary) in recording.entries().iter().zip(recording.summaries()) {
        let hash = world.apply(entry)?.0;
        if summary.advanced {
            compared += 1;
            progress.advance();
        }
        if hash != summary.hash {
            first_difference = Some(HashDifference {
                tick: summary.tick.0,
                index: summary.index.0,
                reference: hash,
                cluster: summary.hash,
            });
            break;
        }
    }
    Ok(Proof {
        ticks: compared,
        first_difference,
        wall: started.elapsed(),
        ids: world.world().bodies().map(|body| body.id).collect(),
    })
}

/// Bodies that are not where they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Expected and not found.
    pub(crate) lost: Vec<BodyId>,
    /// Found more than once.
    pub(crate) duplicated: Vec<BodyId>,
    /// Found and not expected.
    pub(crate) unexpected: Vec<BodyId>,
}

impl Census {
    /// Compares the ids that there should be with those that were read, in any order.
    pub(crate) fn compare(expected: &[BodyId], found: &[BodyId]) -> Self {
        let mut times: BTreeMap<BodyId, (u32, u32)> = BTreeMap::new();
        for &id in expected {
            times.entry(id).or_default().0 += 1;
        }
        for &id in found {
            times.entry(id).or_default().1 += 1;
        }
        let select = |wrong: fn(u32, u32) -> bool| {
            let chosen = times.iter().filter(|&(_, &(expected, found))| wrong(expected, found));
            chosen.map(|(&id, _)| id).collect()
        };
        Self {
            lost: select(|expected, found| expected > 0 && found == 0),
            duplicated: select(|_, found| found > 1),
            unexpected: select(|expected, found| expected == 0 && found > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u64]) -> Vec<BodyId> {
        numbers.iter().copied().map(BodyId).collect()
    }

    #[test]
    fn the_census_names_every_body_that_is_wrong() {
        let census = Census::compare(&ids(&[1, 2, 3, 4]), &ids(&[4, 1, 3, 3, 9]));
        let expected = Census {
            lost: ids(&[2]),
            duplicated: ids(&[3]),
            unexpected: ids(&[9]),
        };
        assert_eq!(census, expected);
        assert_eq!(Census::compare(&ids(&[1, 2]), &ids(&[2, 1])), Census::default());
    }
}
