//! The time that packed files have: who packs the same sources gets the same files.

use std::env;

use anyhow::{Context as _, Result};

use crate::shell;

/// `SOURCE_DATE_EPOCH`, else that of the newest commit; in seconds.
pub(super) fn epoch() -> Result<u64> {
    let text = match env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => shell::read(shell::command("git").args(["log", "-1", "--format=%ct"]))
            .context("the sources have no commit: set SOURCE_DATE_EPOCH, in seconds")?,
    };
    let text = text.trim();
    text.parse().with_context(|| format!("SOURCE_DATE_EPOCH {text:?} is no number of seconds"))
}
