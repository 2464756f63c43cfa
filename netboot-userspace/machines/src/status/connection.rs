//! The connection to a daemon's status socket, and the document that comes over it.

use std::{
    io::{self, Read},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use socket2::{Domain, SockAddr, Socket, Type};

use super::without_daemon::WithoutDaemon;
use crate::running::socket_path;

/// How long a daemon is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Without a word.
    pub(super) silence: Duration,
    /// For all that it says.
    pub(super) whole: Duration,
}

pub(super) const PATIENCE: Patience =
    Patience { silence: Duration::from_secs(5), whole: Duration::from_secs(20) };
/// A million machines say less.
const LONGEST: usize = 512 << 20;

/// There is nobody to ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "no netboot daemon is running on {}: start it with `netboot run`, or name its configuration with --config{others}{left}",
    .socket.display()
)]
pub struct NotRunning {
    pub(super) socket: PathBuf,
    /// Which do run, in words.
    pub(super) others: String,
    /// What goes on without one, if that was looked for.
    pub(super) left: WithoutDaemon,
}

impl NotRunning {
    /// What the process then returns.
    pub const EXIT_CODE: u8 = 3;

    fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), others: String::new(), left: WithoutDaemon::default() }
    }
}

pub(super) fn read(state_dir: &Path) -> anyhow::Result<Vec<u8>> {
    read_within(&socket_path(state_dir), PATIENCE)
}

pub(super) fn read_within(path: &Path, patience: Patience) -> anyhow::Result<Vec<u8>> {
    read_from(connect(path, patience)?, path, patience)
}

/// The process that listens, and its user.
pub(super) fn peer(stream: &UnixStream) -> Option<(i32, u32)> {
    getsockopt(stream, PeerCredentials).ok().map(|peer| (peer.pid(), peer.uid()))
}

/// Whoever listens there may say nothing, say it a byte at a time, or never come to an end.
pub(super) fn read_from(
    mut stream: UnixStream,
    path: &Path,
    patience: Patience,
) -> anyhow::Result<Vec<u8>> {
    let since = Instant::now();
    let until = since + patience.whole;
    let mut document = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let left = until.saturating_duration_since(Instant::now()).min(patience.silence);
        let read = match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut chunk)),
        };
        match read {
            Ok(0) => return Ok(document),
            Ok(length) => document.extend(chunk.iter().take(length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let who = peer(&stream).map(|(pid, _)| format!(" (process {pid})"));
                let (path, who, came) = (path.display(), who.unwrap_or_default(), document.len());
                let why = match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        format!("{came} bytes came in {:.0?}", since.elapsed())
                    }
                    _ => error.to_string(),
                };
                anyhow::bail!("the daemon on {path}{who} does not answer: {why}");
            }
        }
        anyhow::ensure!(
            document.len() <= LONGEST,
            "what listens on {} says more than {} MiB, and is no netboot",
            path.display(),
            LONGEST >> 20
        );
    }
}

pub(super) fn connect(path: &Path, patience: Patience) -> anyhow::Result<UnixStream> {
    let address = SockAddr::unix(path)
        .with_context(|| format!("the path {} is too long for a socket", path.display()))?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).context("cannot make a socket")?;
    // So long it waits where others wait for the same daemon.
    socket.set_write_timeout(Some(patience.silence)).context("cannot set a timeout")?;
    match socket.connect(&address) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(NotRunning::at(path).into());
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(error).with_context(|| {
                format!(
                    "not allowed to ask the daemon on {}: run as root, or as a user in the group that the socket is \
                     for (the service's is netboot)",
                    path.display()
                )
            });
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => anyhow::bail!(
            "the daemon on {} does not answer: it took no connection in {:?}, and others wait, too",
            path.display(),
            patience.silence
        ),
        connected => connected
            .with_context(|| format!("the daemon on {} does not answer", path.display()))?,
    }
    Ok(UnixStream::from(OwnedFd::from(socket)))
}
