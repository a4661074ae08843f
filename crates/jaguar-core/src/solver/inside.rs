//! Contacts of bodies inside one tile, and with static geometry: Gauss-Seidel, block by block. The lanes of a block share no body.

use super::StepConstants;
use super::kernel::{Impulse, Share, Shifts, Velocities, solve};
use crate::contact::{Coefficients, Contacts};
use crate::ends::{EndsView, PlaceInPortion, Places};
use crate::simd::{F32x8, Octet};
use crate::storage::Motion;

/// Applies what the contacts of these bodies have accumulated.
#[inline(always)]
pub(crate) fn warm_start<F: F32x8>(motion: &mut [Motion], contacts: &Contacts<'_>) {
    match contacts.ends {
        EndsView::Near(places) => warm_start_of::<F, _>(motion, contacts, places),
        EndsView::Far(places) => warm_start_of::<F, _>(motion, contacts, places),
    }
}

#[inline(always)]
fn warm_start_of<F: F32x8, P: PlaceInPortion>(motion: &mut [Motion], contacts: &Contacts<'_>, places: &[Places<P>]) {
    let blocks = contacts.geometry.iter().zip(contacts.impulses.iter());
    for ((geometry, impulses), ends) in blocks.zip(places) {
        let impulse = Impulse::<F>::accumulated(geometry, impulses);
        let mut low = Velocities::gather(motion, &ends.low);
        let mut high = Velocities::gather(motion, &ends.high);
        low.take_as_low(&impulse);
        high.take_as_high(&impulse);
        low.scatter(motion, &ends.low);
        high.scatter(motion, &ends.high);
    }
}

/// One pass over the contacts of these bodies: pushing overlaps apart, or (relaxing) only correcting velocities, which takes back the speed that the push gave. Bounces are added to `felt`, which has a sum
/// for each block or none.
#[inline(always)]
pub(crate) fn solve_pass<F: F32x8, const PUSH: bool>(
    motion: &mut [Motion],
    contacts: &mut Contacts<'_>,
    felt: &mut [Octet],
    step: &StepConstants,
) {
    match contacts.ends {
        EndsView::Near(places) => solve_pass_of::<F, PUSH, _>(motion, contacts, places, felt, step),
        EndsView::Far(places) => solve_pass_of::<F, PUSH, _>(motion, contacts, places, felt, step),
    }
}

#[inline(always)]
fn solve_pass_of<F: F32x8, const PUSH: bool, P: PlaceInPortion>(
    motion: &mut [Motion],
    contacts: &mut Contacts<'_>,
    places: &[Places<P>],
    felt: &mut [Octet],
    step: &StepConstants,
) {
    let blocks = contacts.geometry.iter().zip(contacts.impulses.iter_mut());
    for (b, (block, ends)) in blocks.zip(places).enumerate() {
        let mut low = Velocities::<F>::gather(motion, &ends.low);
        let mut high = Velocities::gather(motion, &ends.high);
        let shifts = (Shifts::gather(motion, &ends.low), Shifts::gather(motion, &ends.high));
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
        low.scatter(motion, &ends.low);
        high.scatter(motion, &ends.high);
    }
}
