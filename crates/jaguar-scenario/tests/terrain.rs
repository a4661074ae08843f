//! Worlds of scenarios, simulated: what stands on terrain stays on it, and a flat height field is a plane.

use std::fs;
use std::path::Path;

use jaguar_migration::replay::Replay;
use jaguar_scenario::Scenario;

fn load_text(folder: &Path, name: &str, text: &str) -> Scenario {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    jaguar_scenario::load(&path).unwrap()
}

#[test]
fn boulders_of_the_burst_stay_on_the_terrain() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut scenario = jaguar_scenario::load(&folder.join("burst.toml")).unwrap();
    // The rockfall begins at once, so that many fall in the few seconds of the test, and nothing is cleared.
    for spawner in &mut scenario.definition.spawners {
        spawner.from.0 = 0;
    }
    scenario.definition.despawners.clear();
    let terrain = scenario.definition.clone();
    let mut replay = Replay::new(scenario.definition).unwrap();
    for _ in 0..180 {
        replay.advance().unwrap();
    }
    assert!(replay.world().len() > 7_000);
    for body in replay.world().bodies() {
        let height = terrain.terrain_height(body.position.x, body.position.z);
        assert!(
            height.is_some_and(|height| body.position.y > height),
            "{body:?} at {height:?}"
        );
    }
}

/// The same balls roll over a plane and over a field of 1 m cells of the same height. Rolling across a seam starts a new contact, whose impulses are not
/// warm started; what that leaves after 40 to 80 seams is allowed here: a millimetre of height and a thousandth of the way.
#[test]
fn balls_roll_over_a_flat_field_as_over_a_plane() {
    let folder = tempfile::tempdir().unwrap();
    let heights = "0 ".repeat(101 * 61);
    let grid = format!("ncols 101\nnrows 61\nxllcorner 0\nyllcorner 0\ncellsize 1\n{heights}");
    fs::write(folder.path().join("flat.asc"), grid).unwrap();
    let mut balls = String::from("id,x,y,z,vx,vy,vz,radius,mass\n");
    for ball in 0..8 {
        let radius = 0.2 + 0.1 * f64::from(ball);
        balls.push_str(&format!(
            "{},-45,{radius},{},10,0,{},{radius},100\n",
            ball + 1,
            3 * ball - 10,
            0.2 * f64::from(ball)
        ));
    }
    fs::write(folder.path().join("balls.csv"), balls).unwrap();
    let world = "[world]\nname = \"roll\"\nticks = 480\n[[bodies]]\nfile = \"balls.csv\"\n";
    let plane = format!("{world}[[plane]]\npoint = [0, 0, 0]\nnormal = [0, 1, 0]\n");
    let field = format!("{world}[[height_field]]\nfile = \"flat.asc\"\ncell_size = [1, 1]\n");
    let run = |text: &str| {
        let scenario = load_text(folder.path(), "roll.toml", text);
        let mut replay = Replay::new(scenario.definition).unwrap();
        for _ in 0..scenario.ticks {
            replay.advance().unwrap();
        }
        let mut bodies: Vec<_> = replay.world().bodies().collect();
        bodies.sort_by_key(|body| body.id);
        bodies
    };
    for (on_plane, on_field) in run(&plane).iter().zip(run(&field)) {
        let apart = on_plane.position - on_field.position;
        let way = on_plane.position.x + 45.0;
        assert!(way > 40.0, "{way}");
        assert!(
            apart.y.abs() < 1e-3 && apart.length() < 1e-3 * way,
            "{apart} after {way} m"
        );
    }
}
