//! The number of lines that each client gets in the log.

use std::{
    cmp::Ordering,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::warn;

/// A boot takes a handful; machines behind one NAT share them.
const LINES: u64 = 200;
/// Of all clients: whoever forges addresses has many.
const ALL_LINES: u64 = 10_000;
const INTERVAL: Duration = Duration::from_secs(60);
/// Clients that are counted apart; the rest share one count.
const MAX_CLIENTS: usize = 1024;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct LogBudget {
    service: &'static str,
    counts: Arc<Mutex<LineCounts>>,
}

#[derive(Default)]
struct LineCounts {
    clients: HashMap<IpAddr, Count>,
    all: Option<Count>,
}

struct Count {
    since: Instant,
    lines: u64,
}

impl LogBudget {
    /// The lines of one service.
    pub(crate) fn new(service: &'static str) -> Self {
        Self { service, counts: Arc::default() }
    }

    /// Whether one more line of this client may be written.
    pub(crate) fn admit(&self, client: IpAddr, now: Instant) -> bool {
        const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut counts = self.counts.lock();
        let LineCounts { clients, all } = &mut *counts;
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, count| !count.is_over(now));
        }
        let is_full = clients.len() >= MAX_CLIENTS && !clients.contains_key(&client);
        let client = if is_full { OTHERS } else { client };
        let count = clients.entry(client).or_insert(Count { since: now, lines: 0 });
        match count.one_more(LINES, now) {
            LineFate::Admitted { left_out: 0 } => {}
            LineFate::Admitted { left_out } => {
                warn!(%client, left_out, "{}: lines were left out", self.service);
            }
            LineFate::FirstLeftOut => {
                warn!(%client, "{}: this client asks very often: for a minute its lines are left out (level debug has them)", self.service);
                return false;
            }
            LineFate::LeftOut => return false,
        }
        let all = all.get_or_insert(Count { since: now, lines: 0 });
        match all.one_more(ALL_LINES, now) {
            LineFate::Admitted { left_out: 0 } => true,
            LineFate::Admitted { left_out } => {
                warn!(left_out, "{}: lines of many clients were left out", self.service);
                true
            }
            LineFate::FirstLeftOut => {
                warn!(
                    "{}: very many clients ask: for a minute lines are left out (level debug has them)",
                    self.service
                );
                false
            }
            LineFate::LeftOut => false,
        }
    }
}

/// What becomes of a line.
enum LineFate {
    Admitted { left_out: u64 },
    FirstLeftOut,
    LeftOut,
}

impl Count {
    fn one_more(&mut self, most: u64, now: Instant) -> LineFate {
        let mut left_out = 0;
        if self.is_over(now) {
            left_out = self.lines.saturating_sub(most);
            *self = Self { since: now, lines: 0 };
        }
        self.lines += 1;
        match self.lines.cmp(&(most + 1)) {
            Ordering::Less => LineFate::Admitted { left_out },
            Ordering::Equal => LineFate::FirstLeftOut,
            Ordering::Greater => LineFate::LeftOut,
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= INTERVAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(lines: &LogBudget, client: u32, now: Instant) -> usize {
        let client = Ipv4Addr::from(client).into();
        (0..1000).filter(|_| lines.admit(client, now)).count()
    }

    #[test]
    fn a_flood_is_left_out_and_others_are_written() {
        let (lines, now) = (LogBudget::new("test"), Instant::now());
        assert_eq!(admitted(&lines, 1, now), 200);
        assert_eq!(admitted(&lines, 2, now), 200);
        assert_eq!(admitted(&lines, 1, now + INTERVAL / 2), 0);
        assert_eq!(admitted(&lines, 1, now + INTERVAL), 200);
    }

    #[test]
    fn clients_are_bounded() {
        let (lines, now) = (LogBudget::new("test"), Instant::now());
        for client in 1..5000_u32 {
            lines.admit(Ipv4Addr::from(client).into(), now);
        }
        assert_eq!(lines.counts.lock().clients.len(), MAX_CLIENTS + 1);
        assert_eq!(admitted(&lines, 6000, now), 0);
        assert_eq!(admitted(&lines, 6000, now + INTERVAL), 200);
        assert_eq!(lines.counts.lock().clients.len(), 1);
    }
    #[test]
    fn all_together_are_bounded() {
        let (lines, now) = (LogBudget::new("test"), Instant::now());
        let written = (1..=100).map(|client| admitted(&lines, client, now)).sum::<usize>();
        assert_eq!(written as u64, ALL_LINES);
        assert_eq!(admitted(&lines, 1000, now + INTERVAL), 200);
    }
}
