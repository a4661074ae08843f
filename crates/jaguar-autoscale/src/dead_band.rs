//! Two thresholds for a metric of which the HPA knows one.
//!
//! An HPA has one target a metric, and scales down as readily as up. 'Up above 7,000, down only below 2,000' therefore has to come from the metric: between the two it says that it is exactly at
//! its target. What is transformed must be the *average* over the pods, and all pods then report that; transformed pod by pod, one pod inside the band and one below would together scale down.
//!
//! Below the band the metric says what it is, so the HPA goes to the fewest replicas that keep the average at or under the upper threshold. If the lower threshold is at most half the upper
//! one, the new average lies inside the band (or one replica is left), and nothing flaps.

use crate::metric::{PodResource, Reading, Sample};
use crate::spec::Tolerance;

/// The two thresholds; the upper one is the HPA's target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeadBand {
    // Invariant: finite, 0 <= lower <= upper, 0 < upper.
    lower: f64,
    upper: f64,
    /// The difference that the HPA can see.
    step: f64,
}

/// Thresholds that make no band.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "the scale-down threshold {lower} and the scale-up threshold {upper} make no band: the allowed range is 0 <= scale-down <= scale-up, 0 < scale-up, finite"
)]
pub struct DeadBandError {
    /// The scale-down threshold given.
    pub lower: f64,
    /// The scale-up threshold given.
    pub upper: f64,
}

/// The smallest differences that an HPA sees.
const VALUE_STEP: f64 = 0.001;
const PERCENT_STEP: f64 = 1.0;

/// An average of ten pods at 0.7 is a little more than 0.7 in floating point. This share of a threshold is more than what the sum of thousands of pods can be off, and less than anyone means.
const ROUNDING: f64 = 1e-9;

impl DeadBand {
    /// The project's thresholds for entities per pod: down below 2,000, up above 7,000.
    pub const SEED_ENTITIES: Self = Self::known(2_000.0, 7_000.0, VALUE_STEP);
    /// The project's thresholds for CPU, in per cent of the request: 30 and 70.
    pub const SEED_CPU: Self = Self::known(30.0, 70.0, PERCENT_STEP);
    /// The project's thresholds for memory, in per cent of the request: 40 and 75.
    pub const SEED_MEMORY: Self = Self::known(40.0, 75.0, PERCENT_STEP);

    /// Thresholds for an average value ([`Target::AverageValue`](crate::Target::AverageValue)), which the HPA compares in thousandths.
    pub fn of_values(lower: f64, upper: f64) -> Result<Self, DeadBandError> {
        Self::new(lower, upper, VALUE_STEP)
    }

    /// Thresholds for a utilisation in per cent ([`Target::Utilization`](crate::Target::Utilization)), which the HPA compares in whole per cent.
    pub fn of_percent(lower: f64, upper: f64) -> Result<Self, DeadBandError> {
        Self::new(lower, upper, PERCENT_STEP)
    }

    const fn known(lower: f64, upper: f64, step: f64) -> Self {
        Self { lower, upper, step }
    }

    fn new(lower: f64, upper: f64, step: f64) -> Result<Self, DeadBandError> {
        if upper.is_finite() && 0.0 < upper && (0.0..=upper).contains(&lower) {
            Ok(Self { lower, upper, step })
        } else {
            Err(DeadBandError { lower, upper })
        }
    }

    /// Below this average replicas may go.
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// Above this average replicas come; the HPA's target.
    pub fn upper(&self) -> f64 {
        self.upper
    }

    /// What to report for an average: the upper threshold inside the band; below it the average itself.
    ///
    /// Above the band it is at least the smallest value outside the HPA's tolerance. Otherwise, with the usual tolerance of 0.1 and a target of 7,000, nothing would happen before 7,700.
    pub fn report(&self, average: f64, tolerance: Tolerance) -> f64 {
        if average < self.lower * (1.0 - ROUNDING) {
            average
        } else if average <= self.upper * (1.0 + ROUNDING) {
            self.upper
        } else {
            let tolerated = (self.upper * (1.0 + tolerance.up) / self.step).floor();
            average.max((tolerated + 1.0) * self.step)
        }
    }

    /// A reading in which every measured pod reports this band's value for the average of all measured pods. A total is taken as it is.
    pub fn apply(&self, reading: &Reading, tolerance: Tolerance) -> Reading {
        match reading {
            Reading::Pods(pods) => {
                let measured = || pods.iter().filter_map(|sample| sample.measured());
                let report = self.report(measured().sum::<f64>() / measured().count() as f64, tolerance);
                Reading::Pods(pods.iter().map(|sample| sample.with_value(report)).collect())
            }
            Reading::Resource(pods) => {
                let measured = || pods.iter().filter_map(|pod| Some((pod.usage.measured()?, pod.request)));
                let usage: f64 = measured().map(|(usage, _)| usage).sum();
                let request: f64 = measured().map(|(_, request)| request).sum();
                let report = self.report(100.0 * usage / request, tolerance);
                let reported = |pod: &PodResource| PodResource {
                    request: pod.request,
                    usage: pod.usage.with_value(pod.request * report / 100.0),
                };
                Reading::Resource(pods.iter().map(reported).collect())
            }
            Reading::Total(total) => Reading::Total(self.report(*total, tolerance)),
            Reading::Unavailable(reason) => Reading::Unavailable(reason.clone()),
        }
    }
}

impl Sample {
    fn measured(self) -> Option<f64> {
        match self {
            Self::Measured(value) => Some(value),
            _ => None,
        }
    }

    fn with_value(self, value: f64) -> Self {
        match self {
            Self::Measured(_) => Self::Measured(value),
            other => other,
        }
    }
}
