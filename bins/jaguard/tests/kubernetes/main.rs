//! Pods as Kubernetes runs them: real daemons on addresses of their own, which find each other and elect their founder through an API server that the test plays.

#[path = "../../../../crates/jaguar-cluster/tests/kubernetes/api_server.rs"]
mod api_server;
#[path = "../common/mod.rs"]
mod common;
mod pods;

use std::time::Duration;

use futures_util::stream;
use jaguar_client::{Region, State};

use crate::common::{row, until};
use crate::pods::{Cluster, LEASE};

const BODIES: usize = 300;

/// All start at the same time and see the same free Lease; one founds, the others join it. The pod that coordinates holds the Lease, and the cost of deleting a pod
/// is written to it.
#[tokio::test]
async fn pods_that_start_together_found_one_world() {
    let mut cluster = Cluster::start().await;
    let mut pods = Vec::new();
    for _ in 0..4 {
        pods.push(cluster.start_pod());
    }
    for pod in &mut pods {
        pod.member().await;
    }
    let status = pods[0].status().await;
    assert_eq!(status.pods.len(), 4);
    let coordinator = status.pods.iter().find(|pod| pod.pod == status.coordinator);
    let coordinator = coordinator.expect("it is a member").name.clone();
    let holder = cluster.holder();
    assert!(
        holder.starts_with(&format!("{coordinator}_")),
        "{holder} is not {coordinator}"
    );
    assert_eq!(
        cluster.api.lease(LEASE).expect("it was written")["spec"]["leaseTransitions"],
        0
    );
    for pod in &pods {
        until(|| async { !cluster.api.deletion_costs(&pod.name).is_empty() }).await;
    }
    assert_eq!(cluster.api.unexpected(), [] as [String; 0]);

    // The role moves, and the Lease with it, long before it would have expired.
    let founder = pods
        .iter()
        .position(|pod| pod.name == coordinator)
        .expect("one of them");
    let left = pods.remove(founder).drain().await;
    assert_eq!(left.code(), Some(0));
    let heir = pods[0].status().await;
    let heir = heir
        .pods
        .iter()
        .find(|pod| pod.pod == heir.coordinator)
        .expect("a member")
        .name
        .clone();
    until(|| async { cluster.holder().starts_with(&format!("{heir}_")) }).await;
}

/// Three pods under load are replaced by three new ones: the new ones join while the old ones all leave at the same time. Nothing is lost, nothing doubled.
#[tokio::test]
async fn a_rolling_update_under_load_loses_nothing() {
    let mut cluster = Cluster::start().await;
    let mut old = Vec::new();
    for _ in 0..3 {
        let mut pod = cluster.start_pod();
        pod.member().await;
        old.push(pod);
    }
    let mut client = old[0].client().await;
    let mut ids = client
        .spawn_many(stream::iter(row(BODIES)))
        .await
        .expect("valid bodies");
    let mut new: Vec<_> = (0..3).map(|_| cluster.start_pod()).collect();
    for pod in &mut new {
        pod.member().await;
    }
    for pod in &old {
        pod.terminate();
    }
    // Load while they leave: what was acknowledged must be there.
    let mut through_new = new[0].client().await;
    for _ in 0..20 {
        ids.extend(
            through_new
                .spawn_many(stream::iter(row(5)))
                .await
                .expect("valid bodies"),
        );
    }
    for pod in old {
        assert_eq!(pod.ended().await.code(), Some(0));
    }
    let bodies = new[1]
        .client()
        .await
        .query(Region::everywhere())
        .await
        .expect("the world is whole");
    let found: Vec<u64> = bodies.iter().map(|body| body.id).collect();
    ids.sort_unstable();
    assert_eq!(found, ids, "lost or doubled");
    let status = new[2].status().await;
    assert_eq!((status.pods.len(), status.entities as usize), (3, ids.len()));
    until(|| async {
        new.iter()
            .any(|pod| cluster.holder().starts_with(&format!("{}_", pod.name)))
    })
    .await;
}

