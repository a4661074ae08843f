//! Worlds on meshes: what rolls on triangles rolls as on a plane, and a snapshot keeps the mesh.

use glam::{DVec3, Vec3};
use jaguar_core::scenes::{self, Scene};
use jaguar_core::shape::TriangleMesh;
use jaguar_core::{Body, Environment, Material, StaticShape, World, WorldParams};

/// A level square of 60 m with triangles of a metre, of one winding but turned at random.
fn floor() -> TriangleMesh {
    let side = 61_u32;
    let mut random = scenes::Random(7);
    let vertices = (0..side * side).map(|v| Vec3::new((v % side) as f32 - 30.0, 0.0, (v / side) as f32 - 30.0));
    let cells = (0..side * side).filter(|v| v % side < side - 1 && v / side < side - 1);
    let triangles = cells.flat_map(|v| {
        let halves = [[v, v + side, v + 1], [v + 1, v + side, v + side + 1]];
        halves.map(|mut corners| {
            corners.rotate_left((random.bits() % 3) as usize);
            corners
        })
    });
    TriangleMesh {
        origin: DVec3::new(0.0, 2.0, 0.0),
        vertices: vertices.collect(),
        triangles: triangles.collect(),
        friction: 0.5,
        restitution: 0.0,
    }
}

fn rolling(floor: StaticShape) -> World {
    let balls = (0..8).map(|ball| {
        let position = DVec3::new(-20.0, 2.5, f64::from(3 * ball - 10));
        scenes::ball(position, Vec3::new(10.0, 0.0, 0.2 * ball as f32), Material::default())
    });
    let scene = Scene {
        params: WorldParams::default(),
        statics: vec![floor],
        bodies: balls.collect(),
        hulls: Vec::new(),
        environment: Environment::default(),
    };
    scene.world().unwrap()
}

/// Rolling across a seam starts a new contact, whose impulses are not warm started; what that leaves after 60 seams is allowed here: a millimetre of height and a thousandth of the way.
#[test]
fn balls_roll_over_a_flat_mesh_as_over_a_plane() {
    let plane = StaticShape::Plane {
        point: DVec3::new(0.0, 2.0, 0.0),
        normal: Vec3::Y,
        friction: 0.5,
        restitution: 0.0,
    };
    let run = |floor: StaticShape| -> Vec<Body> {
        let mut world = rolling(floor);
        for _ in 0..240 {
            world.step();
        }
        let mut bodies: Vec<_> = world.bodies().collect();
        bodies.sort_by_key(|body| body.id);
        bodies
    };
    for (on_plane, on_mesh) in run(plane).iter().zip(run(StaticShape::Mesh(floor()))) {
        let apart = on_plane.position - on_mesh.position;
        let way = on_plane.position.x + 20.0;
        assert!(way > 20.0, "{way}");
        assert!(
            apart.y.abs() < 1e-3 && apart.length() < 1e-3 * way,
            "{apart} after {way} m"
        );
    }
}

#[test]
fn a_snapshot_keeps_a_mesh() {
    let mut world = rolling(StaticShape::Mesh(floor()));
    world.step();
    let mut again = World::restore(&world.snapshot()).unwrap();
    assert_eq!(again.statics(), world.statics());
    world.step();
    again.step();
    assert_eq!(again.hash(), world.hash());
}
