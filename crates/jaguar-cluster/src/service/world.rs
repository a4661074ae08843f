//! The public service of a world.

use std::sync::Arc;

use jaguar_core::{BodyId, JointId};
use jaguar_metrics::{CommandKind, Metrics, Outcome};
use jaguar_migration::command::{Command, Reply};
use jaguar_migration::id::Tick;
use jaguar_proto::v1;
use jaguar_proto::v1::world_server::World;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Answers;
use super::spawn_stream::SpawnStream;
use super::watcher::Watcher;
use crate::convert;
use crate::limits::{BODIES_PER_MESSAGE, STEP_TICKS, WATCH_INTERVAL_LONGEST};
use crate::query::Question;
use crate::reader::Reader;
use crate::simulation::Simulation;
use crate::tuning::Frames;

/// Serves the whole world through one pod.
#[derive(Clone)]
pub struct WorldService {
    simulation: Simulation,
    reader: Reader,
    frames: watch::Receiver<Frames>,
    metrics: Arc<Metrics>,
}

impl WorldService {
    /// Serves the world that this pod is a part of. `frames` are the settings of watches, which may change.
    pub fn new(simulation: Simulation, reader: Reader, frames: watch::Receiver<Frames>, metrics: Arc<Metrics>) -> Self {
        Self {
            simulation,
            reader,
            frames,
            metrics,
        }
    }

    /// Carries a command out and counts what became of it.
    async fn command(&self, kind: CommandKind, command: Command) -> Result<Reply, Status> {
        let reply = self.simulation.command(command).await;
        let outcome = match reply {
            Ok(Reply::Spawned { .. } | Reply::Joined { .. } | Reply::Done { .. }) => Outcome::Accepted,
            _ => Outcome::Refused,
        };
        self.metrics.commands(kind, outcome).increment(1);
        Ok(reply?)
    }

    async fn tick_of(&self, kind: CommandKind, command: Command) -> Result<u64, Status> {
        Ok(convert::accepted(self.command(kind, command).await?)?.0)
    }

    /// Counts a request that is refused before it becomes a command.
    fn checked<T>(&self, kind: CommandKind, checked: Result<T, convert::InvalidField>) -> Result<T, Status> {
        checked.map_err(|error| {
            self.metrics.commands(kind, Outcome::Refused).increment(1);
            error.into()
        })
    }

    /// An answer that the client may have compressed, if the configuration says so.
    fn answer<T>(&self, answers: Answers<T>) -> Response<Answers<T>> {
        let mut response = Response::new(answers);
        if !self.frames.borrow().compress {
            response.disable_compression();
        }
        response
    }
}

#[tonic::async_trait]
impl World for WorldService {
    async fn spawn_body(
        &self,
        request: Request<v1::SpawnBodyRequest>,
    ) -> Result<Response<v1::SpawnBodyResponse>, Status> {
        let world = self.simulation.empty_world()?;
        let body = convert::required_body(request.into_inner().body.as_ref(), world);
        let body = self.checked(CommandKind::Spawn, body)?;
        let reply = self.command(CommandKind::Spawn, Command::Spawn(vec![body])).await?;
        let (ids, tick) = convert::spawned(reply)?;
        Ok(Response::new(v1::SpawnBodyResponse {
            id: ids.first,
            tick: tick.0,
        }))
    }

    async fn spawn_bodies(
        &self,
        request: Request<Streaming<v1::SpawnBodiesRequest>>,
    ) -> Result<Response<v1::SpawnBodiesResponse>, Status> {
        let spawned = SpawnStream::new(request.into_inner(), self.simulation.empty_world()?)
            .run(|bodies| async {
                let reply = self.command(CommandKind::Spawn, Command::Spawn(bodies)).await?;
                convert::spawned(reply)
            })
            .await?;
        Ok(Response::new(spawned))
    }

    async fn despawn_body(
        &self,
        request: Request<v1::DespawnBodyRequest>,
    ) -> Result<Response<v1::DespawnBodyResponse>, Status> {
        let id = BodyId(request.into_inner().id);
        let tick = self.tick_of(CommandKind::Despawn, Command::Despawn(id)).await?;
        Ok(Response::new(v1::DespawnBodyResponse { tick }))
    }

