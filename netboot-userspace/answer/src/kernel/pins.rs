//! The pins of the maps and of the links, in a directory of a bpffs: they go on without a daemon.
//!
//! * `NAME`: a map. While another generation of the tables is made, its maps are under `next/`; they
//!   are moved over the old ones when the program that reads them is in service. A `next/` that is there at
//!   the start tells of a daemon that died between.
//! * `links/IFINDEX`: what holds the program at an interface. (A pin's name cannot have the dot of
//!   `eth0.100`.)

use std::{
    fs::{self, File, TryLockError},
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use netboot_base::own_dir::OwnDir;
use netboot_ebpf::shared::{
    BootFile, ClassFlags, Deadlines, Interface, Reservation, Settings, Station, Subnet, UserClass,
    map,
};

use super::bpffs;

/// A map's name, and the sizes of its keys and values.
pub(super) type PinnedTable = (&'static str, usize, usize);

pub(super) const RESERVATIONS: PinnedTable =
    (map::RESERVATIONS, size_of::<Station>(), size_of::<Reservation>());
/// The maps of one generation of the tables.
pub(super) const TABLES: [PinnedTable; 7] = [
    RESERVATIONS,
    (map::USER_CLASSES, size_of::<UserClass>(), size_of::<ClassFlags>()),
    (map::SUBNETS, size_of::<u32>(), size_of::<Subnet>()),
    (map::BOOT_FILES, size_of::<u32>(), size_of::<BootFile>()),
    (map::INTERFACES, size_of::<u32>(), size_of::<Interface>()),
    (map::SETTINGS, size_of::<u32>(), size_of::<Settings>()),
    (map::DEADLINES, size_of::<u32>(), size_of::<Deadlines>()),
];
/// The maps that all generations share: what was counted and seen.
pub(super) const SHARED: [&str; 5] = [map::COUNTERS, map::EVENTS, map::UNKNOWN, map::LIMITS, LOG];
/// The map of aya-log.
const LOG: &str = "AYA_LOGS";

/// All of them, by name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().map(|(name, ..)| name).chain(SHARED)
}

const NEXT: &str = "next";
const LINKS: &str = "links";

/// The directory, which is this daemon's as long as it lives.
pub(super) struct Pins {
    directory: PathBuf,
    /// Open, since the directory may be another user's: what is under its name may change.
    links: OwnDir,
    _lock: File,
}

impl Pins {
    /// Makes the directory where it is not there.
    ///
    /// # Errors
    /// The directory is not on a bpffs, or is another daemon's.
    pub(super) fn open(directory: &Path) -> anyhow::Result<Self> {
        bpffs::prepare(directory)?;
        let lock = lock(directory)?;
        let own = OwnDir::of_open(lock.as_fd(), directory)?;
        refuse_links(&own)?;
        if own.look(LINKS)?.is_none() {
            own.make_dir(LINKS)
                .with_context(|| format!("cannot write to {}", directory.display()))?;
        }
        let links = own.sub(LINKS)?;
        Ok(Self { directory: directory.to_owned(), links, _lock: lock })
    }

    /// The directory as it is now: somebody may have removed it.
    fn own(&self) -> io::Result<OwnDir> {
        OwnDir::of_anybody(&self.directory)
    }

    pub(super) fn map(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where the tables in service are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A pin's place as others know it: the way to the directory may be this process's own.
    pub(super) fn shown(&self, pin: &Path) -> PathBuf {
        let directory = fs::read_link(&self.directory).unwrap_or_else(|_| self.directory.clone());
        if let Ok(name) = pin.strip_prefix(self.links.way()) {
            return directory.join(LINKS).join(name);
        }
        pin.strip_prefix(&self.directory)
            .map_or_else(|_| pin.to_owned(), |rest| directory.join(rest))
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
        bpffs::make_directory(&self.directory)?;
        self.own()
            .and_then(|own| own.make_dir(NEXT))
            .with_context(|| format!("cannot make {}", self.next().display()))
    }

    /// Moves the next generation to its place.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        for name in names() {
            let from = self.next().join(name);
            if from.exists() {
                bpffs::rename(&from, &self.map(name))?;
            }
        }
        self.forget_next()
    }

    /// Removes what was made of the next generation.
    pub(super) fn forget_next(&self) -> anyhow::Result<()> {
        self.remove_with_files(NEXT)
    }

    fn remove_with_files(&self, name: &str) -> anyhow::Result<()> {
        let removed = || {
            let own = self.own()?;
            let sub = own.sub(name)?;
            sub.names()?.iter().try_for_each(|name| sub.remove(name))?;
            own.remove_sub(name)
        };
        let removed = match removed() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        removed.with_context(|| format!("cannot remove {}", self.directory.join(name).display()))
    }

    pub(super) fn link(&self, ifindex: u32) -> PathBuf {
        self.links.way().join(ifindex.to_string())
    }

    /// The interfaces that there are links of.
    pub(super) fn links(&self) -> anyhow::Result<Vec<u32>> {
        let names = self.links.names();
        let names =
            names.with_context(|| format!("cannot read {}", self.links.path().display()))?;
        Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
    }

    /// A pin that was there, and is not any more: of a map, or of one of these interfaces' links.
    pub(super) fn lost(&self, ifindexes: impl IntoIterator<Item = u32>) -> Option<PathBuf> {
        let maps = names().filter(|name| *name != LOG).map(|name| self.map(name));
        let links = ifindexes.into_iter().map(|ifindex| self.link(ifindex));
        // One that cannot be looked at is another matter.
        let is_gone = |pin: &PathBuf| pin.try_exists().is_ok_and(|exists| !exists);
        maps.chain(links).find(is_gone).map(|pin| self.shown(&pin))
    }

    /// Removes everything: what no daemon holds otherwise is gone.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        self.remove_with_files(LINKS)?;
        self.forget_next()?;
        for name in names() {
            let removed = self.own().and_then(|own| own.remove(name));
            removed
                .with_context(|| format!("cannot remove the pin {}", self.map(name).display()))?;
        }
        // Others may have pinned something there: then it stays.
        let _ = fs::remove_dir(&self.directory);
        Ok(())
    }
}

