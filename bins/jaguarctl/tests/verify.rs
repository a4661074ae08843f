//! `jaguarctl verify` with real processes.

mod common;

use common::{json_of, run, scenario};

#[test]
fn churned_clusters_compute_the_same_as_one_world() {
    let arguments = [
        "verify",
        &scenario("pour.toml"),
        "--pods",
        "1,2",
        "--ticks",
        "200",
        "--churn",
        "7",
        "--json",
    ];
    let verdict = json_of(&run(&arguments), 0);
    assert_eq!(verdict["equal"], true);
    let runs = verdict["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!((&run["equal"], &run["ticks"]), (&true.into(), &200.into()));
        assert!(
            run["joins"].as_u64() > Some(0) && run["leaves"].as_u64() > Some(0),
            "{run}"
        );
        assert!(
            run["successions"].as_u64() > Some(0) && run["handed_over"].as_u64() > Some(0),
            "{run}"
        );
    }
}

#[test]
fn tiles_that_change_owners_every_tick_make_no_difference() {
    let arguments = [
        "verify",
        &scenario("pour.toml"),
        "--pods",
        "3",
        "--ticks",
        "60",
        "--shuffle",
        "--threads",
        "1,2",
        "--json",
    ];
    let verdict = json_of(&run(&arguments), 0);
    let maps: Vec<Option<u64>> = verdict["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| run["maps"].as_u64())
        .collect();
    assert_eq!(maps.len(), 2);
    assert!(maps.iter().all(|&maps| maps >= Some(60)), "{maps:?}");
}

/// Three real pods over mTLS, with every hand-over there is: every hash is that of the world without TLS, or without pods.
#[test]
fn pods_that_speak_tls_compute_the_same() {
    let arguments = [
        "verify",
        &scenario("pour.toml"),
        "--pods",
        "3",
        "--ticks",
        "60",
        "--shuffle",
        "--tls",
        "--json",
    ];
    let verdict = json_of(&run(&arguments), 0);
    assert_eq!((&verdict["equal"], &verdict["ticks"]), (&true.into(), &60.into()));
    assert!(verdict["runs"][0]["handed_over"].as_u64() > Some(1000), "{verdict}");
}

#[test]
fn the_table_is_on_stdout_and_names_every_run() {
    let output = run(&["verify", &scenario("pour.toml"), "--pods", "1", "--ticks", "20"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.contains("1 pod, 1 thread") && stdout.contains("SAME BITS"),
        "{stdout}"
    );
}

/// Balls, capsules, boxes, hulls, joints, fluids, sensors and spawners of them, handed over again and again.
#[test]
fn all_shapes_joints_and_surroundings_are_the_same_on_any_number_of_pods() {
    let mixed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/mixed.toml");
    let churned = [
        "verify", mixed, "--pods", "2", "--ticks", "60", "--churn", "7", "--json",
    ];
    let verdict = json_of(&run(&churned), 0);
    assert!(verdict["runs"][0]["handed_over"].as_u64() > Some(0), "{verdict}");
    let shuffled = ["verify", mixed, "--pods", "3", "--ticks", "30", "--shuffle", "--json"];
    assert_eq!(json_of(&run(&shuffled), 0)["equal"], true);
    let replayed = ["up", mixed, "--pods", "2", "--ticks", "30", "--rate", "max", "--json"];
    assert_eq!(json_of(&run(&replayed), 0)["replay"]["equal_ticks"], 30);
}
