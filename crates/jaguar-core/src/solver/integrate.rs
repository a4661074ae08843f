//! Velocities and positions over time, and the containment of states that are no longer numbers.

use glam::{Vec3, Vec4};

use super::StepConstants;
use crate::constants::{MAX_ANGULAR_SPEED, MAX_TILES_PER_TICK};
use crate::kinds::Kinds;
use crate::simd::{F32x8, Kernel, LANES, Mask, Vec3x8};
use crate::storage::{Motion, Place};
use crate::tile::{self, MAX_TILE};

/// Share of a limit that what is above it is brought to: rounding must not leave it above.
const BELOW_LIMIT: f32 = 0.999_999;

/// A gain of velocity (gravity's, or none if other forces acted), and the limits of speed, over one substep. Returns how many bodies had lost their numbers and were stopped.
#[inline(always)]
pub(crate) fn integrate_velocities(motion: &mut [Motion], gain: Vec4, step: &StepConstants) -> u64 {
    let mut quarantined = 0;
    for body in motion {
        body.twist.linear += gain;
        if is_too_fast(body, step.max_speed) {
            quarantined += u64::from(limit(body, step.max_speed));
        }
    }
    quarantined
}

/// The same where some bodies are sensors: they are moved by their velocity alone.
pub(crate) fn integrate_among_sensors(
    motion: &mut [Motion],
    numbers: &[u32],
    kinds: &Kinds,
    gain: Vec4,
    step: &StepConstants,
) -> u64 {
    let bodies = motion.iter_mut().zip(numbers);
    bodies
        .filter(|&(_, &number)| !kinds.get(number).given.sensor)
        .map(|(body, _)| integrate_velocities(std::slice::from_mut(body), gain, step))
        .sum()
}

/// Linear and angular damping over one substep: implicit Euler of v' = -c v, stable for any c.
pub(crate) fn damp(motion: &mut [Motion], numbers: &[u32], kinds: &Kinds, step: &StepConstants) {
    let factor = |damping: f32| Vec3::splat(1.0 / (1.0 + step.substep_seconds * damping)).extend(1.0);
    for (body, &number) in motion.iter_mut().zip(numbers) {
        let material = &kinds.get(number).given.material;
        body.twist.linear *= factor(material.linear_damping);
        body.twist.angular *= factor(material.angular_damping);
    }
}

/// Moves bodies over one substep.
#[inline(always)]
pub(crate) fn integrate_positions(motion: &mut [Motion], step: &StepConstants) {
    let seconds = Vec3::splat(step.substep_seconds).extend(0.0);
    for body in motion {
        body.displacement += body.twist.linear * seconds;
        body.rotation += body.twist.angular * seconds;
    }
}

/// Adds the tick's displacement and rotation to where the body was, and makes its state canonical: the offset inside the tile or little beyond (see [`tile::linger`]), the quaternion of unit length, no negative
/// zero, no infinity. Its orientation has followed already ([`TurnAll`]). Returns whether the body had lost its numbers and was stopped.
pub(crate) fn finish_body(motion: &mut Motion, place: &mut Place, step: &StepConstants) -> bool {
    // Solving may have made it faster than peers and files accept.
    let is_sound = is_finite(motion) && !is_too_fast(motion, step.max_speed);
    let quarantined = !is_sound && limit(motion, step.max_speed);
    let half = 0.5 * step.tile_size;
    let (travel, farthest) = (motion.displacement.truncate(), MAX_TILES_PER_TICK * step.tile_size);
    let offset = place.offset + travel;
    let stays = offset.cmpge(Vec3::splat(-half)) & offset.cmplt(Vec3::splat(half));
    if stays.all() && travel.abs().cmple(Vec3::splat(farthest)).all() {
        place.offset = offset + Vec3::ZERO;
    } else {
        cross_tiles(motion, place, farthest, step.tile_size);
    }
    motion.twist.linear += Vec4::ZERO;
    motion.twist.angular += Vec4::ZERO;
    let lane = Vec3::ZERO.extend(1.0);
    motion.displacement *= lane;
    motion.rotation *= lane;
    quarantined
}

