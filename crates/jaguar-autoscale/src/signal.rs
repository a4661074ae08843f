//! What the project scales on, and the recorded metrics through which an HPA sees it.

use crate::dead_band::DeadBand;
use crate::spec::Tolerance;

/// A load of which every pod carries a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Entities per pod.
    Entities,
    /// CPU, in per cent of what a pod requests.
    Cpu,
    /// Memory, in per cent of what a pod requests.
    Memory,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Entities, Self::Cpu, Self::Memory];

    /// What it is called in tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entities => "entities",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// One value for each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerSignal<T> {
    /// Of entities per pod.
    pub entities: T,
    /// Of CPU per pod.
    pub cpu: T,
    /// Of memory per pod.
    pub memory: T,
}

impl<T> PerSignal<T> {
    /// The value of one signal.
    pub fn get(&self, signal: Signal) -> &T {
        match signal {
            Signal::Entities => &self.entities,
            Signal::Cpu => &self.cpu,
            Signal::Memory => &self.memory,
        }
    }
}

/// A metric that the recording rules make of a signal's average, the same for every pod: `at_threshold` times the share of the upper threshold that the dead band reports.
///
/// So the HPA's target is a fixed number, and what it stands for are the thresholds of the configuration, which can change while everything runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recorded {
    /// Its name in Prometheus and in the HPA.
    pub metric: &'static str,
    /// What it is made of.
    pub signal: Signal,
    /// Its value inside the band, and the HPA's target.
    pub at_threshold: f64,
}

impl Recorded {
    /// All of them, as `k8s/base/prometheus-rules.yaml` records them (tested).
    pub const ALL: [Self; 3] = [
        Self::known("jaguar_autoscale_entities", Signal::Entities, 7_000.0),
        Self::known("jaguar_autoscale_cpu_percent", Signal::Cpu, 70.0),
        Self::known("jaguar_autoscale_memory_percent", Signal::Memory, 75.0),
    ];

    const fn known(metric: &'static str, signal: Signal, at_threshold: f64) -> Self {
        Self {
            metric,
            signal,
            at_threshold,
        }
    }

    /// The recorded metric of this name.
    pub fn find(metric: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recorded| recorded.metric == metric)
    }

    /// What is recorded for an average of the signal.
    pub fn value(&self, average: f64, band: &DeadBand, tolerance: Tolerance) -> f64 {
        self.at_threshold * band.report(average, tolerance) / band.upper()
    }
}
