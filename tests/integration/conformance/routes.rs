//! Classless routes (RFC 3442).

use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, Site, Suite};

fn cases() -> Vec<Case> {
    let asks = |ask: Ask| ask.wanting(&[1, 3, 33, 121]);
    let routed =
        |expect: Expect| expect.without(3).without(33).contains(121, &[8, 10, 172, 30, 0, 9]);
    let plain = |expect: Expect| expect.option(3, &[172, 30, 0, 1]);
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.7 classless routes: {what}"), ask, expect)
    };
    vec![
        case("asked for, without 3 and 33 (OFFER)", asks(Ask::discover()), routed(Expect::offer())),
        case(
            "asked for, without 3 and 33 (ACK)",
            asks(Ask::selecting(ADDRESS)),
            routed(Expect::ack()),
        ),
        case("not asked for, 3 (OFFER)", Ask::discover().wanting(&[1, 3]), plain(Expect::offer())),
        case("no list, 3 (ACK)", Ask::selecting(ADDRESS), plain(Expect::ack())),
        case(
            "firmware, 3",
            Ask::discover().pxe(7).wanting(&[1, 3, 66, 67]),
            plain(Expect::offer()),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    let routes = "routes = [{ destination = \"10.0.0.0/8\", router = \"172.30.0.9\" }]";
    vec![Suite { site: Site::new().subnet(routes), cases: cases() }]
}
