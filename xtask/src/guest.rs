//! Runs one static program as all of a small virtual machine.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{progress::Step, shell};

/// Emulated, the machine needs a minute or two; loaded computers need more.
pub(crate) const LIMIT: Duration = Duration::from_secs(900);

/// Where the program is in the machine.
pub(crate) const PROGRAM: &str = "/bin/program";

/// Boots `kernel` with `program` and busybox, runs a shell script, and returns what the serial console said.
pub(crate) fn run(kernel: &Path, program: &Path, script: &str) -> Result<String> {
    let directory = shell::root().join("target/verify");
    let initrd = initramfs(&directory, program, script)
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

fn initramfs(directory: &Path, program: &Path, script: &str) -> Result<PathBuf> {
    let tree = directory.join("root");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    for name in ["bin", "dev", "proc", "sys", "tmp"] {
        fs::create_dir_all(tree.join(name))?;
    }
    let busybox = shell::find("busybox").context("no busybox: run `cargo xtask setup`")?;
    fs::copy(busybox, tree.join("bin/busybox"))?;
    fs::copy(program, tree.join(PROGRAM.trim_start_matches('/')))?;
    let init = tree.join("init");
    fs::write(&init, INIT)?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
    fs::write(tree.join("script"), script)?;

    let archive = directory.join("initramfs.cpio");
    let pack = "find . | cpio --quiet --create --format=newc --owner=0:0 --file=\"$1\"";
    let mut command = shell::command("sh");
    command.args(["-c", pack, "pack"]).arg(&archive).current_dir(&tree);
    shell::read(&mut command)?;
    Ok(archive)
}

const INIT: &str = "#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t bpf bpf /sys/fs/bpf
/bin/busybox --install -s /bin
ip link set lo up
sh /script || echo \"the script failed: exit status $?\"
poweroff -f
";
