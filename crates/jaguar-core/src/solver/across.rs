//! Contacts between tiles: Jacobi. Every contact sees the velocities after all warm starts, takes half of the change that it alone would want, and each body adds up
//! the changes of its contacts in the order of the partners' ids. So the two owners of a pair need each other's velocities once a substep and nothing else.
//!
//! There is no relax pass between tiles: it would cost a second exchange a substep and settles nothing visibly better with tiles of 8 m and more.

use glam::Vec3;
use rayon::prelude::*;

use super::StepConstants;
use super::kernel::{Impulse, Share, Shifts, Velocities, solve};
use crate::contact::{Block, LANES};
use crate::storage::Motion;

/// Blocks that one thread solves in a row.
const MIN_BLOCKS: usize = 128;

/// A held body's part in a contact between tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) body: u32,
    /// Twice the contact's lane, counted through all blocks; one more for the second body.
    lane: u32,
}

impl Side {
    pub(crate) fn of_low(body: u32, lane: usize) -> Self {
        Self {
            body,
            lane: (lane as u32) << 1,
        }
    }

    pub(crate) fn of_high(body: u32, lane: usize) -> Self {
        Self {
            body,
            lane: (lane as u32) << 1 | 1,
        }
    }

    /// Applies the impulse that `impulse` knows of a block to the side's body.
    fn apply(self, impulse: impl Fn(usize) -> Impulse, motion: &mut [Motion], base: usize) {
        let lane = (self.lane >> 1) as usize;
        let impulse = impulse(lane / LANES);
        let part = |lanes: [glam::Vec4; 3]| Vec3::from_array(lanes.map(|axis| axis[lane % LANES]));
        let body = &mut motion[self.body as usize - base];
        let linear = part(impulse.linear) * body.inverse_mass();
        let sign = if self.lane & 1 == 0 { -1.0 } else { 1.0 };
        body.set_velocity(body.velocity() + linear * sign);
        body.set_angular_velocity(body.angular_velocity() - part(impulse.turning) * body.turning());
    }
}

/// Computes the change of every contact; applies none.
pub(crate) fn solve_all(motion: &[Motion], blocks: &mut [Block], changes: &mut [Impulse], step: &StepConstants) {
    blocks
        .par_iter_mut()
        .with_min_len(MIN_BLOCKS)
        .zip(changes)
        .for_each(|(block, change)| {
            let (low, high) = (block.low, block.high);
            let low = (Velocities::gather(motion, 0, &low), Shifts::gather(motion, 0, &low));
            let high = (Velocities::gather(motion, 0, &high), Shifts::gather(motion, 0, &high));
            *change = solve::<true>(block, (&low.0, &low.1), (&high.0, &high.1), Share::Half, step);
        });
}

/// Applies the accumulated impulses to the held bodies' sides.
pub(crate) fn warm_start(motion: &mut [Motion], base: usize, sides: &[Side], blocks: &[Block]) {
    for side in sides {
        side.apply(|block| Impulse::accumulated(&blocks[block]), motion, base);
    }
}

/// Applies the changes to the held bodies' sides.
pub(crate) fn apply_changes(motion: &mut [Motion], base: usize, sides: &[Side], changes: &[Impulse]) {
    for side in sides {
        side.apply(|block| changes[block], motion, base);
    }
}
