//! Rays, moving balls, regions and neighbours: against every body looked at by other means, against closed forms, and whether an index, a batch or threads change an answer.

use std::sync::LazyLock;

use glam::{DMat3, DVec3, Quat, Vec3};
use jaguar_core::query::{Nearby, Queries, QueryFilter, Ray, RayHit, RayTarget, Region, Sweep};
use jaguar_core::scenes::{self, Random};
use jaguar_core::shape::{ConvexHull, HeightField};
use jaguar_core::{Body, BodyDesc, BodyId, Filter, HullId, Shape, StaticShape, World, WorldConfig};
use proptest::prelude::*;

const ALL: QueryFilter = QueryFilter {
    filter: Filter {
        groups: u32::MAX,
        mask: u32::MAX,
    },
    except: None,
    sensors: true,
    statics: true,
};

fn same_cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

/// A world of one kind of thing that stands still.
fn world_of(statics: Vec<StaticShape>, bodies: &[BodyDesc]) -> World {
    let mut world = World::new(WorldConfig {
        statics,
        hulls: HULLS.clone(),
        ..WorldConfig::default()
    })
    .unwrap();
    for body in bodies {
        world.spawn(body).unwrap();
    }
    world
}

/// The hulls of these tests, all of whose faces are triangles.
static HULLS: LazyLock<Vec<ConvexHull>> = LazyLock::new(|| scenes::stones(6, 1.5, 4));

/// Balls, capsules, boxes and hulls, turned anyhow, in a cube of `extent` to both sides of a place: over several tiles of 16 m.
fn scattered(seed: u64, count: usize, place: DVec3, extent: f64) -> World {
    let mut random = Random(seed);
    let bodies: Vec<BodyDesc> = (0..count)
        .map(|number| {
            let size = |random: &mut Random| (0.1 + 2.0 * random.unit()) as f32;
            let (a, b, c) = (size(&mut random), size(&mut random), size(&mut random));
            let hull = number % HULLS.len();
            let desc = match number % 4 {
                0 => BodyDesc::sphere(a),
                1 => BodyDesc::capsule(a, b),
                2 => BodyDesc::cuboid(Vec3::new(a, b, c)),
                _ => BodyDesc::hull(HullId(hull as u32), &HULLS[hull]),
            };
            let desc = desc.at(place + random.vector(extent)).oriented(random.orientation());
            if number % 7 == 0 { desc.as_sensor() } else { desc }
        })
        .collect();
    world_of(Vec::new(), &bodies)
}

/// How far a point is from a body's surface, m, negative inside: straight from the definition of the shapes.
fn distance(body: &Body, point: DVec3) -> f64 {
    let rotation = DMat3::from_quat(body.orientation.as_dquat().normalize());
    let local = rotation.transpose() * (point - body.position);
    match body.shape {
        Shape::Sphere { radius } => local.length() - f64::from(radius),
        Shape::Capsule { half_height, radius } => {
            let half = f64::from(half_height);
            (local - DVec3::Y * local.y.clamp(-half, half)).length() - f64::from(radius)
        }
        Shape::Cuboid { half_extents } => {
            let beyond = local.abs() - half_extents.as_dvec3();
            beyond.max(DVec3::ZERO).length() + beyond.max_element().min(0.0)
        }
        Shape::Hull(HullId(number)) => distance_to_hull(&HULLS[number as usize], local),
    }
}

