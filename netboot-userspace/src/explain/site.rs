//! The configuration on this node: the tables that the daemon would have here.

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf};

use anyhow::Context as _;
use ipnet::Ipv4Net;
use netboot_ebpf::shared::{Mac, Station};

use crate::{
    config::{Config, Loaded, Origin},
    inventory::Host,
    links::{self, Link},
    tables::Tables,
    templates,
};

/// A configuration, rendered.
pub struct Site {
    pub config: Config,
    /// The configuration's files.
    pub files: Vec<PathBuf>,
    /// Where each host stands.
    pub origins: Vec<Origin>,
    pub links: Vec<Link>,
    pub tables: Tables,
    /// What had to be assumed, a sentence each.
    pub assumptions: Vec<String>,
}

/// Indexes of interfaces that are not there: far from any that are.
const ASSUMED_INDEX: u32 = 0x4000_0000;
const ASSUMED_MAC: Mac = Mac { octets: [0x02, 0, 0, 0, 0, 0x01] };
const ASSUMED_NAME: &str = "eth0";

impl Site {
    /// The configuration on these interfaces, of the node's `all`. What is missing there is assumed.
    ///
    /// # Errors
    /// The configuration does not fit the tables, or the node has no interface at all.
    pub fn new(loaded: Loaded, all: &BTreeMap<String, Link>) -> anyhow::Result<Self> {
        let Loaded { config, files, origins, .. } = loaded;
        let mut assumptions = Vec::new();
        let mut names = config.interfaces.clone();
        if names.is_empty() {
            assumptions.push(format!(
                "the configuration names no interface: {ASSUMED_NAME} is assumed (--iface names another)"
            ));
            names.push(ASSUMED_NAME.to_owned());
        }
        let mut found = Vec::new();
        for (at, name) in (0..).zip(&names) {
            let own = all.get(name);
            let usable =
                |link: &&Link| !link.addresses.is_empty() || config.dhcp.server_address.is_some();
            if let Some(link) = own.filter(usable) {
                found.push(link.clone());
                continue;
            }
            // Only for the kernel's form of an address, which nothing is sent from.
            let any = own.or_else(|| all.values().next()).context("this node has no interface")?;
            let link = Link {
                name: name.clone(),
                index: own.map_or(ASSUMED_INDEX + at, |own| own.index),
                mac: own.map_or(ASSUMED_MAC, |own| own.mac),
                mtu: own.map_or(1500, |own| own.mtu),
                addresses: missing(&config, &found),
                ..any.clone()
            };
            assumptions.push(assumption(&link, own));
            found.push(link);
        }
        let tables = templates::render(&config, &found, all.values())?;
        Ok(Self { config, files, origins, links: found, tables, assumptions })
    }

    /// The configuration on this node.
    ///
    /// # Errors
    /// As [`Site::new`]; or the kernel does not list the interfaces.
    pub fn here(loaded: Loaded) -> anyhow::Result<Self> {
        Self::new(loaded, &links::all()?)
    }

    #[must_use]
    pub fn host(&self, station: Station) -> Option<&Host> {
        self.config.hosts.iter().find(|host| host.station() == station)
    }

    /// Where a host of the configuration stands.
    #[must_use]
    pub fn origin(&self, host: &Host) -> Option<&Origin> {
        let mut hosts = self.config.hosts.iter().zip(&self.origins);
        hosts.find(|(own, _)| own.station() == host.station()).map(|(_, origin)| origin)
    }

    /// The interface that a machine's requests come over: the one that is named, else that of its
    /// subnet, else the first.
    #[must_use]
    pub fn interface(&self, host: Option<&Host>, wanted: Option<&str>) -> Option<&Link> {
        let named = |name| self.links.iter().find(|link| link.name == name);
        let index = host.and_then(|host| {
            let row = self.tables.reservations.get(&host.station())?;
            Some(self.tables.subnets.get(row.subnet as usize)?.ifindex)
        });
        let own = || self.links.iter().find(|link| Some(link.index) == index);
        wanted.and_then(named).or_else(own).or_else(|| self.links.first())
    }

    /// Our address towards a machine.
    #[must_use]
    pub fn server(&self, host: Option<&Host>) -> Ipv4Addr {
        let row = host.and_then(|host| self.tables.reservations.get(&host.station()));
        let index = row.map_or(0, |row| row.subnet as usize);
        let [first, ..] = self.tables.settings.addresses;
        let server = self.tables.subnets.get(index).map_or(first, |subnet| subnet.server);
        Ipv4Addr::from(server)
    }
}

/// Our addresses in the subnets that no interface has an address in.
fn missing(config: &Config, links: &[Link]) -> Vec<Ipv4Net> {
    let is_there = |cidr: &Ipv4Net| {
        links.iter().flat_map(|link| &link.addresses).any(|own| cidr.contains(&own.addr()))
    };
    let subnets = config.subnets.iter().filter(|subnet| !is_there(&subnet.cidr));
    let own = |subnet: &crate::config::Subnet| {
        let given = subnet.server_address.or(config.dhcp.server_address);
        let given = given.filter(|given| subnet.cidr.contains(given));
        let address = given.or_else(|| subnet.cidr.hosts().next())?;
        Ipv4Net::new(address, subnet.cidr.prefix_len()).ok()
    };
    subnets.filter_map(own).collect()
}

fn assumption(link: &Link, own: Option<&Link>) -> String {
    let name = &link.name;
    let addresses: Vec<_> = link.addresses.iter().map(ToString::to_string).collect();
    let addresses = if addresses.is_empty() { "none".to_owned() } else { addresses.join(", ") };
    let why = own.map_or("is not an interface of this node", |_| "has no IPv4 address here");
    format!("{name} {why}: assumed with the addresses {addresses}")
}
