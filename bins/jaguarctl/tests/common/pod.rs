//! A pod to talk to.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const JAGUARCTL: &str = env!("CARGO_BIN_EXE_jaguarctl");

/// A pod alone in a paused world; killed when dropped.
pub(crate) struct Pod {
    child: Child,
    address: String,
}

impl Drop for Pod {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pod {
    /// Starts it with these settings, `key=value`.
    pub(crate) fn start(settings: &[String]) -> Self {
        let flags = "jaguard --bind-address 127.0.0.1 --grpc-port 0 --metrics-port 0 --paused --exit-with-stdin";
        let mut child = Command::new(JAGUARCTL)
            .args(flags.split(' '))
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            // Closed with this process, which ends the pod.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the executable starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("its output is text");
        let ready: Value = serde_json::from_str(&line).expect("the first line says that it is ready");
        let address = ready["grpc"].as_str().expect("an address").to_owned();
        Self { child, address }
    }

    /// Runs a command with these options; files are relative to the directory.
    pub(crate) fn ask(&self, directory: &Path, command: &str) -> Output {
        Command::new(JAGUARCTL)
            .args(command.split(' '))
            .args(["--address", &self.address, "--json"])
            .current_dir(directory)
            .env_remove("JAGUAR_TOKEN")
            .output()
            .expect("the executable starts")
    }
}

/// What a command printed that must succeed.
pub(crate) fn json_of(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}, {stderr}"))
}
