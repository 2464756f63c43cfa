//! Which options an answer has (RFC 2131 table 3, RFC 6842).

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, SERVER, Site, Suite};

use super::{WRONG, each};

/// The longest options that the XDP program copies.
const KERNEL_MOST: usize = 62;

fn cases() -> Vec<Case> {
    let day = 86_400_u32;
    let asks_for_all = |ask: Ask| {
        ask.with(51, &[0, 0, 1, 0])
            .with(55, &[1, 3, 50, 51, 52, 53, 54, 55, 57, 60, 61, 82])
            .with(57, &[5, 220])
    };
    let timed = |expect: Expect| {
        expect
            .option(51, &day.to_be_bytes())
            .option(58, &(day / 2).to_be_bytes())
            .option(59, &(day / 8 * 7).to_be_bytes())
    };
    let requested = |ask: Ask| if ask.options.contains(&50) { ask } else { ask.with(50, &ADDRESS) };
    [
        each("1.4 50", "never", requested, |expect| expect.without(50)),
        vec![
            Case::new("1.4 51: OFFER, with 58 and 59", Ask::discover(), timed(Expect::offer())),
            Case::new("1.4 51: ACK, with 58 and 59", Ask::selecting(ADDRESS), timed(Expect::ack())),
            Case::new(
                "1.4 51: the policy's, not the client's",
                Ask::discover().with(51, &[0, 0, 0, 9]),
                timed(Expect::offer()),
            ),
            Case::new(
                "1.4 51: never in a NAK",
                Ask::selecting(WRONG),
                Expect::nak().without(51).without(58).without(59),
            ),
        ],
        each("1.4 52", "never", asks_for_all, |expect| expect.without(52)),
        vec![
            Case::new("1.4 53: OFFER, 2", Ask::discover(), Expect::offer().option(53, &[2])),
            Case::new("1.4 53: ACK, 5", Ask::selecting(ADDRESS), Expect::ack().option(53, &[5])),
            Case::new("1.4 53: NAK, 6", Ask::selecting(WRONG), Expect::nak().option(53, &[6])),
        ],
        each("1.4 54", "always", |ask| ask, |expect| expect.option(54, &SERVER)),
        each("1.4 55", "never", asks_for_all, |expect| expect.without(55)),
        vec![
            Case::new(
                "1.4 56: NAK, why",
                Ask::selecting(WRONG),
                Expect::nak().option(56, b"wrong address"),
            ),
            Case::new("1.4 56: not in an OFFER", Ask::discover(), Expect::offer().without(56)),
            Case::new("1.4 56: not in an ACK", Ask::renewing(ADDRESS), Expect::ack().without(56)),
        ],
        each("1.4 57", "never", asks_for_all, |expect| expect.without(57)),
        each("1.4 60", "not to a client that sends none", |ask| ask, |expect| expect.without(60)),
        each(
            "1.4 61",
            "echoed where it was sent",
            |ask| ask.with(61, &[1, 0x52, 0x54, 0, 0x12, 0x34, 0x56]),
            |expect| expect.option(61, &[1, 0x52, 0x54, 0, 0x12, 0x34, 0x56]),
        ),
        each("1.4 61", "not sent otherwise", |ask| ask, |expect| expect.without(61)),
        each(
            "1.4 61",
            "a DUID as long as the kernel copies",
            |ask| ask.with(61, &[0xff; KERNEL_MOST]),
            |expect| expect.option(61, &[0xff; KERNEL_MOST]),
        ),
        vec![
            Case::new(
                "1.4 61: 200 bytes, by the daemon (OFFER)",
                Ask::discover().with(61, &[0xff; 200]),
                Expect::offer().passed(Verdict::EchoTooLong).option(61, &[0xff; 200]),
            ),
            Case::new(
                "1.4 61: 200 bytes (NAK)",
                Ask::selecting(WRONG).with(61, &[0xff; 200]),
                Expect::nak().option(61, &[0xff; 200]),
            ),
        ],
        each(
            "1.4 82",
            "verbatim, last",
            |ask| {
                ask.relayed([172, 30, 0, 3])
                    .with(82, b"\x01\x04eth0\x02\x02ab")
                    .with(61, &[1, 2, 3])
            },
            |expect| expect.option(82, b"\x01\x04eth0\x02\x02ab").option(61, &[1, 2, 3]).last(82),
        ),
        each(
            "1.4 82",
            "as long as the kernel copies",
            |ask| ask.relayed([172, 30, 0, 3]).with(82, &[7; KERNEL_MOST]),
            |expect| expect.option(82, &[7; KERNEL_MOST]).last(82),
        ),
        vec![
            Case::new(
                "1.4 all others: as configured (OFFER)",
                Ask::discover(),
                Expect::offer().codes(&[53, 54, 51, 58, 59, 1, 3, 6, 15, 28, 7, 12]),
            ),
            Case::new(
                "1.4 all others: as configured (ACK)",
                Ask::renewing(ADDRESS),
                Expect::ack().codes(&[53, 54, 51, 58, 59, 1, 3, 6, 15, 28, 7, 12]),
            ),
            Case::new(
                "1.4 all others: never in a NAK",
                Ask::selecting(WRONG).pxe(7).with(77, b"Tinkerbell").with(97, &[0; 17]),
                Expect::nak().codes(&[53, 54, 56]),
            ),
        ],
    ]
    .concat()
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: Site::new(), cases: cases() }]
}
