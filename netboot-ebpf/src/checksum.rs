//! The Internet checksum (RFC 1071), summed in native byte order: the sum is the same, and is stored
//! as it stands.

use crate::message::{CAP, Message, bytes};

/// Bytes summed in one turn of [`message`].
const STEP: usize = 32;

/// Adds up the first `len` bytes of a message whose bytes after `len` are zero up to the next
/// multiple of 32; the sum is folded once.
#[inline(always)]
#[must_use]
pub fn message(message: &Message, len: usize) -> u32 {
    let mut sum = 0;
    let mut at = 0;
    for _ in 0..CAP / STEP {
        if at >= len {
            break;
        }
        let Some(chunk) = bytes::<STEP>(message, at) else { break };
        sum += eight(chunk);
        at += STEP;
    }
    // At most 512 words: the carries fit the lower half's room after one more fold.
    let sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
    sum as u32
}

/// Adds up a short, even number of bytes.
#[inline(always)]
#[must_use]
pub fn short<const N: usize>(part: &[u8; N]) -> u64 {
    let mut sum = 0;
    let mut at = 0;
    while at + 2 <= N {
        if let Some(&[a, b]) = part.get(at..).and_then(|rest| rest.first_chunk()) {
            sum += u64::from(u16::from_ne_bytes([a, b]));
        }
        at += 2;
    }
    sum
}

/// Eight words of 32 bits: their sum cannot overflow, and folds to the sum of the 16-bit words.
#[inline(always)]
fn eight(chunk: &[u8; STEP]) -> u64 {
    let mut sum = 0;
    let mut at = 0;
    while at < STEP {
        if let Some(word) = chunk.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            sum += u64::from(u32::from_ne_bytes(*word));
        }
        at += 4;
    }
    sum
}

/// Folds a sum to the checksum's two bytes as they stand on the wire.
#[inline(always)]
#[must_use]
pub fn fold(sum: u64) -> [u8; 2] {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    (!(sum as u16)).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071 section 1, word by word.
    fn reference(data: &[u8]) -> [u8; 2] {
        let mut sum = 0u32;
        for pair in data.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (!(sum as u16)).to_be_bytes()
    }

    #[test]
    fn rfc_1071_example() {
        assert_eq!(fold(short(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), [0x22, 0x0d]);
    }

    #[test]
    fn equals_the_reference_at_every_length() {
        for len in 0..CAP {
            let mut data = [0; CAP];
            for (at, byte) in data.iter_mut().enumerate().take(len) {
                *byte = (at * 7 + len) as u8 | 0x80;
            }
            assert_eq!(fold(u64::from(message(&data, len))), reference(&data[..len]), "{len}");
        }
    }
}
