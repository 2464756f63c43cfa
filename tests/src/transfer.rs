//! Clients of the other services: TFTP, HTTP, syslog.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{namespace::Namespace, process};

const DEADLINE: Duration = Duration::from_secs(60);

/// Fetches a file with tftp-hpa: no options, 512-byte blocks.
pub fn tftp(namespace: &Namespace, server: Ipv4Addr, file: &str) -> Result<Vec<u8>> {
    let dir = tempfile::tempdir()?;
    let local = dir.path().join("file");
    let mut command = namespace.command("tftp");
    command.args(["-m", "binary", &server.to_string(), "-c", "get", file]).arg(&local);
    let output = process::output(command, DEADLINE)?;
    // Its status is 0 for most errors.
    ensure!(
        output.status.success() && !output.stdout.contains("Error"),
        "tftp {file}: {}{}",
        output.stdout,
        output.stderr
    );
    fs::read(&local).with_context(|| format!("tftp {file}: nothing was fetched"))
}

/// Fetches a file with atftp, with these options (`blksize 1468`).
pub fn atftp(
    namespace: &Namespace,
    server: Ipv4Addr,
    file: &str,
    options: &[&str],
) -> Result<Vec<u8>> {
    let dir = tempfile::tempdir()?;
    let local = dir.path().join("file");
    let mut command = namespace.command("atftp");
    for option in options {
        command.args(["--option", option]);
    }
    command.args(["--get", "--remote-file", file, "--local-file"]).arg(&local);
    command.arg(server.to_string());
    let output = process::output(command, DEADLINE)?;
    ensure!(
        output.status.success() && !output.stderr.contains("rror"),
        "atftp {file}: {}{}",
        output.stdout,
        output.stderr
    );
    fs::read(&local).with_context(|| format!("atftp {file}: nothing was fetched"))
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    /// The header lines, as they came.
    pub headers: String,
    pub body: Vec<u8>,
}

/// Asks with curl, with these further arguments.
pub fn curl(namespace: &Namespace, url: &str, args: &[&str]) -> Result<Answer> {
    let dir = tempfile::tempdir()?;
    let (headers, body) = (dir.path().join("headers"), dir.path().join("body"));
    let mut command = namespace.command("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]);
    command.args(["--write-out", "%{http_code}", "--output"]).arg(&body);
    command.arg("--dump-header").arg(&headers).args(args).arg(url);
    let status = process::run(command, DEADLINE)?.parse().context("curl's status code")?;
    Ok(Answer {
        status,
        headers: fs::read_to_string(&headers)?,
        // An answer without a body makes no file.
        body: fs::read(&body).unwrap_or_default(),
    })
}

/// The transport of a syslog message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syslog {
    Udp,
    Tcp,
}

/// Sends a line with util-linux' logger.
pub fn logger(
    namespace: &Namespace,
    server: SocketAddrV4,
    transport: Syslog,
    line: &str,
) -> Result<()> {
    let mut command = namespace.command("logger");
    command.args(["--server", &server.ip().to_string(), "--port", &server.port().to_string()]);
    command.args([
        match transport {
            Syslog::Udp => "--udp",
            Syslog::Tcp => "--tcp",
        },
        "--tag",
        "machine",
        line,
    ]);
    process::run(command, DEADLINE).map(drop)
}
