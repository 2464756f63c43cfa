//! DHCPINFORM (RFC 2131 section 4.3.5).

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR_RELAY, FOREIGN, MAC, RELAY, SERVER, Site, Suite,
};

use super::WRONG;

fn cases() -> Vec<Case> {
    let ack = Expect::inform_ack;
    let without_ciaddr = |source: [u8; 4]| Ask { source, ..Ask::new(8) };
    vec![
        Case::new("1.2 INFORM: to ciaddr", Ask::inform(ADDRESS), ack().sent(MAC, ADDRESS, 68)),
        Case::new(
            "1.2 INFORM: to ciaddr, also with the broadcast flag",
            Ask::inform(ADDRESS).broadcast_flag(),
            ack().sent(MAC, ADDRESS, 68),
        ),
        Case::new(
            "1.2 INFORM: to ciaddr, also through a relay",
            Ask::inform(ADDRESS).relayed(RELAY),
            ack().sent(Ask::RELAY_MAC, ADDRESS, 68),
        ),
        Case::new(
            "1.2 INFORM: without ciaddr, to the IP source",
            without_ciaddr(ADDRESS),
            ack().sent(MAC, ADDRESS, 68),
        ),
        Case::new(
            "1.2 INFORM: without ciaddr, to the relay",
            Ask { source: RELAY, ..Ask::new(8).relayed(RELAY) },
            ack().sent(Ask::RELAY_MAC, RELAY, 67),
        ),
        Case::new(
            "1.2 INFORM: from nowhere, silence",
            without_ciaddr([0; 4]),
            Expect::silence(Verdict::WrongAddress).passed(Verdict::Inform),
        ),
        Case::new(
            "1.2 INFORM: by unicast from another network, silence",
            Ask { source: FOREIGN, destination: SERVER, ..Ask::inform(ADDRESS) },
            Expect::silence(Verdict::WrongAddress).passed(Verdict::Inform),
        ),
        Case::new(
            "1.3 ciaddr: ACK of an INFORM, copied",
            Ask::inform(ADDRESS),
            ack().ciaddr(ADDRESS),
        ),
        Case::new("1.3 yiaddr: ACK of an INFORM, 0", Ask::inform(ADDRESS), ack().yiaddr([0; 4])),
        Case::new(
            "1.4 51: never to an INFORM, nor 58 and 59",
            Ask::inform(ADDRESS).wanting(&[1, 3, 51, 58, 59]),
            ack().without(51).without(58).without(59),
        ),
        Case::new("1.4 53: ACK of an INFORM, 5", Ask::inform(ADDRESS), ack().option(53, &[5])),
        Case::new(
            "1.4 61: echoed to an INFORM",
            Ask::inform(ADDRESS).with(61, &[9, 9, 9]),
            ack().option(61, &[9, 9, 9]),
        ),
        Case::new(
            "1.4 82: echoed to an INFORM, last",
            Ask::inform(ADDRESS).with(82, b"\x01\x01a"),
            ack().option(82, b"\x01\x01a").last(82),
        ),
        Case::new(
            "1.4 all others: as configured (ACK of an INFORM)",
            Ask::inform(ADDRESS),
            ack().codes(&[53, 54, 1, 3, 6, 15, 28, 7, 12]),
        ),
        Case::new("1.5 INFORM known: ACK", Ask::inform(ADDRESS), ack()),
        Case::new(
            "1.5 INFORM known: ACK over another link too",
            Ask::inform(ADDRESS).relayed(FAR_RELAY),
            ack(),
        ),
        Case::new(
            "1.5 INFORM known: ACK of another address too",
            Ask::inform(WRONG),
            ack().sent(MAC, WRONG, 68),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: Site::new(), cases: cases() }]
}
