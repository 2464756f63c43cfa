//! What is wrong with a configuration, and where.

use std::{
    cell::RefCell,
    error::Error,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

/// One error or warning.
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
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All errors of a configuration, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
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
            field: self.field.clone(),
            message: message.into(),
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// Collects errors and warnings while a configuration is read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    errors: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl Report {
    pub(crate) fn error(&self, place: &Place, message: impl Into<String>) {
        self.errors.borrow_mut().push(place.problem(message));
    }

    pub(crate) fn warn(&self, place: &Place, message: impl Into<String>) {
        self.warnings.borrow_mut().push(place.problem(message));
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.borrow().is_empty()
    }

    /// Takes over what another report has.
    pub(crate) fn absorb(&self, other: Self) {
        self.errors.borrow_mut().append(&mut other.errors.into_inner());
        self.warnings.borrow_mut().append(&mut other.warnings.into_inner());
    }

    /// Errors and warnings, both in the order of `files` and lines.
    pub(crate) fn into_sorted(self, files: &[PathBuf]) -> (Vec<Problem>, Vec<Problem>) {
        let sorted = |problems: RefCell<Vec<Problem>>| {
            let mut problems = problems.into_inner();
            problems.sort_by_key(|problem| {
                (files.iter().position(|file| *file == problem.file), problem.line)
            });
            problems
        };
        (sorted(self.errors), sorted(self.warnings))
    }
}
