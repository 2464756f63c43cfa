//! Tests of what is remembered of machines, and of how many.

use std::time::Duration;

use netboot_ebpf::{client::Stage, shared::Vlan, verdict::Verdict, wire::DISCOVER};

use super::*;
use crate::event::{DecidedBy, DhcpEvent, HttpEvent, MachineText, Segment, SyslogEvent};

const KNOWN: Mac = Mac { octets: [0x52, 0x54, 0, 0xee, 0x0d, 0x0b] };

fn machines() -> Machines {
    let host = Host {
        mac: KNOWN,
        ip: Ipv4Addr::new(192, 168, 2, 144),
        hostname: Some("machine1".to_owned()),
        ..Host::default()
    };
    Machines::new(Inventory::new([Arc::new(host)]))
}

fn unknown(number: usize) -> Mac {
    let [.., a, b, c] = number.to_be_bytes();
    Mac { octets: [2, 0, 0, a, b, c] }
}

fn dhcp(verdict: Verdict) -> EventKind {
    let dhcp = DhcpEvent {
        by: DecidedBy::Kernel,
        segment: Segment { interface: "eth0".into(), vlan: Vlan::NONE },
        relay: None,
        message: DISCOVER,
        stage: Stage::Pxe,
        architecture: None,
        verdict,
    };
    dhcp.into()
}

fn step(line: &str) -> EventKind {
    SyslogEvent { host: None, app: None, line: MachineText::of(line) }.into()
}

impl Machines {
    fn record(&self, mac: Mac, what: EventKind) {
        self.note(Event::now(mac, what));
    }
}

#[test]
fn remembers_the_last_step() {
    let machines = machines();
    machines.record(KNOWN, dhcp(Verdict::Offer));
    machines.record(KNOWN, HttpEvent { path: MachineText::of("/auto.ipxe"), status: 200 }.into());
    machines.record(KNOWN, dhcp(Verdict::Ack));
    machines.record(KNOWN, step("up"));
    machines.record(unknown(1), step("who"));
    let [stranger, known] = &machines.snapshot()[..] else { panic!("two machines") };
    assert_eq!((known.requests, &known.last, known.known), (2, &step("up"), true));
    assert_eq!(known.hostname.as_deref(), Some("machine1"));
    assert_eq!((stranger.requests, stranger.known, stranger.ip), (0, false, None));
    let check = |address: &str, expect| {
        assert_eq!(machines.by_address(address.parse().unwrap()), expect, "{address}");
    };
    check("192.168.2.144", Some(KNOWN));
    check("::ffff:192.168.2.144", Some(KNOWN));
    check("192.168.2.145", None);
    check("fe80::1", None);
}

/// Whichever of its MACs asks, and whatever it was before.
#[test]
fn a_machine_of_several_macs_is_one() {
    let machines = machines();
    let (other, third) = (unknown(1), unknown(2));
    machines.record(other, dhcp(Verdict::UnknownMachine));
    machines.record(KNOWN, dhcp(Verdict::Ack));
    let reserve = |macs: &[Mac]| {
        let mut host = Host::clone(&machines.inventory.by_mac(KNOWN).unwrap());
        (host.mac, host.nics) = (macs[0], macs.to_vec().into());
        let hosts: Vec<_> = host.for_each_mac().map(Arc::new).collect();
        machines.inventory.replace(Inventory::new(hosts));
        machines.refresh([KNOWN, other, third]);
    };
    let check = |mac: Mac, nic: Mac, requests, last: EventKind| {
        let [machine] = &machines.snapshot()[..] else { panic!("{:?}", machines.snapshot()) };
        let found = (machine.mac, machine.nic, machine.requests, machine.known);
        assert_eq!(found, (mac, Some(nic), requests, true));
        assert_eq!((machine.ip.is_some(), &machine.last), (true, &last));
        assert_eq!(machines.by_address([192, 168, 2, 144].into()), Some(mac));
        assert_eq!(machines.nic(mac), nic);
    };
    reserve(&[KNOWN, other]);
    check(KNOWN, KNOWN, 2, dhcp(Verdict::Ack));
    machines.record(other, dhcp(Verdict::Offer));
    check(KNOWN, other, 3, dhcp(Verdict::Offer));
    machines.record(KNOWN, step("up"));
    check(KNOWN, other, 3, step("up"));
    let now = Instant::now();
    let before = now.checked_sub(Duration::from_secs(60)).unwrap();
    assert!(machines.is_seen(other) && machines.has_gone_on(other, before));
    assert!(!machines.is_seen(third) && !machines.has_gone_on(other, now));
    reserve(&[other, third, KNOWN]);
    check(other, other, 3, step("up"));
    machines.record(third, dhcp(Verdict::Ack));
    check(other, third, 4, dhcp(Verdict::Ack));
    // The machine has the address no more.
    reserve(&[other, KNOWN]);
    let nics: Vec<_> = machines.snapshot().into_iter().map(|machine| machine.nic).collect();
    assert_eq!((nics, machines.nic(other)), (vec![None], other));
}

