//! Boot files that are what firmware of an architecture runs, as far as it can be seen.

/// PE's number for x86-64.
pub const X86_64: u16 = 0x8664;
/// That for 64-bit ARM.
pub const ARM64: u16 = 0xaa64;

/// A UEFI program for a machine type, which has these bytes behind its head.
#[must_use]
pub fn uefi(machine: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = b"MZ".to_vec();
    bytes.resize(0x3c, 0);
    bytes.extend(0x40_u32.to_le_bytes());
    bytes.extend(b"PE\0\0");
    bytes.extend(machine.to_le_bytes());
    bytes.extend(rest);
    bytes
}
