//! Names that a client may call a file.
//!
//! Names come from DHCP options as firmware read them. Leading and repeated separators and `.` mean
//! nothing, `\` is a separator (Windows' boot loader, U-Boot). Old PXE ROMs read option 67 as a C string and
//! ask for the bytes behind it too: trailing control bytes, spaces and 0xFF are cut.
//! Below `pxelinux.cfg`, a MAC, a UUID or an address is tried again in the case that PXELINUX's manual gives it: other
//! loaders write them otherwise (its own EFI build has addresses in lower case).
//! A name that does not exist is tried again without a leading `<mac>/` and without a trace
//! identifier at the end: Smee's names have them.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::Error;
use crate::mac;

/// The places to look at, in order, relative to the root.
pub(super) fn paths(name: &[u8]) -> Result<Vec<PathBuf>, Error> {
    if name.contains(&0) {
        return Err(Error::Denied("a NUL in the name"));
    }
    let end = name.iter().rposition(|&byte| !is_junk(byte)).map_or(0, |last| last + 1);
    let name = name.get(..end).unwrap_or_default();
    if name.iter().any(u8::is_ascii_control) {
        return Err(Error::Denied("a control character in the name"));
    }

    let mut literal = PathBuf::new();
    for part in name.split(|byte| matches!(byte, b'/' | b'\\')) {
        match part {
            b"" | b"." => {}
            b".." => return Err(Error::Denied("`..` in the name")),
            part => literal.push(OsStr::from_bytes(part)),
        }
    }
    if literal.as_os_str().is_empty() {
        return Ok(Vec::new());
    }

    let mut paths = vec![literal];
    for change in [as_pxelinux, without_mac, without_trace] {
        let changed: Vec<_> = paths.iter().filter_map(|path| change(path)).collect();
        paths.extend(changed);
    }
    Ok(paths)
}

fn is_junk(byte: u8) -> bool {
    byte == 0xff || byte == b' ' || byte.is_ascii_control()
}

fn without_mac(path: &Path) -> Option<PathBuf> {
    let mut parts = path.components();
    mac::parse(parts.next()?.as_os_str().to_str()?).ok()?;
    let rest = parts.as_path();
    (!rest.as_os_str().is_empty()).then(|| rest.to_owned())
}

/// `pxelinux.cfg/01-<mac>` with any hardware type and `pxelinux.cfg/<uuid>` in lower case, `pxelinux.cfg/<address>` or a
/// begin of it in upper case.
fn as_pxelinux(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_hex || path.parent()?.file_name()? != "pxelinux.cfg" {
        return None;
    }
    let lengths: Vec<_> = name.split('-').map(str::len).collect();
    let usual = match lengths[..] {
        [2, 2, 2, 2, 2, 2, 2] | [8, 4, 4, 4, 12] => name.to_ascii_lowercase(),
        [1..=8] => name.to_ascii_uppercase(),
        _ => return None,
    };
    (usual != name).then(|| path.with_file_name(usual))
}

/// A W3C `traceparent` is version, trace, parent and flags, in hexadecimal.
fn without_trace(path: &Path) -> Option<PathBuf> {
    let mut name = path.file_name()?.to_str()?;
    for digits in [2, 16, 32, 2] {
        let (front, last) = name.rsplit_once('-')?;
        if last.len() != digits || !last.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        name = front;
    }
    (!name.is_empty()).then(|| path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expect: &[&str]) {
        let paths = paths(name.as_bytes()).unwrap();
        assert_eq!(paths, expect.iter().map(PathBuf::from).collect::<Vec<_>>(), "{name}");
    }

    #[test]
    fn places_to_look_at() {
        let trace = "00-23b1e307bb35484f535a1f772c06910e-d887dc3912240434-01";
        check("ipxe.efi", &["ipxe.efi"]);
        check("/./a//b\\c ", &["a/b/c"]);
        check("", &[]);
        check("52:54:00:ee:0d:0b", &["52:54:00:ee:0d:0b"]);
        check("525400ee0d0b/x", &["525400ee0d0b/x", "x"]);
        check(&format!("d/x-{trace}"), &[&format!("d/x-{trace}"), "d/x"]);
        check(
            &format!("525400ee0d0b/x-{trace}"),
            &[&format!("525400ee0d0b/x-{trace}"), &format!("x-{trace}"), "525400ee0d0b/x", "x"],
        );
        check(trace, &[trace]);
        let lower = "pxelinux.cfg/01-52-54-00-ee-0d-0b";
        check(lower, &[lower]);
        let upper = "pxelinux.cfg/01-52-54-00-EE-0D-0B";
        check(upper, &[upper, lower]);
        check(&format!("d/{upper}"), &[&format!("d/{upper}"), &format!("d/{lower}")]);
        let under_mac =
            ["525400ee0d0b/", ""].map(|dir| [upper, lower].map(|name| format!("{dir}{name}")));
        check(
            &format!("525400ee0d0b/{upper}"),
            &under_mac.as_flattened().iter().map(String::as_str).collect::<Vec<_>>(),
        );
        check("pxelinux.cfg/c0a8001f", &["pxelinux.cfg/c0a8001f", "pxelinux.cfg/C0A8001F"]);
        check(
            "pxelinux.cfg/20-52-54-00-EE-0D-0B",
            &["pxelinux.cfg/20-52-54-00-EE-0D-0B", "pxelinux.cfg/20-52-54-00-ee-0d-0b"],
        );
        let uuid = "pxelinux.cfg/B8945908-D6A6-41A9-611D-74A6AB80B83D";
        check(uuid, &[uuid, "pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d"]);
        for name in [
            "01-52-54-00-EE-0D-0B",
            "x/01-52-54-00-EE-0D-0B",
            "pxelinux.cfg/C0A80290",
            "pxelinux.cfg/01-52-54-00-EE-0D-0G",
            "pxelinux.cfg/01-52-54-00-EE-0D",
            "pxelinux.cfg/DEFAULT",
            "pxelinux.cfg/c0a8001f0",
            "c0a8001f",
        ] {
            check(name, &[name]);
        }
        let short = "x-00-23b1e307bb35484f535a1f772c06910-d887dc3912240434-01";
        check(short, &[short]);
    }
}