/// The API server is away for longer than the Lease counts: the world goes on, and what it says when it is back is that nothing has changed.
#[tokio::test]
async fn an_outage_of_the_api_server_does_not_disturb_the_world() {
    let mut cluster = Cluster::start().await;
    let mut pods = [cluster.start_pod(), cluster.start_pod()];
    for pod in &mut pods {
        pod.member().await;
    }
    let world = cluster.world();
    cluster.api.set_away(true);
    let before = pods[0].status().await.tick;
    tokio::time::sleep(cluster.lease_duration() * 2).await;
    let ticks = pods[0].status().await.tick - before;
    assert!(ticks > 60, "the world went on: {ticks} ticks");
    cluster.api.set_away(false);
    let mut late = cluster.start_pod();
    late.member().await;
    assert_eq!(
        pods[1].status().await.pods.len(),
        3,
        "it joined the world that is there"
    );
    let renewed = cluster.api.lease(LEASE).expect("it is there")["metadata"]["resourceVersion"].clone();
    until(|| async { cluster.api.lease(LEASE).expect("it is there")["metadata"]["resourceVersion"] != renewed }).await;
    assert_eq!(cluster.world(), world);
}

/// A pod is lost, so its world halts: every pod that is left says why and ends with exit code 1, and what the kubelet starts in their place founds anew.
#[tokio::test]
async fn pods_of_a_halted_world_end_and_found_anew_when_they_are_started_again() {
    let mut cluster = Cluster::start().await;
    let mut pods = vec![cluster.start_pod(), cluster.start_pod(), cluster.start_pod()];
    for pod in &mut pods {
        pod.member().await;
    }
    let mut client = pods[0].client().await;
    client
        .spawn_many(stream::iter(row(BODIES)))
        .await
        .expect("valid bodies");
    let world = cluster.world();
    let full = |pod: &jaguar_client::PodStatus| pod.entities > 0;
    until(|| async { pods[0].status().await.pods.iter().all(full) }).await;
    pods.remove(1).kill().await;
    until(|| async { matches!(pods[0].status().await.state, State::Halted(_)) }).await;
    assert_eq!(pods[0].http_get("/health/ready").0, 503);
    assert_eq!(pods[0].http_get("/health/live").0, 200, "still there for reads");
    for pod in &mut pods {
        let ended = pod.wait().await;
        assert_eq!(ended.code(), Some(1));
        pod.restart();
    }
    for pod in &mut pods {
        pod.member().await;
    }
    assert_ne!(cluster.world(), world);
    assert_eq!(pods[0].status().await.pods.len(), 2);
}

/// The Lease names another world, founded while this one could not renew it: this one stops, and says so.
#[tokio::test]
async fn a_world_that_was_replaced_stops() {
    let mut cluster = Cluster::start().await;
    let mut pods = [cluster.start_pod(), cluster.start_pod()];
    for pod in &mut pods {
        pod.member().await;
    }
    let mut lease = cluster.api.lease(LEASE).expect("it was written");
    lease["spec"]["holderIdentity"] = "another_1".into();
    lease["metadata"]["annotations"]["jaguar.dev/world"] = "00000000000000ff".into();
    cluster.api.set_lease(LEASE, Some(lease));
    for pod in &mut pods {
        until(|| async { matches!(pod.status().await.state, State::Halted(_)) }).await;
        let State::Halted(reason) = pod.status().await.state else {
            panic!("it has halted for good")
        };
        assert!(
            reason.contains("another_1") && reason.contains("00000000000000ff"),
            "{reason}"
        );
    }
    assert_eq!(cluster.holder(), "another_1", "and it leaves the record alone");
}

/// The last pod leaves: the world ends with it and says so, and the Lease is free at once. (Its founder never had an answer to the write that elected it.)
#[tokio::test]
async fn the_last_pod_ends_the_world_and_frees_the_lease() {
    let mut cluster = Cluster::start().await;
    cluster.api.lose_answers(1);
    let mut first = cluster.start_pod();
    first.member().await;
    let mut client = first.client().await;
    client.spawn_many(stream::iter(row(7))).await.expect("valid bodies");
    let world = cluster.world();
    first.terminate();
    let (ended, log) = first.ended_with_log().await;
    assert_eq!(ended.code(), Some(0));
    assert!(
        log.contains("the world ends with its last pod") && log.contains("entities=7"),
        "{log}"
    );
    assert_eq!(cluster.holder(), "");
    let mut next = cluster.start_pod();
    let found = tokio::time::timeout(Duration::from_secs(60), next.member());
    found
        .await
        .expect("far below the duration of a Lease that nobody frees");
    assert_ne!(cluster.world(), world);
}
