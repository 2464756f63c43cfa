//! The state directory cannot be written.

use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;

use super::{
    mount::Mount,
    scene::{DEADLINE, Scene},
    service::Service,
};
use crate::{process, wait::wait_closely};

const DISK_KIB: u32 = 512;
/// What goes on without a disk.
const WITHOUT_DISK: [Service; 3] = [Service::Dhcp, Service::Tftp, Service::Http];

pub(super) fn start_on_small_disk(scene: &mut Scene) -> Result<()> {
    scene.mounts.push(Mount::small_disk(&scene.setup.state_dir(), DISK_KIB)?);
    scene.start()?;
    scene.wait_until_served(&Service::ALL)
}

pub(super) fn full(scene: &mut Scene) -> Result<()> {
    let filling = scene.setup.state_dir().join("filling");
    let mut file = File::create(&filling)?;
    let full = loop {
        match file.write_all(&[0; 4096]) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    ensure!(full.kind() == ErrorKind::StorageFull, "the disk is not full: {full}");
    lines_are_counted(scene)?;
    std::fs::remove_file(filling)?;
    scene.strikes();
    Ok(())
}

pub(super) fn read_only(scene: &mut Scene) -> Result<()> {
    // The file that is open stays writable: a moved one is made anew.
    let log = scene.setup.state_dir().join("log");
    std::fs::rename(&log, log.with_file_name("log.before"))?;
    scene.mounts.push(Mount::read_only(&scene.setup.state_dir())?);
    lines_are_counted(scene)?;
    scene.mounts.clear();
    scene.strikes();
    Ok(())
}

/// Lines that are not written are counted, and all else goes on.
fn lines_are_counted(scene: &mut Scene) -> Result<()> {
    let before = scene.counter("syslog-unwritten")?;
    // A page that was begun has room for a few.
    wait_closely("a line that is not written", DEADLINE, || {
        scene.probe.say(&"no room for this ".repeat(50));
        Ok((scene.counter("syslog-unwritten")? > before).then_some(()))
    })?;
    scene.wait_until_served(&WITHOUT_DISK)?;
    scene.let_pass(Duration::from_secs(2))
}

pub(super) fn read_only_start(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    scene.signal(Signal::SIGKILL)?;
    scene.ended()?;
    let state_dir = scene.setup.state_dir();
    std::fs::rename(state_dir.join("log"), state_dir.join("log.before"))?;
    scene.mounts.push(Mount::read_only(&state_dir)?);
    let start = Instant::now();
    scene.start()?;
    scene.wait_until_served(&WITHOUT_DISK)?;
    let seconds = start.elapsed().as_secs_f64();
    scene.notes.push(format!("DHCP, TFTP and HTTP {seconds:.2} s after the start"));
    scene.wait_for_log(&state_dir.display().to_string())?;
    scene.mounts.clear();
    scene.strikes();
    Ok(())
}

/// The status socket was made once it could be.
pub(super) fn status_is_there(scene: &mut Scene) -> Result<()> {
    let what = "netboot status";
    wait_closely(what, DEADLINE, || {
        let command = scene.setup.command(&scene.wire.server, &["status", "--json"])?;
        let output = process::output(command, DEADLINE)?;
        Ok(output.status.success().then_some(()))
    })
}
