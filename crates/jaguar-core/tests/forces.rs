//! Forces of the environment against closed forms.

mod common;
#[path = "common/near.rs"]
mod near;

use std::f64::consts::{PI, TAU};

use common::{read, run, world_with};
use glam::{DVec3, Quat, Vec3};
use jaguar_core::environment::{Environment, Fluid, GravitySource, Medium};
use jaguar_core::force::{Force, Subject, Wrench};
use jaguar_core::{BodyDesc, BodyId, Domain, Material, World, WorldConfig, WorldParams};
use near::assert_near;

const GRAVITY: f64 = 9.81;
/// Substeps a second.
const RATE: f64 = 240.0;

fn weightless() -> WorldParams {
    WorldParams {
        gravity: Vec3::ZERO,
        ..WorldParams::default()
    }
}

fn world_of(params: WorldParams, environment: Environment, bodies: &[BodyDesc]) -> World {
    let config = WorldConfig {
        environment,
        ..WorldConfig::new(params)
    };
    world_with(config, bodies)
}

fn air(wind: Vec3) -> Environment {
    Environment {
        medium: Medium {
            density: 1.2,
            wind,
            scale_height: None,
        },
        ..Environment::default()
    }
}

/// Water from -100 m up to height 0.
fn lake() -> Fluid {
    Fluid {
        min: DVec3::new(-100.0, -100.0, -100.0),
        max: DVec3::new(100.0, 0.0, 100.0),
        density: 1000.0,
        linear_drag: 0.0,
        drag_coefficient: 0.0,
        current: Vec3::ZERO,
    }
}

fn sea(fluid: Fluid) -> Environment {
    Environment {
        fluids: vec![fluid],
        ..Environment::default()
    }
}

fn flyer() -> BodyDesc {
    BodyDesc::sphere(0.5).mass(80.0).domain(Domain::Air).drag_area(0.7)
}

/// Where drag equals weight: v = √(2 m g / (ρ c)). The implicit step has the same fixed point.
#[test]
fn a_falling_body_reaches_its_terminal_velocity() {
    let expected = (2.0 * 80.0 * GRAVITY / (1.2 * 0.7)).sqrt();
    for tick_rate in [60, 10, 1] {
        let params = WorldParams {
            tick_rate,
            tile_size: 256.0,
            ..WorldParams::default()
        };
        let mut world = world_of(params, air(Vec3::ZERO), &[flyer()]);
        run(&mut world, 60 * tick_rate);
        assert_near(f64::from(read(&world, 0).velocity.y), -expected, 1e-4 * expected);
    }
}

/// v' = -k v² has v = v0 / (1 + k v0 t); the step is of first order in h, with an error below k v0 h / 2 of the velocity.
#[test]
fn quadratic_drag_slows_a_body_hyperbolically() {
    let wind = Vec3::new(3.0, 0.0, -4.0);
    let body = flyer().moving(wind + Vec3::new(0.0, 30.0, 40.0));
    let mut world = world_of(weightless(), air(wind), &[body]);
    let k = 0.5 * 1.2 * 0.7 / 80.0;
    for second in 1..=5 {
        run(&mut world, 60);
        let speed = f64::from((read(&world, 0).velocity - wind).length());
        let expected = 50.0 / (1.0 + k * 50.0 * f64::from(second));
        assert_near(speed, expected, expected * k * 50.0 / RATE / 2.0 + 1e-4);
    }
    // The direction in the wind's frame is kept.
    let relative = (read(&world, 0).velocity - wind).normalize();
    assert_near(f64::from(relative.dot(Vec3::new(0.0, 0.6, 0.8))), 1.0, 1e-6);
}

/// A feather in a storm: whatever the coefficient, a body never overshoots the wind.
#[test]
fn drag_is_stable_for_any_coefficient() {
    let wind = Vec3::X * 20.0;
    let feather = BodyDesc::sphere(0.5)
        .mass(1e-9)
        .domain(Domain::Air)
        .drag_area(1e6)
        .moving(-Vec3::X * 500.0);
    let mut world = world_of(weightless(), air(wind), &[feather]);
    for _ in 0..60 {
        let before = read(&world, 0).velocity.x;
        world.step();
        let after = read(&world, 0).velocity.x;
        assert!(before <= after && after <= 20.0, "{before} to {after}");
    }
    assert_near(f64::from(read(&world, 0).velocity.x), 20.0, 1e-3);
    assert_eq!(world.stats().quarantined, 0);
}

