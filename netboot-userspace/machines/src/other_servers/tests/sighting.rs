//! Tests of what frames show of other servers.

use netboot_ebpf::{
    request::is_unicast,
    responder::Scratch,
    shared::{Mac, Vlan},
    verdict::Verdict,
    wire::{BOOTREQUEST, HLEN, OPTIONS, PROXY_PORT, SERVER_PORT},
};

use super::{MACHINE, OFFERED, RELAY, Reply, SERVER, SERVER_MAC};
use crate::other_servers::{ServerKind, Sighting};

/// Where a message begins, behind the headers.
const MESSAGE: usize = 42;

fn expected() -> Sighting {
    Sighting {
        server: SERVER.into(),
        mac: Some(SERVER_MAC),
        vlan: Vlan::NONE,
        relay: None,
        message_type: 2,
        kind: Some(ServerKind::Dhcp),
        machine: Some(MACHINE),
        offered: Some(OFFERED.into()),
    }
}

fn read(frame: &[u8]) -> Result<Sighting, Verdict> {
    Sighting::in_reply(frame, &mut Scratch::new())
}

fn check(reply: &Reply, expect: Result<Sighting, Verdict>) {
    assert_eq!(read(&reply.frame()), expect, "{reply:?}");
}

#[test]
fn what_answers_show() {
    check(&Reply::offer(), Ok(expected()));
    check(&Reply::new(5, &SERVER), Ok(Sighting { message_type: 5, ..expected() }));
    let without = |reply| Reply { yiaddr: [0; 4], ..reply };
    let nothing = |message_type, kind| Sighting { message_type, kind, offered: None, ..expected() };
    check(&without(Reply::new(6, &SERVER)), Ok(nothing(6, None)));
    // An ACK to an INFORM.
    check(&without(Reply::new(5, &SERVER)), Ok(nothing(5, None)));
    check(&without(Reply::offer()), Ok(nothing(2, Some(ServerKind::ProxyDhcp))));
}

#[test]
fn the_servers_address() {
    let from = |source, reply| Reply { source, ..reply };
    let named = |server: [u8; 4]| Ok(Sighting { server: server.into(), ..expected() });
    check(&from([192, 168, 2, 5], Reply::offer()), named(SERVER));
    check(&from([192, 168, 2, 5], Reply::new(2, &[])), named([192, 168, 2, 5]));
    // What option 54 says can be no server's.
    for nobody in [[0; 4], [255; 4], [127, 0, 0, 1], [224, 0, 0, 1]] {
        check(&from([192, 168, 2, 5], Reply::new(2, &nobody)), named([192, 168, 2, 5]));
        check(&from(nobody, Reply::new(2, &nobody)), Err(Verdict::BadOption));
    }
    check(&Reply::new(2, &[192, 168, 2]), Err(Verdict::BadOption));
}

#[test]
fn relays_and_vlans() {
    let relayed = || Reply { giaddr: RELAY, ..Reply::offer() };
    // To the relay, and from it to the client: the MAC is another station's.
    let behind = || Sighting { mac: None, relay: Some(RELAY.into()), ..expected() };
    check(&relayed(), Ok(behind()));
    check(&Reply { port: SERVER_PORT, ..relayed() }, Ok(behind()));
    assert!(!behind().names_relay());
    let known_by_relay = Reply { giaddr: SERVER, ..relayed() };
    assert!(read(&known_by_relay.frame()).unwrap().names_relay());

    let tagged = |tags: &[u8]| Reply { tags: tags.to_vec(), ..Reply::offer() };
    let vlan = |ids| Ok(Sighting { vlan: Vlan { ids }, ..expected() });
    check(&tagged(&[0x81, 0, 0x20, 100]), vlan([100, 0]));
    check(&tagged(&[0x88, 0xa8, 0, 200, 0x81, 0, 0, 100]), vlan([200, 100]));
    check(&tagged(&[0x81, 0, 0, 1].repeat(3)), Err(Verdict::Tagged));
}

/// Options that go on elsewhere, come in parts, or are many.
#[test]
fn sprawling_options() {
    check(&Reply::offer().with(&[52, 1, 1]), Ok(expected()));
    let mut in_file = Reply::new(2, &[]).with(&[52, 1, 1]).frame();
    in_file[MESSAGE + 108..][..7].copy_from_slice(&[54, 4, 10, 1, 1, 1, 255]);
    let server = [10, 1, 1, 1].into();
    assert_eq!(read(&in_file), Ok(Sighting { server, ..expected() }));
    check(&Reply::new(2, &[]).with(&[54, 2, 192, 168, 54, 2, 2, 66]), Ok(expected()));
    check(&Reply::offer().with(&[0; 200]), Ok(expected()));
    check(&Reply::offer().with(&[0; 5000]), Ok(expected()));
    let pieces = [&[43, 255][..], &[7; 255]].concat().repeat(3);
    check(&Reply::offer().with(&pieces), Ok(expected()));
    let many: Vec<u8> = (60..160).flat_map(|code| [code, 1, 9]).collect();
    check(&Reply::offer().with(&many), Ok(expected()));
    check(&Reply::offer().with(&[52, 1, 9]), Err(Verdict::BadOption));
}

