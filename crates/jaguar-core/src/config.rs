//! What a world is made of, and its parameters with units and ranges.

use glam::Vec3;

use crate::constants::MAX_SLEEP_TICKS;
use crate::environment::Environment;
use crate::error::FieldError;
use crate::shape::{ConvexHull, StaticShape};

/// All that is fixed before the first tick: parameters, static geometry, the hulls of bodies, and what acts on bodies besides contacts.
///
/// ```
/// use jaguar_core::{StaticShape, World, WorldConfig, WorldParams};
///
/// let floor = StaticShape::Plane { point: glam::DVec3::ZERO, normal: glam::Vec3::Y, friction: 0.5, restitution: 0.0 };
/// let config = WorldConfig { statics: vec![floor], ..WorldConfig::new(WorldParams { substeps: 8, ..WorldParams::default() }) };
/// let world = World::new(config)?;
/// # Ok::<(), jaguar_core::error::WorldError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct WorldConfig {
    /// Parameters.
    pub params: WorldParams,
    /// Static geometry.
    pub statics: Vec<StaticShape>,
    /// Hulls that bodies can have as shapes, by their [`crate::HullId`].
    pub hulls: Vec<ConvexHull>,
    /// What acts on bodies besides contacts.
    pub environment: Environment,
}

impl WorldConfig {
    /// An empty world with these parameters.
    pub fn new(params: WorldParams) -> Self {
        Self {
            params,
            ..Self::default()
        }
    }
}

/// What every pod must agree on before the first tick. Plain values; [`WorldParams::validate`] says what is out of range.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct WorldParams {
    /// Ticks per simulated second, 1 to 1000 Hz. One tick simulates `1 / tick_rate` seconds.
    pub tick_rate: u32,
    /// Solver substeps in a tick, 1 to 64.
    pub substeps: u32,
    /// Uniform gravity, m/s², each component within ±1000. [`crate::environment::ForceSets`] says whom it acts on.
    pub gravity: Vec3,
    /// Edge of a tile, 0.25 to 4096 m. A body's bounding diameter must be smaller.
    pub tile_size: f32,
    /// Natural frequency of the soft contacts, 1 to 1000 Hz.
    pub contact_frequency: f32,
    /// Damping ratio of the soft contacts, 0.1 to 100.
    pub contact_damping_ratio: f32,
    /// Fastest speed at which overlap is pushed apart, 0.01 to 1000 m/s.
    pub push_velocity: f32,
    /// Normal approach speed below which a contact does not bounce, 0 to 100 m/s.
    pub restitution_threshold: f32,
    /// Upper bound of the distance at which two moving bodies are paired ahead of contact, in m; 0 selects `tile_size / 16`. At most `tile_size / 4`.
    /// Two bodies that approach each other by more than twice this in one tick can pass through each other.
    pub speculative_distance: f32,
    /// Ticks that a body must be at rest before it may sleep, 0 to 10,000; 0 lets nothing sleep. Bodies sleep tile by tile: a tile sleeps when all its bodies have rested, and wakes as soon as
    /// anything that has not comes near one of them. Half a second is a good choice.
    pub sleep_ticks: u32,
    /// Speed up to which a body is at rest, 0 to 10 m/s. Motion below it ends when its tile falls asleep: what creeps, or sinks in a fluid, more slowly than that is stopped.
    pub sleep_speed: f32,
    /// Angular speed up to which a body is at rest, 0 to 100 rad/s. A ball that spins about the axis of its contact is slowed by nothing but damping, and one such ball keeps its tile awake.
    pub sleep_angular_speed: f32,
    /// Upper bound of the broad phase's cell edge, in m; 0 leaves the choice to the bodies. Changes speed only, never a result.
    pub broad_phase_cell_size: f32,
}

impl Default for WorldParams {
    fn default() -> Self {
        Self {
            tick_rate: 60,
            substeps: 4,
            gravity: Vec3::new(0.0, -9.81, 0.0),
            tile_size: 16.0,
            contact_frequency: 120.0,
            contact_damping_ratio: 10.0,
            push_velocity: 3.0,
            restitution_threshold: 0.5,
            speculative_distance: 0.0,
            sleep_ticks: 0,
            sleep_speed: 0.05,
            sleep_angular_speed: 1.0,
            broad_phase_cell_size: 0.0,
        }
    }
}

impl WorldParams {
    /// Checks every value against its range; the error names the first field outside.
    pub fn validate(&self) -> Result<(), FieldError> {
        FieldError::check("tick_rate", self.tick_rate, 1, 1000, "Hz")?;
        FieldError::check("substeps", self.substeps, 1, 64, "")?;
        FieldError::check("gravity.x", self.gravity.x, -1000.0, 1000.0, "m/s²")?;
        FieldError::check("gravity.y", self.gravity.y, -1000.0, 1000.0, "m/s²")?;
        FieldError::check("gravity.z", self.gravity.z, -1000.0, 1000.0, "m/s²")?;
        FieldError::check("tile_size", self.tile_size, 0.25, 4096.0, "m")?;
        FieldError::check("contact_frequency", self.contact_frequency, 1.0, 1000.0, "Hz")?;
        FieldError::check("contact_damping_ratio", self.contact_damping_ratio, 0.1, 100.0, "")?;
        FieldError::check("push_velocity", self.push_velocity, 0.01, 1000.0, "m/s")?;
        FieldError::check("restitution_threshold", self.restitution_threshold, 0.0, 100.0, "m/s")?;
        let quarter = 0.25 * self.tile_size;
        FieldError::check("speculative_distance", self.speculative_distance, 0.0, quarter, "m")?;
        FieldError::check("sleep_ticks", self.sleep_ticks, 0, MAX_SLEEP_TICKS, "")?;
        FieldError::check("sleep_speed", self.sleep_speed, 0.0, 10.0, "m/s")?;
        FieldError::check("sleep_angular_speed", self.sleep_angular_speed, 0.0, 100.0, "rad/s")?;
        FieldError::check("broad_phase_cell_size", self.broad_phase_cell_size, 0.0, f32::MAX, "m")
    }

    /// Simulated time of one tick, s.
    pub fn tick_seconds(&self) -> f32 {
        1.0 / self.tick_rate as f32
    }

    /// The upper bound of the speculative distance with its default resolved, m.
    pub fn speculative_cap(&self) -> f32 {
        if self.speculative_distance > 0.0 {
            self.speculative_distance
        } else {
            self.tile_size / 16.0
        }
    }

    /// The highest speed of a body, m/s: nine tenths of a tile a tick.
    pub fn max_speed(&self) -> f32 {
        crate::constants::MAX_TILES_PER_TICK * self.tile_size * self.tick_rate as f32
    }
}
