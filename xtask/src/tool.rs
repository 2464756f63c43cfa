//! Cargo's further subcommands, in `target/tools`.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Result;

use crate::{
    cargo::cargo,
    progress::{self, Step},
    shell,
};

/// A package that has the program `cargo-...`.
pub(crate) struct Tool {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// Of `cargo install`.
    pub(crate) options: &'static [&'static str],
}

impl Tool {
    /// A command that begins with it; where it is missing, it is built.
    pub(crate) fn command(&self) -> Result<Command> {
        let place = shell::root().join("target/tools/bin").join(self.package);
        if !self.is_right(&place) {
            self.build()?;
        }
        progress::said(self.package, &format!("{} is in target/tools/bin", self.version));
        Ok(self.at(&place))
    }

    /// As cargo calls it.
    fn at(&self, place: &Path) -> Command {
        let mut command = shell::command(place);
        command.arg(self.package.trim_start_matches("cargo-"));
        command
    }

    fn build(&self) -> Result<()> {
        let Self { package, version, options } = self;
        let step = Step::start(format!("{package} {version}: building it (about a minute)"));
        let mut command = cargo(&["install", package, "--version", version, "--locked", "--force"]);
        command.args(*options).args(["--root", "target/tools"]);
        shell::follow(&step, &mut command, Duration::from_secs(30 * 60))?;
        step.done("built");
        Ok(())
    }

    fn is_right(&self, place: &Path) -> bool {
        let version = shell::read(self.at(place).arg("--version"));
        version.is_ok_and(|said| said.split_whitespace().last() == Some(self.version))
    }
}