#[test]
fn what_is_no_answer() {
    check(&Reply { op: BOOTREQUEST, ..Reply::offer() }, Err(Verdict::NotRequest));
    for message_type in [0, 1, 3, 4, 7, 8, 9, 255] {
        check(&Reply::new(message_type, &SERVER), Err(Verdict::UnsupportedType));
    }
    check(
        &Reply { options: vec![54, 4, 1, 2, 3, 4], ..Reply::offer() },
        Err(Verdict::NotDhcpMessage),
    );
    check(&Reply { options: vec![53, 2, 2, 2], ..Reply::offer() }, Err(Verdict::BadOption));
    check(&Reply { port: PROXY_PORT, ..Reply::offer() }, Err(Verdict::ProxyPort));
    check(&Reply { port: 69, ..Reply::offer() }, Err(Verdict::NotDhcp));
    check(&Reply::offer().with(&[250; 1600]), Err(Verdict::Truncated));
}

#[test]
fn malformed_frames() {
    let changed = |at: usize, byte: u8, expect| {
        let mut frame = Reply::offer().frame();
        frame[at] = byte;
        assert_eq!(read(&frame), expect, "{at}: {byte}");
    };
    // Ethernet type, IP version and length, protocol; fragments.
    changed(12, 0x86, Err(Verdict::NotDhcp));
    changed(14, 0x65, Err(Verdict::NotDhcp));
    changed(14, 0x46, Err(Verdict::IpOptions));
    changed(20, 0x20, Err(Verdict::Fragment));
    changed(21, 1, Err(Verdict::NotDhcp));
    changed(23, 6, Err(Verdict::NotDhcp));
    // IP and UDP length, cookie, an option that is cut off.
    changed(16, 9, Err(Verdict::Truncated));
    changed(38, 9, Err(Verdict::Truncated));
    changed(38, 0, Err(Verdict::Truncated));
    changed(MESSAGE + 236, 0, Err(Verdict::NotDhcpMessage));
    changed(MESSAGE + OPTIONS + 4, 250, Err(Verdict::Truncated));
    changed(MESSAGE + HLEN, 16, Ok(Sighting { machine: None, ..expected() }));
    let frame = Reply::offer().frame();
    for len in 0..frame.len() {
        assert!(read(&frame[..len]).is_err(), "{len}");
    }
}

/// Whatever comes in, nothing panics, and what is seen is somebody.
#[test]
fn changed_frames() {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % below
    };
    let tagged = Reply { tags: vec![0x81, 0, 0, 7], ..Reply::offer() };
    let sprawling = Reply::new(5, &[]).with(&[52, 1, 3, 54, 2, 10, 1, 54, 2, 1, 1]);
    let replies = [Reply::offer(), tagged, sprawling].map(|reply| reply.frame());
    let mut scratch = Box::new(Scratch::new());
    let mut seen = 0;
    for _ in 0..200_000 {
        let mut frame = replies[random(replies.len())].clone();
        for _ in 0..random(6) {
            // Mostly where it matters: headers and options.
            let at = if random(2) == 0 { random(60) } else { MESSAGE + 230 + random(40) };
            frame[at] = random(256) as u8;
        }
        frame.truncate(frame.len() - random(4) * random(40));
        let Ok(sighting) = Sighting::in_reply(&frame, &mut scratch) else { continue };
        seen += 1;
        assert!(is_unicast(sighting.server.octets()), "{sighting:?}");
        assert!(matches!(sighting.message_type, 2 | 5 | 6), "{sighting:?}");
        assert_ne!(sighting.offered.map(|address| address.octets()), Some([0; 4]));
    }
    assert!(seen > 10_000, "{seen}");
}

#[test]
fn what_machines_say() {
    let check = |server, requested, ciaddr, expect: Option<Sighting>| {
        let mut scratch = Scratch::new();
        scratch.vlan = Vlan { ids: [100, 0] };
        scratch.request.station.mac = Mac { octets: [2, 0, 0, 0, 0, 1] };
        scratch.request.message_type = 3;
        scratch.request.server = server;
        scratch.request.requested = requested;
        scratch.request.ciaddr = ciaddr;
        assert_eq!(Sighting::in_request(&scratch), expect);
    };
    let expect =
        Sighting { mac: None, vlan: Vlan { ids: [100, 0] }, message_type: 3, ..expected() };
    check(SERVER, OFFERED, [0; 4], Some(expect.clone()));
    check(SERVER, [0; 4], OFFERED, Some(expect.clone()));
    check(SERVER, [0; 4], [0; 4], Some(Sighting { offered: None, ..expect }));
    // In the proxy modes, one that names no server.
    check([0; 4], OFFERED, [0; 4], None);
    check([255; 4], OFFERED, [0; 4], None);
}
