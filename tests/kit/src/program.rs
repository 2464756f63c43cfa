//! The heads of programs that firmware loads.

/// The head of a UEFI program for this machine, by PE's number (UEFI 2.10 section 2.1.1).
#[must_use]
pub fn efi(machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; 0x80];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x40;
    bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
    bytes[0x44..0x46].copy_from_slice(&machine.to_le_bytes());
    bytes
}
