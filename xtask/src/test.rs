//! `cargo xtask test`: everything, setting up what it needs.

use anyhow::Result;

use crate::{
    cargo::{self, cargo},
    parts::Parts,
    setup::{self, Group},
    shell,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the tests that need neither root nor test clients
    #[arg(long)]
    no_root: bool,
    /// Also show what tests that passed print, as the machines' boot times
    #[arg(long)]
    show_output: bool,
    /// Run only the tests whose name contains one of these
    filter: Vec<String>,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    setup::ensure(if args.no_root { Group::Build } else { Group::Everything })?;
    let mut parts = Parts::default();
    parts.run("tests without root", || unprivileged(&args.filter));
    if !args.no_root {
        parts.run("tests on real parts, as root", || integration(args));
    }
    parts.close()
}

fn unprivileged(filter: &[String]) -> Result<()> {
    // All of the workspace but those that need root.
    shell::run(cargo(&["test", "--"]).args(filter))
}

/// Built by the calling user and run by root, so that `target` stays the user's.
fn integration(args: &Args) -> Result<()> {
    let [daemon, other] = cargo::daemons(&[])?;
    let tests = cargo::executable(&["test", "--no-run", "-p", "netboot-tests"], "integration")?;
    let mut command = shell::command(tests);
    command.current_dir(shell::root().join("tests")).args(&args.filter);
    command.env("NETBOOT_BIN", daemon).env("NETBOOT_OTHER_BIN", other);
    if args.show_output {
        command.arg("--show-output");
    }
    shell::run(&mut shell::as_root(command)?)
}
