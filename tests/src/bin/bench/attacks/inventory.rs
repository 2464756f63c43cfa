//! Machines that leave the inventory again and again, having asked: unknown ones from then on.

use anyhow::Result;
use netboot_tests::{
    daemon::{Build, Xdp},
    interrupt,
};

use super::rack::{Rack, discover};
use crate::usage;

const MACHINES: u32 = 3000;
const TIMES: u32 = 10;

pub(super) fn run(build: Build) -> Result<Vec<u64>> {
    let machines = |time: u32| time * MACHINES..(time + 1) * MACHINES;
    let rack = Rack::start(build, Xdp::Off, machines(0))?;
    for time in 0..TIMES {
        interrupt::check()?;
        rack.ask(machines(time), |mac, _| discover(mac))?;
        rack.replace(machines(time + 1))?;
    }
    let memory = usage::resident_of_process(rack.daemon.process().id())?;
    Ok(vec![rack.unknown()? as u64, memory])
}
