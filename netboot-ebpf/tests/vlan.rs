//! IEEE 802.1Q: tags are read, part of who a machine is, and answered with.

use netboot_ebpf::{
    shared::{Mac, Station, Vlan},
    verdict::Verdict,
};

use crate::common::{ADDRESS, Ask, MAC, OTHER_RELAY, RELAY, STRANGER, Site, ask};

const C: [u8; 2] = [0x81, 0x00];
const S: [u8; 2] = [0x88, 0xa8];
const Q: [u8; 2] = [0x91, 0x00];

const IN_5: [u8; 4] = [172, 30, 0, 55];
const IN_7_9: [u8; 4] = [172, 30, 0, 79];

/// The machine has a reservation without VLAN, in VLAN 5, and in VLAN 9 of the outer VLAN 7.
fn site() -> Site {
    Site::new().with(|site| {
        for (ids, address) in [([5, 0], IN_5), ([7, 9], IN_7_9)] {
            let station = Station { mac: Mac { octets: MAC }, vlan: Vlan { ids } };
            site.reserve_station(station, address, 0);
        }
    })
}

fn tagged(ask: Ask, tags: &[([u8; 2], u16)]) -> Ask {
    tags.iter().fold(ask, |ask, (ethertype, control)| ask.tag(*ethertype, *control))
}

/// The address that is offered to a machine behind such tags, whose answer has the same tags.
fn check(tags: &[([u8; 2], u16)], expect: Result<[u8; 4], Verdict>) {
    let request = tagged(Ask::discover(), tags);
    let reply = ask(&site(), &request.frame());
    let offered = reply.as_ref().map(|reply| (reply.yiaddr(), &reply.tags));
    assert_eq!(offered, expect.as_ref().map(|address| (*address, &request.tags)), "{tags:04x?}");
}

#[test]
fn reservations_in_vlans() {
    check(&[], Ok(ADDRESS));
    for ethertype in [C, S, Q] {
        check(&[(ethertype, 5)], Ok(IN_5));
        check(&[(ethertype, 6)], Err(Verdict::UnknownMachine));
        // The outer or the inner one alone is another VLAN.
        check(&[(ethertype, 7)], Err(Verdict::UnknownMachine));
        check(&[(ethertype, 9)], Err(Verdict::UnknownMachine));
        check(&[(ethertype, 7), (C, 9)], Ok(IN_7_9));
        check(&[(S, 7), (ethertype, 9)], Ok(IN_7_9));
    }
    check(&[(S, 9), (C, 7)], Err(Verdict::UnknownMachine));
    check(&[(S, 5), (C, 5)], Err(Verdict::UnknownMachine));
    // All twelve bits count, and no other.
    check(&[(C, 0xf005)], Ok(IN_5));
    check(&[(C, 0xe005)], Ok(IN_5));
    check(&[(C, 0x0805)], Err(Verdict::UnknownMachine));
    check(&[(C, 0x0105)], Err(Verdict::UnknownMachine));
    check(&[(S, 0x6007), (C, 0xb009)], Ok(IN_7_9));
}

/// Id 0 gives a priority, and no VLAN.
#[test]
fn priority_tags() {
    check(&[(C, 0)], Ok(ADDRESS));
    check(&[(C, 0xe000)], Ok(ADDRESS));
    check(&[(C, 5), (C, 0xe000)], Ok(IN_5));
}

#[test]
fn more_tags_than_are_read() {
    check(&[(S, 7), (C, 9), (C, 1)], Err(Verdict::Tagged));
    check(&[(S, 7), (C, 9), (C, 0)], Err(Verdict::Tagged));
    check(&[(C, 5); 10], Err(Verdict::Tagged));
}

/// A machine that is known in a VLAN is not known outside.
#[test]
fn known_in_a_vlan_only() {
    let mut site = site();
    site.reservations.remove(&Station::untagged(Mac { octets: MAC }));
    let offered = |request: Ask| ask(&site, &request.frame()).map(|reply| reply.yiaddr());
    assert_eq!(offered(Ask::discover()), Err(Verdict::UnknownMachine));
    assert_eq!(offered(Ask::discover().tag(C, 0)), Err(Verdict::UnknownMachine));
    assert_eq!(offered(Ask::discover().tag(C, 5)), Ok(IN_5));
    assert_eq!(offered(Ask::discover().tag(C, 5).mac(STRANGER)), Err(Verdict::UnknownMachine));
}

/// The tags between a relay and us say nothing of the machine.
#[test]
fn tags_of_a_relay() {
    for tags in [&[(C, 5)][..], &[(C, 6)], &[(S, 7), (C, 9)], &[(S, 1), (C, 2)]] {
        let request = tagged(Ask::discover().relayed(RELAY), tags);
        let reply = ask(&site(), &request.frame()).unwrap();
        assert_eq!((reply.yiaddr(), &reply.tags), (ADDRESS, &request.tags), "{tags:?}");
        let request = tagged(Ask::discover().relayed(OTHER_RELAY), tags);
        assert_eq!(ask(&site(), &request.frame()), Err(Verdict::WrongSubnet));
    }
}

/// Each answer to the machine goes where its request came from.
#[test]
fn every_answer_has_the_tags() {
    for (request, verdict) in [
        (Ask::selecting(IN_5), Verdict::Ack),
        (Ask::renewing(IN_5), Verdict::Ack),
        (Ask::selecting(ADDRESS), Verdict::Nak),
        (Ask { ciaddr: IN_5, ..Ask::new(8) }, Verdict::InformAck),
    ] {
        let request = request.tag(C, 0x2005);
        let reply = ask(&site(), &request.frame()).unwrap();
        assert_eq!((reply.verdict, &reply.tags), (verdict, &request.tags));
    }
}

#[test]
fn what_stands_behind_tags_is_classified() {
    let check = |what, expect: Verdict, change: fn(&mut Vec<u8>)| {
        for tags in [&[(C, 5)][..], &[(S, 7), (C, 9)]] {
            let mut frame = tagged(Ask::discover(), tags).frame();
            let mut behind = frame.split_off(12 + 4 * tags.len());
            change(&mut behind);
            frame.extend(behind);
            assert_eq!(ask(&site(), &frame).map(|reply| reply.verdict), Err(expect), "{what}");
        }
    };
    check("IPv6", Verdict::NotDhcp, |behind| behind[..2].copy_from_slice(&[0x86, 0xdd]));
    check("to a client", Verdict::NotDhcp, |behind| behind[25] = 68);
    check("to a boot server", Verdict::ProxyPort, |behind| {
        behind[24..26].copy_from_slice(&[0x0f, 0xab]);
    });
    check("a first fragment", Verdict::Fragment, |behind| behind[8] = 0x20);
    check("IP options", Verdict::IpOptions, |behind| behind[2] = 0x46);
    check("cut headers", Verdict::NotDhcp, |behind| behind.truncate(29));
    check("nothing", Verdict::NotDhcp, Vec::clear);
    check("cut after the headers", Verdict::Truncated, |behind| behind.truncate(30));
    // The tags are not part of what the lengths count.
    check("IP longer by a tag", Verdict::Truncated, |behind| {
        let len = u16::from_be_bytes([behind[4], behind[5]]) + 4;
        behind[4..6].copy_from_slice(&len.to_be_bytes());
    });
    check("longer by a tag", Verdict::Truncated, |behind| {
        for at in [4, 26] {
            let len = u16::from_be_bytes([behind[at], behind[at + 1]]) + 4;
            behind[at..at + 2].copy_from_slice(&len.to_be_bytes());
        }
    });
}
