//! What can be wrong with a configuration, in words for the operator who wrote it.

use std::fmt;

use crate::key::Setting;

/// One thing that is wrong. Its message says what, where, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value is not one that its key can have: correct it where it was set.
    #[error("{setting}: allowed is {allowed}")]
    Value {
        /// The value as it was given, shortened when long, and its place.
        setting: Setting,
        /// What would have been allowed.
        allowed: String,
    },
    /// Two values, each valid alone, do not go together: correct one of them.
    #[error("{setting}: {rule}, and there is {other}")]
    Conflict {
        /// The value that breaks the rule.
        setting: Setting,
        /// The rule, which names the other key.
        rule: &'static str,
        /// The value it does not go with.
        other: Box<Setting>,
    },
    /// A file or directory cannot be read: check that it exists, who may read it, and its size.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The path.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file is not YAML or TOML with one value per key: correct its syntax.
    #[error("{path} is not valid: {reason}")]
    Syntax {
        /// The path.
        path: String,
        /// What the parser said.
        reason: String,
    },
    /// An override of the command line is not `key=value`.
    #[error("{text:?} from the command line: expected key=value")]
    Override {
        /// The override as it was given.
        text: String,
    },
}

/// Everything that is wrong with a configuration, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// What is wrong, in the order of the keys; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(
            f,
            "the configuration has {count} {}",
            if count == 1 { "error:" } else { "errors:" }
        )?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}

/// A key that does not exist was set. It has no effect; the rest has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The key as it was given.
    pub key: String,
    /// The file, variable or flag that gave it.
    pub source_name: String,
    /// The known key that looks most like it, if one does.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown configuration key {:?} from {} is ignored",
            self.key, self.source_name
        )?;
        self.nearest
            .map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
    }
}
