//! Where and how the numbers came about.

use std::fmt;
use std::fs;
use std::process::Command;

use serde::Serialize;

/// The engines' versions stand in the workspace's lock file.
const LOCK_FILE: &str = include_str!("../../Cargo.lock");
/// Instruction sets that matter to these engines, as Linux names them.
const TELLING_FLAGS: [&str; 9] = [
    "sse2", "sse4_1", "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512vl",
];

/// What is printed above the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    flags: Vec<String>,
    /// Processes that run or wait, mean of the last minute when the program began.
    load: String,
    profile: String,
    /// Instruction sets that the Rust code was compiled for; Jaguar picks more at run time.
    compiled_for: Vec<&'static str>,
    commit: String,
    engines: Vec<String>,
}

impl Machine {
    /// This machine and this program.
    pub(crate) fn read() -> Self {
        let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpu_info.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(": "))
                .map(|(_, value)| value.to_owned())
        };
        let flags = field("flags").unwrap_or_default();
        let has = |flag: &&&str| flags.split(' ').any(|found| found == **flag);
        let program = std::env::current_exe().ok();
        let folder = program.as_deref().and_then(|path| path.parent()?.file_name()?.to_str());
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cpu: field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            flags: TELLING_FLAGS.iter().filter(has).map(|&flag| flag.to_owned()).collect(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            profile: folder.unwrap_or("unknown").to_owned(),
            compiled_for: compiled_for(),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            engines: engines(),
        }
    }
}

fn compiled_for() -> Vec<&'static str> {
    let known = [
        ("sse2", cfg!(target_feature = "sse2")),
        ("sse4.2", cfg!(target_feature = "sse4.2")),
        ("avx", cfg!(target_feature = "avx")),
        ("avx2", cfg!(target_feature = "avx2")),
        ("fma", cfg!(target_feature = "fma")),
        ("avx512f", cfg!(target_feature = "avx512f")),
        ("neon", cfg!(target_feature = "neon")),
    ];
    known
        .into_iter()
        .filter_map(|(name, is_on)| is_on.then_some(name))
        .collect()
}

/// The commit that is checked out where the program runs, with a plus if files differ from it.
fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty=+"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn engines() -> Vec<String> {
    let mut engines = vec![
        format!("Jaguar {}", env!("CARGO_PKG_VERSION")),
        format!("Rapier {}", locked("rapier3d")),
    ];
    if cfg!(feature = "peers-jolt") {
        // The version of the crate ends with that of Jolt.
        let version = locked("oxijolt");
        let (_, jolt) = version.split_once("+jolt-").unwrap_or(("", version));
        engines.push(format!("Jolt {jolt} (crate oxijolt {version}, Release, AVX2 and FMA)"));
    }
    engines
}

/// The version of a package in the lock file.
fn locked(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"\nversion = \"");
    let after = LOCK_FILE.split_once(&name).and_then(|(_, after)| after.split_once('"'));
    after.map_or("unknown", |(version, _)| version)
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# {}, {} cores, {}; load {}",
            self.cpu,
            self.cores,
            self.flags.join(" "),
            self.load
        )?;
        let compiled_for = self.compiled_for.join(" ");
        writeln!(
            f,
            "# profile {}, Rust compiled for {compiled_for}; commit {}",
            self.profile, self.commit
        )?;
        write!(f, "# {}", self.engines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_gives_the_peers_versions() {
        assert!(locked("rapier3d").starts_with("0."), "{}", locked("rapier3d"));
        assert_ne!(locked("oxijolt"), "unknown");
    }
}
