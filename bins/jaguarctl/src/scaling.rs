//! The autoscaler of `up`: what the Kubernetes HPA would do with the project's policy, applied to the local cluster. Values in, values out; the clock and the processes are elsewhere.

use std::time::Duration;

use clap::ValueEnum;
use jaguar_autoscale::{
    Behavior, DeadBand, DeadBandError, Decision, History, Metric, Observation, PerSignal, PodRequest, Reading, Reason,
    Sample, Spec, Target, decide,
};

/// What each pod requests in `k8s/base/deployment.yaml`. Utilisations are shares of these.
pub(crate) const POD_REQUEST: PodRequest = PodRequest {
    cpu_cores: 1.0,
    memory_bytes: 2.0 * 1024.0 * 1024.0 * 1024.0,
};

/// What the autoscaler looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Signal {
    /// Bodies per pod: up above 7000, down below 2000 (keys entity_scale_*_threshold)
    Entities,
    /// CPU per pod, in per cent of one core: up above 70, down below 30 (keys cpu_scale_*_threshold)
    Cpu,
    /// Memory per pod, in per cent of 2 GiB: up above 75, down below 40 (keys memory_scale_*_threshold)
    Memory,
}

/// What one pod said of itself; none where it said nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PodReading {
    /// The pod.
    pub(crate) pod: u32,
    /// Bodies it holds.
    pub(crate) entities: Option<f64>,
    /// Cores it used since the last look.
    pub(crate) cores: Option<f64>,
    /// Memory it holds.
    pub(crate) bytes: Option<f64>,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Nothing.
    Stay,
    /// Start so many pods.
    Add(usize),
    /// Drain these pods.
    Remove(Vec<u32>),
}

/// The policy and what it remembers.
#[derive(Clone, Debug)]
pub(crate) struct Autoscaler {
    spec: Spec,
    bands: PerSignal<DeadBand>,
    signals: Vec<Signal>,
    history: History,
}

/// Between which averages each signal asks for no change.
pub(crate) fn bands(keys: &jaguar_config::Autoscale) -> Result<PerSignal<DeadBand>, DeadBandError> {
    let band = |lower: u32, upper: u32| DeadBand::new(f64::from(lower), f64::from(upper));
    Ok(PerSignal {
        entities: band(keys.entity_scale_down_threshold, keys.entity_scale_up_threshold)?,
        cpu: band(keys.cpu_scale_down_threshold, keys.cpu_scale_up_threshold)?,
        memory: band(keys.memory_scale_down_threshold, keys.memory_scale_up_threshold)?,
    })
}

impl Autoscaler {
    /// The project's policy between two numbers of pods, with the thresholds and windows of the configuration.
    pub(crate) fn new(
        min_pods: u32,
        max_pods: u32,
        signals: Vec<Signal>,
        keys: &jaguar_config::Autoscale,
    ) -> anyhow::Result<Self> {
        let seed = Behavior::seed();
        let behavior = Behavior {
            scale_up: seed.scale_up.with_window(keys.scale_up_cooldown_seconds)?,
            scale_down: seed.scale_down.with_window(keys.scale_down_cooldown_seconds)?,
        };
        Ok(Self {
            spec: Spec::new(min_pods, max_pods, behavior)?,
            bands: bands(keys)?,
            signals,
            history: History::default(),
        })
    }

    /// One look at `now`, in policy time. What it returns is taken to be carried out.
    pub(crate) fn look(&mut self, pods: &[PodReading], now: Duration) -> (Decision, Step) {
        let observation = Observation {
            current_replicas: pods.len() as u32,
            ready_replicas: pods.len() as u32,
            metrics: self.signals.iter().map(|&signal| self.metric(signal, pods)).collect(),
        };
        let history = std::mem::take(&mut self.history);
        let (decision, history) = decide(&self.spec, history, &observation, now);
        self.history = history;
        let step = step(pods, decision.replicas as usize);
        (decision, step)
    }

