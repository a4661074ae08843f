//! Engines that run the same scene in turns, so that whatever else the machine does slows all of them.

use std::borrow::Cow;
use std::fmt;
use std::ops::{AddAssign, Range};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jaguar_benches::course::Course;
use jaguar_benches::engine::Engine;
use jaguar_benches::quality::{Judge, Quality};
use jaguar_core::scenes::Scene;
use rayon::{ThreadPool, ThreadPoolBuilder};
#[cfg(target_os = "linux")]
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::jaguar::Jaguar;
#[cfg(feature = "peers-jolt")]
use crate::jolt::Jolt;
use crate::rapier::{Rapier, Stiffness};
use crate::scene_file::SceneFile;

/// Ticks of a turn: long enough that an engine has its data in the caches, short enough that all see the same noise.
const TURN_TICKS: u32 = 10;

/// An engine with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(crate) enum Entrant {
    /// Jaguar as it comes: 4 substeps, contacts of 120 Hz.
    Jaguar,
    /// Rapier as it comes: 4 iterations, contacts of 30 Hz (60 Hz against static bodies).
    Rapier,
    /// Rapier with contacts as stiff as Jaguar's.
    #[value(name = "rapier-120hz")]
    Rapier120Hz,
    /// Jolt as it comes: one step a tick.
    #[cfg(feature = "peers-jolt")]
    Jolt,
    /// Jolt with four steps a tick.
    #[cfg(feature = "peers-jolt")]
    #[value(name = "jolt-4-steps")]
    Jolt4Steps,
}

impl Entrant {
    /// What runs when nothing is chosen: all engines as they come.
    pub(crate) const AS_THEY_COME: &[Self] = &[
        Self::Jaguar,
        Self::Rapier,
        #[cfg(feature = "peers-jolt")]
        Self::Jolt,
    ];

    /// The peers with settings that bring their quality near Jaguar's.
    pub(crate) const AT_EQUAL_QUALITY: &[Self] = &[
        Self::Rapier120Hz,
        #[cfg(feature = "peers-jolt")]
        Self::Jolt4Steps,
    ];

    /// How often a tick integrates positions.
    pub(crate) fn substeps(self, scene: &Scene) -> u32 {
        match self {
            Self::Jaguar => scene.params.substeps,
            Self::Rapier | Self::Rapier120Hz => Rapier::ITERATIONS,
            #[cfg(feature = "peers-jolt")]
            Self::Jolt => 1,
            #[cfg(feature = "peers-jolt")]
            Self::Jolt4Steps => 4,
        }
    }

    /// The scene in this engine. `threads` is for engines with threads of their own.
    #[cfg_attr(
        not(feature = "peers-jolt"),
        expect(unused_variables, reason = "the others run on the pool that steps them")
    )]
    pub(crate) fn engine(self, scene: &Scene, threads: usize) -> anyhow::Result<Box<dyn Engine>> {
        Ok(match self {
            Self::Jaguar => Box::new(Jaguar::new(scene)?),
            Self::Rapier => Box::new(Rapier::new(scene, Stiffness::Default)?),
            Self::Rapier120Hz => Box::new(Rapier::new(scene, Stiffness::Hz120)?),
            #[cfg(feature = "peers-jolt")]
            Self::Jolt => Box::new(Jolt::new(scene, threads, 1)?),
            #[cfg(feature = "peers-jolt")]
            Self::Jolt4Steps => Box::new(Jolt::new(scene, threads, 4)?),
        })
    }
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Jaguar => "Jaguar",
            Self::Rapier => "Rapier",
            Self::Rapier120Hz => "Rapier 120 Hz",
            #[cfg(feature = "peers-jolt")]
            Self::Jolt => "Jolt",
            #[cfg(feature = "peers-jolt")]
            Self::Jolt4Steps => "Jolt 4 steps",
        })
    }
}

/// An engine and the threads that it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) entrant: Entrant,
    pub(crate) threads: usize,
}

/// What is run: engines side by side on one scene.
#[derive(Clone, Debug)]
pub(crate) struct Contest {
    pub(crate) subject: Subject,
    pub(crate) places: Vec<Place>,
}

/// Which scene is run.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// One of the courses.
    Course { course: Course, bodies: usize, seed: u64 },
    /// A file's.
    File(Box<SceneFile>),
}

