//! The maps that an operator may look into, pinned as long as the program is loaded.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aya::Ebpf;
use netboot_ebpf::shared::map;

use super::bpffs;

const PINNED: [&str; 9] = [
    map::RESERVATIONS,
    map::USER_CLASSES,
    map::SUBNETS,
    map::BOOT_FILES,
    map::INTERFACES,
    map::SETTINGS,
    map::COUNTERS,
    map::EVENTS,
    map::UNKNOWN,
];

/// Pins, removed with this value.
#[derive(Default)]
pub(super) struct Pins {
    paths: Vec<PathBuf>,
}

impl Pins {
    /// Pins every map in a directory of a bpffs, in place of what an earlier daemon left there.
    pub(super) fn new(ebpf: &Ebpf, directory: &Path) -> anyhow::Result<Self> {
        bpffs::prepare(directory)?;
        let mut pins = Self::default();
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

impl Drop for Pins {
    fn drop(&mut self) {
        for path in &self.paths {
            if let Err(error) = bpffs::remove(path) {
                tracing::warn!("{error:#}");
            }
        }
        if let Some(directory) = self.paths.first().and_then(|path| path.parent()) {
            // Others may have pinned something there: then it stays.
            let _ = std::fs::remove_dir(directory);
        }
    }
}
