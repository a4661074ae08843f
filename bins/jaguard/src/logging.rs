//! Logs on standard error, as text or as one JSON object a line; the level may change while the daemon runs. And the layer of traces beside them.
//!
//! A span of [`TARGET`] is for traces alone. Without a layer that wants it nothing subscribes to it, so that `tracing` finds it disabled where it would be made.

use std::{fmt, io, panic};

use jaguar_config::{Config, LogFormat, LogLevel};
use jaguar_migration::trace::TARGET;
use serde::Serialize;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_serde::AsSerde;
use tracing_serde::fields::AsMap;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::error::DaemonError;
use crate::traces::Traces;

/// The log of this process.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    level: reload::Handle<Targets, Registry>,
    format: LogFormat,
}

/// Begins to log, and to trace if there is somewhere for traces to go.
pub(crate) fn start(config: &Config, traces: Option<&Traces>) -> Log {
    let (subscriber, log) = subscriber(config, traces, io::stderr);
    // A process that embeds the daemon may log already; then its own settings stay.
    if subscriber.try_init().is_ok() && config.log_format == LogFormat::Json {
        // What reads JSON lines cannot read the usual three lines of a panic.
        panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    }
    log
}

/// What takes all events and spans of the process, with lines to `writer`.
fn subscriber(
    config: &Config,
    traces: Option<&Traces>,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> (impl Subscriber + Send + Sync, Log) {
    let (filter, level) = reload::Layer::new(filter(config.log_level));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => {
            let pod = config.pod_name.clone();
            lines.event_format(JsonLines { pod }).with_filter(filter).boxed()
        }
    };
    let mut layers = vec![lines];
    layers.extend(traces.map(|traces| traces.layer().boxed()));
    let log = Log {
        level,
        format: config.log_format,
    };
    (tracing_subscriber::registry().with(layers), log)
}

impl Log {
    /// Sets the level from now on.
    pub(crate) fn set_level(&self, level: LogLevel) {
        if let Err(error) = self.level.modify(|now| *now = filter(level)) {
            tracing::warn!(%error, "the log level cannot be changed");
        }
    }

    /// Says why the process ends.
    pub(crate) fn end(&self, error: &DaemonError) {
        match self.format {
            LogFormat::Text => eprintln!("jaguard: {error}"),
            LogFormat::Json => tracing::error!("{error}"),
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
    Targets::new()
        .with_default(others)
        .with_target("jaguar", own)
        .with_target(TARGET, LevelFilter::OFF)
}

/// One JSON object a line. The fields of an event have an object of their own, so that none can hide the time, the level, the target or the pod.
#[derive(Clone, Debug)]
struct JsonLines {
    pod: String,
}

#[derive(Serialize)]
struct Line<'a, L: Serialize, F: Serialize> {
    timestamp: String,
    level: L,
    target: &'a str,
    pod: &'a str,
    fields: F,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let line = Line {
            timestamp,
            level: event.metadata().level().as_serde(),
            target: event.metadata().target(),
            pod: &self.pod,
            fields: event.field_map(),
        };
        let line = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt::MakeWriter;

    /// The lines that were logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn config(log_format: LogFormat, log_level: LogLevel) -> Config {
        Config {
            log_format,
            log_level,
            pod_name: "jaguar-7".into(),
            ..Config::default()
        }
    }

    /// Without a collector a span of a trace is disabled where it would be made, whatever the log level, and costs a comparison.
    #[test]
    fn no_span_of_a_trace_is_made_when_nothing_wants_it() {
        for level in [LogLevel::Info, LogLevel::Trace] {
            let (subscriber, _) = subscriber(&config(LogFormat::Text, level), None, io::sink);
            with_default(subscriber, || {
                assert!(tracing::info_span!(target: TARGET, "tick").is_disabled());
                assert!(tracing::debug_span!(target: TARGET, "physics").is_disabled());
                assert!(!tracing::info_span!(target: "jaguard", "of the log").is_disabled());
            });
        }
    }

    #[test]
    fn a_line_is_one_object_whatever_the_event_says() {
        let lines = Lines::default();
        let (subscriber, _) = subscriber(&config(LogFormat::Json, LogLevel::Info), None, {
            let lines = lines.clone();
            move || lines.clone()
        });
        with_default(subscriber, || {
            tracing::warn!(target: "jaguar_x", pod = 3, level = "mine", ratio = 0.5, "two\nlines and a \"quote\"");
            tracing::debug!(target: "jaguar_x", "too quiet");
        });
        let bytes = lines.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let [line] = text.lines().collect::<Vec<_>>()[..] else {
            panic!("one event is one line:\n{text}")
        };
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["level"], "WARN");
        assert_eq!(value["target"], "jaguar_x");
        assert_eq!(value["pod"], "jaguar-7");
        assert_eq!(value["fields"]["message"], "two\nlines and a \"quote\"");
        assert_eq!(
            (&value["fields"]["pod"], &value["fields"]["level"]),
            (&3.into(), &"mine".into())
        );
        assert!(value["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }
}
