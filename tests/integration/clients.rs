//! Real DHCP clients, answered by the kernel and by the daemon.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    clients::{Exchanged, Identity, Lease, dhclient, dhcpcd, perfdhcp, udhcpc},
    daemon::{Count, Daemon, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    wait::wait_for,
    xdp_pass::XdpPass,
};

use crate::site::{SCRIPT_URL, Site};

const PLAIN: Identity<'_> = Identity { user_class: None, vendor_class: None, architecture: None };
const BIOS: Identity<'_> = Identity {
    vendor_class: Some("PXEClient:Arch:00000:UNDI:002001"),
    architecture: Some(0),
    ..PLAIN
};
const UEFI: Identity<'_> = Identity {
    vendor_class: Some("PXEClient:Arch:00007:UNDI:003016"),
    architecture: Some(7),
    ..PLAIN
};
const UEFI_HTTP: Identity<'_> = Identity {
    vendor_class: Some("HTTPClient:Arch:00016:UNDI:003016"),
    architecture: Some(16),
    ..PLAIN
};
const IPXE: Identity<'_> = Identity { user_class: Some("iPXE"), ..BIOS };
const TINKERBELL: Identity<'_> = Identity { user_class: Some("Tinkerbell"), ..BIOS };
/// For dhcpcd, which cannot be told to send option 93.
const TINKERBELL_ONLY: Identity<'_> = Identity { user_class: Some("Tinkerbell"), ..PLAIN };

/// What the site's machine is to get.
fn expected(boot_file: &str) -> Lease {
    Lease {
        address: CLIENT.to_string(),
        mask: "255.255.255.0".into(),
        router: "192.168.2.1".into(),
        dns: "8.8.8.8 1.1.1.1".into(),
        hostname: "machine1".into(),
        server: SERVER.to_string(),
        lease_time: "86400".into(),
        next_server: SERVER.to_string(),
        boot_file: boot_file.into(),
    }
}

fn check(client: &str, seen: &Lease, expected: &Lease) -> Result<()> {
    ensure!(seen == expected, "{client} got {seen:#?}\nexpected {expected:#?}");
    Ok(())
}

/// A daemon and, for native XDP, what the other end of the wire needs.
struct Served {
    lab: Lab,
    daemon: Daemon,
    _pass: Option<XdpPass>,
}

fn serve(site: Site, xdp: Xdp) -> Result<Served> {
    let lab = Lab::new()?;
    let daemon = site.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let _pass = match xdp {
        Xdp::Native => Some(XdpPass::attach(&lab.client, INTERFACE)?),
        Xdp::Auto | Xdp::Generic | Xdp::Off => None,
    };
    Ok(Served { lab, daemon, _pass })
}

/// All answers, these or more, came from the kernel, or from the daemon without XDP. A client on a busy
/// machine may ask again.
fn answered_by(xdp: Xdp, lab: &Lab, daemon: &Daemon, least: u64) -> Result<()> {
    let Count { kernel, userspace } = daemon.answers(&lab.server)?;
    let mut counts = daemon.counts(&lab.server)?;
    // On a veth not every frame has room for an answer.
    let no_room = counts.get("no-room").map_or(0, |count| count.kernel);
    let fits = match xdp {
        Xdp::Auto | Xdp::Generic => kernel >= least && userspace == 0,
        Xdp::Native => kernel >= least / 2 && kernel + no_room >= least && userspace == no_room,
        Xdp::Off => kernel == 0 && userspace >= least,
    };
    counts.retain(|_, count| *count != Count::default());
    ensure!(fits, "{least} answers were due in {xdp:?}: {counts:#?}");
    Ok(())
}

/// Each message counts once for its machine, whoever judged it.
fn told_of_once(xdp: Xdp, lab: &Lab, daemon: &Daemon) -> Result<()> {
    wait_for("each message to be told of once", Duration::from_secs(10), || {
        let mut counts = daemon.counts(&lab.server)?;
        counts.remove("not-dhcp");
        let first = |count: &Count| if xdp == Xdp::Off { count.userspace } else { count.kernel };
        let messages: u64 = counts.values().map(first).sum();
        let status = daemon.status(&lab.server)?;
        let machines = status["machines"].as_array().with_context(|| status.to_string())?;
        let requests: u64 = machines.iter().map(|row| row["requests"].as_u64().unwrap_or(0)).sum();
        Ok((messages == requests).then_some(()))
    })
}

/// Every client gets what it should; the answers come from where they should.
fn every_client(xdp: Xdp) -> Result<()> {
    let Served { lab, daemon, _pass } = serve(Site::new()?, xdp)?;
    let client = &lab.client;

    for (identity, boot_file) in [
        (BIOS, "undionly.kpxe"),
        (UEFI, "ipxe.efi"),
        (UEFI_HTTP, "http://192.168.2.112/ipxe/ipxe.efi"),
        (IPXE, "tftp://192.168.2.112/undionly.kpxe"),
        (TINKERBELL, SCRIPT_URL),
    ] {
        let lease = udhcpc(client, INTERFACE, identity)?;
        check(&format!("udhcpc as {identity:?}"), &lease, &expected(boot_file))?;
    }

    let bound = dhclient(client, INTERFACE, TINKERBELL)?;
    check("dhclient", &bound.lease, &expected(SCRIPT_URL))?;
    check("dhclient at INIT-REBOOT", &bound.reboot(client, INTERFACE)?, &expected(SCRIPT_URL))?;
    let bound = dhclient(client, INTERFACE, UEFI)?;
    check("dhclient", &bound.lease, &expected("ipxe.efi"))?;

    let lease = dhcpcd(client, INTERFACE, TINKERBELL_ONLY)?;
    check("dhcpcd", &Lease { next_server: SERVER.to_string(), ..lease }, &expected(SCRIPT_URL))?;

    // Five of udhcpc, two of dhclient, one of dhcpcd, each OFFER and ACK; the INIT-REBOOT.
    answered_by(xdp, &lab, &daemon, 17)?;
    told_of_once(xdp, &lab, &daemon)?;
    daemon.stop()
}

