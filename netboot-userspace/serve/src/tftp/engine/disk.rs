//! Reads that wait for the disk, on threads of their own.

use std::{
    cell::Cell,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
};

use mio::Waker;
use tokio::runtime::Handle;

use super::transfers::Id;
use crate::tftp::content::{OnDisk, UnreadBytes};

/// The threads are the runtime's.
pub(in crate::tftp) struct Reads {
    runtime: Handle,
    waker: Arc<Waker>,
    done: Sender<Brought>,
    brought: Receiver<Brought>,
    /// Bytes that are awaited.
    awaited: Cell<usize>,
}

/// Of all transfers together: a disk that is slow is not to fill the memory.
const MOST_AWAITED: usize = 32 << 20;

/// What the disk has brought for a transfer, from this place on.
pub(super) struct Brought {
    pub(super) id: Id,
    pub(super) position: u64,
    length: usize,
    pub(super) bytes: Result<Vec<u8>, UnreadBytes>,
}

impl Reads {
    /// Whoever is woken asks for [what is brought](Self::next).
    pub(in crate::tftp) fn new(runtime: Handle, waker: Arc<Waker>) -> Self {
        let (done, brought) = channel();
        Self { runtime, waker, done, brought, awaited: Cell::new(0) }
    }

    /// Returns whether there is room for it.
    pub(super) fn begin(&self, id: Id, on_disk: Arc<OnDisk>, position: u64, length: usize) -> bool {
        let awaited = self.awaited.get() + length;
        if awaited > MOST_AWAITED {
            return false;
        }
        self.awaited.set(awaited);
        let (done, waker) = (self.done.clone(), Arc::clone(&self.waker));
        self.runtime.spawn_blocking(move || {
            let bytes = on_disk.fetch(position, length);
            // The engine may have ended.
            let _ = done.send(Brought { id, position, length, bytes });
            let _ = waker.wake();
        });
        true
    }

    pub(super) fn next(&self) -> Option<Brought> {
        let brought = self.brought.try_recv().ok()?;
        self.awaited.set(self.awaited.get().saturating_sub(brought.length));
        Some(brought)
    }
}