/// An atmosphere of scale height H is e times thinner H higher, so the terminal velocity is √e times higher.
#[test]
fn thin_air_drags_less() {
    let terminal = |height: f64| {
        let environment = Environment {
            medium: Medium {
                scale_height: Some(8500.0),
                ..air(Vec3::ZERO).medium
            },
            ..Environment::default()
        };
        let light = flyer().mass(0.1).at(DVec3::Y * height);
        let mut world = world_of(WorldParams::default(), environment, &[light]);
        run(&mut world, 120);
        f64::from(read(&world, 0).velocity.y)
    };
    assert_near(terminal(8500.0) / terminal(0.0), 0.5_f64.exp(), 1e-3);
}

/// Implicit Euler of v' = -c v with c of the displaced mass over the mass, for a body under water; its turning too.
#[test]
fn linear_drag_of_a_fluid_slows_a_body_exponentially() {
    let fluid = Fluid {
        linear_drag: 0.5,
        ..lake()
    };
    let body = BodyDesc::sphere(0.5)
        .density(2000.0)
        .at(DVec3::Y * -50.0)
        .moving(Vec3::X * 4.0)
        .spinning(Vec3::Z)
        .domain(Domain::Sea);
    let mut world = world_of(weightless(), sea(fluid), &[body]);
    run(&mut world, 120);
    let decay = (1.0 + 0.25 / RATE).powf(-2.0 * RATE);
    assert_near(f64::from(read(&world, 0).velocity.x), 4.0 * decay, 1e-4);
    assert_near(f64::from(read(&world, 0).angular_velocity.z), decay, 1e-5);
    assert_near(decay, (-0.5_f64).exp(), 1e-3);
}

/// A body of the fluid's density stays where it is, and goes with the current.
#[test]
fn a_body_of_the_density_of_water_hovers_and_drifts() {
    let fluid = Fluid {
        linear_drag: 1.0,
        drag_coefficient: 0.5,
        current: Vec3::X,
        ..lake()
    };
    let body = BodyDesc::sphere(0.5).at(DVec3::Y * -5.0).domain(Domain::Sea);
    let mut world = world_of(WorldParams::default(), sea(fluid), &[body]);
    run(&mut world, 1200);
    assert_near(read(&world, 0).position.y, -5.0, 1e-2);
    assert_near(f64::from(read(&world, 0).velocity.x), 1.0, 1e-3);
}

/// Rising in water: half of ρ_w V g more lift than weight against ½ ρ_w C π r² v², so v² = 2 (4/3) r g (1 - s) / C with the relative density s.
#[test]
fn a_buoy_rises_at_its_terminal_velocity() {
    let fluid = Fluid {
        drag_coefficient: 0.47,
        ..lake()
    };
    let body = BodyDesc::sphere(0.1)
        .density(500.0)
        .at(DVec3::Y * -50.0)
        .domain(Domain::Sea);
    let mut world = world_of(WorldParams::default(), sea(fluid), &[body]);
    run(&mut world, 300);
    let expected = (8.0 / 3.0 * 0.1 * GRAVITY * 0.5 / 0.47).sqrt();
    assert_near(f64::from(read(&world, 0).velocity.y), expected, 1e-4);
}

/// Floating, a ball of relative density s has a cap of height h under water with h² (3 r - h) = 4 s r³, in any gravity and at any tick.
#[test]
fn a_ball_floats_as_deep_as_archimedes_says() {
    for (share, rate, domain) in [
        (0.5, 60, Domain::Sea),
        (0.25, 60, Domain::Sea),
        (0.9, 30, Domain::Sea),
        (0.01, 60, Domain::Sea),
        (0.001, 10, Domain::Sea),
    ] {
        let fluid = Fluid {
            linear_drag: 2.0,
            ..lake()
        };
        let params = WorldParams {
            tick_rate: rate,
            ..WorldParams::default()
        };
        let body = BodyDesc::sphere(0.5).density(share * 1000.0).domain(domain);
        let mut world = world_of(params, sea(fluid), &[body]);
        run(&mut world, 40 * rate);
        let depth = 0.5 - read(&world, 0).position.y;
        assert_near(depth * depth * (1.5 - depth) / 0.5, f64::from(share), 1e-3);
        assert_near(f64::from(read(&world, 0).velocity.length()), 0.0, 1e-3);
    }
}

