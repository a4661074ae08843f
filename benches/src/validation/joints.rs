//! Joints: the period of pendulums, springs, a heavy top, chains with borders.

use std::f64::consts::{PI, TAU};

use glam::{DVec3, Quat, Vec3};
use jaguar_core::joint::Spring;
use jaguar_core::scenes::Scene;
use jaguar_core::{BodyDesc, BodyId, JointDesc, JointEnd, JointFrame, JointKind, Material, World, WorldParams};

use super::finding::{Check, Findings, Plot, Scale, Series};
use super::run::{self, GRAVITY, body, line_through, same_bits_joined, weightless, world_of};

const HINGE: JointKind = JointKind::Hinge {
    limits: None,
    motor: None,
};

/// A scene with joints.
struct Joined {
    scene: Scene,
    joints: Vec<JointDesc>,
}

impl Joined {
    fn new(params: WorldParams, bodies: Vec<BodyDesc>, joints: Vec<JointDesc>) -> Self {
        Self {
            scene: run::scene(params, Vec::new(), bodies),
            joints,
        }
    }

    fn world(&self) -> World {
        let mut world = world_of(&self.scene);
        for joint in &self.joints {
            world.join(joint).expect("the joints are valid");
        }
        world
    }

    fn same_bits(&self, ticks: u64) -> Check {
        same_bits_joined(&self.scene, &self.joints, ticks, &run::nothing)
    }
}

fn to_world(frame: JointFrame, point: DVec3, orientation: Quat, kind: JointKind) -> JointDesc {
    JointDesc {
        body: BodyId(0),
        frame,
        end: JointEnd::World { point, orientation },
        kind,
        collide: false,
    }
}

/// How far the pendulums swing out, rad.
const SWING: f64 = 1.0;

/// A ball on a rope of 1 m, and a rod of 1 m on a hinge at its end, let go at [`SWING`].
fn pendulums(substeps: u32) -> [(Joined, f64); 2] {
    let params = || WorldParams {
        substeps,
        ..WorldParams::default()
    };
    let turned = Quat::from_rotation_z(SWING as f32);
    let down = (turned * Vec3::NEG_Y).as_dvec3();
    let rope = JointKind::Distance {
        length: 1.0,
        spring: None,
    };
    let ball = BodyDesc::sphere(0.1).at(down);
    let ball = Joined::new(
        params(),
        vec![ball],
        vec![JointDesc::to_world(BodyId(0), DVec3::ZERO, rope)],
    );
    let half = Vec3::new(0.05, 0.5, 0.05);
    let rod = BodyDesc {
        orientation: turned,
        ..BodyDesc::cuboid(half).at(down * 0.5)
    };
    let frame = JointFrame::along(Vec3::Y * 0.5, Vec3::Z);
    let hinge = to_world(frame, DVec3::ZERO, frame.orientation, HINGE);
    let rod = Joined::new(params(), vec![rod], vec![hinge]);
    let inertia = (0.05 * 0.05 + 0.5 * 0.5) / 3.0 + 0.25;
    [
        (ball, wide(TAU / GRAVITY.sqrt())),
        (rod, wide(TAU * (inertia / (GRAVITY * 0.5)).sqrt())),
    ]
}

/// Period of a pendulum of this small period that swings out to [`SWING`]: over the arithmetic-geometric mean of 1 and the cosine of half the angle.
fn wide(small: f64) -> f64 {
    let (mut a, mut b) = (1.0, (0.5 * SWING).cos());
    for _ in 0..20 {
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
    }
    small / a
}

/// Mean of two periods of what swings along x.
fn period(pendulum: &Joined) -> f64 {
    const PERIODS: usize = 2;
    let mut world = pendulum.world();
    let step = f64::from(world.params().tick_seconds());
    let mut crossings = Vec::new();
    let mut before = body(&world, 0).position.x;
    for tick in 0..3000 {
        world.step();
        let after = body(&world, 0).position.x;
        if before < 0.0 && after >= 0.0 {
            crossings.push((f64::from(tick) + before / (before - after)) * step);
            if crossings.len() > PERIODS {
                break;
            }
        }
        before = after;
    }
    match crossings[..] {
        [first, .., last] => (last - first) / (crossings.len() - 1) as f64,
        _ => f64::NAN,
    }
}

