//! One host attacks: what is told of it is short, tells no secret, and everybody else is served.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use netboot_ebpf::shared::map;
use netboot_tests::{
    attacks::{heads, mistakes, requests::Requests},
    daemon::{Build, Daemon, Xdp},
    lab::{CLIENT, INTERFACE, Lab, SERVER},
    replace::replace,
    transfer::curl,
    wait::wait_for,
};
use nix::sys::signal::Signal;

use crate::{
    isolation::{readyz, wait_for_note, wait_for_page},
    reload::row,
    site::Site,
};

const DEADLINE: Duration = Duration::from_secs(30);
const SECRET: &str = "hunter2 s3cr3t";

fn state(lab: &Lab, daemon: &Daemon, name: &str) -> Result<String> {
    let status = daemon.status(&lab.server)?;
    let rows = status["services"].as_array().context("services")?;
    let row = rows.iter().find(|row| row["name"] == name).context("no such service")?;
    Ok(row["state"].as_str().unwrap_or_default().to_owned())
}

/// 5,000 mistakes and a secret are a line to the network, and few in the log, however often they are read.
#[test]
fn mistakes_are_told_in_few_words() -> Result<()> {
    const HOSTS: usize = 5000;
    let lab = Lab::with_client_address()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let before = daemon.log().len();
    let good = fs::read_to_string(daemon.setup().path())?;
    let hosts = |count| mistakes::equal_hosts(count, "52:54:00:00:00:0a", "192.168.2.150");
    let broken = format!("{good}{}script = {SECRET:?}\n{}", hosts(1), hosts(HOSTS));
    for reading in 0..5 {
        replace(&daemon.setup().path(), &format!("{broken}#{reading}\n"))?;
        daemon.process().signal(Signal::SIGHUP)?;
        wait_for_page(&lab, 200, |page| page.contains("degraded: configuration"))?;
    }
    let expect = "ready\ndegraded: configuration: 10001 problems\n\
                  `netboot status` on this node says why\n";
    let page = wait_for_page(&lab, 200, |page| page == expect)?;
    wait_for_note(&lab, daemon.setup(), "configuration", "; and 9981 more: `netboot check`")?;
    let status = daemon.status(&lab.server)?.to_string();
    let log = daemon.log()[before..].to_owned();
    ensure!(log.matches("is already the MAC at").count() <= 20, "said again and again:\n{log}");
    ensure!(log.len() < 20_000, "{} bytes of log", log.len());
    for text in [&page, &status, &log] {
        ensure!(!text.contains("hunter2") && !text.contains("s3cr3t"), "a secret is told: {text}");
    }
    replace(&daemon.setup().path(), &good)?;
    wait_for_page(&lab, 200, |page| page == "ready\n")?;
    daemon.stop()
}

/// What reading a configuration of 20,000 mistakes took is not kept.
#[test]
fn mistakes_keep_no_memory() -> Result<()> {
    // KiB
    const MOST: u64 = 24 << 10;
    let lab = Lab::with_client_address()?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let path = daemon.setup().path();
    let good = fs::read_to_string(&path)?;
    let hosts = mistakes::equal_hosts(20_000, "52:54:00:00:00:0a", "192.168.2.150");
    let memory = || resident(daemon.process().id());
    let before = memory()?;
    for _ in 0..2 {
        replace(&path, &format!("{good}{hosts}"))?;
        wait_for_page(&lab, 200, |page| page.contains("degraded: configuration"))?;
        replace(&path, &good)?;
        wait_for_page(&lab, 200, |page| page == "ready\n")?;
    }
    let mut now = 0;
    wait_for("memory that goes back", DEADLINE, || {
        now = memory()?;
        Ok((now < before + MOST).then_some(()))
    })
    .with_context(|| format!("{before} KiB before, {now} after"))?;
    daemon.stop()
}

/// The memory that a process has, in KiB.
fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Requests for a file that nobody acknowledges take TFTP's share, and no other.
#[test]
fn open_files_are_shared_out() -> Result<()> {
    const LIMIT: usize = 256;
    let lab = Lab::with_client_address()?;
    let site = Site::new()?;
    fs::write(site.root().join("large"), vec![7; 1 << 20])?;
    let limit = format!("--nofile={LIMIT}");
    let setup = site.setup(Xdp::Generic)?;
    let daemon = setup.start_through(&lab.server, &["prlimit", &limit], Build::This)?;
    ensure!(daemon.log().contains("the limit on open files is 256: TFTP has "), "not said");

    let (_, deadlines) = row(daemon.setup(), map::DEADLINES)?;
    let start = Instant::now();
    let mut requests = Requests::new(SocketAddrV4::new(SERVER, 69), "large", 400);
    let mut sent = 0_u32;
    while start.elapsed() < Duration::from_secs(5) {
        lab.client.enter(|| requests.send_from(CLIENT))?;
        sent += 1;
        if sent.is_multiple_of(50) {
            let answer = curl(&lab.client, &format!("http://{SERVER}/ipxe.efi"), &[])?;
            ensure!(answer.status == 200, "{} after {sent} requests", answer.status);
            ensure!(state(&lab, &daemon, "http")? == "serving", "HTTP does not serve");
        }
    }
    wait_for("later deadlines", DEADLINE, || {
        Ok((row(daemon.setup(), map::DEADLINES)?.1 != deadlines).then_some(()))
    })?;
    ensure!(!daemon.log().contains("Too many open files"), "{}", daemon.log());
    daemon.stop()
}

/// Connections that begin a request and do not end it: machines and health checks are served all the same.
#[test]
fn half_requests_give_way() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let setup = Site::new()?.setup(Xdp::Generic)?;
    let daemon = setup.start_through(&lab.server, &["prlimit", "--nofile=256"], Build::This)?;
    // Each source may have a part of the connections only.
    for last in 20..40 {
        lab.client.add_address(INTERFACE, &format!("192.168.2.{last}/24"))?;
    }
    let sources: Vec<_> = (20..40).map(|last| Ipv4Addr::new(192, 168, 2, last)).collect();
    let server = SocketAddrV4::new(SERVER, 80);
    let _half = lab.client.enter(|| heads::open(server, &sources, 200, heads::HALF))?;
    for _ in 0..5 {
        let answer = curl(&lab.client, &format!("http://{SERVER}/ipxe.efi"), &[])?;
        ensure!(answer.status == 200, "{}", answer.status);
    }
    ensure!(readyz(&lab)?.1.contains("degraded: http\n"), "{}", readyz(&lab)?.1);
    ensure!(state(&lab, &daemon, "http")? == "degraded", "nothing says so");
    let counters = daemon.status(&lab.server)?["counters"].clone();
    ensure!(counters["http-connections-gave-way"].as_u64() > Some(100), "{counters}");
    daemon.stop()
}
