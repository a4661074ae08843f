//! Pairs, and what else belongs to bodies, in storage order.

use std::ops::Range;

use super::Pair;
use crate::recycled::{make_room, resize};

/// Sorts by body: a counting sort, then an insertion sort among the few items of each body.
#[derive(Debug, Default)]
pub(super) struct PairOrder {
    ends: Vec<u32>,
}

impl PairOrder {
    /// Writes the pairs to `out` in order, by the first body, then the second; every first body is in `bodies`.
    pub(super) fn sort<'a>(
        &mut self,
        pairs: impl Iterator<Item = &'a Pair> + Clone,
        bodies: Range<usize>,
        out: &mut Vec<Pair>,
    ) {
        self.sort_by_body(pairs.copied(), bodies, |pair| pair[0], |pair| *pair, out);
    }

    /// Writes items to `out` in the order of their keys, of which their body is the beginning; every body is in `bodies`.
    pub(super) fn sort_by_body<T: Copy, K: Ord>(
        &mut self,
        items: impl Iterator<Item = T> + Clone,
        bodies: Range<usize>,
        body: impl Fn(&T) -> u32,
        key: impl Fn(&T) -> K,
        out: &mut Vec<T>,
    ) {
        out.clear();
        let len = items.clone().count();
        make_room(out, len);
        if len < bodies.len() / 16 {
            out.extend(items);
            out.sort_unstable_by_key(key);
            return;
        }
        let Some(any) = items.clone().next() else {
            return;
        };
        let group = |item: &T| body(item) as usize - bodies.start;
        self.ends.clear();
        resize(&mut self.ends, bodies.len() + 1, 0);
        for item in items.clone() {
            self.ends[group(&item) + 1] += 1;
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += *end;
            *end = sum;
        }
        out.resize(len, any);
        // Each entry starts as the beginning of its body's group and ends as the end of it.
        for item in items {
            let end = &mut self.ends[group(&item)];
            out[*end as usize] = item;
            *end += 1;
        }
        for i in 1..out.len() {
            let item = out[i];
            let own = key(&item);
            let mut j = i;
            while j > 0 && key(&out[j - 1]) > own {
                out[j] = out[j - 1];
                j -= 1;
            }
            out[j] = item;
        }
    }
}
