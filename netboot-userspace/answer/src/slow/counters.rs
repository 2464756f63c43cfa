//! Counters of the slow path.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use netboot_ebpf::verdict::Verdict;

/// How often each verdict was given in userspace, and how many answers did not get out.
pub struct Counters {
    verdicts: [AtomicU64; Verdict::COUNT as usize],
    unsent: AtomicU64,
    overflows: AtomicU64,
    left_out: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            verdicts: [const { AtomicU64::new(0) }; _],
            unsent: AtomicU64::new(0),
            overflows: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// By the verdicts' numbers.
    pub fn verdicts(&self) -> impl Iterator<Item = u64> {
        self.verdicts.iter().map(|counter| counter.load(Relaxed))
    }

    /// Answers that could not be sent.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        self.unsent.load(Relaxed)
    }

    /// Requests that the sockets had no room for.
    #[must_use]
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Relaxed)
    }

    /// Messages of nobody that were not told of, since others like them were.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Relaxed)
    }

    pub(super) fn count_left_out(&self) {
        self.left_out.fetch_add(1, Relaxed);
    }

    pub(super) fn count_overflows(&self, more: u32) {
        self.overflows.fetch_add(more.into(), Relaxed);
    }

    pub(super) fn count(&self, verdict: Verdict) {
        if let Some(counter) = self.verdicts.get(verdict as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn count_unsent(&self) {
        self.unsent.fetch_add(1, Relaxed);
    }
}
