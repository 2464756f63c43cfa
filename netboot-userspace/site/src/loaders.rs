//! Names that boot loaders ask for without need, so that a missing file is no failure.
//!
//! What a loader asks for last, and cannot go on without, is not among them (`pxelinux.cfg/default`, `grub.cfg`), nor are
//! GRUB's modules: without `normal.mod` or `linux.mod` a machine does not boot.

/// A name, and who tries it.
struct Attempt {
    /// In lower case, of the last parts of a path, or of all where it begins with `/`. `*` is anything, `#` a hexadecimal
    /// digit, `+` some of them and dashes: a MAC, an UUID, an address.
    pattern: &'static str,
    loader: &'static str,
}

const fn attempt(pattern: &'static str, loader: &'static str) -> Attempt {
    Attempt { pattern, loader }
}

const IPXE: &str = "iPXE";
const GRUB: &str = "GRUB";
const PXELINUX: &str = "PXELINUX";
const SHIM: &str = "shim";
const U_BOOT: &str = "U-Boot";
const WINDOWS: &str = "bootmgr";
const RASPBERRY_PI: &str = "Raspberry Pi";

const ATTEMPTS: &[Attempt] = &[
    // efi_autoexec.c: from where iPXE itself came.
    attempt("autoexec.ipxe", IPXE),
    // normal/main.c, read_lists: those of modules that are built in need not be there.
    attempt("command.lst", GRUB),
    attempt("crypto.lst", GRUB),
    attempt("fs.lst", GRUB),
    attempt("terminal.lst", GRUB),
    // gettext.c: the translation, by three names.
    attempt("locale/*.gmo", GRUB),
    attempt("locale/*.mo", GRUB),
    attempt("locale/*.mo.gz", GRUB),
    // GRUB's manual, "Network": UUID, MAC, address, and begins of it; then grub.cfg.
    attempt("grub.cfg-+", GRUB),
    // PXELINUX's manual: UUID, MAC, address, and begins of it; then default. U-Boot's `pxe get` does the same, with
    // default-ARCH-SOC-BOARD and begins of it before default (U-Boot's doc/README.pxe).
    attempt("pxelinux.cfg/+", PXELINUX),
    attempt("pxelinux.cfg/default-*", U_BOOT),
    // U-Boot's config_distro_bootcmd.h: the script, and a device tree before its own is taken.
    attempt("boot.scr.uimg", U_BOOT),
    attempt("boot.scr", U_BOOT),
    attempt("/dtb", U_BOOT),
    attempt("/dtb/*", U_BOOT),
    // shim.c: updates of what is revoked, and more certificates.
    attempt("revocations*.efi", SHIM),
    attempt("shim_certificate_#.efi", SHIM),
    // martanne/bitpixie#5: policies of Secure Boot.
    attempt("efi/microsoft/boot/*.p7b", WINDOWS),
    // raspberrypi/rpi-eeprom#74, #417: updates of the firmware, and a rescue system.
    attempt("pieeprom.sig", RASPBERRY_PI),
    attempt("pieeprom.upd", RASPBERRY_PI),
    attempt("recover4.elf", RASPBERRY_PI),
    attempt("recovery.elf", RASPBERRY_PI),
    attempt("vl805.bin", RASPBERRY_PI),
    attempt("vl805.sig", RASPBERRY_PI),
    // raspberrypi/firmware#1292, #1605: the older boot ROM and its loader.
    attempt("armstub#.bin", RASPBERRY_PI),
    attempt("bootsig.bin", RASPBERRY_PI),
    attempt("recovery#.img", RASPBERRY_PI),
    // In the directory of its serial number, then in that above (rpi-eeprom#74).
    attempt("########/start.elf", RASPBERRY_PI),
    attempt("########/start4.elf", RASPBERRY_PI),
];

/// Longer names are no loader's own.
const MAX_NAME: usize = 255;

