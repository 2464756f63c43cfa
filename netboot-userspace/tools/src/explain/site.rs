//! The configuration on this node: the tables that the daemon would have here.

use std::{
    collections::{BTreeMap, HashSet},
    net::Ipv4Addr,
    path::PathBuf,
};

use anyhow::Context as _;
use ipnet::Ipv4Net;
use netboot_answer::{render, tables::Tables};
use netboot_base::links::{self, Link, VlanLink, has_address};
use netboot_ebpf::{
    shared::{Mac, Reservation, Settings, Station, Vlan},
    tables::{Asked, Tables as _},
};
use netboot_site::{
    config::{Loaded, Origin},
    model::{Config, Host, Subnet},
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
const ASSUMED_VLANS: u32 = 0x2000_0000;
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
        let mut node: Vec<Link> = all.values().cloned().collect();
        let of_subnet = || config.subnets.iter().find_map(|subnet| subnet.server_address);
        let is_given = config.dhcp.server_address.or_else(of_subnet).is_some();
        for (at, name) in (0..).zip(&names) {
            let own = all.get(name);
            if let Some(link) = own.filter(|link| is_given || has_address(link, all)) {
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
                addresses: missing(&config, found.iter(), is_untagged),
                vlan: own.and_then(|own| own.vlan),
                ..any.clone()
            };
            let tagged = vlan_links(&config, &node, &link);
            assumptions.push(assumption(&link, own, &tagged, all));
            found.push(link);
            node.extend(tagged);
        }
        let tables = render::render(&config, &found, &node)?;
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
        self.config.hosts.iter().map(|host| &**host).find(|host| host.station() == station)
    }

    /// Where a host of the configuration stands.
    #[must_use]
    pub fn origin(&self, host: &Host) -> Option<&Origin> {
        let mut hosts = self.config.hosts.iter().zip(&self.origins);
        hosts.find(|(own, _)| own.station() == host.station()).map(|(_, origin)| origin)
    }

    /// The VLAN of a machine's only reservation.
    #[must_use]
    pub fn only_vlan(&self, mac: Mac) -> Option<Vlan> {
        match self.vlans(mac)[..] {
            [vlan] => Some(vlan),
            _ => None,
        }
    }

    /// The VLANs that a machine has reservations in.
    pub(super) fn vlans(&self, mac: Mac) -> Vec<Vlan> {
        let hosts = self.config.hosts.iter().filter(|host| host.mac == mac);
        hosts.map(|host| host.vlan).collect()
    }

    /// The row that a machine at an interface is answered by.
    pub(super) fn row(
        &self,
        station: Station,
        ifindex: u32,
        relay: Option<Ipv4Addr>,
    ) -> Option<&Reservation> {
        let link = relay.unwrap_or(Ipv4Addr::UNSPECIFIED).octets();
        let anybody = || {
            let settings = self.tables.settings().filter(|own| own.has(Settings::AUTO_PROXY));
            settings.and_then(|_| self.tables.anybody(Asked { ifindex, link }, &station))
        };
        self.tables.reservations.get(&station).or_else(anybody)
    }

    /// The subnet of a row; `None`: an interface's network, of which nothing is configured.
    pub(super) fn subnet(&self, row: &Reservation) -> Option<&Subnet> {
        let subnet = self.tables.subnet(row.subnet)?;
        self.config.subnets.iter().find(|own| own.cidr.network().octets() == subnet.network)
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
        let [first, ..] = self.tables.settings.addresses;
        Ipv4Addr::from(self.subnet_row(host).map_or(first, |subnet| subnet.server))
    }

    /// Two addresses on a machine's link, where another server gives them: its own and a machine's.
    pub(super) fn others(&self, host: Option<&Host>) -> [Ipv4Addr; 2] {
        let network = self.subnet_row(host).and_then(|subnet| {
            Ipv4Net::with_netmask(subnet.network.into(), subnet.mask.into()).ok()
        });
        let server = self.server(host);
        let last = u32::from(network.unwrap_or_default().broadcast());
        let mut free = (1..).map(|down| Ipv4Addr::from(last.wrapping_sub(down)));
        let mut next = || {
            let is_other = |address: &Ipv4Addr| *address != server && is_not_of(host, *address);
            free.find(is_other).unwrap_or(server)
        };
        [next(), next()]
    }

    fn subnet_row(&self, host: Option<&Host>) -> Option<&netboot_ebpf::shared::Subnet> {
        let row = host.and_then(|host| self.tables.reservations.get(&host.station()));
        self.tables.subnet(row.map_or(0, |row| row.subnet))
    }
}

