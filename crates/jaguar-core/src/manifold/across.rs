//! Manifolds between tiles, by the rule of [`crate::solver::across`], but that each takes the whole change that it wants, and of each body a part only: a body in `n` manifolds is for each of them a body of the
//! `n`th part of its mass. So what all of them want together cannot overshoot, however light the body is beside those that press on it, and a heavy one with many neighbours does not slow down what a light one
//! needs (mass splitting: Tonge, Benevolenski and Voroshilov, "Mass Splitting for Jitter-Free Parallel Rigid Body Simulation", SIGGRAPH 2012).

use glam::Vec3;

use super::attitude::Attitude;
use super::block::{ManifoldBlock, Octet3};
use super::kernel::{Bodies8, Change, Meeting, Shifts8, accumulated, all, foresee, masses, solve_across, turned_far};
use crate::parallel::*;
use crate::simd::{F32x8, Kernel, LANES, Level, Mask, Octet, lanes_of};
use crate::sleep::are_all;
use crate::solver::StepConstants;
use crate::solver::across::Side;
use crate::solver::bounces::{Bounces, Choices, NEVER};
use crate::storage::{Columns, Motion};

/// Blocks that one thread works on in a row.
const BLOCKS_AT_ONCE: usize = 16;

/// What the manifolds between tiles do in a substep.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doing {
    /// By solving.
    pub(crate) change: Change,
    /// By pushing overlaps apart: displacements, not velocities.
    pub(crate) push: Change,
    /// By what they have accumulated after that: the warm start of the next substep.
    pub(crate) accumulated: Change,
}

/// Computes the change of every manifold, and when it will bounce in the next substep, in the first substep of a tick (`is_first`) with its masses, later with those of what has turned far; applies none. Those of which both bodies sleep stay as they are, as in [`crate::solver::across`].
pub(crate) fn solve_all(
    columns: &Columns,
    (attitudes, crowds): (&[Attitude], &[u32]),
    blocks: &mut [ManifoldBlock],
    (changes, bounces): (&mut [Doing], &mut Bounces),
    felt: &mut [Octet],
    asleep: &[u8],
    (step, is_first): (&StepConstants, bool),
) {
    let chunks = blocks.len().div_ceil(BLOCKS_AT_ONCE);
    let asleep = |c: usize| asleep.get(c * BLOCKS_AT_ONCE..).unwrap_or_default();
    // Bounces are added to the sums, if there are any.
    let felt = felt.par_chunks_mut(BLOCKS_AT_ONCE).map(Some);
    let felt = felt.chain(repeat_n((), chunks).map(|()| None)).take(chunks);
    // Likewise.
    let (foreseen, choices) = bounces.manifold_parts(&columns.id);
    let foreseen = foreseen.par_chunks_mut(BLOCKS_AT_ONCE).map(Some);
    let foreseen = foreseen.chain(repeat_n((), chunks).map(|()| None)).take(chunks);
    let chunks = blocks
        .par_chunks_mut(BLOCKS_AT_ONCE)
        .zip(changes.par_chunks_mut(BLOCKS_AT_ONCE))
        .zip(felt.zip(foreseen));
    chunks
        .enumerate()
        .for_each(|(c, ((blocks, changes), (felt, foreseen)))| {
            step.simd.run(SolveAcross {
                motion: &columns.motion,
                attitudes,
                crowds,
                blocks,
                changes,
                felt: felt.unwrap_or_default(),
                foreseen: foreseen.unwrap_or_default(),
                choices,
                asleep: asleep(c),
                step,
                is_first,
            });
        });
}

struct SolveAcross<'a> {
    motion: &'a [Motion],
    attitudes: &'a [Attitude],
    crowds: &'a [u32],
    blocks: &'a mut [ManifoldBlock],
    changes: &'a mut [Doing],
    felt: &'a mut [Octet],
    /// When each lane will bounce, replaced by what holds for the next substep; empty if nothing bounces.
    foreseen: &'a mut [Octet],
    choices: Choices<'a>,
    /// The lanes of each block whose both bodies sleep; empty if there are none.
    asleep: &'a [u8],
    step: &'a StepConstants,
    is_first: bool,
}

