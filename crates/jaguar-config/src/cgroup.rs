//! How many CPUs this process may use: the limit of its cgroup (version 1 and 2), as Kubernetes sets it from a container's CPU limit.

use std::num::NonZero;
use std::path::{Path, PathBuf};

/// The CPU limit of this process in CPUs, or `None` when there is none.
#[must_use]
pub fn cpu_limit() -> Option<f64> {
    cpu_limit_from(|path: &Path| std::fs::read_to_string(path).ok())
}

/// As [`cpu_limit`], over the files that `read` finds; it returns `None` for one that does not exist.
///
/// A limit of any ancestor holds too, so the smallest one on the way to the root counts. In a container whose cgroup is mounted as the root, the path in
/// `/proc/self/cgroup` may not exist below the mount; the walk upwards then ends at the right file, the root.
pub fn cpu_limit_from(read: impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let membership = read(Path::new("/proc/self/cgroup"))?;
    let limits = membership.lines().filter_map(|line| limit_of_membership(line, &read));
    limits.min_by(f64::total_cmp)
}

/// The limit by one line of `/proc/self/cgroup`: `hierarchy:controllers:path`, with no controllers for version 2.
fn limit_of_membership(line: &str, read: &impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let is_version_2 = controllers.is_empty();
    if !is_version_2 && !controllers.split(',').any(|controller| controller == "cpu") {
        return None;
    }
    let mounts: &[&str] = if is_version_2 {
        &["", "unified"]
    } else {
        &["cpu", "cpu,cpuacct", "cpuacct,cpu"]
    };
    let directories = mounts.iter().flat_map(|mount| {
        let root = Path::new("/sys/fs/cgroup").join(mount);
        ancestors(path).map(move |below| root.join(below))
    });
    let limits = directories.filter_map(|directory| {
        if is_version_2 {
            limit_v2(&read(&directory.join("cpu.max"))?)
        } else {
            limit_v1(
                &read(&directory.join("cpu.cfs_quota_us"))?,
                &read(&directory.join("cpu.cfs_period_us"))?,
            )
        }
    });
    limits.min_by(f64::total_cmp)
}

/// `/a/b` gives `a/b`, `a` and the empty path.
fn ancestors(path: &str) -> impl Iterator<Item = PathBuf> {
    let below = PathBuf::from(path.trim_start_matches('/'));
    below.ancestors().map(Path::to_owned).collect::<Vec<_>>().into_iter()
}

/// `cpu.max` of version 2: quota and period in µs, or `max` for no limit.
fn limit_v2(cpu_max: &str) -> Option<f64> {
    let mut words = cpu_max.split_whitespace();
    limit_v1(words.next()?, words.next().unwrap_or("100000"))
}

/// Quota and period of version 1 in µs; a quota of -1 is no limit.
fn limit_v1(quota: &str, period: &str) -> Option<f64> {
    let quota: f64 = quota.trim().parse().ok()?;
    let period: f64 = period.trim().parse().ok()?;
    (quota > 0.0 && period > 0.0 && quota.is_finite()).then(|| quota / period)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(files: &[(&str, &str)]) -> Option<f64> {
        cpu_limit_from(|path: &Path| {
            files
                .iter()
                .find(|(name, _)| Path::new(name) == path)
                .map(|(_, content)| (*content).to_owned())
        })
    }

    #[test]
    fn version_2_gives_quota_over_period() {
        let file = |content| limit(&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/cpu.max", content)]);
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
            limit(&[
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
        let files = [
            ("/proc/self/cgroup", "0::/burst/pod/container\n"),
            ("/sys/fs/cgroup/burst/pod/container/cpu.max", "max 100000"),
            ("/sys/fs/cgroup/burst/pod/cpu.max", "300000 100000"),
            ("/sys/fs/cgroup/burst/cpu.max", "800000 100000"),
        ];
        assert_eq!(limit(&files), Some(3.0));
    }

    #[test]
    fn a_container_whose_path_is_not_below_the_mount_reads_the_root() {
        let files = [
            ("/proc/self/cgroup", "3:cpu:/docker/abc\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "50000"),
        ];
        assert_eq!(limit(&files), Some(2.0));
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
}
