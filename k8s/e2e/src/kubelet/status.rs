//! What the API server is told of a pod.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::serde_json::{Value, json};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::volumes::namespace;
use crate::network::HUB;

/// Time after which a status is sent again although nothing has changed here: the node controller changes it when it has not heard of the node for a while.
const RESYNC: Duration = Duration::from_secs(10);

/// Wait before a status is sent again that the API server did not take.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What a container does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It does not run, for this reason.
    Waiting(&'static str, String),
    /// It runs since then.
    Running(Timestamp),
    /// It has ended: exit code, begin and end.
    Terminated(i32, Timestamp, Timestamp),
}

/// All that changes in a pod's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// The pod's address, once it has one.
    pub(super) address: Option<Ipv4Addr>,
    /// What its container does.
    pub(super) state: State,
    /// How the container's last run ended.
    pub(super) last: Option<State>,
    /// Whether the startup probe has succeeded.
    pub(super) started: bool,
    /// The last verdict of the readiness probe.
    pub(super) ready: bool,
    /// How often the container was started again.
    pub(super) restarts: u32,
    /// The container's identity.
    pub(super) id: String,
}

impl Status {
    /// Of a pod of which nothing is there yet.
    pub(super) fn creating() -> Self {
        Self {
            address: None,
            state: State::Waiting("ContainerCreating", String::new()),
            last: None,
            started: false,
            ready: false,
            restarts: 0,
            id: String::new(),
        }
    }
}

/// Sends a pod's status to the API server whenever it changes, for as long as it takes.
#[derive(Debug)]
pub(super) struct Reporter {
    status: watch::Sender<Status>,
    task: JoinHandle<()>,
}

impl Reporter {
    /// Reports on `pod`, whose container is `container`.
    pub(super) fn start(client: Client, pod: &Pod, container: &Container) -> Self {
        let (status, seen) = watch::channel(Status::creating());
        let api: Api<Pod> = Api::namespaced(client, namespace(pod));
        let task = tokio::spawn(report(api, pod.clone(), container.clone(), seen));
        Self { status, task }
    }

    /// Changes the status.
    pub(super) fn change(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            *status != before
        });
    }

    /// Ends when the last change has been sent or refused.
    pub(super) async fn finish(self) {
        drop(self.status);
        // It cannot be cancelled, and it does not panic.
        let _ = self.task.await;
    }
}

async fn report(api: Api<Pod>, pod: Pod, container: Container, mut seen: watch::Receiver<Status>) {
    let begun = Timestamp::now();
    let mut transitions = Transitions::default();
    seen.mark_changed();
    // The outer error is the time that has passed, the inner one the pod's end.
    while !matches!(timeout(RESYNC, seen.changed()).await, Ok(Err(_))) {
        let status = seen.borrow_and_update().clone();
        let patch = patch(&pod, &container, &status, begun, &mut transitions);
        loop {
            match api
                .patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(&patch))
                .await
            {
                Ok(_) => break,
                // Gone, or replaced by another of the same name: nobody to report on.
                Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => return,
                Err(_) if seen.has_changed().unwrap_or(false) => break,
                Err(_) => sleep(RETRY_PAUSE).await,
            }
        }
    }
}

/// When each condition last changed.
#[derive(Debug, Default)]
struct Transitions(BTreeMap<&'static str, (bool, Timestamp)>);

impl Transitions {
    fn condition(&mut self, kind: &'static str, holds: bool) -> Value {
        let entry = self.0.entry(kind).or_insert_with(|| (holds, Timestamp::now()));
        if entry.0 != holds {
            *entry = (holds, Timestamp::now());
        }
        json!({ "type": kind, "status": if holds { "True" } else { "False" }, "lastTransitionTime": Time(entry.1) })
    }
}

fn patch(pod: &Pod, container: &Container, status: &Status, begun: Timestamp, transitions: &mut Transitions) -> Value {
    let running = matches!(status.state, State::Running(_));
    let ready = running && status.started && status.ready;
    let phase = match &status.state {
        State::Running(_) => "Running",
        State::Terminated(0, ..) => "Succeeded",
        State::Terminated(..) => "Failed",
        // A pod whose container is started again stays what it was.
        State::Waiting(..) if status.restarts > 0 => "Running",
        State::Waiting(..) => "Pending",
    };
    let mut body = json!({
        // A merge of conditions and containers goes by their type and name; the uid makes it fail for another pod of the same name.
        "metadata": { "uid": pod.metadata.uid },
        "status": {
            "phase": phase,
            "hostIP": HUB,
            "hostIPs": [{ "ip": HUB }],
            "startTime": Time(begun),
            "conditions": [
                transitions.condition("PodReadyToStartContainers", status.address.is_some()),
                transitions.condition("Initialized", true),
                transitions.condition("ContainersReady", ready),
                transitions.condition("Ready", ready),
            ],
            "containerStatuses": [{
                "name": container.name,
                "image": container.image,
                "imageID": container.image,
                "containerID": if status.id.is_empty() { None } else { Some(format!("podman://{}", status.id)) },
                "ready": ready,
                "started": running && status.started,
                "restartCount": status.restarts,
                "state": state(&status.state),
                "lastState": status.last.as_ref().map_or_else(|| json!({}), state),
            }],
        },
    });
    if let Some(address) = status.address {
        body["status"]["podIP"] = json!(address);
        body["status"]["podIPs"] = json!([{ "ip": address }]);
    }
    body
}

/// In a strategic merge patch what is to go must be said: the API has exactly one of the three.
fn state(state: &State) -> Value {
    match state {
        State::Waiting(reason, message) => {
            json!({ "waiting": { "reason": reason, "message": message }, "running": null, "terminated": null })
        }
        State::Running(since) => {
            json!({ "running": { "startedAt": Time(*since) }, "waiting": null, "terminated": null })
        }
        State::Terminated(code, from, to) => {
            let reason = if *code == 0 { "Completed" } else { "Error" };
            let ended =
                json!({ "exitCode": code, "reason": reason, "startedAt": Time(*from), "finishedAt": Time(*to) });
            json!({ "terminated": ended, "waiting": null, "running": null })
        }
    }
}
