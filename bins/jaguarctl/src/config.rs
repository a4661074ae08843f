//! `jaguarctl config`: what can be configured, and whether a configuration is valid.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use console::style;
use jaguar_config::{Config, Sources, keys, load, reference};
use serde_json::{Value, json};

use crate::stdout;

/// Options of `config`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").required(true).args(["reference", "check"]))]
pub(crate) struct ConfigArgs {
    /// Print every key with its default, what is allowed, and when a change takes effect
    #[arg(long)]
    reference: bool,
    /// Say everything that is wrong with a directory of keys, a file of keys or a ConfigMap's manifest
    #[arg(long, value_name = "DIR|FILE")]
    check: Option<PathBuf>,
    /// The reference as a JSON array
    #[arg(long, requires = "reference")]
    json: bool,
}

/// Prints the reference, or the verdict on a configuration; what is wrong with it is an error.
pub(crate) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    match &args.check {
        Some(path) => check(path),
        None if args.json => stdout::line(&serde_json::to_string_pretty(&reference_json())?),
        None => stdout::line(reference().trim_end()),
    }
}

fn check(path: &Path) -> anyhow::Result<()> {
    // Nothing of this process: what is checked is the file, wherever it will be used.
    let sources = Sources {
        path: Some(path.to_owned()),
        ..Sources::default()
    };
    let loaded = load(&sources)?;
    for warning in &loaded.warnings {
        eprintln!("{} {warning}", style("warning:").for_stderr().yellow().bold());
    }
    for setting in loaded.settings.iter().filter(|setting| !setting.source_name.is_empty()) {
        stdout::line(&setting.to_string())?;
    }
    stdout::line(&format!(
        "{} is valid; keys that are not listed have their default",
        path.display()
    ))
}

fn reference_json() -> Value {
    let defaults = Config::default();
    let key = |key: &jaguar_config::Key| {
        json!({
            "key": key.name,
            "section": key.section,
            "default": key.show(&defaults),
            "allowed": key.allowed.describe(),
            "takes_effect": key.reload.name(),
            "doc": key.doc.trim(),
        })
    };
    keys().map(key).collect()
}
