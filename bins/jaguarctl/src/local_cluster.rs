//! A cluster of real daemon processes on this machine, on loopback ports that they pick themselves.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use jaguar_client::Credentials;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::daemon::{Daemon, DaemonError, Ready};
use crate::local_authority::LocalAuthority;

/// Time in which a daemon must have handed everything over: some hundred bodies a tick and split, so some seconds for the largest worlds of a laptop.
const LEAVE_DEADLINE: Duration = Duration::from_secs(120);

/// A little more, so that the daemon itself says what it could not hand over.
const DRAIN_DEADLINE: Duration = Duration::from_secs(130);

/// Silence after which daemons take each other for lost. All of them share one machine, which may be busy or asleep for longer than a network may, and we see a death at once.
const NODE_TIMEOUT: Duration = Duration::from_secs(60);

const _: () = assert!(LEAVE_DEADLINE.as_secs() < DRAIN_DEADLINE.as_secs());

/// What every daemon of a cluster is started with.
#[derive(Clone, Debug)]
pub(crate) struct ClusterOptions {
    /// What the pod that founds the world begins with.
    pub(crate) beginning: Beginning,
    /// Bodies besides those of the scenario, for the pod that founds the world.
    pub(crate) bodies: Option<PathBuf>,
    /// Pace of the world.
    pub(crate) rate: Pace,
    /// Physics threads of each daemon.
    pub(crate) threads: NonZero<usize>,
    /// Seed of a random ownership map in every entry.
    pub(crate) shuffle: Option<u64>,
    /// Ticks of which each daemon keeps the exact states.
    pub(crate) history_ticks: u32,
    /// Whether pods and clients speak TLS, with certificates made for this cluster.
    pub(crate) tls: bool,
}

/// What a world begins with.
#[derive(Clone, Debug)]
pub(crate) enum Beginning {
    /// A scenario file.
    Scenario(PathBuf),
    /// A snapshot.
    Snapshot {
        /// Address of the store.
        store: String,
        /// The snapshot's name.
        name: String,
    },
}

/// How fast a world goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// So many ticks a second, 1 to 1000, if the pods keep up.
    Hz(u32),
    /// As fast as the slowest pod can.
    Max,
}

impl std::fmt::Display for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hz(hz) => write!(f, "{hz}"),
            Self::Max => write!(f, "max"),
        }
    }
}

/// Physics threads of each daemon when `pods` of them share this machine.
pub(crate) fn threads_for(pods: usize) -> NonZero<usize> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    NonZero::new(cores / pods.max(1)).unwrap_or(NonZero::<usize>::MIN)
}

/// The running daemons. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct LocalCluster {
    options: ClusterOptions,
    directory: TempDir,
    authority: Option<LocalAuthority>,
    credentials: Credentials,
    daemons: Vec<Daemon>,
    started: usize,
    members: watch::Sender<Vec<Ready>>,
    deaths: mpsc::UnboundedSender<DaemonError>,
}

/// The daemons that end without being told to.
pub(crate) type Deaths = mpsc::UnboundedReceiver<DaemonError>;

impl LocalCluster {
    /// Starts one daemon, which founds the world and leaves it paused before its first tick.
    pub(crate) async fn found(options: ClusterOptions) -> anyhow::Result<(Self, Deaths)> {
        let directory = tempfile::Builder::new()
            .prefix("jaguar-")
            .tempdir()
            .context("cannot make a directory for the daemons' logs")?;
        let authority = match options.tls {
            true => Some(LocalAuthority::create(directory.path())?),
            false => None,
        };
        let credentials = authority.as_ref().map(LocalAuthority::credentials);
        let (deaths, reports) = mpsc::unbounded_channel();
        let mut cluster = Self {
            options,
            directory,
            credentials: credentials.unwrap_or_default(),
            authority,
            daemons: Vec::new(),
            started: 0,
            members: watch::Sender::new(Vec::new()),
            deaths,
        };
        let mut arguments: Vec<OsString> = vec!["--paused".into()];
        match &cluster.options.beginning {
            Beginning::Scenario(file) => arguments.extend(["--scenario".into(), file.clone().into()]),
            Beginning::Snapshot { store, name } => {
                for setting in [format!("snapshot_store={store}"), format!("snapshot_restore={name}")] {
                    arguments.extend(["--set".into(), setting.into()]);
                }
            }
        }
        if let Some(bodies) = &cluster.options.bodies {
            arguments.extend(["--bodies".into(), bodies.clone().into()]);
        }
        let founded = cluster.start(arguments).await;
        let founder = cluster.kept(founded)?;
        cluster.daemons.push(founder);
        cluster.publish();
        Ok((cluster, reports))
    }

