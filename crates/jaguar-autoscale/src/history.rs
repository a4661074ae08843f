//! What the autoscaler remembers: its recommendations, and the changes that it made.

use std::time::Duration;

use crate::spec::{Behavior, ScalingRules};

/// Recommendations and scale events of the past, no older than any rule looks back. A new one is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    recommendations: Vec<Recommendation>,
    events: Vec<ScaleEvent>,
}

/// What the metrics asked for, before stabilisation and limits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Recommendation {
    replicas: i64,
    at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct ScaleEvent {
    /// Replicas gained; negative for a scale-down.
    change: i64,
    at: Duration,
}

impl History {
    /// On its first look the controller records the replicas that it finds as a recommendation, so that a restart of the controller scales nothing down at once.
    pub(crate) fn begin(&mut self, current: i64, now: Duration) {
        if self.recommendations.is_empty() {
            self.recommend(current, now);
        }
    }

    pub(crate) fn recommend(&mut self, replicas: i64, now: Duration) {
        self.recommendations.push(Recommendation { replicas, at: now });
    }

    pub(crate) fn scale(&mut self, change: i64, now: Duration) {
        self.events.push(ScaleEvent { change, at: now });
    }

    /// The recommendations of the last so many seconds.
    pub(crate) fn recent(&self, window_seconds: u32, now: Duration) -> impl Iterator<Item = i64> + '_ {
        let recommendations = self.recommendations.iter();
        recommendations
            .filter(move |recommendation| is_within(recommendation.at, window_seconds, now))
            .map(|recommendation| recommendation.replicas)
    }

    /// How many more replicas there are than so many seconds ago.
    pub(crate) fn change_within(&self, period_seconds: u32, now: Duration) -> i64 {
        let events = self.events.iter();
        events
            .filter(|event| is_within(event.at, period_seconds, now))
            .map(|event| event.change)
            .sum()
    }

    /// Drops what no rule looks back to. One recommendation always stays, as the mark that the first look is over.
    pub(crate) fn forget(&mut self, behavior: &Behavior, now: Duration) {
        let rules = [&behavior.scale_up, &behavior.scale_down];
        let window = longest(rules.iter().map(|rules| rules.stabilization_window_seconds()));
        let period = longest(rules.iter().flat_map(|rules| periods(rules)));
        let last = self.recommendations.len().saturating_sub(1);
        let first = self
            .recommendations
            .iter()
            .position(|recommendation| is_within(recommendation.at, window, now));
        self.recommendations.drain(..first.unwrap_or(last));
        self.events.retain(|event| is_within(event.at, period, now));
    }
}

/// Strictly younger: what is exactly as old as the period lies outside. A time in the future counts as now.
fn is_within(at: Duration, seconds: u32, now: Duration) -> bool {
    now.saturating_sub(at) < Duration::from_secs(seconds.into())
}

fn periods(rules: &ScalingRules) -> impl Iterator<Item = u32> + '_ {
    rules.policies().iter().map(|policy| policy.period_seconds)
}

fn longest(seconds: impl Iterator<Item = u32>) -> u32 {
    seconds.fold(0, u32::max)
}
