//! Writes a file at once: a reader sees the old one or the new one, or none.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    path::Path,
};

use anyhow::Context as _;
use tempfile::{NamedTempFile, PersistError};

/// Mode and owner stay; a symbolic link stays one.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A device or a pipe would be replaced by a file.
    if let Ok(metadata) = fs::symlink_metadata(&target)
        && !metadata.is_file()
    {
        anyhow::bail!("{} is no regular file, nor a link to one: name another", path.display());
    }
    write(&target, text, |new| new.persist(&target))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The same of a file that is not there yet.
///
/// # Errors
/// It is there.
pub(crate) fn create(path: &Path, text: &str) -> anyhow::Result<()> {
    write(path, text, |new| new.persist_noclobber(path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write(
    path: &Path,
    text: &str,
    persist: impl FnOnce(NamedTempFile) -> Result<File, PersistError>,
) -> io::Result<()> {
    let directory = directory(path);
    let mut new = NamedTempFile::new_in(directory)?;
    new.write_all(text.as_bytes())?;
    match fs::metadata(path) {
        Ok(old) => {
            let made = new.as_file().metadata()?;
            if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
                fchown(new.as_file(), Some(old.uid()), Some(old.gid()))?;
            }
            new.as_file().set_permissions(old.permissions())?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            new.as_file().set_permissions(Permissions::from_mode(0o644))?;
        }
        Err(error) => return Err(error),
    }
    new.as_file().sync_all()?;
    persist(new)?;
    File::open(directory)?.sync_all()
}

/// Where the file is.
pub(crate) fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}
