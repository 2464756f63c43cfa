//! The targets that paths of requests ask for.

use netboot_base::mac;
use netboot_ebpf::shared::Mac;
use netboot_site::loaders;
use percent_encoding::percent_decode_str;

const SCRIPT: &str = "auto.ipxe";
/// Directories that need not exist: ours, and Smee's.
const DIRECTORIES: [&str; 2] = ["ipxe/binary/", "ipxe/"];

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RequestTarget {
    /// The script, of this machine or of the one that asks.
    Script(Option<Mac>),
    /// A file: the names to try, in this order.
    File(Vec<Vec<u8>>),
}

impl RequestTarget {
    /// The script has any directory: Smee's URL is `/ipxe/script/<mac>/auto.ipxe`.
    pub(super) fn of(path: &str) -> Self {
        let decoded: Vec<u8> = percent_decode_str(path).collect();
        if let Ok(path) = str::from_utf8(&decoded) {
            let mut parts = path.rsplit('/');
            if parts.next() == Some(SCRIPT) {
                return Self::Script(parts.next().and_then(|part| mac::parse(part).ok()));
            }
        }
        let name = decoded.strip_prefix(b"/").unwrap_or(&decoded);
        let short = DIRECTORIES.iter().filter_map(|dir| name.strip_prefix(dir.as_bytes()));
        Self::File([name].into_iter().chain(short).map(<[u8]>::to_vec).collect())
    }
}

/// The MAC in a path: before the script, or as its first part.
pub(super) fn machine(path: &str) -> Option<Mac> {
    match RequestTarget::of(path) {
        RequestTarget::Script(mac) => mac,
        RequestTarget::File(names) => names.iter().find_map(|name| {
            let first = name.split(|&byte| byte == b'/').next()?;
            mac::parse(str::from_utf8(first).ok()?).ok()
        }),
    }
}

/// The loader that asks for such a file, and goes on without it.
pub(super) fn tried(path: &str) -> Option<&'static str> {
    match RequestTarget::of(path) {
        RequestTarget::Script(_) => None,
        RequestTarget::File(names) => names.iter().find_map(|name| loaders::tries(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac { octets: [0x52, 0x54, 0x00, 0xee, 0x0d, 0x0b] };

    #[track_caller]
    fn check(path: &str, expect: RequestTarget, expect_machine: Option<Mac>) {
        assert_eq!(RequestTarget::of(path), expect, "{path}");
        assert_eq!(machine(path), expect_machine, "{path}");
    }

    fn file(names: &[&str]) -> RequestTarget {
        RequestTarget::File(names.iter().map(|name| name.as_bytes().to_vec()).collect())
    }

    #[test]
    fn targets() {
        check("/auto.ipxe", RequestTarget::Script(None), None);
        check("/52:54:00:ee:0d:0b/auto.ipxe", RequestTarget::Script(Some(MAC)), Some(MAC));
        check("/52-54-00-EE-0D-0B/auto.ipxe", RequestTarget::Script(Some(MAC)), Some(MAC));
        check("/52%3A54%3a00:ee:0d:0b/auto.ipxe", RequestTarget::Script(Some(MAC)), Some(MAC));
        check("/ipxe/script/525400ee0d0b/auto.ipxe", RequestTarget::Script(Some(MAC)), Some(MAC));
        check("/rack7/auto.ipxe", RequestTarget::Script(None), None);

        check("/", file(&[""]), None);
        check("/a/b.efi", file(&["a/b.efi"]), None);
        check("/a%20b%2f..", file(&["a b/.."]), None);
        check("/ipxe/ipxe.efi", file(&["ipxe/ipxe.efi", "ipxe.efi"]), None);
        check("/525400ee0d0b/ipxe.efi", file(&["525400ee0d0b/ipxe.efi"]), Some(MAC));
        check(
            "/ipxe/binary/525400ee0d0b/x",
            file(&["ipxe/binary/525400ee0d0b/x", "525400ee0d0b/x", "binary/525400ee0d0b/x"]),
            Some(MAC),
        );
        check("/xauto.ipxe", file(&["xauto.ipxe"]), None);
    }

    #[test]
    fn what_loaders_try() {
        let check = |path: &str, expect: Option<&str>| assert_eq!(tried(path), expect, "{path}");
        check("/ipxe/autoexec.ipxe", Some("iPXE"));
        check("/ipxe/dtb/x.dtb", Some("U-Boot"));
        check("/grub/x86_64-efi/fs%2Elst", Some("GRUB"));
        check("/grub/grub.cfg", None);
        check("/auto.ipxe", None);
    }
}
