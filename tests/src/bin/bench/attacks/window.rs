//! A client that acknowledges each block where it asked for windows.

use anyhow::Result;
use netboot_tests::{attacks::windows::acknowledge_each_block, daemon::Build};

use super::connections::{SIZE, TFTP, node};
use crate::tftp::FILE;

pub(super) fn run(build: Build) -> Result<Vec<u64>> {
    let node = node(build, &[])?;
    let cost = node.namespace.enter(|| acknowledge_each_block(TFTP, FILE, SIZE))?;
    Ok(vec![cost.sent, cost.received])
}
