//! Cases that are written before what they ask for. They are run, and some must fail: once all of a site's
//! are met, this test says so. Then the module moves up: its `suites` into `done`, and no longer here.

mod decline;
mod firmware;
mod gather;
mod inform;
mod proxy;
mod quirks;
mod relay;
mod routes;
mod size;
mod vlan;

use anyhow::Result;
use netboot_tests::conformance::{Suite, check_planned};

pub(crate) fn suites() -> Vec<Suite> {
    [
        decline::suites(),
        firmware::suites(),
        gather::suites(),
        inform::suites(),
        proxy::suites(),
        quirks::suites(),
        relay::suites(),
        routes::suites(),
        size::suites(),
        vlan::suites(),
    ]
    .concat()
}

#[test]
fn what_is_planned_is_not_done_yet() -> Result<()> {
    check_planned(suites())
}
