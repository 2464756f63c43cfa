//! Reads files that have an end.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// A file of a million hosts is smaller.
const MOST_MIB: u64 = 512;

/// The bytes of a regular file that is not too large: a FIFO or a device could keep the daemon reading
/// forever.
pub(crate) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let most = MOST_MIB << 20;
    let too_large = || {
        let message = format!("larger than {MOST_MIB} MiB, which is the limit; split it");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if file.metadata()?.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// Opens a regular file, and nothing else.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
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
