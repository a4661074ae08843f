//! Lines for the person who watches, each with the time since the run began.

use std::fmt::Arguments;
use std::sync::OnceLock;
use std::time::Instant;

static BEGAN: OnceLock<Instant> = OnceLock::new();

/// Prints a line.
pub(crate) fn say(line: Arguments<'_>) {
    println!("[{:7.1} s] {line}", since_begin());
}

/// Seconds since the first call.
pub(crate) fn since_begin() -> f64 {
    BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64()
}
