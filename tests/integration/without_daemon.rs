//! What the kernel does when the daemon is gone for longer.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use netboot_tests::{
    clients::{Identity, udhcpc},
    daemon::{Xdp, wait_until_ready},
    lab::{INTERFACE, Lab},
    wait::wait_for,
};

use crate::site::Site;

/// Without the daemon machines are told what to boot for a while only; their leases go on. The next daemon tells
/// them again.
#[test]
fn boot_files_end_with_the_daemon() -> Result<()> {
    let lab = Lab::new()?;
    let site = Site::new()?;
    let setup = site.setup(Xdp::Generic)?;
    let text = fs::read_to_string(setup.path())?;
    let bounded = text.replace("[xdp]\n", "[xdp]\nboot-files-without-daemon = \"10s\"\n");
    ensure!(text != bounded, "{text}");
    fs::write(setup.path(), bounded)?;
    let mut killed = setup.spawn(&lab.server, INTERFACE)?;
    wait_until_ready(&mut killed)?;
    let pxe = Identity {
        vendor_class: Some("PXEClient:Arch:00007"),
        architecture: Some(7),
        ..Identity::default()
    };
    let file = || -> Result<String> { Ok(udhcpc(&lab.client, INTERFACE, pxe)?.boot_file) };
    ensure!(file()? == "ipxe.efi", "{}", file()?);
    drop(killed);
    let start = Instant::now();
    ensure!(file()? == "ipxe.efi", "{}", file()?);
    wait_for("leases without boot file", Duration::from_secs(30), || {
        Ok(file()?.is_empty().then_some(()))
    })?;
    ensure!(start.elapsed() > Duration::from_secs(5), "after {:?}", start.elapsed());

    let daemon = setup.start(&lab.server, INTERFACE)?;
    ensure!(daemon.log().contains("adopted"), "{}", daemon.log());
    ensure!(file()? == "ipxe.efi", "{}", file()?);
    let counts = daemon.counts(&lab.server)?;
    ensure!(counts["ack-without-daemon"].kernel > 0, "{counts:?}");
    daemon.stop()
}