/// The loader that asks for such a file, and goes on without it.
pub fn tries(name: &[u8]) -> Option<&'static str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let parts = name.split(|byte| matches!(byte, b'/' | b'\\')).filter(|part| !part.is_empty());
    let path = parts.flat_map(|part| [b"/", part].concat()).map(|byte| byte.to_ascii_lowercase());
    let path: Vec<u8> = path.collect();
    let ends = (1..=path.len()).filter(|at| path.get(at - 1) == Some(&b'/'));
    let ends: Vec<_> = [Some(&path[..])].into_iter().chain(ends.map(|at| path.get(at..))).collect();
    let asked = |attempt: &&Attempt| {
        ends.iter().flatten().any(|end| matches(attempt.pattern.as_bytes(), end))
    };
    ATTEMPTS.iter().find(asked).map(|attempt| attempt.loader)
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let Some((sign, pattern)) = pattern.split_first() else { return name.is_empty() };
    let behind = |length: usize| name.get(length..).is_some_and(|name| matches(pattern, name));
    let is_hex = |byte: &u8| byte.is_ascii_hexdigit();
    match sign {
        b'*' => (0..=name.len()).any(behind),
        b'+' => {
            let run = name.iter().take_while(|byte| is_hex(byte) || **byte == b'-').count();
            (1..=run).any(behind)
        }
        b'#' => name.first().is_some_and(is_hex) && behind(1),
        sign => name.first() == Some(sign) && behind(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: impl AsRef<[u8]>, expect: Option<&str>) {
        let name = name.as_ref();
        assert_eq!(tries(name), expect, "{}", name.escape_ascii());
    }

    #[test]
    fn attempts() {
        for (loader, names) in [
            (IPXE, &["autoexec.ipxe", "/ipxe/autoexec.ipxe", "525400ee0d0b/autoexec.ipxe"][..]),
            (
                GRUB,
                &[
                    "/grub/x86_64-efi/command.lst",
                    "grub/x86_64-efi/fs.lst",
                    "boot/grub/i386-pc/crypto.lst",
                    "/grub/x86_64-efi//terminal.lst",
                    "/grub/locale/de.mo.gz",
                    "/grub/locale/en_GB.gmo",
                    "/grub/grub.cfg-01-52-54-00-ee-0d-0b",
                    "grub.cfg-52-54-00-EE-0D-0B",
                    "grub.cfg-7726a678-7fc0-4853-a4f6-c85ac36a120a",
                    "grub.cfg-C0A80290",
                    "grub.cfg-C",
                ],
            ),
            (
                PXELINUX,
                &[
                    "pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d",
                    "debian-installer/amd64/pxelinux.cfg/01-88-99-aa-bb-cc-dd",
                    "/pxelinux.cfg/C0A8",
                    "pxelinux.cfg\\C",
                ],
            ),
            (
                U_BOOT,
                &[
                    "boot.scr.uimg",
                    "boot.scr",
                    "dtb/",
                    "dtb/rockchip/rk3399-rock-pi-4b.dtb",
                    "pxelinux.cfg/default-arm-qemu-arm64",
                ],
            ),
            (SHIM, &["revocations.efi", "/EFI/revocations_sbat.efi", "x/shim_certificate_0.efi"]),
            (WINDOWS, &[r"\EFI\Microsoft\Boot\SiPolicy.p7b"]),
            (
                RASPBERRY_PI,
                &[
                    "d9780558/start4.elf",
                    "d9780558/start.elf",
                    "d9780558/recover4.elf",
                    "pieeprom.sig",
                    "1077df95/armstub7.bin",
                    "1077df95/recovery7.img",
                    "bootsig.bin",
                ],
            ),
        ] {
            for name in names {
                check(name, Some(loader));
            }
        }
        for name in [
            "",
            "/",
            "ipxe.efi",
            "autoexec.ipxe/x",
            "xautoexec.ipxe",
            "auto.ipxe",
            "grub/grub.cfg",
            "grub/grub.cfg-",
            "grub/grub.cfg-site",
            "grub/menu.lst",
            "grub/x86_64-efi/linux.mod",
            "pxelinux.cfg/default",
            "pxelinux.cfg/menu.cfg",
            "pxelinux.cfg",
            "boot/dtb/x.dtb",
            "x.dtb",
            "grubx64.efi",
            "mmx64.efi",
            "Boot/BCD",
            "start4.elf",
            "config.txt",
            "d9780558/config.txt",
            "node1/start4.elf",
        ] {
            check(name, None);
        }
        check(b"grub/\x82Onboard", None);
        check("/".repeat(40_000), None);
        check(format!("{}/autoexec.ipxe", "x".repeat(300)), None);
    }

    #[test]
    fn patterns_are_in_lower_case() {
        for Attempt { pattern, .. } in ATTEMPTS {
            assert_eq!(*pattern, pattern.to_ascii_lowercase());
        }
    }
}
