//! Reads an answer, and refuses what is no valid one.

use anyhow::{Context as _, Result, bail, ensure};
use netboot_ebpf::wire::{CIADDR, FILE, FLAGS, GIADDR, MAGIC_COOKIE, SIADDR, SNAME, YIADDR, code};

use super::tags::{self, Tags};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub to: [u8; 6],
    pub from: [u8; 6],
    /// VLAN tags, the outer one first: TPID and TCI.
    pub tags: Tags,
    pub source: [u8; 4],
    pub destination: [u8; 4],
    pub source_port: u16,
    /// UDP destination port.
    pub port: u16,
    pub message: Vec<u8>,
    pub options: Vec<(u8, Vec<u8>)>,
}

impl Reply {
    /// Every rule that holds for all answers is checked on the way.
    pub fn read(frame: &[u8]) -> Result<Self> {
        let (ether, tags, rest) = tags::split(frame).context("no Ethernet header")?;
        let (ethertype, rest) = rest.split_first_chunk::<2>().context("no ethertype")?;
        ensure!(*ethertype == [0x08, 0x00], "ethertype {ethertype:02x?}");
        let (ip, udp) = rest.split_first_chunk::<20>().context("no IPv4 header")?;
        ensure!((ip[0], ip[8], ip[9]) == (0x45, 64, 17), "not IPv4, TTL 64, UDP: {ip:02x?}");
        ensure!(ip[6..8] == [0x40, 0], "a fragment, or may be fragmented");
        ensure!(usize::from(word(&ip[2..])) == 20 + udp.len(), "IP length");
        ensure!(internet_sum(&[ip]) == 0xffff, "IP checksum");
        ensure!(udp.len() > 8 + 240, "UDP length {}", udp.len());
        ensure!(usize::from(word(&udp[4..])) == udp.len(), "UDP length");
        ensure!(udp[6..8] != [0, 0], "no UDP checksum");
        let pseudo = [&ip[12..20], &[0, 17], &udp[4..6]].concat();
        ensure!(internet_sum(&[&pseudo, udp]) == 0xffff, "UDP checksum");
        let message = udp[8..].to_vec();
        ensure!(message.len() >= 300, "a BOOTP message has 300 bytes, this one {}", message.len());
        ensure!(message[236..240] == MAGIC_COOKIE, "no magic cookie");
        let reply = Self {
            to: ether[..6].try_into()?,
            from: ether[6..].try_into()?,
            tags,
            source: ip[12..16].try_into()?,
            destination: ip[16..].try_into()?,
            source_port: word(udp),
            port: word(&udp[2..]),
            options: options(&message[240..])?,
            message,
        };
        for (code, value) in &reply.options {
            has_valid_length(*code, value.len())?;
        }
        reply.boot_file()?;
        Ok(reply)
    }

    #[must_use]
    pub fn codes(&self) -> Vec<u8> {
        self.options.iter().map(|(code, _)| *code).collect()
    }

    #[must_use]
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(other, _)| *other == code).map(|(_, value)| &value[..])
    }

    #[must_use]
    pub fn message_type(&self) -> Option<u8> {
        self.option(code::MESSAGE_TYPE)?.first().copied()
    }

    /// The boot file: of the `file` field, else of option 67.
    pub fn boot_file(&self) -> Result<&str> {
        let file = &self.message[FILE..FILE + 128];
        let len =
            file.iter().position(|byte| *byte == 0).context("`file` does not end with a NUL")?;
        ensure!(file[len..].iter().all(|byte| *byte == 0), "junk after the file name");
        let name =
            if len == 0 { self.option(code::BOOT_FILE).unwrap_or_default() } else { &file[..len] };
        Ok(std::str::from_utf8(name)?)
    }

    #[must_use]
    pub fn flags(&self) -> &[u8] {
        &self.message[FLAGS..FLAGS + 2]
    }

    #[must_use]
    pub fn ciaddr(&self) -> &[u8] {
        &self.message[CIADDR..CIADDR + 4]
    }

    #[must_use]
    pub fn yiaddr(&self) -> &[u8] {
        &self.message[YIADDR..YIADDR + 4]
    }

    #[must_use]
    pub fn siaddr(&self) -> &[u8] {
        &self.message[SIADDR..SIADDR + 4]
    }

    #[must_use]
    pub fn giaddr(&self) -> &[u8] {
        &self.message[GIADDR..GIADDR + 4]
    }

    #[must_use]
    pub fn sname(&self) -> &[u8] {
        &self.message[SNAME..SNAME + 64]
    }

    #[must_use]
    pub fn file(&self) -> &[u8] {
        &self.message[FILE..FILE + 128]
    }
}

/// The options up to End, each code once or in pieces side by side, without pads; after End stands nothing but zeros.
fn options(area: &[u8]) -> Result<Vec<(u8, Vec<u8>)>> {
    let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut rest = area;
    loop {
        let (code, len, after) = match rest {
            [code::END, after @ ..] => {
                ensure!(after.iter().all(|byte| *byte == 0), "junk after End: {after:02x?}");
                return Ok(options);
            }
            [code::PAD, ..] => bail!("a pad between options: {options:?}"),
            [code, len, after @ ..] => (*code, usize::from(*len), after),
            _ => bail!("the options have no End: {options:?}"),
        };
        let (value, after) = after.split_at_checked(len).context("a cut option")?;
        match options.last_mut() {
            // A piece of it (RFC 3396).
            Some((last, whole)) if *last == code && len > 0 && whole.len().is_multiple_of(255) => {
                whole.extend(value);
            }
            _ => {
                ensure!(
                    options.iter().all(|(other, _)| *other != code),
                    "option {code} comes twice"
                );
                options.push((code, value.to_vec()));
            }
        }
        rest = after;
    }
}

/// EDK2 drops an answer in which the length of an option that it knows is wrong.
fn has_valid_length(code: u8, len: usize) -> Result<()> {
    let valid = match code {
        1 | 28 | 51 | 54 | 58 | 59 => len == 4,
        3..=11 | 41 | 42 | 44 | 45 | 48 | 49 => len > 0 && len.is_multiple_of(4),
        13 | 22 | 26 | 57 => len == 2,
        33 => len > 0 && len.is_multiple_of(8),
        46 | 52 | 53 => len == 1,
        61 => len >= 2,
        121 => len >= 5,
        _ => len > 0,
    };
    ensure!(valid, "option {code} has {len} bytes");
    Ok(())
}

/// The ones' complement sum of 16-bit words (RFC 1071); each part but the last has an even length.
fn internet_sum(parts: &[&[u8]]) -> u16 {
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

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}
