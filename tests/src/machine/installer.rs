//! Debian's installer for arm64, as it is made for network boot: Debian 12 has no iPXE for arm64, this
//! has shim, GRUB and a kernel.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};

use crate::process;

const DIRECTORY: &str = "/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64";
/// What the firmware is to load: shim, which loads GRUB from the same place.
pub const BOOT_FILE: &str = "bootnetaa64.efi";

/// Puts its GRUB under `boot.root`, with this configuration.
pub fn install_grub(root: &Path, configuration: &str) -> Result<()> {
    // GRUB looks for the rest here, whatever the boot file's own path.
    let grub = root.join("debian-installer/arm64/grub");
    fs::create_dir_all(grub.join("arm64-efi"))?;
    fs::write(grub.join("grub.cfg"), configuration)?;
    copy("grub/arm64-efi/http.mod", &grub.join("arm64-efi/http.mod"))?;
    for name in [BOOT_FILE, "grubaa64.efi"] {
        copy(name, &root.join(name))?;
    }
    Ok(())
}

/// Copies its kernel.
pub fn copy_kernel(to: &Path) -> Result<()> {
    copy("linux", to)
}

fn copy(name: &str, to: &Path) -> Result<()> {
    let file = Path::new(DIRECTORY).join(name);
    fs::copy(&file, to).map(drop).with_context(|| {
        format!(
            "{} (Debian package debian-installer-12-netboot-arm64; run `cargo xtask setup`)",
            file.display()
        )
    })
}

/// Unpacks the parts of its initial RAM disk that another one can be made of.
pub fn unpack_initrd(dir: &Path) -> Result<()> {
    let mut unpack = Command::new("sh");
    unpack.arg("-c").arg(
        "cd \"$1\" && gzip -cd \"$2\" | cpio -id --quiet \
         'bin/busybox' 'lib/ld-linux*' 'lib/aarch64-linux-gnu/ld-*' 'lib/aarch64-linux-gnu/libc.so*' \
         'lib/modules/*/kernel/*virtio*' 'lib/modules/*/kernel/*failover*'",
    );
    unpack.arg("sh").arg(dir).arg(Path::new(DIRECTORY).join("initrd.gz"));
    process::run(unpack, Duration::from_secs(120)).map(drop)
}
