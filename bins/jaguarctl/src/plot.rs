//! Plots in the terminal: a curve of steps over time, with axes that can be read. Plain text, so that it can go into a file too.

use textplots::{Chart, Plot, Shape};

/// Dots of one character, across and down.
const CELL: (usize, usize) = (2, 4);
/// Lines of a plot; an odd number has a middle.
const ROWS: usize = 9;
/// Columns between a threshold's dots.
const DASH: usize = 6;
/// Columns for the labels of the values at least, so that plots below each other begin at one column.
const LABELS: usize = 5;
/// The narrowest and the widest plot, in characters.
const WIDTHS: std::ops::RangeInclusive<usize> = 20..=200;

/// A value that changes at some moments and stays until the next.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// What stands above the plot.
    pub(crate) title: String,
    /// Times in seconds, rising, and values of 0 or more.
    pub(crate) steps: Vec<(f64, f64)>,
    /// Where the last value ends.
    pub(crate) end: f64,
    /// Values at which a dotted line is drawn.
    pub(crate) thresholds: Vec<f64>,
    /// Whether the values are whole numbers.
    pub(crate) is_whole: bool,
}

impl Curve {
    /// The plot in so many columns of text, axes included; nothing for a curve without extent.
    pub(crate) fn draw(&self, columns: usize) -> String {
        let Some(&(start, _)) = self.steps.first() else {
            return String::new();
        };
        if self.end <= start {
            return String::new();
        }
        let top = self.top();
        let labels = [top, top / 2.0, 0.0].map(number);
        let label_width = labels.iter().map(String::len).fold(LABELS, usize::max);
        let cells = columns
            .saturating_sub(label_width + 2)
            .clamp(*WIDTHS.start(), *WIDTHS.end());

        let mut text = format!("{}\n", self.title);
        for (row, line) in self.canvas(start, top, cells).iter().enumerate() {
            let (label, tick) = match row {
                0 => (labels[0].as_str(), '┤'),
                row if row == ROWS / 2 => (labels[1].as_str(), '┤'),
                row if row == ROWS - 1 => (labels[2].as_str(), '┤'),
                _ => ("", '│'),
            };
            text += &format!("{label:>label_width$} {tick}{line}\n");
        }
        let indent = " ".repeat(label_width + 1);
        text + &time_axis(self.end - start, cells, &indent)
    }

    /// The end of the axis: a round number above all values.
    fn top(&self) -> f64 {
        let values = self.steps.iter().map(|step| step.1);
        let most = values.chain(self.thresholds.iter().copied()).fold(0.0, f64::max);
        let least = if self.is_whole { 2.0 } else { f64::MIN_POSITIVE };
        let most = most.max(least);
        let magnitude = 10_f64.powf(most.log10().floor());
        let rounds = [1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0];
        let enough =
            |round: &&f64| **round * magnitude >= most && (!self.is_whole || (**round * magnitude) % 2.0 == 0.0);
        rounds.iter().find(enough).map_or(most, |round| round * magnitude)
    }

    /// The lines of dots.
    fn canvas(&self, start: f64, top: f64, cells: usize) -> Vec<String> {
        let (width, height) = (cells * CELL.0, ROWS * CELL.1);
        // One unit a dot; 0 is the lowest line of dots, so that a curve at 0 can be seen.
        let dot = |value: f64| (1.0 + value / top * (height - 1) as f64) as f32;
        let seconds_a_column = (self.end - start) / width as f64;
        let mut points = Vec::new();
        let mut next = 0_usize;
        for column in 0..width {
            let column_end = start + (column + 1) as f64 * seconds_a_column;
            let mut range: Option<(f64, f64)> = None;
            let mut include = |value: f64| {
                range = Some(range.map_or((value, value), |(least, most)| (value.min(least), value.max(most))));
            };
            if let Some(before) = next.checked_sub(1) {
                include(self.steps[before].1);
            }
            while let Some(&(_, value)) = self.steps.get(next).filter(|(at, _)| *at < column_end) {
                include(value);
                next += 1;
            }
            if let Some((least, most)) = range {
                let last = self.steps[next.saturating_sub(1)].1;
                points.extend([least, most, last].map(|value| (column as f32, dot(value))));
            }
        }
        let columns = (0..width).step_by(DASH);
        let dashes: Vec<(f32, f32)> = self
            .thresholds
            .iter()
            .flat_map(|threshold| columns.clone().map(move |column| (column as f32, dot(*threshold))))
            .collect();

        let (curve, thresholds) = (Shape::Lines(&points), Shape::Points(&dashes));
        let mut chart = Chart::new_with_y_range(width as u32, height as u32, 0.0, width as f32, 0.0, height as f32);
        let chart = chart.lineplot(&thresholds).lineplot(&curve);
        chart.figures();
        let frame = chart.frame();
        let mut lines: Vec<String> = frame
            .lines()
            .map(|line| line.trim_end_matches([' ', '\u{2800}']).to_owned())
            .collect();
        lines.resize(ROWS, String::new());
        lines
    }
}

