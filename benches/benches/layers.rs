//! What each layer costs by itself: a tick, a hand-over, a partition, the codec, a decision of the autoscaler.
//!
//! Ticks run on all cores. Every sample of a tick starts from the same snapshot, so that all samples time the same ticks.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use glam::DVec3;
use jaguar_autoscale::{Behavior, DeadBand, History, Metric, Observation, Reading, Sample, Spec, Target, decide};
use jaguar_benches::course::Course;
use jaguar_core::query::{QueryFilter, Ray};
use jaguar_core::scenes::Random;
use jaguar_core::{Boundary, World};
use jaguar_migration::envelope;
use jaguar_partition::balance::{BalanceLimits, plan};
use jaguar_partition::{CurveKey, OwnershipMap, PodId, key_of, reachable};

/// Pods in the benchmarks of what grows with their number.
const PODS: u32 = 100;

criterion_group! {
    name = layers;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = ticks, queries, hand_over, partition, codec, autoscale
}
criterion_main!(layers);

/// A course's world when its timed ticks begin.
fn world_of(course: Course, bodies: usize) -> World {
    let mut world = course.scene(bodies, 1).world().expect("the course is valid");
    for _ in 0..course.timed_ticks().start {
        world.step();
    }
    world
}

fn restored(snapshot: &[u8]) -> World {
    World::restore(snapshot).expect("it was just taken")
}

fn ticks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tick");
    group.sampling_mode(SamplingMode::Flat);
    for course in Course::BALLS {
        for bodies in [1_000, 10_000, 50_000] {
            let snapshot = world_of(course, bodies).snapshot();
            group.throughput(Throughput::Elements(bodies as u64));
            group.bench_function(BenchmarkId::new(course.to_string(), bodies), |bencher| {
                bencher.iter_custom(|iterations| {
                    let mut world = restored(&snapshot);
                    // Memory is allocated and candidate pairs are found by the first tick after a restore.
                    world.step();
                    let start = Instant::now();
                    for _ in 0..iterations {
                        world.step();
                    }
                    start.elapsed()
                });
            });
        }
    }
}

/// Questions to a settled pile of 10,000 balls.
fn queries(criterion: &mut Criterion) {
    let pile = world_of(Course::Pile, 10_000);
    let mut random = Random(1);
    let rays: Vec<Ray> = (0..10_000)
        .map(|_| Ray {
            origin: DVec3::Y * 5.0 + random.vector(10.0),
            direction: random.vector(1.0),
            max_distance: 100.0,
        })
        .collect();
    let all = QueryFilter::default();
    let mut group = criterion.benchmark_group("queries of a pile of 10000");
    group.bench_function("index", |bencher| bencher.iter(|| pile.queries()));
    group.bench_function("a ray without index", |bencher| {
        bencher.iter(|| pile.queries_by_scan().cast_ray(black_box(&rays[0]), &all));
    });
    let indexed = pile.queries();
    group.bench_function("a ray", |bencher| {
        bencher.iter(|| indexed.cast_ray(black_box(&rays[0]), &all));
    });
    group.throughput(Throughput::Elements(rays.len() as u64));
    group.bench_function("a batch of 10000 rays", |bencher| {
        bencher.iter(|| indexed.cast_rays(black_box(&rays), &all));
    });
}

/// A settled pile of 1,000 balls, contacts included, changes from one pod to another.
fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand-over of 1000 bodies");
    let pile = world_of(Course::Pile, 1_000);
    let snapshot = pile.snapshot();
    let empty = || World::new(pile.config()).expect("it is in use");
    let all_to_pod_1 = |world: &mut World| world.exchange_out(0, |_| 1);

    let sent = all_to_pod_1(&mut restored(&snapshot));
    let [(1, boundary)] = sent.as_slice() else {
        panic!("one neighbour gets everything, not {} neighbours", sent.len());
    };
    assert_eq!(boundary.handed_over.len(), 1_000);

    group.throughput(Throughput::Elements(1_000));
    group.bench_function("out", |bencher| {
        let send = |mut world: World| (all_to_pod_1(&mut world), world);
        bencher.iter_batched(|| restored(&snapshot), send, BatchSize::LargeInput);
    });
    group.bench_function("in", |bencher| {
        let receive = |mut world: World| {
            world.exchange_in(boundary).expect("it is new to this world");
            world
        };
        bencher.iter_batched(empty, receive, BatchSize::LargeInput);
    });
}

