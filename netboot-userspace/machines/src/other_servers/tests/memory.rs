//! Tests of what is remembered of other servers, and when the alarm is given.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use netboot_ebpf::{
    responder::Scratch,
    shared::{Settings, Vlan},
    verdict::Verdict,
};
use netboot_site::model::{Config, Dhcp, DhcpMode};

use super::{MACHINE, OFFERED, RELAY, Reply, SERVER, SERVER_MAC};
use crate::{
    logged::logged,
    other_servers::{
        ALARMS, Detector, Expectation, MAX_SERVERS, OtherServer, OtherServers, ServerKind,
        Sighting, detector::REPLIES,
    },
};

const INTERFACE: &str = "eth0";

fn dhcp(mode: DhcpMode, known: &[[u8; 4]]) -> Dhcp {
    let known_servers = known.iter().copied().map(Ipv4Addr::from).collect();
    Dhcp { mode, known_servers, ..Config::unconfigured().dhcp }
}

fn offer_of(server: [u8; 4]) -> Sighting {
    Sighting {
        server: server.into(),
        mac: Some(SERVER_MAC),
        vlan: Vlan::NONE,
        relay: None,
        message_type: 2,
        kind: Some(ServerKind::Dhcp),
        machine: Some(MACHINE),
        offered: Some(OFFERED.into()),
    }
}

fn counter(others: &OtherServers, name: &str) -> u64 {
    others.counters().into_iter().find(|(found, _)| *found == name).unwrap().1
}

#[test]
fn one_alarm_an_hour_of_each_server() {
    let others = OtherServers::default();
    let start = Instant::now();
    let check = |second, server, interface: &str, expect| {
        let at = start + Duration::from_secs(second);
        let lines = logged(|| others.note(interface.to_owned(), &offer_of(server), at));
        assert_eq!(lines.len(), expect, "{second} s: {lines:?}");
    };
    check(0, SERVER, INTERFACE, 1);
    check(1, SERVER, INTERFACE, 0);
    check(2, [10, 0, 0, 1], INTERFACE, 1);
    // Another network's.
    check(3, SERVER, "eth0 vlan 100", 1);
    check(3599, SERVER, INTERFACE, 0);
    check(3600, SERVER, INTERFACE, 1);
    check(3601, SERVER, INTERFACE, 0);
    assert_eq!(counter(&others, "other-server-messages"), 7);
}

#[test]
fn what_the_alarm_says() {
    let others = OtherServers::default();
    let check = |sighting: &Sighting, words: &[&str]| {
        let lines = logged(|| others.note(INTERFACE.to_owned(), sighting, Instant::now()));
        for word in words {
            assert!(lines[0].contains(word), "no {word:?} in {lines:?}");
        }
    };
    let all = [
        "WARN",
        "another DHCP server",
        "dhcp.known-servers",
        "dhcp.mode",
        "server=192.168.2.66",
        "mac=02:00:00:00:00:66",
        "interface=\"eth0\"",
        "machine=02:00:00:00:00:01",
        "seen=\"offer\"",
        "offered=192.168.2.77",
    ];
    check(&offer_of(SERVER), &all);
    let proxy =
        Sighting { kind: Some(ServerKind::ProxyDhcp), offered: None, ..offer_of([10, 0, 0, 1]) };
    check(&proxy, &["another ProxyDHCP server"]);
    let behind = Sighting { relay: Some(RELAY.into()), mac: None, ..offer_of([10, 0, 0, 2]) };
    check(&behind, &["relay=192.168.3.1"]);
}

#[test]
fn who_is_expected() {
    let check = |mode, known: &[[u8; 4]], standing, alarms| {
        let others = OtherServers::default();
        others.configure(&dhcp(mode, known));
        let lines = logged(|| others.note(INTERFACE.to_owned(), &offer_of(SERVER), Instant::now()));
        assert_eq!(lines.len(), alarms, "{lines:?}");
        assert_eq!(others.snapshot()[0].standing, standing, "{mode:?} {known:?}");
        // What is configured later holds for what was seen before.
        others.configure(&dhcp(DhcpMode::Reservation, &[SERVER]));
        assert_eq!(others.snapshot()[0].standing, Expectation::Known);
    };
    check(DhcpMode::Reservation, &[], Expectation::Unexpected, 1);
    check(DhcpMode::Reservation, &[[10, 0, 0, 1]], Expectation::Unexpected, 1);
    check(DhcpMode::Reservation, &[[10, 0, 0, 1], SERVER], Expectation::Known, 0);
    check(DhcpMode::Proxy, &[], Expectation::Expected, 0);
    check(DhcpMode::AutoProxy, &[], Expectation::Expected, 0);
    check(DhcpMode::Proxy, &[SERVER], Expectation::Known, 0);
}

