//! INFORM, DECLINE and RELEASE, and an address that is held back.

use netboot_ebpf::{
    shared::Relays,
    verdict::Verdict,
    wire::{DECLINE, INFORM, RELEASE},
};

use crate::common::{
    ADDRESS, Answered, Ask, INTERFACE_MAC, MAC, OTHER_RELAY, OTHER_SERVER, RELAY, SERVER, STRANGER,
    Site, ask, kernel_verdict, verdict,
};

const OTHER_ADDRESS: [u8; 4] = [172, 30, 0, 51];
const FOREIGN: [u8; 4] = [10, 9, 8, 7];
const RELAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x67];

/// What the kernel and what the daemon counts.
fn check(site: &Site, request: &Ask, kernel: Verdict, daemon: Verdict) {
    let frame = request.frame();
    assert_eq!(
        (kernel_verdict(site, &frame), verdict(site, &frame)),
        (kernel, daemon),
        "{request:?}"
    );
}

/// From a client that has this address.
fn inform(ciaddr: [u8; 4]) -> Ask {
    Ask { ciaddr, source: ciaddr, ..Ask::new(INFORM) }
}

fn informed(request: &Ask) -> Answered {
    check(&Site::new(), request, Verdict::Inform, Verdict::InformAck);
    ask(&Site::new(), &request.frame()).unwrap()
}

/// RFC 2131 section 4.3.5: neither an address nor times; all else as the machine gets it otherwise.
#[test]
fn inform_is_answered_without_a_lease() {
    let with: [fn(Ask) -> Ask; 7] = [
        |ask| ask,
        |ask| ask.with(60, b"PXEClient").with(93, &[0, 0]),
        |ask| ask.with(60, b"HTTPClient").with(93, &[0, 16]).broadcast_flag(),
        |ask| ask.with(61, b"id").with(97, &[0; 17]).with(82, b"x"),
        |ask| ask.with(61, &[7; 200]),
        // Another server's identifier and another address mean nothing here.
        |ask| ask.with(54, &FOREIGN).with(50, &FOREIGN),
        |ask| ask.relayed(RELAY),
    ];
    for with in with {
        for ciaddr in [ADDRESS, OTHER_ADDRESS] {
            let reply = informed(&with(inform(ciaddr)));
            let mut lease = ask(&Site::new(), &with(Ask::discover()).frame()).unwrap();
            lease.options.retain(|(code, _)| !matches!(code, 51 | 58 | 59));
            lease.options[0].1 = vec![5];
            assert_eq!(reply.options, lease.options);
            assert_eq!(reply.boot_file(), lease.boot_file());
            let addresses = [&ciaddr[..], &[0; 4], &lease.message[20..28]].concat();
            assert_eq!(reply.message[12..28], addresses, "ciaddr, no yiaddr, siaddr, giaddr");
            assert_eq!(reply.message.len(), reply.used().max(300));
        }
    }
    // Wherever it is: a lease is not what it asks for.
    informed(&inform(ADDRESS).relayed(OTHER_RELAY));
    check(&Site::new(), &inform(ADDRESS).mac(STRANGER), UNKNOWN, UNKNOWN);
}

const UNKNOWN: Verdict = Verdict::UnknownMachine;

#[test]
fn inform_is_answered_to_the_clients_address() {
    let check = |request: Ask, expect: ([u8; 6], [u8; 4], u16)| {
        let reply = informed(&request);
        assert_eq!((reply.to, reply.destination, reply.port), expect, "{request:?}");
        assert_eq!((reply.from, reply.source), (INTERFACE_MAC, SERVER));
    };
    check(inform(ADDRESS), (MAC, ADDRESS, 68));
    check(inform(OTHER_ADDRESS), (MAC, OTHER_ADDRESS, 68));
    check(inform(ADDRESS).broadcast_flag(), (MAC, ADDRESS, 68));
    check(Ask { destination: SERVER, ..inform(ADDRESS) }, (MAC, ADDRESS, 68));
    // It counts, not where the request came from; nor does a relay.
    check(Ask { source: OTHER_ADDRESS, source_port: 1068, ..inform(ADDRESS) }, (MAC, ADDRESS, 68));
    check(inform(ADDRESS).relayed(RELAY), (RELAY_MAC, ADDRESS, 68));
    // Where it says none: to the relay, else to where the request came from.
    check(inform([0; 4]).relayed(RELAY), (RELAY_MAC, RELAY, 67));
    check(Ask { source: ADDRESS, ..inform([0; 4]) }, (MAC, ADDRESS, 68));
    let elsewhere = Ask { source: OTHER_ADDRESS, source_port: 9, ..inform([0; 4]) };
    check(elsewhere, (MAC, OTHER_ADDRESS, 68));
}

