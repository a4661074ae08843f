//! Two thresholds for a metric of which the HPA knows one.
//!
//! An HPA has one target a metric, and scales down as readily as up. 'Up above 7,000, down only below 2,000' therefore has to come from the metric: between the two it says that it is exactly at
//! its target. What is transformed must be the *average* over the pods, and all pods then report that; transformed pod by pod, one pod inside the band and one below would together scale down.
//!
//! Below the band the metric says what it is, so the HPA goes to the fewest replicas that keep the average at or under the upper threshold. If the lower threshold is at most half the upper
//! one, the new average lies inside the band (or one replica is left), and nothing flaps.
//!
//! On Kubernetes the recording rules do the same (`k8s/base/prometheus-rules.yaml`), and the HPA reads their result as a metric of every pod with a target of type AverageValue. A target of type
//! Utilization would compare whole per cent, in which 77.035 % of a target of 70 % is within the tolerance again.

use crate::metric::Sample;
use crate::spec::Tolerance;

/// The two thresholds; the upper one is the HPA's target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeadBand {
    // Invariant: finite, 0 <= lower <= upper, 0 < upper.
    lower: f64,
    upper: f64,
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

/// How far beyond the HPA's tolerance the smallest excess is reported, as a share of the target: more than the thousandths in which the HPA compares, for every target from 2 on.
const VISIBLE: f64 = 0.0005;

/// An average of ten pods at 0.7 is a little more than 0.7 in floating point. This share of a threshold is more than what the sum of thousands of pods can be off, and less than anyone means.
const ROUNDING: f64 = 1e-9;

impl DeadBand {
    /// The project's thresholds for entities per pod: down below 2,000, up above 7,000.
    pub const SEED_ENTITIES: Self = Self::known(2_000.0, 7_000.0);
    /// The project's thresholds for CPU, in per cent of the request: 30 and 70.
    pub const SEED_CPU: Self = Self::known(30.0, 70.0);
    /// The project's thresholds for memory, in per cent of the request: 40 and 75.
    pub const SEED_MEMORY: Self = Self::known(40.0, 75.0);

    const fn known(lower: f64, upper: f64) -> Self {
        Self { lower, upper }
    }

    /// A band between two thresholds in any one unit.
    pub fn new(lower: f64, upper: f64) -> Result<Self, DeadBandError> {
        if upper.is_finite() && 0.0 < upper && (0.0..=upper).contains(&lower) {
            Ok(Self { lower, upper })
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
    /// Above the band it is at least what is just outside the HPA's tolerance. Otherwise, with the usual tolerance of 0.1 and a target of 7,000, nothing would happen before 7,700.
    pub fn report(&self, average: f64, tolerance: Tolerance) -> f64 {
        if average < self.lower * (1.0 - ROUNDING) {
            average
        } else if average <= self.upper * (1.0 + ROUNDING) {
            self.upper
        } else {
            average.max(self.upper * (1.0 + tolerance.up + VISIBLE))
        }
    }

    /// Samples in which every measured pod reports this band's value for the average of all measured pods.
    pub fn apply(&self, pods: &[Sample], tolerance: Tolerance) -> Vec<Sample> {
        let measured = || pods.iter().filter_map(|sample| sample.measured());
        let report = self.report(measured().sum::<f64>() / measured().count() as f64, tolerance);
        pods.iter().map(|sample| sample.with_value(report)).collect()
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
