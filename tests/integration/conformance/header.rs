//! The fixed header of answers (RFC 2131 table 3).

use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, RELAY, SERVER, Site, Suite};

use super::each;

/// Every answer is compared with its request, see `Expect::check`: here requests have what could be copied
/// where it must not be, and the reverse.
fn cases() -> Vec<Case> {
    let as_asked = |expect: Expect| expect;
    [
        each("1.3 op", "2", |ask| ask, as_asked),
        each("1.3 htype, hlen", "copied", |ask| ask, as_asked),
        each("1.3 hops", "0", |ask| Ask { begin: [1, 1, 6, 7], ..ask }, as_asked),
        each("1.3 xid", "copied", |ask| Ask { xid: [1, 2, 3, 4], ..ask }, as_asked),
        each("1.3 secs", "0", |ask| Ask { secs: [0x12, 0x34], ..ask }, as_asked),
        each(
            "1.3 flags",
            "copied, also the reserved bits",
            |ask| Ask { flags: [0x92, 0x34], ..ask },
            |expect| expect.flags([0x92, 0x34]),
        ),
        vec![
            Case::new(
                "1.3 flags: a relayed NAK has the broadcast flag",
                Ask::selecting(super::WRONG).relayed(RELAY),
                Expect::nak().flags([0x80, 0]),
            ),
            Case::new("1.3 ciaddr: OFFER, 0", Ask::discover(), Expect::offer().ciaddr([0; 4])),
            Case::new(
                "1.3 ciaddr: ACK, copied",
                Ask::renewing(ADDRESS),
                Expect::ack().ciaddr(ADDRESS),
            ),
            Case::new(
                "1.3 ciaddr: ACK without ciaddr, 0",
                Ask::selecting(ADDRESS),
                Expect::ack().ciaddr([0; 4]),
            ),
            Case::new(
                "1.3 ciaddr: NAK, 0",
                Ask::renewing(super::WRONG),
                Expect::nak().ciaddr([0; 4]),
            ),
            Case::new("1.3 yiaddr: OFFER", Ask::discover(), Expect::offer().yiaddr(ADDRESS)),
            Case::new("1.3 yiaddr: ACK", Ask::renewing(ADDRESS), Expect::ack().yiaddr(ADDRESS)),
            Case::new(
                "1.3 yiaddr: NAK, 0",
                Ask::init_reboot(super::WRONG),
                Expect::nak().yiaddr([0; 4]),
            ),
            Case::new(
                "1.3 siaddr: OFFER to firmware, the TFTP server",
                Ask::discover().pxe(7),
                Expect::offer().siaddr(SERVER),
            ),
            Case::new(
                "1.3 siaddr: ACK to firmware, the TFTP server",
                Ask::selecting(ADDRESS).pxe(7),
                Expect::ack().siaddr(SERVER),
            ),
            Case::new(
                "1.3 siaddr: NAK to firmware, 0",
                Ask::selecting(super::WRONG).pxe(7),
                Expect::nak().siaddr([0; 4]),
            ),
        ],
        each("1.3 giaddr", "copied", |ask| ask.relayed(RELAY), as_asked),
        each("1.3 chaddr", "all 16 bytes copied", with_long_chaddr, as_asked),
        vec![
            Case::new(
                "1.3 sname, file: of OFFER, the name and zeros",
                Ask { sname: vec![0x41; 64], file: vec![0x42; 128], ..Ask::discover() }.pxe(0),
                Expect::offer().file("undionly.kpxe"),
            ),
            Case::new(
                "1.3 sname, file: of ACK, the name and zeros",
                Ask { sname: vec![0x41; 64], file: vec![0x42; 128], ..Ask::selecting(ADDRESS) }
                    .pxe(0),
                Expect::ack().file("undionly.kpxe"),
            ),
            Case::new(
                "1.3 sname, file: of NAK, zeros",
                Ask {
                    sname: vec![0x41; 64],
                    file: vec![0x42; 128],
                    ..Ask::selecting(super::WRONG)
                }
                .pxe(0),
                Expect::nak().no_file(),
            ),
        ],
    ]
    .concat()
}

fn with_long_chaddr(mut ask: Ask) -> Ask {
    ask.chaddr[6..].fill(0xc7);
    ask
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: Site::new(), cases: cases() }]
}
