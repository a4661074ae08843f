//! Balls in flight and bouncing: the order of the integrator, and the energy that it keeps.

use glam::{DVec3, Vec3};
use jaguar_core::scenes::{RADIUS, ball};
use jaguar_core::{Domain, Material, WorldParams};

use super::finding::{Check, Findings, Plot, Scale, Series};
use super::run::{self, GRAVITY, body, elastic, floor, line_through, same_bits, world_of};

/// A ball thrown in still air that brakes with its speed (linear damping c): x(t) = v (1 - e^-ct) / c, y(t) = (v + g/c)(1 - e^-ct) / c - g t / c. And in no air.
pub(super) fn ballistics() -> Findings {
    let start = Vec3::new(3.0, 4.0, -0.7);
    let seconds = 2.0;
    let throw = |damping: f32, substeps: u32| {
        let material = Material {
            linear_damping: damping,
            ..Material::default()
        };
        let params = WorldParams {
            substeps,
            ..WorldParams::default()
        };
        run::scene(params, Vec::new(), vec![ball(DVec3::ZERO, start, material)])
    };
    let exact = |c: f64| {
        let (v, t) = (start.as_dvec3(), seconds);
        if c == 0.0 {
            return v * t - DVec3::Y * (0.5 * GRAVITY * t * t);
        }
        let gone = (1.0 - (-c * t).exp()) / c;
        v * gone + DVec3::Y * (GRAVITY / c * (gone - t))
    };
    let mut findings = Findings::default();
    let mut series = Vec::new();
    for (damping, name) in [(0.0, "no air"), (0.5, "air, 0.5 1/s")] {
        let error = |substeps: u32| {
            let mut world = world_of(&throw(damping, substeps));
            run::run(&mut world, 120);
            let seconds = 1.0 / (60.0 * f64::from(substeps));
            (seconds, body(&world, 0).position.distance(exact(f64::from(damping))))
        };
        let points: Vec<_> = [1, 2, 4, 8, 16, 32, 64].map(error).to_vec();
        let logarithms: Vec<_> = points[..5].iter().map(|p| (p.0.ln(), p.1.ln())).collect();
        findings.checks.push(Check::near(
            format!("order of convergence of a throw, 1 to 16 substeps, {name}"),
            line_through(&logarithms).0,
            1.0,
            0.05,
            "semi-implicit Euler is of first order; over 1 to 16 substeps its next term and the rounding of f32 change the slope by less",
        ));
        series.push(Series::dots(name, points));
    }
    // Half g t h, the whole error of semi-implicit Euler under a constant force.
    let law = [1.0, 64.0].map(|substeps: f64| 1.0 / (60.0 * substeps));
    series.push(Series::line(
        "g t h / 2",
        law.map(|h| (h, 0.5 * GRAVITY * seconds * h)).to_vec(),
    ));
    findings.plots.push(Plot {
        name: "ballistics".to_owned(),
        title: "Error of a throw after 2 s".to_owned(),
        x: "substep, s",
        y: "error of the position, m",
        scale: Scale::Logarithmic,
        series,
    });
    findings.checks.push(same_bits(&throw(0.5, 4), 120, &run::nothing));
    findings
}

