//! From power-on to the booted system's first line in the log.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use netboot_answer::router_solicitations::message::{self, RouterMessage, RouterMessageKind};
use netboot_base::mac;
use netboot_tests::{
    capture::Capture,
    daemon::{Count, Daemon, Xdp},
    lab::{CLIENT_MAC, INTERFACE, Lab, SERVER, TAP},
    machine::{Firmware, Machine, hook, install_ipxe, installer, way::WAYS},
    wait::wait_for,
};

use crate::site::Site;

const DEADLINE: Duration = Duration::from_secs(30);

/// Boots a machine from iPXE and HookOS' place holder.
fn boots(site: Site, firmware: Firmware<'_>) -> Result<(Lab, Daemon)> {
    hook::install(site.root())?;
    install_ipxe(site.root())?;
    boots_to_syslog(site, firmware)
}

/// How often the machine has asked for an IPv6 router.
fn solicitations(capture: &mut Capture) -> Result<u64> {
    let machine = mac::parse(CLIENT_MAC)?;
    let messages = capture.frames()?.iter().filter_map(|frame| message::parse(frame).ok());
    let is_of_machine = |message: &RouterMessage<'_>| {
        message.mac == machine && matches!(message.kind, RouterMessageKind::Solicitation { .. })
    };
    Ok(messages.filter(is_of_machine).count() as u64)
}

/// Boots a machine to its first syslog line, every DHCP answer coming from the kernel.
fn boots_to_syslog(site: Site, firmware: Firmware<'_>) -> Result<(Lab, Daemon)> {
    let lab = Lab::with_tap()?;
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    // It asks for a router first.
    wait_for("silence of routers", DEADLINE, || {
        let status = daemon.status(&lab.server)?;
        Ok((status["ipv6_routers"][0]["router"] == "none answers").then_some(()))
    })?;
    let mut capture = Capture::start_ipv6(&lab.server, INTERFACE)?;
    let (name, start) = (firmware.name(), Instant::now());
    let mut machine = Machine::power_on(&lab.client, TAP, CLIENT_MAC, firmware)?;
    machine.wait_for("the script's request", || {
        Ok(daemon.log().contains("path=\"/auto.ipxe\"").then_some(()))
    })?;
    let script = start.elapsed().as_secs_f32();
    // Each iPXE asked for an IPv6 router once, and did not wait to ask again.
    let asked = solicitations(&mut capture)?;
    let counters = daemon.status(&lab.server)?["counters"].clone();
    let answered = &counters["router-solicitations-answered"];
    ensure!(asked == firmware.ipxe_waits() && *answered == asked, "asked {asked}: {counters}");
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

/// The network card's iPXE loads another one, and that the script: neither waits for an IPv6 router.
fn check_chain(name: &str) -> Result<()> {
    let way = WAYS.iter().find(|way| way.name == name).context("no such way")?;
    let boot = way.boot(true)?;
    println!("{name}: {:.1} s to the script", boot.script.as_secs_f32());
    ensure!(boot.answered == way.ipxes, "{} solicitations were answered", boot.answered);
    // An OFFER and an ACK for each iPXE.
    ensure!(boot.answers == Count { kernel: 2 * way.ipxes, userspace: 0 }, "{:?}", boot.answers);
    Ok(())
}

#[test]
fn a_bios_machine_boots_through_two_ipxes() -> Result<()> {
    check_chain("BIOS: ROM, undionly.kpxe")
}

#[test]
fn a_bios_machine_with_another_card_boots_through_two_ipxes() -> Result<()> {
    check_chain("BIOS: ROM, undionly.kpxe, rtl8139")
}

#[test]
fn a_uefi_machine_boots_through_two_ipxes() -> Result<()> {
    check_chain("UEFI: ROM, ipxe.efi")
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

/// A site that boots arm64 machines. Debian 12 has no iPXE for them: they load shim, and that GRUB.
fn arm64_site(grub_configuration: &str) -> Result<Site> {
    let site = Site::new()?.boot_file("arm64-uefi", installer::BOOT_FILE);
    installer::install_grub(site.root(), grub_configuration)?;
    Ok(site)
}

/// The firmware gets an address and shim's name; shim and GRUB, with the firmware's address, load GRUB
/// and its configuration over TFTP; GRUB loads the machine's script over HTTP, which is GRUB's here
/// (`#!ipxe` is a comment to it), and with it the system; the system gets its address. What is not
/// shown is iPXE's own DHCP.
#[test]
fn an_arm64_uefi_machine_boots() -> Result<()> {
    let site = arm64_site(&format!("configfile (http,{SERVER})/auto.ipxe\n"))?.script(&format!(
        "#!ipxe\n\
         linux (http,{SERVER})/vmlinuz-arm64 console=ttyAMA0 quiet syslog_host={SERVER}\n\
         initrd (http,{SERVER})/initramfs-arm64\n\
         boot\n"
    ));
    hook::install_arm64(site.root())?;
    let (_lab, daemon) = boots_to_syslog(site, Firmware::Arm64Uefi)?;
    daemon.stop()
}

/// The firmware gets an address and shim's URL and loads it over HTTP, as shim then does GRUB. There it
/// ends: this GRUB finds its configuration over TFTP only.
#[test]
fn an_arm64_uefi_machine_loads_grub_over_http() -> Result<()> {
    let site = arm64_site("")?;
    let lab = Lab::with_tap()?;
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    let (firmware, start) = (Firmware::Arm64UefiHttp, Instant::now());
    let mut machine = Machine::power_on(&lab.client, TAP, CLIENT_MAC, firmware)?;
    machine.wait_for("GRUB", || {
        Ok(daemon.log().contains("grubaa64.efi\" status=200").then_some(()))
    })?;
    println!("{}: {:.1} s to GRUB", firmware.name(), start.elapsed().as_secs_f32());
    let log = daemon.log();
    ensure!(log.contains("method=GET path=\"/ipxe/bootnetaa64.efi\" status=200"), "{log}");
    ensure!(!log.contains("tftp: complete"), "something came over TFTP:\n{log}");
    let Count { kernel, userspace } = daemon.answers(&lab.server)?;
    ensure!(kernel >= 2 && userspace == 0, "kernel {kernel}, userspace {userspace}");
    daemon.stop()
}
