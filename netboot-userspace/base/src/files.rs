//! The files under `boot.root`, and nothing else: TFTP and HTTP open files nowhere else.

mod name;

use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2},
    io::Errno,
};

/// The files under a directory; cheap to clone. Symlinks are followed that are relative and stay inside.
#[derive(Clone, Debug)]
pub struct Files {
    root: Arc<ArcSwap<PathBuf>>,
}

/// A regular file, opened for reading.
#[derive(Debug)]
pub struct Opened {
    pub file: File,
    /// Where it was found, relative to the root.
    pub path: PathBuf,
    pub size: u64,
    pub modified: Option<SystemTime>,
}

/// How often a file is opened at most: the kernel gives up when anything is renamed on the node meanwhile and the way to
/// the file has a symlink with `..`.
const ATTEMPTS: usize = 32;

const UNREADABLE: &str = "the daemon may not read the file: check its owner and mode";

/// Why a name is not served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such file under {}", .0.display())]
    NotFound(Arc<PathBuf>),
    #[error("{0}")]
    Denied(&'static str),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} cannot be read: {source}", path.display())]
    Root { path: PathBuf, source: io::Error },
    #[error("{} is empty", path.display())]
    Empty { path: PathBuf },
}

impl Error {
    /// Whether another user may read the file.
    pub fn is_of_permission(&self) -> bool {
        matches!(self, Self::Denied(UNREADABLE))
    }
}

impl Files {
    /// The directory may come, go and be replaced while it is served.
    #[must_use]
    pub fn new(root: impl AsRef<Path>) -> Self {
        Self { root: Arc::new(ArcSwap::from_pointee(root.as_ref().to_owned())) }
    }

    #[must_use]
    pub fn root(&self) -> Arc<PathBuf> {
        self.root.load_full()
    }

    /// What is opened from now on is another directory's; what is open stays so.
    pub fn set_root(&self, root: &Path) {
        if self.root.load().as_path() != root {
            self.root.store(Arc::new(root.to_owned()));
        }
    }

    /// Whether there is a directory with anything in it: without its disk, a mount point is empty.
    ///
    /// # Errors
    /// There is none.
    pub fn check(&self) -> Result<(), Error> {
        let root = self.root();
        let first = fs::read_dir(&*root).and_then(|mut entries| entries.next().transpose());
        match first {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Error::Empty { path: root.to_path_buf() }),
            Err(source) => Err(Error::Root { path: root.to_path_buf(), source }),
        }
    }

    /// Opens the file that a client names; `files::name` says what names may look like. Blocks on the disk.
    ///
    /// # Errors
    /// The name leads to no regular file, or out of the root.
    pub fn open(&self, name: &[u8]) -> Result<Opened, Error> {
        let paths = name::paths(name)?;
        let path = self.root();
        let root = open_directory(&path)
            .map_err(|source| Error::Root { path: path.to_path_buf(), source })?;
        for name in paths {
            match open_in(&path, &root, name) {
                Err(Error::NotFound(_)) => {}
                found => return found,
            }
        }
        Err(Error::NotFound(path))
    }
}

/// Where a file of this name is looked for first, relative to the root.
#[must_use]
pub fn place(name: &[u8]) -> Option<PathBuf> {
    name::paths(name).ok()?.into_iter().next()
}

/// Opens a directory to look for files in; the right to list it is not needed.
///
/// # Errors
/// It is not there, or is no directory.
pub fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, flags, Mode::empty())?)
}

fn open_in(top: &Arc<PathBuf>, root: &OwnedFd, path: PathBuf) -> Result<Opened, Error> {
    let file = match open_beneath(root, &path) {
        Ok(file) => File::from(file),
        Err(error) => return Err(refusal(top, path, error)),
    };
    let metadata = file.metadata().map_err(|source| Error::Io { path: path.clone(), source })?;
    if metadata.is_dir() {
        return Err(Error::NotFound(Arc::clone(top)));
    }
    if !metadata.is_file() {
        return Err(Error::Denied("not a regular file"));
    }
    Ok(Opened { file, path, size: metadata.len(), modified: metadata.modified().ok() })
}

fn open_beneath(root: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    // Opening a FIFO would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let open = || openat2(root, path, flags, Mode::empty(), resolve);
    let again = |opened: &Result<_, Errno>| matches!(opened, Err(Errno::AGAIN | Errno::INTR));
    let mut opened = open();
    for _ in 1..ATTEMPTS {
        if !again(&opened) {
            break;
        }
        opened = open();
    }
    opened
}

