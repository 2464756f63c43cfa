//! Other DHCP servers, as their answers and what machines say to them show: remembered, and told as an
//! alarm where nobody expects them.

mod alarm;
mod detector;
mod policy;
mod sighting;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lru::LruCache;
use netboot_base::{bounded::bounded, clock, throttle::Throttle};
use netboot_dhcp::message_type;
use netboot_ebpf::shared::Mac;
use netboot_site::model;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use self::{alarm::Alarm, policy::Policy};
pub use self::{
    detector::Detector,
    policy::Expectation,
    sighting::{ServerKind, Sighting},
};

/// Servers that are remembered: their addresses are easily forged.
pub const MAX_SERVERS: usize = 64;
/// Between two alarms of one server.
const AGAIN: Duration = Duration::from_secs(60 * 60);
/// Alarms of all servers, a minute.
const ALARMS: u32 = 30;

/// A server that is not this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherServer {
    pub address: Ipv4Addr,
    /// Where the server was seen itself, and not behind a relay.
    pub mac: Option<String>,
    /// And the VLAN: `eth0 vlan 100`.
    pub interface: String,
    /// The relay that the server was last seen behind.
    pub relay: Option<Ipv4Addr>,
    pub standing: Expectation,
    pub kind: ServerKind,
    /// Seconds since 1970.
    pub first_seen: u64,
    pub last_seen: u64,
    /// Of the server, and of machines that name it.
    pub messages: u64,
    /// The machine that the server last spoke to, or that last named the server.
    pub machine: Option<String>,
    /// The address that the server last offered.
    pub offered: Option<Ipv4Addr>,
}

/// The memory of all interfaces; cheap to clone.
#[derive(Clone, Default)]
pub struct OtherServers {
    memory: Arc<Mutex<Memory>>,
    counters: Arc<Counters>,
}

struct Memory {
    policy: Policy,
    /// By address, and the interface with its VLAN: two servers may have one address in two networks. Who was silent
    /// longest makes room.
    rows: LruCache<(Ipv4Addr, String), ServerRow>,
    alarms: Throttle,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            rows: bounded(MAX_SERVERS),
            alarms: Throttle::new(ALARMS),
        }
    }
}

struct ServerRow {
    mac: Option<Mac>,
    relay: Option<Ipv4Addr>,
    kind: ServerKind,
    first_seen: u64,
    last_seen: u64,
    messages: u64,
    machine: Option<Mac>,
    offered: Option<Ipv4Addr>,
    told: Option<Instant>,
}

#[derive(Default)]
struct Counters {
    messages: AtomicU64,
    forgotten: AtomicU64,
    unreadable: AtomicU64,
    skipped: AtomicU64,
}

impl OtherServers {
    /// Which servers nobody is told of, from now on.
    pub fn configure(&self, dhcp: &model::Dhcp) {
        self.lock().policy = Policy::new(dhcp);
    }

    /// Notes what was seen on an interface and in a VLAN, and gives the alarm where that is due.
    pub fn note(&self, interface: String, sighting: &Sighting, at: Instant) {
        self.counters.messages.fetch_add(1, Relaxed);
        let alarm = self.lock().note(interface, sighting, at, &self.counters);
        // The log may be slow: nobody waits for it with the lock.
        if let Some(alarm) = alarm {
            alarm.tell();
        }
    }

    /// All that are remembered, by address.
    #[must_use]
    pub fn snapshot(&self) -> Vec<OtherServer> {
        let memory = self.lock();
        let mut rows: Vec<_> = memory.rows.iter().collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        let rows = rows.into_iter();
        rows.map(|((address, interface), row)| OtherServer {
            address: *address,
            mac: row.mac.map(|mac| mac.to_string()),
            interface: interface.clone(),
            relay: row.relay,
            standing: memory.policy.standing(*address),
            kind: row.kind,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            messages: row.messages,
            machine: row.machine.map(|mac| mac.to_string()),
            offered: row.offered,
        })
        .collect()
    }

    /// What was counted, by name.
    #[must_use]
    pub fn counters(&self) -> [(&'static str, u64); 4] {
        let Counters { messages, forgotten, unreadable, skipped } = &*self.counters;
        [
            ("other-server-messages", messages.load(Relaxed)),
            ("other-servers-forgotten", forgotten.load(Relaxed)),
            ("replies-unreadable", unreadable.load(Relaxed)),
            ("replies-skipped", skipped.load(Relaxed)),
        ]
    }

    /// A reply that cannot be read.
    fn count_unreadable(&self) {
        self.counters.unreadable.fetch_add(1, Relaxed);
    }

    /// A reply that was not read, since there were too many.
    fn count_skipped(&self) {
        self.counters.skipped.fetch_add(1, Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock()
    }
}

impl Memory {
    fn note(
        &mut self,
        interface: String,
        sighting: &Sighting,
        at: Instant,
        counters: &Counters,
    ) -> Option<Alarm> {
        let now = clock::since_1970().as_secs();
        let key = (sighting.server, interface);
        if !self.rows.contains(&key) && self.rows.len() >= MAX_SERVERS {
            counters.forgotten.fetch_add(1, Relaxed);
        }
        let standing = self.policy.standing(sighting.server);
        let interface = key.1.clone();
        let row = self.rows.get_or_insert_mut(key, || ServerRow::new(sighting, now));
        row.see(sighting, now);
        let is_due = row.told.is_none_or(|told| at.saturating_duration_since(told) >= AGAIN);
        if standing != Expectation::Unexpected || !is_due {
            return None;
        }
        let left_out = self.alarms.admit(at)?;
        row.told = Some(at);
        Some(Alarm {
            server: sighting.server,
            mac: row.mac,
            interface,
            relay: row.relay,
            kind: row.kind,
            machine: row.machine,
            offered: row.offered,
            seen: message_type::lower(sighting.message_type),
            left_out,
        })
    }
}

impl ServerRow {
    fn new(sighting: &Sighting, now: u64) -> Self {
        Self {
            mac: None,
            relay: None,
            kind: sighting.kind.unwrap_or(ServerKind::Dhcp),
            first_seen: now,
            last_seen: now,
            messages: 0,
            machine: None,
            offered: None,
            told: None,
        }
    }

    fn see(&mut self, sighting: &Sighting, now: u64) {
        // What gave an address once is no mere ProxyDHCP.
        if sighting.kind == Some(ServerKind::Dhcp) {
            self.kind = ServerKind::Dhcp;
        }
        self.mac = sighting.mac.or(self.mac);
        self.relay = sighting.relay;
        self.machine = sighting.machine.or(self.machine);
        self.offered = sighting.offered.or(self.offered);
        self.last_seen = now;
        self.messages += 1;
    }
}

#[cfg(test)]
mod tests;