    /// Starts `count` daemons at once, which join the world, and waits until they are members.
    pub(crate) async fn add(&mut self, count: usize) -> anyhow::Result<Vec<Ready>> {
        let seed = self
            .members()
            .first()
            .map(|member| member.grpc)
            .context("no pod is left to join")?;
        let arguments: Vec<OsString> = vec!["--join".into(), seed.to_string().into()];
        let starts: JoinSet<_> = (0..count).map(|_| self.start(arguments.clone())).collect();
        let joined = starts.join_all().await.into_iter().collect::<Result<Vec<Daemon>, _>>();
        let mut joined = self.kept(joined)?;
        joined.sort_by_key(|daemon| daemon.ready().pod);
        let members = joined.iter().map(Daemon::ready).collect();
        self.daemons.extend(joined);
        self.publish();
        Ok(members)
    }

    /// Drains these pods and waits until they have left.
    pub(crate) async fn drain(&mut self, pods: &[u32]) -> anyhow::Result<()> {
        let is_leaving = |daemon: &Daemon| pods.contains(&daemon.ready().pod);
        let (leaving, staying): (Vec<Daemon>, _) = self.daemons.drain(..).partition(is_leaving);
        self.daemons = staying;
        // Observers move to another pod before theirs goes.
        self.publish();
        let drains: JoinSet<_> = leaving.into_iter().map(|daemon| daemon.drain(DRAIN_DEADLINE)).collect();
        let left = drains.join_all().await.into_iter().collect::<Result<Vec<()>, _>>();
        self.kept(left).map(drop)
    }

    /// The members, in the order in which they joined.
    pub(crate) fn members(&self) -> Vec<Ready> {
        self.daemons.iter().map(Daemon::ready).collect()
    }

    /// The members as they change, for observers that must outlive single pods.
    pub(crate) fn watch_members(&self) -> watch::Receiver<Vec<Ready>> {
        self.members.subscribe()
    }

    /// What clients connect with.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Where the daemons' logs are.
    pub(crate) fn log_directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends all daemons at once.
    pub(crate) async fn stop(mut self) {
        self.daemons
            .drain(..)
            .map(Daemon::kill)
            .collect::<JoinSet<_>>()
            .join_all()
            .await;
    }

    /// Ends all daemons at once and keeps their logs.
    pub(crate) async fn stop_and_keep_logs(mut self) {
        self.directory.disable_cleanup(true);
        self.stop().await;
    }

    /// The value, or the error after making sure that the logs which it names stay.
    fn kept<T>(&mut self, result: Result<T, DaemonError>) -> anyhow::Result<T> {
        if result.is_err() {
            self.directory.disable_cleanup(true);
        }
        Ok(result?)
    }

    fn start(&mut self, arguments: Vec<OsString>) -> impl Future<Output = Result<Daemon, DaemonError>> + use<> {
        self.started += 1;
        let name = format!("pod-{}", self.started);
        let directory = self.directory.path().to_owned();
        let deaths = self.deaths.clone();
        let mut all = common_arguments(&self.options, &name);
        if let Some(authority) = &self.authority {
            all.extend(authority.daemon_arguments());
        }
        all.extend(arguments);
        async move { Daemon::start(&name, &all, &directory, deaths).await }
    }

    fn publish(&self) {
        self.members.send_replace(self.members());
    }
}

fn common_arguments(options: &ClusterOptions, name: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--exit-with-stdin".into()];
    let mut option = |key: &str, value: String| arguments.extend([key.into(), value.into()]);
    option("--name", name.to_owned());
    option("--bind-address", "127.0.0.1".to_owned());
    option("--grpc-port", "0".to_owned());
    option("--metrics-port", "0".to_owned());
    option("--set", format!("cluster_node_timeout_ms={}", NODE_TIMEOUT.as_millis()));
    option(
        "--set",
        format!("migration_timeout_seconds={}", LEAVE_DEADLINE.as_secs()),
    );
    option("--rate", options.rate.to_string());
    option("--threads", options.threads.to_string());
    option("--history-ticks", options.history_ticks.to_string());
    if let Some(seed) = options.shuffle {
        option("--shuffle", seed.to_string());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_the_machine_and_are_never_none() {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        assert_eq!(threads_for(1).get(), cores);
        assert_eq!(threads_for(10 * cores).get(), 1);
    }
}
