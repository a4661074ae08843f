//! One line for each engine on each scene: for people, as CSV, as JSON.

use jaguar_benches::quality::Quality;
use serde::Serialize;

use crate::contest::{Contest, Outcome};

/// One engine on one scene.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scene: String,
    pub(crate) bodies: usize,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) engine: String,
    /// Mean time of a tick in the fastest run, ms.
    pub(crate) tick_ms: f64,
    /// Processor time of a tick on all threads, ms.
    pub(crate) cpu_ms: f64,
    /// How much slower the slowest run was, %.
    pub(crate) spread_percent: Option<f64>,
    /// Bodies x substeps (or iterations, or steps) per second, millions.
    pub(crate) million_body_substeps_per_second: f64,
    /// This engine's time over Jaguar's on as many threads.
    pub(crate) ratio: Option<f64>,
    #[serde(flatten)]
    pub(crate) quality: Quality,
    /// Change of the kinetic energy since the start, %; none for bodies that started at rest.
    pub(crate) energy_change_percent: Option<f64>,
    /// Jaguar's world hash after the last tick, hexadecimal.
    pub(crate) hash: Option<String>,
}

impl Row {
    /// The columns of [`Row::table`].
    pub(crate) const TABLE_HEADER: &str = "scene          bodies seed thr engine        |  ms/tick  cpu ms spread  ratio  Mbody-substeps/s | overlap max / mean, %   sunk, % | energy, J   change | hash";

    /// The columns of [`Row::csv`].
    pub(crate) const CSV_HEADER: &str = "scene,bodies,seed,threads,engine,tick_ms,cpu_ms,spread_percent,ratio,million_body_substeps_per_second,\
        max_overlap_percent,mean_overlap_percent,sunk_percent,lost,kinetic_energy_j,energy_change_percent,hash";

    /// A row for each outcome of a contest.
    pub(crate) fn of(contest: &Contest, outcomes: &[Outcome], is_ours: impl Fn(&Outcome) -> bool) -> Vec<Self> {
        let row = |outcome: &Outcome| {
            let ours = outcomes
                .iter()
                .find(|other| is_ours(other) && other.place.threads == outcome.place.threads);
            Self {
                scene: contest.subject.name(),
                bodies: contest.subject.bodies(),
                seed: contest.subject.seed(),
                threads: outcome.place.threads,
                engine: outcome.place.entrant.to_string(),
                tick_ms: outcome.tick_ms,
                cpu_ms: outcome.cpu_ms,
                spread_percent: outcome.spread_percent,
                million_body_substeps_per_second: contest.subject.bodies() as f64 * f64::from(outcome.substeps)
                    / (1e3 * outcome.tick_ms),
                ratio: ours.map(|ours| outcome.tick_ms / ours.tick_ms),
                quality: outcome.quality,
                energy_change_percent: outcome.energy_change_percent,
                hash: outcome.hash.clone(),
            }
        };
        outcomes.iter().map(row).collect()
    }

    /// A line for people.
    pub(crate) fn table(&self) -> String {
        let quality = &self.quality;
        let lost = if quality.lost > 0 {
            format!("  {} bodies LOST", quality.lost)
        } else {
            String::new()
        };
        format!(
            "{:<14} {:>6} {:>4} {:>3} {:<13} | {:>8.3} {:>7.2} {:>6} {:>6} {:>17.2} | {:>12.2} / {:<6.3} {:>9.2} | {:>9.3} {:>8} | {}{lost}",
            self.scene,
            self.bodies,
            self.seed,
            self.threads,
            self.engine,
            self.tick_ms,
            self.cpu_ms,
            shown(self.spread_percent, |spread| format!("{spread:.0} %")),
            shown(self.ratio, |ratio| format!("{ratio:.2}")),
            self.million_body_substeps_per_second,
            quality.max_overlap_percent,
            quality.mean_overlap_percent,
            quality.sunk_percent,
            quality.kinetic_energy_j,
            shown(self.energy_change_percent, |change| format!("{change:+.2} %")),
            self.hash.as_deref().map_or("", |hash| &hash[..16]),
        )
    }

    /// A line for programs.
    pub(crate) fn csv(&self) -> String {
        let quality = &self.quality;
        let number = |value: Option<f64>| shown(value, |value| format!("{value:.3}"));
        format!(
            "{},{},{},{},{},{:.4},{:.4},{},{},{:.3},{:.4},{:.4},{:.4},{},{:.4},{},{}",
            self.scene,
            self.bodies,
            self.seed,
            self.threads,
            self.engine,
            self.tick_ms,
            self.cpu_ms,
            number(self.spread_percent),
            number(self.ratio),
            self.million_body_substeps_per_second,
            quality.max_overlap_percent,
            quality.mean_overlap_percent,
            quality.sunk_percent,
            quality.lost,
            quality.kinetic_energy_j,
            number(self.energy_change_percent),
            self.hash.as_deref().unwrap_or_default(),
        )
    }
}

/// Nothing for what was not measured.
fn shown(value: Option<f64>, text: impl Fn(f64) -> String) -> String {
    value.map(text).unwrap_or_default()
}
