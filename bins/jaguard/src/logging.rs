//! Logs on standard error, as text or as one JSON object a line; the level may change while the daemon runs.

use std::io;

use jaguar_config::{Config, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

/// Changes the level of the log.
#[derive(Clone, Debug)]
pub(crate) struct Log(reload::Handle<Targets, Registry>);

/// Begins to log.
pub(crate) fn start(config: &Config) -> Log {
    let (filter, handle) = reload::Layer::new(filter(config.log_level));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A process that embeds the daemon may log already; then its own settings stay.
    drop(tracing_subscriber::registry().with(filter).with(lines).try_init());
    Log(handle)
}

impl Log {
    /// Sets the level from now on.
    pub(crate) fn set_level(&self, level: LogLevel) {
        if let Err(error) = self.0.modify(|now| *now = filter(level)) {
            tracing::warn!(%error, "the log level cannot be changed");
        }
    }
}

/// Our own crates at the level; the others (HTTP/2 is talkative) only from warnings on, unless everything is wanted.
fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let others = if level == LogLevel::Trace {
        LevelFilter::DEBUG
    } else {
        own.min(LevelFilter::WARN)
    };
    Targets::new().with_default(others).with_target("jaguar", own)
}
