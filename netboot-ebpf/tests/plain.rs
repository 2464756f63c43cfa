//! What a client is told that boots nothing from us.

use netboot_ebpf::{shared::Reservation, verdict::Verdict};

use crate::common::{Ask, Site, ask, kernel_verdict};

/// The machine has a file of its own, and its subnet a next server.
fn site(has_file: bool, has_set: bool, next_server: [u8; 4]) -> Site {
    Site::new().with(|site| {
        site.subnets[0].next_server = next_server;
        let machine = site.machine();
        machine.flags = if has_file { Reservation::OWN_FILE } else { 0 };
        machine.boot_set = u32::from(has_set);
    })
}

#[track_caller]
fn check(site: &Site, request: &Ask, siaddr: [u8; 4], file: &str) {
    let reply = ask(site, &request.frame()).unwrap();
    let has_options = [66, 67].map(|code| reply.option(code).is_some());
    assert_eq!(reply.message[20..24], siaddr, "{request:?}");
    assert_eq!(reply.boot_file(), file, "{request:?}");
    assert_eq!(has_options, [!file.is_empty(); 2], "{request:?}");
}

#[test]
fn own_files_and_next_server() {
    const OURS: [u8; 4] = [172, 30, 0, 1];
    const NFS: [u8; 4] = [172, 30, 0, 4];
    let onie = |list: &[u8]| Ask::discover().with(60, b"onie_vendor:x86_64-r0").with(55, list);
    let with_file = site(true, true, NFS);
    check(&with_file, &onie(&[1, 3, 66, 67]), OURS, "own-file");
    check(&with_file, &onie(&[1, 67]), OURS, "own-file");
    check(&with_file, &onie(&[66]), OURS, "own-file");
    check(&with_file, &onie(&[1, 3, 6]), NFS, "");
    check(&with_file, &Ask::discover(), NFS, "");
    check(&with_file, &Ask::discover().with(55, &[67; 255]), OURS, "own-file");

    let without = site(false, true, NFS);
    check(&without, &onie(&[66, 67]), NFS, "");
    let lease_only = site(true, false, NFS);
    check(&lease_only, &onie(&[66, 67]), NFS, "");
    let nothing = site(false, true, [0; 4]);
    check(&nothing, &onie(&[66, 67]), [0; 4], "");

    // A quirk of its own.
    let quirk = site(true, true, NFS).with(|site| {
        site.machine().flags |= Reservation::NO_BOOT_FILE_OPTION;
    });
    let reply = ask(&quirk, &onie(&[66, 67]).frame()).unwrap();
    assert_eq!((reply.option(67), reply.boot_file()), (None, "own-file"));

    // Firmware gets its architecture's file as ever.
    let firmware = |class: &[u8]| Ask::discover().with(60, class).with(93, &[0, 0]).with(55, &[66]);
    let reply = ask(&with_file, &firmware(b"PXEClient").frame()).unwrap();
    assert_eq!(
        reply.boot_file(),
        ask(&Site::new(), &firmware(b"PXEClient").frame()).unwrap().boot_file()
    );
    // The daemon is away, and the kernel offers no files.
    let without_daemon = site(true, true, NFS).with(|site| site.has_boot_files = false);
    check(&without_daemon, &onie(&[66, 67]), NFS, "");
}

/// U-Boot gets what it asks for; while the daemon is gone, all options rather than no answer.
#[test]
fn loaders_without_the_daemon() {
    let request = Ask::discover().with(60, b"U-Boot.armv8").with(93, &[0, 11]).with(55, &[1, 3]);
    let with = ask(&Site::new(), &request.frame()).unwrap();
    assert_eq!((with.option(6), with.boot_file().is_empty()), (None, false));
    assert_eq!(kernel_verdict(&Site::new(), &request.frame()), Verdict::Quirk);
    for (has_boot_files, verdict) in [(true, Verdict::Offer), (false, Verdict::OfferWithoutDaemon)]
    {
        let gone = Site::new().with(|site| {
            (site.has_daemon, site.has_boot_files) = (false, has_boot_files);
        });
        let without = ask(&gone, &request.frame()).unwrap();
        let told = (without.option(6).is_some(), !without.boot_file().is_empty());
        assert_eq!(told, (true, has_boot_files));
        assert_eq!(kernel_verdict(&gone, &request.frame()), verdict);
    }
}
