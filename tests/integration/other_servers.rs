//! Another DHCP server on the wire: dnsmasq.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_ebpf::frame::seal;
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Daemon, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab},
    namespace::{Namespace, connect},
    packets::send_frames,
    process::Process,
    wait::wait_for,
};
use serde_json::{Value, json};

use crate::{peers::dnsmasq_on, site::Site};

const DEADLINE: Duration = Duration::from_secs(20);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 66);
const OTHER_MAC: &str = "02:00:00:00:00:66";
/// The client's side of the wire.
const BRIDGE: &str = "br0";
const ALARM: &str = "another DHCP server answers machines here";

/// A third node on the wire.
struct Rival {
    _dnsmasq: Process,
    _node: Namespace,
}

/// How the other server answers.
#[derive(Clone, Copy)]
enum Answers {
    /// To the machine alone: a switch shows them to nobody else.
    Unicast,
    ToAll,
}

impl Rival {
    fn start(lab: &Lab, answers: Answers) -> Result<Self> {
        const PORT: &str = "rival0";
        let node = Namespace::new()?;
        connect((&node, INTERFACE), (&lab.client, PORT))?;
        lab.client.ip(&["link", "set", PORT, "master", BRIDGE, "up"])?;
        node.set_mac(INTERFACE, OTHER_MAC)?;
        node.add_address(INTERFACE, &format!("{OTHER}/24"))?;
        let more: &[&str] = match answers {
            Answers::Unicast => &[],
            Answers::ToAll => &["--dhcp-broadcast"],
        };
        Ok(Self { _dnsmasq: dnsmasq_on(&node, more)?, _node: node })
    }
}

/// The client is a bridge, with the server and the other one as ports.
fn lab() -> Result<Lab> {
    let lab = Lab::with_tap()?;
    lab.client.set_mac(BRIDGE, CLIENT_MAC)?;
    Ok(lab)
}

fn is_leased_by_the_other(lab: &Lab) -> Result<()> {
    let lease = udhcpc(&lab.client, BRIDGE, Identity::default())?;
    ensure!(lease.server == OTHER.to_string(), "{lease:?}");
    Ok(())
}

fn alarms(daemon: &Daemon) -> usize {
    daemon.log().matches(ALARM).count()
}

/// The only other server, once so many messages showed it.
fn wait_for_messages(daemon: &Daemon, lab: &Lab, messages: u64) -> Result<Value> {
    wait_for("the other server", DEADLINE, || {
        let mut status = daemon.status(&lab.server)?;
        let others = status["other_servers"].as_array_mut().context("no list")?;
        ensure!(others.len() < 2, "{others:?}");
        let found = others.pop();
        Ok(found.filter(|other| other["messages"].as_u64() >= Some(messages)))
    })
    .with_context(|| daemon.log())
}

/// Two leases of the other server: what was seen of it, and how often the log said so.
fn check(xdp: Xdp, answers: Answers, dhcp: &str, standing: &str, told: usize) -> Result<()> {
    let lab = lab()?;
    let site = Site::empty()?.dhcp(dhcp);
    let daemon = site.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let _rival = Rival::start(&lab, answers)?;
    is_leased_by_the_other(&lab)?;
    is_leased_by_the_other(&lab)?;
    let (messages, mac) = match answers {
        // Two REQUESTs; two OFFERs and two ACKs. A slow exchange has more.
        Answers::Unicast => (2, Value::Null),
        Answers::ToAll => (6, json!(OTHER_MAC)),
    };
    let other = wait_for_messages(&daemon, &lab, messages)?;
    let expect = json!({
        "address": OTHER.to_string(),
        "mac": mac,
        "interface": INTERFACE,
        "relay": null,
        "standing": standing,
        "kind": "dhcp",
        "first_seen": other["first_seen"],
        "last_seen": other["last_seen"],
        "messages": other["messages"],
        "machine": CLIENT_MAC,
        "offered": CLIENT.to_string(),
    });
    ensure!(other == expect, "{other}");
    ensure!(other["last_seen"].as_u64() >= other["first_seen"].as_u64(), "{other}");
    ensure!(alarms(&daemon) == told, "{} alarms:\n{}", alarms(&daemon), daemon.log());
    let counts = daemon.counts(&lab.server)?;
    let count = |verdict: &str| counts.get(verdict).map_or(0, |count| count.userspace);
    // Its answers are no requests.
    ensure!(count("other-server") >= 2 && count("not-dhcp") == 0, "{counts:?}");
    daemon.stop()
}