#[test]
fn a_late_message_does_not_hide_a_later_step() {
    let machines = machines();
    let start = Instant::now();
    let check = |milliseconds, what: EventKind, expect: EventKind, requests| {
        let at = start + Duration::from_millis(milliseconds);
        machines.note(Event { at, mac: KNOWN, what });
        let machine = &machines.snapshot()[0];
        assert_eq!((&machine.last, machine.requests), (&expect, requests), "{milliseconds} ms");
    };
    check(0, dhcp(Verdict::Offer), dhcp(Verdict::Offer), 1);
    check(40, step("up"), step("up"), 1);
    check(20, dhcp(Verdict::Ack), step("up"), 2);
    check(40, dhcp(Verdict::Nak), dhcp(Verdict::Nak), 3);
}

#[test]
fn forgets_the_unknown_that_were_silent_longest() {
    let machines = machines();
    machines.record(KNOWN, step("first"));
    for number in 0..MAX_UNKNOWN {
        machines.record(unknown(number), step("a"));
    }
    assert_eq!(machines.forgotten(), 0);
    machines.record(unknown(0), step("again"));
    for number in MAX_UNKNOWN..MAX_UNKNOWN + 10 {
        machines.record(unknown(number), step("b"));
    }
    let snapshot = machines.snapshot();
    assert_eq!(snapshot.len(), MAX_UNKNOWN + 1);
    assert_eq!(machines.forgotten(), 10);
    let has = |mac: Mac| snapshot.iter().any(|machine| machine.mac == mac);
    assert!(has(KNOWN) && has(unknown(0)) && has(unknown(11)));
    assert!(!has(unknown(1)) && !has(unknown(10)));
}

#[test]
fn a_machine_that_is_added_is_known_and_one_that_is_removed_is_not() {
    let machines = machines();
    let new = unknown(1);
    machines.record(KNOWN, step("a"));
    machines.record(new, step("b"));
    let check = |known: &[bool]| {
        let snapshot = machines.snapshot();
        assert_eq!(snapshot.iter().map(|one| one.known).collect::<Vec<_>>(), known);
    };
    check(&[false, true]);
    let host = Host { mac: new, ip: Ipv4Addr::new(192, 168, 2, 145), ..Host::default() };
    machines.inventory.replace(Inventory::new([Arc::new(host)]));
    machines.refresh(machines.seen());
    check(&[true, false]);
    // The one that is no longer known is the one to forget.
    for number in 2..MAX_UNKNOWN + 2 {
        machines.record(unknown(number), step("c"));
    }
    let snapshot = machines.snapshot();
    assert!(snapshot.iter().any(|one| one.mac == new));
    assert!(!snapshot.iter().any(|one| one.mac == KNOWN));
}

/// Inventories of 3,000, each with machines of its own, which ask.
#[test]
fn machines_of_earlier_inventories_are_bounded_as_unknown_ones() {
    const SIZE: usize = 3000;
    let machines = machines();
    for round in 0..10 {
        let macs = || (round * SIZE..(round + 1) * SIZE).map(unknown);
        let host = |mac| Arc::new(Host { mac, ip: Ipv4Addr::LOCALHOST, ..Host::default() });
        machines.inventory.replace(Inventory::new(macs().map(host)));
        machines.refresh(machines.seen());
        for mac in macs() {
            machines.record(mac, step("a"));
        }
        let snapshot = machines.snapshot();
        let known = snapshot.iter().filter(|machine| machine.known).count();
        let before = (round * SIZE).min(MAX_UNKNOWN);
        assert_eq!((known, snapshot.len()), (SIZE, SIZE + before), "{round}");
        assert_eq!(machines.forgotten(), (round * SIZE - before) as u64, "{round}");
    }
    // Machines of the last inventories are remembered.
    machines.inventory.replace(Inventory::new([]));
    machines.refresh(machines.seen());
    let snapshot = machines.snapshot();
    assert_eq!(snapshot.len(), MAX_UNKNOWN);
    let last = unknown(10 * SIZE - 1);
    assert!(snapshot.iter().any(|machine| machine.mac == last));
}

/// Between a change of the inventory and its `refresh`, machines ask.
#[test]
fn what_is_noted_before_a_refresh() {
    let machines = machines();
    let new = unknown(1);
    machines.record(KNOWN, step("a"));
    machines.record(new, step("a"));
    let host = Host { mac: new, ip: Ipv4Addr::LOCALHOST, ..Host::default() };
    machines.inventory.replace(Inventory::new([Arc::new(host)]));
    machines.record(KNOWN, step("b"));
    machines.record(new, step("b"));
    let known: Vec<_> = machines.snapshot().iter().map(|machine| machine.known).collect();
    assert_eq!(known, [true, false]);
    machines.refresh(machines.seen());
    for number in 2..MAX_UNKNOWN + 2 {
        machines.record(unknown(number), step("c"));
    }
    let snapshot = machines.snapshot();
    assert_eq!((snapshot.len(), machines.forgotten()), (MAX_UNKNOWN + 1, 1));
    assert!(snapshot.iter().any(|one| one.mac == new && one.known));
}
