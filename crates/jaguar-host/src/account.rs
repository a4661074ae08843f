//! What this process uses, by the account that fits where it runs.

use std::path::Path;
use std::time::Duration;

use crate::cgroup::{Cgroup, Controller, Throttling, cgroups, read_file};
use crate::process;

/// What this process has used, or uses now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU time of all threads. Never falls while an [`Account`] lives.
    pub cpu: Option<Duration>,
    /// Memory in use that cannot be taken away easily, in bytes.
    pub working_set_bytes: Option<u64>,
    /// How often its cgroup used up its CPU quota.
    pub throttling: Option<Throttling>,
}

/// Where the usage of this process is read. Chosen once, so that a counter does not jump between two accounts when something starts or ends beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The cgroup that accounts for this process alone, or none: then the process' own account counts. A container's cgroup is this process and what the
    /// kernel does for it; a login session's or a service manager's has others in it.
    cpu: Option<Cgroup>,
    memory: Option<Cgroup>,
    /// The innermost cgroup that can have a quota. Who shares it is throttled too.
    quota: Option<Cgroup>,
}

impl Account {
    /// Finds the accounts of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::by(&read_file)
    }

    /// Reads what this process has used until now: some ten small files of the kernel.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage_by(&read_file)
    }

    fn by(read: &impl Fn(&Path) -> Option<String>) -> Self {
        let own = |controller, accounts: fn(&Cgroup, &_) -> bool| {
            let mut candidates = cgroups(controller, read).into_iter();
            candidates
                .find(|cgroup| accounts(cgroup, read))
                .filter(|cgroup| cgroup.is_of_one_process(read))
        };
        Self {
            cpu: own(Controller::CpuAccount, |cgroup, read| cgroup.cpu_time(read).is_some()),
            memory: own(Controller::Memory, |cgroup, read| {
                cgroup.working_set_bytes(read).is_some()
            }),
            quota: cgroups(Controller::Cpu, read)
                .into_iter()
                .find(|cgroup| cgroup.throttling(read).is_some()),
        }
    }

    fn usage_by(&self, read: &impl Fn(&Path) -> Option<String>) -> Usage {
        let me = std::process::id();
        Usage {
            cpu: match &self.cpu {
                Some(cgroup) => cgroup.cpu_time(read),
                None => process::cpu_time(me),
            },
            working_set_bytes: match &self.memory {
                Some(cgroup) => cgroup.working_set_bytes(read),
                None => process::resident_bytes(me),
            },
            throttling: self.quota.as_ref().and_then(|cgroup| cgroup.throttling(read)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::tests::files;

    fn usage(given: &[(&str, &str)]) -> Usage {
        let read = files(given);
        Account::by(&read).usage_by(&read)
    }

    /// As a container sees itself with version 2 (its own cgroup namespace), from a pod of a real cluster.
    #[test]
    fn version_2_accounts_for_a_container() {
        let found = usage(&[
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/cgroup.procs", "1\n"),
            (
                "/sys/fs/cgroup/cpu.stat",
                "usage_usec 12345678\nuser_usec 11000000\nsystem_usec 1345678\nnr_periods 700\nnr_throttled 35\nthrottled_usec 2500000\n",
            ),
            ("/sys/fs/cgroup/memory.current", "104857600\n"),
            (
                "/sys/fs/cgroup/memory.stat",
                "anon 60000000\nfile 40000000\nactive_file 10000000\ninactive_file 4857600\n",
            ),
        ]);
        assert_eq!(
            found,
            Usage {
                cpu: Some(Duration::from_micros(12_345_678)),
                working_set_bytes: Some(100_000_000),
                throttling: Some(Throttling {
                    periods: 700,
                    throttled_periods: 35,
                    throttled: Duration::from_millis(2500),
                }),
            }
        );
    }

    /// Version 1 with a mount for each controller and the container's cgroup mounted as the root, as podman and runc do it.
    #[test]
    fn version_1_accounts_for_a_container() {
        let found = usage(&[
            (
                "/proc/self/cgroup",
                "9:name=systemd:/libpod/a\n4:memory:/libpod/a\n2:cpuacct:/libpod/a\n1:cpu:/libpod/a\n0::/\n",
            ),
            ("/sys/fs/cgroup/cpuacct/cgroup.procs", "1\n"),
            ("/sys/fs/cgroup/memory/cgroup.procs", "1\n"),
            ("/sys/fs/cgroup/cpuacct/cpuacct.usage", "9876543210\n"),
            (
                "/sys/fs/cgroup/cpu/cpu.stat",
                "nr_periods 10\nnr_throttled 3\nthrottled_time 1500000000\nnr_bursts 0\n",
            ),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "5000000\n"),
            (
                "/sys/fs/cgroup/memory/memory.stat",
                "cache 1\ninactive_file 7\ntotal_cache 4000000\ntotal_inactive_file 6000000\n",
            ),
        ]);
        assert_eq!(
            found,
            Usage {
                cpu: Some(Duration::from_nanos(9_876_543_210)),
                working_set_bytes: Some(0),
                throttling: Some(Throttling {
                    periods: 10,
                    throttled_periods: 3,
                    throttled: Duration::from_millis(1500),
                }),
            },
            "inactive pages are counted a little late, so they can exceed the usage"
        );
    }

    /// A login session: the cgroup's account is of several processes, so this process' own counts; a quota holds for all of them.
    #[test]
    fn a_cgroup_with_others_in_it_says_nothing_about_this_process_but_its_throttling() {
        let found = usage(&[
            ("/proc/self/cgroup", "0::/user.slice/session\n"),
            ("/sys/fs/cgroup/user.slice/session/cgroup.procs", "100\n101\n"),
            (
                "/sys/fs/cgroup/user.slice/session/cpu.stat",
                "usage_usec 99000000000000\nnr_periods 5\nnr_throttled 0\nthrottled_usec 0\n",
            ),
            ("/sys/fs/cgroup/user.slice/session/memory.current", "99000000000000\n"),
            ("/sys/fs/cgroup/user.slice/session/memory.stat", "inactive_file 0\n"),
        ]);
        assert!(found.cpu < Some(Duration::from_secs(99_000_000)), "{found:?}");
        assert!(found.working_set_bytes < Some(99_000_000_000_000), "{found:?}");
        assert!(found.cpu.is_some() && found.working_set_bytes.is_some());
        assert_eq!(found.throttling.map(|throttling| throttling.periods), Some(5));
    }

    /// The root of version 2 has no memory account, and its CPU account is the machine's.
    #[test]
    fn without_a_cgroup_the_process_is_asked() {
        let found = usage(&[]);
        assert!(found.cpu.is_some() && found.working_set_bytes.is_some());
        assert_eq!(found.throttling, None);
    }
}
