//! The decision (Kubernetes: `reconcileAutoscaler` and what it calls in `horizontal.go`): wishes, stabilisation, rate, bounds.

use std::fmt;
use std::time::Duration;

use crate::history::History;
use crate::metric::{Metric, MetricError, Replicas, Wish};
use crate::rate::{self, RateLimit};
use crate::spec::{Behavior, Policy, Spec};

/// What the autoscaler sees when it looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Replicas that the workload is told to have.
    pub current_replicas: u32,
    /// Pods of it that run and are ready; only [`Target::Value`](crate::Target::Value) needs it.
    pub ready_replicas: u32,
    /// At least one.
    pub metrics: Vec<Metric>,
}

/// How many replicas there should be, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Replicas that were there.
    pub current: u32,
    /// Replicas that there should be; the same when there is nothing to do.
    pub replicas: u32,
    /// What led there.
    pub reason: Reason,
    /// What each metric asks for, in the order of the observation; empty when it was not asked.
    pub metrics: Vec<MetricStatus>,
}

/// What one metric asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricStatus {
    /// Its name.
    pub name: String,
    /// Its wish, or why it has none.
    pub wish: Result<Wish, MetricError>,
}

/// What led to a decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The workload has 0 replicas and a minimum above that: somebody switched it off.
    Disabled,
    /// There were more replicas than the maximum.
    AboveMaximum,
    /// There were fewer replicas than the minimum.
    BelowMinimum,
    /// No metric could be read, or one could not and the others want fewer replicas.
    MetricsFailed,
    /// The metrics were followed, as far as the rules let.
    Metrics {
        /// Index of the metric with the largest wish.
        deciding: usize,
        /// That wish.
        wanted: u32,
        /// What the recommendations within the stabilisation windows leave of it.
        stabilized: u32,
        /// What stopped the replicas from going there.
        limit: Limit,
    },
}

/// What keeps the replicas from what was recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nothing does.
    None,
    /// `maxReplicas`.
    Maximum,
    /// `minReplicas`.
    Minimum,
    /// This policy.
    Policy(Policy),
    /// `selectPolicy: Disabled` in this direction.
    DirectionDisabled,
}

/// Decides how many replicas there should be at `now`, which is the time since any fixed moment and never runs backwards (see [`TimeFactor`](crate::TimeFactor)).
///
/// The returned history takes for granted that the decision is carried out. If it could not be, go on with the history from before.
pub fn decide(spec: &Spec, mut history: History, observation: &Observation, now: Duration) -> (Decision, History) {
    let current = observation.current_replicas;
    history.begin(current.into(), now);
    let (min, max) = (spec.min_replicas(), spec.max_replicas());
    let mut metrics = Vec::new();
    let (replicas, reason) = if current == 0 && min != 0 {
        (0, Reason::Disabled)
    } else if current > max {
        (max, Reason::AboveMaximum)
    } else if current < min {
        (min, Reason::BelowMinimum)
    } else {
        metrics = statuses(spec, observation);
        match largest_wish(&metrics, current) {
            Some((deciding, wanted)) => {
                let recommendation = i64::from(wanted);
                let stabilized = stabilize(spec.behavior(), &history, current.into(), recommendation, now);
                history.recommend(recommendation, now);
                let (replicas, limit) = limit(spec, &history, current.into(), stabilized, now);
                let reason = Reason::Metrics {
                    deciding,
                    wanted,
                    stabilized: stabilized as u32,
                    limit,
                };
                (replicas as u32, reason)
            }
            None => (current, Reason::MetricsFailed),
        }
    };
    if replicas != current {
        history.scale(i64::from(replicas) - i64::from(current), now);
    }
    history.forget(spec.behavior(), now);
    let decision = Decision {
        current,
        replicas,
        reason,
        metrics,
    };
    (decision, history)
}

fn statuses(spec: &Spec, observation: &Observation) -> Vec<MetricStatus> {
    let replicas = Replicas {
        current: observation.current_replicas,
        ready: observation.ready_replicas,
    };
    let metrics = observation.metrics.iter();
    metrics
        .map(|metric| MetricStatus {
            name: metric.name.clone(),
            wish: metric.wish(replicas, spec.tolerance()),
        })
        .collect()
}

