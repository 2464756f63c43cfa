//! Which subnet a request is of, where neither the interface nor the relay's own network says it: option 118 (RFC
//! 3011), and relays that are configured.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR, FAR_ADDRESS, FAR_RELAY, FOREIGN, RELAY, STRANGER, Site, Suite,
};

use super::WRONG;

const SELECTION: u8 = 118;
const HERE: [u8; 4] = [172, 30, 0, 0];
const THERE: [u8; 4] = [172, 28, 0, 0];

fn heeded() -> Suite {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.6 subnet selection: {what}"), ask, expect)
    };
    let far = |ask: Ask| ask.mac(FAR).with(SELECTION, &THERE);
    let passed = |expect: Expect| expect.passed(Verdict::Quirk);
    let echoed = |expect: Expect| passed(expect).option(SELECTION, &THERE);
    let told = [&[5, 4][..], &HERE].concat();
    let cases = vec![
        case(
            "heeded and echoed (OFFER)",
            far(Ask::discover()),
            echoed(Expect::offer()).yiaddr(FAR_ADDRESS),
        ),
        case(
            "heeded and echoed (ACK)",
            far(Ask::selecting(FAR_ADDRESS)),
            echoed(Expect::ack()).yiaddr(FAR_ADDRESS),
        ),
        case(
            "heeded and echoed (REBINDING)",
            far(Ask::rebinding(FAR_ADDRESS)),
            echoed(Expect::ack()).yiaddr(FAR_ADDRESS),
        ),
        case(
            "any address of the subnet",
            Ask::discover().mac(FAR).with(SELECTION, &[172, 28, 0, 99]),
            passed(Expect::offer()).yiaddr(FAR_ADDRESS).option(SELECTION, &[172, 28, 0, 99]),
        ),
        case("not in a NAK", far(Ask::selecting(WRONG)), passed(Expect::nak()).without(SELECTION)),
        case(
            "not the machine's subnet, silence",
            Ask::discover().with(SELECTION, &THERE),
            passed(Expect::silence(Verdict::WrongSubnet)),
        ),
        case(
            "nobody's subnet, silence instead of NAK",
            Ask::selecting(WRONG).with(SELECTION, &FOREIGN),
            passed(Expect::silence(Verdict::WrongAddress)),
        ),
        case(
            "an unknown machine, silence",
            Ask::discover().mac(STRANGER).with(SELECTION, &HERE),
            Expect::silence(Verdict::UnknownMachine),
        ),
        case(
            "through a relay, instead of its address",
            Ask::discover().with(SELECTION, &HERE).relayed(FAR_RELAY),
            passed(Expect::offer()).option(SELECTION, &HERE).sent(Ask::RELAY_MAC, FAR_RELAY, 67),
        ),
        case(
            "what the relay says (82.5) goes before, and both are echoed",
            Ask::discover().with(SELECTION, &THERE).with(82, &told).relayed(FAR_RELAY),
            echoed(Expect::offer()).option(82, &told).last(82),
        ),
        case(
            "in pieces",
            Ask::discover().mac(FAR).with(SELECTION, &THERE[..1]).with(SELECTION, &THERE[1..]),
            echoed(Expect::offer()).passed(Verdict::SplitOption).yiaddr(FAR_ADDRESS),
        ),
        case(
            "of another length, as none",
            Ask::discover().with(SELECTION, &THERE[..3]),
            passed(Expect::offer()).without(SELECTION),
        ),
        case(
            "an INFORM",
            Ask::inform(ADDRESS).with(SELECTION, &HERE),
            passed(Expect::inform_ack()).option(SELECTION, &HERE),
        ),
        case(
            "stays where the answer is shortened",
            Ask::discover().with(61, &[1; 255]).with(SELECTION, &HERE).pxe(7),
            passed(Expect::offer())
                .counted(Verdict::OfferShortened)
                .option(SELECTION, &HERE)
                .at_most(576),
        ),
        case("not there: as ever", Ask::discover(), Expect::offer().without(SELECTION)),
    ];
    Suite { site: Site::new().dhcp("subnet-selection = true"), cases }
}

fn relays() -> Suite {
    const ONE: [u8; 4] = [10, 255, 0, 7];
    const OF_NETWORK: [u8; 4] = [10, 254, 3, 4];
    const NOBODYS: [u8; 4] = [10, 255, 0, 8];
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.6 relays of a subnet: {what}"), ask, expect)
    };
    let told = [&[5, 4][..], &THERE].concat();
    let there = |expect: Expect| expect.sent(Ask::RELAY_MAC, ONE, 67);
    let cases = vec![
        case("OFFER", Ask::discover().relayed(ONE), there(Expect::offer())),
        case("ACK", Ask::selecting(ADDRESS).relayed(ONE), there(Expect::ack())),
        case("REBINDING", Ask::rebinding(ADDRESS).relayed(ONE), there(Expect::ack())),
        case("NAK", Ask::selecting(WRONG).relayed(ONE), there(Expect::nak())),
        case("one of a network", Ask::discover().relayed(OF_NETWORK), Expect::offer()),
        case("that is in the subnet, as ever", Ask::discover().relayed(RELAY), Expect::offer()),
        case(
            "another relay, silence",
            Ask::discover().relayed(NOBODYS),
            Expect::silence(Verdict::WrongSubnet),
        ),
        case(
            "another relay, no NAK",
            Ask::selecting(WRONG).relayed(NOBODYS),
            Expect::silence(Verdict::WrongAddress).passed(Verdict::Nak),
        ),
        case(
            "a machine of another subnet, silence",
            Ask::discover().mac(FAR).relayed(ONE),
            Expect::silence(Verdict::WrongSubnet),
        ),
        case(
            "what the relay says (82.5) goes before",
            Ask::discover().with(82, &told).relayed(ONE),
            Expect::silence(Verdict::WrongSubnet),
        ),
    ];
    Suite { site: Site::new().subnet("relay = [\"10.255.0.7\", \"10.254.0.0/16\"]"), cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![heeded(), relays()]
}
