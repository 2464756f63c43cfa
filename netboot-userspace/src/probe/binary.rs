//! What kind of program a boot file is.

/// PE's machine types, and the codes of option 93 whose firmware runs them (UEFI 2.10 section 2.1.1).
const MACHINES: [(u16, &str, &[u16]); 7] = [
    (0x014c, "32-bit x86", &[6, 15]),
    (0x8664, "x86-64", &[7, 9, 16]),
    (0x01c2, "32-bit ARM", &[10, 18, 21, 23]),
    (0x01c4, "32-bit ARM", &[10, 18, 21, 23]),
    (0xaa64, "64-bit ARM", &[11, 19, 22, 24, 41]),
    (0x5064, "64-bit RISC-V", &[27, 28]),
    (0x6264, "64-bit LoongArch", &[39, 40]),
];
const BIOS: [u16; 2] = [0, 20];
/// Where a DOS header says where the PE header is.
const PE_AT: usize = 0x3c;

/// Why firmware of an architecture does not run it.
pub(super) fn trouble(bytes: &[u8], code: u16) -> Option<String> {
    if bytes.is_empty() {
        return Some("it is empty".to_owned());
    }
    if bytes.starts_with(b"#!ipxe") {
        return Some("it is an iPXE script, which firmware does not run".to_owned());
    }
    let machine = machine(bytes);
    let is_bios = BIOS.contains(&code);
    let is_known = MACHINES.iter().any(|(.., codes)| codes.contains(&code));
    match machine {
        Some(_) if is_bios => Some("it is a UEFI program, which a BIOS does not run".to_owned()),
        None if is_known && !is_bios => Some("it is no UEFI program".to_owned()),
        Some(machine) => {
            let (_, name, codes) = MACHINES.iter().find(|(number, ..)| *number == machine)?;
            let fits = codes.contains(&code) || !is_known;
            (!fits).then(|| format!("it is a program for {name}"))
        }
        None => None,
    }
}

/// The machine type of a UEFI program.
fn machine(bytes: &[u8]) -> Option<u16> {
    if !bytes.starts_with(b"MZ") {
        return None;
    }
    let at = u32::from_le_bytes(*bytes.get(PE_AT..)?.first_chunk()?);
    let header = bytes.get(usize::try_from(at).ok()?..)?;
    let rest = header.strip_prefix(b"PE\0\0")?;
    Some(u16::from_le_bytes(*rest.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn efi(machine: u16) -> Vec<u8> {
        let mut bytes = vec![0; 0x80];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[PE_AT] = 0x40;
        bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
        bytes[0x44..0x46].copy_from_slice(&machine.to_le_bytes());
        bytes
    }

    #[track_caller]
    fn check(bytes: &[u8], code: u16, expect: Option<&str>) {
        assert_eq!(trouble(bytes, code).as_deref(), expect);
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
        // Of these nothing is known.
        check(b"ELF", 14, None);
        check(&efi(0x1234), 7, None);
    }
}