/// The first of the largest wishes. `None` if there is none, or if a metric failed that might have spoken against a scale-down.
fn largest_wish(metrics: &[MetricStatus], current: u32) -> Option<(usize, u32)> {
    let wishes = metrics.iter().enumerate();
    let wishes = wishes.filter_map(|(i, metric)| Some((i, metric.wish.as_ref().ok()?.replicas)));
    let largest = wishes.reduce(|largest, wish| if wish.1 > largest.1 { wish } else { largest })?;
    let failed = metrics.iter().any(|metric| metric.wish.is_err());
    (!failed || largest.1 >= current).then_some(largest)
}

/// The lowest recommendation of the scale-up window is as far up as it goes, the highest of the scale-down window as far down.
fn stabilize(behavior: &Behavior, history: &History, current: i64, recommendation: i64, now: Duration) -> i64 {
    let up = history.recent(behavior.scale_up.stabilization_window_seconds(), now);
    let down = history.recent(behavior.scale_down.stabilization_window_seconds(), now);
    // The former is at most the recommendation and the latter at least.
    current.clamp(up.fold(recommendation, i64::min), down.fold(recommendation, i64::max))
}

fn limit(spec: &Spec, history: &History, current: i64, desired: i64, now: Duration) -> (i64, Limit) {
    let by = |limit: &RateLimit| limit.policy.map_or(Limit::DirectionDisabled, Limit::Policy);
    let (min, max) = (i64::from(spec.min_replicas()), i64::from(spec.max_replicas()));
    if desired > current {
        let rate = rate::highest(&spec.behavior().scale_up, history, current, now);
        let (allowed, limit) = if max > rate.replicas {
            (rate.replicas, by(&rate))
        } else {
            (max, Limit::Maximum)
        };
        if desired > allowed {
            return (allowed, limit);
        }
    } else if desired < current {
        let rate = rate::lowest(&spec.behavior().scale_down, history, current, now);
        let (allowed, limit) = if min < rate.replicas {
            (rate.replicas, by(&rate))
        } else {
            (min, Limit::Minimum)
        };
        if desired < allowed {
            return (allowed, limit);
        }
    }
    (desired, Limit::None)
}

impl fmt::Display for Decision {
    /// One line, such as `2 -> 4: entities 21000, target 7000: 6; limited to 4 by 100 % in 15 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { current, replicas, .. } = self;
        if current == replicas {
            write!(f, "{current} stay: ")?;
        } else {
            write!(f, "{current} -> {replicas}: ")?;
        }
        match &self.reason {
            Reason::Disabled => write!(f, "autoscaling is off, since the workload is scaled to 0"),
            Reason::AboveMaximum => write!(f, "more than maxReplicas"),
            Reason::BelowMinimum => write!(f, "fewer than minReplicas"),
            Reason::MetricsFailed => self.write_failures(f),
            Reason::Metrics {
                deciding,
                wanted,
                stabilized,
                limit,
            } => {
                let metric = &self.metrics[*deciding];
                if let Ok(wish) = &metric.wish {
                    write!(f, "{} {wish}", metric.name)?;
                }
                if stabilized != wanted {
                    write!(f, "; held at {stabilized} by recent recommendations")?;
                }
                match limit {
                    Limit::None => Ok(()),
                    Limit::Maximum => write!(f, "; limited to {replicas} by maxReplicas"),
                    Limit::Minimum => write!(f, "; limited to {replicas} by minReplicas"),
                    Limit::Policy(policy) => write!(f, "; limited to {replicas} by {policy}"),
                    Limit::DirectionDisabled => write!(f, "; this direction is disabled"),
                }
            }
        }
    }
}

impl Decision {
    fn write_failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.metrics.is_empty() {
            return write!(f, "there is no metric");
        }
        let failures = self
            .metrics
            .iter()
            .filter_map(|metric| Some((&metric.name, metric.wish.as_ref().err()?)));
        for (i, (name, error)) in failures.enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{name} {error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
