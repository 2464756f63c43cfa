//! Boot loaders that ask for all that they can use, and trip over more.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, Site, Suite};

/// What U-Boot 2023.01 asks for.
const ASKED: [u8; 5] = [1, 3, 6, 12, 17];

fn uboot() -> Suite {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.7 only what is asked for: {what}"), ask, expect)
    };
    let ask =
        |ask: Ask, list: &[u8]| ask.with(60, b"U-Boot.armv8").with(93, &[0, 11]).wanting(list);
    let told = |expect: Expect, codes: &[u8]| {
        expect.passed(Verdict::Quirk).codes(codes).file("snp-arm64.efi")
    };
    // All that is configured: 150 and 224 by number.
    let bare = [53, 54, 51, 58, 59, 1, 3, 6, 12];
    let cases = vec![
        case("U-Boot (OFFER)", ask(Ask::discover(), &ASKED), told(Expect::offer(), &bare)),
        case("U-Boot (ACK)", ask(Ask::selecting(ADDRESS), &ASKED), told(Expect::ack(), &bare)),
        case(
            "U-Boot with a longer list",
            ask(Ask::discover(), &[1, 3, 6, 12, 7, 43, 150, 26]),
            told(Expect::offer(), &[53, 54, 51, 58, 59, 1, 3, 6, 7, 26, 150, 12, 43]),
        ),
        case(
            "U-Boot's own options come back",
            ask(Ask::discover().with(61, &[1; 7]), &ASKED)
                .with(97, &[0; 17])
                .with(82, b"\x01\x01a"),
            told(Expect::offer(), &[53, 54, 51, 58, 59, 1, 3, 6, 61, 97, 12, 82]),
        ),
        case(
            "U-Boot without a list: all",
            Ask::discover().with(60, b"U-Boot.armv8").with(93, &[0, 11]),
            Expect::offer().passed(Verdict::Quirk).order(&[15, 28, 7, 121, 119, 26, 150, 12, 43]),
        ),
        case(
            "iPXE in U-Boot: all that iPXE gets",
            ask(Ask::discover(), &ASKED).with(77, b"iPXE"),
            Expect::offer().order(&[15, 28, 7, 121, 119, 26, 150, 12, 43, 175]),
        ),
    ];
    let site = Site::new()
        .subnet(
            "search = [\"lab.test\"]\nmtu = 1500\n\
             routes = [{ destination = \"10.0.0.0/8\", router = \"172.30.0.9\" }]\n\
             options = [{ code = 150, ip = \"172.30.0.1\" }]",
        )
        .host("options = [{ code = 224, text = \"own\" }]");
    Suite { site, cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![uboot()]
}