/// A box of relative density s lies s of its height deep, flat side up: a wide raft is upright again after a tilt.
#[test]
fn a_raft_floats_upright_as_deep_as_its_density_says() {
    let fluid = Fluid {
        linear_drag: 1.0,
        drag_coefficient: 1.0,
        ..lake()
    };
    for share in [0.3, 0.6, 0.02] {
        let tilted = Quat::from_rotation_z(0.4) * Quat::from_rotation_x(-0.2);
        let raft = BodyDesc::cuboid(Vec3::new(1.0, 0.25, 1.5))
            .density(1000.0 * share)
            .oriented(tilted)
            .domain(Domain::Sea);
        let mut world = world_of(WorldParams::default(), sea(fluid), &[raft]);
        run(&mut world, 3600);
        let body = read(&world, 0);
        let up = body.orientation * Vec3::Y;
        assert_near(f64::from(up.y), 1.0, 1e-4);
        assert_near(body.position.y, 0.25 - 0.5 * f64::from(share), 2e-3);
        assert_near(f64::from(body.velocity.length()), 0.0, 1e-3);
    }
}

/// A tall box of half the water's density falls over: it lies on the water with its long axis level. So does a capsule.
#[test]
fn a_pole_does_not_stand_in_water() {
    let fluid = Fluid {
        linear_drag: 1.0,
        drag_coefficient: 1.0,
        ..lake()
    };
    let nearly_upright = Quat::from_rotation_z(0.05);
    for pole in [BodyDesc::cuboid(Vec3::new(0.2, 1.5, 0.2)), BodyDesc::capsule(1.5, 0.2)] {
        let pole = pole.density(500.0).oriented(nearly_upright).domain(Domain::Sea);
        let mut world = world_of(WorldParams::default(), sea(fluid), &[pole]);
        run(&mut world, 3600);
        let axis = read(&world, 0).orientation * Vec3::Y;
        assert_near(f64::from(axis.y), 0.0, 1e-2);
        assert_near(read(&world, 0).position.y, 0.0, 1e-2);
    }
}

/// Small heaves of a half-submerged ball are a spring of stiffness ρ g π r² with the mass ρ 2/3 π r³: ω² = 3 g / (2 r). First order in ω h, as symplectic Euler is, and in the heave.
#[test]
fn a_floating_ball_heaves_at_its_natural_frequency() {
    let body = BodyDesc::sphere(0.5)
        .density(500.0)
        .at(DVec3::Y * 0.01)
        .domain(Domain::Sea);
    let mut world = world_of(WorldParams::default(), sea(lake()), &[body]);
    let expected = TAU / (3.0 * GRAVITY).sqrt();
    let mut crossings = Vec::new();
    let mut before = 0.01;
    for tick in 1..=1200 {
        world.step();
        let now = read(&world, 0).position.y;
        if before > 0.0 && now <= 0.0 {
            crossings.push((f64::from(tick) - now / (now - before)) / 60.0);
        }
        before = now;
    }
    let periods = crossings.len() - 1;
    let period = (crossings[periods] - crossings[0]) / periods as f64;
    assert_near(period, expected, 1e-3 * expected);
    // And without drag the heave is kept.
    assert!(crossings.len() > 15);
}

/// Bodies of other domains sink.
#[test]
fn only_bodies_at_sea_float() {
    for domain in [Domain::Generic, Domain::Air, Domain::Land] {
        let body = BodyDesc::sphere(0.5).density(100.0).domain(domain);
        let mut world = world_of(WorldParams::default(), sea(lake()), &[body]);
        run(&mut world, 60);
        assert!(read(&world, 0).position.y < -4.0, "{domain:?}");
    }
}

const MU: f64 = 1000.0;

fn planet() -> Environment {
    Environment {
        sources: vec![GravitySource {
            centre: DVec3::new(5.0, 0.0, 0.0),
            mu: MU,
            radius: 10.0,
        }],
        ..Environment::default()
    }
}

fn satellite(distance: f64, speed: f64) -> BodyDesc {
    BodyDesc::sphere(0.5)
        .at(DVec3::new(5.0 + distance, 0.0, 0.0))
        .moving(Vec3::new(0.0, 0.6, 0.8) * speed as f32)
        .domain(Domain::Space)
}

/// Seconds of each return to the side of positive x.
fn returns(world: &mut World, count: usize) -> Vec<f64> {
    let mut times = vec![0.0];
    let mut before = 1.0;
    for tick in 1.. {
        world.step();
        let relative = read(world, 0).position - DVec3::new(5.0, 0.0, 0.0);
        // Along the velocity at the start.
        let now = relative.dot(DVec3::new(0.0, 0.6, 0.8));
        if before < 0.0 && now >= 0.0 && relative.x > 0.0 {
            times.push((f64::from(tick) - now / (now - before)) / 60.0);
        }
        before = now;
        if times.len() > count {
            return times;
        }
    }
    unreachable!("the loop has no end")
}

