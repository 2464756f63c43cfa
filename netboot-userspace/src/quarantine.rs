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

/// DECLINEs of the last so long are told together.
const LATELY: Duration = Duration::from_secs(60);

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
    /// When each machine declined its address last; those of [`LATELY`].
    declined: Mutex<BTreeMap<Station, Duration>>,
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
            declined: Mutex::default(),
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
        let mut declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        declined.retain(|_, at| now < *at + LATELY);
        declined.insert(station, now);
        self.told.notify_one();
        true
    }

    /// The machines that declined their address in the last minute.
    #[must_use]
    pub fn declined_lately(&self, now: Duration) -> Vec<Station> {
        let mut declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        declined.retain(|_, at| now < *at + LATELY);
        declined.keys().copied().collect()
    }

    /// Forgets machines without reservation where there are more than so many: reloads must not add up.
    pub fn bound(&self, most: usize, is_reserved: impl Fn(&Station) -> bool) {
        let mut until = self.until.write().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let mut declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        if until.len() > most || declined.len() > most {
            until.retain(|station, _| is_reserved(station));
            fresh.retain(|held| is_reserved(&held.station));
            declined.retain(|station, _| is_reserved(station));
        }
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

    #[test]
    fn declines_of_a_minute_are_told_together() {
        let seconds = Duration::from_secs;
        let station = |number| Station::untagged(Mac { octets: [2, 0, 0, 0, 0, number] });
        // Held back for less than a minute: told all the same.
        let quarantine = Quarantine::new(seconds(5));
        let check = |now: u64, expect: &[u8]| {
            let expect: Vec<_> = expect.iter().copied().map(station).collect();
            assert_eq!(quarantine.declined_lately(seconds(now)), expect, "{now} s");
        };
        check(100, &[]);
        for (number, at) in [(1, 100), (2, 110), (1, 120), (3, 130)] {
            assert!(quarantine.hold(station(number), seconds(at)));
        }
        check(130, &[1, 2, 3]);
        check(169, &[1, 2, 3]);
        check(170, &[1, 3]);
        check(180, &[3]);
        check(190, &[]);
    }

    #[test]
    fn machines_of_earlier_inventories_do_not_add_up() {
        let quarantine = Quarantine::new(Duration::from_secs(3600));
        let station =
            |round: u8, number: u8| Station::untagged(Mac { octets: [2, 0, 0, 0, round, number] });
        let held = || quarantine.held(Duration::ZERO).len();
        for round in 0..10 {
            for number in 0..100 {
                assert!(quarantine.hold(station(round, number), Duration::from_secs(9)));
            }
            // One of each is reserved in the next inventory, too.
            quarantine.bound(100, |station| {
                let [.., of, number] = station.mac.octets;
                of == round || number == 0
            });
            assert_eq!(held(), 100 + usize::from(round), "{round}");
        }
        // Few stay: a host that is taken out and put back is held back still.
        quarantine.bound(1000, |_| false);
        assert_eq!(held(), 109);
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
