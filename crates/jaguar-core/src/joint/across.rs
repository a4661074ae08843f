//! Joints between tiles: Jacobi, by the rule of [`crate::solver::across`]. Each is solved as a whole on private copies of the velocities after all warm starts, and takes the change that it alone would want; where n
//! joints and manifolds between tiles share a body, the n-th part. Less would lag behind: at half of it a chain of twenty boxes with borders every five swings for ever.
//!
//! No relax pass follows between tiles, so nothing is pulled by velocities: errors of place are made good as displacements, which leave no speed behind.

use super::inside::Jointed;
use super::pose::{Mover, Twist};
use super::solve::{Pass, Pull, Work};
use crate::constants::ACROSS_JOINT_PULL;
use crate::manifold::attitude::Attitude;
use crate::parallel::*;
use crate::sleep::Sleep;
use crate::solver::StepConstants;
use crate::solver::integrate::turn;
use crate::storage::Motion;

/// Joints that one thread solves in a row.
const JOINTS_AT_ONCE: usize = 32;

/// What a joint between tiles does in a substep.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doing {
    /// By solving, to the velocities of the two bodies.
    change: [Twist; 2],
    /// To their places.
    displacement: [Twist; 2],
    /// By what it has accumulated after that: the warm start of the next substep.
    pull: Pull,
}

/// A held body's part in a joint between tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) body: u32,
    /// The joint's number among those between tiles.
    pub(crate) joint: u32,
    /// Which of its ends.
    pub(crate) end: u8,
}

/// All bodies, ghosts too.
#[derive(Clone, Copy)]
pub(crate) struct Everyone<'a> {
    pub(crate) motion: &'a [Motion],
    pub(crate) attitudes: &'a [Attitude],
    /// At the start of the tick.
    pub(crate) orientation: &'a [[f32; 4]],
    /// In how many manifolds and joints between tiles each takes part.
    pub(crate) crowds: &'a [u32],
}

impl Everyone<'_> {
    fn movers(&self, ends: [u32; 2]) -> [Mover; 2] {
        ends.map(|body| {
            let k = body as usize;
            Mover::told(&self.motion[k], &self.attitudes[k], self.orientation[k])
        })
    }
}

/// Computes what every joint does in the coming warm start; changes no body.
pub(crate) fn begin_all(bodies: Everyone<'_>, works: &mut [Work], doings: &mut [Doing]) {
    for (work, doing) in works.iter_mut().zip(doings) {
        doing.pull = work.turn_load(&bodies.movers(work.ends));
    }
}

/// Computes the change of every joint of which not both bodies sleep; changes no body.
pub(crate) fn solve_all(
    bodies: Everyone<'_>,
    works: &mut [Work],
    doings: &mut [Doing],
    (sleep, step): (&Sleep, &StepConstants),
) {
    let works = works.par_iter_mut().zip(doings).with_min_len(JOINTS_AT_ONCE);
    works.for_each(|(work, doing)| {
        if work.ends.iter().all(|&body| sleep.is_asleep(body)) {
            return;
        }
        let start = bodies.movers(work.ends);
        let crowd = work.ends.map(|body| bodies.crowds[body as usize]);
        let crowd = crowd[0].max(crowd[1]).max(1) as f32;
        let share = if work.is_gentle(crowd, step) { 1.0 } else { 1.0 / crowd };
        // The bodies were warm started by what pulled in the directions of the last substep; it is turned into those of now.
        let mut turned = start;
        let pull = work.turn_load(&start);
        let turning = Pull {
            linear: pull.linear - doing.pull.linear,
            angular: pull.angular - doing.pull.angular,
        };
        work.apply(&turning, &mut turned);
        let before = work.load;
        let mut solved = turned;
        work.solve(Pass::Across, &mut solved, step);
        work.keep_share(&before, share);
        let change = |end: usize| {
            let turning = start[end].change_to(&turned[end], 1.0);
            turning.plus(turned[end].change_to(&solved[end], share))
        };
        let pulled = work.pull(&start);
        let place = ACROSS_JOINT_PULL / crowd;
        *doing = Doing {
            change: [change(0), change(1)],
            displacement: pulled.map(|twist| twist.times(place)),
            pull: work.turn_load(&start),
        };
    });
}

/// Applies what the joints have accumulated to the held bodies' sides.
pub(crate) fn warm_start(bodies: &mut Jointed<'_>, sides: &[Side], works: &[Work], doings: &[Doing]) {
    for side in sides {
        let (work, doing) = (&works[side.joint as usize], &doings[side.joint as usize]);
        let mut mover = bodies.mover(side.body);
        mover.take(work.twist_of_end(side.end as usize, &doing.pull, &mover));
        mover.store(&mut bodies.motion[side.body as usize - bodies.base]);
    }
}

/// Applies the changes and the displacements to the held bodies' sides.
pub(crate) fn apply_changes(
    motion: &mut [Motion],
    attitudes: &mut [Attitude],
    base: usize,
    sides: &[Side],
    doings: &[Doing],
) {
    for side in sides {
        let doing = &doings[side.joint as usize];
        let (change, place) = (doing.change[side.end as usize], doing.displacement[side.end as usize]);
        let body = &mut motion[side.body as usize - base];
        body.twist.linear += change.linear.extend(0.0);
        body.twist.angular += change.angular.extend(0.0);
        body.displacement += place.linear.extend(0.0);
        body.rotation += place.angular.extend(0.0);
        // What is not the same about all axes is turned substep by substep; the others by the rotation vector.
        turn(&mut attitudes[side.body as usize - base].orientation, place.angular);
    }
}