#[test]
fn every_client_in_generic_mode() -> Result<()> {
    every_client(Xdp::Generic)
}

#[test]
fn every_client_in_native_mode() -> Result<()> {
    every_client(Xdp::Native)
}

#[test]
fn every_client_without_xdp() -> Result<()> {
    every_client(Xdp::Off)
}

/// The machine's reservation has changed since it got its lease: a NAK, then the new address.
fn changed_reservation(xdp: Xdp) -> Result<()> {
    let before = serve(Site::new()?, xdp)?;
    let bound = dhclient(&before.lab.client, INTERFACE, TINKERBELL)?;
    check("dhclient", &bound.lease, &expected(SCRIPT_URL))?;

    let after = serve(Site::empty()?.host(CLIENT_MAC, "192.168.2.145", "machine1"), xdp)?;
    let lease = bound.reboot(&after.lab.client, INTERFACE)?;
    let moved = Lease { address: "192.168.2.145".into(), ..expected(SCRIPT_URL) };
    check("dhclient after a NAK", &lease, &moved)?;
    let nak = after.daemon.counts(&after.lab.server)?["nak"];
    ensure!(nak.kernel + nak.userspace >= 1, "no NAK was counted");
    Ok(())
}

#[test]
fn a_changed_reservation_in_generic_mode() -> Result<()> {
    changed_reservation(Xdp::Generic)
}

#[test]
fn a_changed_reservation_without_xdp() -> Result<()> {
    changed_reservation(Xdp::Off)
}

/// A RELEASE is noted; the reservation stays.
#[test]
fn a_released_address_is_given_again() -> Result<()> {
    let Served { lab, daemon, _pass } = serve(Site::new()?, Xdp::Generic)?;
    let bound = dhclient(&lab.client, INTERFACE, TINKERBELL)?;
    lab.client.add_address(INTERFACE, &format!("{CLIENT}/24"))?;
    bound.release(&lab.client, INTERFACE)?;
    wait_for("the RELEASE", Duration::from_secs(10), || {
        let count = daemon.counts(&lab.server)?["release"];
        Ok((count.kernel + count.userspace > 0).then_some(()))
    })?;
    let again = dhclient(&lab.client, INTERFACE, TINKERBELL)?;
    check("dhclient after a RELEASE", &again.lease, &expected(SCRIPT_URL))
}

/// A machine without reservation gets nothing, and is shown.
fn unknown_machine(xdp: Xdp) -> Result<()> {
    let Served { lab, daemon, _pass } = serve(Site::empty()?, xdp)?;
    ensure!(udhcpc(&lab.client, INTERFACE, UEFI).is_err(), "it got a lease");
    ensure!(daemon.answers(&lab.server)? == Count::default(), "it was answered");
    let count = daemon.counts(&lab.server)?["unknown-machine"];
    ensure!(count.kernel + count.userspace >= 1, "it was not counted");
    let status = daemon.status(&lab.server)?;
    let row = status["unknown"]
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["mac"] == CLIENT_MAC))
        .with_context(|| format!("it is not shown: {status:#}"))?;
    ensure!(row["architecture"] == 7, "{row}");
    Ok(())
}

#[test]
fn an_unknown_machine_in_generic_mode() -> Result<()> {
    unknown_machine(Xdp::Generic)
}

#[test]
fn an_unknown_machine_without_xdp() -> Result<()> {
    unknown_machine(Xdp::Off)
}

/// Many machines behind a relay.
fn relayed(xdp: Xdp) -> Result<()> {
    const MACHINES: u32 = 10;
    const REQUESTS: u64 = 200;
    let mut site = Site::new()?;
    for at in 0..MACHINES {
        let mac = format!("00:0c:01:02:03:{:02x}", 4 + at);
        site = site.host(&mac, &format!("192.168.2.{}", 150 + at), &format!("relayed{at}"));
    }
    let Served { lab, daemon, _pass } = serve(site, xdp)?;
    lab.client.add_address(INTERFACE, &format!("{}/24", Ipv4Addr::new(192, 168, 2, 3)))?;
    let seen = perfdhcp(&lab.client, INTERFACE, SERVER, MACHINES, u32::try_from(REQUESTS)?)?;
    // It may send some more than it is told to.
    let Exchanged { discovers, offers, requests, acks } = seen;
    ensure!(offers == discovers && acks == requests && acks >= REQUESTS, "{seen:?}");
    answered_by(xdp, &lab, &daemon, 2 * REQUESTS)?;
    Ok(())
}

#[test]
fn machines_behind_a_relay_in_generic_mode() -> Result<()> {
    relayed(Xdp::Generic)
}

#[test]
fn machines_behind_a_relay_in_native_mode() -> Result<()> {
    relayed(Xdp::Native)
}

#[test]
fn machines_behind_a_relay_without_xdp() -> Result<()> {
    relayed(Xdp::Off)
}
