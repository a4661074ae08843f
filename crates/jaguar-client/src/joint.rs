//! Joints: what holds two bodies together, or a body to a point of the world.

use jaguar_proto::v1;
use jaguar_proto::v1::joint_description::{Kind, Second};

use crate::body::{Body, point, quaternion, vector};

/// The axes of the body or of the world, x y z w.
const SAME_AXES: [f32; 4] = [0.0, 0.0, 0.0, 1.0];

/// The end of a joint on a body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JointedBody {
    /// The body.
    pub body: u64,
    /// Where the joint acts: from the centre of mass in the body's own axes, m.
    pub anchor: [f32; 3],
    /// The joint's axes in those of the body, a unit quaternion x y z w. A hinge turns about its x axis.
    pub axes: [f32; 4],
}

impl JointedBody {
    /// At the centre of a body, with its axes.
    pub const fn centre_of(body: u64) -> Self {
        Self {
            body,
            anchor: [0.0; 3],
            axes: SAME_AXES,
        }
    }

    /// At a point of the world (m) with axes of the world, on a body as it lies.
    fn on(body: &Body, point: [f64; 3], axes: [f32; 4]) -> Self {
        let [x, y, z, w] = body.orientation;
        let back = [-x, -y, -z, w];
        let from_centre = std::array::from_fn(|i| (point[i] - body.position[i]) as f32);
        Self {
            body: body.id,
            anchor: turned(back, from_centre),
            axes: product(back, axes),
        }
    }
}

/// The second end of a joint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum JointEnd {
    /// On another body.
    Body(JointedBody),
    /// On a point of the world.
    World {
        /// Where, m.
        point: [f64; 3],
        /// The joint's axes in those of the world, a unit quaternion x y z w.
        axes: [f32; 4],
    },
}

/// A drive that turns a hinge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motor {
    /// Angular velocity of the second end against the first about the hinge's axis, rad/s.
    pub speed: f32,
    /// Largest torque, N m. With a speed of 0 the motor is a brake.
    pub max_torque: f32,
}

/// How a distance yields: by how the pair swings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spring {
    /// Undamped frequency of the pair, Hz, 0.001 to 1000.
    pub frequency: f32,
    /// 0 swings for ever, 1 does not swing through.
    pub damping_ratio: f32,
}

/// What a joint holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum JointKind {
    /// Everything: the bodies move as one.
    Fixed,
    /// The anchors: the bodies turn freely about them.
    Ball,
    /// The anchors and the x axes: the bodies turn about that axis.
    Hinge {
        /// Least and greatest angle of the second end against the first, rad, within ±π; 0 where the axes lie on each other.
        limits: Option<[f32; 2]>,
        /// What drives it.
        motor: Option<Motor>,
    },
    /// The distance of the anchors.
    Distance {
        /// m.
        length: f32,
        /// How it yields; rigid without.
        spring: Option<Spring>,
    },
}

/// A joint to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewJoint {
    /// The first end.
    pub first: JointedBody,
    /// The second end.
    pub second: JointEnd,
    /// What it holds.
    pub kind: JointKind,
    /// Whether the two bodies can touch each other all the same.
    pub collide: bool,
}

impl NewJoint {
    /// Between two bodies, which do not touch each other any more.
    pub const fn between(first: JointedBody, second: JointedBody, kind: JointKind) -> Self {
        Self {
            first,
            second: JointEnd::Body(second),
            kind,
            collide: false,
        }
    }

    /// At a point (m) of bodies as they lie where they were read, with the x axes along a vector of any length; with the world if there is no second body. In a world that runs the bodies will have moved
    /// by the time they are joined, and are pulled together again by as much.
    pub fn at(first: &Body, second: Option<&Body>, point: [f64; 3], axis: [f32; 3], kind: JointKind) -> Self {
        let axes = axes_along(axis);
        Self {
            first: JointedBody::on(first, point, axes),
            second: match second {
                Some(second) => JointEnd::Body(JointedBody::on(second, point, axes)),
                None => JointEnd::World { point, axes },
            },
            kind,
            collide: false,
        }
    }

    /// With bodies that can touch each other.
    #[must_use]
    pub const fn colliding(self) -> Self {
        Self { collide: true, ..self }
    }
}

/// The shortest turn that brings the x axis along a vector.
fn axes_along(axis: [f32; 3]) -> [f32; 4] {
    let length = axis.iter().map(|c| c * c).sum::<f32>().sqrt();
    let [x, y, z] = axis.map(|c| c / length);
    if x < -1.0 + 1e-6 {
        return [0.0, 0.0, 1.0, 0.0];
    }
    let turn = [0.0, -z, y, 1.0 + x];
    let length = turn.iter().map(|c| c * c).sum::<f32>().sqrt();
    turn.map(|c| c / length)
}

