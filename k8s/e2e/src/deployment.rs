//! The pods of the Deployment as the API server has them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::{Duration, sleep};

use crate::monitoring::Targets;
use crate::progress::say;

const LABEL: &str = "app=jaguar-engine";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// Port of HTTP.
const METRICS_PORT: u16 = 9090;

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A pod, as far as the story needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) address: String,
    pub(crate) image: String,
    pub(crate) ready: bool,
    /// It is to end.
    pub(crate) ending: bool,
    pub(crate) restarts: i32,
    /// What the pod says that its removal would cost; 0 if it says nothing, as for the ReplicaSet controller.
    pub(crate) cost: i64,
}

/// A pod that was told to end, and what the choice was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) name: String,
    pub(crate) cost: i64,
    /// The lowest cost among the ready pods that stayed.
    pub(crate) cheapest_other: Option<i64>,
}

/// Everything seen of the pods.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pods {
    pub(crate) members: Vec<Member>,
    pub(crate) removals: Vec<Removal>,
    /// Fewest ready pods since this was last reset.
    pub(crate) fewest_ready: usize,
}

impl Pods {
    /// Those that are ready and stay.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.ready && !member.ending)
    }
}

/// Looks at the pods twice a second, for as long as somebody listens, and tells Prometheus where they are.
pub(crate) async fn follow(client: Client, pods: watch::Sender<Pods>, targets: Targets) {
    let api: Api<Pod> = Api::namespaced(client, "default");
    while !pods.is_closed() {
        // While the API server is away, what was seen last stays.
        if let Ok(list) = api.list(&ListParams::default().labels(LABEL)).await {
            let members: Vec<Member> = list.items.iter().map(member).collect();
            let is_news = pods.borrow().members != members;
            if is_news {
                let scraped = members.iter().filter(|member| !member.address.is_empty());
                let scraped =
                    scraped.map(|member| (member.name.as_str(), format!("{}:{METRICS_PORT}", member.address)));
                if let Err(error) = targets.set(scraped) {
                    say(format_args!("cannot tell Prometheus where the pods are: {error:#}"));
                }
                pods.send_modify(|pods| update(pods, members));
            }
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn update(pods: &mut Pods, members: Vec<Member>) {
    let before: BTreeMap<&str, &Member> = pods
        .members
        .iter()
        .map(|member| (member.name.as_str(), member))
        .collect();
    let mut removals = Vec::new();
    for member in &members {
        let known = before.get(member.name.as_str());
        if known.is_none() {
            say(format_args!("  {} is on {}", member.name, member.node));
        }
        if member.ready && known.is_none_or(|known| !known.ready) {
            say(format_args!("  {} is ready", member.name));
        }
        if member.ending && known.is_some_and(|known| !known.ending) {
            let others = members.iter().filter(|other| other.ready && !other.ending);
            let removal = Removal {
                name: member.name.clone(),
                // Between the choice and this look it may have handed over and changed its mind; what counts is what the controller saw.
                cost: known.map_or(member.cost, |known| known.cost.min(member.cost)),
                cheapest_other: others
                    .map(|other| {
                        before
                            .get(other.name.as_str())
                            .map_or(other.cost, |known| known.cost.max(other.cost))
                    })
                    .min(),
            };
            say(format_args!(
                "  {} is told to end (deletion cost {}, cheapest other {:?})",
                removal.name, removal.cost, removal.cheapest_other
            ));
            removals.push(removal);
        }
    }
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    for gone in before.keys().filter(|name| !names.contains(name)) {
        say(format_args!("  {gone} is gone"));
    }
    pods.members = members;
    pods.removals.extend(removals);
    let ready = pods.ready().count();
    pods.fewest_ready = pods.fewest_ready.min(ready);
}

fn member(pod: &Pod) -> Member {
    let status = pod.status.clone().unwrap_or_default();
    let spec = pod.spec.as_ref();
    let conditions = status.conditions.unwrap_or_default();
    Member {
        name: pod.name_any(),
        node: spec.and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
        address: status.pod_ip.unwrap_or_default(),
        image: spec
            .and_then(|spec| spec.containers.first()?.image.clone())
            .unwrap_or_default(),
        ready: conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        ending: pod.metadata.deletion_timestamp.is_some(),
        restarts: status
            .container_statuses
            .unwrap_or_default()
            .iter()
            .map(|status| status.restart_count)
            .sum(),
        cost: pod
            .annotations()
            .get(DELETION_COST)
            .and_then(|cost| cost.parse().ok())
            .unwrap_or(0),
    }
}
