//! Requests to write a file, which nobody may.

use std::net::UdpSocket;

use anyhow::Result;
use netboot_tests::{
    attacks::{pace::paced, requests::write_request},
    daemon::Build,
};

use super::{
    connections::{ATTACKER, TFTP, node},
    settled::settled,
};

const REQUESTS: u32 = 20_000;
/// Fewer than would be lost on the way.
const PER_SECOND: u32 = 5000;

pub(super) fn run(build: Build) -> Result<Vec<u64>> {
    let node = node(build, &[])?;
    let lines = || Ok(node.daemon.log().lines().count());
    let before = lines()?;
    node.namespace.enter(|| {
        let socket = UdpSocket::bind((ATTACKER, 0))?;
        let packet = write_request("file");
        for _ in paced(PER_SECOND, 0..REQUESTS) {
            socket.send_to(&packet, TFTP)?;
        }
        Ok(())
    })?;
    Ok(vec![(settled(before, lines)? - before) as u64])
}
