//! A directory of the daemon's own, open: a file in it is named relative to its descriptor, and never through a link.
//!
//! Whoever the daemon ran as before may have left links, FIFOs or second names of others' files in it. What is not a
//! thing of its own is [`Refused`], with the path and what to do.

mod refused;

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File},
    io,
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
        unix::{ffi::OsStringExt as _, fs::DirBuilderExt as _},
    },
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fchmod, fstat, mkdirat,
        open, openat, openat2, renameat, statat, unlinkat,
    },
    io::Errno,
};

pub use self::refused::{Refused, is_refused};

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A FIFO is not waited for, and a terminal does not become the daemon's.
const APPEND: OFlags = OFlags::WRONLY
    .union(OFlags::APPEND)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
/// Of anything, without following a link or waking what is behind a device.
const PLACE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// For the daemon's user and group.
const MODE: Mode = Mode::from_raw_mode(0o750);
/// Whoever changes a place while it is opened wins this often.
const ATTEMPTS: u32 = 8;

/// The directory.
#[derive(Debug)]
pub struct OwnDir {
    directory: OwnedFd,
    path: PathBuf,
}

/// Device, inode, and time of the last change of its content: inodes are used again.
pub type Identity = (u64, u64, i64, i64);

impl OwnDir {
    /// Opens a directory that may be anybody's; the administrator may name it by a link.
    ///
    /// # Errors
    /// The directory is not there, or is none.
    pub fn of_anybody(path: &Path) -> io::Result<Self> {
        Ok(Self { directory: open(path, DIRECTORY, Mode::empty())?, path: path.to_owned() })
    }

    /// Opens a directory by a path without links, as it was found before.
    ///
    /// # Errors
    /// The directory is not there, or a link is on the way by now.
    pub fn without_links(path: &Path) -> io::Result<Self> {
        let directory = openat2(CWD, path, DIRECTORY, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
        Ok(Self { directory, path: path.to_owned() })
    }

    /// The same of one that is open already.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub fn of_open(directory: BorrowedFd<'_>, path: &Path) -> io::Result<Self> {
        Ok(Self { directory: directory.try_clone_to_owned()?, path: path.to_owned() })
    }

