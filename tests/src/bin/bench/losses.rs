use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use netboot_tests::{lab::INTERFACE, namespace::Namespace, process};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(10);

/// Where the kernel has dropped packets, as counters that only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Losses {
    /// UDP receive buffers of the generators that were full.
    pub(crate) generator_socket: u64,
    /// UDP receive buffers of the server that were full.
    pub(crate) server_udp_socket: u64,
    /// Packet sockets of the server whose buffers were full.
    pub(crate) server_packet_socket: u64,
    /// Both ends of the wire.
    pub(crate) interfaces: u64,
    /// The per-CPU backlog (`net.core.netdev_max_backlog`), of the whole machine.
    pub(crate) backlog: u64,
}

impl Losses {
    pub(crate) fn read(server: &Namespace, client: &Namespace) -> Result<Self> {
        Ok(Self {
            generator_socket: udp_overflows(client)?,
            server_udp_socket: udp_overflows(server)?,
            server_packet_socket: packet_overflows(server)?,
            interfaces: interface_drops(server)? + interface_drops(client)?,
            backlog: backlog_drops()?,
        })
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            generator_socket: self.generator_socket - before.generator_socket,
            server_udp_socket: self.server_udp_socket - before.server_udp_socket,
            // The socket may be another one than before.
            server_packet_socket: self
                .server_packet_socket
                .saturating_sub(before.server_packet_socket),
            interfaces: self.interfaces - before.interfaces,
            backlog: self.backlog - before.backlog,
        }
    }

    /// Without the server's UDP sockets, for a server that reads packet sockets.
    pub(crate) fn without_udp(self) -> Self {
        Self { server_udp_socket: 0, ..self }
    }

    pub(crate) fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("the generator's receive buffer", self.generator_socket),
            ("the server's UDP receive buffer", self.server_udp_socket),
            ("the server's packet socket", self.server_packet_socket),
            ("the interfaces", self.interfaces),
            ("the kernel's backlog", self.backlog),
        ]
    }
}

/// `RcvbufErrors` of UDP.
fn udp_overflows(namespace: &Namespace) -> Result<u64> {
    let text = run(namespace, "cat", &["/proc/net/snmp"])?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next(), lines.next());
    let (names, values) = names.zip(values).context("/proc/net/snmp knows no UDP")?;
    let mut both = names.split_whitespace().zip(values.split_whitespace());
    let (_, value) = both.find(|(name, _)| *name == "RcvbufErrors").context("no RcvbufErrors")?;
    Ok(value.parse()?)
}

/// `d` in `skmem:(r0,rb212992,...,d17)` of each packet socket.
fn packet_overflows(namespace: &Namespace) -> Result<u64> {
    let text = run(namespace, "ss", &["--packet", "--memory", "--no-header"])?;
    let drops = text.split(',').filter_map(|word| {
        let (number, _) = word.strip_prefix('d')?.split_once(')')?;
        number.parse::<u64>().ok()
    });
    Ok(drops.sum())
}

fn interface_drops(namespace: &Namespace) -> Result<u64> {
    let text = run(namespace, "ip", &["-json", "-statistics", "link", "show", INTERFACE])?;
    let links: Value = serde_json::from_str(&text)?;
    let stats = &links[0]["stats64"];
    let drops = |way: &str| {
        stats[way]["dropped"].as_u64().with_context(|| format!("`ip` shows no drops: {text}"))
    };
    Ok(drops("rx")? + drops("tx")?)
}

/// The second column, hexadecimal, of each CPU's line.
fn backlog_drops() -> Result<u64> {
    let path = Path::new("/proc/net/softnet_stat");
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut sum = 0;
    for line in text.lines() {
        let word = line.split_whitespace().nth(1).context("/proc/net/softnet_stat")?;
        sum += u64::from_str_radix(word, 16)?;
    }
    Ok(sum)
}

fn run(namespace: &Namespace, program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = namespace.command(program);
    command.args(arguments);
    process::run(command, SOON)
}
