//! What stands has to stand, wherever the borders of tiles are: a stack, a pyramid, and a wall until a ball comes.

use glam::{DVec3, Quat, Vec3, Vec3Swizzles, swizzles::Vec4Swizzles};
use jaguar_core::scenes::{Scene, wall as plane};
use jaguar_core::{Body, BodyDesc, Material, StaticShape, World, WorldParams};

use super::finding::{Check, Findings, Plot, Scale, Series};
use super::run::{self, body, kinetic_energy, same_bits, world_of};
use crate::engine::State;
use crate::quality::Judge;

const TICKS_PER_SECOND: u32 = 60;

/// Ten boxes of 1 m, one on the other, for a minute.
pub(super) fn stack() -> Findings {
    let cube = BodyDesc::cuboid(Vec3::splat(0.5));
    let boxes = (0..10).map(|k| cube.clone().at(DVec3::Y * (f64::from(k) - 4.5)));
    stand("stack", "a stack of 10 boxes", on_floor(-5.0, boxes.collect()), 300)
}

/// Twenty boxes of 1 m in the lowest layer, one in the highest, for a minute.
pub(super) fn pyramid() -> Findings {
    let cube = BodyDesc::cuboid(Vec3::splat(0.5));
    let layers = (0..20).flat_map(|layer| (0..20 - layer).map(move |k| (layer, k)));
    let at =
        |(layer, k): (u32, u32)| DVec3::new(f64::from(k) - 0.5 * f64::from(19 - layer), f64::from(layer) - 9.5, 0.0);
    let boxes = layers.map(|place| cube.clone().at(at(place))).collect();
    stand("pyramid", "a pyramid of 210 boxes", on_floor(-10.0, boxes), 60)
}

/// A wall of bricks stands for five seconds; then a ball of 2 t hits it at 12 m/s.
pub(super) fn wall() -> Findings {
    const BEFORE: u32 = 5 * TICKS_PER_SECOND;
    const AFTER: u32 = 2 * TICKS_PER_SECOND;
    const HIT: u32 = 6;
    let brick = |course: u32, middle: f64, half: f32| {
        BodyDesc::cuboid(Vec3::new(half, 0.25, 0.25)).at(DVec3::new(middle, 0.5 * f64::from(course) - 2.25, 0.0))
    };
    // Every other course has half a brick at each end.
    let courses = (0..10).flat_map(|course| -> Vec<BodyDesc> {
        if course % 2 == 0 {
            return (0..10).map(|k| brick(course, f64::from(k) - 4.5, 0.5)).collect();
        }
        let whole = (1..10).map(|k| brick(course, f64::from(k) - 5.0, 0.5));
        whole
            .chain([-4.75, 4.75].map(|middle| brick(course, middle, 0.25)))
            .collect()
    });
    let scene = on_floor(-2.5, courses.collect());
    let bricks = scene.bodies.len();
    let mut findings = Findings::default();
    let mut series = Vec::new();
    for (name, placed) in placings(&scene) {
        // Its surface is 5 cm before the wall: it hits in the first tick.
        let ball = BodyDesc::sphere(0.5).density(4000.0);
        let ball = ball
            .at(placed.at(DVec3::new(0.3, 0.2, -0.8)))
            .moving(placed.along(Vec3::Z * 12.0));
        let standing = placed.scene.clone();
        let mut world = world_of(&standing);
        run::run(&mut world, BEFORE);
        let drift = drift(&world, &standing);
        world.spawn(&ball).expect("it is a valid body");
        let forward = placed.along(Vec3::Z).as_dvec3();
        let momentum = |world: &World| -> f64 {
            let momentum = |body: Body| f64::from(body.mass) * body.velocity.as_dvec3().dot(forward);
            world.bodies().map(momentum).sum()
        };
        let energy = |world: &World| -> f64 { world.bodies().map(|body| placed.energy(&body)).sum() };
        let (pushed, had) = (momentum(&world), energy(&world));
        let (mut most, mut points, mut lost) = (f64::MIN, Vec::new(), 0.0);
        let mut deepest = 0.0_f64;
        let complete = Scene {
            bodies: standing.bodies.iter().chain([&ball]).cloned().collect(),
            ..standing.clone()
        };
        for tick in 1..=AFTER {
            world.step();
            most = most.max(energy(&world) / had - 1.0);
            let now = momentum(&world) / pushed;
            points.push((f64::from(tick) / f64::from(TICKS_PER_SECOND), now));
            if tick == HIT {
                lost = (1.0 - now).abs();
            }
            if tick % 10 == 0 {
                let states: Vec<State> = (0..=bricks).map(|id| state(&body(&world, id))).collect();
                deepest = deepest.max(Judge::new(&complete).judge(&states).max_overlap_percent);
            }
        }
        series.push(Series::line(name, points));
        let weight: f64 = complete.bodies.iter().map(|body| f64::from(body.mass)).sum();
        findings.checks.extend([
            Check::below(
                format!("wall {name}: drift of a brick in 5 s, m"),
                drift,
                0.01,
                "a fiftieth of a brick's height: what soft contacts yield",
            ),
            Check::below(
                format!("wall {name}: change of the momentum in the first {HIT} ticks, share"),
                lost,
                0.5 * run::GRAVITY * weight * f64::from(HIT) / 60.0 / pushed,
                "only the friction of the floor can change it, on all that is there: µ m g t",
            ),
            Check::below(
                format!("wall {name}: energy gained at any time, share"),
                most,
                0.01,
                "nothing gives energy but what soft contacts kept, below 1 % of the ball's",
            ),
            Check::below(
                format!("wall {name}: deepest overlap, % of half the height of a brick (0.25 m)"),
                deepest,
                40.0,
                "the ball goes 20 cm a tick; half of a tick may be seen",
            ),
        ]);
        if name == BORDER {
            let feed = |tick| if tick == 20 { vec![ball.clone()] } else { Vec::new() };
            findings.checks.push(same_bits(&standing, 90, &feed));
        }
    }
    findings.plots.push(Plot {
        name: "wall".to_owned(),
        title: "Momentum after a ball hit a wall".to_owned(),
        x: "time since the ball came, s",
        y: "forward momentum, share of the ball's",
        scale: Scale::Linear,
        series,
    });
    findings
}

