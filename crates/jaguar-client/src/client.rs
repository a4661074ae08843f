//! The calls.

use futures_util::{Stream, StreamExt};
use jaguar_proto::v1;
use jaguar_proto::v1::world_client::WorldClient;

use crate::body::{Body, NewBody, Region, required, vector};
use crate::credentials::{Connection, Credentials};
use crate::error::ClientError;
use crate::frames::Frames;
use crate::joint::NewJoint;
use crate::status::Status;

/// Bodies in one message of [`Client::spawn_many`].
const BODIES_PER_MESSAGE: usize = 1_024;

/// A connection to a world through one of its pods. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    world: WorldClient<Connection>,
}

impl Client {
    /// Connects to a pod at `host:port`, without TLS.
    ///
    /// # Errors
    /// When nobody answers there.
    pub async fn connect(address: &str) -> Result<Self, ClientError> {
        Self::connect_with(address, &Credentials::default()).await
    }

    /// Connects to a pod at `host:port` with these credentials.
    ///
    /// # Errors
    /// As [`Credentials::connect`].
    pub async fn connect_with(address: &str, credentials: &Credentials) -> Result<Self, ClientError> {
        Ok(Self {
            world: WorldClient::new(credentials.connect(address).await?),
        })
    }

    /// Spawns a body and returns its id.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a field out of range, `RESOURCE_EXHAUSTED` when the world is full.
    pub async fn spawn(&mut self, body: NewBody) -> Result<u64, ClientError> {
        let request = v1::SpawnBodyRequest {
            body: Some(body.into()),
        };
        Ok(self.world.spawn_body(request).await?.into_inner().id)
    }

    /// Spawns a stream of bodies and returns their ids in the same order. Slows the stream down to what the world can take.
    ///
    /// # Errors
    /// As [`Client::spawn`]; the message says how many bodies were spawned before.
    pub async fn spawn_many(
        &mut self,
        bodies: impl Stream<Item = NewBody> + Send + 'static,
    ) -> Result<Vec<u64>, ClientError> {
        let requests = bodies.map(v1::BodyDescription::from).ready_chunks(BODIES_PER_MESSAGE);
        let requests = requests.map(|bodies| v1::SpawnBodiesRequest { bodies });
        let spawned = self.world.spawn_bodies(requests).await?.into_inner();
        Ok(spawned
            .ids
            .iter()
            .flat_map(|range| range.first..range.first + range.count)
            .collect())
    }

    /// Removes a body.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none with this id.
    pub async fn despawn(&mut self, id: u64) -> Result<(), ClientError> {
        self.world.despawn_body(v1::DespawnBodyRequest { id }).await?;
        Ok(())
    }

    /// Reads a body.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none with this id.
    pub async fn body(&mut self, id: u64) -> Result<Body, ClientError> {
        let response = self.world.get_body(v1::GetBodyRequest { id }).await?.into_inner();
        required(response.body, "body")?.try_into()
    }

    /// Reads all bodies of a region between two ticks, ascending by id.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a region that is none, `FAILED_PRECONDITION` when a part of the world is lost.
    pub async fn query(&mut self, region: Region) -> Result<Vec<Body>, ClientError> {
        let request = v1::QueryRegionRequest {
            region: Some(region.into()),
        };
        let mut messages = self.world.query_region(request).await?.into_inner();
        let mut bodies = Vec::new();
        while let Some(message) = messages.message().await? {
            for body in message.bodies {
                bodies.push(body.try_into()?);
            }
        }
        Ok(bodies)
    }

    /// Watches a region, at the world's `state_sync_interval_ms`.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub async fn watch(&mut self, region: Region) -> Result<Frames, ClientError> {
        let request = v1::WatchRegionRequest {
            region: Some(region.into()),
            interval_ms: 0,
        };
        Ok(Frames::new(self.world.watch_region(request).await?.into_inner()))
    }

    /// Changes a body's momentum by an impulse at its centre, kg m/s.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none with this id, `INVALID_ARGUMENT` when the impulse is not finite.
    pub async fn apply_impulse(&mut self, id: u64, impulse: [f32; 3]) -> Result<(), ClientError> {
        let request = v1::ApplyImpulseRequest {
            id,
            impulse: Some(vector(impulse)),
        };
        self.world.apply_impulse(request).await?;
        Ok(())
    }

    /// Sets a body's velocity (m/s) and angular velocity (rad/s).
    ///
    /// # Errors
    /// As [`Client::apply_impulse`].
    pub async fn set_velocity(
        &mut self,
        id: u64,
        velocity: [f32; 3],
        angular_velocity: [f32; 3],
    ) -> Result<(), ClientError> {
        let request = v1::SetVelocityRequest {
            id,
            velocity: Some(vector(velocity)),
            angular_velocity: Some(vector(angular_velocity)),
        };
        self.world.set_velocity(request).await?;
        Ok(())
    }

    /// Sets the force that a body exerts on itself (N, in its own frame), until it is set again.
    ///
    /// # Errors
    /// As [`Client::apply_impulse`]; each component is within ±10^12 N.
    pub async fn set_thrust(&mut self, id: u64, thrust: [f32; 3]) -> Result<(), ClientError> {
        let request = v1::SetThrustRequest {
            id,
            thrust: Some(vector(thrust)),
        };
        self.world.set_thrust(request).await?;
        Ok(())
    }

    /// Joins two bodies, or a body and a point of the world, and returns the joint's id.
    ///
    /// # Errors
    /// `NOT_FOUND` when one of the bodies does not exist, `FAILED_PRECONDITION` when they are further apart than the joint reaches, `INVALID_ARGUMENT` for a field out of range,
    /// `RESOURCE_EXHAUSTED` when the world holds as many joints as it may.
    pub async fn add_joint(&mut self, joint: NewJoint) -> Result<u64, ClientError> {
        let request = v1::AddJointRequest {
            joint: Some(joint.into()),
        };
        Ok(self.world.add_joint(request).await?.into_inner().id)
    }

    /// Removes a joint.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none with this id: it was removed, has broken, or lost a body.
    pub async fn remove_joint(&mut self, id: u64) -> Result<(), ClientError> {
        self.world.remove_joint(v1::RemoveJointRequest { id }).await?;
        Ok(())
    }

    /// Reads how the world is doing.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the pod is not a member.
    pub async fn status(&mut self) -> Result<Status, ClientError> {
        Ok(self
            .world
            .get_status(v1::GetStatusRequest {})
            .await?
            .into_inner()
            .into())
    }

    /// Stops the world from advancing.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when it has halted.
    pub async fn pause(&mut self) -> Result<(), ClientError> {
        self.world.pause(v1::PauseRequest {}).await?;
        Ok(())
    }

    /// Lets the world advance at its rate.
    ///
    /// # Errors
    /// As [`Client::pause`].
    pub async fn resume(&mut self) -> Result<(), ClientError> {
        self.world.resume(v1::ResumeRequest {}).await?;
        Ok(())
    }

    /// Advances the world by some ticks, then pauses it; returns the tick at which it stands.
    ///
    /// # Errors
    /// As [`Client::pause`].
    pub async fn step(&mut self, ticks: u32) -> Result<u64, ClientError> {
        Ok(self.world.step(v1::StepRequest { ticks }).await?.into_inner().tick)
    }

    /// Advances the world to a tick, then pauses it; returns the tick at which it stands.
    ///
    /// # Errors
    /// As [`Client::pause`].
    pub async fn run_to(&mut self, tick: u64) -> Result<u64, ClientError> {
        Ok(self.world.run_to(v1::RunToRequest { tick }).await?.into_inner().tick)
    }
}
