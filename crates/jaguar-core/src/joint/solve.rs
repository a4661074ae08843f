//! One joint on private copies of its two bodies.
//!
//! What a joint locks (the anchors, and all axes or all but one) is solved as one system of up to six equations, so a joint alone is exact after one pass, whatever its lever arms. A
//! hinge's limits and motor come after that, one by one, each with the answer of the locked directions, so that they do not tear at the anchors.

use glam::{Mat3, Vec3};

use super::pose::{Mover, Twist, between, cross_matrix, outer, product, turned};
use super::{JointKind, Motor};
use crate::solver::StepConstants;

/// Whose pass it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// Within a tile, before positions move: errors of place are pulled together.
    Push,
    /// Within a tile, after that: only velocities, and no springs.
    Relax,
    /// Between tiles: only velocities, and springs; errors of place are made good as displacements, see [`Work::pull`].
    Across,
}

/// A spring that over one substep does what the damped oscillator of its frequency does in that time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Oscillator {
    /// Velocity against each m of stretch, 1/s.
    stiffness: f32,
    mass_scale: f32,
    impulse_scale: f32,
}

impl Oscillator {
    /// The step of a substep h is v' = a v + b x, x' = x + h v'. Its matrix has the determinant a and the trace 1 + a + b h; with a = exp(-2 ζ ω h) and the trace exp(s₁ h) + exp(s₂ h), where s are the
    /// roots of s² + 2 ζ ω s + ω² = 0, its eigenvalues are those of the true motion over h. So frequency and decay are exact for any substep.
    pub(super) fn new(frequency: f32, damping_ratio: f32, h: f32) -> Self {
        let (zeta, h) = (f64::from(damping_ratio), f64::from(h));
        // Beyond a quarter of the substep rate the samples no longer show the oscillation.
        let angle = (std::f64::consts::TAU * f64::from(frequency) * h).min(std::f64::consts::FRAC_PI_2);
        let square = 1.0 - zeta * zeta;
        let decay = libm::exp(-zeta * angle);
        let determinant = decay * decay;
        let trace = if square >= 0.0 {
            2.0 * decay * libm::cos(libm::sqrt(square) * angle)
        } else {
            let root = libm::sqrt(-square);
            libm::exp((root - zeta) * angle) + libm::exp((-root - zeta) * angle)
        };
        Self {
            stiffness: ((1.0 + determinant - trace) / h) as f32,
            mass_scale: (1.0 - determinant) as f32,
            impulse_scale: determinant as f32,
        }
    }
}

/// A joint as a tick solves it.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The bodies by index; the second may be [`crate::contact::NO_BODY`].
    pub(crate) ends: [u32; 2],
    /// Position in the list of joints.
    pub(super) rank: u32,
    /// From the centre of the first body to that of the second, or to the world's point, at the start of the tick, m.
    pub(super) between: Vec3,
    /// In the axes of each body, m.
    pub(super) anchors: [Vec3; 2],
    /// The joint's axes in those of each body, quaternions.
    pub(super) orientations: [[f32; 4]; 2],
    pub(super) kind: JointKind,
    /// Of a distance that yields.
    pub(super) oscillator: Oscillator,
    pub(super) load: Load,
}

/// What a joint has accumulated; see [`super::Joint`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) linear: Vec3,
    pub(super) angular: Vec3,
    pub(super) rows: [f32; 3],
}

/// The impulse and the angular impulse that a joint exerts on its second end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pull {
    pub(super) linear: Vec3,
    pub(super) angular: Vec3,
}

/// How a joint lies now.
struct Pose {
    /// From the centres to the anchors.
    arms: [Vec3; 2],
    /// From the first anchor to the second.
    gap: Vec3,
    /// The joint's axes at the two ends.
    axes: [[f32; 4]; 2],
}

impl Pose {
    /// Velocity of the second anchor against the first.
    fn velocity(&self, [a, b]: &[Mover; 2]) -> Vec3 {
        (b.velocity + b.spin.cross(self.arms[1])) - (a.velocity + a.spin.cross(self.arms[0]))
    }

