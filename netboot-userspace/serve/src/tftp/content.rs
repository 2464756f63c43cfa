//! Content of transfers: files, each in memory once for all transfers of it.
//!
//! A file is sent from the disk's cache first, and read whole beside: from then on it is sent from memory. When it has
//! changed it is read again; a transfer under way keeps what it began with, or ends where that is gone: no client gets
//! halves of two. Larger files (a kernel, an initrd) stay on the disk, with one descriptor for all transfers.

use std::{
    fs::{File, Metadata},
    io::{self, IoSliceMut, Read as _},
    num::NonZeroU64,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    pin::Pin,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use arc_swap::ArcSwapOption;
use futures_lite::AsyncRead;
use lru::LruCache;
use netboot_base::bounded::bounded;
use parking_lot::{Mutex, MutexGuard};
use rustix::{
    fs::Advice,
    io::{Errno, ReadWriteFlags},
};

/// Of one file in memory: all loaders of firmware are smaller.
const LARGEST: u64 = 8 << 20;
/// Of one that is encoded: a text.
const LARGEST_TEXT: u64 = 1 << 20;
/// Of all files together, those that transfers use among them.
const ROOM: usize = 128 << 20;
/// Files that are remembered; a distribution's GRUB has some 300 modules.
const FILES: usize = 1024;
/// Files that are open at the same time.
pub(super) const MAX_OPEN: usize = 256;

/// The files that were asked for last; cheap to clone.
#[derive(Clone)]
pub(super) struct Contents(Arc<Shared>);

struct Shared {
    files: Mutex<LruCache<Key, OpenedFile>>,
    usage: Arc<Usage>,
}

/// What all files take now, whoever holds them.
#[derive(Debug, Default)]
struct Usage {
    bytes: AtomicUsize,
    open: AtomicUsize,
}

/// The device and the inode of a file.
type Key = (u64, u64);

/// A file as it was when it was opened last.
struct OpenedFile {
    version: Version,
    on_disk: Weak<OnDisk>,
    in_memory: Weak<InMemory>,
    /// While there is room for files that nobody asks for.
    kept: Option<Arc<InMemory>>,
}

/// Another one: the file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The bytes of a file; cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Memory(Arc<InMemory>),
    Disk(Arc<OnDisk>),
}

#[derive(Debug)]
pub(super) struct InMemory {
    bytes: Box<[u8]>,
    usage: Arc<Usage>,
    /// The same for who asks so.
    as_netascii: OnceLock<Arc<Self>>,
}

#[derive(Debug)]
pub(super) struct OnDisk {
    /// Until it was read whole.
    file: ArcSwapOption<File>,
    version: Version,
    usage: Arc<Usage>,
    /// Once it was read whole.
    in_memory: OnceLock<Arc<InMemory>>,
}

/// Why some bytes of a file are not to be had.
#[derive(Debug)]
pub(super) enum UnreadBytes {
    /// The bytes must come from the disk: [`OnDisk::fetch`].
    NotCached,
    /// The file is another one by now.
    Changed,
    Failed(io::Error),
}

impl Default for Contents {
    fn default() -> Self {
        let files = Mutex::new(bounded(FILES));
        Self(Arc::new(Shared { files, usage: Arc::default() }))
    }
}

