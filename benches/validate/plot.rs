//! Plots as SVG.

use std::ops::Range;
use std::path::Path;

use anyhow::anyhow;
use jaguar_benches::validation::{Marks, Plot, Scale, Series};
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

/// Draws a plot into a directory. Its file depends on the plot alone.
pub(crate) fn draw(plot: &Plot, directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(format!("{}.svg", plot.name));
    let area = SVGBackend::new(&path, (720, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let (x, y) = (range(plot, |p| p.0), range(plot, |p| p.1));
    let mut chart = ChartBuilder::on(&area);
    chart
        .caption(&plot.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70);
    let drawn = match plot.scale {
        Scale::Linear => fill(plot, chart.build_cartesian_2d(x, y)?),
        Scale::Logarithmic => fill(plot, chart.build_cartesian_2d(x.log_scale(), y.log_scale())?),
    };
    drawn
        .and_then(|()| Ok(area.present()?))
        .map_err(|error| anyhow!("{}: {error}", path.display()))
}

fn fill<'a, X, Y>(plot: &'a Plot, mut chart: ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>) -> anyhow::Result<()>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let label = |value: &f64| {
        if *value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
            format!("{value:.1e}")
        } else {
            format!("{}", (value * 1e6).round() / 1e6)
        }
    };
    chart
        .configure_mesh()
        .x_desc(plot.x)
        .y_desc(plot.y)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .light_line_style(WHITE)
        .draw()?;
    for (number, Series { name, points, marks }) in plot.series.iter().enumerate() {
        let color = Palette99::pick(number).to_rgba();
        match marks {
            Marks::Line => chart.draw_series(LineSeries::new(points.iter().copied(), color))?,
            Marks::Dots => chart.draw_series(points.iter().map(|&point| Circle::new(point, 3, color.filled())))?,
        }
        .label(name)
        .legend(move |(x, y)| Rectangle::new([(x, y - 3), (x + 14, y + 3)], color.filled()));
    }
    if plot.series.len() > 1 {
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
    }
    Ok(())
}

/// From the least to the greatest of a coordinate, and some room on both sides.
fn range(plot: &Plot, coordinate: impl Fn(&(f64, f64)) -> f64) -> Range<f64> {
    let values = plot
        .series
        .iter()
        .flat_map(|series| series.points.iter().map(&coordinate));
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    match plot.scale {
        Scale::Logarithmic => 0.7 * low.max(1e-12)..1.4 * high,
        Scale::Linear => {
            let room = if high > low { 0.05 * (high - low) } else { 1.0 };
            low - room..high + room
        }
    }
}
