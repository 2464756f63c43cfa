//! Many machines at once, and hosts that mean no good beside one that boots.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    attacks::{
        requests::{Requests, write_request},
        windows::{Slow, acknowledge_each_block},
    },
    daemon::{Daemon, Xdp},
    lab::{CLIENT, INTERFACE, Lab, SERVER},
    namespace::Namespace,
    room,
    transfer::atftp,
    wait::wait_for,
};

use crate::site::Site;

const DEADLINE: Duration = Duration::from_secs(20);
const TFTP: SocketAddrV4 = SocketAddrV4::new(SERVER, 69);
/// One of those behind the client.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(10, 1, 255, 1);
/// A neighbour that is none.
const NOBODY: &str = "192.168.2.250";

fn content(size: u32) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

/// Behind the client there are as many hosts as are wanted, each with an address of its own: 10.1.0.0/16. Those of
/// 10.2.0.0/16 are forged there: what they are answered comes to nobody.
fn lab() -> Result<Lab> {
    let lab = Lab::with_client_address()?;
    lab.client.ip(&["route", "add", "local", "10.0.0.0/8", "dev", "lo"])?;
    lab.server.ip(&["route", "add", "10.1.0.0/16", "via", &CLIENT.to_string()])?;
    lab.server.ip(&["route", "add", "10.2.0.0/16", "via", NOBODY])?;
    let neighbour = ["neighbour", "add", NOBODY, "lladdr", "02:00:00:00:00:01"];
    lab.server.ip(&[&neighbour[..], &["dev", INTERFACE]].concat())?;
    Ok(lab)
}

fn serve(size: u32) -> Result<(Lab, Daemon)> {
    let lab = lab()?;
    let site = Site::new()?.file("file", &content(size))?;
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    Ok((lab, daemon))
}

fn counters(daemon: &Daemon, namespace: &Namespace, names: &[&str]) -> Result<Vec<u64>> {
    let counters = daemon.status(namespace)?["counters"].clone();
    let of = |name: &&str| counters[*name].as_u64().with_context(|| format!("{name}: {counters}"));
    names.iter().map(of).collect()
}

/// The most that a process had in memory at once, in bytes.
fn peak(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.with_context(|| status.clone())? * 1024)
}

/// Each looks at the size, leaves, and asks again: all have the file, and nothing is left of them.
#[test]
fn a_room_is_switched_on() -> Result<()> {
    const MACHINES: u32 = 5000;
    const SIZE: u32 = 64 * 1024;
    const NAMES: [&str; 7] = [
        "tftp-complete",
        "tftp-size-probes",
        "tftp-aborted",
        "tftp-timed-out",
        "tftp-gave-way",
        "tftp-too-many",
        "tftp-refused",
    ];
    let (lab, daemon) = serve(SIZE)?;
    let first = u32::from(Ipv4Addr::new(10, 1, 0, 1));
    let addresses = (first..first + MACHINES).map(Ipv4Addr::from);
    let start = Instant::now();
    let failures = room::switch_on(&lab.client, addresses, TFTP, "file", content(SIZE))?;
    println!("{MACHINES} machines: {:.1} s", start.elapsed().as_secs_f32());
    ensure!(failures.is_empty(), "{} were not served: {:?}", failures.len(), failures.first());
    // Each transfer has ended: twice as many have begun.
    let expect = [u64::from(MACHINES), u64::from(MACHINES), 0, 0, 0, 0, 0];
    wait_for("the last acknowledgements", DEADLINE, || {
        Ok((counters(&daemon, &lab.server, &NAMES)? == expect).then_some(()))
    })
    .with_context(|| format!("{:?}", counters(&daemon, &lab.server, &NAMES)))?;
    let peak = peak(daemon.process().id())?;
    ensure!(peak < 64 << 20, "{peak} bytes of memory");
    daemon.stop()
}

/// Transfers that go on and never end, and forged requests that nobody acknowledges: a machine beside is served.
#[test]
fn greedy_hosts_do_not_keep_a_machine_waiting() -> Result<()> {
    let (lab, daemon) = serve(1 << 20)?;
    let fetch = || atftp(&lab.client, SERVER, "file", &["blksize 1468", "tsize 0"]);
    let mut slow = lab.client.enter(|| Slow::open(TFTP, "file", ATTACKER, 2048))?;
    ensure!(fetch()? == content(1 << 20), "beside transfers that never end");
    let mut forged = Requests::new(TFTP, "file", 200);
    lab.client.enter(|| {
        for number in 0..20_000_u32 {
            let [.., high, low] = number.to_be_bytes();
            forged.send_from(Ipv4Addr::new(10, 2, high, low))?;
        }
        Ok(())
    })?;
    slow.go_on();
    ensure!(fetch()? == content(1 << 20), "beside requests that nobody acknowledges");
    let peak = peak(daemon.process().id())?;
    ensure!(peak < 96 << 20, "{peak} bytes of memory");
    ensure!(counters(&daemon, &lab.server, &["tftp-complete"])? == [2], "{}", daemon.log());
    daemon.stop()
}

/// A line of log for each would fill a disk.
#[test]
fn requests_to_write_are_told_in_few_lines() -> Result<()> {
    const WRITES: u64 = 5000;
    let (lab, daemon) = serve(1000)?;
    lab.client.enter(|| {
        let socket = UdpSocket::bind((ATTACKER, 0))?;
        for _ in 0..WRITES {
            socket.send_to(&write_request("file"), TFTP)?;
        }
        Ok(())
    })?;
    ensure!(atftp(&lab.client, SERVER, "file", &[])? == content(1000), "beside requests to write");
    wait_for("refusals", DEADLINE, || {
        let told = counters(&daemon, &lab.server, &["tftp-refused", "tftp-unheard"])?;
        Ok((told.iter().sum::<u64>() == WRITES).then_some(()))
    })?;
    let lines = daemon.log().matches("refused to be written to").count();
    ensure!((1..=200).contains(&lines), "{lines} lines of log");
    daemon.stop()
}

/// An acknowledgement of each block inside a window gets what is new, and not the window again.
#[test]
fn acknowledgements_are_not_amplified() -> Result<()> {
    const SIZE: u32 = 1 << 20;
    let (lab, daemon) = serve(SIZE)?;
    let cost = lab.client.enter(|| acknowledge_each_block(TFTP, "file", SIZE as usize))?;
    ensure!(cost.received < 2 * u64::from(SIZE), "{} bytes came for {SIZE}", cost.received);
    daemon.stop()
}
