//! The status socket, in the state directory.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt as _, net::UnixStream},
    },
    path::Path,
};

use anyhow::{Context as _, bail};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

use crate::status::socket_path;

/// For the daemon's user and group.
const MODE: u32 = 0o660;
const BACKLOG: i32 = 16;

/// Makes the socket in the state directory, in place of one that a killed daemon left.
pub(crate) fn bind(state_dir: &Path) -> anyhow::Result<UnixListener> {
    let path = socket_path(state_dir);
    remove_stale(&path)?;
    listen(&path).with_context(|| format!("cannot make the status socket {}", path.display()))
}

fn remove_stale(path: &Path) -> anyhow::Result<()> {
    match UnixStream::connect(path) {
        Ok(_) => bail!(
            "another netboot uses {}: stop it, or give this one its own state-dir",
            path.display()
        ),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)
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
