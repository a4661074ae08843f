//! What a pod serves to its peers.

use jaguar_core::BodyId;
use jaguar_migration::id::LogIndex;
use jaguar_proto::v1;
use jaguar_proto::v1::join_response::Answer;
use jaguar_proto::v1::peer_server::Peer;
use jaguar_proto::v1::read_local_request::What;
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

use super::Answers;
use crate::convert;
use crate::limits::{BODIES_PER_MESSAGE, NAME_BYTES, READ_WAIT};
use crate::query::Question;
use crate::simulation::{JoinAnswer, Simulation, Stage, Unanswered};

/// Serves one pod's simulation to the other pods.
#[derive(Clone, Debug)]
pub struct PeerService {
    simulation: Simulation,
}

impl PeerService {
    /// Serves this simulation.
    pub fn new(simulation: Simulation) -> Self {
        Self { simulation }
    }

    fn stage(&self) -> Stage {
        self.simulation.stage().borrow().clone()
    }
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn packets(
        &self,
        request: Request<Streaming<v1::PacketsRequest>>,
    ) -> Result<Response<v1::PacketsResponse>, Status> {
        let mut batches = request.into_inner();
        while let Some(batch) = batches.message().await? {
            for packet in batch.packets {
                self.simulation.packet(packet);
            }
        }
        Ok(Response::new(v1::PacketsResponse {}))
    }

    /// Whoever asks founds a world of its own if nobody is a member of one, so the answers are told apart.
    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::JoinResponse>, Status> {
        let v1::JoinRequest { name, address } = request.into_inner();
        for (field, value) in [("name", &name), ("address", &address)] {
            if value.is_empty() || value.len() > NAME_BYTES {
                return Err(Status::invalid_argument(format!(
                    "{field}: {} bytes; 1 to {NAME_BYTES} are allowed",
                    value.len()
                )));
            }
        }
        let answered = match self.stage() {
            Stage::Starting | Stage::Left => Err(Unanswered::Starting),
            Stage::Halted(reason) => {
                let reason = format!("the world of this pod has halted: {reason}");
                return Err(Status::failed_precondition(reason));
            }
            Stage::Serving | Stage::Draining => self.simulation.join(name, address).await,
        };
        let answer = match answered.map_err(refused)? {
            JoinAnswer::Welcome(bytes) => Answer::Welcome(bytes),
            JoinAnswer::Redirect(address) => Answer::Redirect(address),
            JoinAnswer::Refused(reason) => Answer::Refused(reason),
        };
        Ok(Response::new(v1::JoinResponse { answer: Some(answer) }))
    }

    type ReadLocalStream = Answers<v1::ReadLocalResponse>;

    async fn read_local(
        &self,
        request: Request<v1::ReadLocalRequest>,
    ) -> Result<Response<Self::ReadLocalStream>, Status> {
        let v1::ReadLocalRequest { index, what } = request.into_inner();
        let definition = self.simulation.definition()?;
        let question = match what {
            Some(What::Id(id)) => Question::Body(BodyId(id)),
            Some(What::Region(region)) => Question::Region(convert::region(Some(&region))?),
            Some(What::Rays(rays)) => Question::Rays(convert::rays(&rays, definition.params.tile_size)?),
            None => {
                return Err(Status::invalid_argument(
                    "what: is missing; one of id, region and rays is required",
                ));
            }
        };
        let read = self.simulation.read_at(LogIndex(index), question);
        let cut = timeout(READ_WAIT, read)
            .await
            .map_err(|_| Status::unavailable(format!("entry {index} was not executed here within {READ_WAIT:?}")))??;
        let first = v1::ReadLocalResponse {
            bodies: Vec::new(),
            rays: convert::ray_answers(&cut.found.hits),
        };
        let bodies = cut.found.bodies;
        // A message at a time is converted while the one before it is sent, so that a large answer needs no second copy.
        let chunks = (0..bodies.len()).step_by(BODIES_PER_MESSAGE).map(move |start| {
            let end = bodies.len().min(start + BODIES_PER_MESSAGE);
            v1::ReadLocalResponse {
                bodies: bodies[start..end].iter().map(convert::body).collect(),
                rays: Vec::new(),
            }
        });
        let answers = rays_first(first).chain(chunks).map(Ok);
        Ok(Response::new(Box::pin(tokio_stream::iter(answers))))
    }

    type ReadHistoryStream = Answers<v1::ReadHistoryResponse>;

    async fn read_history(
        &self,
        request: Request<v1::ReadHistoryRequest>,
    ) -> Result<Response<Self::ReadHistoryStream>, Status> {
        let records = self.simulation.history(LogIndex(request.into_inner().index)).await?;
        let chunks = (0..records.len()).step_by(BODIES_PER_MESSAGE).map(move |start| {
            let end = records.len().min(start + BODIES_PER_MESSAGE);
            Ok(v1::ReadHistoryResponse {
                bodies: records[start..end].iter().map(convert::body_state).collect(),
            })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }
}

/// Busy is said by a member, the others by pods that are none.
fn refused(error: Unanswered) -> Status {
    match error {
        Unanswered::Busy => Status::resource_exhausted(error.to_string()),
        Unanswered::Starting | Unanswered::Gone => error.into(),
    }
}

/// The message with what came of rays, if there were any.
fn rays_first(first: v1::ReadLocalResponse) -> impl Iterator<Item = v1::ReadLocalResponse> {
    Some(first).filter(|first| !first.rays.is_empty()).into_iter()
}
