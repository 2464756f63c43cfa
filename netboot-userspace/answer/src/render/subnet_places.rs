//! The places of subnets, seen from this node.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    net::Ipv4Addr,
    sync::Arc,
};

use anyhow::Context as _;
use ipnet::Ipv4Net;
use netboot_base::links::{Link, LinkState};
use netboot_ebpf::shared::{MAX_ADDRESSES, Vlan};
use netboot_site::{
    blocks::{BootSets, Choice},
    model::{Host, Located, Settings, Subnet},
};

use super::tagged::{addresses, tagged};
use crate::tables::Arrival;

/// Where a subnet is.
pub(super) struct LocatedSubnet<'p> {
    pub(super) subnet: Cow<'p, Subnet>,
    /// The interface on its link; `None`: reached through relays.
    pub(super) link: Option<&'p Link>,
    /// Our address towards it.
    pub(super) server: Ipv4Addr,
}

/// All places.
pub(super) struct LocatedSubnets<'p> {
    /// That of each subnet, in their order. Where another server gives the addresses, subnets need not
    /// be known: the networks of the interfaces follow.
    pub(super) list: Vec<LocatedSubnet<'p>>,
    links: &'p [Link],
    located: Located<'p>,
    /// Where hosts of no known subnet are.
    other: Option<usize>,
}

impl<'p> LocatedSubnets<'p> {
    /// `all` are all interfaces of the node.
    pub(super) fn new(
        config: &'p Settings,
        links: &'p [Link],
        all: &[&Link],
    ) -> anyhow::Result<Self> {
        let place = |subnet: &'p Subnet| {
            LocatedSubnet::of(config, links, all, subnet)
                .with_context(|| format!("subnet {}", subnet.cidr))
        };
        let mut list: Vec<_> = config.subnets.iter().map(place).collect::<Result<_, _>>()?;
        let mut other = None;
        if config.dhcp.mode.is_proxy() {
            for link in by_carrier(links) {
                add_networks(config, &mut list, link);
            }
            other = list.iter().position(|place| place.link.is_some());
        }
        Ok(Self { list, links, located: Located::new(&config.subnets), other })
    }

    /// The place of a host, and its number: its subnet's; where another server gives the addresses and
    /// its subnet is not known, the first interface's.
    pub(super) fn of(&self, ip: Ipv4Addr) -> Option<(usize, &LocatedSubnet<'p>)> {
        let mut networks = (0..).zip(&self.list).skip(self.located.count());
        let mut network = || networks.find(|(_, place)| place.subnet.cidr.contains(&ip));
        let at = self.located.find(ip).or_else(|| Some(network()?.0)).or(self.other)?;
        Some((at, self.list.get(at)?))
    }

    /// The subnet of a host's place, where there is no address that answers could come from.
    pub(super) fn without_server(&self, ip: Ipv4Addr) -> Option<Ipv4Net> {
        let (_, place) = self.of(ip)?;
        place.server.is_unspecified().then_some(place.subnet.cidr)
    }

    /// How machines ask, with the place there and its number: on an interface that has none, that of another one on
    /// the same link. Where there is no address that answers could come from, nobody is answered.
    pub(super) fn asked_on(&self) -> BTreeMap<Arrival, (usize, &LocatedSubnet<'p>)> {
        let mut found = BTreeMap::new();
        let has_server = |(_, place): &(usize, &LocatedSubnet<'_>)| !place.server.is_unspecified();
        let numbered = || (0..).zip(&self.list).filter(has_server);
        for (number, place) in numbered().take(self.located.count()) {
            let cidr = place.subnet.cidr;
            let way = Arrival::Relay(cidr.network().octets(), cidr.netmask().octets());
            found.entry(way).or_insert((number, place));
        }
        for (number, place) in numbered() {
            if let Some(link) = place.link {
                let way = Arrival::Interface(link.index, place.subnet.vlan);
                found.entry(way).or_insert((number, place));
            }
        }
        for link in self.links {
            let is_there = |place: &LocatedSubnet<'_>| {
                place.link.is_some()
                    && place.subnet.vlan == Vlan::NONE
                    && addresses(link).any(|address| place.subnet.cidr.contains(&address))
            };
            if let Some(place) = numbered().find(|(_, place)| is_there(place)) {
                found.entry(Arrival::Interface(link.index, Vlan::NONE)).or_insert(place);
            }
        }
        found
    }
}

