//! cargo-deny, in `target/tools`: `cargo xtask ci` checks licences with it.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;

use super::Missing;
use crate::{
    cargo::cargo,
    progress::{self, Step},
    shell,
};

const VERSION: &str = "0.20.2";

/// Where it is, or is to be.
pub(crate) fn in_place() -> PathBuf {
    shell::root().join("target/tools/bin/cargo-deny")
}

pub(super) fn missing() -> Option<Missing> {
    (!is_right()).then(|| Missing {
        what: format!("cargo-deny {VERSION}"),
        remedy: "`cargo xtask setup` builds it into target/tools".to_owned(),
    })
}

/// Builds it, without optimisation: what it does takes two seconds, and its own profile links for minutes.
pub(crate) fn install() -> Result<()> {
    if !is_right() {
        let step = Step::start(format!("cargo-deny {VERSION}: building it (about a minute)"));
        let mut command =
            cargo(&["install", "cargo-deny", "--version", VERSION, "--locked", "--force"]);
        command.args(["--profile", "dev", "--root", "target/tools"]);
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        shell::follow(&step, &mut command, Duration::from_secs(30 * 60))?;
        step.done("built");
    }
    progress::said("cargo-deny", &format!("{VERSION} is in target/tools/bin"));
    Ok(())
}

fn is_right() -> bool {
    let version = shell::read(shell::command(in_place()).arg("--version"));
    version.is_ok_and(|said| said.trim() == format!("cargo-deny {VERSION}"))
}
