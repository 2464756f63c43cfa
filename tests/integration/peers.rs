//! The harness itself, on a server that is known to work: what these tests see of dnsmasq.

use std::{fs, time::Duration};

use anyhow::{Result, bail, ensure};
use netboot_tests::{
    clients::{self, Exchanged, Identity, Lease},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER},
    namespace::Namespace,
    process::Process,
    transfer,
    wait::wait_for,
    xdp_pass::XdpPass,
};

use crate::site::SCRIPT_URL;

/// dnsmasq as the DHCP server of the lab's client and of perfdhcp's first three machines.
pub(crate) fn dnsmasq(lab: &Lab, more: &[&str]) -> Result<Process> {
    dnsmasq_on(&lab.server, more)
}

/// The same on another node.
pub(crate) fn dnsmasq_on(node: &Namespace, more: &[&str]) -> Result<Process> {
    let host = format!("--dhcp-host={CLIENT_MAC},{CLIENT},machine1");
    let script = format!("--dhcp-boot=tag:script,{SCRIPT_URL},,{SERVER}");
    let binary = format!("--dhcp-boot=tag:!script,ipxe.efi,,{SERVER}");
    let options = [
        "--no-daemon",
        "--conf-file=/dev/null",
        "--user=root",
        "--port=0",
        "--log-dhcp",
        "--dhcp-authoritative",
        "--no-ping",
        "--leasefile-ro",
        "--dhcp-no-override",
        "--dhcp-range=192.168.2.0,static",
        "--dhcp-userclass=set:script,Tinkerbell",
        "--dhcp-userclass=set:script,iPXE",
        &host,
        &script,
        &binary,
        "--dhcp-host=00:0c:01:02:03:04,192.168.2.150",
        "--dhcp-host=00:0c:01:02:03:05,192.168.2.151",
        "--dhcp-host=00:0c:01:02:03:06,192.168.2.152",
    ];
    let mut server = node.spawn("dnsmasq", &[&options, more].concat())?;
    wait_for("dnsmasq", Duration::from_secs(10), || {
        if let Some(status) = server.ended()? {
            bail!("dnsmasq ended with {status}");
        }
        Ok(server.stderr().contains("static leases only").then_some(()))
    })?;
    Ok(server)
}

fn identity() -> Identity<'static> {
    Identity {
        user_class: Some("Tinkerbell"),
        vendor_class: Some("PXEClient:Arch:00007:UNDI:003016"),
        architecture: None,
    }
}

fn check(lease: &Lease) -> Result<()> {
    let Lease { address, boot_file, server, hostname, .. } = lease;
    let seen = [address, boot_file, server, hostname];
    ensure!(
        seen == [&CLIENT.to_string(), SCRIPT_URL, &SERVER.to_string(), "machine1"],
        "{lease:?}"
    );
    Ok(())
}

#[test]
fn the_clients_show_what_they_were_given() -> Result<()> {
    let before = fs::read("/etc/resolv.conf")?;
    let lab = Lab::new()?;
    let server = dnsmasq(&lab, &[])?;
    check(&clients::udhcpc(&lab.client, INTERFACE, identity())?)?;
    let dhclient = clients::dhclient(&lab.client, INTERFACE, identity())?;
    check(&dhclient.lease)?;
    check(&dhclient.reboot(&lab.client, INTERFACE)?)?;
    lab.client.add_address(INTERFACE, &format!("{CLIENT}/24"))?;
    dhclient.release(&lab.client, INTERFACE)?;
    ensure!(server.stderr().contains("DHCPRELEASE"), "dnsmasq saw no RELEASE");
    check(&clients::dhcpcd(&lab.client, INTERFACE, identity())?)?;
    ensure!(fs::read("/etc/resolv.conf")? == before, "a client changed /etc/resolv.conf");
    Ok(())
}

#[test]
fn files_arrive_as_they_are() -> Result<()> {
    let lab = Lab::with_client_address()?;
    let root = tempfile::tempdir()?;
    let file: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    fs::write(root.path().join("file"), &file)?;
    let tftp_root = format!("--tftp-root={}", root.path().display());
    let _server = dnsmasq(&lab, &["--enable-tftp", &tftp_root])?;
    ensure!(transfer::tftp(&lab.client, SERVER, "file")? == file, "tftp-hpa");
    let options = ["blksize 1468", "windowsize 8"];
    ensure!(transfer::atftp(&lab.client, SERVER, "file", &options)? == file, "atftp");
    ensure!(transfer::tftp(&lab.client, SERVER, "none").is_err(), "tftp-hpa: a file from nowhere");
    ensure!(
        transfer::atftp(&lab.client, SERVER, "none", &options).is_err(),
        "atftp: a file from nowhere"
    );
    Ok(())
}

#[test]
fn xdp_pass_is_attached() -> Result<()> {
    let lab = Lab::new()?;
    let pass = XdpPass::attach(&lab.client, INTERFACE)?;
    let link = lab.client.ip(&["-details", "link", "show", INTERFACE])?;
    ensure!(link.contains("prog/xdp") && link.contains(" xdp "), "{link}");
    drop(pass);
    let link = lab.client.ip(&["-details", "link", "show", INTERFACE])?;
    ensure!(!link.contains("prog/xdp"), "{link}");
    Ok(())
}

#[test]
fn perfdhcp_counts_what_it_got() -> Result<()> {
    let lab = Lab::new()?;
    let _server = dnsmasq(&lab, &[])?;
    lab.client.add_address(INTERFACE, "192.168.2.3/24")?;
    let seen = clients::perfdhcp(&lab.client, INTERFACE, SERVER, 3, 20)?;
    let Exchanged { discovers, offers, requests, acks } = seen;
    ensure!(offers == discovers && acks == requests && acks >= 20, "{seen:?}");
    Ok(())
}