/// Periods of the two pendulums against their closed forms at 2 to 8 substeps.
pub(super) fn pendulum() -> Findings {
    let mut findings = Findings::default();
    let names = ["ball on a rope", "rod on a hinge"];
    for (k, name) in names.into_iter().enumerate() {
        let mut errors = Vec::new();
        for substeps in [2, 4, 8] {
            let [ball, rod] = pendulums(substeps);
            let (pendulum, expected) = if k == 0 { ball } else { rod };
            let found = period(&pendulum);
            errors.push((f64::from(substeps), (found / expected - 1.0).abs()));
            if substeps == 4 {
                findings.checks.push(Check::near(
                    format!("period of a {name} that swings out by 57°, 4 substeps, s"),
                    found,
                    expected,
                    1e-4 * expected,
                    "the error is of second order, and (ω h)² is 1.7e-4",
                ));
            }
        }
        let logarithms: Vec<_> = errors.iter().map(|&(n, e)| (n.log2(), e.log2())).collect();
        findings.checks.push(Check::near(
            format!("order of convergence of the period of a {name}, 2 to 8 substeps"),
            -line_through(&logarithms).0,
            2.0,
            0.4,
            "places and velocities are half a substep apart, as in the leap-frog: second order; the next terms still count, and from 2e-6 on, beyond eight substeps, f32 rounds",
        ));
        if let Some(plot) = findings.plots.first_mut() {
            plot.series.push(Series::dots(name, errors));
        } else {
            findings.plots.push(Plot {
                name: "pendulum".to_owned(),
                title: "Error of the period of a pendulum".to_owned(),
                x: "substeps",
                y: "relative error",
                scale: Scale::Logarithmic,
                series: vec![Series::dots(name, errors)],
            });
        }
    }
    let [(ball, _), (rod, _)] = pendulums(4);
    findings.checks.push(ball.same_bits(300));
    findings.checks.push(rod.same_bits(300));
    findings
}

/// Two balls on a spring, within a tile and with a border between them, let go half a metre too far apart.
pub(super) fn spring() -> Findings {
    const SPRING: Spring = Spring {
        frequency: 2.0,
        damping_ratio: 0.1,
    };
    let joined = |x: f64| {
        let kind = JointKind::Distance {
            length: 1.0,
            spring: Some(SPRING),
        };
        let at = JointFrame::at(Vec3::ZERO);
        let balls = [0.2, 0.3].map(BodyDesc::sphere);
        let [a, b] = balls;
        let bodies = vec![a.at(DVec3::X * x), b.at(DVec3::X * (x + 1.5))];
        let joint = JointDesc::new((BodyId(0), at), (BodyId(1), at), kind);
        Joined::new(weightless(), bodies, vec![joint])
    };
    let (zeta, omega) = (f64::from(SPRING.damping_ratio), TAU * f64::from(SPRING.frequency));
    let damped = omega * (1.0 - zeta * zeta).sqrt();
    // The velocities are those half a substep earlier: at rest then.
    let late = 0.5 / 240.0;
    let closed = |t: f64| {
        let t = t + late;
        0.5 * (-zeta * omega * t).exp() * ((damped * t).cos() + zeta * omega / damped * (damped * t).sin())
    };
    let mut findings = Findings::default();
    let mut series = vec![Series::line(
        "closed form",
        (0..240).map(|k| f64::from(k) / 120.0).map(|t| (t, closed(t))).collect(),
    )];
    for (name, x) in [("within a tile", 0.0), ("across a border", 7.3)] {
        let mut world = joined(x).world();
        let points: Vec<_> = (1..=120)
            .map(|tick| {
                world.step();
                let stretch = (body(&world, 1).position - body(&world, 0).position).length() - 1.0;
                (f64::from(tick) / 60.0, stretch)
            })
            .collect();
        let error = points.iter().map(|&(t, stretch)| (stretch - closed(t)).abs());
        findings.checks.push(Check::below(
            format!("largest deviation of a damped spring of 2 Hz {name}, m"),
            error.fold(0.0, f64::max),
            5e-4,
            "the substep's map has the eigenvalues of the true motion; what is left is the start, which is not quite at rest half a substep before",
        ));
        series.push(Series::dots(name, points));
    }
    findings.checks.push(joined(7.3).same_bits(300));
    findings.plots.push(Plot {
        name: "spring".to_owned(),
        title: "Two balls on a spring of 2 Hz, damping ratio 0.1".to_owned(),
        x: "time, s",
        y: "stretch, m",
        scale: Scale::Linear,
        series,
    });
    findings
}