/// Moves a body that may leave its tile.
fn cross_tiles(motion: &mut Motion, place: &mut Place, farthest: f32, tile_size: f32) {
    let half = 0.5 * tile_size;
    let linger = tile::linger(motion.radius(), tile_size);
    let mut tile = place.tile.to_array();
    for (axis, tile) in tile.iter_mut().enumerate() {
        let travel = motion.displacement[axis].clamp(-farthest, farthest);
        let mut offset = place.offset[axis] + travel;
        // Nobody lingers beyond the world's end.
        let beyond = |end: i32| if *tile == end { half } else { half + linger };
        if offset >= beyond(MAX_TILE) {
            *tile += 1;
            offset -= tile_size;
        } else if offset < -beyond(-MAX_TILE) {
            *tile -= 1;
            offset += tile_size;
            // Without lingering, a sum just below zero can round to the upper face, which belongs to the tile it came from.
            if offset >= half {
                *tile += 1;
                offset = -half;
            }
        }
        if tile.abs() > MAX_TILE {
            // The world ends here: the body stays in the outermost tile, at its face.
            let end = tile.signum();
            *tile = end * MAX_TILE;
            offset = if end > 0 { half.next_down() } else { -half };
            motion.twist.linear[axis] = 0.0;
        }
        place.offset[axis] = offset + 0.0;
    }
    place.tile.x = tile[0];
    place.tile.y = tile[1];
    place.tile.z = tile[2];
}

/// Whether a body is above the limits of speed, or has no speed that is a number.
pub(crate) fn is_too_fast(body: &Motion, max_speed: f32) -> bool {
    // Negated, so that NaN counts.
    let slow = body.velocity().length_squared() <= max_speed * max_speed;
    let calm = body.angular_velocity().length_squared() <= MAX_ANGULAR_SPEED * MAX_ANGULAR_SPEED;
    !(slow && calm)
}

fn is_finite(motion: &Motion) -> bool {
    let sum = (motion.twist.linear + motion.displacement) + (motion.twist.angular + motion.rotation);
    sum.is_finite()
}

/// Brings speeds back to the limits; what is not a number becomes zero. Returns whether there was such.
#[cold]
pub(crate) fn limit(body: &mut Motion, max_speed: f32) -> bool {
    let mut quarantined = false;
    let mut shorten = |lanes: &mut Vec4, longest: f32| {
        let vector = lanes.truncate();
        let length = vector.length();
        if !length.is_finite() {
            *lanes = Vec3::ZERO.extend(lanes.w);
            quarantined = true;
        } else if length > longest {
            *lanes = (vector * (BELOW_LIMIT * longest / length)).extend(lanes.w);
        }
    };
    shorten(&mut body.twist.linear, max_speed);
    shorten(&mut body.twist.angular, MAX_ANGULAR_SPEED);
    shorten(&mut body.displacement, f32::MAX);
    shorten(&mut body.rotation, f32::MAX);
    quarantined
}

/// Turns bodies by the rotation that their substeps added up to, eight at a time: [`turn`], but for those that lost their numbers.
pub(crate) struct TurnAll<'a> {
    pub(crate) motion: &'a [Motion],
    pub(crate) orientation: &'a mut [[f32; 4]],
}

impl Kernel for TurnAll<'_> {
    type Output = ();

    #[inline(always)]
    fn run<F: F32x8>(self) {
        let (motion, last) = self.motion.as_chunks::<LANES>();
        let (orientation, last_orientation) = self.orientation.as_chunks_mut::<LANES>();
        for (motion, orientation) in motion.iter().zip(orientation) {
            let mut rows = [Vec4::ZERO; LANES];
            for lane in 0..LANES {
                rows[lane] = motion[lane].rotation;
            }
            let [x, y, z, _] = F::columns(rows);
            if !turn_eight(Vec3x8::new(x, y, z), orientation) {
                for (motion, orientation) in motion.iter().zip(orientation) {
                    turn_sound(motion, orientation);
                }
            }
        }
        for (motion, orientation) in last.iter().zip(last_orientation) {
            turn_sound(motion, orientation);
        }
    }
}

/// [`turn`] of eight bodies. Turns none if any turns by a large angle or one that is no number.
#[inline(always)]
pub(crate) fn turn_eight<F: F32x8>(rotation: Vec3x8<F>, orientation: &mut [[f32; 4]; LANES]) -> bool {
    let square = rotation.dot(rotation);
    if square.lt(F::splat(SMALL_ANGLE_SQUARE)).bits() != (1 << LANES) - 1 {
        return false;
    }
    let turns = square.gt(F::splat(0.0));
    if !turns.any() {
        return true;
    }
    let mut quaternions = [Vec4::ZERO; LANES];
    for lane in 0..LANES {
        quaternions[lane] = Vec4::from_array(orientation[lane]);
    }
    let q = F::columns(quaternions);
    let one = F::splat(1.0);
    let x = F::splat(0.25) * square;
    let [six, twenty, forty_two] = [F::splat(6.0), F::splat(20.0), F::splat(42.0)];
    let sine = one - x / six * (one - x / twenty * (one - x / forty_two));
    let [two, twelve, thirty, fifty_six] = [F::splat(2.0), F::splat(12.0), F::splat(30.0), F::splat(56.0)];
    let w = one - x / two * (one - x / twelve * (one - x / thirty * (one - x / fifty_six)));
    let Vec3x8 { x, y, z } = rotation * (F::splat(0.5) * sine);
    let product = [
        w * q[0] + x * q[3] + y * q[2] - z * q[1],
        w * q[1] - x * q[2] + y * q[3] + z * q[0],
        w * q[2] + x * q[1] - y * q[0] + z * q[3],
        w * q[3] - x * q[0] - y * q[1] - z * q[2],
    ];
    let [a, b, c, d] = product;
    let length = (a * a + b * b + c * c + d * d).sqrt();
    let zero = F::splat(0.0);
    let mut turned = q;
    for (turned, product) in turned.iter_mut().zip(product) {
        *turned = F::select(turns, product / length + zero, *turned);
    }
    for (orientation, row) in orientation.iter_mut().zip(F::rows(turned)) {
        *orientation = row.to_array();
    }
    true
}

