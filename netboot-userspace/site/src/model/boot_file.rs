//! A boot file's name, and the architecture that it is for.

use crate::model::Architecture;

/// A file that machines are told to boot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootFile {
    pub name: String,
    /// Of option 93, by which it is judged; a host's own is for any.
    pub(crate) code: Option<u16>,
}

impl BootFile {
    pub fn new(name: &str, architecture: Architecture) -> Self {
        Self { name: name.to_owned(), code: architecture.code() }
    }

    /// A host's own; `None`: another node's.
    pub fn of_host(name: &str) -> Option<Self> {
        (!name.contains("://")).then(|| Self { name: name.to_owned(), code: None })
    }
}
