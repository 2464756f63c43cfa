//! From power-on to the booted system's first line in the log.

use std::{fs, time::Instant};

use anyhow::{Result, ensure};
use netboot_tests::{
    daemon::{Count, Daemon, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER, TAP},
    machine::{Firmware, Machine, hook, installer, ipxe},
};

use crate::site::Site;

/// Boots a machine from iPXE and HookOS' place holder.
fn boots(site: Site, firmware: Firmware<'_>) -> Result<(Lab, Daemon)> {
    hook::install(site.root())?;
    for name in ["ipxe.efi", "undionly.kpxe"] {
        fs::copy(ipxe(name)?, site.root().join(name))?;
    }
    boots_from(site, firmware)
}

/// Boots a machine to its first syslog line, every DHCP answer coming from the kernel.
fn boots_from(site: Site, firmware: Firmware<'_>) -> Result<(Lab, Daemon)> {
    let lab = Lab::with_tap()?;
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let (name, start) = (firmware.name(), Instant::now());
    let mut machine = Machine::power_on(&lab.client, TAP, CLIENT_MAC, firmware)?;
    machine.wait_for("the script's request", || {
        Ok(daemon.log().contains("path=\"/auto.ipxe\"").then_some(()))
    })?;
    let script = start.elapsed().as_secs_f32();
    let row = machine.wait_for("the first syslog line", || {
        daemon.machine_at(&lab.server, CLIENT_MAC, "syslog")
    })?;
    let syslog = start.elapsed().as_secs_f32();
    println!("{name}: {script:.1} s to the script, {syslog:.1} s to the first syslog line");
    let line = row["last"]["line"].as_str().unwrap_or_default();
    ensure!(line.contains("up with 192.168.2.144/24"), "{row}");
    let Count { kernel, userspace } = daemon.answers(&lab.server)?;
    ensure!(userspace == 0, "kernel {kernel}, userspace {userspace}");
    // Firmware or iPXE, then Linux.
    ensure!(kernel >= 4, "kernel {kernel}");
    Ok((lab, daemon))
}

#[test]
fn a_bios_machine_boots() -> Result<()> {
    let site = Site::new()?.with_distribution_ipxe();
    let (_lab, daemon) = boots(site, Firmware::Bios)?;
    daemon.stop()
}

#[test]
fn a_uefi_machine_boots() -> Result<()> {
    let site = Site::new()?.with_distribution_ipxe();
    let (lab, daemon) = boots(site, Firmware::Uefi)?;
    // Firmware, iPXE, Linux.
    let answers = daemon.answers(&lab.server)?;
    ensure!(answers.kernel >= 6, "{answers:?}");
    daemon.stop()
}

#[test]
fn a_uefi_machine_boots_over_http() -> Result<()> {
    let site = Site::new()?.with_distribution_ipxe();
    let (_lab, daemon) = boots(site, Firmware::UefiHttp)?;
    daemon.stop()
}

/// iPXE is told by its user class what to load: a foreign one the binary, the site's own the script.
#[test]
fn an_ipxe_of_the_site_gets_the_script() -> Result<()> {
    let script = format!(
        "dhcp || goto failed\n\
         iseq ${{filename}} tftp://{SERVER}/undionly.kpxe || goto failed\n\
         imgfetch --name binary ${{filename}} || goto failed\n\
         imgfree binary\n\
         set user-class Tinkerbell\n\
         dhcp || goto failed\n\
         iseq ${{filename}} http://{SERVER}/auto.ipxe || goto failed\n\
         chain ${{filename}} || goto failed\n\
         :failed\n\
         echo got ${{filename}} from ${{next-server}}\n\
         reboot"
    );
    let (_lab, daemon) = boots(Site::new()?, Firmware::IpxeScript(&script))?;
    daemon.stop()
}

/// An arm64 machine. Debian 12 has no iPXE for it: its firmware loads shim, shim GRUB, and GRUB the
/// machine's script, which is GRUB's here (`#!ipxe` is a comment to it), over HTTP; the script loads
/// the system over HTTP. What is shown is everything up to the script, but iPXE's second DHCP.
fn arm64_boots(firmware: Firmware<'_>) -> Result<(Lab, Daemon)> {
    let script = format!(
        "#!ipxe\n\
         echo netboot: the script\n\
         linux (http,{SERVER})/vmlinuz-arm64 console=ttyAMA0 quiet syslog_host={SERVER}\n\
         initrd (http,{SERVER})/initramfs-arm64\n\
         boot\n"
    );
    let site = Site::empty()?
        .host_with_script(CLIENT_MAC, &CLIENT.to_string(), &script)
        .boot_file("arm64-uefi", installer::BOOT_FILE);
    installer::install_grub(site.root(), &format!("configfile (http,{SERVER})/auto.ipxe\n"))?;
    hook::install_arm64(site.root())?;
    boots_from(site, firmware)
}

#[test]
fn an_arm64_uefi_machine_boots() -> Result<()> {
    let (_lab, daemon) = arm64_boots(Firmware::Arm64Uefi)?;
    daemon.stop()
}

#[test]
fn an_arm64_uefi_machine_boots_over_http() -> Result<()> {
    let (_lab, daemon) = arm64_boots(Firmware::Arm64UefiHttp)?;
    daemon.stop()
}
