//! The spans of an entry on a pod: `tick`, and below it what its stages do and wait for.
//!
//! They go to whoever subscribes to [`TARGET`]. While nobody does, the tick's span is none, and nothing below it is made.
//! Numbers are i64, the only whole numbers that OpenTelemetry has.

use std::fmt;

use jaguar_core::World;
use tracing::Span;

use crate::id::{LogIndex, PodId};
use crate::record::Entry;

/// The target of all spans that are traces, apart from those of logs. A span at INFO begins a trace; one at DEBUG is a part of it.
pub const TARGET: &str = "jaguar_trace";

/// Whether the tick of this entry is one of the `share` that is traced: the same ones on all pods, so that the traces of a tick can be laid side by side.
fn is_traced(index: LogIndex, share: f64) -> bool {
    // SplitMix64's finaliser (Steele, Lea, Flood 2014): neighbouring numbers give independent ones, so that no period of the log (reports of loads) shows.
    let mut mixed = index.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (mixed as f64) < share * 2.0_f64.powi(64)
}

/// The spans of one entry. They end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct EntryTrace {
    tick: Option<Span>,
    /// What has begun and lasts until the neighbours' messages are there.
    open: Vec<Span>,
}

impl EntryTrace {
    /// An entry that advances the world is a tick, and of the ticks such a share is traced.
    pub(crate) fn begin(entry: &Entry, world: &World, share: f64) -> Self {
        if !entry.advance || !is_traced(entry.index, share) {
            return Self::default();
        }
        let tick = tracing::info_span!(
            target: TARGET,
            "tick",
            index = entry.index.0.cast_signed(),
            tick = entry.tick.0.cast_signed(),
            entities = world.len() as i64,
        );
        Self {
            tick: (!tick.is_disabled()).then_some(tick),
            open: Vec::new(),
        }
    }

    /// Bodies go to a peer, and have gone when the exchange is over.
    pub(crate) fn hands_over(&mut self, peer: PodId, bodies: usize) {
        if let Some(tick) = self.tick.as_ref().filter(|_| bodies > 0) {
            let span = tracing::debug_span!(target: TARGET, parent: tick, "hand_over", peer = i64::from(peer.0), bodies = bodies as i64);
            self.open.push(span);
        }
    }

    /// What the pod now waits for, from so many peers.
    pub(crate) fn waits(&mut self, what: impl fmt::Display, peers: usize) {
        if let Some(tick) = self.tick.as_ref().filter(|_| peers > 0) {
            self.open
                .push(tracing::debug_span!(target: TARGET, parent: tick, "exchange", %what, peers = peers as i64));
        }
    }

    /// All that was waited for is there, and the pod computes until the answer is dropped.
    pub(crate) fn computes(&mut self, stage: impl fmt::Display) -> Span {
        self.open.clear();
        match &self.tick {
            Some(tick) => tracing::debug_span!(target: TARGET, parent: tick, "physics", %stage),
            None => Span::none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_ticks_is_traced() {
        let traced = |share| (0..100_000).filter(|&index| is_traced(LogIndex(index), share)).count();
        assert_eq!((traced(0.0), traced(1.0)), (0, 100_000));
        // Three standard deviations of a binomial distribution: 3 sqrt(100000 * 0.01 * 0.99) = 94.
        assert!(traced(0.01).abs_diff(1000) < 94, "{}", traced(0.01));
    }
}
