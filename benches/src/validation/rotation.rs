//! Bodies that turn freely: energy over a long time, precession of a symmetric body, flips of an asymmetric one.

use glam::{DVec3, Vec3};
use jaguar_core::scenes::Scene;
use jaguar_core::{BodyDesc, World};

use super::finding::{Check, Findings, Plot, Scale, Series};
use super::run::{self, body, inertia, kinetic_energy, same_bits, weightless, world_of};

fn spinning(half_extents: Vec3, spin: Vec3) -> Scene {
    run::scene(
        weightless(),
        Vec::new(),
        vec![BodyDesc::cuboid(half_extents).spinning(spin)],
    )
}

/// Angular momentum in world axes, kg m²/s.
fn momentum(world: &World) -> DVec3 {
    let body = body(world, 0);
    let local = (body.orientation.inverse() * body.angular_velocity).as_dvec3();
    body.orientation.as_dquat() * (inertia(&body) * local)
}

/// Angular velocity about the body's own axes, rad/s.
fn local_spin(world: &World) -> DVec3 {
    let body = body(world, 0);
    body.orientation.as_dquat().inverse() * body.angular_velocity.as_dvec3()
}

/// A box of three different edges that turns about no axis of its own, for 10^5 ticks.
pub(super) fn spin() -> Findings {
    const TICKS: u32 = 100_000;
    let scene = spinning(Vec3::new(0.5, 0.3, 0.1), Vec3::new(3.0, 4.0, 2.0));
    let mut world = world_of(&scene);
    let (energy, turning) = (kinetic_energy(&body(&world, 0)), momentum(&world));
    let (mut energies, mut momenta) = (Vec::new(), Vec::new());
    for tick in 1..=TICKS {
        world.step();
        if tick % 100 == 0 {
            let change = kinetic_energy(&body(&world, 0)) / energy - 1.0;
            let turned = (momentum(&world) - turning).length() / turning.length();
            energies.push((f64::from(tick), 100.0 * change));
            momenta.push((f64::from(tick), 100.0 * turned));
        }
    }
    let worst = |points: &[(f64, f64)]| points.iter().map(|p| p.1.abs()).fold(0.0, f64::max);
    Findings {
        checks: vec![
            Check::below(
                "change of the energy of a freely turning box over 10^5 ticks, %",
                worst(&energies),
                2.0,
                "the closed form keeps it; 2 % in 28 minutes cannot be seen",
            ),
            Check::below(
                "change of its angular momentum, %",
                worst(&momenta),
                1.0,
                "4e5 substeps that each round to 6e-8 add up to 2.4 % if all to one side, to 0.004 % at random",
            ),
            same_bits(&scene, 2000, &run::nothing),
        ],
        plots: vec![Plot {
            name: "spin".to_owned(),
            title: "A box that turns freely".to_owned(),
            x: "tick",
            y: "change, %",
            scale: Scale::Linear,
            series: vec![
                Series::line("energy", energies),
                Series::line("angular momentum", momenta),
            ],
        }],
    }
}

/// A symmetric body's axis goes round the angular momentum L at the rate L / I, I across the axis. A body that turns about its middle axis turns over and over (Dzhanibekov):
/// twice in 4 K(k) √(I₁ I₂ I₃ / ((I₃ - I₂)(L² - 2 E I₁))) (Landau and Lifshitz, Mechanics, § 37).
pub(super) fn precession() -> Findings {
    let mut findings = Findings::default();
    findings.checks.push(symmetric());
    let mut series = Vec::new();
    for substeps in [4, 16, 64] {
        let scene = tumbling(substeps);
        let mut world = world_of(&scene);
        let expected = flip_period(&world);
        let mut points = vec![(0.0, local_spin(&world).y)];
        let mut crossings: Vec<f64> = Vec::new();
        for tick in 1..=1200_u32 {
            world.step();
            let (time, spin) = (f64::from(tick) / 60.0, local_spin(&world).y);
            let (before, was) = points[points.len() - 1];
            if was * spin < 0.0 {
                crossings.push(before + (time - before) * was / (was - spin));
            }
            points.push((time, spin));
        }
        let period = match (crossings.first(), crossings.last()) {
            (Some(first), Some(last)) if crossings.len() > 2 => 2.0 * (last - first) / (crossings.len() - 1) as f64,
            _ => f64::NAN,
        };
        findings.checks.push(Check::near(
            format!("period of the flips of a box about its middle axis, {substeps} substeps, s"),
            period,
            expected,
            0.02 * expected,
            "the period goes with the logarithm of how far off the axis it starts, so 2 % is a change of that by a tenth",
        ));
        series.push(Series::line(format!("{substeps} substeps"), points));
    }
    findings.checks.push(same_bits(&tumbling(4), 600, &run::nothing));
    findings.plots.push(Plot {
        name: "precession".to_owned(),
        title: "A box that turns about its middle axis (Dzhanibekov)".to_owned(),
        x: "time, s",
        y: "angular velocity about that axis of its own, rad/s",
        scale: Scale::Linear,
        series,
    });
    findings
}

/// The moment about x is the least, that about z the greatest, so y is the middle axis.
fn tumbling(substeps: u32) -> Scene {
    let mut scene = spinning(Vec3::new(0.5, 0.3, 0.1), Vec3::new(0.05, 6.0, 0.05));
    scene.params.substeps = substeps;
    scene
}

fn symmetric() -> Check {
    let mut world = world_of(&spinning(Vec3::new(0.2, 0.5, 0.2), Vec3::new(1.0, 6.0, 0.0)));
    let across = inertia(&body(&world, 0)).x;
    let turning = momentum(&world);
    let rate = turning.length() / across;
    let axis = turning.normalize();
    // The angle of the body's axis about the angular momentum, followed over the turns.
    let heading = |world: &World| {
        let own = body(world, 0).orientation.as_dquat() * DVec3::Y;
        let (u, v) = axis.any_orthonormal_pair();
        own.dot(v).atan2(own.dot(u))
    };
    let (ticks, mut angle, mut last) = (600_u32, 0.0, heading(&world));
    for _ in 0..ticks {
        world.step();
        let now = heading(&world);
        let step = (now - last).rem_euclid(std::f64::consts::TAU);
        angle += if step > std::f64::consts::PI {
            step - std::f64::consts::TAU
        } else {
            step
        };
        last = now;
    }
    Check::near(
        "rate at which the axis of a symmetric box goes round, rad/s",
        angle.abs() * 60.0 / f64::from(ticks),
        rate,
        0.005 * rate,
        "half a degree in a hundred; the substep is 1/600 of a turn",
    )
}

/// The period after which the angular velocity about the middle axis comes back, s.
fn flip_period(world: &World) -> f64 {
    let [mut one, two, mut three] = inertia(&body(world, 0)).to_array();
    let (square, double) = (momentum(world).length_squared(), 2.0 * kinetic_energy(&body(world, 0)));
    // The formula is written for L² > 2 E I₂; else the outer axes change places.
    if square < double * two {
        std::mem::swap(&mut one, &mut three);
    }
    let fast = (three - two) * (square - double * one);
    let modulus = (two - one) * (double * three - square) / fast;
    4.0 * quarter_period(modulus) * (one * two * three / fast).sqrt()
}

/// The complete elliptic integral of the first kind of k², by the arithmetic-geometric mean.
fn quarter_period(modulus: f64) -> f64 {
    let (mut a, mut b) = (1.0, (1.0 - modulus).sqrt());
    for _ in 0..40 {
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
    }
    std::f64::consts::FRAC_PI_2 / a
}
