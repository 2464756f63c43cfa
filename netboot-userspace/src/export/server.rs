//! The address that a subnet's machines load their files from.

use std::{collections::BTreeMap, net::Ipv4Addr};

use anyhow::Context as _;

use crate::{
    config::{Config, Subnet},
    links::Link,
};

/// That of the configuration, else that of an interface in the subnet, else, as for subnets behind relays,
/// the first one of `interfaces`. The last is a guess, which a note tells.
pub(super) fn server(
    config: &Config,
    subnet: &Subnet,
    links: &BTreeMap<String, Link>,
) -> anyhow::Result<(Ipv4Addr, Option<String>)> {
    if let Some(given) = subnet.server_address.or(config.dhcp.server_address) {
        return Ok((given, None));
    }
    let served = || config.interfaces.iter().filter_map(|name| links.get(name));
    let addresses =
        |link: &Link| -> Vec<_> { link.addresses.iter().map(ipnet::Ipv4Net::addr).collect() };
    let mut all = served().chain(links.values()).flat_map(addresses);
    if let Some(own) = all.find(|own| subnet.cidr.contains(own)) {
        return Ok((own, None));
    }
    let mut first =
        served().flat_map(|link| addresses(link).into_iter().map(move |own| (own, link)));
    let (own, link) = first.next().with_context(|| {
        format!(
            "subnet {}: no interface of this node has an address in it, so where its machines load \
             their files is not known: set its server-address, or dhcp.server-address",
            subnet.cidr
        )
    })?;
    let note = format!(
        "subnet {}: no interface of this node has an address in it: its machines load their files from {own}, \
         the address of {}; server-address names another",
        subnet.cidr, link.name
    );
    Ok((own, Some(note)))
}
