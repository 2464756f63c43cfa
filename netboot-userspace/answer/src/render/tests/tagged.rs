//! The interfaces of VLANs.

use netboot_base::links::VlanLink;
use netboot_ebpf::shared::Vlan;

use super::*;

/// Interfaces 1 and 2, then from 3 on VLAN interfaces: parent, id, address.
fn node(vlans: &[(u32, u16, &str)]) -> Vec<Link> {
    let mut all = links(&[&["10.0.0.1/24"], &["10.1.0.1/24"]]);
    for (index, (parent, id, address)) in (3..).zip(vlans) {
        let [base, ..] = &all[..] else { panic!("no interface") };
        let addresses = address.parse().into_iter().collect();
        let vlan = Some(VlanLink { parent: *parent, id: *id });
        let name = format!("vlan{index}");
        all.push(Link { name, index, addresses, vlan, ..base.clone() });
    }
    all
}

/// The interface and the server of the site's first subnet, in a VLAN, where the first `served` interfaces
/// are.
#[track_caller]
fn check(
    vlan: [u16; 2],
    server: Option<[u8; 4]>,
    served: usize,
    vlans: &[(u32, u16, &str)],
    expect: Result<(u32, [u8; 4]), &str>,
) {
    let mut config = site::config().unwrap();
    config.subnets.truncate(1);
    config.hosts.clear();
    config.subnets[0].vlan = Vlan { ids: vlan };
    config.subnets[0].server_address = server.map(Ipv4Addr::from);
    let all = node(vlans);
    match (render(&config, &all[..served], &all), expect) {
        (Ok(tables), Ok(expect)) => {
            let row = &tables.subnets[0];
            assert_eq!((row.ifindex, row.server), expect);
            assert!(tables.settings.addresses.contains(&row.server));
        }
        (Err(error), Err(expect)) => {
            let error = format!("{error:#}");
            assert!(error.contains(expect), "{error}");
        }
        (tables, _) => panic!("{:?}", tables.map(|tables| tables.subnets)),
    }
}

#[test]
fn places_of_vlans() {
    const ADDRESS: &str = "172.30.0.1/24";
    const OWN: [u8; 4] = [172, 30, 0, 1];
    const GIVEN: [u8; 4] = [172, 30, 0, 9];
    check([100, 0], None, 2, &[(2, 100, ADDRESS)], Ok((2, OWN)));
    check([100, 0], Some(GIVEN), 2, &[(2, 100, ADDRESS)], Ok((2, GIVEN)));
    let double = [(1, 200, ""), (3, 100, ADDRESS)];
    check([200, 100], None, 1, &double, Ok((1, OWN)));
    check([100, 200], None, 1, &double, Err("its vlan is [100, 200], but vlan4, which has"));
    check([7, 0], None, 1, &[(1, 100, ADDRESS)], Err("takes 100 from eth1: correct one"));
    // The interface that the frames arrive on is not served.
    let make = "subnet 172.30.0.0/24: no VLAN interface of eth1 has an address in it: make a VLAN interface";
    check([100, 0], None, 1, &[(2, 100, ADDRESS)], Err(make));
    check([100, 0], None, 1, &[], Err("`ip link add link eth1 name eth1.100 type vlan id 100`"));
    check([200, 100], None, 1, &[], Err("or set its server-address"));
    check([100, 0], Some(GIVEN), 1, &[], Ok((1, GIVEN)));
    check([100, 0], Some(GIVEN), 2, &[], Err("on which of eth1, eth2 its VLAN is cannot be told"));
}

/// A VLAN that two interfaces have is on the one that frames come over.
#[test]
fn a_vlan_by_carrier() {
    use LinkState::{NoCarrier, Up};
    for (states, expect) in
        [([Up, Up], (1, 1)), ([NoCarrier, Up], (2, 2)), ([NoCarrier, NoCarrier], (1, 1))]
    {
        let mut config = site::config().unwrap();
        config.subnets.truncate(1);
        config.hosts.clear();
        config.subnets[0].vlan = Vlan { ids: [100, 0] };
        let mut all = node(&[(1, 100, "172.30.0.1/24"), (2, 100, "172.30.0.2/24")]);
        for (link, state) in all.iter_mut().zip(states) {
            link.state = state;
        }
        let tables = render(&config, &all[..2], &all).unwrap();
        let row = &tables.subnets[0];
        assert_eq!((row.ifindex, row.server[3]), expect, "{states:?}");
    }
}

#[test]
fn an_untagged_interface_is_no_vlan() {
    let mut config = site::config().unwrap();
    config.subnets[0].vlan = Vlan { ids: [100, 0] };
    let error = format!("{:#}", site::tables_of(&config).unwrap_err());
    assert!(error.contains("takes none from golden"), "{error}");
}

#[test]
fn own_addresses_are_no_machines() {
    let mut config = site::config().unwrap();
    config.hosts.truncate(1);
    let all = links(&[&["172.30.0.1/24", "172.29.0.2/24"], &["172.30.0.50/32"]]);
    let tables = render(&config, &all[..1], &all).unwrap();
    let expect = "host 52:54:00:12:34:56 (172.30.0.50): this node has that address itself, on eth2: the \
                  machine is not answered; give it another";
    assert_eq!(tables.left_out, [expect]);
    assert!(tables.reservations.is_empty(), "{:?}", tables.reservations);
}

#[test]
fn only_one_interface_answers_in_a_subnet() {
    let config = site::config().unwrap();
    let links = links(&[&["172.30.0.1/24"], &["172.30.0.2/24", "172.29.0.2/24"]]);
    let all: Vec<_> = links.iter().collect();
    let places = LocatedSubnets::new(&config, &links, &all).unwrap().list;
    let found: Vec<_> = subnet_places::beside_another(&places, &links)
        .map(|(link, place)| (link.index, place.subnet.cidr.to_string()))
        .collect();
    assert_eq!(found, [(2, "172.30.0.0/24".to_owned())]);
}
