//! The fixed part: bounds, tolerance and scaling rules, in the words of the `autoscaling/v2` API.

use std::fmt;

use serde::Deserialize;

/// What an HPA is told once: how many replicas at least and at most, and how fast to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    // Invariant: 0 <= min_replicas <= max_replicas, 1 <= max_replicas <= i32::MAX.
    min_replicas: u32,
    max_replicas: u32,
    tolerance: Tolerance,
    behavior: Behavior,
}

impl Spec {
    /// A specification with Kubernetes' default tolerance of 0.1.
    pub fn new(min_replicas: u32, max_replicas: u32, behavior: Behavior) -> Result<Self, SpecError> {
        if max_replicas == 0 || max_replicas > i32::MAX as u32 || min_replicas > max_replicas {
            return Err(SpecError::Replicas {
                min_replicas,
                max_replicas,
            });
        }
        Ok(Self {
            min_replicas,
            max_replicas,
            tolerance: Tolerance::default(),
            behavior,
        })
    }

    /// The same with another tolerance.
    pub fn with_tolerance(self, tolerance: Tolerance) -> Result<Self, SpecError> {
        for (field, value) in [("up", tolerance.up), ("down", tolerance.down)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(SpecError::Tolerance { field, value });
            }
        }
        Ok(Self { tolerance, ..self })
    }

    /// Fewest replicas; 0 only where scaling to zero is meant.
    pub fn min_replicas(&self) -> u32 {
        self.min_replicas
    }

    /// Most replicas.
    pub fn max_replicas(&self) -> u32 {
        self.max_replicas
    }

    /// How far a ratio may be from 1 before it counts.
    pub fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    /// How fast to go.
    pub fn behavior(&self) -> &Behavior {
        &self.behavior
    }
}

/// How far the ratio of a metric to its target may be from 1 without any scaling. Finite and not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Above 1: 0.1 lets a metric reach 110 % of its target.
    pub up: f64,
    /// Below 1: 0.1 lets a metric fall to 90 % of its target.
    pub down: f64,
}

impl Tolerance {
    pub(crate) fn contains(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

impl Default for Tolerance {
    /// The controller's `--horizontal-pod-autoscaler-tolerance`, 0.1 both ways.
    fn default() -> Self {
        Self { up: 0.1, down: 0.1 }
    }
}

/// The rules for both directions: `spec.behavior` of an HPA, and read from one by serde with the API's field names and defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "BehaviorFields")]
pub struct Behavior {
    /// For more replicas.
    pub scale_up: ScalingRules,
    /// For fewer.
    pub scale_down: ScalingRules,
}

impl Default for Behavior {
    /// The API's defaults: up, without delay, the larger of 4 pods and 100 % in 15 s; down, after 300 s of lower recommendations, everything.
    fn default() -> Self {
        let up = vec![Policy::pods(4, 15), Policy::percent(100, 15)];
        let down = vec![Policy::percent(100, 15)];
        Self {
            scale_up: ScalingRules::known(0, SelectPolicy::Max, up),
            scale_down: ScalingRules::known(300, SelectPolicy::Max, down),
        }
    }
}

impl Behavior {
    /// The project's own rules, as `k8s/` has them.
    ///
    /// Up, after 30 s of higher recommendations: at most double in 15 s and at most 10 pods in 60 s. Down, after 300 s of lower ones: at most 10 % in 60 s and at most 5 pods in 120 s, where
    /// Kubernetes rounds so that 10 % of fewer than 10 pods is one pod: 5 pods are 1 again after four steps a minute apart. `Min` makes every policy hold; with the usual `Max` only the laxest would.
    pub fn seed() -> Self {
        let up = vec![Policy::percent(100, 15), Policy::pods(10, 60)];
        let down = vec![Policy::percent(10, 60), Policy::pods(5, 120)];
        Self {
            scale_up: ScalingRules::known(30, SelectPolicy::Min, up),
            scale_down: ScalingRules::known(300, SelectPolicy::Min, down),
        }
    }
}

/// The rules for one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    // Invariant: within the ranges that `new` checks.
    stabilization_window_seconds: u32,
    select_policy: SelectPolicy,
    policies: Vec<Policy>,
}

impl ScalingRules {
    /// The same rules with another stabilisation window, 0 to 3,600 s.
    pub fn with_window(self, stabilization_window_seconds: u32) -> Result<Self, SpecError> {
        Self::new(stabilization_window_seconds, self.select_policy, self.policies)
    }

