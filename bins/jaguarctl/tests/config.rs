//! `jaguarctl config` and `jaguarctl plan` as an operator calls them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn jaguarctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jaguarctl"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        // Neither is to be looked at.
        .env("JAGUAR_GRPC_PORT", "many")
        .output()
        .expect("jaguarctl was built with this test")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_reference_is_that_of_the_docs_and_as_json_it_has_every_key() {
    let printed = jaguarctl(&["config", "--reference"]);
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md"));
    assert_eq!(text(&printed.stdout), docs.expect("the docs are there"));

    let printed = jaguarctl(&["config", "--reference", "--json"]);
    let keys: Vec<serde_json::Value> = serde_json::from_slice(&printed.stdout).expect("an array");
    let names: Vec<&str> = keys.iter().filter_map(|key| key["key"].as_str()).collect();
    assert_eq!(names, jaguar_config::keys().map(|key| key.name).collect::<Vec<_>>());
    assert!(
        keys.iter()
            .all(|key| key["takes_effect"].is_string() && key["doc"] != "")
    );
}

#[test]
fn a_check_names_every_error_and_exits_2() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |key: &str, value: &str| fs::write(directory.path().join(key), value).expect("a file");
    let check = || jaguarctl(&["config", "--check", &directory.path().to_string_lossy()]);
    write("target_tick_rate", "30\n");
    write("log_levle", "debug\n");
    let good = check();
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stderr));
    let listed = text(&good.stdout);
    assert!(listed.starts_with("target_tick_rate = \"30\" from "), "{listed}");
    assert!(
        listed
            .trim_end()
            .ends_with("is valid; keys that are not listed have their default"),
        "{listed}"
    );
    assert!(
        text(&good.stderr).contains("did you mean log_level?"),
        "{}",
        text(&good.stderr)
    );

    write("target_tick_rate", "sixty");
    write("tile_size", "-1");
    write("cluster_node_timeout_ms", "1000");
    let bad = check();
    assert_eq!(bad.status.code(), Some(2));
    let message = text(&bad.stderr);
    for part in [
        "the configuration has 3 errors:",
        "target_tick_rate = \"sixty\"",
        "tile_size = \"-1\"",
        "must be at least twice cluster_heartbeat_interval_ms",
    ] {
        assert!(message.contains(part), "{part} is not in\n{message}");
    }
    assert_eq!(
        jaguarctl(&["config"]).status.code(),
        Some(2),
        "one of the two is asked for"
    );
}

#[test]
fn a_plan_of_every_example_trace_is_printed_and_as_json_has_its_hours() {
    let shown = jaguarctl(&[
        "plan",
        "--trace",
        "scenarios/traces/burst.csv",
        "--price-per-pod-hour",
        "0.1",
    ]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let shown = text(&shown.stdout);
    for part in [
        "1 -> 2",
        "limited to",
        "pod-hours",
        "at 0.1 a pod-hour",
        "pods\n",
        "┤",
        "1:30:00",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no colours where nobody looks");

    let rows = tempfile::NamedTempFile::new().expect("a file");
    let rows_path = rows.path().to_string_lossy().into_owned();
    for (trace, peak) in [("burst", 36), ("day", 47), ("swing", 10)] {
        let path = format!("scenarios/traces/{trace}.csv");
        let mut arguments = vec!["plan", "--trace", &path, "--json", "--csv", &rows_path];
        arguments.extend(["--pods", "10"].iter().filter(|_| trace == "swing"));
        let plan = jaguarctl(&arguments);
        assert_eq!(plan.status.code(), Some(0), "{}", text(&plan.stderr));
        let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).expect("one object");
        assert_eq!(plan["peak_pods"], peak, "{trace}");
        let looks = fs::read_to_string(rows.path()).expect("the rows");
        assert_eq!(
            looks.lines().count() as f64,
            plan["duration_s"].as_f64().unwrap_or(0.0) / 15.0 + 2.0,
            "{trace}"
        );
    }
}

#[test]
fn a_plan_of_other_files_takes_them_or_says_what_is_wrong_with_them() {
    let trace = "scenarios/traces/burst.csv";
    let peak = |arguments: &[&str]| {
        let plan = jaguarctl(&[&["plan", "--json", "--trace", trace], arguments].concat());
        let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).expect("one object");
        plan["peak_pods"].as_u64()
    };
    let default = peak(&[]);
    assert_eq!(peak(&["--hpa", "k8s/base/hpa.yaml"]), default);
    assert!(peak(&["--set", "entity_scale_up_threshold=3500"]) > default);
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("entity_scale_up_threshold"), "3500").expect("a file");
    let given = directory.path().to_string_lossy().into_owned();
    assert_eq!(
        peak(&["--config", &given]),
        peak(&["--set", "entity_scale_up_threshold=3500"])
    );

    let hpa = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/base/hpa.yaml"));
    let small = directory.path().join("small.yaml");
    fs::write(
        &small,
        hpa.expect("it is there").replace("maxReplicas: 100", "maxReplicas: 7"),
    )
    .expect("a file");
    assert_eq!(peak(&["--hpa", &small.to_string_lossy()]), Some(7));

    for (arguments, message) in [
        (
            ["--hpa", "k8s/base/configmap.yaml"],
            "configmap.yaml: expected one document of kind HorizontalPodAutoscaler",
        ),
        (["--config", "k8s/base/hpa.yaml"], "k8s/base/hpa.yaml is not valid"),
        (
            ["--set", "entity_scale_up_threshold=0"],
            "entity_scale_up_threshold = \"0\" from the command line",
        ),
        (["--pod-start", "soon"], "give seconds, 0 to 3600"),
    ] {
        let failed = jaguarctl(&[&["plan", "--trace", trace], arguments.as_slice()].concat());
        assert_eq!(failed.status.code(), Some(2));
        assert!(text(&failed.stderr).contains(message), "{}", text(&failed.stderr));
    }
    let failed = jaguarctl(&["plan", "--trace", "README.md"]);
    assert_eq!(failed.status.code(), Some(2));
    assert!(
        text(&failed.stderr).contains("README.md:1: the header lacks time_s"),
        "{}",
        text(&failed.stderr)
    );
}
