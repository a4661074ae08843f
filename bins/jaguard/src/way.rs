//! From the configuration to the way in which this pod finds its world.

use std::time::Duration;

use jaguar_cluster::discovery::Resolver;
use jaguar_cluster::entrance::Way;
use jaguar_cluster::kubernetes::{Kubernetes, Objects};
use jaguar_config::{Config, Discovery, HostPort};

use crate::error::DaemonError;
use crate::options::Options;

/// The way that the configuration names. With Kubernetes, begins to watch the endpoints.
///
/// # Errors
/// When flags contradict it, or there is no API server to ask.
pub(crate) async fn way(config: &Config, options: &Options, grpc_port: u16) -> Result<Way, DaemonError> {
    let peers = config.cluster_peers.clone();
    match config.cluster_discovery_method {
        Discovery::Static if peers.is_empty() => Ok(Way::Found),
        Discovery::Static => {
            for (flag, given) in [("--bodies", options.bodies.is_some()), ("--paused", options.paused)] {
                if given {
                    return Err(DaemonError::FounderOnly { flag });
                }
            }
            Ok(Way::Peers(peers))
        }
        Discovery::Dns => Ok(Way::Dns {
            names: if peers.is_empty() {
                vec![service(config, grpc_port)]
            } else {
                peers
            },
            resolver: Resolver::system(),
        }),
        Discovery::Kubernetes => {
            let api = Kubernetes::connect(objects(config, grpc_port)).await?;
            Ok(Way::Kubernetes {
                endpoints: api.watch_endpoints(),
                api,
            })
        }
    }
}

/// The headless service by its short name, which the pod's resolver completes.
fn service(config: &Config, grpc_port: u16) -> HostPort {
    HostPort {
        host: config.kubernetes_service.clone(),
        port: grpc_port,
    }
}

fn objects(config: &Config, grpc_port: u16) -> Objects {
    Objects {
        namespace: config.kubernetes_namespace.clone(),
        service: config.kubernetes_service.clone(),
        lease: config.kubernetes_lease.clone(),
        pod: config.pod_name.clone(),
        grpc_port,
        lease_duration: Duration::from_secs(config.kubernetes_lease_duration_seconds.into()),
    }
}
