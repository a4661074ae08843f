//! Jaguar and other engines on the same scenes, side by side in one run: times, how good the results are, and Jaguar's world hash.

mod bars;
mod block;
mod contest;
mod jaguar;
#[cfg(feature = "peers-jolt")]
mod jolt;
mod machine;
mod memory;
mod rapier;
mod report;
mod scale;
mod scene_file;

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::Parser;
use jaguar_benches::course::Course;

use crate::bars::{Bar, Measured};
use crate::contest::{Contest, Entrant, Outcome, Place, Subject};
use crate::machine::Machine;
use crate::memory::Memory;
use crate::report::Row;
use crate::scene_file::SceneFile;

#[derive(Debug, Parser)]
#[command(about = "Times Jaguar and other engines on the same scenes, side by side")]
struct Arguments {
    /// Scenes to run
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Course::ALL)]
    scene: Vec<Course>,
    /// Numbers of bodies
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    bodies: Vec<usize>,
    /// Instead of these scenes: scenario files
    #[arg(long, value_delimiter = ',', value_name = "SCENARIO.toml", conflicts_with_all = ["scene", "bodies", "bars", "memory", "scale"])]
    file: Vec<PathBuf>,
    /// Which ticks of the files are timed [default: the last 120 of a file's own]
    #[arg(long, value_name = "FROM..TO", value_parser = parse_ticks, requires = "file")]
    timed: Option<Range<u32>>,
    /// Seeds of the scenes; of the bars one [default: 1, or the file's own]
    #[arg(long, value_delimiter = ',')]
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
    /// Instead of the numbers chosen: what the bars of these scenes need, and whether each is passed
    #[arg(long, conflicts_with_all = ["memory", "scale"])]
    bars: bool,
    /// Instead of times: the memory of each engine at the end of each scene
    #[arg(long, conflicts_with = "scale")]
    memory: bool,
    /// Instead: a million bodies in free flight and a pile of 100,000 in one process, Jaguar alone
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    scale: bool,
    /// Run one engine alone and print by how many bytes the process grew
    #[arg(long, hide = true)]
    grown_by: Option<Entrant>,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values
    #[arg(long)]
    csv: bool,
}

impl Arguments {
    fn seeds_of_courses(&self) -> &[u64] {
        if self.seed.is_empty() { &[1] } else { &self.seed }
    }
}

fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=64) => Ok(threads),
        _ => Err("a number of threads is 1 to 64".to_owned()),
    }
}

