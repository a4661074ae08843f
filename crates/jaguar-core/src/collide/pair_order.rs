//! Pairs in storage order.

use std::ops::Range;

use super::Pair;

/// Sorts pairs by the first body, then the second: a counting sort by the first, then an insertion sort among the few pairs of each.
#[derive(Debug, Default)]
pub(super) struct PairOrder {
    ends: Vec<u32>,
}

impl PairOrder {
    /// Writes the pairs to `out` in order; every first body is in `bodies`.
    pub(super) fn sort(&mut self, pairs: &[Pair], bodies: Range<usize>, out: &mut Vec<Pair>) {
        out.clear();
        if pairs.len() < bodies.len() / 16 {
            out.extend_from_slice(pairs);
            out.sort_unstable();
            return;
        }
        self.ends.clear();
        self.ends.resize(bodies.len() + 1, 0);
        for pair in pairs {
            self.ends[pair[0] as usize - bodies.start + 1] += 1;
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += *end;
            *end = sum;
        }
        out.resize(pairs.len(), [0, 0]);
        // Each entry starts as the beginning of its body's group and ends as the end of it.
        for pair in pairs {
            let end = &mut self.ends[pair[0] as usize - bodies.start];
            out[*end as usize] = *pair;
            *end += 1;
        }
        for i in 1..out.len() {
            let pair = out[i];
            let mut j = i;
            while j > 0 && out[j - 1] > pair {
                out[j] = out[j - 1];
                j -= 1;
            }
            out[j] = pair;
        }
    }
}
