//! Which static geometry the bodies of a tile may be near, so that most bodies need not ask all of it.

use glam::Vec3;

use super::static_geometry::StaticGeometry;
use crate::constants::LINGER_IN_TILES;
use crate::shape::{Plane, StaticShape};
use crate::tile::{self, TileIndex};

/// Room for rounding, in tiles: a body may be taken for near that is not, never the other way round.
const SLACK_IN_TILES: f32 = 1.0e-4;

/// The static geometry around one tile.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Of each plane that is near: its normal, and how high the tile's centre is above it, m.
    planes: Vec<(Vec3, f32)>,
    /// Whether shapes with bounds are near.
    shapes: bool,
    slack: f32,
}

impl Surroundings {
    /// Looks around a tile for what is within `reach` (m) of a body in it.
    pub(crate) fn look(&mut self, statics: &StaticGeometry, tile: TileIndex, reach: f32) {
        let size = statics.tile_size;
        let centre = tile::join(tile, Vec3::ZERO, size);
        self.slack = SLACK_IN_TILES * size;
        self.planes.clear();
        self.shapes = false;
        // Bodies may linger beyond the faces.
        let half = (0.5 + f64::from(LINGER_IN_TILES)) * f64::from(size);
        statics
            .index
            .near(centre, half + f64::from(reach + self.slack), |index| {
                let StaticShape::Plane { point, normal, .. } = statics.shapes[index] else {
                    self.shapes = true;
                    return;
                };
                let height = Plane::new(point, normal).distance(centre) as f32;
                let nearest = height - (half as f32) * (normal.abs().element_sum());
                if nearest < reach + self.slack {
                    self.planes.push((normal, height));
                }
            });
    }

    /// Whether there is nothing.
    pub(crate) fn are_empty(&self) -> bool {
        self.planes.is_empty() && !self.shapes
    }

    /// Whether a body at this offset from the tile's centre (m) may be nearer to static geometry than its reach (m).
    pub(crate) fn are_near(&self, offset: Vec3, reach: f32) -> bool {
        let far = reach + self.slack;
        self.shapes
            || self
                .planes
                .iter()
                .any(|&(normal, height)| height + normal.dot(offset) < far)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Random;

    const SIZE: f32 = 16.0;

    /// Planes at random, bodies at random: who is not near touches nothing.
    #[test]
    fn whoever_touches_is_near() {
        let mut random = Random(3);
        let (mut near, mut far) = (0, 0);
        for _ in 0..200 {
            let planes = (0..3).map(|_| StaticShape::Plane {
                point: random.vector(30.0),
                normal: random.vector(1.0).as_vec3().normalize(),
                friction: 0.5,
                restitution: 0.0,
            });
            let statics = StaticGeometry::new(planes.collect(), SIZE).expect("planes are valid");
            let position = random.vector(30.0);
            let (tile, _) = tile::split(position, SIZE).expect("it is in the world");
            let mut surroundings = Surroundings::default();
            let reaches: Vec<f32> = (0..20).map(|_| 0.1 + 3.0 * random.unit() as f32).collect();
            let most = reaches.iter().copied().fold(0.0, f32::max);
            surroundings.look(&statics, tile, most);
            for reach in reaches {
                let offset = random.vector(0.5 * f64::from(SIZE)).as_vec3();
                let mut touches = Vec::new();
                statics.contacts_of_sphere(tile, offset, 0.5 * reach, reach, &mut touches);
                let is_near = surroundings.are_near(offset, reach);
                assert!(is_near || touches.is_empty(), "{offset} in {tile:?} with {reach}");
                near += u32::from(is_near);
                far += u32::from(!is_near);
            }
        }
        assert!(near > 200 && far > 200, "both happen: {near} near, {far} far");
    }
}
