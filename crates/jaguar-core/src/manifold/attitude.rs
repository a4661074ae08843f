//! How bodies that are not plain spheres are turned, and how they turn freely: the orientation of the present substep, and the inertia tensor in world axes, which contacts use.

use glam::{DMat3, DQuat, DVec3, Mat3, Quat, Vec3, Vec4};

use crate::constants::TURN_TOLERANCE;
use crate::kinds::{Kind, Kinds};
use crate::principal::Principal;
use crate::simd::{F32x8, Kernel};
use crate::solver::StepConstants;
use crate::storage::Motion;

/// One body.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub(crate) struct Attitude {
    /// xx, yy, zz of the inverse inertia tensor in world axes, 1/(kg m²): of the start of the tick, until the body has turned farther than [`TURN_TOLERANCE`], and of each substep from then on.
    pub(crate) diagonal: Vec4,
    /// yz, xz, xy.
    pub(crate) products: Vec4,
    /// Of the present substep, quaternion x y z w.
    pub(crate) orientation: [f32; 4],
}

impl Attitude {
    /// Of what does not turn.
    pub(crate) const FIXED: Self = Self {
        diagonal: Vec4::ZERO,
        products: Vec4::ZERO,
        orientation: [0.0, 0.0, 0.0, 1.0],
    };

    pub(crate) fn new(kind: &Kind, orientation: [f32; 4]) -> Self {
        let inverse = kind.inverse_inertia;
        let world = if kind.is_isotropic {
            inverse
        } else {
            let rotation = Mat3::from_quat(Quat::from_array(orientation));
            rotation * inverse * rotation.transpose()
        };
        Self {
            diagonal: Vec4::new(world.x_axis.x, world.y_axis.y, world.z_axis.z, 0.0),
            products: Vec4::new(world.z_axis.y, world.z_axis.x, world.y_axis.x, 0.0),
            orientation,
        }
    }

    /// Follows a body that has turned since the start of the tick: by `rotation`, to `orientation`.
    fn follow(&mut self, kind: &Kind, rotation: Vec3, orientation: [f32; 4]) {
        if has_turned_far(kind, rotation) {
            *self = Self::new(kind, orientation);
        } else {
            self.orientation = orientation;
        }
    }

    /// The change of angular velocity by a change of angular momentum.
    pub(crate) fn spin_of(&self, turn: Vec3) -> Vec3 {
        let (diagonal, products) = (self.diagonal, self.products);
        Vec3::new(
            diagonal.x * turn.x + products.z * turn.y + products.y * turn.z,
            products.z * turn.x + diagonal.y * turn.y + products.x * turn.z,
            products.y * turn.x + products.x * turn.y + diagonal.z * turn.z,
        )
    }
}

/// Whether a body has turned so far in this tick, by this rotation vector, that its inertia tensor is another than at the start.
pub(crate) fn has_turned_far(kind: &Kind, rotation: Vec3) -> bool {
    !kind.is_isotropic && rotation.length_squared() > TURN_TOLERANCE * TURN_TOLERANCE
}

/// Turns bodies over one substep and changes their angular velocities so that their angular momenta stay: the gyroscopic torque. A body that is round about an axis turns exactly, however fast and however long the
/// substep: about its momentum and about its axis, each at an even pace. What another is less round than that is made up for by half a twist before and half after (splitting: Touma and Wisdom, "Lie-Poisson
/// integrators for rigid body dynamics in the solar system", 1994), which is the same backwards in time. So the momentum is kept whatever the angle, and the energy does not creep.
///
/// In f64, from and to states in f32: the momentum is that of the rounded orientation, so only the velocity rounds. In f32 a box that turns over and over (Dzhanibekov) loses its pace to
/// rounding alone.
pub(crate) fn turn_freely(
    motion: &mut [Motion],
    attitudes: &mut [Attitude],
    numbers: &[u32],
    kinds: &Kinds,
    step: &StepConstants,
) {
    step.simd.run(TurnFreely {
        motion,
        attitudes,
        numbers,
        kinds,
        seconds: f64::from(step.substep_seconds),
    });
}

struct TurnFreely<'a> {
    motion: &'a mut [Motion],
    attitudes: &'a mut [Attitude],
    numbers: &'a [u32],
    kinds: &'a Kinds,
    seconds: f64,
}

