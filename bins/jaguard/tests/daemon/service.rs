//! What clients and operators get from one daemon: limits, reload, health, reflection, and clear words when it cannot start.

use std::collections::BTreeSet;
use std::fs;

use futures_util::stream;
use jaguar_client::{Code, CombineRule, Domain, Filter, Material, NewBody, Region, Shape};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::common::{row, until};
use crate::support::{Pod, command};

#[tokio::test]
async fn the_hard_limit_is_enforced_and_follows_the_configuration() {
    let directory = tempfile::tempdir().expect("a place for temporary files");
    let file = directory.path().join("jaguar.yaml");
    fs::write(&file, "entity_hard_limit: 10\n").expect("the directory is ours");
    let pod = Pod::start(&["--config", file.to_str().expect("a path in UTF-8"), "--paused"]);
    let mut client = pod.client().await;

    let error = client
        .spawn_many(stream::iter(row(11)))
        .await
        .expect_err("one too many");
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    assert!(error.to_string().contains("may hold 10"), "{error}");
    assert!(
        client
            .query(Region::everywhere())
            .await
            .expect("it is whole")
            .is_empty(),
        "a batch is spawned whole or not at all"
    );
    client.spawn_many(stream::iter(row(10))).await.expect("just enough");

    fs::write(&file, "entity_hard_limit: 11\n").expect("the directory is ours");
    let agreed = "jaguar_config_reloads_total{result=\"agreed\"}";
    until(|| async { pod.metric(agreed) == Some(1.0) }).await;
    client
        .spawn(NewBody {
            position: [0.0, 50.0, 0.0],
            ..NewBody::default()
        })
        .await
        .expect("the limit was raised");

    fs::write(&file, "entity_hard_limit: 0\n").expect("the directory is ours");
    let rejected = "jaguar_config_reloads_total{result=\"rejected\"} 1";
    until(|| async { pod.http_get("/metrics").1.contains(rejected) }).await;
    let error = client
        .spawn(NewBody::default())
        .await
        .expect_err("the limit before stays");
    assert!(error.to_string().contains("may hold 11"), "{error}");
}

/// What alerts and the autoscaler stand on: thresholds that follow the configuration, requests where they are stated, and the use of this very process.
#[tokio::test]
async fn thresholds_requests_and_usage_are_exported() {
    let directory = tempfile::tempdir().expect("a place for temporary files");
    let file = directory.path().join("jaguar.yaml");
    fs::write(&file, "cpu_request_millicores: 1500\n").expect("the directory is ours");
    let pod = Pod::start(&["--config", file.to_str().expect("a path in UTF-8"), "--paused"]);
    assert_eq!(pod.metric("jaguar_cpu_request_cores"), Some(1.5));
    assert_eq!(pod.metric("jaguar_memory_request_bytes"), None, "nobody has stated it");
    assert_eq!(pod.metric("jaguar_coordinator"), Some(1.0));
    assert_eq!(pod.metric("jaguar_world_halted"), Some(0.0));
    let first = pod.metric("jaguar_cpu_usage_seconds_total").expect("Linux says");
    assert!(pod.metric("jaguar_memory_working_set_bytes") > Some(1e6));
    until(|| async { pod.metric("jaguar_cpu_usage_seconds_total") > Some(first) }).await;

    let up = "jaguar_autoscale_threshold{metric=\"entities\",direction=\"up\"}";
    let down = "jaguar_autoscale_threshold{metric=\"entities\",direction=\"down\"}";
    assert_eq!((pod.metric(up), pod.metric(down)), (Some(7000.0), Some(2000.0)));
    fs::write(&file, "entity_scale_up_threshold: 5000\ncpu_request_millicores: 1500\n").expect("the directory is ours");
    until(|| async { pod.metric(up) == Some(5000.0) }).await;
    assert_eq!(pod.metric(down), Some(2000.0));
}

