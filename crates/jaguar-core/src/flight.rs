//! A whole tick of bodies that touch nothing, in one pass.

use glam::{Vec3, Vec4};

use crate::collide::{reach_of, reaches_of};
use crate::constants::MAX_ANGULAR_SPEED;
use crate::finish::{Moved, Moving};
use crate::simd::{F32x8, Kernel, LANES, Mask, Octet, Vec3x8, lanes_of};
use crate::solver::integrate::{turn, turn_eight, turn_sound};
use crate::solver::kernel::splat;
use crate::solver::{StepConstants, integrate};
use crate::storage::Motion;

/// A tick of bodies that touch nothing and feel nothing but uniform gravity.
pub(crate) struct Flight<'a> {
    substeps: u32,
    /// Gain of velocity in a substep, m/s.
    gain: Vec4,
    /// s; nothing in the fourth lane.
    seconds: Vec4,
    /// Squares of the speeds below which a body stays below the limits all through the tick, whatever rounding does.
    unlimited: [f32; 2],
    step: &'a StepConstants,
}

impl<'a> Flight<'a> {
    pub(crate) fn new(substeps: u32, step: &'a StepConstants) -> Self {
        let gain = step.gravity_gain();
        let square = |speed: f32| if speed > 0.0 { speed * speed } else { 0.0 };
        Self {
            substeps,
            gain,
            seconds: Vec3::splat(step.substep_seconds).extend(0.0),
            unlimited: [
                square(0.999 * step.max_speed - substeps as f32 * gain.length()),
                square(0.999 * MAX_ANGULAR_SPEED),
            ],
            step,
        }
    }

    /// Velocity at the end and displacement (m): what [`integrate::integrate_velocities`] and [`integrate::integrate_positions`] do in turns where no limit is met.
    #[inline]
    pub(crate) fn travel(&self, body: &Motion) -> (Vec4, Vec4) {
        let (mut linear, mut travel) = (body.twist.linear, Vec4::ZERO);
        for _ in 0..self.substeps {
            linear += self.gain;
            travel += linear * self.seconds;
        }
        (linear, travel)
    }

    /// Does the substeps of any body as the stages of a tick do. Returns whether it had lost its numbers and was stopped.
    fn integrate(&self, body: &mut Motion) -> bool {
        let mut is_stopped = false;
        for _ in 0..self.substeps {
            let body = std::slice::from_mut(body);
            is_stopped |= integrate::integrate_velocities(body, self.gain, self.step) > 0;
            integrate::integrate_positions(body, self.step);
        }
        is_stopped
    }
}

/// Moves the bodies of a portion over a whole tick, those that meet no limit and stay in their tile in lanes, and those that were busy by what their substeps added up to.
pub(crate) struct Fly<'a, 'b> {
    moving: &'a mut Moving<'b>,
    flight: &'a Flight<'a>,
    /// How far most bodies move, m.
    common: Vec4,
    moved: Moved,
    farthest_square: f32,
}

/// The farthest and the growth among bodies moved in lanes; see [`Moved`].
struct Most<F> {
    farthest_square: F,
    growth: F,
}

impl<'a, 'b> Fly<'a, 'b> {
    pub(crate) fn new(moving: &'a mut Moving<'b>, flight: &'a Flight<'a>, common: Vec4) -> Self {
        Self {
            moving,
            flight,
            common,
            moved: Moved::default(),
            farthest_square: 0.0,
        }
    }

    /// Moves one body.
    fn one(&mut self, i: usize, is_busy: bool) {
        let flight = self.flight;
        let (motion, place) = (&mut self.moving.motion[i], &mut self.moving.place[i]);
        let tile = place.tile;
        let mut is_stopped = !is_busy && flight.integrate(motion);
        let travel = motion.displacement;
        turn_sound(motion, &mut self.moving.orientation[i]);
        is_stopped |= integrate::finish_body(motion, place, flight.step);
        self.moved.quarantined += u64::from(is_stopped);
        self.moved.any_changed_tile |= place.tile != tile;
        let way = (travel - self.common).truncate().length_squared();
        // What was no number is not to be trusted.
        let way = if is_stopped { f32::INFINITY } else { way };
        self.farthest_square = larger(self.farthest_square, way);
        let reach = reach_of(motion, false, flight.step);
        self.moved.growth = larger(self.moved.growth, reach - motion.reach());
        motion.set_reach(reach);
    }

