//! A file that another takes the place of.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

/// As editors do: another file, renamed. Nobody sees half of it.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().context("a file in a directory")?;
    let file = NamedTempFile::new_in(directory)?;
    fs::write(file.path(), text)?;
    file.persist(path)?;
    Ok(())
}
