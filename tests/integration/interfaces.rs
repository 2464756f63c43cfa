//! Several interfaces: on one switch, and each with a subnet of its own.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netboot_test_kit::Ask;
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Count, Daemon, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    namespace::connect,
    packets::send_frames,
    transfer::curl,
    wait::wait_for,
};

use crate::{isolation::wait_for_note, site::Site};

const DEADLINE: Duration = Duration::from_secs(20);
/// Beside [`INTERFACE`], on both sides.
const SECOND: &str = "eth1";
/// The switch, on the client's side.
const SWITCH: &str = "br0";
const MACHINE: [u8; 6] = [0x52, 0x54, 0x00, 0xee, 0x0d, 0x0b];
const STRANGER: [u8; 6] = [2, 9, 9, 9, 9, 9];

/// Two interfaces in one network, on one switch with the machine.
fn one_switch() -> Result<Lab> {
    let lab = Lab::new()?;
    connect((&lab.server, SECOND), (&lab.client, SECOND))?;
    lab.server.add_address(SECOND, "192.168.2.113/24")?;
    lab.client.add_bridge(SWITCH, &[INTERFACE, SECOND])?;
    lab.client.set_mac(SWITCH, CLIENT_MAC)?;
    Ok(lab)
}

fn wait_for_log(daemon: &Daemon, words: &str, times: usize) -> Result<()> {
    wait_for(words, DEADLINE, || Ok((daemon.log().matches(words).count() >= times).then_some(())))
        .with_context(|| daemon.log())
}

/// The first interface's cable is out, or in.
fn plug(lab: &Lab, state: &str) -> Result<()> {
    lab.client.ip(&["link", "set", INTERFACE, state]).map(drop)
}

/// The machine is answered over the interface that has a carrier.
fn follow_the_carrier(xdp: Xdp) -> Result<()> {
    let lab = one_switch()?;
    let daemon = Site::new()?.setup(xdp)?.start_at(&lab.server, &[INTERFACE, SECOND])?;
    let is_leased = || -> Result<()> {
        let lease = udhcpc(&lab.client, SWITCH, Identity::default())?;
        ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
        Ok(())
    };
    is_leased()?;
    // The second one hears what is broadcast, too, and refuses nothing.
    let counts = daemon.counts(&lab.server)?;
    ensure!(counts["nak"].userspace == 0, "{counts:?}");
    for round in 1..=2 {
        plug(&lab, "down")?;
        wait_for_log(&daemon, "subnet 192.168.2.0/24 is on eth1", round)?;
        is_leased().with_context(|| format!("over the second, round {round}"))?;
        plug(&lab, "up")?;
        wait_for_log(&daemon, "subnet 192.168.2.0/24 is on eth0", round)?;
        is_leased().with_context(|| format!("over the first, round {round}"))?;
    }
    daemon.stop()
}

#[test]
fn the_subnet_is_where_the_carrier_is_in_generic_mode() -> Result<()> {
    follow_the_carrier(Xdp::Generic)
}

#[test]
fn the_subnet_is_where_the_carrier_is_without_xdp() -> Result<()> {
    follow_the_carrier(Xdp::Off)
}

/// Both interfaces hear it, and one answers.
fn one_offer(site: Site) -> Result<()> {
    let lab = one_switch()?;
    let site = site.dhcp("mode = \"auto-proxy\"");
    let daemon = site.setup(Xdp::Off)?.start_at(&lab.server, &[INTERFACE, SECOND])?;
    let check = |mac: [u8; 6], heard: u64| -> Result<()> {
        let count = || {
            let counts = daemon.counts(&lab.server)?;
            anyhow::Ok([counts["offer"].userspace, counts["wrong-subnet"].userspace])
        };
        let [offers, others] = count()?;
        let discover = Ask { station: mac, ..Ask::discover().pxe(7).mac(mac) };
        send_frames(&lab.client, SWITCH, [discover.frame()].into_iter())?;
        let expect = [offers + 1, others + heard - 1];
        let last = wait_for("both interfaces' verdicts", DEADLINE, || {
            let now = count()?;
            Ok((now[0] + now[1] >= expect[0] + expect[1]).then_some(now))
        });
        let last = last.with_context(|| daemon.log())?;
        ensure!(last == expect, "{last:?}, not {expect:?}");
        Ok(())
    };
    for mac in [MACHINE, STRANGER] {
        check(mac, 2)?;
    }
    plug(&lab, "down")?;
    wait_for_log(&daemon, "subnet 192.168.2.0/24 is on eth1", 1)?;
    for mac in [MACHINE, STRANGER] {
        check(mac, 1)?;
    }
    daemon.stop()
}

