//! The end of a tick: what the substeps added up to moves the bodies, and what the next tick needs of them is noted while they are at hand.

use glam::{Vec3, Vec4};

use crate::collide::{Portion, reach_of, split_front};
use crate::datum::Datum;
use crate::flight::{Flight, Fly};
use crate::manifold::attitude::Attitude;
use crate::parallel::*;
use crate::recycled::recycled;
use crate::sleep;
use crate::solver::integrate;
use crate::solver::integrate::TurnAll;
use crate::storage::{Columns, Motion, Place};
use crate::world::World;

/// The bodies of a portion, to be moved.
pub(crate) struct Moving<'a> {
    pub(crate) portion: &'a Portion,
    /// Those that have contacts, if the others are moved here.
    pub(crate) busy: &'a [u32],
    pub(crate) motion: &'a mut [Motion],
    pub(crate) place: &'a mut [Place],
    pub(crate) orientation: &'a mut [[f32; 4]],
    pub(crate) rest: &'a mut [u16],
    /// Empty in a world of plain balls.
    pub(crate) datum: &'a mut [Option<Datum>],
    /// What moving them told.
    pub(crate) moved: Moved,
}

/// What moving the bodies told.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moved {
    /// How many had lost their numbers and were stopped.
    pub(crate) quarantined: u64,
    /// How far any moved against the common motion, m.
    pub(crate) farthest: f32,
    /// By how much more any reaches in the next tick than in this one, m.
    pub(crate) growth: f32,
    /// Whether any changed its tile.
    pub(crate) any_changed_tile: bool,
}

impl Moved {
    fn and(self, other: Self) -> Self {
        Self {
            quarantined: self.quarantined + other.quarantined,
            farthest: self.farthest.max(other.farthest),
            growth: self.growth.max(other.growth),
            any_changed_tile: self.any_changed_tile || other.any_changed_tile,
        }
    }
}

impl World {
    /// Moves bodies, counts their rest, and extends their reaches for the next tick.
    pub(crate) fn move_bodies(&mut self) -> Moved {
        let common = self.common_motion();
        let substeps = self.params().substeps;
        let portions = &self.collision.portions;
        let (columns, kinds) = self.bodies.columns_and_kinds();
        let Columns {
            motion,
            place,
            orientation,
            kind,
            thrust,
            rest,
            datum,
            ..
        } = columns;
        let (mut motion, mut left, mut orientation, mut rest) =
            (&mut motion[..], &mut place[..], &mut orientation[..], &mut rest[..]);
        let mut datum = &mut datum[..];
        let mut moving: Vec<Moving<'_>> = recycled(std::mem::take(&mut self.tasks.moving));
        moving.extend(
            portions
                .iter()
                .zip(&self.collision.found)
                .map(|(portion, found)| Moving {
                    portion,
                    busy: &found.busy,
                    motion: split_front(&mut motion, portion.bodies.len()),
                    place: split_front(&mut left, portion.bodies.len()),
                    orientation: split_front(&mut orientation, portion.bodies.len()),
                    rest: split_front(&mut rest, portion.bodies.len()),
                    datum: if datum.is_empty() {
                        &mut []
                    } else {
                        split_front(&mut datum, portion.bodies.len())
                    },
                    moved: Moved::default(),
                }),
        );
        let (attitudes, constants, forces) = (&self.manifolds.attitudes, &self.constants, &self.forces);
        let sleep = &self.collision.sleep;
        let may_sleep = constants.rest.is_on() && !forces.has_added();
        let move_all = |moving: &mut Moving<'_>| {
            let mut moved = Moved::default();
            let first = moving.portion.bodies.start;
            if moving.portion.flies {
                let flight = Flight::new(substeps, constants);
                moving.moved = constants.simd.run(Fly::new(moving, &flight, common));
                return;
            }
            constants.simd.run(TurnAll {
                motion: moving.motion,
                orientation: moving.orientation,
            });
            let mut farthest_square = 0.0_f32;
            for (i, motion) in moving.motion.iter_mut().enumerate() {
                let body = first + i;
                let (place, rest) = (&mut moving.place[i], &mut moving.rest[i]);
                let way = (motion.displacement - common).truncate().length_squared();
                farthest_square = farthest_square.max(way);
                if sleep.is_asleep(body as u32) {
                    *rest = constants.rest.asleep();
                } else {
                    let turns_freely = |_: &&Attitude| !kinds.get(kind[body]).is_isotropic;
                    if let Some(attitude) = attitudes.get(body).filter(turns_freely) {
                        moving.orientation[i] = attitude.orientation;
                    }
                    let tile = place.tile;
                    let is_stopped = integrate::finish_body(motion, place, constants);
                    moved.quarantined += u64::from(is_stopped);
                    // What was no number is not to be trusted.
                    farthest_square = if is_stopped { f32::INFINITY } else { farthest_square };
                    if may_sleep {
                        let settles = sleep::settles(forces, kinds.get(kind[body]), constants.gravity);
                        let is_still =
                            constants
                                .rest
                                .is_still(motion, thrust.get(body).copied().unwrap_or_default(), settles);
                        *rest = constants.rest.after_tick(*rest, is_still);
                    }
                    if place.tile != tile {
                        moved.any_changed_tile = true;
                        if let Some(datum) = moving.datum.get_mut(i) {
                            *datum = None;
                        }
                        if may_sleep {
                            *rest = sleep::CHANGED_TILE;
                        }
                    }
                }
                let turns = !attitudes.is_empty() && !kinds.get(kind[body]).is_ball;
                let reach = reach_of(motion, turns, constants);
                moved.growth = moved.growth.max(reach - motion.reach());
                motion.set_reach(reach);
            }
            moved.farthest = farthest_square.sqrt();
            moving.moved = moved;
        };
        costliest_first(&mut moving, |moving| moving.motion.len(), move_all);
        let moved = moving.iter().map(|moving| moving.moved).reduce(Moved::and);
        self.tasks.moving = recycled(moving);
        moved.unwrap_or_default()
    }

    /// How far most bodies move in this tick, judged by a sample, m. It decides what is looked at, never a result.
    fn common_motion(&self) -> Vec4 {
        let portions = &self.collision.portions;
        let sample = || portions.iter().step_by(portions.len() / 64 + 1);
        let way = |portion: &Portion| {
            let body = &self.bodies.columns().motion[portion.bodies.start];
            if portion.flies && body.displacement.truncate() == Vec3::ZERO {
                Flight::new(self.params().substeps, &self.constants).travel(body).1
            } else {
                body.displacement
            }
        };
        sample().map(way).sum::<Vec4>() / sample().count().max(1) as f32
    }
}