    /// What the anchors' mean velocity over a substep differs by from the one at its start, since they go round in circles, m/s: what is not corrected for grows into gaps, the closing of which takes energy.
    /// (Two rods that spin about their common hinge at 15 rad/s lose 5 % a second without, 0.3 % with; between tiles 43 % and 3 %.)
    fn swerve(&self, [a, b]: &[Mover; 2], h: f32) -> Vec3 {
        let of = |body: &Mover, arm: Vec3| {
            // Beyond a radian a substep the expansion is none any more.
            let angle = h * body.spin.length();
            body.spin.cross(body.spin.cross(arm)) * (0.5 * h / (angle * angle).max(1.0))
        };
        of(b, self.arms[1]) - of(a, self.arms[0])
    }

    /// The hinge's axis at the first end.
    fn axis(&self) -> Vec3 {
        turned(self.axes[0], Vec3::X)
    }

    /// The direction of a distance: from the first anchor to the second.
    fn direction(&self) -> (Vec3, f32) {
        let length = self.gap.length();
        // Where the anchors coincide any direction will do.
        let direction = if length > 0.0 { self.gap / length } else { Vec3::Y };
        (direction, length)
    }

    /// Angle of the second end about the hinge's axis, rad, within ±π.
    fn angle(&self) -> f32 {
        let [x, _, _, w] = between(self.axes[0], self.axes[1]);
        2.0 * libm::atan2f(x, w)
    }

    /// The rotation vector by which the second end is turned out of the locked directions, in world axes; exact for small ones.
    fn twist(&self, kind: &JointKind) -> Vec3 {
        match kind {
            JointKind::Fixed => {
                let [x, y, z, _] = between(self.axes[0], self.axes[1]);
                turned(self.axes[0], Vec3::new(x, y, z)) * 2.0
            }
            JointKind::Hinge { .. } => self.axis().cross(turned(self.axes[1], Vec3::X)),
            JointKind::Ball | JointKind::Distance { .. } => Vec3::ZERO,
        }
    }
}

/// The locked directions as a system of equations: errors of the angular and the linear velocity in, impulses that remove them out.
struct Locked {
    /// What the locked axes answer with to an angular error.
    angular_mass: Mat3,
    /// Change of the relative angular velocity by an impulse at the anchors.
    coupling: Mat3,
    /// Change of the relative angular velocity by an angular impulse.
    compliance: Mat3,
    /// What the anchors answer with to an error, once the axes have answered.
    linear_mass: Mat3,
}

impl Locked {
    fn new(kind: &JointKind, pose: &Pose, [a, b]: &[Mover; 2]) -> Self {
        let compliance = a.inverse_inertia + b.inverse_inertia;
        let angular_mass = match kind {
            JointKind::Fixed => compliance.inverse(),
            JointKind::Hinge { .. } => {
                let axis = pose.axis();
                let u = axis.any_orthonormal_vector();
                let v = axis.cross(u);
                let (uu, uv, vv) = (u.dot(compliance * u), u.dot(compliance * v), v.dot(compliance * v));
                let determinant = uu * vv - uv * uv;
                let inverse = outer(u, u) * vv + outer(v, v) * uu - (outer(u, v) + outer(v, u)) * uv;
                inverse * (1.0 / determinant)
            }
            JointKind::Ball | JointKind::Distance { .. } => Mat3::ZERO,
        };
        let arms = pose.arms.map(cross_matrix);
        let (turn_a, turn_b) = (a.inverse_inertia * arms[0], b.inverse_inertia * arms[1]);
        let coupling = turn_a + turn_b;
        let linear =
            Mat3::from_diagonal(Vec3::splat(a.inverse_mass + b.inverse_mass)) - arms[0] * turn_a - arms[1] * turn_b;
        let linear_mass = (linear - coupling.transpose() * (angular_mass * coupling)).inverse();
        Self {
            angular_mass,
            coupling,
            compliance,
            linear_mass,
        }
    }

    fn answer(&self, angular: Vec3, linear: Vec3) -> Pull {
        let Self {
            angular_mass, coupling, ..
        } = self;
        let impulse = self.linear_mass * (coupling.transpose() * (*angular_mass * angular) - linear);
        Pull {
            linear: impulse,
            angular: *angular_mass * (-angular - *coupling * impulse),
        }
    }

    /// What a unit of angular impulse about an axis and the answer of the locked directions are together, and how they change the angular velocity about the axis.
    fn unit_about(&self, axis: Vec3) -> (Pull, f32) {
        let turn = self.compliance * axis;
        let answer = self.answer(turn, self.coupling.transpose() * axis);
        let change = turn + self.compliance * answer.angular + self.coupling * answer.linear;
        let unit = Pull {
            linear: answer.linear,
            angular: answer.angular + axis,
        };
        (unit, axis.dot(change))
    }
}

