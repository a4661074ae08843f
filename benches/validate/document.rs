//! The measured tables of the document: they stand between `<!-- measured: NAME -->` and `<!-- end -->`, the text around is written by hand.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, bail};
use jaguar_benches::validation::Findings;

/// Puts the table and plots of an experiment in their place. Fails if the document has none for it.
pub(crate) fn update(plots: &Path, name: &str, findings: &Findings) -> anyhow::Result<()> {
    let path = plots.with_extension("md");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let begin = format!("<!-- measured: {name} -->\n");
    let Some((before, rest)) = text.split_once(&begin) else {
        bail!("{} has no line `{}`", path.display(), begin.trim_end());
    };
    let Some((_, after)) = rest.split_once("<!-- end -->") else {
        bail!("{} has no `<!-- end -->` after `{}`", path.display(), begin.trim_end());
    };
    let table = table(plots, findings);
    std::fs::write(&path, format!("{before}{begin}{table}<!-- end -->{after}"))
        .with_context(|| path.display().to_string())
}

fn table(plots: &Path, findings: &Findings) -> String {
    let mut text = "| measured | is | should be | tolerance, and why | ok |\n|---|---|---|---|---|\n".to_owned();
    for check in &findings.checks {
        let verdict = if check.holds { "yes" } else { "**no**" };
        writeln!(
            text,
            "| {} | {} | {} | {}: {} | {verdict} |",
            check.what, check.measured, check.expected, check.tolerance, check.because
        )
        .expect("a string takes everything");
    }
    let directory = plots.file_name().unwrap_or_default().to_string_lossy();
    text.push('\n');
    for plot in &findings.plots {
        writeln!(text, "![{}]({directory}/{}.svg)", plot.title, plot.name).expect("a string takes everything");
    }
    text
}
