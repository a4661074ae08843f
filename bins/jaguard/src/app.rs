//! The life of the daemon: listen, found or join, simulate and serve, leave.

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jaguar_cluster::entrance::{EnterError, Entered, Entrance, Seeker, Way};
use jaguar_cluster::join::Candidate;
use jaguar_cluster::peer::PeerStreams;
use jaguar_cluster::security::{self, ClientLimits};
use jaguar_cluster::server::{ServeError, Served, serve};
use jaguar_cluster::simulation::{Simulation, Stage};
use jaguar_cluster::simulation_thread::{self, Clock};
use jaguar_cluster::snapshots::{Schedule, Snapshots};
use jaguar_cluster::tuning::{Frames, tuning};
use jaguar_config::{Config, Watch};
use jaguar_metrics::health::STALL_LIMIT;
use jaguar_metrics::{Health, Phase, Recorder};
use jaguar_migration::pod::{Pod, PodConfig};
use jaguar_migration::trace::TARGET;
use jaguar_snapshot::Store;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::field;

use crate::error::DaemonError;
use crate::founding::{self, Origin};
use crate::http::{self, Shown};
use crate::leaving::{Leaving, reach, show_the_end};
use crate::logging::Log;
use crate::options::Options;
use crate::reload::{self, Files, Followers};
use crate::resources::Resources;
use crate::shutdown::Signals;
use crate::way::way;

/// Threads of the network runtime: one for the packets of peers, and one for everything else at the same time. More only take cores from the simulation.
pub(crate) const NETWORK_THREADS: usize = 2;

