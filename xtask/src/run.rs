//! `cargo xtask run`: builds the daemon with its XDP program and starts it as root.

use std::{ffi::OsString, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    cargo,
    setup::{self, Group},
    shell,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Interface to answer on; may be given more than once
    #[arg(long, value_name = "DEV")]
    iface: Vec<String>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to attach the XDP program: auto, native, generic or off
    #[arg(long, value_name = "MODE")]
    xdp: Option<String>,
    /// More arguments for `netboot run`
    #[arg(last = true)]
    extra: Vec<OsString>,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    setup::ensure(Group::Build)?;
    let daemon = cargo::executable(&["build", "--release", "-p", "netboot-userspace"], "netboot")?;
    // It stays in the caller's directory, which relative paths are meant from.
    let mut start = Command::new(daemon);
    start.args(daemon_arguments(args));
    shell::exec(&mut shell::as_root(start)?)
}

fn daemon_arguments(args: &Args) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["run".into()];
    if let Some(file) = &args.config {
        words.extend(["--config".into(), file.into()]);
    }
    for device in &args.iface {
        words.extend(["--iface".into(), device.into()]);
    }
    if let Some(mode) = &args.xdp {
        words.extend(["--xdp".into(), mode.into()]);
    }
    words.extend(args.extra.iter().cloned());
    words
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn passes_everything_on_to_the_daemon() {
        fn check(line: &str, expect: &str) {
            let words = std::iter::once("run").chain(line.split_whitespace());
            let args = Line::try_parse_from(words).unwrap().args;
            assert_eq!(daemon_arguments(&args).join(" ".as_ref()), *expect);
        }
        check("", "run");
        check("--iface eth0", "run --iface eth0");
        check(
            "--iface eth0 --iface eth1 --xdp generic",
            "run --iface eth0 --iface eth1 --xdp generic",
        );
        check("--config my.toml -- --verbose", "run --config my.toml --verbose");
    }
}
