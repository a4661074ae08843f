//! What the autoscaler reads of each pod: its `/metrics`, and the operating system's account of its process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::daemon::Ready;
use crate::quantile::{BucketQuantiles, quantiles_of_buckets};
use crate::scaling::PodReading;
use crate::scrape::Metrics;

const ENTITY_COUNT: &str = "jaguar_entity_count";
const FRAME_TIME: &str = "jaguar_simulation_frame_time_ms";

/// Reads pods and remembers what needs two looks or outlives a pod.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    cpu: BTreeMap<u32, (Instant, Duration)>,
    frame_times: BTreeMap<u32, Vec<(f64, f64)>>,
}

impl Meter {
    /// One look at these pods. What a pod does not say is missing.
    pub(crate) async fn read(&mut self, members: &[Ready]) -> Vec<PodReading> {
        let mut readings = Vec::new();
        for &member in members {
            let metrics = Metrics::scrape(member.http).await.unwrap_or_default();
            let buckets = metrics.buckets(FRAME_TIME);
            if !buckets.is_empty() {
                self.frame_times.insert(member.pod, buckets);
            }
            readings.push(PodReading {
                pod: member.pod,
                entities: metrics.value(ENTITY_COUNT),
                cores: self.cores(member),
                bytes: process::resident_bytes(member.pid),
            });
        }
        readings
    }

    /// Frame times of all pods over the whole run, ms, as far as they were seen.
    pub(crate) fn frame_times(&self) -> Option<BucketQuantiles> {
        quantiles_of_buckets(self.frame_times.values())
    }

    fn cores(&mut self, member: Ready) -> Option<f64> {
        let now = Instant::now();
        let used = process::cpu_time(member.pid)?;
        let (before, used_before) = self.cpu.insert(member.pod, (now, used))?;
        let wall = now.duration_since(before).as_secs_f64();
        (wall > 0.0).then(|| used.saturating_sub(used_before).as_secs_f64() / wall)
    }
}

/// Linux' account of a process; elsewhere there is none, and CPU and memory are missing.
mod process {
    use std::time::Duration;

    /// CPU time of all threads since the process began.
    pub(super) fn cpu_time(pid: u32) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let ticks = cpu_ticks(&stat)?;
        Some(Duration::from_secs_f64(
            ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
        ))
    }

    /// Memory that is in RAM.
    pub(super) fn resident_bytes(pid: u32) -> Option<f64> {
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages as f64 * rustix::param::page_size() as f64)
    }

    /// Fields 14 and 15, utime and stime (proc(5)). The second field is the name in parentheses, which may hold anything.
    pub(super) fn cpu_ticks(stat: &str) -> Option<u64> {
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace().skip(11);
        let user: u64 = fields.next()?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        Some(user + system)
    }
}

#[cfg(test)]
mod tests {
    use super::process::cpu_ticks;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("12 (short) S 1"), None);
    }
}
