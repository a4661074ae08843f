//! The files of a cgroup, version 1 and 2 (Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of the kernel).
//!
//! Everything is read through a function from path to content, so that tests bring files of their own.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a cgroup hierarchy is mounted, by convention of every distribution and container runtime.
const MOUNT: &str = "/sys/fs/cgroup";

/// A version 1 memory limit from here on is none: the kernel writes the largest multiple of the page size instead of 'no limit'.
const NO_LIMIT_BYTES: u64 = 1 << 62;

/// What this process may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// CPUs, more than 0; what goes beyond is throttled.
    pub cpus: Option<f64>,
    /// Memory in bytes; what goes beyond is killed.
    pub memory_bytes: Option<u64>,
}

/// How often a cgroup has used up its CPU quota, since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttling {
    /// Periods (100 ms, unless it is said otherwise) in which something ran.
    pub periods: u64,
    /// Those in which the quota was used up, so that all threads slept until the next.
    pub throttled_periods: u64,
    /// Time that threads slept so, summed over CPUs.
    pub throttled: Duration,
}

/// The limits of this process, from its cgroup.
#[must_use]
pub fn limits() -> Limits {
    limits_by(&read_file)
}

/// Threads to simulate with: `configured`, or when that is 0 as many as `limit` (in CPUs) and `available` cores allow.
///
/// The limit is rounded down: a pool of 3 threads under a limit of 2.5 CPUs uses up its quota five sixths into each period and then sleeps, and in lockstep
/// all pods sleep with it.
#[must_use]
pub fn thread_count(configured: u32, limit: Option<f64>, available: NonZero<usize>) -> NonZero<usize> {
    let configured = usize::try_from(configured).ok().and_then(NonZero::new);
    configured.unwrap_or_else(|| {
        // `as` saturates, and takes NaN to 0.
        let allowed = limit.map_or(usize::MAX, |limit| limit as usize);
        NonZero::new(allowed.min(available.get())).unwrap_or(NonZero::<usize>::MIN)
    })
}

