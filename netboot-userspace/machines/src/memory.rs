//! The memory of boots under way: the last step of each machine that was seen.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use netboot_base::clock;
use netboot_ebpf::shared::{MAX_UNKNOWN, Mac};
use netboot_site::model::{Host, Inventory};
use parking_lot::Mutex;

use crate::event::{Event, EventKind};

/// A machine and its last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedMachine {
    /// The first of its MACs, where it has several.
    pub mac: Mac,
    /// Which of them asked last (DHCP).
    pub nic: Option<Mac>,
    pub ip: Option<Ipv4Addr>,
    pub hostname: Option<String>,
    /// The machine has a reservation.
    pub known: bool,
    /// Seconds since 1970.
    pub last_seen: u64,
    /// Of DHCP.
    pub requests: u64,
    pub last: EventKind,
}

/// The memory, shared by all who ask it; cheap to clone.
#[derive(Clone)]
pub struct Machines {
    inventory: Inventory,
    seen: Arc<Mutex<SeenMachines>>,
}

/// Known machines are as many as the inventory has; how many unknown ones ask is up to an attacker, and machines
/// that leave the inventory are unknown too.
#[derive(Default)]
struct SeenMachines {
    /// By what the inventory knows them by.
    machines: BTreeMap<Mac, RememberedStep>,
    /// The unknown ones by their `turn`: the first was silent longest, also where it became unknown just now.
    unknown: BTreeMap<u64, Mac>,
    turns: u64,
    forgotten: u64,
}

struct RememberedStep {
    machine: RememberedMachine,
    /// When its last step was.
    at: Instant,
    /// Of its last step.
    turn: u64,
    /// Which of its MACs asked last, and when.
    nic: Option<(Mac, Instant)>,
}

impl Machines {
    #[must_use]
    pub fn new(inventory: Inventory) -> Self {
        Self { inventory, seen: Arc::default() }
    }

    /// The reservations.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The machine that has this address by its reservation: its first MAC.
    #[must_use]
    pub fn by_address(&self, address: IpAddr) -> Option<Mac> {
        let IpAddr::V4(address) = address.to_canonical() else { return None };
        self.inventory.by_ip(address).map(|host| self.inventory.machine(host.mac))
    }

    /// Which of a machine's MACs has its address now: the one that asked last.
    #[must_use]
    pub fn nic(&self, machine: Mac) -> Mac {
        let seen = self.seen.lock();
        let nic = seen.machines.get(&machine).and_then(|entry| entry.nic);
        let nic = nic.map(|(nic, _)| nic).filter(|nic| self.inventory.machine(*nic) == machine);
        nic.unwrap_or(machine)
    }

    /// Notes what happened to a machine, a short time ago at most: its last step may be a later one.
    pub fn note(&self, event: Event) {
        let requests = u64::from(matches!(event.what, EventKind::Dhcp(_)));
        self.restore(event, requests);
    }

    /// Notes what happened to a machine, maybe before this daemon was started, and how often the machine asked.
    pub fn restore(&self, event: Event, requests: u64) {
        let Event { at, mac: nic, what } = event;
        let last_seen = clock::since_1970().saturating_sub(at.elapsed()).as_secs();
        let mut seen = self.seen.lock();
        // With the lock: what is in the inventory when it is noted, `refresh` looks up again after a change.
        let mac = self.inventory.machine(nic);
        let host = self.inventory.by_mac(mac);
        let host = host.as_deref();
        let turn = seen.next_turn();
        let entry = seen.machines.entry(mac).or_insert_with(|| RememberedStep {
            machine: RememberedMachine {
                mac,
                nic: None,
                ip: host.and_then(Host::address),
                hostname: host.and_then(|host| host.hostname.clone()),
                known: host.is_some(),
                last_seen,
                requests: 0,
                last: what.clone(),
            },
            at,
            turn,
            nic: None,
        });
        if requests > 0 && entry.nic.is_none_or(|(_, last)| at >= last) {
            entry.nic = Some((nic, at));
        }
        entry.machine.last_seen = entry.machine.last_seen.max(last_seen);
        entry.machine.requests = entry.machine.requests.saturating_add(requests);
        if at >= entry.at {
            entry.at = at;
            entry.machine.last = what;
        }
        let last_turn = std::mem::replace(&mut entry.turn, turn);
        seen.unknown.remove(&last_turn);
        seen.look_up(mac, host);
    }