/// Over a face its height, else the distance to the nearest edge; inside minus the depth below the nearest face.
fn distance_to_hull(hull: &ConvexHull, point: DVec3) -> f64 {
    let vertex = |number: usize| hull.vertices()[number].as_dvec3();
    let (mut highest, mut nearest) = (f64::NEG_INFINITY, f64::INFINITY);
    for (_, around) in hull.faces() {
        let around: Vec<DVec3> = around.map(vertex).collect();
        let normal = (around[1] - around[0]).cross(around[2] - around[0]).normalize();
        let height = normal.dot(point - around[0]);
        highest = highest.max(height);
        let is_over = (0..around.len()).all(|k| {
            let (from, to) = (around[k], around[(k + 1) % around.len()]);
            (to - from).cross(point - from).dot(normal) >= 0.0
        });
        if height > 0.0 && is_over {
            nearest = nearest.min(height);
        }
    }
    if highest <= 0.0 {
        return highest;
    }
    for ends in hull.edges() {
        let [from, to] = ends.map(vertex);
        let way = to - from;
        let share = ((point - from).dot(way) / way.length_squared()).clamp(0.0, 1.0);
        nearest = nearest.min(point.distance(from + way * share));
    }
    nearest
}

/// Where a moving ball first touches a body (of several that it overlaps at its start, the lowest id), by steps of its distance to all of them, to a micrometre.
fn march(bodies: &[Body], ball: &Sweep) -> Option<(BodyId, f64)> {
    let direction = ball.direction.normalize();
    let overlaps = |body: &&Body| distance(body, ball.centre) <= ball.radius;
    if let Some(id) = bodies.iter().filter(overlaps).map(|body| body.id).min() {
        return Some((id, 0.0));
    }
    let mut way = 0.0;
    for _ in 0..100_000 {
        let centre = ball.centre + direction * way;
        let gaps = bodies
            .iter()
            .map(|body| (distance(body, centre) - ball.radius, body.id));
        let (gap, id) = gaps.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        if gap < 1e-6 {
            return Some((id, way));
        }
        way += gap;
        if way > ball.max_distance {
            return None;
        }
    }
    panic!("the ball grazes a body for ever");
}

/// Checks that a hit lies on the surface of its body, with the ball on the other side of it.
fn check_touch(world: &World, ball: &Sweep, hit: &RayHit) {
    let RayTarget::Body(id) = hit.target else {
        panic!("{hit:?}")
    };
    let body = world.body(id).unwrap();
    // The planes of a hull's faces are known in f32.
    let rounding = if body.shape.hull().is_some() { 1e-6 } else { 1e-8 };
    let tolerance = rounding * (1.0 + ball.centre.length() * 1e-6);
    if hit.distance == 0.0 {
        assert!(distance(&body, ball.centre) <= ball.radius + tolerance);
        assert_eq!((hit.point, hit.normal), (ball.centre, -ball.direction.normalize()));
        return;
    }
    let centre = ball.centre + ball.direction.normalize() * hit.distance;
    assert!(
        (distance(&body, centre) - ball.radius).abs() < tolerance,
        "{ball:?} {hit:?}"
    );
    assert!(distance(&body, hit.point).abs() < tolerance, "{ball:?} {hit:?}");
    assert!((hit.normal.length() - 1.0).abs() < 1e-12);
    assert!(hit.normal.dot(ball.direction) <= 1e-9);
}

fn a_ball(random: &mut Random, place: DVec3, extent: f64, radius: f64) -> Sweep {
    Sweep {
        centre: place + random.vector(extent),
        radius,
        direction: random.vector(2.0),
        max_distance: 2.0 * extent * random.unit(),
    }
}

const PLACES: [DVec3; 3] = [
    DVec3::ZERO,
    DVec3::new(1.0e6, -1.0e6, 1.0e6),
    DVec3::new(-8.0e6, 8.0e6, 7.3),
];

