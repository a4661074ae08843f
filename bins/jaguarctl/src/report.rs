//! The end of `up`: what happened, and whether it was the same as on one world.

use std::fmt;
use std::time::Duration;

use indicatif::HumanCount;
use jaguar_core::BodyId;
use serde::Serialize;

use crate::proof::{Census, HashDifference, Proof};
use crate::quantile::{BucketQuantiles, Quantiles};
use crate::recording::Recording;

/// A run of `up`, measured. As JSON it is what `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Ticks that the world advanced.
    pub(crate) ticks: u64,
    /// Simulated time.
    pub(crate) simulated_seconds: f64,
    /// Wall time of the run, without the replay.
    pub(crate) wall_seconds: f64,
    /// Most bodies at one time.
    pub(crate) peak_entities: u64,
    /// Most pods at one time.
    pub(crate) peak_pods: usize,
    /// Pods at the end.
    pub(crate) final_pods: usize,
    /// Pods that joined the first one.
    pub(crate) joins: u64,
    /// Pods that left.
    pub(crate) leaves: u64,
    /// Times that the coordinator's role moved.
    pub(crate) successions: u64,
    /// Bodies spawned.
    pub(crate) spawned: u64,
    /// Bodies despawned.
    pub(crate) despawned: u64,
    /// Bodies that changed pods.
    pub(crate) handed_over: u64,
    /// Bodies that should be there at the end, or at any tick, and are not.
    pub(crate) lost: u64,
    /// Bodies that are there twice at the end, or too many at any tick.
    pub(crate) duplicated: u64,
    /// Wall time between ticks, ms.
    pub(crate) tick_interval_ms: Option<Quantiles>,
    /// Time that pods needed for a tick, ms.
    pub(crate) frame_time_ms: Option<BucketQuantiles>,
    /// World hash at the end.
    pub(crate) final_hash: String,
    /// Scaling decisions, with their reasons.
    pub(crate) decisions: Vec<TakenDecision>,
    /// The proof; absent with `--no-replay`.
    pub(crate) replay: Option<ReplayReport>,
}

/// A scaling decision that changed something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct TakenDecision {
    /// Time since the run began.
    pub(crate) seconds: f64,
    /// Tick of the world.
    pub(crate) tick: u64,
    /// Pods before.
    pub(crate) from: u32,
    /// Pods after.
    pub(crate) to: u32,
    /// Why.
    pub(crate) reason: String,
}

/// What the replay on one world has shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ReplayReport {
    /// Ticks with the same hash.
    pub(crate) equal_ticks: u64,
    /// Time that the replay took.
    pub(crate) seconds: f64,
    /// The first tick with another hash.
    pub(crate) first_difference: Option<DifferenceReport>,
    /// Bodies that only the replay has.
    pub(crate) missing_ids: Vec<u64>,
    /// Bodies that only the cluster has.
    pub(crate) unexpected_ids: Vec<u64>,
}

/// Two hashes of one tick, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DifferenceReport {
    tick: u64,
    one_world: String,
    cluster: String,
}

impl From<HashDifference> for DifferenceReport {
    fn from(difference: HashDifference) -> Self {
        Self {
            tick: difference.tick,
            one_world: hex(difference.reference),
            cluster: hex(difference.cluster),
        }
    }
}

/// What is known of a run besides its log.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Simulated ticks a second.
    pub(crate) tick_rate: u32,
    /// Wall time.
    pub(crate) wall: Duration,
    /// Decisions that changed something.
    pub(crate) decisions: Vec<TakenDecision>,
    /// Frame times of the pods.
    pub(crate) frame_time_ms: Option<BucketQuantiles>,
    /// Pods that are left at the end.
    pub(crate) final_pods: usize,
    /// The ids of all bodies, as read from the cluster at the end.
    pub(crate) found_ids: Vec<u64>,
}

