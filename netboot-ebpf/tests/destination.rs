//! RFC 2131 section 4.1.

use netboot_ebpf::verdict::Verdict;

use crate::common::{
    ADDRESS, Ask, INTERFACE_MAC, MAC, OTHER_RELAY, RELAY, SERVER, Site, ask, verdict,
};

/// On the way: a router, not the client.
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 0x99];
const RELAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x67];
const EVERYBODY: ([u8; 6], [u8; 4], u16) = ([255; 6], [255; 4], 68);

fn check(request: &Ask, message_type: u8, expect: ([u8; 6], [u8; 4], u16)) {
    let reply = ask(&Site::new(), &request.frame()).unwrap();
    assert_eq!(reply.message_type, message_type, "{request:?}");
    assert_eq!((reply.to, reply.destination, reply.port), expect, "{request:?}");
    assert_eq!((reply.from, reply.source), (INTERFACE_MAC, SERVER), "{request:?}");
}

#[test]
fn relayed() {
    let to_relay = (RELAY_MAC, RELAY, 67);
    check(&Ask::discover().relayed(RELAY), 2, to_relay);
    check(&Ask::discover().relayed(RELAY).broadcast_flag(), 2, to_relay);
    check(&Ask::selecting(ADDRESS).relayed(RELAY), 5, to_relay);
    check(&Ask::rebinding(ADDRESS).relayed(RELAY), 5, to_relay);
    check(&Ask::rebinding(ADDRESS).relayed(RELAY).broadcast_flag(), 5, to_relay);
    check(&Ask::selecting([172, 30, 0, 9]).relayed(RELAY), 6, to_relay);
    check(&Ask::selecting(ADDRESS).relayed(OTHER_RELAY), 6, (RELAY_MAC, OTHER_RELAY, 67));
}

#[test]
fn to_an_address_in_use() {
    check(&Ask::renewing(ADDRESS), 5, (MAC, ADDRESS, 68));
    check(&Ask::renewing(ADDRESS).broadcast_flag(), 5, (MAC, ADDRESS, 68));
    check(&Ask::rebinding(ADDRESS), 5, (MAC, ADDRESS, 68));
    let routed = Ask { station: ROUTER, ..Ask::renewing(ADDRESS) };
    check(&routed, 5, (ROUTER, ADDRESS, 68));
    // The port is the client's, not the one it sent from.
    check(&Ask { source_port: 4011, ..routed }, 5, (ROUTER, ADDRESS, 68));
}

#[test]
fn to_a_client_without_address() {
    for (request, message_type) in
        [(Ask::discover(), 2), (Ask::selecting(ADDRESS), 5), (Ask::init_reboot(ADDRESS), 5)]
    {
        check(&request, message_type, (MAC, ADDRESS, 68));
        check(&request.clone().broadcast_flag(), message_type, EVERYBODY);
        // The other bits of the flags mean nothing.
        let reserved = Ask { flags: [0x7f, 0xff], ..request.clone() };
        check(&reserved, message_type, (MAC, ADDRESS, 68));
        // To the client itself, whoever sent the frame.
        let bridged = Ask { station: ROUTER, source_port: 1068, ..request };
        check(&bridged, message_type, (MAC, ADDRESS, 68));
    }
}

/// A DISCOVER has no ciaddr (RFC 2131 table 5): what stands there is not sent to.
#[test]
fn a_discover_with_an_address() {
    for ciaddr in [ADDRESS, [172, 30, 0, 9], SERVER, [127, 0, 0, 1], [255; 4]] {
        let discover = Ask { ciaddr, ..Ask::discover() };
        check(&discover, 2, (MAC, ADDRESS, 68));
        check(&discover.clone().broadcast_flag(), 2, EVERYBODY);
        check(&discover.relayed(RELAY), 2, (RELAY_MAC, RELAY, 67));
    }
}

#[test]
fn refusals_are_broadcast() {
    let wrong = [172, 30, 0, 9];
    for request in [
        Ask::selecting(wrong),
        Ask::init_reboot(wrong),
        Ask::renewing(wrong),
        Ask::renewing(wrong).broadcast_flag(),
        Ask { station: ROUTER, ..Ask::renewing(wrong) },
        Ask::rebinding(wrong),
    ] {
        check(&request, 6, EVERYBODY);
    }
}

/// A client that renews an address of no subnet on this link is behind a router: a broadcast would stay here.
#[test]
fn refusals_through_a_router() {
    for wrong in [[10, 9, 8, 7], [172, 29, 0, 9]] {
        let renewing = Ask { station: ROUTER, ..Ask::renewing(wrong) };
        check(&renewing, 6, (ROUTER, wrong, 68));
        check(&renewing.clone().broadcast_flag(), 6, (ROUTER, wrong, 68));
        check(&Ask { source_port: 1068, ..renewing }, 6, (ROUTER, wrong, 68));
    }
    // One that rebinds is on this link, whatever address it has.
    check(&Ask { station: ROUTER, ..Ask::rebinding([172, 29, 0, 9]) }, 6, EVERYBODY);
    // No answer goes to what is no host's address.
    for odd in [[0, 0, 0, 9], [127, 0, 0, 1], [224, 0, 0, 1], [255; 4]] {
        check(&Ask { station: ROUTER, ..Ask::renewing(odd) }, 6, EVERYBODY);
    }
    let relayed = Ask { station: ROUTER, ..Ask::renewing([10, 9, 8, 7]) }.relayed(RELAY);
    assert_eq!(verdict(&Site::new(), &relayed.frame()), Verdict::WrongAddress);
}