/// A line with ticks, and the times below it.
fn time_axis(seconds: f64, cells: usize, indent: &str) -> String {
    let labels = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share * (cells - 1) as f64, clock(share * seconds)));
    // Too many of them do not fit into a narrow window.
    let stride = if cells < 5 * 10 { 2 } else { 1 };
    let mut ticks = vec!['─'; cells];
    let mut below = String::new();
    for (place, label) in labels.iter().step_by(stride) {
        let place = *place as usize;
        ticks[place] = '┴';
        // The first stands at its tick, the last ends there, the others have it in their middle.
        let begin = place
            .saturating_sub(label.len() / 2)
            .min(cells.saturating_sub(label.len()));
        below += &" ".repeat(begin.saturating_sub(below.len()));
        below += label;
    }
    let ticks: String = ticks.into_iter().collect();
    format!("{indent}└{ticks}\n{indent} {below}\n")
}

/// `h:mm:ss`, with the days before it from one day on.
pub(crate) fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let rest = format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    if days > 0 { format!("{days}d {rest}") } else { rest }
}

/// As short as a label has to be.
fn number(value: f64) -> String {
    match value {
        value if value >= 10_000.0 && value % 1_000.0 == 0.0 => format!("{}k", value / 1_000.0),
        value => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(steps: &[(f64, f64)], end: f64) -> Curve {
        Curve {
            title: "pods".to_owned(),
            steps: steps.to_vec(),
            end,
            thresholds: Vec::new(),
            is_whole: true,
        }
    }

    #[test]
    fn a_step_is_drawn_where_it_is_between_axes_that_say_what_it_is() {
        let drawn = curve(&[(0.0, 2.0), (50.0, 4.0)], 100.0).draw(32);
        let expected = "\
pods
    4 ┤            ⢸⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
      │            ⢸
      │            ⢸
      │            ⢸
    2 ┤⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠚
      │
      │
      │
    0 ┤
      └┴───────────┴───────────┴
       0:00:00  0:00:50  0:01:40
";
        assert_eq!(drawn, expected, "\n{drawn}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_a_peak_of_a_moment_is_seen() {
        // A thousand values, of which one is high, in 76 columns of dots.
        let mut steps: Vec<(f64, f64)> = (0..1_000).map(|second| (f64::from(second), 10.0)).collect();
        steps[501].1 = 100.0;
        for columns in [40, 80, 120] {
            let drawn = curve(&steps, 1_000.0).draw(columns);
            let widest = drawn.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(columns), "{columns}: {widest:?}");
            let top = drawn.lines().nth(1).unwrap_or_default();
            assert!(top.starts_with("  100 ┤") && top.chars().count() > 10, "{drawn}");
        }
    }

    #[test]
    fn axes_end_at_round_numbers_and_whole_ones_have_a_whole_middle() {
        for (most, top) in [
            (1.0, 2.0),
            (3.0, 4.0),
            (5.0, 6.0),
            (7.0, 8.0),
            (34.0, 40.0),
            (100.0, 100.0),
            (9_500.0, 10_000.0),
        ] {
            assert_eq!(curve(&[(0.0, most)], 1.0).top(), top);
        }
    }

    #[test]
    fn a_curve_without_extent_is_not_drawn() {
        assert_eq!(curve(&[], 1.0).draw(80), "");
        assert_eq!(curve(&[(1.0, 1.0)], 1.0).draw(80), "");
    }

    #[test]
    fn clocks_count_days() {
        assert_eq!(
            [0.0, 59.6, 3_661.0, 90_061.0].map(clock),
            ["0:00:00", "0:01:00", "1:01:01", "1d 1:01:01"]
        );
    }
}
