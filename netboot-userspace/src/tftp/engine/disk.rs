//! Reads that wait for the disk, on threads of their own.

use std::sync::{
    Arc,
    mpsc::{Receiver, Sender, channel},
};

use mio::Waker;
use tokio::runtime::Handle;

use super::Id;
use crate::tftp::content::{OnDisk, Unread};

/// The threads are the runtime's.
pub(in crate::tftp) struct Reads {
    runtime: Handle,
    waker: Arc<Waker>,
    done: Sender<Brought>,
    brought: Receiver<Brought>,
}

/// What the disk has brought for a transfer, from this place on.
pub(super) struct Brought {
    pub(super) id: Id,
    pub(super) position: u64,
    pub(super) bytes: Result<Vec<u8>, Unread>,
}

impl Reads {
    /// Whoever is woken asks for [what is brought](Self::next).
    pub(in crate::tftp) fn new(runtime: Handle, waker: Arc<Waker>) -> Self {
        let (done, brought) = channel();
        Self { runtime, waker, done, brought }
    }

    pub(super) fn begin(&self, id: Id, on_disk: Arc<OnDisk>, position: u64, length: usize) {
        let (done, waker) = (self.done.clone(), Arc::clone(&self.waker));
        self.runtime.spawn_blocking(move || {
            let bytes = on_disk.fetch(position, length);
            // The engine may have ended.
            let _ = done.send(Brought { id, position, bytes });
            let _ = waker.wake();
        });
    }

    pub(super) fn next(&self) -> Option<Brought> {
        self.brought.try_recv().ok()
    }
}
