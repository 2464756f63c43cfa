//! The number of lines that each source may send: a token bucket each.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use netboot_ebpf::limit::Limit;

use super::source::LineSource;

/// 2,000 lines a second, and 5,000 at once.
const LINES: Limit = Limit { interval: 500_000, burst: 4_999 * 500_000 };
/// Strangers with a bucket of their own; the rest share one.
const MAX_STRANGERS: usize = 1024;
const SWEEP: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct LineLimit {
    /// Bounded by the inventory, and over its changes by [`LineLimit::sweep_machines`].
    machines: HashMap<IpAddr, Bucket>,
    /// How many there may be before idle ones make room.
    most: usize,
    strangers: HashMap<IpAddr, Bucket>,
    others: Option<Bucket>,
    /// The time that buckets count from.
    start: Option<Instant>,
    /// When room was last made among the strangers.
    swept: Option<Instant>,
}

impl LineLimit {
    /// Takes a line of this source; else says how long to wait until one is allowed.
    pub(super) fn admit(&mut self, source: LineSource, now: Instant) -> Result<(), Duration> {
        let start = *self.start.get_or_insert(now);
        let since = u64::try_from(now.duration_since(start).as_nanos()).unwrap_or(u64::MAX);
        self.bucket(source, now, since).take(since)
    }

    fn bucket(&mut self, source: LineSource, now: Instant, since: u64) -> &mut Bucket {
        let address = match source {
            LineSource::Machine { address, .. } => {
                self.sweep_machines(since);
                return self.machines.entry(address).or_insert_with(|| Bucket::full(since));
            }
            LineSource::Stranger(address) => address,
        };
        if !self.strangers.contains_key(&address) && !self.has_room(now, since) {
            return self.others.get_or_insert_with(|| Bucket::full(since));
        }
        self.strangers.entry(address).or_insert_with(|| Bucket::full(since))
    }

    /// A bucket that is full again is as none. Those that are in use may double before the next sweep.
    fn sweep_machines(&mut self, since: u64) {
        if self.machines.len() >= self.most.max(MAX_STRANGERS) {
            self.machines.retain(|_, bucket| !bucket.is_full(since));
            self.most = 2 * self.machines.len();
        }
    }

    /// For one more stranger.
    fn has_room(&mut self, now: Instant, since: u64) -> bool {
        // Not for every packet with a forged address.
        let is_swept = self.swept.is_some_and(|swept| now.duration_since(swept) < SWEEP);
        if self.strangers.len() >= MAX_STRANGERS && !is_swept {
            self.swept = Some(now);
            self.strangers.retain(|_, bucket| !bucket.is_full(since));
        }
        self.strangers.len() < MAX_STRANGERS
    }
}

/// Times are nanoseconds since the first line.
struct Bucket {
    full_at: u64,
}

impl Bucket {
    const fn full(now: u64) -> Self {
        Self { full_at: now }
    }

    const fn is_full(&self, now: u64) -> bool {
        self.full_at <= now
    }

    fn take(&mut self, now: u64) -> Result<(), Duration> {
        if LINES.admit(&mut self.full_at, now) {
            return Ok(());
        }
        Err(Duration::from_nanos(self.full_at.saturating_sub(now).saturating_sub(LINES.burst)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn stranger(number: usize) -> LineSource {
        LineSource::Stranger(Ipv4Addr::from(u32::try_from(number).unwrap()).into())
    }

    fn admitted(limit: &mut LineLimit, source: LineSource, now: Instant) -> usize {
        (0..10_000).filter(|_| limit.admit(source, now).is_ok()).count()
    }

    #[test]
    fn each_source_has_a_burst_and_a_rate() {
        let (mut limit, now) = (LineLimit::default(), Instant::now());
        assert_eq!(admitted(&mut limit, stranger(1), now), 5000);
        assert_eq!(admitted(&mut limit, stranger(2), now), 5000);
        let wait = limit.admit(stranger(1), now).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(1), "{wait:?}");
        assert_eq!(admitted(&mut limit, stranger(1), now + Duration::from_secs(1)), 2000);
        assert_eq!(admitted(&mut limit, stranger(1), now + Duration::from_secs(60)), 5000);
    }

    /// Inventories of 3,000 that replace each other.
    #[test]
    fn machines_of_earlier_inventories_do_not_add_up() {
        let (mut limit, now) = (LineLimit::default(), Instant::now());
        for round in 0..10_u32 {
            for number in 0..3000 {
                let address = Ipv4Addr::from(round * 3000 + number).into();
                let machine =
                    LineSource::Machine { mac: netboot_ebpf::shared::Mac::default(), address };
                assert!(limit.admit(machine, now + Duration::from_secs(60) * round).is_ok());
            }
            assert!(limit.machines.len() <= 6000, "{round}: {}", limit.machines.len());
        }
    }

    #[test]
    fn strangers_are_bounded_and_machines_are_apart() {
        let (mut limit, now) = (LineLimit::default(), Instant::now());
        for number in 0..20_000 {
            let _ = limit.admit(stranger(number), now);
        }
        assert_eq!(limit.strangers.len(), MAX_STRANGERS);
        assert!(limit.admit(stranger(30_000), now).is_err(), "the shared bucket is empty");
        let machine = LineSource::Machine {
            mac: netboot_ebpf::shared::Mac::default(),
            address: Ipv4Addr::LOCALHOST.into(),
        };
        assert_eq!(admitted(&mut limit, machine, now), 5000);

        let later = now + Duration::from_secs(60);
        assert_eq!(admitted(&mut limit, stranger(30_000), later), 5000);
        assert_eq!(limit.strangers.len(), 1, "idle ones made room");
    }
}
