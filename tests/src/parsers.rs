//! Other readers of what the network sends, and what must hold whatever they read: the fuzz targets'
//! checks.

use std::{fs, io, os::unix::fs::symlink, time::SystemTime};

use anyhow::{Context as _, Result, ensure};
use netboot::{
    files::Files,
    syslog::parse::{MAX_MESSAGE, parse},
};
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

/// What a server sends to `netboot probe`: any of it is read to its end.
pub fn probe(answer: &[u8]) -> Result<()> {
    let loads = netboot::probe::read_answer(answer);
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
