//! What an experiment found: checks with their verdicts, and plots.

/// The outcome of an experiment.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What was measured, beside what was expected.
    pub checks: Vec<Check>,
    /// What it looks like.
    pub plots: Vec<Plot>,
}

impl Findings {
    /// Whether every check holds.
    pub fn hold(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was measured, with its unit.
    pub what: String,
    /// The figure.
    pub measured: String,
    /// The figure that it should be.
    pub expected: String,
    /// How far off it may be.
    pub tolerance: String,
    /// Why this far and no farther.
    pub because: &'static str,
    /// Whether it is within.
    pub holds: bool,
}

impl Check {
    /// A figure that is known, within a tolerance.
    pub fn near(what: impl Into<String>, measured: f64, expected: f64, tolerance: f64, because: &'static str) -> Self {
        Self {
            what: what.into(),
            measured: figure(measured),
            expected: figure(expected),
            tolerance: format!("± {}", figure(tolerance)),
            because,
            holds: (measured - expected).abs() <= tolerance,
        }
    }

    /// A figure that is an error and should be zero, up to a bound.
    pub fn below(what: impl Into<String>, measured: f64, bound: f64, because: &'static str) -> Self {
        Self {
            what: what.into(),
            measured: figure(measured),
            expected: "0".to_owned(),
            tolerance: format!("≤ {}", figure(bound)),
            because,
            holds: measured <= bound,
        }
    }

    /// A figure of which a range is known.
    pub fn within(what: impl Into<String>, measured: f64, (low, high): (f64, f64), because: &'static str) -> Self {
        Self {
            what: what.into(),
            measured: figure(measured),
            expected: format!("{} to {}", figure(low), figure(high)),
            tolerance: "0".to_owned(),
            because,
            holds: (low..=high).contains(&measured),
        }
    }
}

/// Four significant digits.
fn figure(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e5).contains(&size) {
        format!("{value:.2e}")
    } else {
        let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
        let text = format!("{value:.decimals$}");
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    }
}

/// A picture with two axes.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Stem of its file.
    pub name: String,
    /// The line above it.
    pub title: String,
    /// Name and unit of the horizontal axis.
    pub x: &'static str,
    /// Name and unit of the vertical axis.
    pub y: &'static str,
    /// How both axes are divided.
    pub scale: Scale,
    /// What is drawn.
    pub series: Vec<Series>,
}

/// How the axes of a plot are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Both evenly.
    Linear,
    /// Both by powers of ten.
    Logarithmic,
}

/// Points that belong together.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend says.
    pub name: String,
    /// x and y.
    pub points: Vec<(f64, f64)>,
    /// How they are drawn.
    pub marks: Marks,
}

impl Series {
    /// What was measured, as dots.
    pub fn dots(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points,
            marks: Marks::Dots,
        }
    }

    /// A line through the points.
    pub fn line(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points,
            marks: Marks::Line,
        }
    }
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// A dot each.
    Dots,
    /// A line through all.
    Line,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits() {
        assert_eq!(figure(0.0), "0");
        assert_eq!(figure(26.565_05), "26.57");
        assert_eq!(figure(-3.0), "-3");
        assert_eq!(figure(100.0), "100");
        assert_eq!(figure(1.234e-7), "1.23e-7");
        assert_eq!(figure(f64::NAN), "NaN");
    }

    #[test]
    fn what_is_no_number_holds_nowhere() {
        assert!(!Check::near("", f64::NAN, 0.0, 1.0, "").holds);
        assert!(!Check::below("", f64::NAN, 1.0, "").holds);
        assert!(!Check::within("", f64::NAN, (0.0, 1.0), "").holds);
    }
}
