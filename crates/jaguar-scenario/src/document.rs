//! The text of a scenario file, and where in it a value stands.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use jaguar_core::error::FieldError;
use toml::de::{DeTable, DeValue};

use crate::error::{Location, ScenarioError};
use crate::format::Format;
use crate::limits::MAX_SCENARIO_BYTES;

/// A scenario file that is valid TOML with the right keys and types; whether the values make sense is not known yet.
#[derive(Debug)]
pub(crate) struct Document {
    path: PathBuf,
    text: String,
    pub(crate) format: Format,
}

impl Document {
    pub(crate) fn read(path: &Path) -> Result<Self, ScenarioError> {
        Self::parse(path, read_text(path, "scenario file", MAX_SCENARIO_BYTES)?)
    }

    pub(crate) fn parse(path: &Path, text: String) -> Result<Self, ScenarioError> {
        match toml::from_str(&text) {
            Ok(format) => Ok(Self {
                path: path.to_owned(),
                text,
                format,
            }),
            Err(error) => {
                let byte = error.span().map_or(0, |span| span.start);
                Err(Location::of_byte(path.to_owned(), &text, byte).invalid(error.message()))
            }
        }
    }

    /// A file that the scenario names, relative to its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(name)
    }

    /// The error that a value is wrong; `at` leads to the value by keys and indices, like `spawner.2.radius`.
    ///
    /// Points at the value or, if it is not in the file (a default, or missing), at the innermost table that is.
    pub(crate) fn invalid(&self, at: &str, message: impl AsRef<str>) -> ScenarioError {
        let location = Location::of_byte(self.path.clone(), &self.text, self.byte_of(at));
        location.invalid(format!("{}: {}", in_words(at), message.as_ref()))
    }

    /// The error of a value outside its range, unless it `holds` that it is inside.
    pub(crate) fn check(&self, holds: bool, at: &str, value: impl Display, allowed: &str) -> Result<(), ScenarioError> {
        if holds {
            return Ok(());
        }
        Err(self.invalid(at, format!("is {value}, allowed: {allowed}")))
    }

    /// The error of a field that the world refuses.
    pub(crate) fn refused(&self, at: &str, error: &FieldError) -> ScenarioError {
        self.invalid(at, error.to_string())
    }

    fn byte_of(&self, at: &str) -> usize {
        let Ok(root) = DeTable::parse(&self.text) else {
            return 0;
        };
        let mut byte = root.span().start;
        let mut steps = at.split('.');
        let Some(mut value) = steps.next().and_then(|key| root.get_ref().get(key)) else {
            return byte;
        };
        loop {
            byte = value.span().start;
            let Some(step) = steps.next() else { return byte };
            let inner = match value.get_ref() {
                DeValue::Table(table) => table.get(step),
                DeValue::Array(array) => step.parse().ok().and_then(|index: usize| array.get(index)),
                _ => None,
            };
            match inner {
                Some(inner) => value = inner,
                None => return byte,
            }
        }
    }
}

/// The way to a value as a person writes it: `spawner.2.radius` is `spawner[2].radius`.
fn in_words(at: &str) -> String {
    let mut words = String::new();
    for step in at.split('.') {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            words.push_str(&format!("[{step}]"));
        } else {
            if !words.is_empty() {
                words.push('.');
            }
            words.push_str(step);
        }
    }
    words
}

/// Reads a file of bounded size.
pub(crate) fn read_bytes(path: &Path, kind: &'static str, limit: u64) -> Result<Vec<u8>, ScenarioError> {
    let read_error = |source| ScenarioError::Read {
        file: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(read_error)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(read_error)?;
    if bytes.len() as u64 > limit {
        return Err(ScenarioError::TooLarge {
            file: path.to_owned(),
            kind,
            limit,
        });
    }
    Ok(bytes)
}

/// Reads a file of bounded size as UTF-8.
pub(crate) fn read_text(path: &Path, kind: &'static str, limit: u64) -> Result<String, ScenarioError> {
    text_of(path, kind, read_bytes(path, kind, limit)?)
}

/// The text that a file's bytes are.
pub(crate) fn text_of(path: &Path, kind: &'static str, bytes: Vec<u8>) -> Result<String, ScenarioError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        Location::of_byte(path.to_owned(), &valid, valid.len()).invalid(format!("a {kind} must be UTF-8 text"))
    })
}
