//! Real TFTP clients: the file that each fetched, and how it ended.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    namespace::Namespace,
    process::{Output, Process},
};

/// tftp-hpa gives up after 25 s, and busybox after 30.
const DEADLINE: Duration = Duration::from_secs(60);
/// Server, remote name, local name, and options as name and value.
const TFTPY: &str = "\
import sys, tftpy
server, remote, local = sys.argv[1:4]
words = iter(sys.argv[4:])
options = {name: int(value) for name, value in zip(words, words)}
try:
    tftpy.TftpClient(server, 69, options).download(remote, local)
except tftpy.TftpShared.TftpException as error:
    sys.exit(f'{type(error).__name__}: {error}')
";

/// A client, and what it is to ask for.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// Its mode: `binary` (octet) or `ascii` (netascii). It knows no options.
    TftpHpa(&'static str),
    /// Options (`blksize 1468`).
    Atftp(&'static [&'static str]),
    /// Arguments. It always asks for `tsize`, `blksize` and `timeout`.
    Curl(&'static [&'static str]),
    /// Arguments.
    Busybox(&'static [&'static str]),
    /// Options, as names and values.
    Tftpy(&'static [&'static str]),
}

/// How a client ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What its file has, if there is one.
    pub content: Option<Vec<u8>>,
    pub status: Option<i32>,
    /// What it printed, to both outputs.
    pub said: String,
}

impl Client {
    /// Fetches a file, or fails as it does.
    ///
    /// # Errors
    /// It cannot be started, or does not end.
    pub fn fetch(self, namespace: &Namespace, server: Ipv4Addr, name: &str) -> Result<Fetched> {
        let dir = tempfile::tempdir()?;
        let local = dir.path().join("file");
        let command = self.command(namespace, server, name, &local);
        let Output { status, stdout, stderr } = Process::spawn(command)?
            .quiet()
            .finish(DEADLINE)
            .with_context(|| format!("{self:?}, {name}"))?;
        let said = [stdout, stderr].concat().replace(&local.display().to_string(), "LOCAL");
        Ok(Fetched { content: fs::read(&local).ok(), status: status.code(), said })
    }

    fn command(self, namespace: &Namespace, server: Ipv4Addr, name: &str, local: &Path) -> Command {
        let server = server.to_string();
        match self {
            Self::TftpHpa(mode) => {
                let mut command = namespace.command("tftp");
                command.args(["-m", mode, &server, "-c", "get", name]).arg(local);
                command
            }
            Self::Atftp(options) => {
                let mut command = namespace.command("atftp");
                for option in options {
                    command.args(["--option", option]);
                }
                command.args(["--get", "--remote-file", name, "--local-file"]).arg(local);
                command.arg(server);
                command
            }
            Self::Curl(arguments) => {
                let mut command = namespace.command("curl");
                command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "55"]);
                command.args(["--path-as-is", "--globoff", "--output"]).arg(local);
                let url = format!("tftp://{server}/{}", name.replace('\\', "%5C"));
                command.args(arguments).arg(url);
                command
            }
            Self::Busybox(arguments) => {
                let mut command = namespace.command("busybox");
                command.args(["tftp", "-g", "-r", name]).args(arguments).arg("-l").arg(local);
                command.arg(server);
                command
            }
            Self::Tftpy(options) => {
                let mut command = namespace.command("python3");
                command.env("PYTHONPATH", tftpy()).args(["-c", TFTPY, &server, name]).arg(local);
                command.args(options);
                command
            }
        }
    }
}

/// Where `cargo xtask setup` puts it.
fn tftpy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/tftpy")
}
