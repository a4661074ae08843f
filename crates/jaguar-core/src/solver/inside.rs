//! Contacts of bodies inside one tile, and with static geometry: Gauss-Seidel, in the order of the list.

use super::{FIXED, Impulse, StepConstants, bounce, respond, will_bounce};
use crate::contact::Contact;
use crate::storage::Motion;

/// Applies what contacts between bodies have accumulated. `base` is the index of the first body in `motion`.
pub(crate) fn warm_start_pairs(motion: &mut [Motion], base: usize, contacts: &[Contact]) {
    for contact in contacts {
        let impulse = Impulse::accumulated(contact);
        impulse.apply_to_low(&mut motion[contact.low as usize - base]);
        impulse.apply_to_high(&mut motion[contact.high as usize - base]);
    }
}

/// Applies what contacts with static geometry have accumulated.
pub(crate) fn warm_start_statics(motion: &mut [Motion], base: usize, contacts: &[Contact]) {
    for contact in contacts {
        Impulse::accumulated(contact).apply_to_low(&mut motion[contact.low as usize - base]);
    }
}

/// One pass over contacts between bodies: pushing overlaps apart, or (relaxing) only correcting velocities, which takes back the speed that the push gave.
pub(crate) fn solve_pairs<const PUSH: bool>(
    motion: &mut [Motion],
    base: usize,
    contacts: &mut [Contact],
    step: &StepConstants,
) {
    for contact in contacts {
        let (l, h) = (contact.low as usize - base, contact.high as usize - base);
        let impulse = solve::<PUSH>(contact, &motion[l], &motion[h], step);
        impulse.apply_to_low(&mut motion[l]);
        impulse.apply_to_high(&mut motion[h]);
    }
}

/// One pass over contacts with static geometry.
pub(crate) fn solve_statics<const PUSH: bool>(
    motion: &mut [Motion],
    base: usize,
    contacts: &mut [Contact],
    step: &StepConstants,
) {
    for contact in contacts {
        let body = &mut motion[contact.low as usize - base];
        solve::<PUSH>(contact, body, &FIXED, step).apply_to_low(body);
    }
}

#[inline(always)]
fn solve<const PUSH: bool>(contact: &mut Contact, low: &Motion, high: &Motion, step: &StepConstants) -> Impulse {
    if PUSH {
        if let Some(impulse) = bounce(contact, low, high, step) {
            return impulse;
        }
    } else if will_bounce(contact, low, high, step) {
        return Impulse::default();
    }
    let (normal, friction) = respond::<PUSH>(contact, low, high, step);
    let impulse = Impulse::new(
        contact,
        normal - contact.normal_impulse,
        friction - contact.friction_impulse,
    );
    contact.normal_impulse = normal;
    contact.friction_impulse = friction;
    impulse
}