#[test]
fn rays_and_balls_stop_at_the_body_that_marching_finds() {
    for (seed, place) in (1..).zip(PLACES) {
        let world = scattered(seed, 150, place, 12.0);
        let bodies: Vec<Body> = world.bodies().collect();
        let queries = world.queries();
        let mut random = Random(10 + seed);
        let mut hits = 0;
        for round in 0..800 {
            let radius = f64::from(round % 4) * 0.4 * random.unit();
            let ball = a_ball(&mut random, place, 20.0, radius);
            let found = queries.cast_ball(&ball, &ALL);
            let expected = march(&bodies, &ball);
            // Marching stops a micrometre before, or beside what the ball just misses.
            let is_close_call = expected.is_some_and(|(id, way)| {
                let direction = ball.direction.normalize();
                let body = world.body(id).unwrap();
                let near = |more: f64| distance(&body, ball.centre + direction * (way + more)) - ball.radius;
                way + 0.02 > ball.max_distance || near(0.005) > -1e-5
            });
            if let Some(hit) = &found {
                check_touch(&world, &ball, hit);
            }
            if is_close_call {
                continue;
            }
            let body = found.map(|hit| hit.target);
            assert_eq!(body, expected.map(|(id, _)| RayTarget::Body(id)), "{ball:?}");
            if let (Some(hit), Some((_, way))) = (found, expected) {
                assert!((hit.distance - way).abs() < 1e-3, "{ball:?} {hit:?} {way}");
                hits += 1;
            }
        }
        assert!(hits > 100, "{hits}");
    }
}

/// All answers to a set of questions, so that they can be compared bit for bit.
fn answers(queries: &Queries<'_>, place: DVec3, seed: u64, filter: &QueryFilter) -> String {
    let mut random = Random(seed);
    let balls: Vec<Sweep> = (0..60)
        .map(|k| a_ball(&mut random, place, 30.0, f64::from(k % 3)))
        .collect();
    let rays: Vec<Ray> = balls
        .iter()
        .map(|ball| Ray {
            origin: ball.centre,
            direction: ball.direction,
            max_distance: f64::INFINITY,
        })
        .collect();
    let regions: Vec<Region> = (0..60)
        .map(|number| {
            let (centre, radius) = (place + random.vector(30.0), 10.0 * random.unit());
            let reach = random.vector(8.0).abs();
            match number % 2 {
                0 => Region::Ball { centre, radius },
                _ => Region::Box {
                    low: centre - reach,
                    high: centre + reach,
                },
            }
        })
        .collect();
    let nearby: Vec<Nearby> = (0..60)
        .map(|number| Nearby {
            point: place + random.vector(40.0),
            count: number % 12,
            max_distance: if number % 2 == 0 { 10.0 } else { f64::INFINITY },
        })
        .collect();
    let batches = (
        queries.cast_rays(&rays, filter),
        queries.cast_balls(&balls, filter),
        queries.bodies_in_each(&regions, filter),
        queries.nearest_to_each(&nearby, filter),
    );
    let singles = (
        rays.iter().map(|ray| queries.cast_ray(ray, filter)).collect::<Vec<_>>(),
        balls
            .iter()
            .map(|ball| queries.cast_ball(ball, filter))
            .collect::<Vec<_>>(),
        regions
            .iter()
            .map(|region| queries.bodies_in(region, filter))
            .collect::<Vec<_>>(),
        nearby
            .iter()
            .map(|nearby| queries.nearest(nearby, filter))
            .collect::<Vec<_>>(),
    );
    assert_eq!(batches, singles);
    // Floats are printed with all their digits.
    format!("{batches:?}")
}

#[test]
fn neither_the_index_nor_a_batch_nor_the_number_of_threads_changes_an_answer() {
    for (seed, place) in (1..).zip(PLACES) {
        let world = scattered(seed, 300, place, 30.0);
        for filter in [ALL, ALL.without_sensors().without(BodyId(5))] {
            let expected = answers(&world.queries_by_scan(), place, seed, &filter);
            assert_eq!(answers(&world.queries(), place, seed, &filter), expected);
            let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            assert_eq!(
                one.install(|| answers(&world.queries(), place, seed, &filter)),
                expected
            );
            // The order in which bodies lie in memory changes by a restore.
            let restored = World::restore(&world.snapshot()).unwrap();
            assert_eq!(answers(&restored.queries(), place, seed, &filter), expected);
        }
    }
}

