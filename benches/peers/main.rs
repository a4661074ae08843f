//! Jaguar and other engines on the same scenes, side by side in one run: times, how good the results are, and Jaguar's world hash.

mod contest;
mod jaguar;
#[cfg(feature = "peers-jolt")]
mod jolt;
mod machine;
mod rapier;
mod report;
mod slab;

use std::collections::HashMap;

use anyhow::ensure;
use clap::Parser;
use jaguar_benches::course::Course;

use crate::contest::{Contest, Entrant, Place};
use crate::machine::Machine;
use crate::report::Row;

#[derive(Debug, Parser)]
#[command(about = "Times Jaguar and other engines on the same scenes, side by side")]
struct Arguments {
    /// Scenes to run
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Course::ALL)]
    scene: Vec<Course>,
    /// Numbers of bodies
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    bodies: Vec<usize>,
    /// Seeds of the scenes
    #[arg(long, value_delimiter = ',', default_values_t = [1])]
    seed: Vec<u64>,
    /// Numbers of threads
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2], value_parser = parse_threads)]
    threads: Vec<usize>,
    /// Engines; as they come if not given
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Entrant::AS_THEY_COME.iter().copied())]
    engine: Vec<Entrant>,
    /// Besides, the peers with settings that bring their quality near Jaguar's
    #[arg(long)]
    equal_quality: bool,
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
        Ok(threads @ 1..=64) => Ok(threads),
        _ => Err("a number of threads is 1 to 64".to_owned()),
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let machine = Machine::read();
    if !arguments.json {
        println!("{machine}");
        println!(
            "{}",
            if arguments.csv {
                Row::CSV_HEADER
            } else {
                Row::TABLE_HEADER
            }
        );
    }
    let mut rows = Vec::new();
    for contest in contests(&arguments) {
        let outcomes = contest.run(arguments.repeat)?;
        for row in Row::of(&contest, &outcomes, |outcome| outcome.place.entrant == Entrant::Jaguar) {
            if arguments.csv {
                println!("{}", row.csv());
            } else if !arguments.json {
                println!("{}", row.table());
            }
            rows.push(row);
        }
    }
    ensure_one_hash(&rows)?;
    if arguments.json {
        let report = serde_json::json!({ "machine": machine, "rows": rows });
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(())
}

/// Fails when a scene's hash depends on the number of threads.
fn ensure_one_hash(rows: &[Row]) -> anyhow::Result<()> {
    let mut hashes = HashMap::new();
    for row in rows {
        if let Some(hash) = &row.hash {
            let first = *hashes.entry((&row.scene, row.bodies, row.seed)).or_insert(hash);
            ensure!(
                first == hash,
                "{} of {} bodies, seed {}: Jaguar's hash depends on the number of threads: {first}, {hash}",
                row.scene,
                row.bodies,
                row.seed
            );
        }
    }
    Ok(())
}

/// One contest for each scene, number of bodies, seed and number of threads, with all engines.
fn contests(arguments: &Arguments) -> Vec<Contest> {
    let mut engines = arguments.engine.clone();
    if arguments.equal_quality {
        engines.extend(Entrant::AT_EQUAL_QUALITY);
    }
    let mut contests = Vec::new();
    for &course in &arguments.scene {
        for &bodies in &arguments.bodies {
            for &seed in &arguments.seed {
                for &threads in &arguments.threads {
                    let places = engines.iter().map(|&entrant| Place { entrant, threads });
                    contests.push(Contest {
                        course,
                        bodies,
                        seed,
                        places: places.collect(),
                    });
                }
            }
        }
    }
    contests
}
