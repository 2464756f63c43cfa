//! The network settings that a subnet has for its machines, and a host instead of its subnet's.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use toml::de::DeValue;

use super::{
    section::Section,
    value::{address, hostname, network, number, unicast},
};
use crate::model::{NetworkOverrides, Subnet};

/// The settings that the section gives, those that are right. `cidr`: that its routers are in.
pub(crate) fn read_network(section: &mut Section<'_>, cidr: Option<Ipv4Net>) -> NetworkOverrides {
    NetworkOverrides {
        routers: routers(section, cidr),
        dns: addresses(section, "dns"),
        ntp: addresses(section, "ntp"),
        domain: section.value("domain", hostname),
        search: section
            .list("search", hostname)
            .map(|names| names.into_iter().map(|name| name.value).collect()),
        routes: routes(section),
        mtu: section.value("mtu", mtu),
        next_server: section.value("next-server", unicast),
    }
}

impl NetworkOverrides {
    /// Only what differs from the subnet's.
    #[must_use]
    pub fn beside(self, subnet: &Subnet) -> Self {
        Self {
            routers: self.routers.filter(|routers| *routers != subnet.routers),
            dns: self.dns.filter(|dns| *dns != subnet.dns),
            ntp: self.ntp.filter(|ntp| *ntp != subnet.ntp),
            domain: self.domain.filter(|domain| subnet.domain.as_ref() != Some(domain)),
            search: self.search.filter(|search| *search != subnet.search),
            routes: self.routes.filter(|routes| *routes != subnet.routes),
            mtu: self.mtu.filter(|mtu| subnet.mtu != Some(*mtu)),
            next_server: self.next_server.filter(|server| subnet.next_server != Some(*server)),
        }
    }
}

fn routers(section: &mut Section<'_>, cidr: Option<Ipv4Net>) -> Option<Vec<Ipv4Addr>> {
    let routers = section.list("routers", unicast)?;
    for router in &routers {
        if let Some(cidr) = cidr.filter(|cidr| !cidr.contains(&router.value)) {
            let message = format!("{} lies outside {cidr}", router.value);
            section.report().warn(&router.place, message);
        }
    }
    Some(routers.into_iter().map(|router| router.value).collect())
}

fn addresses(section: &mut Section<'_>, key: &'static str) -> Option<Vec<Ipv4Addr>> {
    let addresses = section.list(key, address)?;
    // An option's 255 bytes.
    if let Some(excess) = addresses.get(63) {
        section.report().error(&excess.place, "more addresses than a DHCP option can hold, 63");
    }
    Some(addresses.into_iter().map(|address| address.value).collect())
}

/// `{ destination = "10.0.0.0/8", router = "192.168.2.10" }`
fn routes(section: &mut Section<'_>) -> Option<Vec<(Ipv4Net, Ipv4Addr)>> {
    if !section.has("routes") {
        return None;
    }
    let read = |mut route: Section<'_>| {
        let destination = route.require("destination", network);
        // 0.0.0.0: on the link (RFC 3442).
        let router = route.require("router", address);
        route.finish();
        Some((destination?.value, router?.value))
    };
    Some(section.sections("routes").into_iter().filter_map(read).collect())
}

fn mtu(value: &DeValue<'_>) -> Result<u16, String> {
    // RFC 2132, section 5.1.
    match number(value)? {
        mtu @ 68.. => Ok(mtu),
        mtu => Err(format!("an MTU of {mtu} is too small: 68 at least")),
    }
}
