//! `cargo xtask dist`: a Debian package and a static tarball; `--check` installs and starts what it packs.

mod check;
mod deb;
mod epoch;
mod stage;
mod tarball;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use self::stage::Stage;
use crate::{
    progress,
    setup::{self, Group},
    shell,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pack the unoptimised build, and install, start and remove it in a root of its own (needs root)
    #[arg(long)]
    check: bool,
}

/// How the programs are built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Build {
    Release,
    Unoptimised,
}

impl Build {
    /// Where the packages are written.
    fn directory(self) -> PathBuf {
        let dist = shell::root().join("target/dist");
        match self {
            Self::Release => dist,
            Self::Unoptimised => dist.join("check"),
        }
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn command(args: &Args) -> Result<()> {
    setup::ensure(Group::Build)?;
    setup::ensure_static_target()?;
    if !args.check {
        return pack(Build::Release).map(drop);
    }
    let directory = pack(Build::Unoptimised)?;
    check::check(&directory)
}

fn pack(build: Build) -> Result<PathBuf> {
    let directory = build.directory();
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let epoch = epoch::epoch()?;
    let stage = Stage::fill(build, epoch)?;
    let packages = [deb::pack(&directory, epoch)?, tarball::pack(&stage, &directory, epoch)?];
    sum(&directory, &packages)?;
    for package in &packages {
        progress::said("packed", &directory.join(package).display().to_string());
    }
    Ok(directory)
}

/// `SHA256SUMS`, as `sha256sum --check` reads it.
fn sum(directory: &Path, packages: &[String]) -> Result<()> {
    let mut command = shell::command("sha256sum");
    let sums = shell::read(command.current_dir(directory).args(packages))?;
    fs::write(directory.join("SHA256SUMS"), sums).context("cannot write SHA256SUMS")
}