#[test]
fn regions_hold_the_bodies_that_reach_into_them() {
    for (seed, place) in (1..).zip(PLACES) {
        let world = scattered(seed, 300, place, 20.0);
        let bodies: Vec<Body> = world.bodies().collect();
        let queries = world.queries();
        let mut random = Random(20 + seed);
        for _ in 0..30 {
            let (centre, radius) = (place + random.vector(20.0), 6.0 * random.unit());
            let mut expected: Vec<BodyId> = bodies
                .iter()
                .filter(|body| distance(body, centre) <= radius)
                .map(|body| body.id)
                .collect();
            expected.sort_unstable();
            assert_eq!(queries.bodies_in(&Region::Ball { centre, radius }, &ALL), expected);

            let (low, high) = (centre - 0.5 * radius, centre + 0.5 * radius);
            let found = queries.bodies_in(&Region::Box { low, high }, &ALL);
            assert!(found.is_sorted());
            for body in &bodies {
                let is_found = found.binary_search(&body.id).is_ok();
                // The nearest point of the box to the body, by projections in turn: both are convex.
                let mut point = body.position;
                for _ in 0..200 {
                    point = point.clamp(low, high);
                    let gap = distance(body, point);
                    if gap <= 0.0 {
                        break;
                    }
                    let step = 1e-4;
                    let slope = DVec3::AXES.map(|axis| {
                        (distance(body, point + axis * step) - distance(body, point - axis * step)) / (2.0 * step)
                    });
                    point -= DVec3::from_array(slope) * gap;
                }
                let gap = distance(body, point.clamp(low, high));
                if gap <= 0.0 {
                    assert!(is_found, "{body:?} is in {low} {high}");
                } else if gap > 0.05 {
                    assert!(!is_found, "{body:?} is {gap} m from {low} {high}");
                }
            }
        }
    }
}

#[test]
fn neighbours_are_the_first_of_all_bodies_by_distance() {
    for (seed, place) in (1..).zip(PLACES) {
        let world = scattered(seed, 300, place, 20.0);
        let queries = world.queries();
        let mut random = Random(30 + seed);
        for count in [1, 2, 7, 300, 1000] {
            let point = place + random.vector(25.0);
            let mut expected: Vec<(f64, BodyId)> = world
                .bodies()
                .map(|body| (distance(&body, point).max(0.0), body.id))
                .collect();
            expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let nearby = Nearby {
                point,
                count,
                max_distance: f64::INFINITY,
            };
            let found = queries.nearest(&nearby, &ALL);
            assert_eq!(found.len(), count.min(300));
            for (found, expected) in found.iter().zip(expected) {
                assert!((found.distance - expected.0).abs() < 1e-9, "{found:?} {expected:?}");
            }
        }
    }
}

#[test]
fn of_several_as_near_the_lowest_ids_come_first() {
    let corners = [DVec3::X, DVec3::NEG_X, DVec3::Y, DVec3::NEG_Y, DVec3::Z, DVec3::NEG_Z];
    let world = world_of(
        Vec::new(),
        &corners.map(|corner| BodyDesc::sphere(0.5).at(corner * 3.0)),
    );
    let nearby = Nearby {
        point: DVec3::ZERO,
        count: 4,
        max_distance: 2.5,
    };
    for queries in [world.queries(), world.queries_by_scan()] {
        let ids: Vec<u64> = queries.nearest(&nearby, &ALL).iter().map(|found| found.id.0).collect();
        assert_eq!(ids, [0, 1, 2, 3]);
    }
    // Two bodies in one place, and the plane through their lowest point.
    let floor = scenes::wall(DVec3::ZERO, DVec3::Y, Default::default());
    let mut world = world_of(vec![floor], &[]);
    for id in [9, 4] {
        world
            .spawn_with_id(BodyId(id), &BodyDesc::cuboid(Vec3::ONE).at(DVec3::NEG_Y))
            .unwrap();
    }
    let down = Ray {
        origin: DVec3::Y * 5.0,
        direction: DVec3::NEG_Y,
        max_distance: 10.0,
    };
    for queries in [world.queries(), world.queries_by_scan()] {
        let target = |filter: &QueryFilter| queries.cast_ray(&down, filter).unwrap().target;
        assert_eq!(target(&ALL), RayTarget::Body(BodyId(4)));
        assert_eq!(target(&ALL.without(BodyId(4))), RayTarget::Body(BodyId(9)));
    }
}

