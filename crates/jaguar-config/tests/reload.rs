//! Reloading from a directory that is swapped as kubelet swaps a mounted ConfigMap.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use jaguar_config::{Config, Poll, Reloaded, Sources, Watch};

/// A mounted ConfigMap: `key` is a link to `..data/key`, and `..data` is a link to the directory of the current version.
struct ConfigMap {
    directory: tempfile::TempDir,
    version: u32,
}

impl ConfigMap {
    fn new(keys: &[(&str, &str)]) -> Self {
        let mut map = Self {
            directory: tempfile::tempdir().unwrap(),
            version: 0,
        };
        map.swap(keys);
        map
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// As kubelet's `AtomicWriter` does it.
    fn swap(&mut self, keys: &[(&str, &str)]) {
        let old = fs::canonicalize(self.path().join("..data")).ok();
        self.version += 1;
        let version = PathBuf::from(format!("..2026_11_01_{}", self.version));
        fs::create_dir(self.path().join(&version)).unwrap();
        for (key, value) in keys {
            fs::write(self.path().join(&version).join(key), value).unwrap();
        }
        symlink(&version, self.path().join("..data_tmp")).unwrap();
        fs::rename(self.path().join("..data_tmp"), self.path().join("..data")).unwrap();
        for (key, _) in keys {
            let link = self.path().join(key);
            if !link.is_symlink() {
                symlink(Path::new("..data").join(key), link).unwrap();
            }
        }
        if let Some(old) = old {
            fs::remove_dir_all(old).unwrap();
        }
    }

    fn watch(&self) -> Watch {
        let sources = Sources {
            path: Some(self.path().to_owned()),
            host_name: "host".into(),
            ..Sources::default()
        };
        Watch::new(sources).unwrap().0
    }
}

fn changed(poll: Poll) -> Reloaded {
    match poll {
        Poll::Changed(reloaded) => reloaded,
        other => panic!("expected a change, got {other:?}"),
    }
}

fn names(changes: &[jaguar_config::Change]) -> Vec<&str> {
    changes.iter().map(|change| change.key).collect()
}

#[test]
fn a_swap_applies_what_is_the_pods_proposes_what_is_the_worlds_and_names_what_waits_for_a_restart() {
    let mut map = ConfigMap::new(&[("min_tick_rate", "30"), ("target_tick_rate", "60"), ("tile_size", "16")]);
    let mut watch = map.watch();
    assert_eq!(watch.poll(), Poll::Unchanged);

    map.swap(&[
        ("min_tick_rate", "20"),
        ("target_tick_rate", "30"),
        ("tile_size", "8"),
        ("log_levle", "debug"),
    ]);
    let reloaded = changed(watch.poll());
    assert_eq!(names(&reloaded.applied), ["min_tick_rate"], "this pod's own");
    assert_eq!(names(&reloaded.proposed), ["target_tick_rate"], "the world's");
    assert_eq!(
        (reloaded.proposed[0].old.as_str(), reloaded.proposed[0].new.as_str()),
        ("60", "30")
    );
    assert_eq!(names(&reloaded.at_restart), ["tile_size"]);
    assert_eq!(reloaded.warnings[0].nearest, Some("log_level"));
    assert_eq!(watch.config().target_tick_rate, 30);
    assert_eq!(watch.config().tile_size, 16.0);
    assert_eq!(watch.poll(), Poll::Unchanged);
}

#[test]
fn a_bad_value_keeps_the_whole_old_configuration_and_is_reported_once() {
    let mut map = ConfigMap::new(&[("target_tick_rate", "60"), ("log_level", "info")]);
    let mut watch = map.watch();
    let before = watch.config().clone();

    map.swap(&[("target_tick_rate", "sixty"), ("log_level", "debug")]);
    let Poll::Rejected(error) = watch.poll() else {
        panic!("a bad value was taken")
    };
    assert!(error.to_string().contains("target_tick_rate = \"sixty\""), "{error}");
    assert_eq!(watch.config(), &before, "nothing of it, not even the good key");
    assert_eq!(watch.poll(), Poll::Unchanged);

    map.swap(&[("target_tick_rate", "61"), ("log_level", "debug")]);
    let reloaded = changed(watch.poll());
    assert_eq!(
        (names(&reloaded.applied), names(&reloaded.proposed)),
        (vec!["log_level"], vec!["target_tick_rate"])
    );
}

#[test]
fn a_key_that_is_removed_returns_to_its_default() {
    let mut map = ConfigMap::new(&[("target_tick_rate", "20"), ("max_concurrent_migrations", "2")]);
    let mut watch = map.watch();
    map.swap(&[("target_tick_rate", "20")]);
    assert_eq!(names(&changed(watch.poll()).proposed), ["max_concurrent_migrations"]);
    let expected = Config {
        target_tick_rate: 20,
        pod_name: "host".into(),
        ..Config::default()
    };
    assert_eq!(watch.config(), &expected);
}

#[test]
fn a_directory_that_vanishes_keeps_the_old_configuration() {
    let map = ConfigMap::new(&[("target_tick_rate", "20")]);
    let mut watch = map.watch();
    fs::remove_dir_all(map.path()).unwrap();
    assert!(matches!(watch.poll(), Poll::Rejected(_)));
    assert_eq!(watch.config().target_tick_rate, 20);
}

#[test]
fn another_layout_of_the_same_values_is_no_change() {
    let mut map = ConfigMap::new(&[("target_tick_rate", "60")]);
    let mut watch = map.watch();
    map.swap(&[("target_tick_rate", "60\n"), ("log_level", "info")]);
    assert_eq!(watch.poll(), Poll::Unchanged);
}

#[test]
fn all_files_are_read_from_one_version() {
    // A swapper replaces the map over and over; in each version both keys have the same value, so a reading that mixes two versions shows.
    let mut map = ConfigMap::new(&[("entity_hard_limit", "1"), ("entity_migration_batch_size", "1")]);
    let mut watch = map.watch();
    let swapper = std::thread::spawn(move || {
        for version in 2..300 {
            let value = version.to_string();
            map.swap(&[("entity_hard_limit", &value), ("entity_migration_batch_size", &value)]);
        }
        map
    });
    while !swapper.is_finished() {
        // A reading that lost the race against several swaps in a row is rejected, which keeps the old configuration.
        let _ = watch.poll();
        assert_eq!(
            watch.config().entity_hard_limit,
            watch.config().entity_migration_batch_size
        );
    }
    let _map = swapper.join().unwrap();
    let _ = watch.poll();
    assert_eq!(watch.config().entity_hard_limit, 299);
}