    /// Whether later looks at the same readings would remove no pod any more.
    pub(crate) fn is_settled(&self, decision: &Decision) -> bool {
        let stays = decision.replicas == decision.current;
        match decision.reason {
            Reason::Metrics { wanted, .. } => {
                stays && (wanted >= decision.current || decision.current == self.spec.min_replicas())
            }
            Reason::Disabled => true,
            Reason::AboveMaximum | Reason::BelowMinimum | Reason::MetricsFailed => false,
        }
    }

    fn metric(&self, signal: Signal, pods: &[PodReading]) -> Metric {
        let (unit, band) = match signal {
            Signal::Entities => ("entities per pod", self.bands.entities),
            Signal::Cpu => ("per cent of the requested CPU", self.bands.cpu),
            Signal::Memory => ("per cent of the requested memory", self.bands.memory),
        };
        let tolerance = self.spec.tolerance();
        // Where the dead band makes another number of it, people are to see what was measured too.
        let name = match average(signal, pods) {
            Some(average) if band.report(average, tolerance) != average => format!("{average:.0} {unit}, seen as"),
            _ => unit.to_owned(),
        };
        let samples: Vec<Sample> = pods
            .iter()
            .map(|pod| value(signal, pod).map_or(Sample::Missing, Sample::Measured))
            .collect();
        Metric {
            name,
            target: Target::AverageValue(band.upper()),
            reading: Reading::Pods(band.apply(&samples, tolerance)),
        }
    }
}

/// What a pod said, in the signal's unit.
fn value(signal: Signal, pod: &PodReading) -> Option<f64> {
    match signal {
        Signal::Entities => pod.entities,
        Signal::Cpu => pod.cores.map(|cores| 100.0 * cores / POD_REQUEST.cpu_cores),
        Signal::Memory => pod.bytes.map(|bytes| 100.0 * bytes / POD_REQUEST.memory_bytes),
    }
}

