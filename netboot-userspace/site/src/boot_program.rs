//! The kinds of program that a boot file can be, and the architectures whose firmware runs each.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
};

use crate::model::Architecture;

/// How much of a file is read to judge it: headers of programs end before.
pub const HEAD: usize = 4096;

/// PE's machine types, and the codes of option 93 whose firmware runs them (UEFI 2.10 section 2.1.1).
const MACHINES: [(u16, &str, &[u16]); 11] = [
    (0x0200, "Itanium", &[2]),
    (0x014c, "32-bit x86", &[6, 15]),
    (0x8664, "x86-64", &[7, 9, 16]),
    (0x01c2, "32-bit ARM", &[8, 10, 18, 21, 23]),
    (0x01c4, "32-bit ARM", &[8, 10, 18, 21, 23]),
    (0xaa64, "64-bit ARM", &[11, 19, 22, 24, 41]),
    (0x5032, "32-bit RISC-V", &[25, 26]),
    (0x5064, "64-bit RISC-V", &[27, 28]),
    (0x5128, "128-bit RISC-V", &[29, 30]),
    (0x6232, "32-bit LoongArch", &[37, 38]),
    (0x6264, "64-bit LoongArch", &[39, 40]),
];
const BIOS: [u16; 2] = [0, 20];
/// Firmware that runs UEFI programs, and others: U-Boot, and the Raspberry Pi's own.
const OTHERS_TOO: [u16; 5] = [21, 22, 23, 24, 41];
/// Where a DOS header says where the PE header is.
const PE_AT: usize = 0x3c;
/// Where a Linux kernel says that it is one (Documentation/arch/x86/boot.rst). It is a UEFI program too, and what an
/// iPXE in a BIOS machine's ROM loads.
const LINUX_AT: usize = 0x202;

const EMPTY: &str = "it is empty";

/// What a file is by its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProgramKind {
    /// A UEFI program for this machine type.
    Uefi(u16),
    /// The file says what it is where the head does not reach.
    Unknown,
    Other,
}

/// Why firmware of an architecture does not run a file of this size that begins so: [`HEAD`] bytes are enough.
pub fn trouble(head: &[u8], size: u64, code: u16) -> Option<String> {
    if head.is_empty() {
        return Some(EMPTY.to_owned());
    }
    if head.starts_with(b"#!ipxe") {
        return Some("it is an iPXE script, which firmware does not run".to_owned());
    }
    let is_bios = BIOS.contains(&code);
    let is_known = Architecture::Code(code).is_uefi() || OTHERS_TOO.contains(&code);
    match kind(head, size) {
        ProgramKind::Uefi(_) if is_bios && is_linux(head) => None,
        ProgramKind::Uefi(_) if is_bios => {
            Some("it is a UEFI program, which a BIOS does not run".to_owned())
        }
        ProgramKind::Other if is_known && !OTHERS_TOO.contains(&code) => {
            Some("it is no UEFI program".to_owned())
        }
        ProgramKind::Uefi(machine) => {
            let (_, name, codes) = MACHINES.iter().find(|(number, ..)| *number == machine)?;
            let fits = codes.contains(&code) || !is_known;
            (!fits).then(|| format!("it is a program for {name}"))
        }
        ProgramKind::Other | ProgramKind::Unknown => None,
    }
}

fn kind(head: &[u8], size: u64) -> ProgramKind {
    let Some(at) = head.starts_with(b"MZ").then(|| head.get(PE_AT..)).flatten() else {
        return ProgramKind::Other;
    };
    let Some(at) = at.first_chunk().map(|at| u32::from_le_bytes(*at)) else {
        return ProgramKind::Other;
    };
    let header = usize::try_from(at).ok().and_then(|at| head.get(at..at.checked_add(6)?));
    match header.map(|header| header.strip_prefix(b"PE\0\0").and_then(<[u8]>::first_chunk)) {
        Some(Some(machine)) => ProgramKind::Uefi(u16::from_le_bytes(*machine)),
        None if u64::from(at) + 6 <= size => ProgramKind::Unknown,
        _ => ProgramKind::Other,
    }
}

fn is_linux(head: &[u8]) -> bool {
    head.get(LINUX_AT..).is_some_and(|at| at.starts_with(b"HdrS"))
}

/// A disk image, which firmware takes over HTTP only (UEFI 2.10 section 24.7.2: a RAM disk).
pub(crate) fn is_disk_image(name: &str) -> bool {
    let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix);
    suffix.is_some_and(|it| ["iso", "img"].iter().any(|known| it.eq_ignore_ascii_case(known)))
}

/// Why machines of an architecture do not boot from a file of this name and size; `None` of the code: it is for any.
/// `read` gives its head, where that is asked for.
pub(crate) fn trouble_of(
    name: &str,
    size: u64,
    code: Option<u16>,
    read: impl FnOnce() -> io::Result<Vec<u8>>,
) -> Option<String> {
    if size == 0 {
        return Some(EMPTY.to_owned());
    }
    let code = code.filter(|_| !is_disk_image(name))?;
    match read() {
        Ok(head) => trouble(&head, size, code),
        // A daemon as another user may read it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
        Err(error) => Some(format!("it cannot be read: {error}")),
    }
}

