//! Boot files that are what firmware of an architecture runs, as far as it can be seen.

/// PE's numbers for 32-bit x86, x86-64,
pub const X86: u16 = 0x014c;
pub const X86_64: u16 = 0x8664;
/// 32-bit ARM, 64-bit ARM
pub const ARM32: u16 = 0x01c2;
pub const ARM64: u16 = 0xaa64;
/// and 64-bit RISC-V.
pub const RISCV64: u16 = 0x5064;

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
