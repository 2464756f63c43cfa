//! The node's network interfaces, as the kernel lists them.

mod ask;
mod attributes;
mod notices;
mod offload;
mod others;
mod xdp_mode;

use std::{collections::BTreeMap, net::Ipv6Addr};

use anyhow::Context as _;
use ipnet::Ipv4Net;
use netboot_ebpf::shared::Mac;
use nix::{
    errno::Errno,
    ifaddrs::getifaddrs,
    net::if_::if_indextoname,
    sys::socket::{AddressFamily, LinkAddr, SockaddrLike as _},
};

use self::attributes::Attributes;
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
    /// The kernel's own form of `index`, for packet sockets.
    pub packet_address: LinkAddr,
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
    let entries: Vec<_> = getifaddrs().context("cannot list the network interfaces")?.collect();
    let mut links = BTreeMap::new();
    let mut masters = BTreeMap::new();
    for entry in &entries {
        let Some(address) = entry.address.as_ref().and_then(|address| address.as_link_addr())
        else {
            continue;
        };
        let Some(octets) = address.addr() else { continue };
        let index = u32::try_from(address.ifindex()).unwrap_or(0);
        let attributes = match attributes::read(index) {
            Ok(Some(attributes)) => attributes,
            // The interface went between the two questions.
            Ok(None) => continue,
            Err(error) => {
                let interface = &entry.interface_name;
                tracing::warn!(interface, "taken for a plain Ethernet interface: {error:#}");
                Attributes::default()
            }
        };
        let link = Link {
            name: entry.interface_name.clone(),
            index,
            mac: Mac { octets },
            mtu: attributes.mtu.map_or(ETHERNET_MTU, |mtu| u16::try_from(mtu).unwrap_or(u16::MAX)),
            state: attributes.state,
            addresses: Vec::new(),
            is_veth: attributes.is_veth,
            has_ports: attributes.has_ports,
            xdp: attributes.xdp,
            vlan: attributes.vlan,
            port_of: None,
            vlan_offload: VlanOffload::Unknown("it was not asked".to_owned()),
            packet_address: *address,
        };
        masters.extend(attributes.master.map(|master| (link.name.clone(), master)));
        links.insert(link.name.clone(), link);
    }
    add_ports(&mut links, &masters);
    for entry in &entries {
        let Some(link) = links.get_mut(device(&entry.interface_name)) else { continue };
        let (Some(address), Some(mask)) = (&entry.address, &entry.netmask) else { continue };
        if address.family() != Some(AddressFamily::Inet) {
            continue;
        }
        let (Some(address), Some(mask)) = (address.as_sockaddr_in(), mask.as_sockaddr_in()) else {
            continue;
        };
        if let Ok(address) = Ipv4Net::with_netmask(address.ip(), mask.ip()) {
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
    match if_indextoname(index) {
        // nix 0.30 takes the null pointer for success.
        Ok(name) => name.is_empty(),
        Err(error) => error == Errno::ENXIO,
    }
}

/// Whether this node is an IPv6 router on an interface (`net.ipv6.conf.INTERFACE.forwarding`, which `all` sets, too), or
/// may be one. /proc is not asked: a hardened service does not see these settings.
#[must_use]
pub fn forwards_ipv6(index: u32) -> bool {
    attributes::read(index).map_or(true, |found| found.is_some_and(|found| found.forwards_ipv6))
}

/// The interface's IPv6 link-local address, if it has one.
#[must_use]
pub fn link_local(interface: &str) -> Option<Ipv6Addr> {
    let mut addresses = getifaddrs().ok()?.filter(|entry| entry.interface_name == interface);
    addresses.find_map(|entry| {
        let address = entry.address.as_ref()?.as_sockaddr_in6()?.ip();
        address.is_unicast_link_local().then_some(address)
    })
}

/// The interface of a label such as `eth0:1`, which an address can have instead of its name.
fn device(label: &str) -> &str {
    label.split_once(':').map_or(label, |(device, _)| device)
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
            // The attribute's length depends on flags.
            packet_address: self.packet_address,
            ..link.clone()
        };
        plain(self) == plain(other)
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
    fn labels_of_addresses_name_their_interface() {
        for (label, expect) in [("eth0", "eth0"), ("eth0:1", "eth0"), ("bond0.7:a:b", "bond0.7")] {
            assert_eq!(device(label), expect);
        }
    }

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
    }
}
