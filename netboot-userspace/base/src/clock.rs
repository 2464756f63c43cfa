//! The clocks of the daemon: the time since boot, which the XDP program reads too, and the time of day.

use std::time::{Duration, Instant, SystemTime};

use nix::time::ClockId;

/// The time since boot (CLOCK_MONOTONIC), as the XDP program reads it.
#[must_use]
pub fn since_boot() -> Duration {
    ClockId::CLOCK_MONOTONIC.now().map_or(Duration::ZERO, Duration::from)
}

/// The same in nanoseconds, as tables and events of the kernel have it.
#[must_use]
pub fn nanoseconds() -> u64 {
    u64::try_from(since_boot().as_nanos()).unwrap_or(u64::MAX)
}

/// When it was so long since boot, in nanoseconds; what lies ahead is now.
#[must_use]
pub fn instant(nanoseconds: u64) -> Instant {
    let age = since_boot().saturating_sub(Duration::from_nanos(nanoseconds));
    let now = Instant::now();
    now.checked_sub(age).unwrap_or(now)
}

/// The time of day since 1970.
#[must_use]
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_since_boot_is_an_instant() {
        let now = since_boot();
        let at = |time: Duration| instant(u64::try_from(time.as_nanos()).unwrap());
        let age = at(now).duration_since(at(now - Duration::from_secs(1)));
        assert!(age.abs_diff(Duration::from_secs(1)) < Duration::from_millis(500), "{age:?}");
        assert!(at(now + Duration::from_secs(60)) <= Instant::now());
        assert!(nanoseconds() >= u64::try_from(now.as_nanos()).unwrap());
    }
}
