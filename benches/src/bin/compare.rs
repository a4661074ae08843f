//! Jaguar and Rapier on the same scenes, side by side in one run.
//!
//! Both worlds exist at once and take turns of a few ticks, so that whatever else the machine does slows both. Beside each time stands how good the result is, and Jaguar's world hash.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use jaguar_benches::course::Course;
use jaguar_benches::engine::Engine;
use jaguar_benches::jaguar::Jaguar;
use jaguar_benches::quality::Quality;
use jaguar_benches::rapier::Rapier;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;

/// Ticks of a turn: long enough that an engine has its data in the caches, short enough that both see the same noise.
const TURN_TICKS: u32 = 10;

#[derive(Debug, Parser)]
#[command(about = "Times Jaguar and Rapier on the same scenes, side by side")]
struct Arguments {
    /// Scenes to run
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Course::ALL)]
    scene: Vec<Course>,
    /// Numbers of bodies
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    bodies: Vec<usize>,
    /// Numbers of threads
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2], value_parser = parse_threads)]
    threads: Vec<usize>,
    /// Runs of each; the best time of each engine counts
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values
    #[arg(long)]
    csv: bool,
}

fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=1024) => Ok(threads),
        _ => Err("a number of threads is 1 to 1024".to_owned()),
    }
}

/// One line of the result.
#[derive(Debug, Serialize)]
struct Row {
    scene: String,
    bodies: usize,
    threads: usize,
    jaguar: Outcome,
    rapier: Outcome,
    /// Rapier's time over Jaguar's.
    ratio: f64,
    /// Jaguar's world hash after the last tick, hexadecimal.
    hash: String,
}

