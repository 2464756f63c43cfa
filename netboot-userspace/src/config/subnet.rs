//! `[[subnet]]`

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use toml::de::DeValue;

use super::{
    Subnet,
    boot_files::read_boot_files,
    lease::lease_time,
    option::{Owner, read_options},
    problem::Place,
    read::Draft,
    section::Section,
    value::{address, dhcp_url, hostname, network, number, unicast},
    vlan::{vlan, vlan_id},
};

/// Where a subnet stands.
pub(crate) struct SubnetPlace {
    pub(crate) section: Place,
    pub(crate) cidr: Place,
}

pub(crate) fn read_subnets(file: &mut Section<'_>, draft: &mut Draft) {
    for mut section in file.sections("subnet") {
        let cidr = section.require("cidr", cidr);
        let mut subnet =
            Subnet::new(cidr.as_ref().map_or_else(Ipv4Net::default, |cidr| cidr.value));
        section.set("vlan", &mut subnet.vlan, vlan);
        subnet.server_address = section.get("server-address", unicast).map(|own| own.value);
        subnet.script_url = section.get("script-url", dhcp_url).map(|url| url.value);
        subnet.boot_vlan = section.get("boot-vlan", vlan_id).map(|id| id.value);
        if let Some(files) = section.section("boot-files") {
            subnet.files = read_boot_files(files, &mut draft.boot_files);
        }
        let routers = section.list("routers", unicast).unwrap_or_default();
        for router in &routers {
            if cidr.as_ref().is_some_and(|cidr| !cidr.value.contains(&router.value)) {
                let message = format!("{} lies outside {}", router.value, subnet.cidr);
                section.report().warn(&router.place, message);
            }
        }
        subnet.routers = routers.into_iter().map(|router| router.value).collect();
        subnet.dns = addresses(&mut section, "dns");
        subnet.ntp = addresses(&mut section, "ntp");
        subnet.domain = section.get("domain", hostname).map(|domain| domain.value);
        section.set_list("search", &mut subnet.search, hostname);
        subnet.routes = routes(&mut section);
        subnet.mtu = section.get("mtu", mtu).map(|mtu| mtu.value);
        subnet.lease_time = lease_time(&mut section);
        subnet.options = read_options(&mut section, Owner::Subnet);
        let place = section.place.clone();
        section.finish();
        match cidr {
            Some(cidr) => {
                draft.config.subnets.push(subnet);
                draft.subnets.push(SubnetPlace { section: place, cidr: cidr.place });
            }
            None => draft.unread_subnet = true,
        }
    }
}

fn cidr(value: &DeValue<'_>) -> Result<Ipv4Net, String> {
    let cidr = network(value)?;
    match cidr.prefix_len() {
        0..8 => Err(format!("{cidr} is larger than any network: /8 is the shortest prefix")),
        // A link of two addresses is a network (RFC 3021), one address is not.
        32 => Err(format!("{cidr} has room for the machine alone: no server or relay is in it")),
        _ if !is_network_of_machines(cidr) => {
            Err(format!("{cidr} is not a network of machines' addresses"))
        }
        _ => Ok(cidr),
    }
}

/// Neither of network 0, nor loopback, multicast or above.
fn is_network_of_machines(cidr: Ipv4Net) -> bool {
    let [first, ..] = cidr.network().octets();
    !matches!(first, 0 | 127 | 224..)
}

fn addresses(section: &mut Section<'_>, key: &'static str) -> Vec<Ipv4Addr> {
    let addresses = section.list(key, address).unwrap_or_default();
    // An option's 255 bytes.
    if let Some(excess) = addresses.get(63) {
        section.report().error(&excess.place, "more addresses than a DHCP option can hold, 63");
    }
    addresses.into_iter().map(|address| address.value).collect()
}

/// `{ destination = "10.0.0.0/8", router = "192.168.2.10" }`
fn routes(section: &mut Section<'_>) -> Vec<(Ipv4Net, Ipv4Addr)> {
    let mut routes = Vec::new();
    for mut route in section.sections("routes") {
        let destination = route.require("destination", network);
        // 0.0.0.0: on the link (RFC 3442).
        let router = route.require("router", address);
        route.finish();
        if let (Some(destination), Some(router)) = (destination, router) {
            routes.push((destination.value, router.value));
        }
    }
    routes
}

fn mtu(value: &DeValue<'_>) -> Result<u16, String> {
    // RFC 2132, section 5.1.
    match number(value)? {
        mtu @ 68.. => Ok(mtu),
        mtu => Err(format!("an MTU of {mtu} is too small: 68 at least")),
    }
}
