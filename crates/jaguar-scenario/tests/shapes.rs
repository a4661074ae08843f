//! Scenarios of shapes, surroundings and joints: what they become, and what is said about wrong ones.

use std::fs;

use glam::{DVec3, Vec3};
use jaguar_core::{BodyId, Domain, HullId, JointEnd, JointKind, Shape};
use jaguar_migration::definition::WorldDefinition;
use jaguar_migration::replay::Replay;

const WORLD: &str = "[world]\nname = \"test\"\nticks = 10\n";

fn load(tables: &str) -> Result<WorldDefinition, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("roof.obj"),
        "v 0 0 0\nv 2 0 0\nv 0 2 0\nv 0 0 2\nf 1 2 3\n",
    )
    .unwrap();
    fs::write(folder.path().join("test.toml"), format!("{WORLD}{tables}")).unwrap();
    let strip = |message: String| message.replace(&format!("{}/", folder.path().display()), "");
    let scenario = jaguar_scenario::load(&folder.path().join("test.toml")).map_err(|error| strip(error.to_string()))?;
    Ok(scenario.definition)
}

#[track_caller]
fn check_error(tables: &str, expected: &str) {
    let message = load(tables).unwrap_err();
    assert!(message.starts_with(expected), "{message}\nis not\n{expected}");
}

const AT: &str = "[[bodies]]\nregion = { centre = [0, 5, 0], radius = 2 }\ncount = 40\n";

#[test]
fn bodies_have_the_shapes_and_all_else_that_their_table_says() {
    let definition = load(&format!(
        "[[hull]]\nname = \"roof\"\nfile = \"roof.obj\"\nscale = 0.5\n{AT}shape = [\n\
         {{ kind = \"capsule\", half_height = 0.5, radius = {{ min = 0.1, max = 0.2 }} }},\n\
         {{ kind = \"cuboid\", half_extents = [0.1, 0.2, {{ min = 0.3, max = 0.4 }}], share = 2 }},\n\
         {{ kind = \"hull\", hull = \"roof\" }},\n]\n\
         rotation = \"random\"\ndomain = \"sea\"\ndrag_area = 2\nthrust = [0, 0, 5]\nsensor = true\nfilter = {{ groups = 4 }}\n\
         material = {{ rolling_resistance = 0.1, friction_rule = \"product\" }}\n"
    ))
    .unwrap();
    let mut kinds = [0; 3];
    for (_, body) in &definition.bodies {
        let volume = match body.shape {
            Shape::Capsule { half_height, radius } => {
                assert!(half_height == 0.5 && (0.1..=0.2).contains(&radius));
                kinds[0] += 1;
                body.shape.volume().unwrap()
            }
            Shape::Cuboid { half_extents } => {
                assert!(half_extents.x == 0.1 && half_extents.y == 0.2 && (0.3..=0.4).contains(&half_extents.z));
                kinds[1] += 1;
                body.shape.volume().unwrap()
            }
            other => {
                assert_eq!(other, Shape::Hull(HullId(0)));
                kinds[2] += 1;
                1.0 / 6.0
            }
        };
        assert!((body.mass / volume - 1000.0).abs() < 0.1);
        assert_eq!((body.domain, body.drag_area, body.sensor), (Domain::Sea, 2.0, true));
        assert_eq!((body.filter.groups, body.filter.mask), (4, u32::MAX));
        assert_eq!((body.thrust, body.material.rolling_resistance), (Vec3::Z * 5.0, 0.1));
    }
    assert!(kinds.iter().all(|&kind| kind > 0) && kinds[1] > kinds[0], "{kinds:?}");
    let [(_, one), (_, other), ..] = &definition.bodies[..] else {
        panic!("there are forty");
    };
    assert_ne!(one.orientation, other.orientation);
}

#[test]
fn a_fixed_rotation_turns_all_bodies() {
    let shape = "shape = { kind = \"cuboid\", half_extents = [0.1, 0.2, 0.3] }\n";
    let definition = load(&format!("{AT}{shape}rotation = {{ axis = [0, 0, 2], degrees = 90 }}\n")).unwrap();
    let turned = definition.bodies[7].1.orientation * Vec3::X;
    assert!((turned - Vec3::Y).length() < 1e-6, "{turned}");
}

#[test]
fn surroundings_reach_the_world() {
    let definition = load(
        "[environment.medium]\ndensity = 1.2\nwind = [5, 0, 0]\n\
         [[environment.fluids]]\nmin = [-9, -9, -9]\nmax = [9, 0, 9]\ndensity = 1000\n\
         [[environment.sources]]\ncentre = [0, -1000, 0]\nmu = 1e6\nradius = 900\n\
         [environment.forces]\nland = { gravity = 0.5, drag = false, buoyancy = false, central_gravity = true, thrust = false }\n",
    )
    .unwrap();
    let environment = definition.config().environment;
    assert_eq!((environment.medium.density, environment.medium.wind.x), (1.2, 5.0));
    assert_eq!((environment.fluids[0].max.y, environment.sources[0].mu), (0.0, 1e6));
    assert_eq!(
        (environment.forces.land.gravity, environment.forces.sea.buoyancy),
        (0.5, true)
    );
}