impl<'p> LocatedSubnet<'p> {
    fn of(
        config: &Settings,
        links: &'p [Link],
        all: &[&Link],
        subnet: &'p Subnet,
    ) -> anyhow::Result<Self> {
        let given = subnet.server_address.or(config.dhcp.server_address);
        let own = |link: &Link| addresses(link).find(|own| subnet.cidr.contains(own));
        let (link, own) = if subnet.vlan != Vlan::NONE {
            let (link, own) = tagged(subnet, links, all)?;
            (Some(link), own)
        } else if let Some(link) = by_carrier(links).find(|link| own(link).is_some()) {
            (Some(link), own(link))
        } else if given.is_some_and(|given| subnet.cidr.contains(&given)) {
            (only(links)?, None)
        } else {
            (None, None)
        };
        let first = || links.iter().flat_map(addresses).next();
        let server = given.or(own).or_else(first).unwrap_or(Ipv4Addr::UNSPECIFIED);
        Ok(Self { subnet: Cow::Borrowed(subnet), link, server })
    }
}

/// Interfaces that frames come over now come first: of several in one network, one answers.
pub(super) fn by_carrier(links: &[Link]) -> impl Iterator<Item = &Link> {
    let is_up = |link: &&Link| link.state == LinkState::Up;
    links.iter().filter(is_up).chain(links.iter().filter(move |link| !is_up(link)))
}

/// Adds the networks of an interface that no place is of, on whichever interface.
fn add_networks<'p>(config: &Settings, places: &mut Vec<LocatedSubnet<'p>>, link: &'p Link) {
    let given = config.dhcp.server_address;
    let is_plain = |place: &LocatedSubnet<'_>| place.subnet.vlan == Vlan::NONE;
    let is_on = |place: &LocatedSubnet<'_>| place.link.is_some_and(|own| own.index == link.index);
    let place = |network: Ipv4Net| LocatedSubnet {
        subnet: Cow::Owned(Subnet::new(network.trunc())),
        link: Some(link),
        server: given.unwrap_or(network.addr()),
    };
    // An interface without addresses can have dhcp.server-address alone.
    let has_own = places.iter().any(|place| is_on(place) && is_plain(place));
    if let Some(lone) = given.filter(|_| link.addresses.is_empty() && !has_own) {
        places.push(place(lone.into()));
    }
    for network in link.addresses.iter().copied() {
        let is_of = |place: &LocatedSubnet<'_>| {
            place.link.is_some() && is_plain(place) && place.subnet.cidr.contains(&network.addr())
        };
        if !places.iter().any(is_of) {
            places.push(place(network));
        }
    }
}

/// The interface that a server-address stands for where no interface has an address in its subnet.
fn only(links: &[Link]) -> anyhow::Result<Option<&Link>> {
    let [_, other, ..] = links else { return Ok(links.first()) };
    let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
    anyhow::bail!(
        "the server-address lies in it, but none of {} has an address in it, so on which of them it is \
         cannot be told: give that one an address (`ip address add ADDRESS/LENGTH dev {}`)",
        names.join(", "),
        other.name
    )
}

/// Says where machines are answered, and where not.
pub(super) fn announce(
    config: &Settings,
    places: &[LocatedSubnet<'_>],
    links: &[Link],
    sets: &BootSets<'_>,
) {
    for LocatedSubnet { subnet, link, server } in places {
        let interface = link.map_or("relays only", |link| link.name.as_str());
        let script = sets.script_url(&Choice::new(config, subnet, *server));
        let script = script.as_deref().unwrap_or("none");
        tracing::info!(subnet = %subnet.cidr, interface, %server, script, "subnet");
    }
    for (link, place) in beside_another(places, links) {
        let subnet = place.subnet.cidr;
        tracing::warn!(
            interface = link.name,
            %subnet,
            "this interface has an address in the subnet too, but {} is the one that answers there: machines that \
             are on this one alone are not answered",
            place.link.map_or("another", |own| own.name.as_str())
        );
    }
    for link in without_subnet(places, links) {
        let addresses: Vec<_> = link.addresses.iter().map(ToString::to_string).collect();
        let addresses = addresses.join(", ");
        tracing::warn!(
            interface = link.name,
            addresses,
            "no [[subnet]] is on this interface: machines there are answered only through relays; \
             add the [[subnet]], or give the interface an address in one"
        );
    }
}

/// The interface that each subnet is on, by name; `None`: it is reached through relays.
pub type Seats = BTreeMap<(Ipv4Net, Vlan), Option<String>>;

pub(super) fn seats(places: &[LocatedSubnet<'_>]) -> Seats {
    let seats = places.iter().map(|LocatedSubnet { subnet, link, .. }| {
        let name = link.map(|link| link.name.clone());
        ((subnet.cidr.trunc(), subnet.vlan), name)
    });
    seats.collect()
}

/// The interfaces with an address in a subnet that is on another one.
pub(super) fn beside_another<'p>(
    places: &'p [LocatedSubnet<'p>],
    links: &'p [Link],
) -> impl Iterator<Item = (&'p Link, &'p LocatedSubnet<'p>)> {
    let is_beside = |place: &LocatedSubnet<'_>, link: &Link| {
        place.link.is_some_and(|own| own.index != link.index)
            && addresses(link).any(|address| place.subnet.cidr.contains(&address))
    };
    links.iter().flat_map(move |link| {
        places.iter().filter(move |place| is_beside(place, link)).map(move |place| (link, place))
    })
}

