//! Forces on single bodies: what the [`crate::environment`] does, and what an embedder adds.
//!
//! Every force is evaluated in every substep, from where the body is by then: a force that is held for a whole tick makes what floats restless at the substep counts that
//! contacts need, and turns a thrust late. Sensors feel nothing, gravity included. Bodies that feel nothing but uniform gravity pay nothing for it; the stage is skipped for tiles of such bodies.
//!
//! - Gravity of a source: `mu / d²` towards its centre; inside its radius proportional to the distance, as in a ball of even density.
//! - Thrust: the body's own force, in the direction that its orientation gives it.
//! - Buoyancy: the weight of the displaced fluid, through the centre of the displaced volume. The volume is exact for spheres, cuboids and hulls; see [`submerged`] for
//!   capsules. Whether a body is in a fluid is decided by its centre in x and z, and by its extent in y. Added mass is left out.
//! - Drag: `-½ ρ c |v - w| (v - w)`, with the density ρ and the velocity w of the medium or fluid and the drag area c; and linear drag in fluids. The medium acts on the share of
//!   a body that is not in a fluid. It is the implicit Euler step, solved exactly, so it is stable for any coefficient and has the right terminal velocity at any tick.

mod act;
pub mod submerged;

use std::fmt;

use glam::{DVec3, Quat, Vec3};

pub(crate) use self::act::{Acted, Forces};
use crate::body::{BodyId, BodyKind};
use crate::tile::TileIndex;

/// A force that an embedder adds to a world with [`crate::World::add_force`].
///
/// It must be a pure function of what it is given and of its own constants: nothing else may enter, no clock, no random numbers, no state that changes between calls, no
/// arithmetic that differs between machines (`sin`, `exp` and the like come from `libm`). Then a world stays the same bit for bit on any number of threads; over pods, if
/// every pod adds the same forces in the same order. Forces are not part of snapshots: whoever restores a world adds them again before the next tick.
///
/// ```
/// use glam::{DVec3, Vec3};
/// use jaguar_core::force::{Force, Subject, Wrench};
/// use jaguar_core::{BodyDesc, World, WorldConfig};
///
/// /// Pulls every body towards the origin like a spring.
/// #[derive(Debug)]
/// struct Spring {
///     /// N/m.
///     stiffness: f32,
/// }
///
/// impl Force for Spring {
///     fn act(&self, body: &Subject<'_>) -> Wrench {
///         Wrench::of_force(-self.stiffness * body.position.as_vec3())
///     }
/// }
///
/// let mut world = World::new(WorldConfig::default())?;
/// world.add_force(Box::new(Spring { stiffness: 100.0 }));
/// let ball = world.spawn(&BodyDesc::sphere(0.5).mass(1.0).at(DVec3::X))?;
/// world.step();
/// assert!(world.body(ball).expect("it was spawned").velocity.x < 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Force: fmt::Debug + Send + Sync {
    /// The force and torque on a body now. Called once per body and substep, for all bodies of all domains. What is not finite stops the body and counts as quarantined.
    fn act(&self, body: &Subject<'_>) -> Wrench;
}

/// A body as a force sees it, within a substep.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Identity.
    pub id: BodyId,
    /// What does not change.
    pub kind: &'a BodyKind,
    /// Centre of mass, m.
    pub position: DVec3,
    /// The tile that the centre was in at the start of the tick.
    pub tile: TileIndex,
    /// Centre of mass, m from that tile's centre.
    pub offset: Vec3,
    /// Orientation.
    pub orientation: Quat,
    /// Velocity, m/s.
    pub velocity: Vec3,
    /// Angular velocity, rad/s.
    pub angular_velocity: Vec3,
    /// The body's own force, in its own frame, N.
    pub thrust: Vec3,
    /// Ticks simulated before this one.
    pub tick: u64,
    /// Length of the substep, s.
    pub seconds: f32,
}

/// A force at the centre of mass and a torque, in world axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wrench {
    /// N.
    pub force: Vec3,
    /// N m.
    pub torque: Vec3,
}

impl Wrench {
    /// None.
    pub const ZERO: Self = Self {
        force: Vec3::ZERO,
        torque: Vec3::ZERO,
    };

    /// A force (N) at the centre of mass.
    pub const fn of_force(force: Vec3) -> Self {
        Self {
            force,
            torque: Vec3::ZERO,
        }
    }

    /// A force (N) at a point that lies at `arm` (m) from the centre of mass.
    pub fn at(force: Vec3, arm: Vec3) -> Self {
        Self {
            force,
            torque: arm.cross(force),
        }
    }
}
