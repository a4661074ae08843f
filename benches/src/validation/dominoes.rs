//! The speed of a row of falling dominoes against van Leeuwen's theory.

use glam::{DVec3, Vec3};
use jaguar_core::scenes::{Scene, wall};
use jaguar_core::{BodyDesc, CombineRule, Material, WorldParams};

use super::finding::{Check, Findings, Plot, Scale, Series};
use super::run::{self, GRAVITY, body, same_bits, world_of};

/// Thickness over height, as in the experiments that van Leeuwen compares with.
const THICKNESS: f64 = 0.179;
/// How many dominoes: the speed is that of the last half, where it no longer changes.
const COUNT: usize = 40;

/// Speeds over √(g h) for gaps of 0.2 to 0.6 heights, smooth dominoes that do not slip on the table, against [`theory`]; and the same with friction between them.
pub(super) fn wave() -> Findings {
    let gaps = [0.2, 0.3, 0.4, 0.5, 0.6];
    let speeds = |friction: f32| gaps.map(|gap| (gap, measure(&row(gap, friction)))).to_vec();
    let (smooth, rough) = (speeds(0.0), speeds(0.2));
    let mut checks: Vec<Check> = smooth
        .iter()
        .map(|&(gap, speed)| {
            Check::near(
                format!("speed of smooth dominoes {gap} heights apart, √(g h)"),
                speed,
                theory(gap),
                0.1 * theory(gap),
                "the theory has rigid dominoes that pivot on their edges and stay in touch; measured speeds scatter by about as much",
            )
        })
        .collect();
    let slower = smooth.iter().zip(&rough).map(|(a, b)| b.1 / a.1).fold(0.0, f64::max);
    checks.push(Check::within(
        "speed with friction of 0.2 between them over that without, the largest",
        slower,
        (0.6, 1.0),
        "friction only takes energy; van Leeuwen finds some per cent to a quarter",
    ));
    checks.push(same_bits(&row(0.3, 0.2), 200, &run::nothing));
    let law = (15..=65).map(|percent| f64::from(percent) / 100.0);
    Findings {
        checks,
        plots: vec![Plot {
            name: "dominoes".to_owned(),
            title: "Speed of a row of dominoes, thickness 0.179 h".to_owned(),
            x: "gap, heights",
            y: "speed, √(g h)",
            scale: Scale::Linear,
            series: vec![
                Series::line("van Leeuwen, no friction", law.map(|gap| (gap, theory(gap))).collect()),
                Series::dots("measured, no friction", smooth),
                Series::dots("measured, friction 0.2", rough),
            ],
        }],
    }
}

/// Dominoes of 1 m: what counts is the ratio of lengths.
fn row(gap: f64, friction: f32) -> Scene {
    let half = Vec3::new(0.5 * THICKNESS as f32, 0.5, 0.25);
    // On the table the larger of the two frictions counts: they do not slip.
    let material = Material {
        friction,
        friction_rule: CombineRule::Maximum,
        ..Material::default()
    };
    let table = Material {
        friction: 2.0,
        ..Material::default()
    };
    let at = |k: usize| DVec3::new(k as f64 * (gap + THICKNESS), 0.5, 0.0);
    let mut dominoes: Vec<BodyDesc> = (0..COUNT)
        .map(|k| BodyDesc::cuboid(half).at(at(k)).material(material))
        .collect();
    // The first turns about its lower edge.
    let push = 1.5;
    dominoes[0].angular_velocity = Vec3::Z * -push;
    dominoes[0].velocity = Vec3::new(0.5, half.x, 0.0) * push;
    run::scene(
        WorldParams::default(),
        vec![wall(DVec3::ZERO, DVec3::Y, table)],
        dominoes,
    )
}

