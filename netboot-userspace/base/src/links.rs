//! The node's network interfaces, as the kernel lists them.

mod ask;
mod attributes;
mod listed;
mod notices;
mod offload;
mod others;
mod xdp_mode;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use anyhow::Context as _;
use ipnet::Ipv4Net;
use netboot_ebpf::shared::Mac;
use netlink_packet_route::AddressFamily;
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::{ifaddrs::getifaddrs, sys::socket::LinkAddr};

use self::{
    ask::Kernel,
    listed::{ListedAddress, ListedLink},
};
pub use self::{notices::Notices, others::others, xdp_mode::XdpMode};

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub name: String,
    pub index: u32,
    pub mac: Mac,
    /// The longest IP datagram, in bytes.
    pub mtu: u16,
    pub state: LinkState,
    pub addresses: Vec<Ipv4Net>,
    /// One end of a veth pair: in native mode that end delivers answers only to a peer with a program.
    pub is_veth: bool,
    /// A bond, bridge or team: its frames come over other interfaces.
    pub has_ports: bool,
    /// The XDP program that is attached.
    pub xdp: Option<AttachedXdp>,
    /// A VLAN's interface: frames of another interface, without their tag.
    pub vlan: Option<VlanLink>,
    /// The bridge, bond or team that the interface is a port of, by name.
    pub port_of: Option<String>,
    pub vlan_offload: VlanOffload,
}

/// Whether frames can come over an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    #[default]
    Up,
    /// The link is switched on, but there is no cable, or nothing at its other end.
    NoCarrier,
    /// The link is switched off.
    Down,
}

/// An XDP program at an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachedXdp {
    /// The kernel's number of the program.
    pub program: u32,
    /// Native or generic.
    pub mode: XdpMode,
}

/// Of an interface that is a VLAN's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanLink {
    /// The index of the interface that the tagged frames come over (IFLA_LINK).
    pub parent: u32,
    pub id: u16,
}

/// Whether the device takes VLAN tags off the frames that it receives: an XDP program then does not see
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VlanOffload {
    Off,
    /// The features that do, as `ethtool -K` names them.
    On(Vec<&'static str>),
    /// The kernel does not say, and why.
    Unknown(String),
}

/// All interfaces with an Ethernet address, by name.
///
/// # Errors
/// The kernel does not list the interfaces.
pub fn all() -> anyhow::Result<BTreeMap<String, Link>> {
    let kernel = Kernel::new(NETLINK_ROUTE)?;
    let (mut links, mut masters) = (BTreeMap::new(), BTreeMap::new());
    for ListedLink { name, index, mac, attributes } in listed::links(&kernel)? {
        masters.extend(attributes.master.map(|master| (name.clone(), master)));
        let link = Link {
            name: name.clone(),
            index,
            mac,
            mtu: attributes.mtu.map_or(ETHERNET_MTU, |mtu| u16::try_from(mtu).unwrap_or(u16::MAX)),
            state: attributes.state,
            addresses: Vec::new(),
            is_veth: attributes.is_veth,
            has_ports: attributes.has_ports,
            xdp: attributes.xdp,
            vlan: attributes.vlan,
            port_of: None,
            vlan_offload: VlanOffload::Unknown("it was not asked".to_owned()),
        };
        links.insert(name, link);
    }
    add_ports(&mut links, &masters);
    let mut by_index: BTreeMap<_, _> = links.values_mut().map(|link| (link.index, link)).collect();
    for ListedAddress { index, address, prefix_length } in
        listed::addresses(&kernel, AddressFamily::Inet)?
    {
        if let IpAddr::V4(address) = address
            && let Some(link) = by_index.get_mut(&index)
            && let Ok(address) = Ipv4Net::new(address, prefix_length)
        {
            link.addresses.push(address);
        }
    }
    Ok(links)
}

/// By the names of ports, the index of what they are under: a VRF has none.
fn add_ports(links: &mut BTreeMap<String, Link>, masters: &BTreeMap<String, u32>) {
    let with_ports = links.values().filter(|link| link.has_ports);
    let names: BTreeMap<_, _> = with_ports.map(|link| (link.index, link.name.clone())).collect();
    for (name, master) in masters {
        if let Some(link) = links.get_mut(name) {
            link.port_of = names.get(master).cloned();
        }
    }
}

/// The number of the XDP program that is attached to an interface now; of one that is gone, none.
///
/// # Errors
/// The kernel does not say.
pub fn xdp_program(index: u32) -> anyhow::Result<Option<u32>> {
    Ok(attributes::read(index)?.and_then(|found| Some(found.xdp?.program)))
}

/// Whether an interface was removed: that is no error on a socket that is bound to it.
#[must_use]
pub fn is_gone(index: u32) -> bool {
    matches!(attributes::read(index), Ok(None))
}

/// Whether this node is an IPv6 router on an interface (`net.ipv6.conf.INTERFACE.forwarding`, which `all` sets, too), or
/// may be one. /proc is not asked: a hardened service does not see these settings.
#[must_use]
pub fn forwards_ipv6(index: u32) -> bool {
    attributes::read(index).map_or(true, |found| found.is_some_and(|found| found.forwards_ipv6))
}

/// The interface's IPv6 link-local address, if it has one.
#[must_use]
pub fn link_local(index: u32) -> Option<Ipv6Addr> {
    let kernel = Kernel::new(NETLINK_ROUTE).ok()?;
    let addresses = listed::addresses(&kernel, AddressFamily::Inet6).ok()?;
    addresses.iter().filter(|listed| listed.index == index).find_map(|listed| {
        let IpAddr::V6(address) = listed.address else { return None };
        address.is_unicast_link_local().then_some(address)
    })
}

const ETHERNET_MTU: u16 = 1500;

impl Link {
    /// Whether it is the same interface with the same addresses. What is attached to it does not count, nor whether it
    /// is up.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let plain = |link: &Self| Self {
            xdp: None,
            state: LinkState::Up,
            vlan_offload: VlanOffload::Off,
            ..link.clone()
        };
        plain(self) == plain(other)
    }

    /// The kernel's own form of `index`, for packet sockets: safe code gets one of getifaddrs alone.
    ///
    /// # Errors
    /// The interface is not there any more.
    pub fn packet_address(&self) -> anyhow::Result<LinkAddr> {
        let index = usize::try_from(self.index)?;
        let entries = getifaddrs().context("cannot list the network interfaces")?;
        let mut addresses = entries.filter_map(|entry| entry.address?.as_link_addr().copied());
        addresses
            .find(|address| address.ifindex() == index)
            .with_context(|| format!("{} is not there any more", self.name))
    }
}

