//! Machines that ask in a loop, forged ones, and a daemon that is gone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use netboot_answer::{
    golden::{self, site},
    kernel::{
        FastPath,
        run::{Ran, Which},
    },
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

/// A frame to us that is not read, and how it is counted.
fn unread() -> Result<[(Vec<u8>, Verdict); 2]> {
    let mut fragment = pxe_discover()?;
    fragment[20] = 0x20;
    let mut proxy = pxe_discover()?;
    proxy[36..38].copy_from_slice(&4011_u16.to_be_bytes());
    Ok([(fragment, Verdict::Fragment), (proxy, Verdict::ProxyPort)])
}

/// Frames for others, and such as may be no DHCP messages.
fn transit() -> Result<[(Vec<u8>, Verdict); 6]> {
    let discover = pxe_discover()?;
    let changed = |at: usize, bytes: &[u8]| {
        let mut frame = discover.clone();
        frame[at..at + bytes.len()].copy_from_slice(bytes);
        frame
    };
    let mut reply = changed(0, &[2, 9, 9, 9, 9, 9]);
    reply[MESSAGE] = 2;
    let mut tagged = discover.clone();
    tagged.splice(12..12, [0x81, 0, 0, 5].repeat(3));
    Ok([
        (changed(0, &[2, 9, 9, 9, 9, 9]), Verdict::OtherDestination),
        (changed(30, &[10, 9, 8, 7]), Verdict::OtherDestination),
        (reply, Verdict::OtherDestination),
        (changed(14, &[0x46]), Verdict::IpOptions),
        (tagged, Verdict::Tagged),
        (changed(36, &[0, 69]), Verdict::NotDhcp),
    ])
}

#[test]
fn the_kernel_drops_nothing_that_is_for_others() -> Result<()> {
    let mut config = site::config()?;
    config.dhcp.unknown_rate = 3;
    config.dhcp.total_rate = 5;
    let mut fast = FastPath::load(&site::tables_of(&config)?)?;
    for _ in 0..20 {
        for (frame, verdict) in transit()? {
            let ran = run(&mut fast, &frame, verdict)?;
            ensure!(ran == Ran::Passed(frame), "{}: {ran:?}", verdict.as_str());
        }
    }
    // None of that was counted against the limits.
    ensure!(matches!(run(&mut fast, &pxe_discover()?, Verdict::Offer)?, Ran::Answered(_)));
    Ok(())
}

#[test]
fn the_kernel_bounds_what_it_does_not_read() -> Result<()> {
    for (frame, verdict) in unread()? {
        let mut config = site::config()?;
        config.dhcp.unknown_rate = 3;
        let mut fast = FastPath::load(&site::tables_of(&config)?)?;
        for _ in 0..3 {
            ensure!(run(&mut fast, &frame, verdict)? == Ran::Passed(frame.clone()));
        }
        ensure!(run(&mut fast, &frame, Verdict::OverCeiling)? == Ran::Dropped);
        ensure!(matches!(run(&mut fast, &pxe_discover()?, Verdict::Offer)?, Ran::Answered(_)));
    }
    Ok(())
}

/// A flood of such frames beside a machine that is served.
fn check_unread(xdp: Xdp) -> Result<()> {
    const EACH: usize = 4000;
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let (bounded, passed) = (unread()?, transit()?);
    let frames: Vec<_> = bounded.iter().chain(&passed).map(|(frame, _)| frame.clone()).collect();
    let flood = frames.iter().cycle().take(EACH * frames.len()).cloned();
    let start = Instant::now();
    let sent = send_frames(&lab.client, INTERFACE, flood)?;
    ensure!(sent == (EACH * frames.len()) as u64, "{sent}");
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");

    let dropped = wait_for("messages over the ceiling", DEADLINE, || {
        let dropped = counted(&daemon, &lab, xdp, Verdict::OverCeiling)?;
        Ok((dropped > 1000).then_some(dropped))
    })?;
    let most = 1000 + since(start, 1000);
    let mut admitted = 0;
    for (_, verdict) in &bounded {
        admitted += counted(&daemon, &lab, xdp, *verdict)?;
    }
    ensure!((1000..=most).contains(&admitted), "{admitted} of {most}; {dropped} dropped");
    let lines = daemon.log().lines().count();
    ensure!(lines < 60, "{lines} lines of log");
    daemon.stop()
}

#[test]
fn frames_that_are_not_read_in_generic_mode() -> Result<()> {
    check_unread(Xdp::Generic)
}

#[test]
fn frames_that_are_not_read_without_xdp() -> Result<()> {
    check_unread(Xdp::Off)
}

#[test]
fn the_kernel_without_the_daemon() -> Result<()> {
    let mut fast = FastPath::load(&site::tables()?)?;
    let frame = pxe_discover()?;
    let (past, future) = (1, u64::MAX);
    ensure!(matches!(run(&mut fast, &frame, Verdict::Offer)?, Ran::Answered(_)));
    fast.set_deadlines(&Deadlines { boot_files: future, answers: future, daemon: future })?;
    let Ran::Answered(with) = run(&mut fast, &frame, Verdict::Offer)? else {
        anyhow::bail!("no answer");
    };
    fast.set_deadlines(&Deadlines { boot_files: past, ..Deadlines::NEVER })?;
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
    fast.set_deadlines(&Deadlines { answers: past, ..Deadlines::NEVER })?;
    ensure!(run(&mut fast, &frame, Verdict::Stale)? == Ran::Passed(frame.clone()));
    // The daemon is back.
    fast.set_deadlines(&Deadlines { boot_files: future, answers: future, daemon: future })?;
    ensure!(run(&mut fast, &frame, Verdict::Offer)? == Ran::Answered(with));
    Ok(())
}
