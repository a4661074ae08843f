//! What the autoscaler reads of each pod: its `/metrics`, and the operating system's account of its process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jaguar_host::process;

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
                bytes: process::resident_bytes(member.pid).map(|bytes| bytes as f64),
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