fn parse_ticks(text: &str) -> Result<Range<u32>, String> {
    let ticks = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    match ticks {
        Some(ticks) if !ticks.is_empty() => Ok(ticks),
        _ => Err("ticks are FROM..TO, the first that is timed and the first that is not, as in 300..420".to_owned()),
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(entrant) = arguments.grown_by {
        let bytes = memory::grown_by(entrant, arguments.scene[0], arguments.bodies[0], arguments.threads[0])?;
        println!("{bytes}");
        return Ok(());
    }
    let output = Output::of(&arguments);
    let machine = Machine::read();
    output.line(&machine, &machine);
    if arguments.scale {
        scale::run(most_threads(&arguments))
    } else if arguments.memory {
        print_memory(&arguments, output, &machine)
    } else {
        print_times(&arguments, output, &machine)
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Table,
    Csv,
    Json,
}

impl Output {
    fn of(arguments: &Arguments) -> Self {
        match arguments {
            Arguments { json: true, .. } => Self::Json,
            Arguments { csv: true, .. } => Self::Csv,
            _ => Self::Table,
        }
    }

    /// Prints a line at once; JSON comes at the end.
    fn line(self, table: &dyn Display, csv: &dyn Display) {
        match self {
            Self::Table => println!("{table}"),
            Self::Csv => println!("{csv}"),
            Self::Json => {}
        }
    }

    fn json(self, value: &serde_json::Value) -> anyhow::Result<()> {
        if self == Self::Json {
            println!("{}", serde_json::to_string_pretty(value)?);
        }
        Ok(())
    }
}

fn most_threads(arguments: &Arguments) -> usize {
    arguments.threads.iter().copied().max().unwrap_or(1)
}

/// The table of times, and the bars if they are asked for.
fn print_times(arguments: &Arguments, output: Output, machine: &Machine) -> anyhow::Result<()> {
    let contests = if arguments.bars {
        let &[seed] = arguments.seeds_of_courses() else {
            bail!("--bars takes one seed, not {}", arguments.seed.len());
        };
        bars::contests(&arguments.scene, seed)
    } else {
        contests(arguments)?
    };
    output.line(&Row::TABLE_HEADER, &Row::CSV_HEADER);
    let (mut rows, mut measured) = (Vec::new(), Vec::new());
    for contest in contests {
        let outcomes = contest.run(arguments.repeat)?;
        let is_ours = |outcome: &Outcome| outcome.place.entrant == Entrant::Jaguar;
        for row in Row::of(&contest, &outcomes, is_ours) {
            output.line(&row.table(), &row.csv());
            rows.push(row);
        }
        measured.push((contest, outcomes));
    }
    ensure_one_hash(&rows)?;
    if !arguments.bars {
        return output.json(&serde_json::json!({ "machine": machine, "rows": rows }));
    }
    let needs_memory = arguments.scene.contains(&Course::Pile);
    let memory = needs_memory.then(Measured::memory).transpose()?;
    let bars = Measured {
        contests: measured,
        memory,
    }
    .bars();
    output.line(&format!("\n{}", Bar::TABLE_HEADER), &Bar::CSV_HEADER);
    for bar in &bars {
        output.line(bar, &bar.csv());
    }
    output.json(&serde_json::json!({ "machine": machine, "rows": rows, "bars": bars }))
}

/// The table of memory.
fn print_memory(arguments: &Arguments, output: Output, machine: &Machine) -> anyhow::Result<()> {
    output.line(&Memory::TABLE_HEADER, &Memory::CSV_HEADER);
    let mut rows = Vec::new();
    for &course in &arguments.scene {
        for &bodies in &arguments.bodies {
            for entrant in engines(arguments) {
                let memory = Memory::measure(entrant, course, bodies, most_threads(arguments))?;
                output.line(&memory.table(), &memory.csv());
                rows.push(memory);
            }
        }
    }
    output.json(&serde_json::json!({ "machine": machine, "memory": rows }))
}

fn engines(arguments: &Arguments) -> Vec<Entrant> {
    let mut engines = arguments.engine.clone();
    if arguments.equal_quality {
        engines.extend(Entrant::AT_EQUAL_QUALITY);
    }
    engines
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

/// One contest for each scene or file, number of bodies, seed and number of threads, with all engines.
fn contests(arguments: &Arguments) -> anyhow::Result<Vec<Contest>> {
    let engines = engines(arguments);
    let mut contests = Vec::new();
    for subject in subjects(arguments)? {
        for &threads in &arguments.threads {
            let places = engines.iter().map(|&entrant| Place { entrant, threads });
            contests.push(Contest {
                subject: subject.clone(),
                places: places.collect(),
            });
        }
    }
    Ok(contests)
}

fn subjects(arguments: &Arguments) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    let mut paths = HashMap::new();
    for path in &arguments.file {
        if let Some(other) = paths.insert(path.file_stem(), path) {
            bail!(
                "{} and {} would have the same name in the results",
                other.display(),
                path.display()
            );
        }
        let seeds: Vec<Option<u64>> = match arguments.seed.as_slice() {
            [] => vec![None],
            seeds => seeds.iter().copied().map(Some).collect(),
        };
        for seed in seeds {
            let file = SceneFile::load(path, seed, arguments.timed.clone())?;
            subjects.push(Subject::File(Box::new(file)));
        }
    }
    if !subjects.is_empty() {
        return Ok(subjects);
    }
    for &course in &arguments.scene {
        for &bodies in &arguments.bodies {
            for &seed in arguments.seeds_of_courses() {
                subjects.push(Subject::Course { course, bodies, seed });
            }
        }
    }
    Ok(subjects)
}
