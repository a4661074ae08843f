//! The table of keys: complete, consistent, and the same as docs/configuration.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jaguar_config::{Config, Sources, keys, load, reference};

#[test]
fn the_reference_in_docs_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, reference()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference(),
        "docs/configuration.md is out of date: run UPDATE_EXPECT=1 cargo test -p jaguar-config"
    );
}

#[test]
fn every_key_reads_back_what_it_shows() {
    let defaults = Config::default();
    let overrides = keys()
        .map(|key| format!("{}={}", key.name, key.show(&defaults)))
        .collect();
    let loaded = load(&Sources {
        overrides,
        host_name: "host".into(),
        ..Sources::default()
    })
    .unwrap();
    assert_eq!(
        loaded.config,
        Config {
            pod_name: "host".into(),
            ..defaults
        }
    );
}

#[test]
fn keys_are_flat_lower_case_unique_and_documented() {
    let mut seen = BTreeSet::new();
    for key in keys() {
        assert!(
            key.name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{}",
            key.name
        );
        assert!(seen.insert(key.name), "{} stands twice", key.name);
        assert!(key.doc.trim().ends_with('.'), "{}", key.name);
    }
}
