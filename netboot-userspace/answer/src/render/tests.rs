//! The answers to captured requests that a configuration makes, as a second decoder reads them.

mod choices;
mod classless;
mod inventory;
mod long;
mod proxy;
mod sharing;
mod tagged;

use std::sync::Arc;

use dhcproto::{
    Decodable as _, Decoder, Encodable as _,
    v4::{DhcpOption, Message, OptionCode},
};
use netboot_base::links::LinkState;
use netboot_ebpf::{
    responder::Scratch,
    shared::{NO_ARCHITECTURE, Reservation},
    side::Daemon,
};
use netboot_site::model::{
    Architecture, DhcpOption as Custom, Host, Subnet as ConfiguredSubnet, SyslogListen, quirks,
};

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::*;
use crate::{
    golden::{self, site},
    kernel::run::IFINDEX,
    slow,
};

const BIOS: &str = "bios_ipxe 1 PXEClient:Arch:00000:UNDI:002001 b'iPXE'";
const UEFI: &str = golden::PXE_DISCOVER;
const HTTP: &str = "bios_ipxe 1 HTTPClient:Arch:00016:UNDI:003000 b''";
const SCRIPT: &str = golden::SCRIPT_REQUEST;
/// [`HTTP`] of an architecture that has no name.
const OTHER: &str = "other";
/// U-Boot's, with a vendor class that nobody has.
const PLAIN: &str = "plain";
const UBOOT: &str = "uboot 1 U-Boot.armv8 b''";

fn ask(config: &Config, name: &str) -> Message {
    let tables = site::tables_of(config).unwrap();
    let frames = golden::frames().unwrap();
    let captured = match name {
        OTHER => HTTP,
        PLAIN => UBOOT,
        name => name,
    };
    let mut frame = frames.iter().find(|golden| golden.name == captured).unwrap().frame.clone();
    if name == OTHER {
        let at = frame.windows(4).position(|bytes| bytes == [93, 2, 0, 16]).unwrap();
        frame[at + 3] = 50;
    }
    if name == PLAIN {
        let at = frame.windows(6).position(|bytes| bytes == b"U-Boot").unwrap();
        frame[at] = b'X';
    }
    let mut scratch = Box::new(Scratch::new());
    let answer = slow::answer::<Daemon>(&frame, IFINDEX, &mut scratch, &tables).unwrap();
    let bytes = slow::bytes(&frame, &scratch, answer);
    let options = bytes.get(42 + 240..).unwrap();
    assert_eq!(repeated(options), None, "{name}: an option comes twice");
    Message::decode(&mut Decoder::new(&bytes[42..])).unwrap()
}

/// The first code that occurs twice.
fn repeated(mut options: &[u8]) -> Option<u8> {
    let mut seen = Vec::new();
    loop {
        match options {
            [255, ..] => return None,
            [code, ..] if seen.contains(code) => return Some(*code),
            [code, len, rest @ ..] => {
                seen.push(*code);
                options = rest.get(usize::from(*len)..).unwrap();
            }
            _ => panic!("the options have no end"),
        }
    }
}

/// Boot file, next server, and the bytes of options 43, 60, 67 and 175.
#[track_caller]
fn check(change: impl Fn(&mut Config), name: &str, file: &str, options: [&[u8]; 4]) {
    let mut config = site::config().unwrap();
    change(&mut config);
    let message = ask(&config, name);
    let fname = message.fname().map_or("", |name| str::from_utf8(name).unwrap());
    assert_eq!(fname.trim_end_matches('\0'), file, "{name}");
    let nothing = file.is_empty() && options[2].is_empty();
    let next = if nothing { Ipv4Addr::UNSPECIFIED } else { reached(&config, file) };
    assert_eq!(message.siaddr(), next, "{name}");
    for (code, expect) in [43, 60, 67, 175].into_iter().zip(options) {
        let found =
            message.opts().get(OptionCode::from(code)).map(|option| option.to_vec().unwrap());
        let found = found.as_deref().and_then(|option| option.get(2..)).unwrap_or_default();
        assert_eq!(found, expect, "{name}: option {code}");
    }
}

/// Where TFTP or HTTP listens, if at one address.
fn reached(config: &Config, file: &str) -> Ipv4Addr {
    let listen = if file.starts_with("http") { config.http } else { config.tftp.listen };
    match listen.map(|listen| listen.ip()) {
        Some(IpAddr::V4(address)) if !address.is_unspecified() => address,
        _ => Ipv4Addr::new(172, 30, 0, 1),
    }
}

