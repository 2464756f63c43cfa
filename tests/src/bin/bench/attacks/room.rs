//! Machines that are no attackers, and come at once.

use anyhow::Result;
use netboot_tests::daemon::Build;

use super::connections::{content, node};
use crate::{tftp::power_on::Room, usage};

const MACHINES: u16 = 1500;

pub(super) fn run(build: Build) -> Result<Vec<u64>> {
    let node = node(build, &[])?;
    let room = Room::switch_on(&node.namespace, MACHINES, &content())?;
    let peak = usage::peak_of_process(node.id())?;
    Ok(vec![room.refused as u64, room.silent as u64, peak])
}
