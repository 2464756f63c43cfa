//! The machines that are known: reservations by MAC and by address.

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};

use netboot_ebpf::shared::Mac;

use crate::config::DhcpOption;

/// `[[host]]`: a machine and its reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub mac: Mac,
    pub ip: Ipv4Addr,
    pub hostname: Option<String>,
    /// `false`: the machine gets its lease, but nothing to boot.
    pub netboot: bool,
    /// What the machine gets instead of the default script.
    pub script: Option<HostScript>,
    /// Instead of the architecture's binary: a name under `boot.root`.
    pub boot_file: Option<String>,
    pub lease_time: Option<Duration>,
    pub options: Vec<DhcpOption>,
}

/// `script` of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostScript {
    /// `http://...` or `https://...`: chained to.
    Url(String),
    /// An iPXE script.
    Text(String),
}

/// All known machines.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    by_mac: HashMap<Mac, Host>,
    by_ip: HashMap<Ipv4Addr, Mac>,
}

impl Inventory {
    /// Of hosts with unique MACs and addresses, as the configuration checks.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = Host>) -> Self {
        let by_mac: HashMap<Mac, Host> = hosts.into_iter().map(|host| (host.mac, host)).collect();
        let by_ip = by_mac.values().map(|host| (host.ip, host.mac)).collect();
        Self { by_mac, by_ip }
    }

    #[must_use]
    pub fn by_mac(&self, mac: Mac) -> Option<&Host> {
        self.by_mac.get(&mac)
    }

    #[must_use]
    pub fn by_ip(&self, ip: Ipv4Addr) -> Option<&Host> {
        self.by_mac.get(self.by_ip.get(&ip)?)
    }

    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.by_mac.values()
    }
}