/// Runs until the pod has left.
///
/// # Errors
/// When it cannot start, or ends otherwise than by leaving.
pub(crate) async fn run(options: Options, config_watch: Watch, log: Log) -> Result<(), DaemonError> {
    let config = config_watch.config().clone();
    let mut signals = Signals::listen()?;
    let health = Health::new(Instant::now(), STALL_LIMIT);
    let recorder = Recorder::new();
    let metrics = Arc::new(recorder.metrics());
    let scrapes = watch::Sender::new(0);
    let resources = Resources::of_this_process(metrics.readings.clone(), &config);
    let (grpc, grpc_address) = listen(&config, config.grpc_port, "gRPC").await?;
    let (http, http_address) = listen(&config, config.metrics_port, "HTTP").await?;

    let (limits, limits_seen) = watch::channel(ClientLimits::from(&config));
    let (security, security_files) = security::open(&config, limits_seen, metrics.clone())?;
    if !config.tls_enabled {
        tracing::warn!(
            address = %grpc_address,
            "tls_enabled is false: whoever reaches this address can read, change and join the world, and nothing is encrypted"
        );
    } else if !security.asks_who_calls() {
        tracing::warn!(
            address = %grpc_address,
            "no auth_ key is set: whoever reaches this address can read and change the world, though not join it"
        );
    }

    // Served from now on: probes, and the packets of peers, which may come before the answer to the join request does.
    let (simulation, mailbox) = Simulation::bridge();
    let store = open_store(&config)?;
    let (parts, parts_to_store) = mpsc::unbounded_channel();
    let snapshots = Snapshots::start(simulation.clone(), store.clone(), metrics.clone(), parts_to_store);
    let (schedule, schedule_seen) = watch::channel(Schedule::from(&config));
    let (frames, frames_seen) = watch::channel(Frames::from(&config));
    let served = Served {
        simulation: simulation.clone(),
        snapshots: snapshots.clone(),
        frames: frames_seen,
        security: security.clone(),
        metrics: metrics.clone(),
    };
    let mut servers = Servers::start(
        (grpc, served),
        (
            http,
            Shown {
                recorder,
                health: health.clone(),
                resources,
                scrapes: scrapes.clone(),
            },
        ),
    );

    let clock = Clock::start();
    health.enter(Phase::Joining);
    let way = way(&config, &options, grpc_address.port()).await?;
    let (stop, stopped) = watch::channel(false);
    let candidate = Candidate {
        name: config.pod_name.clone(),
        address: config.advertised(grpc_address.port()).to_string(),
    };
    let seeker = Seeker {
        candidate: candidate.clone(),
        security: security.clone(),
        simulation: simulation.clone(),
        clock,
        stop: stopped,
    };
    let joining = tracing::info_span!(target: TARGET, "join", name = candidate.name, address = candidate.address, founded = field::Empty, pod = field::Empty);
    let (entered, signal) = enter(&way, seeker, &mut signals, &stop).await;
    let Entered { entrance, keeping } = match entered {
        Err(EnterError::Stopped) => {
            tracing::info!("told to end before this pod was a member; exiting");
            return Ok(());
        }
        entered => entered?,
    };
    joining.record("founded", matches!(entrance, Entrance::Found(_)));
    let pod = match begin(&config, &options, store.as_ref(), candidate, entrance, clock).await {
        Ok(pod) => pod,
        Err(error) => {
            // Whoever founds in its place need not wait.
            if let Some(keeping) = keeping {
                keeping.end().await;
            }
            return Err(error);
        }
    };
    joining.record("pod", i64::from(pod.id().0));
    let settings = simulation_thread::Options {
        threads: threads(&config).get(),
        history_entries: config.history_ticks as usize,
        metrics: metrics.clone(),
        parts,
        health: health.clone(),
    };
    let thread = simulation_thread::start(
        mailbox,
        pod,
        clock,
        PeerStreams::new(Handle::current(), security),
        settings,
    )?;
    let limit = Duration::from_secs(config.migration_timeout_seconds.into());
    let followers = Followers {
        simulation: simulation.clone(),
        frames,
        limits,
        schedule,
        log,
        metrics,
    };
    let files = Files {
        watch: config_watch,
        certificates: security_files,
    };
    tokio::spawn(reload::follow(files, followers));
    if let Way::Kubernetes { api, .. } = &way {
        api.keep_deletion_cost(simulation.clone());
    }
    tokio::spawn(snapshots.clone().automatic(schedule_seen));

    let signal = tokio::select! {
        biased;
        name = given(signal) => Some(name),
        reached = reach(&simulation, |stage| *stage != Stage::Starting) => {
            if let Stage::Halted(reason) = reached? {
                return Err(DaemonError::Halted { reason });
            }
            announce(&simulation, grpc_address, http_address);
            None
        }
        name = signals.next() => Some(name),
        error = servers.failed() => return Err(error),
    };
    drop(joining);
    let leaving = Leaving {
        simulation: &simulation,
        snapshots: &snapshots,
        health: &health,
        limit,
        ends_when_halted: way.is_restarted(),
    };
    let mut left = tokio::select! {
        left = leaving.leave(signals, signal) => left,
        error = servers.failed() => return Err(error),
    };
    if left.as_ref().is_err_and(DaemonError::is_failed_drain) {
        tokio::select! {
            // What failed is in the answer that is being sent.
            () = show_the_end(&scrapes) => {}
            late = reach(&simulation, |stage| *stage == Stage::Left) => left = late.map(drop),
        }
    }
    if let Some(keeping) = keeping {
        keeping.end().await;
    }
    if left.is_err() {
        servers.stop().await?;
        return left;
    }
    if thread.join().is_err() {
        return Err(DaemonError::SimulationDied);
    }
    servers.stop().await?;
    tracing::info!("exiting");
    Ok(())
}

fn open_store(config: &Config) -> Result<Option<Store>, DaemonError> {
    let url = &config.snapshot_store;
    Ok((!url.is_empty()).then(|| Store::open(url)).transpose()?)
}

