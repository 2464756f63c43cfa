//! The directories that are watched, and the names in them that matter.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    ffi::{CStr, OsStr, OsString},
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use super::symlinks::symlinks;

/// The most directories under those that are watched as a whole.
const MOST_DIRECTORIES: usize = 1000;

/// A directory that is watched.
#[derive(Debug)]
pub(super) struct WatchedDirectory {
    pub(super) directory: PathBuf,
    pub(super) interest: Interest,
}

/// What matters of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interest {
    all: bool,
    names: HashSet<OsString>,
}

impl Interest {
    fn name(name: OsString) -> Self {
        Self { all: false, names: [name].into() }
    }

    fn all() -> Self {
        Self { all: true, names: HashSet::new() }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.all |= other.all;
        self.names.extend(other.names);
    }
}

impl WatchedDirectory {
    pub(super) fn has(&self, name: &CStr) -> bool {
        self.interest.all || self.interest.names.contains(OsStr::from_bytes(name.to_bytes()))
    }

    /// A new file: it matters when it is complete. Links and directories are at once.
    pub(super) fn is_being_written(&self, name: &CStr) -> bool {
        let path = self.directory.join(OsStr::from_bytes(name.to_bytes()));
        fs::symlink_metadata(path).is_ok_and(|new| new.is_file() && new.nlink() == 1)
    }
}

/// The directories for these paths, and what is left out of them.
pub(super) fn interests(paths: &[PathBuf]) -> (BTreeMap<PathBuf, Interest>, Vec<String>) {
    let mut wanted: BTreeMap<PathBuf, Interest> = BTreeMap::new();
    let mut left_out = Vec::new();
    for path in paths {
        let (steps, end) = symlinks(path);
        for (directory, name) in steps {
            wanted.entry(directory).or_default().add(Interest::name(name));
        }
        let Some(directory) = end.filter(|end| end.is_dir()) else { continue };
        let (all, rest) = directories(directory, MOST_DIRECTORIES);
        if rest {
            left_out.push(format!(
                "{} has more than {MOST_DIRECTORIES} directories: changes in the others are not \
                 noticed; send SIGHUP after one",
                path.display()
            ));
        }
        for directory in all {
            wanted.entry(directory).or_default().add(Interest::all());
        }
    }
    (wanted, left_out)
}

/// The directory and those under it, the nearest first, and whether there are more than `most`.
fn directories(root: PathBuf, most: usize) -> (Vec<PathBuf>, bool) {
    let mut found = Vec::new();
    let mut next = VecDeque::from([root]);
    while let Some(directory) = next.pop_front() {
        if found.len() == most {
            return (found, true);
        }
        let room = most + 1 - found.len();
        let under = subdirectories(&directory).take(room.saturating_sub(next.len()));
        next.extend(under);
        found.push(directory);
    }
    (found, false)
}

fn subdirectories(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_directory = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|found| found.is_dir());
    entries.filter(is_directory).map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_bounded() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a/b/c", "d", "e"] {
            fs::create_dir_all(root.path().join(name)).unwrap();
        }
        fs::write(root.path().join("f"), "").unwrap();
        let check = |most: usize, expect: usize, more: bool| {
            let (found, rest) = directories(root.path().to_owned(), most);
            assert_eq!((found.len(), rest), (expect, more));
            assert_eq!(found.first().map(PathBuf::as_path), Some(root.path()));
        };
        check(10, 6, false);
        check(6, 6, false);
        check(5, 5, true);
        check(1, 1, true);
    }
}