fn ray(origin: DVec3, direction: DVec3) -> Ray {
    Ray {
        origin,
        direction,
        max_distance: 100.0,
    }
}

/// Where a ray and a ball of 0.5 m meet the only body of a world, the same one at the origin and far away.
fn only(desc: &BodyDesc, from: DVec3, direction: DVec3) -> (Option<RayHit>, Option<RayHit>) {
    let at = |place: DVec3| {
        let world = world_of(Vec::new(), &[desc.clone().at(place)]);
        let queries = world.queries();
        let ball = Sweep {
            centre: place + from,
            radius: 0.5,
            direction,
            max_distance: 100.0,
        };
        (
            queries.cast_ray(&ray(place + from, direction), &ALL),
            queries.cast_ball(&ball, &ALL),
        )
    };
    // Tile and offset of this place are exact.
    let far = DVec3::new(1_048_576.0, -524_288.0, 1_048_576.0);
    let (near, away) = (at(DVec3::ZERO), at(far));
    let distances =
        |(one, two): (Option<RayHit>, Option<RayHit>)| [one, two].map(|hit| hit.map(|hit| (hit.distance, hit.normal)));
    for (near, away) in distances(near).into_iter().zip(distances(away)) {
        assert_eq!(near.is_some(), away.is_some());
        if let (Some(near), Some(away)) = (near, away) {
            assert!((near.0 - away.0).abs() < 1e-8 && near.1.distance(away.1) < 1e-8);
        }
    }
    near
}

fn check(hit: Option<RayHit>, distance: f64, point: DVec3, normal: DVec3) {
    let hit = hit.expect("a hit");
    assert!((hit.distance - distance).abs() < 1e-9, "{hit:?} {distance}");
    assert!(hit.point.distance(point) < 1e-9, "{hit:?} {point}");
    assert!(hit.normal.distance(normal) < 1e-9, "{hit:?} {normal}");
}

#[test]
fn a_ball_is_met_as_the_formula_says() {
    let ball = BodyDesc::sphere(1.0);
    // A line 0.6 m beside the centre enters the unit ball 0.8 m before it.
    let (line, swept) = only(&ball, DVec3::new(-5.0, 0.6, 0.0), DVec3::X);
    check(line, 4.2, DVec3::new(-0.8, 0.6, 0.0), DVec3::new(-0.8, 0.6, 0.0));
    let way = (1.5_f64 * 1.5 - 0.36).sqrt();
    let normal = DVec3::new(-way, 0.6, 0.0) / 1.5;
    check(swept, 5.0 - way, normal, normal);
    let (line, swept) = only(&ball, DVec3::new(-5.0, 1.2, 0.0), DVec3::X);
    assert!(line.is_none() && swept.is_some());
    assert_eq!(only(&ball, DVec3::new(-5.0, 1.6, 0.0), DVec3::X), (None, None));
    assert_eq!(only(&ball, DVec3::new(-5.0, 0.0, 0.0), DVec3::NEG_X), (None, None));
}

