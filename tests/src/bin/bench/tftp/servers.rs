use std::{fs, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use netboot_tests::{daemon::Build, namespace::Namespace, process::Process, wait::wait_for};
use tempfile::TempDir;

use super::FILE;
use crate::node::Node;

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
}

enum Running {
    Netboot(Node),
    Peer(Peer),
}

struct Peer {
    process: Process,
    namespace: Namespace,
    _root: TempDir,
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
        if self == Self::Netboot {
            let node = Node::start(Build::This, &[], root)?;
            ensure!(!node.daemon.log().contains("tftp: off"), "netboot serves no TFTP");
            return Ok(Server { kind: self, running: Running::Netboot(node) });
        }
        let namespace = Namespace::new()?;
        let path = root.path().display().to_string();
        let arguments = match self {
            Self::Netboot => bail!("it is no peer"),
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
        let running = Running::Peer(Peer { process, namespace, _root: root });
        Ok(Server { kind: self, running })
    }
}

impl Server {
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn namespace(&self) -> &Namespace {
        match &self.running {
            Running::Netboot(node) => &node.namespace,
            Running::Peer(peer) => &peer.namespace,
        }
    }

    pub(super) fn id(&self) -> u32 {
        match &self.running {
            Running::Netboot(node) => node.id(),
            Running::Peer(peer) => peer.process.id(),
        }
    }
}
