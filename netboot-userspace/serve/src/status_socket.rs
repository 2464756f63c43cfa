//! The status socket, in the state directory.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use netboot_base::own_dir::{Identity, OwnDir, identity, way};
use netboot_machines::running::{Listener, SOCKET, listener, socket_path};
use rustix::fs::{FileType, fstat, lstat};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

/// For the daemon's user and group, whatever the umask.
const MODE: u32 = 0o660;
const BACKLOG: i32 = 16;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The socket's file; it is removed with the value.
#[derive(Debug)]
pub(crate) struct SocketFile {
    state_dir: OwnDir,
    path: PathBuf,
    identity: Identity,
}

/// Makes the socket in the state directory, in place of one that a killed daemon left.
pub(crate) fn open(state_dir: &Path) -> anyhow::Result<(UnixListener, SocketFile)> {
    let path = socket_path(state_dir);
    let state_dir = OwnDir::make(state_dir)
        .with_context(|| {
            format!("cannot make the state directory {}: set state-dir", state_dir.display())
        })?
        .checked()?;
    remove_stale(&state_dir, &path)?;
    let (listener, identity) = listen(&state_dir, &path)
        .with_context(|| format!("cannot make the status socket {}", path.display()))?;
    Ok((listener, SocketFile { state_dir, path, identity }))
}

impl SocketFile {
    /// Waits until nobody can connect any more, since the file is gone: its disk, or the state directory, went.
    pub(crate) async fn gone(&self) -> anyhow::Error {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // By its path, as those who connect find it.
            if !lstat(&self.path).is_ok_and(|found| identity(&found) == self.identity) {
                return anyhow!("the status socket {} is gone", self.path.display());
            }
        }
    }

    fn remove(&self) -> io::Result<()> {
        let found = self.state_dir.look(SOCKET)?;
        if found.is_some_and(|found| identity(&found) == self.identity) {
            self.state_dir.remove(SOCKET)?;
        }
        Ok(())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::debug!(path = %self.path.display(), %error, "the status socket stays behind");
        }
    }
}

fn remove_stale(state_dir: &OwnDir, path: &Path) -> anyhow::Result<()> {
    let Some(found) = state_dir.look(SOCKET)? else { return Ok(()) };
    if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
        return Err(state_dir.refuse(SOCKET, "socket").into());
    }
    // The very one: what its name leads to may change.
    let place = state_dir.place(SOCKET)?;
    match listener(&way(&place)) {
        Ok(Listener::There) => bail!(
            "another netboot uses {}: stop it, or give this one its own state-dir",
            path.display()
        ),
        Ok(Listener::Gone) => state_dir
            .remove(SOCKET)
            .with_context(|| format!("cannot remove the old status socket {}", path.display())),
        // Whatever else is wrong, making the socket tells.
        Err(_) => Ok(()),
    }
}

/// It is made by its path, which `/proc/net/unix` shows to who looks for a daemon; what was made is what is then
/// found in the directory.
fn listen(state_dir: &OwnDir, path: &Path) -> io::Result<(UnixListener, Identity)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(std::path::absolute(path)?)?)?;
    let place = state_dir.place(SOCKET)?;
    let found = fstat(&place)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
        return Err(state_dir.refuse(SOCKET, "socket"));
    }
    // Before anybody can connect.
    fs::set_permissions(way(&place), fs::Permissions::from_mode(MODE))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = UnixListener::from_std(OwnedFd::from(socket).into())?;
    Ok((listener, identity(&found)))
}

#[cfg(test)]
mod tests {
    use netboot_machines::status::{NotRunning, Status, fetch, serve};

    use tempfile::TempDir;
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn status() -> Status {
        Status { version: "1".to_owned(), ..Status::default() }
    }

    #[tokio::test]
    async fn over_the_socket() {
        let dir = TempDir::new().unwrap();
        let cancel = CancellationToken::new();
        let (listener, file) = open(dir.path()).unwrap();
        let mode = fs::metadata(socket_path(dir.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let server = tokio::spawn(serve(listener, status, cancel.clone()));

        for _ in 0..40 {
            let path = dir.path().to_owned();
            let said = tokio::task::spawn_blocking(move || fetch(&path)).await.unwrap().unwrap();
            assert_eq!(said, status());
        }
        let error = open(dir.path()).unwrap_err().to_string();
        assert!(error.starts_with("another netboot uses "), "{error}");

        cancel.cancel();
        server.await.unwrap();
        let error = fetch(dir.path()).unwrap_err();
        assert!(error.is::<NotRunning>(), "a socket that nobody listens on: {error:#}");
        let (_listener, next) = open(dir.path()).unwrap();
        drop(file);
        assert!(socket_path(dir.path()).exists(), "it is the next daemon's");
        drop(next);
        assert!(!socket_path(dir.path()).exists());
    }
}