impl Kernel for SolveAcross<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        for (b, (block, change)) in self.blocks.iter_mut().zip(self.changes).enumerate() {
            let asleep = self.asleep.get(b).copied().unwrap_or(0);
            if asleep != 0 && are_all(asleep, &block.low) {
                continue;
            }
            let before = if asleep == 0 { None } else { Some(*block) };
            let mut low = Bodies8::<F>::gather(self.motion, self.attitudes, 0, &block.low);
            let mut high = Bodies8::<F>::gather(self.motion, self.attitudes, 0, &block.high);
            let whole = (low, high);
            low.split(&parts(&block.low, self.crowds));
            high.split(&parts(&block.high, self.crowds));
            let low_shift = Shifts8::gather(self.motion, 0, &block.low);
            let high_shift = Shifts8::gather(self.motion, 0, &block.high);
            let stale = if self.is_first {
                all::<F>()
            } else {
                turned_far::<F>(&low_shift, &high_shift)
            };
            if stale.any() {
                masses(block, &low, &high, stale);
            }
            let meeting = self.foreseen.get_mut(b).map(|foreseen| {
                let some = lanes_of(0xff).filter(|&lane| foreseen[lane] < f32::INFINITY);
                let mutual = self
                    .choices
                    .mutual(some.map(|lane| 1 << lane).sum(), &block.low, &block.high);
                Meeting {
                    whole,
                    mutual,
                    foreseen,
                }
            });
            (change.change, change.push) = solve_across(
                block,
                (low, &low_shift),
                (high, &high_shift),
                (meeting, self.felt.get_mut(b)),
                self.step,
            );
            if let Some(before) = before {
                lanes_of(asleep.into()).for_each(|lane| block.take_back(lane, &before));
            }
            change.accumulated = accumulated::<F>(block);
        }
    }
}

/// Foresees which manifolds bounce in the first substep of a tick.
pub(crate) struct ForeseeManifolds<'a> {
    pub(crate) motion: &'a [Motion],
    pub(crate) attitudes: &'a [Attitude],
    pub(crate) blocks: &'a [ManifoldBlock],
    pub(crate) foreseen: &'a mut [Octet],
    pub(crate) step: &'a StepConstants,
}

impl Kernel for ForeseeManifolds<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        for (block, foreseen) in self.blocks.iter().zip(self.foreseen) {
            *foreseen = NEVER;
            if block.bounces {
                let body = |indices| {
                    (
                        Bodies8::<F>::gather(self.motion, self.attitudes, 0, indices),
                        Shifts8::gather(self.motion, 0, indices),
                    )
                };
                *foreseen = foresee(block, &body(&block.low), &body(&block.high), 1.0, self.step);
            }
        }
    }
}

/// Into how many parts the bodies are split.
fn parts(bodies: &[u32; LANES], crowds: &[u32]) -> Octet {
    // Empty lanes have no crowd.
    let crowd = |body: u32| crowds.get(body as usize).copied().unwrap_or(1).max(1);
    Octet(bodies.map(|body| crowd(body) as f32))
}

/// Computes what every manifold has accumulated; applies nothing.
pub(crate) fn accumulate_all(blocks: &[ManifoldBlock], changes: &mut [Doing], level: Level) {
    let chunks = blocks
        .par_chunks(BLOCKS_AT_ONCE)
        .zip(changes.par_chunks_mut(BLOCKS_AT_ONCE));
    chunks.for_each(|(blocks, changes)| level.run(Accumulate { blocks, changes }));
}

struct Accumulate<'a> {
    blocks: &'a [ManifoldBlock],
    changes: &'a mut [Doing],
}

impl Kernel for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        for (block, change) in self.blocks.iter().zip(self.changes) {
            change.accumulated = accumulated::<F>(block);
        }
    }
}

/// Applies to the held bodies' sides what `change` knows of a block, as a change of velocity or (`PUSH`) of place; `base` is the index of the first body.
pub(crate) fn apply_sides<'a, const PUSH: bool>(
    motion: &mut [Motion],
    attitudes: &[Attitude],
    base: usize,
    sides: &[Side],
    change: impl Fn(usize) -> &'a Change,
) {
    for side in sides {
        let (block, lane) = side.block_and_lane();
        let change = change(block);
        let part = |lanes: &Octet3| Vec3::new(lanes[0][lane], lanes[1][lane], lanes[2][lane]);
        let at = side.body as usize - base;
        let (body, attitude) = (&mut motion[at], &attitudes[at]);
        let linear = part(&change.linear) * body.inverse_mass();
        let (linear, turn) = if side.is_low() {
            (-linear, part(&change.turn_low))
        } else {
            (linear, part(&change.turn_high))
        };
        let turn = attitude.spin_of(turn);
        if PUSH {
            body.displacement += linear.extend(0.0);
            body.rotation += turn.extend(0.0);
        } else {
            body.twist.linear += linear.extend(0.0);
            body.twist.angular += turn.extend(0.0);
        }
    }
}