/// Some of the interfaces with these names are there, or there are no names.
///
/// # Errors
/// None is.
pub fn demand(names: &[String]) -> anyhow::Result<()> {
    let links = all()?;
    if !names.is_empty() && !names.iter().any(|name| links.contains_key(name)) {
        let others: Vec<_> = links.keys().map(String::as_str).collect();
        let (names, others) = (names.join(", "), others.join(", "));
        anyhow::bail!("no such interface: {names}; this node has {others}");
    }
    Ok(())
}

/// The interfaces with these names that are there, of [`all`], but for ports without an address whose bridge is
/// named too: machines at a port are heard at the bridge.
#[must_use]
pub fn present(links: &BTreeMap<String, Link>, names: &[String]) -> Vec<Link> {
    let is_left_out = |link: &Link| {
        let bridge = link.port_of.as_ref().filter(|_| link.addresses.is_empty());
        bridge.is_some_and(|bridge| names.contains(bridge))
    };
    let links = names.iter().filter_map(|name| links.get(name)).filter(|link| !is_left_out(link));
    links.map(|link| Link { vlan_offload: vlan_offload(link), ..link.clone() }).collect()
}

fn vlan_offload(link: &Link) -> VlanOffload {
    match offload::read(link.index) {
        _ if link.has_ports => VlanOffload::Unknown("its ports decide".to_owned()),
        // Frames come with their tags beside them, as the other end made them.
        _ if link.is_veth => VlanOffload::Unknown("its other end decides".to_owned()),
        Ok(offload) => offload,
        Err(error) => VlanOffload::Unknown(format!("{error:#}")),
    }
}

/// Whether the interface or a VLAN's on it has an IPv4 address.
pub fn has_address(link: &Link, links: &BTreeMap<String, Link>) -> bool {
    let mut on_it =
        links.values().filter(|own| own.vlan.is_some_and(|vlan| vlan.parent == link.index));
    !link.addresses.is_empty()
        // A VLAN in a VLAN; the kernel lets no interface be its own parent.
        || on_it.any(|own| own.index != link.index && has_address(own, links))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_of_bridges() {
        let base = all().unwrap().remove("lo").unwrap();
        let link = |name: &str, index, has_ports| {
            (name.to_owned(), Link { name: name.to_owned(), index, has_ports, ..base.clone() })
        };
        let mut links = BTreeMap::from([
            link("br0", 1, true),
            link("vrf0", 2, false),
            link("eth0", 3, false),
            link("eth1", 4, false),
            link("eth2", 5, false),
        ]);
        let masters = [("eth0", 1), ("eth1", 2), ("eth2", 9), ("went", 1)];
        add_ports(&mut links, &masters.map(|(name, index)| (name.to_owned(), index)).into());
        let ports: Vec<_> = links
            .values()
            .filter_map(|link| Some((&*link.name, link.port_of.as_deref()?)))
            .collect();
        assert_eq!(ports, [("eth0", "br0")]);
        for link in links.values_mut() {
            link.addresses.clear();
        }
        let check = |links: &BTreeMap<String, Link>, names: &[&str], expect: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let present = present(links, &names);
            let found: Vec<_> = present.iter().map(|link| link.name.as_str()).collect();
            assert_eq!(found, expect, "of {names:?}");
        };
        check(&links, &["eth0", "br0", "eth1"], &["br0", "eth1"]);
        check(&links, &["eth0", "eth1"], &["eth0", "eth1"]);
        check(&links, &["eth1", "vrf0"], &["eth1", "vrf0"]);
        links.get_mut("eth0").unwrap().addresses = vec!["10.0.0.1/24".parse().unwrap()];
        check(&links, &["eth0", "br0"], &["eth0", "br0"]);
    }

    #[test]
    fn an_interface_that_went_is_not_there() {
        assert_eq!(attributes::read(0x7fff_fff0).unwrap(), None);
        let loopback = all().unwrap().remove("lo").unwrap();
        assert!(attributes::read(loopback.index).unwrap().unwrap().mtu.is_some());
        assert!(is_gone(0x7fff_fff0) && !is_gone(loopback.index));
        loopback.packet_address().unwrap();
        let gone = Link { index: 0x7fff_fff0, ..loopback }.packet_address().unwrap_err();
        assert_eq!(gone.to_string(), "lo is not there any more");
    }
}
