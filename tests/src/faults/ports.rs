//! Another program has a port when the daemon starts.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    os::fd::OwnedFd,
};

use anyhow::Result;

use super::{
    scene::Scene,
    service::Service::{Dhcp, Http, Syslog, Tftp},
};

pub(super) fn start_with_udp_taken(scene: &mut Scene) -> Result<()> {
    for port in [69, 514] {
        let taken = scene.wire.server.enter(|| Ok(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?));
        scene.held.push(OwnedFd::from(taken?));
    }
    scene.start()?;
    scene.wait_until_served(&[Dhcp, Http])?;
    scene.check_ready(503, &["tftp", "syslog"])
}

pub(super) fn start_with_tcp_taken(scene: &mut Scene) -> Result<()> {
    let taken = scene.wire.server.enter(|| Ok(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80))?));
    scene.held.push(OwnedFd::from(taken?));
    scene.start()?;
    scene.wait_until_served(&[Dhcp, Tftp, Syslog])
}

/// The other program ends.
pub(super) fn free(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    scene.held.clear();
    Ok(())
}

pub(super) fn all_ready(scene: &mut Scene) -> Result<()> {
    scene.check_ready(200, &[])
}
