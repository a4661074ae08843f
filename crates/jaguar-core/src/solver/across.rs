//! Contacts between tiles: Jacobi. Every contact sees the velocities after all warm starts, takes half of the change that it alone would want, and each body adds up
//! the changes of its contacts in the order of the partners' ids. So the two owners of a pair need each other's velocities once a substep and nothing else.
//!
//! There is no relax pass between tiles: it would cost a second exchange a substep and settles nothing visibly better with tiles of 8 m and more.

use glam::Vec3;

use super::StepConstants;
use super::bounces::{Bounces, Choices, ones};
use super::kernel::{Change, Share, Shifts, Velocities, solve, strikes};
use crate::contact::Coefficients;
use crate::ends::Ends;
use crate::parallel::*;
use crate::simd::{F32x8, Kernel, LANES, Octet, Quad, lanes_of};
use crate::sleep::are_all;
use crate::storage::{Columns, Motion};

/// Blocks that one thread solves in a row.
const BLOCKS_AT_ONCE: usize = 64;

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

    /// The other body of the contact.
    pub(crate) fn partner(self, ends: &[Ends]) -> u32 {
        let (block, lane) = self.block_and_lane();
        let ends = &ends[block];
        if self.is_low() { ends.high[lane] } else { ends.low[lane] }
    }

    /// The contact's lane, counted through all blocks.
    pub(crate) fn lane(self) -> usize {
        (self.lane >> 1) as usize
    }

    /// Whether the body is the one of the lower id.
    pub(crate) fn is_low(self) -> bool {
        self.lane & 1 == 0
    }

    /// Applies an impulse of the contact, and what of it turns, to the side's body.
    fn apply(self, linear: Vec3, turning: Vec3, motion: &mut [Motion], base: usize) {
        let body = &mut motion[self.body as usize - base];
        let linear = linear * body.inverse_mass();
        let sign = if self.is_low() { -1.0 } else { 1.0 };
        body.set_velocity(body.velocity() + linear * sign);
        body.set_angular_velocity(body.angular_velocity() - turning * body.turning());
    }

    /// The block of the contact, and the lane in it.
    pub(crate) fn block_and_lane(self) -> (usize, usize) {
        (self.lane() / LANES, self.lane() % LANES)
    }
}

/// Contacts between tiles, to be solved.
pub(crate) struct Contacts<'a> {
    /// Normals and separations.
    pub(crate) geometry: &'a [Quad],
    /// Those of friction, and the normal ones.
    pub(crate) impulses: &'a mut [Quad],
    pub(crate) ends: &'a [Ends],
    /// As many as blocks, or one.
    pub(crate) coefficients: &'a [Coefficients],
}

/// Computes the change of every contact, and which may bounce in the next substep; applies none. Those of which both bodies sleep stay as they are: `asleep` has their lanes, block by block, or is empty.
pub(crate) fn solve_all(
    columns: &Columns,
    contacts: Contacts<'_>,
    (changes, bounces): (&mut [Change], &mut Bounces),
    felt: &mut [Octet],
    asleep: &[u8],
    step: &StepConstants,
) {
    let Contacts {
        geometry,
        impulses,
        ends,
        coefficients,
    } = contacts;
    let chunks = geometry.len().div_ceil(BLOCKS_AT_ONCE);
    // Those of a chunk, or those of all.
    let own_coefficients = |c: usize| coefficients.get(c * BLOCKS_AT_ONCE..).unwrap_or(coefficients);
    let asleep = |c: usize| asleep.get(c * BLOCKS_AT_ONCE..).unwrap_or_default();
    // Bounces are added to the sums, if there are any.
    let felt = felt.par_chunks_mut(BLOCKS_AT_ONCE).map(Some);
    let felt = felt.chain(repeat_n((), chunks).map(|()| None)).take(chunks);
    // Likewise.
    let (foreseen, choices) = bounces.parts(&columns.id);
    let foreseen = foreseen.par_chunks_mut(BLOCKS_AT_ONCE).map(Some);
    let foreseen = foreseen.chain(repeat_n((), chunks).map(|()| None)).take(chunks);
    impulses
        .par_chunks_mut(BLOCKS_AT_ONCE)
        .zip(geometry.par_chunks(BLOCKS_AT_ONCE))
        .zip(ends.par_chunks(BLOCKS_AT_ONCE))
        .zip(changes.par_chunks_mut(BLOCKS_AT_ONCE))
        .zip(felt.zip(foreseen))
        .enumerate()
        .for_each(|(c, ((((impulses, geometry), ends), changes), (felt, foreseen)))| {
            step.simd.run(Solve {
                motion: &columns.motion,
                contacts: Contacts {
                    geometry,
                    impulses,
                    ends,
                    coefficients: own_coefficients(c),
                },
                changes,
                felt: felt.unwrap_or_default(),
                foreseen: foreseen.unwrap_or_default(),
                choices,
                asleep: asleep(c),
                step,
            });
        });
}

