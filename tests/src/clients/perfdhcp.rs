use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};

use super::DEADLINE;
use crate::{namespace::Namespace, process};

/// What perfdhcp counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchanged {
    pub discovers: u64,
    pub offers: u64,
    pub requests: u64,
    pub acks: u64,
}

/// Kea's load generator: asks through a relay (itself) for `machines` machines with MACs counted up
/// from 00:0c:01:02:03:04, each DISCOVER and REQUEST once or more, `requests` in all.
pub fn perfdhcp(
    namespace: &Namespace,
    interface: &str,
    server: Ipv4Addr,
    machines: u32,
    requests: u32,
) -> Result<Exchanged> {
    let mut command = namespace.command("perfdhcp");
    command.args(["-4", "-l", interface, "-r", "200", "-W", "1000000"]);
    command.args(["-R", &machines.to_string(), "-n", &requests.to_string()]);
    // "Tinkerbell" and x86-64 UEFI.
    command.args(["-o", "77,54696e6b657262656c6c", "-o", "93,0007"]);
    command.arg(server.to_string());
    // Its status is 3 where an exchange is missing: the counts say so too.
    let output = process::output(command, DEADLINE)?;
    let counts = |name: &str| -> Result<[u64; 2]> {
        let lines = output.stdout.lines().filter_map(|line| line.strip_prefix(name));
        let counts: Vec<_> = lines.map(|count| count.trim().parse()).collect::<Result<_, _>>()?;
        <[u64; 2]>::try_from(counts).ok().with_context(|| {
            format!("perfdhcp's report has no counts: {}{}", output.stdout, output.stderr)
        })
    };
    let [discovers, requests] = counts("sent packets: ")?;
    let [offers, acks] = counts("received packets: ")?;
    Ok(Exchanged { discovers, offers, requests, acks })
}
