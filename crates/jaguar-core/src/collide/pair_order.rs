//! Pairs in storage order.

use std::ops::Range;

use super::Pair;
use crate::recycled::{make_room, resize};

/// A pair as one number, which is compared at once; pairs as arrays are compared by a loop.
fn key(&[a, b]: &Pair) -> u64 {
    u64::from(a) << 32 | u64::from(b)
}

/// Sorts by the first body, what is not in order already: a counting sort, then an insertion sort among the few pairs of each body.
#[derive(Debug, Default)]
pub(super) struct PairOrder {
    ends: Vec<u32>,
}

impl PairOrder {
    /// Writes the pairs to `out` in order, by the first body, then the second; every first body is in `bodies`.
    pub(super) fn sort(&mut self, pairs: &[Pair], bodies: Range<usize>, out: &mut Vec<Pair>) {
        out.clear();
        make_room(out, pairs.len());
        if pairs.is_sorted_by_key(key) {
            out.extend_from_slice(pairs);
            return;
        }
        if pairs.len() < bodies.len() / 16 {
            out.extend_from_slice(pairs);
            out.sort_unstable_by_key(key);
            return;
        }
        let group = |pair: &Pair| pair[0] as usize - bodies.start;
        self.ends.clear();
        resize(&mut self.ends, bodies.len() + 1, 0);
        for pair in pairs {
            self.ends[group(pair) + 1] += 1;
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += *end;
            *end = sum;
        }
        out.resize(pairs.len(), [0; 2]);
        // Each entry starts as the beginning of its body's group and ends as the end of it.
        for pair in pairs {
            let end = &mut self.ends[group(pair)];
            out[*end as usize] = *pair;
            *end += 1;
        }
        for i in 1..out.len() {
            let pair = out[i];
            let mut j = i;
            while j > 0 && key(&out[j - 1]) > key(&pair) {
                out[j] = out[j - 1];
                j -= 1;
            }
            out[j] = pair;
        }
    }
}
