//! Ticks a second, over a sliding window.

use std::time::Duration;

/// Parts of the window. While the rate changes it is off by at most the ticks of one part, 5 %.
const PARTS: usize = 20;

/// Counts ticks in the parts of a sliding window. Times are durations since any one moment, and must not run backwards; one that does counts as the latest.
#[derive(Clone, Debug)]
pub struct TickRateMeter {
    part_ns: u128,
    counts: [u32; PARTS],
    start: Option<Start>,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    /// The first tick. It begins the first interval and is not counted itself: `n + 1` ticks make `n` intervals.
    first_tick_ns: u128,
    /// Number of the part that is being filled.
    current: u128,
}

impl TickRateMeter {
    /// The window of [`TickRateMeter::default`].
    pub const WINDOW: Duration = Duration::from_secs(2);

    /// A meter over `window`, which must be at least 20 ns.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        let part_ns = window.as_nanos() / PARTS as u128;
        assert!(part_ns > 0, "a window of {window:?} has no {PARTS} parts");
        Self {
            part_ns,
            counts: [0; PARTS],
            start: None,
        }
    }

    /// Counts a tick at `now`.
    pub fn tick(&mut self, now: Duration) {
        let Some(start) = self.advance(now) else {
            let first_tick_ns = now.as_nanos();
            self.start = Some(Start {
                first_tick_ns,
                current: first_tick_ns / self.part_ns,
            });
            return;
        };
        let count = &mut self.counts[slot(start.current)];
        *count = count.saturating_add(1);
    }

    /// Ticks a second at `now`: over the window, or since the first tick while that is less. 0 when that is less than a part.
    #[must_use]
    pub fn rate_hz(&mut self, now: Duration) -> f64 {
        let Some(start) = self.advance(now) else {
            return 0.0;
        };
        let oldest_part = start.current.saturating_sub(PARTS as u128 - 1);
        let span_ns = now
            .as_nanos()
            .saturating_sub((oldest_part * self.part_ns).max(start.first_tick_ns));
        if span_ns < self.part_ns {
            return 0.0;
        }
        let ticks: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        ticks as f64 * 1e9 / span_ns as f64
    }

    /// Empties the parts that have gone by since the last call.
    fn advance(&mut self, now: Duration) -> Option<Start> {
        let start = self.start.as_mut()?;
        let current = start.current.max(now.as_nanos() / self.part_ns);
        let gone = (current - start.current).min(PARTS as u128);
        (0..gone).for_each(|back| self.counts[slot(current - back)] = 0);
        start.current = current;
        Some(*start)
    }
}

/// Where a part's count is kept.
fn slot(part: u128) -> usize {
    (part % PARTS as u128) as usize
}

impl Default for TickRateMeter {
    fn default() -> Self {
        Self::new(Self::WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A meter that has seen ticks at `rate` from `from` to `to`, in seconds.
    fn ticking(rate: f64, from: f64, to: f64) -> TickRateMeter {
        let mut meter = TickRateMeter::default();
        (0..=((to - from) * rate).round() as u32).for_each(|tick| meter.tick(seconds(from + f64::from(tick) / rate)));
        meter
    }

    #[test]
    fn a_steady_rate_is_measured_within_one_tick_over_the_window() {
        for rate in [1.0, 7.0, 30.0, 60.0, 1000.0] {
            for to in [5.0, 17.03, 1000.99] {
                let measured = ticking(rate, 0.123, to).rate_hz(seconds(to));
                // The window is at least 19 parts of 0.1 s, and one tick at its edge may count or not.
                assert!(
                    (measured - rate).abs() <= 1.0 / 1.9 + 1e-6,
                    "{rate} Hz at {to} s: {measured}"
                );
            }
        }
    }

    #[test]
    fn a_young_meter_takes_the_mean_since_its_first_tick() {
        let measured = ticking(60.0, 100.0, 100.5).rate_hz(seconds(100.5));
        assert!((measured - 60.0).abs() < 1e-6, "{measured}");
    }

    #[test]
    fn a_pause_takes_the_rate_to_zero_within_the_window() {
        let mut meter = ticking(60.0, 0.0, 10.0);
        assert!(
            (meter.rate_hz(seconds(11.0)) - 30.0).abs() < 4.0,
            "half the window is silent"
        );
        assert_eq!(meter.rate_hz(seconds(12.0)), 0.0);
        assert_eq!(meter.rate_hz(seconds(1e9)), 0.0);
    }

    #[test]
    fn without_ticks_or_time_there_is_no_rate() {
        let mut meter = TickRateMeter::default();
        assert_eq!(meter.rate_hz(seconds(5.0)), 0.0);
        meter.tick(seconds(5.0));
        assert_eq!(meter.rate_hz(seconds(5.0)), 0.0);
        meter.tick(seconds(4.0));
        assert_eq!(
            meter.rate_hz(seconds(3.0)),
            0.0,
            "time that runs backwards does no harm"
        );
    }
}
