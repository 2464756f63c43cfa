//! The harness itself, on a server that is known to work: what these tests see of dnsmasq.

use std::{fs, path::Path, time::Duration};

use anyhow::{Result, ensure};
use netboot_tests::{
    clients::{self, Identity, Lease},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER, TAP},
    machine::{Firmware, Machine, hook, ipxe},
    process::Process,
    transfer,
    wait::wait_for,
};

const SCRIPT_URL: &str = "http://192.168.2.112/auto.ipxe";

pub(crate) fn dnsmasq(lab: &Lab, root: &Path) -> Result<Process> {
    let root = format!("--tftp-root={}", root.display());
    let host = format!("--dhcp-host={CLIENT_MAC},{CLIENT},machine1");
    let script = format!("--dhcp-boot=tag:script,{SCRIPT_URL},,{SERVER}");
    let binary = format!("--dhcp-boot=tag:!script,ipxe.efi,,{SERVER}");
    let mut server = lab.server.spawn(
        "dnsmasq",
        &[
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
            "--enable-tftp",
            &root,
            &host,
            &script,
            &binary,
        ],
    )?;
    wait_for("dnsmasq", Duration::from_secs(10), || {
        if let Some(status) = server.ended()? {
            anyhow::bail!("dnsmasq ended with {status}");
        }
        Ok(server.stderr().contains("TFTP root").then_some(()))
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
    let root = tempfile::tempdir()?;
    let server = dnsmasq(&lab, root.path())?;
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
    let _server = dnsmasq(&lab, root.path())?;
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

fn boots(firmware: Firmware<'_>) -> Result<()> {
    let lab = Lab::with_tap()?;
    let root = tempfile::tempdir()?;
    hook::install(root.path())?;
    fs::copy(ipxe("ipxe.efi")?, root.path().join("ipxe.efi"))?;
    fs::write(
        root.path().join("auto.ipxe"),
        format!(
            "#!ipxe\nkernel vmlinuz-x86_64 initrd=initramfs-x86_64 console=ttyS0 syslog_host={SERVER}\n\
             initrd initramfs-x86_64\nboot\n"
        ),
    )?;
    let _dhcp = dnsmasq(&lab, root.path())?;
    let mut http = lab.server.command("python3");
    http.args(["-m", "http.server", "80"]).current_dir(root.path());
    let _http = Process::spawn(http)?;
    let syslog =
        lab.server.spawn("tcpdump", &["-n", "-l", "-A", "-i", INTERFACE, "udp port 514"])?;
    let mut machine = Machine::power_on(&lab.client, TAP, CLIENT_MAC, firmware)?;
    let start = std::time::Instant::now();
    machine.wait_for("the first syslog line", || {
        Ok(syslog.stdout().contains("up with 192.168.2.144/24").then_some(()))
    })?;
    eprintln!("{firmware:?}: {:?}", start.elapsed());
    Ok(())
}

#[test]
fn a_bios_machine_boots() -> Result<()> {
    boots(Firmware::Bios)
}

#[test]
fn a_uefi_machine_boots() -> Result<()> {
    boots(Firmware::Uefi)
}
