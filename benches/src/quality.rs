//! How good a result is: a fast engine that lets balls sink into each other, or gains energy, is not fast.

use std::collections::HashMap;

use glam::{DVec3, IVec3};
use jaguar_core::scenes::{MASS, RADIUS};
use serde::Serialize;

use crate::engine::Ball;

/// What can be said of the balls at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Deepest overlap of two balls, % of the radius.
    pub max_overlap_percent: f64,
    /// Mean overlap of the pairs that overlap, % of the radius.
    pub mean_overlap_percent: f64,
    /// Kinetic energy, linear and of rotation, J per ball.
    pub kinetic_energy_j: f64,
}

impl Quality {
    /// Measures all pairs of balls.
    pub fn of(balls: &[Ball]) -> Self {
        let overlaps = overlaps(balls);
        let percent = |overlap: f64| 100.0 * overlap / f64::from(RADIUS);
        let energy: f64 = balls.iter().map(kinetic_energy).sum();
        Self {
            max_overlap_percent: percent(overlaps.iter().copied().fold(0.0, f64::max)),
            mean_overlap_percent: percent(
                overlaps.iter().fold(0.0, |sum, depth| sum + depth) / overlaps.len().max(1) as f64,
            ),
            kinetic_energy_j: energy / balls.len().max(1) as f64,
        }
    }
}

fn kinetic_energy(ball: &Ball) -> f64 {
    let (mass, radius) = (f64::from(MASS), f64::from(RADIUS));
    let inertia = 0.4 * mass * radius * radius;
    0.5 * mass * ball.velocity.length_squared() + 0.5 * inertia * ball.angular_velocity.length_squared()
}

/// The overlap (m) of each pair of balls that overlap. Balls are sorted into cells of a diameter, so that partners are in neighbouring cells.
fn overlaps(balls: &[Ball]) -> Vec<f64> {
    let diameter = 2.0 * f64::from(RADIUS);
    let cell_of = |position: DVec3| (position / diameter).floor().as_ivec3();
    let mut cells: HashMap<IVec3, Vec<usize>> = HashMap::new();
    for (index, ball) in balls.iter().enumerate() {
        cells.entry(cell_of(ball.position)).or_default().push(index);
    }
    let around = (0..27).map(|i| IVec3::new(i % 3, i / 3 % 3, i / 9) - 1);
    let mut found = Vec::new();
    for (index, ball) in balls.iter().enumerate() {
        let cell = cell_of(ball.position);
        let partners = around
            .clone()
            .filter_map(|offset| cells.get(&(cell + offset)))
            .flatten();
        let overlap = |&other: &usize| diameter - balls[other].position.distance(ball.position);
        found.extend(
            partners
                .filter(|&&other| other > index)
                .map(overlap)
                .filter(|&depth| depth > 0.0),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ball_at(x: f64) -> Ball {
        Ball {
            position: DVec3::new(x, 0.0, 0.0),
            velocity: DVec3::ZERO,
            angular_velocity: DVec3::ZERO,
        }
    }

    /// Three balls in a row: the first two overlap by 0.05 m, the others by 0.01 m, across borders of cells.
    #[test]
    fn overlaps_are_counted_once_and_in_per_cent_of_the_radius() {
        let quality = Quality::of(&[ball_at(-0.5), ball_at(0.45), ball_at(1.44)]);
        assert!((quality.max_overlap_percent - 10.0).abs() < 1e-9, "{quality:?}");
        assert!((quality.mean_overlap_percent - 6.0).abs() < 1e-9, "{quality:?}");
        assert_eq!(quality.kinetic_energy_j, 0.0);
    }

    /// A ball that rolls has 7/5 of the energy of one that slides.
    #[test]
    fn energy_counts_rotation() {
        let sliding = Ball {
            velocity: DVec3::X,
            ..ball_at(0.0)
        };
        let rolling = Ball {
            angular_velocity: DVec3::NEG_Z / f64::from(RADIUS),
            ..sliding
        };
        let energy = |ball| Quality::of(&[ball]).kinetic_energy_j;
        assert!((energy(sliding) - 0.5 * f64::from(MASS)).abs() < 1e-9);
        assert!((energy(rolling) / energy(sliding) - 1.4).abs() < 1e-9);
    }
}
