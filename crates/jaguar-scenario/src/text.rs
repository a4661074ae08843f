//! Text files, word by word, with the place of each word for the messages.

use std::path::Path;

use crate::error::{Location, ScenarioError};

/// A text and its name.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl<'a> Source<'a> {
    /// The pieces of the text between white space.
    pub(crate) fn words(&self) -> impl Iterator<Item = Word<'a>> + use<'a> {
        self.words_of(self.text)
    }

    /// The pieces of a part of the text between white space.
    pub(crate) fn words_of(&self, part: &'a str) -> impl Iterator<Item = Word<'a>> + use<'a> {
        let start = self.text.as_ptr() as usize;
        part.split_ascii_whitespace().map(move |word| Word {
            text: word,
            byte: word.as_ptr() as usize - start,
        })
    }

    pub(crate) fn invalid_at(&self, byte: usize, message: impl Into<String>) -> ScenarioError {
        Location::of_byte(self.path.to_owned(), self.text, byte).invalid(message)
    }

    pub(crate) fn invalid(&self, word: &Word<'_>, message: impl Into<String>) -> ScenarioError {
        self.invalid_at(word.byte, message)
    }

    pub(crate) fn missing(&self, key: &str) -> ScenarioError {
        self.invalid_at(0, format!("the header has no {key}"))
    }
}

/// A piece of text between white space.
#[derive(Clone, Copy)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) byte: usize,
}

impl Word<'_> {
    pub(crate) fn number(&self, source: &Source<'_>) -> Result<f64, ScenarioError> {
        let parsed = self.text.parse();
        parsed.map_err(|_| source.invalid(self, format!("{:?} is not a number", self.shortened())))
    }

    /// A number that is not infinite nor "NaN".
    pub(crate) fn finite(&self, source: &Source<'_>) -> Result<f64, ScenarioError> {
        let number = self.number(source)?;
        if number.is_finite() {
            return Ok(number);
        }
        Err(source.invalid(
            self,
            format!("a coordinate is {:?}, allowed: finite numbers", self.shortened()),
        ))
    }

    /// Enough of it for a message.
    pub(crate) fn shortened(&self) -> String {
        self.text.chars().take(40).collect()
    }
}
