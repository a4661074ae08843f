//! The initial bodies of a `[[bodies]]` table: drawn at random in a region, or on a grid.

use glam::DVec3;
use jaguar_core::BodyDesc;
use jaguar_migration::definition::{Region, WorldDefinition};
use jaguar_migration::program::draw_point;
use jaguar_migration::random::Random;
use jaguar_migration::source::BodySource;

/// Bodies to be, all values checked except against the world.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    pub(crate) count: u64,
    pub(crate) arrangement: Arrangement,
    pub(crate) above_terrain: bool,
    pub(crate) source: BodySource,
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
    /// All bodies, each from a random stream of its own, on the definition's terrain and with its hulls; an error gives the x and z of a point without terrain.
    pub(crate) fn bodies(&self, definition: &WorldDefinition) -> Result<Vec<BodyDesc>, [f64; 2]> {
        (0..self.count).map(|number| self.body(number, definition)).collect()
    }

    fn body(&self, number: u64, definition: &WorldDefinition) -> Result<BodyDesc, [f64; 2]> {
        let mut random = Random::stream(self.seed, number);
        let mut position = match &self.arrangement {
            Arrangement::Random(region) => draw_point(region, &mut random),
            Arrangement::Grid(grid) => grid.centre(number, &mut random),
        };
        if self.above_terrain {
            let height = definition.terrain_height(position.x, position.z);
            position.y += height.ok_or([position.x, position.z])?;
        }
        Ok(self.source.draw(position, &definition.hulls, &mut random))
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
            source: BodySource::default(),
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
}
