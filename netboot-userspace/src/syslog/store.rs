//! The lines of each machine in a file of its own, bounded in size and in number.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{parse::Message, source::Source};

/// A file that would grow beyond is renamed to `<name>.log.1`, in place of the one before.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
const MAX_OPEN: usize = 128;
/// Files of senders that are no machine of ours; further ones share [`OTHERS`].
const MAX_STRANGERS: usize = 32;
const OTHERS: &str = "others.log";
const PROBE: &str = ".probe";
/// Whatever the umask: the log is for the daemon's user and group.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o750;

/// `<state-dir>/log`: `<mac-with-dashes>.log` of each machine, `<address>.log` of strangers.
pub struct Store {
    directory: PathBuf,
    max_bytes: u64,
    open: HashMap<String, Open>,
    /// Counts the uses of files, to tell which was used last.
    uses: u64,
    strangers: HashSet<IpAddr>,
}

struct Open {
    file: File,
    used: u64,
}

impl Store {
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        let directory = state_dir.join("log");
        let strangers = strangers(&directory);
        Self { directory, max_bytes: MAX_BYTES, open: HashMap::new(), uses: 0, strangers }
    }

    /// The directory of the files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Appends a message as one line, which is in the file on return.
    pub fn append(&mut self, source: Source, message: &Message) -> io::Result<()> {
        let name = self.file_name(source);
        let line = match name.as_str() {
            OTHERS => line(message, Some(source.address())),
            _ => line(message, None),
        };
        let result = self.write(&name, line.as_bytes());
        if result.is_err() {
            self.open.remove(&name);
        }
        result
    }

    /// Whether there is room for a line.
    pub fn probe(&self) -> io::Result<()> {
        let path = self.directory.join(PROBE);
        let written = open(&path).and_then(|mut file| file.write_all(&[0; 4096]));
        // Where it cannot be removed, the next probe appends: it would grow.
        written.and(fs::remove_file(&path))
    }

    fn write(&mut self, name: &str, line: &[u8]) -> io::Result<()> {
        let path = self.directory.join(name);
        let mut on_disk = fs::metadata(&path).ok();
        let mut size = on_disk.as_ref().map_or(0, Metadata::len);
        if size > 0 && size + line.len() as u64 > self.max_bytes {
            fs::rename(&path, self.directory.join(format!("{name}.1")))?;
            (on_disk, size) = (None, 0);
        }
        let mut file = self.file(name, &path, on_disk)?;
        file.write_all(line).inspect_err(|_| {
            // A full disk takes parts of lines.
            let _ = file.set_len(size);
        })
    }

    /// The file at this path; opened anew where it was moved or deleted.
    fn file(&mut self, name: &str, path: &Path, on_disk: Option<Metadata>) -> io::Result<&File> {
        self.uses += 1;
        let used = self.uses;
        let is_open = match (self.open.get(name), on_disk) {
            (Some(open), Some(on_disk)) => {
                let opened = open.file.metadata()?;
                (opened.dev(), opened.ino()) == (on_disk.dev(), on_disk.ino())
            }
            _ => false,
        };
        if !is_open {
            self.close_one_of_too_many();
            let file = open(path)?;
            self.open.insert(name.to_owned(), Open { file, used });
        }
        let Some(open) = self.open.get_mut(name) else {
            return Err(io::Error::other("the file was closed"));
        };
        open.used = used;
        Ok(&open.file)
    }

    fn close_one_of_too_many(&mut self) {
        if self.open.len() < MAX_OPEN {
            return;
        }
        let oldest = self.open.iter().min_by_key(|(_, open)| open.used);
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.open.remove(&name);
        }
    }

    fn file_name(&mut self, source: Source) -> String {
        match source {
            Source::Machine { mac, .. } => format!("{}.log", mac.to_string().replace(':', "-")),
            Source::Stranger(address) if self.has_room(address) => format!("{address}.log"),
            Source::Stranger(_) => OTHERS.to_owned(),
        }
    }

    fn has_room(&mut self, address: IpAddr) -> bool {
        if self.strangers.len() < MAX_STRANGERS {
            self.strangers.insert(address);
        }
        self.strangers.contains(&address)
    }
}

/// Whose files are there from earlier runs.
fn strangers(directory: &Path) -> HashSet<IpAddr> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".log")?.parse().ok())
        .collect()
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
        fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(DIRECTORY_MODE))?;
    }
    let mut options = OpenOptions::new();
    options.append(true).mode(FILE_MODE);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            file.set_permissions(fs::Permissions::from_mode(FILE_MODE))?;
            Ok(file)
        }
        // What somebody allows or forbids later stays so.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

/// `2026-11-22T10:21:29.123Z info [address] app[pid]: text`; the time is that of reception.
fn line(message: &Message, address: Option<IpAddr>) -> String {
    let time = humantime::format_rfc3339_millis(message.received);
    let address = address.map(|address| format!("{address} ")).unwrap_or_default();
    let pid = message.pid.as_ref().map(|pid| format!("[{pid}]")).unwrap_or_default();
    let app = message.app.as_deref().unwrap_or("-");
    let severity = message.severity.as_str();
    format!("{time} {severity} {address}{app}{pid}: {}\n", message.text)
}

#[cfg(test)]
mod tests;
