//! One metric: how many replicas its readings ask for (Kubernetes: `replica_calculator.go`).

use std::fmt;

use crate::spec::Tolerance;

/// A metric with its target and what was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// For the reason that people read.
    pub name: String,
    /// What it should be.
    pub target: Target,
    /// What it is.
    pub reading: Reading,
}

/// What a metric should be: `target` of a metric in an HPA. Positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// So many per cent of what the pods request. Goes with [`Reading::Resource`].
    Utilization(u32),
    /// So much per pod, in the metric's unit. Goes with [`Reading::Pods`], or with [`Reading::Total`], which is then divided by the replicas.
    AverageValue(f64),
    /// So much altogether. Goes with [`Reading::Total`].
    Value(f64),
}

/// What was read of a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// One sample a pod, of the pods of the workload.
    Pods(Vec<Sample>),
    /// Use and request of a resource, of the pods of the workload.
    Resource(Vec<PodResource>),
    /// One number for all.
    Total(f64),
    /// It could not be read at all, and why.
    Unavailable(String),
}

/// What one pod says about a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// A value that counts, finite and not negative.
    Measured(f64),
    /// The pod runs, but there is no value of it.
    Missing,
    /// The pod is starting (pending), or, for CPU, not yet ready: what it says now is not what it will say.
    NotReady,
    /// The pod is going (being deleted) or gone (failed): it does not count.
    Ignored,
}

/// What one pod uses of a resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodResource {
    /// What it requests, in the same unit as it uses.
    pub request: f64,
    /// What it uses.
    pub usage: Sample,
}

/// What a metric asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// How many replicas.
    pub replicas: u32,
    /// What was measured: per pod, in per cent or altogether, as the target is. Of measured pods only, without the assumptions about others.
    pub value: f64,
    /// The target.
    pub target: f64,
}

/// Why a metric asks for nothing. While a metric fails, nothing is scaled down.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// The source of the metric failed.
    #[error("could not be read: {reason}")]
    Unavailable {
        /// What the source said.
        reason: String,
    },
    /// No pod has a value yet.
    #[error("no ready pod has a value")]
    NoSamples,
    /// The caller paired a target with a reading of another kind.
    #[error("a target of kind {target} does not go with a reading of kind {reading}")]
    Mismatch {
        /// Kind of target.
        target: &'static str,
        /// Kind of reading.
        reading: &'static str,
    },
    /// A target, value or request that is no sensible number.
    #[error("the {what} {value} is out of range: {least} to {MAX_VALUE}")]
    OutOfRange {
        /// Target, value or request.
        what: &'static str,
        /// The number in question.
        value: f64,
        /// The smallest allowed one.
        least: f64,
    },
}

/// Largest value of a metric: a sum of a thousand of them, in thousandths, is still exact.
const MAX_VALUE: f64 = 1e12;

/// How many replicas a workload has and how many of them are ready.
#[derive(Clone, Copy)]
pub(crate) struct Replicas {
    pub(crate) current: u32,
    pub(crate) ready: u32,
}

impl Metric {
    pub(crate) fn wish(&self, replicas: Replicas, tolerance: Tolerance) -> Result<Wish, MetricError> {
        match (self.target, &self.reading) {
            (_, Reading::Unavailable(reason)) => Err(MetricError::Unavailable { reason: reason.clone() }),
            (Target::Utilization(percent), Reading::Resource(pods)) => {
                let unit = Unit::Percent(positive("target", percent.into(), 1.0)? as i64);
                let pods = pods
                    .iter()
                    .map(|pod| Ok((pod.usage, thousandths("request", pod.request, 0.001)?)));
                Pods::group(pods)?.wish(unit, replicas.current, tolerance)
            }
            (Target::AverageValue(target), Reading::Pods(pods)) => {
                let unit = Unit::Thousandths(thousandths("target", target, 0.001)?);
                // Requests do not enter; 1 keeps the sum of them from being zero.
                Pods::group(pods.iter().map(|&sample| Ok((sample, 1))))?.wish(unit, replicas.current, tolerance)
            }
            (Target::AverageValue(target), &Reading::Total(total)) => {
                let (target, total) = (
                    thousandths("target", target, 0.001)? as f64,
                    thousandths("value", total, 0.0)? as f64,
                );
                let ratio = total / (target * f64::from(replicas.current));
                Ok(Wish {
                    replicas: if tolerance.contains(ratio) {
                        replicas.current
                    } else {
                        round_up(total / target)
                    },
                    value: total / f64::from(replicas.current.max(1)) / 1_000.0,
                    target: target / 1_000.0,
                })
            }
            (Target::Value(target), &Reading::Total(total)) => {
                let (target, total) = (
                    thousandths("target", target, 0.001)? as f64,
                    thousandths("value", total, 0.0)? as f64,
                );
                let ratio = total / target;
                let wish = match replicas.current {
                    0 => round_up(ratio),
                    current if tolerance.contains(ratio) => current,
                    _ => round_up(ratio * f64::from(replicas.ready)),
                };
                Ok(Wish {
                    replicas: wish,
                    value: total / 1_000.0,
                    target: target / 1_000.0,
                })
            }
            (target, reading) => Err(MetricError::Mismatch {
                target: target.kind(),
                reading: reading.kind(),
            }),
        }
    }
}

impl Target {
    fn kind(&self) -> &'static str {
        match self {
            Self::Utilization(_) => "Utilization",
            Self::AverageValue(_) => "AverageValue",
            Self::Value(_) => "Value",
        }
    }
}

