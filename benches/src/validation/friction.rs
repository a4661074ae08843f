//! The friction cone: what rests and what slides on a slope.

use glam::{DVec3, Quat};
use jaguar_core::scenes::{Scene, wall};
use jaguar_core::{BodyDesc, Material, WorldParams};

use super::finding::{Check, Findings, Plot, Scale, Series};
use super::run::{self, GRAVITY, body, same_bits, world_of};

const FRICTION: f32 = 0.5;

/// A flat box on a slope.
fn slope(degrees: f64) -> Scene {
    let angle = degrees.to_radians();
    let normal = DVec3::new(angle.sin(), angle.cos(), 0.0);
    let material = Material {
        friction: FRICTION,
        ..Material::default()
    };
    let flat = glam::Vec3::new(0.5, 0.2, 0.5);
    let body = BodyDesc::cuboid(flat)
        .at(normal * 0.2)
        .oriented(Quat::from_rotation_z(-angle as f32))
        .material(material);
    run::scene(
        WorldParams::default(),
        vec![wall(DVec3::ZERO, normal, material)],
        vec![body],
    )
}

/// Down a slope of angle θ a box accelerates at g (sin θ - µ cos θ), or not at all below tan θ = µ.
pub(super) fn cone() -> Findings {
    let limit = f64::from(FRICTION).atan().to_degrees();
    let (mut measured, mut creep, mut error) = (Vec::new(), 0.0_f64, 0.0_f64);
    let (mut steepest_rest, mut flattest_slide) = (0.0_f64, 90.0_f64);
    let coarse = (16..=36).map(f64::from);
    let fine = (-4..=4).map(|step| limit + 0.1 * f64::from(step));
    for degrees in coarse.chain(fine) {
        let angle = degrees.to_radians();
        let down = DVec3::new(angle.cos(), -angle.sin(), 0.0);
        let mut world = world_of(&slope(degrees));
        run::run(&mut world, 30);
        let begin = body(&world, 0);
        run::run(&mut world, 120);
        let end = body(&world, 0);
        let gained = (end.velocity - begin.velocity).as_dvec3().dot(down) / 2.0;
        let moved = (end.position - begin.position).dot(down);
        let expected = (GRAVITY * (angle.sin() - f64::from(FRICTION) * angle.cos())).max(0.0);
        measured.push((degrees, gained));
        error = error.max((gained - expected).abs());
        if degrees < limit - 0.05 {
            creep = creep.max(moved.abs());
        }
        if moved.abs() < 0.002 {
            steepest_rest = steepest_rest.max(degrees);
        } else {
            flattest_slide = flattest_slide.min(degrees);
        }
    }
    measured.sort_by(|a, b| a.0.total_cmp(&b.0));
    let law = (160..=360).map(|tenth| {
        let angle = (0.1 * f64::from(tenth)).to_radians();
        let sliding = GRAVITY * (angle.sin() - f64::from(FRICTION) * angle.cos());
        (0.1 * f64::from(tenth), sliding.max(0.0))
    });
    Findings {
        checks: vec![
            Check::near(
                "steepest slope on which a box rests, µ = 0.5, degrees",
                steepest_rest,
                limit,
                0.11,
                "steps of 0.1° around atan µ; on the cone itself either may be",
            ),
            Check::near(
                "flattest slope on which it slides, degrees",
                flattest_slide,
                limit,
                0.11,
                "likewise",
            ),
            Check::below(
                "creep below the cone in 2 s, m",
                creep,
                1e-3,
                "a five hundredth of the box; friction has no memory of a place to hold to, only of impulses",
            ),
            Check::below("error of the acceleration, 16° to 36°, m/s²", error, 0.02, "0.2 % of g"),
            same_bits(&slope(30.0), 150, &run::nothing),
        ],
        plots: vec![Plot {
            name: "friction".to_owned(),
            title: "A box on a slope, µ = 0.5".to_owned(),
            x: "slope, degrees",
            y: "acceleration, m/s²",
            scale: Scale::Linear,
            series: vec![
                Series::line("g (sin θ - µ cos θ)", law.collect()),
                Series::dots("measured", measured),
            ],
        }],
    }
}
