//! How good a result is: a fast engine that lets bodies sink into each other, or gains energy, is not fast.

use std::collections::HashMap;

use glam::{DVec3, IVec3};
use jaguar_core::BodyDesc;
use jaguar_core::scenes::Scene;
use serde::Serialize;

use crate::convex::{Convex, Placed};
use crate::engine::State;
use crate::ground::Ground;

/// What can be said of the bodies at one moment. Per cent are of half of how thick the body is where it is thinnest ([`Convex::half_width`]), of two bodies the thinner one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Deepest overlap of two bodies, %.
    pub max_overlap_percent: f64,
    /// Mean overlap of the pairs that overlap, %.
    pub mean_overlap_percent: f64,
    /// How deep the deepest body is in static geometry, %.
    pub sunk_percent: f64,
    /// Bodies that are wholly inside static geometry or nowhere.
    pub lost: usize,
    /// Kinetic energy, linear and of rotation, J per body.
    pub kinetic_energy_j: f64,
}

/// The bodies and static geometry of a scene, in f64.
#[derive(Debug)]
pub struct Judge<'a> {
    scene: &'a Scene,
    bodies: Vec<Convex>,
}

impl<'a> Judge<'a> {
    /// Prepares to judge engines on this scene.
    pub fn new(scene: &'a Scene) -> Self {
        let bodies = scene.bodies.iter();
        let bodies = bodies.map(|body| Convex::of(body.shape, &scene.hulls)).collect();
        Self { scene, bodies }
    }