#[test]
fn boot_choices() {
    const PXE: &[u8] = &[6, 1, 8, 255];
    const NO_PROXY: &[u8] = &[0xb0, 1, 1];
    const NO: &[u8] = &[];
    let as_is = |_: &mut Config| {};
    check(as_is, UEFI, "ipxe.efi", [PXE, NO, NO, NO]);
    check(as_is, BIOS, "tftp://172.30.0.1/undionly.kpxe", [PXE, NO, NO, NO_PROXY]);
    check(as_is, HTTP, "http://172.30.0.1/ipxe/ipxe.efi", [NO, b"HTTPClient", NO, NO]);
    check(as_is, SCRIPT, "http://172.30.0.1/auto.ipxe", [PXE, NO, NO, NO_PROXY]);
    check(as_is, PLAIN, "", [NO, NO, NO, NO]);

    let waits = |config: &mut Config| config.dhcp.skip_proxydhcp = false;
    check(waits, SCRIPT, "http://172.30.0.1/auto.ipxe", [PXE, NO, NO, NO]);
    let echoes = |config: &mut Config| config.dhcp.echo_pxeclient = true;
    check(echoes, UEFI, "ipxe.efi", [PXE, b"PXEClient", NO, NO]);
    check(echoes, HTTP, "http://172.30.0.1/ipxe/ipxe.efi", [NO, b"HTTPClient", NO, NO]);

    let ports = |config: &mut Config| {
        config.http = Some(([0, 0, 0, 0], 8080).into());
        config.tftp.listen = Some(([0, 0, 0, 0], 6969).into());
    };
    check(ports, BIOS, "tftp://172.30.0.1:6969/undionly.kpxe", [PXE, NO, NO, NO_PROXY]);
    check(ports, HTTP, "http://172.30.0.1:8080/ipxe/ipxe.efi", [NO, b"HTTPClient", NO, NO]);
    let without_tftp = |config: &mut Config| config.tftp.listen = None;
    check(without_tftp, BIOS, "http://172.30.0.1/ipxe/undionly.kpxe", [PXE, NO, NO, NO_PROXY]);

    check(ports, UEFI, "", [NO, NO, NO, NO]);
    check(without_tftp, UEFI, "", [NO, NO, NO, NO]);

    let listen_at = |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        move |config: &mut Config| {
            config.http = Some((address, 80).into());
            config.tftp.listen = Some((address, 69).into());
        }
    };
    let one = listen_at("172.30.0.7");
    check(one, UEFI, "ipxe.efi", [PXE, NO, NO, NO]);
    check(one, BIOS, "tftp://172.30.0.7/undionly.kpxe", [PXE, NO, NO, NO_PROXY]);
    check(one, HTTP, "http://172.30.0.7/ipxe/ipxe.efi", [NO, b"HTTPClient", NO, NO]);
    check(one, SCRIPT, "http://172.30.0.7/auto.ipxe", [PXE, NO, NO, NO_PROXY]);
    check(listen_at("::"), SCRIPT, "http://172.30.0.1/auto.ipxe", [PXE, NO, NO, NO_PROXY]);
    for nowhere in ["127.0.0.1", "::1", "2001:db8::1"] {
        for name in [UEFI, BIOS, HTTP, SCRIPT] {
            check(listen_at(nowhere), name, "", [NO, NO, NO, NO]);
        }
    }

    let own_file = |config: &mut Config| {
        edit_hosts(config, |host| host.boot_file = Some("own.efi".to_owned()));
    };
    check(own_file, UEFI, "own.efi", [PXE, NO, NO, NO]);
    check(own_file, SCRIPT, "http://172.30.0.1/auto.ipxe", [PXE, NO, NO, NO_PROXY]);
    // An architecture without a name: only the host's own file is for it.
    let unnamed = |config: &mut Config| {
        own_file(config);
        config.boot.files.clear();
    };
    check(unnamed, OTHER, "http://172.30.0.1/ipxe/own.efi", [NO, b"HTTPClient", NO, NO]);
    check(as_is, OTHER, "", [NO, NO, NO, NO]);
    let number = |config: &mut Config| {
        config.boot.files.insert(Architecture::Code(7), "seven.efi".to_owned());
    };
    check(number, UEFI, "seven.efi", [PXE, NO, NO, NO]);
    check(number, HTTP, "http://172.30.0.1/ipxe/ipxe.efi", [NO, b"HTTPClient", NO, NO]);
    for url in ["http://192.0.2.1:8080/a.efi", "tftp://192.0.2.1/a.efi"] {
        let elsewhere = |config: &mut Config| {
            edit_hosts(config, |host| host.boot_file = Some(url.to_owned()));
        };
        check(elsewhere, UEFI, url, [PXE, NO, NO, NO]);
        check(elsewhere, BIOS, url, [PXE, NO, NO, NO_PROXY]);
        check(elsewhere, HTTP, url, [NO, b"HTTPClient", NO, NO]);
        check(elsewhere, SCRIPT, "http://172.30.0.1/auto.ipxe", [PXE, NO, NO, NO_PROXY]);
    }
    let elsewhere = |config: &mut Config| {
        edit_hosts(config, |host| host.boot_file = Some("tftp://192.0.2.1/a.iso".to_owned()));
    };
    check(elsewhere, UEFI, "", [NO, NO, NO, NO]);
    check(elsewhere, HTTP, "", [NO, NO, NO, NO]);
    // A disk image is for HTTP boot alone, which may have a file of its own.
    for image in ["hook.iso", "HOOK.IMG"] {
        let url = format!("http://172.30.0.1/ipxe/{image}");
        let by_http = |config: &mut Config| {
            config.boot.files.insert("x86_64-uefi-http".parse().unwrap(), image.to_owned());
        };
        check(by_http, UEFI, "ipxe.efi", [PXE, NO, NO, NO]);
        check(by_http, HTTP, &url, [NO, b"HTTPClient", NO, NO]);
        let by_all = |config: &mut Config| {
            config.boot.files.insert(Architecture::X8664Uefi, image.to_owned());
            config.boot.files.insert(Architecture::X86Bios, image.to_owned());
        };
        check(by_all, UEFI, "", [NO, NO, NO, NO]);
        check(by_all, BIOS, &url, [PXE, NO, NO, NO_PROXY]);
        check(by_all, HTTP, &url, [NO, b"HTTPClient", NO, NO]);
        let of_hosts = |config: &mut Config| {
            edit_hosts(config, |host| host.boot_file = Some(image.to_owned()));
        };
        check(of_hosts, UEFI, "", [NO, NO, NO, NO]);
        check(of_hosts, HTTP, &url, [NO, b"HTTPClient", NO, NO]);
    }
    let no_netboot = |config: &mut Config| edit_hosts(config, |host| host.netboot = false);
    check(no_netboot, UEFI, "", [NO, NO, NO, NO]);
    check(no_netboot, SCRIPT, "", [NO, NO, NO, NO]);

    let long = format!("http://172.30.0.1/{}", "u".repeat(230));
    let script_url = |config: &mut Config| config.boot.script_url = Some(long.clone());
    check(script_url, SCRIPT, "", [PXE, NO, long.as_bytes(), NO_PROXY]);
}

