//! Which layer wins, and what is said about values that are wrong.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jaguar_config::{Config, ConfigError, Discovery, HostPort, LogLevel, Problem, Sources, load, load_text};

fn sources(path: Option<&Path>, environment: &[(&str, &str)], overrides: &[&str]) -> Sources {
    Sources {
        path: path.map(Path::to_owned),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
        host_name: "host".to_owned(),
    }
}

fn from_overrides(overrides: &[&str]) -> Result<Config, ConfigError> {
    load(&sources(None, &[], overrides)).map(|loaded| loaded.config)
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    (directory, path)
}

#[test]
fn without_any_source_all_values_are_the_defaults_and_the_pod_has_the_hosts_name() {
    let loaded = load(&sources(None, &[], &[])).unwrap();
    assert_eq!(
        loaded.config,
        Config {
            pod_name: "host".to_owned(),
            ..Config::default()
        }
    );
    assert_eq!(loaded.warnings, []);
}

#[test]
fn a_higher_layer_wins_key_by_key() {
    let (_directory, path) = file(
        "jaguar.yaml",
        "physics_substeps: 5\ntile_size: 32\ngrpc_port: 1000\nmetrics_port: 1001\n",
    );
    let environment = [
        ("JAGUAR_TILE_SIZE", "8"),
        ("JAGUAR_GRPC_PORT", "2000"),
        ("HOME", "/root"),
    ];
    let config = load(&sources(
        Some(&path),
        &environment,
        &["grpc_port=3000", "grpc_port=3001"],
    ))
    .unwrap()
    .config;
    assert_eq!(config.target_tick_rate, 60, "default");
    assert_eq!(config.physics_substeps, 5, "file over default");
    assert_eq!(config.tile_size, 8.0, "variable over file");
    assert_eq!(config.grpc_port, 3001, "command line over variable, and its last word");
    assert_eq!(config.metrics_port, 1001);
}

#[test]
fn yaml_toml_and_a_directory_say_the_same() {
    let yaml = "# comment\ngravity: [0, 0, -1.5]\nlog_level: debug\nentity_migration_enabled: false\n\
                cluster_peers: 'a:1, b:2'\nbind_address: '::1'\ntile_size: 8\nscenario: s.toml\ncluster_discovery_method: dns\n";
    let toml = "gravity = [0, 0.0, -1.5]\nlog_level = 'debug'\nentity_migration_enabled = false\n\
                cluster_peers = ['a:1', 'b:2']\nbind_address = '::1'\ntile_size = 8.0\nscenario = 's.toml'\ncluster_discovery_method = 'dns'\n";
    let keys = [
        ("gravity", "0,0,-1.5\n"),
        ("log_level", "debug\n"),
        ("entity_migration_enabled", "false"),
        ("cluster_peers", "a:1,b:2"),
        ("bind_address", "::1"),
        ("tile_size", " 8.0 "),
        ("scenario", "s.toml"),
        ("cluster_discovery_method", "dns"),
    ];
    let directory = tempfile::tempdir().unwrap();
    keys.iter()
        .for_each(|(key, value)| fs::write(directory.path().join(key), value).unwrap());

    let (_yaml, yaml_path) = file("jaguar.yml", yaml);
    let (_toml, toml_path) = file("jaguar.toml", toml);
    let expected = Config {
        gravity: [0.0, 0.0, -1.5],
        log_level: LogLevel::Debug,
        entity_migration_enabled: false,
        cluster_peers: vec![
            HostPort {
                host: "a".into(),
                port: 1,
            },
            HostPort {
                host: "b".into(),
                port: 2,
            },
        ],
        bind_address: "::1".parse::<IpAddr>().unwrap(),
        tile_size: 8.0,
        scenario: Some("s.toml".into()),
        cluster_discovery_method: Discovery::Dns,
        pod_name: "host".into(),
        ..Config::default()
    };
    for path in [&yaml_path, &toml_path, &directory.path().to_owned()] {
        let loaded = load(&sources(Some(path), &[], &[])).unwrap();
        assert_eq!(loaded.config, expected, "{}", path.display());
        assert_eq!(loaded.warnings, []);
        assert!(
            loaded
                .settings
                .iter()
                .any(|setting| setting.key == "tile_size" && setting.value == "8")
        );
    }
}