#[test]
fn joints_hold_bodies_where_the_file_says() {
    let body = "[[bodies]]\nregion = { min = [0, 9, 0], max = [0, 9, 0] }\ncount = 1\nradius = 0.5\n";
    let other = body.replace("[0, 9, 0]", "[2, 9, 0]");
    let definition = load(&format!(
        "{body}{other}[[joint]]\nkind = \"hinge\"\nfirst = 1\nsecond = 2\npoint = [1, 9, 0]\naxis = [0, 0, -3]\nlimits = [-1, 1]\nmotor = {{ speed = 2, max_torque = 3 }}\n\
         [[joint]]\nkind = \"distance\"\nfirst = 2\nsecond_point = [2, 12, 0]\nspring = {{ frequency = 2, damping_ratio = 0.5 }}\ncollide = true\n"
    ))
    .unwrap();
    let [hinge, spring] = &definition.joints[..] else {
        panic!("there are two");
    };
    assert_eq!((hinge.body, hinge.frame.anchor), (BodyId(1), Vec3::X));
    assert!((hinge.frame.orientation * Vec3::X - Vec3::NEG_Z).length() < 1e-6);
    let JointEnd::Body { id, frame } = hinge.end else {
        panic!("it joins two bodies")
    };
    assert_eq!((id, frame.anchor), (BodyId(2), Vec3::NEG_X));
    assert!(
        matches!(hinge.kind, JointKind::Hinge { limits: Some([-1.0, 1.0]), motor: Some(motor) } if motor.speed == 2.0)
    );
    assert!(
        matches!(
            spring.kind,
            JointKind::Distance {
                length: 3.0,
                spring: Some(_)
            }
        ) && spring.collide
    );
    let ids: Vec<u64> = definition.joints_with_ids().map(|(id, _)| id.0).collect();
    assert_eq!((ids.as_slice(), definition.first_free_id()), (&[3, 4][..], 5));
}

#[test]
fn a_chain_hangs_from_its_ends() {
    let definition = load(
        "[[chain]]\nfrom = [-4, 10, 0]\nto = [4, 10, 0]\nlinks = 16\nradius = 0.1\npinned = \"both\"\n\
         [[chain]]\nfrom = [0, 30, 0]\nto = [0, 26, 0]\nlinks = 8\nradius = 0.1\nlink = \"cuboid\"\njoint = \"ball\"\n",
    )
    .unwrap();
    assert_eq!((definition.bodies.len(), definition.joints.len()), (24, 17 + 8));
    let mut replay = Replay::new(definition).unwrap();
    for _ in 0..120 {
        replay.advance().unwrap();
    }
    let world = replay.world();
    assert_eq!(world.joints().len(), 25, "none has broken");
    let position = |id| world.body(BodyId(id)).unwrap().position;
    // Half a link from its pin, wherever it swings.
    assert!((position(1).distance(DVec3::new(-4.0, 10.0, 0.0)) - 0.25).abs() < 0.02);
    assert!((position(16).distance(DVec3::new(4.0, 10.0, 0.0)) - 0.25).abs() < 0.02);
    // As it was, for it hangs straight.
    assert!(position(24).distance(DVec3::new(0.0, 26.25, 0.0)) < 0.05);
}

