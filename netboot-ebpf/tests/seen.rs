//! The facts that are told of a request's machine, whatever became of the request.

use netboot_ebpf::{
    client::Stage,
    responder::Scratch,
    shared::{Mac, NO_ARCHITECTURE, Seen, Station, Vlan},
    verdict::Verdict,
};

use crate::common::{Ask, MAC, OTHER_RELAY, STRANGER, Site, daemon, kernel};

fn script(ask: Ask) -> Ask {
    ask.with(60, b"PXEClient").with(77, b"Tinkerbell").with(93, &[0, 11])
}

fn check(request: &Ask, verdict: Verdict, expect: Seen) {
    let mut scratch = Scratch::new();
    // Another machine's request was here before.
    let earlier = script(Ask::discover()).mac([9; 6]).relayed([9; 4]).frame();
    assert_eq!(kernel(&Site::new(), &earlier, &mut scratch), Err(Verdict::UnknownMachine));
    let answer = daemon(&Site::new(), &request.frame(), &mut scratch);
    assert_eq!(answer.map_or_else(|verdict| verdict, |(verdict, _)| verdict), verdict);
    assert_eq!(scratch.seen, expect, "{request:?}");
}

#[test]
fn seen() {
    let station = Station::untagged(Mac { octets: MAC });
    let plain = Seen { station, message_type: 1, ..Seen::NOTHING };
    check(&Ask::discover(), Verdict::Offer, plain);
    assert_eq!(plain.architecture, NO_ARCHITECTURE);
    let stranger = Seen { station: Station::untagged(Mac { octets: STRANGER }), ..plain };
    check(&Ask::discover().mac(STRANGER), Verdict::UnknownMachine, stranger);
    let booting = Seen { stage: Stage::Script as u8, architecture: 11, ..plain };
    check(&script(Ask::discover()), Verdict::Offer, booting);
    let relayed = Seen { giaddr: OTHER_RELAY, ..booting };
    check(&script(Ask::discover()).relayed(OTHER_RELAY), Verdict::WrongSubnet, relayed);
    let refused = Seen { message_type: 3, address: [172, 30, 0, 9], ..plain };
    check(&Ask::renewing([172, 30, 0, 9]), Verdict::Nak, refused);
    check(&Ask::new(4), Verdict::WrongAddress, Seen { message_type: 4, ..plain });
    let tagged = Station { vlan: Vlan { ids: [5, 9] }, ..stranger.station };
    let ask = Ask::discover().mac(STRANGER).tag([0x81, 0], 5).tag([0x81, 0], 9);
    check(&ask, Verdict::UnknownMachine, Seen { station: tagged, ..stranger });
    // Tags on the way from a relay are not the machine's.
    let relayed = Seen { giaddr: OTHER_RELAY, ..stranger };
    check(&ask.relayed(OTHER_RELAY), Verdict::UnknownMachine, relayed);
}

/// A malformed message still names its machine.
#[test]
fn seen_of_what_is_not_read() {
    let named = Seen { station: Station::untagged(Mac { octets: MAC }), ..Seen::NOTHING };
    let ask = Ask::discover;
    check(&ask().with(82, &[1; 255]).with(82, &[1]), Verdict::BadOption, named);
    check(&ask().with(52, &[4]), Verdict::BadOption, named);
    check(&ask().with(54, &[1]), Verdict::BadOption, named);
    check(&Ask { end: vec![61, 9], ..ask() }, Verdict::Truncated, named);
    let plain = Seen { message_type: 1, ..named };
    let many = (128..=230).flat_map(|code| [code, 0]).collect();
    check(&Ask { end: many, ..ask() }, Verdict::Offer, plain);
    check(&Ask { end: vec![0; 99], ..ask() }, Verdict::Offer, plain);
    check(&Ask { options: vec![], ..ask() }, Verdict::NotDhcpMessage, named);
    check(&Ask { begin: [1, 1, 16, 0], ..ask() }, Verdict::NotEthernet, named);
    check(&Ask { begin: [2, 1, 6, 0], ..ask() }, Verdict::NotRequest, Seen::NOTHING);
    check(&Ask { cookie: [0; 4], ..ask() }, Verdict::NotDhcpMessage, Seen::NOTHING);
}
