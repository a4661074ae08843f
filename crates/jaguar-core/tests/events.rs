//! Events tell what happened in a tick, with the impulses that mechanics asks for, and a sensor notices without touching.

use glam::{DVec3, Vec3};
use jaguar_core::scenes::RADIUS;
use jaguar_core::{
    BodyDesc, BodyId, Event, EventKinds, Material, Partner, SensorOverlap, StaticShape, World, WorldConfig, WorldParams,
};

fn floor() -> StaticShape {
    StaticShape::Plane {
        point: DVec3::ZERO,
        normal: Vec3::Y,
        friction: 0.5,
        restitution: 0.0,
    }
}

/// A world that tells everything, over a floor.
fn world(statics: Vec<StaticShape>) -> World {
    let mut world = World::new(WorldConfig {
        statics,
        ..WorldConfig::default()
    })
    .unwrap();
    world.set_events(EventKinds::ALL);
    world
}

fn ball(height: f64) -> BodyDesc {
    BodyDesc::sphere(RADIUS).at(DVec3::Y * height)
}

/// The events of the next ticks, each with its tick.
fn run(world: &mut World, ticks: u64) -> Vec<(u64, Event)> {
    let mut events = Vec::new();
    for _ in 0..ticks {
        world.step();
        let tick = world.tick();
        events.extend(world.events().iter().map(|&event| (tick, event)));
    }
    events
}

#[test]
fn a_landing_begins_one_contact_whose_impulse_stops_the_body() {
    let mut world = world(vec![floor()]);
    let low = world.spawn(&ball(1.0).moving(Vec3::NEG_Y * 2.0)).unwrap();
    let mass = ball(1.0).mass;
    let mut speed = 2.0;
    let mut begun = None;
    for _ in 0..60 {
        world.step();
        if let [event] = world.events() {
            assert_eq!(begun, None, "one contact begins and lasts");
            begun = Some((*event, speed, world.body(low).unwrap().velocity.y));
        }
        speed = -world.body(low).unwrap().velocity.y;
    }
    let (event, before, after) = begun.expect("the ball lands");
    let Event::ContactBegin {
        low: found,
        partner,
        impulse,
        point,
        normal,
    } = event
    else {
        panic!("{event:?}");
    };
    assert_eq!((found, partner), (low, Partner::Static(0)));
    // Momentum of the tick: what the floor gave is the change of velocity less what gravity gave.
    let expected = mass * (before + after + 9.81 / 60.0);
    assert!(
        (impulse / expected - 1.0).abs() < 1e-3,
        "{impulse} against {expected} kg m/s"
    );
    assert_eq!(normal, Vec3::NEG_Y);
    assert!(point.y.abs() < 0.1, "{point}");
}

#[test]
fn a_bounce_begins_and_ends_within_its_tick() {
    let elastic = Material {
        restitution: 1.0,
        ..Material::default()
    };
    let mut world = World::new(WorldConfig::new(WorldParams {
        gravity: Vec3::ZERO,
        ..WorldParams::default()
    }))
    .unwrap();
    world.set_events(EventKinds::ALL);
    let still = world.spawn(&ball(0.0).material(elastic)).unwrap();
    let flying = world
        .spawn(&ball(3.0).material(elastic).moving(Vec3::NEG_Y * 5.0))
        .unwrap();
    let events = run(&mut world, 60);
    let partner = Partner::Body(flying);
    let [(begin, Event::ContactBegin { impulse, .. }), (end, last)] = events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(last, Event::ContactEnd { low: still, partner });
    assert_eq!(begin, end);
    // Equal balls exchange their velocities.
    let expected = ball(0.0).mass * 5.0;
    assert!(
        (impulse / expected - 1.0).abs() < 1e-5,
        "{impulse} against {expected} kg m/s"
    );
}

