//! Scenario files as users write them: what they become, and what is said about wrong ones.

use std::fs;
use std::path::Path;

use glam::{DVec3, Vec3};
use jaguar_core::{BodyId, StaticShape, World};
use jaguar_migration::definition::Region;
use jaguar_migration::id::Tick;
use jaguar_migration::source::{BodySource, Distribution};
use jaguar_scenario::Scenario;
use proptest::prelude::*;

const WORLD: &str = "[world]\nname = \"test\"\nticks = 10\n";

/// A valley between two ridges: 2 m high at its western and eastern ends, its north 1 m higher than its south.
const VALLEY: &str = "ncols 3\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 1\n103 101 103\n102 100 102\n";

const ROCKS: &str = "id,x,y,z,vx,vy,vz,radius,mass\n7,0,5,0,0,0,0,0.5,100\n3,0,8,0,0,-1,0,0.25,20\n";

/// Loads a scenario that stands in a folder with `valley.asc`, `rocks.csv` and `same.csv`.
fn load(text: &str) -> Result<Scenario, String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("valley.asc", VALLEY);
    write("rocks.csv", ROCKS);
    write("same.csv", ROCKS);
    write("test.toml", text);
    let strip = |message: String| message.replace(&format!("{}/", folder.path().display()), "");
    jaguar_scenario::load(&folder.path().join("test.toml")).map_err(|error| strip(error.to_string()))
}

fn valid(tables: &str) -> Scenario {
    load(&format!("{WORLD}{tables}")).unwrap()
}

#[track_caller]
fn check_error(tables: &str, expected: &str) {
    let message = load(&format!("{WORLD}{tables}")).unwrap_err();
    assert_eq!(message, expected);
}

#[track_caller]
fn check_error_starts(tables: &str, expected: &str) {
    let message = load(&format!("{WORLD}{tables}")).unwrap_err();
    assert!(message.starts_with(expected), "{message}\nis not\n{expected}");
}

#[test]
fn a_world_needs_a_name_and_ticks_only() {
    let scenario = valid("");
    assert_eq!((scenario.name.as_str(), scenario.ticks), ("test", 10));
    assert_eq!(scenario.definition, Default::default());
}

#[test]
fn parameters_reach_the_world() {
    let scenario = load(
        "[world]\nname = \"test\"\nticks = 10\ntick_rate = 120\nsubsteps = 8\ngravity = [0, 0, -1.5]\ntile_size = 32\ncontact_frequency = 60\npush_velocity = 2.0\n",
    );
    let params = scenario.unwrap().definition.params;
    assert_eq!((params.tick_rate, params.substeps, params.tile_size), (120, 8, 32.0));
    assert_eq!(
        (params.gravity, params.contact_frequency),
        (Vec3::new(0.0, 0.0, -1.5), 60.0)
    );
}

#[test]
fn north_of_a_grid_is_at_small_z_and_west_at_small_x() {
    let terrain = "[[height_field]]\nfile = \"valley.asc\"\ncell_size = [10, 20]\nvertical_scale = 0.5\n";
    let definition = valid(&format!("{terrain}lowest_at = 4\ncentre = [100, 200]\n")).definition;
    let check = |x, z, height| assert_eq!(definition.terrain_height(x, z), Some(height), "at {x}, {z}");
    check(90.0, 190.0, 5.5);
    check(100.0, 190.0, 4.5);
    check(100.0, 210.0, 4.0);
    check(110.0, 210.0, 5.0);
    assert_eq!(definition.terrain_height(89.9, 200.0), None);

    let definition = valid(&format!("{terrain}north_west = [0, 0]\n")).definition;
    assert_eq!(definition.terrain_height(0.0, 0.0), Some(51.5));
    assert_eq!(definition.terrain_height(10.0, 20.0), Some(50.0));
}

#[test]
fn walls_stand_at_the_border_and_face_inwards() {
    let definition = valid("[[height_field]]\nfile = \"valley.asc\"\ncell_size = [10, 20]\nwalls = true\n").definition;
    let mut inside = 0;
    for shape in &definition.statics {
        if let StaticShape::Plane { point, normal, .. } = shape {
            let height = |x, z| (DVec3::new(x, 0.0, z) - point).dot(normal.as_dvec3());
            assert!(height(0.0, 0.0) >= 10.0 - 1e-9);
            inside += usize::from(height(10.0, 10.0).abs() < 1e-9) + usize::from(height(-10.0, -10.0).abs() < 1e-9);
        }
    }
    assert_eq!(inside, 4);
}