impl Contents {
    /// Within a runtime the file is read whole beside.
    ///
    /// # Errors
    /// The file cannot be read; `ResourceBusy`: not now, since too many others are open, or it is being written.
    pub(super) fn of(&self, file: File) -> io::Result<Content> {
        let metadata = file.metadata()?;
        let (key, version) = ((metadata.dev(), metadata.ino()), Version::of(&metadata));
        if let Some(found) = self.find(key, version) {
            return Ok(found);
        }
        let usage = &self.0.usage;
        if usage.open.load(Relaxed) >= MAX_OPEN {
            return self.read_now(file, key, version);
        }
        let on_disk = Arc::new(OnDisk::new(file, version, Arc::clone(usage)));
        let entry = OpenedFile {
            version,
            on_disk: Arc::downgrade(&on_disk),
            in_memory: Weak::new(),
            kept: None,
        };
        self.files().put(key, entry);
        if version.size <= LARGEST
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (this, on_disk) = (self.clone(), Arc::clone(&on_disk));
            drop(runtime.spawn_blocking(move || this.read(key, &on_disk)));
        }
        Ok(Content::Disk(on_disk))
    }

    /// Where no more files can be open.
    fn read_now(&self, file: File, key: Key, version: Version) -> io::Result<Content> {
        let size = usize::try_from(version.size).unwrap_or(usize::MAX);
        if version.size > LARGEST || !self.make_room(size) {
            let why = "too many large files are sent at once";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        }
        let in_memory = InMemory::read(&file, version, &self.0.usage)?;
        let entry = OpenedFile {
            version,
            on_disk: Weak::new(),
            in_memory: Arc::downgrade(&in_memory),
            kept: Some(Arc::clone(&in_memory)),
        };
        self.files().put(key, entry);
        Ok(Content::Memory(in_memory))
    }

    fn find(&self, key: Key, version: Version) -> Option<Content> {
        let mut files = self.files();
        let entry = files.get_mut(&key).filter(|entry| entry.version == version)?;
        if let Some(found) = entry.in_memory.upgrade() {
            entry.kept = Some(Arc::clone(&found));
            return Some(Content::Memory(found));
        }
        entry.on_disk.upgrade().map(Content::Disk)
    }

    /// Reads the file whole, where it has not changed meanwhile and there is room.
    fn read(&self, key: Key, on_disk: &Arc<OnDisk>) {
        let size = usize::try_from(on_disk.version.size).unwrap_or(usize::MAX);
        if !self.make_room(size) {
            return;
        }
        // What cannot be read is told to who asks for it.
        let Ok(in_memory) = on_disk.read_whole() else { return };
        let mut files = self.files();
        if let Some(entry) = files.get_mut(&key)
            && entry.version == on_disk.version
        {
            entry.in_memory = Arc::downgrade(&in_memory);
            entry.kept = Some(in_memory);
        }
    }

    /// What nobody uses is given up for it, what was asked for longest ago first.
    fn make_room(&self, size: usize) -> bool {
        let has_room = || self.0.usage.bytes.load(Relaxed).saturating_add(size) <= ROOM;
        let mut files = self.files();
        for (_, entry) in files.iter_mut().rev() {
            if has_room() {
                return true;
            }
            entry.kept = None;
        }
        has_room()
    }

    fn files(&self) -> MutexGuard<'_, LruCache<Key, OpenedFile>> {
        self.0.files.lock()
    }
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Content {
    /// The same with the ends of lines as RFC 764 has them ("netascii"): LF becomes CR LF, CR becomes CR NUL.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn as_netascii(&self) -> io::Result<Option<Self>> {
        if self.size() > LARGEST_TEXT {
            return Ok(None);
        }
        let octets = match self {
            Self::Memory(octets) => Arc::clone(octets),
            Self::Disk(on_disk) => on_disk.read_whole()?,
        };
        let encoded = octets
            .as_netascii
            .get_or_init(|| Arc::new(InMemory::new(netascii(&octets.bytes), &octets.usage)));
        Ok(Some(Self::Memory(Arc::clone(encoded))))
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Memory(octets) => octets.bytes.len() as u64,
            Self::Disk(on_disk) => on_disk.version.size,
        }
    }

    /// All bytes of the file, if it is in memory.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Memory(octets) => Some(&octets.bytes),
            Self::Disk(on_disk) => on_disk.in_memory.get().map(|octets| &*octets.bytes),
        }
    }
}

impl InMemory {
    fn new(bytes: Vec<u8>, usage: &Arc<Usage>) -> Self {
        usage.bytes.fetch_add(bytes.len(), Relaxed);
        Self { bytes: bytes.into(), usage: Arc::clone(usage), as_netascii: OnceLock::new() }
    }

    fn read(file: &File, version: Version, usage: &Arc<Usage>) -> io::Result<Arc<Self>> {
        let size = usize::try_from(version.size).map_err(io::Error::other)?;
        // One more: it may have grown.
        let mut bytes = vec![0; size + 1];
        let length = read_full(file, &mut bytes, 0)?;
        if length != size || Version::of(&file.metadata()?) != version {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is being written"));
        }
        bytes.truncate(size);
        Ok(Arc::new(Self::new(bytes, usage)))
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        self.usage.bytes.fetch_sub(self.bytes.len(), Relaxed);
    }
}

impl OnDisk {
    fn new(file: File, version: Version, usage: Arc<Usage>) -> Self {
        usage.open.fetch_add(1, Relaxed);
        let file = ArcSwapOption::from_pointee(file);
        Self { file, version, usage, in_memory: OnceLock::new() }
    }

