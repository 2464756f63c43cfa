//! The DHCP servers: the same machines, the same options, the same answers.

mod configuration;

use std::{fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use netboot_tests::{
    daemon::{Count, Daemon, Setup, Xdp},
    interrupt,
    lab::INTERFACE,
    load::Load,
    namespace::Namespace,
    process::Process,
    program,
    wait::wait_for,
    wire::SERVER,
};
use tempfile::TempDir;

use self::configuration::{BINARY, dhcpd, dnsmasq, kea, netboot};

/// 10,000 hosts are read, and by some of them sorted.
const START: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Netboot(Xdp),
    Dnsmasq,
    Kea,
    Dhcpd,
}

/// A server that answers. It is killed when the value goes.
pub(crate) struct Server {
    running: Running,
    _dir: TempDir,
}

enum Running {
    Netboot(Daemon),
    Peer(Process),
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Netboot(Xdp::Generic),
        Self::Netboot(Xdp::Off),
        Self::Dnsmasq,
        Self::Kea,
        Self::Dhcpd,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Netboot(Xdp::Auto | Xdp::Generic) => "netboot (XDP generic)",
            Self::Netboot(Xdp::Native) => "netboot (XDP native)",
            Self::Netboot(Xdp::Off) => "netboot (XDP off)",
            Self::Dnsmasq => "dnsmasq",
            Self::Kea => "Kea",
            Self::Dhcpd => "ISC dhcpd",
        }
    }

    /// Whether it hears requests on a packet socket: an UDP socket that it has beside is not read.
    pub(crate) const fn reads_packets(self) -> bool {
        matches!(self, Self::Netboot(_) | Self::Dhcpd)
    }

    /// Starts it and waits until it answers a machine's whole exchange.
    pub(crate) fn start(
        self,
        load: &Load,
        server: &Namespace,
        client: &Namespace,
    ) -> Result<Server> {
        let dir = tempfile::tempdir()?;
        let running = match self {
            Self::Netboot(xdp) => {
                let root = tempfile::tempdir()?;
                fs::write(root.path().join(BINARY), program::uefi(program::X86_64, b"a binary"))?;
                let tables = netboot(load, root.path());
                let daemon = Setup::new(xdp, root, &tables)?.start(server, INTERFACE)?;
                Running::Netboot(daemon.quiet())
            }
            Self::Dnsmasq => Running::Peer(start_dnsmasq(load, server, &dir)?),
            Self::Kea => Running::Peer(start_kea(load, server, &dir)?),
            Self::Dhcpd => Running::Peer(start_dhcpd(load, server, &dir)?),
        };
        let mut started = Server { running, _dir: dir };
        wait_for(self.name(), START, || {
            interrupt::check()?;
            started.check()?;
            Ok(Load::probe(client, SERVER)?.then_some(()))
        })
        .with_context(|| format!("{} does not answer: {}", self.name(), started.said()))?;
        Ok(started)
    }
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        match &self.running {
            Running::Netboot(daemon) => daemon.process().id(),
            Running::Peer(process) => process.id(),
        }
    }

    /// What netboot answered, in the kernel and in userspace.
    pub(crate) fn answers(&self, namespace: &Namespace) -> Result<Option<Count>> {
        match &self.running {
            Running::Netboot(daemon) => daemon.answers(namespace).map(Some),
            Running::Peer(_) => Ok(None),
        }
    }

    fn check(&mut self) -> Result<()> {
        let Running::Peer(process) = &mut self.running else { return Ok(()) };
        match process.ended()? {
            Some(status) => bail!("it ended with {status}"),
            None => Ok(()),
        }
    }

    fn said(&self) -> String {
        match &self.running {
            Running::Netboot(daemon) => daemon.log(),
            Running::Peer(process) => process.stdout() + &process.stderr(),
        }
    }
}

fn start_dnsmasq(load: &Load, namespace: &Namespace, dir: &TempDir) -> Result<Process> {
    let hosts = dir.path().join("hosts");
    fs::write(&hosts, dnsmasq::hosts(load))?;
    let mut command = namespace.command("dnsmasq");
    command.args(dnsmasq::OPTIONS).arg(format!("--dhcp-hostsfile={}", hosts.display()));
    spawn(command)
}

fn start_kea(load: &Load, namespace: &Namespace, dir: &TempDir) -> Result<Process> {
    let file = dir.path().join("kea.json");
    fs::write(&file, kea::configuration(load).to_string())?;
    let mut command = namespace.command("kea-dhcp4");
    command.env("KEA_PIDFILE_DIR", dir.path()).env("KEA_LOCKFILE_DIR", dir.path());
    command.arg("-c").arg(&file);
    spawn(command)
}

fn start_dhcpd(load: &Load, namespace: &Namespace, dir: &TempDir) -> Result<Process> {
    let [file, leases] = ["dhcpd.conf", "leases"].map(|name| dir.path().join(name));
    fs::write(&file, dhcpd::configuration(load))?;
    fs::write(&leases, "")?;
    let mut command = namespace.command("dhcpd");
    command.args(["-4", "-f", "-q", "--no-pid", "-cf"]).arg(&file).arg("-lf").arg(&leases);
    command.arg(INTERFACE);
    spawn(command)
}

fn spawn(command: Command) -> Result<Process> {
    Process::spawn(command).map(Process::quiet)
}