    /// Rules with a window of 0 to 3,600 s and at least one policy, each of at least 1 pod or per cent in 1 to 1,800 s: the API's own ranges.
    pub fn new(
        stabilization_window_seconds: u32,
        select_policy: SelectPolicy,
        policies: Vec<Policy>,
    ) -> Result<Self, SpecError> {
        if stabilization_window_seconds > 3_600 {
            return Err(SpecError::Window {
                seconds: stabilization_window_seconds,
            });
        }
        if policies.is_empty() {
            return Err(SpecError::NoPolicy);
        }
        if let Some(&policy) = policies.iter().find(|policy| {
            !(1..=1_800).contains(&policy.period_seconds) || !(1..=i32::MAX as u32).contains(&policy.value)
        }) {
            return Err(SpecError::Policy { policy });
        }
        Ok(Self {
            stabilization_window_seconds,
            select_policy,
            policies,
        })
    }

    /// Rules that are known to be within the ranges.
    fn known(stabilization_window_seconds: u32, select_policy: SelectPolicy, policies: Vec<Policy>) -> Self {
        Self {
            stabilization_window_seconds,
            select_policy,
            policies,
        }
    }

    /// For how long the most cautious recommendation holds, in seconds.
    pub fn stabilization_window_seconds(&self) -> u32 {
        self.stabilization_window_seconds
    }

    /// Which policy applies.
    pub fn select_policy(&self) -> SelectPolicy {
        self.select_policy
    }

    /// The policies; at least one.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }
}

/// Which of several policies applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SelectPolicy {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change, so that all are kept.
    Min,
    /// No scaling in this direction.
    Disabled,
}

/// How much may change in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// What the value counts.
    #[serde(rename = "type")]
    pub kind: PolicyKind,
    /// Pods, or per cent of the replicas at the beginning of the period; 1 or more.
    pub value: u32,
    /// Length of the period that ends now; 1 to 1,800 s.
    pub period_seconds: u32,
}

impl Policy {
    /// So many pods in so many seconds.
    pub const fn pods(value: u32, period_seconds: u32) -> Self {
        Self {
            kind: PolicyKind::Pods,
            value,
            period_seconds,
        }
    }

    /// So many per cent in so many seconds.
    pub const fn percent(value: u32, period_seconds: u32) -> Self {
        Self {
            kind: PolicyKind::Percent,
            value,
            period_seconds,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.kind {
            PolicyKind::Pods => "pods",
            PolicyKind::Percent => "%",
        };
        write!(f, "{} {unit} in {} s", self.value, self.period_seconds)
    }
}

/// What a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Per cent of the replicas.
    Percent,
}

/// A specification that Kubernetes would refuse too; all of these are for whoever wrote it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// Bounds that no replica count satisfies.
    #[error(
        "minReplicas {min_replicas} and maxReplicas {max_replicas}: the allowed range is 0 <= minReplicas <= maxReplicas, 1 <= maxReplicas <= {}",
        i32::MAX
    )]
    Replicas {
        /// The minimum given.
        min_replicas: u32,
        /// The maximum given.
        max_replicas: u32,
    },
    /// A tolerance that is no share.
    #[error("tolerance ({field}) is {value}; it must be a finite number of 0 or more")]
    Tolerance {
        /// `up` or `down`.
        field: &'static str,
        /// The value given.
        value: f64,
    },
    /// A window that is too long.
    #[error("stabilizationWindowSeconds is {seconds}; the allowed range is 0 to 3600")]
    Window {
        /// The value given.
        seconds: u32,
    },
    /// An empty list of policies.
    #[error("a direction has no scaling policy; give at least one, or none of the list for the defaults")]
    NoPolicy,
    /// A policy out of range.
    #[error("the scaling policy '{policy}' is out of range: the value must be 1 or more, periodSeconds 1 to 1800")]
    Policy {
        /// The policy given.
        policy: Policy,
    },
}

/// `spec.behavior` as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BehaviorFields {
    scale_up: Option<RulesFields>,
    scale_down: Option<RulesFields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RulesFields {
    stabilization_window_seconds: Option<u32>,
    select_policy: Option<SelectPolicy>,
    policies: Option<Vec<Policy>>,
}

impl RulesFields {
    fn or(self, defaults: ScalingRules) -> Result<ScalingRules, SpecError> {
        ScalingRules::new(
            self.stabilization_window_seconds
                .unwrap_or(defaults.stabilization_window_seconds),
            self.select_policy.unwrap_or(defaults.select_policy),
            self.policies.unwrap_or(defaults.policies),
        )
    }
}

impl TryFrom<BehaviorFields> for Behavior {
    type Error = SpecError;

    fn try_from(fields: BehaviorFields) -> Result<Self, SpecError> {
        let Self { scale_up, scale_down } = Self::default();
        let filled = |fields: Option<RulesFields>, defaults: ScalingRules| match fields {
            Some(fields) => fields.or(defaults),
            None => Ok(defaults),
        };
        Ok(Self {
            scale_up: filled(fields.scale_up, scale_up)?,
            scale_down: filled(fields.scale_down, scale_down)?,
        })
    }
}
