//! Addresses that are held back for a while, since a machine found them in use (DHCPDECLINE).

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

use netboot_ebpf::shared::Station;
use nix::time::ClockId;
use tokio::sync::Notify;

/// The most that `dhcp.decline-time` may be.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Until when the reservations of machines are held back: as many as there are reservations, at most.
#[derive(Debug)]
pub struct Quarantine {
    length: RwLock<Duration>,
    /// In the kernel's time, see [`now`].
    until: RwLock<BTreeMap<Station, Duration>>,
    /// Those that [`Quarantine::fresh`] has not told yet.
    fresh: Mutex<Vec<Held>>,
    told: Notify,
}

/// An address that is held back from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub station: Station,
    /// Since boot.
    pub until: Duration,
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
        Self {
            length: RwLock::new(length),
            until: RwLock::default(),
            fresh: Mutex::default(),
            told: Notify::new(),
        }
    }

    /// Holds a machine's address back from a time on; `false`: it is already.
    pub fn hold(&self, station: Station, now: Duration) -> bool {
        let length = *self.length.read().unwrap_or_else(PoisonError::into_inner);
        let held = Held { station, until: now + length };
        let mut until = self.until.write().unwrap_or_else(PoisonError::into_inner);
        if until.get(&station).is_some_and(|until| now < *until) {
            return false;
        }
        until.insert(station, held.until);
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).push(held);
        self.told.notify_one();
        true
    }

    /// Goes on where an earlier daemon ended; what is known to be held back longer stays so.
    pub fn restore(&self, held: impl IntoIterator<Item = Held>, now: Duration) {
        let mut until = self.until.write().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        for held in held.into_iter().filter(|held| now < held.until) {
            // Longer than any configuration says: somebody else wrote it.
            let held = Held { until: held.until.min(now + LONGEST), ..held };
            if until.get(&held.station).is_none_or(|known| *known < held.until) {
                until.insert(held.station, held.until);
                fresh.push(held);
            }
        }
        self.told.notify_one();
    }

    /// Addresses that are declined from now on are held back for this long.
    pub fn set_length(&self, length: Duration) {
        *self.length.write().unwrap_or_else(PoisonError::into_inner) = length;
    }

    /// Waits for addresses that are held back anew. For one task.
    pub async fn fresh(&self) -> Vec<Held> {
        loop {
            let fresh = mem::take(&mut *self.fresh.lock().unwrap_or_else(PoisonError::into_inner));
            if !fresh.is_empty() {
                return fresh;
            }
            self.told.notified().await;
        }
    }

    /// Whether a machine's address is held back.
    #[must_use]
    pub fn is_held(&self, station: Station, now: Duration) -> bool {
        let until = self.until.read().unwrap_or_else(PoisonError::into_inner);
        until.get(&station).is_some_and(|until| now < *until)
    }

    /// Forgets a machine whose time is over; `false`: it is not, or was before.
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

    #[tokio::test]
    async fn ends_by_itself() {
        let seconds = Duration::from_secs;
        let quarantine = Quarantine::new(seconds(60));
        let check = |now: u64, held: bool, released: bool| {
            assert_eq!(quarantine.is_held(STATION, seconds(now)), held, "{now}");
            assert_eq!(quarantine.held(seconds(now)).len(), usize::from(held), "{now}");
            assert_eq!(quarantine.release(STATION, seconds(now)), released, "{now}");
        };
        check(100, false, false);
        assert!(quarantine.hold(STATION, seconds(100)));
        check(100, true, false);
        check(159, true, false);
        // Declined again meanwhile, it is not held back longer, and told once.
        assert!(!quarantine.hold(STATION, seconds(159)));
        let held = Held { station: STATION, until: seconds(160) };
        assert_eq!(quarantine.fresh().await, [held]);
        check(160, false, true);
        check(160, false, false);
        let other = Station::untagged(Mac { octets: [2, 0, 0, 0, 0, 2] });
        assert!(quarantine.hold(other, seconds(300)) && quarantine.hold(STATION, seconds(301)));
        assert_eq!(quarantine.fresh().await.len(), 2);
        assert_eq!(quarantine.held(seconds(360)).len(), 1);
    }

    #[tokio::test]
    async fn is_restored_once_and_for_the_longest() {
        let quarantine = Quarantine::new(Duration::from_secs(60));
        let held = |until| Held { station: STATION, until: Duration::from_secs(until) };
        quarantine.restore([held(90), held(150), held(120)], Duration::from_secs(100));
        quarantine.restore([held(150)], Duration::from_secs(100));
        assert_eq!(quarantine.fresh().await, [held(150)]);
        assert_eq!(quarantine.held(Duration::ZERO), [(STATION, held(150).until)]);
    }
}
