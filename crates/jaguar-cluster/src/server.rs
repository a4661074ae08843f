//! The gRPC server of a pod: clients and peers on one port, with health and reflection as everyone expects them.

use std::future::Future;
use std::sync::Arc;

use jaguar_metrics::Metrics;
use jaguar_proto::FILE_DESCRIPTOR_SET;
use jaguar_proto::v1::admin_server::AdminServer;
use jaguar_proto::v1::log_server::LogServer;
use jaguar_proto::v1::peer_server::PeerServer;
use jaguar_proto::v1::world_server::WorldServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::limits::{CLIENT_PING, CONNECTION_WINDOW_BYTES, PEER_MESSAGE_BYTES, SERVER_STOP_WAIT, STREAM_WINDOW_BYTES};
use crate::reader::Reader;
use crate::security::Security;
use crate::security::accept::incoming;
use crate::security::guard::Guard;
use crate::service::{AdminService, LogService, PeerService, WorldService};
use crate::simulation::{Simulation, Stage};
use crate::snapshots::Snapshots;
use crate::tuning::Frames;

/// What the server serves.
#[derive(Clone)]
pub struct Served {
    /// The pod.
    pub simulation: Simulation,
    /// Snapshots of the world.
    pub snapshots: Snapshots,
    /// The settings of watches.
    pub frames: watch::Receiver<Frames>,
    /// Who may do what.
    pub security: Security,
    /// Where commands and frames are counted.
    pub metrics: Arc<Metrics>,
}

/// The server failed: the descriptors are not those of the services, or the listener broke.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A build that is broken.
    #[error("the reflection service cannot read the descriptors: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The listener broke, or the system refused a connection for good.
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until `stop` completes; then waits a moment for the streams to end.
///
/// # Errors
/// When the server cannot run.
pub async fn serve(
    listener: TcpListener,
    served: Served,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let Served {
        simulation,
        snapshots,
        frames,
        security,
        metrics,
    } = served;
    let reader = Reader::new(simulation.clone(), security.clone());
    let world = WorldServer::new(WorldService::new(
        simulation.clone(),
        reader.clone(),
        frames,
        metrics.clone(),
    ))
    .send_compressed(CompressionEncoding::Gzip)
    .accept_compressed(CompressionEncoding::Gzip);
    let peer = PeerServer::new(PeerService::new(simulation.clone()))
        .max_decoding_message_size(PEER_MESSAGE_BYTES)
        .max_encoding_message_size(PEER_MESSAGE_BYTES);
    let (health_reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(report_health(health_reporter, simulation.stage()));
    let descriptors = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let routes = Routes::new(world)
        .add_service(LogServer::new(LogService::new(simulation.clone(), reader)))
        .add_service(AdminServer::new(AdminService::new(simulation, snapshots)))
        .add_service(peer)
        .add_service(health)
        .add_service(descriptors().build_v1()?)
        .add_service(descriptors().build_v1alpha()?)
        .prepare();
    let guarded = Guard::new(routes, security.clone(), metrics.clone());
    let server = Server::builder()
        .http2_keepalive_interval(Some(CLIENT_PING))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .serve_with_incoming_shutdown(guarded, incoming(listener, security, metrics), async move {
            stop.await;
            // The server may have ended first.
            let _ = stopping.send(());
        });
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => ended?,
        _ = stopped => {
            // Connections that stay open (a peer's stream, a client that does not look) must not hold up the exit.
            if let Ok(ended) = timeout(SERVER_STOP_WAIT, server).await {
                ended?;
            }
        }
    }
    Ok(())
}

/// Keeps `grpc.health.v1` true: SERVING while the pod simulates.
async fn report_health(reporter: HealthReporter, mut stages: watch::Receiver<Stage>) {
    let services = ["", "jaguar.v1.World", "jaguar.v1.Log", "jaguar.v1.Admin"];
    loop {
        let stage = stages.borrow_and_update().clone();
        let status = match stage {
            Stage::Serving => ServingStatus::Serving,
            Stage::Starting | Stage::Draining | Stage::Left | Stage::Halted(_) => ServingStatus::NotServing,
        };
        for service in services {
            reporter.set_service_status(service, status).await;
        }
        if stages.wait_for(|now| *now != stage).await.is_err() {
            return;
        }
    }
}