/// Reads a whole file, if it is there.
pub(crate) fn read_file(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// What a cgroup is asked for. In version 1 each has a hierarchy of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    /// Quota and throttling.
    Cpu,
    /// CPU time. One with [`Self::Cpu`] in version 2, and mounted together with it by most in version 1.
    CpuAccount,
    Memory,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::CpuAccount => "cpuacct",
            Self::Memory => "memory",
        }
    }

    /// Directories below [`MOUNT`] at which version 1 may be mounted.
    fn mounts(self) -> &'static [&'static str] {
        match self {
            Self::Cpu => &["cpu", "cpu,cpuacct", "cpuacct,cpu"],
            Self::CpuAccount => &["cpuacct", "cpu,cpuacct", "cpuacct,cpu"],
            Self::Memory => &["memory"],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The directory of a cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cgroup {
    version: Version,
    directory: PathBuf,
}

impl Cgroup {
    fn read(&self, file: &str, read: &impl Fn(&Path) -> Option<String>) -> Option<String> {
        read(&self.directory.join(file))
    }

    /// A file that holds one number.
    fn number(&self, file: &str, read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
        self.read(file, read)?.trim().parse().ok()
    }

    /// A number of a file of lines `name number`.
    fn field(&self, file: &str, name: &str, read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
        let text = self.read(file, read)?;
        let mut fields = text.lines().filter_map(|line| line.split_once(' '));
        let (_, number) = fields.find(|(found, _)| *found == name)?;
        number.trim().parse().ok()
    }

    /// Whether one process is all there is in it, as in a container.
    pub(crate) fn is_of_one_process(&self, read: &impl Fn(&Path) -> Option<String>) -> bool {
        self.read("cgroup.procs", read)
            .is_some_and(|processes| processes.lines().count() == 1)
    }

    /// CPU time of everything in it.
    pub(crate) fn cpu_time(&self, read: &impl Fn(&Path) -> Option<String>) -> Option<Duration> {
        match self.version {
            Version::One => self.number("cpuacct.usage", read).map(Duration::from_nanos),
            Version::Two => self.field("cpu.stat", "usage_usec", read).map(Duration::from_micros),
        }
    }

    /// Memory in use without the part of the page cache that nobody has used for long, in bytes. The kubelet computes the same, and evicts by it.
    pub(crate) fn working_set_bytes(&self, read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
        let (usage, inactive) = match self.version {
            Version::One => ("memory.usage_in_bytes", "total_inactive_file"),
            Version::Two => ("memory.current", "inactive_file"),
        };
        let usage = self.number(usage, read)?;
        Some(usage.saturating_sub(self.field("memory.stat", inactive, read)?))
    }

    pub(crate) fn throttling(&self, read: &impl Fn(&Path) -> Option<String>) -> Option<Throttling> {
        let field = |name| self.field("cpu.stat", name, read);
        Some(Throttling {
            periods: field("nr_periods")?,
            throttled_periods: field("nr_throttled")?,
            throttled: match self.version {
                Version::One => Duration::from_nanos(field("throttled_time")?),
                Version::Two => Duration::from_micros(field("throttled_usec")?),
            },
        })
    }

    fn cpu_limit(&self, read: &impl Fn(&Path) -> Option<String>) -> Option<f64> {
        match self.version {
            Version::One => cpus(
                &self.read("cpu.cfs_quota_us", read)?,
                &self.read("cpu.cfs_period_us", read)?,
            ),
            Version::Two => {
                // Quota and period, or `max` for no limit.
                let text = self.read("cpu.max", read)?;
                let mut words = text.split_whitespace();
                cpus(words.next()?, words.next().unwrap_or("100000"))
            }
        }
    }

    fn memory_limit(&self, read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
        let file = match self.version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        self.number(file, read).filter(|limit| *limit < NO_LIMIT_BYTES)
    }
}

/// The cgroups of this process that `controller` may account in, from its own to the root, whether they exist or not.
///
/// In a container whose cgroup is mounted as the root, the path in `/proc/self/cgroup` is the host's and does not exist below the mount; the walk upwards
/// then ends at the right directory, the root.
pub(crate) fn cgroups(controller: Controller, read: &impl Fn(&Path) -> Option<String>) -> Vec<Cgroup> {
    let membership = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    // `hierarchy:controllers:path`, with no controllers for version 2.
    let lines = membership.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        Some((fields.next()?, fields.next()?.trim_start_matches('/')))
    });
    let mut found = Vec::new();
    for (controllers, path) in lines {
        let (version, mounts): (_, &[&str]) = if controllers.is_empty() {
            (Version::Two, &["", "unified"])
        } else if controllers.split(',').any(|name| name == controller.name()) {
            (Version::One, controller.mounts())
        } else {
            continue;
        };
        for mount in mounts {
            let root = Path::new(MOUNT).join(mount);
            found.extend(Path::new(path).ancestors().map(|below| Cgroup {
                version,
                directory: root.join(below),
            }));
        }
    }
    found
}

/// A limit of any ancestor holds too, so the smallest one on the way to the root counts.
pub(crate) fn limits_by(read: &impl Fn(&Path) -> Option<String>) -> Limits {
    let cpu = cgroups(Controller::Cpu, read);
    let memory = cgroups(Controller::Memory, read);
    Limits {
        cpus: cpu
            .iter()
            .filter_map(|cgroup| cgroup.cpu_limit(read))
            .min_by(f64::total_cmp),
        memory_bytes: memory.iter().filter_map(|cgroup| cgroup.memory_limit(read)).min(),
    }
}

