//! Media types of files: UEFI's HTTP boot takes a file for what its type says (UEFI 2.10 section 24.7.3).

use std::path::Path;

/// How PE images begin, whatever their name is.
const MZ: [u8; 2] = *b"MZ";

/// By the name, and by what the file begins with. `is_for_uefi`: it is a boot file of such machines.
pub(super) fn of(path: &Path, begin: [u8; 2], is_for_uefi: bool) -> &'static str {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let mut suffixes = name.split('.').skip(1);
    match suffixes.clone().last() {
        Some("iso") => "application/vnd.efi-iso",
        Some("img") => "application/vnd.efi-img",
        Some("ipxe") => "text/plain; charset=utf-8",
        // Signed binaries are `ipxe.efi.signed`.
        _ if suffixes.any(|suffix| suffix == "efi") || begin == MZ || is_for_uefi => {
            "application/efi"
        }
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, begin: &[u8; 2], is_for_uefi: bool, expect: &str) {
        let got = of(Path::new(name), *begin, is_for_uefi);
        assert_eq!(got, expect, "{name} {begin:?} {is_for_uefi}");
    }

    #[test]
    fn types() {
        const EFI: &str = "application/efi";
        const ISO: &str = "application/vnd.efi-iso";
        const IMG: &str = "application/vnd.efi-img";
        const SCRIPT: &str = "text/plain; charset=utf-8";
        const OTHER: &str = "application/octet-stream";
        check("ipxe.efi", b"01", false, EFI);
        check("IPXE.EFI", b"01", false, EFI);
        check("ipxe.efi.signed", b"01", false, EFI);
        check("d/grubx64.Efi.v2.signed", b"01", false, EFI);
        check("shimx64", b"MZ", false, EFI);
        check("vmlinuz", b"MZ", false, EFI);
        check("loader", b"01", true, EFI);
        check("efi", b"01", false, OTHER);
        check("x.efi/y", b"01", false, OTHER);
        check("x.efivars", b"01", false, OTHER);
        check("undionly.kpxe", b"01", false, OTHER);
        check("", b"\0\0", false, OTHER);

        check("d/debian.iso", b"01", false, ISO);
        check("debian.ISO", b"MZ", true, ISO);
        check("disk.img", b"MZ", true, IMG);
        check("disk.img.gz", b"01", false, OTHER);
        check("boot.ipxe", b"#!", true, SCRIPT);
        check("x.efi.ipxe", b"#!", false, SCRIPT);
    }
}