#[test]
fn what_is_remembered() {
    let others = OtherServers::default();
    let note = |sighting: &Sighting| others.note(INTERFACE.to_owned(), sighting, Instant::now());
    let proxy =
        || Sighting { kind: Some(ServerKind::ProxyDhcp), offered: None, ..offer_of(SERVER) };
    note(&proxy());
    assert_eq!(others.snapshot()[0].kind, ServerKind::ProxyDhcp);
    note(&offer_of(SERVER));
    note(&proxy());
    // A machine's REQUEST shows no MAC, a NAK no address.
    note(&Sighting { mac: None, machine: None, kind: None, offered: None, ..offer_of(SERVER) });
    let seen = others.snapshot();
    let expect = OtherServer {
        address: SERVER.into(),
        mac: Some(SERVER_MAC.to_string()),
        interface: INTERFACE.to_owned(),
        relay: None,
        standing: Expectation::Unexpected,
        kind: ServerKind::Dhcp,
        first_seen: seen[0].first_seen,
        last_seen: seen[0].last_seen,
        messages: 4,
        machine: Some(MACHINE.to_string()),
        offered: Some(OFFERED.into()),
    };
    assert_eq!(seen, [expect]);
    assert!(seen[0].first_seen > 0 && seen[0].last_seen >= seen[0].first_seen);
}

#[test]
fn forged_servers_fill_neither_memory_nor_log() {
    const FORGED: u64 = 1000;
    let others = OtherServers::default();
    let start = Instant::now();
    let forged = |number: u64| {
        let [.., a, b] = number.to_be_bytes();
        offer_of([10, 1, a, b])
    };
    let lines = logged(|| {
        for number in (0..FORGED).rev() {
            others.note(INTERFACE.to_owned(), &forged(number), start);
        }
    });
    assert_eq!(lines.len(), ALARMS as usize);
    let seen = others.snapshot();
    let addresses: Vec<_> = seen.into_iter().map(|server| server.address).collect();
    let last: Vec<_> = (0..MAX_SERVERS as u64).map(|number| forged(number).server).collect();
    assert_eq!(addresses, last);
    assert_eq!(counter(&others, "other-servers-forgotten"), FORGED - MAX_SERVERS as u64);
    assert_eq!(counter(&others, "other-server-messages"), FORGED);
    // A true one is told of as soon as there is room in the log.
    let at = start + Duration::from_secs(61);
    let lines = logged(|| others.note(INTERFACE.to_owned(), &offer_of(SERVER), at));
    assert!(lines[0].contains("left_out=970"), "{lines:?}");
}

fn detector(others: &OtherServers) -> Detector {
    Detector::new(others.clone(), INTERFACE)
}

#[test]
fn what_the_detector_takes() {
    let settings = || Settings { addresses: ours(), ..Settings::default() };
    let check = |verdict, frame: &[u8], taken, seen: Option<&str>| {
        let others = OtherServers::default();
        let mut scratch = Scratch::new();
        scratch.request.server = SERVER;
        assert_eq!(detector(&others).takes(verdict, frame, &scratch, &settings()), taken);
        let interfaces: Vec<_> = others.snapshot().into_iter().map(|row| row.interface).collect();
        assert_eq!(interfaces, Vec::from_iter(seen));
    };
    let offer = Reply::offer().frame();
    let tagged = Reply { tags: vec![0x81, 0, 0, 100], ..Reply::offer() }.frame();
    let to_relay = Reply { port: 67, giaddr: RELAY, ..Reply::offer() }.frame();
    let behind = Reply { giaddr: SERVER, ..Reply::offer() }.frame();
    check(Verdict::NotDhcp, &offer, true, Some("eth0"));
    check(Verdict::NotDhcp, &tagged, true, Some("eth0 vlan 100"));
    check(Verdict::NotRequest, &to_relay, false, Some("eth0"));
    check(Verdict::OtherServer, &[], false, Some("eth0"));
    // Ours, and one that is known by its relay's name.
    check(Verdict::NotDhcp, &Reply::new(2, &OURS).frame(), true, None);
    check(Verdict::NotDhcp, &behind, true, None);
    // Malformed, to another port, and too short.
    check(Verdict::NotDhcp, &Reply::new(9, &SERVER).frame(), true, None);
    check(Verdict::NotDhcp, &Reply { port: 69, ..Reply::offer() }.frame(), false, None);
    check(Verdict::NotDhcp, &offer[..30], false, None);
    // A request.
    check(Verdict::Offer, &offer, false, None);
}

const OURS: [u8; 4] = [192, 168, 2, 112];

fn ours<const N: usize>() -> [[u8; 4]; N] {
    std::array::from_fn(|at| if at == 0 { OURS } else { [0; 4] })
}

#[test]
fn a_flood_of_replies_is_not_read() {
    const MORE: u64 = 500;
    let others = OtherServers::default();
    let mut detector = detector(&others);
    let (offer, scratch) = (Reply::offer().frame(), Scratch::new());
    for _ in 0..u64::from(REPLIES) + MORE {
        assert!(detector.takes(Verdict::NotDhcp, &offer, &scratch, &Settings::default()));
    }
    assert_eq!(counter(&others, "other-server-messages"), u64::from(REPLIES));
    assert_eq!(counter(&others, "replies-skipped"), MORE);
    detector = self::detector(&others);
    detector.takes(
        Verdict::NotDhcp,
        &Reply::new(9, &SERVER).frame(),
        &scratch,
        &Settings::default(),
    );
    assert_eq!(counter(&others, "replies-unreadable"), 1);
}
