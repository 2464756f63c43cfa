//! Reasons why a file in the daemon's own directory is not used, and what to do.

use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

#[derive(Debug, thiserror::Error)]
#[error("{} {what}: {advice}", .path.display())]
pub struct Refused {
    path: PathBuf,
    what: String,
    advice: &'static str,
}

impl Refused {
    pub(super) fn kind(path: &Path, found: &str, wanted: &str) -> Self {
        Self::new(path, format!("is {found} and no {wanted}"), "remove it")
    }

    pub(super) fn owner(path: &Path, uid: u32) -> Self {
        let what = format!("is user {uid}'s, neither root's nor the daemon's");
        Self::new(path, what, "give it to the daemon's user, or name another state-dir")
    }

    pub(super) fn names(path: &Path, count: impl Display) -> Self {
        Self::new(path, format!("has {count} names (hard links)"), "remove it")
    }

    pub(super) fn writable(path: &Path) -> Self {
        Self::new(path, "can be written to by others".to_owned(), "`chmod go-w` it")
    }

    pub(super) fn unsteady(path: &Path) -> Self {
        Self::new(path, "changes while it is opened".to_owned(), "see who else writes there")
    }

    fn new(path: &Path, what: String, advice: &'static str) -> Self {
        Self { path: path.to_owned(), what, advice }
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        Self::other(refused)
    }
}

/// Whether an error is about this one place, and no other.
#[must_use]
pub fn is_refused(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Refused>())
}
