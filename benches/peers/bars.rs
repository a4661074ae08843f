//! The bars that Jaguar must pass, each with what this machine measured.

use std::fmt;

use jaguar_benches::course::Course;
use jaguar_benches::quality::Quality;
use serde::Serialize;

use crate::contest::{Contest, Entrant, Outcome, Place, Subject};
use crate::memory::Memory;

/// Threads of all bars but the one that compares numbers of threads.
const THREADS: usize = 2;
/// Box3D's time over Rapier's for the boxes, on 2 threads of another machine (Box3D 0.1, 4 substeps: 20.4 ms; Rapier 0.36.1: 21.0 ms). It is not in this program.
const BOX3D_TO_RAPIER: f64 = 20.4 / 21.0;

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A bar and the value measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bar {
    name: String,
    unit: &'static str,
    /// None for what was not measured: the scene was not chosen, or the peer is not compiled in.
    value: Option<f64>,
    bound: Bound,
}

impl Bar {
    /// The columns of a bar's line.
    pub(crate) const TABLE_HEADER: &str =
        "bar                                                     |      value |     wanted | ";
    /// The columns of [`Bar::csv`].
    pub(crate) const CSV_HEADER: &str = "bar,value,wanted,verdict";

    /// A line for programs.
    pub(crate) fn csv(&self) -> String {
        let value = self.value.map(|value| format!("{value:.4}")).unwrap_or_default();
        format!(
            "{} ({}),{value},{},{}",
            self.name.replace(',', ";"),
            self.unit,
            self.bound,
            self.verdict()
        )
    }

    fn verdict(&self) -> &'static str {
        match (self.value, self.bound) {
            (None, _) => "not measured",
            (Some(value), Bound::AtLeast(least)) if value >= least => "pass",
            (Some(value), Bound::AtMost(most)) if value <= most => "pass",
            _ => "FAIL",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::AtLeast(least) => format!(">= {}", rounded(*least)),
            Self::AtMost(most) => format!("<= {}", rounded(*most)),
        };
        f.pad(&text)
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{}, {}", self.name, self.unit);
        let value = self.value.map(rounded).unwrap_or_default();
        write!(f, "{name:<55} | {value:>10} | {:>10} | {}", self.bound, self.verdict())
    }
}

/// Three digits that count.
fn rounded(value: f64) -> String {
    let digits = (2 - value.abs().max(1e-3).log10().floor() as i32).clamp(0, 5) as usize;
    format!("{value:.digits$}")
}

/// What is run for the bars of these scenes.
pub(crate) fn contests(scenes: &[Course], seed: u64) -> Vec<Contest> {
    #[cfg(feature = "peers-jolt")]
    let jolt = Some(Entrant::Jolt);
    #[cfg(not(feature = "peers-jolt"))]
    let jolt = None;
    let contest = |course, bodies, peers: &[Option<Entrant>]| {
        let entrants = [Some(Entrant::Jaguar)]
            .into_iter()
            .chain(peers.iter().copied())
            .flatten();
        let places = entrants.map(|entrant| Place {
            entrant,
            threads: THREADS,
        });
        Contest {
            subject: Subject::Course { course, bodies, seed },
            places: places.collect(),
        }
    };
    let rapier = Some(Entrant::Rapier);
    let mut contests = vec![
        contest(Course::Gas, 10_000, &[rapier, jolt]),
        contest(Course::Gas, 100_000, &[jolt]),
        contest(Course::Pile, 10_000, &[rapier]),
        contest(Course::Pile, 50_000, &[rapier]),
        contest(Course::Pile, 100_000, &[]),
        contest(Course::Boxes, 10_000, &[rapier]),
        contest(Course::FreeFlight, 10_000, &[rapier]),
        contest(Course::FreeFlight, 100_000, &[rapier]),
        contest(Course::Mixed, 10_000, &[rapier]),
    ];
    contests[3].places.push(Place {
        entrant: Entrant::Jaguar,
        threads: 1,
    });
    contests.retain(|contest| matches!(contest.subject, Subject::Course { course, .. } if scenes.contains(&course)));
    contests
}

/// A number that says how good a result is.
type Figure = fn(&Quality) -> f64;

struct Bars(Vec<Bar>);

impl Bars {
    fn at_least(&mut self, name: impl Into<String>, unit: &'static str, value: Option<f64>, least: f64) {
        self.push(name.into(), unit, value, Bound::AtLeast(least));
    }

    fn at_most(&mut self, name: impl Into<String>, unit: &'static str, value: Option<f64>, most: f64) {
        self.push(name.into(), unit, value, Bound::AtMost(most));
    }

