//! Places for the connections of a service: bounded in all and for each source. When all are taken, the connection
//! that waits longest gives way to a new one.

mod full_notice;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

pub use self::full_notice::FullNotice;

/// Who takes nothing of an answer for so long gives way, where there is no room.
const STALLED: Duration = Duration::from_secs(5);

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    pub all: usize,
    pub of_source: usize,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    limits: ConnectionLimits,
    open: Arc<Mutex<TakenPlaces>>,
    counters: Arc<Counters>,
}

/// What was given up, for status and metrics.
#[derive(Debug, Default)]
pub struct Counters {
    refused: AtomicU64,
    gave_way: AtomicU64,
}

#[derive(Default)]
struct TakenPlaces {
    next: u64,
    seats: HashMap<u64, Taken>,
    sources: HashMap<IpAddr, usize>,
}

struct Taken {
    source: IpAddr,
    /// `None`: an answer is under way.
    waits_since: Option<Instant>,
    /// When the other end last took some of the answer.
    moved: Instant,
    end: CancellationToken,
}

/// The place of one connection, which is free again when the value goes.
pub struct Seat {
    connections: Connections,
    number: u64,
    end: CancellationToken,
}

/// How a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    Free,
    /// For another, which is closed.
    Instead,
}

/// Why a connection does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// The connection's source has so many.
    Source(usize),
    /// All connections take an answer that is under way.
    Full,
}

impl Connections {
    #[must_use]
    pub fn new(limits: ConnectionLimits, counters: Arc<Counters>) -> Self {
        Self { limits, open: Arc::default(), counters }
    }

    /// A place for a connection from this address, which waits for what it says.
    ///
    /// # Errors
    /// There is none.
    pub fn enter(&self, from: IpAddr, now: Instant) -> Result<(Seat, Entered), NoPlace> {
        let source = source(from);
        let mut open = self.lock();
        let entered = open.make_place(source, self.limits, now);
        let counted = match entered {
            Ok(Entered::Free) => None,
            Ok(Entered::Instead) => Some(&self.counters.gave_way),
            Err(_) => Some(&self.counters.refused),
        };
        if let Some(counter) = counted {
            counter.fetch_add(1, Relaxed);
        }
        let entry = entered?;
        let (number, end) = (open.next, CancellationToken::new());
        open.next += 1;
        *open.sources.entry(source).or_default() += 1;
        open.seats
            .insert(number, Taken { source, waits_since: Some(now), moved: now, end: end.clone() });
        Ok((Seat { connections: self.clone(), number, end }, entry))
    }

    /// Whether it is time to be short with who waits.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        self.lock().seats.len() >= self.limits.all / 4 * 3
    }

    #[must_use]
    pub const fn limits(&self) -> ConnectionLimits {
        self.limits
    }

    /// Who has most connections, and how many.
    #[must_use]
    pub fn greediest(&self) -> Option<(IpAddr, usize)> {
        let open = self.lock();
        open.sources
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(source, count)| (*source, *count))
    }

    fn lock(&self) -> MutexGuard<'_, TakenPlaces> {
        self.open.lock()
    }
}

impl TakenPlaces {
    fn make_place(
        &mut self,
        source: IpAddr,
        limits: ConnectionLimits,
        now: Instant,
    ) -> Result<Entered, NoPlace> {
        let of_source = self.of(source);
        if of_source >= limits.of_source {
            return Err(NoPlace::Source(of_source));
        }
        if self.seats.len() < limits.all {
            return Ok(Entered::Free);
        }
        // Of a source with many connections first: a machine that boots has few.
        let waiting = self.seats.iter().filter_map(|(number, taken)| {
            Some((*number, self.of(taken.source), taken.waits_since?))
        });
        let longest =
            waiting.max_by_key(|(_, of_source, since)| (*of_source, std::cmp::Reverse(*since)));
        // Then whoever takes nothing of its answer: it could hold its place for as long as it likes.
        let stalled = self
            .seats
            .iter()
            .filter(|(_, taken)| now.saturating_duration_since(taken.moved) >= STALLED);
        let stalled = stalled.map(|(number, taken)| (*number, self.of(taken.source), taken.moved));
        let stalled = || stalled.max_by_key(|(_, of, since)| (*of, std::cmp::Reverse(*since)));
        let (number, ..) = longest.or_else(stalled).ok_or(NoPlace::Full)?;
        if let Some(taken) = self.remove(number) {
            taken.end.cancel();
        }
        Ok(Entered::Instead)
    }

    fn of(&self, source: IpAddr) -> usize {
        self.sources.get(&source).copied().unwrap_or_default()
    }

    fn remove(&mut self, number: u64) -> Option<Taken> {
        let taken = self.seats.remove(&number)?;
        if let Some(count) = self.sources.get_mut(&taken.source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&taken.source);
            }
        }
        Some(taken)
    }
}

impl Seat {
    /// An answer is under way: the connection does not give way while the other end takes some of it.
    pub fn works(&self) {
        self.set(None);
    }

    /// The other end took some of the answer.
    pub fn moves(&self) {
        if let Some(taken) = self.connections.lock().seats.get_mut(&self.number) {
            taken.moved = Instant::now();
        }
    }

    /// The connection waits, from now on.
    pub fn waits(&self) {
        self.set(Some(Instant::now()));
    }

    /// Ends when another takes the place.
    pub async fn gives_way(&self) {
        self.end.cancelled().await;
    }

    fn set(&self, waits_since: Option<Instant>) {
        if let Some(taken) = self.connections.lock().seats.get_mut(&self.number) {
            taken.waits_since = waits_since;
            taken.moved = Instant::now();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.lock().remove(self.number);
    }
}

impl Counters {
    /// Names, as in status and metrics, and values.
    #[must_use]
    pub fn all(&self) -> [(&'static str, u64); 2] {
        [("connections-refused", &self.refused), ("connections-gave-way", &self.gave_way)]
            .map(|(name, counter)| (name, counter.load(Relaxed)))
    }
}

/// A node has a whole /64 of IPv6.
fn source(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V4(from) => from.into(),
        IpAddr::V6(from) => Ipv6Addr::from_bits(from.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests;
