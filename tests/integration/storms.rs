//! Machines that ask in a loop, forged ones, and a daemon that is gone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use netboot::{
    fastpath::{
        FastPath,
        run::{Ran, Which},
    },
    selftest::{golden, site},
};
use netboot_ebpf::{
    shared::Deadlines,
    verdict::Verdict,
    wire::{FILE, SIADDR},
};
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Count, Daemon, Xdp},
    lab::{CLIENT, INTERFACE, Lab},
    packets::send_frames,
    wait::wait_for,
};

use crate::site::Site;

const DEADLINE: Duration = Duration::from_secs(20);
/// Offsets in a frame: the source, and `chaddr`.
const SOURCE: usize = 6;
const MESSAGE: usize = 42;
const CHADDR: usize = MESSAGE + 28;

/// A machine's frame.
fn of(mac: [u8; 6], mut frame: Vec<u8>) -> Vec<u8> {
    for at in [SOURCE, CHADDR] {
        frame[at..at + 6].copy_from_slice(&mac);
    }
    frame
}

/// A UEFI machine's DISCOVER.
fn pxe_discover() -> Result<Vec<u8>> {
    let frames = golden::frames()?;
    let golden = frames.into_iter().find(|golden| golden.name == golden::PXE_DISCOVER);
    Ok(golden.context("no such frame")?.frame)
}

/// What the side that answers counted.
fn counted(daemon: &Daemon, lab: &Lab, xdp: Xdp, verdict: Verdict) -> Result<u64> {
    let counts = daemon.counts(&lab.server)?;
    let Count { kernel, userspace } = counts[verdict.as_str()];
    ensure!(kernel == 0 || xdp != Xdp::Off, "{counts:?}");
    // What is over a limit does not reach the daemon.
    let is_dropped = matches!(verdict, Verdict::RateLimited | Verdict::OverCeiling);
    ensure!(userspace == 0 || xdp == Xdp::Off || !is_dropped, "{counts:?}");
    Ok(if xdp == Xdp::Off { userspace } else { kernel })
}

/// How many more than a burst may be admitted since then.
fn since(start: Instant, rate: u64) -> u64 {
    (start.elapsed().as_secs() + 1) * rate
}

fn check_loop(xdp: Xdp) -> Result<()> {
    const LOOPING: [u8; 6] = [2, 0, 0, 0, 0, 0x77];
    const ASKED: usize = 500;
    let lab = Lab::new()?;
    let site = Site::new()?.host("02:00:00:00:00:77", "192.168.2.77", "looping");
    let daemon = site.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let frame = of(LOOPING, pxe_discover()?);
    let start = Instant::now();
    let lease = std::thread::scope(|scope| {
        let frames = std::iter::repeat_n(frame, ASKED);
        let storm = scope.spawn(|| send_frames(&lab.client, INTERFACE, frames));
        let lease = udhcpc(&lab.client, INTERFACE, Identity::default());
        let sent = storm.join().ok().context("the storm panicked")??;
        ensure!(sent == ASKED as u64, "{sent}");
        lease
    })?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    let dropped = wait_for("messages over the rate", DEADLINE, || {
        let dropped = counted(&daemon, &lab, xdp, Verdict::RateLimited)?;
        Ok((dropped > 200).then_some(dropped))
    })?;
    // Those of the client that is served are a few.
    let offered = counted(&daemon, &lab, xdp, Verdict::Offer)?;
    let most = 100 + since(start, 20) + 10;
    ensure!((100..=most).contains(&offered), "{offered} of {most}; {dropped} dropped");
    ensure!(dropped <= ASKED as u64 - 100, "{dropped}");
    daemon.stop()
}

#[test]
fn a_machine_that_loops_in_generic_mode() -> Result<()> {
    check_loop(Xdp::Generic)
}

#[test]
fn a_machine_that_loops_without_xdp() -> Result<()> {
    check_loop(Xdp::Off)
}