    fn push(&mut self, name: String, unit: &'static str, value: Option<f64>, bound: Bound) {
        self.0.push(Bar {
            name,
            unit,
            value,
            bound,
        });
    }
}

/// What was measured.
pub(crate) struct Measured {
    pub(crate) contests: Vec<(Contest, Vec<Outcome>)>,
    /// Jaguar's memory in the pile.
    pub(crate) memory: Option<Memory>,
}

impl Measured {
    /// Jaguar's memory in the pile is that of so many bodies.
    pub(crate) const MEMORY_BODIES: usize = 50_000;

    /// Measures what is not a time.
    pub(crate) fn memory() -> anyhow::Result<Memory> {
        Memory::measure(Entrant::Jaguar, Course::Pile, Self::MEMORY_BODIES, THREADS)
    }

    /// All bars.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let mut bars = Bars(Vec::new());
        self.gas(&mut bars);
        self.pile(&mut bars);
        self.boxes(&mut bars);
        for (bodies, least) in [(10_000, 15.0), (100_000, 30.0)] {
            let ratio = self.to_rapier(Course::FreeFlight, bodies);
            bars.at_least(
                format!("free flight of {bodies}: Rapier's time / ours"),
                "x",
                ratio,
                least,
            );
        }
        self.mixed(&mut bars);
        self.costs(&mut bars);
        bars.0
    }

    fn gas(&self, bars: &mut Bars) {
        for (bodies, least) in [(10_000, 3.0), (100_000, 5.0)] {
            let ratio = self.to_jolt(Course::Gas, bodies);
            bars.at_least(format!("gas of {bodies}: Jolt's time / ours"), "x", ratio, least);
        }
        let ratio = self.to_rapier(Course::Gas, 10_000);
        bars.at_least("gas of 10000: Rapier's time / ours", "x", ratio, 6.0);
        for bodies in [10_000, 100_000] {
            let ours = self.ours(Course::Gas, bodies);
            let change = ours.and_then(|gas| gas.energy_change_percent).map(f64::abs);
            bars.at_most(format!("gas of {bodies}: change of energy"), "%", change, 1.0);
            let overlap = ours.map(|gas| gas.quality.max_overlap_percent);
            bars.at_most(format!("gas of {bodies}: max overlap"), "% of radius", overlap, 15.0);
        }
    }

    fn pile(&self, bars: &mut Bars) {
        for (bodies, least) in [(10_000, 6.0), (50_000, 9.0)] {
            let ratio = self.to_rapier(Course::Pile, bodies);
            bars.at_least(format!("pile of {bodies}: Rapier's time / ours"), "x", ratio, least);
            let quality = self.ours(Course::Pile, bodies).map(|ours| ours.quality);
            let mut bar = |name, unit, figure: Figure, most| {
                bars.at_most(
                    format!("pile of {bodies}: {name}"),
                    unit,
                    quality.as_ref().map(figure),
                    most,
                );
            };
            bar("max overlap", "% of radius", |quality| quality.max_overlap_percent, 1.0);
            bar(
                "mean overlap",
                "% of radius",
                |quality| quality.mean_overlap_percent,
                0.1,
            );
            bar("kinetic energy", "J per body", |quality| quality.kinetic_energy_j, 0.1);
        }
    }

    fn boxes(&self, bars: &mut Bars) {
        let ratio = self.to_rapier(Course::Boxes, 10_000);
        bars.at_least("boxes: Rapier's time / ours", "x", ratio, 1.5);
        let to_box3d = ratio.map(|ratio| ratio * BOX3D_TO_RAPIER);
        bars.at_least("boxes: Box3D's time / ours, estimated", "x", to_box3d, 1.5);
        let ours = self.ours(Course::Boxes, 10_000).map(|ours| ours.quality);
        let max = ours.map(|quality| quality.max_overlap_percent);
        bars.at_most("boxes: max overlap", "% of half extent", max, 10.0);
        let mean = ours.map(|quality| quality.mean_overlap_percent);
        bars.at_most("boxes: mean overlap", "% of half extent", mean, 0.5);
        self.no_worse_than_rapier(
            Course::Boxes,
            "kinetic energy",
            "J",
            |quality| quality.kinetic_energy_j,
            bars,
        );
    }

    fn mixed(&self, bars: &mut Bars) {
        let ratio = self.to_rapier(Course::Mixed, 10_000);
        bars.at_least("mixed: Rapier's time / ours", "x", ratio, 1.5);
        let mut bar = |name, unit, figure| self.no_worse_than_rapier(Course::Mixed, name, unit, figure, bars);
        bar("max overlap", "%", |quality| quality.max_overlap_percent);
        bar("mean overlap", "%", |quality| quality.mean_overlap_percent);
        bar("depth in the ground", "%", |quality| quality.sunk_percent);
        bar("lost", "bodies", |quality| quality.lost as f64);
        bar("kinetic energy", "J", |quality| quality.kinetic_energy_j);
    }

    fn costs(&self, bars: &mut Bars) {
        let bytes = self.memory.as_ref().map(|memory| memory.bytes_per_body);
        let name = format!("memory, pile of {}", Self::MEMORY_BODIES);
        bars.at_most(name, "bytes per body", bytes, 400.0);
        let serial = Place {
            entrant: Entrant::Jaguar,
            threads: 1,
        };
        let serial = self.find(Course::Pile, 50_000, serial);
        let speed_up = serial
            .zip(self.ours(Course::Pile, 50_000))
            .map(|(one, two)| one.tick_ms / two.tick_ms);
        bars.at_least("pile of 50000: time on 1 thread / on 2", "x", speed_up, 1.7);
        for course in [Course::Gas, Course::Pile, Course::FreeFlight] {
            let per_body = |bodies: usize| Some(self.ours(course, bodies)?.tick_ms / bodies as f64);
            let growth = per_body(100_000)
                .zip(per_body(10_000))
                .map(|(large, small)| large / small);
            bars.at_most(
                format!("{course}: time per body at 100000 / at 10000"),
                "x",
                growth,
                1.5,
            );
        }
    }

    /// A figure of 10,000 bodies that must not be above Rapier's.
    fn no_worse_than_rapier(&self, course: Course, name: &str, unit: &'static str, figure: Figure, bars: &mut Bars) {
        let of = |entrant| self.of(course, 10_000, entrant).map(|outcome| figure(&outcome.quality));
        if let Some(theirs) = of(Entrant::Rapier) {
            bars.at_most(
                format!("{course}: {name}, no more than Rapier's"),
                unit,
                of(Entrant::Jaguar),
                theirs,
            );
        }
    }

    fn to_rapier(&self, course: Course, bodies: usize) -> Option<f64> {
        self.ratio(course, bodies, Entrant::Rapier)
    }

    #[cfg(feature = "peers-jolt")]
    fn to_jolt(&self, course: Course, bodies: usize) -> Option<f64> {
        self.ratio(course, bodies, Entrant::Jolt)
    }

    #[cfg(not(feature = "peers-jolt"))]
    #[expect(clippy::unused_self, reason = "Jolt is not compiled in")]
    fn to_jolt(&self, _: Course, _: usize) -> Option<f64> {
        None
    }

    fn ours(&self, course: Course, bodies: usize) -> Option<&Outcome> {
        self.of(course, bodies, Entrant::Jaguar)
    }

    fn of(&self, course: Course, bodies: usize, entrant: Entrant) -> Option<&Outcome> {
        self.find(
            course,
            bodies,
            Place {
                entrant,
                threads: THREADS,
            },
        )
    }

    fn find(&self, course: Course, bodies: usize, place: Place) -> Option<&Outcome> {
        let is_of = |subject: &Subject| matches!(*subject, Subject::Course { course: c, bodies: b, .. } if (c, b) == (course, bodies));
        let (_, outcomes) = self.contests.iter().find(|(contest, _)| is_of(&contest.subject))?;
        outcomes.iter().find(|outcome| outcome.place == place)
    }

    /// A peer's time over ours.
    fn ratio(&self, course: Course, bodies: usize, peer: Entrant) -> Option<f64> {
        Some(self.of(course, bodies, peer)?.tick_ms / self.ours(course, bodies)?.tick_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(value: Option<f64>, bound: Bound) -> &'static str {
        let bar = Bar {
            name: "a bar".to_owned(),
            unit: "x",
            value,
            bound,
        };
        bar.verdict()
    }

    #[test]
    fn a_bar_is_passed_at_its_bound_and_not_beyond() {
        assert_eq!(verdict(Some(3.0), Bound::AtLeast(3.0)), "pass");
        assert_eq!(verdict(Some(2.9), Bound::AtLeast(3.0)), "FAIL");
        assert_eq!(verdict(Some(1.1), Bound::AtMost(1.0)), "FAIL");
        assert_eq!(verdict(Some(f64::NAN), Bound::AtMost(1.0)), "FAIL");
        assert_eq!(verdict(None, Bound::AtMost(1.0)), "not measured");
    }

    #[test]
    fn three_digits_count() {
        assert_eq!(
            [1234.5, 12.345, 0.012_345, 0.0].map(rounded),
            ["1234", "12.3", "0.0123", "0.00000"]
        );
    }
}
