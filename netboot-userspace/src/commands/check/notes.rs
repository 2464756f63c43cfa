//! The parts of a configuration that the node lacks.

use std::collections::BTreeMap;

use netboot_answer::render::own_addresses;
use netboot_base::links::Link;
use netboot_site::{
    config::{Absent, Candidate, absent},
    model::{Config, DhcpMode},
};
use nix::unistd::User;

/// A sentence about a user that the node does not have. This can be meant: the file may be for another node.
pub(super) fn user_note(config: &Config) -> Option<String> {
    let name = config.user.as_deref()?;
    let found = User::from_name(name).ok()?;
    found.is_none().then(|| {
        format!(
            "user: this node has no user {name:?}, and netboot does not start without: \
             `adduser --system --group {name}` adds it"
        )
    })
}

/// A sentence about HookOS that is not there, where no machine is sent to it for sure; else it is a warning.
pub(super) fn hookos_note(config: &Config) -> Option<String> {
    let hosts = config.hosts.iter().map(|host| Candidate::of(host));
    match absent(config, hosts)? {
        Absent { message, is_sure: false } => Some(format!("boot: {message}")),
        Absent { .. } => None,
    }
}

/// A sentence for each interface that is not there or is a port of another one, and for each subnet that no interface is in. Both
/// can be meant: the file may be for another node, the subnet behind a relay.
pub(super) fn notes(config: &Config, links: &BTreeMap<String, Link>) -> Vec<String> {
    if config.dhcp.mode == DhcpMode::Off {
        return Vec::new();
    }
    let absent = config.interfaces.iter().filter(|name| !links.contains_key(*name));
    let names = links.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let absent = absent.map(|name| {
        format!("interfaces: {name:?} is not an interface of this node, which has {names}")
    });
    let listed = config.interfaces.iter().filter_map(|name| links.get(name));
    let ports = listed.filter_map(|link| {
        let bridge = link.port_of.as_ref()?;
        let instead = if config.interfaces.contains(bridge) { "alone" } else { "instead" };
        Some(format!("interfaces: {} is a port of {bridge}: list {bridge} {instead}", link.name))
    });
    let addresses: Vec<_> = links.values().flat_map(|link| &link.addresses).collect();
    let away = config
        .subnets
        .iter()
        .filter(|subnet| subnet.relays.is_empty())
        .filter(|subnet| !addresses.iter().any(|own| subnet.cidr.contains(&own.addr())));
    let away = away.map(|subnet| {
        let cidr = subnet.cidr;
        format!(
            "subnet {cidr}: no interface of this node has an address in it: its machines are \
             reached through relays only"
        )
    });
    absent
        .chain(ports)
        .chain(away)
        .chain(own_addresses(&config.hosts, links.values()).into_values())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use netboot_base::links;
    use netboot_site::model::Subnet;

    #[test]
    fn names_a_user_who_is_not_here() {
        let check = |name: Option<&str>, expect: Option<&str>| {
            let mut config = Config::unconfigured();
            config.user = name.map(str::to_owned);
            assert_eq!(user_note(&config).as_deref(), expect);
        };
        check(None, None);
        check(Some("root"), None);
        check(
            Some("no-such-user"),
            Some(
                "user: this node has no user \"no-such-user\", and netboot does not start without: \
                 `adduser --system --group no-such-user` adds it",
            ),
        );
    }

    #[test]
    fn names_ports() {
        let base = links::all().unwrap().remove("lo").unwrap();
        let bridge = Link { name: "br0".to_owned(), has_ports: true, ..base.clone() };
        let port = Link { name: "eth0".to_owned(), port_of: Some("br0".to_owned()), ..base };
        let links = [bridge, port].map(|link| (link.name.clone(), link)).into();
        let check = |interfaces: &[&str], expect: &[&str]| {
            let mut config = Config::unconfigured();
            config.interfaces = interfaces.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(notes(&config, &links), expect);
        };
        check(&["br0"], &[]);
        check(&["eth0"], &["interfaces: eth0 is a port of br0: list br0 instead"]);
        check(&["br0", "eth0"], &["interfaces: eth0 is a port of br0: list br0 alone"]);
    }

    #[test]
    fn names_what_is_not_here() {
        let mut link = links::all().unwrap().into_values().next().unwrap();
        link.addresses = vec!["10.0.0.1/24".parse().unwrap()];
        let links = [("eth0".to_owned(), link)].into();
        let check = |interface: &str, cidr: &str, expect: &[&str]| {
            let mut config = Config::unconfigured();
            config.interfaces = vec![interface.to_owned()];
            config.subnets = vec![Subnet::new(cidr.parse().unwrap())];
            assert_eq!(notes(&config, &links), expect);
            config.dhcp.mode = DhcpMode::Off;
            assert_eq!(notes(&config, &links), [""; 0]);
        };
        check("eth0", "10.0.0.0/24", &[]);
        check(
            "eth1",
            "10.1.0.0/24",
            &[
                "interfaces: \"eth1\" is not an interface of this node, which has eth0",
                "subnet 10.1.0.0/24: no interface of this node has an address in it: its machines \
                 are reached through relays only",
            ],
        );
    }
}