#[tokio::test]
async fn a_watch_follows_a_changed_interval() {
    let directory = tempfile::tempdir().expect("a place for temporary files");
    let file = directory.path().join("jaguar.toml");
    fs::write(&file, "state_sync_interval_ms = 60000\n").expect("the directory is ours");
    let pod = Pod::start(&["--config", file.to_str().expect("a path in UTF-8")]);
    let mut client = pod.client().await;
    client.spawn_many(stream::iter(row(3))).await.expect("valid bodies");
    let mut frames = client.watch(Region::everywhere()).await.expect("a region");
    let first = frames.next().await.expect("the pod stays").expect("the stream goes on");
    assert_eq!(first.bodies.len(), 3);

    fs::write(&file, "state_sync_interval_ms = 10\n").expect("the directory is ours");
    for _ in 0..10 {
        let next = frames.next().await.expect("the pod stays").expect("the stream goes on");
        assert!(next.tick > first.tick);
        for (before, now) in first.bodies.iter().zip(&next.bodies) {
            assert!(
                now.id == before.id && now.position[1] < before.position[1],
                "{before:?} {now:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_body_in_a_stream_is_named_and_nothing_after_it_is_spawned() {
    let pod = Pod::start(&["--paused"]);
    let mut client = pod.client().await;
    let bad_at = 5_000;
    let bodies = row(10_000).enumerate().map(move |(i, body)| NewBody {
        mass: if i == bad_at { -1.0 } else { 1.0 },
        ..body
    });
    let error = client
        .spawn_many(stream::iter(bodies))
        .await
        .expect_err("one has no mass");
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    assert!(error.to_string().contains("bodies[5000].mass_kg: -1 "), "{error}");
    let spawned = client.query(Region::everywhere()).await.expect("it is whole").len();
    assert!(spawned < bad_at, "{spawned} of the bodies before the bad one exist");
    assert!(
        error
            .to_string()
            .contains(&format!("the first {spawned} bodies of the stream were spawned")),
        "{error}"
    );
}

#[tokio::test]
async fn health_and_both_versions_of_reflection_are_there() {
    let pod = Pod::start(&["--paused"]);
    let endpoint = Endpoint::from_shared(format!("http://{}", pod.grpc)).expect("an address");
    let channel = endpoint.connect().await.expect("a member serves");
    let mut health = HealthClient::new(channel.clone());
    for service in ["", "jaguar.v1.World"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = health.check(request).await.expect("the service is known").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }

    let ask = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
        ..Default::default()
    };
    let mut reflection = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = reflection
        .server_reflection_info(stream::iter([ask]))
        .await
        .expect("v1 is there")
        .into_inner();
    let answer = answers
        .message()
        .await
        .expect("an answer")
        .and_then(|answer| answer.message_response);
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) = answer else {
        panic!("another answer: {answer:?}");
    };
    let names: BTreeSet<_> = list.service.into_iter().map(|service| service.name).collect();
    for name in [
        "jaguar.v1.World",
        "jaguar.v1.Log",
        "jaguar.v1.Admin",
        "grpc.health.v1.Health",
    ] {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }

    let ask = v1alpha::ServerReflectionRequest {
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol("jaguar.v1.World".to_owned()),
        ),
        ..Default::default()
    };
    let mut reflection = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = reflection
        .server_reflection_info(stream::iter([ask]))
        .await
        .expect("v1alpha is there")
        .into_inner();
    let answer = answers
        .message()
        .await
        .expect("an answer")
        .and_then(|answer| answer.message_response);
    assert!(
        matches!(
            answer,
            Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_))
        ),
        "{answer:?}"
    );
}

#[test]
fn what_keeps_it_from_starting_is_said_with_exit_code_2() {
    let cases: [(&[&str], &str); 5] = [
        (&["--set", "entity_hard_limit=none"], "entity_hard_limit"),
        (&["--rate", "fast"], "target_tick_rate"),
        (&["--scenario", "/no/such/file.toml"], "/no/such/file.toml"),
        (
            &["--join", "127.0.0.1:1", "--paused"],
            "--paused is for the pod that founds a world",
        ),
        (
            &["--set", "scenario=", "--bodies", "/no/such/file.csv"],
            "/no/such/file.csv",
        ),
    ];
    for (arguments, part) in cases {
        let output = command(arguments)
            .stderr(std::process::Stdio::piped())
            .output()
            .expect("the daemon's binary was built");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "only a member is announced");
    }
}

#[tokio::test]
async fn bodies_of_all_shapes_are_read_as_they_were_spawned_and_move_by_their_thrust() {
    let pod = Pod::start(&["--paused"]);
    let mut client = pod.client().await;
    let shapes = [
        Shape::Sphere { radius: 0.25 },
        Shape::Capsule {
            half_height: 0.5,
            radius: 0.25,
        },
        Shape::Cuboid {
            half_extents: [0.5, 0.25, 0.125],
        },
    ];
    let mut last = 0;
    for (x, shape) in (0_u8..).zip(shapes) {
        let given = NewBody {
            position: [4.0 * f64::from(x), 50.0, 0.0],
            shape: Some(shape),
            mass: 2.0,
            material: Material {
                rolling_resistance: 0.25,
                friction_rule: CombineRule::Product,
                ..Material::default()
            },
            filter: Filter { groups: 2, mask: 5 },
            sensor: x == 2,
            domain: Domain::Sea,
            drag_area: 0.5,
            thrust: [1.0, 0.0, 0.0],
            ..NewBody::default()
        };
        let id = client.spawn(given).await.expect("a valid body");
        let body = client.body(id).await.expect("it was spawned");
        assert_eq!(
            (body.shape, body.material, body.filter),
            (shape, given.material, given.filter)
        );
        assert_eq!((body.sensor, body.domain, body.drag_area), (x == 2, Domain::Sea, 0.5));
        assert_eq!(body.thrust, given.thrust);
        last = id;
    }
    let ball = last - 2;
    client.set_thrust(ball, [0.0, 0.0, 120.0]).await.expect("it is there");
    client.step(60).await.expect("it is paused");
    let velocity = client.body(ball).await.expect("it is there").velocity;
    // 120 N on 2 kg for a second.
    assert!((velocity[2] - 60.0).abs() < 1.0 && velocity[0] == 0.0, "{velocity:?}");

    let no_hull = NewBody {
        shape: Some(Shape::Hull(0)),
        ..NewBody::default()
    };
    let error = client.spawn(no_hull).await.expect_err("the world has no hulls");
    assert!(error.to_string().contains("body.shape.hull"), "{error}");
    let error = client.set_thrust(ball, [1e13, 0.0, 0.0]).await.expect_err("too much");
    assert!(error.to_string().contains("thrust: "), "{error}");
    let error = client.set_thrust(4711, [0.0; 3]).await.expect_err("there is none");
    assert_eq!(error.code(), Code::NotFound, "{error}");
}
