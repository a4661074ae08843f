//! Nodes: registered, kept alive by their leases, and nothing more. Their pods all run on this machine.

use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::serde_json::{from_value, json};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use tokio::time::{interval, sleep};

use crate::network::HUB;

/// As a kubelet's; the controller manager gives up on a node after 50 s of silence.
const LEASE_SECONDS: i32 = 40;
const HEARTBEAT: Duration = Duration::from_secs(10);
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The name of the `number`-th node, from 1.
fn name(number: u32) -> String {
    format!("node-{number}")
}

/// Registers a node with the capacity of a middling cloud machine, in a zone of its own.
pub(super) async fn register(client: &Client, number: u32) -> anyhow::Result<()> {
    let name = name(number);
    let node: Node = from_value(json!({
        "metadata": { "name": name, "labels": {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/region": "here",
            "topology.kubernetes.io/zone": format!("zone-{number}"),
        } },
        "spec": {},
    }))?;
    let api: Api<Node> = Api::all(client.clone());
    api.create(&PostParams::default(), &node)
        .await
        .with_context(|| format!("cannot register {name}"))?;
    report_ready(&api, &name)
        .await
        .with_context(|| format!("cannot report on {name}"))
}

async fn report_ready(api: &Api<Node>, name: &str) -> anyhow::Result<()> {
    let now = Time(Timestamp::now());
    let condition = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason, "lastHeartbeatTime": now, "lastTransitionTime": now });
    let capacity = json!({ "cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi" });
    let status = json!({ "status": {
        "capacity": capacity,
        "allocatable": capacity,
        "addresses": [{ "type": "InternalIP", "address": HUB }, { "type": "Hostname", "address": name }],
        "conditions": [
            condition("Ready", "True", "KubeletReady"),
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        ],
        "nodeInfo": {
            "architecture": "amd64", "operatingSystem": "linux", "osImage": "jaguar-k8s-e2e", "kernelVersion": "0", "machineID": name, "systemUUID": name, "bootID": name,
            "containerRuntimeVersion": "podman://4", "kubeletVersion": "v1.35.0", "kubeProxyVersion": "",
        },
    } });
    api.patch_status(name, &PatchParams::default(), &Patch::Strategic(&status))
        .await?;
    Ok(())
}

/// Renews a node's lease for ever. While the API server is away it tries again every second.
pub(super) async fn keep_alive(client: Client, number: u32) {
    let name = name(number);
    let nodes: Api<Node> = Api::all(client.clone());
    let leases: Api<Lease> = Api::namespaced(client, "kube-node-lease");
    let mut ticks = interval(HEARTBEAT);
    loop {
        ticks.tick().await;
        while renew(&leases, &name).await.is_err() {
            sleep(RETRY_PAUSE).await;
        }
        // The node controller has taken it for lost if the lease was late.
        while !is_ready(&nodes, &name).await && report_ready(&nodes, &name).await.is_err() {
            sleep(RETRY_PAUSE).await;
        }
    }
}

async fn is_ready(nodes: &Api<Node>, name: &str) -> bool {
    let conditions = nodes
        .get_status(name)
        .await
        .ok()
        .and_then(|node| node.status?.conditions);
    conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

async fn renew(leases: &Api<Lease>, name: &str) -> Result<Lease, kube::Error> {
    let now = Timestamp::now();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name },
        "spec": { "holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": format!("{now:.6}") },
    });
    leases
        .patch(name, &PatchParams::apply("kubelet").force(), &Patch::Apply(&lease))
        .await
}
