//! Jaguar on a real control plane, on one machine: what k8s/ ships is applied as it is, and every promise is watched being kept.
//!
//! Real: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, Prometheus, the Prometheus adapter, the image, its containers. Played by this program: the kubelet
//! (`kubelet`). Absent: kube-proxy and DNS (nothing here goes through them: pods find each other through the API), and whatever enforces NetworkPolicies.
//!
//! It must run in a network namespace of its own with the name given by `--hub`; `k8s/e2e/run` sees to that and to everything else.

mod certificates;
mod command;
mod control_plane;
mod deployment;
mod kubelet;
mod monitoring;
mod network;
mod progress;
mod story;
mod world;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use certificates::Certificates;
use clap::{Parser, ValueEnum};
use control_plane::ControlPlane;
use kubelet::{Kubelet, Runtime};
use monitoring::Monitoring;
use network::Network;
use progress::say;
use story::{Chapter, Plan};
use tokio::signal::unix::{SignalKind, signal};

/// Runs Jaguar's manifests on a real control plane.
#[derive(Debug, Parser)]
struct Options {
    /// Name of the network namespace that this program is in.
    #[arg(long)]
    hub: String,
    /// Folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and prometheus-adapter.
    #[arg(long)]
    binaries: PathBuf,
    /// Podman, with the storage that has the images.
    #[arg(long)]
    podman: PathBuf,
    /// The folder k8s/.
    #[arg(long)]
    manifests: PathBuf,
    /// Folder for state and logs; made if it is not there.
    #[arg(long)]
    folder: PathBuf,
    /// Nodes to play.
    #[arg(long, default_value_t = 3)]
    nodes: u32,
    /// Image to roll out to.
    #[arg(long)]
    next_image: String,
    /// Bodies at the peak; the shipped thresholds make five pods of 28,001 to 35,000.
    #[arg(long, default_value_t = 32_000)]
    peak_bodies: u64,
    /// Chapters to tell; all without it. Whatever is told, one pod founds first.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Chapter>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("FAILED: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = all(options) => result,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("told to end"),
    }
}

async fn all(options: &Options) -> anyhow::Result<()> {
    let folder = |name: &str| {
        let path = options.folder.join(name);
        fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))
            .map(|()| path)
    };
    let logs = folder("logs")?;
    let certificates = Certificates::make(&folder("certificates")?)?;
    let network = Network::set_up(options.hub.clone()).await?;
    say(format_args!("control plane starts; logs are in {}", logs.display()));
    let mut plane = ControlPlane::start(&options.binaries, &folder("state")?, &logs, &certificates).await?;
    say(format_args!("kube-apiserver is ready"));
    let runtime = Runtime {
        podman: options.podman.clone(),
        label: options.hub.clone(),
        logs: folder("logs/pods")?,
    };
    let kubelet = Kubelet::start(plane.client(), network, runtime, folder("volumes")?, options.nodes).await?;
    say(format_args!("{} nodes", options.nodes));
    let mut monitoring = Monitoring::start(
        &plane,
        &certificates,
        &options.binaries,
        &options.manifests,
        &folder("monitoring")?,
        &logs,
    )
    .await?;
    say(format_args!(
        "Prometheus and its adapter answer for custom.metrics.k8s.io and metrics.k8s.io"
    ));
    let result = story(options, &mut plane, &mut monitoring).await;
    if result.is_err() {
        // What the cluster looked like, for whoever reads the logs.
        let state = plane
            .kubectl(["get", "pods,hpa,deployments,nodes,leases", "--output", "yaml"])
            .await;
        fs::write(
            logs.join("cluster.yaml"),
            state.unwrap_or_else(|error| error.to_string()),
        )?;
    }
    kubelet.stop().await?;
    monitoring.stop().await;
    plane.stop().await;
    result
}

async fn story(options: &Options, plane: &mut ControlPlane, monitoring: &mut Monitoring) -> anyhow::Result<()> {
    let base = options.manifests.join("base");
    plane
        .kubectl(["apply".as_ref(), "-k".as_ref(), base.as_os_str()])
        .await?;
    say(format_args!("{} is applied as it is", base.display()));
    let mut chapters = options.only.clone();
    if chapters.is_empty() {
        chapters = Chapter::value_variants().to_vec();
    }
    chapters.sort_unstable();
    let plan = Plan {
        chapters,
        next_image: options.next_image.clone(),
        peak_bodies: options.peak_bodies,
    };
    story::tell(plan, plane, monitoring).await
}
