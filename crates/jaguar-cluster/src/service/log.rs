//! The log for observers.

use jaguar_migration::envelope;
use jaguar_migration::id::LogIndex;
use jaguar_proto::v1;
use jaguar_proto::v1::log_server::Log;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::Answers;
use crate::convert;
use crate::limits::BODIES_PER_MESSAGE;
use crate::reader::Reader;
use crate::simulation::Simulation;

/// Messages of a log stream that wait for a slow client.
const MESSAGES_WAITING: usize = 64;

/// Serves one pod's copy of the log.
#[derive(Clone, Debug)]
pub struct LogService {
    simulation: Simulation,
    reader: Reader,
}

impl LogService {
    /// Serves this simulation's log; the reader asks the whole world.
    pub fn new(simulation: Simulation, reader: Reader) -> Self {
        Self { simulation, reader }
    }
}

#[tonic::async_trait]
impl Log for LogService {
    type StreamLogStream = Answers<v1::StreamLogResponse>;

    async fn stream_log(
        &self,
        request: Request<v1::StreamLogRequest>,
    ) -> Result<Response<Self::StreamLogStream>, Status> {
        let request = request.into_inner();
        let content = v1::LogContent::try_from(request.content)
            .map_err(|_| Status::invalid_argument(format!("content: {} is not a LogContent", request.content)))?;
        let from = LogIndex(request.from_index.max(1));
        let follower = Follower {
            simulation: self.simulation.clone(),
            next_entry: (content != v1::LogContent::Summaries).then_some(from),
            next_summary: (content != v1::LogContent::Entries).then_some(from),
        };
        follower.check_beginning(from).await?;
        let (sender, receiver) = mpsc::channel(MESSAGES_WAITING);
        tokio::spawn(follower.follow(sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_definition(
        &self,
        _: Request<v1::GetDefinitionRequest>,
    ) -> Result<Response<v1::GetDefinitionResponse>, Status> {
        let definition = envelope::seal(&**self.simulation.definition()?);
        Ok(Response::new(v1::GetDefinitionResponse { definition }))
    }

    type GetBodiesAtStream = Answers<v1::GetBodiesAtResponse>;

    async fn get_bodies_at(
        &self,
        request: Request<v1::GetBodiesAtRequest>,
    ) -> Result<Response<Self::GetBodiesAtStream>, Status> {
        let mut bodies = self.reader.history(LogIndex(request.into_inner().index)).await?;
        let chunks = std::iter::from_fn(move || {
            let rest = bodies.split_off(bodies.len().min(BODIES_PER_MESSAGE));
            let chunk = std::mem::replace(&mut bodies, rest);
            (!chunk.is_empty()).then_some(Ok(v1::GetBodiesAtResponse { bodies: chunk }))
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }
}

/// One client's place in the log.
struct Follower {
    simulation: Simulation,
    /// The next entry to send; none when the client wants no entries.
    next_entry: Option<LogIndex>,
    /// The next summary to send; none when the client wants no summaries.
    next_summary: Option<LogIndex>,
}

impl Follower {
    /// The log of a pod begins where it joined, or where its memory ends.
    async fn check_beginning(&self, from: LogIndex) -> Result<(), Status> {
        let items = self.simulation.log(Some(from), None).await?;
        let first = items.entries.first().map_or(from, |entry| entry.index);
        if first > from {
            return Err(Status::out_of_range(format!(
                "from_index: this pod's log begins at {}, after {}; ask a pod that was there before",
                first.0, from.0
            )));
        }
        Ok(())
    }

    /// Sends what is there and what comes, until the client or the pod is gone.
    async fn follow(mut self, client: mpsc::Sender<Result<v1::StreamLogResponse, Status>>) {
        let mut progress = self.simulation.progress();
        loop {
            progress.borrow_and_update();
            let sent = match self.send_new(&client).await {
                Ok(sent) => sent,
                Err(status) => {
                    // The client may have gone first.
                    drop(client.send(Err(status)).await);
                    return;
                }
            };
            match sent {
                None => return,
                Some(0) => tokio::select! {
                    // Fails when the simulation thread has ended; then so does the next fetch, and the client is told.
                    _ = progress.changed() => {}
                    () = client.closed() => return,
                },
                Some(_) => {}
            }
        }
    }

    /// Sends one fetch; says how many messages that were, or nothing when the client is gone.
    async fn send_new(
        &mut self,
        client: &mpsc::Sender<Result<v1::StreamLogResponse, Status>>,
    ) -> Result<Option<usize>, Status> {
        let mut messages = Vec::new();
        let items = self.simulation.log(self.next_entry, self.next_summary).await?;
        for entry in items.entries {
            expect_next(entry.index, &mut self.next_entry)?;
            messages.push(convert::entry_item(&entry));
        }
        for summary in items.summaries {
            // A summary comes after its entry, which may not have fitted into this fetch.
            if self.next_entry.is_some_and(|next| next <= summary.index) {
                break;
            }
            expect_next(summary.index, &mut self.next_summary)?;
            messages.push(convert::summary_item(&summary));
        }
        let count = messages.len();
        for message in messages {
            if client.send(Ok(message)).await.is_err() {
                return Ok(None);
            }
        }
        Ok(Some(count))
    }
}

/// Moves on to what follows `found`. A client that is slower than the log is long has lost its place.
fn expect_next(found: LogIndex, next: &mut Option<LogIndex>) -> Result<(), Status> {
    match next.replace(found.next()) {
        Some(expected) if expected != found => Err(Status::out_of_range(format!(
            "the log goes on at {found}; {expected} is not kept here any more"
        ))),
        _ => Ok(()),
    }
}
