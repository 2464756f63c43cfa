//! Options in several places: overload (RFC 2131 section 4.1) and split options (RFC 3396).

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{Ask, Case, Expect, Site, Suite};

const SCRIPT: &str = "http://172.30.0.1/auto.ipxe";

/// Options, encoded, with their End.
fn area(options: &[(u8, &[u8])]) -> Vec<u8> {
    let mut area = Vec::new();
    for (code, value) in options {
        area.extend([*code, value.len() as u8]);
        area.extend(*value);
    }
    area.push(255);
    area
}

fn overload() -> Vec<Case> {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.1 A9: {what}"), ask, expect.passed(Verdict::Overload))
    };
    let script = || Expect::offer().file(SCRIPT).without(52);
    let class: (u8, &[u8]) = (77, b"Tinkerbell");
    let pxe = || Ask::discover().pxe(7);
    let first = pxe().with(52, &[3]).with(77, b"Tin");
    vec![
        case("in file", Ask { file: area(&[class]), ..pxe().with(52, &[1]) }, script()),
        case("in sname", Ask { sname: area(&[class]), ..pxe().with(52, &[2]) }, script()),
        case(
            "in both",
            Ask { file: area(&[(61, &[1, 2, 3])]), sname: area(&[class]), ..pxe().with(52, &[3]) },
            script().option(61, &[1, 2, 3]),
        ),
        case(
            "in the order options, file, sname",
            Ask { file: area(&[(77, b"ker")]), sname: area(&[(77, b"bell")]), ..first },
            script(),
        ),
        case(
            "file is not read where sname has options",
            Ask { file: area(&[class]), sname: area(&[]), ..pxe().with(52, &[2]) },
            Expect::offer().file("ipxe.efi"),
        ),
        case("of no meaning, silence", pxe().with(52, &[4]), Expect::silence(Verdict::BadOption)),
    ]
}

fn split() -> Vec<Case> {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.1 A10: {what}"), ask, expect.passed(Verdict::SplitOption))
    };
    vec![
        case(
            "a user class in two pieces",
            Ask::discover().pxe(7).with(77, b"Tinker").with(77, b"bell"),
            Expect::offer().file(SCRIPT),
        ),
        case(
            "a client identifier in three pieces, with others between",
            Ask::discover().with(61, &[1, 2]).with(12, b"a").with(61, &[3]).with(61, &[4]),
            Expect::offer().option(61, &[1, 2, 3, 4]),
        ),
        case(
            "a relay's option in two pieces",
            Ask::discover().with(82, b"\x01\x04et").with(82, b"h0").relayed([172, 30, 0, 3]),
            Expect::offer().option(82, b"\x01\x04eth0"),
        ),
        case(
            "an address in two pieces",
            Ask::new(3).with(50, &[172, 30]).with(50, &[0, 50]),
            Expect::ack(),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: Site::new(), cases: [overload(), split()].concat() }]
}
