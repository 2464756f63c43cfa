//! 20,000 equal hosts: what is told of them to the log and to the network, and what memory they leave.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use netboot_tests::{
    attacks::{heads, mistakes},
    daemon::Build,
    replace::replace,
    wait::wait_for,
};
use nix::sys::signal::Signal;

use super::{
    connections::{ATTACKER, HTTP, node},
    settled::settled,
};
use crate::usage;

const HOSTS: usize = 20_000;
/// For the right one to be read, and for memory to go back.
const BACK: Duration = Duration::from_secs(20);
const READERS: usize = 60;
const SUBNET: &str = "[[subnet]]\ncidr = \"10.99.0.0/16\"\n\n";

pub(super) fn run(build: Build) -> Result<Vec<u64>> {
    let node = node(build, &[])?;
    let path = node.daemon.setup().path();
    let good = fs::read_to_string(&path)?;
    let log = || Ok(node.daemon.log().len());
    let start = log()?;
    let before = usage::resident_of_process(node.id())?;
    let mut length = start;
    for reading in 0..3 {
        if reading == 0 {
            let hosts = mistakes::equal_hosts(HOSTS, "52:54:00:00:00:0a", "10.99.0.150");
            replace(&path, &format!("{good}{SUBNET}{hosts}"))?;
        } else {
            node.daemon.process().signal(Signal::SIGHUP)?;
        }
        length = settled(length, log)?;
    }
    let (page, memory) = node.namespace.enter(|| {
        let answer = heads::get(HTTP, ATTACKER, "/readyz")?;
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let page = answer.len() - head.context("no HTTP answer")? - 4;
        let _readers = heads::open_unread(HTTP, ATTACKER, READERS, "/readyz")?;
        // As much as it ever takes for them.
        let mut memory = 0;
        for _ in 0..20 {
            thread::park_timeout(Duration::from_millis(100));
            memory = memory.max(usage::resident_of_process(node.id())?);
        }
        Ok((page, memory))
    })?;
    replace(&path, &good)?;
    wait_for("the right configuration", BACK, || {
        let page = node.namespace.enter(|| heads::get(HTTP, ATTACKER, "/readyz"))?;
        Ok(page.ends_with(b"ready\n").then_some(()))
    })?;
    let kept = least(BACK, node.id())?.saturating_sub(before);
    Ok(vec![page as u64, (length - start) as u64, memory, kept])
}

/// The least that a process has meanwhile: what is not needed goes back after some seconds.
fn least(time: Duration, pid: u32) -> Result<u64> {
    let start = Instant::now();
    let mut least = u64::MAX;
    while start.elapsed() < time {
        least = least.min(usage::resident_of_process(pid)?);
        thread::park_timeout(Duration::from_millis(500));
    }
    Ok(least)
}