#[test]
fn inform_from_no_address() {
    let check = |request: &Ask| {
        check(&Site::new(), request, Verdict::Inform, Verdict::WrongAddress);
    };
    check(&inform([0; 4]));
    // By unicast from another network, somebody sends others what they did not ask for.
    check(&Ask { source: FOREIGN, destination: SERVER, ..inform(ADDRESS) });
    // Another network's address, and ours, would have others get what they did not ask for.
    check(&Ask { source: FOREIGN, ..inform([0; 4]) });
    let odd = [[127, 0, 0, 1], [0, 0, 0, 9], [224, 0, 0, 1], [240, 0, 0, 1], [255; 4]];
    for odd in odd.into_iter().chain([FOREIGN, SERVER]) {
        check(&inform(odd));
        check(&Ask { source: ADDRESS, ..inform(odd) });
        check(&inform(odd).relayed(RELAY));
        check(&Ask { source: odd, ..inform([0; 4]) });
    }
}

/// A message of this type, that names a server and an address in both places.
fn naming(message_type: u8, server: Option<[u8; 4]>, requested: [u8; 4], ciaddr: [u8; 4]) -> Ask {
    let mut ask = Ask { ciaddr, ..Ask::new(message_type) };
    if let Some(server) = server {
        ask = ask.with(54, &server);
    }
    if requested == [0; 4] { ask } else { ask.with(50, &requested) }
}

/// Neither is answered. The kernel leaves each DECLINE to the daemon.
#[test]
fn decline_and_release() {
    const NONE: [u8; 4] = [0; 4];
    for (message_type, expect) in [(DECLINE, Verdict::Decline), (RELEASE, Verdict::Release)] {
        let check = |ask: Ask, daemon: Verdict| {
            let is_looked_at =
                !matches!(daemon, UNKNOWN | Verdict::OtherServer | Verdict::BadOption);
            let kernel =
                if message_type == DECLINE && is_looked_at { Verdict::Decline } else { daemon };
            check(&Site::new(), &ask, kernel, daemon);
        };
        // A DECLINE says the address in option 50, a RELEASE in ciaddr (RFC 2131 table 5).
        let naming = |server: Option<[u8; 4]>, address, other| match message_type {
            DECLINE => naming(DECLINE, server, address, other),
            _ => naming(RELEASE, server, other, address),
        };
        for server in [SERVER, OTHER_SERVER] {
            check(naming(Some(server), ADDRESS, NONE), expect);
            check(naming(Some(server), ADDRESS, NONE).relayed(RELAY), expect);
            // Who declines it must be on the link to have been offered it.
            let elsewhere = naming(Some(server), ADDRESS, NONE).relayed(OTHER_RELAY);
            check(elsewhere, if message_type == DECLINE { Verdict::WrongAddress } else { expect });
            check(naming(Some(server), OTHER_ADDRESS, NONE), Verdict::WrongAddress);
            check(naming(Some(server), OTHER_ADDRESS, ADDRESS), Verdict::WrongAddress);
            check(naming(Some(server), NONE, ADDRESS), Verdict::WrongAddress);
            check(naming(Some(server), NONE, NONE), Verdict::WrongAddress);
            check(naming(Some(server), ADDRESS, NONE).mac(STRANGER), UNKNOWN);
        }
        check(naming(None, ADDRESS, NONE), Verdict::WrongAddress);
        check(naming(None, ADDRESS, ADDRESS), Verdict::WrongAddress);
        check(naming(Some(FOREIGN), ADDRESS, NONE), Verdict::OtherServer);
        check(naming(Some(FOREIGN), ADDRESS, NONE).mac(STRANGER), Verdict::OtherServer);
        check(naming(Some(NONE), ADDRESS, NONE), Verdict::BadOption);
    }
}