fn refusal(top: &Arc<PathBuf>, path: PathBuf, error: Errno) -> Error {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Error::NotFound(Arc::clone(top)),
        Errno::ACCESS | Errno::PERM => Error::Denied(UNREADABLE),
        // A socket, or a device without a driver.
        Errno::NXIO => Error::Denied("not a regular file"),
        Errno::LOOP => Error::Denied("a loop of symlinks"),
        Errno::XDEV => Error::Denied("an absolute symlink, or one that leads out of boot.root"),
        error => Error::Io { path: top.join(path), source: error.into() },
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use super::*;

    /// A root with files, symlinks in and out, and things that are no files; beside it a secret.
    fn tree(top: &Path) -> Files {
        let root = top.join("root");
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        fs::create_dir_all(root.join("52-54-00-ee-0d-0b")).unwrap();
        fs::write(top.join("secret"), "secret").unwrap();
        for file in ["a.efi", "sub/b.efi", "sub/deep/c.efi", "52-54-00-ee-0d-0b/own.efi"] {
            fs::write(root.join(file), file).unwrap();
        }
        symlink("sub/b.efi", root.join("in")).unwrap();
        symlink("../a.efi", root.join("sub/up-but-in")).unwrap();
        symlink("sub", root.join("dir-in")).unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink("..", root.join("dir-out")).unwrap();
        symlink(top.join("secret"), root.join("absolute")).unwrap();
        symlink("round", root.join("round")).unwrap();
        symlink("gone", root.join("dangling")).unwrap();
        nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _ = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        Files::new(root)
    }

    #[track_caller]
    fn check(files: &Files, name: impl AsRef<[u8]>, expect: &str) {
        let name = name.as_ref();
        let got = match files.open(name) {
            Ok(opened) => io::read_to_string(opened.file).unwrap(),
            Err(Error::NotFound(_)) => "not found".into(),
            Err(Error::Denied(_)) => "denied".into(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expect, "{}", name.escape_ascii());
    }

    #[test]
    fn only_files_of_the_root_are_opened() {
        let top = tempfile::tempdir().unwrap();
        let files = tree(top.path());

        check(&files, "a.efi", "a.efi");
        check(&files, "/a.efi", "a.efi");
        check(&files, "//sub//deep/./c.efi", "sub/deep/c.efi");
        check(&files, r"\sub\b.efi", "sub/b.efi");
        check(&files, "in", "sub/b.efi");
        check(&files, "dir-in/deep/c.efi", "sub/deep/c.efi");
        check(&files, "sub/up-but-in", "a.efi");

        check(&files, b"a.efi\xff", "a.efi");
        check(&files, b"a.efi \x01\xff\xff", "a.efi");
        check(&files, "52:54:00:ee:0d:0b/a.efi", "a.efi");
        check(&files, "52:54:00:ee:0d:0b/sub/b.efi", "sub/b.efi");
        check(&files, "52-54-00-ee-0d-0b/own.efi", "52-54-00-ee-0d-0b/own.efi");
        let trace = "00-23b1e307bb35484f535a1f772c06910e-d887dc3912240434-01";
        check(&files, format!("a.efi-{trace}"), "a.efi");
        check(&files, format!("52:54:00:ee:0d:0b/a.efi-{trace}"), "a.efi");

        check(&files, "", "not found");
        check(&files, "/", "not found");
        check(&files, ".", "not found");
        check(&files, "none", "not found");
        check(&files, "A.EFI", "not found");
        check(&files, "sub", "not found");
        check(&files, "a.efi/x", "not found");
        check(&files, "dangling", "not found");
        check(&files, "x".repeat(5000), "not found");
        check(&files, "52:54:00:ee:0d:0b/none", "not found");

        check(&files, "..", "denied");
        check(&files, "../secret", "denied");
        check(&files, "sub/../../secret", "denied");
        check(&files, "sub/../a.efi", "denied");
        check(&files, r"..\secret", "denied");
        check(&files, "52:54:00:ee:0d:0b/../secret", "denied");
        check(&files, b"a.efi\0", "denied");
        check(&files, b"a\ninjected", "denied");
        check(&files, "out", "denied");
        check(&files, "dir-out/secret", "denied");
        check(&files, "absolute", "denied");
        check(&files, "round", "denied");
        check(&files, "fifo", "denied");
        check(&files, "socket", "denied");
        check(&files, top.path().join("secret").to_str().unwrap(), "not found");
    }

    #[test]
    fn a_missing_root_says_so() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().join("root");
        let files = Files::new(&root);
        let missing =
            format!("{} cannot be read: No such file or directory (os error 2)", root.display());
        check(&files, "x", &missing);
        assert_eq!(files.check().unwrap_err().to_string(), missing);
        fs::create_dir(&root).unwrap();
        check(&files, "x", "not found");
        assert!(files.check().unwrap_err().to_string().ends_with("is empty"));

        tree(top.path());
        check(&files, "a.efi", "a.efi");
        files.check().unwrap();
    }

    #[test]
    fn what_is_open_stays_when_the_root_changes() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(one.path().join("x"), "one").unwrap();
        fs::write(two.path().join("x"), "two").unwrap();
        let files = Files::new(one.path());
        let opened = files.open(b"x").unwrap();
        files.clone().set_root(two.path());
        check(&files, "x", "two");
        assert_eq!(io::read_to_string(opened.file).unwrap(), "one");
    }
}