    /// Measures all pairs of bodies, and each body against the static geometry.
    pub fn judge(&self, states: &[State]) -> Quality {
        assert_eq!(states.len(), self.bodies.len(), "an engine lost or made bodies");
        let placed: Vec<Placed<'_>> = states
            .iter()
            .zip(&self.bodies)
            .filter(|(state, _)| state.position.is_finite() && state.orientation.is_finite())
            .map(|(state, body)| body.placed(state.position, state.orientation))
            .collect();
        let overlaps = overlaps(&placed, self.largest_diameter());
        let ground = Ground::new(&self.scene.statics);
        let sunk: Vec<f64> = placed.iter().map(|body| ground.depth_of(body)).collect();
        let is_lost = |(body, &depth): (&Placed<'_>, &f64)| depth > 2.0 * body.bounding_radius();
        let lost = placed.iter().zip(&sunk).filter(|&pair| is_lost(pair)).count();
        let deepest = placed.iter().zip(&sunk).map(|(body, depth)| depth / body.half_width());
        let energy: f64 = (0..states.len())
            .map(|index| self.kinetic_energy(index, &states[index]))
            .sum();
        Quality {
            max_overlap_percent: 100.0 * overlaps.iter().copied().fold(0.0, f64::max),
            mean_overlap_percent: 100.0 * overlaps.iter().fold(0.0, |sum, depth| sum + depth)
                / overlaps.len().max(1) as f64,
            sunk_percent: 100.0 * deepest.fold(0.0, f64::max),
            lost: lost + (states.len() - placed.len()),
            kinetic_energy_j: energy / states.len().max(1) as f64,
        }
    }

    /// Kinetic energy of the scene before the first tick, J per body.
    pub fn energy_at_start(&self) -> f64 {
        let energy = |(index, body): (usize, &BodyDesc)| self.kinetic_energy(index, &State::of(body));
        let bodies = &self.scene.bodies;
        bodies.iter().enumerate().map(energy).sum::<f64>() / bodies.len().max(1) as f64
    }

    fn largest_diameter(&self) -> f64 {
        2.0 * self.bodies.iter().map(Convex::bounding_radius).fold(0.0, f64::max)
    }

    fn kinetic_energy(&self, index: usize, state: &State) -> f64 {
        let mass = f64::from(self.scene.bodies[index].mass);
        let rotation = self.bodies[index].rotational_energy(mass, state.orientation, state.angular_velocity);
        0.5 * mass * state.velocity.length_squared() + rotation
    }
}

/// The overlap of each pair of bodies that overlap, over half of how thick the thinner one is. Bodies are sorted into cells of the largest diameter, so that partners are in neighbouring cells.
fn overlaps(bodies: &[Placed<'_>], largest_diameter: f64) -> Vec<f64> {
    let cell_of = |position: DVec3| (position / largest_diameter).floor().as_ivec3();
    let mut cells: HashMap<IVec3, Vec<usize>> = HashMap::new();
    for (index, body) in bodies.iter().enumerate() {
        cells.entry(cell_of(body.position())).or_default().push(index);
    }
    let around = (0..27).map(|i| IVec3::new(i % 3, i / 3 % 3, i / 9) - 1);
    let mut found = Vec::new();
    for (index, body) in bodies.iter().enumerate() {
        let cell = cell_of(body.position());
        let partners = around
            .clone()
            .filter_map(|offset| cells.get(&(cell + offset)))
            .flatten();
        let depths = partners
            .filter(|&&other| other > index)
            .map(|&other| body.overlap(&bodies[other]) / body.half_width().min(bodies[other].half_width()));
        found.extend(depths.filter(|&depth| depth > 0.0));
    }
    found
}

#[cfg(test)]
mod tests {
    use glam::Vec3;
    use jaguar_core::scenes::{MASS, RADIUS, ball, wall};
    use jaguar_core::{Environment, Material, WorldParams};

    use super::*;
    use crate::course::Course;

    fn scene_of(balls: usize) -> Scene {
        Scene {
            params: WorldParams::default(),
            statics: vec![wall(DVec3::NEG_Y * 0.5, DVec3::Y, Material::default())],
            hulls: Vec::new(),
            environment: Environment::default(),
            bodies: vec![ball(DVec3::ZERO, Vec3::ZERO, Material::default()); balls],
        }
    }

    fn judged(states: &[State]) -> Quality {
        Judge::new(&scene_of(states.len())).judge(states)
    }

    fn at(x: f64) -> State {
        State::at(DVec3::X * x)
    }

    /// Three balls in a row: the first two overlap by 0.05 m, the others by 0.01 m, across borders of cells.
    #[test]
    fn overlaps_are_counted_once_and_in_per_cent_of_the_radius() {
        let quality = judged(&[at(-0.5), at(0.45), at(1.44)]);
        assert!((quality.max_overlap_percent - 10.0).abs() < 1e-9, "{quality:?}");
        assert!((quality.mean_overlap_percent - 6.0).abs() < 1e-9, "{quality:?}");
        assert_eq!((quality.kinetic_energy_j, quality.lost), (0.0, 0));
    }

    /// One ball is 0.1 m deep in the floor at y = -0.5 m, one has fallen through it, one is not a number.
    #[test]
    fn bodies_in_the_ground_and_nowhere_are_seen() {
        let below = |y| State::at(DVec3::Y * y);
        assert!((judged(&[below(-0.1)]).sunk_percent - 20.0).abs() < 1e-9);
        assert_eq!(judged(&[below(-0.1), below(-9.0), below(f64::NAN)]).lost, 2);
    }

    /// Whatever the seed: bodies do not overlap, and are above the ground and between the walls.
    #[test]
    fn courses_begin_with_bodies_apart() {
        for course in Course::ALL {
            for seed in 1..4 {
                let scene = course.scene(700, seed);
                let states: Vec<State> = scene.bodies.iter().map(State::of).collect();
                let quality = Judge::new(&scene).judge(&states);
                // Spheres of the gas may touch, to within the rounding of their positions.
                assert!(quality.max_overlap_percent < 1e-4, "{course}, seed {seed}: {quality:?}");
                assert!(quality.sunk_percent < 1e-4, "{course}, seed {seed}: {quality:?}");
            }
        }
    }

    /// A ball that rolls has 7/5 of the energy of one that slides.
    #[test]
    fn energy_counts_rotation() {
        let sliding = State {
            velocity: DVec3::X,
            ..at(0.0)
        };
        let rolling = State {
            angular_velocity: DVec3::NEG_Z / f64::from(RADIUS),
            ..sliding
        };
        let energy = |state| judged(&[state]).kinetic_energy_j;
        assert!((energy(sliding) - 0.5 * f64::from(MASS)).abs() < 1e-9);
        assert!((energy(rolling) / energy(sliding) - 1.4).abs() < 1e-9);
    }
}
