//! Linux' account of one process, `/proc/PID`.

use std::fs;
use std::time::Duration;

/// CPU time of all threads of a process since it began, in steps of a clock tick (10 ms).
#[must_use]
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let ticks = cpu_ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    Some(Duration::from_secs_f64(
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
    ))
}

/// Memory of a process that is in RAM, in bytes.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// Fields 14 and 15, utime and stime (proc(5)). The second field is the name in parentheses, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("12 (short) S 1"), None);
    }

    /// This process has run and is in memory; a process that cannot be has no account. (Linux' largest process id is 2^22.)
    #[test]
    fn a_living_process_has_an_account_and_no_other() {
        let me = std::process::id();
        let before = cpu_time(me).unwrap();
        let mut spins = 0_u64;
        while cpu_time(me).unwrap() == before {
            spins += 1;
        }
        assert!(spins > 0);
        assert!(resident_bytes(me).unwrap() > 64 << 10);
        assert_eq!((cpu_time(1 << 23), resident_bytes(1 << 23)), (None, None));
    }
}
