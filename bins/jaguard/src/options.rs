//! The command line: flags for what is set most, `--set` for every key.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::PathBuf;

use jaguar_config::Sources;

/// One pod of a Jaguar world.
///
/// Founds a world, or joins one (--join). Prints one line of JSON on standard output when it is a member, logs on standard error, and on SIGTERM gives
/// everything away and exits 0.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "jaguard", version)]
pub struct Options {
    /// Directory with one file per key (a mounted ConfigMap), or a YAML or TOML file; default /etc/jaguar if it exists.
    #[arg(long, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// Sets a key of the configuration; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Name of this pod (pod_name).
    #[arg(long)]
    pub name: Option<String>,
    /// Address to listen on (bind_address).
    #[arg(long, value_name = "ADDRESS")]
    pub bind_address: Option<IpAddr>,
    /// Port of gRPC, 0 to let the system choose (grpc_port).
    #[arg(long, value_name = "PORT")]
    pub grpc_port: Option<u16>,
    /// Port of HTTP, 0 to let the system choose (metrics_port).
    #[arg(long, value_name = "PORT")]
    pub metrics_port: Option<u16>,
    /// A pod to join through; may be repeated (cluster_peers).
    #[arg(long, value_name = "HOST:PORT")]
    pub join: Vec<String>,
    /// Scenario file of the world to found (scenario).
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// CSV file with bodies to add to the world to found.
    #[arg(long, value_name = "FILE")]
    pub bodies: Option<PathBuf>,
    /// Found the world paused, before its first tick.
    #[arg(long)]
    pub paused: bool,
    /// Ticks a second, or 'max' (target_tick_rate).
    #[arg(long, value_name = "HZ|max")]
    pub rate: Option<String>,
    /// Threads that simulate, 0 for as many as the CPU limit allows (physics_thread_pool_size).
    #[arg(long)]
    pub threads: Option<u32>,
    /// Ticks for which the states of all bodies are kept, for comparisons (history_ticks).
    #[arg(long, value_name = "TICKS")]
    pub history_ticks: Option<u32>,
    /// Change the owner of every tile at random every tick, from this seed: the hardest test of the protocol.
    #[arg(long, value_name = "SEED")]
    pub shuffle: Option<u64>,
    /// Exit at once when standard input ends, so that a parent leaves no orphan.
    #[arg(long)]
    pub exit_with_stdin: bool,
}

impl Options {
    /// Where the configuration comes from. The flags are its highest layer; a bad value is reported like that of any other.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let mut overrides = self.set.clone();
        let mut set = |key: &str, value: Option<String>| overrides.extend(value.map(|value| format!("{key}={value}")));
        set("pod_name", self.name.clone());
        set("bind_address", self.bind_address.map(|address| address.to_string()));
        set("grpc_port", self.grpc_port.map(|port| port.to_string()));
        set("metrics_port", self.metrics_port.map(|port| port.to_string()));
        set("cluster_peers", (!self.join.is_empty()).then(|| self.join.join(",")));
        set("scenario", self.scenario.as_deref().map(|path| text(path.as_os_str())));
        set("target_tick_rate", self.rate.as_deref().map(rate));
        set(
            "physics_thread_pool_size",
            self.threads.map(|threads| threads.to_string()),
        );
        set("history_ticks", self.history_ticks.map(|ticks| ticks.to_string()));
        Sources::from_process(self.config.clone(), overrides)
    }
}

/// `max` is 0 in the configuration; everything else stands for itself, errors included.
fn rate(given: &str) -> String {
    if given == "max" {
        "0".to_owned()
    } else {
        given.to_owned()
    }
}

fn text(path: &OsStr) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn the_flags_are_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn flags_win_over_set_and_become_keys() {
        let arguments = [
            "jaguard",
            "--set",
            "grpc_port=7",
            "--grpc-port",
            "0",
            "--rate",
            "max",
            "--join",
            "a:1",
            "--join",
            "b:2",
        ];
        let overrides = Options::try_parse_from(arguments)
            .expect("these flags exist")
            .sources()
            .overrides;
        assert_eq!(
            overrides,
            [
                "grpc_port=7",
                "grpc_port=0",
                "cluster_peers=a:1,b:2",
                "target_tick_rate=0"
            ]
        );
    }
}