/// Simulates a scene for a minute inside a tile, over borders, and over borders lying.
fn stand(name: &'static str, title: &str, scene: Scene, bit_ticks: u64) -> Findings {
    const SECONDS: u32 = 60;
    let mut findings = Findings::default();
    let mut series = Vec::new();
    let mut inside = None;
    for (placing, placed) in placings(&scene) {
        let mut world = world_of(&placed.scene);
        let mut points = vec![(0.0, 0.0)];
        for second in 1..=SECONDS {
            run::run(&mut world, TICKS_PER_SECOND);
            points.push((f64::from(second), 1000.0 * drift(&world, &placed.scene)));
        }
        let drift = points.iter().map(|p| 0.001 * p.1).fold(0.0, f64::max);
        let energy = world.bodies().map(|body| kinetic_energy(&body)).sum::<f64>() / world.len() as f64;
        let reference: &mut f64 = inside.get_or_insert(drift);
        findings.checks.extend([
            Check::below(
                format!("{name} {placing}: largest way of a box from its place in 60 s, m"),
                drift,
                (1.5 * *reference).max(0.02),
                "a fiftieth of a box, or half as much again as without a border",
            ),
            Check::below(
                format!("{name} {placing}: kinetic energy in the end, J a box"),
                energy,
                0.1,
                "1.4 cm/s of a box of 1000 kg, a third of what gravity gives in a substep",
            ),
        ]);
        series.push(Series::line(placing, points));
        if placing == BORDER {
            findings.checks.push(same_bits(&placed.scene, bit_ticks, &run::nothing));
        }
    }
    findings.plots.push(Plot {
        name: name.to_owned(),
        title: format!("Largest way from the place where it was put, {title}"),
        x: "time, s",
        y: "way, mm",
        scale: Scale::Linear,
        series,
    });
    findings
}

const BORDER: &str = "over borders";

/// A scene somewhere, turned or not.
struct Placed {
    scene: Scene,
    turned: bool,
    shift: DVec3,
}

impl Placed {
    fn at(&self, point: DVec3) -> DVec3 {
        self.shift
            + if self.turned {
                DVec3::new(point.y, point.z, point.x)
            } else {
                point
            }
    }

    fn along(&self, vector: Vec3) -> Vec3 {
        if self.turned { vector.yzx() } else { vector }
    }

    /// Kinetic and potential energy, J.
    fn energy(&self, body: &Body) -> f64 {
        let up = body.position - self.at(DVec3::Y * -2.5);
        let weight = self.scene.params.gravity.as_dvec3() * f64::from(body.mass);
        kinetic_energy(body) - up.dot(weight)
    }
}

/// A scene around the origin: within one tile; with a corner of eight tiles in its middle; and so with up along x.
fn placings(scene: &Scene) -> [(&'static str, Placed); 3] {
    let place = |tile_size: f32, shift: f64, turned: bool| {
        let mut placed = Placed {
            scene: scene.clone(),
            turned,
            shift: DVec3::splat(shift),
        };
        let mut moved = scene.clone();
        moved.params.tile_size = tile_size;
        moved.params.gravity = placed.along(moved.params.gravity);
        for body in &mut moved.bodies {
            body.position = placed.at(body.position);
            if turned {
                body.orientation = Quat::from_vec4(glam::Vec4::from(body.orientation).yzxw());
                if let jaguar_core::Shape::Cuboid { half_extents } = &mut body.shape {
                    *half_extents = half_extents.yzx();
                }
            }
        }
        for shape in &mut moved.statics {
            if let StaticShape::Plane { point, normal, .. } = shape {
                (*point, *normal) = (placed.at(*point), placed.along(*normal));
            }
        }
        placed.scene = moved;
        placed
    };
    [
        ("inside a tile", place(64.0, 0.0, false)),
        (BORDER, place(16.0, 8.0, false)),
        ("over borders, up along x", place(16.0, 8.0, true)),
    ]
}

fn on_floor(height: f64, bodies: Vec<BodyDesc>) -> Scene {
    let floor = plane(DVec3::Y * height, DVec3::Y, Material::default());
    run::scene(WorldParams::default(), vec![floor], bodies)
}

/// The largest way of a body of the scene from where it was put, m.
fn drift(world: &World, scene: &Scene) -> f64 {
    let bodies = scene.bodies.iter().enumerate();
    bodies
        .map(|(id, desc)| body(world, id).position.distance(desc.position))
        .fold(0.0, f64::max)
}

fn state(body: &Body) -> State {
    State {
        position: body.position,
        orientation: body.orientation.as_dquat(),
        velocity: body.velocity.as_dvec3(),
        angular_velocity: body.angular_velocity.as_dvec3(),
    }
}
