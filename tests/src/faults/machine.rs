//! Hostile frames for as long as a machine with firmware boots.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Instant,
};

use anyhow::{Result, anyhow};

use super::{
    flood::{frames, send_while},
    scene::Scene,
    site::GUEST_MAC,
};
use crate::{
    interrupt,
    lab::TAP,
    machine::{BOOT_DEADLINE, Firmware, Machine, hook},
    wire::Wire,
};

pub(super) fn boot(scene: &mut Scene) -> Result<()> {
    scene.memory_before = scene.peak_memory()?;
    hook::install(scene.setup.boot_root())?;
    scene.wire.add_tap()?;
    let frames = frames()?;
    let log = format!("{}.log", GUEST_MAC.replace(':', "-"));
    let log = scene.setup.state_dir().join("log").join(log);
    let wire = &scene.wire;
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let goes_on = || !over.load(Relaxed) && start.elapsed() < BOOT_DEADLINE;
    let (sent, booted) = thread::scope(|scope| {
        let flood = scope.spawn(|| send_while(goes_on, wire, &frames, u64::from(u32::MAX)));
        let booted = boots(wire, &log);
        over.store(true, Relaxed);
        let sent = flood.join().map_err(|_| anyhow!("the flood's thread panicked"))?;
        anyhow::Ok((sent?, booted))
    })?;
    booted?;
    let seconds = start.elapsed().as_secs_f64();
    scene.notes.push(format!("{seconds:.1} s to the machine's first syslog line, {sent} frames"));
    scene.strikes();
    Ok(())
}

/// From power-on to the first line in the machine's log.
fn boots(wire: &Wire, log: &std::path::Path) -> Result<()> {
    let mut machine = Machine::power_on(&wire.client, TAP, GUEST_MAC, Firmware::Bios)?;
    machine.wait_for("the first syslog line", || {
        interrupt::check()?;
        let text = fs::read_to_string(log).unwrap_or_default();
        Ok(text.contains("up with").then_some(()))
    })
}