/// A DECLINE is broadcast from no address, without ciaddr (RFC 2131 section 4.4.4 and table 5), or comes through
/// a relay of its subnet.
#[test]
fn where_a_decline_comes_from() {
    const FAR: [u8; 6] = [2, 0, 0, 0, 0, 0x29];
    const FAR_ADDRESS: [u8; 4] = [172, 29, 0, 50];
    let near = || naming(DECLINE, Some(SERVER), ADDRESS, [0; 4]);
    let far = || naming(DECLINE, Some(OTHER_SERVER), FAR_ADDRESS, [0; 4]).mac(FAR);
    let check = |ask: Ask, expect| {
        let site = Site::new().with(|site| _ = site.reserve(FAR, FAR_ADDRESS, 1));
        check(&site, &ask, Verdict::Decline, expect);
    };
    let elsewhere = Verdict::DeclineFromElsewhere;
    check(near(), Verdict::Decline);
    // The client's own port means nothing, nor does the Ethernet destination.
    check(Ask { source_port: 1068, to: INTERFACE_MAC, ..near() }, Verdict::Decline);
    check(Ask { source: FOREIGN, destination: SERVER, ..near() }, elsewhere);
    for source in [FOREIGN, OTHER_ADDRESS, ADDRESS, SERVER, [255; 4]] {
        check(Ask { source, ..near() }, elsewhere);
        check(Ask { source, destination: SERVER, ..near() }, elsewhere);
        check(Ask { source, ciaddr: source, ..near() }, elsewhere);
    }
    check(Ask { destination: SERVER, ..near() }, elsewhere);
    check(Ask { ciaddr: ADDRESS, ..near() }, elsewhere);
    // Relays: on the link, from there; elsewhere, whatever address of theirs they send from.
    check(near().relayed(RELAY), Verdict::Decline);
    check(Ask { source: OTHER_ADDRESS, ..near().relayed(RELAY) }, Verdict::Decline);
    check(Ask { source: FOREIGN, ..near().relayed(RELAY) }, elsewhere);
    check(Ask { ciaddr: ADDRESS, ..near().relayed(RELAY) }, elsewhere);
    check(far().relayed(OTHER_RELAY), Verdict::Decline);
    check(Ask { source: FOREIGN, ..far().relayed(OTHER_RELAY) }, Verdict::Decline);
    check(Ask { ciaddr: FAR_ADDRESS, ..far().relayed(OTHER_RELAY) }, elsewhere);
    let configured = |source: [u8; 4]| {
        let site = Site::new().with(|site| {
            site.subnets[0].relays[3] = Relays { network: OTHER_RELAY, mask: [255, 255, 255, 255] };
        });
        let ask = Ask { source, ..near().relayed(OTHER_RELAY) };
        verdict(&site, &ask.frame())
    };
    assert_eq!([OTHER_RELAY, FOREIGN].map(configured), [Verdict::Decline, elsewhere]);
    check(far().relayed(FOREIGN), Verdict::WrongAddress);
    check(far().relayed(RELAY), Verdict::WrongAddress);
    check(far(), Verdict::WrongAddress);
}

/// What is declined is not given again for a while; what was wrong before is wrong still.
#[test]
fn an_address_that_is_held_back() {
    let held = Site::new().with(|site| site.machine().quarantined_until = 1);
    let check = |request: Ask, kernel, daemon| check(&held, &request, kernel, daemon);
    for request in [
        Ask::discover(),
        Ask::discover().relayed(RELAY),
        Ask::selecting(ADDRESS),
        Ask::init_reboot(ADDRESS),
        Ask::renewing(ADDRESS),
        Ask::rebinding(ADDRESS),
    ] {
        check(request, Verdict::Quarantined, Verdict::Quarantined);
    }
    check(Ask::selecting(OTHER_ADDRESS), Verdict::Nak, Verdict::Nak);
    check(Ask::discover().relayed(OTHER_RELAY), Verdict::WrongSubnet, Verdict::WrongSubnet);
    check(naming(DECLINE, Some(SERVER), ADDRESS, [0; 4]), Verdict::Decline, Verdict::Decline);
    check(naming(RELEASE, Some(SERVER), [0; 4], ADDRESS), Verdict::Release, Verdict::Release);
    // Other machines are not concerned.
    let held = Site::new().with(|site| {
        site.reserve(STRANGER, OTHER_ADDRESS, 0).quarantined_until = u64::MAX;
    });
    assert_eq!(verdict(&held, &Ask::discover().frame()), Verdict::Offer);
    assert_eq!(verdict(&held, &Ask::discover().mac(STRANGER).frame()), Verdict::Quarantined);
}
