//! Which machines boot through which DHCP server: each server as `netboot export` configures it, each client
//! as `netboot probe` plays it, with netboot's files, scripts and log.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    daemon::{Daemon, Setup, Xdp, binary},
    dhcp_server::{Running, Server},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    machine::{hook, install_ipxe},
    namespace::{Namespace, connect},
    process::{self, Output},
};

const DEADLINE: Duration = Duration::from_secs(120);
/// The client's side of the wire: a bridge that the nodes are ports of.
pub const BRIDGE: &str = "br0";
/// Of the node with the other DHCP server, in the proxy modes.
const OTHER: &str = "192.168.2.66/24";

/// Who gives addresses, and who says what to boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// netboot does both.
    Netboot,
    /// The server does, on netboot's node; netboot has `dhcp.mode = "off"`.
    Exported(Server),
    /// The server gives addresses, from another node; netboot is its ProxyDHCP, in this mode.
    Proxy(Server, &'static str),
}

/// A service that runs, and a machine's place on its wire.
pub struct Rack {
    pub lab: Lab,
    pub daemon: Daemon,
    server: Option<Running>,
    _other: Option<Namespace>,
    _directory: TempDir,
}

/// A column: what is played, and what of it counts.
pub struct Client {
    pub name: &'static str,
    args: &'static [&'static str],
    steps: &'static [&'static str],
    /// Which finding of the step, where there are several.
    words: &'static str,
}

/// Whether a client boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub boots: bool,
    /// What is not as netboot would have it.
    pub notes: Vec<String>,
}

const FIRMWARE: &[&str] = &["firmware", "servers", "address", "boot file", "binary"];
const BOOT: &[&str] = &["script", "kernel", "initrd", "log"];

pub const CLIENTS: [Client; 7] = [
    Client { name: "BIOS", args: &["--arch", "x86-bios"], steps: FIRMWARE, words: "" },
    Client { name: "UEFI x64", args: &[], steps: FIRMWARE, words: "" },
    Client { name: "HTTP boot", args: &["--http"], steps: FIRMWARE, words: "" },
    Client { name: "stock iPXE", args: &[], steps: &["stock iPXE"], words: "" },
    Client { name: "Tinkerbell", args: &[], steps: &["user class"], words: "\"Tinkerbell\" gets" },
    Client { name: "as RFC 3004", args: &[], steps: &["user class"], words: "(RFC 3004)" },
    Client { name: "script to log", args: &[], steps: BOOT, words: "" },
];

impl Service {
    pub const ALL: [Self; 7] = [
        Self::Netboot,
        Self::Exported(Server::Dnsmasq),
        Self::Exported(Server::Kea),
        Self::Exported(Server::Dhcpd),
        Self::Proxy(Server::Dnsmasq, "proxy"),
        Self::Proxy(Server::Kea, "auto-proxy"),
        Self::Proxy(Server::Dhcpd, "proxy"),
    ];

    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Netboot => "netboot".to_owned(),
            Self::Exported(server) => format!("{}, exported", server.name()),
            Self::Proxy(server, mode) => format!("{} + netboot, {mode}", server.name()),
        }
    }

    const fn mode(self) -> &'static str {
        match self {
            Self::Netboot => "reservation",
            Self::Exported(_) => "off",
            Self::Proxy(_, mode) => mode,
        }
    }

    /// Starts it, with a virtual machine's TAP interface beside.
    pub fn start(self) -> Result<Rack> {
        let lab = Lab::with_tap()?;
        let directory = tempfile::tempdir()?;
        let mut other = None;
        let mut server = None;
        match self {
            Self::Netboot => {}
            Self::Exported(kind) => {
                let file =
                    kind.export(&lab.server, &site(self.mode(), BOOTS)?, directory.path())?;
                server = Some(kind.start(&lab.server, directory.path(), &file)?);
            }
            Self::Proxy(kind, _) => {
                let node = Namespace::new()?;
                connect((&node, INTERFACE), (&lab.client, "other0"))?;
                lab.client.ip(&["link", "set", "other0", "master", BRIDGE, "up"])?;
                node.add_address(INTERFACE, OTHER)?;
                let file = kind.export(&node, &site("off", NOTHING)?, directory.path())?;
                server = Some(kind.start(&node, directory.path(), &file)?);
                other = Some(node);
            }
        }
        let xdp = if self == Self::Netboot { Xdp::Generic } else { Xdp::Off };
        let site = site_on(self.mode(), BOOTS, xdp)?;
        let daemon = site.start(&lab.server, INTERFACE)?.quiet();
        Ok(Rack { lab, daemon, server, _other: other, _directory: directory })
    }

    /// What the server cannot do as netboot does, a sentence each.
    pub fn cannot(self) -> Result<Vec<String>> {
        let Self::Exported(kind) = self else { return Ok(Vec::new()) };
        let lab = Lab::new()?;
        kind.notes(&lab.server, &site(self.mode(), BOOTS)?)
    }

    /// Plays each client.
    pub fn row(self) -> Result<Vec<Cell>> {
        let rack = self.start()?;
        let mut cells = Vec::new();
        let mut played: Vec<(&[&str], Vec<Value>)> = Vec::new();
        for client in &CLIENTS {
            let known = played.iter().position(|(args, _)| *args == client.args);
            let at = match known {
                Some(at) => at,
                None => {
                    played.push((client.args, rack.probe(client.args)?));
                    played.len() - 1
                }
            };
            let (_, findings) = played.get(at).context("not played")?;
            cells.push(client.cell(findings));
        }
        Ok(cells)
    }
}