    /// Moves those of eight bodies from `first` on that are free, meet no limit and stay in their tile. Returns which, a bit for each; none at the end of the portion.
    #[inline(always)]
    fn eight<F: F32x8>(&mut self, first: usize, is_busy: u32, most: &mut Most<F>) -> u32 {
        let (flight, step) = (self.flight, self.flight.step);
        let Moving {
            motion,
            place,
            orientation,
            ..
        } = &mut *self.moving;
        let (Some(motion), Some(place), Some(orientation)) = (
            motion[first..].first_chunk_mut::<LANES>(),
            place[first..].first_chunk_mut::<LANES>(),
            orientation[first..].first_chunk_mut::<LANES>(),
        ) else {
            return 0;
        };
        let mut rows = [[Vec4::ZERO; LANES]; 3];
        for lane in 0..LANES {
            rows[0][lane] = motion[lane].twist.linear;
            rows[1][lane] = motion[lane].twist.angular;
            rows[2][lane] = place[lane].offset.extend(motion[lane].radius());
        }
        let [x, y, z, inverse_mass] = F::columns(rows[0]);
        let mut velocity = Vec3x8::new(x, y, z);
        let [x, y, z, _] = F::columns(rows[1]);
        let angular = Vec3x8::new(x, y, z);
        let [x, y, z, radius] = F::columns(rows[2]);
        let offset = Vec3x8::new(x, y, z);

        let zero = F::splat(0.0);
        let (speed, spin) = (velocity.dot(velocity), angular.dot(angular));
        let (gain, seconds) = (splat(flight.gain.truncate()), F::splat(step.substep_seconds));
        let turn_a_substep = angular * seconds;
        let (mut travel, mut rotation) = (Vec3x8::splat(zero), Vec3x8::splat(zero));
        for _ in 0..flight.substeps {
            velocity = velocity + gain;
            travel = travel + velocity * seconds;
            rotation = rotation + turn_a_substep;
        }
        let offset = offset + travel;
        let (half, low) = (F::splat(0.5 * step.tile_size), F::splat(-0.5 * step.tile_size));
        let stays = low.le(offset.x) & low.le(offset.y) & low.le(offset.z);
        let stays = stays & offset.x.lt(half) & offset.y.lt(half) & offset.z.lt(half);
        let [slow, calm] = flight.unlimited;
        let moved = (stays & speed.lt(F::splat(slow)) & spin.lt(F::splat(calm))).bits() & !is_busy;
        if moved == 0 {
            return 0;
        }

        let none = Vec3x8::splat(zero);
        let mut way = travel - splat(self.common.truncate());
        if moved != ALL {
            // The others turn nowhere, and count for nothing.
            let is_moved = mask_of::<F>(moved);
            rotation = Vec3x8::select(is_moved, rotation, none);
            way = Vec3x8::select(is_moved, way, none);
        }
        if !turn_eight(rotation, orientation) {
            let mut axes = [Octet::ZERO; 3];
            rotation.store(&mut axes);
            for lane in lanes_of(moved) {
                turn(&mut orientation[lane], Vec3::from_array(axes.map(|axis| axis[lane])));
            }
        }
        let way = way.dot(way);
        most.farthest_square = F::select(way.gt(most.farthest_square), way, most.farthest_square);
        // There are no negative zeros between ticks.
        let (velocity, offset) = (velocity + none, offset + none);
        let reach = reaches_of(velocity, radius, step);
        let mut reaches = Octet::ZERO;
        reach.store(&mut reaches);
        // Of those that are not moved, so that they do not grow.
        let mut before = reaches;
        let linear = F::rows([velocity.x, velocity.y, velocity.z, inverse_mass]);
        let offset = F::rows([offset.x, offset.y, offset.z, zero]);
        for lane in 0..LANES {
            if moved != ALL && moved >> lane & 1 == 0 {
                continue;
            }
            let (motion, place) = (&mut motion[lane], &mut place[lane]);
            motion.twist.linear = linear[lane];
            motion.twist.angular += Vec4::ZERO;
            place.offset = offset[lane].truncate();
            before[lane] = motion.reach();
            motion.set_reach(reaches[lane]);
        }
        let growth = reach - F::load(&before);
        most.growth = F::select(growth.gt(most.growth), growth, most.growth);
        moved
    }
}

