//! A link with IPv6: who makes addresses there, and a router.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::{
    lab::{CLIENT_MAC, INTERFACE, SERVER},
    namespace::{Namespace, connect},
    process::{self, Process},
    wait::wait_for,
};

const DEADLINE: Duration = Duration::from_secs(30);

/// A node, a machine and a router at a switch, each at its [`INTERFACE`].
pub struct Link {
    pub node: Namespace,
    pub machine: Namespace,
    pub router: Namespace,
    _switch: Namespace,
}

impl Link {
    /// The machine and the router have IPv6, the node has not.
    pub fn new() -> Result<Self> {
        let switch = Namespace::new()?;
        let (node, machine, router) = (Namespace::new()?, Namespace::new()?, Namespace::new()?);
        let ports = ["node", "machine", "router"];
        for (namespace, port) in [&node, &machine, &router].into_iter().zip(ports) {
            connect((namespace, INTERFACE), (&switch, port))?;
        }
        switch.add_bridge("br0", &ports)?;
        node.add_address(INTERFACE, &format!("{SERVER}/24"))?;
        machine.set_mac(INTERFACE, CLIENT_MAC)?;
        for namespace in [&machine, &router] {
            enable_ipv6(namespace)?;
        }
        Ok(Self { node, machine, router, _switch: switch })
    }
}

/// Switches IPv6 on, as it is by default, and waits for the link-local address.
pub fn enable_ipv6(namespace: &Namespace) -> Result<()> {
    set(namespace, &format!("{INTERFACE}/disable_ipv6"), "0")?;
    wait_for("a link-local address", DEADLINE, || {
        let address = ["-6", "address", "show", "dev", INTERFACE, "scope", "link", "-tentative"];
        Ok((!namespace.ip(&address)?.is_empty()).then_some(()))
    })
}

/// Writes a setting below `net.ipv6.conf`.
pub fn set(namespace: &Namespace, name: &str, value: &str) -> Result<()> {
    let mut shell = namespace.command("sh");
    shell.args(["-c", &format!("echo {value} > /proc/sys/net/ipv6/conf/{name}")]);
    process::run(shell, DEADLINE).map(drop)
}

/// radvd: a default router, with a prefix to make addresses of.
pub struct Radvd {
    process: Process,
    _dir: TempDir,
}

impl Radvd {
    pub fn start(namespace: &Namespace) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (conf, pid) = (dir.path().join("conf"), dir.path().join("pid"));
        fs::write(
            &conf,
            format!(
                "interface {INTERFACE} {{ AdvSendAdvert on; MaxRtrAdvInterval 4; MinRtrAdvInterval 3; \
                 prefix 2001:db8:1::/64 {{}}; }};\n"
            ),
        )?;
        set(namespace, "all/forwarding", "1")?;
        let mut command = namespace.command("radvd");
        command.args(["--nodaemon", "--logmethod", "stderr", "--config"]).arg(&conf);
        command.arg("--pidfile").arg(&pid);
        let mut process = Process::spawn(command)?;
        wait_for("radvd", DEADLINE, || {
            if let Some(status) = process.ended()? {
                bail!("radvd ended with {status}: {}", process.stderr());
            }
            Ok(pid.exists().then_some(()))
        })?;
        Ok(Self { process, _dir: dir })
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr()
    }
}

/// Who acts on what routers advertise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// As it is by default.
    Kernel,
    Dhcpcd,
    Networkd,
}

/// A system at its [`INTERFACE`].
pub struct Host<'n> {
    namespace: &'n Namespace,
    system: System,
    daemon: Option<Process>,
    _dir: TempDir,
}