    /// Makes the directory, closed to others, if it is not there, and those above for others to pass through.
    ///
    /// # Errors
    /// The directory cannot be made, or is none.
    pub fn make(path: &Path) -> io::Result<Self> {
        match Self::of_anybody(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        if !is_made(DirBuilder::new().mode(MODE.as_raw_mode()).create(path))? {
            return Self::of_anybody(path);
        }
        let this = Self::of_anybody(path)?.checked()?;
        this.close()?;
        Ok(this)
    }

    /// The same, if it is the daemon's: root's or its user's, and nobody else writes to it.
    ///
    /// # Errors
    /// [`Refused`]: the directory is another user's.
    pub fn checked(self) -> io::Result<Self> {
        let found = fstat(&self.directory)?;
        if !is_ours(&found) {
            return Err(Refused::owner(&self.path, found.st_uid).into());
        }
        // As a tmpfs is mounted: others make things there, and take or move none of the daemon's.
        let is_sticky = found.st_mode & 0o1000 != 0;
        if found.st_mode & 0o022 != 0 && !is_sticky {
            return Err(Refused::writable(&self.path).into());
        }
        Ok(self)
    }

    /// A directory of the daemon's in this one, made if it is not there.
    ///
    /// # Errors
    /// [`Refused`]: something else is in its place.
    pub fn make_sub(&self, name: &str) -> io::Result<Self> {
        match self.sub(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found?.checked(),
        }
        if !is_made(self.make_dir(name))? {
            return self.sub(name)?.checked();
        }
        let this = self.sub(name)?.checked()?;
        this.close()?;
        Ok(this)
    }

    /// Makes a directory that is not there.
    ///
    /// # Errors
    /// Something has its name.
    pub fn make_dir(&self, name: &str) -> io::Result<()> {
        Ok(mkdirat(&self.directory, name, MODE)?)
    }

    /// Closes the directory to others, whatever the umask was.
    ///
    /// # Errors
    /// The directory is another user's.
    pub fn close(&self) -> io::Result<()> {
        Ok(fchmod(&self.directory, MODE)?)
    }

    /// A directory in this one, whose ever.
    ///
    /// # Errors
    /// The directory is not there, or [`Refused`]: it is none.
    pub fn sub(&self, name: impl AsRef<Path>) -> io::Result<Self> {
        let name = name.as_ref();
        let path = self.path.join(name);
        match openat(&self.directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(directory) => Ok(Self { directory, path }),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(self.refuse(name, "directory")),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file to append to it; one that is made has this mode.
    ///
    /// # Errors
    /// [`Refused`]: something else is in its place, or it has other names or another owner.
    pub fn append(&self, name: &str, mode: u32) -> io::Result<File> {
        let mode = Mode::from_raw_mode(mode);
        for _ in 0..ATTEMPTS {
            match openat(&self.directory, name, APPEND | OFlags::CREATE | OFlags::EXCL, mode) {
                Ok(file) => {
                    // Whatever the umask.
                    fchmod(&file, mode)?;
                    return Ok(file.into());
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            match openat(&self.directory, name, APPEND, Mode::empty()) {
                Ok(file) => {
                    let found = fstat(&file)?;
                    if found.st_nlink > 0 {
                        self.check_file(name, &found)?;
                        return Ok(file.into());
                    }
                }
                Err(Errno::NOENT) => {}
                // What says so at a link, a directory, a socket or a FIFO nobody reads.
                Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::NODEV) => {
                    return Err(self.refuse(name, "regular file"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refused::unsteady(&self.path.join(name)).into())
    }

    /// Opens a regular file to read it, whose ever.
    ///
    /// # Errors
    /// The file is not there, or [`Refused`]: something else is in its place.
    pub fn open(&self, name: impl AsRef<Path>) -> io::Result<File> {
        let name = name.as_ref();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::LOOP | Errno::NXIO) => return Err(self.refuse(name, "regular file")),
            Err(error) => return Err(error.into()),
        };
        let found = fstat(&file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(Refused::kind(&self.path.join(name), kind(&found), "regular file").into());
        }
        Ok(file.into())
    }

    /// Whether what was found under a name is a file of the daemon's own.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn check_file(&self, name: &str, found: &Stat) -> io::Result<()> {
        self.check_single(name, found)?;
        if !is_ours(found) {
            return Err(Refused::owner(&self.path.join(name), found.st_uid).into());
        }
        Ok(())
    }

    /// Whether what was found under a name is a regular file that has no other, whose ever.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn check_single(&self, name: impl AsRef<Path>, found: &Stat) -> io::Result<()> {
        let path = || self.path.join(name.as_ref());
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(Refused::kind(&path(), kind(found), "regular file").into());
        }
        if found.st_nlink > 1 {
            return Err(Refused::names(&path(), found.st_nlink).into());
        }
        Ok(())
    }

    /// What is under a name, a link itself; `None`: nothing.
    ///
    /// # Errors
    /// The directory cannot be searched.
    pub fn look(&self, name: impl AsRef<Path>) -> io::Result<Option<Stat>> {
        match statat(&self.directory, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens what is under a name for nothing but its place; of a link, the link.
    ///
    /// # Errors
    /// The file is not there.
    pub fn place(&self, name: impl AsRef<Path>) -> io::Result<OwnedFd> {
        Ok(openat(&self.directory, name.as_ref(), PLACE, Mode::empty())?)
    }

    /// # Errors
    /// The file is not there, or [`Refused`]: a directory is in the new name's place.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match renameat(&self.directory, from, &self.directory, to) {
            Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                Err(self.refuse(to, "regular file"))
            }
            renamed => Ok(renamed?),
        }
    }

    /// Removes a name, if it is there; of a link, the link.
    ///
    /// # Errors
    /// The name is a directory's, or may not be removed.
    pub fn remove(&self, name: impl AsRef<Path>) -> io::Result<()> {
        absent(unlinkat(&self.directory, name.as_ref(), AtFlags::empty()))
    }

    /// Removes an empty directory, if it is there.
    ///
    /// # Errors
    /// The name is no directory's, or the directory is not empty or may not be removed.
    pub fn remove_sub(&self, name: &str) -> io::Result<()> {
        absent(unlinkat(&self.directory, name, AtFlags::REMOVEDIR))
    }

    /// The names in the directory.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.directory)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// # Errors
    /// The file system does not say.
    pub fn stat(&self) -> io::Result<Stat> {
        Ok(fstat(&self.directory)?)
    }

    /// As it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path by which this process reaches the very directory, whatever its name leads to by now.
    #[must_use]
    pub fn way(&self) -> PathBuf {
        way(&self.directory)
    }

    /// Why what is under a name is not used, where it is not what is wanted.
    #[must_use]
    pub fn refuse(&self, name: impl AsRef<Path>, wanted: &str) -> io::Error {
        let name = name.as_ref();
        let path = self.path.join(name);
        match self.look(name) {
            Ok(Some(found)) => Refused::kind(&path, kind(&found), wanted).into(),
            // The name is another file's by now.
            Ok(None) | Err(_) => Refused::unsteady(&path).into(),
        }
    }
}

impl AsFd for OwnDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// A path by which this process reaches what is open.
#[must_use]
pub fn way(open: impl AsFd) -> PathBuf {
    format!("/proc/self/fd/{}", open.as_fd().as_raw_fd()).into()
}

/// What tells one file from another that has its name later.
#[must_use]
#[expect(clippy::useless_conversion, reason = "the fields' types differ by architecture")]
pub fn identity(found: &Stat) -> Identity {
    let nanos = i64::try_from(found.st_mtime_nsec).unwrap_or_default();
    (found.st_dev.into(), found.st_ino.into(), found.st_mtime.into(), nanos)
}

fn is_ours(found: &Stat) -> bool {
    found.st_uid == 0 || found.st_uid == geteuid().as_raw()
}

fn kind(found: &Stat) -> &'static str {
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Symlink => "a symbolic link",
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::RegularFile => "a regular file",
        _ => "a device",
    }
}

/// Whether this call made the file or directory: another part of the daemon may be faster.
fn is_made(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        made => made.map(|()| true),
    }
}

fn absent(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
