//! Requests with options that nobody needs: longer, or more of them, than there may be room for.

use anyhow::Result;
use netboot_tests::daemon::{Build, Xdp};

use super::rack::{Rack, discover};

const MACHINES: u32 = 10;

pub(super) fn run(build: Build) -> Result<Vec<u64>> {
    let rack = Rack::start(build, Xdp::Generic, 0..MACHINES)?;
    let long = |mac, _| discover(mac).with(175, &[7; 196]).with(175, &[7; 196]);
    let many = |mac, _| (100..=254).fold(discover(mac), |ask, code| ask.with(code, &[9]));
    Ok(vec![rack.ask(0..MACHINES, long)?, rack.ask(0..MACHINES, many)?])
}
