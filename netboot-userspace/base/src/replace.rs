//! Files that are written at once: a reader sees the old one or the new one, or none.

use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use nix::unistd::geteuid;
use rustix::fs::{FileType, Stat};
use tempfile::{NamedTempFile, PersistError};

use crate::{own_dir::OwnDir, watch::symlinks};

/// Of a file that is made.
const MODE: u32 = 0o644;
/// Permissions, and nothing that gives whoever runs a file the rights of its owner.
const PERMISSIONS: u32 = 0o777;

/// Where a file is written: its directory, open, and its name there.
pub struct FilePlace {
    directory: OwnDir,
    name: OsString,
    shown: PathBuf,
    /// The old file's mode and owner are the new one's.
    keeps: bool,
}

impl FilePlace {
    /// Of what a command writes. A link of that name is replaced itself: whoever may write there could have put it.
    pub fn of_output(path: &Path) -> anyhow::Result<Self> {
        // As /dev/stdout, which leads to a pipe.
        if let Ok(metadata) = fs::metadata(path)
            && !metadata.is_file()
        {
            bail!("{} is no regular file, nor a link to one: name another", path.display());
        }
        let place = Self::at(path, path, OwnDir::of_anybody)?;
        // In a directory that all write to the old file may be anybody's.
        let is_common = place.directory.stat()?.st_mode & 0o002 != 0;
        let old = place.directory.look(&place.name)?;
        let is_own = old.is_some_and(|old| old.st_uid == geteuid().as_raw());
        Ok(Self { keeps: is_own || !is_common, ..place })
    }

    /// Of a file that is edited. Links that lead to it stay, and are followed if nobody else can have put them there.
    pub fn of_edited(path: &Path) -> anyhow::Result<Self> {
        let (steps, end) = symlinks(path);
        for (directory, name) in &steps {
            let link = directory.join(name);
            if !link.is_symlink() {
                continue;
            }
            if let Some(uid) = stranger(directory, &link)? {
                bail!(
                    "{} leads through the link {}, which user {uid} can change: name the file that is meant",
                    path.display(),
                    link.display()
                );
            }
        }
        let end = end.or_else(|| steps.last().map(|(directory, name)| directory.join(name)));
        Self::at(path, end.as_deref().unwrap_or(path), OwnDir::without_links)
    }

    fn at(
        shown: &Path,
        path: &Path,
        open: fn(&Path) -> io::Result<OwnDir>,
    ) -> anyhow::Result<Self> {
        let name =
            path.file_name().with_context(|| format!("{} names no file", shown.display()))?;
        let directory = open(directory(path))
            .with_context(|| format!("cannot open the directory of {}", shown.display()))?;
        Ok(Self { directory, name: name.to_owned(), shown: shown.to_owned(), keeps: true })
    }

    /// The text of the file; `None`: there is none.
    pub fn read(&self) -> anyhow::Result<Option<String>> {
        let cannot = || format!("cannot read {}", self.shown.display());
        match self.directory.open(&self.name) {
            Ok(file) => io::read_to_string(file).with_context(cannot).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(cannot),
        }
    }

    /// Puts a text in the place of what is there; where that was a link, what it led to.
    pub fn replace(&self, text: &str) -> anyhow::Result<Option<PathBuf>> {
        let cannot = || format!("cannot write {}", self.shown.display());
        let old = self.directory.look(&self.name).with_context(cannot)?;
        let path = self.directory.way().join(&self.name);
        let kind = old.as_ref().map(|old| FileType::from_raw_mode(old.st_mode));
        let link = match kind {
            Some(FileType::Symlink) => Some(fs::read_link(&path).with_context(cannot)?),
            None | Some(FileType::RegularFile) => None,
            // A device or a pipe would be replaced by a file.
            Some(_) => bail!("{} is no regular file: name another", self.shown.display()),
        };
        let old = old.filter(|_| link.is_none() && self.keeps);
        self.write(text, old.as_ref(), |new| new.persist(&path)).with_context(cannot)?;
        Ok(link)
    }

    /// Writes a file that is not there yet.
    ///
    /// # Errors
    /// The file is there.
    pub fn create(&self, text: &str) -> anyhow::Result<()> {
        let path = self.directory.way().join(&self.name);
        ensure!(
            self.directory.look(&self.name)?.is_none(),
            "{} exists: nothing was written; name another file, or use --force",
            self.shown.display()
        );
        self.write(text, None, |new| new.persist_noclobber(path))
            .with_context(|| format!("cannot write {}", self.shown.display()))
    }

    fn write(
        &self,
        text: &str,
        old: Option<&Stat>,
        persist: impl FnOnce(NamedTempFile) -> Result<File, PersistError>,
    ) -> io::Result<()> {
        let mut new = NamedTempFile::new_in(self.directory.way())?;
        new.write_all(text.as_bytes())?;
        if let Some(old) = old {
            let made = rustix::fs::fstat(new.as_file())?;
            if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid) {
                fchown(new.as_file(), Some(old.st_uid), Some(old.st_gid))?;
            }
        }
        let mode = old.map_or(MODE, |old| old.st_mode & PERMISSIONS);
        new.as_file().set_permissions(Permissions::from_mode(mode))?;
        new.as_file().sync_all()?;
        persist(new)?;
        Ok(rustix::fs::fsync(&self.directory)?)
    }
}

/// Who else may have put a link into a directory, or may put another in its place.
fn stranger(directory: &Path, link: &Path) -> anyhow::Result<Option<u32>> {
    let own = [0, geteuid().as_raw()];
    let cannot = || format!("cannot look at {}", link.display());
    let found = rustix::fs::lstat(link).with_context(cannot)?;
    if !own.contains(&found.st_uid) {
        return Ok(Some(found.st_uid));
    }
    let above = rustix::fs::stat(directory).with_context(cannot)?;
    Ok((!own.contains(&above.st_uid)).then_some(above.st_uid))
}

/// Where the file is.
pub fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
