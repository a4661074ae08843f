//! What happens to a world from outside, as plain values: the same commands in the same ticks give the same bits. `cargo run -p jaguar-core --example commands`.

use glam::{DVec3, Vec3};
use jaguar_core::hash::WorldHash;
use jaguar_core::{BodyDesc, BodyId, Command, StaticShape, World, WorldConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let crate_of_wood = BodyDesc::cuboid(Vec3::splat(0.5)).at(DVec3::Y * 0.5).density(600.0);
    let ball = BodyDesc::sphere(0.3).at(DVec3::new(-4.0, 0.6, 0.0));
    let (wood, shot) = (BodyId(0), BodyId(1));
    // By tick. Whoever keeps such a list can replay the world; whoever sends it to others has it there too.
    let log: Vec<(u64, Command)> = vec![
        (0, Command::Spawn(crate_of_wood)),
        (0, Command::Spawn(ball)),
        (
            30,
            Command::Impulse {
                id: shot,
                impulse: Vec3::X * 2_000.0,
            },
        ),
        (90, Command::Despawn(shot)),
        // Refused, because the ball is gone; a refusal changes nothing and stops nothing.
        (
            91,
            Command::Impulse {
                id: shot,
                impulse: Vec3::X,
            },
        ),
        (
            120,
            Command::Velocity {
                id: wood,
                velocity: Vec3::Y * 5.0,
                angular_velocity: Vec3::Z,
            },
        ),
    ];

    let (first, lines) = run(&log)?;
    lines.iter().for_each(|line| println!("{line}"));
    let (second, _) = run(&log)?;
    println!("hash of a first run  {first}\nhash of a second run {second}");
    if first != second {
        return Err("the runs differ".into());
    }
    Ok(())
}

/// Runs three seconds; returns the world's hash and what became of the commands.
fn run(log: &[(u64, Command)]) -> Result<(WorldHash, Vec<String>), Box<dyn std::error::Error>> {
    let floor = StaticShape::Plane {
        point: DVec3::ZERO,
        normal: Vec3::Y,
        friction: 0.5,
        restitution: 0.0,
    };
    let mut world = World::new(WorldConfig {
        statics: vec![floor],
        ..WorldConfig::default()
    })?;
    let mut lines = Vec::new();
    for tick in 0..180 {
        let commands: Vec<Command> = log
            .iter()
            .filter(|&&(at, _)| at == tick)
            .map(|(_, command)| command.clone())
            .collect();
        for done in world.step_with(&commands) {
            lines.push(match done {
                Ok(done) => format!("tick {tick:3}: {done:?}"),
                Err(refusal) => format!("tick {tick:3}: refused, {refusal}"),
            });
        }
    }
    let wood = world.body(BodyId(0)).ok_or("the crate is held")?;
    lines.push(format!("the crate is at {:.3}", wood.position));
    Ok((world.hash(), lines))
}
