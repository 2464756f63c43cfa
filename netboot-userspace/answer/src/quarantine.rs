//! Addresses that are held back for a while, since a machine found them in use (DHCPDECLINE).

use std::{
    collections::{BTreeMap, HashSet},
    mem,
    net::Ipv4Addr,
    time::Duration,
};

use netboot_ebpf::shared::Station;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

/// DECLINEs of the last so long are told together.
const LATELY: Duration = Duration::from_secs(60);

/// The most that `dhcp.decline-time` may be.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Until when addresses are held back, whoever has a reservation of them meanwhile (RFC 2131 section 4.3.3): as
/// many as there are reservations, at most. By default for no time.
#[derive(Debug, Default)]
pub struct Quarantine {
    length: RwLock<Duration>,
    held: RwLock<BTreeMap<Ipv4Addr, Held>>,
    /// Addresses that [`Quarantine::fresh`] has not told yet.
    fresh: Mutex<Vec<Held>>,
    /// The address that each machine declined last, and when; those of [`LATELY`].
    declined: Mutex<BTreeMap<Station, (Ipv4Addr, Duration)>>,
    told: Notify,
}

/// An address that is held back from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub address: Ipv4Addr,
    /// The machine that declined it.
    pub station: Station,
    /// In the kernel's time, see [`since_boot`](netboot_base::clock::since_boot).
    pub until: Duration,
}

impl Quarantine {
    /// Holds addresses back for this long.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self { length: RwLock::new(length), ..Self::default() }
    }

    /// Holds an address back that a machine declined, from a time on; `false`: it is already.
    pub fn hold(&self, station: Station, address: Ipv4Addr, now: Duration) -> bool {
        let length = *self.length.read();
        let own = Held { address, station, until: now + length };
        let mut held = self.held.write();
        if held.get(&address).is_some_and(|held| now < held.until) {
            return false;
        }
        held.insert(address, own);
        self.fresh.lock().push(own);
        let mut declined = self.declined.lock();
        declined.retain(|_, (_, at)| now < *at + LATELY);
        declined.insert(station, (address, now));
        self.told.notify_one();
        true
    }

    /// The machines that declined their address in the last minute, and which.
    #[must_use]
    pub fn declined_lately(&self, now: Duration) -> Vec<(Station, Ipv4Addr)> {
        let mut declined = self.declined.lock();
        declined.retain(|_, (_, at)| now < *at + LATELY);
        declined.iter().map(|(station, (address, _))| (*station, *address)).collect()
    }

    /// Forgets addresses that are nobody's where there are more than so many: reloads must not add up.
    pub fn bound(&self, most: usize, reserved: impl FnOnce() -> HashSet<Ipv4Addr>) {
        let mut held = self.held.write();
        let mut fresh = self.fresh.lock();
        let mut declined = self.declined.lock();
        if held.len() > most || declined.len() > most {
            let reserved = reserved();
            held.retain(|address, _| reserved.contains(address));
            fresh.retain(|held| reserved.contains(&held.address));
            declined.retain(|_, (address, _)| reserved.contains(address));
        }
    }

    /// Goes on where an earlier daemon ended; what is known to be held back longer stays so.
    pub fn restore(&self, earlier: impl IntoIterator<Item = Held>, now: Duration) {
        let mut held = self.held.write();
        let mut fresh = self.fresh.lock();
        for own in earlier.into_iter().filter(|own| now < own.until) {
            // Longer than any configuration says: somebody else wrote it.
            let own = Held { until: own.until.min(now + LONGEST), ..own };
            if held.get(&own.address).is_none_or(|known| known.until < own.until) {
                held.insert(own.address, own);
                fresh.push(own);
            }
        }
        self.told.notify_one();
    }

    /// Addresses that are declined from now on are held back for this long.
    pub fn set_length(&self, length: Duration) {
        *self.length.write() = length;
    }

    /// Waits for addresses that are held back anew. For one task.
    pub async fn fresh(&self) -> Vec<Held> {
        loop {
            let fresh = mem::take(&mut *self.fresh.lock());
            if !fresh.is_empty() {
                return fresh;
            }
            self.told.notified().await;
        }
    }

    /// Whether an address is held back.
    #[must_use]
    pub fn is_held(&self, address: Ipv4Addr, now: Duration) -> bool {
        let held = self.held.read();
        held.get(&address).is_some_and(|held| now < held.until)
    }

    /// Forgets an address whose time is over; `None`: it is not, or was before.
    pub fn release(&self, address: Ipv4Addr, now: Duration) -> Option<Held> {
        let mut held = self.held.write();
        let is_over = held.get(&address).is_some_and(|held| held.until <= now);
        if is_over { held.remove(&address) } else { None }
    }

    /// What is held back.
    #[must_use]
    pub fn held(&self, now: Duration) -> Vec<Held> {
        let held = self.held.read();
        held.values().filter(|held| now < held.until).copied().collect()
    }
}

