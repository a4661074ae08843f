//! Where the pods of a world are to be found before this pod is one of them.

mod dns;

use jaguar_config::HostPort;

/// How peers are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// These addresses, as they stand.
    Static(Vec<HostPort>),
    /// Every address that these names resolve to, as for a headless service. Resolved anew at each look.
    Dns(Vec<HostPort>),
}

/// Peers cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// A name does not resolve; the service may not have endpoints yet.
    #[error("{name} does not resolve: {reason}")]
    Resolve {
        /// The name and port.
        name: String,
        /// What the resolver said.
        reason: std::io::Error,
    },
}

impl Discovery {
    /// The peers' addresses, `host:port`, without repetitions.
    ///
    /// # Errors
    /// When no name resolves.
    pub async fn addresses(&self) -> Result<Vec<String>, DiscoveryError> {
        match self {
            Self::Static(peers) => Ok(peers.iter().map(ToString::to_string).collect()),
            Self::Dns(names) => dns::resolve_all(names).await,
        }
    }
}
