//! The time that the kernel's programs read, too.

use std::time::Duration;

use nix::time::ClockId;

/// Since the node's start, without the time that it slept (CLOCK_MONOTONIC).
#[must_use]
pub fn now() -> Duration {
    ClockId::CLOCK_MONOTONIC.now().map_or(Duration::ZERO, Duration::from)
}