/// Turns a body, but for one that lost its numbers, whose rotation counts as none.
pub(crate) fn turn_sound(motion: &Motion, orientation: &mut [f32; 4]) {
    let rotation = motion.rotation.truncate();
    if rotation.length_squared().is_finite() {
        turn(orientation, rotation);
    }
}

/// Square of the angle below which [`turn`] takes the first terms of Taylor's series, rad².
const SMALL_ANGLE_SQUARE: f32 = 0.25;

/// Turns a quaternion (x y z w) by a rotation vector given in world axes. Plain arithmetic, so that every machine gets the same bits.
#[inline]
pub(crate) fn turn(q: &mut [f32; 4], rotation: Vec3) {
    let square = rotation.length_squared();
    if square != 0.0 {
        turn_by(q, rotation, square);
    }
}

/// The square is that of the angle.
fn turn_by(q: &mut [f32; 4], rotation: Vec3, square: f32) {
    // sin(angle/2)/angle and cos(angle/2).
    let (scale, w) = if square < SMALL_ANGLE_SQUARE {
        // Taylor in x = (angle/2)², below 1/16: the first terms left out are below 2^-24.
        let x = 0.25 * square;
        let sine = 1.0 - x / 6.0 * (1.0 - x / 20.0 * (1.0 - x / 42.0));
        let cosine = 1.0 - x / 2.0 * (1.0 - x / 12.0 * (1.0 - x / 30.0 * (1.0 - x / 56.0)));
        (0.5 * sine, cosine)
    } else {
        let angle = square.sqrt();
        (libm::sinf(0.5 * angle) / angle, libm::cosf(0.5 * angle))
    };
    let (x, y, z) = (rotation.x * scale, rotation.y * scale, rotation.z * scale);
    let product = [
        w * q[0] + x * q[3] + y * q[2] - z * q[1],
        w * q[1] - x * q[2] + y * q[3] + z * q[0],
        w * q[2] + x * q[1] - y * q[0] + z * q[3],
        w * q[3] - x * q[0] - y * q[1] - z * q[2],
    ];
    let length =
        (product[0] * product[0] + product[1] * product[1] + product[2] * product[2] + product[3] * product[3]).sqrt();
    *q = product.map(|c| c / length + 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;
    use crate::simd::Level;

    /// Small and large rotations, none, and what is no number; whole vectors of them and a rest.
    #[test]
    fn eight_at_a_time_turn_as_one_does() {
        let mut random = Random(1);
        let mut number = |scale: f32| (random.unit() as f32 - 0.5) * scale;
        let mut bodies = Vec::new();
        for k in 0..100 {
            let scale = [0.1, 0.01, 0.9, 0.0, 1.0e-12, 7.0][k / 9 % 6];
            let y = if k == 50 { f32::NAN } else { number(scale) };
            let motion = Motion {
                rotation: Vec4::new(number(scale), y, number(scale), 1.0),
                ..Motion::default()
            };
            let q = Vec4::new(number(2.0), number(2.0), number(2.0), 1.0).normalize();
            bodies.push((motion, q.to_array()));
        }
        let (motion, before): (Vec<_>, Vec<_>) = bodies.into_iter().unzip();
        let mut expected = before.clone();
        for (k, (motion, q)) in motion.iter().zip(&mut expected).enumerate() {
            if k != 50 {
                turn(q, motion.rotation.truncate());
            }
        }
        let bits = |all: &[[f32; 4]]| all.iter().flatten().map(|x| x.to_bits()).collect::<Vec<_>>();
        for level in Level::supported() {
            let mut found = before.clone();
            level.run(TurnAll {
                motion: &motion,
                orientation: &mut found,
            });
            assert_eq!(bits(&found), bits(&expected), "{}", level.name());
        }
    }
}
