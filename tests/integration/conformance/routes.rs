//! Classless routes (RFC 3442).

use netboot_ebpf::verdict::Verdict;
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

/// Routes of a subnet or a host: what is told to who asks for option 121, and to others.
fn default_route(what: &str, site: Site, routes: &[u8], routers: Option<[u8; 4]>) -> Suite {
    let case = |how: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.7 default route: {what}{how}"), ask, expect)
    };
    let asks = |ask: Ask| ask.wanting(&[1, 3, 33, 121]);
    let whole = |expect: Expect| expect.without(3).option(121, routes);
    let others = |expect: Expect| match routers {
        Some(router) => expect.option(3, &router),
        None => expect.without(3),
    };
    // Unasked it is no other: some take what they did not ask for.
    let others = |expect: Expect| others(expect).option(121, routes);
    let cases = vec![
        case(" (OFFER)", asks(Ask::discover()), whole(Expect::offer())),
        case(" (ACK)", asks(Ask::selecting(ADDRESS)), whole(Expect::ack())),
        case(" (renewal)", asks(Ask::renewing(ADDRESS)), whole(Expect::ack())),
        case(" (INFORM)", asks(Ask::inform(ADDRESS)), whole(Expect::inform_ack())),
        case(", not asked for (OFFER)", Ask::discover().wanting(&[1, 3]), others(Expect::offer())),
        case(", no list (ACK)", Ask::selecting(ADDRESS), others(Expect::ack())),
    ];
    Suite { site, cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    const FAR: [u8; 6] = [8, 10, 172, 30, 0, 9];
    let routes = "routes = [{ destination = \"10.0.0.0/8\", router = \"172.30.0.9\" }]";
    let given = "routes = [{ destination = \"0.0.0.0/0\", router = \"172.30.0.7\" }, \
                 { destination = \"10.0.0.0/8\", router = \"172.30.0.9\" }]";
    let by = |last: u8| [&FAR[..], &[0, 172, 30, 0, last]].concat();
    let first = [&[0, 172, 30, 0, 7], &FAR[..]].concat();
    let subnet = || Site::new().subnet(routes);
    let own = "routers = [\"172.30.0.5\", \"172.30.0.6\"]";
    vec![
        Suite { site: subnet(), cases: cases() },
        default_route("of the subnet", subnet(), &by(1), Some([172, 30, 0, 1])),
        default_route("given", Site::new().subnet(given), &first, Some([172, 30, 0, 1])),
        default_route(
            "of the host's routes",
            Site::new().host(routes),
            &by(1),
            Some([172, 30, 0, 1]),
        ),
        default_route("without routers", subnet().host("routers = []"), &FAR, None),
        Suite {
            cases: vec![
                Case::new(
                    "1.7 default route: by the host's first router",
                    Ask::discover().wanting(&[1, 3, 121]),
                    Expect::offer().without(3).option(121, &by(5)),
                ),
                Case::new(
                    "1.7 default route: by the host's first router, not asked for",
                    Ask::discover().wanting(&[1, 3]),
                    Expect::offer().option(3, &[172, 30, 0, 5, 172, 30, 0, 6]),
                ),
            ],
            site: subnet().host(own),
        },
        does_not_fit(&by(1)),
    ]
}

/// Whichever of both is told stays where other options have no room.
fn does_not_fit(routes: &[u8]) -> Suite {
    let far = "routes = [{ destination = \"10.0.0.0/8\", router = \"172.30.0.9\" }]";
    let long = |code: u8, bytes: usize| {
        format!("options = [{{ code = {code}, text = \"{}\" }}]", "x".repeat(bytes))
    };
    let ask = || Ask::discover().with(61, &[1; 60]);
    let expect = || Expect::offer().counted(Verdict::OfferShortened).at_most(576);
    let expect = || expect().passed(Verdict::ReplyTooLong);
    Suite {
        site: Site::new().subnet(&format!("{far}\n{}", long(224, 150))).host(&long(225, 100)),
        cases: vec![
            Case::new(
                "1.7 default route: 121 stays where the answer is shortened",
                ask().wanting(&[224, 225, 121, 3]),
                expect().without(3).option(121, routes),
            ),
            Case::new(
                "1.7 default route: 3 stays where the answer is shortened",
                ask().wanting(&[224, 225, 3]),
                expect().without(121).option(3, &[172, 30, 0, 1]),
            ),
        ],
    }
}
