//! Cases that are written before what they ask for. They are run, and some must fail: once all of a site's
//! are met, this test says so. Then the module moves up: its `suites` into `done`, and no longer here.

mod vlan;

use anyhow::Result;
use netboot_tests::conformance::{Suite, check_planned};

pub(crate) fn suites() -> Vec<Suite> {
    vlan::suites()
}

#[test]
fn what_is_planned_is_not_done_yet() -> Result<()> {
    check_planned(suites())
}
