//! A machine with several MACs: one address, whichever of them asks.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR_RELAY, FOREIGN, MAC, Site, Suite,
};

use super::WRONG;

const SECOND: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x57];
const THIRD: [u8; 6] = [0x02, 0, 0, 0x12, 0x34, 0x58];
/// Of no machine.
const BETWEEN: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x58];

fn case(what: String, ask: Ask, expect: Expect) -> Case {
    Case::new(format!("1.5 several MACs: {what}"), ask, expect)
}

/// What each of them gets, as if it were the machine's only one.
fn each(name: &str, mac: [u8; 6]) -> Vec<Case> {
    let case = |what: &str, ask: Ask, expect: Expect| {
        case(format!("{name}, {what}"), ask.mac(mac), expect)
    };
    vec![
        case("DISCOVER", Ask::discover(), Expect::offer().sent(mac, ADDRESS, 68)),
        case("firmware", Ask::discover().pxe(7), Expect::offer()),
        case("SELECTING", Ask::selecting(ADDRESS), Expect::ack().sent(mac, ADDRESS, 68)),
        case("SELECTING another address, NAK", Ask::selecting(WRONG), Expect::nak()),
        case("INIT-REBOOT", Ask::init_reboot(ADDRESS), Expect::ack()),
        case("INIT-REBOOT with another address, NAK", Ask::init_reboot(FOREIGN), Expect::nak()),
        case("REBINDING, whichever had the lease", Ask::rebinding(ADDRESS), Expect::ack()),
        case(
            "another link, silence",
            Ask::discover().relayed(FAR_RELAY),
            Expect::silence(Verdict::WrongSubnet),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    let site = || Site::new().nic(SECOND).nic(THIRD);
    let all = [("the first", MAC), ("the second", SECOND), ("the third", THIRD)];
    let mut cases: Vec<_> = all.iter().flat_map(|(name, mac)| each(name, *mac)).collect();
    cases.push(case(
        "one beside them, silence".to_owned(),
        Ask::discover().mac(BETWEEN),
        Expect::silence(Verdict::UnknownMachine),
    ));
    let held = all.iter().flat_map(|(name, mac)| {
        [("DISCOVER", Ask::discover()), ("SELECTING", Ask::selecting(ADDRESS))].map(
            |(what, ask)| {
                let what =
                    format!("what the first declined is held back from {name}, {what}, silence");
                case(what, ask.mac(*mac), Expect::silence(Verdict::Quarantined))
            },
        )
    });
    let held = held.collect();
    vec![Suite { site: site(), cases }, Suite { site: site().declined(), cases: held }]
}