#[test]
fn boxes_tell_contacts_like_balls() {
    let mut world = world(vec![floor()]);
    let half = Vec3::splat(0.5);
    let lower = world.spawn(&BodyDesc::cuboid(half).at(DVec3::Y * 0.6)).unwrap();
    let upper = world.spawn(&BodyDesc::cuboid(half).at(DVec3::Y * 1.8)).unwrap();
    let events = run(&mut world, 120);
    let begun: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::ContactBegin { low, partner, .. } => Some((*low, *partner)),
            _ => None,
        })
        .collect();
    assert!(begun.contains(&(lower, Partner::Static(0))), "{begun:?}");
    assert!(begun.contains(&(lower, Partner::Body(upper))), "{begun:?}");
    assert!(
        events.iter().all(|&(tick, _)| tick < 60),
        "a stack at rest has nothing to tell: {events:?}"
    );
}

#[test]
fn what_a_despawned_body_touched_is_told_to_end() {
    let mut world = world(vec![floor()]);
    let lower = world.spawn(&ball(0.5)).unwrap();
    let upper = world.spawn(&ball(1.5)).unwrap();
    run(&mut world, 60);
    world.despawn(lower);
    assert_eq!(world.events(), [], "told with the next tick");
    world.step();
    let end = |partner| Event::ContactEnd { low: lower, partner };
    assert_eq!(world.events(), [end(Partner::Body(upper)), end(Partner::Static(0))]);
}

#[test]
fn a_sensor_hangs_in_the_air_and_notices_what_falls_through_without_touching_it() {
    let fall = |sensor: Option<BodyDesc>| {
        let mut world = world(vec![floor()]);
        let body = world.spawn(&ball(6.0)).unwrap();
        let sensor = sensor.map(|desc| world.spawn(&desc).unwrap());
        let mut events = Vec::new();
        let mut states = Vec::new();
        for _ in 0..90 {
            let height = world.body(body).unwrap().position.y;
            world.step();
            events.extend(world.events().iter().map(|&event| (height, event)));
            states.push(world.record(body).unwrap());
        }
        if let Some(sensor) = sensor {
            assert_eq!(world.body(sensor).unwrap().position.y, 3.0);
        }
        (events, states)
    };
    let (events, states) = fall(Some(ball(3.0).as_sensor()));
    let seen: Vec<_> = events
        .iter()
        .filter(|(_, event)| matches!(event, Event::SensorEnter { .. } | Event::SensorLeave { .. }))
        .collect();
    let (body, sensor) = (BodyId(0), BodyId(1));
    let [(high, enter), (low, leave)] = seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(*enter, Event::SensorEnter { sensor, body });
    assert_eq!(*leave, Event::SensorLeave { sensor, body });
    let reach = 2.0 * f64::from(RADIUS);
    let step = 10.0 / 60.0;
    assert!((3.0 + reach - step..3.0 + reach).contains(high), "{high} m");
    assert!((3.0 - reach - step..=3.0 - reach).contains(low), "{low} m");
    assert_eq!(
        states,
        fall(None).1,
        "the sensor changes no bit of what falls through it"
    );
}

#[test]
fn a_sensor_has_a_shape_and_a_filter() {
    let mut world = World::new(WorldConfig::new(WorldParams {
        gravity: Vec3::ZERO,
        ..WorldParams::default()
    }))
    .unwrap();
    let half = Vec3::splat(0.5);
    let at = |x: f64, y: f64| BodyDesc::cuboid(half).at(DVec3::new(x, y, 0.0));
    let sensor = world.spawn(&at(0.0, 0.0).as_sensor()).unwrap();
    let inside = world.spawn(&at(0.9, 0.9)).unwrap();
    // Within the bounding spheres, but beside the box.
    world.spawn(&at(1.1, 0.0)).unwrap();
    let mut other = at(-0.9, 0.0);
    other.filter.mask = 0;
    world.spawn(&other).unwrap();
    world.spawn(&at(0.0, -0.9).as_sensor()).unwrap();
    world.step();
    assert_eq!(world.sensor_overlaps(), [SensorOverlap { sensor, body: inside }]);
    let restored = World::restore(&world.snapshot()).unwrap();
    assert_eq!(restored.sensor_overlaps(), world.sensor_overlaps());
    assert_eq!(restored.hash(), world.hash());
}
