//! A ball falls on a floor, bounces, and comes to rest: `cargo run -p jaguar-core --example hello`.

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
    let ball = world.spawn(&BodyDesc {
        position: DVec3::new(0.0, 3.0, 0.0),
        velocity: Vec3::new(1.0, 0.0, 0.0),
        material: Material {
            restitution: 0.6,
            ..Material::default()
        },
        ..BodyDesc::default()
    })?;
    for tick in 1..=300_u32 {
        world.step();
        if tick % 30 == 0 {
            let body = world.body(ball).ok_or("the ball is gone")?;
            let seconds = f64::from(tick) / f64::from(world.params().tick_rate);
            println!(
                "{seconds:4.1} s  x {:6.3} m  height {:6.3} m  speed {:6.3} m/s",
                body.position.x,
                body.position.y,
                body.velocity.length()
            );
        }
    }
    println!("world hash {}", world.hash());
    Ok(())
}
