//! What `netboot probe` tells to add to a real server makes its machine boot.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use netboot_tests::{
    daemon::Xdp,
    dhcp_server::Server,
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab},
};
use serde_json::{Value, json};

use super::{report, site};

/// Each round shows what the one before hid.
const MOST_ROUNDS: usize = 5;

/// A server that gives the lab's machine its address, and nothing else, with these lines added.
fn configuration(server: Server, lines: &[String]) -> Result<String> {
    let added = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    Ok(match server {
        Server::Dnsmasq => format!(
            "port=0\nleasefile-ro\nno-ping\ndhcp-authoritative\ndhcp-range=192.168.2.0,static\n\
             dhcp-host={CLIENT_MAC},{CLIENT}\n{added}"
        ),
        Server::Dhcpd => format!(
            "authoritative;\nsubnet 192.168.2.0 netmask 255.255.255.0 {{ }}\n\
             host m {{ hardware ethernet {CLIENT_MAC}; fixed-address {CLIENT}; }}\n{added}"
        ),
        Server::Kea => {
            // The class of the script goes before the others.
            let (scripts, others): (Vec<_>, Vec<_>) = lines
                .iter()
                .filter(|line| line.starts_with('{'))
                .partition(|line| line.contains("script-"));
            let classes = scripts.into_iter().chain(others);
            let classes: Vec<Value> =
                classes.map(|line| serde_json::from_str(line)).collect::<Result<_, _>>()?;
            let mut dhcp = json!({
                "interfaces-config": { "interfaces": [INTERFACE], "dhcp-socket-type": "raw" },
                "lease-database": { "type": "memfile", "persist": false },
                "subnet4": [{
                    "subnet": "192.168.2.0/24",
                    "reservations": [{ "hw-address": CLIENT_MAC, "ip-address": CLIENT.to_string() }],
                }],
            });
            if !classes.is_empty() {
                dhcp["client-classes"] = classes.into();
            }
            json!({ "Dhcp4": dhcp }).to_string()
        }
    })
}

/// The lines that a probe tells to add, those of the first step that is wrong first.
fn told(findings: &[Value]) -> Result<Vec<String>> {
    let wrong = findings.iter().filter(|finding| finding["state"] == "wrong");
    let mut lines = Vec::new();
    for finding in wrong {
        for line in finding["add"][0]["lines"].as_array().into_iter().flatten() {
            let line = line.as_str().context("no text")?;
            if !lines.iter().any(|known| known == line) {
                lines.push(line.to_owned());
            }
        }
    }
    Ok(lines)
}

fn mends(server: Server, args: &[&str]) -> Result<()> {
    let lab = Lab::new()?;
    let daemon = site()?.dhcp("mode = \"off\"").setup(Xdp::Off)?.start(&lab.server, INTERFACE)?;
    let config = daemon.setup().path().display().to_string();
    let common = ["--iface", INTERFACE, "--server", server.name(), "--config", &config];
    let args = [&common[..], args].concat();
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("configuration");
    let mut lines: Vec<String> = Vec::new();
    for round in 0..MOST_ROUNDS {
        let text = configuration(server, &lines)?;
        fs::write(&file, &text)?;
        let _running =
            server.start(&lab.server, directory.path(), &file).with_context(|| text.clone())?;
        let (code, findings) = report(&lab.client, &args)?;
        if code == 0 {
            ensure!(round > 0, "it boots without: {findings:#?}");
            return Ok(());
        }
        let new = told(&findings)?;
        let more: Vec<_> = new.into_iter().filter(|line| !lines.contains(line)).collect();
        ensure!(!more.is_empty(), "nothing more is told for {text}: {findings:#?}");
        lines.extend(more);
    }
    bail!("it does not boot with {lines:#?}")
}

#[test]
fn mend_dnsmasq() -> Result<()> {
    mends(Server::Dnsmasq, &[])?;
    mends(Server::Dnsmasq, &["--http"])
}

#[test]
fn mend_kea() -> Result<()> {
    mends(Server::Kea, &["--arch", "x86-bios"])?;
    mends(Server::Kea, &["--http"])
}

#[test]
fn mend_dhcpd() -> Result<()> {
    mends(Server::Dhcpd, &[])?;
    mends(Server::Dhcpd, &["--http"])
}