impl Held {
    /// How long yet.
    #[must_use]
    pub fn left(&self, now: Duration) -> Duration {
        self.until.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::Mac;

    use super::*;

    const STATION: Station = Station::untagged(Mac { octets: [2, 0, 0, 0, 0, 1] });
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    const fn station(number: u8) -> Station {
        Station::untagged(Mac { octets: [2, 0, 0, 0, 0, number] })
    }

    const fn address(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, number)
    }

    #[tokio::test]
    async fn ends_by_itself() {
        let seconds = Duration::from_secs;
        let quarantine = Quarantine::new(seconds(60));
        let check = |now: u64, held: bool, released: bool| {
            assert_eq!(quarantine.is_held(ADDRESS, seconds(now)), held, "{now}");
            assert_eq!(quarantine.held(seconds(now)).len(), usize::from(held), "{now}");
            assert_eq!(quarantine.release(ADDRESS, seconds(now)).is_some(), released, "{now}");
        };
        check(100, false, false);
        assert!(quarantine.hold(STATION, ADDRESS, seconds(100)));
        check(100, true, false);
        check(159, true, false);
        // Declined again meanwhile, it is not held back longer, and told once; whoever declines it.
        assert!(!quarantine.hold(STATION, ADDRESS, seconds(159)));
        assert!(!quarantine.hold(station(2), ADDRESS, seconds(159)));
        let held = Held { address: ADDRESS, station: STATION, until: seconds(160) };
        assert_eq!(quarantine.fresh().await, [held]);
        check(160, false, true);
        check(160, false, false);
        assert!(quarantine.hold(station(2), address(2), seconds(300)));
        assert!(quarantine.hold(STATION, ADDRESS, seconds(301)));
        assert_eq!(quarantine.fresh().await.len(), 2);
        assert_eq!(quarantine.held(seconds(360)).len(), 1);
        assert_eq!(quarantine.held(seconds(360))[0].left(seconds(360)), seconds(1));
    }

    /// What a machine declined is held back, not what it has next; and a machine can decline that, too.
    #[test]
    fn the_address_is_held_back_not_the_machine() {
        let seconds = Duration::from_secs;
        let quarantine = Quarantine::new(seconds(60));
        let check = |expect: [bool; 2]| {
            let held = [1, 2].map(|number| quarantine.is_held(address(number), seconds(100)));
            assert_eq!(held, expect);
        };
        assert!(quarantine.hold(STATION, address(1), seconds(100)));
        check([true, false]);
        assert!(quarantine.hold(STATION, address(2), seconds(100)));
        check([true, true]);
        assert_eq!(quarantine.declined_lately(seconds(100)), [(STATION, address(2))]);
    }

    #[test]
    fn declines_of_a_minute_are_told_together() {
        let seconds = Duration::from_secs;
        // Held back for less than a minute: told all the same.
        let quarantine = Quarantine::new(seconds(5));
        let check = |now: u64, expect: &[u8]| {
            let expect: Vec<_> =
                expect.iter().map(|number| (station(*number), address(*number))).collect();
            assert_eq!(quarantine.declined_lately(seconds(now)), expect, "{now} s");
        };
        check(100, &[]);
        for (number, at) in [(1, 100), (2, 110), (1, 120), (3, 130)] {
            assert!(quarantine.hold(station(number), address(number), seconds(at)));
        }
        check(130, &[1, 2, 3]);
        check(169, &[1, 2, 3]);
        check(170, &[1, 3]);
        check(180, &[3]);
        check(190, &[]);
    }

    #[test]
    fn addresses_of_earlier_inventories_do_not_add_up() {
        let quarantine = Quarantine::new(Duration::from_secs(3600));
        let held = || quarantine.held(Duration::ZERO).len();
        let address = |round: u8, number: u8| Ipv4Addr::new(10, 0, round, number);
        for round in 0..10 {
            for number in 0..100 {
                let station = Station::untagged(Mac { octets: [2, 0, 0, 0, round, number] });
                assert!(quarantine.hold(station, address(round, number), Duration::from_secs(9)));
            }
            // One of each is reserved in the next inventory, too.
            quarantine.bound(100, || {
                let own = (0..100).map(|number| address(round, number));
                own.chain((0..10).map(|round| address(round, 0))).collect()
            });
            assert_eq!(held(), 100 + usize::from(round), "{round}");
        }
        // Few stay: an address that is taken out and put back is held back still.
        quarantine.bound(1000, HashSet::new);
        assert_eq!(held(), 109);
    }

    #[tokio::test]
    async fn is_restored_once_and_for_the_longest() {
        let quarantine = Quarantine::new(Duration::from_secs(60));
        let held =
            |until| Held { address: ADDRESS, station: STATION, until: Duration::from_secs(until) };
        quarantine.restore([held(90), held(150), held(120)], Duration::from_secs(100));
        quarantine.restore([held(150)], Duration::from_secs(100));
        assert_eq!(quarantine.fresh().await, [held(150)]);
        assert_eq!(quarantine.held(Duration::ZERO), [held(150)]);
    }
}
