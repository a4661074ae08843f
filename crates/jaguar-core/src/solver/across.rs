//! Contacts between tiles: Jacobi. Every contact sees the velocities after all warm starts, takes half of the change that it alone would want, and each body adds up
//! the changes of its contacts in the order of the partners' ids. So the two owners of a pair need each other's velocities once a substep and nothing else.
//!
//! There is no relax pass between tiles: it would cost a second exchange a substep and settles nothing visibly better with tiles of 8 m and more.

use rayon::prelude::*;

use super::{Impulse, StepConstants, bounce, respond};
use crate::constants::ACROSS_RELAXATION;
use crate::contact::Contact;
use crate::storage::Motion;

/// Contacts that one thread solves in a row.
const MIN_CONTACTS: usize = 512;

/// A held body's part in a contact between tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) body: u32,
    contact: u32,
}

impl Side {
    pub(crate) fn of_low(body: u32, contact: u32) -> Self {
        Self {
            body,
            contact: contact << 1,
        }
    }

    pub(crate) fn of_high(body: u32, contact: u32) -> Self {
        Self {
            body,
            contact: contact << 1 | 1,
        }
    }

    fn apply(self, impulses: impl Fn(usize) -> Impulse, motion: &mut [Motion], base: usize) {
        let impulse = impulses((self.contact >> 1) as usize);
        let body = &mut motion[self.body as usize - base];
        if self.contact & 1 == 0 {
            impulse.apply_to_low(body);
        } else {
            impulse.apply_to_high(body);
        }
    }
}

/// Computes the change of every contact; applies none.
pub(crate) fn solve(motion: &[Motion], contacts: &mut [Contact], changes: &mut [Impulse], step: &StepConstants) {
    contacts
        .par_iter_mut()
        .with_min_len(MIN_CONTACTS)
        .zip(changes)
        .for_each(|(contact, change)| {
            *change = solve_one(contact, motion, step);
        });
}

fn solve_one(contact: &mut Contact, motion: &[Motion], step: &StepConstants) -> Impulse {
    let (low, high) = (&motion[contact.low as usize], &motion[contact.high as usize]);
    if let Some(impulse) = bounce(contact, low, high, step) {
        return impulse;
    }
    let (normal, friction) = respond::<true>(contact, low, high, step);
    // Both ends of the change lie in the friction cone, which is convex; so does its middle.
    let normal = (normal - contact.normal_impulse) * ACROSS_RELAXATION;
    let friction = (friction - contact.friction_impulse) * ACROSS_RELAXATION;
    contact.normal_impulse += normal;
    contact.friction_impulse += friction;
    Impulse::new(contact, normal, friction)
}

/// Applies the accumulated impulses to the held bodies' sides.
pub(crate) fn warm_start(motion: &mut [Motion], base: usize, sides: &[Side], contacts: &[Contact]) {
    for side in sides {
        side.apply(|contact| Impulse::accumulated(&contacts[contact]), motion, base);
    }
}

/// Applies the changes to the held bodies' sides.
pub(crate) fn apply_changes(motion: &mut [Motion], base: usize, sides: &[Side], changes: &[Impulse]) {
    for side in sides {
        side.apply(|contact| changes[contact], motion, base);
    }
}
