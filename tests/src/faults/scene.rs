//! A daemon on a wire, before, in and after a fault.

use std::{
    fs,
    os::fd::OwnedFd,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

use super::{
    Scale,
    memory_group::MemoryGroup,
    mount::Mount,
    service::{Probe, Service, page},
    site::{self, Hosts},
};
use crate::{
    daemon::{Build, Setup},
    interrupt,
    load::{Exchanges, Running},
    namespace::Namespace,
    process::{self, Output, Process},
    wait::{wait_closely, wait_for},
    wire::{SERVER, Wire},
};

pub(super) const DEADLINE: Duration = Duration::from_secs(40);

/// How the daemon is started.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    pub(super) build: Build,
    pub(super) on_sigterm: OnSigterm,
    /// Beside the wire's.
    pub(super) interfaces: Vec<&'static str>,
    /// Words before the daemon's command: a program that becomes the daemon.
    pub(super) through: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OnSigterm {
    #[default]
    Detach,
    /// `--keep`
    Keep,
}

/// Everything that a fault may change. The daemon goes first.
pub(super) struct Scene {
    daemon: Option<Process>,
    pub(super) mounts: Vec<Mount>,
    pub(super) setup: Setup,
    pub(super) probe: Probe,
    pub(super) wire: Wire,
    pub(super) scale: Scale,
    pub(super) hosts: Hosts,
    pub(super) how: Start,
    /// When the fault began, or could first be mended.
    struck: Option<Instant>,
    /// What was lost while nobody could answer.
    pub(super) could_not: Exchanges,
    pub(super) notes: Vec<String>,
    pub(super) group: Option<MemoryGroup>,
    /// The daemon's peak before the fault, in KiB.
    pub(super) memory_before: u64,
    /// Whoever is on another wire.
    pub(super) beside: Option<Namespace>,
    /// What ends with the scene.
    pub(super) held: Vec<OwnedFd>,
}

impl Scene {
    pub(super) fn new(wire: Wire, scale: Scale) -> Result<Self> {
        let hosts = Hosts { load: scale.load(1), further: 0, edition: 1 };
        Ok(Self {
            daemon: None,
            mounts: Vec::new(),
            setup: site::setup(scale.xdp, &hosts)?,
            probe: Probe::new(&wire)?,
            wire,
            scale,
            hosts,
            how: Start::default(),
            struck: None,
            could_not: Exchanges::default(),
            notes: Vec::new(),
            group: None,
            memory_before: 0,
            beside: None,
            held: Vec::new(),
        })
    }

    /// Starts the daemon; it is not waited for.
    pub(super) fn start(&mut self) -> Result<()> {
        let command = self.command()?;
        self.daemon = Some(Process::spawn(command)?.quiet());
        Ok(())
    }

    /// `netboot run` as [`Self::start`] runs it.
    pub(super) fn command(&self) -> Result<Command> {
        let Start { build, ref through, .. } = self.how;
        let through: Vec<_> = through.iter().map(String::as_str).collect();
        let mut command = self.setup.run_through(&self.wire.server, &through, build)?;
        for interface in &self.how.interfaces {
            command.args(["--iface", interface]);
        }
        if self.how.on_sigterm == OnSigterm::Keep {
            command.arg("--keep");
        }
        Ok(command)
    }

    /// Waits until all is served, and says how long that took since the fault.
    pub(super) fn recover(&mut self) -> Result<Duration> {
        let struck = self.struck.unwrap_or_else(Instant::now);
        self.wait_until_served(&Service::ALL)?;
        Ok(struck.elapsed())
    }

    /// Waits until these are served.
    pub(super) fn wait_until_served(&mut self, services: &[Service]) -> Result<()> {
        let Self { probe, wire, setup, daemon, .. } = self;
        let daemon = daemon.as_mut().context("no daemon runs")?;
        probe.wait_for(wire, setup, daemon, services)
    }

    /// The time from here on is that of the fault.
    pub(super) fn strikes(&mut self) {
        self.struck = Some(Instant::now());
    }

    pub(super) fn daemon(&mut self) -> Result<&mut Process> {
        self.daemon.as_mut().context("no daemon runs")
    }

    pub(super) fn log(&self) -> String {
        self.daemon.as_ref().map(Process::stderr).unwrap_or_default()
    }

    /// For an error's message.
    pub(super) fn end_of_log(&self) -> String {
        const LINES: usize = 40;
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
        format!("the end of the daemon's log:\n{}\n", end.join("\n"))
    }

    pub(super) fn signal(&mut self, signal: Signal) -> Result<()> {
        self.daemon()?.signal(signal)
    }

    /// Waits for the daemon's end; it is another daemon that starts then.
    pub(super) fn ended(&mut self) -> Result<Output> {
        self.daemon.take().context("no daemon runs")?.finish(DEADLINE)
    }

    /// Waits until the log of this daemon has these words.
    pub(super) fn wait_for_log(&mut self, words: &str) -> Result<()> {
        let daemon = self.daemon()?;
        wait_for(&format!("{words:?} in the log"), DEADLINE, || {
            interrupt::check()?;
            Ok(daemon.stderr().contains(words).then_some(()))
        })
    }

    /// For as long as a daemon is dead: the kernel shall have many requests to answer.
    pub(super) fn let_pass(&self, time: Duration) -> Result<()> {
        let start = Instant::now();
        wait_closely("time to pass", time * 2, || {
            interrupt::check()?;
            Ok((start.elapsed() >= time).then_some(()))
        })
    }

    pub(super) fn run_load(&self, seconds: u32) -> Result<Exchanges> {
        self.start_load(seconds)?.finish()
    }

    /// Offers load; it is under way on return.
    pub(super) fn start_load(&self, seconds: u32) -> Result<Running> {
        let before = self.datagrams()?;
        let running = self.scale.load(seconds).start(&self.wire.client, SERVER)?;
        wait_closely("the load", DEADLINE, || Ok((self.datagrams()? > before + 20).then_some(())))?;
        Ok(running)
    }

    /// The same where no answers are to be expected.
    pub(super) fn start_load_unheard(&self, seconds: u32) -> Result<Running> {
        self.scale.load(seconds).start(&self.wire.client, SERVER)
    }

    /// How many UDP datagrams the client got so far.
    fn datagrams(&self) -> Result<u64> {
        let text =
            self.wire.client.enter(|| Ok(fs::read_to_string("/proc/thread-self/net/snmp")?))?;
        let line = text.lines().filter(|line| line.starts_with("Udp:")).nth(1);
        let count = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        count.context("/proc/net/snmp has no InDatagrams")
    }

    /// A counter of the metrics.
    pub(super) fn counter(&self, name: &str) -> Result<u64> {
        let page = page(&self.wire, "/metrics")?;
        let start = format!("netboot_events_total{{name=\"{name}\"}} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&start)?.trim().parse().ok());
        value.with_context(|| format!("the metrics have no {name}:\n{page}"))
    }

    /// Asks `/readyz`; it must have this status and name these.
    pub(super) fn check_ready(&self, status: u16, names: &[&str]) -> Result<()> {
        let page = page(&self.wire, "/readyz")?;
        let (head, body) = page.split_once("\r\n\r\n").unwrap_or((&page, ""));
        ensure!(head.contains(&format!(" {status} ")), "/readyz is not {status}:\n{page}");
        for name in names {
            ensure!(body.lines().any(|line| line.contains(name)), "/readyz: no {name}:\n{page}");
        }
        Ok(())
    }

    /// Replaces the hosts.
    pub(super) fn write_hosts(&mut self, hosts: Hosts) -> Result<()> {
        site::write(&self.setup, &hosts)?;
        self.hosts = hosts;
        Ok(())
    }

    /// Ends the daemon as an operator does; nothing may be left.
    pub(super) fn close(mut self) -> Result<()> {
        let daemon = self.daemon.take().context("no daemon runs")?;
        let Output { status, stderr, .. } = daemon.terminate(DEADLINE)?;
        ensure!(status.success(), "the daemon ended with {status}:\n{stderr}");
        if self.how.on_sigterm == OnSigterm::Keep {
            process::run(self.setup.command(&self.wire.server, &["detach"])?, DEADLINE)?;
        }
        let pins = self.setup.pin_path();
        if pins.exists() {
            bail!("{} is left:\n{stderr}", pins.display());
        }
        Ok(())
    }

    /// What a process of the machine has used at most, in KiB.
    pub(super) fn peak_memory(&mut self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.daemon()?.id());
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.with_context(|| format!("{path} has no VmHWM"))
    }
}

/// All text of the files in a directory.
pub(super) fn texts(directory: &Path) -> String {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect()
}
