//! What the bodies of a scenario are drawn from: shapes, sizes, weight, orientation and speed.

use glam::{DVec3, Quat, Vec3};
use jaguar_core::shape::ConvexHull;
use jaguar_core::{BodyDesc, Domain, Filter, HullId, Material, Shape};
use serde::{Deserialize, Serialize};

use crate::random::Random;

/// How a number is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Distribution {
    /// Always the same.
    Constant(f32),
    /// Evenly between two bounds.
    Uniform {
        /// Lower bound.
        min: f32,
        /// Upper bound.
        max: f32,
    },
    /// Log-normal, clamped to two bounds: the usual shape of boulder and grain sizes.
    LogNormal {
        /// Median.
        median: f32,
        /// Standard deviation of the logarithm.
        sigma: f32,
        /// Lower bound.
        min: f32,
        /// Upper bound.
        max: f32,
    },
}

impl Distribution {
    /// A number of the distribution.
    pub fn draw(self, random: &mut Random) -> f32 {
        match self {
            Self::Constant(value) => value,
            Self::Uniform { min, max } => random.next_between(f64::from(min), f64::from(max)) as f32,
            Self::LogNormal {
                median,
                sigma,
                min,
                max,
            } => {
                // Box and Muller 1958; the first draw is kept away from 0.
                let radius = libm::sqrt(-2.0 * libm::log(1.0 - random.next_unit()));
                let normal = radius * libm::cos(std::f64::consts::TAU * random.next_unit());
                ((f64::from(median) * libm::exp(f64::from(sigma) * normal)) as f32).clamp(min, max.max(min))
            }
        }
    }

    /// The least and the greatest number that can be drawn.
    pub const fn bounds(self) -> [f32; 2] {
        match self {
            Self::Constant(value) => [value, value],
            Self::Uniform { min, max } | Self::LogNormal { min, max, .. } => [min, max],
        }
    }
}

/// A kind of shape and how its lengths (m) are drawn, each on its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShapeSource {
    /// A ball.
    Sphere {
        /// m.
        radius: Distribution,
    },
    /// A cylinder along y between two half balls.
    Capsule {
        /// Half the length of the cylinder, m.
        half_height: Distribution,
        /// m.
        radius: Distribution,
    },
    /// A box.
    Cuboid {
        /// Half edges along x, y and z, m.
        half_extents: [Distribution; 3],
    },
    /// A hull of the definition.
    Hull(HullId),
}

impl ShapeSource {
    fn made_with(&self, mut length: impl FnMut(Distribution) -> f32) -> Shape {
        match *self {
            Self::Sphere { radius } => Shape::Sphere { radius: length(radius) },
            Self::Capsule { half_height, radius } => Shape::Capsule {
                half_height: length(half_height),
                radius: length(radius),
            },
            Self::Cuboid { half_extents } => Shape::Cuboid {
                half_extents: Vec3::from_array(half_extents.map(length)),
            },
            Self::Hull(id) => Shape::Hull(id),
        }
    }
}

/// One of the kinds that bodies are a mix of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portion {
    /// The kind.
    pub shape: ShapeSource,
    /// How many of the bodies have it, against the shares of the others; positive.
    pub share: f64,
}

/// What gives a body its mass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Weight {
    /// kg/m³.
    Density(f32),
    /// kg.
    Mass(f32),
}

impl Weight {
    /// Of a body of this shape, kg.
    pub fn mass(self, shape: &Shape, hulls: &[ConvexHull]) -> f32 {
        let of_hull = || {
            let hull = shape.hull().and_then(|HullId(id)| hulls.get(id as usize));
            hull.map_or(0.0, ConvexHull::volume)
        };
        match self {
            Self::Density(density) => density * shape.volume().unwrap_or_else(of_hull),
            Self::Mass(mass) => mass,
        }
    }
}

/// How a body is turned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Turn {
    /// Always the same, a unit quaternion.
    Fixed(Quat),
    /// Evenly over all orientations.
    Random,
}

impl Turn {
    fn draw(self, random: &mut Random) -> Quat {
        match self {
            Self::Fixed(orientation) => orientation,
            Self::Random => {
                // Shoemake 1992, "Uniform random rotations".
                let split = random.next_unit();
                let (low, high) = (libm::sqrt(1.0 - split), libm::sqrt(split));
                let (sine, cosine) = libm::sincos(std::f64::consts::TAU * random.next_unit());
                let (other_sine, other_cosine) = libm::sincos(std::f64::consts::TAU * random.next_unit());
                let [x, y, z, w] = [low * sine, low * cosine, high * other_sine, high * other_cosine];
                Quat::from_xyzw(x as f32, y as f32, z as f32, w as f32)
            }
        }
    }
}

/// All that bodies are drawn from but where they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BodySource {
    /// What they are a mix of; at least one.
    pub shapes: Vec<Portion>,
    /// What gives them their mass.
    pub weight: Weight,
    /// How they are turned.
    pub turn: Turn,
    /// Lowest velocity on each axis, m/s.
    pub velocity_min: Vec3,
    /// Highest velocity on each axis, m/s.
    pub velocity_max: Vec3,
    /// Surface and damping.
    pub material: Material,
    /// What they can touch.
    pub filter: Filter,
    /// Whether they only notice what overlaps them.
    pub sensor: bool,
    /// Which forces act on them.
    pub domain: Domain,
    /// Drag coefficient times frontal area, m².
    pub drag_area: f32,
    /// Force that each exerts on itself, in its own frame, N.
    pub thrust: Vec3,
}