impl Kernel for TurnFreely<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        let mut turning = Turning::NONE;
        let mut bodies = [0; TURNED_AT_ONCE];
        let mut count = 0;
        for body in 0..self.motion.len() {
            let velocity = self.motion[body].angular_velocity();
            let kind = self.kinds.get(self.numbers[body]);
            // `crate::solver::integrate::finish_body` turns those that are the same about all axes once a tick.
            if !(kind.is_isotropic || velocity == Vec3::ZERO) {
                turning.set(count, &self.attitudes[body], velocity, kind);
                bodies[count] = body;
                count += 1;
            }
            if count == TURNED_AT_ONCE || (body + 1 == self.motion.len() && count > 0) {
                turning.turn(self.seconds);
                for (lane, &body) in bodies[..count].iter().enumerate() {
                    if turning.greatest[lane] >= SMALL_ANGLE_SQUARED {
                        turning.turn_far(lane, self.seconds);
                    }
                    let (orientation, velocity) = turning.get(lane);
                    let motion = &mut self.motion[body];
                    motion.set_angular_velocity(velocity);
                    let kind = self.kinds.get(self.numbers[body]);
                    self.attitudes[body].follow(kind, motion.rotation.truncate(), orientation);
                }
                count = 0;
            }
        }
    }
}

/// Bodies that are turned side by side.
const TURNED_AT_ONCE: usize = 8;

/// Bodies that turn, number by number, each number of all of them in a row: so the compiler computes several bodies at once.
struct Turning {
    orientation: [[f32; TURNED_AT_ONCE]; 4],
    velocity: [[f32; TURNED_AT_ONCE]; 3],
    axes: [[f64; TURNED_AT_ONCE]; 4],
    moments: [[f64; TURNED_AT_ONCE]; 3],
    turned_orientation: [[f32; TURNED_AT_ONCE]; 4],
    turned_velocity: [[f32; TURNED_AT_ONCE]; 3],
    /// The greatest of the squared angles on the way.
    greatest: [f64; TURNED_AT_ONCE],
}

impl Turning {
    const NONE: Self = Self {
        orientation: [[1.0; TURNED_AT_ONCE]; 4],
        velocity: [[0.0; TURNED_AT_ONCE]; 3],
        axes: [[1.0; TURNED_AT_ONCE]; 4],
        moments: [[1.0; TURNED_AT_ONCE]; 3],
        turned_orientation: [[0.0; TURNED_AT_ONCE]; 4],
        turned_velocity: [[0.0; TURNED_AT_ONCE]; 3],
        greatest: [0.0; TURNED_AT_ONCE],
    };

    #[inline(always)]
    fn set(&mut self, lane: usize, attitude: &Attitude, velocity: Vec3, kind: &Kind) {
        for k in 0..4 {
            self.orientation[k][lane] = attitude.orientation[k];
        }
        for axis in 0..3 {
            self.velocity[axis][lane] = velocity[axis];
        }
        let Principal { axes, moments } = kind.principal;
        for (lanes, number) in self.axes.iter_mut().zip(axes.to_array()) {
            lanes[lane] = number;
        }
        for (lanes, moment) in self.moments.iter_mut().zip(moments.to_array()) {
            lanes[lane] = moment;
        }
    }

    /// Turns all of them as if all turned little.
    #[inline(always)]
    fn turn(&mut self, seconds: f64) {
        for lane in 0..TURNED_AT_ONCE {
            self.turn_one::<false>(lane, seconds);
        }
    }

    /// Turns one that turns far.
    #[cold]
    #[inline(never)]
    fn turn_far(&mut self, lane: usize, seconds: f64) {
        self.turn_one::<true>(lane, seconds);
    }

    #[inline(always)]
    fn get(&self, lane: usize) -> ([f32; 4], Vec3) {
        let [x, y, z, w] = &self.turned_orientation;
        let [u, v, s] = &self.turned_velocity;
        (
            [x[lane], y[lane], z[lane], w[lane]],
            Vec3::new(u[lane], v[lane], s[lane]),
        )
    }

