//! The annotation by which a ReplicaSet chooses the pod to remove first: the fewer entities, the cheaper.
//!
//! Without it a scale-down removes the youngest pod, whatever it holds. The annotation is best effort on both sides; a patch that fails is tried again at the next
//! interval.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{debug, warn};

use super::Objects;
use crate::channel::reason;
use crate::limits::API_TIMEOUT;
use crate::simulation::{Progress, Simulation, Stage};

const ANNOTATION: &str = "controller.kubernetes.io/pod-deletion-cost";
/// Time between two looks, and so between two patches at the least: a hundred pods cost the API server 20 small patches a second at the most.
const INTERVAL: Duration = Duration::from_secs(5);
/// Entities by which the cost must be off before it is patched, whatever the share: the order of nearly empty pods does not matter.
const SMALLEST_CHANGE: i32 = 50;
/// What the coordinator costs more, in entities: its removal moves the role too. Small beside the entities of a loaded pod.
const COORDINATOR: i32 = 100;

/// What the cost should be. Kubernetes takes any 32-bit integer.
fn cost(entities: usize, coordinates: bool) -> i32 {
    let entities = i32::try_from(entities).unwrap_or(i32::MAX);
    entities.saturating_add(if coordinates { COORDINATOR } else { 0 })
}

/// Whether a change is worth a patch: by a tenth of what is written, and by some entities.
fn is_worth_it(written: Option<i32>, now: i32) -> bool {
    written.is_none_or(|written| {
        let threshold = (written / 10).max(SMALLEST_CHANGE);
        now.abs_diff(written) >= threshold.unsigned_abs()
    })
}

/// Keeps the annotation current while the pod serves.
pub(super) async fn keep(client: Client, objects: Arc<Objects>, simulation: Simulation) {
    let pods: Api<Pod> = Api::namespaced(client, &objects.namespace);
    let mut stages = simulation.stage();
    if stages.wait_for(|stage| *stage != Stage::Starting).await.is_err() {
        return;
    }
    let mut look = interval(INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = None;
    let mut failing = false;
    while *stages.borrow() == Stage::Serving {
        look.tick().await;
        let Progress {
            entities, coordinates, ..
        } = *simulation.progress().borrow();
        let now = cost(entities, coordinates);
        if !is_worth_it(written, now) {
            continue;
        }
        match patch(&pods, &objects.pod, now).await {
            Ok(()) => {
                debug!(cost = now, "the pod's deletion cost is written");
                written = Some(now);
                failing = false;
            }
            Err(reason) if failing => debug!(reason, "the pod's deletion cost still cannot be written"),
            Err(reason) => {
                failing = true;
                warn!(
                    pod = objects.pod,
                    reason,
                    "the pod's deletion cost cannot be written; a scale-down may remove a fuller pod than it need"
                );
            }
        }
    }
}

async fn patch(pods: &Api<Pod>, name: &str, cost: i32) -> Result<(), String> {
    let annotations = json!({ "metadata": { "annotations": { ANNOTATION: cost.to_string() } } });
    let patch = Patch::Merge(annotations);
    let parameters = PatchParams::default();
    let call = pods.patch_metadata(name, &parameters, &patch);
    match timeout(API_TIMEOUT, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => Err(format!("no answer within {API_TIMEOUT:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewer_entities_the_cheaper_and_the_coordinator_a_bit_dearer() {
        let costs = [
            cost(0, false),
            cost(0, true),
            cost(7_000, false),
            cost(7_000, true),
            cost(usize::MAX, true),
        ];
        assert!(costs.is_sorted_by(|a, b| a < b), "{costs:?}");
    }

    #[test]
    fn only_a_meaningful_change_is_written() {
        let cases = [
            (None, 0, true),
            (Some(0), 49, false),
            (Some(0), 50, true),
            (Some(7_000), 6_400, false),
            (Some(7_000), 6_300, true),
            (Some(7_000), 7_700, true),
            (Some(i32::MAX), 0, true),
        ];
        for (written, now, expected) in cases {
            assert_eq!(is_worth_it(written, now), expected, "{written:?} -> {now}");
        }
    }
}
