//! Debian packages under `target/tools`: fetched and unpacked, never installed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{progress::Step, shell};

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Where the package that is known by `name` here has its files.
pub(super) fn directory(name: &str) -> PathBuf {
    shell::root().join("target/tools").join(name)
}

/// Puts a package's files in the place of those that were there.
pub(super) fn fetch(name: &str, package: &str) -> Result<()> {
    let step = Step::start(format!("{name}: fetching {package}"));
    let directory = directory(name);
    let staging = directory.with_extension("new");
    start_afresh(&staging)?;
    let mut download = shell::command("apt-get");
    download.args(["-q", "download", package]).current_dir(&staging);
    shell::follow(&step, &mut download, LIMIT)?;
    let archive = the_archive(&staging)?;
    shell::follow(&step, shell::command("dpkg").arg("-x").arg(&archive).arg(&staging), LIMIT)?;
    fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))?;
    remove(&directory)?;
    fs::rename(&staging, &directory)
        .with_context(|| format!("cannot put {} in its place", directory.display()))?;
    step.done(&format!("unpacked into target/tools/{name}"));
    Ok(())
}

fn start_afresh(staging: &Path) -> Result<()> {
    remove(staging)?;
    fs::create_dir_all(staging).with_context(|| format!("cannot make {}", staging.display()))
}

fn remove(directory: &Path) -> Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))
}

fn the_archive(staging: &Path) -> Result<PathBuf> {
    let entries =
        fs::read_dir(staging).with_context(|| format!("cannot read {}", staging.display()))?;
    let mut archives = entries.flatten().map(|entry| entry.path());
    archives
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get download left no package")
}
