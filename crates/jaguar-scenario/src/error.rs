//! What can be wrong with a scenario and its files.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A scenario that cannot be loaded; nothing of it was. The user corrects the named file.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The operating system did not let the file be read; check its name and permissions.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than any sensible one of its kind; split or coarsen it.
    #[error("{} has more than {limit} bytes, which is the most that a {kind} may have", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// What kind of file it is.
        kind: &'static str,
        /// Most bytes it may have.
        limit: u64,
    },
    /// A value, a key or the syntax is wrong at one place.
    #[error("{location}: {message}")]
    Invalid {
        /// Where.
        location: Location,
        /// What is there and what is allowed.
        message: String,
    },
    /// A file that is no text is damaged, or of a kind that is not read; make it anew.
    #[error("{}: {message}", file.display())]
    Binary {
        /// The file.
        file: PathBuf,
        /// What is there, where, and what is allowed.
        message: String,
    },
    /// Rows of a CSV file of bodies are wrong; at most [`crate::limits::MAX_BAD_ROWS`] are listed.
    #[error("{}", list(.0))]
    BadRows(Vec<BadRow>),
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl Location {
    /// The place of a byte of a text; the end of the text for a byte beyond it.
    pub(crate) fn of_byte(file: PathBuf, text: &str, byte: usize) -> Self {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    pub(crate) fn invalid(self, message: impl Into<String>) -> ScenarioError {
        ScenarioError::Invalid {
            location: self,
            message: message.into(),
        }
    }
}

/// A row of a CSV file that has values that are not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The file.
    pub file: PathBuf,
    /// Line on which the row begins, from 1.
    pub line: u64,
    /// Name of the column, as in the header.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            value,
            allowed,
        } = self;
        write!(
            f,
            "{}:{line}: {column} is {value:?}, allowed: {allowed}",
            file.display()
        )
    }
}

fn list(rows: &[BadRow]) -> String {
    let mut text = rows.iter().map(BadRow::to_string).collect::<Vec<_>>().join("\n");
    if rows.len() >= crate::limits::MAX_BAD_ROWS {
        text.push_str("\n(only the first bad rows are listed)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let place = |byte| {
            let location = Location::of_byte(PathBuf::new(), "ab\nä€x\n", byte);
            (location.line, location.column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(2), (1, 3));
        assert_eq!(place(3), (2, 1));
        assert_eq!(place(4), (2, 1));
        assert_eq!(place(8), (2, 3));
        assert_eq!(place(99), (3, 1));
    }
}