#[test]
fn what_makes_no_sense_is_refused_where_it_stands() {
    check_error(
        &format!("{AT}radius = 1\nshape = {{ kind = \"sphere\", radius = 1 }}\n"),
        "test.toml:7:10: bodies[0].radius: is given besides shape, allowed: one or the other",
    );
    check_error(
        &format!("{AT}shape = {{ kind = \"cuboid\", radius = 1 }}\n"),
        "test.toml:7:37: bodies[0].shape.radius: does not go with kind = \"cuboid\", which has half_extents",
    );
    check_error(
        &format!("{AT}shape = {{ kind = \"capsule\", radius = 1 }}\n"),
        "test.toml:7:9: bodies[0].shape: lacks half_height; kind = \"capsule\" has half_height and radius",
    );
    check_error(
        &format!(
            "{AT}shape = [{{ kind = \"sphere\", radius = 1 }}, {{ kind = \"cuboid\", half_extents = [1, 1, 9] }}]\n"
        ),
        "test.toml:7:77: bodies[0].shape[1].half_extents: half_extents is 9, allowed is ",
    );
    check_error(
        &format!("{AT}shape = {{ kind = \"hull\", hull = \"none\" }}\n"),
        "test.toml:7:33: bodies[0].shape.hull: is \"none\", allowed: none, for the scenario has no [[hull]]",
    );
    check_error(
        "[[hull]]\nname = \"flat\"\npoints = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]\n",
        "test.toml:6:10: hull[0].points: the points of the hull lie in one plane",
    );
    check_error(
        "[[hull]]\nname = \"roof\"\nfile = \"roof.obj\"\nscale = 100\n",
        "test.toml:4:1: hull[0]: ",
    );
    check_error(
        &format!("{AT}radius = 1\nrotation = \"any\"\n"),
        "test.toml:8:12: invalid value: string \"any\", expected a table { axis, degrees }, or \"random\"",
    );
    check_error(
        &format!("{AT}radius = 1\nmaterial = {{ rolling_resistance = 2 }}\n"),
        "test.toml:8:35: bodies[0].material.rolling_resistance: material.rolling_resistance is 2, allowed is 0 to 1",
    );
    check_error(
        "[[environment.fluids]]\nmin = [0, 0, 0]\nmax = [1, 1, 1]\ndensity = -1\n",
        "test.toml:7:11: environment.fluids[0].density: density is -1, allowed is ",
    );
    check_error(
        "[environment.forces]\nsea = { gravity = 200, drag = true, buoyancy = true, central_gravity = true, thrust = true }\n",
        "test.toml:5:19: environment.forces.sea.gravity: gravity is 200, allowed is -100 to 100",
    );
}

#[test]
fn joints_that_cannot_be_are_refused_where_they_stand() {
    let bodies = format!("{AT}radius = 0.5\n");
    check_error(
        &format!("{bodies}[[joint]]\nkind = \"ball\"\nfirst = 41\npoint = [0, 0, 0]\n"),
        "test.toml:10:9: joint[0].first: is 41, allowed: the id of a body that is there from the first tick on",
    );
    check_error(
        &format!("{bodies}[[joint]]\nkind = \"ball\"\nfirst = 1\nlength = 2\n"),
        "test.toml:11:10: joint[0].length: goes with kind = \"distance\" only",
    );
    check_error(
        &format!("{bodies}[[joint]]\nkind = \"hinge\"\nfirst = 1\npoint = [0, 5, 0]\n"),
        "test.toml:8:1: joint[0]: lacks axis",
    );
    check_error(
        &format!("{bodies}[[joint]]\nkind = \"ball\"\nfirst = 1\npoint = [0, 500, 0]\n"),
        "test.toml:8:1: joint[0]: joint field anchor is ",
    );
    check_error(
        "[[chain]]\nfrom = [0, 5, 0]\nto = [0, 5, 0]\nlinks = 4\nradius = 0.1\n",
        "test.toml:6:6: chain[0].to: is [0, 0, 0], allowed: a direction",
    );
    check_error(
        "[[chain]]\nfrom = [0, 5, 0]\nto = [4, 5, 0]\nlinks = 4\nradius = 0.6\n",
        "test.toml:8:10: chain[0].radius: is 0.6, allowed: more than 0, at most half of a link's length, 0.5 m",
    );
    check_error(
        "[[chain]]\nfrom = [0, 5, 0]\nto = [40, 5, 0]\nlinks = 1\nradius = 0.1\n",
        "test.toml:4:1: chain[0].",
    );
    check_error(
        "[[chain]]\nfrom = [0, 5, 0]\nto = [4, 5, 0]\nlinks = 0\nradius = 0.1\n",
        "test.toml:7:9: chain[0].links: is 0, allowed: at least 1",
    );
}

/// Chains hold, the motor turns, what is lighter than water floats, and nothing falls through the ground.
#[test]
fn the_mixed_scenario_is_a_sound_world() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/mixed.toml");
    let definition = jaguar_scenario::load(&path).unwrap().definition;
    let terrain = definition.clone();
    let mut replay = Replay::new(definition).unwrap();
    for _ in 0..240 {
        replay.advance().unwrap();
    }
    let world = replay.world();
    assert_eq!(world.joints().len(), 1 + 21 + 16 + 10, "none has broken");
    let beam = world.body(BodyId(1)).unwrap();
    // The world is the second end, whose speed against the beam the motor drives.
    assert!((beam.angular_velocity + Vec3::Z * 1.5).length() < 0.3, "{beam:?}");
    let mut floating = 0;
    for body in world.bodies() {
        let height = terrain
            .terrain_height(body.position.x, body.position.z)
            .expect("walls stand around it");
        assert!(
            body.position.y > height - 0.1 * f64::from(body.radius),
            "{body:?} at {height}"
        );
        floating += usize::from(body.domain == Domain::Sea && height < 1.0 && body.position.y > 1.2);
    }
    assert!(floating >= 10, "{floating}");
}