/// The average of the pods that said something, in the signal's unit.
fn average(signal: Signal, pods: &[PodReading]) -> Option<f64> {
    let values: Vec<f64> = pods.iter().filter_map(|pod| value(signal, pod)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// How to get from these pods to so many. Those with the fewest entities leave, the younger one first where two have as many.
fn step(pods: &[PodReading], wanted: usize) -> Step {
    if wanted > pods.len() {
        return Step::Add(wanted - pods.len());
    }
    if wanted == pods.len() {
        return Step::Stay;
    }
    let mut by_load: Vec<&PodReading> = pods.iter().collect();
    // A pod that says nothing is not known to be cheap to drain.
    let entities = |pod: &PodReading| pod.entities.unwrap_or(f64::INFINITY);
    by_load.sort_by(|a, b| entities(a).total_cmp(&entities(b)).then(b.pod.cmp(&a.pod)));
    let leaving = by_load.iter().take(pods.len() - wanted).map(|pod| pod.pod);
    Step::Remove(leaving.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_autoscale::SYNC_PERIOD;

    fn reading(pod: u32, entities: f64) -> PodReading {
        PodReading {
            pod,
            entities: Some(entities),
            ..PodReading::default()
        }
    }

    /// A cluster in which every step is carried out at once and bodies are spread evenly.
    struct Cluster {
        autoscaler: Autoscaler,
        pods: Vec<u32>,
        started: u32,
        now: Duration,
    }

    impl Cluster {
        fn new(max_pods: u32) -> anyhow::Result<Self> {
            Ok(Self {
                autoscaler: Autoscaler::new(
                    1,
                    max_pods,
                    vec![Signal::Entities],
                    &jaguar_config::Config::default().autoscale,
                )?,
                pods: vec![1],
                started: 1,
                now: Duration::ZERO,
            })
        }

        fn look(&mut self, entities: f64) -> Decision {
            let share = entities / self.pods.len() as f64;
            let readings: Vec<PodReading> = self.pods.iter().map(|&pod| reading(pod, share)).collect();
            let (decision, step) = self.autoscaler.look(&readings, self.now);
            match step {
                Step::Stay => {}
                Step::Add(count) => {
                    self.pods.extend((self.started + 1..).take(count));
                    self.started += count as u32;
                }
                Step::Remove(leaving) => self.pods.retain(|pod| !leaving.contains(pod)),
            }
            self.now += SYNC_PERIOD;
            decision
        }
    }

    #[test]
    fn a_burst_goes_from_one_pod_to_five_and_back() -> anyhow::Result<()> {
        let mut cluster = Cluster::new(5)?;
        let up: Vec<usize> = (0..8)
            .map(|_| {
                cluster.look(30_000.0);
                cluster.pods.len()
            })
            .collect();
        assert_eq!(up, [1, 1, 2, 4, 5, 5, 5, 5]);
        // Five minutes after the last look that wanted five pods the first one goes, and the other three a minute apart; a look is 15 s.
        let mut looks = 0;
        while cluster.pods.len() > 1 && looks < 100 {
            cluster.look(1_500.0);
            looks += 1;
        }
        assert_eq!((cluster.pods, looks), (vec![1], 20 + 3 * 4));
        Ok(())
    }

    #[test]
    fn it_is_settled_at_its_wish_and_not_while_it_waits_to_shrink() -> anyhow::Result<()> {
        let mut cluster = Cluster::new(5)?;
        for _ in 0..8 {
            cluster.look(30_000.0);
        }
        let decision = cluster.look(30_000.0);
        assert!(cluster.autoscaler.is_settled(&decision));
        let decision = cluster.look(1_500.0);
        assert!(!cluster.autoscaler.is_settled(&decision));
        while cluster.pods.len() > 1 {
            cluster.look(1_500.0);
        }
        let decision = cluster.look(1_500.0);
        assert!(cluster.autoscaler.is_settled(&decision));
        Ok(())
    }

    #[test]
    fn the_pods_with_the_fewest_entities_leave_and_the_younger_of_two() {
        let pods = [reading(1, 10.0), reading(2, 500.0), reading(3, 10.0), reading(4, 20.0)];
        assert_eq!(step(&pods, 3), Step::Remove(vec![3]));
        assert_eq!(step(&pods, 1), Step::Remove(vec![3, 1, 4]));
        assert_eq!(step(&pods, 4), Step::Stay);
        assert_eq!(step(&pods, 6), Step::Add(2));
    }

    #[test]
    fn a_pod_that_says_nothing_is_not_removed_first_and_stops_a_scale_down() -> anyhow::Result<()> {
        let silent = PodReading {
            pod: 2,
            ..PodReading::default()
        };
        assert_eq!(step(&[reading(1, 900.0), silent], 1), Step::Remove(vec![1]));
        let mut autoscaler = Autoscaler::new(
            1,
            5,
            vec![Signal::Entities],
            &jaguar_config::Config::default().autoscale,
        )?;
        for look in 0..40 {
            let (_, step) = autoscaler.look(&[silent, silent], SYNC_PERIOD * look);
            assert_eq!(step, Step::Stay);
        }
        Ok(())
    }

    #[test]
    fn the_keys_of_the_configuration_move_the_thresholds() -> anyhow::Result<()> {
        let mut keys = jaguar_config::Config::default().autoscale;
        keys.entity_scale_up_threshold = 100;
        keys.entity_scale_down_threshold = 10;
        keys.scale_up_cooldown_seconds = 0;
        let mut autoscaler = Autoscaler::new(1, 5, vec![Signal::Entities], &keys)?;
        let (_, step) = autoscaler.look(&[reading(1, 150.0)], SYNC_PERIOD);
        assert_eq!(step, Step::Add(1));
        Ok(())
    }
}
