//! The reference of `verify`: the scenario on one world in this process, with no pods and no network.

use jaguar_core::BodyId;
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::replay::Replay;

use crate::progress::Progress;

/// What every cluster has to compute.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    definition: WorldDefinition,
    // Invariant: position i holds the hash after tick i + 1.
    hashes: Vec<u128>,
    final_ids: Vec<BodyId>,
    peak_entities: usize,
}

impl Reference {
    /// Simulates so many ticks.
    pub(crate) fn compute(definition: WorldDefinition, ticks: u64, progress: &Progress) -> anyhow::Result<Self> {
        let mut replay = Replay::new(definition.clone())?;
        let mut hashes = Vec::new();
        let mut peak_entities = 0;
        for _ in 0..ticks {
            hashes.push(replay.advance()?.0);
            peak_entities = peak_entities.max(replay.world().len());
            progress.advance();
        }
        Ok(Self {
            definition,
            hashes,
            final_ids: replay.world().bodies().map(|body| body.id).collect(),
            peak_entities,
        })
    }

    /// The hash after a tick; none outside the run.
    pub(crate) fn hash(&self, tick: u64) -> Option<u128> {
        let position = usize::try_from(tick.checked_sub(1)?).ok()?;
        self.hashes.get(position).copied()
    }

    /// How many ticks there are.
    pub(crate) fn ticks(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// The bodies after the last tick.
    pub(crate) fn final_ids(&self) -> &[BodyId] {
        &self.final_ids
    }

    /// The most bodies there were.
    pub(crate) fn peak_entities(&self) -> usize {
        self.peak_entities
    }

    /// The world after a tick, simulated again from the beginning.
    pub(crate) fn world_at(&self, tick: u64) -> anyhow::Result<Replay> {
        let mut replay = Replay::new(self.definition.clone())?;
        for _ in 0..tick {
            replay.advance()?;
        }
        Ok(replay)
    }
}