/// Quota and period in µs; a quota of -1 is no limit.
fn cpus(quota: &str, period: &str) -> Option<f64> {
    let quota: f64 = quota.trim().parse().ok()?;
    let period: f64 = period.trim().parse().ok()?;
    (quota > 0.0 && period > 0.0 && quota.is_finite() && period.is_finite()).then(|| quota / period)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The files that a test brings.
    pub(crate) fn files<'a>(files: &'a [(&str, &str)]) -> impl Fn(&Path) -> Option<String> + 'a {
        |path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, content)| (*content).to_owned())
        }
    }

    fn cpu_limit(given: &[(&str, &str)]) -> Option<f64> {
        limits_by(&files(given)).cpus
    }

    fn memory_limit(given: &[(&str, &str)]) -> Option<u64> {
        limits_by(&files(given)).memory_bytes
    }

    #[test]
    fn version_2_gives_quota_over_period() {
        let file = |content| cpu_limit(&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/cpu.max", content)]);
        assert_eq!(file("200000 100000\n"), Some(2.0));
        assert_eq!(file("50000 100000\n"), Some(0.5));
        assert_eq!(file("150000\n"), Some(1.5), "the period is 100 ms unless it is said");
        for none in ["max 100000\n", "", "x y", "0 100000", "1 0", "-1 100000"] {
            assert_eq!(file(none), None, "{none:?}");
        }
    }

    #[test]
    fn version_1_gives_quota_over_period_and_minus_one_is_no_limit() {
        let file = |quota| {
            let directory = "/sys/fs/cgroup/cpu,cpuacct/pod";
            let (quota_file, period_file) = (
                format!("{directory}/cpu.cfs_quota_us"),
                format!("{directory}/cpu.cfs_period_us"),
            );
            cpu_limit(&[
                ("/proc/self/cgroup", "5:memory:/other\n4:cpu,cpuacct:/pod\n"),
                (&quota_file, quota),
                (&period_file, "100000\n"),
            ])
        };
        assert_eq!(file("400000\n"), Some(4.0));
        assert_eq!(file("-1\n"), None);
    }

    #[test]
    fn the_smallest_limit_on_the_way_to_the_root_counts() {
        let given = [
            ("/proc/self/cgroup", "0::/burst/pod/container\n"),
            ("/sys/fs/cgroup/burst/pod/container/cpu.max", "max 100000"),
            ("/sys/fs/cgroup/burst/pod/cpu.max", "300000 100000"),
            ("/sys/fs/cgroup/burst/cpu.max", "800000 100000"),
            ("/sys/fs/cgroup/burst/pod/container/memory.max", "8589934592\n"),
            ("/sys/fs/cgroup/burst/pod/memory.max", "max\n"),
        ];
        assert_eq!(cpu_limit(&given), Some(3.0));
        assert_eq!(memory_limit(&given), Some(8 << 30));
    }

    #[test]
    fn a_container_whose_path_is_not_below_the_mount_reads_the_root() {
        let given = [
            ("/proc/self/cgroup", "3:cpu:/docker/abc\n2:memory:/docker/abc\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "50000"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"),
        ];
        assert_eq!(cpu_limit(&given), Some(2.0));
        assert_eq!(memory_limit(&given), Some(256 << 20));
    }

    #[test]
    fn the_largest_number_of_pages_is_no_limit() {
        let given = [
            ("/proc/self/cgroup", "2:memory:/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(memory_limit(&given), None);
    }

    #[test]
    fn the_thread_count_is_the_configured_one_or_fits_the_limit() {
        let eight = NonZero::new(8).unwrap();
        let count = |configured, limit| thread_count(configured, limit, eight).get();
        assert_eq!(count(3, Some(1.0)), 3);
        assert_eq!(count(0, None), 8);
        assert_eq!(count(0, Some(2.5)), 2);
        assert_eq!(count(0, Some(0.5)), 1);
        assert_eq!(count(0, Some(64.0)), 8);
        assert_eq!(count(0, Some(f64::NAN)), 1);
    }

    proptest! {
        #[test]
        fn any_files_give_a_limit_that_is_one(membership in any::<String>(), content in "[0-9a-z \\-.\n]{0,20}") {
            let read = |path: &Path| Some(if path.starts_with("/proc") { membership.clone() } else { content.clone() });
            let limits = limits_by(&read);
            prop_assert!(limits.cpus.is_none_or(|cpus| cpus > 0.0 && cpus.is_finite()));
        }
    }
}
