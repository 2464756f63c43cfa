//! Where answers go (RFC 2131 section 4.1).

use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FOREIGN, MAC, OTHER_SERVER, RELAY, SERVER, Site, Suite,
};

use super::{WRONG, each};

const ROUTER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x99];

fn cases() -> Vec<Case> {
    let to_relay = |expect: Expect| expect.sent(Ask::RELAY_MAC, RELAY, 67);
    let direct = |expect: Expect| expect.sent(MAC, ADDRESS, 68);
    [
        each("1.2 relayed", "to giaddr, port 67", |ask| ask.relayed(RELAY), to_relay),
        each(
            "1.2 relayed",
            "also with the broadcast flag",
            |ask| ask.relayed(RELAY).broadcast_flag(),
            to_relay,
        ),
        vec![
            Case::new(
                "1.2 relayed: also with ciaddr",
                Ask::rebinding(ADDRESS).relayed(RELAY),
                to_relay(Expect::ack()),
            ),
            Case::new(
                "1.2 ciaddr: RENEWING, to ciaddr",
                Ask::renewing(ADDRESS),
                direct(Expect::ack()),
            ),
            Case::new(
                "1.2 ciaddr: RENEWING through a router, to the router's station",
                Ask { station: ROUTER_MAC, ..Ask::renewing(ADDRESS) },
                Expect::ack().sent(ROUTER_MAC, ADDRESS, 68),
            ),
            Case::new(
                "1.2 ciaddr: REBINDING, to ciaddr",
                Ask::rebinding(ADDRESS),
                direct(Expect::ack()),
            ),
            Case::new(
                "1.2 ciaddr: also with the broadcast flag",
                Ask::renewing(ADDRESS).broadcast_flag(),
                direct(Expect::ack()),
            ),
            Case::new(
                "1.2 ciaddr: of a DISCOVER, ignored",
                Ask { ciaddr: FOREIGN, ..Ask::discover() },
                direct(Expect::offer()).ciaddr([0; 4]),
            ),
            Case::new(
                "1.2 broadcast flag: OFFER to everybody",
                Ask::discover().broadcast_flag(),
                Expect::offer().broadcast(),
            ),
            Case::new(
                "1.2 broadcast flag: ACK to everybody",
                Ask::selecting(ADDRESS).broadcast_flag(),
                Expect::ack().broadcast(),
            ),
            Case::new(
                "1.2 unicast: OFFER to yiaddr and chaddr, without ARP",
                Ask::discover(),
                direct(Expect::offer()),
            ),
            Case::new(
                "1.2 unicast: ACK to yiaddr and chaddr, without ARP",
                Ask::selecting(ADDRESS),
                direct(Expect::ack()),
            ),
            Case::new(
                "1.2 unicast: to chaddr, whatever station it came from",
                Ask { station: ROUTER_MAC, ..Ask::discover() },
                direct(Expect::offer()),
            ),
            Case::new("1.2 NAK: SELECTING", Ask::selecting(WRONG), Expect::nak().broadcast()),
            Case::new("1.2 NAK: INIT-REBOOT", Ask::init_reboot(WRONG), Expect::nak().broadcast()),
            Case::new("1.2 NAK: RENEWING", Ask::renewing(WRONG), Expect::nak().broadcast()),
            Case::new(
                "1.2 NAK: RENEWING through a router, to ciaddr by the router's station",
                Ask { station: ROUTER_MAC, ..Ask::renewing(FOREIGN) },
                Expect::nak().sent(ROUTER_MAC, FOREIGN, 68),
            ),
            Case::new(
                "1.2 NAK: RENEWING an address of a far subnet, to ciaddr by the router's station",
                Ask { station: ROUTER_MAC, ..Ask::renewing([172, 28, 0, 9]) },
                Expect::nak().sent(ROUTER_MAC, [172, 28, 0, 9], 68),
            ),
            Case::new(
                "1.2 NAK: RENEWING an address of this link, to everybody",
                Ask { station: ROUTER_MAC, ..Ask::renewing(WRONG) },
                Expect::nak().broadcast(),
            ),
            Case::new("1.2 NAK: REBINDING", Ask::rebinding(WRONG), Expect::nak().broadcast()),
            Case::new(
                "1.2 NAK relayed: to the relay, with the broadcast flag",
                Ask::init_reboot(WRONG).relayed(RELAY),
                to_relay(Expect::nak()).flags([0x80, 0]),
            ),
            Case::new(
                "1.2 source: our address in the machine's subnet",
                Ask { destination: OTHER_SERVER, ..Ask::discover() },
                Expect::offer().source(SERVER, 67),
            ),
        ],
        each("1.2 source", "port 67", |ask| ask, |expect| expect.source(SERVER, 67)),
        // Ask leaves the request's UDP checksum wrong, and Reply refuses wrong ones.
        each("1.2 checksums", "whole, whatever the request's are", |ask| ask, |expect| expect),
    ]
    .concat()
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: Site::new(), cases: cases() }]
}
