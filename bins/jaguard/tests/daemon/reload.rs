//! A changed ConfigMap while pods run: what is a pod's own is applied there, what is the world's by all pods before the same tick, and no hash changes.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use futures_util::stream;
use jaguar_client::{Settings, State};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{row, until};
use crate::support::Pod;

const AGREED: &str = "jaguar_config_reloads_total{result=\"agreed\"}";
const NOT_AGREED: &str = "jaguar_config_reloads_total{result=\"not_agreed\"}";
const APPLIED: &str = "jaguar_config_reloads_total{result=\"applied\"}";
const AT_RESTART: &str = "jaguar_config_reloads_total{result=\"at_restart\"}";

/// A mounted ConfigMap, and beside it the log of the pod that mounts it.
struct Mount {
    directory: TempDir,
    version: u32,
}

impl Mount {
    fn new(keys: &[(&str, &str)]) -> Self {
        let mut mount = Self {
            directory: tempfile::tempdir().expect("a place for temporary files"),
            version: 0,
        };
        fs::create_dir(mount.path()).expect("the directory is ours");
        mount.swap(keys);
        mount
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("jaguar")
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// As kubelet does it: a new version beside the old one, and a link that is renamed over the old link.
    fn swap(&mut self, keys: &[(&str, &str)]) {
        let old = fs::canonicalize(self.path().join("..data")).ok();
        self.version += 1;
        let version = PathBuf::from(format!("..2026_11_24_{}", self.version));
        fs::create_dir(self.path().join(&version)).expect("the directory is ours");
        for (key, value) in keys {
            fs::write(self.path().join(&version).join(key), value).expect("the directory is ours");
            let link = self.path().join(key);
            if !link.is_symlink() {
                symlink(Path::new("..data").join(key), link).expect("the directory is ours");
            }
        }
        let (new, current) = (self.path().join("..data_tmp"), self.path().join("..data"));
        symlink(&version, &new).expect("the directory is ours");
        fs::rename(new, current).expect("the directory is ours");
        if let Some(old) = old {
            fs::remove_dir_all(old).expect("the directory is ours");
        }
    }

    fn start(&self, arguments: &[&str]) -> Pod {
        let path = self.path();
        let config = ["--config", path.to_str().expect("a path in UTF-8")];
        let log = File::create(self.log()).expect("the directory is ours");
        Pod::start_with_log(&[&config, arguments].concat(), log)
    }

    /// What this pod has logged of the world's settings: key, old and new value, tick.
    fn agreements(&self) -> Vec<[String; 4]> {
        let log = fs::read_to_string(self.log()).expect("the pod logs");
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| line.to_string().contains("the world has agreed on a change"))
            .map(|line| ["key", "old", "new", "tick"].map(|field| line["fields"][field].to_string().replace('"', "")))
            .collect()
    }
}

/// Waits until all of these pods go by these settings.
async fn all_go_by(pods: &[&Pod], rate_hz: f64, settings: Settings) {
    for pod in pods {
        until(|| async {
            let status = pod.status().await;
            status.target_tick_rate_hz == Some(rate_hz) && status.settings == settings
        })
        .await;
    }
}

/// The hash after 60 ticks of a world that nothing happens to.
async fn undisturbed_hash() -> String {
    let pod = Pod::start(&["--paused"]);
    let mut client = pod.client().await;
    client.spawn_many(stream::iter(row(40))).await.expect("valid bodies");
    client.run_to(60).await.expect("the world is whole");
    client.status().await.expect("a member has a status").hash
}

