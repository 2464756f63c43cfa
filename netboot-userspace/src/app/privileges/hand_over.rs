//! Gives the daemon's directories to whom it runs as.

use std::{
    ffi::CStr,
    fs::{self, File, Permissions},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::Path,
};

use anyhow::Context as _;
use nix::unistd::User;
use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fstat, openat};

use crate::app::state_dir;

/// What the daemon keeps in its state directory.
const KEPT: [&CStr; 2] = [c"log", c"status.sock"];

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Of anything, without following a link or waking what is behind a device.
const PLACE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Whom the directories are to belong to.
pub(super) struct Owner<'u> {
    name: &'u str,
    uid: u32,
    gid: u32,
}

impl<'u> Owner<'u> {
    pub(super) const ROOT: Self = Self { name: "root", uid: 0, gid: 0 };

    pub(super) fn user(user: &'u User) -> Self {
        Self { name: &user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }
    }
}

/// The state directory, open: a path could become another's.
pub(super) struct StateDir {
    file: File,
    uid: u32,
}

impl StateDir {
    /// Makes it. `None`: it cannot be made, and that is said.
    pub(super) fn make(path: &Path) -> Option<Self> {
        let opened = state_dir::make(path)
            // The administrator may name it by a link; nobody else may put one there.
            .and_then(|()| fs::canonicalize(path))
            .and_then(|path| Ok(File::from(rustix::fs::open(path, DIRECTORY, Mode::empty())?)))
            .and_then(|file| Ok(Self { uid: file.metadata()?.uid(), file }));
        // The services that need it try again, and say so.
        opened
            .inspect_err(|error| {
                tracing::warn!(
                    "cannot make the state directory {}: set state-dir: {error}",
                    path.display()
                );
            })
            .ok()
    }

    /// Whose it was.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Gives it to the daemon's user.
    pub(super) fn give(&self, path: &Path, owner: &Owner<'_>) -> anyhow::Result<()> {
        let name = owner.name;
        if self.uid == owner.uid {
            if owner.uid == 0 {
                return Ok(());
            }
            return give_below(&self.file, 0, owner, &KEPT)
                .with_context(|| format!("cannot give what is in {} to {name}", path.display()));
        }
        anyhow::ensure!(
            self.uid == 0 || owner.uid == 0,
            "the state directory {} is neither root's nor {name}'s, but user {}'s: set state-dir",
            path.display(),
            self.uid
        );
        if let Some(other) = something_else(&self.file)? {
            anyhow::bail!(
                "the state directory {} holds something that is not netboot's, {other:?}, and is not given to \
                 {name}: set state-dir to a directory of netboot's own",
                path.display()
            );
        }
        self.file
            .set_permissions(Permissions::from_mode(state_dir::MODE))
            .with_context(|| format!("cannot change the mode of {}", path.display()))?;
        give(&self.file, self.uid, owner)
            .with_context(|| format!("cannot give {} to {name}", path.display()))
    }
}

/// Gives the directory of the pins to the daemon's user, with what an earlier daemon left there. It may also be
/// `trusted`'s.
pub(super) fn pins(
    path: &Path,
    directory: &OwnedFd,
    owner: &Owner<'_>,
    trusted: Option<u32>,
) -> anyhow::Result<()> {
    let name = owner.name;
    let found = fstat(directory)?;
    let is_ours = [0, owner.uid].contains(&found.st_uid);
    anyhow::ensure!(
        is_ours || (owner.uid == 0 && trusted == Some(found.st_uid)),
        "{} is neither root's nor {name}'s, but user {}'s, who could change what the kernel answers: set xdp.pin-path \
         to another directory, or `netboot detach` and remove this one",
        path.display(),
        found.st_uid
    );
    if is_ours && found.st_uid == 0 && owner.uid == 0 {
        return Ok(());
    }
    let above = openat(directory, c"..", PLACE, Mode::empty()).and_then(|above| fstat(&above))?;
    anyhow::ensure!(
        above.st_dev == found.st_dev,
        "{} is all of the bpffs, and is not given to {name}: set xdp.pin-path to a directory in it",
        path.display()
    );
    let from = if found.st_uid == owner.uid { 0 } else { found.st_uid };
    give(directory, from, owner)
        .with_context(|| format!("cannot give {} to {name}", path.display()))
}

fn something_else(directory: impl AsFd) -> anyhow::Result<Option<String>> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if !is_dots(name) && !KEPT.contains(&name) {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// The outermost last: until then nobody but who had it can change what is walked.
fn give(directory: impl AsFd, from: u32, to: &Owner<'_>) -> io::Result<()> {
    give_below(&directory, from, to, &[])?;
    let found = fstat(&directory)?;
    chown(&directory, &found, from, to)
}

/// Only these, if any is named.
fn give_below(directory: impl AsFd, from: u32, to: &Owner<'_>, only: &[&CStr]) -> io::Result<()> {
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if is_dots(name) || (!only.is_empty() && !only.contains(&name)) {
            continue;
        }
        let place = openat(&directory, name, PLACE, Mode::empty())?;
        let found = fstat(&place)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => {
                give(openat(&place, c".", DIRECTORY, Mode::empty())?, from, to)?;
            }
            // It may have another name elsewhere.
            _ if found.st_nlink > 1 => {}
            _ => chown(place, &found, from, to)?,
        }
    }
    Ok(())
}

/// What is a third one's stays so.
fn chown(place: impl AsFd, found: &Stat, from: u32, to: &Owner<'_>) -> io::Result<()> {
    if found.st_uid != from || from == to.uid {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(to.uid), Gid::from_raw(to.gid));
    Ok(chownat(place, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?)
}

fn is_dots(name: &CStr) -> bool {
    name == c"." || name == c".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_netboots_own_is_given_away() {
        fn check(entries: &[&str], expect: Option<&str>) {
            let directory = tempfile::tempdir().unwrap();
            for entry in entries {
                fs::create_dir(directory.path().join(entry)).unwrap();
            }
            let opened = File::open(directory.path()).unwrap();
            assert_eq!(something_else(opened).unwrap().as_deref(), expect, "{entries:?}");
        }
        check(&[], None);
        check(&["log", "status.sock"], None);
        check(&["log", "apt"], Some("apt"));
    }

    #[test]
    fn the_state_directory_is_made_closed() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("a/b");
        StateDir::make(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path), 0o750);
        assert_eq!(mode(path.parent().unwrap()) & 0o111, 0o111, "others may pass");
        // One that is there stays as it is.
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        StateDir::make(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        // Nothing ends where none can be made.
        fs::write(above.path().join("file"), "").unwrap();
        assert!(StateDir::make(&above.path().join("file/b")).is_none());
    }
}
