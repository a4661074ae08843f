//! The share of the tick budget that a pod's own work takes.

use std::time::Duration;

/// Smooths the load over some seconds: an exponentially weighted mean in which a tick counts by the time it took.
///
/// A tick that took `d` seconds moves the mean by `1 - exp(-d / time_constant)` of the way towards its own load, so the result does not depend on the tick
/// rate: after one time constant at a new load 63 % of the way is done, after three 95 %.
#[derive(Clone, Debug)]
pub struct LoadMeter {
    time_constant_s: f64,
    /// `None` before the first tick, so that the mean starts where the load is and not at 0.
    load: Option<f64>,
}

impl LoadMeter {
    /// The time constant of [`LoadMeter::default`]: short against the autoscaler's 15 s between decisions, long against a tick.
    pub const TIME_CONSTANT: Duration = Duration::from_secs(3);

    /// A meter with the time constant `time_constant`, which must not be zero.
    #[must_use]
    pub fn new(time_constant: Duration) -> Self {
        assert!(
            !time_constant.is_zero(),
            "a load without smoothing is not what this measures"
        );
        Self {
            time_constant_s: time_constant.as_secs_f64(),
            load: None,
        }
    }

    /// Counts a tick that had `budget` (the time it simulates) and for which this pod worked for `used`, waiting on peers not included.
    /// A tick without budget is not counted.
    pub fn record(&mut self, budget: Duration, used: Duration) {
        if budget.is_zero() {
            return;
        }
        let (budget_s, used_s) = (budget.as_secs_f64(), used.as_secs_f64());
        let load = used_s / budget_s;
        let weight = 1.0 - (-budget_s.max(used_s) / self.time_constant_s).exp();
        let mean = self.load.unwrap_or(load);
        self.load = Some(mean + weight * (load - mean));
    }

    /// The load: 1.0 is exactly real time, more is too slow. 0 before the first tick.
    #[must_use]
    pub fn load(&self) -> f64 {
        self.load.unwrap_or(0.0)
    }
}

impl Default for LoadMeter {
    fn default() -> Self {
        Self::new(Self::TIME_CONSTANT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The load after `seconds` of ticks at `rate` that each use `share` of their budget, from a mean of 0.2.
    fn after(seconds: f64, rate: f64, share: f64) -> f64 {
        let mut meter = LoadMeter::new(Duration::from_secs(3));
        let budget = Duration::from_secs_f64(1.0 / rate);
        meter.record(budget, budget.mul_f64(0.2));
        for _ in 0..(seconds * rate / share.max(1.0)) as usize {
            meter.record(budget, budget.mul_f64(share));
        }
        meter.load()
    }

    #[test]
    fn the_load_approaches_a_new_one_exponentially_at_any_tick_rate() {
        // Closed form: new + (old - new) * exp(-t / 3 s).
        for rate in [10.0, 60.0, 1000.0] {
            for share in [0.0, 0.9, 1.0] {
                let expected = share + (0.2 - share) * (-1.0_f64).exp();
                assert!((after(3.0, rate, share) - expected).abs() < 1e-6, "{rate} Hz, {share}");
            }
        }
    }

    #[test]
    fn a_pod_that_is_too_slow_has_a_load_above_one() {
        let load = after(30.0, 60.0, 2.5);
        assert!((load - 2.5).abs() < 1e-3, "{load}");
    }

    #[test]
    fn the_first_tick_is_the_load_and_a_tick_without_budget_is_none() {
        let mut meter = LoadMeter::default();
        assert_eq!(meter.load(), 0.0);
        meter.record(Duration::ZERO, Duration::from_secs(1));
        assert_eq!(meter.load(), 0.0);
        meter.record(Duration::from_millis(20), Duration::from_millis(5));
        assert_eq!(meter.load(), 0.25);
    }
}
