//! Machines behind a router, with a real relay: ISC's, which adds option 82 and takes it out again.

use std::{fs, net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use netboot_tests::{
    capture::Capture,
    clients::{Identity, Lease, dhclient, udhcpc},
    daemon::{Count, Daemon, Setup, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE},
    process::Process,
    readers::{self, Reply},
    relay::{DOWN, ROUTER, RelayedLab, SERVER, UP},
    wait::wait_for,
};

use crate::site::uefi_file;

const IDENTITY: Identity<'_> = Identity {
    user_class: Some("Tinkerbell"),
    vendor_class: Some("PXEClient:Arch:00007:UNDI:003016"),
    architecture: Some(7),
};
const MOVED: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 145);
const DEADLINE: Duration = Duration::from_secs(90);

/// A daemon that is on no network of its machines, with this lease for the one machine.
fn serve(lab: &RelayedLab, xdp: Xdp, address: Ipv4Addr, lease: &str) -> Result<Daemon> {
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("ipxe.efi"), uefi_file())?;
    let tables = format!(
        r#"[dhcp]
lease-time = "{lease}"

[[subnet]]
cidr = "192.168.2.0/24"
routers = ["{ROUTER}"]
dns = ["8.8.8.8", "1.1.1.1"]

[boot]
root = "{root}"

[boot.files]
x86_64-uefi = "ipxe.efi"

[[host]]
mac = "{CLIENT_MAC}"
ip = "{address}"
hostname = "machine1"
"#,
        root = root.path().display(),
    );
    Setup::new(xdp, root, &tables)?.start(&lab.server, INTERFACE)
}

fn expected(address: Ipv4Addr, lease: &str) -> Lease {
    Lease {
        address: address.to_string(),
        mask: "255.255.255.0".into(),
        router: ROUTER.to_string(),
        dns: "8.8.8.8 1.1.1.1".into(),
        hostname: "machine1".into(),
        server: SERVER.to_string(),
        lease_time: lease.into(),
        next_server: SERVER.to_string(),
        boot_file: format!("http://{SERVER}/auto.ipxe"),
    }
}

fn check(client: &str, seen: &Lease, expected: &Lease) -> Result<()> {
    ensure!(seen == expected, "{client} got {seen:#?}\nexpected {expected:#?}");
    Ok(())
}

/// All answers, these or more, came from the kernel, or from the daemon without XDP; but NAKs, which
/// the daemon sends.
fn answered_by(xdp: Xdp, lab: &RelayedLab, daemon: &Daemon, least: u64) -> Result<()> {
    let Count { kernel, userspace } = daemon.answers(&lab.server)?;
    let mut counts = daemon.counts(&lab.server)?;
    let naks = counts.get("nak").context("no row for NAKs")?.userspace;
    counts.retain(|_, count| *count != Count::default());
    let fits = match xdp {
        Xdp::Off => kernel == 0 && userspace >= least,
        Xdp::Auto | Xdp::Generic | Xdp::Native => kernel >= least && userspace == naks,
    };
    ensure!(fits, "{least} answers were due in {xdp:?}: {counts:#?}");
    Ok(())
}

/// Clients get their address; option 82 is given back to the relay, and reaches no client.
fn option_82_comes_back(xdp: Xdp) -> Result<()> {
    const RELAY_AGENT: u8 = 82;
    const CIRCUIT_ID: u8 = 1;
    let lab = RelayedLab::new()?;
    let daemon = serve(&lab, xdp, CLIENT, "24h")?;
    let mut from_server = Capture::start(&lab.router, UP)?;
    let mut from_relay = Capture::start(&lab.client, INTERFACE)?;
    let lease = expected(CLIENT, "86400");

    check("udhcpc", &udhcpc(&lab.client, INTERFACE, IDENTITY)?, &lease)?;
    let bound = dhclient(&lab.client, INTERFACE, IDENTITY)?;
    check("dhclient", &bound.lease, &lease)?;
    check("dhclient at INIT-REBOOT", &bound.reboot(&lab.client, INTERFACE)?, &lease)?;
    // OFFER and ACK of two clients, the INIT-REBOOT.
    answered_by(xdp, &lab, &daemon, 5)?;

    let circuit = [&[CIRCUIT_ID, u8::try_from(DOWN.len())?], DOWN.as_bytes()].concat();
    let answers = from_server.answers(5)?;
    for frame in &answers {
        let reply = Reply::read(frame)?;
        ensure!(reply.giaddr() == ROUTER, "giaddr {}", reply.giaddr());
        ensure!(reply.hops() == 0, "hops {}", reply.hops());
        let agent = reply.option(RELAY_AGENT);
        ensure!(agent == Some(&circuit), "option 82 is {agent:02x?}, not {circuit:02x?}");
    }
    readers::check(&answers)?;
    for frame in from_relay.answers(5)? {
        let reply = Reply::read(&frame)?;
        ensure!(reply.option(RELAY_AGENT).is_none(), "option 82 reached the client");
    }
    daemon.stop()
}

