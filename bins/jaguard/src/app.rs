//! The life of the daemon: listen, found or join, simulate and serve, leave.

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jaguar_cluster::discovery::Discovery;
use jaguar_cluster::join::{Candidate, join};
use jaguar_cluster::peer::PeerStreams;
use jaguar_cluster::server::{ServeError, Served, serve};
use jaguar_cluster::simulation::{Simulation, Stage, Unanswered};
use jaguar_cluster::simulation_thread::{self, Clock};
use jaguar_cluster::tuning::{Frames, tuning};
use jaguar_config::{Config, Watch};
use jaguar_metrics::health::STALL_LIMIT;
use jaguar_metrics::{Health, Phase, Recorder};
use jaguar_migration::pod::{Pod, PodConfig};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::error::DaemonError;
use crate::founding;
use crate::http::{self, Shown};
use crate::logging::Log;
use crate::options::Options;
use crate::reload::{self, Followers};
use crate::resources::Resources;
use crate::shutdown::Signals;

/// Threads of the network runtime: one for the packets of peers, and one for everything else at the same time. More only take cores from the simulation.
pub(crate) const NETWORK_THREADS: usize = 2;

/// Longest time to try to join. A rolling update may bring this pod up before its peers, and an orchestrator starts it again.
const JOIN_PATIENCE: Duration = Duration::from_secs(60);

/// How long a pod that failed to leave waits for one more scrape: Prometheus comes every 15 s where the shipped monitors say so. Together with
/// `migration_timeout_seconds` it must stay below the grace period of an orchestrator.
const LAST_SCRAPE: Duration = Duration::from_secs(20);

/// Wait before a simulation thread that is overwhelmed is told again to leave.
const BUSY_WAIT: Duration = Duration::from_millis(10);

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

    // Served from now on: probes, and the packets of peers, which may come before the answer to the join request does.
    let (simulation, mailbox) = Simulation::bridge();
    let (frames, frames_seen) = watch::channel(Frames::from(&config));
    let served = Served {
        simulation: simulation.clone(),
        frames: frames_seen,
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
    let pod = tokio::select! {
        pod = enter(&config, &options, grpc_address.port(), clock) => pod?,
        name = signals.next() => {
            tracing::info!("{name} before this pod was a member; exiting");
            return Ok(());
        }
    };
    let settings = simulation_thread::Options {
        threads: threads(&config).get(),
        history_entries: config.history_ticks as usize,
        rate: tuning(&config, options.shuffle).rate,
        metrics: metrics.clone(),
        health,
    };
    let thread = simulation_thread::start(mailbox, pod, clock, PeerStreams::new(Handle::current()), settings)?;
    let limit = Duration::from_secs(config.migration_timeout_seconds.into());
    let followers = Followers {
        simulation: simulation.clone(),
        frames,
        log,
        metrics,
        shuffle: options.shuffle,
    };
    reload::follow(config_watch, followers);

    let signal = tokio::select! {
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
    let left = tokio::select! {
        left = leave(&simulation, signals, signal, limit) => left,
        error = servers.failed() => return Err(error),
    };
    if let Err(error) = left {
        tokio::select! {
            () = show_the_end(&scrapes) => {
                // What failed is in the answer that is being sent.
                servers.stop().await?;
                return Err(error);
            }
            late = reach(&simulation, |stage| *stage == Stage::Left) => drop(late?),
        }
    }
    if thread.join().is_err() {
        return Err(DaemonError::SimulationDied);
    }
    servers.stop().await?;
    tracing::info!("exiting");
    Ok(())
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

/// Founds a world, or joins the one that the peers have.
async fn enter(config: &Config, options: &Options, grpc_port: u16, clock: Clock) -> Result<Pod, DaemonError> {
    let advertised = config.advertised(grpc_port).to_string();
    let pod_config = PodConfig {
        name: config.pod_name.clone(),
        address: advertised.clone(),
        tuning: tuning(config, options.shuffle),
    };
    if config.cluster_peers.is_empty() {
        let definition = founding::definition(config, options)?;
        tracing::info!(name = config.pod_name, address = advertised, "founding a world");
        return Ok(Pod::found(pod_config, definition, options.paused, clock.now())?);
    }
    for (flag, given) in [("--bodies", options.bodies.is_some()), ("--paused", options.paused)] {
        if given {
            return Err(DaemonError::FounderOnly { flag });
        }
    }
    let peers = config.cluster_peers.clone();
    let discovery = match config.cluster_discovery_method {
        jaguar_config::Discovery::Static => Discovery::Static(peers),
        jaguar_config::Discovery::Dns => Discovery::Dns(peers),
    };
    tracing::info!(name = config.pod_name, address = advertised, "joining a world");
    let candidate = Candidate {
        name: config.pod_name.clone(),
        address: advertised,
    };
    let welcome = join(&discovery, &candidate, JOIN_PATIENCE).await?;
    Ok(Pod::join(pod_config, &welcome, clock.now())?)
}

fn threads(config: &Config) -> NonZero<usize> {
    let available = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    jaguar_host::thread_count(config.physics_thread_pool_size, jaguar_host::limits().cpus, available)
}

/// Waits until the pod is in such a stage, and gives it.
async fn reach(simulation: &Simulation, wanted: impl Fn(&Stage) -> bool) -> Result<Stage, DaemonError> {
    let mut stages = simulation.stage();
    let reached = stages.wait_for(|now| wanted(now)).await;
    reached
        .map(|stage| stage.clone())
        .map_err(|_| DaemonError::SimulationDied)
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

/// Waits until the pod is told to leave, by a signal (which may have come already) or by an operator's call, and then until it has left.
async fn leave(
    simulation: &Simulation,
    mut signals: Signals,
    signal: Option<&'static str>,
    limit: Duration,
) -> Result<(), DaemonError> {
    let next_signal = async {
        match signal {
            Some(name) => name,
            None => signals.next().await,
        }
    };
    tokio::select! {
        name = next_signal => {
            tracing::info!("{name}: giving everything away and leaving");
            while simulation.drain() == Err(Unanswered::Busy) {
                sleep(BUSY_WAIT).await;
            }
        }
        told = reach(simulation, |stage| matches!(stage, Stage::Draining | Stage::Left)) => drop(told?),
    }
    signals.exit_at_next_interrupt();
    // A world that has halted before lets its pods go. One that halts now takes with it what this pod has not given away.
    let was_halted = matches!(*simulation.stage().borrow(), Stage::Halted(_));
    let ended = |stage: &Stage| *stage == Stage::Left || (!was_halted && matches!(stage, Stage::Halted(_)));
    match timeout(limit, reach(simulation, ended)).await {
        Ok(Ok(Stage::Halted(reason))) => Err(DaemonError::Halted { reason }),
        Ok(left) => left.map(drop),
        Err(_) => {
            if let Err(error) = simulation.drain_is_overdue().await {
                tracing::warn!(%error, "what this pod still holds is not counted");
            }
            Err(DaemonError::DrainTimeout { limit })
        }
    }
}

/// Waits until the counters of a failure have been scraped, so that an alert sees them, but for no longer than [`LAST_SCRAPE`], and not at all when nobody scrapes.
async fn show_the_end(scrapes: &watch::Sender<u64>) {
    let mut scrapes = scrapes.subscribe();
    if *scrapes.borrow_and_update() > 0 {
        // Nobody having come is what the limit is for.
        drop(timeout(LAST_SCRAPE, scrapes.changed()).await);
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