/// One turn after another: `second`, then `first`.
fn product(first: [f32; 4], second: [f32; 4]) -> [f32; 4] {
    let ([a, b, c, d], [x, y, z, w]) = (first, second);
    [
        d * x + a * w + b * z - c * y,
        d * y - a * z + b * w + c * x,
        d * z + a * y - b * x + c * w,
        d * w - a * x - b * y - c * z,
    ]
}

/// A vector after a turn.
fn turned(turn: [f32; 4], [x, y, z]: [f32; 3]) -> [f32; 3] {
    let [a, b, c, d] = turn;
    let [x, y, z, _] = product(product(turn, [x, y, z, 0.0]), [-a, -b, -c, d]);
    [x, y, z]
}

impl From<JointedBody> for v1::JointedBody {
    fn from(end: JointedBody) -> Self {
        Self {
            body_id: end.body,
            anchor: Some(vector(end.anchor)),
            axes: Some(quaternion(end.axes)),
        }
    }
}

impl From<JointKind> for Kind {
    fn from(kind: JointKind) -> Self {
        match kind {
            JointKind::Fixed => Self::Fixed(v1::FixedJoint {}),
            JointKind::Ball => Self::Ball(v1::BallJoint {}),
            JointKind::Hinge { limits, motor } => Self::Hinge(v1::HingeJoint {
                limits: limits.map(|[lower_rad, upper_rad]| v1::AngleLimits { lower_rad, upper_rad }),
                motor: motor.map(|motor| v1::Motor {
                    speed_rad_s: motor.speed,
                    max_torque_nm: motor.max_torque,
                }),
            }),
            JointKind::Distance { length, spring } => Self::Distance(v1::DistanceJoint {
                length_m: length,
                spring: spring.map(|spring| v1::Spring {
                    frequency_hz: spring.frequency,
                    damping_ratio: spring.damping_ratio,
                }),
            }),
        }
    }
}

impl From<NewJoint> for v1::JointDescription {
    fn from(joint: NewJoint) -> Self {
        Self {
            first: Some(joint.first.into()),
            second: Some(match joint.second {
                JointEnd::Body(end) => Second::Body(end.into()),
                JointEnd::World { point: at, axes } => Second::World(v1::JointedPoint {
                    point: Some(point(at)),
                    axes: Some(quaternion(axes)),
                }),
            }),
            kind: Some(joint.kind.into()),
            collide: joint.collide,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{Domain, Filter, Material, Shape};

    /// Turned by a right angle about z: its x axis is the world's y, its y axis the world's -x.
    fn turned_body() -> Body {
        let half = std::f32::consts::FRAC_1_SQRT_2;
        Body {
            id: 7,
            position: [10.0, 0.0, 0.0],
            orientation: [0.0, 0.0, half, half],
            velocity: [0.0; 3],
            angular_velocity: [0.0; 3],
            radius: 1.0,
            shape: Shape::Sphere { radius: 1.0 },
            mass: 1.0,
            material: Material::default(),
            filter: Filter::default(),
            sensor: false,
            domain: Domain::Generic,
            drag_area: 0.0,
            thrust: [0.0; 3],
        }
    }

    fn assert_near<const N: usize>(found: [f32; N], expected: [f32; N]) {
        let is_near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(is_near, "{found:?}, expected {expected:?}");
    }

    #[test]
    fn a_joint_at_a_point_has_its_anchors_and_axes_in_those_of_the_bodies() {
        let body = turned_body();
        let hinge = JointKind::Hinge {
            limits: None,
            motor: None,
        };
        let joint = NewJoint::at(&body, None, [11.0, 2.0, 0.5], [0.0, 3.0, 0.0], hinge);
        assert_near(joint.first.anchor, [2.0, -1.0, 0.5]);
        // The hinge's axis is the world's y, which is the body's own x.
        assert_near(turned(joint.first.axes, [1.0, 0.0, 0.0]), [1.0, 0.0, 0.0]);
        let JointEnd::World { point, axes } = joint.second else {
            panic!("it is joined to the world");
        };
        assert_eq!(point, [11.0, 2.0, 0.5]);
        assert_near(turned(axes, [1.0, 0.0, 0.0]), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn axes_lie_along_any_vector() {
        for axis in [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.48, 0.6, -0.64]] {
            assert_near(turned(axes_along(axis.map(|c| 5.0 * c)), [1.0, 0.0, 0.0]), axis);
        }
    }
}
