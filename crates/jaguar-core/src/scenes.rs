//! Scenes that tests, benchmarks and examples share, so that what is timed is what is hashed.
//!
//! Balls of 0.5 m radius and the density of water. They follow the scenes on which other engines were measured.

use std::f64::consts::TAU;

use glam::{DQuat, DVec3, Quat, Vec3};

use crate::body::BodyDesc;
use crate::config::{WorldConfig, WorldParams};
use crate::environment::Environment;
use crate::error::WorldError;
use crate::material::Material;
use crate::shape::{ConvexHull, HeightField, HullId, Shape, StaticShape};
use crate::world::World;

/// Radius of the balls, m.
pub const RADIUS: f32 = 0.5;

/// Mass of the balls, kg: 4/3 π r³ at 1000 kg/m³.
pub const MASS: f32 = 523.598_8;

/// What a world begins with.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Parameters; tests vary them.
    pub params: WorldParams,
    /// Static geometry.
    pub statics: Vec<StaticShape>,
    /// Hulls of bodies.
    pub hulls: Vec<ConvexHull>,
    /// What acts on bodies besides contacts.
    pub environment: Environment,
    /// Bodies, in the order of their ids.
    pub bodies: Vec<BodyDesc>,
}

impl Scene {
    /// What the world is made of.
    pub fn config(&self) -> WorldConfig {
        WorldConfig {
            params: self.params.clone(),
            statics: self.statics.clone(),
            hulls: self.hulls.clone(),
            environment: self.environment.clone(),
        }
    }

    /// The world of this scene.
    pub fn world(&self) -> Result<World, WorldError> {
        let mut world = World::new(self.config())?;
        world.reserve(self.bodies.len());
        for body in &self.bodies {
            world.spawn(body).expect("scenes are made of valid bodies");
        }
        Ok(world)
    }
}

/// Balls that fly at up to ±5 m/s on each axis in a closed cube without gravity and bounce without loss; they fill a tenth of the volume.
pub fn gas(count: usize, seed: u64) -> Scene {
    let edge = (f64::from(MASS) / 1000.0 * count as f64 / 0.1).cbrt();
    let per_edge = (count as f64).cbrt().ceil() as usize;
    let spacing = edge / per_edge as f64;
    let mut random = Random(seed);
    let material = Material {
        friction: 0.0,
        restitution: 1.0,
        ..Material::default()
    };
    let bodies = (0..count).map(|i| {
        let cell = DVec3::new(
            (i % per_edge) as f64,
            (i / per_edge % per_edge) as f64,
            (i / per_edge / per_edge) as f64,
        );
        let jitter = 0.5 * spacing - f64::from(RADIUS);
        let position = (cell + 0.5) * spacing - 0.5 * edge + random.vector(jitter);
        ball(position, random.vector(5.0).as_vec3(), material)
    });
    Scene {
        params: WorldParams {
            gravity: Vec3::ZERO,
            ..WorldParams::default()
        },
        bodies: bodies.collect(),
        statics: [DVec3::X, DVec3::Y, DVec3::Z, -DVec3::X, -DVec3::Y, -DVec3::Z]
            .map(|normal| wall(normal * -0.5 * edge, normal, material))
            .to_vec(),
        hulls: Vec::new(),
        environment: Environment::default(),
    }
}

/// Balls that fall from a loose grid into an open square container; settled, they lie about ten deep.
pub fn pile(count: usize, seed: u64) -> Scene {
    let side = (count as f64 / 10.0).sqrt();
    let spacing = 1.1;
    let per_edge = ((side / spacing) as usize).max(1);
    let mut random = Random(seed);
    let material = Material {
        friction: 0.5,
        restitution: 0.0,
        ..Material::default()
    };
    let bodies = (0..count).map(|i| {
        let cell = DVec3::new(
            (i % per_edge) as f64,
            (i / per_edge / per_edge) as f64,
            (i / per_edge % per_edge) as f64,
        );
        let corner = DVec3::new(-0.5, 0.0, -0.5) * per_edge as f64;
        let position = (corner + cell + 0.5) * spacing + random.vector(0.5 * spacing - f64::from(RADIUS));
        ball(position, Vec3::ZERO, material)
    });
    let mut statics = vec![wall(DVec3::ZERO, DVec3::Y, material)];
    for normal in [DVec3::X, DVec3::Z, -DVec3::X, -DVec3::Z] {
        statics.push(wall(normal * -0.5 * side, normal, material));
    }
    Scene {
        params: WorldParams::default(),
        bodies: bodies.collect(),
        statics,
        hulls: Vec::new(),
        environment: Environment::default(),
    }
}

