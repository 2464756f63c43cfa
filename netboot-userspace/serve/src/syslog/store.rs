//! Files of lines, one for each machine, bounded in size and in number.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsString,
    fs::File,
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use lru::LruCache;
use netboot_base::{
    bounded::bounded,
    own_dir::{OwnDir, is_refused},
};

use super::{parse::SyslogMessage, source::LineSource};

/// A file that would grow beyond is renamed to `<name>.log.1`, in place of the one before.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
const MAX_OPEN: usize = 128;
/// Files of senders that are no machine of ours; further ones share [`OTHERS`].
const MAX_STRANGERS: usize = 32;
const OTHERS: &str = "others.log";
const PROBE: &str = ".probe";
/// Names that were refused and are looked at again.
const MOST_REFUSED: usize = 64;
const LOG: &str = "log";
/// Whatever the umask: the log is for the daemon's user and group.
const FILE_MODE: u32 = 0o640;

/// `<state-dir>/log`: `<mac-with-dashes>.log` of each machine, `<address>.log` of strangers.
pub struct Store {
    state_dir: PathBuf,
    directory: PathBuf,
    max_bytes: u64,
    open: LruCache<String, OpenFile>,
    strangers: HashSet<IpAddr>,
    /// In whose place was something else when they were written to last.
    refused: BTreeMap<String, String>,
}

struct OpenFile {
    file: File,
    /// Device and inode.
    identity: (u64, u64),
}

impl Store {
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        let state_dir = state_dir.to_owned();
        let mut this = Self {
            directory: state_dir.join(LOG),
            state_dir,
            max_bytes: MAX_BYTES,
            open: bounded(MAX_OPEN),
            strangers: HashSet::new(),
            refused: BTreeMap::new(),
        };
        // Whose files are there from earlier runs.
        let left = OwnDir::of_anybody(&this.state_dir).and_then(|state_dir| state_dir.sub(LOG));
        let names = left.and_then(|own| own.names()).unwrap_or_default();
        let address = |name: OsString| name.to_str()?.strip_suffix(".log")?.parse().ok();
        this.strangers = names.into_iter().filter_map(address).collect();
        this
    }

    /// The directory of the files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Appends a message as one line, which is in the file on return.
    pub fn append(&mut self, source: LineSource, message: &SyslogMessage) -> io::Result<()> {
        let name = self.file_name(source);
        let line = match name.as_str() {
            OTHERS => line(message, Some(source.address())),
            _ => line(message, None),
        };
        let own = self.own()?;
        let result = self.write(&own, &name, line.as_bytes());
        match &result {
            Ok(()) => _ = self.refused.remove(&name),
            Err(error) => {
                self.open.pop(&name);
                if is_refused(error) && self.refused.len() < MOST_REFUSED {
                    self.refused.insert(name, error.to_string());
                }
            }
        }
        result
    }

    /// Whether there is room for a line, and no name is in the way any more that was.
    pub fn probe(&mut self) -> io::Result<()> {
        let own = self.own()?;
        let written = own.append(PROBE, FILE_MODE).and_then(|mut file| file.write_all(&[0; 4096]));
        // Where it cannot be removed, the next probe appends: it would grow.
        written.and(own.remove(PROBE))?;
        self.refused.retain(|name, _| is_in_the_way(&own, name));
        Ok(())
    }

    /// What is in the way of files, if something is: the first, and of how many.
    #[must_use]
    pub fn refused(&self) -> Option<(&str, usize)> {
        let (_, first) = self.refused.first_key_value()?;
        Some((first, self.refused.len()))
    }

    /// The directory as it is now: it may have been moved, or be another's.
    fn own(&self) -> io::Result<OwnDir> {
        let state_dir = OwnDir::make(&self.state_dir)?.checked()?;
        state_dir.make_sub(LOG)
    }

    fn write(&mut self, own: &OwnDir, name: &str, line: &[u8]) -> io::Result<()> {
        let mut on_disk = own.look(name)?;
        let mut size = 0;
        if let Some(found) = &on_disk {
            own.check_file(name, found)?;
            size = u64::try_from(found.st_size).unwrap_or_default();
        }
        if size > 0 && size + line.len() as u64 > self.max_bytes {
            own.rename(name, &old(name))?;
            (on_disk, size) = (None, 0);
        }
        let identity = on_disk.map(|found| (found.st_dev, found.st_ino));
        let mut file = self.file(own, name, identity)?;
        file.write_all(line).inspect_err(|_| {
            // A full disk takes parts of lines.
            let _ = file.set_len(size);
        })
    }

    /// The file of this name; opened anew where it was moved or deleted.
    fn file(&mut self, own: &OwnDir, name: &str, on_disk: Option<(u64, u64)>) -> io::Result<&File> {
        let opened = self.open.peek(name).map(|open| open.identity);
        if opened.is_none() || opened != on_disk {
            let file = own.append(name, FILE_MODE)?;
            let made = file.metadata()?;
            let identity = (made.dev(), made.ino());
            self.open.put(name.to_owned(), OpenFile { file, identity });
        }
        let open = self.open.get(name);
        open.map(|open| &open.file).ok_or_else(|| io::Error::other("the file was closed"))
    }

    fn file_name(&mut self, source: LineSource) -> String {
        match source {
            LineSource::Machine { mac, .. } => format!("{}.log", mac.to_string().replace(':', "-")),
            LineSource::Stranger(address) if self.has_room(address) => format!("{address}.log"),
            LineSource::Stranger(_) => OTHERS.to_owned(),
        }
    }

    fn has_room(&mut self, address: IpAddr) -> bool {
        if self.strangers.len() < MAX_STRANGERS {
            self.strangers.insert(address);
        }
        self.strangers.contains(&address)
    }
}

/// Whether something else than a file of ours has a name, or that of the file before.
fn is_in_the_way(own: &OwnDir, name: &str) -> bool {
    [name, &old(name)].into_iter().any(|name| match own.look(name) {
        Ok(Some(found)) => own.check_file(name, &found).is_err(),
        Ok(None) => false,
        Err(_) => true,
    })
}

fn old(name: &str) -> String {
    format!("{name}.1")
}

/// `2026-11-22T10:21:29.123Z info [address] [host=NAME] app[pid]: [data] text`; the time is that of reception.
fn line(message: &SyslogMessage, address: Option<IpAddr>) -> String {
    let time = humantime::format_rfc3339_millis(message.received);
    let address = address.map(|address| format!("{address} ")).unwrap_or_default();
    let pid = message.pid.as_ref().map(|pid| format!("[{pid}]")).unwrap_or_default();
    let app = message.app.as_deref().unwrap_or("-");
    let severity = message.severity.as_str();
    let (host, content) = (message.host(), message.content());
    format!("{time} {severity} {address}{host}{app}{pid}: {content}\n")
}

#[cfg(test)]
mod tests;
