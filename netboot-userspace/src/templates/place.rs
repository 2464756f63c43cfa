//! Where the subnets are, seen from this node.

use std::{collections::HashSet, net::Ipv4Addr};

use anyhow::Context as _;
use netboot_ebpf::shared::MAX_ADDRESSES;

use super::boot::BootSets;
use crate::{
    config::{Config, Subnet},
    links::Link,
};

/// Where a subnet is.
pub(super) struct Place<'p> {
    pub(super) subnet: &'p Subnet,
    /// The interface on its link; `None`: reached through relays.
    pub(super) link: Option<&'p Link>,
    /// Our address towards it.
    pub(super) server: Ipv4Addr,
}

impl<'p> Place<'p> {
    /// The place of each subnet, in their order.
    pub(super) fn all(config: &'p Config, links: &'p [Link]) -> anyhow::Result<Vec<Self>> {
        let place = |subnet: &'p Subnet| {
            Self::of(config, links, subnet).with_context(|| format!("subnet {}", subnet.cidr))
        };
        config.subnets.iter().map(place).collect()
    }

    fn of(config: &Config, links: &'p [Link], subnet: &'p Subnet) -> anyhow::Result<Self> {
        let given = config.dhcp.server_address;
        let own = |link: &Link| addresses(link).find(|own| subnet.cidr.contains(own));
        let link = match links.iter().find(|link| own(link).is_some()) {
            Some(link) => Some(link),
            None if given.is_some_and(|given| subnet.cidr.contains(&given)) => only(links)?,
            None => None,
        };
        let first = || links.iter().flat_map(addresses).next();
        let server =
            given.or_else(|| link.and_then(own)).or_else(first).unwrap_or(Ipv4Addr::UNSPECIFIED);
        Ok(Self { subnet, link, server })
    }
}

/// The interface that `dhcp.server-address` stands for where no interface has an address in its subnet.
fn only(links: &[Link]) -> anyhow::Result<Option<&Link>> {
    let [_, other, ..] = links else { return Ok(links.first()) };
    let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
    anyhow::bail!(
        "dhcp.server-address lies in it, but none of {} has an address in it, so on which of them it is \
         cannot be told: give that one an address (`ip address add ADDRESS/LENGTH dev {}`)",
        names.join(", "),
        other.name
    )
}

fn addresses(link: &Link) -> impl Iterator<Item = Ipv4Addr> {
    link.addresses.iter().map(ipnet::Ipv4Net::addr)
}

/// Says where machines are answered, and where not.
pub(super) fn announce(places: &[Place<'_>], links: &[Link], sets: &BootSets<'_>) {
    for Place { subnet, link, server } in places {
        let interface = link.map_or("relays only", |link| link.name.as_str());
        let script = sets.script_url(*server);
        let script = script.as_deref().unwrap_or("none");
        tracing::info!(subnet = %subnet.cidr, interface, %server, script, "subnet");
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

/// The interfaces that no subnet is on.
pub(super) fn without_subnet<'l>(
    places: &[Place<'_>],
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

/// The addresses that machines may send to or name as their server's: those that answers name, then
/// the served interfaces', then the node's other ones, as many as there is room for.
pub(super) fn ours<'l>(
    config: &Config,
    places: &[Place<'_>],
    links: &[Link],
    all: impl IntoIterator<Item = &'l Link>,
) -> [[u8; 4]; MAX_ADDRESSES] {
    let mut seen = HashSet::new();
    let servers = config.dhcp.server_address.into_iter();
    let ours: Vec<Ipv4Addr> = servers
        .chain(places.iter().map(|place| place.server))
        .chain(links.iter().flat_map(addresses))
        .chain(all.into_iter().flat_map(addresses))
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
    let mut places = [[0; 4]; MAX_ADDRESSES];
    for (place, address) in places.iter_mut().zip(ours) {
        *place = address.octets();
    }
    places
}
