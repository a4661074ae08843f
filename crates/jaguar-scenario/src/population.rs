//! The initial bodies of a `[[bodies]]` table: drawn at random in a region, or on a grid.

use glam::{DVec3, Quat, Vec3};
use jaguar_core::{BodyDesc, Material, Shape};
use jaguar_migration::definition::{Distribution, Region, WorldDefinition};
use jaguar_migration::program::{draw, draw_point};
use jaguar_migration::random::Random;

/// Bodies to be, all values checked except against the world.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    pub(crate) count: u64,
    pub(crate) arrangement: Arrangement,
    pub(crate) above_terrain: bool,
    pub(crate) radius: Distribution,
    pub(crate) weight: Weight,
    pub(crate) velocity_min: Vec3,
    pub(crate) velocity_max: Vec3,
    pub(crate) material: Material,
    pub(crate) seed: u64,
}

/// Where the centres go.
#[derive(Clone, Debug)]
pub(crate) enum Arrangement {
    /// Evenly by volume, each on its own; bodies may overlap.
    Random(Region),
    /// In the middles of the cubes of a grid, layer by layer from the bottom.
    Grid(BodyGrid),
}

/// What gives a body its mass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weight {
    /// kg/m³.
    Density(f32),
    /// kg.
    Mass(f32),
}

/// A grid of cubes that fills a box.
#[derive(Clone, Debug)]
pub(crate) struct BodyGrid {
    /// Lowest corner, m.
    pub(crate) min: DVec3,
    /// Edge of a cube, m.
    pub(crate) spacing: f64,
    /// Cubes along x, y and z, at least 1.
    pub(crate) cubes: [u64; 3],
    /// Largest random displacement on each axis, m.
    pub(crate) jitter: f64,
}

impl BodyGrid {
    /// The grid of whole cubes in a box.
    pub(crate) fn filling(min: DVec3, max: DVec3, spacing: f64, jitter: f64) -> Self {
        // The slack lets a box of ten spacings have ten cubes, however its corners were rounded. Casts saturate.
        let cubes = ((max - min) / spacing + 1e-6).to_array().map(|cubes| cubes as u64);
        Self {
            min,
            spacing,
            cubes,
            jitter,
        }
    }

    /// How many bodies it holds.
    pub(crate) fn capacity(&self) -> u64 {
        self.cubes
            .iter()
            .fold(1, |product: u64, &cubes| product.saturating_mul(cubes))
    }

    fn centre(&self, number: u64, random: &mut Random) -> DVec3 {
        let [along_x, _, along_z] = self.cubes;
        // Divided one by one: the product of two edges of a huge region would overflow.
        let column = number / along_x;
        let cube = [number % along_x, column / along_z, column % along_z];
        let mut centre = self.min;
        for (axis, cube) in cube.into_iter().enumerate() {
            centre[axis] += (cube as f64 + 0.5) * self.spacing + random.next_between(-self.jitter, self.jitter);
        }
        centre
    }
}

impl Population {
    /// All bodies, each from a random stream of its own; an error gives the x and z of a point without terrain.
    pub(crate) fn bodies(&self, terrain: &WorldDefinition) -> Result<Vec<BodyDesc>, [f64; 2]> {
        (0..self.count).map(|number| self.body(number, terrain)).collect()
    }

    fn body(&self, number: u64, terrain: &WorldDefinition) -> Result<BodyDesc, [f64; 2]> {
        let mut random = Random::stream(self.seed, number);
        let mut position = match &self.arrangement {
            Arrangement::Random(region) => draw_point(region, &mut random),
            Arrangement::Grid(grid) => grid.centre(number, &mut random),
        };
        if self.above_terrain {
            let height = terrain.terrain_height(position.x, position.z);
            position.y += height.ok_or([position.x, position.z])?;
        }
        let radius = draw(self.radius, &mut random);
        let mut velocity = Vec3::ZERO;
        for axis in 0..3 {
            let (low, high) = (self.velocity_min[axis], self.velocity_max[axis]);
            velocity[axis] = random.next_between(f64::from(low), f64::from(high)) as f32;
        }
        Ok(BodyDesc {
            position,
            orientation: Quat::IDENTITY,
            velocity,
            shape: Shape::Sphere { radius },
            mass: self.weight.mass(radius),
            material: self.material,
            ..BodyDesc::default()
        })
    }
}

impl Weight {
    /// Of a solid sphere, kg.
    pub(crate) fn mass(self, radius: f32) -> f32 {
        match self {
            Self::Density(density) => 4.0 / 3.0 * std::f32::consts::PI * radius * radius * radius * density,
            Self::Mass(mass) => mass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> BodyGrid {
        BodyGrid::filling(DVec3::ZERO, DVec3::new(3.0, 2.0, 4.0), 1.0, 0.0)
    }

    fn population(arrangement: Arrangement, count: u64) -> Population {
        Population {
            count,
            arrangement,
            above_terrain: false,
            radius: Distribution::Constant(0.5),
            weight: Weight::Density(1000.0),
            velocity_min: Vec3::ZERO,
            velocity_max: Vec3::ZERO,
            material: Material::default(),
            seed: 1,
        }
    }

    #[test]
    fn a_grid_fills_its_box_layer_by_layer() {
        assert_eq!(grid().capacity(), 24);
        let bodies = population(Arrangement::Grid(grid()), 24)
            .bodies(&WorldDefinition::default())
            .unwrap();
        assert_eq!(bodies[0].position, DVec3::splat(0.5));
        assert_eq!(bodies[1].position, DVec3::new(1.5, 0.5, 0.5));
        assert_eq!(bodies[3].position, DVec3::new(0.5, 0.5, 1.5));
        assert_eq!(bodies[12].position, DVec3::new(0.5, 1.5, 0.5));
        assert_eq!(bodies[23].position, DVec3::new(2.5, 1.5, 3.5));
    }

    #[test]
    fn a_body_depends_on_its_number_alone() {
        let region = Region::Sphere {
            centre: DVec3::ZERO,
            radius: 10.0,
        };
        let few = population(Arrangement::Random(region.clone()), 3)
            .bodies(&WorldDefinition::default())
            .unwrap();
        let many = population(Arrangement::Random(region), 30)
            .bodies(&WorldDefinition::default())
            .unwrap();
        assert_eq!(few, many[..3]);
    }

    #[test]
    fn a_ball_of_water_of_half_a_metre_weighs_524_kg() {
        assert!((Weight::Density(1000.0).mass(0.5) - 523.6).abs() < 0.01);
    }
}