/// The begin of a file.
pub(crate) fn head(file: File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    file.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// What was found of files that are looked at again and again: a file that is as it was is not read.
#[derive(Debug, Default)]
pub struct JudgedFiles(HashMap<(String, Option<u16>), (Stamp, Option<String>)>);

/// By which a file is the same: another one may have come by its name, with its size and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    size: u64,
    device: u64,
    inode: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Of what it is or who may read it: nobody sets it.
    changed: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl JudgedFiles {
    /// As [`trouble_of`].
    pub(crate) fn trouble_of(
        &mut self,
        name: &str,
        stamp: Stamp,
        code: Option<u16>,
        read: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> Option<String> {
        let key = (name.to_owned(), code);
        if let Some((seen, trouble)) = self.0.get(&key)
            && *seen == stamp
        {
            return trouble.clone();
        }
        let trouble = trouble_of(name, stamp.size, code, read);
        self.0.insert(key, (stamp, trouble.clone()));
        trouble
    }
}

#[cfg(test)]
mod tests {
    use netboot_test_kit::efi;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], code: u16, expect: Option<&str>) {
        assert_eq!(trouble(bytes, bytes.len() as u64, code).as_deref(), expect);
    }

    #[test]
    fn a_program_is_for_its_machine() {
        check(&efi(0x8664), 7, None);
        check(&efi(0x8664), 16, None);
        check(&efi(0xaa64), 11, None);
        check(&efi(0xaa64), 7, Some("it is a program for 64-bit ARM"));
        check(&efi(0x8664), 0, Some("it is a UEFI program, which a BIOS does not run"));
        check(b"\xea\x05", 0, None);
        check(b"\xea\x05", 7, Some("it is no UEFI program"));
        check(b"MZ", 7, Some("it is no UEFI program"));
        check(b"", 0, Some("it is empty"));
        check(b"#!ipxe\n", 7, Some("it is an iPXE script, which firmware does not run"));
        // Of these machines PE's number is not known.
        check(b"text", 33, Some("it is no UEFI program"));
        check(b"text", 36, Some("it is no UEFI program"));
        check(&efi(0x0366), 33, None);
        check(&efi(0x8664), 36, Some("it is a program for x86-64"));
        check(b"text", 2, Some("it is no UEFI program"));
        check(&efi(0x0200), 2, None);
        check(&efi(0x0200), 7, Some("it is a program for Itanium"));
        check(&efi(0x01c2), 8, None);
        check(&efi(0x0ebc), 17, None);
        check(&efi(0x8664), 17, Some("it is a program for x86-64"));
        // Of these nothing is known.
        check(b"ELF", 14, None);
        check(&efi(0x1234), 7, None);
        // These run others than UEFI programs, but none of another machine.
        check(b"ELF", 41, None);
        check(b"\x27\x05\x19\x56", 22, None);
        check(&efi(0xaa64), 41, None);
        check(&efi(0x8664), 22, Some("it is a program for x86-64"));
        check(&efi(0x5064), 25, Some("it is a program for 64-bit RISC-V"));
        check(&efi(0x6232), 37, None);
        // A Linux kernel, and one whose header is farther away than is read.
        let mut kernel = efi(0x8664);
        kernel.resize(0x202, 0);
        kernel.extend(b"HdrS");
        check(&kernel, 0, None);
        check(&kernel, 7, None);
        let mut far = b"MZ".to_vec();
        far.resize(HEAD, 0);
        far[PE_AT..PE_AT + 4].copy_from_slice(&0x10_0000_u32.to_le_bytes());
        for (size, expect) in [
            (0x10_0006, None),
            (0x10_0005, Some("it is no UEFI program")),
            (HEAD as u64, Some("it is no UEFI program")),
        ] {
            assert_eq!(trouble(&far, size, 7).as_deref(), expect, "{size}");
        }
        far.truncate(HEAD - 1);
        check(&far, 7, Some("it is no UEFI program"));
    }

    #[test]
    fn a_file_is_judged_by_size_name_and_head() {
        #[track_caller]
        fn check(name: &str, head: io::Result<&[u8]>, code: Option<u16>, expect: Option<&str>) {
            let size = head.as_ref().map_or(1, |head| head.len() as u64);
            let read = || head.map(<[u8]>::to_vec);
            assert_eq!(trouble_of(name, size, code, read).as_deref(), expect, "{name} {code:?}");
        }
        let denied = || Err(io::ErrorKind::PermissionDenied.into());
        check("a.efi", Ok(b"text"), Some(7), Some("it is no UEFI program"));
        check("a.efi", Ok(b"text"), None, None);
        check("a.efi", Ok(b""), None, Some("it is empty"));
        check("a.iso", Ok(b"text"), Some(16), None);
        check("a.IMG", Ok(b"text"), Some(7), None);
        check("a.iso", Ok(b""), Some(16), Some("it is empty"));
        check("iso", Ok(b"text"), Some(16), Some("it is no UEFI program"));
        check("a.efi", denied(), Some(7), None);
        check(
            "a.efi",
            Err(io::ErrorKind::TimedOut.into()),
            Some(7),
            Some("it cannot be read: timed out"),
        );
    }

    #[test]
    fn what_is_the_same_is_not_read_again() {
        let mut judged = JudgedFiles::default();
        let mut reads = 0;
        let mut check = |stamp: Stamp, code: u16, text: &[u8], is_read: bool, expect: bool| {
            let before = reads;
            let read = || {
                reads += 1;
                Ok(text.to_vec())
            };
            let trouble = judged.trouble_of("a.efi", stamp, Some(code), read);
            assert_eq!((trouble.is_some(), reads - before), (expect, usize::from(is_read)));
        };
        let first = Stamp { size: 128, device: 1, inode: 1, modified: (1, 0), changed: (1, 0) };
        check(first, 7, b"text", true, true);
        check(first, 7, &efi(0x8664), false, true);
        check(first, 0, b"text", true, false);
        let others = [
            Stamp { size: 129, ..first },
            Stamp { device: 2, ..first },
            Stamp { inode: 2, ..first },
            Stamp { modified: (1, 1), ..first },
            Stamp { changed: (1, 1), ..first },
        ];
        for other in others {
            check(other, 7, &efi(0x8664), true, false);
            check(first, 7, b"text", true, true);
        }
    }
}
