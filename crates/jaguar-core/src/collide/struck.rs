//! Pairs that become contacts if a third body strikes one of them ([`crate::narrow_phase::prepare::Outlook::Struck`]). Who is struck is known when all that touches is found, so they are decided in a second step.

use super::Collision;
use super::found::{Found, ScratchPool};
use crate::body::BodyId;
use crate::parallel::*;
use crate::tile_table::Chunk;

impl Collision {
    /// Decides about the pairs that wait.
    pub(super) fn take_struck(&mut self, ids: &[BodyId]) {
        let chunks = &self.table.chunks;
        let (owned, all) = (&chunks[..self.table.owned_chunks], chunks.len());
        if self.found[..owned.len()].iter().all(|found| found.waiting.is_empty()) {
            return;
        }
        let across = &mut self.struck_across;
        across.clear();
        across.extend(self.found[..all].iter().flat_map(Found::struck_across));
        across.sort_unstable();
        let (across, keeps_lanes, scratch) = (&*across, self.keeps_lanes, &self.scratch);
        let tasks = self.found.par_iter_mut().zip(owned).with_max_len(1);
        tasks.for_each(|(found, chunk)| {
            let before = |body: usize| across.partition_point(|&other| (other as usize) < body);
            let own = before(chunk.bodies.start)..before(chunk.bodies.end);
            found.take_struck(chunk, (ids, &across[own]), keeps_lanes, scratch);
        });
    }
}

impl Found {
    /// Bodies that touch one in another tile.
    fn struck_across(&self) -> impl Iterator<Item = u32> + '_ {
        let manifolds = self.across_manifolds.iter().map(|found| &found.pair);
        self.touching_across.iter().chain(manifolds).flatten().copied()
    }

    /// Takes the waiting pairs of which a body touches a third: one of its chunk, static geometry, or one in another tile (those bodies are given).
    fn take_struck(
        &mut self,
        chunk: &Chunk,
        (ids, struck_across): (&[BodyId], &[u32]),
        keeps_lanes: bool,
        scratch: &ScratchPool,
    ) {
        if self.waiting.is_empty() {
            return;
        }
        scratch.lend(|scratch| {
            let place = |body: u32| body as usize - chunk.bodies.start;
            let struck = &mut scratch.struck;
            struck.clear();
            struck.resize(chunk.bodies.len(), false);
            let manifolds = self.manifolds.iter().map(|found| &found.pair);
            let pairs = self.touching.iter().chain(manifolds).flatten().copied();
            let statics = self.statics.iter().map(|&(body, _)| body);
            let static_manifolds = self.static_manifolds.iter().map(|&(body, _)| body);
            let alone = statics.chain(static_manifolds).chain(struck_across.iter().copied());
            for body in pairs.chain(alone) {
                struck[place(body)] = true;
            }
            scratch.unordered.clear();
            scratch.unordered.extend_from_slice(&self.touching);
            let is_struck = |pair: &&[u32; 2]| pair.iter().any(|&body| struck[place(body)]);
            scratch.unordered.extend(self.waiting.iter().filter(is_struck));
            self.order_inside(chunk, ids, keeps_lanes, scratch);
        });
    }
}