#[test]
fn one_offer_where_two_interfaces_are_on_one_switch() -> Result<()> {
    one_offer(Site::new()?)
}

/// Each interface has a health of its own.
#[test]
fn an_interface_that_lost_its_address() -> Result<()> {
    const OTHER: &str = "10.5.0.1/24";
    let lab = Lab::new()?;
    connect((&lab.server, SECOND), (&lab.client, SECOND))?;
    lab.server.add_address(SECOND, OTHER)?;
    let site = Site::new()?.subnet("\n[[subnet]]\ncidr = \"10.5.0.0/24\"");
    let daemon = site.setup(Xdp::Generic)?.start_at(&lab.server, &[INTERFACE, SECOND])?;
    let readyz = |text: &str| {
        let mut last = String::new();
        wait_for(text, DEADLINE, || {
            let answer = curl(&lab.server, &format!("http://{SERVER}/readyz"), &[])?;
            last = String::from_utf8(answer.body)?;
            Ok((answer.status == 200 && last.contains(text)).then_some(()))
        })
        .with_context(|| last)
    };
    let lost = |why: &str| {
        readyz("degraded: interface eth1\n")?;
        wait_for_note(&lab, daemon.setup(), "interface eth1", why)
    };
    for _ in 0..2 {
        readyz("ready\n")?;
        lab.server.ip(&["address", "del", OTHER, "dev", SECOND])?;
        lost("it has no IPv4 address, so none in subnet 10.5.0.0/24, which it had")?;
        lab.server.add_address(SECOND, "10.6.0.1/24")?;
        lost("no address of it lies in subnet 10.5.0.0/24, which it had")?;
        let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
        ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
        lab.server.ip(&["address", "del", "10.6.0.1/24", "dev", SECOND])?;
        lab.server.add_address(SECOND, OTHER)?;
    }
    readyz("ready\n")?;
    daemon.stop()
}

/// A bridge takes an interface in while both are listed: it is served instead, and nothing is told to do what would
/// not help.
#[test]
fn an_interface_becomes_a_port() -> Result<()> {
    let address = format!("{SERVER}/24");
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(Xdp::Auto)?.start_at(&lab.server, &[INTERFACE, SWITCH])?;
    let note = |part: &str, why: &str| wait_for_note(&lab, daemon.setup(), part, why);
    note("interface br0", "it is not there")?;
    lab.server.ip(&["address", "del", &address, "dev", INTERFACE])?;
    lab.server.add_bridge(SWITCH, &[INTERFACE])?;
    lab.server.add_address(SWITCH, &address)?;
    let port = "it is a port of br0, and machines at it are answered there: list br0 instead of it";
    note("interface eth0", port)?;
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    let counts = daemon.counts(&lab.server)?;
    ensure!([counts["wrong-subnet"], counts["nak"]] == [Count::default(); 2], "{counts:?}");
    // The tables are made again.
    lab.server.add_address(SWITCH, "10.5.0.1/24")?;
    wait_for_log(&daemon, "br0 has address 10.5.0.1/24", 1)?;
    let status = daemon.status(&lab.server)?;
    let interfaces = status["interfaces"].as_array().context("interfaces")?;
    let [bridge] = interfaces.as_slice() else { anyhow::bail!("{interfaces:?}") };
    ensure!(bridge["name"] == SWITCH && bridge["mode"] == "generic", "{bridge}");
    ensure!(bridge["note"] == "the driver of br0 has no native XDP", "{bridge}");
    let log = daemon.log();
    for wrong in ["was removed", "add the [[subnet]]", "File exists", "an earlier daemon"] {
        ensure!(!log.contains(wrong), "{wrong:?}: {log}");
    }
    lab.server.ip(&["link", "set", INTERFACE, "nomaster"])?;
    lab.server.ip(&["address", "del", &address, "dev", SWITCH])?;
    lab.server.add_address(INTERFACE, &address)?;
    wait_for_log(&daemon, "eth0 has left br0", 1)?;
    wait_for("an answer at the interface", DEADLINE, || {
        Ok(udhcpc(&lab.client, INTERFACE, Identity::default()).ok())
    })?;
    daemon.stop()
}
