//! A machine that finds its address in use.

use std::{fs, net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_ebpf::verdict::Verdict;
use netboot_test_kit::Ask;
use netboot_tests::{
    attacks::declines::{from_afar, naming},
    clients::{Identity, udhcpc, udhcpc_declines},
    daemon::{Daemon, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    namespace::{Namespace, connect},
    packets::send_frames,
    wait::wait_for,
};

use crate::site::Site;

/// The client's side of the wire.
const BRIDGE: &str = "br0";
const DEADLINE: Duration = Duration::from_secs(20);

fn wait_for_log(daemon: &Daemon, words: &str) -> Result<()> {
    wait_for(words, DEADLINE, || Ok(daemon.log().contains(words).then_some(())))
        .with_context(|| daemon.log())
}

/// It declines, gets no answer for a while, and then its address again.
fn check(xdp: Xdp) -> Result<()> {
    let lab = Lab::with_tap()?;
    lab.client.set_mac(BRIDGE, CLIENT_MAC)?;
    let daemon = Site::new()?.decline_time("5s").setup(xdp)?.start(&lab.server, INTERFACE)?;
    // Another machine on the wire, which is a bridge on the client's side, has it.
    let other = Namespace::new()?;
    connect((&other, INTERFACE), (&lab.client, "other0"))?;
    lab.client.ip(&["link", "set", "other0", "master", BRIDGE, "up"])?;
    let taken = format!("{CLIENT}/24");
    other.add_address(INTERFACE, &taken)?;
    udhcpc_declines(&lab.client, BRIDGE)?;
    wait_for_log(&daemon, "the machine declined its address")?;

    let status = daemon.status(&lab.server)?;
    let held = &status["quarantined"][0];
    ensure!(held["mac"] == CLIENT_MAC && held["ip"] == CLIENT.to_string(), "{held}");
    let counts = daemon.counts(&lab.server)?;
    ensure!(counts["decline"].userspace == 1, "{counts:?}");
    let silent = counts["quarantined"];
    let silent = if xdp == Xdp::Off { silent.userspace } else { silent.kernel };
    ensure!(silent > 0, "{counts:?}");

    other.ip(&["address", "delete", &taken, "dev", INTERFACE])?;
    wait_for_log(&daemon, "the declined address is given again")?;
    let lease = udhcpc(&lab.client, BRIDGE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    ensure!(daemon.status(&lab.server)?["quarantined"] == serde_json::json!([]));
    daemon.stop()
}

#[test]
fn an_address_in_use_in_generic_mode() -> Result<()> {
    check(Xdp::Generic)
}

#[test]
fn an_address_in_use_without_xdp() -> Result<()> {
    check(Xdp::Off)
}

/// What is held back is the address, whosever it becomes (RFC 2131 section 4.3.3).
fn check_swap(xdp: Xdp) -> Result<()> {
    const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x0b];
    let [taken, free] = [200, 220].map(|last| Ipv4Addr::new(192, 168, 2, last));
    let lab = Lab::new()?;
    let mac = [2, 0, 0, 0, 0, 0x0a];
    let site = Site::new()?.host("02:00:00:00:00:0a", &taken.to_string(), "first");
    let site = site.host("02:00:00:00:00:0b", "192.168.2.210", "second");
    let daemon = site.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let ask = |ask: Ask, verdict: Verdict| -> Result<()> {
        let count = || {
            let count = daemon.counts(&lab.server)?[verdict.as_str()];
            anyhow::Ok(count.userspace.max(count.kernel))
        };
        let before = count()?;
        send_frames(&lab.client, INTERFACE, [ask.frame()].into_iter())?;
        wait_for(verdict.as_str(), DEADLINE, || Ok((count()? > before).then_some(())))
            .with_context(|| daemon.log())
    };
    ask(naming(3, mac, SERVER, taken), Verdict::Ack)?;
    ask(naming(4, mac, SERVER, taken), Verdict::Decline)?;
    wait_for_log(&daemon, "the machine declined its address")?;
    ask(Ask::discover().mac(mac), Verdict::Quarantined)?;

    let path = daemon.setup().path();
    let text = fs::read_to_string(&path)?;
    let text = text.replace(&taken.to_string(), &free.to_string());
    let new = path.with_extension("new");
    fs::write(&new, text.replace("192.168.2.210", &taken.to_string()))?;
    fs::rename(new, path)?;
    wait_for_log(&daemon, "reloaded: ")?;
    ask(naming(3, mac, SERVER, free), Verdict::Ack)?;
    ask(Ask::discover().mac(OTHER_MAC), Verdict::Quarantined)?;
    ask(naming(3, OTHER_MAC, SERVER, taken), Verdict::Quarantined)?;
    let status = daemon.status(&lab.server)?;
    let held = &status["quarantined"];
    ensure!(held[0]["ip"] == taken.to_string() && held[1].is_null(), "{held}");
    ensure!(held[0]["mac"] == "02:00:00:00:00:0a", "{held}");
    daemon.stop()
}

#[test]
fn the_address_is_held_back_whosever_it_becomes_in_generic_mode() -> Result<()> {
    check_swap(Xdp::Generic)
}

#[test]
fn the_address_is_held_back_whosever_it_becomes_without_xdp() -> Result<()> {
    check_swap(Xdp::Off)
}

/// Machines of a rack: enough that not all are named.
const RACK: u8 = 30;

fn of_rack(number: u8) -> ([u8; 6], Ipv4Addr) {
    ([2, 0, 0, 0, 0x77, number], Ipv4Addr::new(192, 168, 2, 200 + number))
}

/// A message of one of them that names the server and its address.
fn message(message_type: u8, number: u8) -> Ask {
    let (mac, address) = of_rack(number);
    naming(message_type, mac, SERVER, address)
}

/// Sends one of each machine's, and waits until so many more have a verdict.
fn send(lab: &Lab, daemon: &Daemon, verdict: Verdict, message: impl Fn(u8) -> Ask) -> Result<()> {
    let count = || {
        let counts = daemon.counts(&lab.server)?;
        let count = counts[verdict.as_str()];
        anyhow::Ok(count.userspace + if verdict == Verdict::Decline { 0 } else { count.kernel })
    };
    let before = count()?;
    let frames: Vec<_> = (0..RACK).map(|number| message(number).frame()).collect();
    let sent = send_frames(&lab.client, INTERFACE, frames.into_iter())?;
    ensure!(sent == u64::from(RACK), "{sent}");
    wait_for(
        verdict.as_str(),
        DEADLINE,
        || Ok((count()? == before + u64::from(RACK)).then_some(())),
    )
    .with_context(|| daemon.log())
}

/// A forger from afar silences nobody, with an ACK a moment ago or without. What many machines say is told.
fn check_rack(xdp: Xdp) -> Result<()> {
    let lab = Lab::new()?;
    let site = (0..RACK).try_fold(Site::new()?, |site, number| {
        let (mac, ip) =
            (format!("02:00:00:00:77:{number:02x}"), format!("192.168.2.{}", 200 + number));
        anyhow::Ok(site.host(&mac, &ip, &format!("rack-{number}")))
    })?;
    let daemon = site.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let declined = || -> Result<serde_json::Value> {
        let status = daemon.status(&lab.server)?;
        let services = status["services"].as_array().context("services")?;
        let told = services.iter().find(|service| service["name"] == "dhcp declines");
        Ok(serde_json::json!([status["quarantined"].as_array().map(Vec::len), told]))
    };
    let decline = |number| message(4, number);
    let forged = |number| {
        let (mac, address) = of_rack(number);
        from_afar(mac, SERVER, address)
    };
    send(&lab, &daemon, Verdict::DeclineFromElsewhere, forged)?;
    send(&lab, &daemon, Verdict::DeclineWithoutAck, decline)?;
    send(&lab, &daemon, Verdict::Ack, |number| message(3, number))?;
    send(&lab, &daemon, Verdict::DeclineFromElsewhere, forged)?;
    send(&lab, &daemon, Verdict::DeclineWithoutAck, |number| Ask {
        source: [192, 168, 2, 9],
        destination: SERVER.octets(),
        ..decline(number).relayed([192, 168, 2, 9])
    })?;
    send(&lab, &daemon, Verdict::Offer, |number| message(1, number))?;
    ensure!(declined()? == serde_json::json!([0, null]), "{}", declined()?);
    for why in ["it did not come as machines send it", "the machine was not given this address"] {
        let lines = daemon.log().matches(why).count();
        ensure!(lines == 10, "{lines} lines of log: {why}");
    }

    // At once behind their ACK, which the kernel tells of later.
    send(&lab, &daemon, Verdict::Ack, |number| message(3, number))?;
    send(&lab, &daemon, Verdict::Decline, decline)?;
    let told = wait_for("the declines in the status", DEADLINE, || {
        let declined = declined()?;
        Ok((!declined[1].is_null()).then_some(declined))
    })?;
    ensure!(told[0] == RACK && told[1]["state"] == "degraded", "{told}");
    wait_for("all of them in the note", DEADLINE, || {
        let note = declined()?[1]["note"].to_string();
        let is_whole = note.contains("30 machines declined") && note.contains("and 10 more");
        Ok(is_whole.then_some(()))
    })?;
    daemon.quiet().stop()
}

#[test]
fn a_rack_of_forged_declines_in_generic_mode() -> Result<()> {
    check_rack(Xdp::Generic)
}

#[test]
fn a_rack_of_forged_declines_without_xdp() -> Result<()> {
    check_rack(Xdp::Off)
}