/// The tiles of a flat world, 64 by 4 by 64, with loads that grow along the curve.
fn tiles() -> Vec<(CurveKey, u32)> {
    let mut keys: Vec<CurveKey> = (0..64 * 4 * 64)
        .map(|i| key_of([i % 64 - 32, i / 64 % 4, i / 256 - 32]))
        .collect();
    keys.sort_unstable();
    keys.into_iter()
        .enumerate()
        .map(|(i, key)| (key, i as u32 / 100))
        .collect()
}

fn partition(criterion: &mut Criterion) {
    let tiles = tiles();
    let per_pod = tiles.len() / PODS as usize;
    let start = |pod: u32| match pod {
        0 => CurveKey::START,
        _ => tiles[pod as usize * per_pod].0,
    };
    let ranges = (0..PODS).map(|pod| (start(pod), PodId(pod))).collect();
    let map = OwnershipMap::from_ranges(ranges).expect("starts ascend");
    let limits = BalanceLimits {
        max_entities_per_stream: 1_000,
        max_streams: PODS,
        tolerance: 0.1,
    };

    let mut group = criterion.benchmark_group("partition");
    group.bench_function("key of a tile", |bencher| {
        let mut x = 0;
        bencher.iter(|| {
            x = (x + 1) & 0xfffff;
            key_of(black_box([x, 7, -x]))
        });
    });
    let next = plan(&map, &tiles, &[], &limits).expect("the loads are uneven");
    group.bench_function("plan for 100 pods and 16384 tiles", |bencher| {
        bencher.iter(|| plan(black_box(&map), &tiles, &[], &limits));
    });
    group.bench_function("reachable among 100 pods", |bencher| {
        bencher.iter(|| reachable(black_box(&map), &next, 2));
    });
}

/// What a pod with half of a settled pile sends its neighbour every tick.
fn boundary_with_ghosts(count: usize) -> Boundary {
    let mut pile = world_of(Course::Pile, 10_000);
    let half = |tile: jaguar_core::TileIndex| u32::from(tile.x >= 0);
    let [(1, boundary)]: [_; 1] = pile.exchange_out(0, half).try_into().expect("one neighbour") else {
        panic!("the neighbour is pod 1");
    };
    let mut ghosts = boundary.ghosts;
    assert!(ghosts.len() >= count, "only {} ghosts", ghosts.len());
    ghosts.truncate(count);
    Boundary {
        ghosts,
        ..Boundary::default()
    }
}

fn codec(criterion: &mut Criterion) {
    let boundary = boundary_with_ghosts(500);
    let sealed = envelope::seal(&boundary);
    let pile = world_of(Course::Pile, 10_000);
    let snapshot = pile.snapshot();
    assert_eq!(envelope::open::<Boundary>("boundary", &sealed).as_ref(), Ok(&boundary));

    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Bytes(sealed.len() as u64));
    group.bench_function("seal a boundary with 500 ghosts", |bencher| {
        bencher.iter(|| envelope::seal(black_box(&boundary)));
    });
    group.bench_function("open a boundary with 500 ghosts", |bencher| {
        bencher.iter(|| envelope::open::<Boundary>("boundary", black_box(&sealed)));
    });
    group.throughput(Throughput::Bytes(snapshot.len() as u64));
    group.bench_function("snapshot of a pile of 10000", |bencher| {
        bencher.iter_with_large_drop(|| pile.snapshot());
    });
    group.bench_function("restore a pile of 10000", |bencher| {
        bencher.iter_with_large_drop(|| restored(black_box(&snapshot)));
    });
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("hash of a pile of 10000", |bencher| bencher.iter(|| pile.hash()));
}

fn autoscale(criterion: &mut Criterion) {
    let pods = PODS as usize;
    let spec = Spec::new(1, 2 * PODS, Behavior::seed()).expect("1 is below 200");
    let metric = |name: &str, band: DeadBand, average: f64| Metric {
        name: name.to_owned(),
        target: Target::AverageValue(band.upper()),
        reading: Reading::Pods(band.apply(&vec![Sample::Measured(average); pods], spec.tolerance())),
    };
    let observation = Observation {
        current_replicas: PODS,
        ready_replicas: PODS,
        metrics: vec![
            metric("entities", DeadBand::SEED_ENTITIES, 9_000.0),
            metric("cpu", DeadBand::SEED_CPU, 80.0),
        ],
    };
    criterion.bench_function("autoscale/decide for 100 pods", |bencher| {
        bencher.iter(|| {
            decide(
                &spec,
                History::default(),
                black_box(&observation),
                Duration::from_secs(1_000),
            )
        });
    });
}
