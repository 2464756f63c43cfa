//! Makes the daemon's directories, and gives them to the user that it becomes.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown},
    path::Path,
};

use anyhow::Context as _;
use nix::unistd::User;

/// Of the state directory.
const MODE: u32 = 0o750;

/// What the daemon keeps in its state directory.
const KEPT: [&str; 2] = ["log", "status.sock"];

/// Makes the state directory, the user's own if one is named.
pub(super) fn state_dir(path: &Path, user: Option<&User>) -> anyhow::Result<()> {
    if let Err(error) = make(path) {
        // The services that need it try again, and say so.
        tracing::warn!(
            "cannot make the state directory {}: set state-dir: {error}",
            path.display()
        );
        return Ok(());
    }
    let Some(user) = user else { return Ok(()) };
    let owner = fs::metadata(path)?.uid();
    if owner == user.uid.as_raw() {
        return Ok(());
    }
    anyhow::ensure!(
        owner == 0,
        "the state directory {} is neither root's nor {}'s, but user {owner}'s: set state-dir",
        path.display(),
        user.name
    );
    if let Some(other) = something_else(path)? {
        anyhow::bail!(
            "the state directory {} holds something that is not netboot's, {other:?}, and is not given to {}: \
             set state-dir to a directory of netboot's own",
            path.display(),
            user.name
        );
    }
    give(path, user)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))
        .with_context(|| format!("cannot change the mode of {}", path.display()))
}

/// Gives the directory of the pins to the user, with what an earlier daemon left there.
pub(super) fn pins(path: &Path, user: &User) -> anyhow::Result<()> {
    let directory = fs::metadata(path)?;
    if directory.uid() == user.uid.as_raw() {
        return Ok(());
    }
    let above = path.parent().map(fs::metadata).transpose()?;
    anyhow::ensure!(
        above.is_some_and(|above| above.dev() == directory.dev()),
        "{} is all of the bpffs, and is not given to {}: set xdp.pin-path to a directory in it",
        path.display(),
        user.name
    );
    give(path, user)
}

fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    DirBuilder::new().mode(MODE).create(path)?;
    // Whatever the umask.
    fs::set_permissions(path, Permissions::from_mode(MODE))
}

fn something_else(directory: &Path) -> anyhow::Result<Option<String>> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if !KEPT.iter().any(|kept| name == *kept) {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// The outermost last: until then nobody but root can change what is walked.
fn give(path: &Path, user: &User) -> anyhow::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), user)?;
        }
    }
    lchown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
        .with_context(|| format!("cannot give {} to {}", path.display(), user.name))
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
            assert_eq!(something_else(directory.path()).unwrap().as_deref(), expect, "{entries:?}");
        }
        check(&[], None);
        check(&["log", "status.sock"], None);
        check(&["log", "apt"], Some("apt"));
    }

    #[test]
    fn the_state_directory_is_made_closed() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("a/b");
        state_dir(&path, None).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path), 0o750);
        assert_eq!(mode(path.parent().unwrap()) & 0o111, 0o111, "others may pass");
        // One that is there stays as it is.
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        state_dir(&path, None).unwrap();
        assert_eq!(mode(&path), 0o700);
        // Nothing ends where none can be made.
        fs::write(above.path().join("file"), "").unwrap();
        state_dir(&above.path().join("file/b"), None).unwrap();
    }
}
