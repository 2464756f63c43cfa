//! VLAN tags: answers have the request's, and a machine is known in its VLAN.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{Ask, Case, Expect, RELAY, Site, Suite};

use super::each;

const TAGGED: [u8; 6] = [0x52, 0x54, 0, 0, 5, 1];
const TAGGED_ADDRESS: [u8; 4] = [172, 31, 5, 50];
const DOUBLE: [u8; 6] = [0x52, 0x54, 0, 0, 7, 1];
const DOUBLE_ADDRESS: [u8; 4] = [172, 31, 7, 50];

fn cases() -> Vec<Case> {
    let case =
        |what: &str, ask: Ask, expect: Expect| Case::new(format!("1.2 VLAN: {what}"), ask, expect);
    let unknown = || Expect::silence(Verdict::UnknownMachine);
    let double = |ask: Ask| Ask { tags: vec![[0x88, 0xa8, 0, 100], [0x81, 0, 0, 7]], ..ask };
    let naming = |mac: [u8; 6], server: [u8; 4], address: [u8; 4]| {
        Ask::new(3).mac(mac).with(54, &server).with(50, &address)
    };
    let five = Expect::offer().yiaddr(TAGGED_ADDRESS).option(54, &[172, 31, 5, 1]);
    let seven = Expect::offer().yiaddr(DOUBLE_ADDRESS).option(54, &[172, 31, 7, 1]);
    let mut cases = vec![
        case(
            "OFFER in the request's",
            Ask::discover().mac(TAGGED).tagged(5),
            five.clone().sent(TAGGED, TAGGED_ADDRESS, 68),
        ),
        case(
            "OFFER to everybody in it",
            Ask::discover().mac(TAGGED).tagged(5).broadcast_flag(),
            five.broadcast(),
        ),
        case(
            "ACK in the request's",
            naming(TAGGED, [172, 31, 5, 1], TAGGED_ADDRESS).tagged(5),
            Expect::ack().yiaddr(TAGGED_ADDRESS),
        ),
        case(
            "NAK in the request's",
            naming(TAGGED, [172, 31, 5, 1], [172, 31, 5, 51]).tagged(5),
            Expect::nak().broadcast(),
        ),
        case("two tags", double(Ask::discover().mac(DOUBLE)), seven),
        case(
            "a machine of another VLAN, silence",
            Ask::discover().mac(TAGGED).tagged(6),
            unknown(),
        ),
        case("a machine of a VLAN, without a tag, silence", Ask::discover().mac(TAGGED), unknown()),
        case("a machine without VLAN, with a tag, silence", Ask::discover().tagged(5), unknown()),
        case("the inner tag alone, silence", Ask::discover().mac(DOUBLE).tagged(7), unknown()),
    ];
    // The tags are those of the way from the relay.
    cases.extend(each(
        "1.2 VLAN",
        "relayed, the tag is not the machine's",
        |ask| ask.relayed(RELAY).tagged(5),
        |expect| expect.sent(Ask::RELAY_MAC, RELAY, 67),
    ));
    cases
}

pub(crate) fn suites() -> Vec<Suite> {
    let subnet = |third: u8, vlan: &str| {
        format!(
            "[[subnet]]\ncidr = \"172.31.{third}.0/24\"\nvlan = {vlan}\nserver-address = \"172.31.{third}.1\"\n"
        )
    };
    let site = Site::new()
        .tables(&subnet(5, "5"))
        .tables(&subnet(7, "[100, 7]"))
        .known(TAGGED, TAGGED_ADDRESS, "")
        .known(DOUBLE, DOUBLE_ADDRESS, "");
    vec![Suite { site, cases: cases() }]
}
