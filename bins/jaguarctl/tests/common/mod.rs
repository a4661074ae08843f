//! Running the real executable.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The executable with these arguments, its output captured. What it leaves behind when it fails or is killed stays in the target directory.
pub(crate) fn jaguarctl(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jaguarctl"));
    command
        .args(arguments)
        .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A scenario of these tests.
pub(crate) fn scenario(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "scenarios", name]
        .iter()
        .collect();
    path.display().to_string()
}

/// Runs to the end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    jaguarctl(arguments).output().expect("the executable starts")
}

/// The JSON that a run printed, after checking its exit code; what it said otherwise is in the panic.
pub(crate) fn json_of(output: &Output, exit_code: i32) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit_code), "stderr:\n{stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error} in {:?}\nstderr:\n{stderr}",
            String::from_utf8_lossy(&output.stdout)
        )
    })
}
