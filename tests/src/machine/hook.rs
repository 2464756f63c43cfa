//! A small system to boot into, in the place of HookOS.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::installer;
use crate::process;

/// Kernel modules for the machines' network card, in the order of their dependencies.
const MODULES: [&str; 9] = [
    "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko",
    "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/virtio/virtio_pci.ko",
    "drivers/char/hw_random/virtio-rng.ko",
    "net/core/failover.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
];

/// What the scripts below call: busybox is each of them.
const PROGRAMS: [&str; 14] = [
    "awk", "cat", "insmod", "ip", "logger", "mkdir", "mount", "reboot", "sed", "sh", "sleep",
    "syslogd", "udhcpc", "usleep",
];

/// The kernel's argument that lets the system do nothing but renew its lease.
pub const RENEWS: &str = "netboot.renews";

/// Like HookOS: address by DHCP, then the log to the host that the kernel's arguments name.
const INIT: &str = r#"#!/bin/sh
mkdir -p /proc /sys /dev /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
exec >/dev/console 2>&1
# QEMU ends on a reboot: the test then fails at once.
fail() { echo "system: $*"; reboot -f; }
echo "system: started with $(cat /proc/cmdline)"
while read -r module; do
    insmod "/modules/$module" || fail "no module $module"
done </modules/order
cards=0
until [ -e /sys/class/net/eth0 ] || [ $cards -gt 100 ]; do cards=$((cards + 1)); usleep 50000; done
ip link set lo up
ip link set eth0 up
case "$(cat /proc/cmdline)" in
*netboot.renews*) exec udhcpc -f -t 10 -T 2 -i eth0 -s /udhcpc.sh ;;
esac
udhcpc -f -n -q -t 10 -T 2 -i eth0 -s /udhcpc.sh || fail "no lease"
host=$(sed -n 's/.*syslog_host=\([^ ]*\).*/\1/p' /proc/cmdline)
[ -n "$host" ] || fail "no syslog_host"
syslogd -n -R "$host:514" -L &
logs=0
until [ -S /dev/log ] || [ $logs -gt 100 ]; do logs=$((logs + 1)); usleep 50000; done
logger -t system "up with $(ip -4 -o addr show dev eth0 | awk '{print $4}')"
echo "system: logged to $host"
while true; do sleep 3600; done
"#;

const UDHCPC: &str = r#"#!/bin/sh
case "$1" in bound | renew) ip addr add "$ip/$mask" dev "$interface" ;; esac
"#;

/// A kernel, and an initial RAM disk made for it.
pub struct System {
    pub kernel: PathBuf,
    pub initrd: PathBuf,
}

/// Puts the system's two files into a directory, under the names that `/auto.ipxe` loads by default.
pub fn install(dir: &Path) -> Result<System> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/kernel");
    let found = only(&tools.join("boot"), "vmlinuz-")?;
    let modules = only(&tools.join("lib/modules"), "")?.join("kernel");
    let system =
        System { kernel: dir.join("vmlinuz-x86_64"), initrd: dir.join("initramfs-x86_64") };
    fs::copy(&found, &system.kernel).with_context(|| found.display().to_string())?;

    let root = tempfile::tempdir()?;
    let root = root.path();
    fs::create_dir_all(root.join("bin"))?;
    fs::copy("/bin/busybox", root.join("bin/busybox"))
        .context("/bin/busybox (Debian package busybox-static; run `cargo xtask setup`)")?;
    pack(root, &modules, &MODULES, &system.initrd)?;
    Ok(system)
}

/// The same for arm64, from Debian's installer, under names of our own.
pub fn install_arm64(dir: &Path) -> Result<System> {
    // Its kernel has the first two built in.
    const BUILT_IN: usize = 2;
    let system = System { kernel: dir.join("vmlinuz-arm64"), initrd: dir.join("initramfs-arm64") };
    installer::copy_kernel(&system.kernel)?;
    let parts = tempfile::tempdir()?;
    installer::unpack_initrd(parts.path())?;
    let root = tempfile::tempdir()?;
    let root = root.path();
    for name in ["bin/busybox", "lib/ld-linux-aarch64.so.1", "lib/aarch64-linux-gnu/libc.so.6"] {
        let to = root.join(name);
        fs::create_dir_all(to.parent().unwrap_or(root))?;
        fs::copy(parts.path().join(name), to).with_context(|| format!("the installer's {name}"))?;
    }
    let modules = only(&parts.path().join("lib/modules"), "")?.join("kernel");
    pack(root, &modules, &MODULES[BUILT_IN..], &system.initrd)?;
    Ok(system)
}

/// Makes an initial RAM disk of a directory with busybox, these modules, and the scripts.
fn pack(root: &Path, modules: &Path, names: &[&str], initrd: &Path) -> Result<()> {
    for program in PROGRAMS {
        symlink("busybox", root.join("bin").join(program))?;
    }
    fs::create_dir_all(root.join("modules"))?;
    let mut order = String::new();
    for module in names {
        let name = module.rsplit('/').next().unwrap_or(module);
        fs::copy(modules.join(module), root.join("modules").join(name))
            .with_context(|| modules.join(module).display().to_string())?;
        order += name;
        order += "\n";
    }
    fs::write(root.join("modules/order"), order)?;
    for (name, text) in [("init", INIT), ("udhcpc.sh", UDHCPC)] {
        fs::write(root.join(name), text)?;
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755))?;
    }
    let mut pack = Command::new("sh");
    pack.arg("-c").arg("cd \"$1\" && find . | busybox cpio -o -H newc | gzip -1 >\"$2\"");
    pack.arg("sh").arg(root).arg(initrd);
    process::run(pack, Duration::from_secs(60)).map(drop)
}

/// The one entry of a directory that begins like this.
fn only(dir: &Path, prefix: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(dir).with_context(|| {
        format!("{}: no kernel to boot; run `cargo xtask setup`", dir.display())
    })?;
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            return Ok(entry.path());
        }
    }
    bail!("{} holds no {prefix}*; run `cargo xtask setup`", dir.display())
}
