//! Scenes that tests, benchmarks and examples share, so that what is timed is what is hashed.
//!
//! Balls of 0.5 m radius and the density of water. They follow the scenes on which other engines were measured.

use glam::{DVec3, Vec3};

use crate::body::BodyDesc;
use crate::config::{WorldConfig, WorldParams};
use crate::error::WorldError;
use crate::material::Material;
use crate::shape::{Shape, StaticShape};
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
    /// Bodies, in the order of their ids.
    pub bodies: Vec<BodyDesc>,
}

impl Scene {
    /// What the world is made of.
    pub fn config(&self) -> WorldConfig {
        WorldConfig {
            params: self.params.clone(),
            statics: self.statics.clone(),
        }
    }

    /// The world of this scene.
    pub fn world(&self) -> Result<World, WorldError> {
        let mut world = World::new(self.config())?;
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

    /// Components uniform within ± `bound`.
    pub fn vector(&mut self, bound: f64) -> DVec3 {
        let mut component = || (2.0 * self.unit() - 1.0) * bound;
        DVec3::new(component(), component(), component())
    }
}
