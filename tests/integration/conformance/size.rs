//! Answers that are longer than the client takes.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, SERVER, Site, Suite};

/// The long options of the site: 170 bytes of the subnet, 100 of the machine.
const WIDE: u8 = 224;
const OWN: u8 = 225;

fn kept(expect: Expect) -> Expect {
    expect.order(&[53, 54, 51, 1, 3]).at_most(576)
}

fn shortened(expect: Expect) -> Expect {
    let verdict = match expect.verdict {
        Verdict::Offer => Verdict::OfferShortened,
        _ => Verdict::AckShortened,
    };
    kept(expect.counted(verdict).passed(Verdict::ReplyTooLong))
}

fn cases() -> Vec<Case> {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.7 does not fit: {what}"), ask, expect)
    };
    let identified = |ask: Ask| ask.with(61, &[1; 60]);
    let id = |expect: Expect| expect.option(61, &[1; 60]);
    vec![
        case("OFFER", Ask::discover(), shortened(Expect::offer())),
        case("ACK", Ask::selecting(ADDRESS), shortened(Expect::ack())),
        case(
            "what was not asked for goes first",
            Ask::discover().wanting(&[1, 3, 6, OWN]),
            shortened(Expect::offer()).option(6, &[8, 8, 8, 8]).option(OWN, &[0xdd; 100]),
        ),
        case(
            "then the list from its end",
            identified(Ask::discover().wanting(&[1, 3, WIDE, OWN])),
            id(shortened(Expect::offer())).without(6).without(OWN).option(WIDE, &[0xee; 170]),
        ),
        case(
            "then the list from its end, in another order",
            identified(Ask::discover().wanting(&[OWN, WIDE])),
            id(shortened(Expect::offer())).without(6).without(WIDE).option(OWN, &[0xdd; 100]),
        ),
        case(
            "what boots the machine stays",
            Ask::discover().pxe(7).wanting(&[1, 3]),
            shortened(Expect::offer()).file("ipxe.efi").siaddr(SERVER).option(43, &[6, 1, 8, 255]),
        ),
        case(
            "57 less than 576 counts as 576",
            Ask::discover().with(57, &[0, 100]),
            shortened(Expect::offer()),
        ),
        case(
            "the relay's stays",
            identified(Ask::selecting(ADDRESS)).with(82, &[5; 60]),
            id(shortened(Expect::ack())).option(82, &[5; 60]).last(82),
        ),
        Case::new(
            "1.7 most size: all of it, where the client takes it",
            Ask::discover().with(57, &[0x05, 0xc0]),
            Expect::offer().option(WIDE, &[0xee; 170]).option(OWN, &[0xdd; 100]).at_most(1472),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    let option = |code: u8, byte: &str, len: usize| {
        let hex = vec![byte; len].join(":");
        format!("options = [{{ code = {code}, hex = \"{hex}\" }}]")
    };
    let site = Site::new().subnet(&option(WIDE, "ee", 170)).host(&option(OWN, "dd", 100));
    vec![Suite { site, cases: cases() }]
}
