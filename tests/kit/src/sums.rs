//! The Internet checksum (RFC 1071), in a second way: the responder's own is in `netboot_ebpf::checksum`.

/// The ones' complement sum of 16-bit words; each part but the last has an even length. Of what holds its own
/// checksum the sum is 0xffff.
#[must_use]
pub fn internet_sum(parts: &[&[u8]]) -> u16 {
    let data = parts.concat();
    let mut sum = 0u16;
    for pair in data.chunks(2) {
        let (next, carry) = sum.overflowing_add(u16::from_be_bytes([
            pair[0],
            pair.get(1).copied().unwrap_or_default(),
        ]));
        sum = next + u16::from(carry);
    }
    sum
}
