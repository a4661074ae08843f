//! A heap of bodies is asked what is where: `cargo run --release -p jaguar-core --example queries`.

use std::time::Instant;

use glam::DVec3;
use jaguar_core::query::{Nearby, QueryFilter, Ray, RayTarget, Region, Sweep};
use jaguar_core::scenes::{self, Random};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut world = scenes::mixed(2_000, 1).world()?;
    for _ in 0..60 {
        world.step();
    }
    // The index is good until the world moves; the compiler sees to that.
    let (queries, build_ms) = timed(|| world.queries());
    println!("index over {} bodies in {build_ms:.1} ms", world.len());

    let all = QueryFilter::default();
    let from_above = Ray {
        origin: DVec3::new(0.0, 100.0, 0.0),
        direction: DVec3::NEG_Y,
        max_distance: 200.0,
    };
    let hit = queries.cast_ray(&from_above, &all).ok_or("there is a floor")?;
    println!(
        "straight down from 100 m: {:?} after {:.3} m, normal {:.3}",
        hit.target, hit.distance, hit.normal
    );

    // The same way for a ball of half a metre, past the body that the ray hit.
    let without_first = match hit.target {
        RayTarget::Body(id) => all.without(id),
        RayTarget::Static(_) => all,
    };
    let ball = Sweep {
        centre: from_above.origin,
        radius: 0.5,
        direction: DVec3::NEG_Y,
        max_distance: 200.0,
    };
    let touch = queries.cast_ball(&ball, &without_first).ok_or("there is a floor")?;
    println!(
        "a ball of 0.5 m past it: {:?} after {:.3} m",
        touch.target, touch.distance
    );

    let around = Region::Ball {
        centre: hit.point,
        radius: 2.0,
    };
    println!(
        "within 2 m of that point: {} bodies",
        queries.bodies_in(&around, &all).len()
    );
    let nearby = Nearby {
        point: hit.point,
        count: 3,
        max_distance: 10.0,
    };
    for neighbour in queries.nearest(&nearby, &all) {
        println!("  body {} is {:.3} m away", neighbour.id.0, neighbour.distance);
    }

    let mut random = Random(1);
    let rays: Vec<Ray> = (0..10_000)
        .map(|_| Ray {
            origin: hit.point + random.vector(20.0),
            direction: random.vector(1.0),
            max_distance: 100.0,
        })
        .collect();
    let (hits, cast_ms) = timed(|| queries.cast_rays(&rays, &all));
    let count = hits.iter().flatten().count();
    println!("{count} of {} rays hit something, in {cast_ms:.1} ms", rays.len());
    Ok(())
}

/// What a call gives, and how long it takes, ms.
#[expect(clippy::disallowed_methods, reason = "the core knows no clock, who times it does")]
fn timed<T>(call: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = call();
    (result, start.elapsed().as_secs_f64() * 1000.0)
}
