//! The status socket, in the state directory.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

use super::state_dir;
use crate::{
    running::{Listener, listener},
    status::socket_path,
};

/// For the daemon's user and group, whatever the umask.
const MODE: u32 = 0o660;
const BACKLOG: i32 = 16;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The socket's file; it is removed with the value.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Device, inode and time of making: inodes are used again.
type Identity = (u64, u64, i64, i64);

/// Makes the socket in the state directory, in place of one that a killed daemon left.
pub(crate) fn bind(state_dir: &Path) -> anyhow::Result<(UnixListener, SocketFile)> {
    state_dir::make(state_dir).with_context(|| {
        format!("cannot make the state directory {}: set state-dir", state_dir.display())
    })?;
    let path = socket_path(state_dir);
    remove_stale(&path)?;
    let made = || {
        let listener = listen(&path)?;
        Ok::<_, io::Error>((listener, identity(&path)?))
    };
    let (listener, identity) =
        made().with_context(|| format!("cannot make the status socket {}", path.display()))?;
    Ok((listener, SocketFile { path, identity }))
}

impl SocketFile {
    /// Waits until nobody can connect any more, since the file is gone: its disk, or the state directory, went.
    pub(crate) async fn gone(&self) -> anyhow::Error {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if !self.is_there() {
                return anyhow!("the status socket {} is gone", self.path.display());
            }
        }
    }

    fn is_there(&self) -> bool {
        identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_there()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "the status socket stays behind");
        }
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
}

fn remove_stale(path: &Path) -> anyhow::Result<()> {
    match listener(path) {
        Ok(Listener::There) => bail!(
            "another netboot uses {}: stop it, or give this one its own state-dir",
            path.display()
        ),
        Ok(Listener::Gone) => fs::remove_file(path)
            .with_context(|| format!("cannot remove the old status socket {}", path.display())),
        // Whatever else is wrong, making the socket tells.
        Err(_) => Ok(()),
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before anybody can connect.
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    UnixListener::from_std(OwnedFd::from(socket).into())
}
