//! A problem of a configuration, and its place.

mod found;
mod report;

use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use netboot_base::shortlist::Shortlist;
use serde::Serialize;

pub use self::report::{Keep, Report};

/// One error or warning. [`fmt::Display`] is for who may read the file, [`Problem::told`] for all others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Problem {
    pub file: PathBuf,
    /// `None`: the file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// As in `host[3].ip`; empty: none in particular.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    pub message: String,
    /// Instead of field and message where these are the file's own words: it may be a link to another file.
    #[serde(skip)]
    told: Option<&'static str>,
}

impl Problem {
    /// Of a line of a file, or of the whole.
    pub fn new(file: &Path, line: Option<usize>, message: impl Into<String>) -> Self {
        Place { file: file.into(), line, field: String::new() }.problem(message)
    }

    /// The line for the log and the status.
    #[must_use]
    pub fn told(&self) -> impl fmt::Display + '_ {
        LogLine(self)
    }

    fn write_place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_place(f)?;
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

struct LogLine<'p>(&'p Problem);

impl fmt::Display for LogLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(told) = self.0.told else { return self.0.fmt(f) };
        self.0.write_place(f)?;
        write!(f, ": {told}")
    }
}

/// All errors, or all warnings, of a configuration. [`fmt::Display`] has few of them, as the log is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    kept: Vec<Problem>,
    /// How many more there were.
    left_out: usize,
}

impl Problems {
    /// How many there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.kept.len() + self.left_out
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The problems that were kept: all, but where a daemon read the configuration.
    #[must_use]
    pub fn kept(&self) -> &[Problem] {
        &self.kept
    }

    /// How many were not kept.
    pub(crate) const fn left_out(&self) -> usize {
        self.left_out
    }

    /// Takes out what was said before.
    pub(crate) fn retain(&mut self, left_out: usize, keep: impl FnMut(&Problem) -> bool) {
        self.kept.retain(keep);
        self.left_out = left_out;
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(kept: Vec<Problem>) -> Self {
        Self { kept, left_out: 0 }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        vec![problem].into()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<_> =
            self.kept.iter().take(netboot_base::shortlist::MOST).map(LogLine).collect();
        Shortlist::of(&told, self.total(), ": `netboot check` shows all").fmt(f)
    }
}

impl Error for Problems {}

/// Where a value stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: Option<usize>,
    pub(crate) field: String,
}

impl Place {
    /// A whole file.
    pub(crate) fn file(path: &Path) -> Self {
        Self { file: path.into(), line: None, field: String::new() }
    }

    /// `netboot.toml:12`
    pub(crate) fn line(&self) -> String {
        let file = self.file.display();
        self.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
    }

    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            file: self.file.to_path_buf(),
            line: self.line,
            field: shortened(self.field.clone()),
            message: shortened(message.into()),
            told: None,
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// A file's words are of any length.
fn shortened(mut text: String) -> String {
    const MOST: usize = 1024;
    if text.len() > MOST {
        let mut end = MOST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests;
