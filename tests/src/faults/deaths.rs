//! The daemon ends, stands still, or is joined by another.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    os::unix::process::ExitStatusExt as _,
    time::Duration,
};

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;

use super::{
    memory_group::MemoryGroup,
    scene::{DEADLINE, OnSigterm, Scene},
    service::Service,
};
use crate::{
    daemon::Build,
    interrupt,
    process::{Output, Process},
    wait::{catch, wait_closely},
    wire::SERVER,
};

/// How long the kernel is alone.
const ALONE: Duration = Duration::from_secs(1);

pub(super) fn kill(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    scene.signal(Signal::SIGKILL)?;
    scene.ended()?;
    scene.let_pass(ALONE)?;
    scene.start()
}

pub(super) fn start_keeping(scene: &mut Scene) -> Result<()> {
    scene.how.on_sigterm = OnSigterm::Keep;
    scene.start()?;
    scene.wait_until_served(&Service::ALL)
}

/// As a service manager restarts it.
pub(super) fn terminate(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    scene.signal(Signal::SIGTERM)?;
    let Output { status, stderr, .. } = scene.ended()?;
    ensure!(status.success(), "the daemon ended with {status}:\n{stderr}");
    scene.let_pass(ALONE)?;
    scene.start()
}

pub(super) fn upgrade_killed(scene: &mut Scene) -> Result<()> {
    scene.how.build = Build::Other;
    scene.command()?;
    kill(scene)
}

pub(super) fn upgrade_terminated(scene: &mut Scene) -> Result<()> {
    scene.how.build = Build::Other;
    scene.command()?;
    terminate(scene)
}

pub(super) fn is_adopted(scene: &mut Scene) -> Result<()> {
    scene.wait_for_log("adopted")
}

pub(super) fn stop(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    scene.signal(Signal::SIGSTOP)?;
    scene.let_pass(Duration::from_secs(10))?;
    scene.signal(Signal::SIGCONT)
}

/// By mistake, with the same configuration.
pub(super) fn second(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    let second = Process::spawn(scene.command()?)?.quiet();
    let Output { status, stderr, .. } = second.finish(DEADLINE)?;
    ensure!(!status.success(), "a second instance ran:\n{stderr}");
    let said = ["another netboot", "is taken"].iter().any(|words| stderr.contains(words));
    ensure!(said, "the second instance does not say why it ends:\n{stderr}");
    Ok(())
}

pub(super) fn start_in_group(scene: &mut Scene) -> Result<()> {
    let group = MemoryGroup::new()?;
    scene.how.through = group.through();
    scene.group = Some(group);
    scene.start()?;
    scene.wait_until_served(&Service::ALL)
}

/// A real OOM kill: the limit is what the daemon uses, and it is asked for more.
pub(super) fn oom(scene: &mut Scene) -> Result<()> {
    let Some(group) = scene.group.take() else { anyhow::bail!("no control group") };
    scene.strikes();
    group.close()?;
    let mut connections = Vec::new();
    let ended = wait_closely("the OOM kill", DEADLINE, || {
        let more = scene.wire.client.enter(|| Ok(connect_ten()))?;
        connections.extend(more);
        scene.daemon()?.ended()
    })?;
    ensure!(ended.signal() == Some(Signal::SIGKILL as i32), "the daemon ended with {ended}");
    let kills = group.kills()?;
    ensure!(kills > 0, "the daemon was not killed for want of memory");
    drop(connections);
    scene.ended()?;
    scene.how.through.clear();
    scene.let_pass(ALONE)?;
    scene.start()?;
    // Its memory may still be that of the maps: it goes with the scene.
    scene.group = Some(group);
    Ok(())
}

/// The daemon that starts in its place is killed for want of memory while it takes over what it found.
pub(super) fn oom_while_adopting(scene: &mut Scene) -> Result<()> {
    scene.strikes();
    scene.signal(Signal::SIGKILL)?;
    scene.ended()?;
    let group = MemoryGroup::new()?;
    scene.how.through = group.through();
    scene.start()?;
    catch("the pinned link to be opened", DEADLINE, || {
        interrupt::check()?;
        let daemon = scene.daemon()?;
        ensure!(daemon.ended()?.is_none(), "it ended before");
        Ok(holds_link(daemon.id()).then_some(()))
    })?;
    scene.signal(Signal::SIGSTOP)?;
    group.close()?;
    scene.signal(Signal::SIGCONT)?;
    let Output { status, stderr, .. } = scene.ended()?;
    ensure!(status.signal() == Some(Signal::SIGKILL as i32), "it ended with {status}:\n{stderr}");
    ensure!(group.kills()? > 0, "it was not killed for want of memory:\n{stderr}");
    ensure!(!stderr.contains("adopted"), "it had taken over all before:\n{stderr}");
    scene.how.through.clear();
    scene.let_pass(ALONE)?;
    scene.start()?;
    scene.group = Some(group);
    Ok(())
}

/// Whether a process has a BPF link open.
fn holds_link(process: u32) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fdinfo"));
    let texts = files.into_iter().flatten().flatten().map(|file| fs::read_to_string(file.path()));
    texts.flatten().any(|text| text.contains("link_type:"))
}

/// Each one costs the daemon memory.
fn connect_ten() -> Vec<TcpStream> {
    let server = SocketAddr::from((SERVER, 80));
    (0..10)
        .filter_map(|_| TcpStream::connect_timeout(&server, Duration::from_millis(100)).ok())
        .collect()
}
