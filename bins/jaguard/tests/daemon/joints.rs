//! Joints of real processes: bodies that different pods hold are joined and let go through any pod, and what cannot be joined leaves nothing behind.

use jaguar_client::{Body, Client, Code, JointKind, JointedBody, Motor, NewBody, NewJoint, Region, Spring, State};

use crate::support::Pod;

/// Balls in a row along x over many tiles, 1.5 m apart, that move a little against each other.
async fn spawn_row(client: &mut Client, count: u32) -> Vec<u64> {
    let bodies = (0..count).map(|i| NewBody {
        position: [1.5 * f64::from(i), 50.0, 0.0],
        velocity: [0.0, 0.0, if i % 2 == 0 { 1.0 } else { -1.0 }],
        ..NewBody::default()
    });
    let bodies: Vec<NewBody> = bodies.collect();
    let spawned = client.spawn_many(futures_util::stream::iter(bodies)).await;
    spawned.expect("valid bodies")
}

/// A joint of each kind in turn between two bodies of the row, half way.
fn link(number: usize, (first, second): (u64, u64)) -> NewJoint {
    let kinds = [
        JointKind::Ball,
        JointKind::Hinge {
            limits: Some([-0.5, 1.0]),
            motor: Some(Motor {
                speed: 2.0,
                max_torque: 50.0,
            }),
        },
        JointKind::Distance {
            length: 0.25,
            spring: Some(Spring {
                frequency: 3.0,
                damping_ratio: 0.5,
            }),
        },
        JointKind::Fixed,
        JointKind::Distance {
            length: 0.0,
            spring: None,
        },
    ];
    let end = |body, x| JointedBody {
        anchor: [x, 0.0, 0.0],
        ..JointedBody::centre_of(body)
    };
    NewJoint::between(end(first, 0.75), end(second, -0.75), kinds[number % kinds.len()])
}

fn distance(a: &Body, b: &Body) -> f64 {
    let squares = a.position.iter().zip(b.position).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}

/// Every tile changes its owner in every entry, so most joints are of bodies of two pods at some time.
#[tokio::test]
async fn joints_that_come_and_go_give_the_same_world_on_one_pod_and_on_three() {
    const BODIES: u32 = 120;
    let mut outcomes = Vec::new();
    for joiners in [0, 2] {
        let founder = Pod::start(&["--paused", "--rate", "max", "--shuffle", "7"]);
        let others: Vec<Pod> = (0..joiners).map(|_| founder.joined_by(&["--rate", "max"])).collect();
        let mut client = founder.client().await;
        // Joints go through another pod than the one that holds, coordinates or spawned.
        let mut joiner = others.last().unwrap_or(&founder).client().await;
        let ids = spawn_row(&mut client, BODIES).await;
        let mut joints = Vec::new();
        for (number, pair) in ids.windows(2).enumerate() {
            let joint = joiner.add_joint(link(number, (pair[0], pair[1]))).await;
            joints.push(joint.expect("they lie near each other"));
        }
        client.step(40).await.expect("the world is whole");
        let bodies = client.query(Region::everywhere()).await.expect("the world is whole");
        let farthest = bodies
            .windows(2)
            .map(|pair| distance(&pair[0], &pair[1]))
            .fold(0.0, f64::max);
        // Let alone, neighbours would be more than 2 m apart by now.
        assert!(farthest < 1.9, "{farthest} m");

        for joint in joints.iter().step_by(3) {
            joiner.remove_joint(*joint).await.expect("it is there");
        }
        joiner.despawn(ids[30]).await.expect("it is there");
        client.step(20).await.expect("the world is whole");
        for (number, pair) in ids.windows(2).enumerate().skip(60).step_by(3) {
            let rejoined = joiner.add_joint(link(number + 1, (pair[0], pair[1]))).await;
            rejoined.expect("they have not gone far");
        }
        // Of 119 joints 40 were removed, two were of the body that is gone, one of them removed already; 20 were made again.
        client.step(40).await.expect("the world is whole");
        let status = client.status().await.expect("a member has a status");
        assert_eq!((status.state, status.joints), (State::Paused, 119 - 40 - 1 + 20));
        assert!(
            joiners == 0 || status.handed_over > u64::from(BODIES),
            "{}",
            status.handed_over
        );
        outcomes.push((status.tick, status.hash));
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

/// The world stands still, so that what cannot be would stay until the next tick.
#[tokio::test]
async fn what_cannot_be_joined_is_said_and_leaves_nothing() {
    let founder = Pod::start(&["--paused"]);
    let other = founder.joined_by(&[]);
    let mut client = other.client().await;
    let at = |x: f64| NewBody {
        position: [x, 50.0, 0.0],
        ..NewBody::default()
    };
    let near = client.spawn(at(0.0)).await.expect("a valid body");
    let next = client.spawn(at(2.0)).await.expect("a valid body");
    let far = client.spawn(at(200.0)).await.expect("a valid body");
    let gone = client.spawn(at(4.0)).await.expect("a valid body");
    client.despawn(gone).await.expect("it is there");
    let before = founder.status().await;

    let to = |second| {
        NewJoint::between(
            JointedBody::centre_of(near),
            JointedBody::centre_of(second),
            JointKind::Ball,
        )
    };
    let to_come = gone + 10;
    let cases = [
        (
            to(far),
            Code::FailedPrecondition,
            "centres are 200 m apart, allowed is 0 to 4 m",
        ),
        (to(gone), Code::NotFound, "joint.body.body_id: there is no body"),
        (to(to_come), Code::NotFound, "joint.body.body_id: there is no body"),
        (to(near), Code::InvalidArgument, "with itself"),
        (
            NewJoint {
                kind: JointKind::Hinge {
                    limits: Some([2.0, 1.0]),
                    motor: None,
                },
                ..to(next)
            },
            Code::InvalidArgument,
            "joint.hinge.limits.lower_rad: 2 is outside -3.1415927 to 1 rad",
        ),
    ];
    for (joint, code, part) in cases {
        let error = client.add_joint(joint).await.expect_err("it cannot be");
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = client.remove_joint(gone).await.expect_err("it is no joint");
    assert_eq!(error.code(), Code::NotFound, "{error}");
    assert!(error.to_string().contains("there is no joint"), "{error}");
    let after = founder.status().await;
    assert_eq!((after.joints, after.hash), (0, before.hash));
    assert_eq!(
        other.metric("jaguar_commands_total{kind=\"join\",outcome=\"refused\"}"),
        Some(5.0)
    );

    // A body that is pulled out of its joint's reach breaks it: 4 m more than it should be.
    let joint = client
        .add_joint(NewJoint::between(
            JointedBody::centre_of(near),
            JointedBody::centre_of(next),
            JointKind::Distance {
                length: 2.0,
                spring: Some(Spring {
                    frequency: 0.01,
                    damping_ratio: 0.0,
                }),
            },
        ))
        .await
        .expect("they lie near each other");
    client.step(1).await.expect("the world is whole");
    assert_eq!(founder.status().await.joints, 1);
    client
        .set_velocity(next, [120.0, 0.0, 0.0], [0.0; 3])
        .await
        .expect("it is there");
    client.step(20).await.expect("the world is whole");
    assert_eq!(founder.status().await.joints, 0);
    let error = client.remove_joint(joint).await.expect_err("it has broken");
    assert_eq!(error.code(), Code::NotFound, "{error}");
}