    /// Looks up again which of these have a reservation: the inventory changed.
    pub fn refresh(&self, macs: impl IntoIterator<Item = Mac>) {
        for mac in macs {
            // Between two of them others get their turn.
            let mut seen = self.seen.lock();
            let machine = self.inventory.machine(mac);
            if machine != mac {
                seen.join(mac, machine);
            }
            let host = self.inventory.by_mac(machine);
            seen.look_up(machine, host.as_deref());
        }
    }

    /// The machines that were seen.
    #[must_use]
    pub fn seen(&self) -> Vec<Mac> {
        let seen = self.seen.lock();
        seen.machines.keys().copied().collect()
    }

    /// Whether the machine was seen before.
    #[must_use]
    pub fn is_seen(&self, mac: Mac) -> bool {
        let mac = self.inventory.machine(mac);
        self.seen.lock().machines.contains_key(&mac)
    }

    /// Whether the machine did something else than DHCP after this time, and last. The memory may be a moment behind:
    /// what is not noted yet was not done.
    #[must_use]
    pub fn has_gone_on(&self, mac: Mac, since: Instant) -> bool {
        let mac = self.inventory.machine(mac);
        let seen = self.seen.lock();
        seen.machines.get(&mac).is_some_and(|entry| {
            entry.at > since && !matches!(entry.machine.last, EventKind::Dhcp(_))
        })
    }

    /// All machines seen, by MAC.
    #[must_use]
    pub fn snapshot(&self) -> Vec<RememberedMachine> {
        let seen = self.seen.lock();
        seen.machines.values().map(|entry| entry.machine.clone()).collect()
    }

    /// How many unknown machines made room for later ones.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.seen.lock().forgotten
    }
}

impl SeenMachines {
    fn next_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    /// Notes what the inventory has of a machine that was seen; of too many unknown ones, one is forgotten.
    fn look_up(&mut self, mac: Mac, host: Option<&Host>) {
        let Some(RememberedStep { machine, turn, nic, .. }) = self.machines.get_mut(&mac) else {
            return;
        };
        let nic = nic.map(|(nic, _)| nic);
        let has = |nic: &Mac| host.is_some_and(|host| host.nics.contains(nic));
        machine.nic = nic.filter(has);
        machine.ip = host.and_then(Host::address);
        machine.hostname = host.and_then(|host| host.hostname.clone());
        machine.known = host.is_some();
        if host.is_some() {
            self.unknown.remove(turn);
        } else {
            self.unknown.insert(*turn, mac);
        }
        self.forget_one_of_too_many();
    }

    /// A machine that was seen is known to be another one by now.
    fn join(&mut self, mac: Mac, known: Mac) {
        let Some(mut joined) = self.machines.remove(&mac) else { return };
        self.unknown.remove(&joined.turn);
        joined.machine.mac = known;
        if let Some(first) = self.machines.remove(&known) {
            self.unknown.remove(&first.turn);
            let requests = first.machine.requests.saturating_add(joined.machine.requests);
            let last_seen = first.machine.last_seen.max(joined.machine.last_seen);
            let nics = [first.nic, joined.nic].into_iter().flatten();
            let nic = nics.max_by_key(|(_, at)| *at);
            if first.at > joined.at {
                joined = first;
            }
            joined.machine = RememberedMachine { requests, last_seen, ..joined.machine };
            joined.nic = nic;
        }
        self.machines.insert(known, joined);
    }

    fn forget_one_of_too_many(&mut self) {
        if self.unknown.len() <= MAX_UNKNOWN {
            return;
        }
        if let Some((_, mac)) = self.unknown.pop_first() {
            self.machines.remove(&mac);
            self.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests;
