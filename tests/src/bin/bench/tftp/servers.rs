use std::{fs, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use netboot_tests::{
    daemon::{Daemon, Setup, Xdp},
    lab::INTERFACE,
    namespace::{Namespace, connect},
    process::Process,
    wait::wait_for,
};
use tempfile::TempDir;

use super::FILE;

const START: Duration = Duration::from_secs(20);
/// In /proc/net/udp: port 69.
const LISTENS: &str = ":0045 ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Netboot,
    Dnsmasq,
    TftpdHpa,
    Atftpd,
}

/// A server that listens. It is killed when the value goes.
pub(super) struct Server {
    kind: Kind,
    running: Running,
    namespace: Namespace,
    /// What else has to live as long: the files, the other end of netboot's wire.
    _root: Option<TempDir>,
    _wire: Option<Namespace>,
}

enum Running {
    Netboot(Daemon),
    Peer(Process),
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Netboot, Self::Dnsmasq, Self::TftpdHpa, Self::Atftpd];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Netboot => "netboot",
            Self::Dnsmasq => "dnsmasq",
            Self::TftpdHpa => "tftpd-hpa",
            Self::Atftpd => "atftpd",
        }
    }

    /// Whether its CPU time can be read: tftpd-hpa has a child for each transfer, and does not wait for
    /// them.
    pub(super) fn has_usage(self) -> bool {
        self != Self::TftpdHpa
    }

    /// Starts it in a namespace of its own and waits until it listens.
    pub(super) fn start(self, file: &[u8]) -> Result<Server> {
        let root = tempfile::tempdir()?;
        fs::write(root.path().join(FILE), file)?;
        let namespace = Namespace::new()?;
        let path = root.path().display().to_string();
        let arguments = match self {
            Self::Netboot => return netboot(namespace, root),
            Self::Dnsmasq => vec![
                "dnsmasq".to_owned(),
                "--no-daemon".into(),
                "--conf-file=/dev/null".into(),
                "--user=root".into(),
                "--port=0".into(),
                "--enable-tftp".into(),
                "--tftp-max=1000".into(),
                "--quiet-tftp".into(),
                format!("--tftp-root={path}"),
            ],
            Self::TftpdHpa => vec![
                "in.tftpd".to_owned(),
                "--foreground".into(),
                "--listen".into(),
                "--ipv4".into(),
                "--user=root".into(),
                "--secure".into(),
                path,
            ],
            Self::Atftpd => vec![
                "atftpd".to_owned(),
                "--daemon".into(),
                "--no-fork".into(),
                "--user=root".into(),
                "--group=root".into(),
                "--port=69".into(),
                "--maxthread=1000".into(),
                "--verbose=0".into(),
                "--logfile=/dev/null".into(),
                path,
            ],
        };
        let (program, arguments) = arguments.split_first().context("no program")?;
        let mut command = namespace.command(program);
        command.args(arguments);
        let mut process = Process::spawn(command)?.quiet();
        wait_for(self.name(), START, || {
            if let Some(status) = process.ended()? {
                let said = process.stdout() + &process.stderr();
                bail!("{} ended with {status}: {}", self.name(), said.trim());
            }
            let sockets = fs::read_to_string(format!("/proc/{}/net/udp", process.id()))?;
            Ok(sockets.contains(LISTENS).then_some(()))
        })?;
        let running = Running::Peer(process);
        Ok(Server { kind: self, running, namespace, _root: Some(root), _wire: None })
    }
}

impl Server {
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(super) fn id(&self) -> u32 {
        match &self.running {
            Running::Netboot(daemon) => daemon.process().id(),
            Running::Peer(process) => process.id(),
        }
    }
}

/// It wants an interface for DHCP too; no frame comes over this one.
fn netboot(namespace: Namespace, root: TempDir) -> Result<Server> {
    let other_end = Namespace::new()?;
    connect((&namespace, INTERFACE), (&other_end, INTERFACE))?;
    namespace.add_address(INTERFACE, "10.99.0.1/16")?;
    let tables = format!("[boot]\nroot = \"{}\"\n", root.path().display());
    let daemon = Setup::new(Xdp::Off, root, &tables)?.start(&namespace, INTERFACE)?.quiet();
    ensure!(!daemon.log().contains("tftp: off"), "netboot serves no TFTP");
    let running = Running::Netboot(daemon);
    Ok(Server { kind: Kind::Netboot, running, namespace, _root: None, _wire: Some(other_end) })
}