impl<'n> Host<'n> {
    pub fn start(namespace: &'n Namespace, system: System) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let daemon = match system {
            System::Kernel => None,
            System::Dhcpcd => {
                let conf = dir.path().join("conf");
                fs::write(
                    &conf,
                    format!("allowinterfaces {INTERFACE}\nnodev\nnoipv6rs\nipv6rs\n"),
                )?;
                let mut command = namespace.sealed_command("dhcpcd");
                command.args(["--nobackground", "--ipv6only", "--debug", "--script", "/bin/true"]);
                command.arg("--config").arg(&conf).arg(INTERFACE);
                Some(Process::spawn(command)?)
            }
            System::Networkd => {
                // With a writable /sys it would wait for udev.
                let start = format!(
                    "mount -t sysfs -o ro sysfs /sys && mkdir -p /run/systemd/network /run/systemd/netif/links && \
                     chown -R systemd-network /run/systemd/netif && \
                     printf '[Match]\\nName={INTERFACE}\\n[Network]\\nIPv6AcceptRA=yes\\n' \
                     > /run/systemd/network/10.network && \
                     SYSTEMD_LOG_LEVEL=debug exec /lib/systemd/systemd-networkd"
                );
                let mut command = namespace.sealed_command("sh");
                command.args(["-c", &start]);
                Some(Process::spawn(command)?)
            }
        };
        Ok(Self { namespace, system, daemon, _dir: dir })
    }

    /// How often the kernel read an advertisement.
    fn advertisements(&self) -> Result<u64> {
        let mut command = self.namespace.command("cat");
        command.arg("/proc/net/snmp6");
        let counters = process::run(command, DEADLINE)?;
        let line = counters.lines().find(|line| line.starts_with("Icmp6InRouterAdvertisements"));
        let count = line.and_then(|line| line.split_whitespace().last());
        Ok(count.context("no such counter")?.parse()?)
    }

    /// How often the system says that it read an advertisement of this sender.
    fn heard(&self, sender: &str) -> Result<u64> {
        let Some(daemon) = &self.daemon else { return self.advertisements() };
        let words = match self.system {
            System::Kernel => unreachable!("it has no daemon"),
            System::Dhcpcd => format!("Router Advertisement from {sender}"),
            System::Networkd => "preference medium lifetime 0 sec".to_owned(),
        };
        let text = daemon.stderr() + &daemon.stdout();
        Ok(text.matches(&words).count() as u64)
    }

    /// Has the system read an advertisement of this sender, which `send` sends.
    pub fn hear(&self, sender: &str, send: impl FnOnce() -> Result<()>) -> Result<()> {
        let before = self.heard(sender)?;
        send()?;
        wait_for("the system to read an advertisement", DEADLINE, || {
            Ok((self.heard(sender)? > before).then_some(()))
        })
        .with_context(|| format!("{:?}: {}", self.system, self.log()))
    }

    /// Waits until it has a default route and an address of the prefix, and nothing more changes.
    pub fn wait_for_router(&self) -> Result<()> {
        let mut last = String::new();
        wait_for("a default route", DEADLINE, || {
            let heard = self.advertisements()?;
            let state = self.state()?;
            let words = ["default via fe80", "inet6 2001:db8:1:"];
            let is_there = words.iter().all(|words| state.contains(words))
                && !state.contains("tentative")
                && heard > 3;
            let is_settled = std::mem::replace(&mut last, state.clone()) == state;
            Ok((is_there && is_settled).then_some(()))
        })
        .with_context(|| format!("{:?}: {}", self.system, self.log()))
    }

    /// Waits until it listens.
    pub fn wait_until_it_asks(&self) -> Result<()> {
        let words = match self.system {
            System::Kernel => return Ok(()),
            System::Dhcpcd => "soliciting an IPv6 router",
            // A router may be heard before it asks.
            System::Networkd => "Started IPv6 Router Solicitation client",
        };
        wait_for(words, DEADLINE, || Ok(self.log().contains(words).then_some(())))
            .with_context(|| format!("{:?}: {}", self.system, self.log()))
    }

    fn log(&self) -> String {
        self.daemon.as_ref().map(|daemon| daemon.stderr() + &daemon.stdout()).unwrap_or_default()
    }

    /// Routes, addresses, and the settings that an advertisement can change; without what counts down.
    pub fn state(&self) -> Result<String> {
        let mut text = String::new();
        for what in [["route", "show"], ["address", "show"]] {
            let shown = self.namespace.ip(&["-6", "-o", what[0], what[1], "dev", INTERFACE])?;
            let mut lines: Vec<_> = shown.lines().map(without_times).collect();
            lines.sort();
            text += &(lines.join("\n") + "\n");
        }
        let mut settings = self.namespace.command("sh");
        settings.args([
            "-c",
            &format!(
                "cd /proc/sys/net/ipv6 && grep . conf/{INTERFACE}/hop_limit conf/{INTERFACE}/mtu \
                 neigh/{INTERFACE}/base_reachable_time_ms neigh/{INTERFACE}/retrans_time_ms"
            ),
        ]);
        let settings = process::run(settings, DEADLINE)?;
        ensure!(settings.lines().count() == 4, "{settings}");
        Ok(text + &settings)
    }
}

fn without_times(line: &str) -> String {
    let mut words = Vec::new();
    let mut all = line.split_whitespace();
    while let Some(word) = all.next() {
        if matches!(word, "expires" | "valid_lft" | "preferred_lft") {
            all.next();
        } else {
            words.push(word);
        }
    }
    words.join(" ")
}
