//! The pose of a body at which it was last looked where it touches: its *datum*.
//!
//! What rests moves by micrometres a tick, and where it touches what is beside it hardly changes. So the manifolds of such bodies are found for the poses of their datums and moved along to where the bodies are
//! now. A datum is state: it is hashed and handed over, and what is found for it is a function of the two datums alone, which every pod can compute again. Only so may a pod remember it from one tick to the
//! next and spare the search ([`crate::collide::findings`]). A body that has drifted too far from its datum gets a new one, so whatever moves is looked at where it is.
//!
//! Bodies have datums in tiles in which one is no plain ball: a tile is held whole, so that all pods agree. What touches across tiles is looked at where it is in every tick.

use glam::{Mat3, Quat, Vec3};

use crate::collide::{fall_of, turning_margin};
use crate::constants::{BOUNCE_SHARE, CONTACT_SLOP, DATUM_SHARE, DATUM_TOLERANCE, QUIET_APPROACH, UNIT_TOLERANCE};
use crate::error::FieldError;
use crate::kinds::Kind;
use crate::parallel::*;
use crate::shape::Shape;
use crate::solver::StepConstants;
use crate::storage::{Bodies, Columns};
use crate::tile_table::TileTable;

/// Bodies whose datums one thread looks at in a row, at least.
const MIN_BODIES: usize = 512;

/// Where a body was, in its present tile, when it was last looked where it touches.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Datum {
    /// Centre, m from the tile's centre.
    pub offset: [f32; 3],
    /// Orientation quaternion, x y z w.
    pub orientation: [f32; 4],
}

impl Datum {
    pub(crate) fn offset(&self) -> Vec3 {
        Vec3::from_array(self.offset)
    }

    pub(crate) fn rotation(&self) -> Mat3 {
        Mat3::from_quat(Quat::from_array(self.orientation))
    }

    /// Checks a datum that came from a peer or a file; `farthest` is how far from the centre of its tile a body may be along each axis, m.
    pub(crate) fn validate(&self, farthest: f32) -> Result<(), FieldError> {
        for offset in self.offset {
            FieldError::check("datum (offset)", offset, -farthest, farthest, "m")?;
        }
        let (low, high) = (1.0 - UNIT_TOLERANCE, 1.0 + UNIT_TOLERANCE);
        let length = Quat::from_array(self.orientation).length();
        FieldError::check("datum (length of the orientation)", length, low, high, "")
    }

    /// How far a body of this kind is from here; `None` if its surface is so far that it needs another datum.
    fn drift_to(&self, offset: Vec3, orientation: [f32; 4], kind: &Kind) -> Option<Drift> {
        let shift = offset - self.offset();
        let limit = tolerance(kind.radius);
        let turn = visible_turn(kind.given.shape, self.orientation, orientation);
        let is_near = shift.length_squared() <= limit * limit
            && turn.length_squared() * kind.radius * kind.radius <= limit * limit;
        is_near.then_some(Drift {
            shift,
            turn,
            pace: 0.0,
            is_new: false,
        })
    }
}

/// How far the centre of a body of this radius (m) may be from its datum, and by turning its surface, m.
pub(crate) fn tolerance(radius: f32) -> f32 {
    let share = DATUM_SHARE * radius;
    if share < DATUM_TOLERANCE {
        share
    } else {
        DATUM_TOLERANCE
    }
}

/// How far a body is from its datum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Drift {
    /// m.
    pub(crate) shift: Vec3,
    /// Rotation vector in world axes, rad; without what does not show: a ball's, and a capsule's about its axis.
    pub(crate) turn: Vec3,
    /// How far the surface of the body gets in this tick, m; infinite for what must not be looked at from its datum.
    pub(crate) pace: f32,
    /// Whether the datum is of this tick.
    pub(crate) is_new: bool,
}

impl Drift {
    /// That of what is at its datum.
    pub(crate) const NONE: Self = Self {
        shift: Vec3::ZERO,
        turn: Vec3::ZERO,
        pace: 0.0,
        is_new: true,
    };
}

/// The rotation vector of the turn from one orientation to another, if it is small; longer than a few hundredths if it is not.
fn visible_turn(shape: Shape, from: [f32; 4], to: [f32; 4]) -> Vec3 {
    if let Shape::Sphere { .. } = shape {
        return Vec3::ZERO;
    }
    let between = Quat::from_array(to) * Quat::from_array(from).conjugate();
    let turn = if between.w < 0.0 { -2.0 } else { 2.0 } * Vec3::new(between.x, between.y, between.z);
    if let Shape::Capsule { .. } = shape {
        let axis = Mat3::from_quat(Quat::from_array(to)).y_axis;
        return turn - axis * turn.dot(axis);
    }
    turn
}

/// Gives new datums to bodies that have none or drifted too far, and writes the drift of every held body.
pub(crate) fn renew(bodies: &mut Bodies, table: &TileTable, step: &StepConstants, drifts: &mut Vec<Drift>) {
    drifts.clear();
    drifts.resize(bodies.held(), Drift::NONE);
    // In ticks so long that what bounces looks farther than the quiet do, it is looked at where it is.
    let at_datums = CONTACT_SLOP + QUIET_APPROACH;
    let looks_far = 2.0 * BOUNCE_SHARE * (at_datums + fall_of(step)) > at_datums;
    let (columns, kinds) = bodies.columns_and_kinds();
    let Columns {
        place,
        orientation,
        motion,
        kind,
        datum,
        ..
    } = columns;
    for tile in &table.tiles[..table.owned_tiles] {
        let own = tile.bodies.clone();
        let kind = &kind[own.clone()];
        let datum = &mut datum[own.clone()];
        if kind.iter().all(|&kind| kinds.get(kind).is_ball) {
            datum.fill(None);
            continue;
        }
        let (place, orientation, motion) = (&place[own.clone()], &orientation[own.clone()], &motion[own.clone()]);
        let drifts = drifts[own].par_iter_mut().zip(datum).enumerate();
        drifts.with_min_len(MIN_BODIES).for_each(|(k, (drift, datum))| {
            let (offset, orientation) = (place[k].offset, orientation[k]);
            let kind = kinds.get(kind[k]);
            let near = datum.and_then(|datum| datum.drift_to(offset, orientation, kind));
            *drift = near.unwrap_or_else(|| {
                *datum = Some(Datum {
                    offset: offset.to_array(),
                    orientation,
                });
                Drift::NONE
            });
            drift.pace = if looks_far && kind.given.material.restitution > 0.0 {
                f32::INFINITY
            } else {
                motion[k].velocity().length() * step.tick_seconds + turning_margin(&motion[k], step)
            };
        });
    }
}
