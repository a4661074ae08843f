//! Boxes and capsules on ground of triangles: level ground is a plane to them, rough ground holds them.

use glam::{DVec3, Quat, Vec3};
use jaguar_core::scenes::{Random, wall};
use jaguar_core::shape::{HeightField, TriangleMesh};
use jaguar_core::{Body, BodyDesc, Material, StaticShape, World, WorldConfig, WorldParams};

/// A field of 81 x 81 posts around the origin.
fn field(spacing: f32, height: impl Fn(f32, f32) -> f32) -> HeightField {
    let posts = 81_u32;
    let at = |index: u32| index as f32 * spacing - 40.0 * spacing;
    HeightField {
        origin: DVec3::new(f64::from(at(0)), 0.0, f64::from(at(0))),
        columns: posts,
        rows: posts,
        spacing_x: spacing,
        spacing_z: spacing,
        heights: (0..posts * posts)
            .map(|post| height(at(post % posts), at(post / posts)))
            .collect(),
        friction: 0.5,
        restitution: 0.0,
    }
}

fn mesh_of(field: &HeightField) -> TriangleMesh {
    let columns = field.columns;
    let vertex = |post: u32| {
        let (column, row) = ((post % columns) as f32, (post / columns) as f32);
        Vec3::new(
            column * field.spacing_x,
            field.heights[post as usize],
            row * field.spacing_z,
        )
    };
    let cells = (0..columns * field.rows).filter(|v| v % columns < columns - 1 && v / columns < field.rows - 1);
    TriangleMesh {
        origin: field.origin,
        vertices: (0..columns * field.rows).map(vertex).collect(),
        triangles: cells
            .flat_map(|v| [[v, v + columns + 1, v + 1], [v, v + columns, v + columns + 1]])
            .collect(),
        friction: 0.5,
        restitution: 0.0,
    }
}

fn run(ground: StaticShape, bodies: &[BodyDesc], ticks: u32) -> Vec<Body> {
    let mut world = World::new(WorldConfig {
        statics: vec![ground],
        ..WorldConfig::new(WorldParams::default())
    })
    .unwrap();
    for body in bodies {
        world.spawn(body).unwrap();
    }
    for _ in 0..ticks {
        world.step();
    }
    let mut bodies: Vec<_> = world.bodies().collect();
    bodies.sort_by_key(|body| body.id);
    bodies
}

/// Flat and tall ones slide in any direction over seams of every direction, fast and slowly, and stop where they stop on a plane: none stumbles.
#[test]
fn boxes_slide_over_level_triangles_as_over_a_plane() {
    let boxes: Vec<_> = (0..12_u32)
        .map(|k| {
            let half = [
                Vec3::new(0.5, 0.1, 0.3),
                Vec3::new(0.2, 0.2, 0.2),
                Vec3::new(0.9, 0.3, 0.6),
            ][k as usize % 3];
            let velocity = [
                Vec3::X * 6.0,
                Vec3::Z * 5.0,
                Vec3::new(4.0, 0.0, 3.0),
                Vec3::new(-1.0, 0.0, 0.5),
            ][k as usize / 3];
            let place = DVec3::new(
                f64::from(k % 4) * 4.0 - 8.0,
                f64::from(half.y),
                f64::from(k / 4) * 4.0 - 8.0,
            );
            BodyDesc::cuboid(half).at(place).moving(velocity)
        })
        .collect();
    let on_plane = run(wall(DVec3::ZERO, DVec3::Y, Material::default()), &boxes, 120);
    let level = field(0.5, |_, _| 0.0);
    for ground in [StaticShape::Mesh(mesh_of(&level)), StaticShape::HeightField(level)] {
        let kind = ground.kind();
        for (expected, found) in on_plane.iter().zip(run(ground, &boxes, 120)) {
            let apart = expected.position.distance(found.position);
            let way = expected.position.distance(boxes[found.id.0 as usize].position);
            assert!(
                apart < 2e-3 + 2e-3 * way,
                "{kind}: {apart} after {way}: {expected:?} {found:?}"
            );
            assert!(found.velocity.length() < 1e-2, "{kind}: {found:?}");
        }
    }
}

/// Capsules that lie: pushed along their axis they slide to a stop, across it they roll on.
#[test]
fn capsules_slide_and_roll_over_level_triangles_as_over_a_plane() {
    let lying = Quat::from_rotation_z(std::f32::consts::FRAC_PI_2);
    let capsules = [Vec3::X * 5.0, Vec3::Z * 3.0, Vec3::new(2.0, 0.0, 2.0)].map(|velocity| {
        let place = DVec3::new(-8.0, 0.25, f64::from(velocity.x) * 2.0 - 8.0);
        BodyDesc::capsule(0.5, 0.25).at(place).oriented(lying).moving(velocity)
    });
    let on_plane = run(wall(DVec3::ZERO, DVec3::Y, Material::default()), &capsules, 120);
    let level = field(0.5, |_, _| 0.0);
    for ground in [StaticShape::Mesh(mesh_of(&level)), StaticShape::HeightField(level)] {
        let kind = ground.kind();
        for (expected, found) in on_plane.iter().zip(run(ground, &capsules, 120)) {
            let apart = expected.position.distance(found.position);
            let way = expected.position.distance(capsules[found.id.0 as usize].position);
            assert!(
                apart < 2e-3 + 4e-3 * way,
                "{kind}: {apart} after {way}: {expected:?} {found:?}"
            );
        }
    }
}

#[test]
fn boxes_that_tumble_onto_rough_ground_come_to_rest_on_it() {
    let mut random = Random(5);
    let boxes: Vec<_> = (0..60)
        .map(|k| {
            let half = Vec3::splat(0.35) + random.vector(0.2).as_vec3();
            let place = DVec3::new(f64::from(k % 8) * 3.0 - 10.0, 3.0, f64::from(k / 8) * 3.0 - 10.0);
            BodyDesc::cuboid(half).at(place).spinning(random.vector(3.0).as_vec3())
        })
        .collect();
    for spacing in [0.4_f32, 1.5] {
        let rough = field(spacing, |x, z| {
            0.4 * sine(1.3 * x) * sine(0.9 * z + 0.4) + 0.05 * sine(7.0 * x + 5.0 * z)
        });
        for ground in [
            StaticShape::Mesh(mesh_of(&rough)),
            StaticShape::HeightField(rough.clone()),
        ] {
            let kind = ground.kind();
            let (mut fastest, mut total) = (0.0_f32, 0.0);
            for body in run(ground, &boxes, 600) {
                let height = rough.height_at(body.position.x, body.position.z).unwrap();
                assert!(body.position.y > height, "{kind}: {body:?} below {height}");
                let speed = body.velocity.length();
                fastest = fastest.max(speed);
                total += speed;
            }
            assert!(
                total / 60.0 < 0.02 && fastest < 0.3,
                "{kind}, {spacing} m: {total} {fastest}"
            );
        }
    }
}

fn sine(x: f32) -> f32 {
    libm::sinf(x)
}
