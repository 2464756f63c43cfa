//! A program that prints hosts.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// `[[source]]` with `kind = "command"`: a program that prints hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSource {
    /// The program, and which one of those with the same program it is.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// From the end of one run to the next one.
    pub interval: Duration,
    /// How long a run may take.
    pub timeout: Duration,
}

impl CommandSource {
    /// Where a problem with the output stands.
    #[must_use]
    pub fn path(&self) -> Arc<Path> {
        PathBuf::from(format!("output of {}", self.name)).into()
    }
}