#[track_caller]
fn check_options(change: impl Fn(&mut Config), expect: &[DhcpOption]) {
    let mut config = site::config().unwrap();
    change(&mut config);
    let message = ask(&config, UEFI);
    for option in expect {
        assert_eq!(message.opts().get(OptionCode::from(option)), Some(option));
    }
}

fn edit(config: &mut Config, subnet: impl Fn(&mut ConfiguredSubnet), host: impl Fn(&mut Host)) {
    config.subnets.iter_mut().for_each(subnet);
    edit_hosts(config, host);
}

fn edit_hosts(config: &mut Config, edit: impl Fn(&mut Host)) {
    config.hosts.iter_mut().for_each(|host| edit(Arc::make_mut(host)));
}

#[test]
fn options_of_subnets_and_hosts() {
    let router = Ipv4Addr::new(172, 30, 0, 1);
    let own = Ipv4Addr::new(172, 30, 0, 9);
    check_options(
        |_| {},
        &[
            DhcpOption::ServerIdentifier(router),
            DhcpOption::AddressLeaseTime(86_400),
            DhcpOption::Renewal(43_200),
            DhcpOption::Rebinding(75_600),
            DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0)),
            DhcpOption::Router(vec![router]),
            DhcpOption::DomainNameServer(vec![router]),
            DhcpOption::DomainName("lab.test".to_owned()),
            DhcpOption::BroadcastAddr(Ipv4Addr::new(172, 30, 0, 255)),
            DhcpOption::LogServer(vec![router]),
            DhcpOption::Hostname("node1".to_owned()),
        ],
    );
    let lease = |config: &mut Config| {
        edit(config, |_| {}, |host| host.lease_time = Some(Duration::from_secs(600)));
    };
    check_options(
        lease,
        &[DhcpOption::AddressLeaseTime(600), DhcpOption::Renewal(300), DhcpOption::Rebinding(525)],
    );
    // What a host has of its own replaces what its subnet has.
    let replaced = |config: &mut Config| {
        let domain = Custom { code: 15, value: b"own.test".to_vec() };
        let router = Custom { code: 3, value: own.octets().to_vec() };
        edit(config, |_| {}, |host| host.options = vec![router.clone(), domain.clone()]);
    };
    check_options(
        replaced,
        &[DhcpOption::Router(vec![own]), DhcpOption::DomainName("own.test".to_owned())],
    );
    let at = |address: [u8; 4], port: u16| {
        move |config: &mut Config| config.syslog = vec![SyslogListen::Udp((address, port).into())]
    };
    check_options(at([172, 30, 0, 7], 514), &[DhcpOption::LogServer(vec![[172, 30, 0, 7].into()])]);
    for elsewhere in [at([127, 0, 0, 1], 514), at([0, 0, 0, 0], 5514)] {
        let mut config = site::config().unwrap();
        elsewhere(&mut config);
        assert_eq!(ask(&config, UEFI).opts().get(OptionCode::LogServer), None);
    }
    let custom = |config: &mut Config| {
        let option = |text: &str| vec![Custom { code: 66, value: text.as_bytes().to_vec() }];
        edit(
            config,
            |subnet| subnet.options = option("subnet"),
            |host| host.options = option("host"),
        );
    };
    check_options(custom, &[DhcpOption::TFTPServerName(b"host".to_vec())]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let long = |config: &mut Config| {
        edit(
            config,
            |subnet| subnet.options = vec![Custom { code: 224, value: vec![1; 1150] }],
            |_| {},
        );
    };
    let own = |config: &mut Config| {
        edit(
            config,
            |_| {},
            |host| host.options = vec![Custom { code: 224, value: vec![1; 1200] }],
        );
    };
    let mut config = site::config().unwrap();
    long(&mut config);
    let error = format!("{:#}", site::tables_of(&config).unwrap_err());
    assert!(error.contains("1188 is the limit"), "{error}");
    // That of a host stops no other.
    let mut config = site::config().unwrap();
    own(&mut config);
    let last = config.hosts.last_mut().unwrap();
    *last = Host { options: Vec::new(), ..(**last).clone() }.into();
    let last = last.station();
    let tables = site::tables_of(&config).unwrap();
    assert_eq!(tables.reservations.keys().collect::<Vec<_>>(), [&last]);
    assert_eq!(tables.left_out.len(), config.hosts.len() - 1);
    assert!(tables.left_out[0].contains("1188 is the limit"), "{:?}", tables.left_out);
}

