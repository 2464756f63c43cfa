//! Rate limits: a bucket of tokens kept as one number, the time at which the bucket is full again (the generic
//! cell rate algorithm, ITU-T I.371 annex A).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::shared::Settings;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// A rate and the burst that is allowed beyond it.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Limit {
    /// Nanoseconds between two at this rate; 0: there is no limit.
    pub interval: u64,
    /// Nanoseconds that one may come too early.
    pub burst: u64,
}

impl Limit {
    /// So many a second, and as many at once as are due in some seconds. 0: there is no limit.
    #[must_use]
    pub const fn per_second(rate: u32, burst_seconds: u32) -> Self {
        let Some(interval) = SECOND.checked_div(rate as u64) else {
            return Self { interval: 0, burst: 0 };
        };
        Self { interval, burst: (SECOND * burst_seconds as u64).saturating_sub(interval) }
    }

    /// Whether one more may happen now; then it counts. Two CPUs may both count theirs as the same one:
    /// the limit is then that much higher.
    #[inline(always)]
    #[must_use]
    pub fn admit(&self, full_at: &mut u64, now: u64) -> bool {
        if self.interval == 0 {
            return true;
        }
        let start = if *full_at > now { *full_at } else { now };
        if start - now > self.burst {
            return false;
        }
        *full_at = start.wrapping_add(self.interval);
        true
    }
}

/// What is counted of all machines together: the value of `LIMITS`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Ceilings {
    total: u64,
    unknown: u64,
    events: u64,
}

/// Events of machines and messages that are nobody's: the daemon and its log are told of a sample.
const EVENTS: Limit = Limit::per_second(100, 1);

impl Ceilings {
    /// One more DHCP message.
    #[inline(always)]
    #[must_use]
    pub fn admit(&mut self, settings: &Settings, now: u64) -> bool {
        settings.total.admit(&mut self.total, now)
    }

    /// One more message of a machine without reservation, or of nobody.
    #[inline(always)]
    #[must_use]
    pub fn admit_unknown(&mut self, settings: &Settings, now: u64) -> bool {
        settings.unknown.admit(&mut self.unknown, now)
    }

    /// One more event about such a message.
    #[inline(always)]
    #[must_use]
    pub fn admit_event(&mut self, now: u64) -> bool {
        EVENTS.admit(&mut self.events, now)
    }
}

/// A machine without reservation: the value of `UNKNOWN`, keyed by [`crate::shared::Station`].
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Unknown {
    /// Nanoseconds since boot (CLOCK_MONOTONIC) when it last asked.
    pub last_seen: u64,
    /// How often it asked.
    pub requests: u64,
    /// When it may send its whole burst again ([`Limit::admit`]).
    pub full_at: u64,
    /// When the daemon was last told of it.
    pub told: u64,
    pub ifindex: u32,
    pub architecture: u16,
    pub message_type: u8,
    pub stage: u8,
}

impl Unknown {
    /// Counts one more message; whether its machine may send it.
    #[inline(always)]
    #[must_use]
    pub fn admit(&mut self, settings: &Settings, now: u64) -> bool {
        self.last_seen = now;
        self.requests = self.requests.wrapping_add(1);
        settings.machine.admit(&mut self.full_at, now)
    }

    /// Whether the daemon is told of the machine now: once a second at most.
    #[inline(always)]
    #[must_use]
    pub fn is_due(&mut self, now: u64) -> bool {
        if self.told != 0 && now < self.told.wrapping_add(SECOND) {
            return false;
        }
        self.told = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    /// How many of a number at once are admitted after a time, in milliseconds.
    #[track_caller]
    fn check(limit: Limit, bursts: &[(u64, u32, u32)]) {
        let mut full_at = 0;
        for (at, asked, expect) in bursts {
            let now = 7 * SECOND + at * MILLISECOND;
            let admitted = (0..*asked).filter(|_| limit.admit(&mut full_at, now)).count();
            assert_eq!(admitted, *expect as usize, "{limit:?} at {at} ms");
        }
    }

    #[test]
    fn bursts_are_admitted_and_the_rate_after_them() {
        check(Limit::per_second(0, 5), &[(0, 5000, 5000)]);
        check(Limit::per_second(1, 1), &[(0, 3, 1), (999, 3, 0), (1000, 3, 1)]);
        check(
            Limit::per_second(20, 5),
            &[(0, 500, 100), (49, 9, 0), (50, 9, 1), (1050, 99, 20), (60_000, 500, 100)],
        );
        check(Limit::per_second(1000, 1), &[(0, 5000, 1000), (500, 5000, 500)]);
        // At its rate, for ever.
        let (steady, mut full_at) = (Limit::per_second(20, 5), 0);
        for turn in 1..1000 {
            assert!(steady.admit(&mut full_at, turn * 50 * MILLISECOND), "turn {turn}");
        }
    }

    #[test]
    fn an_earlier_clock_of_another_cpu_is_harmless() {
        let limit = Limit::per_second(10, 1);
        let mut full_at = 0;
        assert!(limit.admit(&mut full_at, 5 * SECOND));
        assert!(limit.admit(&mut full_at, 5 * SECOND - 1));
        assert_eq!(full_at, 5 * SECOND + 2 * SECOND / 10);
    }

    #[test]
    fn an_unknown_machine_is_told_of_once_a_second() {
        let mut unknown = Unknown::default();
        for (at, expect) in [(3000, true), (3001, false), (3999, false), (4000, true)] {
            assert_eq!(unknown.is_due(at * MILLISECOND), expect, "{at} ms");
        }
    }
}