#[test]
fn bodies_of_files_keep_their_ids_and_others_follow() {
    let definition = valid(
        "[[bodies]]\nregion = { centre = [0, 50, 0], radius = 4 }\ncount = 2\nradius = 0.5\nmass = 3\n\
         [[bodies]]\nfile = \"rocks.csv\"\nmaterial = { friction = 0.25 }\n",
    )
    .definition;
    let ids: Vec<u64> = definition.bodies.iter().map(|(id, _)| id.0).collect();
    assert_eq!(ids, [3, 7, 8, 9]);
    assert_eq!(definition.bodies[0].1.material.friction, 0.25);
    assert_eq!(definition.bodies[2].1.mass, 3.0);
    let region = Region::Sphere {
        centre: DVec3::new(0.0, 50.0, 0.0),
        radius: 4.0,
    };
    assert!(
        definition.bodies[2..]
            .iter()
            .all(|(_, body)| region.contains(body.position))
    );
}

#[test]
fn above_terrain_means_above_the_surface_at_the_same_place() {
    let definition = valid(
        "[[height_field]]\nfile = \"valley.asc\"\ncell_size = [10, 20]\n\
         [[bodies]]\nregion = { min = [-9, 1, -9], max = [9, 1, 9], above_terrain = true }\ncount = 50\nradius = 0.5\n",
    )
    .definition;
    for (_, body) in &definition.bodies {
        let surface = definition.terrain_height(body.position.x, body.position.z).unwrap();
        assert!((body.position.y - surface - 1.0).abs() < 1e-9);
    }
}

#[test]
fn spawners_and_despawners_become_definitions() {
    let definition = valid(
        "[[spawner]]\nregion = { min = [0, 0, 0], max = [9, 9, 9] }\nradius = { median = 0.5, sigma = 0.2, min = 0.3, max = 0.9 }\nrate_per_second = 30\nfrom_tick = 5\nto_tick = 65\nlimit = 20\n\
         [[despawner]]\nfraction = 0.5\nevery = 10\n",
    )
    .definition;
    let spawner = &definition.spawners[0];
    assert_eq!(
        (spawner.rate, spawner.from, spawner.to, spawner.limit),
        (0.5, Tick(5), Tick(65), 20)
    );
    let radius = Distribution::LogNormal {
        median: 0.5,
        sigma: 0.2,
        min: 0.3,
        max: 0.9,
    };
    assert_eq!(spawner.source, BodySource::spheres(radius));
    let despawner = &definition.despawners[0];
    assert_eq!(
        (despawner.fraction, despawner.every, despawner.to),
        (0.5, 10, Tick(u64::MAX))
    );
    assert!(despawner.region.contains(DVec3::splat(1e7)));
    let spawned: usize = (0..100).map(|tick| definition.spawns(Tick(tick)).len()).sum();
    assert_eq!(spawned, 20);
}

#[test]
fn seeds_of_the_world_and_of_tables_change_what_is_drawn_and_nothing_else_does() {
    let bodies = |world: &str, table: &str| {
        let text = format!(
            "{WORLD}{world}[[bodies]]\nregion = {{ min = [0, 0, 0], max = [9, 9, 9] }}\ncount = 3\nradius = 0.5\n{table}"
        );
        load(&text).unwrap().definition.bodies
    };
    assert_eq!(bodies("", ""), bodies("", ""));
    assert_eq!(bodies("", "seed = 5\n"), bodies("", "seed = 5\n"));
    let all = [
        bodies("", ""),
        bodies("seed = 1\n", ""),
        bodies("", "seed = 0\n"),
        bodies("", "seed = 1\n"),
    ];
    for (index, some) in all.iter().enumerate() {
        assert!(all[index + 1..].iter().all(|others| some != others));
    }
}

