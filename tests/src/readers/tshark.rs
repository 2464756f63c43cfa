use std::{fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Reply, hex, pcap::pcap};
use crate::process::{self, Output};

const DEADLINE: Duration = Duration::from_secs(120);
/// A warning, as Wireshark's severities are numbered; errors are above it, notes below.
const WARNING: u32 = 0x0060_0000;
/// A checksum that is there and right.
const GOOD: &str = "1";

/// What is asked of each frame, in the order of the columns.
const FIELDS: [&str; 16] = [
    "frame.protocols",
    "ip.checksum.status",
    "udp.checksum.status",
    "dhcp.type",
    "dhcp.id",
    "dhcp.flags",
    "dhcp.ip.client",
    "dhcp.ip.your",
    "dhcp.ip.server",
    "dhcp.ip.relay",
    "dhcp.option.dhcp",
    "dhcp.option.type",
    "dhcp.option.end",
    "_ws.malformed",
    "_ws.expert.severity",
    "_ws.expert.message",
];
/// Between the occurrences of a field: no message has it.
const AGGREGATOR: &str = "\u{1f}";

/// tshark finds no fault with any frame, its checksums included, and reads in it what its bytes say.
pub(super) fn check(replies: &[Reply<'_>]) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("replies.pcap");
    fs::write(&file, pcap(replies.iter().map(Reply::frame))?)?;
    let mut tshark = Command::new("tshark");
    // The user's own settings are not ours.
    tshark.env("WIRESHARK_CONFIG_DIR", dir.path()).env("HOME", dir.path());
    tshark.args(["-n", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]);
    tshark.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]);
    tshark.args(["-E", &format!("aggregator={AGGREGATOR}")]);
    for field in FIELDS {
        tshark.args(["-e", field]);
    }
    tshark.arg("-r").arg(&file);
    let Output { status, stdout, stderr } = process::output(tshark, DEADLINE)?;
    ensure!(status.success(), "{status}: {stderr}");
    let rows: Vec<&str> = stdout.lines().collect();
    ensure!(rows.len() == replies.len(), "{} of {} frames: {stderr}", rows.len(), replies.len());
    let mut faults = Vec::new();
    for (row, reply) in rows.iter().zip(replies) {
        if let Err(fault) = check_row(row, reply) {
            faults.push(format!("{fault:#}\n  {row:?}\n  {}", hex(reply.frame())));
        }
    }
    if !faults.is_empty() {
        bail!("{} of {} answers: {}", faults.len(), replies.len(), faults.join("\n"));
    }
    Ok(())
}

fn check_row(row: &str, reply: &Reply<'_>) -> Result<()> {
    let columns: Vec<&str> = row.split('\t').collect();
    let [
        protocols,
        ip,
        udp,
        bootp,
        xid,
        flags,
        ciaddr,
        yiaddr,
        siaddr,
        giaddr,
        kind,
        codes,
        end,
        malformed,
        severities,
        messages,
    ] = columns[..]
    else {
        bail!("{} columns", columns.len());
    };
    for severity in severities.split(AGGREGATOR).filter(|severity| !severity.is_empty()) {
        let number: u32 = severity.parse().with_context(|| format!("severity {severity}"))?;
        ensure!(number < WARNING, "it warns: {messages}");
    }
    ensure!(malformed.is_empty(), "malformed");
    // What it reads of option 43 in an answer with class PXEClient is a dissector of its own.
    let protocols = protocols.strip_suffix(":dhcp").unwrap_or(protocols);
    ensure!(
        matches!(protocols, "eth:ethertype:ip:udp" | "eth:ethertype:ip:udp:dhcp"),
        "it is {protocols}"
    );
    ensure!(ip == GOOD, "the IP checksum's status is {ip}");
    ensure!(udp == GOOD, "the UDP checksum's status is {udp}");
    // tshark lists the end, and the pads behind it, as 0.
    let codes: Vec<&str> = codes.split(AGGREGATOR).filter(|code| *code != "0").collect();
    let expected: Vec<String> = reply.codes().iter().map(u8::to_string).collect();
    ensure!(codes == expected, "the options are {codes:?}");
    ensure!(end == "255", "the ends of the options are {end}");
    let seen = [bootp, xid, flags, ciaddr, yiaddr, siaddr, giaddr, kind];
    let expected = [
        "2".to_owned(),
        format!("0x{:08x}", reply.xid()),
        format!("0x{:04x}", reply.flags()),
        reply.ciaddr().to_string(),
        reply.yiaddr().to_string(),
        reply.siaddr().to_string(),
        reply.giaddr().to_string(),
        reply.message_type().to_string(),
    ];
    ensure!(seen == expected, "expected {expected:?}");
    Ok(())
}
