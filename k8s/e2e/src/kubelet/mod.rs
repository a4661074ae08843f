//! Plays the kubelet of some nodes: whatever the real scheduler puts there becomes a real container in a network namespace with the pod's address.
//!
//! What it does as a kubelet does: leases and conditions of its nodes; volumes (configMap, secret, downwardAPI, projected with ServiceAccount tokens, emptyDir) with the
//! `..data` swap and updates; variables with the downward API; user, capabilities, read-only root, limits; startup, readiness and liveness probes over HTTP; restarts with
//! back-off; conditions, addresses and container statuses; SIGTERM, grace period, SIGKILL; the final delete. What it does not know (several containers, hooks, subPath, other volumes) it
//! refuses by name. All nodes share this machine's cores and memory: what they say of their capacity is only what the scheduler counts with.

mod container;
mod environment;
mod node;
mod pod;
mod probe;
mod quantity;
mod status;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use container::Runtime;
use pod::{Machine, Wanted, live};

use crate::command::run;
use crate::network::Network;
use crate::progress::say;

/// The kubelet of all nodes.
#[derive(Debug)]
pub(crate) struct Kubelet {
    tasks: JoinSet<()>,
    runtime: Runtime,
}

impl Kubelet {
    /// Registers `nodes` nodes and begins to run what is scheduled there. Volumes go to `folder`.
    pub(crate) async fn start(
        client: Client,
        network: Network,
        runtime: Runtime,
        folder: PathBuf,
        nodes: u32,
    ) -> anyhow::Result<Self> {
        let mut tasks = JoinSet::new();
        for number in 1..=nodes {
            node::register(&client, number).await?;
            tasks.spawn(node::keep_alive(client.clone(), number));
        }
        let machine = Machine {
            client,
            network,
            runtime: runtime.clone(),
            folder,
        };
        tasks.spawn(follow(Arc::new(machine)));
        Ok(Self { tasks, runtime })
    }

    /// Ends at once: containers are removed, pods are not told.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.tasks.shutdown().await;
        let filter = format!("label={}", self.runtime.label);
        let names = run(&self.runtime.podman, ["ps", "--all", "--quiet", "--filter", &filter]).await?;
        let names: Vec<&str> = names.split_whitespace().collect();
        if names.is_empty() {
            return Ok(());
        }
        run(
            &self.runtime.podman,
            ["rm", "--force", "--ignore", "--time", "0"].into_iter().chain(names),
        )
        .await?;
        Ok(())
    }
}

/// Follows the pods of all nodes and lives the life of each.
async fn follow(machine: Arc<Machine>) {
    let pods: Api<Pod> = Api::all(machine.client.clone());
    let events = watcher(pods, watcher::Config::default().fields("spec.nodeName!=")).default_backoff();
    let mut events = std::pin::pin!(events);
    let mut lives = Lives::new(machine);
    let mut listed = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(pod)) => lives.see(pod),
            Ok(Event::Delete(pod)) => lives.lose(&pod.uid().unwrap_or_default()),
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(pod)) => {
                listed.insert(pod.uid().unwrap_or_default());
                lives.see(pod);
            }
            Ok(Event::InitDone) => lives.keep_only(&listed),
            // The watcher waits and begins anew: pods go on without the API server.
            Err(error) => say(format_args!(
                "kubelet: cannot see the API server: {}",
                first_line(&error.to_string())
            )),
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The pods that live, by uid.
struct Lives {
    machine: Arc<Machine>,
    /// Ends all lives with the kubelet.
    tasks: JoinSet<()>,
    wanted: BTreeMap<String, watch::Sender<Wanted>>,
}

impl Lives {
    fn new(machine: Arc<Machine>) -> Self {
        Self {
            machine,
            tasks: JoinSet::new(),
            wanted: BTreeMap::new(),
        }
    }

    fn see(&mut self, pod: Pod) {
        let ending = pod.metadata.deletion_timestamp.is_some();
        let grace = pod
            .metadata
            .deletion_grace_period_seconds
            .and_then(|seconds| u64::try_from(seconds).ok());
        let wish = if ending {
            Wanted::Ending(Duration::from_secs(grace.unwrap_or(0)))
        } else {
            Wanted::Alive
        };
        let uid = pod.uid().unwrap_or_default();
        if let Some(life) = self.wanted.get(&uid) {
            if ending {
                life.send_if_modified(|wanted| {
                    let is_news = matches!(wanted, Wanted::Alive);
                    if is_news {
                        *wanted = wish;
                    }
                    is_news
                });
            }
            return;
        }
        let finished = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref())
            .is_some_and(|phase| ["Succeeded", "Failed"].contains(&phase));
        if finished && !ending {
            return;
        }
        let (sender, receiver) = watch::channel(wish);
        self.wanted.insert(uid, sender);
        self.tasks.spawn(live(self.machine.clone(), pod, receiver));
    }

    fn lose(&mut self, uid: &str) {
        if let Some(life) = self.wanted.remove(uid) {
            // A life that has ended listens no more.
            let _ = life.send(Wanted::Gone);
        }
        while self.tasks.try_join_next().is_some() {}
    }

    fn keep_only(&mut self, listed: &BTreeSet<String>) {
        let lost: Vec<String> = self
            .wanted
            .keys()
            .filter(|uid| !listed.contains(*uid))
            .cloned()
            .collect();
        for uid in lost {
            self.lose(&uid);
        }
    }
}
