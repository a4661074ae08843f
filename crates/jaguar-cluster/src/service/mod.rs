//! The gRPC services of a pod.

mod admin;
mod log;
mod peer;
mod spawn_stream;
mod watcher;
mod world;

pub use admin::AdminService;
pub use log::LogService;
pub use peer::PeerService;
pub use world::WorldService;

use std::pin::Pin;

use tokio_stream::Stream;
use tonic::Status;

use crate::simulation::{ReadError, Unanswered};

/// The stream of a server-streaming answer.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl From<Unanswered> for Status {
    fn from(error: Unanswered) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<ReadError> for Status {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Past { .. } | ReadError::NotKept { .. } => Self::out_of_range(error.to_string()),
            ReadError::Busy | ReadError::Unanswered(_) => Self::unavailable(error.to_string()),
        }
    }
}
