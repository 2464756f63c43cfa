//! Interfaces that go down, are removed, or carry other VLANs.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netboot_answer::golden;
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Daemon, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    namespace::connect,
    packets::send_frames,
    wait::wait_for,
};

use crate::site::Site;

const DEADLINE: Duration = Duration::from_secs(20);

fn is_leased(lab: &Lab) -> Result<()> {
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    Ok(())
}

fn wait_for_log(daemon: &Daemon, words: &str) -> Result<()> {
    wait_for(words, DEADLINE, || Ok(daemon.log().contains(words).then_some(())))
        .with_context(|| daemon.log())
}

/// A cable that was out.
fn flap(xdp: Xdp) -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(xdp)?.start(&lab.server, INTERFACE)?;
    is_leased(&lab)?;
    lab.server.ip(&["link", "set", INTERFACE, "down"])?;
    wait_for_log(&daemon, "the interface went down")?;
    lab.server.ip(&["link", "set", INTERFACE, "up"])?;
    is_leased(&lab)?;
    daemon.stop()
}

#[test]
fn a_flap_in_generic_mode() -> Result<()> {
    flap(Xdp::Generic)
}

#[test]
fn a_flap_without_xdp() -> Result<()> {
    flap(Xdp::Off)
}

/// Everything else goes on without it, and it is served again when it is back.
fn removal(xdp: Xdp) -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(xdp)?.start(&lab.server, INTERFACE)?;
    lab.client.ip(&["link", "delete", INTERFACE])?;
    wait_for_log(&daemon, "the interface was removed")?;
    daemon.status(&lab.server)?;
    connect((&lab.server, INTERFACE), (&lab.client, INTERFACE))?;
    lab.client.set_mac(INTERFACE, CLIENT_MAC)?;
    lab.server.add_address(INTERFACE, &format!("{SERVER}/24"))?;
    is_leased(&lab)?;
    daemon.stop()
}

#[test]
fn a_removal_in_generic_mode() -> Result<()> {
    removal(Xdp::Generic)
}

#[test]
fn a_removal_without_xdp() -> Result<()> {
    removal(Xdp::Off)
}

/// The frame with the tag of a VLAN that nobody has an interface in.
fn tagged(frame: &[u8]) -> Vec<u8> {
    const TAG: [u8; 4] = [0x81, 0, 0, 123];
    let (addresses, rest) = frame.split_at(12);
    [addresses, &TAG, rest].concat()
}

/// A message of a machine with another MAC.
fn from_machine(frame: &[u8], mac: [u8; 6]) -> Vec<u8> {
    const CHADDR: usize = 42 + 28;
    let mut frame = frame.to_vec();
    frame[6..12].copy_from_slice(&mac);
    frame[CHADDR..CHADDR + 6].copy_from_slice(&mac);
    frame
}

/// A machine that is known without VLAN is not answered in one.
fn other_vlan(xdp: Xdp) -> Result<()> {
    const REQUESTS: usize = 20;
    const MACHINE: [u8; 6] = [2, 0, 0, 0, 0, 1];
    let lab = Lab::new()?;
    let site = Site::new()?.host("02:00:00:00:00:01", "192.168.2.150", "machine2");
    let daemon = site.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let frames = golden::frames()?;
    let golden = frames.iter().find(|golden| golden.name == golden::PXE_DISCOVER);
    let frame = from_machine(&golden.context("no such golden frame")?.frame, MACHINE);

    let tagged = tagged(&frame);
    send_frames(&lab.client, INTERFACE, (0..REQUESTS).map(|_| tagged.clone()))?;
    let count = wait_for("the tagged requests", DEADLINE, || {
        let count = daemon.counts(&lab.server)?["unknown-machine"];
        Ok((count.userspace == REQUESTS as u64).then_some(count))
    })?;
    let by_kernel = if xdp == Xdp::Off { 0 } else { REQUESTS as u64 };
    ensure!(count.kernel == by_kernel, "{count:?}");
    let answers = daemon.answers(&lab.server)?;
    ensure!(answers.kernel + answers.userspace == 0, "{answers:?} to tagged requests");

    send_frames(&lab.client, INTERFACE, std::iter::once(frame))?;
    wait_for("the answer to the request without tag", DEADLINE, || {
        let answers = daemon.answers(&lab.server)?;
        Ok((answers.kernel + answers.userspace == 1).then_some(()))
    })?;
    daemon.stop()
}

#[test]
fn another_vlan_in_generic_mode() -> Result<()> {
    other_vlan(Xdp::Generic)
}

#[test]
fn another_vlan_without_xdp() -> Result<()> {
    other_vlan(Xdp::Off)
}
