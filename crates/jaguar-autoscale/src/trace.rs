//! A load that changes over time.

use std::time::Duration;

/// What all pods together carry.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Entities in the world.
    pub entities: f64,
    /// CPU that is asked for, in cores.
    pub cpu_cores: f64,
    /// Memory that is asked for, in bytes.
    pub memory_bytes: f64,
}

/// Loads at some moments; between two of them the load goes along a straight line.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    // Invariant: at least one; times rise strictly; loads are finite and not negative.
    samples: Vec<(Duration, Load)>,
}

/// Samples that make no trace; whoever measured or wrote them corrects them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TraceError {
    /// There is no sample.
    #[error("a trace has at least one sample")]
    Empty,
    /// A time is not after the one before.
    #[error("sample {index} is at {seconds} s, allowed: times after {before} s, that of the sample before")]
    Order {
        /// Position, from 0.
        index: usize,
        /// Its time.
        seconds: f64,
        /// The time before.
        before: f64,
    },
    /// A load is no amount of anything.
    #[error("sample {index} has {value} {field}, allowed: finite numbers of 0 or more")]
    Load {
        /// Position, from 0.
        index: usize,
        /// Which of the loads.
        field: &'static str,
        /// The value given.
        value: f64,
    },
}

impl Trace {
    /// A trace of these samples, in the order of their times.
    pub fn new(samples: Vec<(Duration, Load)>) -> Result<Self, TraceError> {
        if samples.is_empty() {
            return Err(TraceError::Empty);
        }
        for (index, (at, load)) in samples.iter().enumerate() {
            if let Some((before, _)) = index.checked_sub(1).map(|before| samples[before])
                && before >= *at
            {
                return Err(TraceError::Order {
                    index,
                    seconds: at.as_secs_f64(),
                    before: before.as_secs_f64(),
                });
            }
            for (field, value) in load.fields() {
                if !(value.is_finite() && value >= 0.0) {
                    return Err(TraceError::Load { index, field, value });
                }
            }
        }
        Ok(Self { samples })
    }

    /// The time of the first sample.
    pub fn start(&self) -> Duration {
        self.samples[0].0
    }

    /// The time of the last sample.
    pub fn end(&self) -> Duration {
        self.samples[self.samples.len() - 1].0
    }

    /// The load at a time; before the first sample that of the first, after the last that of the last.
    pub fn at(&self, time: Duration) -> Load {
        let after = self.samples.partition_point(|(at, _)| *at <= time);
        let Some(&(from, before)) = after.checked_sub(1).map(|before| &self.samples[before]) else {
            return self.samples[0].1;
        };
        let Some(&(to, next)) = self.samples.get(after) else {
            return before;
        };
        let share = (time - from).as_secs_f64() / (to - from).as_secs_f64();
        before.towards(next, share)
    }
}

impl Load {
    fn fields(&self) -> [(&'static str, f64); 3] {
        [
            ("entities", self.entities),
            ("cpu_cores", self.cpu_cores),
            ("memory_bytes", self.memory_bytes),
        ]
    }

    fn towards(self, next: Self, share: f64) -> Self {
        let between = |from: f64, to: f64| from + (to - from) * share;
        Self {
            entities: between(self.entities, next.entities),
            cpu_cores: between(self.cpu_cores, next.cpu_cores),
            memory_bytes: between(self.memory_bytes, next.memory_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: u64, entities: f64) -> (Duration, Load) {
        let load = Load {
            entities,
            ..Load::default()
        };
        (Duration::from_secs(seconds), load)
    }

    #[test]
    fn between_samples_the_load_is_on_a_straight_line_and_outside_constant() -> Result<(), TraceError> {
        let trace = Trace::new(vec![sample(10, 100.0), sample(20, 200.0), sample(21, 0.0)])?;
        for (seconds, entities) in [
            (0.0, 100.0),
            (10.0, 100.0),
            (12.5, 125.0),
            (20.0, 200.0),
            (20.5, 100.0),
            (99.0, 0.0),
        ] {
            assert_eq!(
                trace.at(Duration::from_secs_f64(seconds)).entities,
                entities,
                "{seconds} s"
            );
        }
        Ok(())
    }

    #[test]
    fn samples_that_make_no_trace_are_named() {
        for (samples, message) in [
            (vec![], "at least one"),
            (
                vec![sample(1, 0.0), sample(1, 0.0)],
                "sample 1 is at 1 s, allowed: times after 1 s",
            ),
            (vec![sample(1, -1.0)], "sample 0 has -1 entities"),
            (vec![sample(1, f64::NAN)], "sample 0 has NaN entities"),
        ] {
            let error = Trace::new(samples).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
