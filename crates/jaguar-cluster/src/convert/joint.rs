//! Joints that clients ask for.

use glam::Vec3;
use jaguar_core::error::FieldError;
use jaguar_core::{BodyId, JointDesc, JointEnd, JointError, JointFrame, JointKind, Motor, Spring, World};
use jaguar_proto::v1;
use jaguar_proto::v1::joint_description::{Kind, Second};

use super::body::{point, rotation_or_none, vector_or_zero};
use super::{InvalidField, join, required};

/// Checks and converts the joint of a request; `world` is the one whose ranges hold.
///
/// # Errors
/// The first field that is missing, not finite or out of the world's ranges.
pub fn required_joint(given: Option<&v1::JointDescription>, world: &World) -> Result<JointDesc, InvalidField> {
    let given = required(given, "", "joint")?;
    let tile_size = world.params().tile_size;
    let first = required(given.first.as_ref(), "joint", "first")?;
    let (body, frame) = jointed_body(first, "joint.first", tile_size)?;
    let end = match required(given.second.as_ref(), "joint", "body or joint.world")? {
        Second::Body(second) => {
            let (id, frame) = jointed_body(second, "joint.body", tile_size)?;
            JointEnd::Body { id, frame }
        }
        Second::World(end) => JointEnd::World {
            point: point(
                required(end.point.as_ref(), "joint.world", "point")?,
                "joint.world.point",
                tile_size,
            )?,
            orientation: rotation_or_none(end.axes.as_ref(), "joint.world.axes")?,
        },
    };
    let joint = JointDesc {
        body,
        frame,
        end,
        kind: kind(given)?,
        collide: given.collide,
    };
    match world.check_joint(&joint) {
        Ok(()) => Ok(joint),
        Err(JointError::Field(FieldError { field, value, allowed })) => Err(match public_name(field) {
            Some(name) => InvalidField::new(join("joint", name), format!("{value} is outside {allowed}")),
            None => InvalidField::new("joint", format!("{field}: {value} is outside {allowed}")),
        }),
        Err(error) => Err(InvalidField::new("joint", error.to_string())),
    }
}

