//! Counters of lines by what became of them, for status and metrics.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::connections;

#[derive(Debug, Default)]
pub struct Counters {
    /// Lines that arrived, also those that were dropped afterwards.
    pub(super) received: AtomicU64,
    /// Datagrams and lines of nothing, which are no lines.
    pub(super) empty: AtomicU64,
    /// Dropped: their source sent too many.
    pub(super) rate_limited: AtomicU64,
    /// Dropped: lines arrive faster than they are written.
    pub(super) queue_full: AtomicU64,
    /// Dropped by the kernel: the socket's buffer was full.
    pub(super) kernel_dropped: AtomicU64,
    /// Longer than is kept.
    pub(super) truncated: AtomicU64,
    /// Not in a file: the disk is full or not writable. They are in the daemon's log.
    pub(super) unwritten: AtomicU64,
    /// TCP connections turned away, or closed for others: too many are open.
    pub(super) connections: Arc<connections::Counters>,
    /// TCP connections that broke.
    pub(super) connections_broken: AtomicU64,
}

impl Counters {
    /// Names, as in status and metrics, and values.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        let own = [
            ("received", &self.received),
            ("empty", &self.empty),
            ("rate-limited", &self.rate_limited),
            ("queue-full", &self.queue_full),
            ("kernel-dropped", &self.kernel_dropped),
            ("truncated", &self.truncated),
            ("unwritten", &self.unwritten),
            ("connections-broken", &self.connections_broken),
        ]
        .map(|(name, counter)| (name, counter.load(Relaxed)));
        own.into_iter().chain(self.connections.all()).collect()
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