/// Cubes of 1 m that fall from a loose grid, turned at random, into an open square container; about six deep when they lie.
pub fn boxes(count: usize, seed: u64) -> Scene {
    let side = (0.16 * count as f64).sqrt();
    let mut random = Random(seed);
    let shape = Shape::Cuboid {
        half_extents: Vec3::splat(RADIUS),
    };
    let bodies = loose_grid(count, side).map(|position| solid(position, &mut random, shape, WATER));
    let mut statics = vec![wall(DVec3::ZERO, DVec3::Y, Material::default())];
    statics.extend(container(side));
    Scene {
        params: WorldParams::default(),
        bodies: bodies.collect(),
        statics,
        hulls: Vec::new(),
        environment: Environment::default(),
    }
}

/// Spheres, capsules, cuboids and hulls of about 1 m that fall from a loose grid, turned at random, on rolling hills between four walls; about three deep when they lie.
pub fn mixed(count: usize, seed: u64) -> Scene {
    let side = (0.25 * count as f64).sqrt();
    let mut random = Random(seed);
    let hills = hills(side, &mut random);
    let hulls = stones(STONES, RADIUS, !seed);
    let bodies = loose_grid(count, side).map(|position| {
        let mut between = |low: f64, high: f64| (low + (high - low) * random.unit()) as f32;
        let size = [between(0.3, 0.5), between(0.3, 0.5), between(0.3, 0.5)];
        let shape = match random.bits() % 4 {
            0 => Shape::Sphere { radius: size[0] },
            1 => Shape::Capsule {
                half_height: 0.75 * size[0],
                radius: 0.75 * size[1],
            },
            2 => Shape::Cuboid {
                half_extents: Vec3::from_array(size),
            },
            _ => {
                let number = (random.bits() % STONES as u64) as u32;
                let hull = BodyDesc::hull(HullId(number), &hulls[number as usize]);
                return hull.at(position + DVec3::Y * HILLS).oriented(random.orientation());
            }
        };
        solid(position + DVec3::Y * HILLS, &mut random, shape, WATER)
    });
    let bodies = bodies.collect();
    let mut statics = vec![StaticShape::HeightField(hills)];
    statics.extend(container(side));
    Scene {
        params: WorldParams::default(),
        bodies,
        statics,
        hulls,
        environment: Environment::default(),
    }
}

/// Stones: hulls of 8 to 20 vertices each, on ellipsoids whose half axes are 0.6 to 1 of `size` (m).
pub fn stones(count: usize, size: f32, seed: u64) -> Vec<ConvexHull> {
    let mut random = Random(seed);
    let mut stone = || {
        let half_axes = Vec3::from_array([0; 3].map(|_| size * (0.6 + 0.4 * random.unit() as f32)));
        let vertices = 8 + random.bits() % 13;
        let points: Vec<Vec3> = (0..vertices)
            .map(|_| random.orientation() * Vec3::X * half_axes)
            .collect();
        ConvexHull::new(&points).expect("so many points on an ellipsoid have a volume")
    };
    (0..count).map(|_| stone()).collect()
}

/// Density of the bodies, kg/m³.
const WATER: f32 = 1000.0;
/// How many different hulls there are in [`mixed`].
const STONES: usize = 32;
/// Height of the highest possible hill, m.
const HILLS: f64 = 2.0;
/// Distance of a height field's posts, m.
const POSTS: f64 = 1.0;

