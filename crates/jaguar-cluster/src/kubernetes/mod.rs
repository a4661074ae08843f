//! What a pod asks of the API of Kubernetes: who its peers are, who coordinates, and how cheap it is to delete.
//!
//! Thin: [`crate::election`] decides who founds. It needs `get`, `list` and `watch` on endpointslices, `get`, `create` and `update` on leases, and `patch` on pods.
//! Every call has a timeout and every failure is tried again: the API server may be away for hours, and a world that runs does not notice.

mod deletion_cost;
mod endpoints;
mod keeping;
mod lease;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::client::ClientBuilder;
use kube::config::Config;

pub use endpoints::Endpoints;
pub use keeping::Keeping;
pub(crate) use lease::LeaseRegister;

use crate::simulation::Simulation;

/// Which objects are this world's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objects {
    /// Their namespace; empty for that of the service account.
    pub namespace: String,
    /// The headless service that has all pods of the world as endpoints.
    pub service: String,
    /// The Lease that says who coordinates.
    pub lease: String,
    /// The own Pod.
    pub pod: String,
    /// The port of gRPC on every pod, if an EndpointSlice does not name one `grpc`.
    pub grpc_port: u16,
    /// How long the Lease counts without having changed.
    pub lease_duration: Duration,
}

/// The API cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// This process does not run in a pod with a service account, and has no kubeconfig.
    #[error(
        "cluster_discovery_method is kubernetes, but there is no API server to ask: {0}; run in a pod with a service account, or choose static or dns"
    )]
    Configuration(#[source] kube::config::InferConfigError),
    /// The certificates or the token of the service account cannot be used.
    #[error("the credentials for the API server cannot be used: {0}")]
    Credentials(#[source] kube::Error),
}

/// The API server, and the objects in it that concern this pod. Cheap to clone.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    objects: Arc<Objects>,
}

impl Kubernetes {
    /// Takes the credentials of the pod's service account (or of a kubeconfig, for people who try it by hand). Asks nothing yet, so that an API server that is
    /// away is no reason to end.
    ///
    /// # Errors
    /// When there are no credentials, or they cannot be used.
    pub async fn connect(mut objects: Objects) -> Result<Self, ApiError> {
        // TLS needs one provider of cryptography in the process; another part may have named it first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut config = Config::infer().await.map_err(ApiError::Configuration)?;
        // Every caller here tries again by itself, in its own time.
        config.default_retry = false;
        if objects.namespace.is_empty() {
            objects.namespace.clone_from(&config.default_namespace);
        }
        let client = ClientBuilder::try_from(config).map_err(ApiError::Credentials)?.build();
        Ok(Self::with_client(client, objects))
    }

    /// Uses this client; `objects.namespace` must not be empty.
    pub fn with_client(client: Client, objects: Objects) -> Self {
        Self {
            client,
            objects: Arc::new(objects),
        }
    }

    /// The objects that it uses.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Begins to watch the endpoints of the service.
    pub fn watch_endpoints(&self) -> Endpoints {
        Endpoints::watch(self.client.clone(), &self.objects)
    }

    /// The register of who coordinates.
    pub(crate) fn register(&self) -> LeaseRegister {
        LeaseRegister::new(self.client.clone(), &self.objects)
    }

    /// Keeps the deletion cost of the own Pod current until this pod leaves.
    pub fn keep_deletion_cost(&self, simulation: Simulation) {
        tokio::spawn(deletion_cost::keep(
            self.client.clone(),
            self.objects.clone(),
            simulation,
        ));
    }
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes")
            .field("objects", &self.objects)
            .finish_non_exhaustive()
    }
}
