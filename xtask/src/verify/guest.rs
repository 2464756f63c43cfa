//! Runs one static program as all of a small virtual machine.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{progress::Step, shell};

/// Emulated, the machine needs some seconds; loaded computers need more.
const LIMIT: Duration = Duration::from_secs(180);

/// Boots `kernel` with `program` and nothing else, runs it, and returns what the serial console said.
pub(super) fn run(kernel: &Path, program: &Path, arguments: &[&str]) -> Result<String> {
    let directory = shell::root().join("target/verify");
    let initrd = initramfs(&directory, program, arguments)
        .context("cannot make the virtual machine's file system")?;
    let step = Step::start(format!("booting {}", kernel.display()));
    let mut machine = shell::command("qemu-system-x86_64");
    machine.args(["-m", "1024", "-nographic", "-no-reboot", "-nic", "none"]);
    machine.arg("-kernel").arg(kernel).arg("-initrd").arg(initrd);
    machine.args(["-append", "console=ttyS0 panic=-1 quiet"]);
    let said = shell::follow(&step, &mut machine, LIMIT)?;
    step.done("it ran");
    Ok(said)
}

fn initramfs(directory: &Path, program: &Path, arguments: &[&str]) -> Result<PathBuf> {
    let tree = directory.join("root");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    for name in ["bin", "dev", "proc", "sys", "tmp"] {
        fs::create_dir_all(tree.join(name))?;
    }
    let busybox = shell::find("busybox").context("no busybox: run `cargo xtask setup`")?;
    fs::copy(busybox, tree.join("bin/busybox"))?;
    fs::copy(program, tree.join("bin/program"))?;
    let init = tree.join("init");
    fs::write(&init, script(arguments))?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;

    let archive = directory.join("initramfs.cpio");
    let pack = "find . | cpio --quiet --create --format=newc --owner=0:0 --file=\"$1\"";
    let mut command = shell::command("sh");
    command.args(["-c", pack, "pack"]).arg(&archive).current_dir(&tree);
    shell::read(&mut command)?;
    Ok(archive)
}

fn script(arguments: &[&str]) -> String {
    format!(
        "#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t bpf bpf /sys/fs/bpf
/bin/busybox ip link set lo up
/bin/program {} || echo \"the program failed: exit status $?\"
/bin/busybox poweroff -f
",
        arguments.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_runs_the_program_and_powers_off() {
        let script = script(&["selftest", "load"]);
        let lines: Vec<_> = script.lines().collect();
        assert_eq!(lines[0], "#!/bin/busybox sh");
        assert!(lines.iter().any(|line| line.starts_with("/bin/program selftest load ||")));
        assert_eq!(lines.last(), Some(&"/bin/busybox poweroff -f"));
    }
}
