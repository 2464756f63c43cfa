//! What goes on without a daemon: the pins of the maps and of the links, in a directory of a bpffs.
//!
//! * `NAME`: a map. While another generation of the tables is made, its maps are under `next/`; they
//!   are moved over the old ones when the program that reads them is in service. A `next/` that is there at
//!   the start tells of a daemon that died between.
//! * `links/IFINDEX`: what holds the program at an interface. (A pin's name cannot have the dot of
//!   `eth0.100`.)

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use netboot_ebpf::shared::map;

use super::bpffs;

/// The maps of one generation of the tables.
pub(super) const TABLES: [&str; 7] = [
    map::RESERVATIONS,
    map::USER_CLASSES,
    map::SUBNETS,
    map::BOOT_FILES,
    map::INTERFACES,
    map::SETTINGS,
    map::DEADLINES,
];
/// The maps that all generations share: what was counted and seen.
pub(super) const SHARED: [&str; 5] = [map::COUNTERS, map::EVENTS, map::UNKNOWN, map::LIMITS, LOG];
/// The map of aya-log.
const LOG: &str = "AYA_LOGS";

const NEXT: &str = "next";
const LINKS: &str = "links";

/// The directory, which is this daemon's as long as it lives.
pub(super) struct Pins {
    directory: PathBuf,
    _lock: File,
}

impl Pins {
    /// Makes the directory where it is not there.
    ///
    /// # Errors
    /// It is not on a bpffs, or another daemon's.
    pub(super) fn open(directory: &Path) -> anyhow::Result<Self> {
        bpffs::prepare(directory)?;
        let this = Self { directory: directory.to_owned(), _lock: lock(directory)? };
        bpffs::make_directory(&this.directory.join(LINKS))?;
        Ok(this)
    }

    pub(super) fn map(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where the tables in service are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the next generation is made.
    pub(super) fn next(&self) -> PathBuf {
        self.directory.join(NEXT)
    }

    /// Whether a generation was being put in service when its daemon died.
    pub(super) fn is_between(&self) -> bool {
        self.next().exists()
    }

    /// Makes an empty place for the next generation.
    pub(super) fn begin(&self) -> anyhow::Result<()> {
        self.forget_next()?;
        bpffs::make_directory(&self.next())
    }

    /// Moves the next generation to its place.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        for name in TABLES.into_iter().chain(SHARED) {
            let from = self.next().join(name);
            if from.exists() {
                fs::rename(&from, self.map(name))
                    .with_context(|| format!("cannot move the pin {}", from.display()))?;
            }
        }
        self.forget_next()
    }

    /// Removes what was made of the next generation.
    pub(super) fn forget_next(&self) -> anyhow::Result<()> {
        remove_files(&self.next())?;
        bpffs::remove_directory(&self.next())
    }

    pub(super) fn link(&self, ifindex: u32) -> PathBuf {
        self.directory.join(LINKS).join(ifindex.to_string())
    }

    /// The interfaces that there are links of.
    pub(super) fn links(&self) -> anyhow::Result<Vec<u32>> {
        links(&self.directory)
    }

    /// Removes everything: what no daemon holds otherwise is gone.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        remove_files(&self.directory.join(LINKS))?;
        bpffs::remove_directory(&self.directory.join(LINKS))?;
        self.forget_next()?;
        for name in TABLES.into_iter().chain(SHARED) {
            bpffs::remove(&self.map(name))?;
        }
        // Others may have pinned something there: then it stays.
        let _ = fs::remove_dir(&self.directory);
        Ok(())
    }
}

pub(super) fn links(directory: &Path) -> anyhow::Result<Vec<u32>> {
    let directory = directory.join(LINKS);
    let entries =
        fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// Held while the daemon lives: daemons in other network namespaces may be configured alike.
pub(super) fn lock(directory: &Path) -> anyhow::Result<File> {
    let file = File::open(directory)
        .with_context(|| format!("cannot open xdp.pin-path {}", directory.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "xdp.pin-path {} is another netboot's, which is running: stop that one, or give each a directory of \
             its own",
            directory.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock xdp.pin-path {}", directory.display()))
        }
    }
}

fn remove_files(directory: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", directory.display()));
        }
    };
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", directory.display()))?;
        bpffs::remove(&entry.path())?;
    }
    Ok(())
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
