//! The daemon's directories, given to the user that the daemon runs as.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use netboot_base::own_dir::{OwnDir, is_refused};
use netboot_machines::running::SOCKET;
use nix::unistd::User;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fstat, openat};

/// What the daemon keeps in its state directory.
const KEPT: [&str; 2] = ["log", SOCKET];
/// Names that one line has.
const MOST_NAMED: usize = 3;

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

    /// Of a directory that is another user's.
    fn is_not(&self) -> String {
        match self.uid {
            0 => "is not root's".to_owned(),
            _ => format!("is neither root's nor {}'s", self.name),
        }
    }
}

/// The state directory, open: a path could become another's.
pub(super) struct StateDir {
    directory: OwnDir,
    uid: u32,
}

impl StateDir {
    /// Makes it. `None`: it cannot be made, and that is said.
    pub(super) fn make(path: &Path) -> Option<Self> {
        let opened = OwnDir::make(path)
            .and_then(|directory| Ok(Self { uid: directory.stat()?.st_uid, directory }));
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
        let mut left = Vec::new();
        if self.uid == owner.uid {
            if owner.uid == 0 {
                return Ok(());
            }
            give_below(&self.directory, 0, owner, &KEPT, &mut left)
                .with_context(|| format!("cannot give what is in {} to {name}", path.display()))?;
            warn_of_left(path, &left);
            return Ok(());
        }
        let names = self.directory.names()?;
        // Root takes back what a netboot used that ran as another user.
        let is_taken_back = owner.uid == 0 && names.iter().any(|name| is_kept(name));
        anyhow::ensure!(
            self.uid == 0 || is_taken_back,
            "the state directory {} {}, but user {}'s: set state-dir",
            path.display(),
            owner.is_not(),
            self.uid
        );
        if let Some(other) = something_else(&names) {
            anyhow::bail!(
                "the state directory {} holds something that is not netboot's, {other:?}, and is not given to \
                 {name}: set state-dir to a directory of netboot's own",
                path.display()
            );
        }
        self.directory
            .close()
            .with_context(|| format!("cannot change the mode of {}", path.display()))?;
        give(&self.directory, self.uid, owner, &mut left)
            .with_context(|| format!("cannot give {} to {name}", path.display()))?;
        warn_of_left(path, &left);
        Ok(())
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
        "{} {}, but user {}'s, who could change what the kernel answers: set xdp.pin-path to another directory, or \
         `netboot detach` and remove this one",
        path.display(),
        owner.is_not(),
        found.st_uid
    );
    if is_ours && found.st_uid == 0 && owner.uid == 0 {
        return Ok(());
    }
    let above = openat(directory, c"..", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .and_then(|above| fstat(&above))?;
    anyhow::ensure!(
        above.st_dev == found.st_dev,
        "{} is all of the bpffs, and is not given to {name}: set xdp.pin-path to a directory in it",
        path.display()
    );
    let from = if found.st_uid == owner.uid { 0 } else { found.st_uid };
    let mut left = Vec::new();
    OwnDir::of_open(directory.as_fd(), path)
        .and_then(|directory| give(&directory, from, owner, &mut left))
        .with_context(|| format!("cannot give {} to {name}", path.display()))?;
    warn_of_left(path, &left);
    Ok(())
}

fn is_kept(name: &OsStr) -> bool {
    KEPT.iter().any(|kept| name == *kept)
}

fn something_else(names: &[OsString]) -> Option<&OsString> {
    names.iter().find(|name| !is_kept(name))
}

/// The outermost last: until then nobody but who had it can change what is walked.
fn give(directory: &OwnDir, from: u32, to: &Owner<'_>, left: &mut Vec<PathBuf>) -> io::Result<()> {
    give_below(directory, from, to, &[], left)?;
    chown(directory, &directory.stat()?, from, to)
}

/// Only these, if any is named. What is neither a file of one name nor a socket is left: who had the directory may have
/// put it there.
fn give_below(
    directory: &OwnDir,
    from: u32,
    to: &Owner<'_>,
    only: &[&str],
    left: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let device = directory.stat()?.st_dev;
    for name in directory.names()? {
        if !only.is_empty() && !only.iter().any(|only| name == *only) {
            continue;
        }
        let place = directory.place(&name)?;
        let found = fstat(&place)?;
        let is_single = found.st_nlink < 2;
        match FileType::from_raw_mode(found.st_mode) {
            // Something may be mounted there.
            _ if found.st_dev != device => left.push(directory.path().join(&name)),
            // What another has put into its own is not given to it.
            FileType::Directory if found.st_uid != from => {}
            FileType::Directory => match directory.sub(&name) {
                Ok(sub) => give(&sub, from, to, left)?,
                Err(error) if is_refused(&error) => left.push(directory.path().join(&name)),
                Err(error) => return Err(error),
            },
            FileType::RegularFile | FileType::Socket if is_single => {
                chown(place, &found, from, to)?;
            }
            _ => left.push(directory.path().join(&name)),
        }
    }
    Ok(())
}

fn warn_of_left(path: &Path, left: &[PathBuf]) {
    if left.is_empty() {
        return;
    }
    let named: Vec<_> =
        left.iter().take(MOST_NAMED).map(|path| path.display().to_string()).collect();
    let more = left.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    tracing::warn!(
        "{} holds links or other things that are no files of netboot's own, which stay whose they are and are not \
         used: remove {}{more}",
        path.display(),
        named.join(", ")
    );
}

/// What is a third one's stays so.
fn chown(place: impl AsFd, found: &Stat, from: u32, to: &Owner<'_>) -> io::Result<()> {
    if found.st_uid != from || from == to.uid {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(to.uid), Gid::from_raw(to.gid));
    Ok(chownat(place, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_named_once() {
        assert_eq!(Owner::ROOT.is_not(), "is not root's");
        let user = Owner { name: "netboot", uid: 990, gid: 990 };
        assert_eq!(user.is_not(), "is neither root's nor netboot's");
    }

    #[test]
    fn only_netboots_own_is_given_away() {
        fn check(entries: &[&str], expect: Option<&str>) {
            let names: Vec<_> = entries.iter().map(OsString::from).collect();
            let other = something_else(&names).map(|name| name.to_string_lossy());
            assert_eq!(other.as_deref(), expect, "{entries:?}");
        }
        check(&[], None);
        check(&["log", "status.sock"], None);
        check(&["log", "apt"], Some("apt"));
    }
}
