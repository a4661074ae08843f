//! What can be done to a world between two ticks, as plain values: for logs, replays and networks.

use glam::Vec3;
use thiserror::Error;

use crate::body::{BodyDesc, BodyId};
use crate::error::SpawnError;
use crate::joint::{JointDesc, JointError, JointId};
use crate::world::World;

/// One change.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Command {
    /// Adds a body with the next id.
    Spawn(BodyDesc),
    /// Removes a body.
    Despawn(BodyId),
    /// Changes a body's velocity by an impulse (kg m/s) at its centre.
    Impulse {
        /// The body.
        id: BodyId,
        /// kg m/s.
        impulse: Vec3,
    },
    /// Sets a body's velocities.
    Velocity {
        /// The body.
        id: BodyId,
        /// m/s.
        velocity: Vec3,
        /// rad/s.
        angular_velocity: Vec3,
    },
    /// Sets the force that a body exerts on itself, in its own frame.
    Thrust {
        /// The body.
        id: BodyId,
        /// N.
        thrust: Vec3,
    },
    /// Joins two bodies, or a body and the world, with the next id.
    Join(JointDesc),
    /// Removes a joint.
    Unjoin(JointId),
}

/// What a command made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// A body.
    Body(BodyId),
    /// A joint.
    Joint(JointId),
}

/// Why a command did nothing.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CommandError {
    /// The body to spawn is not valid; the caller must correct it.
    #[error("{0}")]
    Spawn(#[from] SpawnError),
    /// The body is not there, or a number is not finite or out of its range; the caller must name a body that is held and finite numbers.
    #[error("body {} is not held here, or a number of the command is not finite or out of its range", .0.0)]
    Refused(BodyId),
    /// The joint is not valid, or a body of it is not there; the caller must correct it.
    #[error("{0}")]
    Join(#[from] JointError),
    /// The joint is not there; it was removed, has broken, or lost a body.
    #[error("joint {} is not held here", .0.0)]
    NoJoint(JointId),
}

impl World {
    /// Applies commands in their order, then simulates a tick. Returns, for each command, what it made or changed, or why it did nothing; one that is refused does not stop the others.
    ///
    /// ```
    /// use glam::{DVec3, Vec3};
    /// use jaguar_core::{BodyDesc, Command, Done, World, WorldConfig};
    ///
    /// let mut world = World::new(WorldConfig::default())?;
    /// let done = world.step_with(&[Command::Spawn(BodyDesc::sphere(0.5).at(DVec3::Y))]);
    /// let Ok(Done::Body(ball)) = done[0] else { panic!("it is a valid body") };
    /// world.step_with(&[Command::Velocity { id: ball, velocity: Vec3::X, angular_velocity: Vec3::ZERO }]);
    /// assert_eq!(world.body(ball).expect("it is held").velocity.x, 1.0);
    /// # Ok::<(), jaguar_core::error::WorldError>(())
    /// ```
    pub fn step_with(&mut self, commands: &[Command]) -> Vec<Result<Done, CommandError>> {
        let done = commands.iter().map(|command| self.apply(command)).collect();
        self.step();
        done
    }

    /// Applies one command and returns what it made or changed.
    pub fn apply(&mut self, command: &Command) -> Result<Done, CommandError> {
        let (id, found) = match *command {
            Command::Spawn(ref body) => return Ok(Done::Body(self.spawn(body)?)),
            Command::Despawn(id) => (id, self.despawn(id)),
            Command::Impulse { id, impulse } => (id, self.apply_impulse(id, impulse)),
            Command::Velocity {
                id,
                velocity,
                angular_velocity,
            } => (id, self.set_velocity(id, velocity, angular_velocity)),
            Command::Thrust { id, thrust } => (id, self.set_thrust(id, thrust)),
            Command::Join(ref joint) => return Ok(Done::Joint(self.join(joint)?)),
            Command::Unjoin(id) => {
                return self
                    .unjoin(id)
                    .then_some(Done::Joint(id))
                    .ok_or(CommandError::NoJoint(id));
            }
        };
        if found {
            Ok(Done::Body(id))
        } else {
            Err(CommandError::Refused(id))
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::DVec3;

    use super::*;
    use crate::config::WorldConfig;
    use crate::joint::JointKind;

    /// A world stepped with commands is the one that was changed by hand, and what is refused changes nothing.
    #[test]
    fn commands_do_what_the_functions_of_their_names_do() {
        let config = WorldConfig::default;
        let (mut with, mut by_hand) = (World::new(config()).unwrap(), World::new(config()).unwrap());
        let rope = JointDesc::to_world(BodyId(0), DVec3::Y, JointKind::Ball);
        let ball = |x: f64| BodyDesc::sphere(0.5).at(DVec3::X * x);
        let done = with.step_with(&[
            Command::Spawn(ball(0.0)),
            Command::Spawn(BodyDesc::sphere(-1.0)),
            Command::Spawn(ball(4.0)),
        ]);
        assert_eq!(done[0], Ok(Done::Body(BodyId(0))));
        assert!(matches!(done[1], Err(CommandError::Spawn(_))));
        assert_eq!(done[2], Ok(Done::Body(BodyId(1))));
        let done = with.step_with(&[
            Command::Impulse {
                id: BodyId(0),
                impulse: Vec3::X * 100.0,
            },
            Command::Despawn(BodyId(1)),
            Command::Despawn(BodyId(1)),
            Command::Thrust {
                id: BodyId(0),
                thrust: Vec3::Y,
            },
            Command::Join(rope.clone()),
            Command::Unjoin(JointId(2)),
            Command::Unjoin(JointId(2)),
            Command::Join(rope.clone()),
        ]);
        assert_eq!(done[2], Err(CommandError::Refused(BodyId(1))));
        assert_eq!(done[5], Ok(Done::Joint(JointId(2))));
        assert_eq!(done[6], Err(CommandError::NoJoint(JointId(2))));

        by_hand.spawn(&ball(0.0)).unwrap();
        by_hand.spawn(&ball(4.0)).unwrap();
        by_hand.step();
        by_hand.apply_impulse(BodyId(0), Vec3::X * 100.0);
        by_hand.despawn(BodyId(1));
        by_hand.set_thrust(BodyId(0), Vec3::Y);
        let first = by_hand.join(&rope).unwrap();
        by_hand.unjoin(first);
        by_hand.join(&rope).unwrap();
        by_hand.step();
        assert_eq!(with.hash(), by_hand.hash());
    }
}
