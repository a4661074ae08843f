//! The ConfigMap that is deployed and the table of keys agree: every key of one is in the other, or it says here why not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Value};
use jaguar_config::{Config, keys, load_text};

/// Keys that an operator does not set in the ConfigMap, and why.
const NOT_THERE: &[(&str, &str)] = &[
    ("scenario", "a file of the image or of a volume: an overlay's matter"),
    ("bind_address", "a container listens on all its addresses"),
    (
        "advertise_address",
        "of each pod: the Deployment sets it from status.podIP",
    ),
    ("pod_name", "of each pod: the Deployment sets it from metadata.name"),
    (
        "kubernetes_namespace",
        "of each pod: the Deployment sets it from metadata.namespace",
    ),
    (
        "cpu_request_millicores",
        "of each pod: the Deployment sets it from its own requests",
    ),
    (
        "memory_request_bytes",
        "of each pod: the Deployment sets it from its own requests",
    ),
    ("cluster_peers", "pods are found through the API"),
    (
        "kubernetes_lease_duration_seconds",
        "goes with the renewal; nothing in a cluster asks for another",
    ),
    (
        "tls_enabled",
        "the component tls sets it, with the certificates that it needs",
    ),
    ("tls_cert_file", "as tls_enabled"),
    ("tls_key_file", "as tls_enabled"),
    ("tls_ca_file", "as tls_enabled"),
    (
        "tls_peer_name",
        "as tls_enabled; the component's certificates have the default name",
    ),
    (
        "auth_jwt_hs256_secret_file",
        "who may do what is an overlay's matter, with the Secret that holds the keys",
    ),
    ("auth_jwt_rs256_public_key_file", "as auth_jwt_hs256_secret_file"),
    ("auth_jwks_file", "as auth_jwt_hs256_secret_file"),
    ("auth_jwt_issuer", "as auth_jwt_hs256_secret_file"),
    ("auth_jwt_audience", "as auth_jwt_hs256_secret_file"),
    ("auth_jwt_role_claim", "as auth_jwt_hs256_secret_file"),
    ("auth_certificate_roles", "as auth_jwt_hs256_secret_file"),
    ("otlp_endpoint", "the component otel-collector sets it"),
    (
        "otlp_sample_ratio",
        "the default serves; whoever looks at more ticks sets it beside otlp_endpoint",
    ),
    (
        "snapshot_store",
        "the components snapshots and snapshots-s3 set it, with the volume or the bucket",
    ),
    ("snapshot_interval_minutes", "as snapshot_store"),
    ("snapshot_retention", "as snapshot_store"),
    ("snapshot_restore", "as snapshot_store"),
    ("history_ticks", "for tests"),
    (
        "scale_up_cooldown_seconds",
        "the HPA has its own, stabilizationWindowSeconds; the key is that of `jaguarctl up`",
    ),
    ("scale_down_cooldown_seconds", "as scale_up_cooldown_seconds"),
];

/// Keys that have another value in the ConfigMap than by default, and why.
const NOT_THE_DEFAULT: &[(&str, &str)] = &[
    ("cluster_discovery_method", "the default needs no cluster"),
    ("log_format", "people read the default, machines the logs of a cluster"),
    (
        "migration_timeout_seconds",
        "in a rollout on few cores the world is slow, and a pod that runs out of time takes its bodies with it",
    ),
];

fn kubernetes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The `data` of a ConfigMap's manifest; none of another.
fn data(manifest: &str) -> Option<BTreeMap<String, String>> {
    let manifest: Dict = serde_saphyr::from_str(manifest).expect("a manifest is a map");
    let is_config_map = manifest.get("kind").and_then(Value::as_str) == Some("ConfigMap");
    let data = manifest
        .get("data")
        .and_then(Value::as_dict)
        .filter(|_| is_config_map)?;
    let text = |(key, value): (&String, &Value)| {
        let value = value
            .as_str()
            .unwrap_or_else(|| panic!("{key} is no text; the API takes nothing else"));
        (key.clone(), value.to_owned())
    };
    Some(data.iter().map(text).collect())
}

fn reason(list: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    list.iter()
        .find(|(listed, _)| *listed == key)
        .map(|(_, reason)| *reason)
}

#[test]
fn the_shipped_configmap_has_every_key_of_the_table_with_its_default_or_a_reason_stands_here() {
    let path = kubernetes().join("base/configmap.yaml");
    let manifest = read(&path);
    let loaded = load_text(&path, &manifest, Vec::new()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings, [], "keys that do not exist");
    let shipped = data(&manifest).expect("it is a ConfigMap");
    let defaults = Config::default();
    let mut wrong = Vec::new();
    for key in keys() {
        let (name, default, value) = (key.name, key.show(&defaults), key.show(&loaded.config));
        match (shipped.contains_key(name), reason(NOT_THERE, name)) {
            (true, Some(reason)) => wrong.push(format!("{name} is in the ConfigMap, and this test says: {reason}")),
            (false, None) => wrong.push(format!(
                "{name} is in the table and neither in the ConfigMap nor in NOT_THERE"
            )),
            _ => {}
        }
        match (value == default, reason(NOT_THE_DEFAULT, name)) {
            (true, Some(reason)) => wrong.push(format!("{name} has its default, and this test says: {reason}")),
            (false, None) => wrong.push(format!("{name} is {value:?} there and {default:?} by default")),
            _ => {}
        }
    }
    let unknown = NOT_THERE.iter().chain(NOT_THE_DEFAULT).map(|(key, _)| *key);
    let unknown = unknown.filter(|key| jaguar_config::Key::find(key).is_none());
    wrong.extend(unknown.map(|key| format!("{key} is in a list of this test and not in the table")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Components whose keys are only valid with those of another.
const STANDS_ON: &[(&str, &str)] = &[("components/backup", "components/tls")];

/// What a component or overlay sets in the ConfigMap, one list of `key=value` for each of its patches.
fn patches(folder: &Path) -> Vec<Vec<String>> {
    let kustomization = folder.join("kustomization.yaml");
    if !kustomization.is_file() {
        return Vec::new();
    }
    let parsed: Dict = serde_saphyr::from_str(&read(&kustomization)).expect("a kustomization is a map");
    let listed = parsed.get("patches").and_then(Value::as_array).unwrap_or_default();
    let texts = listed
        .iter()
        .filter_map(|patch| patch.as_dict()?.get("patch")?.as_str());
    // Other patches are lists of operations.
    let maps = texts.filter(|text| text.contains("kind: ConfigMap")).filter_map(data);
    maps.map(|keys| keys.iter().map(|(key, value)| format!("{key}={value}")).collect())
        .collect()
}

#[test]
fn what_components_and_overlays_change_of_it_is_valid_too() {
    let path = kubernetes().join("base/configmap.yaml");
    let manifest = read(&path);
    let mut checked = 0;
    for kind in ["components", "overlays"] {
        for entry in fs::read_dir(kubernetes().join(kind)).expect("the folder is there") {
            let folder = entry.expect("it can be read").path();
            let below = STANDS_ON.iter().filter(|(name, _)| folder.ends_with(name));
            let below: Vec<String> = below
                .flat_map(|(_, needed)| patches(&kubernetes().join(needed)).concat())
                .collect();
            for overrides in patches(&folder) {
                checked += 1;
                // That every key exists is checked by k8s/checks, which builds the overlays.
                if let Err(error) = load_text(&path, &manifest, [below.clone(), overrides].concat()) {
                    panic!("{}: {error}", folder.display());
                }
            }
        }
    }
    assert!(checked >= 3, "these are not all: {checked}");
}
