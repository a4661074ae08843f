//! The tree keeps its own rules: what no compiler checks and every reviewer would, checked as a test.
//!
//! Each check collects all offenders, so that one run shows everything there is to mend.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A longer file has more than one idea in it.
const MAX_LINES: usize = 800;
/// The crates whose result must not depend on clocks, threads or the order of a hash map. Their own `clippy.toml` bans these.
const DETERMINISTIC_CRATES: [&str; 3] = ["jaguar-core", "jaguar-partition", "jaguar-migration"];
const BANNED_THERE: [&str; 5] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::spawn",
    "HashMap",
    "HashSet",
];
/// Names of files that say nothing about what is in them.
const VAGUE_NAMES: [&str; 9] = [
    "base", "common", "helper", "helpers", "manager", "misc", "prelude", "types", "utils",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files below the root that end in `extension`, but for what is built, installed or hidden.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if name.starts_with('.') || name.starts_with("target") {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every Rust source file with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let sources = files("rs");
    assert!(sources.len() > 50, "these are not all sources: {sources:?}");
    sources
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

/// Fails with all of `offenders`.
fn check(rule: &str, offenders: impl IntoIterator<Item = String>) {
    let offenders: Vec<String> = offenders.into_iter().collect();
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The lines of all sources for which `offends`, as `file:line: text`.
fn offending_lines(offends: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = |(path, text): (PathBuf, String)| {
        let numbered = text.lines().enumerate().filter(|(_, line)| offends(line));
        numbered
            .map(|(index, line)| format!("{}:{}: {}", shown(&path), index + 1, line.trim()))
            .collect::<Vec<_>>()
    };
    sources().into_iter().flat_map(lines).collect()
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//!"));
    check(
        "a file starts with a module doc (//!)",
        silent.map(|(path, _)| shown(&path)),
    );
    let empty = sources()
        .into_iter()
        .filter(|(_, text)| text.starts_with("//! Placeholder"));
    check("a file says something", empty.map(|(path, _)| shown(&path)));
}

#[test]
fn no_file_is_too_long_or_vaguely_named() {
    let long = sources().into_iter().filter_map(|(path, text)| {
        let lines = text.lines().count();
        (lines > MAX_LINES).then(|| format!("{} ({lines} lines)", shown(&path)))
    });
    check(&format!("a file has at most {MAX_LINES} lines"), long);
    let is_vague = |path: &PathBuf| {
        path.file_stem()
            .is_some_and(|name| VAGUE_NAMES.iter().any(|vague| name == *vague))
    };
    let vague = files("rs").into_iter().filter(is_vague);
    check("a file's name says what is in it", vague.map(|path| shown(&path)));
}

#[test]
fn no_mark_of_unfinished_work_is_left() {
    // Put together, so that this file does not offend itself.
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["HA", "CK"],
        ["X", "XX"],
        ["todo", "!("],
        ["unimplemented", "!("],
        ["dbg", "!("],
    ];
    let marks: Vec<String> = marks.iter().map(|parts| parts.concat()).collect();
    check(
        "finish it, or file an issue",
        offending_lines(|line| marks.iter().any(|mark| line.contains(mark.as_str()))),
    );
}

#[test]
fn lints_are_obeyed_not_silenced() {
    let silences = |line: &str| {
        ["#[allow(", "#![allow("]
            .iter()
            .any(|start| line.trim_start().starts_with(start))
    };
    check("mend what the lint says", offending_lines(silences));
    check(
        "an ignored test says why, as in #[ignore = \"...\"]",
        offending_lines(|line| line.trim() == "#[ignore]"),
    );
}

#[test]
fn deterministic_crates_ban_clocks_threads_and_hash_order() {
    let missing = DETERMINISTIC_CRATES.iter().flat_map(|name| {
        let path = root().join("crates").join(name).join("clippy.toml");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let missing: Vec<&str> = BANNED_THERE
            .into_iter()
            .filter(|banned| !text.contains(banned))
            .collect();
        missing
            .into_iter()
            .map(move |banned| format!("{}: {banned}", shown(&path)))
    });
    check(
        "clippy.toml bans what could make a result depend on more than its input",
        missing,
    );
}

/// The crates of `[workspace.dependencies]` that are not ours.
fn named_dependencies() -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, table) = manifest.split_once("[workspace.dependencies]").unwrap();
    let lines = table
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'));
    let named = lines
        .filter_map(|line| line.split_once('='))
        .filter(|(_, value)| !value.contains("path ="));
    named.map(|(name, _)| name.trim().to_owned()).collect()
}

#[test]
fn every_dependency_has_its_line_in_the_docs_and_a_user() {
    let text = fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let documented: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    let named = named_dependencies();
    check(
        "docs/dependencies.md does not have",
        named.difference(&documented).cloned(),
    );
    check(
        "docs/dependencies.md has, and no Cargo.toml",
        documented.difference(&named).cloned(),
    );

    let manifests = files("toml").into_iter().filter(|path| path.ends_with("Cargo.toml"));
    let manifests: Vec<String> = manifests.map(|path| fs::read_to_string(path).unwrap()).collect();
    let is_unused = |name: &String| {
        let (short, long) = (
            format!("\n{name}.workspace = true"),
            format!("\n{name} = {{ workspace = true"),
        );
        !manifests
            .iter()
            .any(|manifest| manifest.contains(&short) || manifest.contains(&long))
    };
    check("a workspace dependency has a user", named.into_iter().filter(is_unused));
}

#[test]
fn links_in_the_documents_lead_to_files() {
    let dead = files("md").into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let is_dead = |link: &&str| {
            let file = link.split(['#', ' ']).next().unwrap_or_default();
            let is_elsewhere = link.contains("://") || link.starts_with("mailto:");
            !file.is_empty() && !is_elsewhere && !path.with_file_name(file).exists()
        };
        links
            .filter(is_dead)
            .map(|link| format!("{}: {link}", shown(&path)))
            .collect::<Vec<_>>()
    });
    check("a link in a document leads to a file", dead);
}
