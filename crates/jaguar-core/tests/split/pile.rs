//! A pile that lies over several tiles.

use glam::DVec3;
use jaguar_core::scenes::{self, Random, Scene};
use jaguar_core::{Material, Shape};

/// A pile over several tile borders, of balls of many sizes.
pub(crate) fn mixed_pile(tile_size: f32) -> Scene {
    let mut scene = scenes::pile(400, 3);
    scene.params.tile_size = tile_size;
    let mut random = Random(5);
    for body in &mut scene.bodies {
        let share = 0.3 + 0.7 * random.unit() as f32;
        body.shape = Shape::Sphere {
            radius: scenes::RADIUS * share,
        };
        body.mass *= share * share * share;
        body.material = Material {
            friction: random.unit() as f32,
            restitution: 0.5 * random.unit() as f32,
            linear_damping: 0.2 * random.unit() as f32,
            angular_damping: 0.2 * random.unit() as f32,
            ..Material::default()
        };
        body.position += DVec3::new(0.7, 0.0, 1.3);
    }
    scene
}
