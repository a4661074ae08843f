//! No input panics, whatever an operator, a variable or a file says.

use std::fs;

use jaguar_config::{HostPort, Poll, Sources, Watch, keys, load};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// A known key half of the time, so that values are reached.
fn key() -> impl Strategy<Value = String> {
    let known: Vec<String> = keys().map(|key| key.name.to_owned()).collect();
    prop_oneof![prop::sample::select(known), "\\PC{0,20}"]
}

/// Text that resembles a value half of the time.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,12}(\\.[0-9]{1,4})?",
        "[0-9.,:e+\\-\\[\\]naif]{0,12}",
        Just("true".to_owned()),
        Just("1,2,3".to_owned()),
        "\\PC{0,40}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_variables_and_overrides(environment in btree_map(key(), value(), 0..8), overrides in vec((key(), value()), 0..8)) {
        let environment = environment.into_iter().map(|(key, value)| (format!("JAGUAR_{}", key.to_uppercase()), value)).collect();
        let overrides = overrides.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        match load(&Sources { environment, overrides, ..Sources::default() }) {
            Ok(loaded) => {
                // Invariant 1: what is returned is within its bounds, so it can be read back as it is shown.
                let overrides = keys().map(|key| format!("{}={}", key.name, key.show(&loaded.config))).collect();
                prop_assert_eq!(load(&Sources { overrides, ..Sources::default() }).unwrap().config, loaded.config);
            }
            Err(error) => prop_assert!(!error.problems.is_empty() && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_host_and_port(text in "[a-z0-9:.\\[\\]]{0,20}") {
        if let Ok(host_port) = text.parse::<HostPort>() {
            prop_assert_eq!(host_port.to_string().parse(), Ok(host_port));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_file(is_yaml: bool, lines in vec((key(), value()), 0..6), noise in "\\PC{0,30}") {
        let directory = tempfile::tempdir().unwrap();
        let (name, separator) = if is_yaml { ("a.yaml", ": ") } else { ("a.toml", " = ") };
        let text: String = lines.iter().map(|(key, value)| format!("{key}{separator}{value}\n")).collect();
        let path = directory.path().join(name);
        fs::write(&path, text + &noise).unwrap();
        drop(load(&Sources { path: Some(path), ..Sources::default() }));
    }

    #[test]
    fn any_directory(first in btree_map("[a-z_.]{1,12}", vec(any::<u8>(), 0..20), 0..4), second in btree_map(key(), value(), 0..4)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let Ok((mut watch, _)) = Watch::new(Sources { path: Some(path.clone()), ..Sources::default() }) else {
            return Err(TestCaseError::fail("an empty directory is valid"));
        };
        let before = watch.config().clone();
        for (name, content) in first {
            // Names that are no file names are not the point here.
            let _ = fs::write(path.join(name), content);
        }
        for (name, content) in second {
            let _ = fs::write(path.join(name.replace('/', "")), content);
        }
        if let Poll::Rejected(_) = watch.poll() {
            prop_assert_eq!(watch.config(), &before);
        }
    }
}
