//! What a client may call a file.
//!
//! Names come from DHCP options as firmware read them. Leading and repeated separators and `.` mean
//! nothing, `\` is a separator (Windows' boot loader, U-Boot). Old PXE ROMs read option 67 as a C string and
//! ask for the bytes behind it too: trailing control bytes, spaces and 0xFF are cut.
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
    for shorten in [without_mac, without_trace] {
        let shorter: Vec<_> = paths.iter().filter_map(|path| shorten(path)).collect();
        paths.extend(shorter);
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
        let short = "x-00-23b1e307bb35484f535a1f772c06910-d887dc3912240434-01";
        check(short, &[short]);
    }
}