#[tokio::test]
async fn all_pods_change_the_worlds_settings_at_one_tick_whoever_proposes_and_whoever_coordinates() {
    let first = [("target_tick_rate", "60"), ("entity_hard_limit", "1000")];
    let mut mounts = [Mount::new(&first), Mount::new(&first), Mount::new(&first)];
    let founder = mounts[0].start(&["--paused"]);
    let second = mounts[1].start(&["--join", &founder.grpc]);
    let third = mounts[2].start(&["--join", &founder.grpc]);
    let mut client = third.client().await;
    client.spawn_many(stream::iter(row(40))).await.expect("valid bodies");
    client.run_to(20).await.expect("the world is whole");
    let mut settings = Settings {
        entity_hard_limit: 1000,
        entity_migration_enabled: true,
        entity_migration_batch_size: 100,
        max_concurrent_migrations: 5,
    };
    all_go_by(&[&founder, &second, &third], 60.0, settings).await;

    // One pod's ConfigMap comes first, as kubelets do not look at the same moment.
    let swapped = [
        ("target_tick_rate", "240"),
        ("entity_hard_limit", "900"),
        ("max_concurrent_migrations", "2"),
    ];
    mounts[1].swap(&swapped);
    (settings.entity_hard_limit, settings.max_concurrent_migrations) = (900, 2);
    all_go_by(&[&founder, &second, &third], 240.0, settings).await;
    assert_eq!(founder.metric("jaguar_simulation_target_tick_rate"), Some(240.0));
    assert_eq!((second.metric(AGREED), third.metric(AGREED)), (Some(1.0), Some(0.0)));
    // The others propose the same a little later, which changes nothing.
    mounts[0].swap(&swapped);
    mounts[2].swap(&swapped);
    until(|| async { (founder.metric(AGREED), third.metric(AGREED)) == (Some(1.0), Some(1.0)) }).await;
    client.run_to(40).await.expect("the world is whole");

    // All at once, on a running world, with a key that is the pod's own and one that waits.
    client.resume().await.expect("it runs");
    for mount in &mut mounts {
        mount.swap(&[
            ("target_tick_rate", "120"),
            ("entity_hard_limit", "900"),
            ("max_concurrent_migrations", "2"),
            ("entity_migration_batch_size", "7"),
            ("min_tick_rate", "10"),
            ("tile_size", "8"),
        ]);
    }
    settings.entity_migration_batch_size = 7;
    all_go_by(&[&founder, &second, &third], 120.0, settings).await;
    for pod in [&founder, &second, &third] {
        until(|| async { pod.metric(AGREED) == Some(2.0) }).await;
        assert_eq!((pod.metric(APPLIED), pod.metric(AT_RESTART)), (Some(1.0), Some(1.0)));
        assert_eq!(pod.metric("jaguar_simulation_min_tick_rate"), Some(10.0));
    }

    // Whoever coordinates next goes by the same, and so does a pod that joins and says nothing.
    assert!(founder.drain().success());
    let silent = second.joined_by(&[]);
    all_go_by(&[&second, &third, &silent], 120.0, settings).await;
    // A pod that joins and says something has the last word.
    let outspoken = second.joined_by(&["--rate", "90"]);
    all_go_by(&[&second, &third, &silent, &outspoken], 90.0, settings).await;

    let (last, before) = (mounts[1].agreements(), mounts[0].agreements());
    assert_eq!(last, mounts[2].agreements(), "key, values and tick on two pods");
    assert_eq!(before, last[..before.len()], "and on the one that has left");
    let keys: Vec<&str> = last.iter().map(|[key, ..]| key.as_str()).collect();
    let expected = [
        "target_tick_rate",
        "entity_hard_limit",
        "max_concurrent_migrations",
        "target_tick_rate",
        "entity_migration_batch_size",
        "target_tick_rate",
    ];
    assert_eq!(keys, expected);
    assert_eq!(last[0], ["target_tick_rate", "60", "240", "20"]);
}

#[tokio::test]
async fn no_change_of_the_settings_changes_a_hash() {
    let mut mount = Mount::new(&[("target_tick_rate", "60")]);
    let founder = mount.start(&["--paused"]);
    let second = founder.joined_by(&[]);
    let mut client = second.client().await;
    client.spawn_many(stream::iter(row(40))).await.expect("valid bodies");
    for (tick, rate, batch) in [(15, "1000", "1"), (30, "0", "2"), (45, "30", "3")] {
        client.run_to(tick).await.expect("the world is whole");
        mount.swap(&[("target_tick_rate", rate), ("entity_migration_batch_size", batch)]);
        let target = Some(rate.parse().expect("a number")).filter(|hz: &f64| *hz > 0.0);
        until(|| async { second.status().await.target_tick_rate_hz == target }).await;
    }
    client.run_to(60).await.expect("the world is whole");
    let status = client.status().await.expect("a member has a status");
    assert_eq!((status.tick, status.hash), (60, undisturbed_hash().await));
}

#[tokio::test]
async fn a_world_that_has_halted_agrees_on_nothing_and_the_pod_says_so() {
    let mut mount = Mount::new(&[("target_tick_rate", "60"), ("log_level", "info")]);
    let soon = [
        "--set",
        "cluster_heartbeat_interval_ms=50",
        "--set",
        "cluster_node_timeout_ms=500",
    ];
    let founder = mount.start(&soon);
    let second = founder.joined_by(&soon);
    until(|| async { founder.status().await.pods.len() == 2 }).await;
    second.kill();
    until(|| async { matches!(founder.status().await.state, State::Halted(_)) }).await;
    mount.swap(&[("target_tick_rate", "30"), ("log_level", "debug")]);
    until(|| async { founder.metric(NOT_AGREED) == Some(1.0) }).await;
    assert_eq!(
        founder.metric(APPLIED),
        Some(1.0),
        "what is the pod's own is applied all the same"
    );
    assert_eq!(founder.metric(AGREED), Some(0.0));
}