#[test]
fn a_capsule_is_met_at_its_side_and_at_its_ends() {
    let lying = BodyDesc::capsule(2.0, 1.0).oriented(Quat::from_rotation_z(-std::f32::consts::FRAC_PI_2));
    // f32 turns the axis by up to 1e-7, which is why these are not exact.
    let is = |hit: Option<RayHit>, distance: f64, normal: DVec3| {
        let hit = hit.expect("a hit");
        assert!(
            (hit.distance - distance).abs() < 1e-6 && hit.normal.distance(normal) < 1e-6,
            "{hit:?}"
        );
    };
    let (line, swept) = only(&lying, DVec3::new(1.5, 5.0, 0.0), DVec3::NEG_Y);
    is(line, 4.0, DVec3::Y);
    is(swept, 3.5, DVec3::Y);
    let (line, swept) = only(&lying, DVec3::new(9.0, 0.0, 0.0), DVec3::NEG_X);
    is(line, 6.0, DVec3::X);
    is(swept, 5.5, DVec3::X);
    let (line, _) = only(&lying, DVec3::new(2.6, 5.0, 0.0), DVec3::NEG_Y);
    is(line, 4.2, DVec3::new(0.6, 0.8, 0.0));
    assert_eq!(only(&lying, DVec3::new(3.6, 5.0, 0.0), DVec3::NEG_Y), (None, None));
}

#[test]
fn a_box_is_met_at_faces_edges_and_corners() {
    let cube = BodyDesc::cuboid(Vec3::ONE);
    let (line, swept) = only(&cube, DVec3::new(-5.0, 0.5, 0.25), DVec3::X);
    check(line, 4.0, DVec3::new(-1.0, 0.5, 0.25), DVec3::NEG_X);
    check(swept, 3.5, DVec3::new(-1.0, 0.5, 0.25), DVec3::NEG_X);
    // Beside an edge by 0.3 m, and beside a corner.
    let (line, swept) = only(&cube, DVec3::new(1.3, 5.0, 0.0), DVec3::NEG_Y);
    assert_eq!(line, None);
    check(swept, 3.6, DVec3::new(1.0, 1.0, 0.0), DVec3::new(0.6, 0.8, 0.0));
    let (line, swept) = only(&cube, DVec3::new(1.3, 5.0, 1.3), DVec3::NEG_Y);
    assert_eq!(line, None);
    let above = 0.07_f64.sqrt();
    check(swept, 4.0 - above, DVec3::ONE, DVec3::new(0.6, 2.0 * above, 0.6));
    // Turned by an eighth its edge is up, √2 above its centre.
    let edge_up = cube.oriented(Quat::from_rotation_z(std::f32::consts::FRAC_PI_4));
    let (line, swept) = only(&edge_up, DVec3::new(0.0, 5.0, 0.0), DVec3::NEG_Y);
    assert!((line.unwrap().distance - (5.0 - 2.0_f64.sqrt())).abs() < 1e-6);
    assert!((swept.unwrap().distance - (4.5 - 2.0_f64.sqrt())).abs() < 1e-6);
}

#[test]
fn balls_touch_static_shapes() {
    let floor = scenes::wall(DVec3::ZERO, DVec3::Y, Default::default());
    let block = StaticShape::Cuboid {
        centre: DVec3::new(10.0, 0.0, 0.0),
        half_extents: Vec3::ONE,
        orientation: Quat::IDENTITY,
        friction: 0.5,
        restitution: 0.0,
    };
    let slope = StaticShape::HeightField(HeightField {
        origin: DVec3::new(20.0, 0.0, 0.0),
        columns: 3,
        rows: 3,
        spacing_x: 2.0,
        spacing_z: 2.0,
        heights: vec![1.0, 2.5, 4.0, 1.0, 2.5, 4.0, 1.0, 2.5, 4.0],
        friction: 0.5,
        restitution: 0.0,
    });
    let world = world_of(vec![floor, block, slope], &[]);
    let queries = world.queries();
    let down = |x: f64, z: f64| {
        let ball = Sweep {
            centre: DVec3::new(x, 10.0, z),
            radius: 0.5,
            direction: DVec3::NEG_Y,
            max_distance: 100.0,
        };
        let hit = queries.cast_ball(&ball, &ALL);
        assert_eq!(queries.cast_ball(&ball, &ALL.without_statics()), None);
        hit
    };
    check(down(0.0, 0.0), 9.5, DVec3::ZERO, DVec3::Y);
    check(
        down(11.3, 0.0),
        8.6,
        DVec3::new(11.0, 1.0, 0.0),
        DVec3::new(0.6, 0.8, 0.0),
    );
    // On the slope of 3 in 4, half a metre from the plane that is 2.5 m high here.
    check(
        down(22.0, 2.0),
        10.0 - 2.5 - 0.625,
        DVec3::new(22.3, 2.5 + 0.225, 2.0),
        DVec3::new(-0.6, 0.8, 0.0),
    );
    assert_eq!(down(22.0, 2.0).unwrap().target, RayTarget::Static(2));
}

