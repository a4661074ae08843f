//! Runs seeds of the simulation: `cargo run --release -p jaguar-sim -- [--seed N] [--runs COUNT]`.

use std::process::ExitCode;

use jaguar_sim::{Options, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(
            arguments
                .get(at + 1)
                .and_then(|value| value.parse().ok())
                .unwrap_or(default),
        )
    };
    let first = number("--seed", 0);
    let runs = number("--runs", 100).unwrap_or(if first.is_some() { 1 } else { 100 });
    let first = first.unwrap_or(0);
    let (mut handed_over, mut joins, mut leaves, mut snapshots) = (0, 0, 0, 0);
    for seed in first..first + runs {
        let options = Options::draw(seed);
        match run(&options) {
            Ok(outcome) => {
                handed_over += outcome.handed_over;
                joins += outcome.members - 1;
                leaves += outcome.left;
                snapshots += outcome.snapshots;
                if runs == 1 {
                    println!("{options:#?}\n{outcome:#?}");
                }
            }
            Err(failure) => {
                println!(
                    "seed {seed} fails: {failure}\n{options:#?}\nreplay: cargo run --release -p jaguar-sim -- --seed {seed}"
                );
                return ExitCode::FAILURE;
            }
        }
    }
    println!(
        "{runs} seeds from {first}: all equal to their replays; {joins} joins, {leaves} leaves, {snapshots} snapshots, {handed_over} bodies handed over"
    );
    ExitCode::SUCCESS
}
