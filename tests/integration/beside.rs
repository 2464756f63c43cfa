//! netboot beside the DHCP services that sites have: which machines boot, and one virtual machine through each.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    dhcp_server::Server,
    lab::{CLIENT_MAC, TAP},
    machine::{Firmware, Machine},
    matrix::{CLIENTS, Rack, Service},
};

/// Every client boots; what is not as netboot would have it is what is known of that server.
fn every_client_boots(service: Service) -> Result<()> {
    for (client, cell) in CLIENTS.iter().zip(service.row()?) {
        ensure!(cell.boots, "{}: {}: {:#?}", service.name(), client.name, cell.notes);
        ensure!(cell.notes.is_empty(), "{}: {}: {:#?}", service.name(), client.name, cell.notes);
    }
    Ok(())
}

#[test]
fn every_client_boots_by_netboot() -> Result<()> {
    every_client_boots(Service::Netboot)
}

#[test]
fn every_client_boots_by_an_exported_dnsmasq() -> Result<()> {
    every_client_boots(Service::Exported(Server::Dnsmasq))
}

#[test]
fn every_client_boots_by_an_exported_kea() -> Result<()> {
    every_client_boots(Service::Exported(Server::Kea))
}

#[test]
fn every_client_boots_by_an_exported_dhcpd() -> Result<()> {
    every_client_boots(Service::Exported(Server::Dhcpd))
}

#[test]
fn every_client_boots_by_dnsmasq_and_a_proxy() -> Result<()> {
    every_client_boots(Service::Proxy(Server::Dnsmasq, "proxy"))
}

#[test]
fn every_client_boots_by_kea_and_an_auto_proxy() -> Result<()> {
    every_client_boots(Service::Proxy(Server::Kea, "auto-proxy"))
}

/// A virtual machine boots to its first log line.
fn boots(service: Service, firmware: Firmware<'_>) -> Result<Rack> {
    let rack = service.start()?;
    let Rack { lab, daemon, .. } = &rack;
    let start = Instant::now();
    let mut machine = Machine::power_on(&lab.client, TAP, CLIENT_MAC, firmware)?;
    let booted = machine.wait_for("the script's request", || {
        Ok(daemon.log().contains("auto.ipxe\" status=200").then_some(()))
    });
    booted.with_context(|| format!("{}{}", daemon.log(), rack.said()))?;
    let script = start.elapsed().as_secs_f32();
    let row = machine
        .wait_for("the first syslog line", || daemon.machine_at(&lab.server, CLIENT_MAC, "syslog"));
    let row = row.with_context(|| format!("{}{}", daemon.log(), rack.said()))?;
    let syslog = start.elapsed().as_secs_f32();
    println!(
        "{}, {}: {script:.1} s to the script, {syslog:.1} s to the first syslog line",
        service.name(),
        firmware.name()
    );
    let line = row["last"]["line"].as_str().unwrap_or_default();
    ensure!(line.contains("up with 192.168.2.144/24"), "{row}");
    Ok(rack)
}

#[test]
fn a_bios_machine_boots_by_an_exported_dnsmasq() -> Result<()> {
    boots(Service::Exported(Server::Dnsmasq), Firmware::Bios).map(drop)
}

#[test]
fn a_uefi_machine_boots_by_an_exported_kea() -> Result<()> {
    boots(Service::Exported(Server::Kea), Firmware::Uefi).map(drop)
}

#[test]
fn a_uefi_machine_boots_over_http_by_an_exported_dhcpd() -> Result<()> {
    boots(Service::Exported(Server::Dhcpd), Firmware::UefiHttp).map(drop)
}

#[test]
fn a_bios_machine_boots_by_kea_and_an_auto_proxy() -> Result<()> {
    boots(Service::Proxy(Server::Kea, "auto-proxy"), Firmware::Bios).map(drop)
}

#[test]
fn a_uefi_machine_boots_by_dnsmasq_and_a_proxy() -> Result<()> {
    let rack = boots(Service::Proxy(Server::Dnsmasq, "proxy"), Firmware::Uefi)?;
    // Addresses are the other server's alone: nobody was offered, or refused, one here.
    let counts = rack.daemon.counts(&rack.lab.server)?;
    let none = |verdict: &str| counts.get(verdict).is_none_or(|count| count.userspace == 0);
    ensure!(none("nak") && none("decline") && none("wrong-address"), "{counts:?}");
    Ok(())
}
