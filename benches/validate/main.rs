//! `validate`: runs the experiments of `jaguar_benches::validation`, prints a table, and writes their plots and the tables of `docs/validation.md`.

mod document;
mod plot;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Parser;
use jaguar_benches::validation::EXPERIMENTS;

/// Experiments whose outcome is known: what was measured beside what it should be.
#[derive(Debug, Parser)]
#[command(name = "validate")]
struct Arguments {
    /// Only these experiments, by name.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the plots go. Beside it, the document of this name with `.md`: tables go between its markers.
    #[arg(long, default_value = "docs/validation")]
    out: PathBuf,
    /// Write nothing, print only.
    #[arg(long)]
    dry_run: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    for name in &arguments.only {
        ensure!(
            EXPERIMENTS.iter().any(|experiment| experiment.name == name),
            "no experiment is called {name}; there are: {}",
            EXPERIMENTS.map(|experiment| experiment.name).join(", ")
        );
    }
    let chosen = EXPERIMENTS
        .iter()
        .filter(|experiment| arguments.only.is_empty() || arguments.only.iter().any(|name| name == experiment.name));
    let mut all_hold = true;
    for experiment in chosen {
        let begin = Instant::now();
        let findings = (experiment.run)();
        println!("{} ({:.1} s)", experiment.name, begin.elapsed().as_secs_f64());
        for check in &findings.checks {
            let verdict = if check.holds { "ok  " } else { "FAIL" };
            let (measured, expected, tolerance) = (&check.measured, &check.expected, &check.tolerance);
            println!(
                "  {verdict} {}: {measured}, expected {expected}, tolerance {tolerance}",
                check.what
            );
        }
        all_hold &= findings.hold();
        if !arguments.dry_run {
            std::fs::create_dir_all(&arguments.out).with_context(|| arguments.out.display().to_string())?;
            for plot in &findings.plots {
                plot::draw(plot, &arguments.out)?;
            }
            document::update(&arguments.out, experiment.name, &findings)?;
        }
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
