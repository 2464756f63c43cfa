//! Machines that ask for an IPv6 router: who is told that there is none, and who is left alone.

use std::{iter, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_answer::router_solicitations::message::{self, RouterMessageKind, link_local_of};
use netboot_base::mac;
use netboot_ebpf::shared::Mac;
use netboot_tests::{
    capture::Capture,
    clients::{Identity, dhclient},
    daemon::{Daemon, Xdp},
    lab::{CLIENT_MAC, INTERFACE},
    namespace::Namespace,
    packets::send_frames,
    router::{Host, Link, Radvd, System, enable_ipv6, set},
    wait::wait_for,
};

use crate::site::Site;

const DEADLINE: Duration = Duration::from_secs(30);
const NODE: Mac = Mac { octets: [2, 0, 0, 0, 0, 0x77] };

fn machine() -> Result<Mac> {
    Ok(mac::parse(CLIENT_MAC)?)
}

/// What iPXE sends.
fn solicitation() -> Result<Vec<u8>> {
    let machine = machine()?;
    Ok(message::question(machine, Some(link_local_of(machine)), &[]))
}

fn send(namespace: &Namespace, frame: Vec<u8>) -> Result<()> {
    ensure!(send_frames(namespace, INTERFACE, iter::once(frame))? == 1, "not sent");
    Ok(())
}

/// A link whose machine's kernel is silent: the test speaks for the machine.
fn link() -> Result<Link> {
    let link = Link::new()?;
    set(&link.machine, &format!("{INTERFACE}/disable_ipv6"), "1")?;
    Ok(link)
}

/// Takes a lease as iPXE, or as an installed system.
fn lease(link: &Link, user_class: Option<&str>) -> Result<()> {
    let vendor_class = user_class.map(|_| "PXEClient:Arch:00000:UNDI:002001");
    let identity = Identity { user_class, vendor_class, architecture: user_class.map(|_| 0) };
    dhclient(&link.machine, INTERFACE, identity).map(drop)
}

fn counter(daemon: &Daemon, link: &Link, name: &str) -> Result<u64> {
    let status = daemon.status(&link.node)?;
    status["counters"][name].as_u64().with_context(|| format!("no counter {name}: {status}"))
}

fn wait_for_count(daemon: &Daemon, link: &Link, name: &str, least: u64) -> Result<()> {
    wait_for(name, DEADLINE, || Ok((counter(daemon, link, name)? >= least).then_some(())))
        .with_context(|| daemon.log())
}

/// What the status says of the router at the interface.
fn wait_for_router(daemon: &Daemon, link: &Link, words: &str) -> Result<()> {
    wait_for(words, DEADLINE, || {
        let status = daemon.status(&link.node)?;
        let router = status["ipv6_routers"][0]["router"].as_str().unwrap_or_default();
        Ok(router.contains(words).then_some(()))
    })
    .with_context(|| daemon.log())
}

/// The advertisements to the machine alone.
fn answers(capture: &mut Capture) -> Result<Vec<Vec<u8>>> {
    let machine = machine()?.octets;
    let is_answer = |frame: &&Vec<u8>| {
        let message = message::parse(frame);
        frame.starts_with(&machine)
            && message.is_ok_and(|message| {
                matches!(message.kind, RouterMessageKind::Advertisement { .. })
            })
    };
    Ok(capture.frames()?.iter().filter(is_answer).cloned().collect())
}

const ANSWERED: &str = "router-solicitations-answered";

/// From an address of the node that its kernel has, or that it would have.
fn a_booting_machine_is_answered(xdp: Xdp, has_ipv6: bool) -> Result<()> {
    let link = link()?;
    if has_ipv6 {
        enable_ipv6(&link.node)?;
    }
    let daemon = Site::new()?.setup(xdp)?.start(&link.node, INTERFACE)?;
    wait_for_router(&daemon, &link, "none answers")?;
    let mut capture = Capture::start_ipv6(&link.machine, INTERFACE)?;

    // No lease: an installed system, or nobody.
    send(&link.machine, solicitation()?)?;
    wait_for_count(&daemon, &link, "router-solicitations-not-booting", 1)?;
    lease(&link, Some("iPXE"))?;
    // A real system, with an address of another kind, is another sender.
    send(&link.machine, message::question(machine()?, None, &[]))?;
    wait_for_count(&daemon, &link, "router-solicitations-of-other-senders", 1)?;
    ensure!(answers(&mut capture)?.is_empty(), "{}", daemon.log());

    send(&link.machine, solicitation()?)?;
    let [answer] = &wait_for("the answer", DEADLINE, || {
        let answers = answers(&mut capture)?;
        Ok((!answers.is_empty()).then_some(answers))
    })
    .with_context(|| daemon.log())?[..] else {
        anyhow::bail!("more than one answer");
    };
    let read = message::parse(answer).map_err(|why| anyhow::anyhow!("{why:?}"))?;
    ensure!(read.source == link_local_of(read.mac), "{read:?}");
    let expect = RouterMessageKind::Advertisement { lifetime: Duration::ZERO, tells: false };
    ensure!(read.kind == expect, "{read:?}");
    ensure!(counter(&daemon, &link, ANSWERED)? == 1, "{}", daemon.log());

    // It asks as its installed system.
    lease(&link, None)?;
    let before = counter(&daemon, &link, "router-solicitations-not-booting")?;
    send(&link.machine, solicitation()?)?;
    wait_for_count(&daemon, &link, "router-solicitations-not-booting", before + 1)?;
    ensure!(counter(&daemon, &link, ANSWERED)? == 1, "{}", daemon.log());
    daemon.stop()
}

#[test]
fn a_booting_machine_is_answered_from_a_node_without_ipv6() -> Result<()> {
    a_booting_machine_is_answered(Xdp::Generic, false)
}

#[test]
fn a_booting_machine_is_answered_from_a_node_with_ipv6() -> Result<()> {
    a_booting_machine_is_answered(Xdp::Off, true)
}

/// The daemon hears it by itself, and leaves the machines to it; a node that forwards is one.
#[test]
fn a_router_is_left_alone() -> Result<()> {
    let link = link()?;
    let _radvd = Radvd::start(&link.router)?;
    let daemon = Site::new()?.setup(Xdp::Generic)?.start(&link.node, INTERFACE)?;
    wait_for_router(&daemon, &link, "fe80::")?;
    let mut capture = Capture::start_ipv6(&link.machine, INTERFACE)?;
    lease(&link, Some("iPXE"))?;
    send(&link.machine, solicitation()?)?;
    wait_for_count(&daemon, &link, "router-solicitations-left-to-a-router", 1)?;
    set(&link.node, "all/forwarding", "1")?;
    send(&link.machine, solicitation()?)?;
    wait_for_count(&daemon, &link, "router-solicitations-forwarding", 1)?;
    for frame in answers(&mut capture)? {
        let source = frame.get(6..12).unwrap_or_default();
        let router = link.router.ip(&["link", "show", INTERFACE])?;
        let text: Vec<_> = source.iter().map(|octet| format!("{octet:02x}")).collect();
        ensure!(router.contains(&text.join(":")), "{text:?} is not the router's:\n{router}");
    }
    ensure!(counter(&daemon, &link, ANSWERED)? == 0, "{}", daemon.log());
    daemon.stop()
}

#[test]
fn it_can_be_switched_off() -> Result<()> {
    let link = link()?;
    let site = Site::new()?.boot("skip-ipv6-wait = false");
    let daemon = site.setup(Xdp::Generic)?.start(&link.node, INTERFACE)?;
    let mut capture = Capture::start_ipv6(&link.machine, INTERFACE)?;
    lease(&link, Some("iPXE"))?;
    send(&link.machine, solicitation()?)?;
    // What comes later is handled later.
    lease(&link, Some("iPXE"))?;
    ensure!(
        capture.frames()?.iter().all(|frame| message::parse(frame).is_err()),
        "something is sent"
    );
    ensure!(daemon.status(&link.node)?["ipv6_routers"] == serde_json::json!([]));
    daemon.stop()
}

/// Routes, addresses and settings of a system that hears our answer, which none is meant to.
fn stays_as_it_is(system: System, has_router: bool) -> Result<()> {
    let link = Link::new()?;
    let radvd = has_router.then(|| Radvd::start(&link.router)).transpose()?;
    let host = Host::start(&link.machine, system)?;
    host.wait_until_it_asks()?;
    if has_router {
        host.wait_for_router()
            .with_context(|| radvd.as_ref().map(Radvd::log).unwrap_or_default())?;
    }
    let before = host.state()?;
    let machine = machine()?;
    let source = link_local_of(NODE);
    let frame = solicitation()?;
    let asked = message::parse(&frame).map_err(|why| anyhow::anyhow!("{why:?}"))?;
    host.hear(&source.to_string(), || send(&link.node, message::no_router(NODE, source, &asked)))?;
    let after = host.state()?;
    ensure!(before == after, "{system:?} of {}:\n{before}\nthen\n{after}", machine);
    println!("{system:?}, router: {has_router}: unchanged:\n{after}");
    Ok(())
}

#[test]
fn a_kernel_stays_as_it_is() -> Result<()> {
    stays_as_it_is(System::Kernel, false)?;
    stays_as_it_is(System::Kernel, true)
}

#[test]
fn dhcpcd_stays_as_it_is() -> Result<()> {
    stays_as_it_is(System::Dhcpcd, false)?;
    stays_as_it_is(System::Dhcpcd, true)
}

#[test]
fn networkd_stays_as_it_is() -> Result<()> {
    stays_as_it_is(System::Networkd, false)?;
    stays_as_it_is(System::Networkd, true)
}