/// The interfaces that no subnet is on.
pub(super) fn without_subnet<'l>(
    places: &[LocatedSubnet<'_>],
    links: &'l [Link],
) -> impl Iterator<Item = &'l Link> {
    let served = |link: &Link| {
        places.iter().any(|place| {
            place.link.is_some_and(|own| own.index == link.index)
                || addresses(link).any(|address| place.subnet.cidr.contains(&address))
        })
    };
    // Without subnets nobody is answered, which is said elsewhere.
    links.iter().filter(move |link| !places.is_empty() && !served(link))
}

/// The hosts with an address of this node, which cannot be a machine's too: a sentence for each, by the address.
pub fn own_addresses<'l>(
    hosts: &[Arc<Host>],
    all: impl IntoIterator<Item = &'l Link>,
) -> BTreeMap<Ipv4Addr, String> {
    let own: HashMap<_, _> =
        all.into_iter().flat_map(|link| addresses(link).map(move |own| (own, link))).collect();
    let taken = hosts.iter().filter_map(|host| {
        let name = &own.get(&host.ip)?.name;
        let sentence = format!(
            "host {} ({}): this node has that address itself, on {name}: the machine is not answered; give it another",
            host.machine(),
            host.ip,
        );
        Some((host.ip, sentence))
    });
    taken.collect()
}

/// A sentence.
pub(super) fn lacks_server((subnet, hosts): (&Ipv4Net, &usize)) -> String {
    format!(
        "{hosts} hosts of {subnet} are not answered: none of our interfaces has an address that answers could come \
         from; give one an address, or say server-address"
    )
}

/// The addresses that machines may send to or name as their server's: those that answers name, then
/// the served interfaces', then the node's other ones, as many as there is room for.
pub(super) fn ours(
    config: &Settings,
    places: &[LocatedSubnet<'_>],
    links: &[Link],
    all: &[&Link],
) -> [[u8; 4]; MAX_ADDRESSES] {
    let mut seen = HashSet::new();
    let servers = config.dhcp.server_address.into_iter();
    let ours: Vec<Ipv4Addr> = servers
        .chain(places.iter().map(|place| place.server))
        .chain(links.iter().flat_map(addresses))
        .chain(all.iter().copied().flat_map(addresses))
        .filter(|address| !address.is_loopback() && !address.is_unspecified())
        .filter(|address| seen.insert(*address))
        .collect();
    let left_out: Vec<_> = ours.iter().skip(MAX_ADDRESSES).map(ToString::to_string).collect();
    if !left_out.is_empty() {
        let left_out = left_out.join(", ");
        tracing::warn!(
            left_out,
            "this node has {} IPv4 addresses, DHCP is answered at {MAX_ADDRESSES} of them: \
             requests to the others are not",
            ours.len()
        );
    }
    octets(ours)
}

/// The broadcast addresses of the networks that this node is in, those of the served interfaces first: relays send to
/// them, too. The smallest networks have none (RFC 3021).
pub(super) fn broadcasts(links: &[Link], all: &[&Link]) -> [[u8; 4]; MAX_ADDRESSES] {
    let mut seen = HashSet::new();
    let networks = links.iter().chain(all.iter().copied()).flat_map(|link| &link.addresses);
    let large =
        networks.filter(|network| network.prefix_len() < 31 && !network.addr().is_loopback());
    octets(large.map(Ipv4Net::broadcast).filter(|address| seen.insert(*address)))
}

/// As many as there is room for.
fn octets(addresses: impl IntoIterator<Item = Ipv4Addr>) -> [[u8; 4]; MAX_ADDRESSES] {
    let mut places = [[0; 4]; MAX_ADDRESSES];
    for (place, address) in places.iter_mut().zip(addresses) {
        *place = address.octets();
    }
    places
}
