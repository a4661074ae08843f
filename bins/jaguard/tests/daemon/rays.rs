//! Rays over the whole world: whatever pods hold it, whoever is asked, one at a time or many at once.

use jaguar_proto::v1::world_client::WorldClient;
use jaguar_proto::v1::{CastRayRequest, CastRaysRequest, Point, RayAnswer, Vector};

use crate::common::row;
use crate::support::Pod;

/// Rays from above onto the row of `row(60)`, most of them askew, and some that miss.
fn rays() -> Vec<CastRayRequest> {
    let ray = |number: u32| CastRayRequest {
        origin: Some(Point {
            x: 1.3 * f64::from(number) - 60.0,
            y: 40.0,
            z: 0.1,
        }),
        direction: Some(Vector {
            x: 0.007 * (number % 7) as f32,
            y: -0.3,
            z: 0.0,
        }),
        max_distance_m: 90.0,
    };
    (0..100).map(ray).collect()
}

#[tokio::test]
async fn rays_meet_the_same_on_one_pod_and_on_three_alone_and_in_a_batch() {
    let mut worlds: Vec<Vec<RayAnswer>> = Vec::new();
    for joiners in [0, 2] {
        let founder = Pod::start(&["--paused", "--shuffle", "7"]);
        let others: Vec<Pod> = (0..joiners).map(|_| founder.joined_by(&[])).collect();
        let spawned = founder
            .client()
            .await
            .spawn_many(futures_util::stream::iter(row(60)))
            .await;
        spawned.expect("valid bodies");
        for pod in others.iter().chain([&founder]) {
            let mut world = WorldClient::connect(format!("http://{}", pod.grpc))
                .await
                .expect("a member serves");
            let batch = world.cast_rays(CastRaysRequest { rays: rays() }).await;
            let answers = batch.expect("the world is whole").into_inner().answers;
            for (ray, answer) in rays().into_iter().zip(&answers).step_by(9) {
                let alone = world.cast_ray(ray).await.expect("the world is whole").into_inner();
                assert_eq!(alone.hit, answer.hit, "{ray:?}");
            }
            worlds.push(answers);
        }
    }
    let hits = worlds[0].iter().filter(|answer| answer.hit.is_some()).count();
    assert!((10..90).contains(&hits), "{hits} hits of {}", worlds[0].len());
    assert!(worlds.iter().all(|answers| *answers == worlds[0]));
}
