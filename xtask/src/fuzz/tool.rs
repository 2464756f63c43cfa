//! cargo-fuzz, in `target/tools`.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::Result;

use crate::{
    cargo::cargo,
    progress::{self, Step},
    shell,
};

const VERSION: &str = "0.13.2";

/// A command that begins with cargo-fuzz; where it is missing, it is built.
pub(super) fn cargo_fuzz() -> Result<Command> {
    let place = shell::root().join("target/tools/bin/cargo-fuzz");
    if !is_right(&place) {
        build()?;
    }
    progress::said("cargo-fuzz", &format!("{VERSION} is in target/tools/bin"));
    let mut command = shell::command(place);
    // As cargo calls it.
    command.arg("fuzz");
    Ok(command)
}

fn build() -> Result<()> {
    let step = Step::start(format!("cargo-fuzz {VERSION}: building it (about a minute)"));
    let mut command =
        cargo(&["install", "cargo-fuzz", "--version", VERSION, "--locked", "--force"]);
    command.args(["--root", "target/tools"]);
    shell::follow(&step, &mut command, Duration::from_secs(30 * 60))?;
    step.done("built");
    Ok(())
}

fn is_right(path: &PathBuf) -> bool {
    let version = shell::read(shell::command(path).args(["fuzz", "--version"]));
    version.is_ok_and(|said| said.trim() == format!("cargo-fuzz {VERSION}"))
}
