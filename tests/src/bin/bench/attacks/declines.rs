//! A rack whose machines decline their addresses, says somebody else.

use anyhow::{Result, ensure};
use netboot_ebpf::wire::REQUEST;
use netboot_tests::{
    attacks::declines::{from_afar, naming},
    daemon::{Build, Xdp},
    wire::SERVER,
};

use super::rack::{Rack, discover};

const MACHINES: u32 = 1000;

pub(super) fn run(build: Build) -> Result<Vec<u64>> {
    let rack = Rack::start(build, Xdp::Generic, 0..MACHINES)?;
    let message = |mac, ip| naming(REQUEST, mac, SERVER, ip);
    let acknowledged = rack.ask(0..MACHINES, message)?;
    ensure!(acknowledged == u64::from(MACHINES), "{acknowledged} machines got an address");
    rack.ask(0..MACHINES, |mac, ip| from_afar(mac, SERVER, ip))?;
    let offers = rack.ask(0..MACHINES, |mac, _| discover(mac))?;
    Ok(vec![u64::from(MACHINES) - offers])
}
