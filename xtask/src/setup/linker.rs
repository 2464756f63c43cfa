//! bpf-linker, in `target/tools`: .cargo/config.toml names it there.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{Missing, packages::llvm_prefix};
use crate::{
    cargo::cargo,
    progress::{self, Step},
    shell,
};

const VERSION: &str = "0.13.0";

pub(super) enum Linker {
    InPlace,
    /// Somewhere else on PATH.
    At(PathBuf),
    Absent,
}

pub(super) fn find() -> Linker {
    if is_right(&in_place()) {
        return Linker::InPlace;
    }
    match shell::find("bpf-linker").filter(|path| is_right(path)) {
        Some(path) => Linker::At(path),
        None => Linker::Absent,
    }
}

pub(super) fn missing(linker: &Linker) -> Option<Missing> {
    matches!(linker, Linker::Absent).then(|| Missing {
        what: format!("bpf-linker {VERSION}"),
        remedy: format!(
            "`cargo xtask setup` builds it with LLVM 22; or `cargo binstall bpf-linker@{VERSION}`: it is used when it is on PATH"
        ),
    })
}

pub(super) fn install(linker: &Linker) -> Result<()> {
    match linker {
        Linker::InPlace => {}
        Linker::At(path) => link(path)?,
        Linker::Absent => build()?,
    }
    progress::said("bpf-linker", &format!("{VERSION} is in target/tools/bin"));
    Ok(())
}

fn link(found: &Path) -> Result<()> {
    let place = in_place();
    let directory = place.parent().unwrap_or(&place);
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    if place.symlink_metadata().is_ok() {
        fs::remove_file(&place).with_context(|| format!("cannot replace {}", place.display()))?;
    }
    symlink(found, &place)
        .with_context(|| format!("cannot link {} to {}", place.display(), found.display()))
}

fn build() -> Result<()> {
    let step = Step::start(format!("bpf-linker {VERSION}: building it (about a minute)"));
    let mut command =
        cargo(&["install", "bpf-linker", "--version", VERSION, "--locked", "--force"]);
    command.args(["--no-default-features", "--features", "llvm-22", "--root", "target/tools"]);
    command.env("LLVM_PREFIX", llvm_prefix());
    shell::follow(&step, &mut command, Duration::from_secs(30 * 60))?;
    step.done("built");
    Ok(())
}

fn in_place() -> PathBuf {
    shell::root().join("target/tools/bin/bpf-linker")
}

fn is_right(path: &Path) -> bool {
    let version = shell::read(shell::command(path).arg("--version"));
    version.is_ok_and(|said| said.trim() == format!("bpf-linker {VERSION}"))
}
