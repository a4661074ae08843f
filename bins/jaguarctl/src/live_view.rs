//! What a person sees of a running world: progress and pods in place on a terminal, a line now and then elsewhere. Everything goes to stderr.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use console::{Term, style};
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jaguar_migration::action::{PodReport, Summary};

use crate::progress::bar_style;

/// Time between two redraws: fast enough to look alive, slow enough to cost nothing.
const REDRAW: Duration = Duration::from_millis(100);

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Time over which the tick rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(2);

/// Bodies at which a pod's bar is full.
const FULL_BAR: u64 = 8000;

/// Characters of a pod's bar.
const BAR_WIDTH: u64 = 16;

/// Shows one run. Not for sharing between threads: everything that reports to it runs in one task.
#[derive(Debug)]
pub(crate) struct LiveView {
    ticks: u64,
    started: Instant,
    terminal: Option<Bars>,
    next_draw: Cell<Duration>,
    pace: RefCell<TickRate>,
    tick: Cell<u64>,
}

#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    progress: ProgressBar,
    totals: ProgressBar,
    pods: RefCell<BTreeMap<u32, ProgressBar>>,
}

impl LiveView {
    /// A view of a run of so many ticks that begins now.
    pub(crate) fn new(ticks: u64) -> Self {
        let terminal = Term::stderr().is_term().then(|| Bars::new(ticks));
        Self {
            ticks,
            started: Instant::now(),
            terminal,
            next_draw: Cell::new(Duration::ZERO),
            pace: RefCell::default(),
            tick: Cell::new(0),
        }
    }

    /// Time since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The newest tick seen.
    pub(crate) fn tick(&self) -> u64 {
        self.tick.get()
    }

    /// Something that happened, on a line of its own.
    pub(crate) fn note(&self, text: &str) {
        let stamp = format!("[{:>6.1} s  tick {:>5}]", self.elapsed().as_secs_f64(), self.tick.get());
        self.line(&format!("{} {text}", style(stamp).for_stderr().dim()));
    }

    /// The world has executed another entry.
    pub(crate) fn observe(&self, summary: &Summary) {
        let now = self.elapsed();
        self.tick.set(summary.tick.0);
        self.pace.borrow_mut().add(now, summary.tick.0);
        if now < self.next_draw.get() {
            return;
        }
        let rate = self.pace.borrow().hz();
        if let Some(bars) = &self.terminal {
            self.next_draw.set(now + REDRAW);
            bars.draw(summary, rate);
        } else {
            self.next_draw.set(now + LINE_EVERY);
            self.note(&plain_line(summary, self.ticks, rate));
        }
    }

    /// Takes what changes in place off the screen; notes stay.
    pub(crate) fn close(&self) {
        if let Some(bars) = &self.terminal {
            bars.progress.finish_and_clear();
            bars.totals.finish_and_clear();
            bars.pods.borrow().values().for_each(ProgressBar::finish_and_clear);
        }
    }

    fn line(&self, text: &str) {
        match &self.terminal {
            Some(bars) => {
                let _ = bars.all.println(text);
            }
            None => eprintln!("{text}"),
        }
    }
}

/// Also when the run is interrupted, so that the shell's prompt does not stand in a bar.
impl Drop for LiveView {
    fn drop(&mut self) {
        self.close();
    }
}

impl Bars {
    fn new(ticks: u64) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let progress = all.add(ProgressBar::new(ticks).with_style(bar_style()));
        let totals = all.add(ProgressBar::new_spinner().with_style(text_style()));
        Self {
            all,
            progress,
            totals,
            pods: RefCell::default(),
        }
    }

    fn draw(&self, summary: &Summary, rate: f64) {
        self.progress.set_position(summary.tick.0);
        self.totals.set_message(format!(
            "{} on {}, {rate:.1} ticks/s, {} handed over",
            style(bodies(summary.entities)).for_stderr().bold(),
            counted(summary.pods.len() as u64, "pod"),
            HumanCount(summary.handed_over)
        ));
        let mut lines = self.pods.borrow_mut();
        lines.retain(|&pod, line| {
            let stays = summary.pods.iter().any(|report| report.pod.0 == pod);
            if !stays {
                self.all.remove(line);
            }
            stays
        });
        for report in &summary.pods {
            let line = lines
                .entry(report.pod.0)
                .or_insert_with(|| self.all.add(ProgressBar::new_spinner().with_style(text_style())));
            line.set_message(pod_line(report));
        }
    }
}

fn text_style() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// A number with its noun.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", HumanCount(count))
}

/// A number of bodies.
pub(crate) fn bodies(count: u64) -> String {
    let noun = if count == 1 { "body" } else { "bodies" };
    format!("{} {noun}", HumanCount(count))
}

fn pod_line(report: &PodReport) -> String {
    let filled = (report.entities * BAR_WIDTH / FULL_BAR).min(BAR_WIDTH) as usize;
    let bar = "█".repeat(filled) + &"░".repeat(BAR_WIDTH as usize - filled);
    format!(
        "  pod {:<3} {} {:>7} bodies {:>6} tiles  load {:.2}",
        report.pod.0,
        style(bar).for_stderr().green(),
        HumanCount(report.entities).to_string(),
        HumanCount(u64::from(report.tiles)).to_string(),
        report.load
    )
}

fn plain_line(summary: &Summary, ticks: u64, rate: f64) -> String {
    let left = if rate > 0.0 {
        format!("{:.0} s left", ticks.saturating_sub(summary.tick.0) as f64 / rate)
    } else {
        "standing".to_owned()
    };
    let pods: Vec<String> = summary.pods.iter().map(|report| report.entities.to_string()).collect();
    format!(
        "{} of {ticks} ticks, {rate:.1}/s, {left}; {} on {} [{}], {} handed over",
        summary.tick.0,
        bodies(summary.entities),
        counted(summary.pods.len() as u64, "pod"),
        pods.join(" "),
        HumanCount(summary.handed_over)
    )
}

/// Ticks a second over the last [`RATE_WINDOW`].
#[derive(Debug, Default)]
struct TickRate {
    samples: VecDeque<(Duration, u64)>,
}

impl TickRate {
    fn add(&mut self, now: Duration, tick: u64) {
        self.samples.push_back((now, tick));
        while self.samples.len() > 2
            && self
                .samples
                .front()
                .is_some_and(|&(time, _)| now.saturating_sub(time) > RATE_WINDOW)
        {
            self.samples.pop_front();
        }
    }

    fn hz(&self) -> f64 {
        let (Some(&(begin, first)), Some(&(end, last))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let seconds = end.saturating_sub(begin).as_secs_f64();
        if seconds > 0.0 {
            last.saturating_sub(first) as f64 / seconds
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tick_rate_is_that_of_the_window() {
        let mut rate = TickRate::default();
        // 10 Hz for 5 s, then 50 Hz for 5 s.
        for step in 0..50 {
            rate.add(Duration::from_millis(100 * step), step);
        }
        assert!((rate.hz() - 10.0).abs() < 1e-9, "{}", rate.hz());
        for step in 0..250 {
            rate.add(Duration::from_millis(5000 + 20 * step), 50 + step);
        }
        assert!((rate.hz() - 50.0).abs() < 1e-9, "{}", rate.hz());
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "pod"), "1 pod");
        assert_eq!(counted(12_000, "tick"), "12,000 ticks");
    }
}