impl Reading {
    fn kind(&self) -> &'static str {
        match self {
            Self::Pods(_) => "Pods",
            Self::Resource(_) => "Resource",
            Self::Total(_) => "Total",
            Self::Unavailable(_) => "Unavailable",
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, target {}: {}",
            short(self.value),
            short(self.target),
            self.replicas
        )
    }
}

/// As many decimals as a reader wants.
fn short(value: f64) -> String {
    let decimals = if value == value.round() || value >= 100.0 { 0 } else { 2 };
    format!("{value:.decimals$}")
}

/// In what a target and its readings are compared.
#[derive(Clone, Copy)]
enum Unit {
    /// The average of the pods, in thousandths of the metric's unit. Holds the target.
    Thousandths(i64),
    /// What the pods use altogether, in whole per cent of what they request. Holds the target.
    Percent(i64),
}

impl Unit {
    fn target(self) -> i64 {
        match self {
            Self::Thousandths(target) | Self::Percent(target) => target,
        }
    }

    /// The value to compare with the target, cut to an integer as Kubernetes does.
    fn value(self, sum: &Sum) -> f64 {
        let value = match self {
            Self::Thousandths(_) => sum.usage / sum.pods,
            Self::Percent(_) => sum.usage * 100 / sum.request,
        };
        value as f64
    }

    fn ratio(self, sum: &Sum) -> f64 {
        self.value(sum) / self.target() as f64
    }

    /// What a pod without a value is taken to use when the others say 'down': as much as can speak against it.
    fn cautious_usage(self, request: i64) -> i64 {
        match self {
            Self::Thousandths(target) => target,
            Self::Percent(target) => request * target.max(100) / 100,
        }
    }

    /// For people.
    fn shown(self, value: f64) -> f64 {
        match self {
            Self::Thousandths(_) => value / 1_000.0,
            Self::Percent(_) => value,
        }
    }
}

/// Pods that are taken into account, in thousandths.
#[derive(Clone, Copy, Default)]
struct Sum {
    usage: i128,
    request: i128,
    pods: i128,
}

impl Sum {
    fn add(&mut self, usage: i64, request: i64) {
        self.usage += i128::from(usage);
        self.request += i128::from(request);
        self.pods += 1;
    }
}

/// The pods by what they say.
struct Pods {
    measured: Sum,
    /// Their requests, in thousandths.
    missing: Vec<i64>,
    not_ready: Vec<i64>,
}

impl Pods {
    fn group(pods: impl Iterator<Item = Result<(Sample, i64), MetricError>>) -> Result<Self, MetricError> {
        let mut groups = Self {
            measured: Sum::default(),
            missing: Vec::new(),
            not_ready: Vec::new(),
        };
        for pod in pods {
            let (sample, request) = pod?;
            match sample {
                Sample::Measured(value) => groups.measured.add(thousandths("value", value, 0.0)?, request),
                Sample::Missing => groups.missing.push(request),
                Sample::NotReady => groups.not_ready.push(request),
                Sample::Ignored => {}
            }
        }
        if groups.measured.pods == 0 {
            return Err(MetricError::NoSamples);
        }
        Ok(groups)
    }

    fn wish(&self, unit: Unit, current: u32, tolerance: Tolerance) -> Result<Wish, MetricError> {
        let ratio = unit.ratio(&self.measured);
        let up_with_not_ready = ratio > 1.0 && !self.not_ready.is_empty();
        let replicas = if !up_with_not_ready && self.missing.is_empty() {
            if tolerance.contains(ratio) {
                current
            } else {
                round_up(ratio * self.measured.pods as f64)
            }
        } else {
            self.cautious_replicas(unit, ratio, current, tolerance)
        };
        Ok(Wish {
            replicas,
            value: unit.shown(unit.value(&self.measured)),
            target: unit.shown(unit.target() as f64),
        })
    }

    /// With assumptions for the pods without a value. They can make a change smaller, but neither turn it round nor cause one.
    fn cautious_replicas(&self, unit: Unit, ratio: f64, current: u32, tolerance: Tolerance) -> u32 {
        let mut sum = self.measured;
        for &request in &self.missing {
            if ratio < 1.0 {
                sum.add(unit.cautious_usage(request), request);
            } else if ratio > 1.0 {
                sum.add(0, request);
            }
        }
        if ratio > 1.0 {
            for &request in &self.not_ready {
                sum.add(0, request);
            }
        }
        let cautious = unit.ratio(&sum);
        let turns = (ratio < 1.0 && cautious > 1.0) || (ratio > 1.0 && cautious < 1.0);
        if tolerance.contains(cautious) || turns {
            return current;
        }
        let replicas = round_up(cautious * sum.pods as f64);
        // The number of pods that are looked at may differ from the replicas, so the count can turn round though the ratio did not.
        let turns = (cautious < 1.0 && replicas > current) || (cautious > 1.0 && replicas < current);
        if turns { current } else { replicas }
    }
}

fn positive(what: &'static str, value: f64, least: f64) -> Result<f64, MetricError> {
    if (least..=MAX_VALUE).contains(&value) {
        Ok(value)
    } else {
        Err(MetricError::OutOfRange { what, value, least })
    }
}

/// The API's quantities are compared in thousandths.
fn thousandths(what: &'static str, value: f64, least: f64) -> Result<i64, MetricError> {
    Ok((positive(what, value, least)? * 1_000.0).round() as i64)
}

/// Replica counts are 32-bit integers with a sign in the API.
fn round_up(replicas: f64) -> u32 {
    replicas.ceil().min(f64::from(i32::MAX)) as u32
}

#[cfg(test)]
mod tests;
