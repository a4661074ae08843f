//! A client's stream of bodies, as spawn commands of a bounded size, one at a time.
//!
//! While a command waits for its place in the log, the next bodies are read and checked: one batch is on its way and one is being filled, and further than that the
//! client has to wait (HTTP/2 flow control carries that back to it).

use std::future::Future;

use jaguar_core::{BodyDesc, World};
use jaguar_migration::id::Tick;
use jaguar_proto::v1;
use tonic::{Status, Streaming};

use crate::convert;
use crate::limits::BODIES_PER_COMMAND;

/// The ids that a command gave, and the tick before which its bodies were placed.
type Batch = (v1::IdRange, Tick);

/// A stream of bodies that are to be spawned.
pub(super) struct SpawnStream<'a> {
    requests: Streaming<v1::SpawnBodiesRequest>,
    /// Judges what may be spawned.
    world: &'a World,
    /// Bodies of the whole stream so far, for the paths in messages.
    taken: usize,
    /// Checked, and not yet in a command.
    waiting: Vec<BodyDesc>,
    spawned: v1::SpawnBodiesResponse,
}

impl<'a> SpawnStream<'a> {
    pub(super) fn new(requests: Streaming<v1::SpawnBodiesRequest>, world: &'a World) -> Self {
        Self {
            requests,
            world,
            taken: 0,
            waiting: Vec::new(),
            spawned: v1::SpawnBodiesResponse::default(),
        }
    }

    /// Spawns everything in order, with `spawn` for each batch.
    pub(super) async fn run<F>(mut self, spawn: impl Fn(Vec<BodyDesc>) -> F) -> Result<v1::SpawnBodiesResponse, Status>
    where
        F: Future<Output = Result<Batch, Status>>,
    {
        let mut ended = false;
        while !(ended && self.waiting.is_empty()) {
            if self.waiting.is_empty() {
                ended = self.take().await.map_err(|refusal| self.explain(&refusal))?;
                continue;
            }
            let rest = self.waiting.split_off(self.waiting.len().min(BODIES_PER_COMMAND));
            let batch = std::mem::replace(&mut self.waiting, rest);
            let mut on_its_way = std::pin::pin!(spawn(batch));
            let batch = loop {
                if ended || self.waiting.len() >= BODIES_PER_COMMAND {
                    break on_its_way.await;
                }
                tokio::select! {
                    biased;
                    batch = &mut on_its_way => break batch,
                    taken = self.take() => match taken {
                        Ok(is_end) => ended = is_end,
                        // What is on its way will exist, so the message must count it.
                        Err(refusal) => {
                            self.count(on_its_way.await.map_err(|error| self.explain(&error))?);
                            return Err(self.explain(&refusal));
                        }
                    },
                }
            };
            let batch = batch.map_err(|error| self.explain(&error))?;
            self.count(batch);
        }
        Ok(self.spawned)
    }

    /// Takes one message of the stream and checks its bodies. True at the stream's end.
    async fn take(&mut self) -> Result<bool, Status> {
        let Some(request) = self.requests.message().await? else {
            return Ok(true);
        };
        for body in &request.bodies {
            let path = format!("bodies[{}]", self.taken);
            self.waiting.push(convert::description(body, &path, self.world)?);
            self.taken += 1;
        }
        Ok(false)
    }

    fn count(&mut self, (ids, tick): Batch) {
        self.spawned.count += ids.count;
        self.spawned.tick = tick.0;
        match self.spawned.ids.last_mut() {
            Some(last) if last.first + last.count == ids.first => last.count += ids.count,
            _ => self.spawned.ids.push(ids),
        }
    }

    /// A refusal, with what the client must know to go on: how much of its stream exists.
    fn explain(&self, refusal: &Status) -> Status {
        let message = format!(
            "{} (the first {} bodies of the stream were spawned)",
            refusal.message(),
            self.spawned.count
        );
        Status::new(refusal.code(), message)
    }
}