    async fn get_body(&self, request: Request<v1::GetBodyRequest>) -> Result<Response<v1::GetBodyResponse>, Status> {
        let (body, tick, pod) = self.reader.body(BodyId(request.into_inner().id)).await?;
        Ok(Response::new(v1::GetBodyResponse {
            body: Some(body),
            tick: tick.0,
            pod: pod.0,
        }))
    }

    type QueryRegionStream = Answers<v1::QueryRegionResponse>;

    async fn query_region(
        &self,
        request: Request<v1::QueryRegionRequest>,
    ) -> Result<Response<Self::QueryRegionStream>, Status> {
        let region = convert::region(request.into_inner().region.as_ref())?;
        let cut = self.reader.read(&Question::Region(region)).await?;
        let tick = cut.tick.0;
        let count = cut.bodies.len().div_ceil(BODIES_PER_MESSAGE).max(1);
        let mut bodies = cut.bodies.into_iter();
        let chunks = (0..count).map(move |_| {
            let bodies = bodies.by_ref().take(BODIES_PER_MESSAGE).collect();
            Ok(v1::QueryRegionResponse { tick, bodies })
        });
        Ok(self.answer(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn cast_ray(&self, request: Request<v1::CastRayRequest>) -> Result<Response<v1::CastRayResponse>, Status> {
        let tile_size = self.simulation.definition()?.params.tile_size;
        let ray = convert::ray(&request.into_inner(), "", tile_size)?;
        let cut = self.reader.read(&Question::Rays(vec![ray])).await?;
        Ok(Response::new(v1::CastRayResponse {
            hit: cut.rays.first().and_then(|answer| answer.hit),
            tick: cut.tick.0,
        }))
    }

    async fn cast_rays(&self, request: Request<v1::CastRaysRequest>) -> Result<Response<v1::CastRaysResponse>, Status> {
        let tile_size = self.simulation.definition()?.params.tile_size;
        let rays = convert::rays(&request.into_inner(), tile_size)?;
        let cut = self.reader.read(&Question::Rays(rays)).await?;
        Ok(Response::new(v1::CastRaysResponse {
            answers: cut.rays,
            tick: cut.tick.0,
        }))
    }

    type WatchRegionStream = Answers<v1::WatchRegionResponse>;

    async fn watch_region(
        &self,
        request: Request<v1::WatchRegionRequest>,
    ) -> Result<Response<Self::WatchRegionStream>, Status> {
        let request = request.into_inner();
        let region = convert::region(request.region.as_ref())?;
        let longest = WATCH_INTERVAL_LONGEST.as_millis();
        if u128::from(request.interval_ms) > longest {
            return Err(Status::invalid_argument(format!(
                "interval_ms: {} is outside 0 to {longest} ms",
                request.interval_ms
            )));
        }
        self.simulation.definition()?;
        let watcher = Watcher::new(
            self.simulation.clone(),
            self.reader.clone(),
            region,
            request.interval_ms,
            self.frames.clone(),
            self.metrics.clone(),
        );
        // One message waits at most, so that a slow client gets fewer frames and never old ones.
        let (client, frames) = mpsc::channel(1);
        tokio::spawn(watcher.run(client));
        Ok(self.answer(Box::pin(ReceiverStream::new(frames))))
    }

    async fn apply_impulse(
        &self,
        request: Request<v1::ApplyImpulseRequest>,
    ) -> Result<Response<v1::ApplyImpulseResponse>, Status> {
        let request = request.into_inner();
        let impulse = convert::required_vector(request.impulse.as_ref(), "impulse");
        let impulse = self.checked(CommandKind::Impulse, impulse)?;
        let command = Command::ApplyImpulse {
            id: BodyId(request.id),
            impulse,
        };
        let tick = self.tick_of(CommandKind::Impulse, command).await?;
        Ok(Response::new(v1::ApplyImpulseResponse { tick }))
    }

    async fn set_velocity(
        &self,
        request: Request<v1::SetVelocityRequest>,
    ) -> Result<Response<v1::SetVelocityResponse>, Status> {
        let request = request.into_inner();
        let velocity = convert::required_vector(request.velocity.as_ref(), "velocity");
        let angular_velocity = convert::vector_or_zero(request.angular_velocity.as_ref(), "angular_velocity");
        let command = Command::SetVelocity {
            id: BodyId(request.id),
            velocity: self.checked(CommandKind::Velocity, velocity)?,
            angular_velocity: self.checked(CommandKind::Velocity, angular_velocity)?,
        };
        let tick = self.tick_of(CommandKind::Velocity, command).await?;
        Ok(Response::new(v1::SetVelocityResponse { tick }))
    }

    async fn set_thrust(
        &self,
        request: Request<v1::SetThrustRequest>,
    ) -> Result<Response<v1::SetThrustResponse>, Status> {
        let request = request.into_inner();
        let thrust = convert::required_thrust(request.thrust.as_ref());
        let command = Command::SetThrust {
            id: BodyId(request.id),
            thrust: self.checked(CommandKind::Thrust, thrust)?,
        };
        let tick = self.tick_of(CommandKind::Thrust, command).await?;
        Ok(Response::new(v1::SetThrustResponse { tick }))
    }

    async fn add_joint(&self, request: Request<v1::AddJointRequest>) -> Result<Response<v1::AddJointResponse>, Status> {
        let world = self.simulation.empty_world()?;
        let joint = convert::required_joint(request.into_inner().joint.as_ref(), world);
        let joint = self.checked(CommandKind::Join, joint)?;
        let reply = self.command(CommandKind::Join, Command::Join(joint.clone())).await?;
        let (id, tick) = convert::joined(reply, &joint)?;
        Ok(Response::new(v1::AddJointResponse { id: id.0, tick: tick.0 }))
    }

    async fn remove_joint(
        &self,
        request: Request<v1::RemoveJointRequest>,
    ) -> Result<Response<v1::RemoveJointResponse>, Status> {
        let command = Command::Unjoin(JointId(request.into_inner().id));
        let tick = self.tick_of(CommandKind::Unjoin, command).await?;
        Ok(Response::new(v1::RemoveJointResponse { tick }))
    }

    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Result<Response<v1::GetStatusResponse>, Status> {
        let definition = self.simulation.definition()?;
        let answer = self.simulation.status().await?;
        Ok(Response::new(convert::status(&answer, &definition.params)))
    }

    async fn pause(&self, _: Request<v1::PauseRequest>) -> Result<Response<v1::PauseResponse>, Status> {
        let tick = self.tick_of(CommandKind::Pace, Command::Pause).await?;
        Ok(Response::new(v1::PauseResponse { tick }))
    }

    async fn resume(&self, _: Request<v1::ResumeRequest>) -> Result<Response<v1::ResumeResponse>, Status> {
        let tick = self.tick_of(CommandKind::Pace, Command::Resume).await?;
        Ok(Response::new(v1::ResumeResponse { tick }))
    }

    async fn step(&self, request: Request<v1::StepRequest>) -> Result<Response<v1::StepResponse>, Status> {
        let ticks = request.into_inner().ticks;
        if !(1..=STEP_TICKS).contains(&ticks) {
            return Err(Status::invalid_argument(format!(
                "ticks: {ticks} is outside 1 to {STEP_TICKS}"
            )));
        }
        let tick = self.tick_of(CommandKind::Pace, Command::Step(ticks)).await?;
        Ok(Response::new(v1::StepResponse { tick }))
    }

    async fn run_to(&self, request: Request<v1::RunToRequest>) -> Result<Response<v1::RunToResponse>, Status> {
        let command = Command::RunTo(Tick(request.into_inner().tick));
        let tick = self.tick_of(CommandKind::Pace, command).await?;
        Ok(Response::new(v1::RunToResponse { tick }))
    }
}
