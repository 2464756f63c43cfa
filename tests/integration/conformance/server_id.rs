//! Which of our addresses answers name, and which of them requests may name.

use anyhow::Result;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR_RELAY, OTHER_SERVER, SERVER, Site, Suite, check,
};

/// A machine of the second subnet on our link, and one behind a relay.
const OTHER: [u8; 6] = [0x52, 0x54, 0, 0x29, 0, 0x60];
const OTHER_ADDRESS: [u8; 4] = [172, 29, 0, 60];
const OTHER_RELAY: [u8; 4] = [172, 29, 0, 3];
const FAR: [u8; 6] = [0x52, 0x54, 0, 0x28, 0, 0x60];
const FAR_ADDRESS: [u8; 4] = [172, 28, 0, 60];

fn identity(expect: Expect, server: [u8; 4]) -> Expect {
    expect.option(54, &server).source(server, 67)
}

fn cases() -> Vec<Case> {
    let naming = |server: [u8; 4]| Ask::new(3).with(54, &server).with(50, &ADDRESS);
    let other = |expect: Expect| identity(expect, OTHER_SERVER).yiaddr(OTHER_ADDRESS);
    let far = |expect: Expect| identity(expect, SERVER).yiaddr(FAR_ADDRESS);
    let other_request = Ask::new(3).mac(OTHER).with(54, &OTHER_SERVER).with(50, &OTHER_ADDRESS);
    vec![
        Case::new(
            "1.6 own address: of the machine's subnet",
            Ask::discover(),
            identity(Expect::offer(), SERVER),
        ),
        Case::new(
            "1.6 own address: of another subnet on the link",
            Ask::discover().mac(OTHER),
            other(Expect::offer()),
        ),
        Case::new(
            "1.6 own address: of a relayed subnet that is also here",
            Ask { destination: OTHER_SERVER, ..Ask::discover().mac(OTHER).relayed(OTHER_RELAY) },
            other(Expect::offer()),
        ),
        Case::new(
            "1.6 own address: of the interface, where we have none in the subnet",
            Ask::discover().mac(FAR).relayed(FAR_RELAY),
            far(Expect::offer()),
        ),
        Case::new(
            "1.6 any own address: option 54 names the first",
            naming(SERVER),
            identity(Expect::ack(), SERVER),
        ),
        Case::new(
            "1.6 any own address: option 54 names the second",
            naming(OTHER_SERVER),
            identity(Expect::ack(), SERVER),
        ),
        Case::new(
            "1.6 any own address: RENEWING at the second",
            Ask { destination: OTHER_SERVER, ..Ask::renewing(ADDRESS) },
            identity(Expect::ack(), SERVER),
        ),
        Case::new("1.6 one identity: OFFER", Ask::discover().mac(OTHER), other(Expect::offer())),
        Case::new("1.6 one identity: ACK", other_request, other(Expect::ack())),
        Case::new(
            "1.6 subnet selection: option 118 is ignored and not echoed",
            Ask::discover().with(118, &[172, 28, 0, 0]),
            Expect::offer().without(118),
        ),
    ]
}

/// One address for all subnets, by configuration.
fn configured() -> Suite {
    let cases = vec![
        Case::new(
            "1.6 own address: the configured one",
            Ask::discover(),
            identity(Expect::offer(), OTHER_SERVER),
        ),
        Case::new(
            "1.6 any own address: also where another is configured",
            Ask::selecting(ADDRESS),
            identity(Expect::ack(), OTHER_SERVER),
        ),
    ];
    Suite { site: Site::new().dhcp("server-address = \"172.29.0.2\""), cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    let site = Site::new().known(OTHER, OTHER_ADDRESS, "").known(FAR, FAR_ADDRESS, "");
    vec![Suite { site, cases: cases() }, configured()]
}

#[test]
fn server_identifiers() -> Result<()> {
    check(&suites())
}
