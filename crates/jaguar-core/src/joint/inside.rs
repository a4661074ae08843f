//! Joints of bodies of one tile, and of bodies and the world: Gauss-Seidel in the order of their ids.

use super::pose::Mover;
use super::solve::{Pass, Work};
use crate::contact::NO_BODY;
use crate::kinds::Kinds;
use crate::manifold::attitude::Attitude;
use crate::solver::StepConstants;
use crate::storage::Motion;

/// The bodies of a portion: the first has index `base`.
pub(crate) struct Jointed<'a> {
    pub(crate) motion: &'a mut [Motion],
    pub(crate) attitudes: &'a [Attitude],
    /// At the start of the tick.
    pub(crate) orientation: &'a [[f32; 4]],
    pub(crate) kind: &'a [u32],
    pub(crate) kinds: &'a Kinds,
    pub(crate) base: usize,
}

impl Jointed<'_> {
    pub(super) fn mover(&self, body: u32) -> Mover {
        if body == NO_BODY {
            return Mover::FIXED;
        }
        let k = body as usize - self.base;
        let kind = self.kinds.get(self.kind[k]);
        Mover::followed(&self.motion[k], &self.attitudes[k], kind, self.orientation[k])
    }

    fn store(&mut self, ends: [u32; 2], movers: &[Mover; 2]) {
        for (body, mover) in ends.into_iter().zip(movers) {
            if body != NO_BODY {
                mover.store(&mut self.motion[body as usize - self.base]);
            }
        }
    }
}

/// Applies what the joints have accumulated.
pub(crate) fn warm_start(bodies: &mut Jointed<'_>, works: &mut [Work]) {
    for work in works {
        let mut movers = work.ends.map(|body| bodies.mover(body));
        let pull = work.turn_load(&movers);
        work.apply(&pull, &mut movers);
        bodies.store(work.ends, &movers);
    }
}

/// Pulls the ends of the joints together, and stops what tears them apart.
pub(crate) fn push(bodies: &mut Jointed<'_>, works: &mut [Work], step: &StepConstants) {
    solve(bodies, works, Pass::Push, step);
}

/// Takes back the speed that pulling gave.
pub(crate) fn relax(bodies: &mut Jointed<'_>, works: &mut [Work], step: &StepConstants) {
    solve(bodies, works, Pass::Relax, step);
}

fn solve(bodies: &mut Jointed<'_>, works: &mut [Work], pass: Pass, step: &StepConstants) {
    for work in works {
        let mut movers = work.ends.map(|body| bodies.mover(body));
        work.solve(pass, &mut movers, step);
        bodies.store(work.ends, &movers);
    }
}
