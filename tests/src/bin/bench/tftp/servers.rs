//! The servers that are compared, each in a network namespace and a control group of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use netboot_tests::{daemon::Build, namespace::Namespace, process::Process, wait::wait_for};
use tempfile::TempDir;

use super::{FILE, row::Row};
use crate::{cgroup::Cgroup, node::Node, usage};

const START: Duration = Duration::from_secs(20);
/// In /proc/net/udp: port 69.
const LISTENS: &str = ":0045 ";
/// Where `cargo xtask setup` unpacks atftpd, which Debian does not install beside tftpd-hpa.
const ATFTPD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/atftpd/usr/sbin/atftpd");

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
    cgroup: Option<Cgroup>,
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

    /// Starts it in a namespace of its own, with these files, and waits until it listens.
    pub(super) fn start(self, file: &[u8], rows: &[Row]) -> Result<Server> {
        let root = tempfile::tempdir()?;
        fs::write(root.path().join(FILE), file)?;
        for row in rows {
            fs::write(root.path().join(row.file()), row.content(file))?;
        }
        let running = if self == Self::Netboot {
            let node = Node::start(Build::This, &[], root)?;
            ensure!(!node.daemon.log().contains("tftp: off"), "netboot serves no TFTP");
            Running::Netboot(node)
        } else {
            Running::Peer(self.start_peer(root)?)
        };
        let mut server = Server { kind: self, running, cgroup: None };
        match Cgroup::around(server.id()) {
            Ok(cgroup) => server.cgroup = Some(cgroup),
            Err(error) => eprintln!("{}: its CPU time is not counted: {error:#}", self.name()),
        }
        Ok(server)
    }

    fn start_peer(self, root: TempDir) -> Result<Peer> {
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
                "--tftp-max=10000".into(),
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
                atftpd().display().to_string(),
                "--daemon".into(),
                "--no-fork".into(),
                "--user=root".into(),
                "--group=root".into(),
                "--port=69".into(),
                "--maxthread=10000".into(),
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
        Ok(Peer { process, namespace, _root: root })
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
    /// The CPU time of all its threads and children, if it can be told.
    pub(super) fn cpu(&self) -> Result<Option<Duration>> {
        self.cgroup.as_ref().map(Cgroup::cpu).transpose()
    }

    /// The most memory that it had, in KiB: not of tftpd-hpa, which has a process for each transfer.
    pub(super) fn memory(&self) -> Result<Option<u64>> {
        match self.kind {
            Kind::TftpdHpa => Ok(None),
            _ => usage::peak_of_process(self.id()).map(Some),
        }
    }
}

fn atftpd() -> PathBuf {
    let unpacked = Path::new(ATFTPD);
    if unpacked.exists() { unpacked.to_owned() } else { PathBuf::from("atftpd") }
}