impl Subject {
    /// What results call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Course { course, .. } => course.to_string(),
            Self::File(file) => file.name.clone(),
        }
    }

    /// Number of bodies.
    pub(crate) fn bodies(&self) -> usize {
        match self {
            Self::Course { bodies, .. } => *bodies,
            Self::File(file) => file.scene.bodies.len(),
        }
    }

    /// What its random numbers are drawn from.
    pub(crate) fn seed(&self) -> u64 {
        match self {
            Self::Course { seed, .. } => *seed,
            Self::File(file) => file.seed,
        }
    }

    fn timed_ticks(&self) -> Range<u32> {
        match self {
            Self::Course { course, .. } => course.timed_ticks(),
            Self::File(file) => file.timed_ticks.clone(),
        }
    }

    fn scene(&self) -> Cow<'_, Scene> {
        match *self {
            Self::Course { course, bodies, seed } => Cow::Owned(course.scene(bodies, seed)),
            Self::File(ref file) => Cow::Borrowed(&file.scene),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bodies, seed {}", self.name(), self.bodies(), self.seed())
    }
}

/// What one engine did in all runs of a contest.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) place: Place,
    /// Times that a tick integrates positions.
    pub(crate) substeps: u32,
    /// Mean time of a tick in the fastest run, ms.
    pub(crate) tick_ms: f64,
    /// Processor time of a tick on all threads in the run that took least, ms.
    pub(crate) cpu_ms: f64,
    /// How much slower the slowest run was than the fastest, %; none for a single run.
    pub(crate) spread_percent: Option<f64>,
    /// Change of the kinetic energy since the start, %; none for bodies that started at rest.
    pub(crate) energy_change_percent: Option<f64>,
    /// The bodies after the last tick.
    pub(crate) quality: Quality,
    /// Jaguar's hash after the last tick.
    pub(crate) hash: Option<String>,
}

/// What one engine did in one run.
struct Lap {
    tick_ms: f64,
    cpu_ms: f64,
    quality: Quality,
    hash: Option<String>,
}

impl Contest {
    /// Runs all engines so many times; fails when two runs of Jaguar end in different hashes, on whatever number of threads.
    pub(crate) fn run(&self, repeat: u32) -> anyhow::Result<Vec<Outcome>> {
        let scene = self.subject.scene();
        let judge = Judge::new(&scene);
        let mut laps: Vec<Vec<Lap>> = self.places.iter().map(|_| Vec::new()).collect();
        for _ in 0..repeat {
            for (index, lap) in self.lap(&scene, &judge)? {
                laps[index].push(lap);
            }
        }
        let mut hashes = laps.iter().flatten().filter_map(|lap| lap.hash.as_ref());
        if let Some(first) = hashes.next() {
            ensure!(
                hashes.all(|hash| hash == first),
                "{}: Jaguar's hash depends on the run or the number of threads",
                self.subject
            );
        }
        let energy_at_start = judge.energy_at_start();
        let outcome = |(&place, laps): (&Place, &Vec<Lap>)| {
            let last = laps.last()?;
            let times = laps.iter().map(|lap| lap.tick_ms);
            let (fastest, slowest) = (times.clone().fold(f64::INFINITY, f64::min), times.fold(0.0, f64::max));
            Some(Outcome {
                place,
                substeps: place.entrant.substeps(&scene),
                tick_ms: fastest,
                cpu_ms: laps.iter().map(|lap| lap.cpu_ms).fold(f64::INFINITY, f64::min),
                spread_percent: (laps.len() > 1).then(|| 100.0 * (slowest / fastest - 1.0)),
                energy_change_percent: (energy_at_start > 0.0)
                    .then(|| 100.0 * (last.quality.kinetic_energy_j / energy_at_start - 1.0)),
                quality: last.quality,
                hash: last.hash.clone(),
            })
        };
        Ok(self.places.iter().zip(&laps).filter_map(outcome).collect())
    }

    /// One run, each engine with its index in `places`. Ticks before the timed ones are on all cores, but for engines with threads of their own.
    ///
    /// An engine that cannot take the scene is left out, which standard error says.
    fn lap(&self, scene: &Scene, judge: &Judge<'_>) -> anyhow::Result<Vec<(usize, Lap)>> {
        let all_cores = pool(std::thread::available_parallelism()?.get())?;
        let ticks = self.subject.timed_ticks();
        let mut running = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            match place.entrant.engine(scene, place.threads) {
                Ok(mut engine) => {
                    advance(&all_cores, engine.as_mut(), ticks.start)?;
                    running.push((index, engine, pool(place.threads)?, Spent::default()));
                }
                Err(error) => eprintln!("{}: no {}: {error:#}", self.subject, place.entrant),
            }
        }
        for turn in ticks.clone().step_by(TURN_TICKS as usize) {
            for (_, engine, pool, spent) in &mut running {
                *spent += advance(pool, engine.as_mut(), TURN_TICKS.min(ticks.end - turn))?;
            }
        }
        let lap = |(index, engine, _, spent): (usize, Box<dyn Engine>, ThreadPool, Spent)| {
            let count = f64::from(ticks.end - ticks.start);
            let lap = Lap {
                tick_ms: 1e3 * spent.time.as_secs_f64() / count,
                cpu_ms: 1e3 * spent.cpu.as_secs_f64() / count,
                quality: judge.judge(&engine.states()),
                hash: engine.hash(),
            };
            (index, lap)
        };
        Ok(running.into_iter().map(lap).collect())
    }
}