#[test]
fn the_manifest_of_a_configmap_says_what_its_directory_will() {
    let text = "# comment\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  tile_size: \"8\"\n  log_levle: debug\n";
    let (_directory, path) = file("map.yaml", text);
    let from_file = load(&sources(Some(&path), &[], &["physics_substeps=2"])).unwrap();
    assert_eq!(
        (from_file.config.tile_size, from_file.config.physics_substeps),
        (8.0, 2)
    );
    let unknown: Vec<&str> = from_file.warnings.iter().map(|warning| warning.key.as_str()).collect();
    assert_eq!(unknown, ["log_levle"], "and not the manifest's own fields");

    let from_text = load_text(Path::new("map.yaml"), text, vec!["physics_substeps=2".to_owned()]).unwrap();
    assert_eq!(
        (from_text.config.tile_size, from_text.config.physics_substeps),
        (8.0, 2)
    );
    assert_eq!(from_text.settings[1].source_name, "map.yaml");

    let error = load_text(Path::new("map.yaml"), "kind: ConfigMap\ndata: 7\n", Vec::new()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("map.yaml is not valid: the data of a ConfigMap"),
        "{error}"
    );
    assert!(load_text(Path::new("map.yaml"), "kind: ConfigMap\n", Vec::new()).is_ok());
}

#[test]
fn a_file_that_sets_nothing_is_valid() {
    for (name, text) in [
        ("a.yaml", ""),
        ("b.yaml", "---\n# nothing\n"),
        ("c.toml", "\n"),
        ("d.yml", "# later\n"),
    ] {
        let (_directory, path) = file(name, text);
        assert!(load(&sources(Some(&path), &[], &[])).is_ok(), "{name}");
    }
}

