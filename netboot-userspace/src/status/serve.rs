//! The daemon's end of the status socket.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt, net::UnixStream as StdUnixStream},
    },
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::{
    io::AsyncWriteExt,
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Status, socket_path};

/// For the daemon's user and group.
const MODE: u32 = 0o660;
const BACKLOG: i32 = 16;
const MAX_CONNECTIONS: usize = 16;
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the socket in the state directory, in place of one that a killed daemon left.
pub fn bind(state_dir: &Path) -> anyhow::Result<UnixListener> {
    let path = socket_path(state_dir);
    remove_stale(&path)?;
    listen(&path).with_context(|| format!("cannot make the status socket {}", path.display()))
}

fn remove_stale(path: &Path) -> anyhow::Result<()> {
    match StdUnixStream::connect(path) {
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

/// Writes the state to everyone who connects, until cancelled.
pub async fn serve(
    listener: UnixListener,
    snapshot: impl Fn() -> Status + Send,
    cancel: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a status connection");
                // Out of file descriptors: trying at once would only spin.
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        match serde_json::to_vec(&snapshot()) {
            Ok(document) => _ = connections.spawn(write(stream, document)),
            Err(error) => tracing::error!(%error, "cannot write the status as JSON"),
        }
    }
}

async fn write(mut stream: UnixStream, document: Vec<u8>) {
    let written = timeout(WRITE_TIMEOUT, async {
        stream.write_all(&document).await?;
        stream.write_all(b"\n").await?;
        stream.shutdown().await
    });
    match written.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a status client went away"),
        Err(_) => tracing::debug!("a status client does not read"),
    }
}
