//! The rows where another server gives the addresses.

use netboot_ebpf::{
    client::Stage,
    shared::{Station, Vlan},
    tables::{Asked, Tables as _},
};
use netboot_site::model::DhcpMode;

use super::*;
use crate::tables::Arrival;

fn proxy(mode: DhcpMode, change: impl Fn(&mut Config)) -> Tables {
    let mut config = site::config().unwrap();
    config.dhcp.mode = mode;
    change(&mut config);
    let all = links(&[&["172.30.0.1/24", "10.9.0.1/24"], &["10.8.0.1/24"]]);
    render(&config, &all, &all).unwrap()
}

#[test]
fn modes() {
    let flags = |mode: DhcpMode| proxy(mode, |_| {}).settings.flags;
    assert_eq!(flags(DhcpMode::Reservation), Settings::AUTHORITATIVE);
    assert_eq!(flags(DhcpMode::Proxy), Settings::AUTHORITATIVE | Settings::PROXY);
    let auto = Settings::AUTHORITATIVE | Settings::PROXY | Settings::AUTO_PROXY;
    assert_eq!(flags(DhcpMode::AutoProxy), auto);
}

/// The interface and the server of each row.
#[track_caller]
fn check_rows(change: impl Fn(&mut Config), expect: &[(u32, [u8; 4])]) {
    let tables = proxy(DhcpMode::Proxy, change);
    let found: Vec<_> = tables.subnets.iter().map(|row| (row.ifindex, row.server)).collect();
    assert_eq!(found, expect);
    for row in &tables.subnets {
        let [a, b, c, d] = row.server;
        assert_eq!(row.options[..row.options_len as usize], [54, 4, a, b, c, d]);
        assert_eq!(row.classless, 0);
    }
    assert!(tables.reservations.values().all(|host| host.options_len == 0));
    assert_eq!(tables.anybody.len(), 0);
}

#[test]
fn every_interface_has_its_networks() {
    const FIRST: (u32, [u8; 4]) = (1, [172, 30, 0, 1]);
    const SECOND: (u32, [u8; 4]) = (1, [10, 9, 0, 1]);
    const OTHER: (u32, [u8; 4]) = (2, [10, 8, 0, 1]);
    check_rows(|config| config.subnets.clear(), &[FIRST, SECOND, OTHER]);
    check_rows(|config| drop(config.subnets.remove(1)), &[FIRST, SECOND, OTHER]);
    check_rows(|_| {}, &[FIRST, (0, [172, 30, 0, 1]), SECOND, OTHER]);
    let mut config = site::config().unwrap();
    config.dhcp.mode = DhcpMode::Proxy;
    let two = links(&[&["172.30.0.1/24", "10.9.0.1/24"], &["10.8.0.1/24"]]);
    let all: Vec<_> = two.iter().collect();
    assert_eq!(LocatedSubnets::new(&config, &two, &all).unwrap().list.len(), 4);
    let given = |config: &mut Config| {
        config.subnets.clear();
        config.dhcp.server_address = Some([10, 9, 0, 1].into());
    };
    check_rows(given, &[(1, [10, 9, 0, 1]), (1, [10, 9, 0, 1]), (2, [10, 9, 0, 1])]);

    // An interface without an address of its own.
    let mut config = site::config().unwrap();
    given(&mut config);
    config.dhcp.mode = DhcpMode::AutoProxy;
    let bare = links(&[&[]]);
    let tables = render(&config, &bare, &bare).unwrap();
    assert_eq!((tables.subnets.len(), tables.subnets[0].ifindex), (1, 1));
    assert!(tables.anybody.contains_key(&(Arrival::Interface(1, Vlan::NONE), None)));
}

#[test]
fn hosts_of_unknown_subnets_are_on_the_first_interface() {
    let tables = proxy(DhcpMode::Proxy, |config| config.subnets.clear());
    assert_eq!(tables.reservations.len(), 4);
    for host in tables.reservations.values() {
        assert_eq!(host.subnet, 0, "{host:?}");
        assert_ne!(host.boot_set, 0);
    }
}

