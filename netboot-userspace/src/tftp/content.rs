//! What is sent: files, each in memory once for all transfers of it.
//!
//! A boot file is read whole when it is asked for first, and again when it has changed: a transfer under way keeps what
//! it began with, and no client gets halves of two. Larger files (a kernel, an initrd) stay on the disk, with one
//! descriptor for all transfers.

use std::{
    fs::{File, Metadata},
    io::{self, IoSliceMut, Read as _},
    num::NonZeroUsize,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll},
};

use futures_lite::AsyncRead;
use lru::LruCache;
use rustix::io::{Errno, ReadWriteFlags};

/// Of one file in memory: all loaders of firmware are smaller.
const LARGEST: u64 = 8 << 20;
/// Of all files together, beside those that transfers still use.
const ROOM: usize = 128 << 20;
/// Files that are remembered; a distribution's GRUB has some 300 modules.
const FILES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// The files that were asked for last; cheap to clone.
#[derive(Clone)]
pub(super) struct Contents(Arc<Mutex<Cache>>);

struct Cache {
    files: LruCache<Key, (Version, Content)>,
    bytes: usize,
}

/// The device and the inode of a file.
type Key = (u64, u64);

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
    /// The same for who asks so.
    as_netascii: OnceLock<Arc<Self>>,
}

#[derive(Debug)]
pub(super) struct OnDisk {
    file: File,
    version: Version,
}

/// Why some bytes of a file are not to be had.
#[derive(Debug)]
pub(super) enum Unread {
    /// They must come from the disk: [`OnDisk::fetch`].
    NotCached,
    /// It is another file by now.
    Changed,
    Failed(io::Error),
}

impl Default for Contents {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Cache { files: LruCache::new(FILES), bytes: 0 })))
    }
}

impl Contents {
    /// # Errors
    /// It cannot be read, or is being written.
    pub(super) fn of(&self, file: File) -> io::Result<Content> {
        let metadata = file.metadata()?;
        let (key, version) = ((metadata.dev(), metadata.ino()), Version::of(&metadata));
        if let Some(found) = self.find(key, version) {
            return Ok(found);
        }
        let content = if version.size > LARGEST {
            Content::Disk(Arc::new(OnDisk { file, version }))
        } else {
            Content::Memory(Arc::new(InMemory::new(read_whole(&file, version)?)))
        };
        self.keep(key, version, &content);
        Ok(content)
    }

    fn find(&self, key: Key, version: Version) -> Option<Content> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, content) = cache.files.get(&key)?;
        (*of == version).then(|| content.clone())
    }

    fn keep(&self, key: Key, version: Version, content: &Content) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.bytes += content.in_memory();
        if let Some((_, (_, old))) = cache.files.push(key, (version, content.clone())) {
            cache.bytes -= old.in_memory();
        }
        while cache.bytes > ROOM {
            let Some((_, (_, old))) = cache.files.pop_lru() else { break };
            cache.bytes -= old.in_memory();
        }
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
    /// `None`: it is too large.
    pub(super) fn as_netascii(&self) -> Option<Self> {
        let Self::Memory(octets) = self else { return None };
        let encoded = octets
            .as_netascii
            .get_or_init(|| Arc::new(InMemory::new(netascii(&octets.bytes).into())));
        Some(Self::Memory(Arc::clone(encoded)))
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Memory(octets) => octets.bytes.len() as u64,
            Self::Disk(on_disk) => on_disk.version.size,
        }
    }

    fn in_memory(&self) -> usize {
        match self {
            Self::Memory(octets) => octets.bytes.len(),
            Self::Disk(_) => 0,
        }
    }
}