async fn listen(config: &Config, port: u16, purpose: &'static str) -> Result<(TcpListener, SocketAddr), DaemonError> {
    let address = SocketAddr::new(config.bind_address, port);
    let failed = |reason| DaemonError::Listen {
        address,
        purpose,
        reason,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let actual = listener.local_addr().map_err(failed)?;
    Ok((listener, actual))
}

/// Comes to a world. A signal meanwhile stops it as soon as nobody can have let this pod in without its knowledge; then it leaves like any member.
async fn enter(
    way: &Way,
    seeker: Seeker,
    signals: &mut Signals,
    stop: &watch::Sender<bool>,
) -> (Result<Entered, EnterError>, Option<&'static str>) {
    let mut entering = pin!(way.enter(seeker));
    tokio::select! {
        entered = &mut entering => (entered, None),
        name = signals.next() => {
            stop.send_replace(true);
            (entering.await, Some(name))
        }
    }
}

/// The pod that founds a world or has been welcomed by one.
async fn begin(
    config: &Config,
    options: &Options,
    store: Option<&Store>,
    candidate: Candidate,
    entrance: Entrance,
    clock: Clock,
) -> Result<Pod, DaemonError> {
    let Candidate { name, address } = candidate;
    match &entrance {
        Entrance::Found(world) => tracing::info!(name, address, %world, "founding a world"),
        Entrance::Welcome(_) => tracing::info!(name, address, "joining a world"),
    }
    let pod_config = PodConfig {
        name,
        address,
        tuning: tuning(config, options.shuffle),
    };
    let pod = match entrance {
        Entrance::Found(world) => {
            let origin = founding::origin(config, options, store).await?;
            let (paused, now) = (options.paused, clock.now());
            match origin {
                Origin::Definition(definition) => Pod::found(pod_config, world, *definition, paused, now)?,
                Origin::Snapshot(saved) => Pod::restore(pod_config, world, *saved, paused, now)?,
            }
        }
        Entrance::Welcome(welcome) => Pod::join(pod_config, &welcome, clock.now())?,
    };
    Ok(pod)
}

/// The signal that has come already, if there is one.
async fn given(signal: Option<&'static str>) -> &'static str {
    match signal {
        Some(name) => name,
        None => std::future::pending().await,
    }
}

fn threads(config: &Config) -> NonZero<usize> {
    let available = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    jaguar_host::thread_count(config.physics_thread_pool_size, jaguar_host::limits().cpus, available)
}

/// Tells whoever started this process that the pod is a member, and where it serves.
fn announce(simulation: &Simulation, grpc: SocketAddr, http: SocketAddr) {
    let pod = simulation.pod().map_or(0, |pod| pod.0);
    tracing::info!(pod, %grpc, %http, "member of the world");
    let line = serde_json::json!({ "event": "ready", "grpc": grpc.to_string(), "http": http.to_string(), "pod": pod });
    let mut out = std::io::stdout();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        tracing::debug!(%error, "nobody reads standard output");
    }
}

/// The two servers, each on a task.
struct Servers {
    grpc: JoinHandle<Result<(), ServeError>>,
    http: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Servers {
    fn start((grpc, served): (TcpListener, Served), (http, shown): (TcpListener, Shown)) -> Self {
        let (stop, stopped) = watch::channel(false);
        let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
            // The sender is gone only when everything ends anyway.
            drop(stopped.wait_for(|stop| *stop).await);
        };
        Self {
            grpc: tokio::spawn(serve(grpc, served, until_stopped(stopped.clone()))),
            http: tokio::spawn(http::serve(http, shown, until_stopped(stopped))),
            stop,
        }
    }

    /// Waits for the gRPC server to fail.
    async fn failed(&mut self) -> DaemonError {
        match (&mut self.grpc).await {
            Ok(Err(error)) => error.into(),
            Ok(Ok(())) | Err(_) => DaemonError::ServerDied,
        }
    }

    /// Ends both servers; requests that are being answered are finished first, if they are quick.
    async fn stop(self) -> Result<(), DaemonError> {
        self.stop.send_replace(true);
        let (grpc, http) = tokio::join!(self.grpc, self.http);
        if http.is_err() {
            return Err(DaemonError::ServerDied);
        }
        grpc.map_err(|_| DaemonError::ServerDied)?.map_err(DaemonError::from)
    }
}