/// Kepler: T = 2π √(a³/μ). The velocity of symplectic Euler belongs half a substep earlier, so on a circle it is short by ω h / 2 in relation to the position, that is, to second
/// order in its length; what is left of the error is rounding in f32.
#[test]
fn a_circular_orbit_takes_keplers_time_and_stays_circular() {
    let distance = 50.0_f64;
    let mut world = world_of(
        WorldParams::default(),
        planet(),
        &[satellite(distance, (MU / distance).sqrt())],
    );
    let expected = TAU * (distance.powi(3) / MU).sqrt();
    let times = returns(&mut world, 3);
    assert_near((times[3] - times[0]) / 3.0, expected, 1e-3 * expected);
    let body = read(&world, 0);
    assert_near(body.position.distance(DVec3::X * 5.0), distance, 1e-2 * distance);
}

/// From 30 m at perigee with a semi-major axis of 50 m: v² = μ (2/r - 1/a).
#[test]
fn an_elliptic_orbit_takes_keplers_time_and_closes() {
    let (perigee, axis) = (30.0_f64, 50.0_f64);
    let speed = (MU * (2.0 / perigee - 1.0 / axis)).sqrt();
    let mut world = world_of(WorldParams::default(), planet(), &[satellite(perigee, speed)]);
    let expected = TAU * (axis.powi(3) / MU).sqrt();
    let mut farthest = 0.0_f64;
    let ticks = (expected * 60.0) as u32;
    for _ in 0..ticks {
        world.step();
        farthest = farthest.max(read(&world, 0).position.distance(DVec3::X * 5.0));
    }
    assert_near(farthest, 2.0 * axis - perigee, 2e-3 * axis);
    let mut world = world_of(WorldParams::default(), planet(), &[satellite(perigee, speed)]);
    let times = returns(&mut world, 3);
    assert_near((times[3] - times[0]) / 3.0, expected, 1e-3 * expected);
}

/// Inside its radius a source is a ball of even density, where everything swings with the period of the lowest orbit.
#[test]
fn a_body_swings_through_a_planet() {
    let mut world = world_of(WorldParams::default(), planet(), &[satellite(8.0, 0.0)]);
    let quarter = PI / 2.0 * (10.0_f64.powi(3) / MU).sqrt();
    run(&mut world, (quarter * 60.0).round() as u32);
    // Within half a tick, at a speed of 8 m/s.
    assert_near(read(&world, 0).position.x, 5.0, 8.0 / 60.0);
    assert_near(f64::from(read(&world, 0).velocity.x), -8.0, 1e-2);
}

/// Thrust goes where the body points: turned by 90° about z, a force along x acts along y.
#[test]
fn thrust_goes_with_the_body() {
    let turned = Quat::from_rotation_z(std::f32::consts::FRAC_PI_2);
    let body = BodyDesc::sphere(0.5).mass(10.0).oriented(turned).thrust(Vec3::X * 20.0);
    let mut world = world_of(weightless(), Environment::default(), &[body]);
    run(&mut world, 60);
    assert_near(f64::from(read(&world, 0).velocity.distance(Vec3::Y * 2.0)), 0.0, 1e-4);
    assert!(world.set_thrust(BodyId(0), Vec3::ZERO));
    run(&mut world, 60);
    assert_near(f64::from(read(&world, 0).velocity.distance(Vec3::Y * 2.0)), 0.0, 1e-4);
}

/// Turning at ω under a constant thrust in its own frame, a body's velocity is a/ω (sin ωt, 1 - cos ωt), to first order in h.
#[test]
fn thrust_of_a_turning_body_goes_around() {
    let body = BodyDesc::sphere(0.5)
        .mass(10.0)
        .spinning(Vec3::Z * 2.0)
        .thrust(Vec3::X * 20.0);
    let mut world = world_of(weightless(), Environment::default(), &[body]);
    for tenth in 1..=30 {
        run(&mut world, 6);
        let angle = 0.2 * f64::from(tenth);
        let velocity = read(&world, 0).velocity.as_dvec3();
        let expected = DVec3::new(angle.sin(), 1.0 - angle.cos(), 0.0);
        assert_near(velocity.distance(expected), 0.0, 2.0 * 2.0 / RATE);
    }
}

#[test]
fn a_thrust_beyond_its_range_is_refused() {
    let mut world = world_of(weightless(), Environment::default(), &[BodyDesc::sphere(0.5)]);
    assert!(!world.set_thrust(BodyId(0), Vec3::X * f32::NAN));
    assert!(!world.set_thrust(BodyId(0), Vec3::X * 2e12));
    assert!(!world.set_thrust(BodyId(1), Vec3::X));
    assert_eq!(read(&world, 0).thrust, Vec3::ZERO);
}