impl InMemory {
    fn new(bytes: Box<[u8]>) -> Self {
        Self { bytes, as_netascii: OnceLock::new() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl OnDisk {
    /// What the page cache has of this place, which is all of it; never waits for the disk.
    pub(super) fn read_cached(&self, buffer: &mut [u8], position: u64) -> Result<(), Unread> {
        self.check_version()?;
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            let at = position + filled as u64;
            let read = rustix::io::preadv2(
                &self.file,
                &mut [IoSliceMut::new(room)],
                at,
                ReadWriteFlags::NOWAIT,
            );
            let read = match read {
                Err(Errno::AGAIN) => return Err(Unread::NotCached),
                // A file system that cannot tell.
                Err(Errno::OPNOTSUPP | Errno::INVAL) => self.file.read_at(room, at),
                read => read.map_err(io::Error::from),
            };
            match read {
                Ok(0) => return Err(Unread::Changed),
                Ok(bytes) => filled += bytes,
                Err(error) => return Err(Unread::Failed(error)),
            }
        }
        Ok(())
    }

    /// Waits for the disk, and leaves what it brings in the page cache.
    pub(super) fn fetch(&self, position: u64) -> io::Result<()> {
        const AHEAD: usize = 1 << 20;
        let mut buffer = vec![0; AHEAD];
        self.file.read_at(&mut buffer, position)?;
        Ok(())
    }

    fn check_version(&self) -> Result<(), Unread> {
        let metadata = self.file.metadata().map_err(Unread::Failed)?;
        // To replace or to remove it by name changes the time of its inode's change, and not what is in it.
        let now = Version::of(&metadata);
        let is_same = (now.size, now.modified) == (self.version.size, self.version.modified);
        if is_same { Ok(()) } else { Err(Unread::Changed) }
    }
}

fn read_whole(file: &File, version: Version) -> io::Result<Box<[u8]>> {
    let size = usize::try_from(version.size).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(size);
    // One more: it may have grown.
    let mut reader = file.take(version.size + 1);
    reader.read_to_end(&mut bytes)?;
    let is_same = Version::of(&file.metadata()?) == version && bytes.len() == size;
    if !is_same {
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is being written"));
    }
    Ok(bytes.into())
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
pub struct Reader {
    pub(super) content: Content,
    position: u64,
}

impl Reader {
    pub(super) fn new(content: Content) -> Self {
        Self { content, position: 0 }
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let at = self.position;
        let read = match &self.content {
            Content::Memory(octets) => {
                let rest = octets.bytes.get(usize::try_from(at).unwrap_or(usize::MAX)..);
                rest.unwrap_or_default().read(buffer)
            }
            Content::Disk(on_disk) => on_disk.file.read_at(buffer, at),
        };
        if let Ok(bytes) = &read {
            self.position += *bytes as u64;
        }
        Poll::Ready(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn bytes(content: &Content) -> Vec<u8> {
        let mut reader = Reader::new(content.clone());
        let mut bytes = Vec::new();
        futures_lite::future::block_on(futures_lite::AsyncReadExt::read_to_end(
            &mut reader,
            &mut bytes,
        ))
        .unwrap();
        bytes
    }

    #[test]
    fn a_file_is_in_memory_once_until_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let contents = Contents::default();
        let get = || contents.of(File::open(&path).unwrap()).unwrap();
        let is_same = |one: &Content, two: &Content| match (one, two) {
            (Content::Memory(one), Content::Memory(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        fs::write(&path, "one").unwrap();
        let one = get();
        assert!(is_same(&one, &get()));
        // As an operator replaces it, and as one who does not know better.
        fs::write(directory.path().join("new"), "two").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        let two = get();
        fs::write(&path, "three").unwrap();
        assert_eq!(
            [one, two, get()].map(|content| bytes(&content)),
            [&b"one"[..], b"two", b"three"]
        );
    }

    #[test]
    fn large_files_stay_on_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let whole: Vec<u8> = (0..LARGEST as usize + 1).map(|at| at as u8).collect();
        fs::write(&path, &whole).unwrap();
        let contents = Contents::default();
        let content = contents.of(File::open(&path).unwrap()).unwrap();
        let Content::Disk(on_disk) = &content else { panic!("in memory") };
        assert_eq!(contents.0.lock().unwrap().bytes, 0);
        let mut buffer = [0; 1000];
        on_disk.fetch(5000).unwrap();
        on_disk.read_cached(&mut buffer, 5000).unwrap();
        assert_eq!(buffer, whole[5000..6000]);
        assert!(matches!(on_disk.read_cached(&mut buffer, LARGEST - 10), Err(Unread::Changed)));
        assert!(content.as_netascii().is_none());
        fs::write(&path, &whole[1..]).unwrap();
        assert!(matches!(on_disk.read_cached(&mut buffer, 0), Err(Unread::Changed)));
    }

    #[test]
    fn memory_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let contents = Contents::default();
        for number in 0..20 {
            let path = directory.path().join(number.to_string());
            fs::write(&path, vec![0; LARGEST as usize]).unwrap();
            contents.of(File::open(&path).unwrap()).unwrap();
        }
        let cache = contents.0.lock().unwrap();
        assert_eq!((cache.bytes, cache.files.len()), (ROOM, ROOM / LARGEST as usize));
    }

    #[test]
    fn ends_of_lines() {
        let check = |text: &str, expect: &str| {
            assert_eq!(netascii(text.as_bytes()), expect.as_bytes(), "{text:?}");
        };
        check("", "");
        check("a\nb", "a\r\nb");
        check("a\r\nb\r", "a\r\0\r\nb\r\0");
        let content = Content::Memory(Arc::new(InMemory::new(b"\n\n"[..].into())));
        let one = content.as_netascii().unwrap();
        assert_eq!(bytes(&one), b"\r\n\r\n");
        let Content::Memory(one) = one else { panic!() };
        let Content::Memory(two) = content.as_netascii().unwrap() else { panic!() };
        assert!(Arc::ptr_eq(&one, &two));
    }
}
