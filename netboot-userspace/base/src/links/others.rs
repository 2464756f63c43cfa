//! The difference between two lists of the node's interfaces.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::Link;

/// In words, by interface: what came, went, or is another. Whether one is up does not count.
#[must_use]
pub fn others(before: &BTreeMap<String, Link>, now: &BTreeMap<String, Link>) -> Vec<String> {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let gone = gone.map(|name| format!("{name} went"));
    let come = now.iter().filter_map(|(name, link)| match before.get(name) {
        None => Some(format!("{name} came")),
        Some(old) if old.is_same(link) => None,
        Some(old) => Some(format!("{name} has {}", differences(old, link).join(", "))),
    });
    gone.chain(come).collect()
}

fn differences(old: &Link, new: &Link) -> Vec<String> {
    let mut said = Vec::new();
    if old.index != new.index {
        said.push(format!("number {}", new.index));
    }
    if old.mac != new.mac {
        said.push(format!("MAC {}", new.mac));
    }
    if old.mtu != new.mtu {
        said.push(format!("MTU {}", new.mtu));
    }
    if old.vlan != new.vlan {
        said.push("another VLAN".to_owned());
    }
    if old.port_of != new.port_of {
        said.push(match &new.port_of {
            Some(bridge) => format!("become a port of {bridge}"),
            None => format!("left {}", old.port_of.as_deref().unwrap_or_default()),
        });
    }
    let without = |some: &[Ipv4Net], others: &[Ipv4Net]| -> Vec<Ipv4Net> {
        some.iter().filter(|address| !others.contains(address)).copied().collect()
    };
    let come = without(&new.addresses, &old.addresses);
    said.extend(come.iter().map(|address| format!("address {address}")));
    let gone = without(&old.addresses, &new.addresses);
    said.extend(gone.iter().map(|address| format!("no more address {address}")));
    if said.is_empty() {
        said.push("its addresses in another order, or is of another kind".to_owned());
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::{LinkState, all};

    /// `eth0`, changed so, beside `eth1`.
    #[track_caller]
    fn check(change: impl FnOnce(&mut BTreeMap<String, Link>), expect: &[&str]) {
        let base = all().unwrap().remove("lo").unwrap();
        let link = |name: &str, address: &str| {
            let addresses = vec![address.parse().unwrap()];
            (name.to_owned(), Link { name: name.to_owned(), addresses, ..base.clone() })
        };
        let before = BTreeMap::from([link("eth0", "10.0.0.1/24"), link("eth1", "10.0.1.1/24")]);
        let mut now = before.clone();
        change(&mut now);
        assert_eq!(others(&before, &now), expect);
    }

    #[test]
    fn names_what_differs() {
        let eth0 = |now: &mut BTreeMap<String, Link>, change: fn(&mut Link)| {
            change(now.get_mut("eth0").unwrap());
        };
        check(|_| (), &[]);
        check(|now| eth0(now, |link| link.state = LinkState::NoCarrier), &[]);
        check(|now| eth0(now, |link| link.xdp = None), &[]);
        check(|now| drop(now.remove("eth1")), &["eth1 went"]);
        let renamed = |now: &mut BTreeMap<String, Link>| {
            let link = now.remove("eth1").unwrap();
            now.insert("lan0".to_owned(), Link { name: "lan0".to_owned(), ..link });
        };
        check(renamed, &["eth1 went", "lan0 came"]);
        let other = |link: &mut Link| {
            link.mtu = 9000;
            link.addresses = vec!["10.0.0.2/24".parse().unwrap()];
        };
        let expect = "eth0 has MTU 9000, address 10.0.0.2/24, no more address 10.0.0.1/24";
        check(|now| eth0(now, other), &[expect]);
        let port = |link: &mut Link| link.port_of = Some("br0".to_owned());
        check(|now| eth0(now, port), &["eth0 has become a port of br0"]);
        check(|now| eth0(now, |link| link.index = 77), &["eth0 has number 77"]);
        let kind = "eth0 has its addresses in another order, or is of another kind";
        check(|now| eth0(now, |link| link.has_ports = !link.has_ports), &[kind]);
    }
}