struct Solve<'a> {
    motion: &'a [Motion],
    contacts: Contacts<'a>,
    changes: &'a mut [Change],
    felt: &'a mut [Octet],
    /// The lanes of each block that may bounce, replaced by those of the next substep; empty if nothing bounces.
    foreseen: &'a mut [u8],
    choices: Choices<'a>,
    /// The lanes of each block whose both bodies sleep; empty if there are none.
    asleep: &'a [u8],
    step: &'a StepConstants,
}

impl Kernel for Solve<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        let motion = self.motion;
        let Contacts {
            geometry,
            impulses,
            ends,
            coefficients,
        } = self.contacts;
        let blocks = geometry.iter().zip(impulses).zip(ends).zip(self.changes);
        for (b, (((geometry, impulses), ends), change)) in blocks.enumerate() {
            let asleep = self.asleep.get(b).copied().unwrap_or(0);
            if asleep != 0 && are_all(asleep, &ends.low) {
                continue;
            }
            let before = if asleep == 0 { None } else { Some(*impulses) };
            let low = (
                &Velocities::<F>::gather(motion, &ends.low),
                &Shifts::gather(motion, &ends.low),
            );
            let high = (
                &Velocities::gather(motion, &ends.high),
                &Shifts::gather(motion, &ends.high),
            );
            let coefficients = Coefficients::of(coefficients, b);
            let mut bounces = F::splat(0.0);
            if let Some(foreseen) = self.foreseen.get_mut(b) {
                let mutual = self.choices.mutual(*foreseen, &ends.low, &ends.high);
                bounces = F::load(&ones(mutual));
                let bounced = mutual & strikes(geometry, coefficients, low, high, 1.0, self.step);
                *foreseen = strikes(geometry, coefficients, low, high, 2.0, self.step) & !bounced;
            }
            solve::<F, true>(
                (geometry, impulses),
                coefficients,
                low,
                high,
                Share::Half { bounces },
                self.felt.get_mut(b),
                self.step,
            )
            .store(change);
            if let Some(before) = before {
                lanes_of(asleep.into()).for_each(|lane| impulses.take(lane, &before));
            }
        }
    }
}

/// Applies the accumulated impulses to the held bodies' sides.
pub(crate) fn warm_start(motion: &mut [Motion], base: usize, sides: &[Side], (geometry, impulses): (&[Quad], &[Quad])) {
    for side in sides {
        let (block, lane) = side.block_and_lane();
        let (geometry, impulses) = (&geometry[block], &impulses[block]);
        let (normal, friction) = (vector(&geometry.xyz, lane), vector(&impulses.xyz, lane));
        let linear = normal * impulses.w[lane] + friction;
        side.apply(linear, normal.cross(friction), motion, base);
    }
}

/// Applies the changes to the held bodies' sides.
pub(crate) fn apply_changes(motion: &mut [Motion], base: usize, sides: &[Side], changes: &[Change]) {
    for side in sides {
        let (block, lane) = side.block_and_lane();
        let change = &changes[block];
        side.apply(
            vector(&change.linear, lane),
            vector(&change.turning, lane),
            motion,
            base,
        );
    }
}

/// One lane's.
pub(super) fn vector(octets: &[Octet; 3], lane: usize) -> Vec3 {
    Vec3::new(octets[0][lane], octets[1][lane], octets[2][lane])
}