/// Hills up to [`HILLS`] high over a square around the origin: three waves of 12 to 24 m length in random directions, no slope steeper than the friction of the bodies holds.
fn hills(side: f64, random: &mut Random) -> HeightField {
    let posts = (side / POSTS).ceil() as u32 + 3;
    let corner = -0.5 * f64::from(posts - 1) * POSTS;
    let waves: [(DVec3, f64); 3] = std::array::from_fn(|_| {
        let (turn, length) = (TAU * random.unit(), 12.0 + 12.0 * random.unit());
        let along = DVec3::new(libm::cos(turn), 0.0, libm::sin(turn));
        (along * (TAU / length), TAU * random.unit())
    });
    let height = |index: u32| {
        let place = DVec3::new(f64::from(index % posts), 0.0, f64::from(index / posts)) * POSTS;
        let waves = waves.iter().map(|(wave, phase)| libm::sin(wave.dot(place) + phase));
        (HILLS * (0.5 + waves.sum::<f64>() / 6.0)) as f32
    };
    HeightField {
        origin: DVec3::new(corner, 0.0, corner),
        columns: posts,
        rows: posts,
        spacing_x: POSTS as f32,
        spacing_z: POSTS as f32,
        heights: (0..posts * posts).map(height).collect(),
        friction: Material::default().friction,
        restitution: Material::default().restitution,
    }
}

/// Places 1.8 m apart in layers over a square around the origin, so that bodies of half extents up to 0.5 m do not touch however they are turned.
fn loose_grid(count: usize, side: f64) -> impl Iterator<Item = DVec3> {
    let spacing = 1.8;
    let per_edge = ((side / spacing) as usize).max(1);
    (0..count).map(move |i| {
        let cell = DVec3::new(
            (i % per_edge) as f64,
            (i / per_edge / per_edge) as f64,
            (i / per_edge % per_edge) as f64,
        );
        let corner = DVec3::new(-0.5, 0.0, -0.5) * per_edge as f64;
        (corner + cell + 0.5) * spacing
    })
}

/// Four walls around a square around the origin.
fn container(side: f64) -> [StaticShape; 4] {
    [DVec3::X, DVec3::Z, -DVec3::X, -DVec3::Z].map(|normal| wall(normal * -0.5 * side, normal, Material::default()))
}

/// A body at rest, turned at random.
fn solid(position: DVec3, random: &mut Random, shape: Shape, density: f32) -> BodyDesc {
    BodyDesc {
        position,
        orientation: random.orientation(),
        shape,
        mass: density * shape.volume().expect("it is no hull"),
        ..BodyDesc::default()
    }
}

/// Balls on a 4 m grid that fall together and never touch.
pub fn free_flight(count: usize) -> Scene {
    let per_edge = (count as f64).cbrt().ceil() as usize;
    let bodies = (0..count).map(|i| {
        let cell = DVec3::new(
            (i % per_edge) as f64,
            (i / per_edge % per_edge) as f64,
            (i / per_edge / per_edge) as f64,
        );
        ball((cell - 0.5 * per_edge as f64) * 4.0, Vec3::ZERO, Material::default())
    });
    Scene {
        params: WorldParams::default(),
        bodies: bodies.collect(),
        statics: Vec::new(),
        hulls: Vec::new(),
        environment: Environment::default(),
    }
}

/// A ball of this module's size.
pub fn ball(position: DVec3, velocity: Vec3, material: Material) -> BodyDesc {
    BodyDesc {
        position,
        velocity,
        shape: Shape::Sphere { radius: RADIUS },
        mass: MASS,
        material,
        ..BodyDesc::default()
    }
}

/// A plane of this material.
pub fn wall(point: DVec3, normal: DVec3, material: Material) -> StaticShape {
    StaticShape::Plane {
        point,
        normal: normal.as_vec3(),
        friction: material.friction,
        restitution: material.restitution,
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform over all orientations: the direction of a point in the unit ball of four dimensions.
    pub fn orientation(&mut self) -> Quat {
        loop {
            let mut component = || 2.0 * self.unit() - 1.0;
            let point = DQuat::from_xyzw(component(), component(), component(), component());
            if (0.01..=1.0).contains(&point.length_squared()) {
                return point.normalize().as_quat();
            }
        }
    }

    /// Components uniform within ± `bound`.
    pub fn vector(&mut self, bound: f64) -> DVec3 {
        let mut component = || (2.0 * self.unit() - 1.0) * bound;
        DVec3::new(component(), component(), component())
    }
}
