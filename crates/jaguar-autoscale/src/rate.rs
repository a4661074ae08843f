//! How far the policies of a direction let the replicas go (Kubernetes: `calculateScaleUpLimitWithScalingRules` and `calculateScaleDownLimitWithBehaviors` in `horizontal.go`).

use std::time::Duration;

use crate::history::History;
use crate::spec::{Policy, PolicyKind, ScalingRules, SelectPolicy};

/// How far the replicas may go, and who says so.
pub(crate) struct RateLimit {
    pub(crate) replicas: i64,
    /// `None` when the direction is disabled.
    pub(crate) policy: Option<Policy>,
}

/// Most replicas after a scale-up now.
pub(crate) fn highest(rules: &ScalingRules, history: &History, current: i64, now: Duration) -> RateLimit {
    let allowed = |policy: &Policy| {
        let before = current - history.change_within(policy.period_seconds, now);
        let value = f64::from(policy.value);
        match policy.kind {
            PolicyKind::Pods => before + i64::from(policy.value),
            // Rounded up, or a small workload would never grow.
            PolicyKind::Percent => (before as f64 * (1.0 + value / 100.0)).ceil() as i64,
        }
    };
    let chosen = match rules.select_policy() {
        SelectPolicy::Disabled => None,
        SelectPolicy::Min => rules.policies().iter().min_by_key(|&policy| allowed(policy)),
        SelectPolicy::Max => rules.policies().iter().max_by_key(|&policy| allowed(policy)),
    };
    RateLimit {
        // Past changes may have been more than what is allowed now; they are not taken back.
        replicas: chosen.map_or(current, |policy| allowed(policy).max(current)),
        policy: chosen.copied(),
    }
}

/// Fewest replicas after a scale-down now.
pub(crate) fn lowest(rules: &ScalingRules, history: &History, current: i64, now: Duration) -> RateLimit {
    let allowed = |policy: &Policy| {
        let before = current - history.change_within(policy.period_seconds, now);
        let value = f64::from(policy.value);
        match policy.kind {
            PolicyKind::Pods => before - i64::from(policy.value),
            // What remains is cut to an integer, so that at least one pod can go.
            PolicyKind::Percent => (before as f64 * (1.0 - value / 100.0)) as i64,
        }
    };
    let chosen = match rules.select_policy() {
        SelectPolicy::Disabled => None,
        SelectPolicy::Min => rules.policies().iter().max_by_key(|&policy| allowed(policy)),
        SelectPolicy::Max => rules.policies().iter().min_by_key(|&policy| allowed(policy)),
    };
    RateLimit {
        replicas: chosen.map_or(current, |policy| allowed(policy).min(current)),
        policy: chosen.copied(),
    }
}
