//! Joints as they are made from descriptions, and the ranges of their fields.

use glam::{Quat, Vec3};

use super::{Joint, JointDesc, JointEnd, JointError, JointId, JointKind, Motor, Spring};
use crate::body::BodyId;
use crate::constants::{
    MAX_ANGULAR_SPEED, MAX_JOINT_SPAN_IN_TILES, MAX_MOTOR_TORQUE, MAX_SPRING_DAMPING, SPRING_FREQUENCIES,
    UNIT_TOLERANCE,
};
use crate::contact::STATIC_BIT;
use crate::error::{FieldError, HaloError};
use crate::tile::{self, TileIndex};

impl Joint {
    /// The joint of a description, at rest, each of its fields checked.
    pub(super) fn new(id: JointId, desc: &JointDesc, tile_size: f32) -> Result<Self, JointError> {
        let (second, tile, anchor, orientation) = match desc.end {
            JointEnd::Body { id, frame } => (Some(id), TileIndex::default(), frame.anchor, frame.orientation),
            JointEnd::World { point, orientation } => {
                let (tile, offset) = tile::split(point, tile_size).ok_or_else(|| {
                    let limit = (f64::from(tile::MAX_TILE) + 0.5) * f64::from(tile_size);
                    FieldError::new("point", point, format!("three coordinates within ±{limit} m"))
                })?;
                (None, tile, offset, orientation)
            }
        };
        let mut joint = Self {
            id,
            first: desc.body,
            second,
            tile,
            anchors: [desc.frame.anchor, anchor].map(|anchor| (anchor + Vec3::ZERO).to_array()),
            orientations: [desc.frame.orientation, orientation].map(|axes| axes.to_array()),
            kind: one_zero(desc.kind),
            collide: desc.collide,
            linear_impulse: [0.0; 3],
            angular_impulse: [0.0; 3],
            row_impulses: [0.0; 3],
        };
        if joint.second == Some(joint.first) {
            return Err(JointError::Same(joint.first));
        }
        joint.check(tile_size)?;
        for axes in &mut joint.orientations {
            let length = length_of(*axes);
            *axes = axes.map(|c| c / length + 0.0);
        }
        Ok(joint)
    }

    /// Checks all fields but the ids of the two bodies against each other.
    fn check(&self, tile_size: f32) -> Result<(), FieldError> {
        for id in self.bodies() {
            FieldError::check("body", id.0, 0, STATIC_BIT - 1, "")?;
        }
        for index in self.tile.to_array() {
            FieldError::check("tile", index, -tile::MAX_TILE, tile::MAX_TILE, "")?;
        }
        for anchor in self.anchors.as_flattened() {
            FieldError::check("anchor", *anchor, -tile_size, tile_size, "m")?;
        }
        let span = MAX_JOINT_SPAN_IN_TILES * tile_size;
        FieldError::check("anchors and length (their sum)", self.span(), 0.0, span, "m")?;
        let (low, high) = (1.0 - UNIT_TOLERANCE, 1.0 + UNIT_TOLERANCE);
        for axes in self.orientations {
            FieldError::check("orientation (its length)", length_of(axes), low, high, "")?;
        }
        match self.kind {
            JointKind::Fixed | JointKind::Ball => {}
            JointKind::Hinge { limits, motor } => {
                if let Some([least, greatest]) = limits {
                    let pi = std::f32::consts::PI;
                    FieldError::check("limits (the upper)", greatest, -pi, pi, "rad")?;
                    FieldError::check("limits (the lower)", least, -pi, greatest, "rad")?;
                }
                if let Some(Motor { speed, max_torque }) = motor {
                    FieldError::check("speed", speed, -MAX_ANGULAR_SPEED, MAX_ANGULAR_SPEED, "rad/s")?;
                    FieldError::check("max_torque", max_torque, 0.0, MAX_MOTOR_TORQUE, "N m")?;
                }
            }
            JointKind::Distance { length, spring } => {
                FieldError::check("length", length, 0.0, span, "m")?;
                if let Some(Spring {
                    frequency,
                    damping_ratio,
                }) = spring
                {
                    let (slowest, fastest) = SPRING_FREQUENCIES;
                    FieldError::check("frequency", frequency, slowest, fastest, "Hz")?;
                    FieldError::check("damping_ratio", damping_ratio, 0.0, MAX_SPRING_DAMPING, "")?;
                }
            }
        }
        let impulses = [self.linear_impulse, self.angular_impulse, self.row_impulses];
        for impulse in impulses.as_flattened() {
            FieldError::check("impulse", *impulse, f32::MIN, f32::MAX, "kg m/s or kg m²/s")?;
        }
        Ok(())
    }
}

/// Checks a joint that came from a peer or a file.
pub(crate) fn check_joint(joint: &Joint, tile_size: f32) -> Result<(), HaloError> {
    let check = || {
        FieldError::check("joint", joint.id.0, 0, STATIC_BIT - 1, "")?;
        if joint.second == Some(joint.first) {
            return Err(FieldError::new("second", joint.first.0, "another body than the first"));
        }
        joint.check(tile_size)
    };
    check().map_err(|reason| HaloError::Record {
        id: BodyId(joint.first.0),
        reason,
    })
}

fn length_of(axes: [f32; 4]) -> f32 {
    let [x, y, z, w] = Quat::from_array(axes).to_array();
    (x * x + y * y + z * z + w * w).sqrt()
}

/// No negative zero is stored.
fn one_zero(kind: JointKind) -> JointKind {
    match kind {
        JointKind::Fixed | JointKind::Ball => kind,
        JointKind::Hinge { limits, motor } => JointKind::Hinge {
            limits: limits.map(|limits| limits.map(|angle| angle + 0.0)),
            motor: motor.map(|Motor { speed, max_torque }| Motor {
                speed: speed + 0.0,
                max_torque: max_torque + 0.0,
            }),
        },
        JointKind::Distance { length, spring } => JointKind::Distance {
            length: length + 0.0,
            spring: spring.map(
                |Spring {
                     frequency,
                     damping_ratio,
                 }| Spring {
                    frequency: frequency + 0.0,
                    damping_ratio: damping_ratio + 0.0,
                },
            ),
        },
    }
}