    #[inline(always)]
    fn turn_one<const FAR: bool>(&mut self, lane: usize, seconds: f64) {
        let [x, y, z, w] = &self.axes;
        let principal = DQuat::from_xyzw(x[lane], y[lane], z[lane], w[lane]);
        let [x, y, z] = &self.moments;
        let moments = DVec3::new(x[lane], y[lane], z[lane]);
        let [x, y, z, w] = &self.orientation;
        let start = unit([x[lane], y[lane], z[lane], w[lane]]) * principal;
        let [x, y, z] = &self.velocity;
        let velocity = Vec3::new(x[lane], y[lane], z[lane]);
        let mut greatest = 0.0;
        let axes = DMat3::from_quat(start);
        // In the principal axes, where it turns backwards as they turn.
        let momentum = moments * (axes.transpose() * velocity.as_dvec3());
        let world_momentum = axes * momentum;
        let ease = 1.0 / moments;
        let twist = |about: usize, rate: f64, momentum: DVec3, greatest: &mut f64| {
            let angle = rate * momentum[about];
            let (sine, cosine) = half_sine_and_cosine::<FAR>(angle * angle, greatest);
            let sine = angle * sine;
            let (double_sine, double_cosine) = (2.0 * sine * cosine, 1.0 - 2.0 * sine * sine);
            let (next, last) = ((about + 1) % 3, (about + 2) % 3);
            let mut turned = momentum;
            turned[next] = double_cosine * momentum[next] + double_sine * momentum[last];
            turned[last] = double_cosine * momentum[last] - double_sine * momentum[next];
            (sine, cosine, turned)
        };
        let about_y = 0.5 * seconds * (ease.y - ease.x);
        let (sine, cosine, momentum) = twist(1, about_y, momentum, &mut greatest);
        let before = DQuat::from_xyzw(0.0, sine, 0.0, cosine);
        let (sine, cosine, momentum) = twist(2, seconds * (ease.z - ease.x), momentum, &mut greatest);
        let round = DQuat::from_xyzw(0.0, 0.0, sine, cosine);
        let (sine, cosine, _) = twist(1, about_y, momentum, &mut greatest);
        let after = DQuat::from_xyzw(0.0, sine, 0.0, cosine);
        let turn = world_momentum * (seconds * ease.x);
        let (sine, cosine) = half_sine_and_cosine::<FAR>(turn.length_squared(), &mut greatest);
        let turn = turn * sine;
        let turn = DQuat::from_xyzw(turn.x, turn.y, turn.z, cosine);
        let end = (turn * start * before * round * after * principal.conjugate()).normalize();
        let orientation = [
            end.x as f32 + 0.0,
            end.y as f32 + 0.0,
            end.z as f32 + 0.0,
            end.w as f32 + 0.0,
        ];
        let end_axes = DMat3::from_quat(unit(orientation) * principal);
        let velocity = (end_axes * (ease * (end_axes.transpose() * world_momentum))).as_vec3();
        for (lanes, number) in self.turned_orientation.iter_mut().zip(orientation) {
            lanes[lane] = number;
        }
        for (lanes, number) in self.turned_velocity.iter_mut().zip(velocity.to_array()) {
            lanes[lane] = number;
        }
        self.greatest[lane] = greatest;
    }
}

#[inline(always)]
fn unit([x, y, z, w]: [f32; 4]) -> DQuat {
    DQuat::from_xyzw(x.into(), y.into(), z.into(), w.into()).normalize()
}

/// Squared angles below this are small enough for Taylor's series.
const SMALL_ANGLE_SQUARED: f64 = 0.01;

/// sin(a/2) / a and cos(a/2), of the square of an angle a; unless `FAR`, right for small ones only. Raises `greatest` to the square.
#[inline(always)]
fn half_sine_and_cosine<const FAR: bool>(square: f64, greatest: &mut f64) -> (f64, f64) {
    *greatest = if square > *greatest { square } else { *greatest };
    if FAR && square >= SMALL_ANGLE_SQUARED {
        let angle = square.sqrt();
        (libm::sin(0.5 * angle) / angle, libm::cos(0.5 * angle))
    } else {
        // Taylor in x = (a/2)², below 1/400: the first terms left out are below 2^-50.
        let x = 0.25 * square;
        let sine = 1.0 - x / 6.0 * (1.0 - x / 20.0 * (1.0 - x / 42.0 * (1.0 - x / 72.0)));
        let cosine = 1.0 - x / 2.0 * (1.0 - x / 12.0 * (1.0 - x / 30.0 * (1.0 - x / 56.0)));
        (0.5 * sine, cosine)
    }
}
