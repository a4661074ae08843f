//! How a command ends, as its exit code says it.

use std::process::ExitCode;

/// A comparison of worlds has an outcome; a command that cannot run has an error instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The worlds are the same and nothing was lost; or there was nothing to compare.
    Same,
    /// Worlds differ, or bodies were lost or duplicated.
    Different,
}

/// Exit code of a command that could not run, as clap's for options that it does not know.
pub(crate) const COULD_NOT_RUN: u8 = 2;

/// Exit code after Ctrl-C: 128 + SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// Exit code after SIGTERM: 128 + SIGTERM.
pub(crate) const TERMINATED: u8 = 143;

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Same => Self::SUCCESS,
            Outcome::Different => Self::FAILURE,
        }
    }
}
