//! Machines whose firmware and loaders fetch files over a wire that loses, doubles and delays datagrams.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    daemon::Xdp,
    fates::Fates,
    lab::{CLIENT_MAC, INTERFACE, Lab, SERVER, TAP},
    lossy_wire::LossyWire,
    machine::{Firmware, Machine, installer, ipxe},
    wait::wait_for,
};

use crate::site::Site;

const FATES: Fates = Fates { lost: 3, doubled: 3, late: 3 };
const DEADLINE: Duration = Duration::from_secs(30);

/// The machine loads these files over TFTP and, with what it has loaded, asks for the last one over HTTP.
fn boots(site: Site, firmware: Firmware<'_>, files: &[&str], last: &str) -> Result<()> {
    let lab = Lab::with_loose_tap()?;
    let wire = LossyWire::start(&lab.client, [INTERFACE, TAP], FATES, 7)?;
    let daemon = site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
    // An iPXE with IPv6 would wait for a router.
    wait_for("silence of routers", DEADLINE, || {
        let status = daemon.status(&lab.server)?;
        Ok((status["ipv6_routers"][0]["router"] == "none answers").then_some(()))
    })?;
    let start = Instant::now();
    let mut machine = Machine::power_on(&lab.client, TAP, CLIENT_MAC, firmware)?;
    let request = format!("path={last:?}");
    machine.wait_for("the last request", || Ok(daemon.log().contains(&request).then_some(())))?;
    let lost = wire.lost();
    println!("{}: {:.1} s, {lost} lost", firmware.name(), start.elapsed().as_secs_f32());
    // The last acknowledgement may be lost, too.
    let complete = wait_for("the end of all transfers", DEADLINE, || {
        let log = daemon.log();
        let complete: Vec<_> = log.lines().filter(|line| line.contains("tftp: complete")).collect();
        let is_whole = |file: &&str| complete.iter().any(|line| line.contains(*file));
        Ok(files.iter().all(is_whole).then(|| complete.join("\n")))
    })
    .with_context(|| daemon.log())?;
    let was_mended = complete.lines().any(|line| !line.ends_with("resent_blocks=0"));
    ensure!(lost > 3 && was_mended, "{lost} datagrams were lost:\n{complete}");
    daemon.stop()
}

#[test]
fn firmware_fetches_a_file_that_is_whole() -> Result<()> {
    let site = Site::new()?.with_distribution_ipxe();
    fs::copy(ipxe("ipxe.efi")?, site.root().join("ipxe.efi"))?;
    boots(site, Firmware::Uefi, &["ipxe.efi"], "/auto.ipxe")
}

/// What is cut or altered does not come to its last line.
#[test]
fn ipxe_fetches_a_script_that_is_whole() -> Result<()> {
    let mut script = b"#!ipxe\n".to_vec();
    while script.len() < 200_000 {
        script.extend_from_slice(format!("# {} bytes are behind this\n", script.len()).as_bytes());
    }
    let end = format!("imgfetch http://{SERVER}/last || reboot\nsleep 999\n");
    script.extend_from_slice(end.as_bytes());
    let site = Site::new()?.file("long.ipxe", &script)?.file("last", b"whole")?;
    let chain = format!("dhcp || reboot\nchain tftp://{SERVER}/long.ipxe || reboot\n");
    boots(site, Firmware::IpxeScript(&chain), &["long.ipxe"], "/last")
}

/// The firmware loads shim, shim GRUB, and GRUB its configuration.
#[test]
fn shim_and_grub_fetch_files_that_are_whole() -> Result<()> {
    let site = Site::new()?.boot_file("arm64-uefi", installer::BOOT_FILE);
    installer::install_grub(site.root(), &format!("configfile (http,{SERVER})/auto.ipxe\n"))?;
    let files = [installer::BOOT_FILE, "grubaa64.efi", "grub.cfg"];
    boots(site, Firmware::Arm64Uefi, &files, "/auto.ipxe")
}
