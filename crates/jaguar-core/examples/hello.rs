//! Balls fall on a floor, bounce, and roll on; the states of all are read as slices: `cargo run -p jaguar-core --example hello`.

use glam::{DVec3, Vec3};
use jaguar_core::{BodyDesc, Material, StaticShape, World, WorldConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
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
    let rubber = Material {
        restitution: 0.6,
        ..Material::default()
    };
    for number in 0..20_u32 {
        let number = f64::from(number);
        let ball = BodyDesc::sphere(0.5)
            .at(DVec3::new(2.0 * number, 3.0 + 0.1 * number, 0.0))
            .moving(Vec3::X)
            .material(rubber);
        world.spawn(&ball)?;
    }
    for tick in 1..=300_u32 {
        world.step();
        if tick % 30 == 0 {
            // One slice for each column, without a copy; index i is the same body in all of them.
            let states = world.states();
            let count = states.ids.len();
            let height = (0..count).map(|i| states.position(i).y).sum::<f64>() / count as f64;
            let speeds = states.motions.iter().map(|motion| motion.velocity().length());
            let seconds = f64::from(tick) / f64::from(world.params().tick_rate);
            println!(
                "{seconds:4.1} s  {count} balls, mean height {height:6.3} m, fastest {:6.3} m/s",
                speeds.fold(0.0, f32::max)
            );
        }
    }
    println!("world hash {}", world.hash());
    Ok(())
}