fn check_forged(xdp: Xdp) -> Result<()> {
    const FORGED: u32 = 5000;
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let frame = pxe_discover()?;
    let frames = (0..FORGED).map(|number| {
        let [a, b, c, d] = number.to_be_bytes();
        of([2, 0xee, a, b, c, d], frame.clone())
    });
    let start = Instant::now();
    let sent = send_frames(&lab.client, INTERFACE, frames)?;
    ensure!(sent == u64::from(FORGED), "{sent}");
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");

    let dropped = wait_for("messages over the ceiling", DEADLINE, || {
        let dropped = counted(&daemon, &lab, xdp, Verdict::OverCeiling)?;
        Ok((dropped > 1000).then_some(dropped))
    })?;
    let unknown = counted(&daemon, &lab, xdp, Verdict::UnknownMachine)?;
    let most = 1000 + since(start, 1000);
    ensure!((1000..=most).contains(&unknown), "{unknown} of {most}; {dropped} dropped");
    let status = daemon.status(&lab.server)?;
    let seen = status["unknown"].as_array().map_or(0, Vec::len) as u64;
    let most = 100 + since(start, 100);
    ensure!((1..=most).contains(&seen), "{seen} machines were told of");
    let left_out = status["counters"]["events-left-out"].as_u64().unwrap_or(0);
    ensure!(left_out + seen >= unknown, "{left_out} were left out, {seen} told of");
    let lines = daemon.log().lines().count();
    ensure!(lines < 60, "{lines} lines of log");
    daemon.stop()
}

#[test]
fn forged_machines_in_generic_mode() -> Result<()> {
    check_forged(Xdp::Generic)
}

#[test]
fn forged_machines_without_xdp() -> Result<()> {
    check_forged(Xdp::Off)
}

/// What the program makes of a frame, which it counts as this verdict.
fn run(fast: &mut FastPath, frame: &[u8], verdict: Verdict) -> Result<Ran> {
    let before = fast.counter(verdict)?;
    let ran = fast.run(Which::Netboot, frame)?;
    ensure!(fast.counter(verdict)? == before + 1, "it is not counted as {}", verdict.as_str());
    Ok(ran)
}

#[test]
fn the_kernel_drops_what_is_over_a_limit_alone() -> Result<()> {
    let mut config = site::config()?;
    config.dhcp.machine_rate = 1;
    config.dhcp.total_rate = 9;
    let mut fast = FastPath::load(&site::tables_of(&config)?)?;
    let frame = pxe_discover()?;
    for _ in 0..5 {
        ensure!(matches!(run(&mut fast, &frame, Verdict::Offer)?, Ran::Answered(_)));
    }
    ensure!(run(&mut fast, &frame, Verdict::RateLimited)? == Ran::Dropped);
    // Another one is not concerned.
    let unknown = of([2, 1, 1, 1, 1, 1], frame.clone());
    for _ in 0..3 {
        let ran = run(&mut fast, &unknown, Verdict::UnknownMachine)?;
        ensure!(ran == Ran::Passed(unknown.clone()));
    }
    ensure!(run(&mut fast, &unknown, Verdict::OverCeiling)? == Ran::Dropped);
    let mut other = frame.clone();
    // To another port.
    other[37] = 69;
    for _ in 0..20 {
        ensure!(run(&mut fast, &other, Verdict::NotDhcp)? == Ran::Passed(other.clone()));
    }
    Ok(())
}

#[test]
fn the_kernel_without_the_daemon() -> Result<()> {
    let mut fast = FastPath::load(&site::tables()?)?;
    let frame = pxe_discover()?;
    let (past, future) = (1, u64::MAX);
    ensure!(matches!(run(&mut fast, &frame, Verdict::Offer)?, Ran::Answered(_)));
    fast.set_deadlines(&Deadlines { boot_files: future, answers: future })?;
    let Ran::Answered(with) = run(&mut fast, &frame, Verdict::Offer)? else {
        anyhow::bail!("no answer");
    };
    fast.set_deadlines(&Deadlines { boot_files: past, answers: 0 })?;
    let Ran::Answered(without) = run(&mut fast, &frame, Verdict::OfferWithoutDaemon)? else {
        anyhow::bail!("no answer");
    };
    let boots = |answer: &[u8]| {
        [SIADDR..SIADDR + 4, FILE..FILE + 128].map(|range| {
            let range = MESSAGE + range.start..MESSAGE + range.end;
            answer.get(range).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
        })
    };
    ensure!(boots(&with) == [true; 2] && boots(&without) == [false; 2], "{without:02x?}");
    fast.set_deadlines(&Deadlines { boot_files: 0, answers: past })?;
    ensure!(run(&mut fast, &frame, Verdict::Stale)? == Ran::Passed(frame.clone()));
    // The daemon is back.
    fast.set_deadlines(&Deadlines { boot_files: future, answers: future })?;
    ensure!(run(&mut fast, &frame, Verdict::Offer)? == Ran::Answered(with));
    Ok(())
}