/// The site on interfaces with these addresses: those of its subnets, `relays` for none, or what is
/// wrong; and the interfaces that no subnet is on.
#[track_caller]
fn check_places(
    server: Option<[u8; 4]>,
    interfaces: &[&[&str]],
    expect: Result<[u32; 2], &str>,
    without: &[u32],
) {
    let mut config = site::config().unwrap();
    config.dhcp.server_address = server.map(Ipv4Addr::from);
    let links = links(interfaces);
    match (render(&config, &links, &links), expect) {
        (Ok(tables), Ok(expect)) => {
            let found: Vec<_> = tables.subnets.iter().map(|subnet| subnet.ifindex).collect();
            assert_eq!(found, expect);
            let all: Vec<_> = links.iter().collect();
            let places = LocatedSubnets::new(&config, &links, &all).unwrap().list;
            let found: Vec<_> =
                subnet_places::without_subnet(&places, &links).map(|link| link.index).collect();
            assert_eq!(found, without);
        }
        (Err(error), Err(expect)) => {
            let error = format!("{error:#}");
            assert!(error.starts_with(expect), "{error}");
        }
        (tables, _) => panic!("{:?}", tables.map(|tables| tables.subnets.len())),
    }
}

/// Interfaces, numbered from 1.
fn links(interfaces: &[&[&str]]) -> Vec<Link> {
    let loopback = netboot_base::links::all().unwrap().remove("lo").unwrap();
    (1..)
        .zip(interfaces)
        .map(|(index, addresses)| Link {
            name: format!("eth{index}"),
            index,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            ..loopback.clone()
        })
        .collect()
}

