//! From the list of joints to what a tick solves, and back to the list.

use std::ops::Range;

use glam::Vec3;

use super::across::{Doing, Everyone, Side, begin_all};
use super::list::Joints;
use super::solve::{Load, Oscillator, Work};
use super::{Joint, JointKind};
use crate::contact::NO_BODY;
use crate::manifold::Manifolds;
use crate::sleep::Sleep;
use crate::solver::StepConstants;
use crate::storage::{Bodies, Columns};
use crate::tile::difference;

/// Ranges of a portion's joints, as in [`crate::collide::Portion`].
#[derive(Clone, Debug, Default)]
pub(crate) struct JointPortion {
    pub(crate) inside: Range<usize>,
    pub(crate) sides: Range<usize>,
}

impl Joints {
    /// Prepares all joints but those inside dormant tiles; `chunks` are the bodies of each portion.
    pub(crate) fn prepare<'a>(
        &mut self,
        (bodies, sleep): (&Bodies, &Sleep),
        manifolds: &mut Manifolds,
        chunks: impl Iterator<Item = &'a Range<usize>> + Clone,
        step: &StepConstants,
    ) {
        let Self {
            list,
            ends,
            inside,
            across,
            sides,
            doings,
            portions,
            ..
        } = self;
        inside.clear();
        across.clear();
        sides.clear();
        doings.clear();
        portions.clear();
        if list.is_empty() {
            return;
        }
        let (columns, held) = (bodies.columns(), bodies.held() as u32);
        for (rank, (joint, ends)) in list.iter().zip(ends).enumerate() {
            let work = work_of(joint, rank, *ends, columns, step);
            let tile = |body: u32| columns.place[body as usize].tile;
            if ends[1] == NO_BODY || tile(ends[0]) == tile(ends[1]) {
                if !sleep.is_asleep(ends[0]) {
                    inside.push(work);
                }
                continue;
            }
            let number = across.len() as u32;
            across.push(work);
            for (end, body) in (0..).zip(*ends).filter(|&(_, body)| body < held) {
                if !sleep.is_asleep(body) {
                    sides.push(Side {
                        body,
                        joint: number,
                        end,
                    });
                }
                manifolds.crowds[body as usize] += 1;
            }
        }
        // Stable: those of one portion stay in the order of their ids.
        let first = |work: &Work| work.ends[0] as usize;
        let starts: Vec<usize> = chunks.clone().map(|chunk| chunk.start).collect();
        inside.sort_by_key(|work| starts.partition_point(|&start| start <= first(work)));
        sides.sort_by_key(|side| (side.body, side.joint));
        let (mut next, mut next_side) = (0, 0);
        for chunk in chunks {
            let own = inside[next..].iter().take_while(|work| first(work) < chunk.end).count();
            let own_sides = sides[next_side..].partition_point(|side| (side.body as usize) < chunk.end);
            portions.push(JointPortion {
                inside: next..next + own,
                sides: next_side..next_side + own_sides,
            });
            (next, next_side) = (next + own, next_side + own_sides);
        }
        doings.resize(across.len(), Doing::default());
        let everyone = Everyone {
            motion: &columns.motion,
            attitudes: &manifolds.attitudes,
            orientation: &columns.orientation,
            crowds: &manifolds.crowds,
        };
        begin_all(everyone, across, doings);
    }

    /// Writes the accumulated impulses to the list, but for joints of which both bodies sleep.
    pub(crate) fn store_impulses(&mut self, sleep: &Sleep) {
        let is_solved = |work: &&Work| work.ends.iter().any(|&body| !sleep.is_asleep(body));
        let across = self.across.iter().filter(is_solved);
        for work in self.inside.iter().chain(across) {
            let joint = &mut self.list[work.rank as usize];
            // What is no longer a number would be none for ever.
            let sound = |values: [f32; 3]| {
                let is_finite = values.iter().all(|value| value.is_finite());
                values.map(|value| if is_finite { value + 0.0 } else { 0.0 })
            };
            joint.linear_impulse = sound(work.load.linear.to_array());
            joint.angular_impulse = sound(work.load.angular.to_array());
            joint.row_impulses = sound(work.load.rows);
        }
    }
}

fn work_of(joint: &Joint, rank: usize, ends: [u32; 2], columns: &Columns, step: &StepConstants) -> Work {
    let at = |body: u32| {
        let place = &columns.place[body as usize];
        (place.tile, place.offset)
    };
    let [first, second] = joint.anchors.map(Vec3::from_array);
    // The world's point is the centre of what does not move.
    let (to, second) = if ends[1] == NO_BODY {
        ((joint.tile, second), Vec3::ZERO)
    } else {
        (at(ends[1]), second)
    };
    Work {
        ends,
        rank: rank as u32,
        between: difference(at(ends[0]), to, step.tile_size),
        anchors: [first, second],
        orientations: joint.orientations,
        kind: joint.kind,
        oscillator: match joint.kind {
            JointKind::Distance {
                spring: Some(spring), ..
            } => Oscillator::new(spring.frequency, spring.damping_ratio, step.substep_seconds),
            _ => Oscillator::default(),
        },
        load: Load {
            linear: joint.linear_impulse.into(),
            angular: joint.angular_impulse.into(),
            rows: joint.row_impulses,
        },
    }
}
