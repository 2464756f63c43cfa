//! What each machine that was seen did last: the daemon's memory of boots under way.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use netboot_ebpf::shared::Mac;
use serde::{Deserialize, Serialize};

use crate::inventory::Inventory;

/// A step of a boot, as an operator reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// A DHCP request and what became of it: names of `Verdict`, `Stage` and the architecture.
    Dhcp {
        message: String,
        stage: String,
        architecture: Option<u16>,
        verdict: String,
    },
    Tftp {
        file: String,
        result: String,
    },
    Http {
        path: String,
        status: u16,
    },
    Syslog {
        line: String,
    },
}

/// A machine and its last step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub mac: String,
    pub ip: Option<Ipv4Addr>,
    pub hostname: Option<String>,
    /// It has a reservation.
    pub known: bool,
    /// Seconds since 1970.
    pub last_seen: u64,
    pub requests: u64,
    pub last: Step,
}

/// Shared by all services; cheap to clone.
#[derive(Clone)]
pub struct Machines {
    inventory: Arc<Inventory>,
    seen: Arc<Mutex<BTreeMap<Mac, Machine>>>,
}

impl Machines {
    #[must_use]
    pub fn new(inventory: Arc<Inventory>) -> Self {
        Self { inventory, seen: Arc::default() }
    }

    /// The reservations.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The machine that has this address by its reservation.
    #[must_use]
    pub fn by_address(&self, address: IpAddr) -> Option<Mac> {
        let IpAddr::V4(address) = address.to_canonical() else { return None };
        self.inventory.by_ip(address).map(|host| host.mac)
    }

    /// Notes what a machine did now.
    pub fn record(&self, mac: Mac, step: Step) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let host = self.inventory.by_mac(mac);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let machine = seen.entry(mac).or_insert_with(|| Machine {
            mac: mac.to_string(),
            ip: host.map(|host| host.ip),
            hostname: host.and_then(|host| host.hostname.clone()),
            known: host.is_some(),
            last_seen: now,
            requests: 0,
            last: step.clone(),
        });
        machine.last_seen = now;
        machine.requests += 1;
        machine.last = step;
    }

    /// All machines seen, by MAC.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Machine> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