#[test]
fn what_starts_inside_is_hit_at_once() {
    let world = scattered(3, 60, DVec3::ZERO, 10.0);
    let queries = world.queries();
    for body in world.bodies() {
        let hit = queries.cast_ray(&ray(body.position, DVec3::X * 3.0), &ALL).unwrap();
        assert_eq!(
            (hit.distance, hit.point, hit.normal),
            (0.0, body.position, DVec3::NEG_X)
        );
    }
}

#[test]
fn filters_leave_out_what_they_say() {
    let in_group = |groups: u32, mask: u32| Filter { groups, mask };
    let at = |x: f64| BodyDesc::sphere(0.5).at(DVec3::X * x);
    let world = world_of(
        Vec::new(),
        &[
            at(2.0).as_sensor(),
            at(4.0).filter(in_group(0b01, 0b11)),
            at(6.0).filter(in_group(0b10, 0b10)),
        ],
    );
    let first = |filter: QueryFilter| {
        let hit = world.queries().cast_ray(&ray(DVec3::ZERO, DVec3::X), &filter);
        hit.map(|hit| hit.target)
    };
    let body = |id: u64| Some(RayTarget::Body(BodyId(id)));
    assert_eq!(first(ALL), body(0));
    assert_eq!(first(ALL.without_sensors()), body(1));
    assert_eq!(first(ALL.without_sensors().without(BodyId(1))), body(2));
    assert_eq!(first(ALL.without_sensors().touching(in_group(0b10, 0b10))), body(2));
    // It would touch body 1, but body 1 is not in its mask; body 2 does not want it.
    assert_eq!(first(ALL.without_sensors().touching(in_group(0b01, 0b10))), None);
}

