//! CPU and memory of this pod as metrics, read from the system at each scrape, so that no thread wakes up for them and no value is old.

use std::time::{SystemTime, UNIX_EPOCH};

use jaguar_config::Config;
use jaguar_host::Account;
use jaguar_metrics::Readings;

/// Where the readings come from and where they go.
#[derive(Clone, Debug)]
pub struct Resources {
    account: Account,
    readings: Readings,
}

impl Resources {
    /// Finds this process' account, and sets what does not change: limits, requests, when the process began (now, as far as a restart alert is concerned).
    #[must_use]
    pub fn of_this_process(readings: Readings, config: &Config) -> Self {
        let limits = jaguar_host::limits();
        let requested = |amount: f64| (amount > 0.0).then_some(amount);
        readings.cpu_limit_cores.set(limits.cpus);
        readings
            .memory_limit_bytes
            .set(limits.memory_bytes.map(|bytes| bytes as f64));
        readings
            .cpu_request_cores
            .set(requested(f64::from(config.cpu_request_millicores) / 1e3));
        readings
            .memory_request_bytes
            .set(requested(config.memory_request_bytes as f64));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        readings
            .process_start_time_seconds
            .set(now.ok().map(|since| since.as_secs_f64()));
        Self {
            account: Account::of_this_process(),
            readings,
        }
    }

    /// Brings the readings up to date: some ten small files of the kernel, which never wait for a disk.
    pub fn read(&self) {
        let usage = self.account.usage();
        let readings = &self.readings;
        readings.cpu_usage_seconds.set(usage.cpu.map(|time| time.as_secs_f64()));
        readings
            .memory_working_set_bytes
            .set(usage.working_set_bytes.map(|bytes| bytes as f64));
        let throttling = usage.throttling;
        readings.cpu_periods.set(throttling.map(|found| found.periods as f64));
        readings
            .cpu_throttled_periods
            .set(throttling.map(|found| found.throttled_periods as f64));
        readings
            .cpu_throttled_seconds
            .set(throttling.map(|found| found.throttled.as_secs_f64()));
    }
}
