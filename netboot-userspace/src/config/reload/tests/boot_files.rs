//! Boot files that come and go while the configuration runs.

use std::fs;

use super::{Site, said};

#[test]
fn what_ran_is_not_refused_for_a_boot_file() {
    let site = Site::new();
    let mut reloader = site.open();
    let mut check = |expect: &str| assert_eq!(said(&site, reloader.reload()), expect);
    let gone = "hosts: 0 hosts added, 0 changed, 0 removed | boot/ipxe.efi: \
                no such file or directory: machines that are told to boot from it cannot; put it back";
    fs::rename(site.path("boot/ipxe.efi"), site.path("boot/old.efi")).unwrap();
    check(gone);
    check("nothing");
    // A change of the rest goes on, and the whole says again what is missing.
    site.edit("a.toml", "10.0.0.1\"", "10.0.0.11\"");
    check("hosts: 0 hosts added, 1 changed, 0 removed");
    site.edit("netboot.toml", "[boot.files]", "[boot.files] # x");
    check(
        "hosts: 0 hosts added, 0 changed, 0 removed | netboot.toml:5: boot.files.x86_64-uefi: \
         boot/ipxe.efi: no such file or directory; put it there, or correct the name",
    );
    // One that did not run yet is refused.
    site.edit("a.toml", "10.0.0.11\"", "10.0.0.11\"\nboot-file = \"new.efi\"");
    check(
        "refused: a.toml:4: host[0].boot-file: boot/new.efi: no such file or directory; \
         put it there, or correct the name",
    );
    site.write("boot/new.efi", "");
    check(
        "hosts: 0 hosts added, 1 changed, 0 removed | netboot.toml:5: boot.files.x86_64-uefi: \
         boot/ipxe.efi: no such file or directory; put it there, or correct the name",
    );
    site.write("boot/ipxe.efi", "");
    check("nothing");
    fs::remove_file(site.path("boot/ipxe.efi")).unwrap();
    check(gone);
    fs::remove_dir_all(site.path("boot")).unwrap();
    check(
        "hosts: 0 hosts added, 0 changed, 0 removed | boot: no such file or directory: \
         machines that are told to boot from it cannot; put it back",
    );
}
