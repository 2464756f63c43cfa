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

/// What an answer does not depend on; and what it does, where that is longer than 255 bytes once joined.
fn skipped() -> Vec<Case> {
    let case = |what: &str, ask: Ask, expect: Expect, kernel: Verdict| {
        Case::new(format!("1.1 A14: {what}"), ask, expect.passed(kernel))
    };
    let (split, many) = (Verdict::SplitOption, Verdict::TooManyOptions);
    let twice = |code: u8, value: &[u8]| {
        let (first, second) = value.split_at(value.len() / 2);
        Ask::discover().pxe(7).with(code, first).with(code, second)
    };
    let behind = |options: Vec<u8>| {
        let ask = Ask::discover();
        Ask { options: [options, ask.options.clone()].concat(), ..ask }.pxe(7)
    };
    let many_codes: Vec<u8> = (100..=254).flat_map(|code| [code, 1, 9]).collect();
    let booted = || Expect::offer().file("ipxe.efi");
    let classes = [&b"\x0aTinkerbell"[..], &[1; 290]].concat();
    let overloaded = Ask {
        file: area(&[(175, &[7; 100]), (61, &[1, 2])]),
        sname: area(&[(43, &[7; 40]), (61, &[3])]),
        ..behind(many_codes.clone()).with(52, &[3])
    };
    vec![
        case("iPXE's options of 392 bytes", twice(175, &[7; 392]), booted(), split),
        case("155 options", behind(many_codes.clone()), booted(), many),
        case("one option 200 times", behind([224, 1, 9].repeat(200)), booted(), many),
        case("1,000 pads", behind(vec![0; 1000]), booted(), many),
        case(
            "options and pads after pieces",
            Ask { end: [&many_codes[..], &[0; 300], &[255]].concat(), ..twice(175, &[7; 392]) },
            booted(),
            many,
        ),
        case("many in all three places", overloaded, booted().option(61, &[1, 2, 3]), many),
        case("an address of eight bytes, of a DISCOVER", twice(50, &[9; 8]), booted(), split),
        case(
            "a client identifier of 300 bytes is not echoed",
            twice(61, &[7; 300]),
            booted().without(61),
            split,
        ),
        case(
            "a machine identifier of 300 bytes is not echoed",
            twice(97, &[7; 300]),
            booted().without(97),
            split,
        ),
        case(
            "a user class of 301 bytes, by its begin",
            twice(77, &classes),
            Expect::offer().file(SCRIPT),
            split,
        ),
        case(
            "a relay's option of 300 bytes, which is needed, silence",
            twice(82, &[7; 300]).relayed([172, 30, 0, 3]),
            Expect::silence(Verdict::BadOption),
            split,
        ),
        Case::new(
            "1.1 A14: the greatest size (57) in one byte",
            Ask::discover().pxe(7).with(57, &[9]),
            booted(),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![Suite { site: Site::new(), cases: [overload(), split(), skipped()].concat() }]
}