    /// From now on it is sent from memory, and need not be open.
    fn read_whole(&self) -> io::Result<Arc<InMemory>> {
        // The file is in memory before it is closed.
        let file = self.file.load_full();
        let octets = match (self.in_memory.get(), &file) {
            (Some(octets), _) => Arc::clone(octets),
            (None, Some(file)) => {
                let octets = InMemory::read(file, self.version, &self.usage)?;
                Arc::clone(self.in_memory.get_or_init(|| octets))
            }
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        if self.file.swap(None).is_some() {
            self.usage.open.fetch_sub(1, Relaxed);
        }
        Ok(octets)
    }

    /// # Errors
    /// The file has been read whole meanwhile: [`Content::bytes`] has it.
    fn file(&self) -> Result<Arc<File>, UnreadBytes> {
        self.file.load_full().ok_or(UnreadBytes::NotCached)
    }

    /// What the page cache has of this place, which is all of it; never waits for the disk.
    pub(super) fn read_cached(&self, buffer: &mut [u8], position: u64) -> Result<(), UnreadBytes> {
        let file = self.file()?;
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            let at = position + filled as u64;
            let room = &mut [IoSliceMut::new(room)];
            match rustix::io::preadv2(&file, room, at, ReadWriteFlags::NOWAIT) {
                Ok(0) => return Err(UnreadBytes::Changed),
                Ok(bytes) => filled += bytes,
                // Some file systems cannot tell: NFS, FUSE.
                Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INVAL) => {
                    return Err(UnreadBytes::NotCached);
                }
                Err(error) => return Err(UnreadBytes::Failed(error.into())),
            }
        }
        self.check_version(&file)
    }

    /// The same, and waits for the disk, which is told to bring what is behind it, too.
    ///
    /// # Errors
    /// [`UnreadBytes::NotCached`]: it was read whole meanwhile.
    pub(super) fn fetch(&self, position: u64, length: usize) -> Result<Vec<u8>, UnreadBytes> {
        const AHEAD: Option<NonZeroU64> = NonZeroU64::new(1 << 20);
        if let Some(octets) = self.in_memory.get() {
            let start = usize::try_from(position).unwrap_or(usize::MAX);
            let rest = octets.bytes.get(start..).unwrap_or_default();
            return rest.get(..length).map(<[u8]>::to_vec).ok_or(UnreadBytes::Changed);
        }
        let file = self.file()?;
        // The advice does no harm where a file system takes none.
        let _ = rustix::fs::fadvise(&file, position, AHEAD, Advice::WillNeed);
        let mut buffer = vec![0; length];
        if read_full(&file, &mut buffer, position).map_err(UnreadBytes::Failed)? < length {
            return Err(UnreadBytes::Changed);
        }
        self.check_version(&file)?;
        Ok(buffer)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let file = self.file.load_full().ok_or(io::ErrorKind::ResourceBusy)?;
        file.read_at(buffer, position)
    }

    fn check_version(&self, file: &File) -> Result<(), UnreadBytes> {
        let metadata = file.metadata().map_err(UnreadBytes::Failed)?;
        // To replace or to remove it by name changes the time of its inode's change, and not what is in it.
        let now = Version::of(&metadata);
        let is_same = (now.size, now.modified) == (self.version.size, self.version.modified);
        if is_same { Ok(()) } else { Err(UnreadBytes::Changed) }
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        if self.file.load().is_some() {
            self.usage.open.fetch_sub(1, Relaxed);
        }
    }
}

/// Up to the buffer's or the file's end; returns how many bytes. The file may be read at other places meanwhile.
fn read_full(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, position + filled as u64) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn netascii(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for &byte in bytes {
        match byte {
            b'\n' => encoded.extend_from_slice(b"\r\n"),
            b'\r' => encoded.extend_from_slice(b"\r\0"),
            byte => encoded.push(byte),
        }
    }
    encoded
}

/// A file as async-tftp's interface has it: byte by byte. The engine takes the [`Content`] itself.
pub struct ContentReader {
    pub(super) content: Content,
    position: u64,
}

impl ContentReader {
    pub(super) fn new(content: Content) -> Self {
        Self { content, position: 0 }
    }
}

impl AsyncRead for ContentReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let at = self.position;
        let read = match (self.content.bytes(), &self.content) {
            (Some(bytes), _) => {
                let rest = bytes.get(usize::try_from(at).unwrap_or(usize::MAX)..);
                rest.unwrap_or_default().read(buffer)
            }
            (None, Content::Disk(on_disk)) => on_disk.read_at(buffer, at),
            (None, Content::Memory(_)) => Ok(0),
        };
        if let Ok(bytes) = &read {
            self.position += *bytes as u64;
        }
        Poll::Ready(read)
    }
}

#[cfg(test)]
mod tests;
