//! Warnings about boot files and scripts.

use std::fs;

use super::{directory, host, load_text};

/// Of HookOS once, and where a machine is sent to it for sure.
#[test]
fn warnings_about_hookos() {
    #[track_caller]
    fn check(files: &str, more: &str, expect: &[&str]) {
        let text = format!(
            "boot.root = \"boot\"\n[boot.files]\nx86-bios = \"{files}\"\n{}{more}",
            host("")
        );
        let directory = directory();
        fs::write(directory.path().join("boot/pxelinux.0"), "a program").unwrap();
        fs::write(directory.path().join("boot/there"), "a kernel").unwrap();
        let loaded = load_text(directory.path(), &text).unwrap();
        let prefix = format!("{}/", directory.path().display());
        let lines: Vec<_> = loaded.warnings.kept().iter().map(ToString::to_string).collect();
        let lines = lines.iter().map(|line| line.replace(&prefix, ""));
        let lines: Vec<_> = lines.filter(|line| line.contains("HookOS")).collect();
        assert_eq!(lines, expect, "{text}");
    }
    let both = "netboot.toml:1: boot: boot/vmlinuz-x86_64 and boot/initramfs-x86_64 are not there: \
                the default script loads them; put HookOS under boot.root, or set script.download-url";
    let one = "netboot.toml:1: boot: boot/initramfs-x86_64 is not there: \
               the default script loads it; put HookOS under boot.root, or set script.download-url";
    check("ipxe.efi", "", &[both]);
    check("ipxe.efi", "[script]\nkernel = \"there\"", &[one]);
    check("ipxe.efi", "[script]\ndownload-url = \"http://a/b\"", &[]);
    check("ipxe.efi", "script-url = \"http://a/b\"", &[]);
    check("ipxe.efi", "boot-file = \"pxelinux.0\"", &[]);
    check("pxelinux.0", "", &[]);
    check("pxelinux.0", "boot-file = \"ipxe.efi\"", &[both]);
}

/// Of a host's own, of which it is not known how it boots.
#[test]
fn disk_images_of_hosts() {
    #[track_caller]
    fn check(name: &str, expect: &[&str]) {
        let directory = directory();
        fs::write(directory.path().join("boot/hook.iso"), "an image").unwrap();
        let text = format!("boot.root = \"boot\"\n{}", host(&format!("boot-file = \"{name}\"")));
        let loaded = load_text(directory.path(), &text).unwrap();
        let lines = loaded.warnings.kept().iter().map(|line| &line.message);
        let lines: Vec<_> = lines.filter(|line| line.contains("disk image")).collect();
        assert_eq!(lines, expect, "{text}");
    }
    check(
        "hook.iso",
        &["hook.iso is a disk image, which is offered to HTTP boot alone, never over TFTP: \
                         machines that boot by PXE get nothing"],
    );
    check("http://192.0.2.1/hook.iso", &[]);
    check(
        "tftp://192.0.2.1/d/hook.iso",
        &["hook.iso is a disk image, which is never offered over TFTP: \
                                            the machine boots nothing; give its URL by HTTP"],
    );
}

#[test]
fn disk_images_are_for_http_boot() {
    #[track_caller]
    fn check(key: &str, name: &str, expect: &[&str]) {
        let text = format!("boot.root = \"boot\"\nboot.files.{key} = \"{name}\"\n{}", host(""));
        let directory = directory();
        fs::write(directory.path().join("boot").join(name), "an image").unwrap();
        let loaded = load_text(directory.path(), &text).unwrap();
        let lines =
            loaded.warnings.kept().iter().filter(|line| line.message.contains("disk image"));
        let lines: Vec<_> = lines.map(|line| format!("{}: {}", line.field, line.message)).collect();
        assert_eq!(lines, expect, "{text}");
    }
    let told = "is a disk image, which is offered to HTTP boot alone, never over TFTP: \
                machines that boot by PXE get nothing; name a program";
    check("x86_64-uefi-http", "hook.iso", &[]);
    check("16", "hook.iso", &[]);
    check("arm64-uefi-http", "hook.img", &[]);
    check("x86-bios-http", "hook.img", &[]);
    let http = |key| format!("here, and the image as {key}");
    let bios = http("x86-bios-http");
    check("x86-bios", "hook.Iso", &[&format!("boot.files.x86-bios: hook.Iso {told} {bios}")]);
    let uefi = http("x86_64-uefi-http");
    check("x86_64-uefi", "a.img", &[&format!("boot.files.x86_64-uefi: a.img {told} {uefi}")]);
    check("7", "a.img", &[&format!("boot.files.7: a.img {told} {uefi}")]);
    check(
        "arm64-uboot",
        "a.img",
        &[&format!("boot.files.arm64-uboot: a.img {told} {}", http("arm64-uboot-http"))],
    );
    check("rpi", "a.img", &[&format!("boot.files.rpi: a.img {told} instead")]);
}

#[test]
fn a_missing_boot_root_is_said_once() {
    let text = format!("boot.root = \"none\"\n{}", host(""));
    let directory = directory();
    let loaded = load_text(directory.path(), &text).unwrap();
    let prefix = format!("{}/", directory.path().display());
    let lines = loaded.warnings.kept().iter().map(|line| line.to_string().replace(&prefix, ""));
    let lines: Vec<_> = lines.filter(|line| line.contains("none")).collect();
    assert_eq!(
        lines,
        ["netboot.toml:1: boot.root: none: no such file or directory; \
          create the directory, or name another as boot.root"]
    );
}

/// The warnings about a file with a boot file on its second line.
#[track_caller]
pub(super) fn check_warnings(text: &str, expect: &[&str]) {
    let text = format!("boot.root = \"boot\"\nboot.files.x86-bios = \"ipxe.efi\"\n{text}");
    let directory = directory();
    let loaded = load_text(directory.path(), &text).unwrap();
    let prefix = format!("{}/", directory.path().display());
    let lines: Vec<_> =
        loaded.warnings.kept().iter().map(|line| line.to_string().replace(&prefix, "")).collect();
    for line in expect {
        assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
    }
    assert_eq!(lines.len() - expect.len(), usual(&lines), "{lines:#?}");
}

/// How many are about interfaces and HookOS, which no test has.
fn usual(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.contains("interfaces") || line.contains("HookOS")).count()
}