/// A pass's way of answering: see [`crate::solver::Softness`].
#[derive(Clone, Copy)]
struct Answer {
    /// Time over which positions will move with the velocities, s; 0 where they do not.
    ahead: f32,
    bias_rate: f32,
    mass_scale: f32,
    impulse_scale: f32,
}

impl Answer {
    const RIGID: Self = Self {
        ahead: 0.0,
        bias_rate: 0.0,
        mass_scale: 1.0,
        impulse_scale: 0.0,
    };

    fn of(pass: Pass, step: &StepConstants) -> Self {
        let (softness, ahead) = (&step.joint_softness, step.substep_seconds);
        match pass {
            Pass::Push => Self {
                ahead,
                bias_rate: softness.bias_rate,
                mass_scale: softness.mass_scale,
                impulse_scale: softness.impulse_scale,
            },
            Pass::Across => Self { ahead, ..Self::RIGID },
            Pass::Relax => Self::RIGID,
        }
    }
}

impl Work {
    fn pose(&self, [a, b]: &[Mover; 2]) -> Pose {
        let arms = [
            turned(a.orientation, self.anchors[0]),
            turned(b.orientation, self.anchors[1]),
        ];
        Pose {
            gap: (self.between + (b.displacement - a.displacement)) + (arms[1] - arms[0]),
            arms,
            axes: [
                product(a.orientation, self.orientations[0]),
                product(b.orientation, self.orientations[1]),
            ],
        }
    }

    /// Turns what is accumulated into the directions that the joint has now, and returns what it pulls with.
    pub(super) fn turn_load(&mut self, bodies: &[Mover; 2]) -> Pull {
        let pose = self.pose(bodies);
        let Load { linear, angular, rows } = &mut self.load;
        match self.kind {
            JointKind::Fixed | JointKind::Ball => {}
            JointKind::Hinge { .. } => {
                let axis = pose.axis();
                *angular -= axis * axis.dot(*angular);
                let about = rows[0] - rows[1] + rows[2];
                return Pull {
                    linear: *linear,
                    angular: *angular + axis * about,
                };
            }
            JointKind::Distance { .. } => {
                return Pull {
                    linear: pose.direction().0 * rows[0],
                    angular: Vec3::ZERO,
                };
            }
        }
        Pull {
            linear: *linear,
            angular: *angular,
        }
    }

    /// Applies a pull to the two bodies.
    pub(super) fn apply(&self, pull: &Pull, bodies: &mut [Mover; 2]) {
        let arms = self.pose(bodies).arms;
        pull_at(arms, pull, bodies);
    }

    /// What a pull changes of the body at one of the ends.
    pub(super) fn twist_of_end(&self, end: usize, pull: &Pull, body: &Mover) -> Twist {
        let arm = turned(body.orientation, self.anchors[end]);
        let change = body.twist(arm, pull.linear, pull.angular);
        if end == 0 { change.times(-1.0) } else { change }
    }

    /// Changes the velocities of the two bodies, and what is accumulated.
    pub(super) fn solve(&mut self, pass: Pass, bodies: &mut [Mover; 2], step: &StepConstants) {
        let pose = self.pose(bodies);
        let answer = Answer::of(pass, step);
        match self.kind {
            JointKind::Distance { length, spring } => {
                if spring.is_none() || pass != Pass::Relax {
                    self.solve_distance(&pose, length, spring.is_some(), answer, bodies);
                }
            }
            JointKind::Fixed | JointKind::Ball => {
                let locked = Locked::new(&self.kind, &pose, bodies);
                self.solve_locked(&pose, &locked, answer, bodies);
            }
            JointKind::Hinge { limits, motor } => {
                let locked = Locked::new(&self.kind, &pose, bodies);
                self.solve_locked(&pose, &locked, answer, bodies);
                if limits.is_some() || motor.is_some() {
                    let h = step.substep_seconds;
                    self.solve_turning(&pose, &locked, (limits, motor), (answer, pass, h), bodies);
                }
            }
        }
    }

