//! One pod of a world as a process: composes the other crates and holds no logic of the world.
//!
//! From start to end: read the configuration (`options`), found a world (`founding`) or join one, simulate and serve (`app`), follow the configuration
//! (`reload`), and on SIGTERM give everything away and exit 0.
//!
//! A library too, so that `jaguarctl` can start itself again as the daemon.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use jaguar_config::Watch;

mod app;
mod error;
mod founding;
pub mod http;
mod leaving;
mod logging;
mod options;
mod reload;
pub mod resources;
mod shutdown;
mod traces;
mod way;

pub use error::DaemonError;
pub use options::Options;

use traces::Traces;

/// Runs the daemon with these arguments, of which the first is the program's name, until it ends.
///
/// Exit code 0: drained, or ended as the last pod. 1: it failed while it ran. 2: it could not start, and standard error says why.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => {
            // Help and version are errors to clap too. If standard error is gone there is nobody to tell.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match start(options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("jaguard: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs until the end, of which the log says why it came.
///
/// # Errors
/// What is wrong before there is a log.
fn start(options: Options) -> Result<ExitCode, DaemonError> {
    let (watch, loaded) = Watch::new(options.sources()).map_err(DaemonError::Config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(app::NETWORK_THREADS)
        .thread_name("network")
        .enable_all()
        .build()
        .map_err(DaemonError::Runtime)?;
    let traces = Traces::to_collector(&loaded.config, runtime.handle())?;
    let log = logging::start(&loaded.config, traces.as_ref());
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    for setting in &loaded.settings {
        tracing::info!(
            key = setting.key,
            value = setting.value,
            source = setting.source_name,
            "configured"
        );
    }
    if options.exit_with_stdin {
        shutdown::exit_with_stdin();
    }
    let code = match runtime.block_on(app::run(options, watch, log.clone())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.end(&error);
            ExitCode::from(error.exit_code())
        }
    };
    if let Some(traces) = traces {
        traces.flush();
    }
    // Tasks that still wait (a client's stream, a dial) are of no use any more.
    runtime.shutdown_background();
    Ok(code)
}
