//! TFTP's packets, as far as a client makes and reads them (RFC 1350, 2347, 2348, 7440).

use std::str;

const RRQ: u8 = 1;
pub(super) const DATA: u8 = 3;
const ACK: u8 = 4;
pub(super) const ERROR: u8 = 5;
pub(super) const OACK: u8 = 6;

/// What the answers of a transfer keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) block_size: u16,
    pub(super) window: u16,
}

impl Terms {
    /// Of a transfer without options.
    pub(super) const PLAIN: Self = Self { block_size: 512, window: 1 };

    /// What an OACK grants.
    pub(super) fn granted(options: &[u8]) -> Self {
        let words: Vec<&[u8]> = options.split(|byte| *byte == 0).collect();
        let mut terms = Self::PLAIN;
        for pair in words.chunks_exact(2) {
            let Some(number) = str::from_utf8(pair[1]).ok().and_then(|text| text.parse().ok())
            else {
                continue;
            };
            match pair[0].to_ascii_lowercase().as_slice() {
                b"blksize" => terms.block_size = number,
                b"windowsize" => terms.window = number,
                _ => {}
            }
        }
        terms
    }
}

pub(super) fn request(file: &str, options: &[&str]) -> Vec<u8> {
    let mut packet = vec![0, RRQ];
    for word in [file, "octet"].iter().chain(options) {
        packet.extend_from_slice(word.as_bytes());
        packet.push(0);
    }
    packet
}

/// Of this many blocks; their numbers wrap.
pub(super) fn acknowledgement(blocks: usize) -> [u8; 4] {
    let [high, low] = (blocks as u16).to_be_bytes();
    [0, ACK, high, low]
}

/// As EDK2 ends a transfer of which it wanted the size only.
pub(super) fn abort() -> Vec<u8> {
    [&[0, ERROR, 0, 8][..], b"User aborted the transfer\0"].concat()
}