#[test]
fn places_of_subnets() {
    const SERVER: Option<[u8; 4]> = Some([172, 30, 0, 9]);
    check_places(None, &[&["172.30.0.1/24", "172.29.0.2/24"]], Ok([1, 1]), &[]);
    check_places(None, &[&["172.29.0.2/24"], &["172.30.0.1/24"]], Ok([2, 1]), &[]);
    check_places(None, &[&["10.0.0.1/24"]], Ok([0, 0]), &[1]);
    check_places(SERVER, &[&[]], Ok([1, 0]), &[]);
    check_places(SERVER, &[&["172.29.0.2/24"]], Ok([1, 1]), &[]);
    check_places(SERVER, &[&["10.0.0.1/24"], &["172.30.0.1/24"]], Ok([2, 0]), &[1]);
    check_places(
        SERVER,
        &[&[], &["10.0.0.1/24"]],
        Err("subnet 172.30.0.0/24: the server-address lies in it, but none of eth1, eth2 has"),
        &[],
    );
}

/// Answers could come from nowhere: a server identifier of zeros is none (RFC 2131 section 4.3.1).
#[test]
fn without_an_address_nobody_is_answered() {
    let check = |server: Option<[u8; 4]>, address: &[&str], is_served: bool| {
        let mut config = site::config().unwrap();
        config.dhcp.server_address = server.map(Ipv4Addr::from);
        let links = links(&[address]);
        let tables = render(&config, &links, &links).unwrap();
        assert_eq!(tables.reservations.is_empty(), !is_served, "{server:?} {address:?}");
        assert_eq!(tables.left_out.is_empty(), is_served, "{:?}", tables.left_out);
        let told = tables.left_out.iter().all(|why| why.contains("are not answered"));
        assert!(told && tables.left_out.len() <= config.subnets.len(), "{:?}", tables.left_out);
    };
    check(None, &[], false);
    check(None, &["10.0.0.1/24"], true);
    check(Some([10, 0, 0, 9]), &[], true);
}

/// The subnet is on the interface that frames come over, and answered by its address there.
#[test]
fn places_by_carrier() {
    use LinkState::{Down, NoCarrier, Up};
    let check = |mode: DhcpMode, subnets: usize, states: [LinkState; 2], expect: &[(u32, u8)]| {
        let mut config = site::config().unwrap();
        config.dhcp.mode = mode;
        config.subnets.truncate(subnets);
        config.hosts.truncate(1);
        let mut two = links(&[&["172.30.0.1/24"], &["172.30.0.2/24"]]);
        for (link, state) in two.iter_mut().zip(states) {
            link.state = state;
        }
        let tables = render(&config, &two, &two).unwrap();
        let found: Vec<_> =
            tables.subnets.iter().map(|subnet| (subnet.ifindex, subnet.server[3])).collect();
        assert_eq!(found, expect, "{mode:?}, {subnets} subnets, {states:?}");
        let seats = seats(&config, &two, &two).unwrap();
        let names: Vec<_> = seats.values().cloned().collect();
        assert_eq!(
            names,
            expect.iter().map(|(at, _)| Some(format!("eth{at}"))).collect::<Vec<_>>()
        );
    };
    for (mode, subnets) in [
        (DhcpMode::Reservation, 1),
        (DhcpMode::Proxy, 1),
        // The interfaces' networks are one, too.
        (DhcpMode::Proxy, 0),
        (DhcpMode::AutoProxy, 0),
    ] {
        let check = |states, expect| check(mode, subnets, states, &[expect]);
        check([Up, Up], (1, 1));
        check([Up, NoCarrier], (1, 1));
        check([NoCarrier, Up], (2, 2));
        check([Down, Up], (2, 2));
        // Nobody is there, and it must stay somewhere.
        check([NoCarrier, Down], (1, 1));
        check([Down, NoCarrier], (1, 1));
    }
}

#[test]
fn as_many_addresses_as_there_is_room_for() {
    let mut config = site::config().unwrap();
    config.dhcp.server_address = Some([172, 30, 0, 9].into());
    let many: Vec<_> = (1..30).map(|last| format!("10.9.0.{last}/24")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let all = links(&[&["127.0.0.1/8"], &many, &["172.30.0.1/24", "172.30.0.9/24"]]);
    let tables = render(&config, &all[2..], &all).unwrap();
    let found: Vec<_> = tables.settings.addresses.map(Ipv4Addr::from).to_vec();
    let expect = [[172, 30, 0, 9], [172, 30, 0, 1], [10, 9, 0, 1]].map(Ipv4Addr::from);
    assert_eq!(found[..3], expect);
    assert_eq!(found[15], Ipv4Addr::new(10, 9, 0, 14));
}
