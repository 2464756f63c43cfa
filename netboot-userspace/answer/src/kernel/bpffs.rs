//! The BPF file system, where maps are pinned.

use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::Path,
};

use anyhow::Context as _;
use nix::{
    mount::{MsFlags, mount},
    sys::statfs::{BPF_FS_MAGIC, statfs},
};

use super::IS_BUILT_IN;

const BPFFS: &str = "/sys/fs/bpf";

/// Mounts the usual bpffs where a directory needs it and it is missing. A build without the program pins nothing.
///
/// # Errors
/// The bpffs cannot be mounted.
pub fn mount_missing(directory: &Path) -> anyhow::Result<()> {
    if IS_BUILT_IN && directory.starts_with(BPFFS) && !is_bpffs(Path::new(BPFFS)) {
        // Else anybody could make directories there.
        mount(Some("bpf"), BPFFS, Some("bpf"), MsFlags::empty(), Some("mode=0700"))
            .with_context(|| format!("cannot mount {BPFFS} (`mount -t bpf bpf {BPFFS}`)"))?;
        tracing::info!("mounted {BPFFS}");
    }
    Ok(())
}

/// Makes the directory on a bpffs; mounts the usual one where it is missing.
pub(super) fn prepare(directory: &Path) -> anyhow::Result<()> {
    mount_missing(directory)?;
    make_directory(directory)?;
    anyhow::ensure!(
        is_bpffs(directory),
        "xdp.pin-path {} is not on a bpffs: name a directory under {BPFFS}",
        directory.display()
    );
    Ok(())
}

/// Makes a directory, if it is not there.
pub(super) fn make_directory(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

fn absent(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

fn is_bpffs(path: &Path) -> bool {
    statfs(path).is_ok_and(|stat| stat.filesystem_type() == BPF_FS_MAGIC)
}

/// Makes the directory of the pins, and opens it. A build without the program pins nothing.
///
/// # Errors
/// There is no bpffs, and none can be mounted; or it is no directory of a bpffs.
pub fn open(directory: &Path) -> anyhow::Result<Option<OwnedFd>> {
    if !IS_BUILT_IN {
        return Ok(None);
    }
    prepare(directory)?;
    let opened = File::open(directory)
        .with_context(|| format!("cannot open xdp.pin-path {}", directory.display()))?;
    Ok(Some(opened.into()))
}

/// Removes a pin, if it is there.
pub(super) fn remove(pin: &Path) -> anyhow::Result<()> {
    absent(fs::remove_file(pin)).with_context(|| format!("cannot remove the pin {}", pin.display()))
}

/// Gives a pin another name.
pub(super) fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot move the pin {}", from.display()))
}