/// Distance from the pivot to the top's centre, m.
const STEM: f64 = 0.3;
/// Angle of the top's axis against the vertical, rad.
const TILT: f64 = 0.5;
/// Angular velocity about the axis, rad/s.
const SPIN: f64 = 60.0;

/// A square disc on a stem without mass, on a ball joint, in steady precession; and the rate of that, rad/s.
fn top(substeps: u32) -> (Joined, f64) {
    let half = DVec3::new(0.2, 0.1, 0.2);
    // Moments of inertia over the mass: about the axis, and across it at the pivot.
    let about = (half.x * half.x + half.z * half.z) / 3.0;
    let across = (half.x * half.x + half.y * half.y) / 3.0 + STEM * STEM;
    // I₁ Ω² cos θ - I₃ ω₃ Ω + m g l = 0, the slow one of the two.
    let (a, b, c) = (across * TILT.cos(), about * SPIN, GRAVITY * STEM);
    let rate = (b - (b * b - 4.0 * a * c).sqrt()) / (2.0 * a);
    let axis = DVec3::new(TILT.sin(), TILT.cos(), 0.0);
    let turning = DVec3::Y * rate + axis * (SPIN - rate * TILT.cos());
    let disc = BodyDesc {
        orientation: Quat::from_rotation_z(-TILT as f32),
        ..BodyDesc::cuboid(half.as_vec3())
            .at(axis * STEM)
            .moving(turning.cross(axis * STEM).as_vec3())
            .spinning(turning.as_vec3())
    };
    let frame = JointFrame::at(Vec3::NEG_Y * STEM as f32);
    let ball = to_world(frame, DVec3::ZERO, Quat::IDENTITY, JointKind::Ball);
    let params = WorldParams {
        substeps,
        ..WorldParams::default()
    };
    (Joined::new(params, vec![disc], vec![ball]), rate)
}

/// A heavy symmetric top in steady precession (Goldstein, Classical Mechanics, § 5.7).
pub(super) fn heavy_top() -> Findings {
    let mut findings = Findings::default();
    let mut series = Vec::new();
    for substeps in [4, 16] {
        let (top, rate) = top(substeps);
        let mut world = top.world();
        let heading = |world: &World| {
            let place = body(world, 0).position;
            place.x.atan2(place.z)
        };
        let tilt = |world: &World| (body(world, 0).position.y / STEM).clamp(-1.0, 1.0).acos();
        let (mut angle, mut last) = (0.0, heading(&world));
        let mut tilts = vec![(0.0, tilt(&world))];
        for tick in 1..=600_u32 {
            world.step();
            let now = heading(&world);
            angle += (now - last + PI).rem_euclid(TAU) - PI;
            last = now;
            tilts.push((f64::from(tick) / 60.0, tilt(&world)));
        }
        findings.checks.push(Check::near(
            format!("rate of the precession of a heavy top, {substeps} substeps, rad/s"),
            angle.abs() / 10.0,
            rate,
            0.02 * rate,
            "the top turns by a quarter of a radian in one of four substeps, of which the second order is a hundredth",
        ));
        let worst = tilts.iter().map(|t| (t.1 - TILT).abs()).fold(0.0, f64::max);
        findings.checks.push(Check::below(
            format!("largest change of its tilt in 10 s, {substeps} substeps, rad"),
            worst,
            0.03,
            "steady precession keeps the tilt; the start is off by half a substep's gravity, which nutates",
        ));
        series.push(Series::line(format!("{substeps} substeps"), tilts));
    }
    findings.checks.push(top(4).0.same_bits(300));
    findings.plots.push(Plot {
        name: "top".to_owned(),
        title: "Tilt of a heavy top in steady precession".to_owned(),
        x: "time, s",
        y: "tilt, rad",
        scale: Scale::Linear,
        series,
    });
    findings
}