#[test]
fn option_82_comes_back_in_generic_mode() -> Result<()> {
    option_82_comes_back(Xdp::Generic)
}

#[test]
fn option_82_comes_back_without_xdp() -> Result<()> {
    option_82_comes_back(Xdp::Off)
}

/// What a staying dhclient writes about a REQUEST that was acknowledged.
fn wait_for_ack(client: &mut Process, to: Ipv4Addr, from: Ipv4Addr) -> Result<()> {
    let request = format!("DHCPREQUEST for {CLIENT} on {INTERFACE} to {to} port 67");
    wait_for(&format!("`{request}` and its DHCPACK"), DEADLINE, || {
        if let Some(status) = client.ended()? {
            bail!("dhclient ended with {status}: {}", client.stderr());
        }
        let log = client.stderr();
        // Behind the one of its start.
        let Some((_, later)) = log.split_once("bound to ") else { return Ok(None) };
        let asked = later.split_once(&request).map(|(_, after)| after);
        Ok(asked
            .is_some_and(|after| after.contains(&format!("DHCPACK of {CLIENT} from {from}")))
            .then_some(()))
    })
    .with_context(|| client.stderr())
}

/// A lease is renewed through the router, and without a way to the server rebound through the relay.
fn leases_are_renewed(xdp: Xdp) -> Result<()> {
    let lab = RelayedLab::new()?;
    let daemon = serve(&lab, xdp, CLIENT, "16s")?;
    let bound = dhclient(&lab.client, INTERFACE, IDENTITY)?;
    check("dhclient", &bound.lease, &expected(CLIENT, "16"))?;
    lab.client.add_address(INTERFACE, &format!("{CLIENT}/24"))?;
    lab.client.ip(&["route", "add", "default", "via", &ROUTER.to_string()])?;
    wait_for_ack(&mut bound.stay(&lab.client, INTERFACE)?, SERVER, SERVER)?;
    lab.client.ip(&["route", "delete", "default"])?;
    // The relay gives its own address as the source of what it sends.
    wait_for_ack(&mut bound.stay(&lab.client, INTERFACE)?, Ipv4Addr::BROADCAST, ROUTER)?;
    // OFFER and ACK, two INIT-REBOOTs, the renewal and the rebinding.
    answered_by(xdp, &lab, &daemon, 6)?;
    daemon.stop()
}

#[test]
fn leases_are_renewed_in_generic_mode() -> Result<()> {
    leases_are_renewed(Xdp::Generic)
}

#[test]
fn leases_are_renewed_without_xdp() -> Result<()> {
    leases_are_renewed(Xdp::Off)
}

/// The reservation changed: a NAK reaches the client through the relay, which then gets its new address.
fn a_nak_reaches_the_client(xdp: Xdp) -> Result<()> {
    let lab = RelayedLab::new()?;
    let before = serve(&lab, xdp, CLIENT, "24h")?;
    let bound = dhclient(&lab.client, INTERFACE, IDENTITY)?;
    check("dhclient", &bound.lease, &expected(CLIENT, "86400"))?;
    before.stop()?;

    let daemon = serve(&lab, xdp, MOVED, "24h")?;
    let mut from_server = Capture::start(&lab.router, UP)?;
    let lease = bound.reboot(&lab.client, INTERFACE)?;
    check("dhclient after a NAK", &lease, &expected(MOVED, "86400"))?;
    let nak = daemon.counts(&lab.server)?["nak"];
    ensure!(nak.userspace >= 1, "{nak:?}");
    answered_by(xdp, &lab, &daemon, 2)?;
    let answers = from_server.answers(3)?;
    let first = Reply::read(answers.first().context("no answer")?)?;
    // A relay broadcasts what has the flag (RFC 2131 section 4.3.2); only these options may be in a NAK.
    ensure!(first.flags() & 0x8000 != 0, "flags {:04x}", first.flags());
    ensure!(first.codes() == [53, 54, 56, 82], "{:?}", first.codes());
    readers::check(&answers)?;
    daemon.stop()
}

#[test]
fn a_nak_reaches_the_client_in_generic_mode() -> Result<()> {
    a_nak_reaches_the_client(Xdp::Generic)
}

#[test]
fn a_nak_reaches_the_client_without_xdp() -> Result<()> {
    a_nak_reaches_the_client(Xdp::Off)
}
