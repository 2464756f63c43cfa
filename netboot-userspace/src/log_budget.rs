//! How many lines each client gets in the log.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

/// A boot takes a handful; machines behind one NAT share them.
const LINES: u64 = 200;
const INTERVAL: Duration = Duration::from_secs(60);
/// Clients that are counted apart; the rest share one count.
const MAX_CLIENTS: usize = 1024;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct LogBudget {
    service: &'static str,
    clients: Arc<Mutex<HashMap<IpAddr, Count>>>,
}

struct Count {
    since: Instant,
    lines: u64,
}

impl LogBudget {
    /// The lines of one service.
    pub(crate) fn new(service: &'static str) -> Self {
        Self { service, clients: Arc::default() }
    }

    /// Whether one more line of this client may be written.
    pub(crate) fn admit(&self, client: IpAddr, now: Instant) -> bool {
        const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, count| !count.is_over(now));
        }
        let is_full = clients.len() >= MAX_CLIENTS && !clients.contains_key(&client);
        let client = if is_full { OTHERS } else { client };
        let count = clients.entry(client).or_insert(Count { since: now, lines: 0 });
        if count.is_over(now) {
            let left_out = count.lines.saturating_sub(LINES);
            if left_out > 0 {
                warn!(%client, left_out, "{}: lines were left out", self.service);
            }
            *count = Count { since: now, lines: 0 };
        }
        count.lines += 1;
        if count.lines == LINES + 1 {
            warn!(%client, "{}: this client asks very often: for a minute its lines are left out (level debug has them)", self.service);
        }
        count.lines <= LINES
    }
}

impl Count {
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
        assert_eq!(lines.clients.lock().unwrap().len(), MAX_CLIENTS + 1);
        assert_eq!(admitted(&lines, 6000, now), 0);
        assert_eq!(admitted(&lines, 6000, now + INTERVAL), 200);
        assert_eq!(lines.clients.lock().unwrap().len(), 1);
    }
}
