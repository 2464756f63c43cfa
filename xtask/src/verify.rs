//! `cargo xtask verify`: loads the XDP program on this kernel and on Debian 12's, and says what the
//! verifier had to do for it.

pub(crate) mod measure;

use anyhow::{Context as _, Result};

use self::measure::Measure;
use crate::{
    cargo, guest,
    parts::Parts,
    setup::{self, Group, STATIC_TARGET},
    shell,
};

/// The daemon's own check: it loads the program and prints one line of JSON.
const SELFTEST: [&str; 2] = ["selftest", "load"];

pub(crate) fn command() -> Result<()> {
    setup::ensure(Group::Everything)?;
    let mut measures = Vec::new();
    let mut parts = Parts::default();
    parts.run("this kernel", || keep(&mut measures, on_this_kernel()?));
    parts.run("Debian 12's kernel", || keep(&mut measures, on_debian_12()?));
    print!("{}", measure::table(&measures));
    parts.close()
}

fn keep(measures: &mut Vec<Measure>, measure: Measure) -> Result<()> {
    let judged = measure.judge();
    measures.push(measure);
    judged
}

fn on_this_kernel() -> Result<Measure> {
    let daemon = cargo::executable(&["build", "-p", "netboot-userspace"], "netboot")?;
    let mut selftest = shell::command(daemon);
    selftest.args(SELFTEST);
    measure::find(&shell::read(&mut shell::as_root(selftest)?)?)
}

fn on_debian_12() -> Result<Measure> {
    let kernel = setup::kernel_image()
        .context("target/tools/kernel holds no kernel: run `cargo xtask setup`")?;
    let build = ["build", "-p", "netboot-userspace", "--target", STATIC_TARGET];
    let daemon = cargo::executable(&build, "netboot")?;
    let script = format!("{} {}\n", guest::PROGRAM, SELFTEST.join(" "));
    measure::find(&guest::run(&kernel, &daemon, &script)?)
}
