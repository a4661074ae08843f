//! The states of all bodies as slices, one for each column, as they lie in memory: for renderers and other readers of everything.

use glam::{DVec3, Quat, Vec3};

use crate::body::BodyId;
pub use crate::storage::{Motion, Place};
use crate::tile;
use crate::world::World;

/// The columns of the held bodies. Index i is the same body in all of them. Neighbours in space mostly follow each other; the order differs between pods and changes with every tick.
#[derive(Clone, Copy, Debug)]
pub struct States<'a> {
    /// Identities.
    pub ids: &'a [BodyId],
    /// Centres of mass.
    pub places: &'a [Place],
    /// Unit quaternions, x y z w.
    pub orientations: &'a [[f32; 4]],
    /// Velocities.
    pub motions: &'a [Motion],
    tile_size: f32,
}

impl States<'_> {
    /// Centre of mass of body number i, m.
    ///
    /// # Panics
    /// When there is no such number.
    pub fn position(&self, i: usize) -> DVec3 {
        let place = self.places[i];
        tile::join(place.tile, place.offset, self.tile_size)
    }

    /// Orientation of body number i.
    ///
    /// # Panics
    /// When there is no such number.
    pub fn orientation(&self, i: usize) -> Quat {
        Quat::from_array(self.orientations[i])
    }

    /// Velocity of body number i, m/s.
    ///
    /// # Panics
    /// When there is no such number.
    pub fn velocity(&self, i: usize) -> Vec3 {
        self.motions[i].velocity()
    }
}

impl World {
    /// The states of all held bodies as slices, without copying.
    ///
    /// ```
    /// use jaguar_core::scenes;
    ///
    /// let mut world = scenes::pile(100, 1).world()?;
    /// world.step();
    /// let states = world.states();
    /// let fastest = states.motions.iter().map(|motion| motion.velocity().length()).fold(0.0, f32::max);
    /// let lowest = (0..states.ids.len()).map(|i| states.position(i).y).fold(f64::INFINITY, f64::min);
    /// assert!(fastest > 0.0 && lowest > 0.0);
    /// # Ok::<(), jaguar_core::error::WorldError>(())
    /// ```
    pub fn states(&self) -> States<'_> {
        let (held, columns) = (self.len(), self.bodies.columns());
        States {
            ids: &columns.id[..held],
            places: &columns.place[..held],
            orientations: &columns.orientation[..held],
            motions: &columns.motion[..held],
            tile_size: self.params().tile_size,
        }
    }
}
