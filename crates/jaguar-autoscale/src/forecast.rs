//! What an HPA makes of a load over time: a trace through [`decide`], look by look, with the replicas feeding back into the load of each pod.

use std::time::Duration;

use crate::dead_band::DeadBand;
use crate::decide::{Decision, Observation, decide};
use crate::history::History;
use crate::metric::{Metric, PodResource, Reading, Sample, Target};
use crate::signal::{PerSignal, Recorded, Signal};
use crate::spec::Spec;
use crate::time::SYNC_PERIOD;
use crate::trace::{Load, Trace};

/// A workload and the HPA that scales it.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Bounds and behaviour.
    pub spec: Spec,
    /// What the HPA looks at.
    pub gauges: Vec<Gauge>,
    /// The thresholds from which the recorded metrics are made.
    pub bands: PerSignal<DeadBand>,
    /// What each pod requests.
    pub request: PodRequest,
    /// Time from the decision to the moment at which a new pod carries its share.
    pub pod_start: Duration,
}

/// A metric of an HPA that can be computed from a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gauge {
    /// What the recording rules make of a signal, with the target that the HPA has for it.
    Recorded(Recorded, f64),
    /// The resource itself ([`Signal::Cpu`] or [`Signal::Memory`]), without a dead band.
    Resource(Signal, Target),
}

/// What each pod requests. Positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodRequest {
    /// CPU, in cores.
    pub cpu_cores: f64,
    /// Memory, in bytes.
    pub memory_bytes: f64,
}

/// One look of the HPA.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When, in the time of the trace.
    pub at: Duration,
    /// What all pods carry together.
    pub load: Load,
    /// Pods that carry it.
    pub carrying: u32,
    /// What each of them carries: entities, per cent of the requested CPU and of the requested memory.
    pub per_pod: PerSignal<f64>,
    /// What the HPA does.
    pub decision: Decision,
}

impl Forecast {
    /// One look every [`SYNC_PERIOD`] from the trace's start to its end, beginning with so many replicas, 1 or more, that carry their share.
    ///
    /// The load spreads evenly over the pods that carry. A pod that goes carries nothing from the decision on, since it hands its share over within seconds.
    pub fn looks<'a>(&'a self, trace: &'a Trace, first_replicas: u32) -> impl Iterator<Item = Look> + 'a {
        assert!(first_replicas >= 1, "a load needs a pod that carries it");
        let mut history = History::default();
        // When each pod carries its share; the youngest are at the end, and go first.
        let mut pods = vec![trace.start(); first_replicas as usize];
        let moments = std::iter::successors(Some(trace.start()), |at| Some(*at + SYNC_PERIOD));
        moments.take_while(|at| *at <= trace.end()).map(move |at| {
            let load = trace.at(at);
            // While all of them are starting, the first one to come carries everything.
            let carrying = pods.iter().filter(|ready| **ready <= at).count().max(1) as u32;
            let per_pod = self.per_pod(load, carrying);
            let observation = Observation {
                current_replicas: pods.len() as u32,
                ready_replicas: carrying,
                metrics: self.metrics(&per_pod, carrying, pods.len() as u32),
            };
            let (decision, next) = decide(&self.spec, std::mem::take(&mut history), &observation, at);
            history = next;
            pods.resize(decision.replicas as usize, at + self.pod_start);
            Look {
                at,
                load,
                carrying,
                per_pod,
                decision,
            }
        })
    }

    fn per_pod(&self, load: Load, carrying: u32) -> PerSignal<f64> {
        let pods = f64::from(carrying);
        PerSignal {
            entities: load.entities / pods,
            cpu: 100.0 * load.cpu_cores / (pods * self.request.cpu_cores),
            memory: 100.0 * load.memory_bytes / (pods * self.request.memory_bytes),
        }
    }

    fn metrics(&self, per_pod: &PerSignal<f64>, carrying: u32, replicas: u32) -> Vec<Metric> {
        let samples = |value: f64| {
            let starting = replicas.saturating_sub(carrying);
            std::iter::repeat_n(Sample::Measured(value), carrying as usize)
                .chain(std::iter::repeat_n(Sample::NotReady, starting as usize))
        };
        let gauges = self.gauges.iter();
        gauges
            .map(|gauge| match *gauge {
                Gauge::Recorded(recorded, target) => {
                    let average = *per_pod.get(recorded.signal);
                    let value = recorded.value(average, self.bands.get(recorded.signal), self.spec.tolerance());
                    Metric {
                        name: described(recorded.signal, average, value),
                        target: Target::AverageValue(target),
                        reading: Reading::Pods(samples(value).collect()),
                    }
                }
                Gauge::Resource(signal, target) => {
                    let average = *per_pod.get(signal);
                    let request = match signal {
                        Signal::Memory => self.request.memory_bytes,
                        _ => self.request.cpu_cores,
                    };
                    let usage = samples(average / 100.0 * request);
                    let reading = match target {
                        Target::Utilization(_) => {
                            Reading::Resource(usage.map(|usage| PodResource { request, usage }).collect())
                        }
                        _ => Reading::Pods(usage.collect()),
                    };
                    Metric {
                        name: format!("{} of the request", signal.name()),
                        target,
                        reading,
                    }
                }
            })
            .collect()
    }
}

/// The name for the reason that people read; where the dead band makes another number of the average, with that.
fn described(signal: Signal, average: f64, value: f64) -> String {
    let unit = match signal {
        Signal::Entities => "entities per pod",
        Signal::Cpu => "% CPU per pod",
        Signal::Memory => "% memory per pod",
    };
    // Through the share of the threshold and back, an average comes out changed in its last digits.
    if (value - average).abs() > 1e-6 * average {
        format!("{average:.0} {unit}, seen as")
    } else {
        unit.to_owned()
    }
}
