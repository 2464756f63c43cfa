//! The interfaces of the node, and those that are assumed.

use std::collections::BTreeMap;

use netboot_base::links::{self, Link, VlanLink};

use super::*;

const NODE: &str = r#"interfaces = ["eth0"]
[boot]
root = "."
[[subnet]]
cidr = "10.0.0.0/24"
vlan = 7
[[subnet]]
cidr = "10.1.0.0/24"
GIVEN
[[host]]
mac = "52:54:00:00:00:01"
ip = "10.0.0.10"
[[host]]
mac = "52:54:00:00:00:02"
ip = "10.1.0.10"
"#;

/// `eth0` with an address, and `eth0.7` with one.
fn node(address: &str, of_vlan: &str) -> BTreeMap<String, Link> {
    let base = links::all().unwrap().remove("lo").unwrap();
    let link = |name: &str, index, address: &str, vlan| Link {
        name: name.to_owned(),
        index,
        addresses: address.parse().into_iter().collect(),
        vlan,
        ..base.clone()
    };
    let vlan = Some(VlanLink { parent: 2, id: 7 });
    let all = [link("eth0", 2, address, None), link("eth0.7", 3, of_vlan, vlan)];
    all.into_iter().map(|link| (link.name.clone(), link)).collect()
}

/// Where the two hosts are, and what is assumed.
#[track_caller]
fn check(given: &str, all: &BTreeMap<String, Link>, expect: [Option<&str>; 2], assumed: &str) {
    let (_directory, loaded) = load(&NODE.replace("GIVEN", given));
    let site = Site::new(loaded, all).unwrap();
    let places = [ONE, NETBOOT_FALSE].map(|mac| {
        let step = steps(&site, &WithoutXdp::new(), &machine(mac), Some(Message::Discover), None)
            .remove(0);
        // Where nothing has an address nobody is answered.
        step.explanation.reservation.and_then(|reserved| reserved.interface)
    });
    assert_eq!(places.each_ref().map(Option::as_deref), expect);
    assert_eq!(site.assumptions.join("; "), assumed);
}

#[test]
fn a_trunk_has_the_addresses_of_its_vlans() {
    let eth0 = Some("eth0");
    check("", &node("", "10.0.0.1/24"), [eth0, None], "");
    check("", &node("10.1.0.1/24", "10.0.0.1/24"), [eth0, eth0], "");
    check("server-address = \"10.1.0.9\"", &node("", "10.0.0.1/24"), [eth0, eth0], "");
    let assumed = "eth0 has no IPv4 address here: assumed with the addresses 10.1.0.1/24, 10.0.0.1/24 on eth0.7";
    check("", &node("", ""), [eth0, eth0], assumed);
    check(
        "routers = [\"10.1.0.1\"]",
        &node("", ""),
        [eth0, eth0],
        &assumed.replace("10.1.0.1", "10.1.0.2"),
    );
}

#[test]
fn interfaces_that_are_not_there() {
    let mut all = node("", "");
    all.retain(|name, _| name == "eth0.7");
    all.values_mut().for_each(|link| link.name = "eth1".to_owned());
    let all = all.into_values().map(|link| (link.name.clone(), link)).collect();
    let assumed = "eth0 is not an interface of this node, which has eth1: assumed with the addresses \
                   10.1.0.1/24, 10.0.0.1/24 on eth0.7";
    check("", &all, [Some("eth0"), Some("eth0")], assumed);
}

/// XDP may be off at one of the interfaces only.
#[test]
fn the_machines_interface_counts() {
    let without = |name: &str| WithoutXdp::from([(name.to_owned(), "it is off here".to_owned())]);
    let by = |without_xdp: &WithoutXdp| {
        let own = one(&machine(ONE), Message::Discover, without_xdp);
        (own.answered_by, own.why)
    };
    let offered = (AnsweredBy::Kernel, "the machine is offered its address".to_owned());
    assert_eq!(by(&without("another0")), offered);
    assert_eq!(by(&without("nonesuch0")), (AnsweredBy::Daemon, "it is off here".to_owned()));
}

#[test]
fn classes_do_not_drive_the_terminal() {
    let (_directory, site) = super::site();
    let machine = machine(ONE).with_user_class("\x1b[2J");
    let steps = steps(&site, &WithoutXdp::new(), &machine, None, None);
    let text = render_steps(&steps);
    has_lines(&text, &["iPXE \"\\x1b[2J\"  DISCOVER"]);
    assert!(!text.contains('\x1b'), "{text:?}");
}
