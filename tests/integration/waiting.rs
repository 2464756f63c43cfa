//! What a command waits for: not for ever, and not without a word.

use std::{fs, process::Command, time::Duration};

use anyhow::{Result, ensure};
use netboot_tests::{
    daemon::Xdp,
    lab::{INTERFACE, Lab},
    process::{self, Process},
    wait::wait_for,
};
use nix::sys::signal::Signal;

use crate::site::Site;

const SOON: Duration = Duration::from_secs(20);

/// Whoever can read the directory can lock it.
#[test]
fn an_edit_says_who_holds_the_lock() -> Result<()> {
    let lab = Lab::new()?;
    let setup = Site::new()?.setup(Xdp::Off)?;
    let mut flock = Command::new("flock");
    flock.args(["--no-fork", "--exclusive"]).arg(setup.path().with_file_name(""));
    flock.args(["sh", "-c", "echo held; exec sleep 60"]);
    let flock = Process::spawn(flock)?.quiet();
    wait_for("the lock", SOON, || Ok(flock.stdout().contains("held").then_some(())))?;
    let before = fs::read_to_string(setup.path())?;
    for arguments in [
        &["host", "add", "--mac", "52:54:00:00:00:0a", "--ip", "192.168.2.10"][..],
        &["host", "remove", "machine1"],
    ] {
        let command = setup.command(&lab.server, arguments)?;
        let output = Process::spawn(command)?.quiet().finish(SOON)?;
        ensure!(!output.status.success(), "{arguments:?}: it went on");
        let who = format!("process {} (", flock.id());
        ensure!(output.stderr.contains(&who), "{arguments:?}: {}", output.stderr);
        ensure!(fs::read_to_string(setup.path())? == before, "{arguments:?}: it was edited");
    }
    drop(flock);
    let add = &["host", "add", "--mac", "52:54:00:00:00:0a", "--ip", "192.168.2.10"];
    process::run(setup.command(&lab.server, add)?, SOON).map(drop)
}

/// It is not where the default configuration has it, and the file says no more where.
#[test]
fn a_daemon_is_found_whose_configuration_was_broken() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Off)?.start(&lab.server, INTERFACE)?;
    let path = daemon.setup().path();
    let good = fs::read_to_string(&path)?;
    fs::write(&path, format!("[[[broken\n{good}"))?;
    let command = daemon.setup().command(&lab.server, &["status"])?;
    let output = Process::spawn(command)?.quiet().finish(SOON)?;
    ensure!(output.status.success(), "{}", output.stderr);
    ensure!(output.stdout.starts_with("netboot "), "{}", output.stdout);
    for words in ["is not valid (see `netboot check`)", "that was started with this configuration"]
    {
        ensure!(output.stderr.contains(words), "{}", output.stderr);
    }
    // With another configuration it is named, and not taken for that one's.
    let other = Site::new()?.setup(Xdp::Off)?;
    let command = other.command(&lab.server, &["status"])?;
    let output = Process::spawn(command)?.quiet().finish(SOON)?;
    ensure!(output.status.code() == Some(3), "{:?}", output.status);
    let socket = daemon.setup().state_dir().join("status.sock");
    let words = format!("one runs on {}, with {}", socket.display(), path.display());
    ensure!(output.stderr.contains(&words), "{}", output.stderr);
    fs::write(&path, good)?;
    daemon.stop()
}

#[test]
fn a_daemon_that_hangs_is_named() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Off)?.start(&lab.server, INTERFACE)?;
    daemon.process().signal(Signal::SIGSTOP)?;
    let command = daemon.setup().command(&lab.server, &["status"])?;
    let output = Process::spawn(command)?.quiet().finish(SOON)?;
    daemon.process().signal(Signal::SIGCONT)?;
    let words = format!("(process {}) does not answer", daemon.process().id());
    ensure!(output.stderr.contains(&words), "{}", output.stderr);
    daemon.stop()
}
