//! Manifolds inside one tile, and with static geometry: Gauss-Seidel, block by block. The lanes of a block share no body.

use super::attitude::Attitude;
use super::block::ManifoldBlock;
use super::kernel::{Bodies8, Shifts8, accumulated, apply, masses, mode, solve, turned_far};
use crate::simd::{F32x8, Kernel, Mask, Octet};
use crate::solver::StepConstants;
use crate::storage::Motion;

/// The bodies of a portion: the first has index `base`.
pub(crate) struct Movers<'a> {
    pub(crate) motion: &'a mut [Motion],
    pub(crate) attitudes: &'a [Attitude],
    pub(crate) base: usize,
}

/// Applies what the manifolds have accumulated.
pub(crate) struct WarmStart<'a, 'b>(pub(crate) &'b mut Movers<'a>, pub(crate) &'b [ManifoldBlock]);

impl Kernel for WarmStart<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        let Self(movers, blocks) = self;
        for block in blocks {
            let change = accumulated::<F>(block);
            let mut low = Bodies8::<F>::gather(movers.motion, movers.attitudes, movers.base, &block.low);
            let mut high = Bodies8::<F>::gather(movers.motion, movers.attitudes, movers.base, &block.high);
            apply(&change, &mut low, &mut high);
            low.scatter(movers.motion, movers.base, &block.low);
            high.scatter(movers.motion, movers.base, &block.high);
        }
    }
}

/// One pass in one of the modes.
pub(crate) struct SolvePass<'a, 'b, const MODE: u8> {
    pub(crate) movers: &'b mut Movers<'a>,
    pub(crate) blocks: &'b mut [ManifoldBlock],
    /// A sum for each block or none, to which the normal impulses of bounces are added.
    pub(crate) felt: &'b mut [Octet],
    pub(crate) step: &'b StepConstants,
}

impl<const MODE: u8> Kernel for SolvePass<'_, '_, MODE> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        let Self {
            movers,
            blocks,
            felt,
            step,
        } = self;
        for (b, block) in blocks.iter_mut().enumerate() {
            let mut low = Bodies8::<F>::gather(movers.motion, movers.attitudes, movers.base, &block.low);
            let mut high = Bodies8::<F>::gather(movers.motion, movers.attitudes, movers.base, &block.high);
            let low_shift = Shifts8::gather(movers.motion, movers.base, &block.low);
            let high_shift = Shifts8::gather(movers.motion, movers.base, &block.high);
            // The bodies have turned since the last pass, and their tensors with them.
            if MODE == mode::RELAX {
                let far = turned_far::<F>(&low_shift, &high_shift);
                if far.any() {
                    masses(block, &low, &high, far);
                }
            }
            let bounce = solve::<F, MODE>(block, (&mut low, &low_shift), (&mut high, &high_shift), None, step);
            if let (Some(bounce), Some(felt)) = (bounce, felt.get_mut(b)) {
                bounce.add_normal_to(felt, block);
            }
            low.scatter(movers.motion, movers.base, &block.low);
            high.scatter(movers.motion, movers.base, &block.high);
        }
    }
}
