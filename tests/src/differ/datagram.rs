//! A frame taken apart: VLAN tags, IPv4, UDP, message.

use anyhow::{Context as _, Result, ensure};

/// 802.1Q, 802.1ad, and early QinQ.
const TAGS: [[u8; 2]; 3] = [[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00]];
const UDP: u8 = 17;

/// A frame's parts.
pub struct Datagram<'f> {
    /// Type and VLAN number of each tag.
    pub tags: Vec<([u8; 2], u16)>,
    pub message: &'f [u8],
    ip: &'f [u8; 20],
    udp: &'f [u8],
}

impl<'f> Datagram<'f> {
    /// Reads a frame that is UDP over IPv4; what follows the datagram is left out.
    pub fn of(frame: &'f [u8]) -> Result<Self> {
        let mut rest = frame.get(12..).context("no Ethernet header")?;
        let mut tags = Vec::new();
        while let [a, b, high, low, after @ ..] = rest
            && TAGS.contains(&[*a, *b])
        {
            tags.push(([*a, *b], u16::from_be_bytes([*high, *low]) & 0xfff));
            rest = after;
        }
        let rest = rest.strip_prefix(&[0x08, 0x00]).context("no IPv4")?;
        let ip: &[u8; 20] = rest.first_chunk().context("no IPv4 header")?;
        ensure!(ip[0] == 0x45 && ip[9] == UDP, "no UDP over IPv4");
        let ip_len = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        let udp = rest.get(20..ip_len).context("the IP length is wrong")?;
        let [_, _, _, _, high, low, ..] = udp else { anyhow::bail!("no UDP header") };
        let udp_len = usize::from(u16::from_be_bytes([*high, *low]));
        let message = udp.get(8..udp_len).context("the UDP length is wrong")?;
        Ok(Self { tags, message, ip, udp })
    }

    /// Checks what is sent: lengths that agree, checksums that are right.
    pub fn check_sent(&self, frame: &[u8]) -> Result<()> {
        let len = 14 + 4 * self.tags.len() + 20 + 8 + self.message.len();
        ensure!(frame.len() == len, "the frame has {} bytes, its headers say {len}", frame.len());
        ensure!(self.udp.len() == 8 + self.message.len(), "the IP and UDP lengths differ");
        ensure!(sum(&[self.ip]) == 0xffff, "the IP checksum is wrong");
        ensure!(self.udp[6..8] != [0, 0], "there is no UDP checksum");
        let [_, _, high, low] = (self.udp.len() as u32).to_be_bytes();
        let pseudo = [0, UDP, high, low];
        let parts: [&[u8]; 3] = [&self.ip[12..20], &pseudo, self.udp];
        ensure!(sum(&parts) == 0xffff, "the UDP checksum is wrong");
        Ok(())
    }
}

/// The ones' complement sum (RFC 1071) of parts, of which only the last may have an odd length.
fn sum(parts: &[&[u8]]) -> u32 {
    let words = parts.iter().flat_map(|part| part.chunks(2)).map(|word| match word {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}