/// What one engine did.
#[derive(Clone, Copy, Debug, Serialize)]
struct Outcome {
    /// Mean time of a tick, ms.
    tick_ms: f64,
    /// Change of the kinetic energy since the start, %; none for balls that started at rest.
    energy_change_percent: Option<f64>,
    /// The balls after the last tick.
    #[serde(flatten)]
    quality: Quality,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut rows = Vec::new();
    if arguments.csv {
        println!("{}", Row::CSV_HEADER);
    } else if !arguments.json {
        println!("{}", Row::TABLE_HEADER);
    }
    for &scene in &arguments.scene {
        for &bodies in &arguments.bodies {
            let mut hashes = Vec::new();
            for &threads in &arguments.threads {
                let row = best_of(arguments.repeat, scene, bodies, threads)?;
                hashes.push(row.hash.clone());
                if arguments.csv {
                    println!("{}", row.csv());
                } else if !arguments.json {
                    println!("{}", row.table());
                }
                rows.push(row);
            }
            ensure!(
                hashes.iter().all(|hash| *hash == hashes[0]),
                "{scene} of {bodies} bodies: the hash depends on the number of threads: {hashes:?}"
            );
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(())
}

/// The best time of each engine in so many runs.
fn best_of(runs: u32, scene: Course, bodies: usize, threads: usize) -> anyhow::Result<Row> {
    let mut best = run(scene, bodies, threads)?;
    for _ in 1..runs {
        let next = run(scene, bodies, threads)?;
        ensure!(
            next.hash == best.hash,
            "{scene} of {bodies} bodies: two runs gave the hashes {} and {}",
            best.hash,
            next.hash
        );
        best.jaguar.tick_ms = best.jaguar.tick_ms.min(next.jaguar.tick_ms);
        best.rapier.tick_ms = best.rapier.tick_ms.min(next.rapier.tick_ms);
    }
    best.ratio = best.rapier.tick_ms / best.jaguar.tick_ms;
    Ok(best)
}

/// One run of both engines. The ticks before the timed ones run on all cores.
fn run(scene: Course, bodies: usize, threads: usize) -> anyhow::Result<Row> {
    let all_cores = pool(std::thread::available_parallelism()?.get())?;
    let timed = pool(threads)?;
    let start = scene.scene(bodies);
    let mut jaguar = Jaguar::new(&start)?;
    let mut rapier = Rapier::new(&start);
    let energy_before = Quality::of(&jaguar.balls()).kinetic_energy_j;
    let ticks = scene.timed_ticks();

    advance(&all_cores, &mut jaguar, ticks.start);
    advance(&all_cores, &mut rapier, ticks.start);
    let (mut jaguar_time, mut rapier_time) = (Duration::ZERO, Duration::ZERO);
    for turn in ticks.clone().step_by(TURN_TICKS as usize) {
        let count = TURN_TICKS.min(ticks.end - turn);
        jaguar_time += advance(&timed, &mut jaguar, count);
        rapier_time += advance(&timed, &mut rapier, count);
    }

    let outcome = |engine: &dyn Engine, time: Duration| {
        let quality = Quality::of(&engine.balls());
        Outcome {
            tick_ms: 1e3 * time.as_secs_f64() / f64::from(ticks.end - ticks.start),
            energy_change_percent: (energy_before > 0.0)
                .then(|| 100.0 * (quality.kinetic_energy_j / energy_before - 1.0)),
            quality,
        }
    };
    let (jaguar_outcome, rapier_outcome) = (outcome(&jaguar, jaguar_time), outcome(&rapier, rapier_time));
    Ok(Row {
        scene: scene.to_string(),
        bodies,
        threads,
        jaguar: jaguar_outcome,
        rapier: rapier_outcome,
        ratio: rapier_outcome.tick_ms / jaguar_outcome.tick_ms,
        hash: format!("{:032x}", jaguar.hash().0),
    })
}

fn pool(threads: usize) -> anyhow::Result<ThreadPool> {
    let built = ThreadPoolBuilder::new().num_threads(threads).build();
    built.with_context(|| format!("cannot start {threads} threads"))
}

/// Simulates so many ticks on a pool and returns how long that took.
fn advance(pool: &ThreadPool, engine: &mut dyn Engine, ticks: u32) -> Duration {
    pool.install(|| {
        let start = Instant::now();
        for _ in 0..ticks {
            engine.step();
        }
        start.elapsed()
    })
}

impl Row {
    const TABLE_HEADER: &str = "scene        bodies threads | ms/tick  Jaguar   Rapier  ratio | overlap max/mean, %   Jaguar        Rapier | energy     Jaguar    Rapier | hash";
    const CSV_HEADER: &str = "scene,bodies,threads,jaguar_ms,rapier_ms,ratio,jaguar_max_overlap_percent,jaguar_mean_overlap_percent,jaguar_kinetic_energy_j,jaguar_energy_change_percent,\
                              rapier_max_overlap_percent,rapier_mean_overlap_percent,rapier_kinetic_energy_j,rapier_energy_change_percent,jaguar_hash";

    fn table(&self) -> String {
        let Self { jaguar, rapier, .. } = self;
        format!(
            "{:<12} {:>6} {:>7} | {:>15.3} {:>8.3} {:>6.1} | {:>28} {:>13} | {:>17} {:>9} | {}",
            self.scene,
            self.bodies,
            self.threads,
            jaguar.tick_ms,
            rapier.tick_ms,
            self.ratio,
            jaguar.overlap(),
            rapier.overlap(),
            jaguar.energy(),
            rapier.energy(),
            &self.hash[..16],
        )
    }

    fn csv(&self) -> String {
        let Self {
            scene,
            bodies,
            threads,
            jaguar,
            rapier,
            ratio,
            hash,
        } = self;
        format!(
            "{scene},{bodies},{threads},{:.4},{:.4},{ratio:.2},{},{},{hash}",
            jaguar.tick_ms,
            rapier.tick_ms,
            jaguar.csv(),
            rapier.csv()
        )
    }
}

impl Outcome {
    fn overlap(&self) -> String {
        let quality = &self.quality;
        format!(
            "{:.2} / {:.3}",
            quality.max_overlap_percent, quality.mean_overlap_percent
        )
    }

    /// The change if there was energy at the start, otherwise what there is now.
    fn energy(&self) -> String {
        match self.energy_change_percent {
            Some(change) => format!("{change:+.2} %"),
            None => format!("{:.3} J", self.quality.kinetic_energy_j),
        }
    }

    fn csv(&self) -> String {
        let quality = &self.quality;
        let change = self.energy_change_percent.map(|change| format!("{change:.3}"));
        format!(
            "{:.4},{:.4},{:.4},{}",
            quality.max_overlap_percent,
            quality.mean_overlap_percent,
            quality.kinetic_energy_j,
            change.unwrap_or_default()
        )
    }
}
