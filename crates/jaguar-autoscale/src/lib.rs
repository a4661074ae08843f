//! The algorithm of the Kubernetes HorizontalPodAutoscaler (autoscaling/v2) as a pure function.
//!
//! [`decide`] takes what the controller would see (replicas, metrics, what it did before, the time) and returns how many replicas there should be, why, and what to remember. It drives the local
//! cluster by the policy that the Kubernetes deployment has. [`Manifest`] reads that policy from the YAML that is deployed, and [`Forecast`] shows in tests and plans what it makes of a load over
//! time. The crate knows nothing of Jaguar but the names of its recorded metrics ([`Recorded`]), and nothing of Kubernetes' API, clocks or threads.
//!
//! What is reproduced is Kubernetes 1.34: `pkg/controller/podautoscaler/replica_calculator.go` (one metric), `horizontal.go` (everything else) and `pkg/apis/autoscaling/v2/defaults.go`; in words,
//! <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/>. That includes its integers: values are compared in thousandths, utilisations in whole per cent.
//!
//! One thing differs on purpose: Kubernetes forgets scale events when they are older than the longest policy of *their own* direction, so a scale-down policy with the longer period may not see a
//! scale-up any more, depending on when others were stored. Here an event is kept as long as any policy looks back.
//!
//! # How it rounds, which decides what small clusters do
//! - Wishes round up: 1.01 pods of load want 2.
//! - *Percent* up rounds the allowed total up (`ceil(replicas x 1.1)`), down rounds the remaining total down (`floor(replicas x 0.9)`). A Percent policy therefore always allows one pod, and
//!   'at most 10 % a minute' removes one pod a minute from 5 replicas, down to the minimum.
//! - An event or recommendation exactly as old as the period or window no longer counts.
//!
//! # Invariants
//! 1. The decision lies within the minimum and maximum replicas (0 replicas stay 0 unless the minimum is 0: autoscaling is switched off).
//! 2. With `selectPolicy: Min` no policy is exceeded over any window of its period, but for a rounding of *Percent* in floating point that Kubernetes has too (120 % of 25 is 56).
//! 3. If a metric cannot be read, nothing is scaled down.
//! 4. Same arguments, same result.

mod dead_band;
mod decide;
mod forecast;
mod history;
mod manifest;
mod metric;
mod quantity;
mod rate;
mod signal;
mod spec;
mod time;
mod trace;

pub use dead_band::{DeadBand, DeadBandError};
pub use decide::{Decision, Limit, MetricStatus, Observation, Reason, decide};
pub use forecast::{Forecast, Gauge, Look, PodRequest};
pub use history::History;
pub use manifest::{Manifest, ManifestError, MetricSource, TargetedMetric, UnknownMetric};
pub use metric::{Metric, MetricError, PodResource, Reading, Sample, Target, Wish};
pub use signal::{PerSignal, Recorded, Signal};
pub use spec::{Behavior, Policy, PolicyKind, ScalingRules, SelectPolicy, Spec, SpecError, Tolerance};
pub use time::{SYNC_PERIOD, TimeFactor, TimeFactorError};
pub use trace::{Load, Trace, TraceError};
