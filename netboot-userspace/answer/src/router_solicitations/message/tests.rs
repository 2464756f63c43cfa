//! Tests of Router Solicitations and Advertisements as frames.

use super::*;

const MAC: Mac = Mac { octets: [0x52, 0x54, 0, 0xee, 0x0d, 0x0b] };
const NODE: Mac = Mac { octets: [2, 0, 0, 0, 0, 1] };
const TAG: [u8; 4] = [0x81, 0, 0x60, 7];

/// What Debian 12's iPXE sent, as it was captured, but for the tags.
fn solicitation(tags: &[u8]) -> Vec<u8> {
    let ip = [
        0x60, 0, 0, 0, 0, 16, 58, 255, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x50, 0x54, 0, 0xff, 0xfe,
        0xee, 0x0d, 0x0b, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
    ];
    let icmp = [133, 0, 0xbe, 0x93, 0, 0, 0, 0, 1, 1, 0x52, 0x54, 0, 0xee, 0x0d, 0x0b];
    let macs = [ALL_ROUTERS_MAC.octets, MAC.octets];
    [macs.as_flattened(), tags, &IPV6, &ip, &icmp].concat()
}

/// A frame around this message, with the right lengths and checksum.
fn around(source: Ipv6Addr, icmp: &[u8]) -> Vec<u8> {
    sent_to(ALL_ROUTERS, source, icmp)
}

fn sent_to(destination: Ipv6Addr, source: Ipv6Addr, icmp: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; 40 + icmp.len()];
    let ip = Ipv6Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: IpProtocol::Icmpv6,
        payload_len: icmp.len(),
        hop_limit: 255,
    };
    let mut packet = Ipv6Packet::new_unchecked(&mut datagram);
    ip.emit(&mut packet);
    packet.payload_mut().copy_from_slice(icmp);
    Icmpv6Packet::new_unchecked(packet.payload_mut()).fill_checksum(&source, &destination);
    [&NODE.octets, &MAC.octets, &IPV6[..], &datagram].concat()
}

fn asked(tags: &[u8], vlan: [u16; 2]) -> RouterMessage<'_> {
    RouterMessage {
        mac: MAC,
        vlan: Vlan { ids: vlan },
        tags,
        source: link_local_of(MAC),
        kind: RouterMessageKind::Solicitation { link_address: Some(MAC) },
    }
}

#[test]
fn reads_what_ipxe_sends() {
    let check = |tags: &[u8], vlan| {
        let frame = solicitation(tags);
        assert_eq!(parse(&frame), Ok(asked(tags, vlan)), "{tags:?}");
        // Padding of a short frame.
        assert_eq!(parse(&[&frame[..], &[0; 9]].concat()), Ok(asked(tags, vlan)), "{tags:?}");
    };
    check(&[], [0, 0]);
    check(&TAG, [7, 0]);
    check([[0x88, 0xa8, 0, 9], TAG].as_flattened(), [9, 7]);
    assert_eq!(parse(&solicitation([TAG, TAG, TAG].as_flattened())), Err(NoRouterMessage::Other));
}

