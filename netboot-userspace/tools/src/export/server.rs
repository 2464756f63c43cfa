//! The address that a subnet's machines load their files from.

use std::{collections::BTreeMap, net::Ipv4Addr};

use anyhow::Context as _;
use netboot_base::links::Link;
use netboot_site::model::{Config, Subnet};

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

#[cfg(test)]
mod tests {
    use super::*;
    use netboot_base::links;

    /// The address towards 10.0.0.0/24, and whether it is a guess.
    #[track_caller]
    fn check(interfaces: &[&str], node: &[(&str, &str)], expect: Option<(&str, bool)>) {
        let base = links::all().unwrap().pop_first().unwrap().1;
        let link = |(name, address): &(&str, &str)| {
            let addresses = vec![address.parse().unwrap()];
            ((*name).to_owned(), Link { name: (*name).to_owned(), addresses, ..base.clone() })
        };
        let links = node.iter().map(link).collect();
        let mut config = Config::unconfigured();
        config.interfaces = interfaces.iter().map(|&name| name.to_owned()).collect();
        let subnet = Subnet::new("10.0.0.0/24".parse().unwrap());
        let found = server(&config, &subnet, &links).ok();
        let found = found.map(|(address, note)| (address.to_string(), note.is_some()));
        let expect = expect.map(|(address, is_guess)| (address.to_owned(), is_guess));
        assert_eq!(found, expect);
    }

    #[test]
    fn the_address_in_the_subnet_else_the_first() {
        let node = [("eth0", "192.168.0.1/24"), ("eth1", "10.0.0.7/24")];
        check(&["eth0"], &node, Some(("10.0.0.7", false)));
        check(&["eth0"], &node[..1], Some(("192.168.0.1", true)));
        check(&["eth2"], &node[..1], None);
        check(&[], &node[..1], None);
        let two = [("eth0", "10.0.0.6/24"), ("eth1", "10.0.0.7/24")];
        check(&["eth1"], &two, Some(("10.0.0.7", false)));
    }
}
