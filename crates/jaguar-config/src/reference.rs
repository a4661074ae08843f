//! The reference of all keys as Markdown: docs/configuration.md is this text.

use crate::config::{Config, keys};

const INTRODUCTION: &str = "\
# Configuration

*Generated from `crates/jaguar-config/src/config.rs` by `UPDATE_EXPECT=1 cargo test -p jaguar-config`; a test compares.*

A key is read from four layers, each over the one before:

1. the default below;
2. a directory with one file per key, which is how a ConfigMap is mounted, or one `.yaml`, `.yml` or `.toml` file with flat keys: the flag `--config`, else the variable `JAGUAR_CONFIG`, else `/etc/jaguar` if it exists;
3. variables: `JAGUAR_` and the key in capitals, such as `JAGUAR_GRPC_PORT=50052`;
4. the command line: `--set key=value`, or a flag of its own for what is set most (`jaguard --help`).

A value that is not allowed, or that breaks a rule between keys, stops the start; all such values are reported at once, with the place that gave each. A key that does not exist is a warning.

While a pod runs, the directory or file is read again every second. *Now* in the column 'takes effect' means that a change is applied to the pod then. *Agreed* marks what the whole world has in common: the pod proposes the change, and all pods apply it before the same tick (of two different proposals the later one holds; a pod that joins proposes the keys that its sources set, and goes by the world's for all others). *Restart* means that a change is reported and waits for the next start. A change that is not valid is reported and nothing of it is applied.
";

/// The text of docs/configuration.md.
#[must_use]
pub fn reference() -> String {
    let defaults = Config::default();
    let mut text = INTRODUCTION.to_owned();
    let mut section = "";
    for key in keys() {
        if key.section != section {
            section = key.section;
            text.push_str(&format!(
                "\n## {section}\n\n| key | default | allowed | takes effect | |\n|---|---|---|---|---|\n"
            ));
        }
        let default = key.show(&defaults);
        let default = if default.is_empty() {
            "empty".to_owned()
        } else {
            format!("`{default}`")
        };
        let takes_effect = key.reload.name();
        let (name, allowed, doc) = (key.name, key.allowed.describe(), key.doc.trim());
        text.push_str(&format!(
            "| `{name}` | {default} | {allowed} | {takes_effect} | {doc} |\n"
        ));
    }
    text
}
