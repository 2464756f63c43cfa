//! What is packed: the programs, and what is made from their command line.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Build, VERSION};
use crate::{
    cargo,
    setup::STATIC_TARGET,
    shell::{self, run},
};

/// `target/dist/stage`; the manifest of the Debian package names files in it.
pub(super) struct Stage {
    pub(super) directory: PathBuf,
    pub(super) static_program: PathBuf,
}

/// The shells, and what the files of their completions are called.
pub(super) const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "netboot.bash"), ("zsh", "_netboot"), ("fish", "netboot.fish")];

impl Stage {
    pub(super) fn fill(build: Build, epoch: u64) -> Result<Self> {
        let directory = shell::root().join("target/dist/stage");
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .with_context(|| format!("cannot empty {}", directory.display()))?;
        }
        fs::create_dir_all(directory.join("completions"))
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let program = directory.join("netboot");
        strip(&compile(build, Target::Host)?, &program)?;
        let static_program = directory.join("netboot-static");
        strip(&compile(build, Target::Static)?, &static_program)?;

        run(shell::command(&program).arg("man").arg(directory.join("man")))?;
        for (shell, file) in COMPLETIONS {
            let text = shell::read(shell::command(&program).args(["completions", shell]))?;
            write(&directory.join("completions").join(file), &text)?;
        }
        write(&directory.join("debian-changelog"), &debian_changelog(epoch)?)?;
        let changelog = directory.join("CHANGELOG");
        fs::copy(shell::root().join("CHANGELOG.md"), &changelog)?;
        run(shell::command("gzip").args(["-n9"]).arg(&changelog))?;
        fs::rename(directory.join("CHANGELOG.gz"), directory.join("changelog.gz"))?;
        Ok(Self { directory, static_program })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Host,
    Static,
}

fn compile(build: Build, target: Target) -> Result<PathBuf> {
    let mut arguments = vec!["build", "-p", "netboot-userspace", "--bin", "netboot"];
    if target == Target::Static {
        arguments.extend(["--target", STATIC_TARGET]);
    }
    let flags = format!("build.rustflags={:?}", path_flags());
    if build == Build::Release {
        // The XDP program is built by a cargo of its own, which does not see this.
        arguments.extend(["--release", "--config", &flags]);
    }
    cargo::executable(&arguments, "netboot")
}

/// Panics name the sources' places: those of the project, not those of the computer it was built on.
fn path_flags() -> Vec<String> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(home?.join(".cargo")));
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags = vec![remap(&shell::root(), "netboot")];
    flags.extend(cargo.map(|cargo| remap(&cargo, "cargo")));
    flags
}

fn strip(program: &Path, to: &Path) -> Result<()> {
    run(shell::command("strip").arg("-o").arg(to).arg(program))
        .context("binutils, beside the C compiler, has strip")
}

/// Debian wants a changelog in its own format; what changed stands in the other one.
fn debian_changelog(epoch: u64) -> Result<String> {
    let mut date = Command::new("date");
    let date = shell::read(date.env("LC_ALL", "C").args(["-u", "-R", "-d", &format!("@{epoch}")]))?;
    Ok(format!(
        "netboot ({VERSION}-1) unstable; urgency=medium\n\n  * See changelog.gz.\n\n \
         -- the netboot contributors <netboot@localhost>  {}\n",
        date.trim()
    ))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
