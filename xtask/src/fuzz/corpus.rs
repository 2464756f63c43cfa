//! A target's inputs: the committed ones, and those that runs find.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::make;
use crate::shell;

pub(super) struct Corpus {
    pub(super) committed: PathBuf,
    /// What reached new code, in all runs here.
    pub(super) found: PathBuf,
    /// What crashed.
    pub(super) artifacts: PathBuf,
    pub(super) merged: PathBuf,
    old_crashes: BTreeSet<PathBuf>,
}

impl Corpus {
    pub(super) fn of(target: &str) -> Result<Self> {
        Self::under(&shell::root(), target)
    }

    fn under(root: &Path, target: &str) -> Result<Self> {
        let artifacts = make(root.join("tests/fuzz/artifacts").join(target))?;
        Ok(Self {
            committed: make(root.join("tests/fuzz/corpus").join(target))?,
            found: make(root.join("target/fuzz/corpus").join(target))?,
            merged: make(root.join("target/fuzz/merged").join(target))?,
            old_crashes: files(&artifacts)?,
            artifacts,
        })
    }

    /// Crashes that were not there before.
    pub(super) fn new_crashes(&self) -> Result<Vec<PathBuf>> {
        Ok(files(&self.artifacts)?.difference(&self.old_crashes).cloned().collect())
    }

    pub(super) fn keep_crashes(&self) -> Result<()> {
        self.new_crashes()?.iter().try_for_each(|crash| copy(crash, &self.committed))
    }

    /// The fuzzer adds to `merged` what its inputs do not reach yet.
    pub(super) fn start_merge(&self) -> Result<()> {
        for old in files(&self.merged)? {
            remove(&old)?;
        }
        let committed = files(&self.committed)?;
        committed.iter().filter(|file| is_named(file)).try_for_each(|file| copy(file, &self.merged))
    }

    /// Returns how many inputs are committed then.
    pub(super) fn take_merged(&self) -> Result<usize> {
        let merged = files(&self.merged)?;
        for old in files(&self.committed)?.iter().filter(|file| !is_named(file)) {
            remove(old)?;
        }
        merged
            .iter()
            .filter(|file| !is_named(file))
            .try_for_each(|file| copy(file, &self.committed))?;
        Ok(files(&self.committed)?.len())
    }
}

/// The fuzzer calls its own by a SHA-1 sum.
fn is_named(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.len() != 40 || !name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn files(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let context = || format!("cannot read {}", directory.display());
    let entries = fs::read_dir(directory).with_context(context)?;
    entries.map(|entry| Ok(entry.with_context(context)?.path())).collect()
}

fn copy(file: &Path, directory: &Path) -> Result<()> {
    let to = directory.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to)
        .with_context(|| format!("cannot copy {} to {}", file.display(), to.display()))?;
    Ok(())
}

fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef01234567";
    const NEW: &str = "89abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn keeps_named_inputs_and_what_a_merge_leaves() {
        let root = std::env::temp_dir().join(format!("xtask-corpus-{}", std::process::id()));
        let corpus = Corpus::under(&root, "t").unwrap();
        let names = |directory: &Path| -> Vec<String> {
            let files = files(directory).unwrap();
            files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into()).collect()
        };
        fs::write(corpus.committed.join("seed-discover"), "seed").unwrap();
        fs::write(corpus.committed.join(OLD), "old").unwrap();
        fs::write(corpus.artifacts.join("crash-1"), "crash").unwrap();

        corpus.keep_crashes().unwrap();
        corpus.start_merge().unwrap();
        assert_eq!(names(&corpus.merged), ["crash-1", "seed-discover"]);
        fs::write(corpus.merged.join(NEW), "new").unwrap();
        assert_eq!(corpus.take_merged().unwrap(), 3);
        assert_eq!(names(&corpus.committed), [NEW, "crash-1", "seed-discover"]);

        let again = Corpus::under(&root, "t").unwrap();
        assert!(again.new_crashes().unwrap().is_empty());
        fs::remove_dir_all(root).unwrap();
    }
}
