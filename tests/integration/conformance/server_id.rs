//! Which of our addresses answers name, and which of them requests may name.

use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, FAR, FAR_ADDRESS, FAR_RELAY, OTHER, OTHER_ADDRESS, OTHER_SERVER,
    SERVER, Site, Suite,
};

/// A relay in the second subnet on our link.
const OTHER_RELAY: [u8; 4] = [172, 29, 0, 3];

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
    vec![Suite { site: Site::new(), cases: cases() }, configured()]
}