impl Kernel for Fly<'_, '_> {
    type Output = Moved;

    #[inline(always)]
    fn run<F: F32x8>(mut self) -> Moved {
        let (first, count) = (self.moving.portion.bodies.start, self.moving.motion.len());
        let zero = F::splat(0.0);
        let mut most = Most {
            farthest_square: zero,
            growth: zero,
        };
        let mut busy = self.moving.busy.iter().map(|&body| body as usize - first).peekable();
        for begin in (0..count).step_by(LANES) {
            let end = (begin + LANES).min(count);
            let mut is_busy = 0_u32;
            while let Some(body) = busy.next_if(|&body| body < end) {
                is_busy |= 1 << (body - begin);
            }
            let moved = self.eight(begin, is_busy, &mut most);
            if moved == ALL {
                continue;
            }
            for i in begin..end {
                let lane = i - begin;
                if moved >> lane & 1 == 0 {
                    self.one(i, is_busy >> lane & 1 == 1);
                }
            }
        }
        let (mut ways, mut growths) = (Octet::ZERO, Octet::ZERO);
        most.farthest_square.store(&mut ways);
        most.growth.store(&mut growths);
        let farthest_square = ways.0.into_iter().fold(self.farthest_square, larger);
        Moved {
            farthest: farthest_square.sqrt(),
            growth: growths.0.into_iter().fold(self.moved.growth, larger),
            ..self.moved
        }
    }
}

/// All lanes.
const ALL: u32 = (1 << LANES) - 1;

/// The lanes whose bits are set.
#[inline(always)]
fn mask_of<F: F32x8>(bits: u32) -> F::Mask {
    let mut ones = Octet::ZERO;
    lanes_of(bits).for_each(|lane| ones[lane] = 1.0);
    F::load(&ones).gt(F::splat(0.0))
}

