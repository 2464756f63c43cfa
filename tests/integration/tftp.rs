//! TFTP on ways that lose, double and reorder what is sent, and on narrow ones.

use std::{net::Ipv4Addr, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    capture::Capture,
    daemon::{Daemon, Xdp},
    fates::Fates,
    lab::{INTERFACE, Lab, SERVER},
    lossy_relay::{self, LossyRelay},
    namespace::Namespace,
    process,
    transfer::{atftp, curl, tftp},
};

use crate::site::Site;

/// tftp-hpa and busybox wait seconds before they ask again.
const DEADLINE: Duration = Duration::from_secs(60);

fn file() -> Vec<u8> {
    (0..120_007_u32).map(|at| (at % 251) as u8).collect()
}

fn busybox(namespace: &Namespace, server: Ipv4Addr, options: &[&str]) -> Result<Vec<u8>> {
    let dir = tempfile::tempdir()?;
    let local = dir.path().join("file");
    let mut command: Command = namespace.command("busybox");
    command.args(["tftp", "-g", "-r", "file"]).args(options).arg("-l").arg(&local);
    command.arg(server.to_string());
    process::run(command, DEADLINE)?;
    std::fs::read(&local).context("busybox fetched nothing")
}

/// Each client ends with the file, whatever it negotiates.
fn check(daemon: &Daemon, lab: &Lab, fates: Fates) -> Result<()> {
    let mut lost = 0;
    let server = lossy_relay::ADDRESS;
    let mut fetch = |name: &str, seed, fetch: &dyn Fn() -> Result<Vec<u8>>| {
        let relay = LossyRelay::start(&lab.client, SERVER, fates, seed)?;
        let fetched = fetch().with_context(|| format!("{name}, {fates:?}"))?;
        ensure!(fetched == file(), "{name}: {} bytes, or others, {fates:?}", fetched.len());
        lost += relay.lost();
        Ok(())
    };
    fetch("tftp-hpa", 1, &|| tftp(&lab.client, server, "file"))?;
    fetch("atftp", 2, &|| atftp(&lab.client, server, "file", &["blksize 1468", "tsize 0"]))?;
    fetch("atftp, windows", 3, &|| {
        atftp(&lab.client, server, "file", &["blksize 512", "windowsize 8", "timeout 1"])
    })?;
    fetch("busybox", 4, &|| busybox(&lab.client, server, &["-b", "1024"]))?;
    fetch("curl", 5, &|| {
        Ok(curl(
            &lab.client,
            &format!("tftp://{server}/file"),
            &["--tftp-blksize", "1428", "--max-time", "55"],
        )?
        .body)
    })?;
    ensure!(fates.lost == 0 || lost > 10, "only {lost} datagrams were lost");
    ensure!(!daemon.log().contains("panicked"), "{}", daemon.log());
    Ok(())
}

fn with_fates(fates: Fates) -> Result<()> {
    let lab = Lab::with_client_address()?;
    let site = Site::new()?.file("file", &file())?;
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    check(&daemon, &lab, fates)?;
    daemon.stop()
}

#[test]
fn datagrams_are_lost() -> Result<()> {
    with_fates(Fates { lost: 4, doubled: 0, late: 0 })
}

#[test]
fn datagrams_are_doubled_and_late() -> Result<()> {
    with_fates(Fates { lost: 0, doubled: 15, late: 15 })
}

#[test]
fn datagrams_have_any_fate() -> Result<()> {
    with_fates(Fates { lost: 3, doubled: 5, late: 5 })
}

/// Blocks have the size that the subnet takes, and routers may take apart what is too large still.
#[test]
fn a_way_is_narrow() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let site = Site::new()?.file("file", &file())?.subnet("tftp-block-size = 1000");
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let mut capture = Capture::start(&lab.client, INTERFACE)?;
    let got = atftp(&lab.client, SERVER, "file", &["blksize 1468"])?;
    ensure!(got == file(), "{} bytes, or others", got.len());
    // UDP from the server, behind an IP header without options.
    let is_udp = |frame: &&Vec<u8>| frame.get(14) == Some(&0x45) && frame.get(23) == Some(&17);
    let frames: Vec<_> = capture.frames()?.iter().filter(is_udp).collect();
    ensure!(frames.len() > 10, "{} datagrams came", frames.len());
    for frame in frames {
        let (flags, payload) = (frame.get(20).copied(), frame.get(42..).unwrap_or_default());
        ensure!(flags == Some(0), "a router may not take it apart: {flags:?}");
        ensure!(payload.len() <= 1004, "a datagram of {} bytes", payload.len());
    }
    daemon.stop()
}
