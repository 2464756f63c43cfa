//! Reads a file ahead of its transfer.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    mem,
    os::unix::fs::FileExt as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_lite::{AsyncRead, FutureExt as _};
use rustix::io::{Errno, ReadWriteFlags};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::transfer::Transfer;
use crate::files::Opened;

/// Large, as every chunk costs a system call; small, as every transfer has one.
const CHUNK: u64 = 64 * 1024;

/// Whoever forges requests never acknowledges: the first chunk, which nobody may want, is small.
const FIRST_CHUNK: u64 = 8 * 1024;

/// A file as async-tftp reads it: block by block.
///
/// All transfers share one thread. What the page cache holds is read there; only for what the disk must
/// bring does another thread wait.
pub(super) struct Reader {
    file: Arc<File>,
    size: u64,
    /// Of the file, at the chunk's end.
    position: u64,
    chunk: Vec<u8>,
    /// Bytes of the chunk that were handed on.
    used: usize,
    waiting: Option<JoinHandle<io::Result<Vec<u8>>>>,
    runtime: Handle,
    transfer: Transfer,
    /// Dropped last: a transfer that is over is noted already.
    _running: TaskTrackerToken,
}

impl Reader {
    pub(super) fn new(
        opened: Opened,
        transfer: Transfer,
        running: TaskTrackerToken,
        runtime: Handle,
    ) -> Self {
        Self {
            file: Arc::new(opened.file),
            size: opened.size,
            position: 0,
            chunk: Vec::new(),
            used: 0,
            waiting: None,
            runtime,
            transfer,
            _running: running,
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let chunk = match &mut self.waiting {
            Some(reading) => {
                let read = ready!(reading.poll(cx));
                self.waiting = None;
                read.map_err(io::Error::other)??
            }
            None => {
                let mut chunk = mem::take(&mut self.chunk);
                self.used = 0;
                let chunk_size = if self.position == 0 { FIRST_CHUNK } else { CHUNK };
                let room = usize::try_from(chunk_size.min(self.size - self.position)).unwrap_or(0);
                chunk.resize(room, 0);
                match read_cached(&self.file, &mut chunk, self.position) {
                    Ok(bytes) => {
                        chunk.truncate(bytes);
                        chunk
                    }
                    // Not in the page cache, or a file system that cannot tell.
                    Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INVAL) => {
                        let (file, position) = (Arc::clone(&self.file), self.position);
                        let read = move || {
                            let bytes = file.read_at(&mut chunk, position)?;
                            chunk.truncate(bytes);
                            Ok(chunk)
                        };
                        self.waiting = Some(self.runtime.spawn_blocking(read));
                        return self.poll_chunk(cx);
                    }
                    Err(error) => return Poll::Ready(Err(error.into())),
                }
            }
        };
        if chunk.is_empty() {
            let shorter = io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter");
            return Poll::Ready(Err(shorter));
        }
        self.position += chunk.len() as u64;
        self.chunk = chunk;
        Poll::Ready(Ok(()))
    }
}

fn read_cached(file: &File, chunk: &mut [u8], position: u64) -> Result<usize, Errno> {
    rustix::io::preadv2(file, &mut [IoSliceMut::new(chunk)], position, ReadWriteFlags::NOWAIT)
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        block: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.used == this.chunk.len()
            && this.position < this.size
            && let Err(error) = ready!(this.poll_chunk(cx))
        {
            this.transfer.read_failed(&error);
            return Poll::Ready(Err(error));
        }
        let rest = this.chunk.get(this.used..).unwrap_or_default();
        let bytes = rest.len().min(block.len());
        if let (Some(to), Some(from)) = (block.get_mut(..bytes), rest.get(..bytes)) {
            to.copy_from_slice(from);
        }
        this.used += bytes;
        this.transfer.read(block.len(), bytes);
        Poll::Ready(Ok(bytes))
    }
}