/// What a host gets on each interface: server, script, and the name of its BIOS file.
#[test]
fn hosts_get_what_the_link_has_that_they_ask_on() {
    const NEAR: Ipv4Addr = Ipv4Addr::new(172, 30, 0, 50);
    const NOWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
    const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
    let check = |ip: Ipv4Addr, change: fn(&mut Host), expect: [[&str; 3]; 2]| {
        let tables = proxy(DhcpMode::Proxy, |config| {
            config.subnets.truncate(1);
            config.subnets[0].script_url = Some("http://near.test/a".to_owned());
            let mut far = ConfiguredSubnet::new("10.8.0.0/24".parse().unwrap());
            far.files.insert(Architecture::X86Bios, "far.kpxe".to_owned());
            config.subnets.push(far);
            config.hosts.truncate(1);
            let host = Arc::make_mut(&mut config.hosts[0]);
            host.ip = ip;
            change(host);
        });
        let host = tables.reservations.values().next().unwrap();
        let slots = tables.settings.slots;
        let slot = u32::from(tables.settings.architecture_slots[0]);
        for (ifindex, [server, script, file]) in (1..).zip(expect) {
            let own = (host.subnet, host.boot_set);
            let is_own = tables.subnets[host.subnet as usize].ifindex == ifindex;
            let at = tables
                .at_links
                .get(&(Arrival::Interface(ifindex, Vlan::NONE), host.boot_set))
                .copied();
            let at = at.map(|at| (at.subnet, at.boot_set));
            let (subnet, set) = if is_own { own } else { at.unwrap_or(own) };
            let name = |row: u32| {
                let row = &tables.boot_files[row as usize];
                assert_eq!(Ipv4Addr::from(row.siaddr).to_string(), server, "{ip} {ifindex}");
                let name = &row.name[..usize::from(row.name_len)];
                str::from_utf8(name).unwrap().to_owned()
            };
            let found = Ipv4Addr::from(tables.subnets[subnet as usize].server).to_string();
            assert_eq!(found, server, "{ip} {ifindex}");
            assert_eq!(name(set + Stage::Script.row(slots, 0)), script, "{ip} {ifindex}");
            assert_eq!(name(set + Stage::Pxe.row(slots, slot)), file, "{ip} {ifindex}");
        }
        // Through a relay on the other one's link, and through one of nowhere.
        let through = |link| tables.at_link(Asked { ifindex: 1, link }, host);
        let of_far = Asked { ifindex: 2, link: [0; 4] };
        assert_eq!(through([10, 8, 0, 7]), tables.at_link(of_far, host), "{ip}");
        assert_eq!(through([192, 0, 2, 7]), through([0; 4]), "{ip}");
    };
    let near = ["172.30.0.1", "http://near.test/a", "undionly.kpxe"];
    let far = ["10.8.0.1", "http://10.8.0.1/${mac}/auto.ipxe", "far.kpxe"];
    for ip in [NEAR, NOWHERE, NONE] {
        check(ip, |_| {}, [near, far]);
        // What is the host's own, it has everywhere.
        check(
            ip,
            |host| host.boot_file = Some("own.kpxe".to_owned()),
            [[near[0], near[1], "own.kpxe"], [far[0], far[1], "own.kpxe"]],
        );
        // Also where that is what its subnet has.
        check(
            ip,
            |host| host.script_url = Some("http://near.test/a".to_owned()),
            [near, [far[0], near[1], far[2]]],
        );
    }
}

/// Two interfaces in one network: the second gives what the first has, to what is sent to it alone.
#[test]
fn an_interface_beside_another() {
    for subnets in [0, 1] {
        let mut config = site::config().unwrap();
        config.dhcp.mode = DhcpMode::AutoProxy;
        config.subnets.truncate(subnets);
        let two = links(&[&["172.30.0.1/24"], &["172.30.0.2/24"]]);
        let tables = render(&config, &two, &two).unwrap();
        assert_eq!(tables.subnets.len(), 1);
        let row = |ifindex| tables.anybody[&(Arrival::Interface(ifindex, Vlan::NONE), None)];
        assert_eq!(row(1), row(2));
        assert_eq!(tables.subnets[row(2).subnet as usize].ifindex, 1);
        let host = tables.reservations.values().next().unwrap();
        let at = tables.at_links[&(Arrival::Interface(2, Vlan::NONE), host.boot_set)];
        assert_eq!((at.subnet, at.boot_set), (0, host.boot_set));
    }
}

/// One network twice on one interface is one.
#[test]
fn a_network_of_two_addresses_is_one_place() {
    let mut config = site::config().unwrap();
    config.dhcp.mode = DhcpMode::Proxy;
    config.subnets.clear();
    let one = links(&[&["10.9.0.1/24", "10.9.0.2/24", "10.8.0.1/24"]]);
    let tables = render(&config, &one, &one).unwrap();
    let servers: Vec<_> = tables.subnets.iter().map(|row| row.server).collect();
    assert_eq!(servers, [[10, 9, 0, 1], [10, 8, 0, 1]]);
}

#[test]
fn boot_files_are_a_proxys() {
    let tables = proxy(DhcpMode::Proxy, |_| {});
    let host = tables.reservations.values().next().unwrap();
    let slots = tables.settings.slots;
    let slot = u32::from(tables.settings.architecture_slots[0]);
    for (stage, class) in [
        (Stage::Pxe, b"PXEClient".as_slice()),
        (Stage::Ipxe, b"PXEClient"),
        (Stage::Script, b"PXEClient"),
        (Stage::Http, b"HTTPClient"),
    ] {
        let row = &tables.boot_files[(host.boot_set + stage.row(slots, slot)) as usize];
        let options = &row.options[..usize::from(row.options_len)];
        let class = [&[60, class.len() as u8], class].concat();
        assert!(options.windows(class.len()).any(|own| own == class), "{options:?}");
        let control = options.starts_with(&[43, 4, 6, 1, 8, 255]);
        assert_eq!(control, stage != Stage::Http);
    }
}

#[test]
fn anybody_boots_in_mode_auto_proxy() {
    const PI: [u8; 3] = [0xb8, 0x27, 0xeb];
    let tables = proxy(DhcpMode::AutoProxy, |config| {
        config.subnets.clear();
        config.hosts.clear();
    });
    let manufacturers = quirks::manufacturers(&Config::unconfigured()).len();
    assert_eq!(tables.anybody.len(), 2 * (1 + manufacturers));
    let row = |ifindex: u32, oui: Option<[u8; 3]>| {
        tables.anybody[&(Arrival::Interface(ifindex, Vlan::NONE), oui)]
    };
    for (ifindex, server) in [(1, [172, 30, 0, 1]), (2, [10, 8, 0, 1])] {
        let plain = row(ifindex, None);
        assert_eq!((plain.station, plain.address), (Station::default(), [0; 4]));
        assert_eq!((plain.architecture, plain.flags), (NO_ARCHITECTURE, 0));
        assert_eq!(tables.subnets[plain.subnet as usize].server, server);
        assert_eq!(tables.boot_files[plain.boot_set as usize].siaddr, server);
        let pi = row(ifindex, Some(PI));
        let flags = Reservation::ASSUME_PXE | Reservation::ARCHITECTURE_OF_ROM;
        assert_eq!((pi.architecture, pi.flags), (41, flags));
        assert_ne!(pi.boot_set, plain.boot_set);
    }
}