/// Speed of the wave over √(g h), h = 1 m; not a number if it stops.
fn measure(scene: &Scene) -> f64 {
    let mut world = world_of(scene);
    let mut times = vec![None; COUNT];
    for tick in 0..900_u32 {
        for (k, time) in times.iter_mut().enumerate() {
            // Tilted by 3°, between two ticks.
            let tilt = (body(&world, k).orientation * Vec3::Y).x;
            if time.is_none() && tilt > 0.05 {
                *time = Some(f64::from(tick) / 60.0);
            }
        }
        if times.iter().all(Option::is_some) {
            break;
        }
        world.step();
    }
    let passed: Vec<_> = (COUNT / 2..COUNT - 2)
        .filter_map(|k| times[k].map(|time| (time, scene.bodies[k].position.x)))
        .collect();
    if passed.len() < COUNT / 2 - 2 {
        return f64::NAN;
    }
    run::line_through(&passed).0 / GRAVITY.sqrt()
}

/// J. M. J. van Leeuwen, The domino effect, Am. J. Phys. 78 (2010) 721, without friction; speed over √(g h).
///
/// Dominoes of height 1, thickness d and gap s pivot on their lower front edges. After a hit they lean on each other: with the angle θ of the one in front, that of the one behind, φ, is
/// given by sin(φ - θ) = (s + d) cos θ - d, so the train has one degree of freedom, that of its head. The head hits the next at sin θ = s. The hit keeps no energy but the momentum
/// that belongs to the degree of freedom: J ω before is (J + 1) ω' after, with J the sum of (dφ/dθ)² over the train, as the new head starts at the speed of the old one. Between hits energy is kept.
fn theory(gap: f64) -> f64 {
    const TRAIN: usize = 60;
    let pitch = gap + THICKNESS;
    let behind = |angle: f64| angle + (pitch * angle.cos() - THICKNESS).asin();
    // Angles of the train with this head, and the sum of the squares of how fast they change with the head's.
    let train = |head: f64| {
        let (mut angle, mut rate, mut sum, mut potential) = (head, 1.0, 0.0, 0.0);
        let lying = behind_limit(pitch);
        for _ in 0..TRAIN {
            sum += rate * rate;
            potential += 0.5 * (angle.cos() + THICKNESS * angle.sin());
            let next = behind(angle).min(lying);
            rate *= 1.0 - pitch * angle.sin() / (next - angle).cos();
            angle = next;
        }
        (sum, potential)
    };
    let inertia = (1.0 + THICKNESS * THICKNESS) / 3.0;
    let hit = gap.asin();
    let (coupled, _) = train(hit);
    const STEPS: usize = 400;
    // The head's path from upright to the hit, midpoints.
    let path: Vec<_> = (0..STEPS)
        .map(|k| train(hit * (k as f64 + 0.5) / STEPS as f64))
        .collect();
    let (start_sum, start_potential) = train(0.0);
    let (end_sum, end_potential) = train(hit);
    // All but the new head were there before the hit.
    let keeps = coupled / (coupled + 1.0);
    let (mut begin, mut period) = (1.0_f64, 0.0);
    for _ in 0..400 {
        let energy = 0.5 * inertia * start_sum * begin * begin + start_potential;
        period = path
            .iter()
            .map(|(sum, potential)| hit / STEPS as f64 / (2.0 * (energy - potential) / (inertia * sum)).sqrt())
            .sum();
        let end = (2.0 * (energy - end_potential) / (inertia * end_sum)).sqrt();
        begin = end * keeps;
    }
    pitch / period
}

/// The angle at which dominoes lie on each other and no longer move: cos θ = d / (s + d).
fn behind_limit(pitch: f64) -> f64 {
    (THICKNESS / pitch).acos()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closer dominoes fall faster, and the speed is of the order of √(g h), as all who measured found.
    #[test]
    fn the_theory_falls_with_the_gap() {
        let speeds = [0.2, 0.3, 0.4, 0.5, 0.6].map(theory);
        assert!(speeds.windows(2).all(|pair| pair[0] > pair[1]), "{speeds:?}");
        assert!(speeds.iter().all(|speed| (0.5..3.0).contains(speed)), "{speeds:?}");
    }
}
