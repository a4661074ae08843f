//! Policy time: the time in which windows and periods are counted.

use std::time::Duration;

/// How often the Kubernetes controller looks (`--horizontal-pod-autoscaler-sync-period`), in policy time.
pub const SYNC_PERIOD: Duration = Duration::from_secs(15);

/// How many times as fast as real time policy time runs: with a factor of 10 every window and period takes a tenth of its length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeFactor(
    // Invariant: within FACTORS.
    f64,
);

/// A factor that is no sensible number.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the policy's time factor is {factor}; the allowed range is 0.001 to 1000")]
pub struct TimeFactorError {
    /// The factor given.
    pub factor: f64,
}

/// From a stabilisation of 5 minutes in 0.3 s to one in 3.5 days.
const FACTORS: std::ops::RangeInclusive<f64> = 0.001..=1_000.0;

impl TimeFactor {
    /// Real time.
    pub const ONE: Self = Self(1.0);

    /// A factor of 0.001 to 1,000.
    pub fn new(factor: f64) -> Result<Self, TimeFactorError> {
        if FACTORS.contains(&factor) {
            Ok(Self(factor))
        } else {
            Err(TimeFactorError { factor })
        }
    }

    /// The policy time after so much real time.
    pub fn policy_time(self, elapsed: Duration) -> Duration {
        elapsed.mul_f64(self.0)
    }

    /// The real time that so much policy time takes, for example [`SYNC_PERIOD`].
    pub fn real_time(self, policy_time: Duration) -> Duration {
        policy_time.div_f64(self.0)
    }
}
