//! Other readers of what the network sends, and what must hold whatever they read: the fuzz targets'
//! checks.

use std::{
    fs, io,
    os::unix::fs::symlink,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, ensure};
use netboot_answer::router_solicitations::message::{self, RouterMessageKind, link_local_of};
use netboot_base::files::Files;
use netboot_ebpf::shared::Mac;
use netboot_serve::syslog::parse::{MAX_MESSAGE, parse};
use tempfile::TempDir;

/// A datagram to the syslog receiver: any is a message, bounded and without control characters.
pub fn syslog(datagram: &[u8]) -> Result<()> {
    let message = parse(datagram, SystemTime::UNIX_EPOCH);
    let fields = [
        &message.hostname,
        &message.app,
        &message.pid,
        &message.message_id,
        &message.timestamp,
        &message.structured_data,
    ];
    for text in fields.into_iter().flatten().chain([&message.text]) {
        ensure!(!text.contains(char::is_control), "{text:?} has control characters");
        ensure!(text.len() <= MAX_MESSAGE, "{text:?} has {} bytes", text.len());
    }
    Ok(())
}

/// A frame of router discovery: any is read to its end, and what is answered is valid, and to its sender.
pub fn router_discovery(frame: &[u8]) -> Result<()> {
    let Ok(message) = message::parse(frame) else { return Ok(()) };
    let node = Mac { octets: [2, 0, 0, 0, 0, 1] };
    let answer = message::no_router(node, link_local_of(node), &message);
    ensure!(answer.starts_with(&message.mac.octets), "not to {}", message.mac);
    let read = message::parse(&answer);
    let read = read.map_err(|why| anyhow::anyhow!("the answer is {why:?}: {answer:02x?}"))?;
    ensure!(read.tags == message.tags, "tags {:?} for {:?}", read.tags, message.tags);
    let expect = RouterMessageKind::Advertisement { lifetime: Duration::ZERO, tells: false };
    ensure!(read.kind == expect, "{:?}", read.kind);
    Ok(())
}

/// A TFTP request, and what the client does then: what is sent is of the file, and no more than it may cost.
pub fn tftp(input: &[u8]) -> Result<()> {
    netboot_serve::tftp::exchange(input).map_err(anyhow::Error::msg)
}

/// What a server sends to `netboot probe`: any of it is read to its end.
pub fn probe(answer: &[u8]) -> Result<()> {
    let loads = netboot_tools::probe::read_answer(answer);
    ensure!(loads <= answer.len(), "{loads} files of {} bytes", answer.len());
    Ok(())
}

const INSIDE: &str = "inside";

/// A root with files, with links in and out, and a secret beside it.
pub struct Tree {
    files: Files,
    _top: TempDir,
}

impl Tree {
    pub fn new() -> Result<Self> {
        let top = tempfile::tempdir()?;
        let root = top.path().join("r");
        fs::create_dir_all(root.join("d"))?;
        fs::write(top.path().join("s"), "secret")?;
        fs::write(root.join("a"), INSIDE)?;
        fs::write(root.join("d/b"), INSIDE)?;
        symlink("../a", root.join("d/in"))?;
        symlink("../s", root.join("out"))?;
        symlink("..", root.join("up"))?;
        Ok(Self { files: Files::new(root), _top: top })
    }

    /// A name as TFTP and HTTP take it from a client: it leads to a file of the root or nowhere.
    pub fn open(&self, name: &[u8]) -> Result<()> {
        let Ok(opened) = self.files.open(name) else { return Ok(()) };
        let path = opened.path.display().to_string();
        ensure!(opened.path.is_relative(), "{path} is absolute");
        let content = io::read_to_string(opened.file).with_context(|| path.clone())?;
        ensure!(content == INSIDE, "{path} is {content:?}");
        Ok(())
    }
}