#[test]
fn wrong_keys_and_types_are_shown_where_they_stand() {
    check_error_starts(
        "tick_rte = 60\n",
        "test.toml:4:1: unknown field `tick_rte`, expected one of `name`",
    );
    check_error(
        "seed = -1\n",
        "test.toml:4:8: invalid value: integer `-1`, expected u64",
    );
    check_error_starts(
        "[[plane]]\npoint = [0, 0]\nnormal = [0, 1, 0]\n",
        "test.toml:5:9: invalid length 2, expected",
    );
    check_error(
        "[[plane]]\nnormal = [0, 1, 0]\n",
        "test.toml:4:1: missing field `point`",
    );
    check_error_starts(
        "[[bodies]]\nradius = \"big\"\n",
        "test.toml:5:10: invalid type: string \"big\", expected a number, or a table",
    );
    check_error_starts(
        "[[bodies]]\nradius = { min = 1, mx = 2 }\n",
        "test.toml:5:21: unknown field `mx`",
    );
    check_error_starts(
        "[[bodies]]\nvelocity = 3\n",
        "test.toml:5:12: invalid type: integer `3`, expected three numbers",
    );
    check_error_starts("[[plane]\n", "test.toml:4:");
}

#[test]
fn values_out_of_range_are_shown_where_they_stand() {
    check_error_starts(
        "tick_rate = 0\n",
        "test.toml:4:13: world.tick_rate: tick_rate is 0, allowed is 1 to 1000 Hz",
    );
    check_error_starts(
        "gravity = [0, 1e9, 0]\n",
        "test.toml:4:11: world.gravity.y: gravity.y is 1000000000, allowed is",
    );
    check_error(
        "[[plane]]\npoint = [0, 0, 0]\nnormal = [0, 1, 0]\n[[plane]]\npoint = [0, 0, 0]\nnormal = [0, 1, 0]\nfriction = 11\n",
        "test.toml:10:12: plane[1].friction: friction is 11, allowed: 0 to 10",
    );
    check_error(
        "[[plane]]\npoint = [0, 0, 0]\nnormal = [0, 0, 0]\n",
        "test.toml:6:10: plane[0].normal: is [0, 0, 0], allowed: a direction that is finite and not zero",
    );
    check_error(
        "[[box]]\ncentre = [0, 0, 0]\nhalf_extents = [1, nan, 1]\n",
        "test.toml:6:16: box[0].half_extents: half_extents is [1, NaN, 1], allowed: three positive lengths in m",
    );
    check_error(
        "[[height_field]]\nfile = \"valley.asc\"\ncell_size = [0, 1]\n",
        "test.toml:6:13: height_field[0].cell_size: spacing_x is 0, allowed: at least 0.001 m",
    );
    check_error_starts(
        "[[spawner]]\nregion = { min = [0, 0, 0], max = [9, 9, 9] }\nradius = { min = 0.5, max = 8 }\nrate_per_tick = 1\n",
        "test.toml:6:10: spawner[0].radius: radius is 8, allowed is",
    );
    check_error(
        "[[spawner]]\nregion = { min = [0, 0, 0], max = [9, -9, 9] }\nradius = 1\nrate_per_tick = 1\n",
        "test.toml:5:10: spawner[0].region: is no region, allowed: a box (`min` and `max`, three finite numbers each, min not above max) or a ball (`centre` and `radius`, finite, radius not negative)",
    );
    check_error(
        "[[spawner]]\nregion = { min = [0, 0, 0], max = [9, 9, 9] }\nradius = 1\n",
        "test.toml:4:1: spawner[0]: needs either rate_per_tick or rate_per_second",
    );
    check_error(
        "[[despawner]]\nfraction = 1.5\n",
        "test.toml:5:12: despawner[0].fraction: is 1.5, allowed: more than 0, at most 1",
    );
    check_error(
        "[[despawner]]\nfrom_tick = 9\nto_tick = 9\n",
        "test.toml:6:11: despawner[0].to_tick: is 9, allowed: more than from_tick = 9",
    );
    check_error_starts(
        "[[bodies]]\nfile = \"rocks.csv\"\nmaterial = { restitution = 2 }\n",
        "test.toml:6:28: bodies[0].material.restitution: ",
    );
    check_error(
        "[[bodies]]\nregion = { min = [0, 0, 0], max = [3, 3, 3] }\nspacing = 1.5\ncount = 9\nradius = 0.5\n",
        "test.toml:7:9: bodies[0].count: is 9, allowed: at most 8: with this spacing 2 x 2 x 2 bodies fit the region",
    );
    check_error_starts(
        "[[bodies]]\nregion = { min = [0, 0, 0], max = [3, 3, 3] }\nspacing = 1e-9\nradius = 0.5\n",
        "test.toml:4:1: bodies[0].count: is ",
    );
}

