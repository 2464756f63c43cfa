//! The state as an operator reads it.

use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};

use netboot_base::columns::table_of_numbers;

use super::{MachineStatus, Status, UnknownMachine, machine::architecture};

use crate::other_servers::{OtherServer, ServerKind};

/// Tables of what there is; empty ones are left out.
pub(super) fn render(status: &Status, now: SystemTime) -> String {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut out = format!("netboot {}, up {}\n", status.version, span(status.uptime_seconds));

    let rows = status.interfaces.iter().map(|interface| {
        [interface.name.clone(), interface.mode.clone(), interface.note.clone().unwrap_or_default()]
    });
    table(&mut out, ["INTERFACE", "XDP", "NOTE"], rows);

    let rows = status.ipv6_routers.iter().map(|row| [row.interface.clone(), row.router.clone()]);
    table(&mut out, ["INTERFACE", "IPV6 ROUTER"], rows);

    let rows = status.services.iter().map(|service| {
        let listen = if service.listen.is_empty() { "-" } else { &service.listen };
        let note = service.note.clone().unwrap_or_default();
        [service.name.clone(), listen.to_owned(), service.state.clone(), note]
    });
    table(&mut out, ["SERVICE", "LISTEN", "STATE", "NOTE"], rows);

    let counted = status.verdicts.iter().filter(|count| count.kernel > 0 || count.userspace > 0);
    let rows = counted.map(|count| {
        [count.verdict.clone(), count.kernel.to_string(), count.userspace.to_string()]
    });
    table(&mut out, ["VERDICT", "KERNEL", "USERSPACE"], rows);

    let counted = status.counters.iter().filter(|(_, count)| **count > 0);
    let rows = counted.map(|(name, count)| [name.clone(), count.to_string()]);
    table(&mut out, ["COUNTER", "COUNT"], rows);

    let is_listed_below =
        |machine: &MachineStatus| status.unknown.iter().any(|unknown| unknown.mac == machine.mac);
    let machines = status.machines.iter().filter(|machine| !is_listed_below(machine));
    let rows = machines.map(|machine| {
        [
            machine.mac.clone(),
            machine.ip.map_or_else(|| without_address(machine), |ip| ip.to_string()),
            machine.hostname.clone().unwrap_or_else(|| "-".to_owned()),
            ago(machine.last_seen, now),
            format!("{}{}", machine.last, nic(machine)),
        ]
    });
    table(&mut out, ["MACHINE", "ADDRESS", "HOSTNAME", "SEEN", "LAST STEP"], rows);

    let rows = status.quarantined.iter().map(|machine| {
        let address = machine.ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
        [machine.mac.clone(), address, span(machine.seconds_left)]
    });
    table(&mut out, ["DECLINED BY", "ADDRESS", "HELD BACK FOR"], rows);

    let rows = status.other_servers.iter().map(|server| other_server(server, now));
    table(
        &mut out,
        [
            "OTHER SERVER",
            "STATE",
            "MAC",
            "INTERFACE",
            "MESSAGES",
            "SEEN",
            "FIRST",
            "MACHINE",
            "OFFERED",
        ],
        rows,
    );

    let rows = status.unknown.iter().map(|machine| unknown(machine, now));
    table(&mut out, ["UNKNOWN MACHINE", "ARCHITECTURE", "INTERFACE", "REQUESTS", "SEEN"], rows);
    if !status.unknown.is_empty() {
        out.push_str("\nTo add one, with an address of its subnet in place of ADDRESS:\n");
    }
    let config = status.config.as_ref();
    let config = config.map(|path| format!(" --config {}", path.display())).unwrap_or_default();
    for machine in &status.unknown {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  netboot host add --mac {} --ip ADDRESS{config}", machine.mac);
    }
    out
}

/// A host of the proxy modes may have no address here.
fn without_address(machine: &MachineStatus) -> String {
    if machine.known { "-" } else { "no reservation" }.to_owned()
}

fn other_server(server: &OtherServer, now: u64) -> [String; 9] {
    let kind = match server.kind {
        ServerKind::Dhcp => "",
        ServerKind::ProxyDhcp => " ProxyDHCP",
    };
    let relay = server.relay.map(|relay| format!(" behind {relay}")).unwrap_or_default();
    let absent = || "-".to_owned();
    [
        server.address.to_string(),
        format!("{}{kind}", server.standing.as_str()),
        server.mac.clone().unwrap_or_else(absent),
        format!("{}{relay}", server.interface),
        server.messages.to_string(),
        ago(server.last_seen, now),
        ago(server.first_seen, now),
        server.machine.clone().unwrap_or_else(absent),
        server.offered.map_or_else(absent, |address| address.to_string()),
    ]
}

fn unknown(machine: &UnknownMachine, now: u64) -> [String; 5] {
    [
        machine.mac.clone(),
        machine.architecture.map_or_else(|| "-".to_owned(), architecture),
        machine.interface.clone().unwrap_or_else(|| "-".to_owned()),
        machine.requests.to_string(),
        ago(machine.last_seen, now),
    ]
}

/// Which of a machine's MACs has its address.
fn nic(machine: &MachineStatus) -> String {
    machine.nic.as_ref().map(|nic| format!(" (by {nic})")).unwrap_or_default()
}

fn ago(then: u64, now: u64) -> String {
    format!("{} ago", span(now.saturating_sub(then)))
}

/// The two largest units.
fn span(seconds: u64) -> String {
    let full = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    full.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// An empty line, the heads and the rows.
fn table<const N: usize>(
    out: &mut String,
    heads: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return;
    }
    out.push('\n');
    out.push_str(&table_of_numbers(heads, &rows));
}