/// A ball that falls through still air comes to the speed at which drag carries it: v(t) = v∞ tanh(g t / v∞) with v∞ = √(2 m g / (ρ C A)).
pub(super) fn drag() -> Findings {
    let (density, area) = (1.2_f32, 0.5_f32);
    let falling = |mass: f32| {
        let body = ball(DVec3::ZERO, Vec3::ZERO, Material::default());
        let body = body.mass(mass).drag_area(area).domain(Domain::Air);
        let mut scene = run::scene(WorldParams::default(), Vec::new(), vec![body]);
        scene.environment.medium.density = density;
        scene
    };
    let mut findings = Findings::default();
    let mut series = Vec::new();
    for mass in [5.0_f32, 20.0, 80.0] {
        let limit = (2.0 * f64::from(mass) * GRAVITY / f64::from(density * area)).sqrt();
        let law = |time: f64| limit * (GRAVITY * time / limit).tanh();
        let mut world = world_of(&falling(mass));
        let mut points = vec![(0.0, 0.0)];
        let mut error = 0.0_f64;
        for tick in 1..=1200_u32 {
            world.step();
            let (time, speed) = (f64::from(tick) / 60.0, -f64::from(body(&world, 0).velocity.y));
            error = error.max((speed - law(time)).abs());
            if tick % 30 == 0 {
                points.push((time, speed));
            }
        }
        findings.checks.extend([
            Check::near(
                format!("terminal velocity of {mass} kg, m/s"),
                -f64::from(body(&world, 0).velocity.y),
                law(20.0),
                1e-3 * limit,
                "a fixed point does not depend on the substep; f32 rounds to less",
            ),
            Check::below(
                format!("largest error on the way, {mass} kg, m/s"),
                error,
                0.5 * GRAVITY / 240.0,
                "first order: half of what gravity gives in a substep",
            ),
        ]);
        series.push(Series::line(
            format!("tanh, {mass} kg"),
            points.iter().map(|p| (p.0, law(p.0))).collect(),
        ));
        series.push(Series::dots(format!("{mass} kg"), points));
    }
    findings.checks.push(same_bits(&falling(20.0), 300, &run::nothing));
    findings.plots.push(Plot {
        name: "drag".to_owned(),
        title: "Balls that fall through air, C A = 0.5 m²".to_owned(),
        x: "time, s",
        y: "speed, m/s",
        scale: Scale::Linear,
        series,
    });
    findings
}

/// An elastic ball on an elastic floor for 10^5 ticks (28 minutes): its energy is that of the start.
pub(super) fn bounce() -> Findings {
    const TICKS: u32 = 100_000;
    let height = 2.0;
    let radius = f64::from(RADIUS);
    let drop = ball(DVec3::Y * (radius + height), Vec3::ZERO, elastic());
    let scene = run::scene(WorldParams::default(), vec![floor(elastic())], vec![drop]);
    let mut world = world_of(&scene);
    let mut drift = Vec::new();
    for tick in 1..=TICKS {
        world.step();
        let ball = body(&world, 0);
        let speed = f64::from(ball.velocity.length());
        // What semi-implicit Euler keeps: v' = v - g h and y' = y + h v' leave g y + v² / 2 - g h v / 2 as it is. (The velocity is that of half a substep ago.)
        let lag = 0.5 * f64::from(ball.velocity.y) * GRAVITY / 240.0;
        let energy = GRAVITY * (ball.position.y - radius) + 0.5 * speed * speed - lag;
        if tick % 100 == 0 {
            drift.push((f64::from(tick), 100.0 * (energy / (GRAVITY * height) - 1.0)));
        }
    }
    let worst = drift.iter().map(|p| p.1.abs()).fold(0.0, f64::max);
    let end = drift.last().map_or(f64::NAN, |p| p.1.abs());
    Findings {
        checks: vec![
            Check::below(
                "drift of the energy of a bouncing ball over 10^5 ticks (2,600 bounces), %",
                end,
                0.1,
                "4e-7 a bounce: three roundings of f32 to 6e-8 of the velocity, 1.2e-7 of the energy, were they always to the same side",
            ),
            Check::below(
                "largest deviation on the way, %",
                worst,
                0.1,
                "the way up is the way down reversed in time, to the substep, so there is none but the drift",
            ),
            same_bits(&scene, 2000, &run::nothing),
        ],
        plots: vec![Plot {
            name: "bounce".to_owned(),
            title: "Energy of a ball that bounces without loss".to_owned(),
            x: "tick",
            y: "change of the energy, %",
            scale: Scale::Linear,
            series: vec![Series::line("kinetic and potential", drift)],
        }],
    }
}
