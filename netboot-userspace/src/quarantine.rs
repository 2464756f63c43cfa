//! Addresses that are held back for a while, since a machine found them in use (DHCPDECLINE).

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use netboot_ebpf::shared::Station;
use nix::time::ClockId;

/// Until when the reservations of machines are held back. As many as there are reservations, at most.
#[derive(Debug)]
pub struct Quarantine {
    length: Duration,
    /// In the kernel's time, see [`now`].
    until: RwLock<BTreeMap<Station, Duration>>,
}

/// The time since boot that the XDP program reads too (CLOCK_MONOTONIC).
#[must_use]
pub fn now() -> Duration {
    ClockId::CLOCK_MONOTONIC.now().map_or(Duration::ZERO, Duration::from)
}

impl Quarantine {
    /// Holds addresses back for this long.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self { length, until: RwLock::default() }
    }

    /// Holds a machine's address back from a time on; returns until when.
    pub fn hold(&self, station: Station, now: Duration) -> Duration {
        let end = now + self.length;
        self.until.write().unwrap_or_else(PoisonError::into_inner).insert(station, end);
        end
    }

    /// Whether a machine's address is held back.
    #[must_use]
    pub fn is_held(&self, station: Station, now: Duration) -> bool {
        let until = self.until.read().unwrap_or_else(PoisonError::into_inner);
        until.get(&station).is_some_and(|until| now < *until)
    }

    /// Gives a machine's address free, if its time is over.
    pub fn release(&self, station: Station, now: Duration) -> bool {
        let mut until = self.until.write().unwrap_or_else(PoisonError::into_inner);
        let over = until.get(&station).is_some_and(|until| *until <= now);
        over && until.remove(&station).is_some()
    }

    /// The machines whose addresses are held back, and for how long yet.
    #[must_use]
    pub fn held(&self, now: Duration) -> Vec<(Station, Duration)> {
        let until = self.until.read().unwrap_or_else(PoisonError::into_inner);
        let left = until.iter().map(|(station, until)| (*station, until.saturating_sub(now)));
        left.filter(|(_, left)| !left.is_zero()).collect()
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::Mac;

    use super::*;

    const STATION: Station = Station::untagged(Mac { octets: [2, 0, 0, 0, 0, 1] });

    #[test]
    fn ends_by_itself() {
        let seconds = Duration::from_secs;
        let quarantine = Quarantine::new(seconds(60));
        let check = |now: u64, held: bool, released: bool| {
            assert_eq!(quarantine.is_held(STATION, seconds(now)), held, "{now}");
            assert_eq!(quarantine.held(seconds(now)).len(), usize::from(held), "{now}");
            assert_eq!(quarantine.release(STATION, seconds(now)), released, "{now}");
        };
        check(100, false, false);
        assert_eq!(quarantine.hold(STATION, seconds(100)), seconds(160));
        check(100, true, false);
        check(159, true, false);
        // Declined again meanwhile.
        quarantine.hold(STATION, seconds(159));
        check(160, true, false);
        check(219, false, true);
        check(219, false, false);
        let other = Station::untagged(Mac { octets: [2, 0, 0, 0, 0, 2] });
        quarantine.hold(other, seconds(300));
        assert!(!quarantine.is_held(STATION, seconds(301)));
    }
}
