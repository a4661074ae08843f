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