    fn solve_locked(&mut self, pose: &Pose, locked: &Locked, answer: Answer, bodies: &mut [Mover; 2]) {
        let velocity = pose.velocity(bodies) + pose.swerve(bodies, answer.ahead);
        let [a, b] = &*bodies;
        let wanted = locked.answer(
            (b.spin - a.spin) + pose.twist(&self.kind) * answer.bias_rate,
            velocity + pose.gap * answer.bias_rate,
        );
        let Load { linear, angular, .. } = &mut self.load;
        let change = Pull {
            linear: wanted.linear * answer.mass_scale - *linear * answer.impulse_scale,
            angular: wanted.angular * answer.mass_scale - *angular * answer.impulse_scale,
        };
        *linear += change.linear;
        *angular += change.angular;
        pull_at(pose.arms, &change, bodies);
    }

    /// The motor and the limits of a hinge.
    fn solve_turning(
        &mut self,
        pose: &Pose,
        locked: &Locked,
        (limits, motor): (Option<[f32; 2]>, Option<Motor>),
        (answer, pass, h): (Answer, Pass, f32),
        bodies: &mut [Mover; 2],
    ) {
        let axis = pose.axis();
        let (unit, compliance) = locked.unit_about(axis);
        let mass = 1.0 / compliance;
        // Applies a change of what acts about the axis, and what the locked directions answer.
        let apply = |load: &mut Load, bodies: &mut [Mover; 2], change: f32| {
            load.linear += unit.linear * change;
            load.angular += (unit.angular - axis) * change;
            let pull = Pull {
                linear: unit.linear * change,
                angular: unit.angular * change,
            };
            pull_at(pose.arms, &pull, bodies);
        };
        let speed_of = |bodies: &[Mover; 2]| (bodies[1].spin - bodies[0].spin).dot(axis);
        if let Some(Motor { speed, max_torque }) = motor {
            let most = max_torque * h;
            let before = self.load.rows[2];
            let after = (before + mass * (speed - speed_of(bodies))).clamp(-most, most);
            self.load.rows[2] = after;
            apply(&mut self.load, bodies, after - before);
        }
        if let Some(limits) = limits {
            let angle = pose.angle();
            for (row, sign) in [(0, 1.0), (1, -1.0)] {
                // Room to the limit, and how fast it grows.
                let room = (angle - limits[row]) * sign;
                let growth = speed_of(bodies) * sign;
                let (bias, answer) = if room > 0.0 {
                    (room / h, Answer::RIGID)
                } else {
                    (room * answer.bias_rate, answer)
                };
                let bias = if pass == Pass::Push || room > 0.0 { bias } else { 0.0 };
                let before = self.load.rows[row];
                let change = -(mass * answer.mass_scale * (growth + bias)) - answer.impulse_scale * before;
                let after = (before + change).max(0.0);
                self.load.rows[row] = after;
                apply(&mut self.load, bodies, (after - before) * sign);
            }
        }
    }

    fn solve_distance(&mut self, pose: &Pose, length: f32, yields: bool, answer: Answer, bodies: &mut [Mover; 2]) {
        let (direction, distance) = pose.direction();
        let mass = mass_along(direction, pose.arms, bodies);
        let velocity = pose.velocity(bodies);
        let (speed, stretch) = (velocity.dot(direction), distance - length);
        let load = &mut self.load.rows[0];
        let change = if yields {
            let Oscillator {
                stiffness,
                mass_scale,
                impulse_scale,
            } = self.oscillator;
            -(mass * (mass_scale * speed + stiffness * stretch)) - impulse_scale * *load
        } else {
            let h = answer.ahead;
            let across = (velocity - direction * speed).length();
            // The anchors go round each other besides, see `Pose::swerve`.
            let angle = h * across / distance.max(f32::MIN_POSITIVE);
            let circling = 0.5 * across * (angle / (angle * angle).max(1.0));
            let speed = speed + pose.swerve(bodies, h).dot(direction) + circling;
            -(mass * answer.mass_scale * (speed + answer.bias_rate * stretch)) - answer.impulse_scale * *load
        };
        *load += change;
        let pull = Pull {
            linear: direction * change,
            angular: Vec3::ZERO,
        };
        pull_at(pose.arms, &pull, bodies);
    }