/// Torque about a skew axis turns a box as its inertia tensor says: at rest, α = R I⁻¹ Rᵀ τ.
#[test]
fn an_added_torque_turns_a_box_by_its_tensor() {
    #[derive(Debug)]
    struct Twist;
    impl Force for Twist {
        fn act(&self, _: &Subject<'_>) -> Wrench {
            Wrench::at(Vec3::X, Vec3::new(0.0, 1.0, 1.0))
        }
    }
    let half = Vec3::new(0.5, 1.0, 0.25);
    let turned = Quat::from_rotation_z(0.7);
    let body = BodyDesc::cuboid(half).mass(3.0).oriented(turned);
    let mut world = world_of(weightless(), Environment::default(), &[body]);
    world.add_force(Box::new(Twist));
    run(&mut world, 1);
    let square = half * half;
    let inertia = Vec3::new(square.y + square.z, square.x + square.z, square.x + square.y);
    let torque = turned.inverse() * Vec3::new(0.0, 1.0, -1.0);
    let expected = turned * (torque / inertia) / 60.0;
    assert_near(
        f64::from(read(&world, 0).angular_velocity.distance(expected)),
        0.0,
        1e-4,
    );
}

/// A domain's force set can be changed: half the gravity, and none.
#[test]
fn gravity_scales_by_domain() {
    let mut environment = Environment::default();
    environment.forces.air.gravity = 0.5;
    let bodies = [Domain::Generic, Domain::Air, Domain::Space].map(|domain| {
        BodyDesc::sphere(0.5)
            .domain(domain)
            .at(DVec3::X * 5.0 * f64::from(domain as u8))
    });
    let mut world = world_of(WorldParams::default(), environment, &bodies);
    run(&mut world, 60);
    for (id, share) in [(0, 1.0), (1, 0.5), (2, 0.0)] {
        assert_near(f64::from(read(&world, id).velocity.y), -GRAVITY * share, 1e-4);
    }
}

#[derive(Debug)]
struct Whirl;

impl Force for Whirl {
    fn act(&self, body: &Subject<'_>) -> Wrench {
        let push = Wrench::of_force(Vec3::X * body.kind.mass);
        Wrench {
            torque: Vec3::Z * (0.4 * body.kind.mass * 0.25),
            ..push
        }
    }
}

/// A force of the mass and a torque of the moment of inertia: 1 m/s² and 1 rad/s².
#[test]
fn an_added_force_pushes_and_turns() {
    let mut world = world_of(weightless(), Environment::default(), &[BodyDesc::sphere(0.5)]);
    world.add_force(Box::new(Whirl));
    run(&mut world, 60);
    assert_near(f64::from(read(&world, 0).velocity.x), 1.0, 1e-5);
    assert_near(f64::from(read(&world, 0).angular_velocity.z), 1.0, 1e-5);
}

#[derive(Debug)]
struct Broken;

impl Force for Broken {
    fn act(&self, _: &Subject<'_>) -> Wrench {
        Wrench::of_force(Vec3::splat(f32::NAN))
    }
}

#[test]
fn a_broken_force_stops_the_body() {
    let mut world = world_of(
        weightless(),
        Environment::default(),
        &[BodyDesc::sphere(0.5).moving(Vec3::X)],
    );
    world.add_force(Box::new(Broken));
    run(&mut world, 1);
    assert_eq!(read(&world, 0).velocity, Vec3::ZERO);
    assert_eq!(world.stats().quarantined, 4, "once a substep");
}

/// Everything at once, twice: the environment is in the snapshot.
#[test]
fn a_restored_world_has_its_environment() {
    let environment = Environment {
        medium: Medium {
            density: 1.2,
            wind: Vec3::new(3.0, 0.0, -4.0),
            scale_height: Some(8500.0),
        },
        fluids: vec![lake()],
        ..planet()
    };
    let body = |domain: Domain| {
        BodyDesc::sphere(0.5)
            .at(DVec3::X * 5.0 * f64::from(domain as u8))
            .domain(domain)
            .drag_area(0.4)
            .thrust(Vec3::Z * 100.0)
            .material(Material::default())
    };
    let mut world = world_of(WorldParams::default(), environment.clone(), &Domain::ALL.map(body));
    run(&mut world, 10);
    let mut restored = World::restore(&world.snapshot()).unwrap();
    assert_eq!(restored.environment(), &environment);
    run(&mut world, 50);
    run(&mut restored, 50);
    assert_eq!(world.hash(), restored.hash());
}
