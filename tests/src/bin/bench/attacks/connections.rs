//! Where a node is attacked, and from where it is asked.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4},
    sync::Arc,
};

use anyhow::Result;
use netboot_tests::{attacks::heads, daemon::Build, interrupt};

use crate::{node::Node, tftp::FILE};

pub(super) const HTTP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
pub(super) const TFTP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 69);
/// The attacker who has one address. Machines of a room have those of 127.1.0.0/16.
pub(super) const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 2, 0, 1);
/// The boot file's size.
pub(super) const SIZE: usize = 1 << 20;

/// A forged address.
pub(super) fn forged(number: usize) -> Ipv4Addr {
    let [high, low] = (number as u16).to_be_bytes();
    Ipv4Addr::new(127, 3, high, low)
}

pub(super) fn content() -> Arc<[u8]> {
    (0..SIZE).map(|at| (at.wrapping_mul(31) >> 3) as u8).collect()
}

/// A node that serves the boot file.
pub(super) fn node(build: Build, words: &[&str]) -> Result<Node> {
    let root = tempfile::tempdir()?;
    fs::write(root.path().join(FILE), content())?;
    Node::start(build, words, root)
}

/// How many of so many others, each with an address of its own, get the boot file over HTTP; from within the
/// node's namespace.
pub(super) fn served(machines: u8) -> Result<u64> {
    let mut served = 0;
    for number in 1..=machines {
        interrupt::check()?;
        let is_served = heads::is_served(HTTP, Ipv4Addr::new(127, 5, 0, number), "/file");
        served += u64::from(is_served);
    }
    Ok(served)
}
