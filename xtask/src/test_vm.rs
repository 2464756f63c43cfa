//! `cargo xtask test-vm`: what `verify` does, and whether the kernel keeps the program when its daemon dies: on this
//! kernel and on Debian 12's, in a virtual machine.

mod checks;

use anyhow::{Context as _, Result};

use self::checks::Checks;
use crate::{
    cargo, guest,
    parts::Parts,
    progress::Step,
    setup::{self, Group, STATIC_TARGET},
    shell,
    verify::measure::{self, Measure},
};

/// What is tried; `NETBOOT` is the daemon.
const TRIAL: &str = include_str!("test_vm/trial.sh");

/// As a machine of its own has it: a network, processes, and a BPF file system.
const APART: &str = "mount -t bpf bpf /sys/fs/bpf && ip link set lo up && exec sh -c \"$0\"";

#[derive(Default)]
struct Found {
    measures: Vec<Measure>,
    checks: Vec<Checks>,
}

pub(crate) fn command() -> Result<()> {
    setup::ensure(Group::Everything)?;
    let mut found = Found::default();
    let mut parts = Parts::default();
    parts.run("this kernel", || found.keep(&on_this_kernel()?));
    parts.run("Debian 12's kernel", || found.keep(&on_debian_12()?));
    print!("{}\n{}", measure::table(&found.measures), checks::table(&found.checks));
    parts.close()
}

impl Found {
    fn keep(&mut self, said: &str) -> Result<()> {
        let measure = measure::find(said)?;
        let checks = checks::find(said)?;
        let judged = measure.judge().and(checks.judge());
        self.measures.push(measure);
        self.checks.push(checks);
        judged
    }
}

fn on_this_kernel() -> Result<String> {
    let daemon = cargo::executable(&["build", "-p", "netboot-userspace"], "netboot")?;
    let mut apart = shell::command("unshare");
    apart.args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    apart.args(["sh", "-c", APART, TRIAL]).env("NETBOOT", daemon);
    let step = Step::start("trying this kernel");
    let said = shell::follow(&step, &mut shell::as_root(apart)?, guest::LIMIT)?;
    step.done("it ran");
    Ok(said)
}

fn on_debian_12() -> Result<String> {
    let kernel = setup::kernel_image()
        .context("target/tools/kernel holds no kernel: run `cargo xtask setup`")?;
    let build = ["build", "-p", "netboot-userspace", "--target", STATIC_TARGET];
    let daemon = cargo::executable(&build, "netboot")?;
    guest::run(&kernel, &daemon, &format!("export NETBOOT={}\n{TRIAL}", guest::PROGRAM))
}
