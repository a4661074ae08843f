//! Balls that collide without loss: by angle, and in a row.

use glam::{DVec3, Vec3};
use jaguar_core::scenes::{RADIUS, Scene, ball};

use super::finding::{Check, Findings, Plot, Scale, Series};
use super::run::{self, body, elastic, same_bits, weightless, world_of};

/// A ball meets an equal one at rest, b off its centre. The smooth spheres push along the line of their centres, at the angle φ with sin φ = b / 2r: the one that was hit goes off at φ
/// with v cos φ, the other at a right angle to it with v sin φ.
pub(super) fn collision() -> Findings {
    let speed = 3.0;
    let shot = |share: f64| {
        let aside = DVec3::Y * (share * 2.0 * f64::from(RADIUS));
        // The border of the tile is at 8 m: the balls meet in different tiles.
        let target = ball(DVec3::X * 8.4, Vec3::ZERO, elastic());
        let shooter = ball(DVec3::X * 5.0 + aside, Vec3::X * speed, elastic());
        run::scene(weightless(), Vec::new(), vec![shooter, target])
    };
    let (mut angles, mut energy_error, mut momentum_error) = (Vec::new(), 0.0_f64, 0.0_f64);
    let mut angle_error = 0.0_f64;
    for step in -9..=9 {
        let share = f64::from(step) / 10.0;
        let mut world = world_of(&shot(share));
        run::run(&mut world, 90);
        let (shooter, target) = (body(&world, 0).velocity.as_dvec3(), body(&world, 1).velocity.as_dvec3());
        let kinetic = shooter.length_squared() + target.length_squared();
        energy_error = energy_error.max((kinetic / f64::from(speed * speed) - 1.0).abs());
        momentum_error = momentum_error.max((shooter + target - DVec3::X * f64::from(speed)).length());
        let angle = (-target.y).atan2(target.x).to_degrees();
        angle_error = angle_error.max((angle - share.asin().to_degrees()).abs());
        angles.push((share, angle));
    }
    let law = (-95..=95).map(|step| f64::from(step) / 100.0);
    Findings {
        checks: vec![
            Check::below(
                "momentum lost in an elastic collision, 19 angles, m/s",
                momentum_error,
                1e-5,
                "both get the same impulse: rounding of 3 m/s",
            ),
            Check::below(
                "energy lost, share",
                energy_error,
                1e-3,
                "contacts are soft and are put right by the restitution pass, which knows the normal of the start of the tick",
            ),
            Check::below(
                "error of the angle at which the hit ball leaves, degrees",
                angle_error,
                2.4,
                "the normal is that of the start of the tick, up to 5 cm before they touch; at b = 0.9 that makes asin 0.9 - asin (0.9 / 1.022)",
            ),
            same_bits(&shot(0.5), 120, &run::nothing),
        ],
        plots: vec![Plot {
            name: "collision".to_owned(),
            title: "Where a ball goes that is hit off its centre".to_owned(),
            x: "distance of the line of flight from the centre, diameters",
            y: "angle, degrees",
            scale: Scale::Linear,
            series: vec![
                Series::dots("measured", angles),
                Series::line(
                    "sin φ = b / 2r",
                    law.map(|share| (share, share.asin().to_degrees())).collect(),
                ),
            ],
        }],
    }
}

/// Five balls in a row without weight, the first comes with 2 m/s: the last leaves with it, and the others rest. With gaps it is a chain of collisions of two; balls that touch are one
/// collision of five, of which rigid bodies say nothing (Herrmann and Seitz 1982): the cradle is what experience says.
pub(super) fn cradle() -> Findings {
    let speed = 2.0;
    let row = |gap: f64| -> Scene {
        let at = |k: u32| DVec3::X * (f64::from(k) * (2.0 * f64::from(RADIUS) + gap));
        let balls = (0..5).map(|k| {
            let velocity = if k == 0 { Vec3::X * speed } else { Vec3::ZERO };
            let back = if k == 0 { DVec3::X } else { DVec3::ZERO };
            ball(at(k) - back, velocity, elastic())
        });
        run::scene(weightless(), Vec::new(), balls.collect())
    };
    let mut findings = Findings::default();
    for (gap, name) in [(0.2, "20 cm apart"), (0.01, "1 cm apart"), (0.0, "that touch")] {
        let scene = row(gap);
        let mut world = world_of(&scene);
        let mut paths = vec![Vec::new(); 5];
        for tick in 0..150_u32 {
            for (k, path) in paths.iter_mut().enumerate() {
                path.push((f64::from(tick) / 60.0, body(&world, k).position.x));
            }
            world.step();
        }
        let velocities: Vec<f64> = (0..5).map(|k| f64::from(body(&world, k).velocity.x)).collect();
        findings.checks.push(Check::near(
            format!("speed of the last of five balls {name}, m/s"),
            velocities[4],
            f64::from(speed),
            0.02,
            "1 %: the ratio of successive collisions is exact, each loses rounding only",
        ));
        let rest = velocities[..4].iter().map(|v| v.abs()).fold(0.0, f64::max);
        findings.checks.push(Check::below(
            format!("largest speed of the other four, balls {name}, m/s"),
            rest,
            0.02,
            "likewise",
        ));
        if gap == 0.2 {
            findings.checks.push(same_bits(&scene, 150, &run::nothing));
        }
        findings.plots.push(Plot {
            name: format!(
                "cradle-{}",
                if gap == 0.2 {
                    "apart"
                } else if gap > 0.0 {
                    "close"
                } else {
                    "touching"
                }
            ),
            title: format!("Newton's cradle, balls {name}"),
            x: "time, s",
            y: "position, m",
            scale: Scale::Linear,
            series: paths
                .into_iter()
                .enumerate()
                .map(|(k, path)| Series::line(format!("ball {}", k + 1), path))
                .collect(),
        });
    }
    findings
}