#[test]
fn combinations_that_make_no_sense_are_refused() {
    check_error(
        "[[bodies]]\nfile = \"rocks.csv\"\ncount = 3\n",
        "test.toml:6:9: bodies[0].count: does not go with `file`; the CSV file says where the balls are, how fast, large and heavy",
    );
    check_error(
        "[[bodies]]\nfile = \"rocks.csv\"\n[[bodies]]\nfile = \"same.csv\"\n",
        "test.toml:7:8: bodies[1].file: has the id 7, which bodies[0] has too, allowed: ids that occur once",
    );
    check_error(
        "[[bodies]]\ncount = 3\n",
        "test.toml:4:1: bodies[0]: lacks region; a table of bodies has `file`, or `region`, `radius` and `count` or `spacing`",
    );
    check_error_starts(
        "[[bodies]]\nregion = { centre = [0, 1, 0], radius = 3, above_terrain = true }\ncount = 1\nradius = 0.5\n",
        "test.toml:5:10: bodies[0].region: is above the terrain, but there is none at x = ",
    );
    check_error_starts(
        "[[despawner]]\nregion = { centre = [0, 1, 0], radius = 3, above_terrain = true }\n",
        "test.toml:5:60: despawner[0].region.above_terrain: is for bodies and spawners only",
    );
}

#[test]
fn errors_in_other_files_name_them() {
    check_error_starts("[[bodies]]\nfile = \"none.csv\"\n", "cannot read none.csv: ");
    check_error_starts(
        "[[bodies]]\nfile = \"valley.asc\"\n",
        "valley.asc:1:1: the header lacks id, x",
    );
    check_error_starts(
        "[[height_field]]\nfile = \"rocks.csv\"\ncell_size = [1, 1]\n",
        "rocks.csv:1:1: \"id,x,y,z,vx,vy,vz,radius,mass\" is neither a number nor a key",
    );
}

/// A valid scenario in which every number stands in angle brackets.
const TEMPLATE: &str = r#"
[world]
name = "fuzz"
ticks = <100>
seed = <1>
tick_rate = <60>
gravity = [<0>, <-10>, <0>]
tile_size = <16>

[[plane]]
point = [<0>, <-5>, <0>]
normal = [<0>, <1>, <1>]
friction = <1>

[[box]]
centre = [<0>, <5>, <0>]
half_extents = [<1>, <2>, <3>]
rotation = { axis = [<1>, <1>, <0>], degrees = <30> }

[[height_field]]
file = "valley.asc"
cell_size = [<10>, <20>]
vertical_scale = <2>
lowest_at = <3>
nodata_height = <0>
walls = true

[[bodies]]
region = { min = [<-6>, <1>, <-6>], max = [<6>, <4>, <6>], above_terrain = true }
spacing = <2>
jitter = <1>
count = <30>
radius = { median = <0.5>, sigma = <1>, min = <0.25>, max = <1> }
density = <1000>
velocity = { min = [<0>, <0>, <0>], max = [<1>, <0>, <2>] }
material = { friction = <0.5>, linear_damping = <0> }

[[spawner]]
region = { centre = [<0>, <5>, <0>], radius = <4> }
radius = { min = <0.5>, max = <1> }
velocity = [<0>, <-1>, <0>]
rate_per_second = <60>
from_tick = <0>
to_tick = <10>

[[despawner]]
fraction = <0.5>
every = <2>
"#;

#[test]
fn a_grid_in_a_huge_region_starts_in_its_corner() {
    let definition = valid(
        "tile_size = 4096\n[[bodies]]\nregion = { min = [0, 0, 0], max = [1e308, 9, 1e308] }\nspacing = 2\ncount = 2\nradius = 0.5\n",
    )
    .definition;
    assert_eq!(definition.bodies[1].1.position, DVec3::new(3.0, 1.0, 1.0));
}