/// Threads of rayon, for whichever engine; several are bound to a processor each.
///
/// Between its turns an engine's threads sleep. Linux may wake both of two on one processor and leave them there for the ten ticks of a turn: free flight of 100,000 balls then takes as long as on one thread.
pub(crate) fn pool(threads: usize) -> anyhow::Result<ThreadPool> {
    let mut builder = ThreadPoolBuilder::new().num_threads(threads);
    if threads > 1 {
        builder = builder.start_handler(bind);
    }
    builder
        .build()
        .with_context(|| format!("cannot start {threads} threads"))
}

/// Binds this thread of a pool to one of the processors that this process may use. Where that is refused it runs where it will.
#[cfg(target_os = "linux")]
fn bind(thread: usize) {
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let mut processors = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).cycle();
    if let Some(processor) = processors.nth(thread) {
        let mut own = CpuSet::new();
        own.set(processor);
        let _ = sched_setaffinity(None, &own);
    }
}

#[cfg(not(target_os = "linux"))]
fn bind(_: usize) {}

/// Simulates so many ticks on a pool and returns what that took.
pub(crate) fn advance(pool: &ThreadPool, engine: &mut dyn Engine, ticks: u32) -> anyhow::Result<Spent> {
    pool.install(|| {
        let (start, cpu) = (Instant::now(), processor_time());
        for _ in 0..ticks {
            engine.step()?;
        }
        Ok(Spent {
            time: start.elapsed(),
            cpu: processor_time().saturating_sub(cpu),
        })
    })
}

/// Time by the clock, and the processor time of all threads of this process. Of an idle machine's two threads the latter is up to twice the former; other programs on the machine add to the former alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    pub(crate) cpu: Duration,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.time += other.time;
        self.cpu += other.cpu;
    }
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::ValueEnum;
    use glam::DVec3;
    use jaguar_benches::engine::State;

    use super::*;

    /// Largest difference of position, orientation and velocities.
    fn difference(first: &State, second: &State) -> f64 {
        let turn = first.orientation.dot(second.orientation).abs();
        [
            first.position.distance(second.position),
            first.velocity.distance(second.velocity),
            first.angular_velocity.distance(second.angular_velocity),
            (1.0 - turn).max(0.0),
        ]
        .into_iter()
        .fold(0.0, f64::max)
    }

    #[test]
    fn every_engine_takes_over_the_scene_as_it_is() -> anyhow::Result<()> {
        let scenes = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes");
        let file = |name| {
            anyhow::Ok(Subject::File(Box::new(SceneFile::load(
                &scenes.join(name),
                None,
                None,
            )?)))
        };
        let course = |course| Subject::Course {
            course,
            bodies: 100,
            seed: 7,
        };
        let mut subjects = Course::ALL.map(course).to_vec();
        subjects.extend([file("valley.toml")?, file("stacks.toml")?]);
        for subject in subjects {
            let scene = subject.scene();
            for &entrant in Entrant::value_variants() {
                let states = entrant.engine(&scene, 1)?.states();
                for (body, state) in scene.bodies.iter().zip(states) {
                    let found = difference(&State::of(body), &state);
                    assert!(found < 1e-5, "{subject} in {entrant}: {found}, {body:?}, {state:?}");
                }
            }
        }
        Ok(())
    }

    /// A ball that falls for a second has the speed g t; its place is within what one step of integration makes of it.
    #[test]
    fn every_engine_falls_alike() -> anyhow::Result<()> {
        let scene = Course::FreeFlight.scene(8, 1);
        for &entrant in Entrant::value_variants() {
            let mut engine = entrant.engine(&scene, 1)?;
            for _ in 0..scene.params.tick_rate {
                engine.step()?;
            }
            for (body, state) in scene.bodies.iter().zip(engine.states()) {
                let expected = body.position + 0.5 * scene.params.gravity.as_dvec3();
                assert!(state.velocity.distance(DVec3::Y * -9.81) < 1e-3, "{entrant}: {state:?}");
                // Half a tick's speed, for the engine with one step a tick.
                assert!(state.position.distance(expected) < 0.09, "{entrant}: {state:?}");
            }
        }
        Ok(())
    }
}
