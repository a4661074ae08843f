//! Terrain and meshes of files: what is in the world is where the file and its table say, and damaged files are refused.

use std::path::Path;

use glam::DVec3;
use jaguar_core::{StaticShape, World};
use jaguar_scenario::Scenario;

const WORLD: &str = "[world]\nname = \"test\"\nticks = 1\n";

/// Loads a scenario whose files are those of `tests/data`.
fn load(tables: &str) -> Result<Scenario, String> {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for file in std::fs::read_dir(data).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let path = folder.path().join("test.toml");
    std::fs::write(&path, format!("{WORLD}{tables}")).unwrap();
    let strip = |message: String| message.replace(&format!("{}/", folder.path().display()), "");
    jaguar_scenario::load(&path).map_err(|error| strip(error.to_string()))
}

/// Where a ray straight down through (x, z) meets the scenario's statics.
fn height(scenario: &Scenario, x: f64, z: f64) -> Option<f64> {
    let world = World::new(scenario.definition.config());
    let hit = world.unwrap().cast_ray(DVec3::new(x, 100.0, z), DVec3::NEG_Y, 1000.0);
    hit.map(|hit| hit.point.y)
}

/// The corner of a cube with edges of 4 along x, y and z, which is up in the files.
#[test]
fn the_same_mesh_in_every_format_stands_where_its_table_says() {
    for file in ["corner.obj", "corner_text.stl", "corner_binary.stl"] {
        let table = format!(
            "[[mesh]]\nfile = \"{file}\"\nscale = 0.5\nrotation = {{ axis = [1, 0, 0], degrees = -90 }}\nposition = [10, 1, -20]\nfriction = 0.25\n"
        );
        let scenario = load(&table).unwrap();
        let [StaticShape::Mesh(mesh)] = &scenario.definition.statics[..] else {
            panic!("{:?}", scenario.definition.statics)
        };
        assert_eq!((mesh.vertices.len(), mesh.triangles.len(), mesh.friction), (4, 4, 0.25));
        // 2 m high at its corner, falling to nothing 2 m to the east and to the north.
        let check = |x: f64, z: f64, expected: Option<f64>| {
            let found = height(&scenario, 10.0 + x, -20.0 + z);
            let is_near = match (found, expected) {
                (Some(found), Some(expected)) => (found - 1.0 - expected).abs() < 1e-6,
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(is_near, "{file} at {x}, {z}: {found:?}");
        };
        check(0.001, -0.001, Some(1.998));
        check(0.5, -0.5, Some(1.0));
        check(1.5, -0.25, Some(0.25));
        check(1.5, -0.75, None);
        check(0.5, 0.1, None);
    }
}

#[test]
fn inside_out_turns_the_fronts() {
    let triangles = |table: &str| match &load(table).unwrap().definition.statics[0] {
        StaticShape::Mesh(mesh) => mesh.triangles.clone(),
        other => panic!("{other:?}"),
    };
    let usual = triangles("[[mesh]]\nfile = \"corner.obj\"\n");
    let turned = triangles("[[mesh]]\nfile = \"corner.obj\"\ninside_out = true\n");
    assert!(usual.iter().zip(turned).all(|(&[a, b, c], turned)| turned == [a, c, b]));
}

/// Levels of 1000 a column and 100 a row, at 0.01 m each, the upper row in the north.
#[test]
fn a_png_is_terrain_with_north_up() {
    let scenario =
        load("[[height_field]]\nfile = \"levels.png\"\ncell_size = [10, 20]\nvertical_scale = 0.01\nlowest_at = 5\n")
            .unwrap();
    let check = |x: f64, z: f64, expected: f64| {
        let found = scenario.definition.terrain_height(x, z).unwrap();
        assert!((found - expected).abs() < 1e-5, "{found} at {x}, {z}");
    };
    check(-15.0, -20.0, 5.0);
    check(15.0, -20.0, 35.0);
    check(-15.0, 20.0, 7.0);
    check(5.0, 10.0, 26.5);
}

#[test]
fn damaged_and_unknown_files_are_refused() {
    let mesh = |file: &str| load(&format!("[[mesh]]\nfile = \"{file}\"\n")).unwrap_err();
    let field = |file: &str| load(&format!("[[height_field]]\nfile = \"{file}\"\ncell_size = [1, 1]\n")).unwrap_err();
    assert_eq!(
        mesh("damaged.obj"),
        "damaged.obj:4:7: a corner is \"4\", allowed: 1 to 3 or -3 to -1, the vertices so far"
    );
    assert_eq!(
        mesh("damaged.stl"),
        "damaged.stl: is no STL file: it does not begin with \"solid\", and it has 200 bytes, while 284 would be the size of a binary one with the count of triangles in it"
    );
    assert_eq!(
        mesh("flat.obj"),
        "test.toml:5:8: mesh[0].file: has no triangle with an area"
    );
    assert_eq!(
        mesh("corner.ply"),
        "test.toml:5:8: mesh[0].file: is \"corner.ply\", allowed: names that end in .obj or .stl"
    );
    assert!(mesh("none.obj").starts_with("cannot read none.obj: "));
    assert!(field("damaged.png").starts_with("damaged.png: is no PNG image that can be read: "));
    assert_eq!(
        field("eight_bits.png"),
        "eight_bits.png: is an image of 8 bits of grey, allowed: 16 bits of grey"
    );
    let levels = "[[height_field]]\nfile = \"levels.png\"\ncell_size = [1, 1]\nnodata_height = 3\n";
    assert_eq!(
        load(levels).unwrap_err(),
        "test.toml:7:17: height_field[0].nodata_height: does not go with a PNG file, in which every post has a height"
    );
}

#[test]
fn values_out_of_range_are_shown_where_they_stand() {
    let message = |key: &str| load(&format!("[[mesh]]\nfile = \"corner.obj\"\n{key}\n")).unwrap_err();
    assert_eq!(
        message("scale = 0"),
        "test.toml:6:9: mesh[0].scale: is 0, allowed: a positive number"
    );
    assert_eq!(
        message("friction = 11"),
        "test.toml:6:12: mesh[0].friction: friction is 11, allowed: 0 to 10"
    );
    assert!(message("position = [1e9, 0, 0]").starts_with("test.toml:6:12: mesh[0].position: origin is "));
    assert!(
        message("rotation = { axis = [0, 0, 0], degrees = 9 }").starts_with("test.toml:6:21: mesh[0].rotation.axis: ")
    );
}