/// The template with now and then an odd number instead of its own.
fn fill(choices: &[u16]) -> String {
    const ODD: [&str; 12] = [
        "0",
        "-1",
        "0.5",
        "nan",
        "inf",
        "-inf",
        "1e308",
        "1e-308",
        "9e99",
        "9223372036854775807",
        "1e-5",
        "60000",
    ];
    let mut text = String::new();
    let mut choices = choices.iter().cycle().map(|&choice| usize::from(choice));
    for piece in TEMPLATE.split_inclusive('>') {
        let Some((before, number)) = piece.split_once('<') else {
            text.push_str(piece);
            continue;
        };
        let choice = choices.next().unwrap();
        text.push_str(before);
        text.push_str(if choice % 24 == 0 {
            ODD[choice / 24 % ODD.len()]
        } else {
            number.trim_end_matches('>')
        });
    }
    text
}

#[test]
fn the_template_of_the_fuzz_tests_is_valid() {
    let definition = load(&fill(&[1])).unwrap().definition;
    assert_eq!((definition.bodies.len(), definition.spawns(Tick(0)).len()), (30, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_numbers_panic_and_what_loads_is_accepted_by_a_world(choices in prop::collection::vec(any::<u16>(), 101)) {
        if let Ok(scenario) = load(&fill(&choices)) {
            let definition = &scenario.definition;
            let mut world = World::new(definition.config()).unwrap();
            for (id, body) in &definition.bodies {
                world.spawn_with_id(*id, body).unwrap();
            }
            for tick in 0..3 {
                for body in definition.spawns(Tick(tick)).iter().take(100) {
                    world.check(body).unwrap();
                }
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = load(&text);
    }

    #[test]
    fn no_damaged_scenario_panics(at in 0_usize..1100, with in "[\\[\\]{}=\".#a-f0-9\n -]{0,3}", cut in 0_usize..20) {
        let mut text = fill(&[1]);
        let from = at.min(text.len());
        let to = (from + cut).min(text.len());
        text.replace_range(from..to, &with);
        let _ = load(&text);
    }
}

fn shipped(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    jaguar_scenario::load(&folder.join(name)).unwrap()
}

/// Those that other engines are compared on.
#[test]
fn scenes_of_the_comparison_load_with_any_seed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/scenes");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let own = jaguar_scenario::load(&path).unwrap();
        let other = jaguar_scenario::load_with_seed(&path, 7).unwrap();
        assert_eq!((own.seed, other.seed), (1, 7));
        assert_ne!(own.definition.bodies, other.definition.bodies, "{path:?}");
        assert_eq!(own, jaguar_scenario::load_with_seed(&path, 1).unwrap(), "{path:?}");
        names.push(path);
    }
    assert!(names.len() >= 6, "{names:?}");
}

#[test]
fn shipped_scenarios_load_and_fit_their_worlds() {
    for (name, bodies) in [
        ("burst.toml", 2_000),
        ("pile.toml", 2_000),
        ("gas.toml", 10_000),
        ("mixed.toml", 888),
    ] {
        let scenario = shipped(name);
        assert_eq!(scenario.name, name.trim_end_matches(".toml"));
        let definition = &scenario.definition;
        let mut world = World::new(definition.config()).unwrap();
        for (id, body) in &definition.bodies {
            world.spawn_with_id(*id, body).unwrap();
        }
        assert_eq!(world.len(), bodies);
    }
}

/// Counts what the spawners add; the despawner that acts everywhere alone brings the number down again, whatever rolls where.
#[test]
fn the_burst_grows_from_2_000_to_30_000_and_falls_below_2_000() {
    let Scenario { ticks, definition, .. } = shipped("burst.toml");
    let spawned: usize = (0..ticks).map(|tick| definition.spawns(Tick(tick)).len()).sum();
    assert_eq!(definition.bodies.len() + spawned, 30_000);
    let last_spawn = definition.spawners.iter().map(|spawner| spawner.to).max().unwrap();
    assert!(
        definition
            .despawners
            .iter()
            .all(|despawner| despawner.from >= last_spawn)
    );
    let everywhere = &definition.despawners[1];
    assert!(everywhere.region.contains(DVec3::splat(1e6)));
    let times = (everywhere.to.0 - everywhere.from.0) / u64::from(everywhere.every);
    let left = 30_000.0 * (1.0 - everywhere.fraction).powi(times as i32);
    assert!(left < 1_500.0, "{left}");
    let ids: Vec<BodyId> = definition.bodies.iter().map(|&(id, _)| id).collect();
    assert!(ids.is_sorted());
}
