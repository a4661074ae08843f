//! Worlds of real processes: what is spawned through one pod is read through another, pods come and go, and nothing is lost.

use jaguar_client::{Code, Region, State};

use crate::common::{row, until};
use crate::support::Pod;

const BODIES: usize = 300;

#[tokio::test]
async fn what_is_spawned_through_one_pod_is_the_same_through_every_other() {
    let founder = Pod::start(&["--paused"]);
    let pods = [founder.joined_by(&[]), founder.joined_by(&[])];
    let ids = founder
        .client()
        .await
        .spawn_many(futures_util::stream::iter(row(BODIES)))
        .await
        .expect("valid bodies");
    assert_eq!(ids.len(), BODIES);

    let mut first = pods[0].client().await;
    assert_eq!(first.step(120).await.expect("the world is whole"), 120);
    let mut expected = founder
        .client()
        .await
        .query(Region::everywhere())
        .await
        .expect("the world is whole");
    assert_eq!(expected.iter().map(|body| body.id).collect::<Vec<_>>(), ids);
    for pod in &pods {
        let mut client = pod.client().await;
        assert_eq!(
            client.query(Region::everywhere()).await.expect("the world is whole"),
            expected
        );
        for body in &expected {
            assert_eq!(client.body(body.id).await.expect("it exists"), *body);
        }
    }

    // A change through one pod shows through the others.
    let id = expected.swap_remove(17).id;
    first
        .set_velocity(id, [1.0, 2.0, 3.0], [0.0; 3])
        .await
        .expect("it exists");
    let seen = pods[1].client().await.body(id).await.expect("it exists");
    assert_eq!(seen.velocity, [1.0, 2.0, 3.0]);
    first.despawn(id).await.expect("it exists");
    let error = pods[1].client().await.body(id).await.expect_err("it was removed");
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

#[tokio::test]
async fn the_hash_does_not_depend_on_the_pods_even_when_every_tile_changes_its_owner_every_tick() {
    let mut hashes = Vec::new();
    for joiners in [0, 2] {
        let founder = Pod::start(&["--paused", "--rate", "max", "--shuffle", "7"]);
        let _others: Vec<Pod> = (0..joiners).map(|_| founder.joined_by(&["--rate", "max"])).collect();
        let mut client = founder.client().await;
        // Two rows that fly into each other over many tiles.
        let bodies = row(BODIES).enumerate().map(|(i, mut body)| {
            let side = if i % 2 == 0 { 1.0 } else { -1.0 };
            body.velocity = [-6.0 * side, 0.0, 0.0];
            body
        });
        client
            .spawn_many(futures_util::stream::iter(bodies))
            .await
            .expect("valid bodies");
        client.run_to(90).await.expect("the world is whole");
        let status = client.status().await.expect("a member has a status");
        assert_eq!(
            (status.tick, status.entities, status.pods.len()),
            (90, BODIES as u64, joiners + 1)
        );
        assert!(joiners == 0 || status.handed_over > BODIES as u64, "{status:?}");
        hashes.push(status.hash);
    }
    assert_eq!(hashes[0], hashes[1]);
}

#[tokio::test]
async fn a_world_of_three_pods_spreads_over_them_and_reads_whole_while_it_moves() {
    let founder = Pod::start(&["--set", "entity_migration_batch_size=100000"]);
    let pods = [founder.joined_by(&[]), founder.joined_by(&[])];
    let mut client = founder.client().await;
    client
        .spawn_many(futures_util::stream::iter(row(BODIES)))
        .await
        .expect("valid bodies");
    until(|| async {
        let counts: Vec<u64> = pods[0].status().await.pods.iter().map(|pod| pod.entities).collect();
        counts.len() == 3 && counts.iter().all(|&count| count > 0)
    })
    .await;
    for _ in 0..50 {
        let bodies = pods[1]
            .client()
            .await
            .query(Region::everywhere())
            .await
            .expect("the world is whole");
        assert_eq!(bodies.len(), BODIES);
    }
}

#[tokio::test]
async fn pods_leave_with_exit_code_0_and_nothing_is_lost_the_coordinator_too() {
    let founder = Pod::start(&[]);
    let second = founder.joined_by(&[]);
    let third = founder.joined_by(&[]);
    let ids = founder
        .client()
        .await
        .spawn_many(futures_util::stream::iter(row(BODIES)))
        .await
        .expect("valid bodies");
    assert_eq!(third.status().await.coordinator, founder.number);

    assert_eq!(second.drain().code(), Some(0));
    assert_eq!(founder.metric("jaguar_drains_total{result=\"completed\"}"), Some(1.0));
    assert_eq!(founder.drain().code(), Some(0));
    let mut client = third.client().await;
    let left: Vec<u64> = client
        .query(Region::everywhere())
        .await
        .expect("the world is whole")
        .iter()
        .map(|body| body.id)
        .collect();
    assert_eq!(left, ids);
    let number = third.number;
    until(|| async {
        let status = third.status().await;
        status.coordinator == number && status.pods.len() == 1 && status.entities == BODIES as u64
    })
    .await;
    let tick = client.status().await.expect("a member").tick;
    until(|| async { third.status().await.tick > tick }).await;
    assert_eq!(third.metric("jaguar_drains_total{result=\"completed\"}"), Some(1.0));
    assert_eq!(third.drain().code(), Some(0), "the last pod ends the world");
}

/// The only other pod is stopped, so the founder can give its bodies to nobody. When its time is up it counts them, and stays until Prometheus has seen that.
#[tokio::test]
async fn a_drain_that_misses_its_deadline_is_counted() {
    let founder = Pod::start(&[
        "--set",
        "entity_migration_enabled=false",
        "--set",
        "migration_timeout_seconds=1",
        "--set",
        "cluster_node_timeout_ms=600000",
    ]);
    let mut client = founder.client().await;
    client
        .spawn_many(futures_util::stream::iter(row(BODIES)))
        .await
        .expect("valid bodies");
    let other = founder.joined_by(&[]);
    let lost = "jaguar_entity_migration_failures_total";
    assert_eq!(founder.metric(lost), Some(0.0));
    other.signal("STOP");
    founder.signal("TERM");
    until(|| async { founder.metric(lost) == Some(BODIES as f64) }).await;
    assert_eq!(founder.wait().code(), Some(1), "it was seen, so it ends");
}

#[tokio::test]
async fn a_killed_pod_halts_the_world_which_says_what_was_lost_and_stays_up() {
    let timing = [
        "--set",
        "cluster_heartbeat_interval_ms=100",
        "--set",
        "cluster_node_timeout_ms=1000",
    ];
    let founder = Pod::start(&timing);
    let victim = founder.joined_by(&[&timing[..], &["--name", "victim"]].concat());
    let mut client = founder.client().await;
    client
        .spawn_many(futures_util::stream::iter(row(BODIES)))
        .await
        .expect("valid bodies");
    assert_eq!(founder.http_get("/health/ready").0, 200);
    until(|| async {
        founder
            .status()
            .await
            .pods
            .iter()
            .any(|pod| pod.name == "victim" && pod.entities > 0)
    })
    .await;
    assert_eq!(founder.metric("jaguar_world_halted"), Some(0.0));
    victim.kill();

    until(|| async { matches!(founder.status().await.state, State::Halted(_)) }).await;
    assert_eq!(founder.metric("jaguar_world_halted"), Some(1.0));
    let State::Halted(reason) = founder.status().await.state else {
        panic!("it has halted for good")
    };
    assert!(reason.contains("victim") && reason.contains("bodies"), "{reason}");
    let error = client
        .query(Region::everywhere())
        .await
        .expect_err("a part of the world is lost");
    assert_eq!(error.code(), Code::FailedPrecondition, "{error}");
    assert!(error.to_string().contains("victim"), "{error}");
    let error = client
        .spawn_many(futures_util::stream::iter(row(1)))
        .await
        .expect_err("the world has halted");
    assert_eq!(error.code(), Code::FailedPrecondition, "{error}");
    let (ready, body) = founder.http_get("/health/ready");
    assert_eq!(ready, 503, "{body}");
    assert!(body.contains("victim"), "{body}");
    assert_eq!(
        founder.http_get("/health/live").0,
        200,
        "a restart would bring nothing back"
    );
    assert_eq!(founder.drain().code(), Some(0));
}
