//! A permutation as its cycles, so that columns are brought into a new order in place, one after the other, and only what moves is touched.

use crate::recycled::resize;

/// The cycles of a permutation. Fixed points are left out.
#[derive(Debug, Default)]
pub(crate) struct Cycles {
    /// In each cycle, every position takes what the next one has, and the last what the first had.
    positions: Vec<u32>,
    ends: Vec<u32>,
}

impl Cycles {
    /// Those of the permutation that takes to position i what is at `order[i]`; every position occurs in `order` once. Leaves `order` as 0, 1, 2 ...
    pub(crate) fn take(&mut self, order: &mut [u32]) {
        self.ends.clear();
        let moving = order.iter().zip(0..).filter(|&(&from, to)| from != to).count();
        self.positions.truncate(moving);
        resize(&mut self.positions, moving, 0);
        let mut moved = 0;
        for start in 0..order.len() as u32 {
            let mut position = start;
            if order[start as usize] == start {
                continue;
            }
            loop {
                self.positions[moved] = position;
                moved += 1;
                let next = std::mem::replace(&mut order[position as usize], position);
                if next == start {
                    break;
                }
                position = next;
            }
            self.ends.push(moved as u32);
        }
    }

    /// Nothing moves.
    pub(crate) fn clear(&mut self) {
        self.positions.clear();
        self.ends.clear();
    }

    /// Gives back memory for more positions than so many.
    pub(crate) fn shrink_to(&mut self, positions: usize) {
        self.positions.shrink_to(positions);
    }

    /// The positions that get something else.
    pub(crate) fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Permutes a column.
    pub(crate) fn apply<T: Copy>(&self, column: &mut [T]) {
        let mut begin = 0;
        for &end in &self.ends {
            let cycle = &self.positions[begin..end as usize];
            let first = column[cycle[0] as usize];
            for pair in cycle.windows(2) {
                column[pair[0] as usize] = column[pair[1] as usize];
            }
            column[cycle[cycle.len() - 1] as usize] = first;
            begin = end as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;

    #[test]
    fn a_column_is_brought_into_any_order() {
        let mut random = Random(1);
        for length in [0, 1, 2, 10, 1000] {
            for _ in 0..20 {
                let mut order: Vec<u32> = (0..length).collect();
                // Some or all of it shuffled.
                let moving = if length == 0 {
                    0
                } else {
                    1 + random.bits() % u64::from(length)
                };
                for i in 1..moving {
                    order.swap(i as usize, (random.bits() % (i + 1)) as usize);
                }
                let column: Vec<u64> = (0..length).map(|_| random.bits()).collect();
                let expected: Vec<u64> = order.iter().map(|&i| column[i as usize]).collect();
                let mut cycles = Cycles::default();
                let still = order.iter().zip(0..).filter(|&(&from, to)| from == to).count();
                cycles.take(&mut order);
                assert_eq!(cycles.positions().len() + still, length as usize);
                let mut permuted = column;
                cycles.apply(&mut permuted);
                assert_eq!(permuted, expected);
            }
        }
    }
}
