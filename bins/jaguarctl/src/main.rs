//! The Jaguar command line: a local cluster that scales itself, the comparison of worlds, and questions to running pods.
//!
//! It starts itself again as the daemon, so that both are of one build.

mod churn;
mod config;
mod connection;
mod convert;
mod daemon;
mod difference;
mod follow;
mod joint;
mod live_view;
mod load_trace;
mod local_authority;
mod local_cluster;
mod meter;
mod outcome;
mod plan;
mod plot;
mod progress;
mod proof;
mod quantile;
mod query;
mod recording;
mod reference;
mod region;
mod report;
mod restore;
mod scaling;
mod scenario;
mod scrape;
mod shape;
mod shipped;
mod snapshot;
mod spawn;
mod status;
mod stdout;
mod steering;
mod table;
mod up;
mod verification;
mod verify;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use console::style;
use tokio::signal::unix::{SignalKind, signal};

use crate::outcome::{COULD_NOT_RUN, INTERRUPTED, Outcome, TERMINATED};

const EXIT_CODES: &str = "\
Exit codes:
  0    all is well: the worlds are the same, nothing was lost
  1    worlds differ, bodies were lost or duplicated, or a snapshot is damaged
  2    the command could not run: a wrong option or file, a pod that does not answer or has died
  130  interrupted by Ctrl-C; every process that was started is gone";

/// One world on any number of pods, with the same bits.
#[derive(Debug, Parser)]
#[command(name = "jaguarctl", version, after_help = EXIT_CODES, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario on a local cluster that scales itself, then prove that it was the same as on one pod
    #[command(after_help = EXIT_CODES)]
    Up(up::UpArgs),
    /// Run a scenario on several clusters and compare the hash of every tick with that of one world
    #[command(after_help = EXIT_CODES)]
    Verify(verify::VerifyArgs),
    /// Show how a running world is doing
    Status(status::StatusArgs),
    /// Add bodies to a running world
    Spawn(spawn::SpawnArgs),
    /// Join bodies of a running world, and remove joints
    Joint(joint::JointArgs),
    /// Take, list and verify snapshots
    #[command(after_help = EXIT_CODES)]
    Snapshot(snapshot::SnapshotArgs),
    /// List the bodies in a region of a running world
    Query(query::QueryArgs),
    /// Follow a region of a running world
    Watch(watch::WatchArgs),
    /// Show what the deployed autoscaler would make of a load over time
    Plan(plan::PlanArgs),
    /// Print the reference of all configuration keys, or check a configuration
    Config(config::ConfigArgs),
    /// Run the daemon
    #[command(hide = true, disable_help_flag = true, disable_version_flag = true)]
    Jaguard {
        /// As `jaguard` takes them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let command = match Cli::parse().command {
        Command::Jaguard { arguments } => {
            return jaguard::run([OsString::from("jaguard")].into_iter().chain(arguments));
        }
        command => command,
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&anyhow::Error::new(error).context("cannot start"));
            return COULD_NOT_RUN.into();
        }
    };
    let code = runtime.block_on(until_signal(execute(command)));
    // A replay that is under way would hold the exit up until its end.
    runtime.shutdown_background();
    code
}

async fn execute(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Up(args) => return up::run(&args).await,
        Command::Verify(args) => return verify::run(&args).await,
        Command::Status(args) => status::run(&args).await?,
        Command::Spawn(args) => spawn::run(&args).await?,
        Command::Joint(args) => joint::run(&args).await?,
        Command::Snapshot(args) => return snapshot::run(&args).await,
        Command::Query(args) => query::run(&args).await?,
        Command::Watch(args) => watch::run(&args).await?,
        Command::Plan(args) => plan::run(&args)?,
        Command::Config(args) => config::run(&args)?,
        Command::Jaguard { .. } => {}
    }
    Ok(Outcome::Same)
}

/// The command's exit code, or that of the signal which came first. Dropping the command ends the processes that it started.
async fn until_signal(command: impl Future<Output = anyhow::Result<Outcome>>) -> ExitCode {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        complain(&anyhow::anyhow!("cannot listen for signals"));
        return COULD_NOT_RUN.into();
    };
    tokio::select! {
        ended = command => match ended {
            Ok(outcome) => outcome.into(),
            Err(error) if stdout::is_closed_pipe(&error) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&error);
                COULD_NOT_RUN.into()
            }
        },
        _ = interrupt.recv() => INTERRUPTED.into(),
        _ = terminate.recv() => TERMINATED.into(),
    }
}

fn complain(error: &anyhow::Error) {
    eprintln!("{} {error:#}", style("error:").for_stderr().red().bold());
}
