//! Contacts of bodies inside one tile, and with static geometry: Gauss-Seidel, block by block. The lanes of a block share no body.

use super::StepConstants;
use super::kernel::{Impulse, Share, Shifts, Velocities, solve};
use crate::contact::{Coefficients, Contacts};
use crate::simd::{F32x8, Octet};
use crate::storage::Motion;

/// Applies what the contacts have accumulated. `base` is the index of the first body in `motion`.
#[inline(always)]
pub(crate) fn warm_start<F: F32x8>(motion: &mut [Motion], base: usize, contacts: &Contacts<'_>) {
    let blocks = contacts.geometry.iter().zip(contacts.impulses.iter());
    for ((geometry, impulses), ends) in blocks.zip(contacts.ends) {
        let impulse = Impulse::<F>::accumulated(geometry, impulses);
        let mut low = Velocities::gather(motion, base, &ends.low);
        let mut high = Velocities::gather(motion, base, &ends.high);
        low.take_as_low(&impulse);
        high.take_as_high(&impulse);
        low.scatter(motion, base, &ends.low);
        high.scatter(motion, base, &ends.high);
    }
}

/// One pass over contacts: pushing overlaps apart, or (relaxing) only correcting velocities, which takes back the speed that the push gave. Bounces are added to `felt`, which has a sum
/// for each block or none.
#[inline(always)]
pub(crate) fn solve_pass<F: F32x8, const PUSH: bool>(
    motion: &mut [Motion],
    base: usize,
    contacts: &mut Contacts<'_>,
    felt: &mut [Octet],
    step: &StepConstants,
) {
    let blocks = contacts.geometry.iter().zip(contacts.impulses.iter_mut());
    for (b, (block, ends)) in blocks.zip(contacts.ends).enumerate() {
        let mut low = Velocities::<F>::gather(motion, base, &ends.low);
        let mut high = Velocities::gather(motion, base, &ends.high);
        let shifts = (
            Shifts::gather(motion, base, &ends.low),
            Shifts::gather(motion, base, &ends.high),
        );
        let impulse = solve::<F, PUSH>(
            block,
            Coefficients::of(contacts.coefficients, b),
            (&low, &shifts.0),
            (&high, &shifts.1),
            Share::Whole,
            felt.get_mut(b),
            step,
        );
        low.take_as_low(&impulse);
        high.take_as_high(&impulse);
        low.scatter(motion, base, &ends.low);
        high.scatter(motion, base, &ends.high);
    }
}
