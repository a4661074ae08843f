//! The definition of a world: all that is fixed before the first tick. The coordinator gives it to every pod that joins.

use glam::DVec3;
use jaguar_core::shape::ConvexHull;
use jaguar_core::{BodyDesc, BodyId, Environment, JointDesc, JointId, StaticShape, WorldConfig, WorldParams};
use serde::{Deserialize, Serialize};

use crate::id::Tick;
use crate::source::BodySource;

/// Everything a world starts from and everything its scenario does to it later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorldDefinition {
    /// Parameters of the simulation.
    pub params: WorldParams,
    /// Static geometry.
    pub statics: Vec<StaticShape>,
    /// Hulls that bodies can have as shapes.
    pub hulls: Vec<ConvexHull>,
    /// What acts on bodies besides contacts.
    pub environment: Environment,
    /// Bodies that exist from the first entry on.
    pub bodies: Vec<(BodyId, BodyDesc)>,
    /// Joints of these bodies, from the first entry on. Their ids are the first above those of the bodies, in this order.
    pub joints: Vec<JointDesc>,
    /// Sources of bodies.
    pub spawners: Vec<Spawner>,
    /// Sinks of bodies.
    pub despawners: Vec<Despawner>,
}

/// A part of space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Region {
    /// An axis-aligned box, both corners included.
    Box {
        /// Lowest corner, m.
        min: DVec3,
        /// Highest corner, m.
        max: DVec3,
    },
    /// A ball.
    Sphere {
        /// Centre, m.
        centre: DVec3,
        /// Radius, m.
        radius: f64,
    },
}

impl Region {
    /// Whether the point (m) lies inside or on the border.
    pub fn contains(&self, point: DVec3) -> bool {
        match self {
            Self::Box { min, max } => point.cmpge(*min).all() && point.cmple(*max).all(),
            Self::Sphere { centre, radius } => point.distance_squared(*centre) <= radius * radius,
        }
    }
}

/// A source of bodies: a pure function of the tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spawner {
    /// Where centres are drawn, evenly by volume.
    pub region: Region,
    /// Whether the region's y is measured from the highest height field under the point.
    pub above_terrain: bool,
    /// What they are.
    pub source: BodySource,
    /// Bodies per tick; fractions accumulate.
    pub rate: f64,
    /// First tick.
    pub from: Tick,
    /// First tick no more.
    pub to: Tick,
    /// Bodies at the most over the whole run.
    pub limit: u64,
    /// Seed of this spawner's own random stream.
    pub seed: u64,
}

/// A sink of bodies: a pure function of the tick, of the body's position and id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Despawner {
    /// Where bodies are removed.
    pub region: Region,
    /// Share of the bodies inside that goes each time, 0 to 1.
    pub fraction: f64,
    /// Ticks between two times, at least 1.
    pub every: u32,
    /// First tick.
    pub from: Tick,
    /// First tick no more.
    pub to: Tick,
    /// Seed of the choice.
    pub seed: u64,
}

impl WorldDefinition {
    /// What every pod's world is made of.
    pub fn config(&self) -> WorldConfig {
        WorldConfig {
            params: self.params.clone(),
            statics: self.statics.clone(),
            hulls: self.hulls.clone(),
            environment: self.environment.clone(),
        }
    }

    /// The lowest id above those of all initial bodies and joints.
    pub fn first_free_id(&self) -> u64 {
        self.first_joint_id() + self.joints.len() as u64
    }

    /// The initial joints with their ids.
    pub fn joints_with_ids(&self) -> impl Iterator<Item = (JointId, &JointDesc)> {
        (self.first_joint_id()..).map(JointId).zip(&self.joints)
    }

    /// The lowest id above those of all initial bodies.
    pub fn first_joint_id(&self) -> u64 {
        self.bodies.iter().map(|(id, _)| id.0 + 1).max().unwrap_or(1)
    }
}
