//! `netboot status`: asks the daemon and prints what it says.

use std::{
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Context;
use serde_json::json;
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Status, left::Left, socket_path, table};
use crate::config::Config;

const TIMEOUT: Duration = Duration::from_secs(5);

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Table,
}

/// There is nobody to ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "no netboot daemon is running on {}: start it with `netboot run`, or name its configuration with --config{left}",
    .socket.display()
)]
pub struct NotRunning {
    socket: PathBuf,
    /// What goes on without one, if that was looked for.
    left: Left,
}

impl NotRunning {
    /// What the process then returns.
    pub const EXIT_CODE: u8 = 3;
}

/// Prints the state of the daemon with this configuration; the error is a [`NotRunning`] if there is none.
pub fn print(config: &Config, format: Format) -> anyhow::Result<()> {
    let document = match read(&config.state_dir) {
        Err(error) if error.is::<NotRunning>() => return Err(not_running(config, format)?.into()),
        read => read?,
    };
    let text = match format {
        Format::Json => document,
        Format::Table => {
            let status: Status = serde_json::from_slice(&document)
                .context("the daemon's answer is not understood: it is of another version")?;
            table::render(&status, SystemTime::now()).into_bytes()
        }
    };
    write(&text)
}

fn not_running(config: &Config, format: Format) -> anyhow::Result<NotRunning> {
    let left = Left::look(&config.xdp);
    if format == Format::Json {
        let document = json!({ "running": false, "kernel_answers_at": left.interfaces() });
        write(format!("{document}\n").as_bytes())?;
    }
    Ok(NotRunning { socket: socket_path(&config.state_dir), left })
}

fn write(text: &[u8]) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text) {
        // `netboot status | head`
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print the status"),
    }
}

pub(super) fn read(state_dir: &Path) -> anyhow::Result<Vec<u8>> {
    let path = socket_path(state_dir);
    let mut stream = connect(&path)?;
    let mut document = Vec::new();
    stream
        .read_to_end(&mut document)
        .with_context(|| format!("the daemon on {} does not answer", path.display()))?;
    Ok(document)
}

fn connect(path: &Path) -> anyhow::Result<UnixStream> {
    let address = SockAddr::unix(path)
        .with_context(|| format!("the path {} is too long for a socket", path.display()))?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).context("cannot make a socket")?;
    match socket.connect_timeout(&address, TIMEOUT) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(NotRunning { socket: path.to_owned(), left: Left::default() }.into());
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
        connected => connected
            .with_context(|| format!("the daemon on {} does not answer", path.display()))?,
    }
    let stream = UnixStream::from(OwnedFd::from(socket));
    stream.set_read_timeout(Some(TIMEOUT)).context("cannot set a timeout")?;
    Ok(stream)
}