impl Default for BodySource {
    /// What [`BodyDesc::default`] is: balls of 1 m diameter and the density of water, at rest.
    fn default() -> Self {
        Self {
            shapes: vec![Portion {
                shape: ShapeSource::Sphere {
                    radius: Distribution::Constant(0.5),
                },
                share: 1.0,
            }],
            weight: Weight::Density(1000.0),
            turn: Turn::Fixed(Quat::IDENTITY),
            velocity_min: Vec3::ZERO,
            velocity_max: Vec3::ZERO,
            material: Material::default(),
            filter: Filter::default(),
            sensor: false,
            domain: Domain::default(),
            drag_area: 0.0,
            thrust: Vec3::ZERO,
        }
    }
}

impl BodySource {
    /// Balls with the density of water.
    pub fn spheres(radius: Distribution) -> Self {
        let shape = ShapeSource::Sphere { radius };
        Self {
            shapes: vec![Portion { shape, share: 1.0 }],
            ..Self::default()
        }
    }

    /// A body at a position (m). A source of one kind of shape draws nothing for the choice, one that does not turn nothing for the orientation.
    pub fn draw(&self, position: DVec3, hulls: &[ConvexHull], random: &mut Random) -> BodyDesc {
        let shape = self.choose(random).made_with(|length| length.draw(random));
        let mut axis = |axis: usize| {
            let [low, high] = [self.velocity_min, self.velocity_max].map(|bound| f64::from(bound[axis]));
            random.next_between(low, high) as f32
        };
        let velocity = Vec3::new(axis(0), axis(1), axis(2));
        BodyDesc {
            velocity,
            orientation: self.turn.draw(random),
            ..self.body(position, shape, hulls)
        }
    }

    /// For each kind of shape the smallest and the largest body, as fast as can be.
    pub fn extremes<'a>(&'a self, position: DVec3, hulls: &'a [ConvexHull]) -> impl Iterator<Item = BodyDesc> + 'a {
        let both = self
            .shapes
            .iter()
            .flat_map(|portion| [0, 1].map(|bound| portion.shape.made_with(|length| length.bounds()[bound])));
        both.map(move |shape| BodyDesc {
            velocity: Vec3::max(self.velocity_min.abs(), self.velocity_max.abs()),
            ..self.body(position, shape, hulls)
        })
    }

    /// At rest and not turned.
    fn body(&self, position: DVec3, shape: Shape, hulls: &[ConvexHull]) -> BodyDesc {
        BodyDesc {
            position,
            shape,
            mass: self.weight.mass(&shape, hulls),
            material: self.material,
            filter: self.filter,
            sensor: self.sensor,
            domain: self.domain,
            drag_area: self.drag_area,
            thrust: self.thrust,
            ..BodyDesc::default()
        }
    }

    fn choose(&self, random: &mut Random) -> &ShapeSource {
        let (last, others) = self.shapes.split_last().expect("a source has a shape");
        if others.is_empty() {
            return &last.shape;
        }
        let total: f64 = self.shapes.iter().map(|portion| portion.share).sum();
        let mut left = total * random.next_unit();
        for portion in others {
            if left < portion.share {
                return &portion.shape;
            }
            left -= portion.share;
        }
        &last.shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ball_of_water_of_half_a_metre_weighs_524_kg() {
        let mass = Weight::Density(1000.0).mass(&Shape::Sphere { radius: 0.5 }, &[]);
        assert!((mass - 523.6).abs() < 0.01);
    }

    #[test]
    fn a_mix_has_its_shares_and_the_masses_of_its_shapes() {
        let edges = [Vec3::ZERO, Vec3::X, Vec3::Y, Vec3::Z];
        let hulls = [ConvexHull::new(&edges).unwrap()];
        let portion = |shape, share| Portion { shape, share };
        let source = BodySource {
            shapes: vec![
                portion(ShapeSource::Hull(HullId(0)), 1.0),
                portion(
                    ShapeSource::Cuboid {
                        half_extents: [0.5, 0.25, 1.0].map(Distribution::Constant),
                    },
                    3.0,
                ),
            ],
            turn: Turn::Random,
            ..BodySource::default()
        };
        let mut random = Random::stream(1, 1);
        let bodies: Vec<BodyDesc> = (0..4000)
            .map(|_| source.draw(DVec3::ZERO, &hulls, &mut random))
            .collect();
        let of_hull = bodies.iter().filter(|body| body.shape.hull().is_some()).count();
        // Binomial(4000, 1/4) has a standard deviation of 27; five of them are 137.
        assert!((863..=1137).contains(&of_hull), "{of_hull}");
        for body in &bodies {
            let expected = if body.shape.hull().is_some() {
                1000.0 / 6.0
            } else {
                1000.0
            };
            assert!((body.mass - expected).abs() < 1e-2, "{}", body.mass);
            assert!((body.orientation.length() - 1.0).abs() < 1e-6);
        }
        // Evenly over the orientations: no axis is preferred.
        let mean = bodies.iter().map(|body| body.orientation * Vec3::Y).sum::<Vec3>() / 4000.0;
        assert!(mean.length() < 5.0 / 4000.0_f32.sqrt(), "{mean}");
    }
}