/// The larger of two numbers, with fewer instructions than [`f32::max`], which minds what is none.
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collide::Portion;
    use crate::config::WorldParams;
    use crate::scenes::Random;
    use crate::simd::Level;
    use crate::simd::Twist;
    use crate::storage::Place;
    use crate::tile::TileIndex;

    #[derive(Clone)]
    struct Bodies {
        motion: Vec<Motion>,
        place: Vec<Place>,
        orientation: Vec<[f32; 4]>,
        busy: Vec<u32>,
    }

    /// Slow ones and such that meet the limits or leave their tile, without spin, with a little, with much; and negative zeros. Among the second of every two hundred some are busy: they have gone their way.
    fn bodies(count: usize) -> Bodies {
        let mut random = Random(3);
        let mut all = Bodies {
            motion: Vec::new(),
            place: Vec::new(),
            orientation: Vec::new(),
            busy: Vec::new(),
        };
        for k in 0..count {
            let mut vector = |bound: f32| random.vector(1.0).as_vec3() * bound;
            // Most groups of eight are alike, so that some stay and some do not.
            let (speed, spin) = ([2.0, 30.0, 5.0, 1.0e4][k / 50 % 4], [0.0, 1.0, 200.0][k / 20 % 3]);
            let velocity = if k % 9 == 0 { -Vec3::ZERO } else { vector(speed) };
            let is_busy = k / 100 % 2 == 1 && k % 16 % 5 == 3;
            let way = if is_busy { 1.0 } else { 0.0 };
            all.busy.extend(is_busy.then_some(k as u32));
            all.motion.push(Motion {
                twist: Twist {
                    linear: velocity.extend(0.5),
                    angular: (vector(spin) * -1.0).extend(2.0),
                },
                displacement: vector(way).extend(0.4),
                rotation: vector(way).extend(0.45),
            });
            let edge = if k / 10 % 5 == 0 { 8.0 } else { 7.0 };
            all.place.push(Place {
                tile: TileIndex::new(k as i32 / 64, 0, -3),
                offset: vector(edge).clamp(Vec3::splat(-8.0), Vec3::splat(7.999)),
            });
            all.orientation.push(random.orientation().to_array());
        }
        all
    }

    fn fly(bodies: &mut Bodies, range: std::ops::Range<usize>, step: &StepConstants) -> Moved {
        let portion = Portion {
            bodies: range.clone(),
            ..Portion::default()
        };
        let busy = bodies.busy.iter().copied();
        let busy: Vec<u32> = busy.filter(|&body| range.contains(&(body as usize))).collect();
        let mut moving = Moving {
            portion: &portion,
            busy: &busy,
            motion: &mut bodies.motion[range.clone()],
            place: &mut bodies.place[range.clone()],
            orientation: &mut bodies.orientation[range],
            rest: &mut [],
            datum: &mut [],
            moved: Moved::default(),
        };
        let flight = Flight::new(4, step);
        step.simd
            .run(Fly::new(&mut moving, &flight, Vec4::new(0.1, 0.0, 0.0, 0.0)))
    }

    /// Seven are too few for lanes.
    #[test]
    fn eight_at_a_time_fly_as_seven_do() {
        let count = 800;
        let mut step = StepConstants::new(&WorldParams::default());
        let mut expected = bodies(count);
        let mut most = Moved::default();
        for begin in (0..count).step_by(7) {
            let moved = fly(&mut expected, begin..count.min(begin + 7), &step);
            most.farthest = larger(most.farthest, moved.farthest);
            most.growth = larger(most.growth, moved.growth);
            most.any_changed_tile |= moved.any_changed_tile;
            most.quarantined += moved.quarantined;
        }
        assert!(most.any_changed_tile, "some leave their tile");
        // What is between ticks in displacement and rotation is zero, of either sign.
        let state = |bodies: &Bodies, k: usize| {
            let (motion, place) = (&bodies.motion[k], &bodies.place[k]);
            let [ox, oy, oz] = place.offset.to_array();
            let vectors = [
                motion.twist.linear.to_array(),
                motion.twist.angular.to_array(),
                [ox, oy, oz, motion.displacement.w],
                bodies.orientation[k],
                [motion.reach(), 0.0, 0.0, 0.0],
            ];
            (place.tile, vectors.map(|vector| vector.map(f32::to_bits)))
        };
        for level in Level::supported() {
            step.simd = level;
            let mut found = bodies(count);
            let moved = fly(&mut found, 0..count, &step);
            for k in 0..count {
                assert_eq!(state(&found, k), state(&expected, k), "body {k} at {}", level.name());
            }
            assert_eq!((moved.farthest, moved.growth), (most.farthest, most.growth));
            assert_eq!(moved.quarantined, most.quarantined);
            assert!(moved.any_changed_tile);
        }
    }

    /// Of slow bodies, none of which is moved singly in whole groups.
    #[test]
    fn eight_at_a_time_tell_how_far_any_went() {
        let (first, count) = (16, 32);
        let step = StepConstants::new(&WorldParams::default());
        let mut singly = bodies(64);
        let each = (first..first + count).map(|k| fly(&mut singly, k..k + 1, &step));
        let (mut farthest, mut growth) = (0.0, 0.0);
        for moved in each {
            (farthest, growth) = (larger(farthest, moved.farthest), larger(growth, moved.growth));
        }
        let moved = fly(&mut bodies(64), first..first + count, &step);
        assert!(!moved.any_changed_tile && farthest > 0.0 && growth > 0.0);
        assert_eq!((moved.farthest, moved.growth), (farthest, growth));
    }
}