impl Rack {
    /// What `netboot probe` finds as the lab's machine.
    pub fn probe(&self, args: &[&str]) -> Result<Vec<Value>> {
        let mut command = self.lab.client.command(&binary()?.display().to_string());
        command.args(["probe", "--json", "--iface", BRIDGE, "--mac", CLIENT_MAC]).args(args);
        let Output { stdout, stderr, .. } = process::output(command, DEADLINE)?;
        let mut reports: Vec<Value> =
            serde_json::from_str(&stdout).with_context(|| format!("{stdout}{stderr}"))?;
        let report = reports.first_mut().context("no report")?;
        serde_json::from_value(report["findings"].take()).context("no findings")
    }

    /// What the other server printed.
    #[must_use]
    pub fn said(&self) -> String {
        self.server.as_ref().map(Running::said).unwrap_or_default()
    }
}

impl Client {
    fn cell(&self, findings: &[Value]) -> Cell {
        let text =
            |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let is_ours = |finding: &&Value| {
            self.steps.contains(&finding["step"].as_str().unwrap_or_default())
                && text(finding, "what").contains(self.words)
        };
        let ours: Vec<_> = findings.iter().filter(is_ours).collect();
        let wrong = |finding: &&&Value| finding["state"] != "right";
        let notes = ours.iter().filter(wrong).map(|finding| text(finding, "what"));
        let is_right = |finding: &&Value| finding["state"] == "right";
        // A warning of firmware is one that some of it boots with.
        let fails = ours.iter().any(|finding| finding["state"] == "wrong");
        let boots = !fails && ours.iter().copied().any(|finding| is_right(&finding));
        Cell { boots, notes: notes.collect() }
    }
}

const BOOTS: &str = "";
/// The machine gets its address, and is told nothing to boot.
const NOTHING: &str = "netboot = false\n";

fn site(mode: &str, host: &str) -> Result<Setup> {
    site_on(mode, host, Xdp::Off)
}

/// The lab's machine, with files that it can run.
fn site_on(mode: &str, host: &str, xdp: Xdp) -> Result<Setup> {
    let root = tempfile::tempdir()?;
    hook::install(root.path())?;
    install_ipxe(root.path())?;
    let tables = format!(
        r#"[dhcp]
mode = "{mode}"
server-address = "{SERVER}"

[[subnet]]
cidr = "192.168.2.0/24"
routers = ["192.168.2.1"]
dns = ["8.8.8.8"]

[boot]
root = "{root}"
script-user-classes = ["Tinkerbell", "iPXE"]

[boot.files]
x86-bios = "undionly.kpxe"
x86_64-uefi = "ipxe.efi"

[script]
consoles = ["ttyS0"]

[[host]]
mac = "{CLIENT_MAC}"
ip = "{CLIENT}"
hostname = "machine1"
{host}"#,
        root = root.path().display(),
    );
    Setup::new(xdp, root, &tables)
}