#[test]
fn questions_without_sense_have_no_answer() {
    let world = scattered(1, 50, DVec3::ZERO, 3.0);
    let ball = Sweep {
        centre: DVec3::ZERO,
        radius: 1.0,
        direction: DVec3::X,
        max_distance: 10.0,
    };
    let nearby = Nearby {
        point: DVec3::ZERO,
        count: 3,
        max_distance: 10.0,
    };
    for queries in [world.queries(), world.queries_by_scan()] {
        assert!(queries.cast_ball(&ball, &ALL).is_some());
        for nonsense in [
            Sweep {
                direction: DVec3::ZERO,
                ..ball
            },
            Sweep {
                direction: DVec3::NAN,
                ..ball
            },
            Sweep {
                direction: DVec3::INFINITY,
                ..ball
            },
            Sweep {
                centre: DVec3::NAN,
                ..ball
            },
            Sweep {
                centre: DVec3::INFINITY,
                ..ball
            },
            Sweep { radius: -1.0, ..ball },
            Sweep {
                radius: f64::NAN,
                ..ball
            },
            Sweep {
                radius: f64::INFINITY,
                ..ball
            },
            Sweep {
                max_distance: -1.0,
                ..ball
            },
            Sweep {
                max_distance: f64::NAN,
                ..ball
            },
        ] {
            assert_eq!(queries.cast_ball(&nonsense, &ALL), None, "{nonsense:?}");
        }
        assert_eq!(queries.nearest(&nearby, &ALL).len(), 3);
        for nonsense in [
            Nearby { count: 0, ..nearby },
            Nearby {
                point: DVec3::NAN,
                ..nearby
            },
            Nearby {
                max_distance: -1.0,
                ..nearby
            },
            Nearby {
                max_distance: f64::NAN,
                ..nearby
            },
        ] {
            assert_eq!(queries.nearest(&nonsense, &ALL), [], "{nonsense:?}");
        }
        for nonsense in [
            Region::Ball {
                centre: DVec3::ZERO,
                radius: -1.0,
            },
            Region::Ball {
                centre: DVec3::NAN,
                radius: 1.0,
            },
            Region::Box {
                low: DVec3::ONE,
                high: DVec3::NEG_ONE,
            },
            Region::Box {
                low: DVec3::NAN,
                high: DVec3::ONE,
            },
        ] {
            assert_eq!(queries.bodies_in(&nonsense, &ALL), [], "{nonsense:?}");
        }
        let everything = Region::Box {
            low: DVec3::NEG_INFINITY,
            high: DVec3::INFINITY,
        };
        assert_eq!(queries.bodies_in(&everything, &ALL).len(), 50);
        // Half of space, against the extents of the bodies.
        let right = Region::Box {
            low: DVec3::new(1.0, f64::NEG_INFINITY, f64::NEG_INFINITY),
            high: DVec3::INFINITY,
        };
        let reaches = |body: &Body| distance(body, body.position + DVec3::X * 1e6) <= 1e6 - (1.0 - body.position.x);
        let expected = world
            .bodies()
            .filter(|body| body.position.x >= 1.0 || reaches(body))
            .count();
        assert!(queries.bodies_in(&right, &ALL).len() >= expected);
        assert!(queries.bodies_in(&right, &ALL).len() < 50);
    }
    let empty = world_of(Vec::new(), &[]);
    assert_eq!(empty.queries().cast_ball(&ball, &ALL), None);
    assert_eq!(empty.queries().nearest(&nearby, &ALL), []);
    assert_eq!(empty.queries().cast_rays(&[], &ALL), []);
}

proptest! {
    #![proptest_config(same_cases(300))]

    #[test]
    fn no_question_panics(numbers in prop::array::uniform9(any::<f64>())) {
        let [x, y, z, dx, dy, dz, radius, far, other] = numbers;
        let field = StaticShape::HeightField(HeightField {
            origin: DVec3::ZERO,
            columns: 3,
            rows: 3,
            spacing_x: 2.0,
            spacing_z: 2.0,
            heights: vec![0.5; 9],
            friction: 0.5,
            restitution: 0.0,
        });
        let world = world_of(vec![field], &[BodyDesc::cuboid(Vec3::ONE), BodyDesc::capsule(1.0, 0.5)]);
        for queries in [world.queries(), world.queries_by_scan()] {
            for centre in [DVec3::new(x, y, z), DVec3::new(3.0, 2.0, 1.0)] {
                let direction = DVec3::new(dx, dy, dz);
                queries.cast_ball(&Sweep { centre, radius, direction, max_distance: far }, &ALL);
                queries.cast_ball(&Sweep { centre, radius: 0.7, direction, max_distance: far }, &ALL);
                queries.cast_ray(&Ray { origin: centre, direction, max_distance: f64::INFINITY }, &ALL);
                queries.bodies_in(&Region::Ball { centre, radius }, &ALL);
                queries.bodies_in(&Region::Box { low: centre, high: direction }, &ALL);
                queries.nearest(&Nearby { point: centre, count: 3, max_distance: other }, &ALL);
            }
        }
    }
}
