//! Progress of long computations: a bar with rate and time left on a terminal, a line every few seconds elsewhere. Goes to stderr.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Counts ticks up to a known number.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    /// Title and time of the next line; none on a terminal.
    lines: Option<Mutex<Lines>>,
}

#[derive(Debug)]
struct Lines {
    title: String,
    next: Duration,
}

impl Progress {
    /// Of so many ticks, from now on.
    pub(crate) fn new(title: &str, ticks: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(ticks), ProgressDrawTarget::stderr()).with_style(bar_style());
        let lines = Lines {
            title: String::new(),
            next: LINE_EVERY,
        };
        let progress = Self {
            bar,
            started: Instant::now(),
            lines: (!Term::stderr().is_term()).then(|| Mutex::new(lines)),
        };
        progress.begin(title);
        progress
    }

    /// Names what goes on now.
    pub(crate) fn begin(&self, title: &str) {
        self.bar.set_message(format!("{title} "));
        if let Some(lines) = &self.lines {
            lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).title = title.to_owned();
        }
    }

    /// One tick more.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
        let Some(lines) = &self.lines else { return };
        let mut lines = lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let elapsed = self.started.elapsed();
        if elapsed >= lines.next {
            lines.next = elapsed + LINE_EVERY;
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            eprintln!("{}: {}", lines.title, plain_line(done, all, elapsed));
        }
    }

    /// Ticks so far.
    pub(crate) fn position(&self) -> u64 {
        self.bar.position()
    }

    /// Ticks that need not be counted one by one any more.
    pub(crate) fn set_position(&self, ticks: u64) {
        self.bar.set_position(ticks);
    }

    /// Something to say, on a line of its own.
    pub(crate) fn note(&self, text: &str) {
        if self.lines.is_some() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn plain_line(done: u64, all: u64, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
    let left = all.saturating_sub(done) as f64 / rate.max(1e-9);
    format!(
        "{} of {} ticks, {rate:.0}/s, {left:.0} s left",
        HumanCount(done),
        HumanCount(all)
    )
}

/// A bar that counts ticks, with rate and time left.
pub(crate) fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{msg}{wide_bar:.cyan/dim} {human_pos}/{human_len} ticks, {rate}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
            // Nothing can be done about a screen that takes no text.
            let _ = write!(text, "{:.0}/s", state.per_sec());
        })
        .progress_chars("━━─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rate_and_time_left() {
        let line = plain_line(1500, 4500, Duration::from_secs(10));
        assert_eq!(line, "1,500 of 4,500 ticks, 150/s, 20 s left");
    }
}