fn is_not_of(host: Option<&Host>, address: Ipv4Addr) -> bool {
    host.is_none_or(|host| host.ip != address)
}

fn is_untagged(subnet: &Subnet) -> bool {
    subnet.vlan == Vlan::NONE
}

/// Our addresses in the subnets of a kind that none of the interfaces has an address in.
fn missing<'l>(
    config: &Config,
    links: impl Iterator<Item = &'l Link>,
    kind: impl Fn(&Subnet) -> bool,
) -> Vec<Ipv4Net> {
    let addresses: Vec<_> = links.flat_map(|link| &link.addresses).map(Ipv4Net::addr).collect();
    let is_there = |subnet: &Subnet| addresses.iter().any(|own| subnet.cidr.contains(own));
    let subnets = config.subnets.iter().filter(|subnet| kind(subnet) && !is_there(subnet));
    let taken: HashSet<_> = config.hosts.iter().map(|host| host.ip).collect();
    let own = |subnet: &Subnet| {
        let given = subnet.server_address.or(config.dhcp.server_address);
        let given = given.filter(|given| subnet.cidr.contains(given));
        let is_free = |own: &Ipv4Addr| !taken.contains(own) && !subnet.routers.contains(own);
        let address = given.or_else(|| subnet.cidr.hosts().find(is_free))?;
        Ipv4Net::new(address, subnet.cidr.prefix_len()).ok()
    };
    subnets.filter_map(own).collect()
}

/// The VLAN interfaces on one that is assumed, with our addresses in the subnets in VLANs.
fn vlan_links(config: &Config, node: &[Link], on: &Link) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for subnet in config.subnets.iter().filter(|subnet| !is_untagged(subnet)) {
        let addresses = missing(config, node.iter().chain(&links), |own| own.cidr == subnet.cidr);
        if addresses.is_empty() {
            continue;
        }
        let mut parent = on.clone();
        for id in subnet.vlan.ids.into_iter().filter(|id| *id != 0) {
            let link = Link {
                name: format!("{}.{id}", parent.name),
                index: ASSUMED_VLANS + (node.len() + links.len()) as u32,
                vlan: Some(VlanLink { parent: parent.index, id }),
                addresses: Vec::new(),
                ..on.clone()
            };
            parent = link.clone();
            links.push(link);
        }
        if let Some(last) = links.last_mut() {
            last.addresses = addresses;
        }
    }
    links
}

fn assumption(
    link: &Link,
    own: Option<&Link>,
    tagged: &[Link],
    all: &BTreeMap<String, Link>,
) -> String {
    let name = &link.name;
    let links = [link].into_iter().chain(tagged);
    let addresses = links.flat_map(|own| {
        let on = if own.index == link.index { String::new() } else { format!(" on {}", own.name) };
        own.addresses.iter().map(move |address| format!("{address}{on}"))
    });
    let addresses: Vec<_> = addresses.collect();
    let others = || all.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let why = match own {
        Some(_) => "has no IPv4 address here".to_owned(),
        None => format!("is not an interface of this node, which has {}", others()),
    };
    if addresses.is_empty() {
        return format!(
            "{name} {why}, and no [[subnet]] is left to be on it: none is assumed there"
        );
    }
    format!("{name} {why}: assumed with the addresses {}", addresses.join(", "))
}
