//! Hostile frames, as fast as they can be sent, beside a machine that boots.

use std::{
    net::SocketAddrV4,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use netboot_answer::golden;

use super::{
    scene::{DEADLINE, Scene, texts},
    site::{KERNEL, MACHINE},
};
use crate::{
    clients::{Identity, udhcpc},
    daemon::Xdp,
    interrupt,
    lab::INTERFACE,
    mutate::{Random, mutate},
    packets::send_frames,
    transfer::{Syslog, curl, logger, tftp},
    wait::wait_for,
    wire::{MACS, SERVER, Wire},
};

/// Frames that are not the same; then they come again, from other machines.
const DIFFERENT: usize = 20_000;
/// Ethernet takes no longer ones.
const MAX_FRAME: usize = 1514;
/// The flood ends by itself then, and fails.
const LONGEST: Duration = Duration::from_secs(30);
/// What the flood may cost the daemon.
const MOST_MEMORY_KIB: u64 = 64 << 10;
const MOST_LOG: usize = 1 << 20;

pub(super) fn flood(scene: &mut Scene) -> Result<()> {
    let memory = scene.peak_memory()?;
    let frames = frames()?;
    let (wire, count) = (&scene.wire, scene.scale.hostile);
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let (sent, took, boots) = thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let goes_on = || start.elapsed() < LONGEST;
            let sent = send_while(goes_on, wire, &frames, count);
            over.store(true, Relaxed);
            (sent, start.elapsed())
        });
        let boots = boot_until(wire, &scene.setup.state_dir().join("log"), &over);
        let (sent, took) = flood.join().map_err(|_| anyhow!("the flood's thread panicked"))?;
        anyhow::Ok((sent?, took, boots?))
    })?;
    let rate = sent as f64 / took.as_secs_f64();
    let Boots { completed, failed } = &boots;
    scene.notes.push(format!(
        "{sent} frames, {rate:.0} a second; {completed} boots meanwhile, {} failed",
        failed.len()
    ));
    // Without the kernel's help a machine waits for the end of the flood.
    if scene.scale.xdp == Xdp::Off {
        boot(wire, &scene.setup.state_dir().join("log"), "after the flood")?;
    } else {
        ensure!(failed.is_empty(), "beside the flood: {}", failed.join("; "));
        ensure!(*completed > 0, "no boot was completed in the {took:?} of the flood");
    }
    ensure!(sent == count, "only {sent} of {count} frames were sent in {took:?}");
    scene.memory_before = memory;
    scene.strikes();
    Ok(())
}

pub(super) fn is_bounded(scene: &mut Scene) -> Result<()> {
    let grown = scene.peak_memory()?.saturating_sub(scene.memory_before);
    let log = scene.log().len() + texts(&scene.setup.state_dir().join("log")).len();
    scene.notes.push(format!("memory grew by {grown} KiB, the log has {} KiB", log >> 10));
    ensure!(grown < MOST_MEMORY_KIB, "the daemon's memory grew by {grown} KiB");
    ensure!(log < MOST_LOG, "the log has {log} bytes");
    Ok(())
}

pub(super) fn frames() -> Result<Vec<Vec<u8>>> {
    let golden = golden::frames()?;
    let mut random = Random::new(6);
    let mutated = std::iter::repeat_with(|| {
        let mut frame = golden[random.below(golden.len())].frame.clone();
        if random.below(4) == 0 {
            unread(&mut random, &mut frame);
        } else {
            mutate(&mut random, &mut frame);
        }
        frame
    });
    Ok(mutated.filter(|frame| frame.len() <= MAX_FRAME).take(DIFFERENT).collect())
}

/// Makes it a frame that is for another, or that the program does not read.
fn unread(random: &mut Random, frame: &mut Vec<u8>) {
    let changes: [(usize, &[u8]); 5] = [
        (0, &[2, 9, 9, 9, 9, 9]),
        (30, &[10, 9, 8, 7]),
        (36, &[0x0f, 0xab]),
        (20, &[0x20]),
        (14, &[0x46]),
    ];
    let Some((at, bytes)) = changes.get(random.below(changes.len() + 1)) else {
        frame.splice(12..12, [0x81, 0, 0, 5].repeat(3));
        return;
    };
    if let Some(place) = frame.get_mut(*at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// Sends so many hostile frames, if that may go on for so long; how many were sent.
pub(super) fn send_while(
    goes_on: impl Fn() -> bool + Sync,
    wire: &Wire,
    frames: &[Vec<u8>],
    count: u64,
) -> Result<u64> {
    let mut random = Random::new(7);
    let hostile = frames.iter().cycle().take(usize::try_from(count)?).map_while(|frame| {
        if !goes_on() || interrupt::check().is_err() {
            return None;
        }
        let mut frame = frame.clone();
        forge(&mut random, &mut frame);
        Some(frame)
    });
    send_frames(&wire.client, INTERFACE, hostile)
}

/// Another machine each time, in half of the frames also on the outside.
fn forge(random: &mut Random, frame: &mut [u8]) {
    const SOURCE: usize = 6;
    const CHADDR: usize = 42 + 28;
    let mac: [u8; 6] = std::array::from_fn(|_| random.below(256) as u8 & 0xfe);
    if let Some(chaddr) = frame.get_mut(CHADDR..CHADDR + 6) {
        chaddr.copy_from_slice(&mac);
    }
    if random.below(2) == 0
        && let Some(source) = frame.get_mut(SOURCE..SOURCE + 6)
    {
        source.copy_from_slice(&mac);
    }
}

#[derive(Default)]
struct Boots {
    /// Before the flood was over.
    completed: u32,
    /// With the reasons.
    failed: Vec<String>,
}

/// Boots again and again.
fn boot_until(wire: &Wire, log: &Path, over: &AtomicBool) -> Result<Boots> {
    let mut boots = Boots::default();
    while !over.load(Relaxed) {
        interrupt::check()?;
        let name = format!("{} beside the flood", boots.completed);
        match boot(wire, log, &name) {
            Ok(()) if over.load(Relaxed) => {}
            Ok(()) => boots.completed += 1,
            Err(error) => boots.failed.push(format!("{error:#}")),
        }
    }
    Ok(boots)
}

/// Lease, boot file, script, a line in the log.
fn boot(wire: &Wire, log: &Path, name: &str) -> Result<()> {
    let client = &wire.client;
    let lease = udhcpc(client, wire.client_interface, Identity::default())?;
    ensure!(lease.address == MACHINE.to_string(), "{lease:?}");
    let kernel = tftp(client, SERVER, KERNEL)?;
    ensure!(kernel.len() == 300_001, "the file has {} bytes", kernel.len());
    let script = curl(client, &format!("http://{SERVER}/{}/auto.ipxe", MACS[1]), &[])?;
    ensure!(script.status == 200 && script.body.starts_with(b"#!ipxe"), "{}", script.status);
    let line = format!("boot {name} is complete");
    logger(client, SocketAddrV4::new(SERVER, 514), Syslog::Udp, &line)?;
    wait_for(&line, DEADLINE, || Ok(texts(log).contains(&line).then_some(())))
}
