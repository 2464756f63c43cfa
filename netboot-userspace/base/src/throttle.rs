//! A limit on messages that repeat: a few a minute are given.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(60);

/// Lets one message a minute through, or as many as the throttle was made for.
pub struct Throttle {
    burst: u32,
    /// The minute that is counted.
    start: Option<Instant>,
    given: u32,
    left_out: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Throttle {
    /// Of so many messages a minute.
    #[must_use]
    pub const fn new(burst: u32) -> Self {
        Self { burst, start: None, given: 0, left_out: 0 }
    }

    /// Whether the message may be given now; then how many were left out since the last one.
    pub fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.start.is_none_or(|start| now.duration_since(start) >= INTERVAL) {
            self.start = Some(now);
            self.given = 0;
        }
        if self.given >= self.burst {
            self.left_out += 1;
            return None;
        }
        self.given += 1;
        Some(std::mem::take(&mut self.left_out))
    }

    /// Whether the message may be given now.
    pub fn ready(&mut self, now: Instant) -> bool {
        self.admit(now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_given_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut throttle = Throttle::new(2);
        let mut check = |seconds, expect| {
            assert_eq!(throttle.admit(start + Duration::from_secs(seconds)), expect, "{seconds} s");
        };
        check(0, Some(0));
        check(30, Some(0));
        check(31, None);
        check(59, None);
        check(60, Some(2));
        check(61, Some(0));
        check(62, None);
        check(120, Some(1));
    }
}