/// The field of a `v1::JointDescription` that the core names in its own way, if it is one field.
fn public_name(field: &'static str) -> Option<&'static str> {
    Some(match field {
        "limits (the lower)" => "hinge.limits.lower_rad",
        "limits (the upper)" => "hinge.limits.upper_rad",
        "speed" => "hinge.motor.speed_rad_s",
        "max_torque" => "hinge.motor.max_torque_nm",
        "length" => "distance.length_m",
        "frequency" => "distance.spring.frequency_hz",
        "damping_ratio" => "distance.spring.damping_ratio",
        _ => return None,
    })
}

fn jointed_body(given: &v1::JointedBody, path: &str, tile_size: f32) -> Result<(BodyId, JointFrame), InvalidField> {
    let at = join(path, "anchor");
    let anchor: Vec3 = vector_or_zero(given.anchor.as_ref(), &at)?;
    if anchor.abs().max_element() > tile_size {
        return Err(InvalidField::new(
            at,
            format!("{anchor} m is outside ±{tile_size} m in each component, the world's tile size"),
        ));
    }
    let frame = JointFrame {
        anchor,
        orientation: rotation_or_none(given.axes.as_ref(), &join(path, "axes"))?,
    };
    Ok((BodyId(given.body_id), frame))
}

/// The kind of a joint; its numbers are the world's to check.
fn kind(given: &v1::JointDescription) -> Result<JointKind, InvalidField> {
    let kind = required(
        given.kind.as_ref(),
        "joint",
        "fixed, joint.ball, joint.hinge or joint.distance",
    )?;
    Ok(match kind {
        Kind::Fixed(v1::FixedJoint {}) => JointKind::Fixed,
        Kind::Ball(v1::BallJoint {}) => JointKind::Ball,
        Kind::Hinge(hinge) => JointKind::Hinge {
            limits: hinge.limits.map(|limits| [limits.lower_rad, limits.upper_rad]),
            motor: hinge.motor.map(|motor| Motor {
                speed: motor.speed_rad_s,
                max_torque: motor.max_torque_nm,
            }),
        },
        // The world would blame its sum with the anchors.
        Kind::Distance(v1::DistanceJoint { length_m, .. }) if length_m.is_nan() || *length_m < 0.0 => {
            let problem = format!("{length_m} is not a length of 0 m or more");
            return Err(InvalidField::new("joint.distance.length_m", problem));
        }
        Kind::Distance(distance) => JointKind::Distance {
            length: distance.length_m,
            spring: distance.spring.map(|spring| Spring {
                frequency: spring.frequency_hz,
                damping_ratio: spring.damping_ratio,
            }),
        },
    })
}

#[cfg(test)]
mod tests {
    use glam::{DVec3, Quat};
    use jaguar_core::WorldConfig;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::convert::body::{to_point, to_quaternion, to_vector};

    fn convert(given: &v1::JointDescription) -> Result<JointDesc, InvalidField> {
        let world = World::new(WorldConfig::default()).expect("the defaults make a world");
        required_joint(Some(given), &world)
    }

    fn end(id: u64) -> v1::JointedBody {
        v1::JointedBody {
            body_id: id,
            anchor: None,
            axes: None,
        }
    }

    fn good() -> v1::JointDescription {
        v1::JointDescription {
            first: Some(end(3)),
            second: Some(Second::Body(end(5))),
            kind: Some(Kind::Ball(v1::BallJoint {})),
            collide: false,
        }
    }

    fn hinge(limits: Option<(f32, f32)>, motor: Option<(f32, f32)>) -> Kind {
        Kind::Hinge(v1::HingeJoint {
            limits: limits.map(|(lower_rad, upper_rad)| v1::AngleLimits { lower_rad, upper_rad }),
            motor: motor.map(|(speed_rad_s, max_torque_nm)| v1::Motor {
                speed_rad_s,
                max_torque_nm,
            }),
        })
    }

    fn distance(length_m: f32, spring: Option<(f32, f32)>) -> Kind {
        Kind::Distance(v1::DistanceJoint {
            length_m,
            spring: spring.map(|(frequency_hz, damping_ratio)| v1::Spring {
                frequency_hz,
                damping_ratio,
            }),
        })
    }

    #[test]
    fn absent_anchors_and_axes_are_those_of_the_body() {
        let at = JointFrame::at(Vec3::ZERO);
        let expected = JointDesc::new((BodyId(3), at), (BodyId(5), at), JointKind::Ball);
        assert_eq!(convert(&good()).as_ref(), Ok(&expected));
        let colliding = v1::JointDescription {
            collide: true,
            ..good()
        };
        assert_eq!(convert(&colliding), Ok(expected.colliding()));
    }

    #[test]
    fn a_bad_field_is_named_by_its_path_in_the_request() {
        let at = |x: f32| v1::JointedBody {
            anchor: Some(v1::Vector { x, y: 0.0, z: 0.0 }),
            ..end(5)
        };
        let turned = v1::JointedBody {
            axes: Some(v1::Quaternion::default()),
            ..end(5)
        };
        let kind = |kind| v1::JointDescription {
            kind: Some(kind),
            ..good()
        };
        let second = |second| v1::JointDescription {
            second: Some(second),
            ..good()
        };
        let nowhere = v1::Point {
            x: 1e9,
            ..v1::Point::default()
        };
        let world = |point| Second::World(v1::JointedPoint { point, axes: None });
        let cases = [
            ("joint.first", v1::JointDescription { first: None, ..good() }),
            (
                "joint.body or joint.world",
                v1::JointDescription { second: None, ..good() },
            ),
            (
                "joint.fixed, joint.ball, joint.hinge or joint.distance",
                v1::JointDescription { kind: None, ..good() },
            ),
            ("joint.body.anchor", second(Second::Body(at(17.0)))),
            ("joint.body.anchor", second(Second::Body(at(f32::NAN)))),
            ("joint", second(Second::Body(at(15.0)))),
            ("joint", second(Second::Body(end(3)))),
            ("joint", second(Second::Body(end(1 << 63)))),
            ("joint.body.axes", second(Second::Body(turned))),
            ("joint.world.point", second(world(None))),
            ("joint.world.point", second(world(Some(nowhere)))),
            ("joint.hinge.limits.lower_rad", kind(hinge(Some((1.0, 0.5)), None))),
            ("joint.hinge.limits.upper_rad", kind(hinge(Some((1.0, 4.0)), None))),
            ("joint.hinge.motor.speed_rad_s", kind(hinge(None, Some((1e6, 1.0))))),
            (
                "joint.hinge.motor.max_torque_nm",
                kind(hinge(None, Some((1.0, f32::NAN)))),
            ),
            ("joint", kind(distance(12.0, None))),
            ("joint.distance.length_m", kind(distance(-1.0, None))),
            (
                "joint.distance.spring.frequency_hz",
                kind(distance(1.0, Some((0.0, 1.0)))),
            ),
            (
                "joint.distance.spring.damping_ratio",
                kind(distance(1.0, Some((1.0, -1.0)))),
            ),
        ];
        for (field, bad) in cases {
            assert_eq!(convert(&bad).expect_err("it is not valid").field, field, "{bad:?}");
        }
    }

    fn any_vector() -> impl Strategy<Value = Vec3> {
        prop::array::uniform3(-3.0_f32..3.0).prop_map(Vec3::from_array)
    }

    fn any_axes() -> impl Strategy<Value = Quat> {
        prop::array::uniform4(-1.0_f32..1.0)
            .prop_map(Quat::from_array)
            .prop_filter("a turn has a length", |turn| turn.length() > 0.1)
            .prop_map(Quat::normalize)
    }

    fn any_kind() -> impl Strategy<Value = Kind> {
        let limits = prop::option::of((-3.0_f32..0.0, 0.0_f32..3.0));
        let motor = prop::option::of((-1e5_f32..1e5, 0.0_f32..1e15));
        let spring = prop::option::of((0.001_f32..1000.0, 0.0_f32..100.0));
        prop_oneof![
            Just(Kind::Fixed(v1::FixedJoint {})),
            Just(Kind::Ball(v1::BallJoint {})),
            (limits, motor).prop_map(|(limits, motor)| hinge(limits, motor)),
            (0.0_f32..0.7, spring).prop_map(|(length, spring)| distance(length, spring)),
        ]
    }

    proptest! {
        /// Every joint within its ranges is taken, by its bytes, with each number as it was given.
        #[test]
        fn a_joint_arrives_as_it_was_sent(
            ids in (0_u64..1 << 63, 0_u64..1 << 63),
            anchors in (any_vector(), any_vector()),
            axes in (any_axes(), any_axes()),
            to_world: bool,
            kind in any_kind(),
            collide: bool,
        ) {
            prop_assume!(ids.0 != ids.1);
            let sent_end = |id, anchor, axes| v1::JointedBody {
                body_id: id,
                anchor: Some(to_vector(anchor)),
                axes: Some(to_quaternion(axes)),
            };
            let point = DVec3::new(1e6, -2.5, 0.0);
            let sent = v1::JointDescription {
                first: Some(sent_end(ids.0, anchors.0, axes.0)),
                second: Some(if to_world {
                    Second::World(v1::JointedPoint { point: Some(to_point(point)), axes: Some(to_quaternion(axes.1)) })
                } else {
                    Second::Body(sent_end(ids.1, anchors.1, axes.1))
                }),
                kind: Some(kind),
                collide,
            };
            let arrived = v1::JointDescription::decode(sent.encode_to_vec().as_slice()).expect("it was encoded");
            let joint = convert(&arrived).expect("all is within its range");
            let frame = |anchor, axes: Quat| JointFrame { anchor, orientation: axes.normalize() };
            prop_assert_eq!((joint.body, joint.frame), (BodyId(ids.0), frame(anchors.0, axes.0)));
            let end = if to_world {
                JointEnd::World { point, orientation: axes.1.normalize() }
            } else {
                JointEnd::Body { id: BodyId(ids.1), frame: frame(anchors.1, axes.1) }
            };
            prop_assert_eq!(joint.end, end);
            prop_assert_eq!(joint.collide, collide);
            let numbers = match joint.kind {
                JointKind::Fixed => Kind::Fixed(v1::FixedJoint {}),
                JointKind::Ball => Kind::Ball(v1::BallJoint {}),
                JointKind::Hinge { limits, motor } => {
                    hinge(limits.map(Into::into), motor.map(|motor| (motor.speed, motor.max_torque)))
                }
                JointKind::Distance { length, spring } => {
                    distance(length, spring.map(|spring| (spring.frequency, spring.damping_ratio)))
                }
            };
            prop_assert_eq!(Some(numbers), sent.kind);
        }
    }
}
