//! Boot files that come and go while the configuration runs.

use std::fs;

use super::{Site, Sources, said};
use crate::config::load;

#[test]
fn what_ran_is_not_refused_for_a_boot_file() {
    let site = Site::new();
    let mut running = site.open();
    let mut check = |expect: &str| assert_eq!(said(&site, running.reload()), expect);
    fs::rename(site.path("boot/ipxe.efi"), site.path("boot/old.efi")).unwrap();
    // It is said by who looks at `boot.root`.
    check("nothing");
    // A change of the rest goes on, and the whole says again what is missing.
    site.edit("a.toml", "10.0.0.1\"", "10.0.0.11\"");
    check("hosts: 0 hosts added, 1 changed, 0 removed");
    site.edit("netboot.toml", "[boot.files]", "[boot.files] # x");
    check(
        "hosts: 0 hosts added, 0 changed, 0 removed | netboot.toml:5: boot.files.x86_64-uefi: \
         boot/ipxe.efi: no such file or directory; put it there, or correct the name",
    );
    // So does one that did not run yet, and the rest of the same edit is in force.
    site.edit("a.toml", "10.0.0.11\"", "10.0.0.11\"\nboot-file = \"new.efi\"");
    site.edit("a.toml", "10.0.0.2\"", "10.0.0.12\"");
    check(
        "hosts: 0 hosts added, 2 changed, 0 removed | a.toml:4: host[0].boot-file: boot/new.efi: \
         no such file or directory; put it there, or correct the name",
    );
    check("nothing");
    // Once also where the rest is left unread.
    site.edit("a.toml", "10.0.0.12\"", "10.0.0.12\"\nboot-file = \"gone.efi\"");
    check(
        "hosts: 0 hosts added, 1 changed, 0 removed | a.toml:8: host[1].boot-file: boot/gone.efi: \
         no such file or directory; put it there, or correct the name",
    );
    check("nothing");
    site.write("boot/new.efi", "a program");
    site.program(0x8664);
    check("nothing");
    // Files of architectures as well, and another root.
    site.edit("netboot.toml", "[boot.files] # x", "[boot.files] # x\nx86-uefi = \"new.efi\"");
    let said_of = |what: &str| {
        format!("whole: 0 hosts added, 0 changed, 0 removed; settings changed: {what}")
    };
    check(&said_of("boot"));
    site.edit("netboot.toml", "x\nx86-uefi = \"new.efi\"", "x");
    check(&said_of("boot"));
    site.edit("netboot.toml", "boot.root = \"boot\"", "boot.root = \"not-yet\"");
    check(&said_of("boot"));
    site.edit("netboot.toml", "boot.root = \"not-yet\"", "boot.root = \"boot\"");
    check(&said_of("boot"));
}

/// What runs without them must start without them.
#[test]
fn a_start_is_not_refused_for_a_boot_file() {
    #[track_caller]
    fn check(remove: impl Fn(&Site), expect: &str) {
        let site = Site::new();
        remove(&site);
        let shown =
            |text: String| text.replace(&format!("{}/", site.directory.path().display()), "");
        let (_, loaded) = Sources::open(&site.main()).unwrap();
        let mut running = site.open();
        let warnings: Vec<_> =
            loaded.warnings.kept().iter().map(|it| shown(it.to_string())).collect();
        assert!(warnings.contains(&expect.to_owned()), "{warnings:#?}");
        assert_eq!(shown(load(&site.main()).unwrap_err().to_string()), expect);
        assert_eq!(said(&site, running.reload()), "nothing");
        site.edit("netboot.toml", "[boot.files]", "[boot.files] # x");
        assert_eq!(said(&site, running.reload()), "nothing");
        assert!(Sources::open(&site.main()).is_ok());
        let warnings = running.reread().unwrap().warnings;
        assert_eq!(warnings, loaded.warnings, "all, when asked");
    }
    check(
        |site| site.write("boot/ipxe.efi", ""),
        "netboot.toml:5: boot.files.x86_64-uefi: boot/ipxe.efi: it is empty; \
         put another there, or correct the name",
    );
    check(
        |site| fs::remove_file(site.path("boot/ipxe.efi")).unwrap(),
        "netboot.toml:5: boot.files.x86_64-uefi: boot/ipxe.efi: no such file or directory; \
         put it there, or correct the name",
    );
    check(
        |site| fs::remove_dir_all(site.path("boot")).unwrap(),
        "netboot.toml:3: boot.root: boot: no such file or directory; \
         create the directory, or name another as boot.root",
    );
}

/// What the default script loads is said to be missing once.
#[test]
fn a_warning_is_given_once() {
    let site = Site::new();
    fs::remove_file(site.path("boot/vmlinuz-x86_64")).unwrap();
    let mut running = site.open();
    let mut check = |from: &str, to: &str, expect: &str| {
        site.edit("netboot.toml", from, to);
        assert_eq!(said(&site, running.reload()), expect);
    };
    check("[boot.files]", "# a line more\n[boot.files]", "nothing");
    fs::remove_file(site.path("boot/initramfs-x86_64")).unwrap();
    check(
        "# a line",
        "# one line",
        "hosts: 0 hosts added, 0 changed, 0 removed | netboot.toml:3: boot: boot/vmlinuz-x86_64 and \
         boot/initramfs-x86_64 are not there: the default script loads them; put HookOS under boot.root, \
         or set script.download-url",
    );
    check(
        "10.0.0.0/24\"\n",
        "10.0.0.0/24\"\nmtu = 1500\n",
        "whole: 0 hosts added, 0 changed, 0 removed; settings changed: subnet 10.0.0.0/24",
    );
    let warnings = running.reread().unwrap().warnings;
    assert_eq!(warnings.total(), 1, "{warnings:#?}");
}