impl Report {
    /// The account of a run, before the proof.
    pub(crate) fn new(recording: &Recording, circumstances: &Circumstances) -> Self {
        let last = recording.last().cloned();
        let last = last.as_ref();
        let changes = recording.membership_changes();
        let imbalance = recording.worst_imbalance();
        let mut unique = circumstances.found_ids.clone();
        unique.sort_unstable();
        unique.dedup();
        let due = last.map_or(0, |last| last.spawned.saturating_sub(last.despawned));
        let ticks = last.map_or(0, |last| last.tick.0);
        let (found, different) = (circumstances.found_ids.len() as u64, unique.len() as u64);
        Self {
            scenario: circumstances.scenario.clone(),
            ticks,
            simulated_seconds: ticks as f64 / f64::from(circumstances.tick_rate.max(1)),
            wall_seconds: circumstances.wall.as_secs_f64(),
            peak_entities: recording
                .summaries()
                .iter()
                .map(|summary| summary.entities)
                .max()
                .unwrap_or(0),
            peak_pods: recording
                .summaries()
                .iter()
                .map(|summary| summary.pods.len())
                .max()
                .unwrap_or(0),
            final_pods: circumstances.final_pods,
            joins: changes.joins,
            leaves: changes.leaves,
            successions: changes.successions,
            spawned: last.map_or(0, |last| last.spawned),
            despawned: last.map_or(0, |last| last.despawned),
            handed_over: last.map_or(0, |last| last.handed_over),
            lost: imbalance.missing.max(due.saturating_sub(different)),
            duplicated: imbalance.surplus.max(found - different),
            tick_interval_ms: Quantiles::of(recording.tick_intervals_ms()),
            frame_time_ms: circumstances.frame_time_ms,
            final_hash: last.map_or_else(String::new, |last| hex(last.hash)),
            decisions: circumstances.decisions.clone(),
            replay: None,
        }
    }

    /// Adds the proof, with the bodies that were read from the cluster at the end.
    pub(crate) fn prove(&mut self, proof: &Proof, found: &[BodyId]) {
        let numbers = |ids: &[BodyId]| ids.iter().map(|id| id.0).collect();
        // After a difference the replay has stopped, and other positions may well have despawned other bodies.
        let census = match proof.first_difference {
            None => Census::compare(&proof.ids, found),
            Some(_) => Census::default(),
        };
        self.lost = self.lost.max(census.lost.len() as u64);
        self.duplicated = self.duplicated.max(census.duplicated.len() as u64);
        self.replay = Some(ReplayReport {
            equal_ticks: proof.ticks - u64::from(proof.first_difference.is_some()),
            seconds: proof.wall.as_secs_f64(),
            first_difference: proof.first_difference.map(Into::into),
            missing_ids: numbers(&census.lost),
            unexpected_ids: numbers(&census.unexpected),
        });
    }

    /// Whether nothing was lost or duplicated, and the replay, if there was one, gave the same.
    pub(crate) fn is_good(&self) -> bool {
        let same = self.replay.as_ref().is_none_or(|replay| {
            replay.first_difference.is_none() && replay.unexpected_ids.is_empty() && replay.missing_ids.is_empty()
        });
        same && self.lost == 0 && self.duplicated == 0
    }
}

