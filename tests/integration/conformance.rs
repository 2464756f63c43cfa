//! What a DHCP server for machines with reservations must do, row by row: each case is met by the library,
//! by the XDP program and by the daemon. CONFORMANCE.md lists the rows and their cases.

mod accept;
mod clients;
mod decline;
mod decline_time;
mod destination;
mod encoding;
mod gather;
mod header;
mod index;
mod inform;
mod loaders;
mod options;
mod plain;
mod proxy;
mod pxe;
mod quirks;
mod raspberry_pi;
mod relay;
mod routes;
mod rows;
mod script_classes;
mod server_id;
mod several_macs;
mod size;
mod states;
mod subnet_selection;
mod vlan;

use anyhow::Result;
use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, Suite, check};

/// An address of the known machine's subnet that is not its own.
const WRONG: [u8; 4] = [172, 30, 0, 51];

/// A row's case for each kind of answer: of a DISCOVER, of a REQUEST, and of one that is refused.
fn each(
    row: &str,
    what: &str,
    ask: impl Fn(Ask) -> Ask,
    expect: impl Fn(Expect) -> Expect,
) -> Vec<Case> {
    [
        ("OFFER", Ask::discover(), Expect::offer()),
        ("ACK", Ask::selecting(ADDRESS), Expect::ack()),
        ("NAK", Ask::selecting(WRONG), Expect::nak()),
    ]
    .map(|(kind, request, answer)| {
        Case::new(format!("{row}: {what} ({kind})"), ask(request), expect(answer))
    })
    .into()
}

/// Every suite.
fn all() -> Vec<Suite> {
    [
        accept::suites(),
        destination::suites(),
        header::suites(),
        options::suites(),
        states::suites(),
        server_id::suites(),
        encoding::suites(),
        pxe::suites(),
        decline::suites(),
        decline_time::suites(),
        proxy::suites(),
        quirks::suites(),
        plain::suites(),
        raspberry_pi::suites(),
        script_classes::suites(),
        routes::suites(),
        inform::suites(),
        gather::suites(),
        relay::suites(),
        subnet_selection::suites(),
        loaders::suites(),
        size::suites(),
        clients::suites(),
        vlan::suites(),
        several_macs::suites(),
    ]
    .concat()
}

#[test]
fn every_case() -> Result<()> {
    check(all())
}
