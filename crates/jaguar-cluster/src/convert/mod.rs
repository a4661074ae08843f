//! Between the gRPC types and the protocol's: the only place where one becomes the other, and where clients' input is checked.

mod answer;
mod body;
mod joint;
mod kind;
mod log;
mod region;
mod snapshot;

use tonic::Status;

pub use answer::{PodAnswer, accepted, joined, snapshot_taken, spawned, status};
pub use body::{
    body, body_state, description, motion_of, required_body, required_thrust, required_vector, vector_or_zero,
};
pub use joint::required_joint;
pub use log::{entry_item, summary_item};
pub use region::{ray, ray_answers, rays, rays_request, region, region_request};
pub use snapshot::{new_snapshot_name, snapshot, snapshot_name};

/// A field of a request that is refused: the client must send another value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidField {
    /// Path of the field in the request, as in `bodies[3].radius_m`.
    pub field: String,
    /// Its value, and what is allowed.
    pub problem: String,
}

impl InvalidField {
    fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }

    fn missing(field: impl Into<String>) -> Self {
        Self::new(field, "is missing; it is required")
    }
}

impl From<InvalidField> for Status {
    fn from(error: InvalidField) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

/// The value of a required message field.
fn required<T>(value: Option<T>, path: &str, field: &str) -> Result<T, InvalidField> {
    value.ok_or_else(|| InvalidField::missing(join(path, field)))
}

/// The path of a field inside the message at `path`; the request itself has the empty path.
fn join(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}