/// 32 hexadecimal digits.
pub(crate) fn hex(hash: u128) -> String {
    format!("{hash:032x}")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "  {name:<22} {value}");
        let real_time = self.simulated_seconds / self.wall_seconds.max(1e-9);
        row("scenario", self.scenario.clone())?;
        row(
            "ticks",
            format!("{} ({:.2} s simulated)", HumanCount(self.ticks), self.simulated_seconds),
        )?;
        row(
            "wall time",
            format!("{:.1} s ({real_time:.2} x real time)", self.wall_seconds),
        )?;
        row("peak bodies", HumanCount(self.peak_entities).to_string())?;
        row(
            "pods",
            format!("peak {}, {} at the end", self.peak_pods, self.final_pods),
        )?;
        row(
            "joins, leaves",
            format!(
                "{}, {} (coordinator moved {})",
                self.joins,
                self.leaves,
                times(self.successions)
            ),
        )?;
        row(
            "spawned, despawned",
            format!("{}, {}", HumanCount(self.spawned), HumanCount(self.despawned)),
        )?;
        row("bodies handed over", HumanCount(self.handed_over).to_string())?;
        row("lost", self.lost.to_string())?;
        row("duplicated", self.duplicated.to_string())?;
        if let Some(Quantiles { p50, p99, max }) = self.tick_interval_ms {
            row(
                "time between ticks",
                format!("p50 {p50:.1} ms, p99 {p99:.1} ms, longest {max:.1} ms"),
            )?;
        }
        if let Some(BucketQuantiles { p50, p99 }) = self.frame_time_ms {
            row("tick time of a pod", format!("p50 {p50:.1} ms, p99 {p99:.1} ms"))?;
        }
        row("final hash", self.final_hash.clone())
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.first_difference {
            None => write!(
                f,
                "the hash of every one of {} ticks is the same on one world without any network ({:.1} s, {:.0} ticks/s)",
                HumanCount(self.equal_ticks),
                self.seconds,
                self.equal_ticks as f64 / self.seconds.max(1e-9)
            )?,
            Some(difference) => write!(
                f,
                "the worlds differ from tick {} on: one world {}, cluster {}",
                difference.tick, difference.one_world, difference.cluster
            )?,
        }
        for (ids, what) in [(&self.missing_ids, "missing from"), (&self.unexpected_ids, "only in")] {
            if let Some(first) = ids.first() {
                write!(
                    f,
                    "\n{} {what} the cluster, the first is {first}",
                    HumanCount(ids.len() as u64)
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaguar_migration::action::Summary;
    use jaguar_migration::id::{LogIndex, Tick};

    fn recording(entities: u64) -> Recording {
        let mut recording = Recording::default();
        let summary = Summary {
            index: LogIndex(1),
            tick: Tick(1),
            advanced: true,
            hash: 1,
            entities,
            spawned: 5,
            despawned: 2,
            handed_over: 4,
            joints: 0,
            pods: Vec::new(),
        };
        recording.accept_summary(summary, Duration::ZERO).unwrap();
        recording
    }

    fn circumstances(found_ids: &[u64]) -> Circumstances {
        Circumstances {
            scenario: "test".into(),
            tick_rate: 60,
            wall: Duration::from_secs(1),
            decisions: Vec::new(),
            frame_time_ms: None,
            final_pods: 1,
            found_ids: found_ids.to_vec(),
        }
    }

    #[test]
    fn lost_and_duplicated_are_counted_from_what_was_read() {
        let check = |found: &[u64], lost, duplicated| {
            let report = Report::new(&recording(3), &circumstances(found));
            assert_eq!((report.lost, report.duplicated), (lost, duplicated), "{found:?}");
            assert_eq!(report.is_good(), lost + duplicated == 0);
        };
        check(&[3, 4, 5], 0, 0);
        check(&[3, 4], 1, 0);
        check(&[3, 4, 5, 5], 0, 1);
        check(&[3, 4, 4], 1, 1);
    }

    #[test]
    fn a_proof_with_a_difference_is_not_good_and_names_the_tick() {
        let mut report = Report::new(&recording(3), &circumstances(&[3, 4, 5]));
        let proof = Proof {
            ticks: 1,
            first_difference: Some(HashDifference {
                tick: 1,
                index: 1,
                reference: 2,
                cluster: 1,
            }),
            wall: Duration::from_secs(1),
            ids: Vec::new(),
        };
        report.prove(&proof, &[3, 4, 5].map(BodyId));
        assert!(!report.is_good());
        assert_eq!(report.lost, 0);
        let text = report.replay.map(|replay| replay.to_string()).unwrap_or_default();
        assert!(text.starts_with("the worlds differ from tick 1 on:"), "{text}");
    }

    #[test]
    fn a_body_with_another_id_is_not_good_though_the_numbers_are_right() {
        let mut report = Report::new(&recording(3), &circumstances(&[3, 4, 5]));
        let proof = Proof {
            ticks: 1,
            first_difference: None,
            wall: Duration::from_secs(1),
            ids: [3, 4, 6].map(BodyId).to_vec(),
        };
        report.prove(&proof, &[3, 4, 5].map(BodyId));
        assert!(!report.is_good());
        let text = report.replay.map(|replay| replay.to_string()).unwrap_or_default();
        assert!(
            text.ends_with("1 missing from the cluster, the first is 6\n1 only in the cluster, the first is 5"),
            "{text}"
        );
    }
}
