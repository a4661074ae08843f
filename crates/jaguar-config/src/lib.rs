//! What a pod is told from outside: layered, validated, reloaded while it runs.
//!
//! Four layers, each over the one before: built-in defaults; a mounted ConfigMap directory with one file per key, or one YAML or TOML file; `JAGUAR_*`
//! variables; `key=value` overrides of the command line. The keys stand in one table (`config.rs`; [`keys`] walks it), from which the typed [`Config`], the
//! validation and `docs/configuration.md` follow.
//!
//! Knows nothing of what the keys are for, of async runtimes, or of logging: it returns what there is to say.
//!
//! Invariants:
//! 1. A [`Config`] that [`load`] or [`Watch`] returns has every value in its range, and every rule between keys holds.
//! 2. No input panics, and none is replaced silently: a bad value is a [`Problem`], an unknown key a [`Warning`].
//! 3. All problems are reported at once, each with key, value, allowed range and source.
//! 4. A reload changes only keys that may change while a pod runs, and all of those together or none.
//! 5. The process environment is read in [`Sources::from_process`] alone.

mod config;
mod error;
mod key;
mod load;
mod reference;
mod source;
mod value;
mod watch;

pub use config::{Autoscale, Config, keys};
pub use error::{ConfigError, Problem, Warning};
pub use key::{Allowed, Key, Reload, Setting};
pub use load::{Loaded, load, load_text};
pub use reference::reference;
pub use source::Sources;
pub use value::{CertificateRoles, Discovery, HostPort, LogFormat, LogLevel, Role};
pub use watch::{Change, Poll, Reloaded, Watch};