#[test]
fn leaves_what_is_not_valid() {
    let whole = solicitation(&[]);
    let changed = |at: usize, byte: u8, expect| {
        let mut frame = whole.clone();
        frame[at] = byte;
        assert_eq!(parse(&frame).unwrap_err(), expect, "{byte} at {at}");
    };
    // IPv4, version 5, another header, another message.
    changed(12, 8, NoRouterMessage::Other);
    changed(14, 0x50, NoRouterMessage::Other);
    changed(20, 0, NoRouterMessage::Other);
    changed(54, 135, NoRouterMessage::Other);
    // Longer than the frame.
    changed(19, 17, NoRouterMessage::Other);
    // From behind a router; a code; the checksum; another source.
    changed(21, 254, NoRouterMessage::Invalid);
    changed(55, 1, NoRouterMessage::Invalid);
    changed(57, 0xba, NoRouterMessage::Invalid);
    changed(37, 0x0c, NoRouterMessage::Invalid);
    // To one router, which is another station.
    let one = sent_to(link_local_of(NODE), link_local_of(MAC), &[133, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(parse(&one), Err(NoRouterMessage::Other));
    for len in 0..whole.len() {
        assert!(parse(&whole[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn options_have_a_length() {
    let check = |source: Ipv6Addr, options: &[u8], expect| {
        let solicitation = [&[133, 0, 0, 0, 0, 0, 0, 0], options].concat();
        let frame = around(source, &solicitation);
        assert_eq!(parse(&frame).map(|message| message.kind), expect, "{options:?}");
    };
    let own = link_local_of(MAC);
    let with = |link_address| Ok(RouterMessageKind::Solicitation { link_address });
    check(own, &[], with(None));
    check(own, &[1, 1, 2, 0, 0, 0, 0, 1], with(Some(NODE)));
    check(own, &[14, 1, 2, 0, 0, 0, 0, 1], with(None));
    check(own, &[14, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], with(None));
    check(own, &[1, 0, 2, 0, 0, 0, 0, 1], Err(NoRouterMessage::Invalid));
    check(own, &[14, 0, 0, 0, 0, 0, 0, 0], Err(NoRouterMessage::Invalid));
    check(own, &[1, 2, 2, 0, 0, 0, 0, 1], Err(NoRouterMessage::Invalid));
    check(own, &[1], Err(NoRouterMessage::Invalid));
    check(own, &[1, 1, 2, 0, 0, 0, 0], Err(NoRouterMessage::Invalid));
    // Who has no address yet has no neighbours (RFC 4861 section 6.1.1).
    check(Ipv6Addr::UNSPECIFIED, &[], with(None));
    check(Ipv6Addr::UNSPECIFIED, &[1, 1, 2, 0, 0, 0, 0, 1], Err(NoRouterMessage::Invalid));
}

#[test]
fn tells_what_an_advertisement_says() {
    let router = link_local_of(NODE);
    let check =
        |source, header: [u8; 4], options: &[u8], expect: Result<(u64, bool), NoRouterMessage>| {
            let mut icmp = vec![134, 0, 0, 0];
            icmp.extend(header);
            icmp.extend([0; 8]);
            icmp.extend(options);
            let expect = expect.map(|(seconds, tells)| RouterMessageKind::Advertisement {
                lifetime: Duration::from_secs(seconds),
                tells,
            });
            let frame = around(source, &icmp);
            assert_eq!(parse(&frame).map(|message| message.kind), expect, "{header:?} {options:?}");
        };
    check(router, [64, 0, 0, 0], &[], Ok((0, false)));
    check(router, [64, 0, 7, 8], &[], Ok((1800, false)));
    check(router, [0, 0x80, 0, 0], &[], Ok((0, true)));
    check(router, [0, 0x40, 0, 0], &[], Ok((0, true)));
    // Preferences and the home agent's flag tell a host nothing without a lifetime.
    check(router, [0, 0x38, 0, 0], &[], Ok((0, false)));
    check(router, [0; 4], &[1, 1, 2, 0, 0, 0, 0, 1], Ok((0, false)));
    let mut prefix = [0; 32];
    (prefix[0], prefix[1]) = (3, 4);
    check(router, [0; 4], &prefix, Ok((0, true)));
    // DNS servers.
    check(router, [0; 4], &[25, 1, 0, 0, 0, 0, 0, 0], Ok((0, true)));
    check(router, [0; 4], &[25, 0, 0, 0, 0, 0, 0, 0], Err(NoRouterMessage::Invalid));
    // "IP Source Address is a link-local address."
    check("2001:db8::1".parse().unwrap(), [64, 0, 7, 8], &[], Err(NoRouterMessage::Invalid));
    assert_eq!(parse(&around(router, &[134, 0, 0, 0, 64, 0, 7, 8])), Err(NoRouterMessage::Invalid));
}

#[test]
fn the_answer_says_nothing() {
    let check = |tags: &[u8]| {
        let frame = solicitation(tags);
        let message = parse(&frame).unwrap();
        let source = link_local_of(NODE);
        let answer = no_router(NODE, source, &message);
        let read = parse(&answer).unwrap();
        let lifetime = Duration::ZERO;
        let kind = RouterMessageKind::Advertisement { lifetime, tells: false };
        let expect = RouterMessage { mac: NODE, source, kind, ..message };
        assert_eq!(read, expect);
        // To the machine alone; 24 bytes less would be no advertisement.
        assert_eq!(answer[..6], MAC.octets);
        let datagram = &answer[14 + tags.len()..];
        assert_eq!(datagram[24..40], message.source.octets());
        let checksum = [datagram[42], datagram[43]];
        assert_eq!(datagram[40..], [&[134, 0][..], &checksum, &[0; 12]].concat());
    };
    check(&[]);
    check(&TAG);
    check([[0x88, 0xa8, 0, 9], TAG].as_flattened());
}

#[test]
fn a_question_is_valid() {
    let source = link_local_of(NODE);
    let check = |from: Option<Ipv6Addr>, tags: &[u8], link_address| {
        let frame = question(NODE, from, tags);
        let read = parse(&frame).unwrap();
        assert_eq!(read.kind, RouterMessageKind::Solicitation { link_address });
        assert_eq!((read.mac, read.tags), (NODE, tags));
        assert_eq!(read.source, from.unwrap_or(Ipv6Addr::UNSPECIFIED));
        assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 2]);
    };
    check(Some(source), &[], Some(NODE));
    check(Some(source), &TAG, Some(NODE));
    check(None, &[], None);
}
