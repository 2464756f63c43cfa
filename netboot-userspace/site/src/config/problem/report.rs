//! The collector of errors and warnings while a configuration is read.

use std::{cell::RefCell, path::PathBuf};

use super::{Place, Problem, Problems, found::FoundProblems};

/// How many errors, and warnings, stay in memory; all are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// For a command, which prints them and ends.
    #[default]
    All,
    /// For the daemon.
    Few,
}

impl Keep {
    fn most(self) -> usize {
        const FEW: usize = 500;
        match self {
            Self::All => usize::MAX,
            Self::Few => FEW,
        }
    }
}

/// Collects errors and warnings while a configuration is read.
#[derive(Debug, Default)]
pub struct Report {
    keep: Keep,
    errors: RefCell<FoundProblems>,
    warnings: RefCell<FoundProblems>,
}

impl Report {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, ..Self::default() }
    }

    /// What the report of a part of what is read is to keep.
    pub(crate) fn keep(&self) -> Keep {
        self.keep
    }

    pub(crate) fn error(&self, place: &Place, message: impl Into<String>) {
        self.errors.borrow_mut().add(self.keep.most(), || place.problem(message));
    }

    pub(crate) fn warn(&self, place: &Place, message: impl Into<String>) {
        self.warnings.borrow_mut().add(self.keep.most(), || place.problem(message));
    }

    /// As [`Self::error`], where field or message are the file's own words: others than who may read the
    /// file are told this.
    pub(crate) fn quoting_error(
        &self,
        place: &Place,
        message: impl Into<String>,
        told: &'static str,
    ) {
        let problem = || Problem { told: Some(told), ..place.problem(message) };
        self.errors.borrow_mut().add(self.keep.most(), problem);
    }

    /// As [`Self::quoting_error`], of a warning.
    pub(crate) fn quoting_warning(
        &self,
        place: &Place,
        message: impl Into<String>,
        told: &'static str,
    ) {
        let problem = || Problem { told: Some(told), ..place.problem(message) };
        self.warnings.borrow_mut().add(self.keep.most(), problem);
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.borrow().is_empty()
    }

    /// How many errors there are.
    pub(crate) fn errors(&self) -> usize {
        self.errors.borrow().count()
    }

    /// Takes over what another report has, of which the errors stop nothing: what is wrong is left out.
    pub(crate) fn absorb_left_out(&self, other: Self) {
        let most = self.keep.most();
        let mut warnings = self.warnings.borrow_mut();
        warnings.absorb(most, other.errors.into_inner().leaving_out());
        warnings.absorb(most, other.warnings.into_inner());
    }

    /// Takes over what another report has.
    pub(crate) fn absorb(&self, other: Self) {
        let most = self.keep.most();
        self.errors.borrow_mut().absorb(most, other.errors.into_inner());
        self.warnings.borrow_mut().absorb(most, other.warnings.into_inner());
    }

    /// Errors and warnings, both in the order of `files` and lines.
    pub(crate) fn into_sorted(self, files: &[PathBuf]) -> (Problems, Problems) {
        let key =
            |problem: &Problem| (files.iter().position(|file| *file == problem.file), problem.line);
        (self.errors.into_inner().into_sorted(key), self.warnings.into_inner().into_sorted(key))
    }
}