    /// The displacements that would bring the ends to where they belong.
    pub(super) fn pull(&self, bodies: &[Mover; 2]) -> [Twist; 2] {
        let pose = self.pose(bodies);
        let pull = match self.kind {
            JointKind::Distance { spring: Some(_), .. } => return [Twist::default(); 2],
            JointKind::Distance { length, spring: None } => {
                let (direction, distance) = pose.direction();
                let mass = mass_along(direction, pose.arms, bodies);
                Pull {
                    linear: direction * (mass * (length - distance)),
                    angular: Vec3::ZERO,
                }
            }
            JointKind::Fixed | JointKind::Ball | JointKind::Hinge { limits: None, .. } => {
                let locked = Locked::new(&self.kind, &pose, bodies);
                locked.answer(pose.twist(&self.kind), pose.gap)
            }
            JointKind::Hinge {
                limits: Some([least, greatest]),
                ..
            } => {
                let locked = Locked::new(&self.kind, &pose, bodies);
                let pull = locked.answer(pose.twist(&self.kind), pose.gap);
                let angle = pose.angle();
                let (unit, compliance) = locked.unit_about(pose.axis());
                let turn = (angle.clamp(least, greatest) - angle) / compliance;
                Pull {
                    linear: pull.linear + unit.linear * turn,
                    angular: pull.angular + unit.angular * turn,
                }
            }
        };
        let [a, b] = bodies;
        [
            a.twist(pose.arms[0], pull.linear, pull.angular).times(-1.0),
            b.twist(pose.arms[1], pull.linear, pull.angular),
        ]
    }

    /// Whether a body with so many of these could follow them all at once: a spring that is not stiff. It takes its whole change, since what lags behind gains energy.
    pub(super) fn is_gentle(&self, crowd: f32, step: &StepConstants) -> bool {
        let yields = matches!(self.kind, JointKind::Distance { spring: Some(_), .. });
        yields && crowd * self.oscillator.stiffness * step.substep_seconds <= 1.0
    }

    /// Takes back all of the change of what is accumulated since `before` but a share.
    pub(super) fn keep_share(&mut self, before: &Load, share: f32) {
        let Load { linear, angular, rows } = &mut self.load;
        *linear = before.linear + (*linear - before.linear) * share;
        *angular = before.angular + (*angular - before.angular) * share;
        for (row, before) in rows.iter_mut().zip(before.rows) {
            *row = before + (*row - before) * share;
        }
    }
}

/// Effective mass of a pull along a direction, kg.
fn mass_along(direction: Vec3, arms: [Vec3; 2], [a, b]: &[Mover; 2]) -> f32 {
    let turning = |body: &Mover, arm: Vec3| {
        let turn = arm.cross(direction);
        turn.dot(body.inverse_inertia * turn)
    };
    1.0 / (a.inverse_mass + b.inverse_mass + turning(a, arms[0]) + turning(b, arms[1]))
}

fn pull_at(arms: [Vec3; 2], pull: &Pull, [a, b]: &mut [Mover; 2]) {
    a.take(a.twist(arms[0], pull.linear, pull.angular).times(-1.0));
    b.take(b.twist(arms[1], pull.linear, pull.angular));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mass on a spring, stepped as the solver does, against the closed form after whole periods; slow, fast, damped, and creeping.
    #[test]
    fn an_oscillator_has_the_frequency_and_the_decay_of_the_true_motion() {
        let h = 1.0 / 240.0_f32;
        for (frequency, damping_ratio) in [
            (0.5_f32, 0.0_f32),
            (2.0, 0.1),
            (20.0, 0.3),
            (40.0, 0.0),
            (3.0, 1.0),
            (3.0, 4.0),
        ] {
            let oscillator = Oscillator::new(frequency, damping_ratio, h);
            let (determinant, push) = (f64::from(oscillator.impulse_scale), f64::from(oscillator.stiffness));
            let h = f64::from(h);
            let trace = 1.0 + determinant - push * h;
            let (omega, zeta) = (std::f64::consts::TAU * f64::from(frequency), f64::from(damping_ratio));
            // Decay over a substep, and the angle or the sum of the two decays.
            assert!((determinant - (-2.0 * zeta * omega * h).exp()).abs() < 1e-6);
            let root = omega * h * (1.0 - zeta * zeta).abs().sqrt();
            let expected = 2.0 * (-zeta * omega * h).exp() * if zeta <= 1.0 { root.cos() } else { root.cosh() };
            assert!(
                (trace - expected).abs() < 1e-6,
                "{frequency} Hz, {damping_ratio}: {trace} against {expected}"
            );
        }
    }
}
