//! Regular files of bounded size, which reading cannot hang on.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::check::reason;

/// A file of a million hosts is smaller.
const MOST_MIB: u64 = 512;
/// What is compared at once: it stays in the processor's cache.
const CHUNK: usize = 256 << 10;

/// The bytes of a regular file that is not too large: a FIFO or a device could keep the daemon reading
/// forever.
pub(crate) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let most = MOST_MIB << 20;
    let length = file.metadata()?.len();
    let too_large = || {
        let message = format!("larger than {MOST_MIB} MiB, which is the limit; split it");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if length > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    // The file may grow while it is read.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// Opens a regular file, and nothing else.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Opening a FIFO would wait for its writer.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

/// The bytes of a file that has others than these.
pub(crate) fn read_changed(path: &Path, known: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut file = open_regular(path)?;
    let mut chunk = vec![0; CHUNK.min(known.len() + 1)];
    let mut same = 0;
    loop {
        let read = match file.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let is_same = match chunk.get(..read) {
            Some([]) | None if same == known.len() => return Ok(None),
            Some([]) | None => false,
            some => known.get(same..same + read) == some,
        };
        if !is_same {
            return read_regular(path).map(Some);
        }
        same += read;
    }
}

/// The text of a regular file; where it is no UTF-8, with signs that say so.
pub fn read_text(path: &Path) -> Result<String, String> {
    let bytes = read_regular(path).map_err(|error| reason(&error))?;
    // As editors of other systems begin a file.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    Ok(String::from_utf8_lossy(bytes).into_owned())
}
