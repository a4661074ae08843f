//! What a call can fail with.

use tonic::{Code, Status};

/// A call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers at the address; check it, and that a pod runs there.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// Where.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The caller gave a token and no CA; whoever is between could read it.
    #[error("a token is only sent over TLS; give the CA that the pods' certificates are of")]
    TokenInPlaintext,
    /// The caller gave something that cannot be a token.
    #[error("the token has characters that no token has")]
    TokenCharacters,
    /// The world refused or could not answer; the message says what to change.
    #[error("{}: {}", .0.code(), .0.message())]
    Refused(#[from] Status),
    /// The pod answered without a field that it must send: it is of another version.
    #[error("the answer has no {field}; the pod is of another version")]
    Incomplete {
        /// The field.
        field: &'static str,
    },
}

impl ClientError {
    /// The gRPC code; `UNAVAILABLE` when nobody answers, `UNAUTHENTICATED` when the credentials cannot be used.
    pub fn code(&self) -> Code {
        match self {
            Self::Connect { .. } => Code::Unavailable,
            Self::Refused(status) => status.code(),
            Self::TokenInPlaintext | Self::TokenCharacters => Code::Unauthenticated,
            Self::Incomplete { .. } => Code::Internal,
        }
    }
}
