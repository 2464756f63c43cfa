//! The maps that an operator may look into, pinned as long as the program is loaded.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use aya::Ebpf;
use netboot_ebpf::shared::map;

use super::bpffs;

const PINNED: [&str; 11] = [
    map::RESERVATIONS,
    map::USER_CLASSES,
    map::SUBNETS,
    map::BOOT_FILES,
    map::INTERFACES,
    map::SETTINGS,
    map::COUNTERS,
    map::EVENTS,
    map::UNKNOWN,
    map::LIMITS,
    map::DEADLINES,
];

/// Pins, removed with this value.
pub(super) struct Pins {
    directory: PathBuf,
    paths: Vec<PathBuf>,
    _lock: File,
}

impl Pins {
    /// Pins every map in a directory of a bpffs, in place of what an earlier daemon left there.
    pub(super) fn new(ebpf: &Ebpf, directory: &Path) -> anyhow::Result<Self> {
        bpffs::prepare(directory)?;
        let _lock = lock(directory)?;
        let mut pins = Self { directory: directory.to_owned(), paths: Vec::new(), _lock };
        for name in PINNED {
            let path = directory.join(name);
            bpffs::remove(&path)?;
            let map = ebpf.map(name).with_context(|| format!("the object has no map {name}"))?;
            map.pin(&path).with_context(|| format!("cannot pin {}", path.display()))?;
            pins.paths.push(path);
        }
        Ok(pins)
    }
}

/// Held while the daemon lives: daemons in other network namespaces may be configured alike.
fn lock(directory: &Path) -> anyhow::Result<File> {
    let file = File::open(directory)
        .with_context(|| format!("cannot open xdp.pin-path {}", directory.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "xdp.pin-path {} is another netboot's, which is running: give each one a directory of its own",
            directory.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock xdp.pin-path {}", directory.display()))
        }
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        for path in &self.paths {
            if let Err(error) = bpffs::remove(path) {
                tracing::warn!("{error:#}");
            }
        }
        // Others may have pinned something there: then it stays.
        let _ = fs::remove_dir(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_one_daemons() {
        let directory = tempfile::tempdir().unwrap();
        let held = lock(directory.path()).unwrap();
        let error = lock(directory.path()).unwrap_err().to_string();
        assert!(error.starts_with("xdp.pin-path ") && error.contains("another netboot"), "{error}");
        drop(held);
        lock(directory.path()).unwrap();
    }
}