/// Held while the daemon lives: daemons in other network namespaces may be configured alike.
fn lock(directory: &Path) -> anyhow::Result<File> {
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

/// Refuses a directory where something else has the name of a pin: the kernel opens a pin through a link.
pub(super) fn refuse_links(own: &OwnDir) -> io::Result<()> {
    for name in names() {
        if let Some(found) = own.look(name)? {
            own.check_single(name, &found)?;
        }
    }
    for name in [LINKS, NEXT] {
        let sub = match own.sub(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            sub => sub?,
        };
        for name in sub.names()? {
            if let Some(found) = sub.look(&name)? {
                sub.check_single(&name, &found)?;
            }
        }
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

    #[test]
    fn links_are_refused_wherever_a_pin_would_be() {
        #[track_caller]
        fn check(name: &str, expect: Option<&str>) {
            let directory = tempfile::tempdir().unwrap();
            let secret = tempfile::tempdir().unwrap();
            let place = directory.path().join(name);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(secret.path(), &place).unwrap();
            let refused = refuse_links(&OwnDir::of_anybody(directory.path()).unwrap()).err();
            let refused = refused.map(|error| error.to_string());
            let expect = expect.map(|what| format!("{} is {what}: remove it", place.display()));
            assert_eq!(refused, expect);
        }
        check("RESERVATIONS", Some("a symbolic link and no regular file"));
        check("links/7", Some("a symbolic link and no regular file"));
        check("next/SUBNETS", Some("a symbolic link and no regular file"));
        check("links", Some("a symbolic link and no directory"));
        check("next", Some("a symbolic link and no directory"));
        // Others may have pinned something there.
        check("theirs", None);
    }
}
