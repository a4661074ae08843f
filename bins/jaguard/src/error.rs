//! Why the daemon ends otherwise than it should.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jaguar_cluster::entrance::EnterError;
use jaguar_cluster::kubernetes::ApiError;
use jaguar_cluster::security::SecurityError;
use jaguar_cluster::server::ServeError;
use jaguar_cluster::simulation_thread::StartError;
use jaguar_config::ConfigError;
use jaguar_migration::error::PodError;
use jaguar_scenario::ScenarioError;
use jaguar_snapshot::name::NameError;
use jaguar_snapshot::{SnapshotError, StoreError};

/// Why the daemon ends otherwise than it should.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A key, a file or a flag is wrong; the operator must repair it.
    #[error(transparent)]
    Config(ConfigError),
    /// A scenario or a file of bodies is wrong; who wrote it must repair it.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A body of the file has an id that the scenario uses too; give it another one.
    #[error("{}: the body with id {id} is in the scenario already; give it another id", path.display())]
    BodyTwice {
        /// The file of bodies.
        path: PathBuf,
        /// The id.
        id: u64,
    },
    /// The snapshot store's address is wrong, or its directory cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The snapshot to start from cannot be read; name another one, or say 'newest'.
    #[error("snapshot_restore: {0}")]
    Restore(Box<SnapshotError>),
    /// The snapshot to start from has a name that none can have.
    #[error("snapshot_restore: {0}")]
    RestoreName(#[from] NameError),
    /// There is no place to restore from.
    #[error("snapshot_restore is set and snapshot_store is not: say where the snapshots are")]
    RestoreWithoutStore,
    /// Both say what the world begins with.
    #[error("--bodies adds to a world that begins; one that goes on from a snapshot (snapshot_restore) has its bodies")]
    BodiesBesideSnapshot,
    /// A flag that makes no sense for a pod that joins.
    #[error("{flag} is for the pod that founds a world; this one joins through cluster_peers (--join)")]
    FounderOnly {
        /// The flag.
        flag: &'static str,
    },
    /// The system gives no thread or socket.
    #[error("cannot start the network runtime: {0}")]
    Runtime(io::Error),
    /// The exporter of traces cannot be made; see what it says of `otlp_endpoint`.
    #[error("cannot send traces to otlp_endpoint: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The port is taken or not allowed; choose another one.
    #[error("cannot listen on {address} for {purpose}: {reason}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What for.
        purpose: &'static str,
        /// What the system says.
        reason: io::Error,
    },
    /// Certificates or keys cannot be used; the operator must repair them.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(io::Error),
    /// The API of Kubernetes cannot be used.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// This pod came to no world.
    #[error(transparent)]
    Enter(#[from] EnterError),
    /// The definition or the welcome makes no world.
    #[error(transparent)]
    Pod(#[from] PodError),
    /// The simulation thread did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The gRPC server failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A server ended without being told to: a bug, its panic is above.
    #[error("a server died; this pod cannot be reached any more")]
    ServerDied,
    /// The simulation thread ended without having left: a bug, its panic is above.
    #[error("the simulation thread died; the world will miss this pod's bodies and halt")]
    SimulationDied,
    /// The world stopped for good while this pod was joining or leaving it.
    #[error("the world has halted while this pod was joining or leaving it: {reason}")]
    Halted {
        /// What was lost.
        reason: Arc<str>,
    },
    /// The world stopped for good while this pod was a member, and something starts this process again: it ends, to find or found another world.
    #[error("the world has halted, and this pod ends to be started again: {reason}")]
    WorldHalted {
        /// What was lost.
        reason: Arc<str>,
    },
    /// Giving everything away took too long; the peers may be gone or the world may have halted.
    #[error(
        "this pod still owns a part of the world {limit:?} after it was told to leave (migration_timeout_seconds); \
         its bodies are lost and the world will halt"
    )]
    DrainTimeout {
        /// `migration_timeout_seconds`.
        limit: Duration,
    },
}

impl From<SnapshotError> for DaemonError {
    fn from(error: SnapshotError) -> Self {
        Self::Restore(Box::new(error))
    }
}

impl DaemonError {
    /// Whether this pod was leaving and could not give everything away.
    pub(crate) fn is_failed_drain(&self) -> bool {
        matches!(self, Self::Halted { .. } | Self::DrainTimeout { .. })
    }

    /// 2 when the daemon could not start, 1 when it failed later.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Serve(_)
            | Self::ServerDied
            | Self::SimulationDied
            | Self::Halted { .. }
            | Self::WorldHalted { .. }
            | Self::DrainTimeout { .. } => 1,
            _ => 2,
        }
    }
}
