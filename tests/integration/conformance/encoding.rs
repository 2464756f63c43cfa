//! How options are written, and how long a message may be.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, OTHER, OTHER_ADDRESS, RELAY, Site, Suite,
};

use super::{WRONG, each};

fn cases() -> Vec<Case> {
    let as_is = |expect: Expect| expect;
    let firmware = |ask: Ask| ask.wanting(&[1, 3, 6, 12, 17]).pxe(11);
    let unasked = |expect: Expect| expect.order(&[15, 28, 7, 43]);
    let bare = |expect: Expect| expect.yiaddr(OTHER_ADDRESS).without(6).without(15).without(12);
    [
        // Reply refuses what has no End, a pad before it, or anything but zeros after it.
        each("1.7 End", "the last option", |ask| ask, as_is),
        each("1.7 End", "the last option also after 82", |ask| ask.with(82, &[1; 20]), as_is),
        // Reply refuses the lengths that EDK2 refuses.
        each("1.7 lengths", "as EDK2 wants them", |ask| ask.with(61, &[1; 7]).pxe(7), as_is),
        vec![
            Case::new(
                "1.7 lengths: an empty list is left out (OFFER)",
                Ask::discover().mac(OTHER),
                bare(Expect::offer()),
            ),
            Case::new(
                "1.7 lengths: an empty list is left out (ACK)",
                Ask::init_reboot(OTHER_ADDRESS).mac(OTHER),
                bare(Expect::ack()),
            ),
            Case::new(
                "1.7 1 before 3: OFFER",
                Ask::discover().wanting(&[3, 1]),
                Expect::offer().order(&[1, 3]),
            ),
            Case::new("1.7 1 before 3: ACK", Ask::selecting(ADDRESS), Expect::ack().order(&[1, 3])),
            Case::new(
                "1.7 order: server and times first, then the network",
                Ask::discover().pxe(7).with(61, &[1, 2]).with(97, &[0; 17]),
                Expect::offer().order(&[53, 54, 51, 58, 59, 1, 3, 6, 15, 43]),
            ),
            Case::new(
                "1.7 not only what is asked for: firmware (OFFER)",
                firmware(Ask::discover()),
                unasked(Expect::offer()),
            ),
            Case::new(
                "1.7 not only what is asked for: firmware (ACK)",
                firmware(Ask::selecting(ADDRESS)),
                unasked(Expect::ack()),
            ),
            Case::new(
                "1.7 not only what is asked for: no list at all",
                Ask::discover(),
                Expect::offer().order(&[1, 3, 6, 15]),
            ),
            Case::new(
                "1.7 82 without relay: echoed",
                Ask::renewing(ADDRESS).with(82, b"\x01\x01a"),
                Expect::ack().option(82, b"\x01\x01a"),
            ),
            Case::new(
                "1.7 trailing NUL: of a user class",
                Ask::discover().pxe(7).with(77, b"Tinkerbell\0"),
                Expect::offer().boot_file("http://172.30.0.1/auto.ipxe"),
            ),
            Case::new(
                "1.7 trailing NUL: of the vendor class",
                Ask::discover().with(60, b"HTTPClient:Arch:00016\0").with(93, &[0, 16]),
                Expect::offer().file("http://172.30.0.1/ipxe/ipxe.efi").option(60, b"HTTPClient"),
            ),
            Case::new("1.7 least size: 300 bytes", Ask::selecting(WRONG), Expect::nak().len(300)),
            Case::new(
                "1.7 least size: 300 bytes, relayed",
                Ask::selecting(WRONG).relayed(RELAY),
                Expect::nak().len(300),
            ),
            Case::new(
                "1.7 most size: 576 where the client says nothing",
                Ask::discover().pxe(7),
                Expect::offer().at_most(576),
            ),
            Case::new(
                "1.7 most size: less than 576 counts as 576",
                Ask::discover().pxe(7).with(57, &[1, 0]).with(97, &[0; 17]).with(61, &[1; 20]),
                Expect::offer().at_most(576),
            ),
            Case::new(
                "1.7 most size: what the client says",
                Ask::discover().with(57, &[0x05, 0xc0]).with(61, &[1; 250]),
                Expect::offer().passed(Verdict::EchoTooLong).option(61, &[1; 250]).at_most(1472),
            ),
            Case::new(
                "1.7 most size: EDK2's REQUEST says 65280",
                Ask::selecting(ADDRESS).with(57, &[0xff, 0]).with(61, &[1; 250]),
                Expect::ack().passed(Verdict::EchoTooLong).option(61, &[1; 250]).at_most(1500),
            ),
            Case::new(
                "1.7 1472 bytes: the most that EDK2 takes",
                Ask::discover().with(57, &[0xff, 0]).with(61, &[1; 250]).with(82, &[2; 250]).pxe(7),
                Expect::offer().passed(Verdict::EchoTooLong).last(82).at_most(1472),
            ),
        ],
    ]
    .concat()
}

/// Lists, and options that a host has instead of its subnet's.
fn lists() -> Suite {
    let lists = |expect: Expect| {
        expect
            .option(42, &[172, 30, 0, 1, 172, 30, 0, 2])
            .option(6, &[9, 9, 9, 9])
            .option(119, b"\x03lab\x04test\x00")
            .option(26, &[5, 0xdc])
    };
    let cases = vec![
        Case::new("1.7 lists: OFFER", Ask::discover(), lists(Expect::offer())),
        Case::new("1.7 lists: ACK", Ask::selecting(ADDRESS), lists(Expect::ack())),
        Case::new(
            "1.7 each once: a host's option instead of its subnet's",
            Ask::discover(),
            Expect::offer().option(6, &[9, 9, 9, 9]),
        ),
    ];
    let site = Site::new()
        .subnet("ntp = [\"172.30.0.1\", \"172.30.0.2\"]\nsearch = [\"lab.test\"]\nmtu = 1500")
        .host("options = [{ code = 6, ip = \"9.9.9.9\" }]");
    Suite { site, cases }
}

/// Options that the kernel's rows have no room for.
fn long() -> Suite {
    let value = [b'x'; 320];
    let long =
        |expect: Expect| expect.passed(Verdict::Quirk).option(225, &value).option(226, b"own");
    let cases = vec![
        Case::new(
            "1.7 pieces: an option of 320 bytes (OFFER)",
            Ask::discover().with(57, &[0x05, 0xc0]),
            long(Expect::offer()),
        ),
        Case::new(
            "1.7 pieces: an option of 320 bytes (ACK)",
            Ask::selecting(ADDRESS).with(57, &[0x05, 0xc0]),
            long(Expect::ack()),
        ),
        Case::new(
            "1.7 pieces: before 82",
            Ask::discover().with(57, &[0x05, 0xc0]).with(82, b"\x01\x01a"),
            long(Expect::offer()).last(82),
        ),
        Case::new(
            "1.7 pieces: all or none",
            Ask::discover(),
            Expect::offer()
                .passed(Verdict::Quirk)
                .counted(Verdict::OfferShortened)
                .without(225)
                .option(226, b"own"),
        ),
    ];
    let site = Site::new().host(&format!(
        "options = [{{ code = 225, text = \"{}\" }}, {{ code = 226, text = \"own\" }}]",
        "x".repeat(320)
    ));
    Suite { site, cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: Site::new(), cases: cases() }, lists(), long()]
}
