//! A program that does not answer as the library does is not put in service: what was before goes on. The
//! other build of the daemon answers machines 02:fa:17:* wrongly, on purpose.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    daemon::{Build, Setup, Xdp, wait_until_ready},
    lab::{INTERFACE, Lab},
    process::Process,
    wait::wait_for,
};
use serde_json::Value;

use crate::{
    isolation::{wait_for_page, wait_for_trouble},
    site::Site,
};

const DEADLINE: Duration = Duration::from_secs(20);
const WRONG: &str = "02:fa:17:00:00:01";
const OTHER: &str = "02:fa:18:00:00:01";

fn spawn_other(lab: &Lab, setup: &Setup) -> Result<Process> {
    let mut process = Process::spawn(setup.run_through(&lab.server, &[], Build::Other)?)?;
    wait_until_ready(&mut process)?;
    Ok(process)
}

/// The number of the program at the interface.
pub(crate) fn program(lab: &Lab) -> Result<u64> {
    let links = lab.server.ip(&["-json", "link", "show", "dev", INTERFACE])?;
    let links: Value = serde_json::from_str(&links)?;
    links[0]["xdp"]["prog"]["id"].as_u64().with_context(|| links.to_string())
}

fn edit(setup: &Setup, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(setup.path())?;
    ensure!(text.contains(from), "{text}");
    Ok(fs::write(setup.path(), text.replace(from, to))?)
}

fn says(process: &Process, words: &str) -> Result<()> {
    wait_for(words, DEADLINE, || Ok(process.stderr().contains(words).then_some(())))
        .with_context(|| process.stderr())
}

#[test]
fn at_an_upgrade() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let setup = Site::new()?.host(WRONG, "192.168.2.150", "machine2").setup(Xdp::Generic)?;
    let mut killed = setup.spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut killed)?;
    let old = program(&lab)?;
    drop(killed);

    let upgraded = spawn_other(&lab, &setup)?;
    says(&upgraded, &format!("does not answer {WRONG} as it must (self-check)"))?;
    wait_for_trouble(&lab, &setup, 503, "self-check", WRONG)?;
    ensure!(program(&lab)? == old, "the old program does not go on");

    edit(&setup, WRONG, OTHER)?;
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    ensure!(program(&lab)? != old, "the old program goes on");
    let output = upgraded.terminate(DEADLINE)?;
    ensure!(output.status.success(), "{}", output.stderr);
    Ok(())
}

#[test]
fn at_a_reload() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let setup = Site::new()?.host(OTHER, "192.168.2.150", "machine2").setup(Xdp::Generic)?;
    let daemon = spawn_other(&lab, &setup)?;
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    let old = program(&lab)?;
    for (from, to) in [(OTHER, WRONG), ("machine2", "machine3")] {
        edit(&setup, from, to)?;
        wait_for_trouble(&lab, &setup, 503, "self-check", WRONG)?;
        ensure!(program(&lab)? == old, "another program was put in service");
    }
    says(&daemon, "kept the old configuration: ")?;
    // What else is put in service changes nothing of that.
    lab.server.ip(&["link", "set", INTERFACE, "mtu", "1450"])?;
    says(&daemon, "interfaces changed: eth0")?;
    wait_for_trouble(&lab, &setup, 503, "self-check", WRONG)?;
    edit(&setup, WRONG, OTHER)?;
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    // To what was in service all the time, not to what was refused: the host name alone.
    says(&daemon, "reloaded: 0 hosts added, 1 changed, 0 removed")?;
    let output = daemon.terminate(DEADLINE)?;
    ensure!(output.status.success(), "{}", output.stderr);
    Ok(())
}
