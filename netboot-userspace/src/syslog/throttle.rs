//! Warnings that repeat are given once a minute.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Throttle {
    last: Option<Instant>,
}

impl Throttle {
    /// Whether the warning may be given now.
    pub(super) fn ready(&mut self, now: Instant) -> bool {
        if self.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            return false;
        }
        self.last = Some(now);
        true
    }
}
