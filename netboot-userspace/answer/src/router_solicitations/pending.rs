//! Solicitations that came a moment before what decides on them: the kernel tells of a lease a little later, and whether
//! there is a router may just be asked.

use std::time::{Duration, Instant};

use lru::LruCache;
use netboot_base::bounded::bounded;
use netboot_ebpf::shared::Station;

/// Whoever asks longer asks again.
const KEPT: Duration = Duration::from_secs(5);
/// Of machines at an interface, and their bytes: a solicitation has 70, and 8 of VLAN tags.
const MOST: usize = 1024;
const LONGEST: usize = 128;

/// One for each machine.
pub(super) struct PendingSolicitations(LruCache<Station, PendingSolicitation>);

struct PendingSolicitation {
    since: Instant,
    frame: Vec<u8>,
}

impl Default for PendingSolicitations {
    fn default() -> Self {
        Self(bounded(MOST))
    }
}

impl PendingSolicitations {
    /// Keeps a frame that came at a time; `false`: for no longer, or it is none that iPXE sends.
    pub(super) fn keep(
        &mut self,
        station: Station,
        frame: &[u8],
        since: Instant,
        now: Instant,
    ) -> bool {
        if frame.len() > LONGEST || now.saturating_duration_since(since) > KEPT {
            return false;
        }
        self.0.put(station, PendingSolicitation { since, frame: frame.to_vec() });
        true
    }

    /// The frame of a machine, and when it came.
    pub(super) fn take(&mut self, station: Station) -> Option<(Instant, Vec<u8>)> {
        self.0.pop(&station).map(|kept| (kept.since, kept.frame))
    }

    /// Solicitations of all machines.
    pub(super) fn take_all(&mut self) -> Vec<(Instant, Vec<u8>)> {
        let all = std::mem::take(self).0.into_iter();
        all.map(|(_, kept)| (kept.since, kept.frame)).collect()
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::Mac;

    use super::*;

    #[test]
    fn one_of_each_machine_for_a_while() {
        let (mut pending, start) = (PendingSolicitations::default(), Instant::now());
        let station = |number: usize| {
            let [.., a, b] = number.to_be_bytes();
            Station::untagged(Mac { octets: [2, 0, 0, 0, a, b] })
        };
        let mut keep = |number, frame: &[u8], age| {
            pending.keep(station(number), frame, start, start + Duration::from_secs(age))
        };
        assert!(keep(0, b"a", 0));
        assert!(keep(0, b"b", 5));
        assert!(!keep(0, b"c", 6));
        assert!(!keep(0, &[0; LONGEST + 1], 0));
        for number in 1..=MOST {
            assert!(keep(number, b"d", 0));
        }
        assert_eq!(pending.take(station(0)), None);
        assert_eq!(pending.take(station(1)), Some((start, b"d".to_vec())));
        assert_eq!(pending.take(station(1)), None);
        assert_eq!(pending.take_all().len(), MOST - 1);
        assert!(pending.take_all().is_empty());
    }
}
