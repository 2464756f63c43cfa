//! The time to wait for an acknowledgement: by the round trips that were measured (RFC 6298), or as the client asked
//! (RFC 2349).

use std::time::Duration;

/// Before anything is measured.
const FIRST: Duration = Duration::from_secs(1);
/// Firmware may write to flash, or draw, between two blocks.
const LEAST: Duration = Duration::from_millis(200);
/// For the client to be busy.
const SOON: Duration = Duration::from_millis(10);
/// Between two tries; a client may ask for 255 s, which would hold a transfer that it left for long.
const MOST: Duration = Duration::from_secs(5);
const MOST_ASKED: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
pub(super) struct RoundTrip {
    /// The client has said how long.
    asked: Option<Duration>,
    smoothed: Option<Duration>,
    variance: Duration,
}

impl RoundTrip {
    /// `asked`: seconds.
    pub(super) fn new(asked: Option<u8>) -> Self {
        let asked = asked.map(|seconds| Duration::from_secs(seconds.into()).min(MOST_ASKED));
        Self { asked, smoothed: None, variance: Duration::ZERO }
    }

    pub(super) fn measured(&mut self, sample: Duration) {
        match &mut self.smoothed {
            None => {
                self.smoothed = Some(sample);
                self.variance = sample / 2;
            }
            Some(smoothed) => {
                self.variance = self.variance * 3 / 4 + smoothed.abs_diff(sample) / 4;
                *smoothed = *smoothed * 7 / 8 + sample / 8;
            }
        }
    }

    /// When to ask whether anything was lost: later than any answer comes that is on its way.
    pub(super) fn soon(&self) -> Option<Duration> {
        let smoothed = self.smoothed.filter(|_| self.asked.is_none())?;
        Some(smoothed * 2 + self.variance * 4 + SOON)
    }

    /// After so many pauses in a row: each is twice as long as the one before.
    pub(super) fn timeout(&self, pauses: u32) -> Duration {
        let measured = self.smoothed.map(|smoothed| (smoothed + self.variance * 4).max(LEAST));
        let first = self.asked.or(measured).unwrap_or(FIRST);
        first.saturating_mul(1 << pauses.min(8)).min(MOST.max(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: Option<u8>, samples: &[u64], expect: [u64; 4]) {
        let mut round_trip = RoundTrip::new(asked);
        for sample in samples {
            round_trip.measured(Duration::from_millis(*sample));
        }
        let timeouts = [0, 1, 2, 9].map(|pauses| round_trip.timeout(pauses));
        assert_eq!(timeouts, expect.map(Duration::from_millis), "{asked:?} {samples:?}");
    }

    #[test]
    fn timeouts() {
        check(None, &[], [1000, 2000, 4000, 5000]);
        check(None, &[1], [200, 400, 800, 5000]);
        check(None, &[400], [1200, 2400, 4800, 5000]);
        check(None, &[400, 400], [1000, 2000, 4000, 5000]);
        check(Some(3), &[1], [3000, 5000, 5000, 5000]);
        check(Some(9), &[], [9000, 9000, 9000, 9000]);
        check(Some(255), &[], [20000, 20000, 20000, 20000]);
    }
}