#[test]
fn what_machines_say_in_generic_mode() -> Result<()> {
    check(Xdp::Generic, Answers::Unicast, "", "unexpected", 1)
}

#[test]
fn what_machines_say_without_xdp() -> Result<()> {
    check(Xdp::Off, Answers::Unicast, "", "unexpected", 1)
}

#[test]
fn its_answers_in_generic_mode() -> Result<()> {
    check(Xdp::Generic, Answers::ToAll, "", "unexpected", 1)
}

#[test]
fn its_answers_without_xdp() -> Result<()> {
    check(Xdp::Off, Answers::ToAll, "", "unexpected", 1)
}

#[test]
fn a_known_one_in_generic_mode() -> Result<()> {
    let known = format!("known-servers = [\"{OTHER}\"]");
    check(Xdp::Generic, Answers::ToAll, &known, "known", 0)
}

#[test]
fn a_known_one_without_xdp() -> Result<()> {
    let known = format!("known-servers = [\"{OTHER}\"]");
    check(Xdp::Off, Answers::ToAll, &known, "known", 0)
}

#[test]
fn in_a_proxy_mode() -> Result<()> {
    check(Xdp::Off, Answers::ToAll, "mode = \"proxy\"", "expected", 0)
}

/// An OFFER of a server whose address ends so.
fn forged(number: usize) -> Vec<u8> {
    const MESSAGE_LEN: u16 = 300;
    let [.., a, b] = number.to_be_bytes();
    let word = u16::to_be_bytes;
    let ethernet = [&[0xff; 6][..], &[2, 0, 0, 0, a, b], &[8, 0]].concat();
    let ip = [&[0x45, 0][..], &word(MESSAGE_LEN + 28), &[0, 0, 0x40, 0, 64, 17, 0, 0]].concat();
    let udp = [word(67), word(68), word(MESSAGE_LEN + 8), [0, 0]].concat();
    let mut message = vec![0; MESSAGE_LEN.into()];
    message[..3].copy_from_slice(&[2, 1, 6]);
    message[16..20].copy_from_slice(&[10, 9, a, b]);
    message[28..34].copy_from_slice(&[2, 1, 1, 1, a, b]);
    message[236..252].copy_from_slice(&[99, 130, 83, 99, 53, 1, 2, 54, 4, 10, 8, a, b, 255, 0, 0]);
    let mut frame = [ethernet, ip, vec![10, 8, a, b, 255, 255, 255, 255], udp, message].concat();
    seal(&mut frame);
    frame
}

/// A flood of forged answers fills neither memory nor log, and costs no machine its lease.
fn flood(xdp: Xdp) -> Result<()> {
    const BURST: usize = 1000;
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let mut sent = 0;
    // What a full queue dropped nobody saw: more is sent, until more was seen than is read.
    let counters = wait_for("a flood", DEADLINE, || {
        send_frames(&lab.client, INTERFACE, (sent..sent + BURST).map(forged))?;
        sent += BURST;
        let counters = daemon.status(&lab.server)?["counters"].clone();
        Ok((counters["replies-skipped"].as_u64() > Some(0)).then_some(counters))
    })?;
    ensure!(counters["other-servers-forgotten"].as_u64() > Some(1000), "{counters}");
    let lease = udhcpc(&lab.client, INTERFACE, Identity::default())?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    let status = daemon.status(&lab.server)?;
    let others = status["other_servers"].as_array().context("no list")?;
    ensure!(others.len() == 64, "{} servers", others.len());
    // The flood may take two minutes' share.
    ensure!((1..=60).contains(&alarms(&daemon)), "{} alarms", alarms(&daemon));
    let counts = daemon.counts(&lab.server)?;
    ensure!(counts["not-dhcp"].userspace == 0, "{counts:?}");
    daemon.stop()
}

#[test]
fn a_flood_of_answers_in_generic_mode() -> Result<()> {
    flood(Xdp::Generic)
}

#[test]
fn a_flood_of_answers_without_xdp() -> Result<()> {
    flood(Xdp::Off)
}