/// A chain of boxes of 0.3 m every 0.4 m by hinges from `foot`; the first hangs on the world if it hangs at all.
fn chain(params: WorldParams, foot: DVec3, direction: DVec3, count: u64) -> Joined {
    let at = |steps: f64| foot + direction * (0.4 * steps);
    let cube = || BodyDesc::cuboid(Vec3::splat(0.15));
    let bodies = (0..count).map(|k| cube().at(at(k as f64 + 0.5))).collect();
    let end = |sign: f32| JointFrame::along(direction.as_vec3() * (0.2 * sign), Vec3::Z);
    let mut joints: Vec<_> = (1..count)
        .map(|k| JointDesc::new((BodyId(k - 1), end(1.0)), (BodyId(k), end(-1.0)), HINGE))
        .collect();
    if direction.y < 0.0 {
        joints.push(to_world(end(-1.0), foot, end(-1.0).orientation, HINGE));
    }
    Joined::new(params, bodies, joints)
}

/// Hinge chains of twenty boxes: hanging, and lying on the ground; within a tile, with a corner of eight tiles in the middle, and with borders every five boxes.
pub(super) fn hinges() -> Findings {
    let mut findings = Findings::default();
    for (place, tile_size, foot) in [
        ("within a tile", 64.0, DVec3::ZERO),
        ("through a corner of eight tiles", 16.0, DVec3::new(8.0, 12.0, 8.0)),
        ("with borders every five boxes", 2.0, DVec3::Y * 0.05),
    ] {
        let params = WorldParams {
            tile_size,
            ..WorldParams::default()
        };
        let hanging = chain(params, foot, DVec3::NEG_Y, 20);
        let mut world = hanging.world();
        run::run(&mut world, 1200);
        let end = body(&world, 19);
        let stretch = foot.y - 7.8 - end.position.y;
        findings.checks.push(Check::below(
            format!("stretch of a hanging chain of 8 m {place}, m"),
            stretch.abs(),
            0.04,
            "its joints are springs, the topmost of which carries twenty boxes: half a per cent",
        ));
        findings.checks.push(Check::below(
            format!("speed of its end after 20 s {place}, m/s"),
            f64::from(end.velocity.length()),
            1e-3,
            "nothing may move",
        ));
        if tile_size < 10.0 {
            findings.checks.push(hanging.same_bits(300));
        }
    }
    let foot = DVec3::new(4.0, 0.15, 8.0);
    let mut lying = chain(WorldParams::default(), foot, DVec3::X, 20);
    lying.scene.statics = vec![run::floor(Material::default())];
    let mut world = lying.world();
    run::run(&mut world, 1200);
    let moved = (0..20).map(|k| {
        let place = foot + DVec3::X * (0.4 * (k as f64 + 0.5));
        (body(&world, k).position - place).length()
    });
    findings.checks.push(Check::below(
        "way of a chain that lies along and across borders in 20 s, m",
        moved.fold(0.0, f64::max),
        1e-3,
        "nothing may move, but for the depth of a contact",
    ));
    findings.checks.push(lying.same_bits(300));
    findings
}