#[test]
fn all_bad_keys_are_reported_at_once_with_value_range_and_source() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("tile_size"), "0\n").unwrap();
    let environment = [("JAGUAR_TARGET_TICK_RATE", "fast")];
    let error = load(&sources(
        Some(directory.path()),
        &environment,
        &["log_level=loud", "nonsense"],
    ))
    .unwrap_err();
    let expected = format!(
        "the configuration has 4 errors:\n  \
         \"nonsense\" from the command line: expected key=value\n  \
         tile_size = \"0\" from {}: allowed is a number, 0.25 to 4096 m\n  \
         target_tick_rate = \"fast\" from the variable JAGUAR_TARGET_TICK_RATE: allowed is a whole number, 0 to 1000 Hz\n  \
         log_level = \"loud\" from the command line: allowed is one of error, warn, info, debug, trace",
        directory.path().join("tile_size").display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn every_bound_is_inclusive_and_what_is_beyond_is_refused() {
    for (valid, invalid) in [
        ("target_tick_rate=1000", "target_tick_rate=1001"),
        ("physics_substeps=1", "physics_substeps=0"),
        ("tile_size=0.25", "tile_size=0.2499"),
        ("gravity=1000,-1000,0", "gravity=1000.5,0,0"),
        ("grpc_port=65535", "grpc_port=65536"),
        ("entity_hard_limit=1", "entity_hard_limit=-1"),
        ("spatial_hash_cell_size=0", "spatial_hash_cell_size=NaN"),
        ("advertise_address=10.0.0.1", "advertise_address=http://a"),
        ("cluster_peers=", "cluster_peers=a"),
        ("pod_name=jaguar-0", "pod_name=a/b"),
        ("state_compression_enabled=true", "state_compression_enabled=yes"),
    ] {
        assert!(from_overrides(&[valid]).is_ok(), "{valid}");
        let error = from_overrides(&[invalid]).unwrap_err();
        assert!(
            matches!(error.problems.as_slice(), [Problem::Value { .. }]),
            "{invalid}: {error}"
        );
    }
}

#[test]
fn keys_that_contradict_each_other_are_both_named() {
    let error = from_overrides(&["cluster_node_timeout_ms=1500"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration has 1 error:\n  cluster_node_timeout_ms = \"1500\" from the command line: must be at least twice \
         cluster_heartbeat_interval_ms, and there is cluster_heartbeat_interval_ms = \"1000\" from the default"
    );
    assert!(from_overrides(&["grpc_port=9090"]).is_err());
    assert!(
        from_overrides(&["grpc_port=0", "metrics_port=0"]).is_ok(),
        "any free ports"
    );
    assert!(from_overrides(&["entity_scale_down_threshold=8000"]).is_err());
    let both = from_overrides(&["grpc_port=x", "metrics_port=50051"]).unwrap_err();
    assert_eq!(
        both.problems.len(),
        1,
        "no rule is applied to a key that is bad itself: {both}"
    );
}

#[test]
fn names_of_kubernetes_objects_are_checked() {
    let config = from_overrides;
    let defaults = config(&["cluster_discovery_method=kubernetes"]).unwrap();
    assert_eq!(defaults.cluster_discovery_method, Discovery::Kubernetes);
    assert_eq!(defaults.kubernetes_namespace, "");
    let named = config(&["kubernetes_service=pods.v2", "kubernetes_namespace=world-7"]).unwrap();
    assert_eq!(
        (&*named.kubernetes_service, &*named.kubernetes_namespace),
        ("pods.v2", "world-7")
    );
    for invalid in [
        "kubernetes_service=",
        "kubernetes_lease=",
        "kubernetes_lease=Coordinator",
        "kubernetes_namespace=-a",
        "kubernetes_namespace=a_b",
        "kubernetes_lease_duration_seconds=0",
    ] {
        let key = invalid.split('=').next().unwrap();
        let error = config(&[invalid]).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn an_unknown_key_is_a_warning_that_names_the_nearest_known_one() {
    let (_directory, path) = file("jaguar.yaml", "grpc_prot: 1\nworld:\n  tile_size: 3\n");
    let environment = [
        ("JAGUAR_TICK_RATE", "60"),
        ("JAGUAR_QQQ", "1"),
        ("JAGUAR_CONFIG", "/etc/jaguar"),
    ];
    let loaded = load(&sources(Some(&path), &environment, &["entity-hard-limit=5"])).unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let file = path.display();
    assert_eq!(
        warnings,
        [
            format!("unknown configuration key \"grpc_prot\" from {file} is ignored; did you mean grpc_port?"),
            format!("unknown configuration key \"world\" from {file} is ignored"),
            "unknown configuration key \"qqq\" from the variable JAGUAR_QQQ is ignored".to_owned(),
            "unknown configuration key \"tick_rate\" from the variable JAGUAR_TICK_RATE is ignored; did you mean min_tick_rate?".to_owned(),
            "unknown configuration key \"entity-hard-limit\" from the command line is ignored; did you mean entity_hard_limit?".to_owned(),
        ]
    );
    assert_eq!(loaded.config.entity_hard_limit, 1_000_000);
}

#[test]
fn variables_that_kubernetes_makes_of_services_are_no_keys() {
    let environment = [
        ("JAGUAR_ENGINE_SERVICE_HOST", "10.0.0.1"),
        ("JAGUAR_ENGINE_SERVICE_PORT", "50051"),
        ("JAGUAR_ENGINE_SERVICE_PORT_GRPC", "50051"),
        ("JAGUAR_ENGINE_PORT", "tcp://10.0.0.1:50051"),
        ("JAGUAR_ENGINE_PORT_50051_TCP", "tcp://10.0.0.1:50051"),
        ("JAGUAR_ENGINE_PORT_50051_TCP_PROTO", "tcp"),
        ("JAGUAR_ENGINE_PORT_50051_TCP_PORT", "50051"),
        ("JAGUAR_ENGINE_PORT_50051_TCP_ADDR", "10.0.0.1"),
        // What a service named jaguar-grpc does.
        ("JAGUAR_GRPC_PORT", "tcp://10.0.0.1:50051"),
    ];
    let loaded = load(&sources(None, &environment, &[])).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.grpc_port, 50051);
}

#[test]
fn a_path_that_cannot_be_read_or_parsed_is_a_problem_that_names_it() {
    let missing = load(&sources(Some(Path::new("/nonexistent/jaguar")), &[], &[])).unwrap_err();
    assert!(
        missing.to_string().contains("cannot read /nonexistent/jaguar: "),
        "{missing}"
    );
    for (name, text) in [
        ("a.yaml", "a: [1"),
        ("b.toml", "a ="),
        ("c.ini", "a=1"),
        ("d.yaml", "just text"),
    ] {
        let (_directory, path) = file(name, text);
        let error = load(&sources(Some(&path), &[], &["grpc_port=x"])).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(error.problems.len(), 2, "the other layers are still checked: {error}");
    }
    let (_directory, path) = file("big.yaml", &"#".repeat((1 << 20) + 1));
    let error = load(&sources(Some(&path), &[], &[])).unwrap_err();
    assert!(error.to_string().contains("larger than 1048576 bytes"), "{error}");
}

#[test]
fn peers_dial_the_advertised_address_or_what_the_pod_listens_on() {
    let advertised = |overrides: &[&str]| from_overrides(overrides).unwrap().advertised(7).to_string();
    assert_eq!(advertised(&[]), "host:7");
    assert_eq!(advertised(&["pod_name=jaguar-3"]), "jaguar-3:7");
    assert_eq!(advertised(&["bind_address=127.0.0.1"]), "127.0.0.1:7");
    assert_eq!(advertised(&["bind_address=::1"]), "[::1]:7");
    assert_eq!(advertised(&["advertise_address=a.example"]), "a.example:7");
    assert_eq!(advertised(&["advertise_address=a.example:9"]), "a.example:9");
    assert_eq!(advertised(&["advertise_address=fe80::1"]), "[fe80::1]:7");
    assert_eq!(advertised(&["advertise_address=[fe80::1]:9"]), "[fe80::1]:9");
}
